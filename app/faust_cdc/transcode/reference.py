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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from faust_cdc.binlog.events import TableMapEvent
from faust_cdc.errors import InternalError, SchemaOutOfSync, TableError, ValueConversionError
from faust_cdc.relational.model import Column
from faust_cdc.transcode import text, wire
from faust_cdc.transcode.avro_encoding import AvroKey, AvroValue
from faust_cdc.transcode.encoding import Encoding
from faust_cdc.transcode.forms import Form, plain_decimal
from faust_cdc.transcode.java_text import DATE_UNITS_MS, double_text, float_text
from faust_cdc.transcode.plan import TranscodePlan
from faust_cdc.transcode.row import UNAVAILABLE, Row
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc.transcode.wire_skip import Read, skipper
from faust_cdc_schemas.names import CONNECT_DATE

__all__ = ["UNAVAILABLE", "Cell", "ReferenceTranscoder", "Row"]

Cell = bytes | str | int | float | None
"""A cell of a snapshot query: text protocol bytes, or what a driver made of them."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """Readers for one layout of row images."""

    reads: tuple[Read, ...]
    required: bytes
    """One byte per column that is kept: 1 where null is impossible."""
    kept: tuple[int, ...] | None
    """Places in the image of the columns that the plan reads; None when it reads all."""


def _header_text(value: Any) -> str:
    """Return a key's value as Connect's `Values.convertToString` prints it inside of a struct.

    Of a string only backslash and quote are escaped. A key of `message.key.columns` may be a geometry or a vector.
    """
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, dict):
        return "{" + ",".join(f'"{name}":{_header_text(part)}' for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_header_text, value)) + "]"
    return json.dumps(value)


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
        self.encoding = encoding or _avro_encoding(plan, key_schema_id, value_schema_id)
        self._put_for_null = tuple(plan.defaults_of_nullable().items()) if plan.options.compatible else ()
        self._finish = _finish_of(plan)
        self._compared = _compared(plan)
        adjust = plan.options.enable_time_adjuster
        self._cell_readers = tuple(
            text.cell_reader(one.column, one.mapping, adjust, one.zero, one.encode) for one in plan.columns
        )

    def bind(self, table_map: TableMapEvent) -> None:
        """Take the wire layout of the row images that follow.

        Raises SchemaOutOfSync when the table map and the plan disagree on count, types, sizes or nullability.
        """
        plan, where = self.plan, f"{self.plan.table.id} at {table_map.header.file}:{table_map.header.pos}"
        image = plan.table.columns
        hidden = table_map.columns[len(image) :]
        if len(table_map.columns) != len(image) and not table_map.hides_from(len(image)):
            raise SchemaOutOfSync(
                f"{where}: {len(table_map.columns)} columns in the table map, expected {len(image)}.",
                remedy="the known structure is older or newer than the event; read it anew",
            )
        by_name = {one.column.name: one for one in plan.columns}
        adjust, reads = plan.options.enable_time_adjuster, []
        for column, map_column in zip(image, table_map.columns, strict=False):
            one = by_name.get(column.name)
            if one is None:
                reads.append(skipper(map_column, f"{where}, column {column.name!r}", column.length or 0))
                continue
            difference = wire.mismatch(column, map_column)
            if difference is not None:
                raise SchemaOutOfSync(
                    f"{where}, column {column.name!r}: {difference}.",
                    remedy="the known structure is older or newer than the event; read it anew",
                )
            reads.append(wire.cell_reader(one, map_column, adjust))
        reads += [skipper(one, f"{where}, a hidden column", 0) for one in hidden]
        kept = [place for place, column in enumerate(image) if column.name in by_name]
        self._bound = _Bound(
            tuple(reads),
            bytes(not one.optional for one in plan.columns),
            tuple(kept) if len(kept) < len(reads) else None,
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
            # Slices of bytes are cheaper than slices of a view.
            self._rows, self._data = rows, bytes_of(rows)
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
            column = self.plan.table.columns[min(len(values), len(self.plan.table.columns) - 1)]
            told = self._told(column, error)
            cause = "a masked cell is no value of the type" if told is None else str(error)
            raise self._wire_error(column, pos, offset, cause) from told
        if pos > len(data):
            raise self._wire_error(
                self.plan.table.columns[-1], pos, offset, f"the row ends at byte {pos}, the event's rows at {len(data)}"
            )
        if pos == len(data):
            self._rows, self._data = None, b""  # one row may have a gigabyte
        if bound.kept is not None:
            values = [values[place] for place in bound.kept]
        if None in values:
            self._check_nulls(values, bound.required, pos, offset)
        if self._finish is not None:
            self._finish(values)
        return tuple(values), pos

    @property
    def readers(self) -> tuple[Read, ...]:
        """One reader per column of the table map bound last. Raises InternalError before `bind`."""
        if self._bound is None:
            raise InternalError(f"the transcoder of {self.plan.table.id} was not bound to a table map")
        return self._bound.reads

    def finished(self, values: list[Any]) -> list[Any]:
        """Return a row's values as the column rules have them; `values` is used up."""
        if self._finish is not None:
            self._finish(values)
        return values

    @property
    def text_readers(self) -> tuple[text.CellReader, ...]:
        """One reader per column of a snapshot query."""
        return self._cell_readers

    def read_text_row(self, cells: Sequence[Cell]) -> Row:
        """Return the row of a snapshot query's cells, one per expression of `plan.select_list()`.

        Raises ValueConversionError naming table, column and type.
        """
        if len(cells) != max(1, len(self._cell_readers)):  # a query asks for one thing at least
            raise SchemaOutOfSync(f"{self.plan.table.id}: {len(cells)} cells, expected {len(self._cell_readers)}.")
        values: list[Any] = []
        try:
            for read, cell in zip(self._cell_readers, cells, strict=False):
                if cell is None:
                    values.append(None)
                else:
                    values.append(read(cell if isinstance(cell, bytes) else str(cell).encode()))
        except ValueError as error:
            column = self.plan.columns[len(values)].column
            raise self._text_error(len(values), cells, str(error)) from self._told(column, error)
        if self._finish is not None:
            self._finish(values)
        return tuple(values)

    def as_written(self, row: Row) -> Row:
        """Return the row as a value shows it: with `compatibility.mode=debezium` a null gives way to its default.

        Debezium's converters do that when they write; what is compared before (changes, keys) still has the null.
        """
        values = list(row)
        for index, default in self._put_for_null:
            if values[index] is None:
                values[index] = default
        return tuple(values)

    def read_text_cells(self, indexes: Sequence[int], cells: Sequence[Cell]) -> list[Any]:
        """Return the values of some columns' cells, as `read_text_row` does of all, column rules included.

        Raises ValueConversionError.
        """
        values: list[Any] = []
        for index, cell in zip(indexes, cells, strict=True):
            try:
                raw = cell if isinstance(cell, bytes | None) else str(cell).encode()
                values.append(None if raw is None else self._cell_readers[index](raw))
            except ValueError as error:
                column = self.plan.columns[index].column
                raise self._text_error(index, {index: cell}, str(error)) from self._told(column, error)
        return [self._changed(index, value) for index, value in zip(indexes, values, strict=True)]

    def _changed(self, index: int, value: Any) -> Any:
        change = self.plan.columns[index].change
        return value if change is None else change(value)

    def key(self, row: Row) -> bytes | None:
        """Return the record's key, None when records of the table have none."""
        encode = self.encoding.key
        if encode is None:
            return None
        try:
            return encode(row)
        except (TypeError, ValueError, AttributeError) as error:
            raise self._encoding_error(row, error) from error

    def key_changed(self, before: Row, after: Row) -> bool:
        """Say whether two images of a row have different keys; rows of tables without a key never do."""
        return any(before[index] != after[index] for index in self._key_indexes)

    def unchanged(self, before: Row, after: Row) -> bool:
        """Say whether two images of a row give equal values, as `skip.messages.without.change` asks.

        Only what the value shows counts, and the key: a new key under an equal value is a change, or the old key would
        live on downstream. Debezium skips such an update, and so do we when `compatible`.
        """
        if self._compared is None:
            return before == after
        return all(before[index] == after[index] for index in self._compared)

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
        if self._put_for_null:
            before = None if before is None else self.as_written(before)
            after = None if after is None else self.as_written(after)
        try:
            return self.encoding.value(op, before, after, source, ts_ns, transaction)
        except (TypeError, ValueError, AttributeError) as error:
            raise self._encoding_error(after if after is not None else before, error) from error

    def key_struct_json(self, row: Row | Mapping[int, Any]) -> str:
        """Return the key as Connect's SimpleHeaderConverter prints a struct: `{"id":1}`, decimals as numbers.

        Of a row, or of its key columns' values by their places in the row.
        """
        fields = []
        for one in self.plan.key_columns:
            value = row[one.index]
            if value is UNAVAILABLE:
                shown = row if isinstance(row, tuple) else None
                raise self._encoding_error(shown, ValueError("a key without its value"))
            if value is None:
                rendered = "null"
            elif one.mapping.form is Form.UNSCALED:
                rendered = plain_decimal(int.from_bytes(value, "big", signed=True), one.mapping.scale)
            elif one.mapping.name in DATE_UNITS_MS:
                rendered = _java_date(value * DATE_UNITS_MS[one.mapping.name])
            elif isinstance(value, float):
                rendered = float_text(value) if one.mapping.avro == "float" else double_text(value)
            else:
                rendered = _header_text(value)
            fields.append(f"{json.dumps(one.field_name, ensure_ascii=False)}:{rendered}")
        if self.plan.key_constant is not None:
            name, value = self.plan.key_constant.field_name, self.plan.key_constant.value
            fields.append(f"{json.dumps(name, ensure_ascii=False)}:{json.dumps(value, ensure_ascii=False)}")
        return "{" + ",".join(fields) + "}"

    def _check_nulls(self, values: list[Any], required: bytes, pos: int, offset: int) -> None:
        for index, value in enumerate(values):
            if value is None and required[index]:
                raise self._wire_error(self.plan.columns[index].column, pos, offset, "NULL in a NOT NULL column")

    def _wire_error(self, column: Column, pos: int, row_start: int, cause: str) -> ValueConversionError:
        where = self._name(column)
        return ValueConversionError(
            f"{where}: {cause} (byte {pos} of the event's rows, row begins at {row_start}).",
            remedy="compare the table's structure with the one at the event's time; keep the event for a report",
        )

    def _text_error(self, index: int, cells: Sequence[Cell] | Mapping[int, Cell], cause: str) -> ValueConversionError:
        masked = self.plan.columns[index].masked
        shown = "a masked cell" if masked else repr(cells[index])[:100]
        why = "" if masked else f" ({cause})"
        return ValueConversionError(
            f"{self._name(self.plan.columns[index].column)}: the snapshot read {shown}, which is no value of the "
            f"type{why}.",
            remedy="correct the value in the source, or exclude the table",
        )

    def _told(self, column: Column, error: Exception) -> Exception | None:
        """Return what a trace may tell of an error: nothing of a masked column's."""
        return None if any(one.masked and one.column.name == column.name for one in self.plan.columns) else error

    def _name(self, column: Column) -> str:
        return f"{self.plan.table.id}, column {column.name!r} ({column.type_expression or column.type_name})"

    def _encoding_error(self, row: Row | None, error: Exception) -> TableError:
        shown = zip(self.plan.columns, row or (), strict=False)
        absent = [one.column.name for one, value in shown if value is UNAVAILABLE]
        if absent:
            return TableError(
                f"{self.plan.table.id}: the row image leaves out {', '.join(absent)}, expected every column.",
                remedy="set binlog_row_image=FULL on the server, for sessions too",
            )
        return ValueConversionError(f"{self.plan.table.id}: a value does not fit its field ({error}).")


def bytes_of(view: memoryview) -> bytes:
    """Return the bytes that a view shows: without a copy where it shows all of a bytes object."""
    shown = view.obj
    return shown if isinstance(shown, bytes) and len(shown) == view.nbytes else view.tobytes()


def _finish_of(plan: TranscodePlan) -> Callable[[list[Any]], None] | None:
    """Return what column rules do to a row that was read, in place; None when there are none.

    Key columns that a rule changes are kept behind the columns, as they are.
    """
    changes = [(one.index, one.change) for one in plan.columns if one.change is not None]
    if not changes:
        return None
    by_name = {one.column.name: one.index for one in plan.columns}
    behind = sorted((one.index, by_name[one.column.name]) for one in plan.key_columns)
    kept = tuple(place for index, place in behind if index >= len(plan.columns))

    def finish(values: list[Any]) -> None:
        values.extend([values[place] for place in kept])
        for place, change in changes:
            if values[place] is not UNAVAILABLE:
                values[place] = change(values[place])

    return finish


def _compared(plan: TranscodePlan) -> tuple[int, ...] | None:
    """Return the places of a row that make a change of it a change of the record; None when all do."""
    places = {one.index for one in plan.value_columns}
    if not plan.options.compatible:
        places |= {one.index for one in plan.key_columns}
    in_row = {one.index for one in (*plan.columns, *plan.key_columns)}
    return None if places == in_row else tuple(sorted(places))


_DAY_MS = DATE_UNITS_MS[CONNECT_DATE]


def _java_date(millis: int) -> str:
    """Return a `java.util.Date` as Connect's `Values` prints it, unquoted; the form depends on the value alone."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    clock = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    if millis < _DAY_MS:
        return clock
    return str(moment.date()) if millis % _DAY_MS == 0 else f"{moment.date()}T{clock}"


def _avro_encoding(plan: TranscodePlan, key_schema_id: int | None, value_schema_id: int) -> Encoding:
    if not plan.has_key:
        return Encoding(None, AvroValue(plan, value_schema_id))
    if key_schema_id is None:
        raise InternalError(f"{plan.table.id} has a key, but its transcoder was given no key schema id")
    return Encoding(AvroKey(plan, key_schema_id), AvroValue(plan, value_schema_id))
