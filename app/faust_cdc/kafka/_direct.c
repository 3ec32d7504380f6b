/* Many records into librdkafka with one call from Python; see direct.py for why and when.
 *
 * Only librdkafka's public interface is used, and none of its headers are needed: the few functions are looked up in
 * the library that confluent_kafka itself is linked to, the types below are those of rdkafka.h, whose binary interface
 * does not change. The handle comes from librdkafka, not from confluent_kafka's objects: this module is also a
 * librdkafka plugin ("plugin.library.paths"), whose on_new interceptor is handed each new client.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "_row.h"

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_conf_s rd_kafka_conf_t;
typedef struct rd_kafka_topic_s rd_kafka_topic_t;
typedef struct rd_kafka_topic_conf_s rd_kafka_topic_conf_t;
typedef struct rd_kafka_headers_s rd_kafka_headers_t;
typedef int rd_kafka_resp_err_t;

typedef struct {
    rd_kafka_resp_err_t err;
    rd_kafka_topic_t *rkt;
    int32_t partition;
    void *payload;
    size_t len;
    void *key;
    size_t key_len;
    int64_t offset;
    void *_private;
} rd_kafka_message_t;

enum { VTYPE_END, VTYPE_TOPIC, VTYPE_RKT, VTYPE_PARTITION, VTYPE_VALUE, VTYPE_KEY, VTYPE_OPAQUE, VTYPE_MSGFLAGS,
       VTYPE_TIMESTAMP, VTYPE_HEADER, VTYPE_HEADERS };
enum { MSG_F_COPY = 2 };
enum { ERR_PURGE_QUEUE = -152, ERR_PURGE_INFLIGHT = -151 };

typedef rd_kafka_resp_err_t on_new_t(rd_kafka_t *, const rd_kafka_conf_t *, void *, char *, size_t);
typedef rd_kafka_resp_err_t on_message_t(rd_kafka_t *, rd_kafka_message_t *, void *);
typedef rd_kafka_resp_err_t on_destroy_t(rd_kafka_t *, void *);

static struct {
    rd_kafka_resp_err_t (*producev)(rd_kafka_t *, ...);
    rd_kafka_topic_t *(*topic_new)(rd_kafka_t *, const char *, rd_kafka_topic_conf_t *);
    const char *(*topic_name)(const rd_kafka_topic_t *);
    void (*topic_destroy)(rd_kafka_topic_t *);
    rd_kafka_headers_t *(*headers_new)(size_t);
    rd_kafka_headers_t *(*headers_copy)(const rd_kafka_headers_t *);
    void (*headers_destroy)(rd_kafka_headers_t *);
    rd_kafka_resp_err_t (*header_add)(rd_kafka_headers_t *, const char *, Py_ssize_t, const void *, Py_ssize_t);
    rd_kafka_resp_err_t (*add_on_new)(rd_kafka_conf_t *, const char *, on_new_t *, void *);
    rd_kafka_resp_err_t (*add_on_acknowledgement)(rd_kafka_t *, const char *, on_message_t *, void *);
    rd_kafka_resp_err_t (*add_on_destroy)(rd_kafka_t *, const char *, on_destroy_t *, void *);
} rk_api;

static const char NAME[] = "faust-cdc";
#define TOPIC_NAME_MAX 249

/* What belongs to one client; its interceptors have it as long as the client lives. */
typedef struct {
    pthread_mutex_t lock; /* of the failure, which librdkafka's threads write */
    rd_kafka_t *rk;       /* NULL once the client is being destroyed */
    rd_kafka_topic_t **topics;
    Py_ssize_t topic_count;
    rd_kafka_resp_err_t failure; /* the first one */
    size_t failed_size;          /* key and value of the largest record that failed so */
    char failed_topic[TOPIC_NAME_MAX + 1];
} Client;

static __thread Client *created;

static void free_client(Client *client) {
    pthread_mutex_destroy(&client->lock);
    free(client->topics);
    free(client);
}

static void drop_topics(Client *client) {
    while (client->topic_count > 0) rk_api.topic_destroy(client->topics[--client->topic_count]);
}

/* May come after on_destroy too: for what is still queued then. */
static rd_kafka_resp_err_t on_acknowledgement(rd_kafka_t *rk, rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    if (message->err == 0 || message->err == ERR_PURGE_QUEUE || message->err == ERR_PURGE_INFLIGHT) return 0;
    Client *client = opaque;
    size_t size = message->len + message->key_len;
    pthread_mutex_lock(&client->lock);
    /* A whole batch is refused for one record that is too large. */
    if (client->failure == 0 || (client->failure == message->err && client->failed_size < size)) {
        client->failure = message->err;
        client->failed_size = size;
        strncpy(client->failed_topic, message->rkt ? rk_api.topic_name(message->rkt) : "", TOPIC_NAME_MAX);
    }
    pthread_mutex_unlock(&client->lock);
    return 0;
}

static rd_kafka_resp_err_t on_destroy(rd_kafka_t *rk, void *opaque) {
    (void)rk;
    Client *client = opaque;
    drop_topics(client);
    client->rk = NULL;
    return 0;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why, size_t size) {
    (void)conf; (void)opaque; (void)why; (void)size;
    Client *client = calloc(1, sizeof *client);
    if (client == NULL) return 0;
    pthread_mutex_init(&client->lock, NULL);
    if (rk_api.add_on_destroy(rk, NAME, on_destroy, client) != 0) {
        free_client(client);
        return 0;
    }
    client->rk = rk;
    if (rk_api.add_on_acknowledgement(rk, NAME, on_acknowledgement, client) != 0) return 0; /* its on_destroy stays */
    if (created != NULL && created->rk == NULL) free_client(created); /* of a client that could not be made */
    created = client;
    return 0;
}

/* What librdkafka calls of a plugin, in the thread that makes a client. */
__attribute__((visibility("default")))
rd_kafka_resp_err_t conf_init(rd_kafka_conf_t *conf, void **opaque, char *why, size_t size) {
    (void)why; (void)size;
    *opaque = NULL;
    return rk_api.add_on_new(conf, NAME, on_new, NULL);
}

typedef struct {
    PyObject_HEAD
    Client *client;
    PyObject *producer; /* keeps the client alive */
    rd_kafka_headers_t *headers;
} Direct;

static int open_client(Direct *self) {
    if (self->client != NULL && self->client->rk != NULL) return 1;
    PyErr_SetString(PyExc_RuntimeError, "the producer is closed");
    return 0;
}

static PyObject *direct_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *producer;
    static char *names[] = {"producer", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &producer)) return NULL;
    if (created == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "no client was made in this thread with this module as its plugin");
        return NULL;
    }
    Direct *self = (Direct *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->client = created;
    created = NULL;
    Py_INCREF(producer);
    self->producer = producer;
    return (PyObject *)self;
}

static int direct_traverse(Direct *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->producer);
    return 0;
}

static int direct_clear(Direct *self) {
    Py_CLEAR(self->producer);
    return 0;
}

static void direct_dealloc(Direct *self) {
    PyObject_GC_UnTrack(self);
    if (self->headers != NULL) rk_api.headers_destroy(self->headers);
    Client *client = self->client;
    if (client != NULL && client->rk != NULL) drop_topics(client);
    Py_CLEAR(self->producer);
    /* rd_kafka_destroy has joined all threads by now, or somebody else has the producer and the client lives on. */
    if (client != NULL && client->rk == NULL) free_client(client);
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *direct_topic(Direct *self, PyObject *arg) {
    const char *name = PyUnicode_AsUTF8(arg);
    if (name == NULL || !open_client(self)) return NULL;
    Client *client = self->client;
    rd_kafka_topic_t **topics = realloc(client->topics, (size_t)(client->topic_count + 1) * sizeof *topics);
    if (topics == NULL) return PyErr_NoMemory();
    client->topics = topics;
    rd_kafka_topic_t *topic = rk_api.topic_new(client->rk, name, NULL);
    if (topic == NULL) return PyErr_Format(PyExc_ValueError, "librdkafka refuses the topic name %R", arg);
    topics[client->topic_count] = topic;
    return PyLong_FromSsize_t(client->topic_count++);
}

static PyObject *direct_set_headers(Direct *self, PyObject *list) {
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "headers are a list");
        return NULL;
    }
    Py_ssize_t count = PyList_GET_SIZE(list);
    rd_kafka_headers_t *headers = count ? rk_api.headers_new((size_t)count) : NULL;
    for (Py_ssize_t index = 0; index < count; index++) {
        const char *name, *value;
        Py_ssize_t name_size, value_size;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, index), "s#z#", &name, &name_size, &value, &value_size)) {
            rk_api.headers_destroy(headers);
            return NULL;
        }
        rk_api.header_add(headers, name, name_size, value, value == NULL ? 0 : value_size);
    }
    if (self->headers != NULL) rk_api.headers_destroy(self->headers);
    self->headers = headers;
    Py_RETURN_NONE;
}

typedef struct {
    rd_kafka_topic_t *topic;
    const char *key, *value;
    size_t key_size, value_size;
} Record;

static int take_record(Client *client, PyObject *item, Record *record) {
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 3) {
        PyErr_SetString(PyExc_TypeError, "a record is a tuple of topic index, key and value");
        return 0;
    }
    Py_ssize_t index = PyLong_AsSsize_t(PyTuple_GET_ITEM(item, 0));
    if (index < 0 || index >= client->topic_count) {
        if (!PyErr_Occurred()) PyErr_Format(PyExc_IndexError, "there is no topic %zd", index);
        return 0;
    }
    record->topic = client->topics[index];
    return take_octets(PyTuple_GET_ITEM(item, 1), &record->key, &record->key_size) &&
           take_octets(PyTuple_GET_ITEM(item, 2), &record->value, &record->value_size);
}

static PyObject *direct_produce(Direct *self, PyObject *args) {
    PyObject *list;
    Py_ssize_t at, stop;
    if (!PyArg_ParseTuple(args, "O!nn", &PyList_Type, &list, &at, &stop) || !open_client(self)) return NULL;
    if (at < 0 || stop > PyList_GET_SIZE(list) || at > stop) {
        PyErr_SetString(PyExc_IndexError, "there are no such records");
        return NULL;
    }
    Client *client = self->client;
    Record *records = malloc((size_t)(stop - at + 1) * sizeof *records);
    if (records == NULL) return PyErr_NoMemory();
    int64_t size = 0;
    for (Py_ssize_t index = at; index < stop; index++) {
        if (!take_record(client, PyList_GET_ITEM(list, index), &records[index - at])) {
            free(records);
            return NULL;
        }
    }
    rd_kafka_resp_err_t error = 0;
    Py_ssize_t count = stop - at, done = 0;
    struct timespec clock;
    clock_gettime(CLOCK_REALTIME, &clock); /* librdkafka would ask for it again for each record */
    int64_t now_ms = (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
    Py_INCREF(list);
    Py_BEGIN_ALLOW_THREADS
    for (; done < count; done++) {
        Record *one = &records[done];
        rd_kafka_headers_t *headers = self->headers == NULL ? NULL : rk_api.headers_copy(self->headers);
        /* NULL headers are none; a key or value of NULL is null. */
        error = rk_api.producev(client->rk, VTYPE_RKT, one->topic, VTYPE_VALUE, one->value, one->value_size, VTYPE_KEY,
                                one->key, one->key_size, VTYPE_MSGFLAGS, (int)MSG_F_COPY, VTYPE_HEADERS, headers,
                                VTYPE_TIMESTAMP, now_ms, VTYPE_END);
        if (error != 0) {
            if (headers != NULL) rk_api.headers_destroy(headers); /* they stay ours */
            break;
        }
        size += (int64_t)(one->key_size + one->value_size);
    }
    Py_END_ALLOW_THREADS
    Py_DECREF(list);
    free(records);
    return Py_BuildValue("nLi", at + done, (long long)size, (int)error);
}

static PyObject *direct_take_failure(Direct *self, PyObject *unused) {
    (void)unused;
    Client *client = self->client;
    if (client->failure == 0) Py_RETURN_NONE;
    char topic[TOPIC_NAME_MAX + 1];
    pthread_mutex_lock(&client->lock);
    rd_kafka_resp_err_t failure = client->failure;
    size_t size = client->failed_size;
    memcpy(topic, client->failed_topic, sizeof topic);
    client->failure = 0;
    pthread_mutex_unlock(&client->lock);
    return Py_BuildValue("isn", (int)failure, topic, (Py_ssize_t)size);
}

static PyMethodDef direct_methods[] = {
    {"topic", (PyCFunction)direct_topic, METH_O, NULL},
    {"set_headers", (PyCFunction)direct_set_headers, METH_O, NULL},
    {"produce", (PyCFunction)direct_produce, METH_VARARGS, NULL},
    {"take_failure", (PyCFunction)direct_take_failure, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot direct_slots[] = {
    {Py_tp_new, direct_new},
    {Py_tp_dealloc, direct_dealloc},
    {Py_tp_traverse, direct_traverse},
    {Py_tp_clear, direct_clear},
    {Py_tp_methods, direct_methods},
    {0, NULL},
};

static PyType_Spec direct_spec = {"faust_cdc.kafka._direct.Direct", sizeof(Direct), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, direct_slots};

static PyObject *load(PyObject *module, PyObject *arg) {
    (void)module;
    const char *path = PyUnicode_AsUTF8(arg);
    if (path == NULL) return NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return PyErr_Format(PyExc_OSError, "%s", dlerror());
    struct { const char *name; void **place; } wanted[] = {
        {"rd_kafka_producev", (void **)&rk_api.producev},
        {"rd_kafka_topic_new", (void **)&rk_api.topic_new},
        {"rd_kafka_topic_name", (void **)&rk_api.topic_name},
        {"rd_kafka_topic_destroy", (void **)&rk_api.topic_destroy},
        {"rd_kafka_headers_new", (void **)&rk_api.headers_new},
        {"rd_kafka_headers_copy", (void **)&rk_api.headers_copy},
        {"rd_kafka_headers_destroy", (void **)&rk_api.headers_destroy},
        {"rd_kafka_header_add", (void **)&rk_api.header_add},
        {"rd_kafka_conf_interceptor_add_on_new", (void **)&rk_api.add_on_new},
        {"rd_kafka_interceptor_add_on_acknowledgement", (void **)&rk_api.add_on_acknowledgement},
        {"rd_kafka_interceptor_add_on_destroy", (void **)&rk_api.add_on_destroy},
    };
    for (size_t index = 0; index < sizeof wanted / sizeof *wanted; index++) {
        *wanted[index].place = dlsym(library, wanted[index].name);
        if (*wanted[index].place == NULL)
            return PyErr_Format(PyExc_OSError, "%s lacks %s", path, wanted[index].name);
    }
#ifdef __GLIBC__
    /* librdkafka allocates six small blocks a record and frees them by the thousand; glibc puts those aside unmerged,
     * merges all of them when a large block is freed and cuts them up anew. Freed at once they cost a fifth less. */
    mallopt(M_MXFAST, 0);
#endif
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"load", load, METH_O, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_direct", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__direct(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    PyObject *type = PyType_FromSpec(&direct_spec);
    if (type == NULL || PyModule_AddObject(module, "Direct", type) < 0) {
        Py_XDECREF(type);
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
