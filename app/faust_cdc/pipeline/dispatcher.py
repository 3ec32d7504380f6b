"""From row images to change records: which operation, which key, in which order.

The order per key holds because rows are written in binlog order by one producer, and all records of a key go to one
partition (murmur2 of the key bytes). A changed key becomes delete + tombstone under the old key and create under
the new one, as in Debezium's RelationalChangeRecordEmitter.emitUpdateRecord.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.errors import ValueConversionError
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.pipeline.bad_rows import BadRows
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.row_places import check_columns, placed
from faust_cdc.pipeline.row_shape import Places, SharedPlaces
from faust_cdc.pipeline.transaction_metadata import OpenTransaction
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.partial_rows import full_images
from faust_cdc.transcode.reference import Row
from faust_cdc.transcode.source_block import SourceInfo

NEW_KEY_HEADER = "__debezium.newkey"
OLD_KEY_HEADER = "__debezium.oldkey"


@dataclass(frozen=True, slots=True)
class ContextHeaders:
    """Debezium's `extended.headers`: who wrote a record."""

    logical_name: str
    task_id: int
    connector: str
    run_id: str

    def as_headers(self) -> list[tuple[str, bytes | None]]:
        """Return the four headers in Debezium's order, as its default header converter renders them."""
        return [
            ("__debezium.context.connectorLogicalName", self.logical_name.encode()),
            ("__debezium.context.taskId", str(self.task_id).encode()),
            ("__debezium.context.connectorName", self.connector.encode()),
            ("__debezium.context.runId", self.run_id.encode()),
        ]


@dataclass(frozen=True, slots=True)
class DispatchRules:
    """Which changes become records."""

    tombstones_on_delete: bool = True
    skipped: frozenset[str] = frozenset("t")
    """Operations that make no record: c, u, d, t. What counts is the statement's row event, as in Debezium: an update
    that changes the key is an update, skipped with `u` and not with `c` or `d`."""
    skip_unchanged: bool = False
    """An update whose two rows give the same values makes no record."""


OPERATION = {"write": "c", "update": "u", "partial_update": "u", "delete": "d"}
"""Kind of a rows event → the operation that, skipped, spares reading it."""


PostProcess = Callable[[CapturedTable, Row], Row]
"""(table, row of a created or updated record) → the row to write."""


class Dispatcher:
    """Turns rows events of captured tables into change records."""

    def __init__(
        self,
        cache: TranscoderCache,
        headers: Headers,
        rules: DispatchRules,
        bad_rows: BadRows | None = None,
        post_processors: Sequence[PostProcess] = (),
    ) -> None:
        self._cache = cache
        self.bad_rows = bad_rows or BadRows()
        self._post_processors = tuple(post_processors)
        self._headers = list(headers)
        self._rules = rules
        self.awaited: dict[TableId, Callable[[], bool]] = {}
        """Tables that a snapshot waits to copy: what to call when something of one goes by; True: it is not written, as
        the copy will show it."""

    def records(
        self,
        event: RowsEvent,
        source: SourceInfo,
        transaction: OpenTransaction | None = None,
        first: int = 0,
        *,
        is_xa: bool = False,
    ) -> Iterator[ChangeRecord]:
        """Yield the change records of one rows event; `source` is the event's block, its row index counted here.

        Rows before the one of index `first` are read and counted, not yielded. Those of a table that is awaited are
        yielded only with `is_xa`: they go by when they are `decided`.

        `transaction` counts them: with transaction metadata, every record but a tombstone has its place.

        Raises TableError (SchemaOutOfSync, ValueConversionError …) naming table, column and position.
        """
        with placed(event):
            yield from self._records(event, source, transaction, first, is_xa=is_xa)

    def decided(self, held: Iterable[ChangeRecord]) -> Iterator[ChangeRecord]:
        """Yield what is to be written of the records of an XA transaction that is committed now."""
        return (record for record in held if record.table is None or not self._goes_by(record.table))

    def _goes_by(self, table: TableId) -> bool:
        """Tell who waits to copy a table that something of it goes by; True: it is not written."""
        return table in self.awaited and self.awaited[table]()

    def _records(
        self,
        event: RowsEvent,
        source: SourceInfo,
        transaction: OpenTransaction | None,
        first: int,
        *,
        is_xa: bool,
    ) -> Iterator[ChangeRecord]:
        if OPERATION[event.kind] in self._rules.skipped:
            return
        captured = self._cache.for_table_map(event.table_map)
        if captured is None:
            return
        if not is_xa and self._goes_by(captured.id):
            return
        if captured.shape is not None and OPERATION[event.kind] in captured.shape.skipped:
            return
        block = replace(source, db=captured.id.database, table=captured.id.table)
        if event.kind == "partial_update":
            try:
                event = full_images(event)
            except ValueConversionError as error:
                yield self.bad_rows.event(error, captured, event, block)
                return
        ts_ns = time.time_ns()
        check_columns(captured.id, event)
        offset, index, size = 0, 0, len(event.rows)
        while offset < size:
            row = replace(block, row=index)
            records, offset = self._row(event, captured, row, offset, ts_ns, transaction)
            if index >= first:
                yield from records
            index += 1

    def _row(
        self,
        event: RowsEvent,
        captured: CapturedTable,
        block: SourceInfo,
        offset: int,
        ts_ns: int,
        transaction: OpenTransaction | None,
    ) -> tuple[list[ChangeRecord], int]:
        """Return the records of the row at `offset`, and the offset of the next one."""
        transcoder, rows = captured.transcoder, event.rows
        second: Row | None = None
        try:
            first, end = transcoder.read_row(rows, offset, event.columns_present[0])
            if event.kind == "update":
                second, end = transcoder.read_row(rows, end, event.columns_present[1])
        except ValueConversionError as error:
            salvage = self.bad_rows.image(error, captured, event, offset, block)
            first, second, end = salvage.first, salvage.second, salvage.end
            if salvage.record is not None:
                return [salvage.record], end
        if end == len(rows):
            rows.release()  # they may be large, and so is what is made of them now
        if event.kind == "update" and second is None:
            return [], end
        if not captured.is_row_wise:
            return list(self._change(captured, event.kind, first, second, block, ts_ns, transaction)), end
        return list(self._changes(captured, event.kind, first, second, block, ts_ns, transaction)), end

    def _changes(
        self,
        captured: CapturedTable,
        kind: str,
        first: Row,
        second: Row | None,
        block: SourceInfo,
        ts_ns: int,
        transaction: OpenTransaction | None,
    ) -> Iterator[ChangeRecord]:
        """Yield the records of a change of a table whose route has something to do for each row."""
        if captured.shape is not None:
            seen = captured.shape.seen(kind, first, second)
            if seen is None:
                return
            kind, first, second = seen
        places = None if transaction is None else SharedPlaces(transaction)
        for target in captured.targets:
            again = None if places is None else places.again()
            yield from self._change(target, kind, first, second, block, ts_ns, again)

    def _change(
        self,
        captured: CapturedTable,
        kind: str,
        first: Row,
        second: Row | None,
        block: SourceInfo,
        ts_ns: int,
        transaction: Places | None,
    ) -> Iterator[ChangeRecord]:
        if kind == "write":
            yield self._record(captured, "c", None, first, block, ts_ns, self._headers, transaction)
        elif kind == "delete":
            yield from self._delete(captured, first, block, ts_ns, self._headers, transaction)
        elif second is not None:
            yield from self._update(captured, first, second, block, ts_ns, transaction)

    def one_row(
        self, event: RowsEvent, source: SourceInfo, offset: int, index: int, transaction: OpenTransaction | None
    ) -> tuple[list[ChangeRecord], int]:
        """Return the records of the event's row `index`, which begins at `offset`, and where the next one begins.

        Raises what `records` raises.
        """
        captured = self._cache.for_table_map(event.table_map)
        assert captured is not None, "rows of a table that is not captured have no encoder to stop"
        block = replace(source, db=captured.id.database, table=captured.id.table, row=index)
        with placed(event):
            return self._row(event, captured, block, offset, time.time_ns(), transaction)

    def truncation(self, table_id: TableId, source: SourceInfo) -> list[ChangeRecord]:
        """Return the `t` record of a TRUNCATE, which has no key, for each topic; none when skipped or not captured.

        Raises SchemaOutOfSync when the table does not exist any more and none of its rows was seen.
        """
        if "t" in self._rules.skipped:
            return []
        captured = self._cache.for_truncated(table_id, BinlogPosition(source.file, source.pos))
        if captured is None:
            return []
        if self._goes_by(captured.id):
            return []
        if captured.shape is not None and "t" in captured.shape.skipped:
            return []
        block, ts_ns = replace(source, db=captured.id.database, table=captured.id.table), time.time_ns()
        values = [(one.topic, one.transcoder.value("t", None, None, block, ts_ns)) for one in captured.targets]
        return [ChangeRecord(topic, None, value, self._headers, table=captured.id) for topic, value in values]

    @property
    def headers(self) -> Headers:
        """The headers of every record that has none of its own."""
        return self._headers

    def shows(self, captured: CapturedTable, row: Row) -> bool:
        """Return whether a snapshot's row goes on."""
        shape = captured.shape
        return shape is None or ("r" not in shape.skipped and (shape.passes is None or shape.passes(row)))

    def snapshot_record(self, captured: CapturedTable, row: Row, source: SourceInfo) -> ChangeRecord:
        """Return the `r` record of a snapshot row."""
        return self._record(captured, "r", None, row, source, time.time_ns(), self._headers)

    def _record(
        self,
        captured: CapturedTable,
        op: str,
        before: Row | None,
        after: Row | None,
        source: SourceInfo,
        ts_ns: int,
        headers: Headers,
        transaction: Places | None = None,
    ) -> ChangeRecord:
        transcoder = captured.transcoder
        if self._post_processors and after is not None and op != "r":  # a snapshot's row is what the table holds
            for process in self._post_processors:
                after = process(captured, after)
        keyed = after if after is not None else before
        assert keyed is not None
        place = None if transaction is None else transaction.next(captured.id)
        value = transcoder.value(op, before, after, source, ts_ns, place)
        shape = captured.shape
        partition = None if shape is None or shape.partition is None else shape.partition(keyed)
        return ChangeRecord(captured.topic, transcoder.key(keyed), value, headers, partition, captured.id)

    def _delete(
        self,
        captured: CapturedTable,
        before: Row,
        source: SourceInfo,
        ts_ns: int,
        headers: Headers,
        transaction: Places | None,
    ) -> Iterator[ChangeRecord]:
        record = self._record(captured, "d", before, None, source, ts_ns, headers, transaction)
        yield record
        if self._rules.tombstones_on_delete:
            yield ChangeRecord(record.topic, record.key, None, headers, record.partition, captured.id)

    def _update(
        self,
        captured: CapturedTable,
        before: Row,
        after: Row,
        source: SourceInfo,
        ts_ns: int,
        transaction: Places | None,
    ) -> Iterator[ChangeRecord]:
        transcoder = captured.transcoder
        if self._rules.skip_unchanged and transcoder.unchanged(before, after):
            return
        if not transcoder.key_changed(before, after):
            yield self._record(captured, "u", before, after, source, ts_ns, self._headers, transaction)
            return
        new_key = (NEW_KEY_HEADER, transcoder.key_struct_json(after).encode())
        old_key = (OLD_KEY_HEADER, transcoder.key_struct_json(before).encode())
        yield from self._delete(captured, before, source, ts_ns, [new_key, *self._headers], transaction)
        yield self._record(captured, "c", None, after, source, ts_ns, [old_key, *self._headers], transaction)
