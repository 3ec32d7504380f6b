"""A row that could not be read, read again cell by cell: which cells are bad, their bytes, and all the others.

Runs only after a `ValueConversionError`, so that the readers need to keep no error context: a table map says how many
bytes each cell has, whatever they mean, so a bad value does not hide the cells after it. Only where the sizes
themselves make no sense (a cell that ends behind the rows) the next row cannot be found any more.
Source of the sizes: mysql-server `libs/mysql/binlog/event/binary_log_funcs.cpp` (`calc_field_size`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from faust_cdc.binlog.events import TableMapColumn, TableMapEvent
from faust_cdc.errors import InternalError
from faust_cdc.transcode.numbers import decimal_size
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.reference import UNAVAILABLE, Cell, ReferenceTranscoder
from faust_cdc.transcode.temporal import FRACTION_SIZE

_FIXED: Final = {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 7: 4, 8: 8, 9: 3, 10: 3, 11: 3, 12: 8, 13: 1, 14: 3}
"""Type code → bytes of a cell."""
_FRACTIONAL: Final = {17: 4, 18: 5, 19: 3}
"""TIMESTAMP2, DATETIME2, TIME2: bytes before the fraction."""
_BIT, _NEWDECIMAL, _LABELS, _STRINGS, _BLOBS = 16, 246, (247, 248), (15, 253, 254), (242, 245, 252, 255)
_READ_ERRORS = (ValueError, IndexError, struct.error)


class Unwalkable(Exception):
    """The row's end cannot be found, so neither can the rows after it."""


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell that is no value of its column."""

    column: ColumnPlan
    raw: bytes
    """As it stands in the row image, with its length prefix; in a snapshot as the server sent it."""
    cause: str


@dataclass(frozen=True, slots=True)
class Rescued:
    """A row with None in the place of its bad cells."""

    values: list[Any]
    end: int
    """Offset after the row; 0 for snapshot rows."""
    bad: tuple[BadCell, ...]


def rescue_image(
    transcoder: ReferenceTranscoder, table_map: TableMapEvent, rows: memoryview, offset: int, present: bytes
) -> Rescued:
    """Read the row image at `offset` of an event's rows as far as it can be read. Raises Unwalkable."""
    data, columns = bytes(rows), transcoder.plan.columns
    shown = [bool(present[i >> 3] >> (i & 7) & 1) for i in range(len(columns))]
    pos = offset + (sum(shown) + 7) // 8
    nulls = int.from_bytes(data[offset:pos], "little")
    values: list[Any] = []
    bad: list[BadCell] = []
    for one, on_wire, read, is_shown in zip(columns, table_map.columns, transcoder.readers, shown, strict=True):
        if not is_shown:
            values.append(UNAVAILABLE)
            continue
        is_null, nulls = nulls & 1, nulls >> 1
        if is_null:
            values.append(None)
            if not one.optional:
                bad.append(BadCell(one, b"", "NULL in a NOT NULL column"))
            continue
        end = pos + _cell_size(on_wire, data, pos)
        if end > len(data):
            raise Unwalkable(f"column {one.column.name!r} would end at byte {end}, the event's rows at {len(data)}")
        try:
            value, read_to = read(data, pos)
            if read_to != end:
                raise ValueError(f"read to byte {read_to}, expected {end}")
            values.append(value)
        except _READ_ERRORS as error:
            values.append(None)
            bad.append(BadCell(one, data[pos:end], str(error)))
        pos = end
    return Rescued(values, pos, tuple(bad))


def rescue_cells(transcoder: ReferenceTranscoder, cells: Sequence[Cell]) -> Rescued:
    """Read the cells of a snapshot row as far as they can be read."""
    values: list[Any] = []
    bad: list[BadCell] = []
    for one, read, cell in zip(transcoder.plan.columns, transcoder.text_readers, cells, strict=True):
        raw = None if cell is None else cell if isinstance(cell, bytes) else str(cell).encode()
        try:
            values.append(None if raw is None else read(raw))
        except _READ_ERRORS as error:
            values.append(None)
            bad.append(BadCell(one, raw or b"", str(error)))
    return Rescued(values, 0, tuple(bad))


def _cell_size(column: TableMapColumn, data: bytes, pos: int) -> int:
    code, metadata = column.type_code, column.metadata
    if code in _FIXED:
        return _FIXED[code]
    if code in _FRACTIONAL:
        return _FRACTIONAL[code] + FRACTION_SIZE[metadata]
    if code == _NEWDECIMAL:
        return decimal_size(metadata >> 8, metadata & 255)
    if code == _BIT:
        return (metadata >> 8) + (metadata & 255 > 0)
    if code in _LABELS:
        return metadata
    if code in _STRINGS or code in _BLOBS:
        prefix = metadata if code in _BLOBS else 1 if metadata <= 255 else 2
        return prefix + int.from_bytes(data[pos : pos + prefix], "little")
    raise InternalError(f"no cell size is known for type code {code}, though the plan reads it")
