"""The checksum of binlog events, for the fast lane: with the processor's help where the C extension was built.

The decoder of the long way has zlib's, so that each of the two finds an error of the other.
"""

from __future__ import annotations

from zlib import crc32


def is_sound_by_zlib(data: bytes, start: int, stop: int) -> bool:
    """Return whether `data[start:stop]` ends in the CRC-32 of what stands before. Raises IndexError for no bytes."""
    if start < 0 or stop > len(data) or stop - start < 4:
        raise IndexError("the event is not within the bytes, or has none for its checksum")
    return crc32(memoryview(data)[start : stop - 4]) == int.from_bytes(data[stop - 4 : stop], "little")


try:
    from faust_cdc.binlog._checksum import is_sound
except ImportError:  # built without a C compiler
    is_sound = is_sound_by_zlib

__all__ = ["is_sound", "is_sound_by_zlib"]
