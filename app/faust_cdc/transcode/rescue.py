"""A row that could not be read, read again cell by cell: which cells are bad, their bytes, and all the others.

Runs only after a `ValueConversionError`, so that the readers need to keep no error context: a table map says how many
bytes each cell has, whatever they mean, so a bad value does not hide the cells after it. Only where the sizes
themselves make no sense (a cell that ends behind the rows) the next row cannot be found any more.
The sizes are those of `wire_skip`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from faust_cdc.binlog.events import TableMapEvent
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.reference import UNAVAILABLE, Cell, ReferenceTranscoder
from faust_cdc.transcode.wire_skip import Read, skipper

_HIDDEN_SIZE = 8
"""Of a BIGINT, as hidden columns are."""
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
    data, plan = bytes(rows), transcoder.plan
    by_name = {one.column.name: one for one in plan.columns}
    shown = [bool(present[i >> 3] >> (i & 7) & 1) for i in range(len(table_map.columns))]
    pos = offset + (sum(shown) + 7) // 8
    nulls = int.from_bytes(data[offset:pos], "little")
    values: list[Any] = []
    bad: list[BadCell] = []
    cells = zip(plan.table.columns, table_map.columns, transcoder.readers, shown, strict=False)
    for column, on_wire, read, is_shown in cells:
        one, value = by_name.get(column.name), None
        if not is_shown:
            value = UNAVAILABLE
        else:
            is_null, nulls = nulls & 1, nulls >> 1
            if is_null:
                if one is not None and not one.optional:
                    bad.append(BadCell(one, b"", "NULL in a NOT NULL column"))
            else:
                _, end = skipper(on_wire, f"{plan.table.id}, column {column.name!r}", column.length or 0)(data, pos)
                if end > len(data):
                    raise Unwalkable(f"column {column.name!r} would end at byte {end}, the event's rows at {len(data)}")
                value = None if one is None else _read(one, read, data, pos, end, bad)
                pos = end
        if one is not None:
            values.append(value)
    for is_shown in shown[len(plan.table.columns) :]:  # hidden ones, which nobody reads
        if is_shown:
            pos += 0 if nulls & 1 else _HIDDEN_SIZE
            nulls >>= 1
    return Rescued(transcoder.finished(values), pos, tuple(bad))


def _read(one: ColumnPlan, read: Read, data: bytes, pos: int, end: int, bad: list[BadCell]) -> Any:
    """Return the value of a cell; None where it is none, and then it is added to `bad`."""
    try:
        value, read_to = read(data, pos)
    except _READ_ERRORS as error:
        bad.append(BadCell(one, data[pos:end], str(error)))
        return None
    if read_to == end:
        return value
    bad.append(BadCell(one, data[pos:end], f"read to byte {read_to}, expected {end}"))
    return None


def rescue_cells(transcoder: ReferenceTranscoder, cells: Sequence[Cell]) -> Rescued:
    """Read the cells of a snapshot row as far as they can be read."""
    values: list[Any] = []
    bad: list[BadCell] = []
    for one, read, cell in zip(transcoder.plan.columns, transcoder.text_readers, cells, strict=False):
        raw = None if cell is None else cell if isinstance(cell, bytes) else str(cell).encode()
        try:
            values.append(None if raw is None else read(raw))
        except _READ_ERRORS as error:
            values.append(None)
            bad.append(BadCell(one, raw or b"", str(error)))
    return Rescued(transcoder.finished(values), 0, tuple(bad))
