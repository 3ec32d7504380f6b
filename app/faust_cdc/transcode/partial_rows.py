"""Partial JSON updates (PARTIAL_UPDATE_ROWS_EVENT) into ordinary updates with full row images.

After that nobody need know of them: the rows are those that the server would have written without
`binlog_row_value_options=PARTIAL_JSON`. Layout (mysql-server `sql/rpl_record.cc`, unpack_row): the before image as
always; then the value options as a length-encoded integer, and, when its lowest bit is set, one bit per JSON column of
the table, whether the image holds the column or not; then null bits and cells, where the cell of a JSON column whose
bit is set holds differences to its old value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import RowsEvent
from faust_cdc.errors import ValueConversionError
from faust_cdc.transcode.json_document import (
    apply_differences,
    encode_document,
    length_encoded_int,
    parse_document,
    read_differences,
)
from faust_cdc.transcode.wire_skip import Read, skipper


def full_images(event: RowsEvent) -> RowsEvent:
    """Return the update that `event`, a partial update, stands for.

    Raises ValueConversionError naming table, column and position: the before image lacks the old document, or the
    differences do not fit it. Raises UnsupportedColumn for a column whose size in a row is not known.
    """
    rows = event.rows.tobytes()
    table = f"{event.table_map.database}.{event.table_map.table}"
    out: list[bytes] = []
    skippers = [skipper(one, f"{table}, column {index + 1}") for index, one in enumerate(event.table_map.columns)]
    pos = row = 0
    while pos < len(rows):
        walk = _Walk(event, skippers, rows, f"{table} at {event.header.file}:{event.header.pos}, row {row}")
        start = pos
        try:
            before, pos = walk.image(pos, event.columns_present[0])
            after, pos = walk.after_image(pos, before)
        except (ValueError, IndexError) as error:
            raise ValueConversionError(
                f"{walk.where}, column {walk.column}: {error}.",
                remedy="set binlog_row_image=FULL with binlog_row_value_options=PARTIAL_JSON, or exclude the table",
            ) from error
        out += (rows[start : walk.before_end], after)
        row += 1
    return dataclasses.replace(event, kind="update", rows=memoryview(b"".join(out)))


class _Walk:
    """The walk over one row; it knows where it is when something does not fit."""

    def __init__(self, event: RowsEvent, skippers: list[Read], rows: bytes, where: str) -> None:
        self.where = where
        self.column = ""
        self.before_end = 0
        self._event, self._rows = event, rows
        self._columns = event.table_map.columns
        self._skippers = skippers

    def image(self, pos: int, present: bytes) -> tuple[list[bytes | None], int]:
        """Return (cell of each column, None where it is absent or NULL; position after the image)."""
        nulls, pos = self._nulls(pos, present)
        cells: list[bytes | None] = []
        for is_null in nulls:
            start = pos
            if is_null is False:
                self._at(len(cells))
                _, pos = self._skippers[len(cells)](self._rows, pos)
            cells.append(self._rows[start:pos] if is_null is False else None)
        if pos > len(self._rows):
            raise ValueError(f"the row ends at byte {pos}, the event's rows at {len(self._rows)}")
        self.before_end = pos
        return cells, pos

    def after_image(self, pos: int, before: list[bytes | None]) -> tuple[bytes, int]:
        """Return (the after image as a full one, position after the partial one)."""
        rows, present = self._rows, self._event.columns_present[1]
        options, pos = length_encoded_int(rows, pos)
        partial: Iterator[bool] = iter(())
        if options & 1:
            count = sum(column.type_code == codes.JSON for column in self._columns)
            size = (count + 7) // 8
            partial = _bits(rows[pos : pos + size], count)
            pos += size
        start = pos
        nulls, pos = self._nulls(pos, present)
        out = [rows[start:pos]]
        for index, (column, is_null) in enumerate(zip(self._columns, nulls, strict=True)):
            is_partial = column.type_code == codes.JSON and next(partial, False)
            if is_null is not False:
                continue
            self._at(index)
            _, end = self._skippers[index](rows, pos)
            if end > len(rows):
                raise ValueError(f"the row ends at byte {end}, the event's rows at {len(rows)}")
            out.append(_updated(before[index], rows[pos:end], column.metadata) if is_partial else rows[pos:end])
            pos = end
        return b"".join(out), pos

    def _nulls(self, pos: int, present: bytes) -> tuple[list[bool | None], int]:
        """Return (per column: NULL or not, None when absent; position after the null bits)."""
        shown = list(_bits(present, len(self._columns)))
        size = (sum(shown) + 7) // 8
        nulls = _bits(self._rows[pos : pos + size], sum(shown))
        return [next(nulls) if one else None for one in shown], pos + size

    def _at(self, index: int) -> None:
        self.column = repr(self._columns[index].name) if self._columns[index].name else str(index + 1)


def _bits(data: bytes, count: int) -> Iterator[bool]:
    if len(data) * 8 < count:
        raise ValueError(f"{len(data)} bytes for {count} bits")
    return (bool(data[index >> 3] >> (index & 7) & 1) for index in range(count))


def _updated(before: bytes | None, cell: bytes, length_size: int) -> bytes:
    """Return the new cell of a JSON column from its old one and the cell that holds the differences."""
    if before is None:
        raise ValueError("the before image does not hold the document that differences are given to")
    if len(cell) == length_size:
        return before
    document = parse_document(before[length_size:])
    data = encode_document(apply_differences(document, read_differences(cell[length_size:])))
    return len(data).to_bytes(length_size, "little") + data
