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

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from faust_cdc.config.snapshot_settings import SnapshotSettings
from faust_cdc.errors import CdcError
from faust_cdc.mysql.snapshot_session import SnapshotOvertaken, SnapshotPoint, SnapshotSession
from faust_cdc.offsets import SourceOffset
from faust_cdc.offsets.model import INITIAL_SNAPSHOT
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.markers import MarkedRows
from faust_cdc.snapshot.table_copy import CopiedRows, TableCopy
from faust_cdc.snapshot.tables import SnapshotTables
from faust_cdc.snapshot.told import SnapshotTold
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
        told: SnapshotTold,
        on_taken: Callable[[Mapping[TableId, int], int], None],
        on_place: Callable[[SourceOffset, bool], None],
    ) -> None:
        """`is_compiled`: tables that the compiled transcoder takes go through it. `told` makes the notifications.

        `on_place` is called with where the snapshot stands and whether rows are read, before them.
        `on_taken` is called with the rows of each table and the beginning, ms since the epoch, before all is committed.
        """
        self._told = told
        self._on_taken = on_taken
        self._on_place = on_place
        self._counts: dict[TableId, int] = {}
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
        ConfigError for a statement of the user's that is none for its table. Of an error it is told, too, that the
        snapshot is aborted: to the channels that are outside the Kafka transaction, which is aborted with it.
        """
        try:
            return self._run(list_tables, read_tables, with_data)
        except CdcError:
            # The error may be Kafka's, so that the topic of notifications is out of reach.
            with contextlib.suppress(Exception):
                self._told.aborted()
            raise

    def _run(
        self,
        list_tables: Callable[[], list[TableId]],
        read_tables: Callable[[Sequence[TableId]], dict[TableId, Table]],
        with_data: bool,
    ) -> SourceOffset | None:
        began_ms = int(time.time() * 1000)
        self._told.started()
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
        self._on_place(self._offset(point, None), with_data)
        log.info("Snapshot of %d tables at %s:%s", len(tables), point.position.file, point.position.pos)
        if with_data:
            ordered = [structures[one] for one in self._tables.by_row_count(tables) if one in structures]
            if not self._copy(ordered, point):
                return None
            self._on_taken(self._counts, began_ms)
        self._told.completed()
        closing = self._offset(point, None)
        self._writer.end_source_transaction(lambda: closing)
        self._writer.commit()
        log.info("Snapshot complete: %d rows of %d tables", self.rows, len(tables) if with_data else 0)
        return closing

    def _copy(self, tables: Sequence[Table], point: SnapshotPoint) -> bool:
        """Write all rows, each with its marker; False when stopped."""
        copy = TableCopy(
            self._session,
            self._block,
            self._dispatcher,
            self._writer,
            self._marked,
            self._should_stop,
            lambda captured: self._after_rows(captured, point),
            is_compiled=self._is_compiled,
        )
        for table in self._told.to_be_read(tables):
            self._told.begins(table.id)
            taken_before = self._marked.taken
            rows = CopiedRows(self._settings.override_of(*table.id))
            captured = self._cache.for_table(table)
            self._cache.arrived(table.id)
            if not copy.copy(captured, point.position, rows):
                self._told.aborted()
                return False
            self._counts[table.id] = self._marked.taken - taken_before
            self._told.ends(table.id, self._counts[table.id])
        self._marked.end()
        return True

    def _after_rows(self, captured: CapturedTable, point: SnapshotPoint) -> None:
        if time.monotonic() - self._last_report > PROGRESS_EVERY_S:
            self._last_report = time.monotonic()
            log.info("Snapshot: %d rows so far, now in %s", self.rows, captured.id)
            self._session.keep_locks()
        self._commit_part(point)

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
