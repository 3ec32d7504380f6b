"""Threads that read ranges of tables beside the stream, each on a connection of its own.

They read and encode; what becomes of the rows is the task thread's to say. A chunk is held to some bytes: a range with
more is halved, so memory is bounded by readers times chunk size, whatever the rows are like.
"""

from __future__ import annotations

import logging
import queue
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from faust_cdc.errors import CdcError, InternalError, SchemaOutOfSync, SourceRefused
from faust_cdc.kafka.direct import Row
from faust_cdc.mysql.chunk_session import ChunkSession
from faust_cdc.mysql.chunk_statements import ChunkTooLong, chunk_select, condition_problem
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.prepared_query import NotPrepared
from faust_cdc.mysql.schema import read_tables
from faust_cdc.mysql.snapshot_session import SnapshotOvertaken, TextRow
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.snapshot.kindness import SourcePressure
from faust_cdc.snapshot.progress import KeyRange
from faust_cdc.snapshot.ranges import STATEMENT_MAX_MS, TableRanges
from faust_cdc.snapshot.selects import overridden_list
from faust_cdc.snapshot.windows import SnapshotWindow
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

CHUNK_BYTES_MAX = 24 * 1024 * 1024
"""Of one chunk's keys and values; a single row may be larger."""


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
    changed: BinlogPosition | None = None
    """The table is not what the request says; behind this position it is what the server says."""
    bytes: int = 0
    error: CdcError | None = None
    refused: str | None = None
    """Why the server does not read the table under the signal's condition."""
    made: dict[int, Callable[[SourceInfo], Row]] = field(default_factory=dict)
    """How rows of the reference transcoder are made, by place; they stand behind all others."""
    aside: list[ChangeRecord] = field(default_factory=list)
    """What goes to the quarantine in place of rows."""

    def marked(self, place: int, source: SourceInfo) -> Row:
        """Return the row at `place` with another `source`."""
        if place in self.made:
            return self.made[place](source)
        # Imported here: the module needs the extension's run-time library, which not every platform has.
        from faust_cdc.snapshot.compiled_rows import value_end

        _, old = self.suffixes[bisect_right(self.suffixes, place, key=lambda one: one[0]) - 1]
        return _ended_by(self.rows[place], len(old), value_end(source, source.snapshot))

    def move(self, source: SourceInfo) -> None:
        """Give all rows another `source`."""
        from faust_cdc.snapshot.compiled_rows import value_end

        rows = self.rows
        for place, make in self.made.items():
            rows[place] = make(source)
        end = value_end(source, source.snapshot) if self.suffixes else b""
        starts = [start for start, _ in self.suffixes] + [len(rows) - len(self.made)]
        for (start, old), stop in zip(self.suffixes, starts[1:], strict=True):
            rows[start:stop] = [_ended_by(row, len(old), end) for row in rows[start:stop]]
        self.suffixes = [(start, end) for start, _ in self.suffixes]


def _ended_by(row: Row, old: int, end: bytes) -> Row:
    """Return a record whose value ends with `end` in place of its last `old` bytes."""
    topic, key, value = row
    assert value is not None, "a row has a value"
    return topic, key, value[:-old] + end


@contextmanager
def _closed_when_it_fails(session: ChunkSession) -> Iterator[ChunkSession]:
    try:
        yield session
    except BaseException:
        session.close()
        raise


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
        self._planning: ChunkSession | None = None
        self._planning_lock = threading.Lock()
        self._closed = threading.Event()
        self._requests: queue.SimpleQueue[ChunkRequest | None] = queue.SimpleQueue()
        self._chunks: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"snapshot-{number}", daemon=True) for number in range(count)
        ]
        self.count = count
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

    def close(self) -> None:
        """End the threads; the statements they are in are given up."""
        self._closed.set()
        for _ in self._threads:
            self._requests.put(None)
        for thread in self._threads:
            thread.join(5)
        if self._planning is not None:
            self._planning.close()

    def _should_stop(self) -> bool:
        return self._closed.is_set() or self._task_should_stop()

    def _run(self) -> None:
        session: ChunkSession | None = None
        try:
            while (request := self._requests.get()) is not None and not self._should_stop():
                chunk = Chunk(request)
                try:
                    # Named before it is read with: what fails in the middle is closed below, or it would hold its
                    # table against DDL for as long as somebody holds the error.
                    session = session or self._open()
                    session = self._read(session, chunk)
                except CdcError as error:
                    chunk.error = error
                except Exception as error:  # a reader that ended without a word would be waited for for ever
                    log.exception("Reading %s", request.captured.id)
                    chunk.error = InternalError(f"{type(error).__name__}: {error}")
                if self._should_stop():
                    return
                self._chunks.put(chunk)
                if chunk.error is not None:
                    return
        finally:
            if session is not None:
                session.close()

    def _open(self) -> ChunkSession:
        """Connect for reading chunks, none of which may take the server long."""
        with _closed_when_it_fails(self._connect()) as session:
            session.limit(STATEMENT_MAX_MS)
        return session

    def _read(self, session: ChunkSession, chunk: Chunk) -> ChunkSession:
        """Fill the chunk; return the session to go on with: one left in the middle of an answer is of no use."""
        try:
            self._fill(session, chunk)
        except ChunkTooLong as error:
            if chunk.range is None:  # not even planned, a row at a time
                raise
            log.info("%s: %s; reading it in halves", chunk.request.captured.id, error)
            session.close()
            with _closed_when_it_fails(self._open()) as session:
                self._halve(session, chunk)
        except (SchemaOutOfSync, SnapshotOvertaken) as error:
            log.info("%s changed while it was read: %s", chunk.request.captured.id, error)
            session.close()
            with _closed_when_it_fails(self._open()) as session:
                self._give_back(session, chunk)
        except (InternalError, SourceRefused) as error:
            table, condition = chunk.request.captured.id, chunk.request.ranges.condition
            if condition is None:
                raise
            # A condition is a person's text: the server may find out only at some row what is wrong with it.
            session.close()
            with _closed_when_it_fails(self._open()) as session:
                self._give_back(session, chunk)
                chunk.refused = condition_problem(session.connection, table, condition) or str(error)
        return session

    def _fill(self, session: ChunkSession, chunk: Chunk) -> None:
        request = chunk.request
        self._wait_for_calm(session)
        if not session.begin(request.gtids, request.position, self._should_stop):
            return
        chunk.range = self._plan(request.ranges)
        if chunk.range is not None:
            self._read_range(session, chunk)
        if self._should_stop():
            return
        chunk.high_watermark = session.high_watermark()
        if chunk.range is not None:
            self._check_structure(session, chunk)
        session.end()

    def _plan(self, ranges: TableRanges) -> KeyRange | None:
        with self._planning_lock:
            return ranges.take(self._planning_session().connection)

    def _planning_session(self) -> ChunkSession:
        """Return the one connection on which ranges are planned, under the lock."""
        if self._planning is None:
            self._planning = self._open()
        return self._planning

    def _wait_for_calm(self, session: ChunkSession) -> None:
        """Wait while the source is under pressure."""
        said = ""
        while (reason := self._pressure.look(session.connection)) is not None and not self._closed.wait(1):
            if reason != said:
                log.info("The snapshot waits: %s", reason)
                said = reason
            if self._should_stop():
                return

    def _check_structure(self, session: ChunkSession, chunk: Chunk) -> None:
        table = chunk.request.ranges.table
        if read_tables(session.connection, [table.id]).get(table.id) != table:
            self._give_back(session, chunk)

    def _give_back(self, session: ChunkSession, chunk: Chunk) -> None:
        """The table is another than the stream knows yet: its rows are for later."""
        if chunk.range is not None:
            chunk.request.ranges.give_back(chunk.range)
        chunk.range, chunk.rows, chunk.cells = None, [], []
        chunk.changed = chunk.high_watermark = session.current_position()

    def _halve(self, session: ChunkSession, chunk: Chunk) -> None:
        assert chunk.range is not None
        with self._planning_lock:
            chunk.request.ranges.halve(self._planning_session().connection, chunk.range)
        chunk.range, chunk.rows, chunk.cells = None, [], []
        chunk.high_watermark = chunk.request.position

    def _read_range(self, session: ChunkSession, chunk: Chunk) -> None:
        try:
            self._read_compiled(session, chunk)
        except NotPrepared as refused:
            log.info("%s is read in the text protocol: %s", chunk.request.captured.id, refused)
            self._read_cells(session, chunk)

    def _read_compiled(self, session: ChunkSession, chunk: Chunk) -> None:
        captured = chunk.request.captured
        if not self._is_compiled:
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
            for found in CompiledRows(query, captured, request.topic, lambda: request.source, request.source.snapshot):
                if isinstance(found, Batch):
                    chunk.suffixes.append((len(chunk.rows), found.suffix))
                    chunk.rows += found.records
                    chunk.bytes += sum(len(key or b"") + len(value or b"") for _, key, value in found.records)
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
        if chunk.bytes > CHUNK_BYTES_MAX and len(chunk.rows) + len(chunk.cells) > 1:
            raise ChunkTooLong(f"a chunk of {chunk.bytes >> 20} MiB")

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
            limit_ms=STATEMENT_MAX_MS,
        )
