"""What only MariaDB has: UUID, INET4 and INET6 as text, COMPRESSED columns, and temporal columns in the old format.

Layouts: MariaDB `sql/sql_type_uuid.h`, `sql/sql_type_inet.cc`, `sql/field_comp.cc` and `sql/field.cc` (the `_hires`
fields of `mysql56_temporal_format=OFF`), each seen on MariaDB 10.11.19 and 11.8.9.

UUID and INET travel as BINARY of a fixed length, so zero bytes at their end are left out. Debezium 3.6.1 does not put
them back into a UUID, which shifts it: 0d0e0000-…-000000000000 becomes 00000000-…-0d0e. It has no mapping for INET at
all and leaves such columns out; here they are the text that the server shows.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

from faust_cdc.binlog import codes
from faust_cdc.transcode.temporal import epoch_day, iso_utc
from faust_cdc.transcode.wire_skip import OLD_WITH_FRACTION, Read

_WORDS = struct.Struct(">8H")
_MAPPED = 0xFFFF


def uuid_text(cell: bytes) -> str:
    """Return a UUID as the server shows it."""
    digits = _whole(cell, 16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def inet4_text(cell: bytes) -> str:
    """Return an IPv4 address as the server shows it."""
    return ".".join(map(str, _whole(cell, 4)))


def inet6_text(cell: bytes) -> str:
    """Return an IPv6 address as the server shows it.

    The longest run of zero words, even of one, becomes `::`; behind 96 bits of zeros, or 80 and ffff, stands an IPv4
    address. Python's `ipaddress` writes both otherwise.
    """
    address = _whole(cell, 16)
    words = _WORDS.unpack(address)
    start, length = _longest_zeros(words)
    if start == 0 and (length == 6 or (length == 5 and words[5] == _MAPPED)):
        return ("::" if length == 6 else "::ffff:") + inet4_text(address[12:])
    shown = [f"{word:x}" for word in words]
    if not length:
        return ":".join(shown)
    return ":".join(shown[:start]) + "::" + ":".join(shown[start + length :])


def _longest_zeros(words: tuple[int, ...]) -> tuple[int, int]:
    """Return (start, length) of the first longest run of zeros."""
    best, run = (0, 0), 0
    for index, word in enumerate(words):
        run = 0 if word else run + 1
        if run > best[1]:
            best = (index - run + 1, run)
    return best


def _whole(cell: bytes, size: int) -> bytes:
    if len(cell) > size:
        raise ValueError(f"{len(cell)} bytes, expected at most {size}")
    return cell.ljust(size, b"\x00")


_STORED, _ZLIB = 0, 8
_RAW = 8
"""Bit of the first byte: without zlib's own header and checksum (column_compression_zlib_wrap=OFF)."""


def uncompressed(cell: bytes) -> bytes:
    """Return the value of a COMPRESSED column's cell. Raises ValueError.

    The first byte holds the method in its upper half and the number of bytes of the length that follows, highest first.
    """
    if not cell:
        return b""
    method, size = cell[0] >> 4, cell[0] & 7
    if method == _STORED:
        return cell[1:]
    if method != _ZLIB:
        raise ValueError(f"compression method {method} of a COMPRESSED column is unknown")
    length = int.from_bytes(cell[1 : 1 + size], "big")
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS if cell[0] & _RAW else zlib.MAX_WBITS)
    try:
        # One byte more than announced, so that a longer value shows.
        value = unpacker.decompress(cell[1 + size :], length + 1)
    except zlib.error as error:
        raise ValueError(f"a COMPRESSED cell cannot be unpacked: {error}") from error
    if len(value) != length:
        raise ValueError(f"a COMPRESSED cell unpacks to {len(value)} bytes or more, expected {length}")
    return value


_TIME_END_S = 838 * 3600 + 59 * 60 + 60
"""The first second that a TIME cannot hold: added, so that what is stored is not negative."""


def old_time_reader(digits: int) -> Read:
    """Return the reader of TIME(digits), 1 to 6, in the old format, as µs."""
    size, unit = OLD_WITH_FRACTION[codes.TIME][digits], 10 ** (6 - digits)
    zero = _TIME_END_S * 10**digits

    def read(data: bytes, pos: int) -> tuple[int, int]:
        return (int.from_bytes(data[pos : pos + size], "big") - zero) * unit, pos + size

    return read


def old_datetime_reader(digits: int, finish: Callable[[int | None], Any], adjust: bool) -> Read:
    """Return the reader of DATETIME(digits), 1 to 6, in the old format; `finish` gets µs since the epoch or None."""
    size, unit = OLD_WITH_FRACTION[codes.DATETIME][digits], 10 ** (6 - digits)
    per_day = 86_400 * 10**digits

    def read(data: bytes, pos: int) -> tuple[Any, int]:
        number, of_day = divmod(int.from_bytes(data[pos : pos + size], "big"), per_day)
        days = epoch_day(number // 32 // 13, number // 32 % 13, number % 32, adjust)
        return finish(None if days is None else days * 86_400_000_000 + of_day * unit), pos + size

    return read


def old_timestamp_reader(digits: int, zero: Any) -> Read:
    """Return the reader of TIMESTAMP(digits), 1 to 6, in the old format; `zero` stands for the zero date."""
    size, unit = OLD_WITH_FRACTION[codes.TIMESTAMP][digits], 10 ** (6 - digits)

    def read(data: bytes, pos: int) -> tuple[Any, int]:
        seconds = int.from_bytes(data[pos : pos + 4], "big")
        if not seconds:
            return zero, pos + size
        return iso_utc(seconds, int.from_bytes(data[pos + 4 : pos + size], "big") * unit, digits), pos + size

    return read
