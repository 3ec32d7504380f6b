"""How a merged snapshot begins and goes on after a restart: which tables, from where, with which readers."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from faust_cdc.config.snapshot_settings import SnapshotSettings
from faust_cdc.errors import CdcError, ConfigError, InternalError, SourceRefused, ValueConversionError
from faust_cdc.mysql.chunk_session import ChunkSession, has_visible_set
from faust_cdc.mysql.chunk_statements import (
    ChunkLocked,
    condition_problem,
    estimated_rows,
    is_empty,
    override_problem,
    statement_problem,
    too_long,
    without_end,
)
from faust_cdc.mysql.connection import ServerInfo, SourceAddress
from faust_cdc.mysql.key_ranges import ChunkKey, Unchunkable, chunk_keys
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.snapshot_session import SnapshotPoint
from faust_cdc.mysql.window_rows import WindowRows, WindowSession
from faust_cdc.offsets import SourceOffset
from faust_cdc.offsets.model import INITIAL_SNAPSHOT
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.pipeline.rate_limiter import RateLimiter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.commands import ExecuteSnapshot, matcher
from faust_cdc.snapshot.kindness import SourcePressure
from faust_cdc.snapshot.progress import (
    Bound,
    SnapshotKind,
    SnapshotProgress,
    SnapshotState,
    TableProgress,
    TableState,
)
from faust_cdc.snapshot.progress_log import StoredProgress
from faust_cdc.snapshot.selects import overridden_list
from faust_cdc.snapshot.taken_over import fitted
from faust_cdc.snapshot.windows import TOUCHED_BYTES_MAX
from faust_cdc.transcode.forms import Form
from faust_cdc.transcode.mapping import Kind
from faust_cdc.transcode.plan import ColumnPlan, TranscodePlan

log = logging.getLogger(__name__)

MILLIS_DIGITS = 3
LOCKED_AGAIN_S = 1.0
NO_VISIBLE_SET = "without GTIDs (gtid_mode=ON) MySQL does not say what a read beside the stream shows"
NO_WINDOW_ROWS = (
    "turn GTIDs on, or name a table that the connector may write to in signal.data.collection, without read.only"
)
_LOSSY = frozenset({Form.ISO_TIME_WRAPPED, Form.DEBEZIUM_YEAR, Form.NEAREST_DOUBLE})

QUERY = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SourceReads:
    """How the source is read beside the stream."""

    address: SourceAddress
    info: ServerInfo
    lock_timeout_s: int
    readers: int
    rows_per_chunk: int
    """What a restart may read again for each reader."""
    rows_per_incremental_chunk: int | None
    """The same of an incremental snapshot, where its chunks have a size of their own."""
    is_compiled: bool
    should_stop: Callable[[], bool]
    limiter: RateLimiter
    pressure: SourcePressure
    windows: WindowRows | None = None
    """Where windows are rows of a table: on a server that does not say what a read shows."""

    def rows_ahead(self, kind: SnapshotKind) -> int:
        """Return how many rows may be read and not committed, a chunk for each reader: a restart reads them again."""
        return self.readers * (self._incremental_rows(kind) or self.rows_per_chunk)

    def range_rows(self, kind: SnapshotKind) -> int:
        """Return how many rows a range has at most: half a chunk's, so that one is read while the other is written.

        Chunks whose size is given by Debezium's option are read as they are: Debezium notifies of each of them.
        """
        return self._incremental_rows(kind) or max(1, self.rows_per_chunk // 2)

    def _incremental_rows(self, kind: SnapshotKind) -> int | None:
        return self.rows_per_incremental_chunk if kind is SnapshotKind.INCREMENTAL else None

    def connect(self) -> ChunkSession:
        """Open a connection for reading ranges."""
        if self.windows is not None:
            return WindowSession(self.address, self.info, self.lock_timeout_s, self.windows)
        return ChunkSession(self.address, self.info, self.lock_timeout_s)

    def problem(self) -> str | None:
        """Return why nothing can be read beside the stream, and the remedy; None: it can. May write to the source."""
        if has_visible_set(self.info):
            return None
        if self.windows is None:
            return f"{NO_VISIBLE_SET}: {NO_WINDOW_ROWS}"
        with WindowSession(self.address, self.info, self.lock_timeout_s, self.windows) as session:
            problem = session.problem()
        return None if problem is None else f"{NO_VISIBLE_SET}, and there are no rows to say it: {problem}"

    def confirm(self, window: str) -> None:
        """Take note that the stream is behind what a window shows. Raises SourceRefused when it shows nothing sure."""
        if self.windows is not None:
            self.windows.confirm(window)

    def forget(self, window: str) -> None:
        """Take note that what a window shows is given up."""
        if self.windows is not None:
            self.windows.forget(window)

    def keys(self, tables: Iterable[Table], surrogate_key: str | None = None) -> dict[TableId, ChunkKey | Unchunkable]:
        """Return by what the tables are read in ranges."""
        session = self.connect()
        try:
            return chunk_keys(session.connection, tables, surrogate_key)
        finally:
            session.close()

    def estimates(self, tables: Sequence[TableId]) -> dict[TableId, int]:
        """Return how many rows the server estimates the tables to have."""
        session = self.connect()
        try:
            return estimated_rows(session.connection, tables)
        finally:
            session.close()

    def empty(self, tables: Iterable[TableId]) -> set[TableId]:
        """Return which tables have no row: what they get from now on the stream delivers.

        One that cannot be read, or not now, counts as not empty: who reads it meets the reason, and knows what follows.
        """
        found = set()
        session = self.connect()
        try:
            for table in tables:
                try:
                    if is_empty(session.connection, table):
                        found.add(table)
                except (InternalError, SourceRefused) as error:
                    log.debug("%s is not known to be empty: %s", table, error)
                except CdcError as error:
                    if too_long(error) is None:
                        raise
        finally:
            session.close()
        return found

    def not_by_range(self, table: TableId, statement: str) -> Unchunkable | None:
        """Return why the rows that a statement gives cannot be read by ranges of the table's key; None: they can."""
        session = self.connect()
        try:
            problem = override_problem(session.connection, table, statement)
        finally:
            session.close()
        return None if problem is None else Unchunkable(problem)

    def refused_conditions(self, tables: Iterable[TableProgress]) -> dict[TableId, str]:
        """Return of which tables the server does not take the signal's condition or statement, and why."""
        restricted = [one for one in tables if one.condition is not None or one.statement is not None]
        if not restricted:
            return {}
        found: dict[TableId, str | None] = {}
        session = self.connect()
        try:
            for one in restricted:
                if one.statement is not None:
                    found[one.table] = statement_problem(session.connection, one.table, one.statement)
                elif one.condition is not None:
                    found[one.table] = condition_problem(session.connection, one.table, one.condition)
        finally:
            session.close()
        return {table: problem for table, problem in found.items() if problem is not None}

    def misses(self, plan: TranscodePlan, statement: str) -> str | None:
        """Return what a statement lacks for the rows of a table, None: nothing."""
        session = self.connect()
        try:
            overridden_list(plan, statement, session.columns_of, as_text=False, where="additional-conditions")
        except ConfigError as error:
            return error.message
        finally:
            session.close()
        return None

    def fitted(self, key: ChunkKey, bound: Bound) -> Bound | None:
        """Return `taken_over.fitted` of a bound that was Debezium's."""
        session = self.connect()
        try:
            return fitted(session.connection, key, bound)
        finally:
            session.close()

    def delivered(self, offset: SourceOffset) -> BinlogPosition:
        """Return a position before which all was delivered when the stream goes on at `offset`; the least if unknown.

        The events with which a dump opens stand before it, at the beginning of their file. On MariaDB only, where
        positions say what a read shows, and where the last transaction was this server's own: another's file may have
        the same name.
        """
        if self.info.flavor == "mariadb" and offset.server_id == self.info.server_id:
            return BinlogPosition(offset.file, offset.pos)
        return BinlogPosition("", 0)

    def place(self) -> SourceOffset:
        """Return where a stream begins that delivers everything that no read shows from now on."""
        session = self.connect()
        try:
            point = self._place(session)
        finally:
            session.close()
        return SourceOffset(
            point.position.file, point.position.pos, point.gtids, ts_sec=int(time.time()), snapshot=INITIAL_SNAPSHOT
        )

    def _place(self, session: ChunkSession) -> SnapshotPoint:
        """Return `ChunkSession.place`, waited for while somebody has the signal table locked."""
        is_said = False
        while True:
            try:
                return session.place()
            except ChunkLocked as error:
                if self.should_stop():
                    raise
                if not is_said:
                    log.info("The snapshot waits: %s", error)
                is_said = True
                time.sleep(LOCKED_AGAIN_S)


def new_snapshot(
    kind: SnapshotKind,
    tables: Sequence[TableId],
    estimates: Mapping[TableId, int],
    snapshot_id: str | None = None,
    lists: tuple[str, ...] = (),
) -> tuple[SnapshotProgress, dict[TableId, TableProgress]]:
    """Return the progress of a snapshot of these tables that begins now; `lists` say what is captured."""
    now_ms = int(time.time() * 1000)
    identity = snapshot_id or str(uuid.uuid4())
    progress = SnapshotProgress(identity, kind, SnapshotState.RUNNING, now_ms, now_ms, tuple(tables), lists)
    return progress, {table: TableProgress(table, estimated_rows=estimates.get(table)) for table in tables}


def no_snapshot(lists: tuple[str, ...]) -> SnapshotProgress:
    """Return what is kept where the stream began without a snapshot of ours: what is captured is followed by it."""
    now_ms = int(time.time() * 1000)
    return SnapshotProgress(str(uuid.uuid4()), SnapshotKind.INITIAL, SnapshotState.COMPLETED, now_ms, now_ms, (), lists)


def taken_snapshot(
    rows: Mapping[TableId, int], started_ms: int, lists: tuple[str, ...]
) -> tuple[SnapshotProgress, dict[TableId, TableProgress]]:
    """Return what is kept of an initial snapshot that was taken under locks, its rows counted by table."""
    now_ms = int(time.time() * 1000)
    snapshot = SnapshotProgress(
        str(uuid.uuid4()), SnapshotKind.INITIAL, SnapshotState.COMPLETED, started_ms, now_ms, tuple(rows), lists
    )
    state = TableState.COMPLETED
    tables = {
        table: TableProgress(table, state, count, count, started_ms=started_ms, updated_ms=now_ms)
        for table, count in rows.items()
    }
    return snapshot, tables


def is_unfinished(stored: SnapshotProgress | None) -> bool:
    """Return whether this is an incremental or blocking snapshot of ours that is under way."""
    active = (SnapshotState.RUNNING, SnapshotState.PAUSED)
    return stored is not None and stored.state in active and stored.kind is not SnapshotKind.INITIAL


def is_resumable(stored: StoredProgress, offset: SourceOffset | None) -> bool:
    """Return whether an unfinished initial snapshot of ours can go on where it was."""
    snapshot = stored.snapshot
    return (
        offset is not None
        and offset.snapshot == INITIAL_SNAPSHOT
        and snapshot is not None
        and snapshot.kind is SnapshotKind.INITIAL
        and snapshot.state is SnapshotState.RUNNING
    )


def restricted(progress: TableProgress, command: ExecuteSnapshot) -> TableProgress:
    """Return a table's progress with the condition and the surrogate key that a command has for it.

    The filter of a blocking snapshot is a whole SELECT in Debezium (`SnapshottingTask.getFilterQueries`); here it may
    be a condition too.
    """
    found = next((one.filter for one in command.conditions if matcher([one.data_collection])(progress.table)), None)
    if found is not None and command.kind is SnapshotKind.BLOCKING and QUERY.match(found):
        return replace(progress, statement=without_end(found), surrogate_key=command.surrogate_key)
    return replace(progress, condition=found, surrogate_key=command.surrogate_key)


def as_asked(progress: TableProgress, command: ExecuteSnapshot, settings: SnapshotSettings) -> TableProgress:
    """Return a table's progress with what is asked of its rows.

    `snapshot.select.statement.overrides` says what a table's first rows are, also when it joins later; signalled
    snapshots go by their own conditions, as in Debezium (its chunks are never read by an override).
    """
    override = settings.override_of(*progress.table) if command.is_new else None
    if override is not None:
        return replace(progress, statement=without_end(override))
    return restricted(progress, command)


def reads_all_of(command: ExecuteSnapshot, table: TableId) -> bool:
    """Return whether a command has all rows of a table read."""
    progress = restricted(TableProgress(table), command)
    return bool(command.tables_of([table])) and progress.condition is None and progress.statement is None


def key_of(captured: CapturedTable, table: Table, key: ChunkKey | Unchunkable) -> ChunkKey | Unchunkable:
    """Return by what the table is read in ranges; `Unchunkable` too where a record's key does not name one row."""
    if isinstance(key, Unchunkable):
        return key
    columns = captured.transcoder.plan.key_columns
    if not columns:
        return Unchunkable(f"{table.id}: its records have no key that would name a row among the stream's changes.")
    if {one.column.name for one in columns} != set(table.primary_key):
        return Unchunkable(f"{table.id}: its records have another key than the table.")
    if lossy := [one.column.name for one in columns if not tells_apart(one)]:
        return Unchunkable(f"{table.id}: two rows may have one record key ({', '.join(lossy)}).")
    return key


def changes_too_fast(table: TableId) -> SourceRefused:
    """Return why a table is left out of which not even the rows of one key could be read between its changes."""
    return SourceRefused(
        f"{table}: each time that the rows of one key were read, more of its keys changed than a window notes "
        f"({TOUCHED_BYTES_MAX >> 20} MiB): the source was slow to answer, or the table changes too fast.",
        remedy="have it read while it is written less",
    )


def unreadable(table: TableId, error: CdcError) -> CdcError:
    """Return what an initial snapshot fails with when a table of it cannot be read."""
    if isinstance(error, ValueConversionError):
        return error  # says itself what to do
    refused = SourceRefused(
        f"The initial snapshot cannot read {table}: {error.message}",
        remedy=(error.remedy or "let the connector's user read the table (GRANT SELECT), or repair it").rstrip(".;")
        + "; or leave it out (table.exclude.list, or snapshot.include.collection.list without it). Then restart the "
        "task: what is read by then is kept",
    )
    refused.__cause__ = error
    return refused


def tells_apart(column: ColumnPlan) -> bool:
    """Return whether two values of a key column are never one in the record's key."""
    fraction = column.column.length or 0
    form = column.mapping.form
    if form in (Form.MILLIS, Form.TIME_MILLIS) and column.mapping.kind is not Kind.DATE:
        return fraction <= MILLIS_DIGITS
    return column.change is None and form not in _LOSSY
