"""One cell of a result row in the binary protocol into the bytes of its Avro field: what `cells` is to row images.

Compiled by mypyc. A `Cell` is what `result_program` made of a column: an operation of `cells` and its numbers, read
here from the layout of COM_STMT_EXECUTE's answer (MySQL Internals, "Binary Protocol Resultset Row"): integers and
floats little-endian, dates and times as bytes of their parts behind a length, everything else as text behind a length.
"""

from __future__ import annotations

from librt.strings import BytesWriter, read_f32_le, read_f64_le, write_f64_le
from mypy_extensions import i64, u8

from faust_cdc.transcode.compiled.calendar import adjusted, epoch_day
from faust_cdc.transcode.compiled.cells import (
    BITS,
    BOOLEAN,
    CODED_TEXT,
    COLD,
    DATE,
    DATETIME,
    DECIMAL,
    DOUBLE,
    ENUM,
    FLOAT,
    FLOAT_AS_DOUBLE,
    INT,
    JSON,
    OCTETS,
    SET,
    TEXT,
    TIME,
    TIMESTAMP,
    UINT,
    Cell,
    little_signed,
    put_cold,
    put_fixed,
    put_labels,
    put_unscaled,
)
from faust_cdc.transcode.compiled.octets import little, put_bytes, put_digits, put_long
from faust_cdc.transcode.compiled.printed_json import put_printed

TIME_DAYS_MAX: i64 = 366
"""More than any TIME has, and few enough for 64 bits of ns."""


def put_result_cell(cell: Cell, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
    """Write the field of the cell at `pos`, its union tag before it; return the position after the cell.

    Raises ValueError, IndexError or UnicodeDecodeError for bytes that are no value of the column.
    """
    code: i64 = cell.code
    if code >= DATETIME and code <= TIMESTAMP:
        return put_moment(cell, out, data, pos, end)
    if code == COLD:
        return put_cold(cell, out, data, pos)
    if cell.value_tag >= 0:
        out.append(u8(cell.value_tag))
    size: i64 = cell.size
    if code == INT:
        put_long(out, little_signed(data, pos, size))
        return pos + size
    if code == UINT:
        put_long(out, little(data, pos, size))
        return pos + size
    if code == DOUBLE or code == FLOAT:
        number = read_f64_le(data, pos) if code == DOUBLE else read_f32_le(data, pos)
        if number != number:
            raise ValueError("no number: a server has none such, and its bytes are not told by text")
        return put_fixed(out, data, pos, size, end)
    if code == ENUM or code == SET:
        members: i64 = little(data, pos, size)
        if code == ENUM and members < 0:
            raise ValueError("an ENUM index beyond the labels")
        put_labels(cell, out, members)
        return pos + size
    if code == FLOAT_AS_DOUBLE:
        single = read_f32_le(data, pos)
        if single != single:
            raise ValueError("no number")
        write_f64_le(out, single)
        return pos + 4
    if code == TIME:
        return put_clock(cell, out, data, pos, end)
    start: i64 = pos + 1
    length: i64 = i64(data[pos])
    if length >= 251:
        if length == 252:
            size = 2
        elif length == 253:
            size = 3
        elif length == 254:
            size = 8
        else:
            raise ValueError("no length")
        length = little(data, start, size)
        start += size
    if length < 0 or length > end - start:
        raise ValueError("a cell overruns the row")
    put_counted(cell, code, out, data, start, start + length)
    return start + length


def put_counted(cell: Cell, code: i64, out: BytesWriter, data: bytes, start: i64, stop: i64) -> None:
    """Write what a cell's text in `data[start:stop]` says."""
    if code == DECIMAL:
        put_decimal(cell, out, data, start, stop)
    elif code == JSON:
        text = data[start:stop]
        if not text.isascii():
            text.decode()
        document = BytesWriter()
        put_printed(document, data, start, stop)
        put_bytes(out, document.getvalue())
    elif code == BOOLEAN:
        if stop - start != 1:
            raise ValueError("no BIT(1)")
        out.append(1 if data[start] else 0)
    elif code == BITS:
        put_bits(cell, out, data, start, stop)
    else:
        value = data[start:stop]
        if code == TEXT:
            if not value.isascii():
                value.decode()
        elif code == CODED_TEXT:
            if not (cell.a and value.isascii()):
                decode = cell.decode
                assert decode is not None
                value = decode(value).encode()
        elif code != OCTETS:
            raise ValueError("no such operation")
        put_bytes(out, value)


def put_decimal(cell: Cell, out: BytesWriter, data: bytes, start: i64, stop: i64) -> None:
    """Write a DECIMAL's unscaled value; `a` is its scale. Its digits are at most 18."""
    pos: i64 = start
    negative = pos < stop and data[pos] == 45
    if negative:
        pos += 1
    point: i64 = -1
    digits: i64 = 0
    value: i64 = 0
    while pos < stop:
        code: i64 = i64(data[pos])
        pos += 1
        if code == 46 and point < 0 and digits:
            point = pos
            continue
        if code < 48 or code > 57:
            raise ValueError("no digit of a DECIMAL")
        value = value * 10 + code - 48
        digits += 1
    fraction: i64 = 0 if point < 0 else stop - point
    if not digits or digits > 18 or fraction != cell.a:
        raise ValueError("no DECIMAL of this column")
    put_unscaled(out, -value if negative else value)


def put_bits(cell: Cell, out: BytesWriter, data: bytes, start: i64, stop: i64) -> None:
    """Write a BIT(n) of `size` bytes, lowest first; `a` masks the bits that the first of them has."""
    if stop - start != cell.size or i64(data[start]) & ~cell.a:
        raise ValueError("more bits than the column has")
    put_long(out, stop - start)
    pos: i64 = stop
    while pos > start:
        pos -= 1
        out.append(data[pos])


def put_moment(cell: Cell, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
    """Write a DATE, DATETIME or TIMESTAMP; `zero` stands for zero and partial dates.

    `a` is how many µs the last digit of the fraction counts.
    """
    code: i64 = cell.code
    size: i64 = i64(data[pos])
    after: i64 = pos + 1 + size
    if after > end or not (size == 0 or size == 4 or (code != DATE and (size == 7 or size == 11))):
        raise ValueError("no such size of a date")
    if size == 0:
        out.write(cell.zero)
        return after
    year: i64 = little(data, pos + 1, 2)
    month: i64 = i64(data[pos + 3])
    day: i64 = i64(data[pos + 4])
    if (year | month | day) == 0 or (code != TIMESTAMP and (year == 0 or month == 0 or day == 0)):
        out.write(cell.zero)
        return after
    days: i64 = epoch_day(adjusted(year) if cell.adjust and year < 100 else year, month, day)
    if cell.value_tag >= 0:
        out.append(u8(cell.value_tag))
    if code == DATE:
        put_long(out, days)
        return after
    hour: i64 = 0
    minute: i64 = 0
    second: i64 = 0
    micros: i64 = 0
    if size > 4:
        hour = i64(data[pos + 5])
        minute = i64(data[pos + 6])
        second = i64(data[pos + 7])
    if size > 7:
        micros = little(data, pos + 8, 4)
    if hour > 23 or minute > 59 or second > 59 or micros > 999_999 or micros % cell.a:
        raise ValueError("no time of day")
    if code == TIMESTAMP:
        put_long(out, 20 + (cell.size + 1 if cell.size else 0))
        put_digits(out, year, 4)
        put_pair(out, 45, month)
        put_pair(out, 45, day)
        put_pair(out, 84, hour)
        put_pair(out, 58, minute)
        put_pair(out, 58, second)
        if cell.size:
            out.append(46)
            put_digits(out, micros // cell.a, cell.size)
        out.append(90)
        return after
    seconds: i64 = days * 86_400 + hour * 3600 + minute * 60 + second
    if cell.b == 1000:
        put_long(out, seconds * 1000 + micros // 1000)
    else:
        put_long(out, seconds * 1_000_000 + micros)
    return after


def put_pair(out: BytesWriter, separator: i64, number: i64) -> None:
    """Write a separator and two digits."""
    out.append(u8(separator))
    out.append(u8(48 + number // 10))
    out.append(u8(48 + number % 10))


def put_clock(cell: Cell, out: BytesWriter, data: bytes, pos: i64, end: i64) -> i64:
    """Write a TIME in µs times `b`; `a` is how many µs the last digit of its fraction counts."""
    size: i64 = i64(data[pos])
    after: i64 = pos + 1 + size
    if after > end or not (size == 0 or size == 8 or size == 12):
        raise ValueError("no such size of a TIME")
    total: i64 = 0
    if size:
        sign: i64 = i64(data[pos + 1])
        days: i64 = little(data, pos + 2, 4)
        hour: i64 = i64(data[pos + 6])
        minute: i64 = i64(data[pos + 7])
        second: i64 = i64(data[pos + 8])
        micros: i64 = little(data, pos + 9, 4) if size == 12 else 0
        wrong = sign > 1 or days > TIME_DAYS_MAX or hour > 23 or minute > 59 or second > 59
        if wrong or micros > 999_999 or micros % cell.a:
            raise ValueError("no TIME")
        total = ((days * 24 + hour) * 3600 + minute * 60 + second) * 1_000_000 + micros
        if sign:
            total = -total
    put_long(out, total * cell.b)
    return after
