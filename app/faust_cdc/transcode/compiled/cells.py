"""One cell of a row image into the bytes of its Avro field.

A `Cell` is what `program` made of a column: an operation and its numbers. `put_cell` is one chain of comparisons,
ordered by how often a type is met; what has no operation here (`COLD`) goes through one Python call for that cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter, read_f32_le, read_i32_le, read_i64_le, write_f64_le, write_i64_le
from mypy_extensions import i64, u8

from faust_cdc.transcode.compiled.calendar import adjusted, epoch_day, put_instant
from faust_cdc.transcode.compiled.document import put_document
from faust_cdc.transcode.compiled.octets import (
    avro_bytes,
    big,
    is_ascii,
    little,
    put_bytes,
    put_long,
    put_range,
    shl,
    signed,
)

INT: Final = 0
UINT: Final = 1
TEXT: Final = 2
CODED_TEXT: Final = 3
OCTETS: Final = 4
PADDED: Final = 5
DOUBLE: Final = 6
FLOAT: Final = 7
FLOAT_AS_DOUBLE: Final = 8
DECIMAL: Final = 9
DATETIME: Final = 10
DATE: Final = 11
TIMESTAMP: Final = 12
TIME: Final = 13
ENUM: Final = 14
SET: Final = 15
JSON: Final = 16
YEAR: Final = 17
BOOLEAN: Final = 18
BITS: Final = 19
COLD: Final = 20
SKIP: Final = 21
SKIP_COUNTED: Final = 22
SHAPED: Final = 23

NO_TAG: Final = -1
KEPT_MAX: Final = 65_536
"""Larger documents get a buffer of their own: the one of the cell never shrinks."""
SET_TABLE_MAX: Final = 8
"""A SET of at most so many labels has all its combinations made beforehand."""


class Cell:
    """How one column's cells are written. Immutable after `program` made it."""

    def __init__(
        self,
        code: i64,
        size: i64 = 0,
        a: i64 = 0,
        b: i64 = 0,
        *,
        null_field: bytes | None = None,
        value_tag: i64 = NO_TAG,
        is_key: bool = False,
        in_value: bool = True,
        adjust: bool = False,
        labels: list[bytes] | None = None,
        zero: bytes = b"",
        decode: Callable[[bytes], str] | None = None,
        cold: Callable[[bytes, int], tuple[bytes, int]] | None = None,
    ) -> None:
        """See `program` for what `a` and `b` mean to an operation.

        `size`: bytes of the cell, or of the length before it. `null_field`: the whole field of a NULL, None where it
        is impossible. `value_tag`: the byte of Avro's union before a value, `NO_TAG` for a field that is never null.
        `zero`: a zero date's whole field, its tag too. `in_value` False: a column that the key alone has.
        `cold`: (row image, position) → (the whole field, the position after the cell).
        """
        self.code = code
        self.size = size
        self.a = a
        self.b = b
        self.null_field = null_field
        self.value_tag = value_tag
        self.is_key = is_key
        self.in_value = in_value
        self.adjust = adjust
        self.labels: list[bytes] = labels or []
        self.fields: list[bytes] = []
        """What each number of an ENUM, or of a SET of few labels, is written as."""
        if code == ENUM:
            self.fields = [avro_bytes(label) for label in self.labels]
        elif code == SET and len(self.labels) <= SET_TABLE_MAX:
            for members in range(1 << len(self.labels)):
                self.fields.append(avro_bytes(b",".join([t for i, t in enumerate(self.labels) if members >> i & 1])))
        self.text = BytesWriter()
        """For what must be written whole before its length is known."""
        self.zero = zero
        self.decode = decode
        self.cold = cold

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """Write a cell with code `SHAPED`; see `put_cell`."""
        raise ValueError("no such operation")


def put_cell(cell: Cell, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
    """Write the field of the cell at `pos`, its union tag before it; return the position after the cell.

    Raises ValueError, IndexError or UnicodeDecodeError for bytes that are no value of the column.
    """
    code: i64 = cell.code
    if code >= DATETIME and code <= TIMESTAMP:
        return put_date(cell, out, data, pos)
    if code >= COLD:
        if code == SHAPED:
            return cell.put(out, data, pos, end)
        return put_cold(cell, out, data, pos) if code == COLD else skipped(cell, data, pos)
    if cell.value_tag >= 0:
        out.append(u8(cell.value_tag))
    size: i64 = cell.size
    if code == INT:
        put_long(out, little_signed(data, pos, size))
        return pos + size
    if code == UINT:
        put_long(out, little(data, pos, size))
        return pos + size
    if (code >= TEXT and code <= PADDED) or code == JSON:
        return put_counted(cell, out, data, pos, end)
    if code == DOUBLE:
        if pos + 8 > end:
            raise ValueError("the row image is short")
        write_i64_le(out, read_i64_le(data, pos))
        return pos + 8
    if code == DECIMAL:
        return put_decimal(out, data, pos, cell.a, cell.b)
    if code == ENUM or code == SET:
        put_labels(cell, out, little(data, pos, size))
        return pos + size
    if code == FLOAT:
        return put_fixed(out, data, pos, 4, end)
    return put_rare(cell, out, data, pos)


def skipped(cell: Cell, data: bytes, pos: i64) -> i64:
    """Return the position after the cell of a column that no record has."""
    if cell.code == SKIP:
        return pos + cell.size
    return pos + cell.size + little(data, pos, cell.size)


def little_signed(data: bytes, pos: i64, size: i64) -> i64:
    """Return the signed little-endian number of 1, 2, 3, 4 or 8 bytes at `pos`."""
    if size == 4:
        return i64(read_i32_le(data, pos))
    if size == 8:
        return read_i64_le(data, pos)
    return signed(little(data, pos, size), 8 * size)


def put_fixed(out: BytesWriter, data: bytes, pos: i64, size: i64, end: i64) -> i64:
    """Copy `size` bytes."""
    if pos + size > end:
        raise ValueError("the row image is short")
    out.write(data[pos : pos + size])
    return pos + size


def put_counted(cell: Cell, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
    """Write a cell that has its length before it."""
    size: i64 = cell.size
    start: i64 = pos + size
    stop: i64 = start + little(data, pos, size)
    if stop > end:
        raise ValueError("a cell overruns the rows")
    code: i64 = cell.code
    if code == JSON:
        document = cell.text if stop - start <= KEPT_MAX else BytesWriter()
        document.truncate(0)
        put_document(document, data, start, stop)
        put_bytes(out, document.getvalue())
        return stop
    if code == TEXT or code == OCTETS:
        if code == TEXT and not is_ascii(data, start, stop):
            data[start:stop].decode()
        put_long(out, stop - start)
        put_range(out, data, start, stop)
        return stop
    value = data[start:stop]
    if code == CODED_TEXT:
        if not (cell.a and is_ascii(data, start, stop)):
            decode = cell.decode
            assert decode is not None
            value = decode(value).encode()
    elif code == PADDED:
        missing: i64 = cell.a - (stop - start)
        if missing > 0:
            value = value + bytes(int(missing))
    put_bytes(out, value)
    return stop


def put_date(cell: Cell, out: BytesWriter, data: bytes, pos: i64) -> i64:
    """Write a DATE, DATETIME or TIMESTAMP; `zero` stands for zero and partial dates."""
    code: i64 = cell.code
    if code == TIMESTAMP:
        return put_timestamp(cell, out, data, pos)
    after: i64 = pos + cell.size
    year: i64 = 0
    month: i64 = 0
    day: i64 = 0
    packed: i64 = 0
    if code == DATE:
        packed = little(data, pos, 3)
        year = packed >> 9
        month = packed >> 5 & 15
        day = packed & 31
    else:
        packed = big(data, pos, 5) - 0x8000000000
        year_month: i64 = packed >> 22
        year = year_month // 13
        month = year_month % 13
        day = packed >> 17 & 31
    if year == 0 or month == 0 or day == 0:
        out.write(cell.zero)
        return after
    days: i64 = epoch_day(adjusted(year) if cell.adjust and year < 100 else year, month, day)
    if cell.value_tag >= 0:
        out.append(u8(cell.value_tag))
    if code == DATE:
        put_long(out, days)
        return after
    hour: i64 = packed >> 12 & 31
    minute: i64 = packed >> 6 & 63
    second: i64 = packed & 63
    micros: i64 = big(data, pos + 5, cell.size - 5) * cell.a
    if hour > 23 or minute > 59 or second > 59 or micros > 999_999:
        raise ValueError("no time of day")
    seconds: i64 = days * 86_400 + hour * 3600 + minute * 60 + second
    if cell.b == 1000:
        put_long(out, seconds * 1000 + micros // 1000)
    else:
        put_long(out, seconds * 1_000_000 + micros)
    return after


def put_timestamp(cell: Cell, out: BytesWriter, data: bytes, pos: i64) -> i64:
    """Write a TIMESTAMP(b), whose fraction's unit is `a` µs, as ISO text in UTC."""
    seconds: i64 = big(data, pos, 4)
    if seconds == 0:
        out.write(cell.zero)
        return pos + cell.size
    if cell.value_tag >= 0:
        out.append(u8(cell.value_tag))
    digits: i64 = cell.b
    micros: i64 = big(data, pos + 4, cell.size - 4) * cell.a
    if micros > 999_999:
        raise ValueError("more than a second")
    put_long(out, 20 + (digits + 1 if digits else 0))
    put_instant(out, seconds, micros, digits)
    return pos + cell.size


def put_decimal(out: BytesWriter, data: bytes, pos: i64, precision: i64, scale: i64) -> i64:
    """Write the unscaled value of a DECIMAL of at most 18 digits, big-endian in the fewest bytes."""
    negative = data[pos] < 128
    mask: i64 = 255 if negative else 0
    sign: i64 = 128
    value: i64 = 0
    groups: i64 = (precision - scale) // 9 + scale // 9 + 2
    group: i64 = 0
    while group < groups:
        digits: i64 = 9
        if group == 0:
            digits = (precision - scale) % 9
        elif group == groups - 1:
            digits = scale % 9
        limit: i64 = 1
        power: i64 = 0
        while power < digits:
            limit *= 10
            power += 1
        size: i64 = (digits + 1) // 2 if digits < 7 else 4
        number: i64 = 0
        index: i64 = 0
        while index < size:
            number = number << 8 | (i64(data[pos + index]) ^ mask ^ sign)
            sign = 0
            index += 1
        if digits and number >= limit:
            raise ValueError("a digit group of a DECIMAL is too large")
        pos += size
        value = value * limit + number
        group += 1
    put_unscaled(out, -value if negative else value)
    return pos


def put_unscaled(out: BytesWriter, value: i64) -> None:
    """Write a number as Java's BigInteger.toByteArray, its length before it."""
    size: i64 = 1
    while size < 8 and not (-shl(1, 8 * size - 1) <= value < shl(1, 8 * size - 1)):
        size += 1
    put_long(out, size)
    while size:
        size -= 1
        out.append(u8(value >> (8 * size) & 255))


def put_labels(cell: Cell, out: BytesWriter, members: i64) -> None:
    """Write an ENUM's label (`labels` from index 0, "" first) or a SET's, joined by commas."""
    fields = cell.fields
    if fields or cell.code == ENUM:
        if members < 0 or members >= len(fields):
            raise ValueError("an ENUM index or SET bits beyond the labels")
        out.write(fields[members])
        return
    labels = cell.labels
    count: i64 = len(labels)
    if count < 64 and members >> count:
        raise ValueError("SET bits beyond the labels")
    joined = b""
    some = False
    bit: i64 = 0
    while bit < count:
        if members >> bit & 1:
            joined = joined + b"," + labels[bit] if some else labels[bit]
            some = True
        bit += 1
    put_bytes(out, joined)


def put_rare(cell: Cell, out: BytesWriter, data: bytes, pos: i64) -> i64:
    """Write TIME, YEAR, BIT and a FLOAT that is a double."""
    code: i64 = cell.code
    size: i64 = cell.size
    if code == TIME:
        put_long(out, time_micros(data, pos, size, cell.a) * cell.b)
    elif code == YEAR:
        put_long(out, 1900 + i64(data[pos]) if data[pos] else 0)
    elif code == BOOLEAN:
        out.append(1 if data[pos] else 0)
    elif code == BITS:
        if i64(data[pos]) & ~cell.a:
            raise ValueError("more bits than the column has")
        put_long(out, size)
        index: i64 = size
        while index:
            index -= 1
            out.append(data[pos + index])
    elif code == FLOAT_AS_DOUBLE:
        write_f64_le(out, read_f32_le(data, pos))
    else:
        raise ValueError("no such operation")
    return pos + size


def time_micros(data: bytes, pos: i64, size: i64, unit: i64) -> i64:
    """Return a TIME in µs; its fraction, in units of `unit` µs, counts down from the next lower whole if negative."""
    whole: i64 = big(data, pos, 3) - 0x800000
    fraction: i64 = big(data, pos + 3, size - 3)
    if whole < 0 and fraction:
        whole += 1
        fraction -= shl(1, 8 * (size - 3))
    negative = whole < 0 or fraction < 0
    if whole < 0:
        whole = -whole
    if fraction < 0:
        fraction = -fraction
    minute: i64 = whole >> 6 & 63
    second: i64 = whole & 63
    if minute > 59 or second > 59 or fraction * unit > 999_999:
        raise ValueError("no TIME")
    micros: i64 = ((whole >> 12 & 1023) * 3600 + minute * 60 + second) * 1_000_000 + fraction * unit
    return -micros if negative else micros


def put_cold(cell: Cell, out: BytesWriter, data: bytes, pos: i64) -> i64:
    """Write what a Python call makes of the cell."""
    cold = cell.cold
    assert cold is not None
    field, after = cold(data, int(pos))
    out.write(field)
    return i64(after)
