"""Stepping over cells of row images whose columns are left out: their size is known from the table map alone.

So a column of a type that nothing can be made of can be left out too. Layouts: see `wire`.
"""

from __future__ import annotations

from typing import Any, Final

from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.errors import UnsupportedColumn
from faust_cdc.transcode.numbers import decimal_size
from faust_cdc.transcode.temporal import FRACTION_SIZE
from faust_cdc.transcode.wire import Read

_FIXED: Final = {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 7: 4, 8: 8, 9: 3, 10: 3, 11: 3, 12: 8, 13: 1, 14: 3}
"""TINY, SHORT, LONG, FLOAT, DOUBLE, TIMESTAMP, LONGLONG, INT24, DATE, TIME, DATETIME, YEAR, NEWDATE: size in bytes."""
_WITH_FRACTION: Final = {17: 4, 18: 5, 19: 3}
"""TIMESTAMP2, DATETIME2, TIME2: size without the fraction."""
_BIT, _NEWDECIMAL, _ENUM, _SET = 16, 246, 247, 248
_BLOBS: Final = frozenset({140, 242, 245, 252, 255})
"""MariaDB's BLOB COMPRESSED, VECTOR, JSON, BLOB, GEOMETRY: the table map says the size of the length."""
_STRINGS: Final = frozenset({15, 141, 253, 254})
"""VARCHAR, MariaDB's VARCHAR COMPRESSED, VAR_STRING, STRING: the length has one byte up to a maximum of 255."""


def cell_width(wire: TableMapColumn, where: str) -> tuple[int, bool]:
    """Return (bytes, False) of a cell, or (bytes of the length that stands before it, True).

    Raises UnsupportedColumn, beginning with `where`, for a type code of unknown layout.
    """
    code, metadata = wire.type_code, wire.metadata
    if code in _FIXED:
        return _FIXED[code], False
    if code in _WITH_FRACTION:
        return _WITH_FRACTION[code] + FRACTION_SIZE[metadata], False
    if code == _NEWDECIMAL:
        return decimal_size(metadata >> 8, metadata & 255), False
    if code == _BIT:
        return (metadata >> 8) + (1 if metadata & 255 else 0), False
    if code in (_ENUM, _SET):
        return metadata, False
    if code in _BLOBS:
        return metadata, True
    if code in _STRINGS:
        return (1 if metadata <= 255 else 2), True
    raise UnsupportedColumn(
        f"{where}: type code {code} in the table map, whose size in a row is not known.",
        remedy="exclude the table with table.exclude.list",
    )


def skipper(wire: TableMapColumn, where: str) -> Read:
    """Return a reader that gives None for a cell and the position after it. Raises as `cell_width` does."""
    size, is_counted = cell_width(wire, where)
    return _step_over(size) if is_counted else _step(size)


def _step(size: int) -> Read:
    return lambda _data, pos: (None, pos + size)


def _step_over(length_size: int) -> Read:
    def skip(data: bytes, pos: int) -> tuple[Any, int]:
        start = pos + length_size
        return None, start + int.from_bytes(data[pos:start], "little")

    return skip
