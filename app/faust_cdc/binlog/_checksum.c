/* Whether a binlog event ends in the CRC-32 of its bytes; see checksum.py.
 *
 * The processor's carry-less multiplication folds 64 bytes at a time, some ten times as fast as zlib's tables (where one
 * row is a transaction, they took an eighth of the CPU of a row). Source: Gopal, Ozturk and others, "Fast CRC Computation
 * for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009, whose constants for CRC-32 these are.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

static uint32_t table[8][256];

static void make_table(void) {
    for (uint32_t index = 0; index < 256; index++) {
        uint32_t sum = index;
        for (int bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ ((sum & 1) ? 0xEDB88320u : 0);
        table[0][index] = sum;
    }
    for (uint32_t index = 0; index < 256; index++)
        for (int row = 1; row < 8; row++)
            table[row][index] = (table[row - 1][index] >> 8) ^ table[0][table[row - 1][index] & 0xFF];
}

static uint32_t little(const unsigned char *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t by_table(uint32_t sum, const unsigned char *at, size_t size) {
    for (; size >= 8; size -= 8, at += 8) {
        uint32_t low = sum ^ little(at);
        sum = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^ table[5][low >> 16 & 0xFF] ^ table[4][low >> 24] ^
              table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
    }
    while (size--) sum = (sum >> 8) ^ table[0][(sum ^ *at++) & 0xFF];
    return sum;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* The 128 bits of `sum` moved on by as many bits as the constants say, and the next 128 bits added. */
__attribute__((target("pclmul,sse4.1"))) static inline __m128i folded(__m128i sum, __m128i by, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(sum, by, 0x00), high = _mm_clmulepi64_si128(sum, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

__attribute__((target("pclmul,sse4.1"))) static uint32_t by_cpu(uint32_t sum, const unsigned char *at, size_t size) {
    if (size < 64) return by_table(sum, at, size);
    const __m128i *in = (const __m128i *)at;
    const __m128i by_512 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4), by_128 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i by_64 = _mm_set_epi64x(0, 0x0163cd6124), barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i low_halves = _mm_setr_epi32(~0, 0, ~0, 0);
    __m128i a = _mm_xor_si128(_mm_loadu_si128(in), _mm_cvtsi32_si128((int)sum)), b = _mm_loadu_si128(in + 1);
    __m128i c = _mm_loadu_si128(in + 2), d = _mm_loadu_si128(in + 3);
    for (in += 4, size -= 64; size >= 64; in += 4, size -= 64) {
        a = folded(a, by_512, _mm_loadu_si128(in));
        b = folded(b, by_512, _mm_loadu_si128(in + 1));
        c = folded(c, by_512, _mm_loadu_si128(in + 2));
        d = folded(d, by_512, _mm_loadu_si128(in + 3));
    }
    a = folded(folded(folded(a, by_128, b), by_128, c), by_128, d);
    for (; size >= 16; in++, size -= 16) a = folded(a, by_128, _mm_loadu_si128(in));
    a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by_128, 0x10));
    b = _mm_srli_si128(a, 4);
    a = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low_halves), by_64, 0x00), b);
    b = _mm_clmulepi64_si128(_mm_and_si128(a, low_halves), barrett, 0x10);
    b = _mm_clmulepi64_si128(_mm_and_si128(b, low_halves), barrett, 0x00);
    sum = (uint32_t)_mm_extract_epi32(_mm_xor_si128(a, b), 1);
    return by_table(sum, (const unsigned char *)in, size);
}
static int has_cpu(void) { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"); }
#else
#define by_cpu by_table
static int has_cpu(void) { return 0; }
#endif

/* Of fewer bytes the sum is had sooner than the GIL again. */
#define LET_GO_FROM (1 << 18)

static uint32_t (*sum_of)(uint32_t, const unsigned char *, size_t) = by_table;

/* is_sound(data, start, stop) -> whether the last four of these bytes are the sum of those before them */
static PyObject *is_sound(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (count != 3 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "is_sound takes bytes, a start and a stop");
        return NULL;
    }
    Py_ssize_t start = PyLong_AsSsize_t(args[1]), stop = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred()) return NULL;
    if (start < 0 || stop > PyBytes_GET_SIZE(args[0]) || stop - start < 4) {
        PyErr_SetString(PyExc_IndexError, "the event is not within the bytes, or has none for its checksum");
        return NULL;
    }
    const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(args[0]) + start;
    size_t size = (size_t)(stop - start - 4);
    uint32_t sum;
    if (size < LET_GO_FROM) {
        sum = sum_of(~0u, at, size);
    } else { /* bytes do not change, and the caller holds them */
        Py_BEGIN_ALLOW_THREADS
        sum = sum_of(~0u, at, size);
        Py_END_ALLOW_THREADS
    }
    return PyBool_FromLong(~sum == little(at + size));
}

static PyMethodDef functions[] = {{"is_sound", (PyCFunction)(void (*)(void))is_sound, METH_FASTCALL, NULL},
                                  {NULL, NULL, 0, NULL}};

static int module_exec(PyObject *module) {
    (void)module;
    make_table();
    if (has_cpu()) sum_of = by_cpu;
    return 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_checksum", NULL, 0, functions, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__checksum(void) { return PyModuleDef_Init(&definition); }
