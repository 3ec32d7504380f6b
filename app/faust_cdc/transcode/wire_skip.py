"""Sizes of the cells of row images, which a table map tells whatever their values mean.

So a column that is left out is stepped over even where nothing can be made of its type, a bad value does not hide the
cells after it, and partial updates are taken apart. Layouts: see `wire`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.errors import UnsupportedColumn
from faust_cdc.transcode.numbers import decimal_size
from faust_cdc.transcode.temporal import FRACTION_SIZE

Read = Callable[[bytes, int], tuple[Any, int]]
"""(row image, position) → (value, position after it). Raises ValueError, IndexError or struct.error."""

_FIXED: Final = {
    **dict.fromkeys((codes.TINY, codes.YEAR), 1),
    codes.SHORT: 2,
    **dict.fromkeys((codes.INT24, codes.DATE, codes.NEWDATE, codes.TIME), 3),
    **dict.fromkeys((codes.LONG, codes.FLOAT, codes.TIMESTAMP), 4),
    **dict.fromkeys((codes.LONGLONG, codes.DOUBLE, codes.DATETIME), 8),
}
_WITH_FRACTION: Final = {codes.TIMESTAMP2: 4, codes.DATETIME2: 5, codes.TIME2: 3}
"""Size without the fraction."""
OLD_WITH_FRACTION: Final = {
    codes.TIME: (3, 4, 4, 5, 5, 5, 6),
    codes.DATETIME: (5, 6, 6, 7, 7, 7, 8),
    codes.TIMESTAMP: tuple(4 + size for size in FRACTION_SIZE),
}
"""MariaDB's old temporal formats (`mysql56_temporal_format=OFF`): size by fraction digits, of which there are some."""
_BLOBS: Final = frozenset((codes.BLOB, codes.JSON, codes.GEOMETRY, codes.VECTOR, codes.MARIA_BLOB_COMPRESSED))
_STRINGS: Final = frozenset((codes.VARCHAR, codes.VAR_STRING, codes.STRING, codes.MARIA_VARCHAR_COMPRESSED))


def length_size(wire: TableMapColumn) -> int | None:
    """Return the size of the length that stands before a cell, None for a type without one.

    Blobs say it; strings have one byte up to a maximum of 255.
    """
    if wire.type_code in _BLOBS:
        return wire.metadata
    if wire.type_code in _STRINGS:
        return 1 if wire.metadata <= 255 else 2
    return None


def skipper(wire: TableMapColumn, where: str, digits: int = 0) -> Read:
    """Return a reader that gives None for a cell and the position after it.

    `digits` are the column's fraction digits, which the table map does not tell of the old temporal formats. Raises
    UnsupportedColumn, beginning with `where`, for a type code of unknown layout.
    """
    length = length_size(wire)
    if length is not None:
        return _step_over(length)
    size = cell_size(wire, digits)
    if size is None:
        raise UnsupportedColumn(
            f"{where}: type code {wire.type_code} in the table map, whose size in a row is not known.",
            remedy="exclude the table with table.exclude.list",
        )
    return lambda _data, pos: (None, pos + size)


def cell_size(wire: TableMapColumn, digits: int = 0) -> int | None:
    """Return the size of a cell without a length before it, None where it is not known; `digits` as for `skipper`."""
    code, metadata = wire.type_code, wire.metadata
    if digits and code in OLD_WITH_FRACTION:
        return OLD_WITH_FRACTION[code][digits]
    if code in _WITH_FRACTION:
        return _WITH_FRACTION[code] + FRACTION_SIZE[metadata]
    if code == codes.NEWDECIMAL:
        return decimal_size(metadata >> 8, metadata & 255)
    if code == codes.BIT:
        return (metadata >> 8) + (1 if metadata & 255 else 0)
    return metadata if code in (codes.ENUM, codes.SET) else _FIXED.get(code)


def _step_over(length_size: int) -> Read:
    def skip(data: bytes, pos: int) -> tuple[Any, int]:
        start = pos + length_size
        return None, start + int.from_bytes(data[pos:start], "little")

    return skip
