/* What `_batches.c` and `_direct.c` read of a row. Python.h is included before. */

#ifndef FAUST_CDC_ROW_H
#define FAUST_CDC_ROW_H

/* A key or a value: bytes, which stay the object's, or None, which is NULL. Returns 0 with an exception set. */
static int take_octets(PyObject *octets, const char **start, size_t *size) {
    if (octets == Py_None) {
        *start = NULL;
        *size = 0;
        return 1;
    }
    if (!PyBytes_Check(octets)) {
        PyErr_SetString(PyExc_TypeError, "keys and values are bytes or None");
        return 0;
    }
    *start = PyBytes_AS_STRING(octets);
    *size = (size_t)PyBytes_GET_SIZE(octets);
    return 1;
}

#endif
