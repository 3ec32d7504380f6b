"""The snapshots of one attempt of a task: the one that is under way, and what begins the next.

The coordinator knows only this: where to begin, what to do at an edge, how long the stream may wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from faust_cdc.mysql.chunk_session import has_visible_set
from faust_cdc.mysql.key_ranges import Unchunkable, chunk_key
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.offsets import SourceOffset
from faust_cdc.offsets.model import INITIAL_SNAPSHOT
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.streaming import StreamingSource
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.chunk_reader import ChunkReaders
from faust_cdc.snapshot.launch import SourceReads, is_by_key, is_resumable, new_snapshot
from faust_cdc.snapshot.merged import MergedSnapshot
from faust_cdc.snapshot.progress import SnapshotKind, SnapshotProgress, TableProgress, TableState
from faust_cdc.snapshot.progress_log import ProgressLog, StoredProgress
from faust_cdc.snapshot.ranges import TableRanges
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

EAGER_WAIT_MS = 2
"""How long the stream may wait for events while chunks are due."""
NO_LIMIT_MS = 1 << 30


class Snapshots:
    """Begins snapshots and carries them through. For the task's thread only."""

    def __init__(
        self,
        reads: SourceReads,
        progress_log: ProgressLog,
        stored: StoredProgress,
        cache: TranscoderCache,
        dispatcher: Dispatcher,
        writer: TransactionWriter,
        server_block: SourceInfo,
        list_tables: Callable[[], list[TableId]],
        read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]],
        *,
        is_wanted: bool,
    ) -> None:
        """`is_wanted`: the configuration asks for an initial snapshot without locks, if there is to be one."""
        self._reads = reads
        self._log = progress_log
        self._stored = stored
        self._cache = cache
        self._dispatcher = dispatcher
        self._writer = writer
        self._block = server_block
        self._list_tables = list_tables
        self._read_tables = read_tables
        self._is_wanted = is_wanted
        self._stream: StreamingSource | None = None
        self._begun: tuple[SnapshotProgress, dict[TableId, TableProgress]] | None = None
        self._running: MergedSnapshot | None = None

    def begin(self, offset: SourceOffset | None) -> SourceOffset | None:
        """Begin an initial snapshot, or go on with the one of `offset`; return where the stream begins.

        None when it is not to be taken this way: it is not wanted, or the server cannot say what a read shows.
        """
        if not self._is_wanted:
            return None
        if not has_visible_set(self._reads.info):
            log.warning("No GTIDs on %s: the snapshot begins under a global read lock", self._reads.address)
            return None
        snapshot = self._stored.snapshot
        if is_resumable(self._stored, offset) and offset is not None and snapshot is not None:
            log.info("Going on with snapshot %s of %d tables", snapshot.id, len(snapshot.tables))
            tables = {table: self._stored.tables.get(table, TableProgress(table)) for table in snapshot.tables}
            self._begun = snapshot, tables
            return offset
        place = self._reads.place()
        ids = self._list_tables()
        self._begun = new_snapshot(SnapshotKind.INITIAL, ids, self._reads.estimates(ids))
        self._log.begin(self._begun[0], self._begun[1].values())
        self._writer.end_source_transaction(lambda: place)
        self._writer.commit()
        log.info("Snapshot of %d tables beside the stream from %s:%d", len(ids), place.file, place.pos)
        return place

    def join(self, stream: StreamingSource) -> None:
        """Begin to read beside `stream`."""
        self._stream = stream
        if self._begun is None:
            return
        snapshot, tables = self._begun
        stream.snapshot = INITIAL_SNAPSHOT
        self._running = self._merged(snapshot, stream)
        structures = self._read_tables(tables)
        self._cache.remember(structures.values())
        for progress in tables.values():
            if progress.state in (TableState.COMPLETED, TableState.SKIPPED):
                self._running.pass_over(progress)
            else:
                self._add(self._running, progress, structures.get(progress.table))
        stream.edge, stream.on_ddl = self.at_edge, self._running.changed

    @property
    def wait_ms(self) -> int:
        """How long the stream may wait for events."""
        return EAGER_WAIT_MS if self._running is not None and self._running.is_active else NO_LIMIT_MS

    def at_edge(self, position: BinlogPosition) -> None:
        """Do what is due at this edge of a source transaction."""
        if self._running is not None:
            self._running.at_edge(position)

    def close(self) -> None:
        """End the readers."""
        if self._running is not None:
            self._running.close()

    def _merged(self, snapshot: SnapshotProgress, stream: StreamingSource) -> MergedSnapshot:
        reads = self._reads
        return MergedSnapshot(
            snapshot,
            ChunkReaders(reads.connect, reads.readers, reads.is_compiled, reads.should_stop),
            self._cache,
            self._dispatcher,
            self._writer,
            self._log,
            self._block,
            stream.offset,
            self._read_tables,
            self._completed,
        )

    def _add(self, running: MergedSnapshot, progress: TableProgress, table: Table | None) -> None:
        if table is None:
            running.skip(progress, "it does not exist any more")
            return
        captured = self._cache.for_table(table)
        key = chunk_key(table)
        if isinstance(key, Unchunkable) or not is_by_key(captured, table):
            running.add_whole(captured, progress)
            return
        running.add(captured, TableRanges(table, key, progress, self._reads.rows_per_chunk), progress)

    def _completed(self) -> None:
        assert self._stream is not None
        self._stream.snapshot = None
