"""A snapshot merged into the stream: chunks are read beside it and written between source transactions.

What the stream and the snapshot promise together, per key: records come in the order of the source's commits, and a
row of the snapshot never after a later state of it (`windows` says why). What a chunk costs is known when it is
written: its rows, its table's progress and the offset of the edge it is written at are one Kafka transaction, so a
restart reads what was not written and nothing else.

Everything here runs in the task's thread at edges of source transactions, but the readers (`chunk_reader`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from faust_cdc.errors import ValueConversionError
from faust_cdc.kafka.direct import Row as KafkaRow
from faust_cdc.mysql.key_ranges import Unchunkable, chunk_key
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache, names_table
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.chunk_reader import Chunk, ChunkReaders, ChunkRequest
from faust_cdc.snapshot.progress import SnapshotKind, SnapshotProgress, SnapshotState, TableProgress, TableState
from faust_cdc.snapshot.progress_log import ProgressLog
from faust_cdc.snapshot.ranges import TableRanges
from faust_cdc.snapshot.windows import WindowState
from faust_cdc.transcode.reference import Row
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 5.0
WAITING_BYTES_MAX = 64 * 1024 * 1024
"""Of chunks that wait for the stream to come to them: no further one is read until there is room."""
EAGER_WAIT_MS = 2
"""How long the stream may wait for events while chunks are due."""


@dataclass(slots=True)
class _Work:
    """A table of the snapshot that is being read."""

    captured: CapturedTable
    ranges: TableRanges
    progress: TableProgress
    parked: BinlogPosition | None = None
    """The table has changed; it is read on with the structure that it has behind this position."""


class MergedSnapshot:
    """One snapshot of some tables, written while the stream goes on."""

    def __init__(
        self,
        progress: SnapshotProgress,
        readers: ChunkReaders,
        cache: TranscoderCache,
        dispatcher: Dispatcher,
        writer: TransactionWriter,
        progress_log: ProgressLog,
        server_block: SourceInfo,
        offset: Callable[[], SourceOffset],
        read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]],
        on_complete: Callable[[], None],
    ) -> None:
        """`offset` is the stream's, at the edge it stands at; `on_complete` is called before the last is written."""
        self._progress = progress
        self._readers = readers
        self._cache = cache
        self._dispatcher = dispatcher
        self._writer = writer
        self._watch = writer.watch
        self._log = progress_log
        self._block = server_block
        self._offset = offset
        self._read_tables = read_tables
        self._on_complete = on_complete
        self._pending: list[_Work] = []
        self._shown: dict[TableId, TableProgress] = {}
        self._asked: list[ChunkRequest] = []
        self._read: list[Chunk] = []
        self._last_report = time.monotonic()
        self._marker = "incremental" if progress.kind is SnapshotKind.INCREMENTAL else "true"
        self.rows = 0
        """Rows written by this attempt."""

    def add(self, captured: CapturedTable, ranges: TableRanges, progress: TableProgress) -> None:
        """Take a table into the snapshot, behind the ones that are in it."""
        self._shown[captured.id] = progress
        self._pending.append(_Work(captured, ranges, progress))

    def pass_over(self, progress: TableProgress) -> None:
        """Take note of a table of the snapshot that is done."""
        self._shown[progress.table] = progress

    def add_whole(self, captured: CapturedTable, progress: TableProgress) -> None:
        """Take a table that is read in one piece."""
        raise NotImplementedError

    def skip(self, progress: TableProgress, reason: str) -> None:
        """Leave a table of the snapshot out."""
        log.warning("Snapshot: %s is not read to its end: %s", progress.table, reason)
        now_ms = int(time.time() * 1000)
        self._keep(replace(progress, state=TableState.SKIPPED, reason=reason, open_ranges=(), updated_ms=now_ms))

    @property
    def is_active(self) -> bool:
        """True until all is written."""
        return self._progress.state is SnapshotState.RUNNING

    def at_edge(self, position: BinlogPosition) -> None:
        """Write what is due at this edge of a source transaction, and have more read."""
        if not self.is_active:
            return
        self._take_read()
        for chunk in [one for one in self._read if one.request.window.is_due(position)]:
            self._read.remove(chunk)
            self._settle(chunk, position)
        self._unpark(position)
        self._ask(position)
        if not self._pending and not self._asked and not self._read:
            self._complete()
        self._report()

    def changed(self, statement: str) -> None:
        """Take note of a DDL statement: rows read of its tables before are not what the tables hold behind it."""
        text = statement.lower()
        for request in [one for one in self._asked if names_table(text, one.captured.id)]:
            request.window.drop()
        for chunk in [one for one in self._read if names_table(text, one.request.captured.id)]:
            self._read.remove(chunk)
            self._give_up(chunk)
        for work in self._pending:
            if work.parked is None and names_table(text, work.captured.id):
                work.parked = BinlogPosition("", 0)

    def close(self) -> None:
        """End the readers."""
        self._readers.close()

    def _take_read(self) -> None:
        for chunk in self._readers.read():
            self._asked.remove(chunk.request)
            if chunk.request.window.state is WindowState.DROPPED:
                self._give_up(chunk)
                continue
            self._to_records(chunk)
            assert chunk.high_watermark is not None, "a reader that is not asked to stop says where it stands"
            chunk.request.window.fill(chunk.rows, chunk.high_watermark)
            self._read.append(chunk)

    def _give_up(self, chunk: Chunk) -> None:
        """Have a chunk's range read again."""
        if chunk.range is not None:
            chunk.request.ranges.give_back(chunk.range)
        self._watch.close(chunk.request.window)

    def _settle(self, chunk: Chunk, position: BinlogPosition) -> None:
        """Write a chunk that is due, or learn what was read in its place."""
        request = chunk.request
        self._watch.close(request.window)
        work = self._work(request.captured.id)
        if chunk.changed is not None and work is not None:
            work.parked = chunk.changed
        if chunk.range is not None and work is not None:
            self._write(chunk, work, self._source(request.captured, position))
        request.window.written()
        if work is not None and work.ranges.is_finished:
            self._finish(work)

    def _ask(self, position: BinlogPosition) -> None:
        delivered: SourceOffset | None = None
        while len(self._asked) < self._readers.count and self._waiting_bytes < WAITING_BYTES_MAX:
            work = next((one for one in self._pending if one.parked is None and one.ranges.has_more), None)
            if work is None:
                return
            if delivered is None:
                delivered = self._offset()
            topic = self._writer.topic_number(work.captured.topic)
            request = ChunkRequest(
                self._watch.open(topic),
                work.captured,
                work.ranges,
                delivered.gtids,
                position,
                self._source(work.captured, position),
                topic,
            )
            self._asked.append(request)
            self._readers.ask(request)

    @property
    def _waiting_bytes(self) -> int:
        return sum(chunk.bytes for chunk in self._read)

    def _write(self, chunk: Chunk, work: _Work, source: SourceInfo) -> None:
        assert chunk.range is not None
        if (source.file, source.pos) != (chunk.request.source.file, chunk.request.source.pos):
            chunk.move(source)  # no position before one that was delivered
        touched, rows = chunk.request.window.touched, chunk.rows
        kept = [place for place, row in enumerate(rows) if row[1] not in touched] if touched else range(len(rows))
        work.ranges.written(chunk.range)
        written = [rows[place] for place in kept] if touched else rows
        if self._progress.kind is not SnapshotKind.INCREMENTAL and written:
            self._mark(chunk, work, written, kept, source)
        for record in chunk.aside:
            self._writer.write(record)
        self._writer.write_rows(written, 0, len(written), self._dispatcher.headers, is_streamed=False)
        self.rows += len(written)
        now_ms = int(time.time() * 1000)
        started_ms = work.progress.started_ms or now_ms
        rows_done = work.progress.rows + len(rows) + len(chunk.aside)
        shown = replace(
            work.progress, state=TableState.RUNNING, rows=rows_done, started_ms=started_ms, updated_ms=now_ms
        )
        work.progress = work.ranges.progress(shown)
        if not work.ranges.is_finished:
            self._keep(work.progress)

    def _mark(
        self, chunk: Chunk, work: _Work, written: list[KafkaRow], kept: Sequence[int], source: SourceInfo
    ) -> None:
        """Give the first and the last row of a table, and of all, their marks."""
        is_first_of_table = work.progress.rows == 0
        is_last_of_table = work.ranges.is_finished
        is_last = is_last_of_table and len(self._pending) == 1
        is_first = is_first_of_table and not any(progress.rows for progress in self._shown.values())
        if is_last:
            written[-1] = chunk.marked(kept[-1], replace(source, snapshot="last"))
        elif is_last_of_table:
            written[-1] = chunk.marked(kept[-1], replace(source, snapshot="last_in_data_collection"))
        if is_first and not (is_last and len(written) == 1):
            written[0] = chunk.marked(kept[0], replace(source, snapshot="first"))
        elif is_first_of_table and not (is_last_of_table and len(written) == 1):
            written[0] = chunk.marked(kept[0], replace(source, snapshot="first_in_data_collection"))

    def _finish(self, work: _Work) -> None:
        """Note that a table is complete."""
        now_ms = int(time.time() * 1000)
        shown = replace(
            work.progress,
            state=TableState.COMPLETED,
            started_ms=work.progress.started_ms or now_ms,
            updated_ms=now_ms,
        )
        self._pending.remove(work)
        self._keep(work.ranges.progress(shown))
        log.info("Snapshot: %s is complete, %d rows", work.captured.id, shown.rows)

    def _keep(self, progress: TableProgress) -> None:
        """Write a table's progress with what it counts; both with the offset of this edge."""
        self._shown[progress.table] = progress
        self._log.write_table(progress)
        self._cover()

    def _cover(self) -> None:
        self._writer.cover(self._offset)
        if self._writer.is_full():
            self._writer.commit()

    def _complete(self) -> None:
        now_ms = int(time.time() * 1000)
        self._progress = replace(self._progress, state=SnapshotState.COMPLETED, updated_ms=now_ms)
        self._on_complete()
        self._log.write_snapshot(self._progress)
        self._writer.cover(self._offset)
        self._readers.close()
        rows = sum(progress.rows for progress in self._shown.values())
        log.info("Snapshot complete: %d rows of %d tables", rows, len(self._shown))

    def _unpark(self, position: BinlogPosition) -> None:
        """Go on with tables that were changed, once the stream has come to the change."""
        for work in [one for one in self._pending if one.parked is not None and one.parked <= position]:
            if self._is_read(work):
                continue
            table = self._read_tables([work.captured.id]).get(work.captured.id)
            if table is None:
                self._skip(work, "dropped while the snapshot was taken")
            elif table == work.ranges.table:
                work.parked = None
            else:
                self._adapt(work, table)

    def _is_read(self, work: _Work) -> bool:
        return any(one.captured.id == work.captured.id for one in self._asked)

    def _adapt(self, work: _Work, table: Table) -> None:
        """Go on with the structure that a table has now; from the beginning when its key is another one."""
        key = chunk_key(table, None, work.progress.surrogate_key)
        self._cache.remember([table])
        if isinstance(key, Unchunkable):
            self._skip(work, f"changed while the snapshot was taken, and has no key to go on by: {key.reason}")
            return
        progress = work.ranges.progress(work.progress)
        if key != work.ranges.key:
            progress = TableProgress(table.id, condition=progress.condition, surrogate_key=progress.surrogate_key)
            log.warning("Snapshot: %s has another key now and is read from its beginning", table.id)
        work.ranges = TableRanges(table, key, progress, work.ranges.rows_per_chunk)
        work.captured, work.progress, work.parked = self._cache.for_table(table), progress, None

    def _skip(self, work: _Work, reason: str) -> None:
        self._pending.remove(work)
        self.skip(work.progress, reason)

    def _work(self, table: TableId) -> _Work | None:
        return next((one for one in self._pending if one.captured.id == table), None)

    def _to_records(self, chunk: Chunk) -> None:
        """Take the rows that are for the reference transcoder to records."""
        captured = chunk.request.captured
        for cells in chunk.cells:
            try:
                row = captured.transcoder.read_text_row(cells)
            except ValueConversionError as error:
                source = replace(chunk.request.source, row=len(chunk.rows))
                settled = self._dispatcher.bad_rows.cells(error, captured, cells, source)
                if isinstance(settled, ChangeRecord):
                    chunk.aside.append(settled)
                    continue
                row = settled
            make = partial(self._record, captured, row, chunk.request.topic)
            chunk.made[len(chunk.rows)] = make
            chunk.rows.append(make(chunk.request.source))
        chunk.cells = []

    def _record(self, captured: CapturedTable, row: Row, topic: int, source: SourceInfo) -> KafkaRow:
        record = self._dispatcher.snapshot_record(captured, row, source)
        return topic, record.key, record.value

    def _source(self, captured: CapturedTable, position: BinlogPosition) -> SourceInfo:
        return self._block.at(
            ts_us=int(time.time()) * 1_000_000,
            server_id=0,
            gtid=None,
            file=position.file,
            pos=position.pos,
            thread=None,
            snapshot=self._marker,
            db=captured.id.database,
            table=captured.id.table,
        )

    def _report(self) -> None:
        if self.is_active and time.monotonic() - self._last_report > PROGRESS_EVERY_S:
            self._last_report = time.monotonic()
            rows = sum(progress.rows for progress in self._shown.values())
            log.info("Snapshot: %d rows so far, %d tables to go", rows, len(self._pending))
