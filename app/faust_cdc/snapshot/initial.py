"""The initial snapshot: all captured tables as of one position, then streaming goes on from there.

Why snapshot and stream join without a gap or an overlap: the rows are read in one consistent transaction that stands
at the position stored as the offset; every change committed after that position is in the binlog behind it and only
there, every earlier one is in the rows and only there.

Why a crash repeats nothing: the whole snapshot is one Kafka transaction with its closing offset; a crash aborts it
and the next start takes a new one. Only when the copy outlives the Kafka transaction's time does it commit in parts,
with an offset marked `snapshot: INITIAL`; a crash after such a part repeats the copy, as Debezium's does, and the
log says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from faust_cdc.config.snapshot_settings import SnapshotSettings
from faust_cdc.errors import ValueConversionError
from faust_cdc.kafka.direct import Row as KafkaRow
from faust_cdc.mysql.prepared_query import NotPrepared
from faust_cdc.mysql.snapshot_session import SnapshotOvertaken, SnapshotPoint, SnapshotSession, TextRow
from faust_cdc.offsets import SourceOffset
from faust_cdc.offsets.model import INITIAL_SNAPSHOT
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.markers import MarkedRows
from faust_cdc.snapshot.selects import select_of
from faust_cdc.snapshot.tables import SnapshotTables
from faust_cdc.transcode.reference import Row
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 5.0


class InitialSnapshot:
    """Reads every captured table once and writes `r` records."""

    def __init__(
        self,
        session: SnapshotSession,
        server_block: SourceInfo,
        cache: TranscoderCache,
        dispatcher: Dispatcher,
        writer: TransactionWriter,
        should_stop: Callable[[], bool],
        part_after_ms: float,
        settings: SnapshotSettings,
        tables: SnapshotTables,
        *,
        is_compiled: bool,
    ) -> None:
        """`is_compiled`: tables that the compiled transcoder takes go through it."""
        self._session = session
        self._settings = settings
        self._tables = tables
        self._block = server_block
        self._cache = cache
        self._dispatcher = dispatcher
        self._writer = writer
        self._should_stop = should_stop
        self._part_after_ms = part_after_ms
        self._is_compiled = is_compiled
        self._marked = MarkedRows(writer.write_rows, dispatcher.headers)
        self._last_report = time.monotonic()

    @property
    def rows(self) -> int:
        """Rows written."""
        return self._marked.rows

    def run(
        self,
        list_tables: Callable[[], list[TableId]],
        read_tables: Callable[[Sequence[TableId]], dict[TableId, Table]],
        with_data: bool,
    ) -> SourceOffset | None:
        """Take the snapshot; return the offset to stream from, or None when asked to stop in the middle.

        Raises SnapshotOvertaken when tables changed meanwhile: the next attempt sees them as they are then;
        ConfigError for a statement of the user's that is none for its table.
        """
        before = self._tables.of(list_tables())
        point = self._session.open(before)
        # Listed again behind the point: rows that a new table got in between are neither behind the point nor, by
        # the first list, in the copy.
        captured = list_tables()
        tables = self._tables.of(captured)
        if new := set(tables).difference(before):
            raise SnapshotOvertaken(f"Tables were created while the snapshot began: {', '.join(map(str, new))}.")
        structures = read_tables(captured)
        self._cache.remember(structures.values())
        log.info("Snapshot of %d tables at %s:%s", len(tables), point.position.file, point.position.pos)
        if with_data:
            ordered = [structures[one] for one in self._tables.by_row_count(tables) if one in structures]
            if not self._copy(ordered, point):
                return None
        closing = self._offset(point, None)
        self._writer.end_source_transaction(lambda: closing)
        self._writer.commit()
        log.info("Snapshot complete: %d rows of %d tables", self.rows, len(tables) if with_data else 0)
        return closing

    def _copy(self, tables: Sequence[Table], point: SnapshotPoint) -> bool:
        """Write all rows, each with its marker; False when stopped."""
        for table in tables:
            captured = self._cache.for_table(table)
            try:
                complete = self._copy_compiled(captured, point)
            except NotPrepared as refused:
                log.info("%s is read in the text protocol: %s", captured.id, refused)
                complete = self._copy_by_cells(captured, point)
            if not complete:
                return False
        self._marked.end()
        return True

    def _copy_compiled(self, captured: CapturedTable, point: SnapshotPoint) -> bool:
        """Copy a table through the compiled transcoder where that is for it; False when stopped.

        Raises NotPrepared before anything is written.
        """
        if not self._is_compiled:
            return self._copy_by_cells(captured, point)
        # Imported here: the module needs the extension's run-time library, which not every platform has.
        from faust_cdc.snapshot.compiled_rows import Batch, CompiledRows
        from faust_cdc.transcode.compiled.result_program import writes_results

        if not writes_results(captured.transcoder):
            return self._copy_by_cells(captured, point)
        number = 0
        with self._session.prepared(self._select(captured, as_text=False), self._should_stop) as query:
            if self._should_stop():
                return False
            topic = self._writer.topic_number(captured.topic)
            rows = CompiledRows(query, captured, topic, lambda: self._source(captured, point))
            for found in rows:
                if isinstance(found, Batch):
                    self._marked.add_batch(captured, found.records, partial(rows.remarked, found.suffix))
                    number += len(found.records)
                else:
                    self._add_cells(captured, found, point, number)
                    number += 1
                self._after_rows(captured, point)
            return query.is_complete

    def _copy_by_cells(self, captured: CapturedTable, point: SnapshotPoint) -> bool:
        """Copy a table cell by cell through the reference transcoder; False when stopped."""
        for number, cells in enumerate(self._session.stream(self._select(captured, as_text=True))):
            if self._should_stop():
                return False
            self._add_cells(captured, cells, point, number)
            self._after_rows(captured, point)
        return True

    def _select(self, captured: CapturedTable, *, as_text: bool) -> str:
        return select_of(captured.transcoder.plan, self._settings, self._session.columns_of, as_text=as_text)

    def _add_cells(self, captured: CapturedTable, cells: TextRow, point: SnapshotPoint, number: int) -> None:
        """Take a row through the reference transcoder: row `number` of the copy of its table."""
        try:
            row = captured.transcoder.read_text_row(cells)
        except ValueConversionError as error:
            settled = self._bad_row(error, captured, cells, point, number)
            if settled is None:
                return
            row = settled
        self._marked.add(captured, partial(self._record, captured, row, point))

    def _after_rows(self, captured: CapturedTable, point: SnapshotPoint) -> None:
        if time.monotonic() - self._last_report > PROGRESS_EVERY_S:
            self._last_report = time.monotonic()
            log.info("Snapshot: %d rows so far, now in %s", self.rows, captured.id)
            self._session.keep_locks()
        self._commit_part(point)

    def _bad_row(
        self, error: ValueConversionError, captured: CapturedTable, cells: TextRow, point: SnapshotPoint, number: int
    ) -> Row | None:
        """Return the row with its bad values settled, None when it went to the quarantine."""
        source = replace(self._source(captured, point), row=number)
        settled = self._dispatcher.bad_rows.cells(error, captured, cells, source)
        if not isinstance(settled, ChangeRecord):
            return settled
        self._writer.write(settled)
        return None

    def _record(self, captured: CapturedTable, row: Row, point: SnapshotPoint, marker: str) -> KafkaRow:
        source = replace(self._source(captured, point), snapshot=marker)
        record = self._dispatcher.snapshot_record(captured, row, source)
        return self._writer.topic_number(record.topic), record.key, record.value

    def _source(self, captured: CapturedTable, point: SnapshotPoint) -> SourceInfo:
        return self._block.at(
            ts_us=int(time.time()) * 1_000_000,
            server_id=0,
            gtid=None,
            file=point.position.file,
            pos=point.position.pos,
            thread=None,
            db=captured.id.database,
            table=captured.id.table,
        )

    def _commit_part(self, point: SnapshotPoint) -> None:
        if self._writer.age_ms < self._part_after_ms:
            return
        log.warning(
            "The snapshot outlives a Kafka transaction (transaction.timeout.ms): %d rows are committed now; "
            "if the task dies before the end, the copy starts over and these rows come again.",
            self.rows,
        )
        unfinished = self._offset(point, INITIAL_SNAPSHOT)
        self._writer.end_source_transaction(lambda: unfinished)
        self._writer.commit()

    def _offset(self, point: SnapshotPoint, marker: str | None) -> SourceOffset:
        return SourceOffset(
            point.position.file, point.position.pos, point.gtids, ts_sec=int(time.time()), snapshot=marker
        )
