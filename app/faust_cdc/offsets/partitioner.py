"""Kafka's default partitioning of a key: murmur2, as the Java clients do it.

Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey.
"""

from __future__ import annotations

MULTIPLIER = 0x5BD1E995
MASK = 0xFFFFFFFF
SEED = 0x9747B28C


def murmur2_partition(key: bytes, partition_count: int) -> int:
    """Return the partition that Java's producer puts `key` into."""
    return (murmur2(key) & 0x7FFFFFFF) % partition_count


def murmur2(data: bytes) -> int:
    """Return the 32-bit murmur2 hash as an unsigned integer."""
    length = len(data)
    h = (SEED ^ length) & MASK
    full = length & ~3
    for i in range(0, full, 4):
        k = int.from_bytes(data[i : i + 4], "little")
        k = (k * MULTIPLIER) & MASK
        k ^= k >> 24
        k = (k * MULTIPLIER) & MASK
        h = ((h * MULTIPLIER) & MASK) ^ k
    if length > full:
        h ^= int.from_bytes(data[full:], "little")
        h = (h * MULTIPLIER) & MASK
    h ^= h >> 13
    h = (h * MULTIPLIER) & MASK
    return h ^ (h >> 15)
