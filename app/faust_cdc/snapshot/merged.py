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
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace

from faust_cdc.errors import CdcError, SourceRefused, ValueConversionError
from faust_cdc.failpoints import reach
from faust_cdc.mysql.key_ranges import Unchunkable
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.notifications.notification import ScanStatus
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache, tables_named_in
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.chunk_reader import Chunk, ChunkReaders, ChunkRequest
from faust_cdc.snapshot.chunk_records import block_of, to_records
from faust_cdc.snapshot.joining import STOPPED
from faust_cdc.snapshot.kindness import Pace
from faust_cdc.snapshot.launch import SourceReads, changes_too_fast, key_of, unreadable
from faust_cdc.snapshot.markers import ends
from faust_cdc.snapshot.progress import SnapshotKind, SnapshotProgress, SnapshotState, TableProgress, TableState
from faust_cdc.snapshot.progress_log import ProgressLog
from faust_cdc.snapshot.ranges import TableRanges
from faust_cdc.snapshot.read_ahead import ReadAhead
from faust_cdc.snapshot.table_copy import CopiedRows
from faust_cdc.snapshot.taken_over import members_of
from faust_cdc.snapshot.telling import Telling
from faust_cdc.snapshot.whole_tables import DROPPED, NOT_CAPTURED, WholeTables
from faust_cdc.snapshot.windows import WindowState
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

EAGER_WAIT_MS = 2
"""How long the stream may wait for events while chunks are due."""
NO_LIMIT_MS = 1 << 30
VAIN_PARKS_MAX = 10
"""So often a table may seem changed, and not be, until it is held to be unreadable."""
REROUTED = "its route is another one"
NAMED = "a statement names it"
VAIN_OVERRUNS_MAX = 10
"""So often a chunk that cannot be halved may be overrun."""
GONE = (DROPPED, NOT_CAPTURED)
"""Reasons why there is nothing to read of a table."""


@dataclass(slots=True)
class _Work:
    """A table of the snapshot that is being read."""

    captured: CapturedTable
    ranges: TableRanges
    progress: TableProgress
    parked: BinlogPosition | None = None
    """The table has changed; it is read on with the structure that it has behind this position."""
    parked_for: str = ""
    """How it is known to have changed."""
    vain_parks: int = 0
    """How often it was found unchanged then, since a chunk was last written."""
    vain_overruns: int = 0
    """How often a chunk of one key was overrun since."""


class MergedSnapshot:
    """One snapshot of some tables, written while the stream goes on."""

    def __init__(
        self,
        progress: SnapshotProgress,
        reads: SourceReads,
        cache: TranscoderCache,
        dispatcher: Dispatcher,
        writer: TransactionWriter,
        progress_log: ProgressLog,
        server_block: SourceInfo,
        offset: Callable[[], SourceOffset],
        read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]],
        on_complete: Callable[[], None],
        part_after_ms: float,
        telling: Telling,
        relearn: Callable[[], None],
    ) -> None:
        """`offset` is the stream's, at the edge it stands at; `on_complete` is called before the last is written."""
        self._progress = progress
        self._reads = reads
        self._telling = telling
        self._readers = ChunkReaders(reads.connect, reads.readers, reads.is_compiled, reads.should_stop, reads.pressure)
        self._ahead = ReadAhead(reads.rows_ahead(progress.kind), self._readers.chunk_bytes_max, writer.counters)
        self._cache = cache
        self._dispatcher = dispatcher
        self._writer = writer
        self._watch = writer.watch
        self._log = progress_log
        self._block = server_block
        self._offset = offset
        self._read_tables = read_tables
        self._on_complete = on_complete
        self._places = {table: place for place, table in enumerate(progress.tables)}
        self._pending: list[_Work] = []
        self._shown: dict[TableId, TableProgress] = {}
        self._whole = WholeTables(
            reads,
            cache,
            dispatcher,
            writer,
            server_block,
            offset,
            read_tables,
            relearn,
            part_after_ms,
            progress.kind,
            progress_log.write_table,
        )
        self._asked: list[ChunkRequest] = []
        self._read: list[Chunk] = []
        self._pace = Pace(reads.limiter)
        self._marker = "incremental" if progress.kind is SnapshotKind.INCREMENTAL else "true"
        self.rows = 0
        """Rows done, also by attempts before."""

    def add(self, captured: CapturedTable, ranges: TableRanges, progress: TableProgress) -> None:
        """Take a table into the snapshot, behind the ones that are in it."""
        self._shown[captured.id] = progress
        self._pending.append(_Work(captured, ranges, progress))

    def expect(self, tables: Iterable[TableProgress]) -> None:
        """Take note of how tables of the snapshot stand, before each is added or, being done, passed over."""
        for progress in tables:
            self._show(progress)

    def add_whole(self, captured: CapturedTable, progress: TableProgress, rows: CopiedRows) -> None:
        """Take a table that is read in one piece."""
        self._shown[captured.id] = progress
        self._whole.add(captured, progress, rows)

    def complete(self, progress: TableProgress) -> None:
        """Note that a table is read to its end."""
        now_ms = int(time.time() * 1000)
        started_ms = progress.started_ms or now_ms
        status = ScanStatus.SUCCEEDED if progress.rows else ScanStatus.EMPTY
        self._telling.reads(progress.table, self._progress.tables)
        self._telling.table_ends(progress.table, progress.rows, self._told_with(progress.table), status)
        read = replace(progress, state=TableState.COMPLETED, started_ms=started_ms, updated_ms=now_ms, is_muted=False)
        self._keep(read)
        log.debug("Snapshot: %s is complete, %d rows", progress.table, progress.rows)

    def skip(self, progress: TableProgress, reason: str, status: ScanStatus = ScanStatus.SKIPPED) -> None:
        """Leave a table of the snapshot out."""
        log.warning("Snapshot: %s is not read to its end: %s", progress.table, reason)
        now_ms = int(time.time() * 1000)
        self._telling.table_ends(progress.table, progress.rows, self._told_with(progress.table), status)
        if progress.is_muted and reason not in GONE:
            self._keep(progress.as_behind(reason))
            return
        self._keep(replace(progress, state=TableState.SKIPPED, reason=reason, open_ranges=(), updated_ms=now_ms))

    @property
    def is_active(self) -> bool:
        """True until all is written."""
        return self._progress.state in (SnapshotState.RUNNING, SnapshotState.PAUSED)

    @property
    def progress(self) -> SnapshotProgress:
        """How it stands as a whole."""
        return self._progress

    def members(self) -> dict[str, str]:
        """Return what offsets tell of it, where Debezium's would: of an incremental one."""
        return members_of(self._progress, self._shown) if self.kind is SnapshotKind.INCREMENTAL else {}

    @property
    def kind(self) -> SnapshotKind:
        """What it is."""
        return self._progress.kind

    @property
    def tables(self) -> tuple[TableId, ...]:
        """Its tables."""
        return self._progress.tables

    @property
    def _to_come(self) -> list[TableId]:
        return [table for table in self._progress.tables if self.is_to_come(table)]

    def _told_with(self, table: TableId) -> list[TableId]:
        """Return the tables that Debezium names beside one that ends: of an incremental one those to come."""
        if self.kind is SnapshotKind.INCREMENTAL:
            return [table, *(one for one in self._to_come if one != table)]
        return list(self._progress.tables)

    def is_to_come(self, table: TableId) -> bool:
        """Return whether a table is in it and not read yet."""
        in_chunks = any(one.captured.id == table for one in self._pending)
        return in_chunks or table in self._whole

    def reads_all_of(self, progress: TableProgress) -> bool:
        """Return whether a table is yet to be read from its beginning, by the condition and key of `progress`."""
        if not self.is_to_come(progress.table):
            return False
        work = self._work(progress.table)
        found = self._shown[progress.table] if work is None else work.ranges.progress(work.progress)
        is_begun = found.rows or found.is_planned or found.open_ranges or found.planned_to is not None
        return not is_begun and (found.condition, found.surrogate_key) == (progress.condition, progress.surrogate_key)

    def extend(self, tables: Iterable[TableProgress], signal: str) -> None:
        """Note that further tables belong to it, as a signal asks for; each is to be added."""
        new = {one.table: one for one in tables}
        for one in new.values():  # with what the signal asks of it, and in place of an earlier reading of it
            self._show(one)
            self._log.write_table(one)
        every = tuple(dict.fromkeys((*self._progress.tables, *new)))
        self._places = {table: place for place, table in enumerate(every)}
        self._write_snapshot(replace(self._progress, tables=every, joined=(*self._progress.joined, signal)))

    def follow(self, lists: tuple[str, ...]) -> None:
        """Note that these lists say what is captured, and that what they have more than others is in hand."""
        self._write_snapshot(replace(self._progress, lists=lists))

    def pause(self) -> None:
        """Read no further chunk; what is read is written."""
        self._whole.rest()
        self._telling.paused(self._to_come)
        self._write_snapshot(replace(self._progress, state=SnapshotState.PAUSED))
        log.info("Snapshot %s is paused", self._progress.id)

    def resume(self) -> None:
        """Read on."""
        self._telling.resumed(self._to_come)
        self._write_snapshot(replace(self._progress, state=SnapshotState.RUNNING))
        log.info("Snapshot %s goes on", self._progress.id)

    def stop(self, matches: Callable[[TableId], bool] | None) -> None:
        """Give up these tables, None: all of them."""
        self._telling.aborted(None if matches is None else [one for one in self._to_come if matches(one)])
        for work in [one for one in self._pending if matches is None or matches(one.captured.id)]:
            self._drop_reads(work.captured.id.__eq__)
            self._skip(work, STOPPED)
        for progress in self._whole.give_up(matches or (lambda _: True)):
            self.skip(progress, STOPPED)
        if matches is None:
            self._end(SnapshotState.ABORTED)
            log.info("Snapshot %s is stopped", self._progress.id)

    def _write_snapshot(self, progress: SnapshotProgress) -> None:
        self._progress = replace(progress, updated_ms=int(time.time() * 1000))
        self._log.write_snapshot(self._progress)
        self._cover()

    def at_edge(self, position: BinlogPosition) -> None:
        """Write what is due at this edge of a source transaction, and have more read."""
        if not self.is_active:
            return
        self._take_read()
        for chunk in [one for one in self._read if one.request.window.is_due(position)]:
            if chunk not in self._read:
                continue  # given up with the one before it, which has its table left out
            self._read.remove(chunk)
            self._settle(chunk, position)
            if self._writer.is_full():
                self._commit()
        if self._progress.state is SnapshotState.RUNNING:
            self._unpark(position)
            self._ask(position)
            self._copy_whole(position)
        if not self._pending and not self._whole and not self._asked and not self._read:
            self._complete()

    def _commit(self) -> None:
        self._writer.commit()
        reach("snapshot.chunk.committed")

    def changed(self, statement: str, put_in_place: Container[TableId] = ()) -> None:
        """Take note of a DDL statement: rows read of its tables before are not what the tables hold behind it.

        `put_in_place` are tables that have come into the place of others by it: they are read from their beginning.
        """
        # A `Reading` names less: not the table of an EXCHANGE PARTITION, nor of a DROP DATABASE those without rows yet.
        concerned = tables_named_in(statement)
        self._drop_reads(concerned)
        self._whole.changed(concerned)
        for work in self._pending:
            if work.parked is None and concerned(work.captured.id):
                work.parked, work.parked_for = BinlogPosition("", 0), NAMED
            if work.captured.id in put_in_place:
                self._begin_again(work)

    def rerouted(self, concerned: Callable[[TableId], bool]) -> None:
        """Have rows of these tables that are not written read again: they go another way from here on."""
        self._drop_reads(concerned)
        self._whole.rerouted(concerned)
        for work in self._pending:
            if work.parked is None and concerned(work.captured.id):
                work.parked, work.parked_for = BinlogPosition("", 0), REROUTED

    def _begin_again(self, work: _Work) -> None:
        done = work.ranges.progress(work.progress)
        nothing = replace(done, rows=0, planned_to=None, is_planned=False, open_ranges=(), last_key=None)
        work.ranges = work.ranges.other(nothing)
        work.progress = work.ranges.progress(nothing)
        log.warning("Snapshot: %s is another table now and is read from its beginning", work.captured.id)
        self._show(work.progress)
        self._log.write_table(work.progress)  # covered with the statement, behind which the old ranges mean nothing

    def _drop_reads(self, concerns: Callable[[TableId], bool]) -> None:
        """Give up what is read of some tables."""
        for request in [one for one in self._asked if concerns(one.captured.id)]:
            if request.window.state is WindowState.OPEN:
                request.window.drop()
        for chunk in [one for one in self._read if concerns(one.request.captured.id)]:
            self._read.remove(chunk)
            chunk.request.window.drop()
            self._give_up(chunk)

    def close(self) -> None:
        """End the readers."""
        self._readers.close()
        self._whole.rest()

    def _before_whole(self) -> list[_Work]:
        """Return the tables that come before the next one that is read in one piece.

        Tables are written in their order: which row is the first of all and which the last is told by it.
        """
        whole = next(iter(self._whole), None)
        if whole is None:
            return self._pending
        places = self._places
        return [one for one in self._pending if places[one.captured.id] < places[whole]]

    def _copy_whole(self, position: BinlogPosition) -> None:
        """Copy the next table that is read in one piece, when it is its turn and this is the place for it."""
        if self._before_whole():
            return
        is_first = not any(progress.rows for progress in self._shown.values())
        ended = self._whole.copy_next(position, is_first=is_first, is_last=not self._pending)
        if ended is None:
            return
        if ended.reason:
            self.skip(ended.progress, ended.reason, ended.status)
            return
        self.complete(ended.progress)
        self._writer.commit()  # the server may have lost patience with the stream meanwhile: what is done is kept

    def _take_read(self) -> None:
        for chunk in self._readers.read():
            self._asked.remove(chunk.request)
            if chunk.refused is not None:
                self._refuse(chunk, chunk.refused)
                continue
            if chunk.request.window.state is WindowState.DROPPED:
                self._give_up(chunk)
                continue
            try:
                to_records(chunk, self._dispatcher, self._writer.topic_number)
            except ValueConversionError as error:
                self._refuse(chunk, error)
                continue
            self._reads.limiter.take(chunk.rows_read, chunk.bytes)
            reach("snapshot.chunk.read")
            assert chunk.high_watermark is not None, "a reader that is not asked to stop says where it stands"
            chunk.request.window.fill(chunk.rows, chunk.high_watermark)
            self._read.append(chunk)

    def _refuse(self, chunk: Chunk, error: CdcError) -> None:
        """Leave out the table of a chunk that cannot be read. An initial snapshot fails by it, as it must be whole."""
        if chunk.request.window.state is WindowState.OPEN:
            chunk.request.window.drop()
        self._close_window(chunk)
        work = self._work(chunk.request.captured.id)
        if work is not None:
            self._leave_out(work, error)

    def _leave_out(self, work: _Work, error: CdcError) -> None:
        if self.kind is SnapshotKind.INITIAL:
            raise unreadable(work.captured.id, error)
        self._drop_reads(work.captured.id.__eq__)
        self._skip(work, str(error), ScanStatus.SQL_EXCEPTION)

    def _give_up(self, chunk: Chunk) -> None:
        """Have a chunk's range read again."""
        self._close_window(chunk)
        ranges, table = chunk.request.ranges, chunk.request.captured.id
        if chunk.range is None:
            return
        if not chunk.request.window.is_overrun:
            ranges.give_back(chunk.range)
        elif not ranges.is_one_key(chunk.range):
            log.info("%s changes too fast for a chunk; reading it in parts", table)
            ranges.too_slow(chunk.range)
        else:
            ranges.give_back(chunk.range)
            if (work := self._work(table)) is not None:
                work.vain_overruns += 1
                if work.vain_overruns > VAIN_OVERRUNS_MAX:
                    self._leave_out(work, changes_too_fast(table))

    def _close_window(self, chunk: Chunk) -> None:
        self._reads.forget(chunk.window)
        self._watch.close(chunk.request.window)

    def _settle(self, chunk: Chunk, position: BinlogPosition) -> None:
        """Write a chunk that is due, or learn what was read in its place."""
        request = chunk.request
        if chunk.range is None:
            self._reads.forget(chunk.window)
        else:
            try:
                self._reads.confirm(chunk.window)
            except SourceRefused as error:
                self._refuse(chunk, error)
                return
        self._watch.close(request.window)
        work = self._work(request.captured.id)
        if chunk.changed is not None and work is not None:
            work.parked, work.parked_for = chunk.changed, chunk.changed_how
        if chunk.range is not None and work is not None:
            self._write(chunk, work, self._source(request.captured, position))
        request.window.written()
        if work is not None and work.ranges.is_finished:
            self._finish(work)

    @property
    def wait_ms(self) -> int:
        """How long the stream may wait for events, as far as this snapshot goes."""
        if self._asked or self._read:
            return EAGER_WAIT_MS
        if self._progress.state is not SnapshotState.RUNNING:
            return NO_LIMIT_MS
        is_turn_of_whole = bool(self._whole) and not self._before_whole()
        return max(EAGER_WAIT_MS, self._whole.wait_ms if is_turn_of_whole else self._pace.wait_ms)

    def _ask(self, position: BinlogPosition) -> None:
        delivered: SourceOffset | None = None
        if not self._pace.may_ask(self._readers.is_calm):
            return
        while len(self._asked) <= self._readers.count:
            work = next((one for one in self._before_whole() if one.parked is None and one.ranges.has_more), None)
            # As long as nothing is known of a table's rows, one chunk of it is read, and none of the tables behind it.
            if work is None or (not work.ranges.is_known and self._is_read(work)) or not self._has_room(work.ranges):
                return
            if delivered is None:
                delivered = self._offset()
            topic, *others = (self._writer.topic_number(one.topic, one.id) for one in work.captured.targets)
            request = ChunkRequest(
                self._watch.open(topic, *others),
                work.captured,
                work.ranges,
                delivered.gtids,
                position,
                self._source(work.captured, position),
                topic,
            )
            self._asked.append(request)
            self._telling.reads(work.captured.id, self._progress.tables)
            reach("snapshot.window.open")
            self._readers.ask(request)

    def _has_room(self, ranges: TableRanges) -> bool:
        """Return whether a range may be read, when need be once what is written is committed."""
        asked = [one.ranges for one in self._asked]
        if self._ahead.uncommitted_rows and not self._ahead.has_room(ranges, asked, self._read):
            self._cover()  # a notification that a table is read may have come behind what covered the rows
            self._commit()
        return self._ahead.has_room(ranges, asked, self._read)

    def _write(self, chunk: Chunk, work: _Work, source: SourceInfo) -> None:
        assert chunk.range is not None
        if (source.file, source.pos) != (chunk.request.source.file, chunk.request.source.pos):
            chunk.move(source)  # no position before one that was delivered
        touched, rows = chunk.request.window.touched, chunk.rows
        kept = [place for place, row in enumerate(rows) if row[1] not in touched] if touched else range(len(rows))
        work.ranges.written(chunk.range)
        self._cache.arrived(work.captured.id)
        work.vain_parks = work.vain_overruns = 0
        written = [rows[place] for place in kept] if touched else rows
        if self._progress.kind is not SnapshotKind.INCREMENTAL and written:
            is_first_of_table, is_last_of_table = work.progress.rows == 0, work.ranges.is_finished
            is_first = is_first_of_table and not any(progress.rows for progress in self._shown.values())
            is_last = is_last_of_table and len(self._pending) == 1 and not self._whole
            marks = ends(is_first_of_table, is_last_of_table, is_first, is_last, len(written) - 1)
            for place, marker in marks.items():
                written[place] = chunk.marked(kept[place], replace(source, snapshot=marker))
        for record in chunk.aside:
            self._writer.write(record)
        reach("snapshot.chunk.due")
        rows_done = work.progress.rows + len(rows) + len(chunk.aside)
        chunk.rows = rows = []  # `written` has the only ones now
        headers = self._dispatcher.headers
        self._writer.write_rows(written, 0, len(written), headers, is_streamed=False, is_used_up=True)
        reach("snapshot.chunk.written")
        self._ahead.wrote(chunk.rows_read)
        now_ms = int(time.time() * 1000)
        begun_ms = work.progress.started_ms or now_ms
        shown = replace(work.progress, state=TableState.RUNNING, rows=rows_done, started_ms=begun_ms, updated_ms=now_ms)
        work.progress = work.ranges.progress(shown)
        self._telling.chunk(work.captured.id, self._to_come, chunk.range.high, work.ranges.last_key)
        if not work.ranges.is_finished:
            self._keep(work.progress)

    def _finish(self, work: _Work) -> None:
        """Note that a table is complete."""
        self._pending.remove(work)
        self.complete(work.ranges.progress(work.progress))

    def _keep(self, progress: TableProgress) -> None:
        """Write a table's progress with what it counts; both with the offset of this edge."""
        self._show(progress)
        self._log.write_table(progress)
        reach("snapshot.progress.written")
        self._cover()

    def _show(self, progress: TableProgress) -> None:
        before = self._shown.get(progress.table)
        self.rows += progress.rows - (0 if before is None else before.rows)
        self._shown[progress.table] = progress

    def _cover(self) -> None:
        # No commit here: a command is carried out by several records, and the offset may be that behind its signal.
        self._writer.cover(self._offset)

    def _complete(self) -> None:
        self._telling.completed()
        self._end(SnapshotState.COMPLETED)
        rows = sum(progress.rows for progress in self._shown.values())
        log.debug("Snapshot complete: %d rows of %d tables", rows, len(self._shown))

    def _end(self, state: SnapshotState) -> None:
        reach("snapshot.end")
        self._on_complete()
        self._write_snapshot(replace(self._progress, state=state))
        self.close()

    def _unpark(self, position: BinlogPosition) -> None:
        """Go on with tables that were changed, once the stream has come to the change."""
        for work in [one for one in self._pending if one.parked is not None and one.parked <= position]:
            if self._is_read(work):
                continue
            table = self._read_tables([work.captured.id]).get(work.captured.id)
            if table is None:
                self._skip(work, DROPPED)
            elif refused := self._reads.refused_conditions([work.progress]):
                self._skip(work, refused[table.id], ScanStatus.SQL_EXCEPTION)
            else:
                self._adapt(work, table)
            if work.parked is None and work.ranges.is_finished:  # found without rows by a read that was given up
                self._finish(work)

    def _is_read(self, work: _Work) -> bool:
        return any(one.captured.id == work.captured.id for one in self._asked)

    def _adapt(self, work: _Work, table: Table) -> None:
        """Go on with the structure that a table has now; from the beginning when its key is another one."""
        self._cache.remember([table])
        captured = self._cache.for_table(table)
        surrogate_key = work.progress.surrogate_key
        key = key_of(captured, table, self._reads.keys([table], surrogate_key)[table.id])
        if table == work.ranges.table and key == work.ranges.key:
            work.captured, work.parked = captured, None
            work.vain_parks += work.parked_for not in (REROUTED, NAMED)
            if work.vain_parks > VAIN_PARKS_MAX:
                reason = f"{table.id} cannot be read, and has not changed: {work.parked_for}"
                self._leave_out(work, SourceRefused(reason))
            return
        if isinstance(key, Unchunkable) and work.parked_for == REROUTED and self.kind is not SnapshotKind.INCREMENTAL:
            self._pending.remove(work)
            whole = CopiedRows(work.ranges.override, work.progress.condition)
            self.add_whole(captured, work.progress.from_beginning(), whole)
            return
        if isinstance(key, Unchunkable):
            self._skip(work, f"changed while the snapshot was taken, and has no key to go on by: {key.reason}")
            return
        progress = work.ranges.progress(work.progress)
        if key.columns != work.ranges.key.columns:  # the index may be another one: bounds are values
            progress = progress.from_beginning()
            log.warning("Snapshot: %s has another key now and is read from its beginning", table.id)
        work.ranges = work.ranges.other(progress, table, key)
        work.captured, work.progress, work.parked = captured, progress, None

    def _skip(self, work: _Work, reason: str, status: ScanStatus = ScanStatus.SKIPPED) -> None:
        self._pending.remove(work)
        self.skip(work.progress, reason, status)

    def _work(self, table: TableId) -> _Work | None:
        return next((one for one in self._pending if one.captured.id == table), None)

    def _source(self, captured: CapturedTable, position: BinlogPosition) -> SourceInfo:
        return block_of(self._block, captured, position, self._marker)
