/* What `_batches.c` computes over bytes: varints, CRC-32C, the hash by which Java's clients choose a partition. */

#ifndef FAUST_CDC_BATCHES_OCTETS_H
#define FAUST_CDC_BATCHES_OCTETS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- numbers ---- */

static void put_be(char *to, uint64_t value, int octets) {
    for (int shift = (octets - 1) * 8; shift >= 0; shift -= 8) *to++ = (char)(value >> shift);
}

static uint64_t zigzag(int64_t value) { return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63); }

static size_t varint_bytes(uint64_t value) {
    size_t octets = 1;
    while (value >= 0x80) {
        value >>= 7;
        octets++;
    }
    return octets;
}

static char *put_varint(char *to, uint64_t value) {
    while (value >= 0x80) {
        *to++ = (char)(value | 0x80);
        value >>= 7;
    }
    *to++ = (char)value;
    return to;
}

/* ---- CRC-32C ---- */

static uint32_t crc_table[8][256];

static void make_crc_table(void) {
    for (uint32_t index = 0; index < 256; index++) {
        uint32_t sum = index;
        for (int bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ ((sum & 1) ? 0x82F63B78u : 0);
        crc_table[0][index] = sum;
    }
    for (uint32_t index = 0; index < 256; index++)
        for (int row = 1; row < 8; row++)
            crc_table[row][index] = (crc_table[row - 1][index] >> 8) ^ crc_table[0][crc_table[row - 1][index] & 0xFF];
}

static uint32_t crc_by_table(uint32_t sum, const unsigned char *at, size_t size) {
    for (; size >= 8; size -= 8, at += 8) {
        uint32_t low = sum ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        sum = crc_table[7][low & 0xFF] ^ crc_table[6][low >> 8 & 0xFF] ^ crc_table[5][low >> 16 & 0xFF] ^
              crc_table[4][low >> 24] ^ crc_table[3][at[4]] ^ crc_table[2][at[5]] ^ crc_table[1][at[6]] ^
              crc_table[0][at[7]];
    }
    while (size--) sum = (sum >> 8) ^ crc_table[0][(sum ^ *at++) & 0xFF];
    return sum;
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_cpu(uint32_t sum, const unsigned char *at, size_t size) {
    uint64_t wide = sum;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        wide = __builtin_ia32_crc32di(wide, eight);
    }
    sum = (uint32_t)wide;
    while (size--) sum = __builtin_ia32_crc32qi(sum, *at++);
    return sum;
}
static int has_crc_cpu(void) { return __builtin_cpu_supports("sse4.2"); }
#else
#define crc_by_cpu crc_by_table
static int has_crc_cpu(void) { return 0; }
#endif

static uint32_t (*crc_of)(uint32_t, const unsigned char *, size_t) = crc_by_table;

static uint32_t crc32c(const char *at, size_t size) { return ~crc_of(~0u, (const unsigned char *)at, size); }

/* ---- the partition of a key, as Java's clients choose it ---- */

static uint32_t murmur2(const unsigned char *at, size_t size) {
    const uint32_t m = 0x5bd1e995u;
    uint32_t hash = 0x9747b28cu ^ (uint32_t)size;
    for (; size >= 4; size -= 4, at += 4) {
        uint32_t k = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        hash *= m;
        hash ^= k;
    }
    if (size == 3) hash ^= (uint32_t)at[2] << 16;
    if (size >= 2) hash ^= (uint32_t)at[1] << 8;
    if (size >= 1) {
        hash ^= at[0];
        hash *= m;
    }
    hash ^= hash >> 13;
    hash *= m;
    return hash ^ hash >> 15;
}

#endif
