"""Cells whose values take another form than the common one: decimals as text, ISO dates, base64, masked text, structs.

Compiled by mypyc. Each is a `Cell` with code `SHAPED`, which `put_cell` asks to write itself; `shaped` makes them of
columns. A value that the form cannot hold is a NULL where `null_outside` says so, else an error, as in the reference
transcoder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter, read_i32_le, write_f64_le
from mypy_extensions import i64, u8

from faust_cdc.transcode.compiled.calendar import adjusted, epoch_day
from faust_cdc.transcode.compiled.cells import SHAPED, Cell, put_cell, put_fixed, put_unscaled, time_micros
from faust_cdc.transcode.compiled.octets import big, little, put_bytes, put_digits, put_long

DAY_US: Final = 86_400_000_000
EXACT_DOUBLE: Final = 9_007_199_254_740_992
"""2^53: up to it every whole number is a double."""
NANOS_US_MAX: Final = 9_223_372_036_854_775
"""The most µs since the epoch, before or after, whose ns fit into 64 bits."""


def avro_long(value: i64) -> bytes:
    """Return an Avro int or long."""
    out = BytesWriter()
    put_long(out, value)
    return out.getvalue()


class Shaped(Cell):
    """What all of them share."""

    def __init__(self, size: i64 = 0, null_outside: bool = False) -> None:
        super().__init__(SHAPED, size)
        self.null_outside = null_outside

    def tag(self, out: BytesWriter) -> None:
        """Write the union's tag of a value."""
        if self.value_tag >= 0:
            out.append(u8(self.value_tag))

    def outside(self, out: BytesWriter) -> None:
        """Write what stands for a value that the form cannot hold. Raises ValueError where nothing does."""
        field = self.null_field
        if field is None or not self.null_outside:
            raise ValueError("a value that its form cannot hold")
        out.write(field)


class Converted(Shaped):
    """Text or bytes that a function changes: base64, hexadecimal, truncated, hashed, masked."""

    def __init__(self, inner: Cell, convert: Callable[[bytes], bytes]) -> None:
        """`inner` writes Avro bytes without a union's tag; `convert` is given what it wrote, the length aside."""
        super().__init__()
        self.inner = inner
        self.convert = convert
        self.scratch = BytesWriter()

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        scratch = self.scratch
        scratch.truncate(0)
        after: i64 = put_cell(self.inner, scratch, data, pos, end)
        written = scratch.getvalue()
        start: i64 = 0
        while i64(written[start]) > 127:
            start += 1
        self.tag(out)
        put_bytes(out, self.convert(written[start + 1 :]))
        return after


class Guarded(Shaped):
    """A cell that is for the reference transcoder when it holds one of some values."""

    def __init__(self, inner: Cell, forbidden: list[bytes]) -> None:
        """`inner` writes its tag itself; `forbidden` are whole fields."""
        super().__init__()
        self.inner = inner
        self.forbidden = forbidden
        self.scratch = BytesWriter()

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        scratch = self.scratch
        scratch.truncate(0)
        after: i64 = put_cell(self.inner, scratch, data, pos, end)
        field = scratch.getvalue()
        for one in self.forbidden:
            if one == field:
                raise ValueError("a value that stands for a missing one")
        out.write(field)
        return after


def decimal_groups(precision: i64, scale: i64) -> list[tuple[i64, i64]]:
    """Return (bytes, limit) of the groups of digits of a DECIMAL."""
    groups: list[tuple[i64, i64]] = []
    whole: i64 = precision - scale
    count: i64 = whole // 9 + scale // 9 + 2
    index: i64 = 0
    while index < count:
        digits: i64 = 9
        if index == 0:
            digits = whole % 9
        elif index == count - 1:
            digits = scale % 9
        if digits:
            groups.append(((digits + 1) // 2 if digits < 7 else 4, ten_to(digits)))
        index += 1
    return groups


def ten_to(digits: i64) -> i64:
    """Return 10 to the power of `digits`, at most 18."""
    power: i64 = 1
    while digits > 0:
        power *= 10
        digits -= 1
    return power


class DecimalText(Shaped):
    """A DECIMAL of at most 18 digits as plain text, or as the nearest double."""

    def __init__(self, precision: i64, scale: i64, as_double: bool) -> None:
        super().__init__()
        self.scale = scale
        self.unit = ten_to(scale)
        self.as_double = as_double
        self.groups = decimal_groups(precision, scale)

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        negative = data[pos] < 128
        mask: i64 = 255 if negative else 0
        sign: i64 = 128
        value: i64 = 0
        for size, limit in self.groups:
            number: i64 = 0
            index: i64 = 0
            while index < size:
                number = number << 8 | (i64(data[pos + index]) ^ mask ^ sign)
                sign = 0
                index += 1
            if number >= limit:
                raise ValueError("a digit group of a DECIMAL is too large")
            pos += size
            value = value * limit + number
        self.tag(out)
        if self.as_double:
            self.put_double(out, value, negative)
        else:
            self.put_text(out, value, negative)
        return pos

    def put_double(self, out: BytesWriter, value: i64, negative: bool) -> None:
        """A quotient of two exact doubles is rounded once; others are Python's."""
        if negative:
            value = -value
        if value < EXACT_DOUBLE and -value < EXACT_DOUBLE:
            write_f64_le(out, float(value) / float(self.unit))
        else:
            write_f64_le(out, int(value) / int(self.unit))

    def put_text(self, out: BytesWriter, value: i64, negative: bool) -> None:
        """Write the digits; zero has no sign."""
        scale: i64 = self.scale
        digits: i64 = 1
        rest: i64 = value // self.unit
        while rest > 9:
            rest //= 10
            digits += 1
        minus: i64 = 1 if negative and value else 0
        put_long(out, minus + digits + (scale + 1 if scale else 0))
        if minus:
            out.append(45)
        put_digits(out, value // self.unit, digits)
        if scale:
            out.append(46)
            put_digits(out, value % self.unit, scale)


class WideDecimal(Shaped):
    """A DECIMAL of more digits than 64 bits hold, in whatever form."""

    def __init__(self, precision: i64, scale: i64, finish: Callable[[int], bytes]) -> None:
        """`finish` makes of the unscaled value what stands behind the union's tag."""
        super().__init__()
        self.groups = decimal_groups(precision, scale)
        self.finish = finish

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        negative = data[pos] < 128
        mask: i64 = 255 if negative else 0
        sign: i64 = 128
        value: int = 0
        for size, limit in self.groups:
            number: i64 = 0
            index: i64 = 0
            while index < size:
                number = number << 8 | (i64(data[pos + index]) ^ mask ^ sign)
                sign = 0
                index += 1
            if number >= limit:
                raise ValueError("a digit group of a DECIMAL is too large")
            pos += size
            value = value * int(limit) + int(number)
        self.tag(out)
        out.write(self.finish(-value if negative else value))
        return pos


class UnsignedDecimal(Shaped):
    """BIGINT UNSIGNED as a number of its own size: two's complement in the fewest bytes."""

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        self.tag(out)
        value: i64 = little(data, pos, 8)
        if value >= 0:
            put_unscaled(out, value)
            return pos + 8
        put_long(out, 9)
        out.append(0)
        index: i64 = 7
        while index >= 0:
            out.append(data[pos + index])
            index -= 1
        return pos + 8


class DebeziumYear(Shaped):
    """YEAR whose 0000 is 1900."""

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        self.tag(out)
        put_long(out, 1900 + i64(data[pos]))
        return pos + 1


def put_day(out: BytesWriter, year: i64, month: i64, day: i64) -> None:
    """Write `2024-02-29`."""
    put_digits(out, year, 4)
    out.append(45)
    put_digits(out, month, 2)
    out.append(45)
    put_digits(out, day, 2)


def fraction_digits(micros: i64) -> i64:
    """Return how many digits a fraction of a second has without its trailing zeros."""
    if micros == 0:
        return 0
    digits: i64 = 6
    while micros % 10 == 0:
        micros //= 10
        digits -= 1
    return digits


def put_clock(out: BytesWriter, seconds: i64, micros: i64) -> None:
    """Write `12:34:56.7Z`."""
    put_digits(out, seconds // 3600, 2)
    out.append(58)
    put_digits(out, seconds // 60 % 60, 2)
    out.append(58)
    put_digits(out, seconds % 60, 2)
    digits: i64 = fraction_digits(micros)
    if digits:
        out.append(46)
        put_digits(out, micros // ten_to(6 - digits), digits)
    out.append(90)


def clock_size(micros: i64) -> i64:
    """Return the bytes of `put_clock`."""
    digits: i64 = fraction_digits(micros)
    return 10 + digits if digits else 9


class IsoDate(Shaped):
    """DATE as `2024-02-29Z`."""

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        packed: i64 = little(data, pos, 3)
        year: i64 = packed >> 9
        month: i64 = packed >> 5 & 15
        day: i64 = packed & 31
        if year == 0 or month == 0 or day == 0:
            out.write(self.zero)
            return pos + 3
        if self.adjust:
            year = adjusted(year)
        epoch_day(year, month, day)
        self.tag(out)
        put_long(out, 11)
        put_day(out, year, month, day)
        out.append(90)
        return pos + 3


class ShapedDateTime(Shaped):
    """DATETIME(n) as ns since the epoch, or as `2024-02-29T12:34:56.7Z`."""

    def __init__(self, fraction: i64, unit: i64, as_text: bool, null_outside: bool) -> None:
        """`fraction` bytes of a fraction in units of `unit` µs."""
        super().__init__(5 + fraction, null_outside)
        self.unit = unit
        self.as_text = as_text

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        after: i64 = pos + self.size
        packed: i64 = big(data, pos, 5) - 0x8000000000
        year_month: i64 = packed >> 22
        year: i64 = year_month // 13
        month: i64 = year_month % 13
        day: i64 = packed >> 17 & 31
        if year == 0 or month == 0 or day == 0:
            out.write(self.zero)
            return after
        if self.adjust:
            year = adjusted(year)
        days: i64 = epoch_day(year, month, day)
        hour: i64 = packed >> 12 & 31
        minute: i64 = packed >> 6 & 63
        second: i64 = packed & 63
        micros: i64 = big(data, pos + 5, self.size - 5) * self.unit
        if hour > 23 or minute > 59 or second > 59 or micros > 999_999:
            raise ValueError("no time of day")
        clock: i64 = hour * 3600 + minute * 60 + second
        if self.as_text:
            self.tag(out)
            put_long(out, 11 + clock_size(micros))
            put_day(out, year, month, day)
            out.append(84)
            put_clock(out, clock, micros)
            return after
        micros += (days * 86_400 + clock) * 1_000_000
        if micros > NANOS_US_MAX or micros < -NANOS_US_MAX:
            self.outside(out)
        else:
            self.tag(out)
            put_long(out, micros * 1000)
        return after


MILLIS_OF_DAY: Final = 0
ISO: Final = 1
ISO_WRAPPED: Final = 2


class ShapedTime(Shaped):
    """TIME(n) as ms of the day or as `12:34:56.7Z`: times from 00:00 to 24:00, both included."""

    def __init__(self, fraction: i64, unit: i64, form: i64, null_outside: bool) -> None:
        """`fraction` bytes of a fraction in units of `unit` µs; `form` is one of the above."""
        super().__init__(3 + fraction, null_outside)
        self.unit = unit
        self.form = form

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        micros: i64 = time_micros(data, pos, self.size, self.unit)
        if micros < 0 or micros > DAY_US:
            self.outside(out)
            return pos + self.size
        self.tag(out)
        if self.form == MILLIS_OF_DAY:
            put_long(out, micros // 1000)
            return pos + self.size
        if self.form == ISO_WRAPPED:
            micros %= DAY_US
        put_long(out, clock_size(micros % 1_000_000))
        put_clock(out, micros // 1_000_000, micros % 1_000_000)
        return pos + self.size


class Spatial(Shaped):
    """A point with its coordinates, or any other geometry: SRID and well-known binary as stored; of no bytes null."""

    def __init__(self, size: i64, is_point: bool) -> None:
        """`size`: bytes of the length before the cell."""
        super().__init__(size, null_outside=True)
        self.is_point = is_point

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        start: i64 = pos + self.size
        stop: i64 = start + little(data, pos, self.size)
        if stop == start and stop <= end:
            self.outside(out)
            return stop
        if stop > end or stop - start < 9:
            raise ValueError("a geometry is short")
        self.tag(out)
        wkb = data[start + 4 : stop]
        if self.is_point:
            if stop - start != 25 or data[start + 4] != 1 or little(data, start + 5, 4) != 1:
                raise ValueError("no point")
            put_fixed(out, data, start + 9, 16, end)
            out.append(2)
        put_bytes(out, wkb)
        srid: i64 = i64(read_i32_le(data, start))
        if srid == 0:
            out.append(0)
        else:
            out.append(2)
            put_long(out, srid)
        return stop


class Vector(Shaped):
    """VECTOR(n): an array of four-byte floats."""

    def put(self, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
        """See `put_cell`."""
        start: i64 = pos + self.size
        size: i64 = little(data, pos, self.size)
        if start + size > end or size % 4:
            raise ValueError("a vector is short")
        self.tag(out)
        if size:
            put_long(out, size // 4)
            put_fixed(out, data, start, size, end)
        out.append(0)
        return start + size
