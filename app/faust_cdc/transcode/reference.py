"""The reference transcoder: row images and snapshot cells into rows, rows into bytes, readable first.

Why equal rows give equal bytes on both paths: `read_row` (binlog) and `read_text_row` (snapshot) end in the same `Row`
of Avro-ready values, and only `key` and `value` encode, with the encoding that was bound to the plan (`encoding`).

A row is walked once. Its reader checks that the walk ends inside the event's rows; the caller goes on until the rows
are used up, so bytes are consumed exactly. Only after an error is the place looked up that the message names.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from faust_cdc.binlog.events import TableMapEvent
from faust_cdc.errors import InternalError, SchemaOutOfSync, TableError, ValueConversionError
from faust_cdc.transcode import text, wire
from faust_cdc.transcode.avro_encoding import avro_key, avro_value
from faust_cdc.transcode.encoding import Encoding
from faust_cdc.transcode.forms import Form, plain_decimal
from faust_cdc.transcode.java_text import double_text, float_text
from faust_cdc.transcode.plan import TranscodePlan
from faust_cdc.transcode.row import UNAVAILABLE, Row
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.names import CONNECT_DATE, CONNECT_TIME, CONNECT_TIMESTAMP

__all__ = ["UNAVAILABLE", "Cell", "ReferenceTranscoder", "Row"]

Cell = bytes | str | int | float | None
"""A cell of a snapshot query: text protocol bytes, or what a driver made of them."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """Readers for one layout of row images."""

    reads: tuple[wire.Read, ...]
    required: bytes
    """One byte per column: 1 where null is impossible."""


class ReferenceTranscoder:
    """Carries out one plan. Not thread-safe: one per connector task."""

    def __init__(
        self,
        plan: TranscodePlan,
        key_schema_id: int | None = None,
        value_schema_id: int = 0,
        *,
        encoding: Encoding | None = None,
    ) -> None:
        """`encoding` None: Avro in wire format, under the two schema ids."""
        self.plan = plan
        self._bound: _Bound | None = None
        self._data = b""
        self._rows: memoryview | None = None
        self._key_indexes = tuple(column.index for column in plan.key_columns)
        self._encoding = encoding or _avro_encoding(plan, key_schema_id, value_schema_id)
        adjust = plan.options.enable_time_adjuster
        self._cell_readers = tuple(
            text.cell_reader(one.column, one.mapping, adjust, one.zero, one.encode) for one in plan.columns
        )

    def bind(self, table_map: TableMapEvent) -> None:
        """Take the wire layout of the row images that follow.

        Raises SchemaOutOfSync when the table map and the plan disagree on count, types, sizes or nullability.
        """
        plan, where = self.plan, f"{self.plan.table.id} at {table_map.header.file}:{table_map.header.pos}"
        if len(table_map.columns) != len(plan.columns):
            raise SchemaOutOfSync(
                f"{where}: {len(table_map.columns)} columns in the table map, expected {len(plan.columns)}.",
                remedy="the known structure is older or newer than the event; read it anew",
            )
        for one, map_column in zip(plan.columns, table_map.columns, strict=True):
            difference = wire.mismatch(one.column, map_column)
            if difference is not None:
                raise SchemaOutOfSync(
                    f"{where}, column {one.column.name!r}: {difference}.",
                    remedy="the known structure is older or newer than the event; read it anew",
                )
        adjust = plan.options.enable_time_adjuster
        self._bound = _Bound(
            tuple(wire.cell_reader(*pair, adjust) for pair in zip(plan.columns, table_map.columns, strict=True)),
            bytes(not one.optional for one in plan.columns),
        )

    def read_row(self, rows: memoryview, offset: int, present: bytes) -> tuple[Row, int]:
        """Read one row image that starts at `offset` of an event's rows; return the row and the offset after it.

        `present` is the event's bitmap of columns, least significant bit first; the null bitmap in the image counts
        present columns only. Raises ValueConversionError naming table, column, type and byte offset.
        """
        bound = self._bound
        if bound is None:
            raise InternalError(
                f"the transcoder of {self.plan.table.id} reads a row before it was bound to a table map"
            )
        if rows is not self._rows:
            # Slices of bytes are cheaper than slices of a view, and one copy serves all rows of the event.
            self._rows, self._data = rows, rows.tobytes()
        data, count = self._data, len(bound.reads)
        mask = int.from_bytes(present, "little") & ((1 << count) - 1)
        shown = mask.bit_count()
        pos = offset + (shown + 7) // 8
        nulls = int.from_bytes(data[offset:pos], "little")
        values: list[Any] = []
        append = values.append
        try:
            for read in bound.reads:
                if mask & 1:
                    if nulls & 1:
                        append(None)
                    else:
                        value, pos = read(data, pos)
                        append(value)
                    nulls >>= 1
                else:
                    append(UNAVAILABLE)
                mask >>= 1
        except (ValueError, IndexError, struct.error) as error:
            raise self._wire_error(len(values), pos, offset, str(error)) from error
        if pos > len(data):
            raise self._wire_error(
                count - 1, pos, offset, f"the row ends at byte {pos}, the event's rows at {len(data)}"
            )
        if None in values:
            self._check_nulls(values, bound.required, pos, offset)
        return tuple(values), pos

    def read_text_row(self, cells: Sequence[Cell]) -> Row:
        """Return the row of a snapshot query's cells, one per expression of `plan.select_list()`.

        Raises ValueConversionError naming table, column and type.
        """
        if len(cells) != len(self._cell_readers):
            raise SchemaOutOfSync(f"{self.plan.table.id}: {len(cells)} cells, expected {len(self._cell_readers)}.")
        values: list[Any] = []
        try:
            for read, cell in zip(self._cell_readers, cells, strict=True):
                if cell is None:
                    values.append(None)
                else:
                    values.append(read(cell if isinstance(cell, bytes) else str(cell).encode()))
        except ValueError as error:
            raise self._text_error(len(values), cells, str(error)) from error
        return tuple(values)

    def key(self, row: Row) -> bytes | None:
        """Return the record's key, None when records of the table have none."""
        encode = self._encoding.key
        if encode is None:
            return None
        try:
            return encode(row)
        except (TypeError, ValueError, AttributeError) as error:
            raise self._encoding_error(row, error) from error

    def key_changed(self, before: Row, after: Row) -> bool:
        """Say whether two images of a row have different keys; rows of tables without a key never do."""
        return any(before[index] != after[index] for index in self._key_indexes)

    def value(
        self,
        op: str,
        before: Row | None,
        after: Row | None,
        source: SourceInfo,
        ts_ns: int,
        transaction: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the change event.

        `op` is c, u, d, r or t; `ts_ns` is when we processed the event, ns since the epoch; `transaction` is the
        block of `provide.transaction.metadata`: id, total_order, data_collection_order.
        Raises TableError when a row lacks columns, ValueConversionError when a value does not fit its field.
        """
        try:
            return self._encoding.value(op, before, after, source, ts_ns, transaction)
        except (TypeError, ValueError, AttributeError) as error:
            raise self._encoding_error(after if after is not None else before, error) from error

    def key_struct_json(self, row: Row) -> str:
        """Return the key as Connect's SimpleHeaderConverter prints a struct: `{"id":1}`, decimals as numbers."""
        fields = []
        for one in self.plan.key_columns:
            value = row[one.index]
            if one.mapping.form is Form.UNSCALED:
                rendered = plain_decimal(int.from_bytes(value, "big", signed=True), one.mapping.scale)
            elif one.mapping.name in _DATE_UNITS_MS:
                rendered = _java_date(value * _DATE_UNITS_MS[one.mapping.name])
            elif isinstance(value, float):
                rendered = float_text(value) if one.mapping.avro == "float" else double_text(value)
            else:
                shown = base64.b64encode(value).decode() if isinstance(value, bytes) else value
                rendered = json.dumps(shown, ensure_ascii=False)
            fields.append(f"{json.dumps(one.field_name, ensure_ascii=False)}:{rendered}")
        if self.plan.key_constant is not None:
            name, value = self.plan.key_constant.field_name, self.plan.key_constant.value
            fields.append(f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(value, ensure_ascii=False)}")
        return "{" + ",".join(fields) + "}"

    def _check_nulls(self, values: list[Any], required: bytes, pos: int, offset: int) -> None:
        for index, value in enumerate(values):
            if value is None and required[index]:
                raise self._wire_error(index, pos, offset, "NULL in a NOT NULL column")

    def _wire_error(self, index: int, pos: int, row_start: int, cause: str) -> ValueConversionError:
        where = self._name(index)
        return ValueConversionError(
            f"{where}: {cause} (byte {pos} of the event's rows, row begins at {row_start}).",
            remedy="compare the table's structure with the one at the event's time; keep the event for a report",
        )

    def _text_error(self, index: int, cells: Sequence[Cell], cause: str) -> ValueConversionError:
        shown = repr(cells[index])
        return ValueConversionError(
            f"{self._name(index)}: the snapshot read {shown[:100]}, which is no value of the type ({cause}).",
            remedy="correct the value in the source, or exclude the table",
        )

    def _name(self, index: int) -> str:
        one = self.plan.columns[index]
        type_text = one.column.type_expression or one.column.type_name
        return f"{self.plan.table.id}, column {one.column.name!r} ({type_text})"

    def _encoding_error(self, row: Row | None, error: Exception) -> TableError:
        absent = [self.plan.columns[i].column.name for i, value in enumerate(row or ()) if value is UNAVAILABLE]
        if absent:
            return TableError(
                f"{self.plan.table.id}: the row image leaves out {', '.join(absent)}, expected every column.",
                remedy="set binlog_row_image=FULL on the server, for sessions too",
            )
        return ValueConversionError(f"{self.plan.table.id}: a value does not fit its field ({error}).")


_DAY_MS = 86_400_000
_DATE_UNITS_MS = {CONNECT_DATE: _DAY_MS, CONNECT_TIME: 1, CONNECT_TIMESTAMP: 1}


def _java_date(millis: int) -> str:
    """Return a `java.util.Date` as Connect's `Values` prints it, unquoted; the form depends on the value alone."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    if millis < _DAY_MS:
        return clock
    return str(moment.date()) if millis % _DAY_MS == 0 else f"{moment.date()}T{clock}"


def _avro_encoding(plan: TranscodePlan, key_schema_id: int | None, value_schema_id: int) -> Encoding:
    if plan.key_schema is None:
        return Encoding(None, avro_value(plan, value_schema_id))
    if key_schema_id is None:
        raise InternalError(f"{plan.table.id} has a key, but its transcoder was given no key schema id")
    return Encoding(avro_key(plan, key_schema_id), avro_value(plan, value_schema_id))
