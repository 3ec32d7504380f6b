"""Rows of a prepared statement's answer, in Python: column definitions, and cells as the text protocol would show them.

The text is for the reference transcoder, which reads text: columns without an operation of the compiled one, and rows
that it could not read. Layouts: MySQL Internals, "Column Definition", "Binary Protocol Resultset Row" and "Value".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, TIMESTAMP, LONGLONG, INT24, DATE, TIME, DATETIME, YEAR = (
    *range(1, 10),
    *range(10, 14),
)
DECIMAL, BIT, NEWDECIMAL = 0, 16, 246

INTEGER_SIZES = {TINY: 1, SHORT: 2, YEAR: 2, LONG: 4, INT24: 4, LONGLONG: 8}
"""Type → bytes of a cell, of the types sent as integers."""
_COUNTED = frozenset((DECIMAL, 15, BIT, 242, 245, NEWDECIMAL, *range(247, 256)))
"""Types whose cells are bytes behind their length."""
_UNSIGNED_FLAG = 32
_LENGTH_SIZES = {252: 2, 253: 3, 254: 8}

ReadText = Callable[[bytes, int], tuple[bytes, int]]
"""(data, position of a cell that is not null) → (its text, position after it). Raises ValueError or IndexError."""


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result set."""

    type_code: int
    unsigned: bool
    decimals: int
    """Fraction digits of a date or time."""

    @property
    def is_counted(self) -> bool:
        """Say whether a cell is bytes behind their length."""
        return self.type_code in _COUNTED


def column_of(packet: bytes) -> ResultColumn:
    """Return what a column definition packet says. Raises ValueError."""
    pos = 0
    for _ in range(6):  # catalog, schema, table and column names under their aliases
        _, pos = _counted(packet, pos)
    if len(packet) < pos + 13:
        raise ValueError(f"a column definition of {len(packet)} bytes")
    type_code, flags, decimals = struct.unpack_from("<BHB", packet, pos + 7)
    return ResultColumn(type_code, bool(flags & _UNSIGNED_FLAG), decimals)


def text_cells(row: bytes, readers: Sequence[ReadText]) -> tuple[bytes | None, ...]:
    """Return the cells of a row (its packet, first byte included) as text, None for NULL. Raises ValueError."""
    pos = 1 + (len(readers) + 9) // 8
    nulls = int.from_bytes(row[1:pos], "little") >> 2
    cells: list[bytes | None] = []
    try:
        for index, read in enumerate(readers):
            if nulls >> index & 1:
                cells.append(None)
            else:
                text, pos = read(row, pos)
                cells.append(text)
    except (IndexError, struct.error) as error:
        raise ValueError(f"a row of {len(row)} bytes ends in the middle of a cell") from error
    if pos != len(row):
        raise ValueError(f"a row of {len(row)} bytes whose cells end at byte {pos}")
    return tuple(cells)


def text_reader(column: ResultColumn) -> ReadText:
    """Return what reads the cells of a column as text. Raises ValueError for a type that no answer has."""
    code, digits = column.type_code, min(column.decimals, 6)
    if code in INTEGER_SIZES:
        return _integers(INTEGER_SIZES[code], not column.unsigned, b"%04d" if code == YEAR else b"%d")
    if code in (FLOAT, DOUBLE):
        return _reals(struct.Struct("<f" if code == FLOAT else "<d"))
    if code in (DATE, DATETIME, TIMESTAMP):
        return lambda data, pos: _moment(data, pos, digits, with_time=code != DATE)
    if code == TIME:
        return lambda data, pos: _clock(data, pos, digits)
    if column.is_counted:
        return _counted
    raise ValueError(f"the server sends a column of type {code}, which is not known")


def _counted(data: bytes, pos: int) -> tuple[bytes, int]:
    length, start = data[pos], pos + 1
    if length > 250:
        size = _LENGTH_SIZES.get(length)
        if size is None:
            raise ValueError(f"no length at byte {pos}")
        length, start = int.from_bytes(data[start : start + size], "little"), start + size
    if start + length > len(data):
        raise ValueError(f"{length} bytes at byte {start} of {len(data)}")
    return data[start : start + length], start + length


def _integers(size: int, signed: bool, shown: bytes) -> ReadText:
    def read(data: bytes, pos: int) -> tuple[bytes, int]:
        return shown % int.from_bytes(data[pos : pos + size], "little", signed=signed), pos + size

    return read


def _reals(layout: struct.Struct) -> ReadText:
    def read(data: bytes, pos: int) -> tuple[bytes, int]:
        return repr(layout.unpack_from(data, pos)[0]).encode(), pos + layout.size

    return read


def _fraction(micros: int, digits: int) -> str:
    return f".{micros:06}"[: digits + 1] if digits else ""


def _moment(data: bytes, pos: int, digits: int, *, with_time: bool) -> tuple[bytes, int]:
    size = data[pos]
    end = pos + 1 + size
    if size not in ((0, 4, 7, 11) if with_time else (0, 4)) or end > len(data):
        raise ValueError(f"a date of {size} bytes")
    raw = data[pos + 1 : end].ljust(11, b"\x00")
    year, month, day, hour, minute, second, micros = struct.unpack("<HBBBBBI", raw)
    text = f"{year:04}-{month:02}-{day:02}"
    if with_time:
        text += f" {hour:02}:{minute:02}:{second:02}{_fraction(micros, digits)}"
    return text.encode(), end


def _clock(data: bytes, pos: int, digits: int) -> tuple[bytes, int]:
    size = data[pos]
    end = pos + 1 + size
    if size not in (0, 8, 12) or end > len(data):
        raise ValueError(f"a TIME of {size} bytes")
    negative, days, hour, minute, second, micros = struct.unpack("<BIBBBI", data[pos + 1 : end].ljust(12, b"\x00"))
    text = f"{days * 24 + hour:02}:{minute:02}:{second:02}{_fraction(micros, digits)}"
    return (f"-{text}" if negative else text).encode(), end
