"""Reading little- and big-endian numbers and writing Avro's: the smallest parts of the compiled transcoder.

Compiled by mypyc; the same file runs interpreted. Two rules keep both equal (mypyc 2.4.1):

- Never `1 << n` with a literal: mypyc makes it a C int shift, wrong from n = 31. `shl` takes both as arguments.
- A slice beyond the end is cut off in silence: look at the end before slicing.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter, read_i16_le, read_i32_le, read_i64_le, write_i64_le
from mypy_extensions import i64, u8

HIGH_BITS: Final = -0x7F7F7F7F7F7F7F80
"""The top bit of each of eight bytes."""
SHORT: Final = 64
"""Up to this many bytes are copied by eight; for more, the slice that `write` needs is cheaper."""


PART: Final = 1 << 20
"""A large text is checked by so many bytes at a time."""


def shl(value: i64, count: i64) -> i64:
    """Return `value << count` in 64 bits; see the module for why this is a function."""
    return value << count


def signed(value: i64, bits: i64) -> i64:
    """Return the low `bits` bits of `value` (fewer than 64) as a two's complement number."""
    return value - shl(1, bits) if value >> (bits - 1) else value


def little(data: bytes, pos: i64, size: i64) -> i64:
    """Return the unsigned little-endian number of `size` (1 to 7, or 8 as signed) bytes at `pos`. Raises IndexError."""
    if size == 1:
        return i64(data[pos])
    if size == 2:
        return i64(read_i16_le(data, pos)) & 0xFFFF
    if size == 4:
        return i64(read_i32_le(data, pos)) & 0xFFFFFFFF
    if size == 8:
        return read_i64_le(data, pos)
    value: i64 = 0
    index: i64 = 0
    while index < size:
        value |= i64(data[pos + index]) << (8 * index)
        index += 1
    return value


def big(data: bytes, pos: i64, size: i64) -> i64:
    """Return the unsigned big-endian number of `size` (0 to 7) bytes at `pos`. Raises IndexError."""
    value: i64 = 0
    index: i64 = 0
    while index < size:
        value = value << 8 | i64(data[pos + index])
        index += 1
    return value


def put_long(out: BytesWriter, value: i64) -> None:
    """Write an Avro int or long: zigzag, then seven bits a byte, lowest first."""
    rest: i64 = (value << 1) ^ (value >> 63)
    while rest > 127 or rest < 0:
        out.append(u8(rest & 127 | 128))
        rest = (rest >> 7) & 0x1FFFFFFFFFFFFFF
    out.append(u8(rest))


def put_bytes(out: BytesWriter, value: bytes) -> None:
    """Write Avro bytes, or a string already in UTF-8."""
    put_long(out, i64(len(value)))
    out.write(value)


def put_range(out: BytesWriter, data: bytes, start: i64, stop: i64) -> None:
    """Write `data[start:stop]`, which lies within `data`."""
    if stop - start > SHORT:
        out.write(data[start:stop])
        return
    pos: i64 = start
    while pos + 8 <= stop:
        write_i64_le(out, read_i64_le(data, pos))
        pos += 8
    while pos < stop:
        out.append(data[pos])
        pos += 1


def is_ascii(data: bytes, start: i64, stop: i64) -> bool:
    """Return whether `data[start:stop]`, which lies within `data`, is ASCII."""
    pos: i64 = start
    while pos + 8 <= stop:
        if read_i64_le(data, pos) & HIGH_BITS:
            return False
        pos += 8
    while pos < stop:
        if data[pos] > 127:
            return False
        pos += 1
    return True


def check_utf8(data: bytes, start: i64, stop: i64) -> None:
    """Raise UnicodeDecodeError where `data[start:stop]`, which lies within `data`, is no UTF-8.

    Looked at in parts: decoded, a text may have four times the size.
    """
    while start < stop:
        cut: i64 = stop
        if stop - start > PART:
            cut = start + PART
            back: i64 = 0
            while back < 3 and data[cut] & 192 == 128:  # not between the bytes of a character
                cut -= 1
                back += 1
        if not is_ascii(data, start, cut):
            data[start:cut].decode()
        start = cut


def put_digits(out: BytesWriter, value: i64, width: i64) -> None:
    """Write the last `width` decimal digits, 1 to 18, of a number that is not negative."""
    start: i64 = len(out)
    place: i64 = 0
    while place < width:
        out.append(48)
        place += 1
    while place:
        place -= 1
        out[start + place] = u8(48 + value % 10)
        value //= 10


def put_two(out: BytesWriter, value: i64) -> None:
    """Write a number below 100 in two digits."""
    out.append(u8(48 + value // 10))
    out.append(u8(48 + value % 10))


def put_number(out: BytesWriter, value: i64) -> None:
    """Write a number in decimal, as `b"%d"` does."""
    if value < 0:
        if value < -999_999_999_999_999_999:
            out.write(b"%d" % int(value))
            return
        out.append(45)
        value = -value
    elif value > 999_999_999_999_999_999:
        out.write(b"%d" % int(value))
        return
    width: i64 = 1
    limit: i64 = 10
    while value >= limit:
        limit *= 10
        width += 1
    put_digits(out, value, width)


def avro_bytes(value: bytes) -> bytes:
    """Return Avro bytes, or a string already in UTF-8, with its length before it."""
    out = BytesWriter()
    put_bytes(out, value)
    return out.getvalue()
