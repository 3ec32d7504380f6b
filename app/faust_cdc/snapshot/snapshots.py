"""The snapshots of one attempt of a task: the one that is under way, and what begins the next.

The coordinator knows only this: where to begin, what to do at an edge, how long the stream may wait.

No signal is lost by a crash. `obey` writes what it does, also that a snapshot waits, and commits nothing: a row of the
signal table is obeyed at the edge behind its transaction, before anything else there, so the first offset that covers
the row is in the Kafka transaction of what it asked for; the Kafka channel commits its place behind that transaction.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from faust_cdc.config.snapshot_settings import SnapshotSettings
from faust_cdc.errors import CdcError, Disposition, FatalError
from faust_cdc.failpoints import reach
from faust_cdc.mysql.chunk_session import has_visible_set
from faust_cdc.mysql.key_ranges import ChunkKey, Unchunkable
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.window_rows import WindowRows
from faust_cdc.notifications.notification import InitialNotices, ScanStatus, signal_refused
from faust_cdc.notifications.notifier import Notifier
from faust_cdc.offsets import SourceOffset
from faust_cdc.offsets.incremental import REMEDY, IncrementalMembers
from faust_cdc.offsets.model import INITIAL_SNAPSHOT
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache
from faust_cdc.pipeline.ddl_reading import Reading
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.streaming import StreamingSource
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.commands import ExecuteSnapshot, PauseSnapshot, SnapshotCommand, StopSnapshot, matcher
from faust_cdc.snapshot.joining import Joining
from faust_cdc.snapshot.launch import (
    SourceReads,
    as_asked,
    is_resumable,
    is_unfinished,
    key_of,
    new_snapshot,
    no_snapshot,
    reads_all_of,
    taken_snapshot,
)
from faust_cdc.snapshot.merged import NO_LIMIT_MS, MergedSnapshot
from faust_cdc.snapshot.progress import (
    ENDED,
    Bound,
    SnapshotKind,
    SnapshotProgress,
    SnapshotState,
    TableProgress,
    TableState,
)
from faust_cdc.snapshot.progress_log import ProgressLog, StoredProgress
from faust_cdc.snapshot.ranges import TableRanges
from faust_cdc.snapshot.table_copy import CopiedRows
from faust_cdc.snapshot.tables import SnapshotTables
from faust_cdc.snapshot.taken_over import progress_of
from faust_cdc.snapshot.telling import Telling
from faust_cdc.snapshot.whole_tables import NOT_CAPTURED
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)


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
        tables: SnapshotTables,
        settings: SnapshotSettings,
        part_after_ms: float,
        notifier: Notifier,
        lists: tuple[str, ...],
        accepts: Callable[[TableId], bool],
        holding: Callable[[CapturedTable], str | None],
        at_place: Callable[[Callable[[], SourceOffset], bool], SourceOffset],
        signal_tables: Iterable[TableId] = (),
    ) -> None:
        """`lists` are the four that say what is captured, as `accepts` does; `holding`: see `Joining`.

        `at_place` returns where a new initial snapshot's stream begins, a place that is taken when it asks for one; it
        is told whether rows are read, before the commit.
        """
        self._at_place = at_place
        self._reads = reads
        self._log = progress_log
        self._stored = stored
        self._cache = cache
        self._dispatcher = dispatcher
        self._writer = writer
        self._block = server_block
        self._list_tables = list_tables
        self._read_tables = read_tables
        self._part_after_ms = part_after_ms
        self._tables = tables
        self._settings = settings
        self._notifier = notifier
        self._lists = lists
        self._accepts = accepts
        self._signal_tables = frozenset(signal_tables)
        self._stream: StreamingSource | None = None
        self._delivered = BinlogPosition("", 0)
        self._begun: tuple[SnapshotProgress, dict[TableId, TableProgress]] | None = None
        self._running: MergedSnapshot | None = None
        self._last = stored.snapshot
        """The snapshot that was the last one, once none is under way."""
        self._theirs: IncrementalMembers | None = None
        """Debezium's incremental snapshot that is under way by the offset."""
        self._joining = Joining(reads, progress_log, cache, dispatcher, list_tables, read_tables, accepts, holding)
        self.rows = sum(one.rows for one in stored.tables.values())
        """Rows of the snapshot that is under way or was the last one."""

    @property
    def windows(self) -> WindowRows | None:
        """The rows of ours by which it is known what a read shows; None where there are none."""
        return self._reads.windows

    def begin(self, offset: SourceOffset | None) -> SourceOffset | None:
        """Begin an initial snapshot, or go on with the one of `offset`; return where the stream begins.

        None when it cannot be taken this way: the server does not say what a read shows.
        """
        if (problem := self._reads.problem()) is not None:
            mode = "under a lock, as with snapshot.locking.mode=minimal"
            log.warning("The snapshot of %s begins %s: %s", self._reads.address, mode, problem)
            return None
        snapshot = self._stored.snapshot
        if is_resumable(self._stored, offset) and offset is not None and snapshot is not None:
            log.info("Going on with snapshot %s of %d tables", snapshot.id, len(snapshot.tables))
            # What is captured may be another list than it was.
            captured, known = self._list_tables(), self._stored.tables
            joined = [table for table in captured if table in known and known[table].is_new]
            tables = tuple(dict.fromkeys((*self._chosen(captured), *joined)))
            states = {table: known.get(table, TableProgress(table)) for table in tables}
            self._begun = replace(snapshot, tables=tables, lists=self._lists), states
            return offset
        place = self._at_place(self._reads.place, True)
        ids = self._chosen(self._list_tables())
        self._begun = new_snapshot(SnapshotKind.INITIAL, ids, self._reads.estimates(ids), lists=self._lists)
        Telling(self._notifier, self._block.name, self._begun[0]).started(ids)
        self._log.begin(self._begun[0], self._begun[1].values())
        self._writer.end_source_transaction(lambda: place)
        reach("snapshot.begin")
        self._writer.commit()
        reach("snapshot.begun")
        log.info("Snapshot of %d tables beside the stream from %s:%d", len(ids), place.file, place.pos)
        return place

    def place(self) -> SourceOffset | None:
        """Tell of a snapshot without rows; return where the stream begins, None when a lock is needed to say it."""
        if not has_visible_set(self._reads.info):
            return None
        notices = InitialNotices(self._block.name)
        place = self._at_place(lambda: replace(self._reads.place(), snapshot=None), False)
        self._notifier.notify(notices.started())
        self._notifier.notify(notices.completed())
        self._log.begin(no_snapshot(self._lists), ())
        self._stored = StoredProgress(no_snapshot(self._lists))
        self._writer.end_source_transaction(lambda: place)
        self._writer.commit()
        log.info("No rows are read; the stream begins at %s:%d", place.file, place.pos)
        return place

    def _chosen(self, captured: Iterable[TableId]) -> list[TableId]:
        return self._tables.by_row_count(self._tables.of(set(captured) - self._signal_tables))

    def take_over(self, offset: SourceOffset, where: str) -> None:
        """Take note of an incremental snapshot that `offset` tells of, unless it is one of ours.

        Raises FatalError naming `where` for one that cannot be gone on with.
        """
        if is_unfinished(self._stored.snapshot):
            return
        self._theirs = IncrementalMembers.parse(offset.extra, where)
        if self._theirs is not None and (problem := self._reads.problem()) is not None:
            raise FatalError(
                f"{where}: the offset tells of an incremental snapshot under way, and {problem}.", remedy=REMEDY
            )

    def taken(self, rows: Mapping[TableId, int], started_ms: int) -> None:
        """Write that these tables were read under locks, so many rows of each; covered by the caller."""
        snapshot, tables = taken_snapshot(rows, started_ms, self._lists)
        self._log.begin(snapshot, tables.values())
        self._stored, self._last = StoredProgress(snapshot, tables), snapshot
        self.rows = sum(rows.values())

    def join(self, stream: StreamingSource) -> None:
        """Begin to read beside `stream`."""
        self._stream, self._delivered = stream, self._reads.delivered(stream.offset())
        stream.edge, stream.on_ddl = self.at_edge, self._changed
        if self._begun is None:
            self._go_on(stream)
        if self._begun is not None:
            snapshot, tables = self._begun
            self._run(snapshot, tables)
        if self._joining.is_due:
            self._catch_up()  # before the stream brings anything of tables that it did not bring before
        self._joining.tries_again = False
        self._joining.mute(stream.relearn)

    @property
    def is_idle(self) -> bool:
        """True when nothing is under way and nothing waits."""
        return self._running is None and not self._log.waiting

    @property
    def wait_ms(self) -> int:
        """How long the stream may wait for events."""
        return NO_LIMIT_MS if self._running is None else self._running.wait_ms

    def at_edge(self, position: BinlogPosition) -> None:
        """Do what is due at this edge of a source transaction."""
        if self._delivered.file:
            position = max(position, self._delivered)
            if position > self._delivered:
                self._delivered = BinlogPosition("", 0)
        if self._joining.is_due:
            self._catch_up()
        if self._running is not None:
            self._running.at_edge(position)
            self.rows = self._running.rows
        self._begin_waiting()
        self._mute()

    def obey(self, command: SnapshotCommand) -> str | None:
        """Carry out a command; return why not, when it is not.

        Called between source transactions; what is written is covered.
        """
        self._begin_waiting()
        refused = self._obey(command)
        self._mute()
        return refused

    def _mute(self) -> None:
        assert self._stream is not None
        self._joining.mute(self._stream.relearn)

    def _obey(self, command: SnapshotCommand) -> str | None:
        if isinstance(command, ExecuteSnapshot):
            if self._is_known(command.id):
                log.warning("Signal %r came before and is not carried out again: another needs another id", command.id)
                return None
            return self._execute(command)
        waited = isinstance(command, StopSnapshot) and self._take_out(command)
        running = self._running
        if running is None or running.kind is not command.kind:
            return None if waited else f"no {command.kind.value} snapshot is under way"
        if isinstance(command, StopSnapshot):
            running.stop(matcher(command.data_collections) if command.data_collections else None)
        elif isinstance(command, PauseSnapshot):
            running.pause()
        else:
            running.resume()
        return None

    def _retire(self) -> None:
        running = self._running
        if running is not None and not running.is_active:
            self._running, self._last = None, running.progress

    def _begin_waiting(self) -> None:
        """Let the first of those that wait begin, where none is under way."""
        self._retire()
        while self._running is None and self._log.waiting:
            first, *behind = self._log.waiting
            self._log.waiting = tuple(behind)
            if refused := self._execute(first):
                log.warning("Signal %r is not carried out: %s", first.id, refused)
                self._notifier.notify(signal_refused(self._block.name, first.id, "execute-snapshot", refused))
                self._write_waiting()

    def _write_waiting(self) -> None:
        """Write what waits, with the snapshot that is under way or was the last one."""
        snapshot = self._last if self._running is None else self._running.progress
        assert snapshot is not None, "they wait behind one"
        self._log.write_snapshot(snapshot)
        self._cover()

    def _take_out(self, stop: StopSnapshot) -> bool:
        """Take the tables of a stop out of what waits; return whether there were any."""
        kind, matches = stop.kind, matcher(stop.data_collections or (".*",))
        captured = self._list_tables() if any(one.kind is kind for one in self._log.waiting) else []
        kept: list[ExecuteSnapshot] = []
        for one in self._log.waiting:
            tables = one.tables_of(captured) if one.kind is kind else []
            out = [table for table in tables if matches(table)]
            if not out:
                kept.append(one)
            elif len(out) < len(tables):
                kept.append(replace(one, but_not=(*one.but_not, *stop.data_collections)))
            if out:
                log.info("Not read for signal %r, which waits: %s", one.id, ", ".join(map(str, out)))
                telling = Telling(self._notifier, self._block.name, SnapshotProgress(one.id, kind))
                telling.aborted(out if len(out) < len(tables) else None)
        if tuple(kept) == self._log.waiting:
            return False
        self._log.waiting = tuple(kept)
        self._write_waiting()
        return True

    def _is_known(self, signal: str) -> bool:
        """Return whether the snapshot that runs, or was the last, or waits was asked for by this signal.

        Signals come at least once: from a topic again when the place in it was not committed in time.
        """
        known = [one.id for one in self._log.waiting]
        for one in (self._last, self._running.progress if self._running is not None else None):
            known += () if one is None else (one.id, *one.joined)
        return signal in known

    def __enter__(self) -> Snapshots:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """End the readers; tell that an initial or blocking snapshot is given up where nobody tries again."""
        running = self._running
        if running is None:
            return
        running.close()
        lasting = isinstance(error, CdcError) and error.disposition not in (Disposition.RETRY, Disposition.ABORT_TXN)
        if lasting and running.is_active and running.kind is not SnapshotKind.INCREMENTAL:
            # The error may be Kafka's, so that the topic of notifications is out of reach.
            with contextlib.suppress(Exception):
                Telling(self._notifier, self._block.name, running.progress).aborted(None)

    def _go_on(self, stream: StreamingSource) -> None:
        """Take up what an attempt before left, or what became captured since."""
        stored = self._stored.snapshot
        if stored is None or not stored.lists:
            self._log.write_snapshot(no_snapshot(self._lists) if stored is None else replace(stored, lists=self._lists))
            self._writer.cover(stream.offset)
        if self._theirs is not None:
            self._take_up(self._theirs)
        if stored is None:
            return
        if is_unfinished(stored):
            known = self._stored.tables
            states = {table: known.get(table, TableProgress(table)) for table in stored.tables}
            if (problem := self._reads.problem()) is None:
                log.info("Going on with %s snapshot %s", stored.kind.value, stored.id)
                self._begun = stored, states
            else:
                self._abort(stored, states, problem)
                self._writer.cover(stream.offset)
        if stored.lists and stored.lists != self._lists:
            databases, no_databases, tables, no_tables = stored.lists
            before = TableFilter(databases, no_databases, tables, no_tables, always=self._signal_tables)
            self._joining.before = before

    def _take_up(self, members: IncrementalMembers) -> None:
        """Make Debezium's incremental snapshot ours; what is written is covered when it runs."""
        snapshot, progress = progress_of(members, self._block.name, int(time.time() * 1000))
        estimates = self._reads.estimates(snapshot.tables)
        tables = {one.table: replace(one, estimated_rows=estimates.get(one.table)) for one in progress}
        first = progress[0].table
        tables[first] = self._fitted(tables[first])
        self._begun = replace(snapshot, lists=self._lists), tables
        self._log.begin(self._begun[0], tables.values())
        names = ", ".join(map(str, tables))
        log.info("Going on with Debezium's incremental snapshot %s of %s", snapshot.id, names)

    def _fitted(self, progress: TableProgress) -> TableProgress:
        """Return a table's progress with the place where Debezium stood, or from its beginning."""
        table = self._read_tables([progress.table]).get(progress.table)
        if progress.planned_to is None or table is None or not self._accepts(table.id):
            return progress
        self._cache.remember([table])
        columns = tuple(one.column.name for one in self._cache.for_table(table).transcoder.plan.key_columns)
        key = self._reads.keys([table], progress.surrogate_key)[table.id]
        bound: Bound | None = None
        if not isinstance(key, Unchunkable) and (progress.surrogate_key is not None or columns == table.primary_key):
            bound = self._reads.fitted(key, progress.planned_to)
        if bound is None:
            log.warning("The incremental snapshot of %s begins again: its key is not exact for us", table.id)
            return replace(progress, state=TableState.PENDING, planned_to=None)
        log.info("The incremental snapshot of %s goes on behind %s", table.id, bound)
        return replace(progress, planned_to=bound)

    def _abort(self, snapshot: SnapshotProgress, tables: Mapping[TableId, TableProgress], problem: str) -> None:
        """Give up a snapshot that cannot be gone on with as the server is now; the caller covers what is written."""
        log.warning("%s snapshot %s is given up: %s", snapshot.kind.value.capitalize(), snapshot.id, problem)
        Telling(self._notifier, self._block.name, snapshot).aborted(None)
        for one in tables.values():
            if one.state not in ENDED:
                skipped = replace(one, state=TableState.SKIPPED, reason=problem, open_ranges=())
                self._log.write_table(one.as_behind(problem) if one.is_muted else skipped)
        self._last = replace(snapshot, state=SnapshotState.ABORTED, updated_ms=int(time.time() * 1000))
        self._log.write_snapshot(self._last)

    def _changed(self, statement: str, reading: Reading) -> None:
        put_in_place = self._joining.changed(reading.parsed, self._running)
        if self._running is not None:
            self._running.changed(statement, put_in_place)

    def _catch_up(self) -> None:
        """Have tables read that are captured and were not before: since the lists are others, or by a new name."""
        self._retire()
        follows = self._joining.before is not None
        joined = self._joining.take(self._running, self._commit)
        # One that waits reads them when it begins, as an attempt before may have left it.
        now = [table for table in joined if not any(reads_all_of(one, table) for one in self._log.waiting)]
        if now:
            log.info("Captured from now on, and read to be level: %s", ", ".join(map(str, now)))
            command = ExecuteSnapshot(
                f"new-tables-{uuid.uuid4()}", tuple(re.escape(str(table)) for table in now), is_new=True
            )
            if refused := self._execute(command):
                log.warning("Not read until the next start of the task: %s: %s", ", ".join(map(str, now)), refused)
                self._notifier.notify(signal_refused(self._block.name, command.id, "execute-snapshot", refused))
                self._joining.stay(now, refused)
        if follows:
            self._follow_lists()
        self._cover()

    def _cover(self) -> None:
        assert self._stream is not None
        self._writer.cover(self._stream.offset)

    def _commit(self) -> None:
        self._cover()
        self._writer.commit()

    def _follow_lists(self) -> None:
        """Write by which lists all is in hand, so that the next change of them is told from these."""
        if self._running is not None:
            self._running.follow(self._lists)
            return
        assert self._last is not None, "what was captured before is known from one"
        self._last = replace(self._last, lists=self._lists)
        self._write_waiting()

    def _execute(self, command: ExecuteSnapshot) -> str | None:
        if (problem := self._reads.problem()) is not None:
            return problem
        captured = self._list_tables()
        tables = command.tables_of(captured)
        if not tables:
            return f"no captured table is called {', '.join(command.data_collections)}"
        running = self._running
        # What joins does so at once, whatever is under way, for changes of tables without a key wait for their copy.
        joins = command.is_new or (running is not None and running.kind is command.kind is SnapshotKind.INCREMENTAL)
        if running is not None and not joins:
            log.info("Signal %r waits for the end of snapshot %s", command.id, running.progress.id)
            self._wait(command)
            return None
        progress, states = new_snapshot(command.kind, tables, self._reads.estimates(tables), command.id, self._lists)
        states = {table: self._joining.marked(as_asked(one, command, self._settings)) for table, one in states.items()}
        telling = Telling(self._notifier, self._block.name, progress)
        for name in [one for one in command.data_collections if not any(map(matcher([one]), captured))]:
            log.warning("Signal %r does not have %s read: no captured table is called so", command.id, name)
            telling.table_ends(TableId(*name.partition(".")[::2]), 0, tables, ScanStatus.UNKNOWN_SCHEMA)
        if refused := self._joining.refused(states):
            for table, problem in refused.items():
                log.warning("Signal %r does not have %s read: %s", command.id, table, problem)
                telling.table_ends(table, 0, tables, ScanStatus.SQL_EXCEPTION)
                del states[table]
        if not states:
            return "; ".join(refused.values())
        if running is not None:
            self._extend(running, states, command)
            return None
        progress = replace(progress, tables=tuple(states))
        telling.started(progress.tables)
        self._log.begin(progress, states.values())
        self._run(progress, states)
        return None

    def _wait(self, command: ExecuteSnapshot) -> None:
        self._log.waiting = (*self._log.waiting, command)
        self._write_waiting()

    def _extend(
        self, running: MergedSnapshot, states: Mapping[TableId, TableProgress], command: ExecuteSnapshot
    ) -> None:
        """Add the tables of a signal; those that are being read, or by another condition or key, are read behind it."""
        new = {table: one for table, one in states.items() if not running.reads_all_of(one)}
        later = [table for table in new if running.is_to_come(table)]
        if later:
            log.info("Read for signal %r when they are read as before: %s", command.id, ", ".join(map(str, later)))
            self._wait(replace(command, data_collections=tuple(re.escape(str(table)) for table in later)))
            if len(later) == len(states):
                return
        new = {table: one for table, one in new.items() if table not in later}
        structures = self._read_tables(new)
        self._cache.remember(structures.values())
        running.extend(new.values(), command.id)
        self._add_all(running, new.values(), structures)

    def _run(self, snapshot: SnapshotProgress, tables: Mapping[TableId, TableProgress]) -> None:
        """Begin to read, or go on."""
        stream = self._stream
        assert stream is not None
        stream.snapshot = INITIAL_SNAPSHOT if snapshot.kind is SnapshotKind.INITIAL else None
        running = self._running = self._merged(snapshot, stream)
        running.expect(tables.values())
        stream.about_snapshot, stream.on_rerouted = running.members, running.rerouted
        structures = self._read_tables([table for table in tables if self._accepts(table)])
        self._cache.remember(structures.values())
        done = {table for table, one in tables.items() if one.state in ENDED}
        # Of one that joined, or was muted before a restart, the stream may have passed rows that no read shows yet.
        goes_on = self._stored.snapshot is not None and self._stored.snapshot.id == snapshot.id
        empty = self._reads.empty(one for one in structures.keys() - done if not (goes_on or tables[one].is_new))
        for table, progress in tables.items():
            if table in empty:
                running.complete(replace(progress, is_planned=True))
        to_read = [one for table, one in tables.items() if table not in done and table not in empty]
        self._add_all(running, to_read, structures)
        self._writer.cover(stream.offset)

    def _merged(self, snapshot: SnapshotProgress, stream: StreamingSource) -> MergedSnapshot:
        captured = self._list_tables() if snapshot.kind is SnapshotKind.INITIAL else ()
        return MergedSnapshot(
            snapshot,
            self._reads,
            self._cache,
            self._dispatcher,
            self._writer,
            self._log,
            self._block,
            stream.offset,
            self._read_tables,
            self._completed,
            self._part_after_ms,
            Telling(self._notifier, self._block.name, snapshot, captured),
            lambda: stream.relearn(),
        )

    def _add_all(
        self, running: MergedSnapshot, tables: Iterable[TableProgress], structures: Mapping[TableId, Table]
    ) -> None:
        by_surrogate: dict[str | None, list[TableProgress]] = {}
        for progress in tables:
            by_surrogate.setdefault(progress.surrogate_key, []).append(progress)
        for surrogate_key, some in by_surrogate.items():
            known = [structures[one.table] for one in some if one.table in structures]
            keys = self._reads.keys(known, surrogate_key) if known else {}
            for one in some:
                self._add(running, one, structures.get(one.table), keys)

    def _add(
        self,
        running: MergedSnapshot,
        progress: TableProgress,
        table: Table | None,
        keys: Mapping[TableId, ChunkKey | Unchunkable],
    ) -> None:
        if table is None:
            running.skip(progress, NOT_CAPTURED, ScanStatus.UNKNOWN_SCHEMA)
            return
        captured = self._cache.for_table(table)
        key = key_of(captured, table, keys[table.id])
        if progress.reason or (progress.is_muted and progress.rows):
            running.skip(progress, progress.reason or self._joining.why_not(captured), ScanStatus.NO_PRIMARY_KEY)
            return
        is_initial = running.kind is SnapshotKind.INITIAL
        override = self._settings.override_of(*table.id) if is_initial else progress.statement
        plan = captured.transcoder.plan
        if not is_initial and override is not None and (missing := self._reads.misses(plan, override)):
            running.skip(progress, missing, ScanStatus.SQL_EXCEPTION)
            return
        if override is not None and not isinstance(key, Unchunkable):
            key = self._reads.not_by_range(table.id, override) or key
        if not isinstance(key, Unchunkable):
            is_incremental = running.kind is SnapshotKind.INCREMENTAL
            rows = self._reads.range_rows(running.kind)
            if progress.is_muted:  # its changes are written from now on, and the rows show those until now
                progress = replace(progress, is_muted=False)
                self._log.write_table(progress)
            ranges = TableRanges(table, key, progress, rows, override, asks_last_key=is_incremental)
            running.add(captured, ranges, progress)
        elif running.kind is SnapshotKind.INCREMENTAL and not progress.is_muted:
            running.skip(progress, key.reason, ScanStatus.NO_PRIMARY_KEY)
        else:
            log.info("Snapshot: %s is read in one piece: %s", table.id, key.reason)
            running.add_whole(captured, progress, CopiedRows(override, progress.condition))

    def _completed(self) -> None:
        assert self._stream is not None
        self._stream.snapshot = None
        self._stream.about_snapshot = dict
