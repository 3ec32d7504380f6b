"""Threads that read ranges of tables beside the stream, each on a connection of its own.

They read and encode; what becomes of the rows is the task thread's to say. A chunk is held to some bytes: a range with
more is cut, so memory is bounded by readers times chunk size, whatever the rows are like. Only the rows of one key,
which cannot be cut, may be more.

A chunk that is handed back without a range was not read: its window closes, and it is asked for again. So no window is
open while the source is to be left alone.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from faust_cdc.errors import CdcError, ConfigError, InternalError, SchemaOutOfSync, SourceRefused
from faust_cdc.kafka.direct import Row
from faust_cdc.mysql.chunk_session import ChunkSession
from faust_cdc.mysql.chunk_statements import ChunkKilled, ChunkLocked, ChunkTooLong, chunk_select, condition_problem
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.prepared_query import NotPrepared
from faust_cdc.mysql.schema import read_tables
from faust_cdc.mysql.snapshot_session import SnapshotOvertaken, TextRow
from faust_cdc.mysql.structure_text import structure_text
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.kindness import LOOK_EVERY_S, SourcePressure
from faust_cdc.snapshot.progress import KeyRange
from faust_cdc.snapshot.ranges import STATEMENT_MAX_MS, TableRanges
from faust_cdc.snapshot.selects import overridden_list
from faust_cdc.snapshot.windows import SnapshotWindow
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

CHUNK_BYTES_MAX = 24 * 1024 * 1024
"""Of one chunk's keys and values; a single row may be larger."""
READING_BYTES_MAX = 96 * 1024 * 1024
"""Of all chunks that are being read at a time: with many readers each is smaller."""
ONE_KEY_BYTES_MAX = 256 * 1024 * 1024
ONE_KEY_MAX_MS = 300_000
"""What the rows of one key may have, and how long their statement may take: they cannot be read in parts."""
IDLE_MAX_S = 30.0
"""So long a connection is kept that nothing is asked of: firewalls and servers drop silent ones without a word."""
CLOSE_MAX_S = 1.0
"""So long the task waits for its readers to end; what they are in ends by itself."""
STRUCTURES_KEPT = 16
"""Of tables; few are read at a time."""
LOCKED_AGAIN_S = 1.0
UNPLANNED_AGAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """A chunk to be read: the next one of its table."""

    window: SnapshotWindow
    captured: CapturedTable
    ranges: TableRanges
    gtids: str | None
    """What the stream had delivered when the window was opened: the executed set, and the position."""
    position: BinlogPosition
    source: SourceInfo
    topic: int


@dataclass(slots=True)
class Chunk:
    """What was read of a range, in the order of its key or in none."""

    request: ChunkRequest
    range: KeyRange | None = None
    """None: the table has no further range."""
    rows: list[Row] = field(default_factory=list)
    suffixes: list[tuple[int, bytes]] = field(default_factory=list)
    """(place of the first row, how the values of it and the next ones end): a row of a batch is marked anew by it."""
    cells: list[TextRow] = field(default_factory=list)
    """Rows that are for the reference transcoder."""
    high_watermark: BinlogPosition | None = None
    window: str = ""
    """The id of its window on the server, where it has one."""
    changed: BinlogPosition | None = None
    """The table is not what the request says; behind this position it is what the server says."""
    changed_how: str = ""
    bytes: int = 0
    error: CdcError | None = None
    refused: CdcError | None = None
    """Why the table cannot be read, for a reason that is neither its structure nor the connection."""
    bytes_max: int = 0
    rows_read: int = 0
    """Rows that the source gave, with those that a filter keeps back."""
    rows_at_half: int = 0
    """How many rows had come when it had half of the bytes it may have."""
    made: dict[int, Callable[[SourceInfo], Row]] = field(default_factory=dict)
    """How rows of the reference transcoder are made, by place; they stand behind all others."""
    aside: list[ChangeRecord] = field(default_factory=list)
    """What goes to the quarantine in place of rows."""

    @property
    def row_count(self) -> int:
        """How many rows were read."""
        return len(self.rows) + len(self.cells)

    def give_up(self, position: BinlogPosition) -> None:
        """Hold nothing of a range any more that is read another time; due at `position`."""
        self.range, self.rows, self.cells, self.high_watermark = None, [], [], position

    def marked(self, place: int, source: SourceInfo) -> Row:
        """Return the row at `place` with another `source`."""
        if place in self.made:
            return self.made[place](source)
        # Imported here: the module needs the extension's run-time library, which not every platform has.
        from faust_cdc.snapshot.compiled_rows import ended_by, value_end

        _, old = self.suffixes[bisect_right(self.suffixes, place, key=lambda one: one[0]) - 1]
        return ended_by(self.rows[place], len(old), value_end(source, source.snapshot))

    def move(self, source: SourceInfo) -> None:
        """Give all rows another `source`."""
        from faust_cdc.snapshot.compiled_rows import ended_by, value_end

        rows = self.rows
        for place, make in self.made.items():
            rows[place] = make(source)
        end = value_end(source, source.snapshot) if self.suffixes else b""
        starts = [start for start, _ in self.suffixes] + [len(rows) - len(self.made)]
        for (start, old), stop in zip(self.suffixes, starts[1:], strict=True):
            rows[start:stop] = [ended_by(row, len(old), end) for row in rows[start:stop]]
        self.suffixes = [(start, end) for start, _ in self.suffixes]


class _TooLarge(ChunkTooLong):
    """A chunk had more bytes than it may have."""


class ChunkReaders:
    """The reader threads of one snapshot."""

    def __init__(
        self,
        connect: Callable[[], ChunkSession],
        count: int,
        is_compiled: bool,
        should_stop: Callable[[], bool],
        pressure: SourcePressure,
    ) -> None:
        """`pressure` says when the source is to be left alone."""
        self._connect = connect
        self._is_compiled = is_compiled
        self._task_should_stop = should_stop
        self._pressure = pressure
        self._sessions: set[ChunkSession] = set()
        """All that are open, of all threads."""
        self._structures: dict[TableId, tuple[Table, str | None]] = {}
        """Tables found to be as the stream knows them, and the text by which the server shows that they still are."""
        self._planning: ChunkSession | None = None
        self._planned_at = 0.0
        self._planning_lock = threading.Lock()
        self._calm_at = 0.0
        self._said = ""
        self._closed = threading.Event()
        self._requests: queue.SimpleQueue[ChunkRequest | None] = queue.SimpleQueue()
        self._chunks: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"snapshot-{number}", daemon=True) for number in range(count)
        ]
        self.count = count
        self.chunk_bytes_max = min(CHUNK_BYTES_MAX, READING_BYTES_MAX // (count + 1))
        for thread in self._threads:
            thread.start()

    def ask(self, request: ChunkRequest) -> None:
        """Have a chunk read."""
        self._requests.put(request)

    def read(self) -> Iterator[Chunk]:
        """Yield the chunks that are there. Raises the error that a reader met."""
        while True:
            try:
                chunk = self._chunks.get_nowait()
            except queue.Empty:
                return
            if chunk.error is not None:
                raise chunk.error
            yield chunk

    @property
    def is_calm(self) -> bool:
        """False while nothing is to be asked for: the source is under pressure, or what is asked of it would fail."""
        return time.monotonic() >= self._calm_at

    def close(self) -> None:
        """End the threads; the statements they are in are given up. Takes `CLOSE_MAX_S` at most."""
        self._closed.set()
        for _ in self._threads:
            self._requests.put(None)
        for session in list(self._sessions):
            session.interrupt()
        deadline = time.monotonic() + CLOSE_MAX_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._planning is not None:
            self._close(self._planning)

    def _should_stop(self) -> bool:
        return self._closed.is_set() or self._task_should_stop()

    def _run(self) -> None:
        session: ChunkSession | None = None
        try:
            while not self._should_stop():
                try:
                    request = self._requests.get(timeout=IDLE_MAX_S)
                except queue.Empty:
                    self._close(session)
                    session = None
                    with self._planning_lock:
                        self._close_idle_planning()
                    continue
                if request is None or self._should_stop():
                    return
                chunk = Chunk(request)
                try:
                    # Named before it is read with: what fails in the middle is closed below, or it would hold its
                    # table against DDL for as long as somebody holds the error.
                    session = session or self._open()
                    self._prepare_planning()
                    session = self._read(session, chunk)
                except CdcError as error:
                    chunk.error = error
                except Exception as error:  # a reader that ended without a word would be waited for for ever
                    if not self._should_stop():
                        log.exception("Connecting to read %s", request.captured.id)
                    chunk.error = InternalError(f"{type(error).__name__}: {error}")
                if self._should_stop():
                    return
                self._chunks.put(chunk)
                if chunk.error is not None:
                    return
        finally:
            self._close(session)

    def _open(self) -> ChunkSession:
        """Connect for reading chunks, none of which may take the server long."""
        session = self._connect()
        self._sessions.add(session)
        try:
            session.limit(STATEMENT_MAX_MS)
        except BaseException:
            self._close(session)
            raise
        return session

    def _close(self, session: ChunkSession | None) -> None:
        if session is not None:
            self._sessions.discard(session)
            session.close()

    @contextmanager
    def _in_place_of(self, session: ChunkSession) -> Iterator[ChunkSession]:
        """Give a new session for one that was left in the middle of an answer and is of no use; it stays open."""
        self._close(session)
        another = self._open()
        try:
            yield another
        except BaseException:
            self._close(another)
            raise

    def _read(self, session: ChunkSession, chunk: Chunk) -> ChunkSession | None:
        """Fill the chunk; return the session to go on with."""
        try:
            self._fill(session, chunk)
        except ChunkTooLong as error:
            self._close(session)
            self._read_less(chunk, error)
            return None
        except ChunkLocked as error:
            self._close(session)
            self._hold(chunk, LOCKED_AGAIN_S, f"{chunk.request.captured.id} is locked: {error}")
            return None
        except (SchemaOutOfSync, SnapshotOvertaken) as error:
            log.info("%s changed while it was read: %s", chunk.request.captured.id, error)
            chunk.changed_how = str(error)
            with self._in_place_of(session) as session:
                self._give_back(session, chunk)
        except (ConfigError, InternalError, SourceRefused) as error:  # the first: of a statement for the rows
            table, condition = chunk.request.captured.id, chunk.request.ranges.condition
            with self._in_place_of(session) as session:
                chunk.refused = error
                # A condition is a person's text: the server may find out only at some row what is wrong with it.
                problem = None if condition is None else condition_problem(session.connection, table, condition)
                if problem is not None:
                    chunk.refused = SourceRefused(problem)
        except CdcError:
            raise
        except Exception as error:
            if not self._should_stop():
                log.exception("Reading %s", chunk.request.captured.id)
            self._close(session)
            chunk.refused = InternalError(f"{type(error).__name__}: {error}")
            return None
        return session

    def _read_less(self, chunk: Chunk, error: ChunkTooLong) -> None:
        """Have a range that was too much read again in parts, as far as there are any."""
        ranges, taken = chunk.request.ranges, chunk.range
        if taken is None:  # not even planned, a row at a time
            self._hold(chunk, UNPLANNED_AGAIN_S, f"{chunk.request.captured.id}: {error}")
            return
        if ranges.is_one_key(taken):
            chunk.refused = SourceRefused(
                f"The rows of one key of {chunk.request.captured.id} are too many to be read at once: {error}",
                remedy="read it by a column of which fewer rows have the same value, or leave the table out",
            )
            return
        log.info("%s: %s; reading it in parts", chunk.request.captured.id, error)
        if isinstance(error, _TooLarge):
            ranges.too_large(taken, chunk.row_count, chunk.rows_at_half)
        elif isinstance(error, ChunkKilled):
            ranges.killed(taken)
        else:
            ranges.too_slow(taken)
        chunk.give_up(chunk.request.position)

    def _hold(self, chunk: Chunk, seconds: float, reason: str) -> None:
        """Hand a chunk back unread, and have nothing asked for meanwhile."""
        if reason != self._said:
            log.info("The snapshot waits: %s", reason)
        self._said = reason
        self._calm_at = time.monotonic() + seconds
        if chunk.range is not None:
            chunk.request.ranges.give_back(chunk.range)
        chunk.give_up(chunk.request.position)

    def _fill(self, session: ChunkSession, chunk: Chunk) -> None:
        request = chunk.request
        if (pressure := self._pressure.look(session.connection)) is not None:
            self._hold(chunk, LOOK_EVERY_S, pressure)
            return
        if not session.begin(request.gtids, request.position, self._should_stop):
            return
        chunk.window = session.window
        chunk.range = self._plan(request.ranges)
        if self._should_stop():
            return
        if chunk.range is not None:
            self._said = ""
            self._read_range(session, chunk, chunk.range)
            if not chunk.cells:  # which have their keys only when they are records
                request.window.narrow(chunk.rows)
        if self._should_stop():
            return
        chunk.high_watermark = session.high_watermark()
        if chunk.range is not None:
            self._check_structure(session, chunk)
        session.end()

    def _plan(self, ranges: TableRanges) -> KeyRange | None:
        with self._planning_lock:
            assert self._planning is not None, "it was prepared"
            taken = ranges.take(self._planning.connection)
            self._planned_at = time.monotonic()
            return taken

    def _close_idle_planning(self) -> None:
        if self._planning is not None and time.monotonic() - self._planned_at >= IDLE_MAX_S:
            self._close(self._planning)
            self._planning = None

    def _prepare_planning(self) -> None:
        """Open the one connection on which ranges are planned; a refusal of it is no matter of any table."""
        with self._planning_lock:
            self._close_idle_planning()
            if self._planning is None:
                self._planning = self._open()
                self._planned_at = time.monotonic()

    def _check_structure(self, session: ChunkSession, chunk: Chunk) -> None:
        table = chunk.request.ranges.table
        seen, known = self._structures.get(table.id, (None, None))
        # Of a table in one chunk, as most are, no text is asked for: with the second chunk it begins to pay.
        text = structure_text(session.connection, table.id) if seen is table else None
        if text is not None and text == known:
            return
        if read_tables(session.connection, [table.id]).get(table.id) != table:
            chunk.changed_how = "it has other columns"
            self._give_back(session, chunk)
            return
        if text is not None and structure_text(session.connection, table.id) != text:
            text = None
        if len(self._structures) >= STRUCTURES_KEPT:
            self._structures.clear()
        self._structures[table.id] = (table, text)

    def _give_back(self, session: ChunkSession, chunk: Chunk) -> None:
        """The table is another than the stream knows yet: its rows are for later."""
        if chunk.range is not None:
            chunk.request.ranges.give_back(chunk.range)
        chunk.changed = session.current_position()
        chunk.give_up(chunk.changed)

    def _read_range(self, session: ChunkSession, chunk: Chunk, taken: KeyRange) -> None:
        ranges, began = chunk.request.ranges, time.monotonic()
        is_one_key = ranges.is_one_key(taken)
        chunk.bytes_max = ONE_KEY_BYTES_MAX if is_one_key else self.chunk_bytes_max
        if is_one_key:
            session.limit(ONE_KEY_MAX_MS)
        try:
            self._read_compiled(session, chunk)
        except NotPrepared as refused:
            log.info("%s is read in the text protocol: %s", chunk.request.captured.id, refused)
            self._read_cells(session, chunk)
        if is_one_key:
            session.limit(STATEMENT_MAX_MS)
        chunk.rows_read = chunk.row_count
        ranges.was_read(taken, chunk.rows_read, chunk.bytes, self.chunk_bytes_max, time.monotonic() - began)

    def _read_compiled(self, session: ChunkSession, chunk: Chunk) -> None:
        captured = chunk.request.captured
        if not self._is_compiled or captured.is_row_wise:
            self._read_cells(session, chunk)
            return
        # Imported here: the module needs the extension's run-time library, which not every platform has.
        from faust_cdc.snapshot.compiled_rows import Batch, CompiledRows
        from faust_cdc.transcode.compiled.result_program import writes_results

        if not writes_results(captured.transcoder):
            self._read_cells(session, chunk)
            return
        request = chunk.request
        with session.prepared(self._select(session, chunk, as_text=False), self._should_stop) as query:
            if self._should_stop():
                return
            rows, size = (
                CompiledRows(query, captured, request.topic, lambda: request.source, request.source.snapshot),
                0,
            )
            for found in rows:
                if isinstance(found, Batch):
                    chunk.suffixes.append((len(chunk.rows), found.suffix))
                    chunk.rows += found.records
                    chunk.bytes += rows.size - size
                    size = rows.size
                else:
                    self._add_cells(chunk, found)
                self._check_size(chunk)

    def _read_cells(self, session: ChunkSession, chunk: Chunk) -> None:
        for cells in session.stream(self._select(session, chunk, as_text=True)):
            if self._should_stop():
                return
            self._add_cells(chunk, cells)
            self._check_size(chunk)

    def _add_cells(self, chunk: Chunk, cells: TextRow) -> None:
        chunk.cells.append(cells)
        chunk.bytes += sum(len(cell) for cell in cells if cell is not None)

    def _check_size(self, chunk: Chunk) -> None:
        if chunk.bytes * 2 <= chunk.bytes_max:
            chunk.rows_at_half = chunk.row_count
        elif chunk.bytes > chunk.bytes_max and chunk.row_count > 1:
            raise _TooLarge(f"a chunk of {chunk.bytes >> 20} MiB")

    def _select(self, session: ChunkSession, chunk: Chunk, *, as_text: bool) -> str:
        request = chunk.request
        assert chunk.range is not None
        plan, ranges = request.captured.transcoder.plan, request.ranges
        if ranges.override is None:
            expressions = plan.select_list(as_text=as_text)
        else:
            expressions = overridden_list(plan, ranges.override, session.columns_of, as_text=as_text)
        return chunk_select(
            ranges.table.id,
            expressions,
            ranges.key,
            chunk.range,
            condition=ranges.condition,
            override=ranges.override,
            limit_ms=ONE_KEY_MAX_MS if ranges.is_one_key(chunk.range) else STATEMENT_MAX_MS,
        )
