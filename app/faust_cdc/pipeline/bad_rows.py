"""`event.converting.failure.handling.mode`: what becomes of a row with a value that cannot be represented.

- `fail`: the task stops before the offset passes the row, so that no restart can skip it.
- `warn`, `skip`: the value becomes NULL, or the column's default where NULL is impossible, as Debezium's converters
  write it. A key must identify its row: with a bad value in it, or in a NOT NULL column without default, the task
  stops as with `fail` (Debezium's converters fail there too).
- `quarantine`: the row's bytes go to `<topic.prefix>.quarantine` in the Kafka transaction, and with the offset, of the
  rows around it: they are either both visible or both read again. Those bytes are all of the row, masked columns too;
  messages, logs and the task's status never show anything of a masked column.

All of it runs after a `ValueConversionError` only; a row without one costs nothing.
Source: Debezium 3.6.1 `TableSchemaBuilder.createValueGenerator`, `EventConvertingFailureHandlingMode`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.errors import ValueConversionError
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.pipeline.captured import CapturedTable, EnsureTopic
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.routing import quarantine_topic
from faust_cdc.transcode.encoding import EncodeStruct
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.reference import Cell, Row
from faust_cdc.transcode.rescue import BadCell, Rescued, Unwalkable, rescue_cells, rescue_image
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.connect_avro import MISSING
from faust_cdc_schemas.quarantine import quarantine_key_schema, quarantine_value_schema

log = logging.getLogger(__name__)

BYTES_SHOWN_MAX: Final = 64
"""Of a bad cell, in messages; the quarantine has them all."""
_NOTHING: Final[dict[str, Any]] = dict.fromkeys(one["name"] for one in quarantine_value_schema()["fields"])
_OPERATIONS = {"write": "c", "update": "u", "partial_update": "u", "delete": "d"}


@dataclass(frozen=True, slots=True)
class Salvage:
    """What to do with one row of an event: write its images after all, or write `record` in its place."""

    first: Row
    second: Row | None
    end: int
    """Offset of the next row."""
    record: ChangeRecord | None = None


class QuarantineTopic:
    """Makes the records of `<topic.prefix>.quarantine`. Topic and schemas are made with the first record.

    Raises RegistryUnavailable, IncompatibleSchemaChange, and what `ensure_topic` raises.
    """

    def __init__(self, prefix: str, headers: Headers, converters: Converters, ensure_topic: EnsureTopic) -> None:
        self.topic = quarantine_topic(prefix)
        self._headers = headers
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._encoders: tuple[EncodeStruct, EncodeStruct] | None = None

    def record(self, place: dict[str, Any], content: dict[str, Any]) -> ChangeRecord:
        """Return the record of one row; `place` is its key, what `content` does not say is null."""
        key, value = self._encoders or self._open()
        return ChangeRecord(self.topic, key(place), value(_NOTHING | place | content), self._headers)

    def _open(self) -> tuple[EncodeStruct, EncodeStruct]:
        self._ensure_topic(self.topic)
        key = self._converters.of_keys.struct(self.topic, quarantine_key_schema())
        value = self._converters.of_values.struct(self.topic, quarantine_value_schema())
        self._encoders = (key, value)
        return self._encoders


class BadRows:
    """Carries out the mode. `topic` is needed for `quarantine` only."""

    def __init__(self, mode: str = "fail", topic: QuarantineTopic | None = None) -> None:
        self._mode = mode
        self._topic = topic

    def image(
        self, error: ValueConversionError, captured: CapturedTable, event: RowsEvent, offset: int, source: SourceInfo
    ) -> Salvage:
        """Decide on the row at `offset` of an event; `source` is its block, with the row's index.

        Raises ValueConversionError naming table, column, place, key and bytes when the row must stop the task.
        """
        where = f"{source.file}:{source.pos} row {source.row}"
        try:
            images = self._images(captured, event, offset)
        except Unwalkable as reason:
            if self._topic is None:
                raise _located(captured, where, None, str(error), error) from error
            message = f"{error.message} {reason}; the rows after it cannot be found."
            content = self._content(captured, source, _OPERATIONS[event.kind], message, (), None)
            content |= {"table_map": event.table_map.body, "rest": bytes(event.rows[offset:])}
            return Salvage((), None, len(event.rows), self._quarantined(captured, source, content, where))
        bad = tuple(cell for image in images for cell in image.bad)
        if not bad:
            raise error  # read well the second time: the fault is ours, and not in a cell
        end, key = images[-1].end, _readable_key(captured, images[0])
        if self._topic is None:
            rows = [self._settled(captured, image, where, key, error) for image in images]
            return Salvage(rows[0], rows[1] if len(rows) > 1 else None, end)
        content = self._content(
            captured, source, _OPERATIONS[event.kind], _summary(captured, where, key, bad), bad, key
        )
        raw = bytes(event.rows[offset:end])
        split = images[0].end - offset
        before, after = (None, raw) if event.kind == "write" else (raw[:split], raw[split:] or None)
        present = event.columns_present
        content |= {
            "table_map": event.table_map.body,
            "before": before,
            "before_columns": None if before is None else present[0],
            "after": after,
            "after_columns": None if after is None else present[-1],
        }
        return Salvage((), None, end, self._quarantined(captured, source, content, where))

    def event(
        self, error: ValueConversionError, captured: CapturedTable, event: RowsEvent, source: SourceInfo
    ) -> ChangeRecord:
        """Decide on a partial JSON update whose differences do not fit: return the record to write in its rows' place.

        Raises `error` when the event must stop the task: no quarantine, or row images that leave columns out, which is
        a matter of the server's settings and not of a value.
        """
        whole = (1 << event.column_count) - 1
        if self._topic is None or int.from_bytes(event.columns_present[0], "little") & whole != whole:
            raise error
        content = self._content(captured, source, _OPERATIONS[event.kind], error.message, (), None)
        content |= {
            "table_map": event.table_map.body,
            "before_columns": event.columns_present[0],
            "after_columns": event.columns_present[-1],
            "rest": bytes(event.rows),
        }
        return self._quarantined(captured, source, content, f"{source.file}:{source.pos}")

    def cells(
        self, error: ValueConversionError, captured: CapturedTable, cells: Sequence[Cell], source: SourceInfo
    ) -> Row | ChangeRecord:
        """Decide on a snapshot row: return it settled, or the record to write in its place.

        `source.row` is the row's number in the copy of its table. Raises as `image` does.
        """
        where = f"the snapshot of {source.file}:{source.pos}, row {source.row}"
        rescued = rescue_cells(captured.transcoder, cells)
        if not rescued.bad:
            raise error
        key = _readable_key(captured, rescued)
        if self._topic is None:
            return self._settled(captured, rescued, where, key, error)
        content = self._content(captured, source, "r", _summary(captured, where, key, rescued.bad), rescued.bad, key)
        content["cells"] = [None if cell is None else _raw(cell) for cell in cells]
        return self._quarantined(captured, source, content, where)

    def _images(self, captured: CapturedTable, event: RowsEvent, offset: int) -> list[Rescued]:
        images: list[Rescued] = []
        for present in event.columns_present:
            start = images[-1].end if images else offset
            images.append(rescue_image(captured.transcoder, event.table_map, event.rows, start, present))
        return images

    def _settled(
        self, captured: CapturedTable, image: Rescued, where: str, key: str | None, error: ValueConversionError
    ) -> Row:
        """Return the row with NULL or a default for its bad cells, as `warn` and `skip` have it."""
        for cell in image.bad:
            one = cell.column
            in_key = one.column.name in _key_names(captured)
            if self._mode == "fail" or in_key or not (one.optional or one.default is not MISSING):
                raise _located(captured, where, key, _cell_text(cell), error) from (None if one.masked else error)
            image.values[one.index] = None if one.optional else _as_ruled(one, one.default)
        if image.bad:
            level = logging.WARNING if self._mode == "warn" else logging.DEBUG
            log.log(level, "%s Written without the value.", _summary(captured, where, key, image.bad))
        return tuple(image.values)

    def _content(
        self,
        captured: CapturedTable,
        source: SourceInfo,
        op: str,
        message: str,
        bad: Sequence[BadCell],
        key: str | None,
    ) -> dict[str, Any]:
        columns = [one.column for one in captured.transcoder.plan.columns]
        return {
            "op": op,
            "gtid": source.gtid,
            "ts_ms": source.ts_ms,
            "row_key": key,
            "error_code": "ValueConversionError",
            "message": message,
            "bad_cells": [{"column": one.column.column.name, "bytes": one.raw, "cause": one.cause} for one in bad],
            "columns": [{"name": one.name, "type": one.type_expression or one.type_name} for one in columns],
        }

    def _quarantined(
        self, captured: CapturedTable, source: SourceInfo, content: dict[str, Any], where: str
    ) -> ChangeRecord:
        assert self._topic is not None
        place = {
            "database": captured.id.database,
            "table": captured.id.table,
            "snapshot": content["op"] == "r",
            "file": source.file,
            "pos": source.pos,
            "row": source.row,
        }
        log.warning("%s The row goes to %s.", content["message"], self._topic.topic)
        return self._topic.record(place, content)


def _key_names(captured: CapturedTable) -> frozenset[str]:
    """Names, for a column with a rule has a plan for the key and another one for the value."""
    return frozenset(one.column.name for one in captured.transcoder.plan.key_columns)


def _as_ruled(one: ColumnPlan, value: Any) -> Any:
    return value if one.change is None else one.change(value)


def _readable_key(captured: CapturedTable, image: Rescued) -> str | None:
    keys = _key_names(captured)
    if not keys or any(cell.column.column.name in keys for cell in image.bad):
        return None
    return captured.transcoder.key_struct_json(tuple(image.values))


def _summary(captured: CapturedTable, where: str, key: str | None, bad: Sequence[BadCell]) -> str:
    return f"{captured.id} at {where}{_key_text(key)}: {'; '.join(map(_cell_text, bad))}."


def _cell_text(cell: BadCell) -> str:
    column = cell.column.column
    where = f"column {column.name!r} ({column.type_expression or column.type_name})"
    if cell.column.masked:
        return f"{where}: no value of its type; found {len(cell.raw)} bytes, not shown as the column is masked"
    shown = cell.raw[:BYTES_SHOWN_MAX].hex() + ("…" if len(cell.raw) > BYTES_SHOWN_MAX else "")
    found = f"{len(cell.raw)} bytes {shown}" if cell.raw else "no bytes"
    return f"{where}: {cell.cause}; found {found}"


def _key_text(key: str | None) -> str:
    return "" if key is None else f", key {key}"


def _located(
    captured: CapturedTable, where: str, key: str | None, what: str, error: ValueConversionError
) -> ValueConversionError:
    return ValueConversionError(
        f"{captured.id} at {where}{_key_text(key)}: {what}.",
        remedy="event.converting.failure.handling.mode=quarantine keeps such rows' bytes on a topic and goes on; warn "
        "and skip write NULL where the column allows it. Or correct the row in the source and take a new snapshot",
    )


def _raw(cell: bytes | str | int | float) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode()
