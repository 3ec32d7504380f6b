/* Record batches (version 2) of Kafka's protocol, built from rows with one call for many; see wire/batches.py.
 *
 * A record is copied once, from the lane's key and value into the growing buffer of its partition. Its headers are
 * prepared once for all rows that carry them. What only the moment of sending knows (producer id, epoch, sequence) is
 * written then, and the CRC over all. Source: kafka.apache.org/documentation, "Record Batch"; KIP-98.
 *
 * One thread uses an object of this module at a time; the interpreter's lock is held but for large copies and sums.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "_batches_octets.h"
#include "_row.h"

enum { HEADER_BYTES = 61, ATTRIBUTE_TRANSACTIONAL = 0x10, CODEC_MASK = 0x07 };
enum { DONE = 0, NO_ROOM = 1, UNKNOWN_TOPIC = 2, TOO_LARGE = 3 };
#define FIRST_BUFFER_BYTES ((size_t)4096)
#define SPARE_BYTES_MAX ((size_t)4 << 20) /* of buffers kept for the next batches */
#define SPARES_MAX 64
#define LARGE_BYTES ((size_t)256 * 1024) /* copied and summed without the interpreter's lock */

/* ---- one batch ---- */

struct Batches;

typedef struct {
    PyObject_HEAD
    struct Batches *owner; /* whose spare buffers get ours back; borrowed until it hands us out */
    int is_handed_out;
    char *data;
    size_t size, room; /* the header's place included */
    size_t largest;    /* bytes of key and value of the largest record */
    int64_t first_ms, last_ms;
    int32_t topic, partition, count;
    int codec;
    Py_ssize_t place; /* among the open ones */
    Py_ssize_t views;
} Batch;

typedef struct {
    Batch **open; /* one a partition, NULL where there is none; borrowed from `Batches.open` */
    int32_t partitions;
    int32_t slots;
    int32_t sticky; /* where records without a key go until the batch there is closed; -1: nowhere yet */
} Topic;

typedef struct Batches {
    PyObject_HEAD
    PyTypeObject *batch_type;
    Topic *topics;
    Py_ssize_t topic_count;
    int32_t *numbers; /* the topic by the number that rows have; several numbers may be of one topic */
    Py_ssize_t number_count;
    Batch **open;
    Py_ssize_t open_count, open_room;
    PyObject *closed; /* full ones, oldest first */
    char *headers;    /* as each record ends, their count included */
    size_t headers_size;
    size_t batch_max, record_max;
    size_t bytes; /* of all batches that were not taken yet */
    uint64_t random;
    char *spares[SPARES_MAX];
    size_t spare_rooms[SPARES_MAX];
    size_t spare_bytes;
    int spare_count;
} Batches;

static void give_back(Batches *owner, char *data, size_t room) {
    if (data == NULL) return;
    if (owner == NULL || owner->spare_count == SPARES_MAX || owner->spare_bytes + room > SPARE_BYTES_MAX) {
        PyMem_RawFree(data);
        return;
    }
    owner->spares[owner->spare_count] = data;
    owner->spare_rooms[owner->spare_count++] = room;
    owner->spare_bytes += room;
}

static void batch_dealloc(Batch *self) {
    give_back(self->owner, self->data, self->room);
    if (self->is_handed_out) Py_DECREF((PyObject *)self->owner);
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static int batch_buffer(Batch *self, Py_buffer *view, int flags) {
    if (PyBuffer_FillInfo(view, (PyObject *)self, self->data, (Py_ssize_t)self->size, 1, flags) < 0) return -1;
    self->views++;
    return 0;
}

static void batch_release(Batch *self, Py_buffer *view) {
    (void)view;
    self->views--;
}

static int unseen(Batch *self) {
    if (self->views == 0) return 1;
    PyErr_SetString(PyExc_BufferError, "the batch is being looked at");
    return 0;
}

static PyObject *batch_pack(Batch *self, PyObject *args) {
    int codec;
    Py_buffer packed;
    if (!PyArg_ParseTuple(args, "iy*", &codec, &packed)) return NULL;
    size_t size = (size_t)packed.len;
    int is_smaller = HEADER_BYTES + size < self->size;
    if (codec < 1 || codec > CODEC_MASK || self->codec != 0) {
        PyErr_SetString(PyExc_ValueError, "a batch is packed once, with a codec of 1 to 7");
    } else if (is_smaller && unseen(self)) {
        memcpy(self->data + HEADER_BYTES, packed.buf, size);
        self->size = HEADER_BYTES + size;
        self->codec = codec;
    }
    PyBuffer_Release(&packed);
    if (PyErr_Occurred()) return NULL;
    return PyBool_FromLong(is_smaller);
}

static PyObject *batch_seal(Batch *self, PyObject *args) {
    long long producer_id;
    int epoch, sequence;
    if (!PyArg_ParseTuple(args, "Lii", &producer_id, &epoch, &sequence) || !unseen(self)) return NULL;
    char *at = self->data;
    put_be(at, 0, 8); /* base offset: the broker's */
    put_be(at + 8, self->size - 12, 4);
    put_be(at + 12, (uint64_t)-1, 4); /* leader epoch: the broker's */
    at[16] = 2;
    put_be(at + 21, (uint64_t)(ATTRIBUTE_TRANSACTIONAL | self->codec), 2);
    put_be(at + 23, (uint64_t)(self->count - 1), 4);
    put_be(at + 27, (uint64_t)self->first_ms, 8);
    put_be(at + 35, (uint64_t)self->last_ms, 8);
    put_be(at + 43, (uint64_t)producer_id, 8);
    put_be(at + 51, (uint64_t)(int64_t)epoch, 2);
    put_be(at + 53, (uint64_t)(int64_t)sequence, 4);
    put_be(at + 57, (uint64_t)self->count, 4);
    uint32_t sum;
    if (self->size >= LARGE_BYTES) {
        Py_BEGIN_ALLOW_THREADS
        sum = crc32c(at + 21, self->size - 21);
        Py_END_ALLOW_THREADS
    } else {
        sum = crc32c(at + 21, self->size - 21);
    }
    put_be(at + 17, sum, 4);
    Py_RETURN_NONE;
}

static PyMethodDef batch_methods[] = {
    {"pack", (PyCFunction)batch_pack, METH_VARARGS, NULL},
    {"seal", (PyCFunction)batch_seal, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#define READABLE(name, field, make, kind) \
    static PyObject *batch_##name(Batch *self, void *unused) { \
        (void)unused; \
        return make((kind)self->field); \
    }
READABLE(topic, topic, PyLong_FromLong, long)
READABLE(partition, partition, PyLong_FromLong, long)
READABLE(count, count, PyLong_FromLong, long)
READABLE(largest, largest, PyLong_FromSize_t, size_t)
READABLE(size, size, PyLong_FromSize_t, size_t)

static PyGetSetDef batch_fields[] = {
    {"topic", (getter)batch_topic, NULL, NULL, NULL},     {"partition", (getter)batch_partition, NULL, NULL, NULL},
    {"count", (getter)batch_count, NULL, NULL, NULL},     {"largest", (getter)batch_largest, NULL, NULL, NULL},
    {"size", (getter)batch_size, NULL, NULL, NULL},       {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot batch_slots[] = {
    {Py_tp_dealloc, batch_dealloc},
    {Py_tp_methods, batch_methods},
    {Py_tp_getset, batch_fields},
    {Py_bf_getbuffer, batch_buffer},
    {Py_bf_releasebuffer, batch_release},
    {0, NULL},
};

static PyType_Spec batch_spec = {"faust_cdc.kafka._batches.Batch", sizeof(Batch), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, batch_slots};

/* ---- many batches ---- */

static PyObject *batches_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    Py_ssize_t batch_max, record_max;
    static char *names[] = {"batch_max_bytes", "record_max_bytes", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nn", names, &batch_max, &record_max)) return NULL;
    if (batch_max < 1 || record_max < 1 || record_max > INT32_MAX / 2 || batch_max > INT32_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "a batch and a record have between 1 byte and 1 GiB");
        return NULL;
    }
    PyObject *module = PyType_GetModule(type);
    if (module == NULL) return NULL;
    Batches *self = (Batches *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->batch_max = (size_t)batch_max;
    self->record_max = (size_t)record_max;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    self->random = ((uint64_t)now.tv_nsec << 20 ^ (uint64_t)(uintptr_t)self) | 1;
    self->batch_type = *(PyTypeObject **)PyModule_GetState(module);
    Py_INCREF(self->batch_type);
    self->closed = PyList_New(0);
    self->headers = PyMem_RawCalloc(1, 1); /* their count, 0 */
    self->headers_size = 1;
    if (self->closed == NULL || self->headers == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void drop_open(Batches *self) {
    while (self->open_count > 0) {
        Batch *one = self->open[--self->open_count];
        self->topics[one->topic].open[one->partition] = NULL;
        Py_DECREF(one);
    }
    for (Py_ssize_t index = 0; index < self->topic_count; index++) self->topics[index].sticky = -1;
}

static void batches_dealloc(Batches *self) {
    drop_open(self);
    Py_CLEAR(self->closed);
    for (Py_ssize_t index = 0; index < self->topic_count; index++) PyMem_RawFree(self->topics[index].open);
    PyMem_RawFree(self->topics);
    PyMem_RawFree(self->numbers);
    PyMem_RawFree(self->open);
    PyMem_RawFree(self->headers);
    for (int index = 0; index < self->spare_count; index++) PyMem_RawFree(self->spares[index]);
    Py_XDECREF(self->batch_type);
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *batches_drop(Batches *self, PyObject *unused) {
    (void)unused;
    drop_open(self);
    self->bytes = 0;
    if (PyList_SetSlice(self->closed, 0, PyList_GET_SIZE(self->closed), NULL) < 0) return NULL;
    Py_RETURN_NONE;
}

/* number(topic) -> the number by which rows may name it from now on: 0, 1, 2 … */
static PyObject *batches_number(Batches *self, PyObject *arg) {
    Py_ssize_t topic = PyLong_AsSsize_t(arg);
    if (topic < 0 || topic > (1 << 24)) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "no such topic");
        return NULL;
    }
    int32_t *numbers = PyMem_RawRealloc(self->numbers, (size_t)(self->number_count + 1) * sizeof *numbers);
    if (numbers == NULL) return PyErr_NoMemory();
    self->numbers = numbers;
    numbers[self->number_count] = (int32_t)topic;
    return PyLong_FromSsize_t(self->number_count++);
}

static PyObject *batches_set_partitions(Batches *self, PyObject *args) {
    Py_ssize_t number;
    int count;
    if (!PyArg_ParseTuple(args, "ni", &number, &count)) return NULL;
    if (number < 0 || number > (1 << 24) || count < 0 || count > (1 << 24)) {
        PyErr_SetString(PyExc_ValueError, "no such topic or number of partitions");
        return NULL;
    }
    if (number >= self->topic_count) {
        Topic *topics = PyMem_RawRealloc(self->topics, (size_t)(number + 1) * sizeof *topics);
        if (topics == NULL) return PyErr_NoMemory();
        self->topics = topics;
        for (; self->topic_count <= number; self->topic_count++)
            topics[self->topic_count] = (Topic){.open = NULL, .sticky = -1};
    }
    Topic *topic = &self->topics[number];
    if (count > topic->slots) {
        Batch **open = PyMem_RawRealloc(topic->open, (size_t)count * sizeof *open);
        if (open == NULL) return PyErr_NoMemory();
        memset(open + topic->slots, 0, (size_t)(count - topic->slots) * sizeof *open);
        topic->open = open;
        topic->slots = count;
    }
    topic->partitions = count;
    if (topic->sticky >= count) topic->sticky = -1;
    Py_RETURN_NONE;
}

static size_t header_bytes(Py_ssize_t name_size, const char *value, Py_ssize_t value_size) {
    return varint_bytes(zigzag(name_size)) + (size_t)name_size + varint_bytes(zigzag(value == NULL ? -1 : value_size)) +
           (value == NULL ? 0 : (size_t)value_size);
}

static PyObject *batches_set_headers(Batches *self, PyObject *list) {
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "headers are a list");
        return NULL;
    }
    Py_ssize_t count = PyList_GET_SIZE(list);
    size_t size = varint_bytes(zigzag(count));
    char *made = NULL, *at = NULL;
    for (int writes = 0; writes < 2; writes++) {
        if (writes) {
            made = at = PyMem_RawMalloc(size);
            if (made == NULL) return PyErr_NoMemory();
            at = put_varint(at, zigzag(count));
        }
        for (Py_ssize_t index = 0; index < count; index++) {
            const char *name, *value;
            Py_ssize_t name_size, value_size;
            if (!PyArg_ParseTuple(PyList_GET_ITEM(list, index), "s#z#", &name, &name_size, &value, &value_size)) {
                PyMem_RawFree(made);
                return NULL;
            }
            if (!writes) {
                size += header_bytes(name_size, value, value_size);
                continue;
            }
            at = put_varint(at, zigzag(name_size));
            memcpy(at, name, (size_t)name_size);
            at = put_varint(at + name_size, zigzag(value == NULL ? -1 : value_size));
            if (value != NULL) {
                memcpy(at, value, (size_t)value_size);
                at += value_size;
            }
        }
    }
    PyMem_RawFree(self->headers);
    self->headers = made;
    self->headers_size = size;
    Py_RETURN_NONE;
}

typedef struct {
    const char *key, *value; /* NULL: null */
    size_t key_size, value_size;
    int64_t now_ms;
} Record;

static size_t record_bytes(const Batches *self, const Batch *batch, const Record *one) {
    return 1 + varint_bytes(zigzag(one->now_ms - (batch ? batch->first_ms : one->now_ms))) +
           varint_bytes(zigzag(batch ? batch->count : 0)) + varint_bytes(zigzag(one->key ? (int64_t)one->key_size : -1)) +
           one->key_size + varint_bytes(zigzag(one->value ? (int64_t)one->value_size : -1)) + one->value_size +
           self->headers_size;
}

static int make_room(Batches *self, Batch *batch, size_t wanted) {
    if (wanted <= batch->room) return 1;
    size_t room = batch->room ? batch->room : FIRST_BUFFER_BYTES;
    while (room < wanted) room *= 2;
    if (room > self->batch_max) room = wanted > self->batch_max ? wanted : self->batch_max;
    if (batch->data == NULL && self->spare_count > 0 && self->spare_rooms[self->spare_count - 1] >= wanted) {
        self->spare_count--;
        batch->data = self->spares[self->spare_count];
        batch->room = self->spare_rooms[self->spare_count];
        self->spare_bytes -= batch->room;
        return 1;
    }
    char *data = PyMem_RawRealloc(batch->data, room);
    if (data == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    batch->data = data;
    batch->room = room;
    return 1;
}

static int close_batch(Batches *self, Batch *batch) {
    if (PyList_Append(self->closed, (PyObject *)batch) < 0) return 0;
    Topic *topic = &self->topics[batch->topic];
    topic->open[batch->partition] = NULL;
    if (topic->sticky == batch->partition) topic->sticky = -1;
    Batch *last = self->open[--self->open_count];
    self->open[batch->place] = last;
    last->place = batch->place;
    Py_DECREF(batch);
    return 1;
}

static Batch *open_batch(Batches *self, Py_ssize_t number, int32_t partition, const Record *first) {
    if (self->open_count == self->open_room) {
        Py_ssize_t room = self->open_room ? self->open_room * 2 : 16;
        Batch **open = PyMem_RawRealloc(self->open, (size_t)room * sizeof *open);
        if (open == NULL) return (Batch *)PyErr_NoMemory();
        self->open = open;
        self->open_room = room;
    }
    Batch *batch = (Batch *)self->batch_type->tp_alloc(self->batch_type, 0);
    if (batch == NULL) return NULL;
    batch->owner = self;
    batch->topic = (int32_t)number;
    batch->partition = partition;
    batch->size = HEADER_BYTES;
    batch->first_ms = batch->last_ms = first->now_ms;
    batch->place = self->open_count;
    self->open[self->open_count++] = batch;
    self->topics[number].open[partition] = batch;
    return batch;
}

static void write_record(Batches *self, Batch *batch, const Record *one, size_t body) {
    char *at = put_varint(batch->data + batch->size, zigzag((int64_t)body));
    *at++ = 0;
    at = put_varint(at, zigzag(one->now_ms - batch->first_ms));
    at = put_varint(at, zigzag(batch->count));
    at = put_varint(at, zigzag(one->key ? (int64_t)one->key_size : -1));
    if (one->key_size) memcpy(at, one->key, one->key_size);
    at = put_varint(at + one->key_size, zigzag(one->value ? (int64_t)one->value_size : -1));
    if (one->value_size >= LARGE_BYTES) {
        Py_BEGIN_ALLOW_THREADS
        memcpy(at, one->value, one->value_size);
        Py_END_ALLOW_THREADS
    } else if (one->value_size) {
        memcpy(at, one->value, one->value_size);
    }
    at += one->value_size;
    memcpy(at, self->headers, self->headers_size);
    batch->size = (size_t)(at + self->headers_size - batch->data);
}

static int32_t partition_of(Batches *self, Topic *topic, const Record *one) {
    if (one->key != NULL)
        return (int32_t)((murmur2((const unsigned char *)one->key, one->key_size) & 0x7fffffffu) %
                         (uint32_t)topic->partitions);
    if (topic->sticky < 0) {
        self->random ^= self->random << 13;
        self->random ^= self->random >> 7;
        self->random ^= self->random << 17;
        topic->sticky = (int32_t)((self->random >> 16) % (uint64_t)topic->partitions);
    }
    return topic->sticky;
}

/* Returns DONE, UNKNOWN_TOPIC or TOO_LARGE; -1 with an exception. */
static int add(Batches *self, Py_ssize_t number, int32_t partition, const Record *one) {
    if (number < 0 || number >= self->number_count) {
        PyErr_Format(PyExc_IndexError, "there is no topic %zd", number);
        return -1;
    }
    number = self->numbers[number];
    if (number >= self->topic_count || self->topics[number].partitions == 0) return UNKNOWN_TOPIC;
    size_t bytes = one->key_size + one->value_size;
    if (bytes + self->headers_size > self->record_max) return TOO_LARGE;
    Topic *topic = &self->topics[number];
    if (partition < 0) partition = partition_of(self, topic, one);
    else if (partition >= topic->partitions) return UNKNOWN_TOPIC;
    Batch *batch = topic->open[partition];
    size_t body = record_bytes(self, batch, one), whole = body + varint_bytes(zigzag((int64_t)body));
    if (batch != NULL && batch->size + whole > self->batch_max) {
        if (!close_batch(self, batch)) return -1;
        batch = NULL;
        body = record_bytes(self, NULL, one);
        whole = body + varint_bytes(zigzag((int64_t)body));
    }
    if (batch == NULL && (batch = open_batch(self, number, partition, one)) == NULL) return -1;
    if (!make_room(self, batch, batch->size + whole)) return -1;
    size_t size = batch->size;
    write_record(self, batch, one, body);
    self->bytes += batch->size - size;
    batch->count++;
    if (one->now_ms > batch->last_ms) batch->last_ms = one->now_ms;
    if (bytes > batch->largest) batch->largest = bytes;
    return DONE;
}

static int64_t now_ms(void) {
    struct timespec clock;
    clock_gettime(CLOCK_REALTIME, &clock);
    return (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
}

static int take_row(PyObject *item, Py_ssize_t *number, Record *one) {
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 3) {
        PyErr_SetString(PyExc_TypeError, "a row is a tuple of topic number, key and value");
        return 0;
    }
    *number = PyLong_AsSsize_t(PyTuple_GET_ITEM(item, 0));
    if (*number == -1 && PyErr_Occurred()) return 0;
    return take_octets(PyTuple_GET_ITEM(item, 1), &one->key, &one->key_size) &&
           take_octets(PyTuple_GET_ITEM(item, 2), &one->value, &one->value_size);
}

/* append_rows(rows, at, stop, room) -> (first not taken, bytes of keys and values taken, why it stopped) */
static PyObject *batches_append_rows(Batches *self, PyObject *args) {
    PyObject *list;
    Py_ssize_t at, stop, room;
    size_t before = self->bytes;
    if (!PyArg_ParseTuple(args, "O!nnn", &PyList_Type, &list, &at, &stop, &room)) return NULL;
    if (at < 0 || stop > PyList_GET_SIZE(list) || at > stop) {
        PyErr_SetString(PyExc_IndexError, "there are no such rows");
        return NULL;
    }
    Record one = {.now_ms = now_ms()};
    long long size = 0;
    int why = DONE;
    for (; at < stop; at++) {
        Py_ssize_t number;
        if ((Py_ssize_t)(self->bytes - before) >= room) {
            why = NO_ROOM;
            break;
        }
        if (!take_row(PyList_GET_ITEM(list, at), &number, &one)) return NULL;
        if ((why = add(self, number, -1, &one)) < 0) return NULL;
        if (why != DONE) break;
        size += (long long)(one.key_size + one.value_size);
    }
    return Py_BuildValue("nLi", at, size, why);
}

/* append(topic, partition or -1, key, value, timestamp_ms or -1 for now) -> why it was not taken, 0 when it was */
static PyObject *batches_append(Batches *self, PyObject *args) {
    Py_ssize_t number;
    int partition;
    PyObject *key, *value;
    long long timestamp_ms = -1;
    if (!PyArg_ParseTuple(args, "niOO|L", &number, &partition, &key, &value, &timestamp_ms)) return NULL;
    Record one = {.now_ms = timestamp_ms < 0 ? now_ms() : (int64_t)timestamp_ms};
    if (!take_octets(key, &one.key, &one.key_size) || !take_octets(value, &one.value, &one.value_size)) return NULL;
    int why = add(self, number, partition, &one);
    return why < 0 ? NULL : PyLong_FromLong(why);
}

/* take(everything) -> closed batches, oldest first, then the open ones if everything is to go */
static PyObject *batches_take(Batches *self, PyObject *everything) {
    int all = PyObject_IsTrue(everything);
    if (all < 0) return NULL;
    while (all && self->open_count > 0)
        if (!close_batch(self, self->open[0])) return NULL;
    PyObject *fresh = PyList_New(0);
    if (fresh == NULL) return NULL;
    PyObject *taken = self->closed;
    self->closed = fresh;
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(taken); index++) {
        Batch *one = (Batch *)PyList_GET_ITEM(taken, index);
        self->bytes -= one->size - HEADER_BYTES;
        one->is_handed_out = 1;
        Py_INCREF(self);
    }
    return taken;
}

static PyObject *batches_open_count(Batches *self, void *unused) {
    (void)unused;
    return PyLong_FromSsize_t(self->open_count);
}

static PyObject *batches_size(Batches *self, void *unused) {
    (void)unused;
    return PyLong_FromSize_t(self->bytes);
}

static PyObject *batches_closed_count(Batches *self, void *unused) {
    (void)unused;
    return PyLong_FromSsize_t(PyList_GET_SIZE(self->closed));
}

static PyMethodDef batches_methods[] = {
    {"number", (PyCFunction)batches_number, METH_O, NULL},
    {"set_partitions", (PyCFunction)batches_set_partitions, METH_VARARGS, NULL},
    {"set_headers", (PyCFunction)batches_set_headers, METH_O, NULL},
    {"append_rows", (PyCFunction)batches_append_rows, METH_VARARGS, NULL},
    {"append", (PyCFunction)batches_append, METH_VARARGS, NULL},
    {"take", (PyCFunction)batches_take, METH_O, NULL},
    {"drop", (PyCFunction)batches_drop, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef batches_fields[] = {
    {"open_count", (getter)batches_open_count, NULL, NULL, NULL},
    {"closed_count", (getter)batches_closed_count, NULL, NULL, NULL},
    {"size", (getter)batches_size, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot batches_slots[] = {
    {Py_tp_new, batches_new},
    {Py_tp_dealloc, batches_dealloc},
    {Py_tp_methods, batches_methods},
    {Py_tp_getset, batches_fields},
    {0, NULL},
};

static PyType_Spec batches_spec = {"faust_cdc.kafka._batches.Batches", sizeof(Batches), 0, Py_TPFLAGS_DEFAULT,
                                   batches_slots};

/* ---- the module ---- */

static PyObject *module_crc32c(PyObject *module, PyObject *args) {
    (void)module;
    Py_buffer octets;
    int by_table = 0;
    if (!PyArg_ParseTuple(args, "y*|p", &octets, &by_table)) return NULL;
    uint32_t sum = by_table ? ~crc_by_table(~0u, octets.buf, (size_t)octets.len) : crc32c(octets.buf, (size_t)octets.len);
    PyBuffer_Release(&octets);
    return PyLong_FromUnsignedLong(sum);
}

static PyMethodDef functions[] = {{"crc32c", module_crc32c, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static int module_clear(PyObject *module) {
    PyTypeObject **state = PyModule_GetState(module);
    if (state != NULL) Py_CLEAR(*state);
    return 0;
}

static int module_exec(PyObject *module) {
    make_crc_table();
    if (has_crc_cpu()) crc_of = crc_by_cpu;
    PyTypeObject **state = PyModule_GetState(module);
    *state = (PyTypeObject *)PyType_FromModuleAndSpec(module, &batch_spec, NULL);
    if (*state == NULL || PyModule_AddType(module, *state) < 0) return -1;
    PyObject *batches = PyType_FromModuleAndSpec(module, &batches_spec, NULL);
    if (batches == NULL) return -1;
    int failed = PyModule_AddType(module, (PyTypeObject *)batches);
    Py_DECREF(batches);
    return failed;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_batches", NULL, sizeof(PyTypeObject *), functions,
                                        slots, NULL, module_clear, NULL};

PyMODINIT_FUNC PyInit__batches(void) { return PyModuleDef_Init(&definition); }
