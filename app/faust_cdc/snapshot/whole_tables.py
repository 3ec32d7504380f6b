"""The tables of a snapshot that are read in one piece, one after the other, each at its place of the stream.

What the stream brings of a table until then:

- In an initial snapshot nothing of the table was written before, nor of one that joined later (`joining`), and the copy
  shows all that went by: it is not written, for rows without a key would be there twice.
- In a blocking one the topic has what was before. A row that is deleted meanwhile is in no copy, so everything is
  written as it comes, and the copy behind it. The same goes for a table with a statement of the user's
  (`snapshot.select.statement.overrides`), which need not give the rows that are changed.

The rate limit and the source's distress are looked at before a copy, never within one. A copy that is begun goes on as
fast as it can, for while it lasts its view keeps the server from purging what is deleted, which makes the history list
longer the longer it takes, and the stream of all tables stands still. What it read counts: the next one, and chunks,
wait until the rate allows more.

The copy is one Kafka transaction, unless it outlives one: then its rows so far are committed, and a restart writes them
again (in an initial or blocking snapshot) or does not copy the table a second time and says so (one that joined). A
row that cannot be read takes the others of a joined table with it, for a part of them would be no table.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from faust_cdc.errors import (
    AbortableError,
    CdcError,
    ConfigError,
    InternalError,
    SchemaOutOfSync,
    SourceRefused,
    ValueConversionError,
)
from faust_cdc.failpoints import reach
from faust_cdc.mysql.chunk_statements import ChunkLocked
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.snapshot_session import SnapshotOvertaken
from faust_cdc.notifications.notification import ScanStatus
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.kindness import LOOK_EVERY_S, Pace
from faust_cdc.snapshot.launch import LOCKED_AGAIN_S, SourceReads, unreadable
from faust_cdc.snapshot.markers import MarkedRows
from faust_cdc.snapshot.progress import SnapshotKind, TableProgress, TableState
from faust_cdc.snapshot.table_copy import CopiedRows, TableCopy
from faust_cdc.snapshot.whole import WholeTable
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

UNREADABLE = (ConfigError, InternalError, SourceRefused, ValueConversionError)
"""What is the matter of one table and its statement."""
DROPPED = "dropped while the snapshot was taken"
NOT_CAPTURED = "it does not exist or is not captured any more"


@dataclass(frozen=True, slots=True)
class WholeEnd:
    """A table that is done with."""

    progress: TableProgress
    reason: str = ""
    """Why it was not copied, or not to its end; empty when it was."""
    status: ScanStatus = ScanStatus.SKIPPED
    """What is told of one that was not."""


class WholeTables:
    """Copies them when the stream is where it can be done. For the task's thread only."""

    def __init__(
        self,
        reads: SourceReads,
        cache: TranscoderCache,
        dispatcher: Dispatcher,
        writer: TransactionWriter,
        server_block: SourceInfo,
        offset: Callable[[], SourceOffset],
        read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]],
        relearn: Callable[[], None],
        part_after_ms: float,
        kind: SnapshotKind,
        keep: Callable[[TableProgress], None],
    ) -> None:
        """`relearn` is called when other tables are awaited than before, `keep` to write how a table stands."""
        self._reads = reads
        self._cache = cache
        self._dispatcher = dispatcher
        self._writer = writer
        self._block = server_block
        self._offset = offset
        self._read_tables = read_tables
        self._relearn = relearn
        self._part_after_ms = part_after_ms
        self._is_initial = kind is SnapshotKind.INITIAL
        self._is_incremental = kind is SnapshotKind.INCREMENTAL
        self._keep = keep
        self._pace = Pace(reads.limiter)
        self._calm_at = 0.0
        self._said = ""
        self._tables: list[WholeTable] = []

    def __len__(self) -> int:
        return len(self._tables)

    def __iter__(self) -> Iterator[TableId]:
        return iter([table.captured.id for table in self._tables])

    def add(self, captured: CapturedTable, progress: TableProgress, rows: CopiedRows) -> None:
        """Take a table."""
        table = WholeTable(captured, progress, rows, self._reads.connect, self._reads.should_stop)
        self._tables.append(table)
        is_muted = progress.is_muted or (self._is_initial and rows.statement is None)

        def goes_by() -> bool:
            table.touch()
            return is_muted

        self._dispatcher.awaited[captured.id] = goes_by
        self._relearn()

    def changed(self, concerned: Callable[[TableId], bool]) -> None:
        """Take note of a DDL statement, which may change tables of which `concerned` says so."""
        for table in self._tables:
            if concerned(table.captured.id):
                table.change()

    def rerouted(self, concerned: Callable[[TableId], bool]) -> None:
        """Take note of tables whose records go another way from here on."""
        for table in self._tables:
            if concerned(table.captured.id):
                table.change()

    def rest(self) -> None:
        """Hold nothing on the server while nothing is read: no view, no lock."""
        for table in self._tables:
            table.close()

    def give_up(self, matches: Callable[[TableId], bool]) -> list[TableProgress]:
        """Let go of some tables; return how they stand."""
        given_up = [table for table in self._tables if matches(table.captured.id)]
        for table in given_up:
            self._let_go(table)
        return [table.progress for table in given_up]

    @property
    def wait_ms(self) -> int:
        """How long there is nothing to look for, the next table being due."""
        return self._pace.wait_ms

    def copy_next(self, position: BinlogPosition, *, is_first: bool, is_last: bool) -> WholeEnd | None:
        """Copy the next table when this is the place for it; None when it is not.

        `is_first`: no row of the snapshot was written before; `is_last`: nothing else is left of it to be read.
        Raises AbortableError when asked to stop in the midst of the rows, which must not be committed then,
        SnapshotOvertaken when the table was changed in the midst of them, and in an initial snapshot what `unreadable`
        returns; else a table that cannot be read ends with what is read of it.
        """
        if not self._tables:
            return None
        table = self._tables[0]
        if table.is_changed and not self._learn(table):
            self._let_go(table)
            return WholeEnd(table.progress, DROPPED)
        if table.is_at_rest and not self._may_begin(table):
            return None
        try:
            if not self._is_at_view(table, position):
                return None
            self._said = ""
            if table.progress.is_muted:  # or what went before would be given up with rows that cannot be read
                self._writer.cover(self._offset)
                self._writer.commit()
            self._copy(table, position, is_first=is_first, is_last=is_last and len(self._tables) == 1)
            with contextlib.suppress(CdcError):  # the rows are written; the view is let go of in any case
                table.session.end()
        except SchemaOutOfSync as error:
            # Changed just now. Some rows may be written already, so the attempt is given up with them.
            raise SnapshotOvertaken(f"{table.captured.id}: {error.message}") from error
        except UNREADABLE as error:
            if self._is_initial:
                raise unreadable(table.captured.id, error) from error
            if table.progress.is_muted and self._writer.has_records:
                self._writer.abandon()
            self._let_go(table)
            return WholeEnd(table.progress, str(error), ScanStatus.SQL_EXCEPTION)
        self._let_go(table)
        return WholeEnd(replace(table.progress, is_planned=True))

    def _is_at_view(self, table: WholeTable, position: BinlogPosition) -> bool:
        try:
            return table.is_at_view(self._offset().gtids, position)
        except ChunkLocked as error:
            table.close()
            self._wait(LOCKED_AGAIN_S, f"{table.captured.id} waits: {error}")
            return False

    def _may_begin(self, table: WholeTable) -> bool:
        if not self._pace.may_ask(time.monotonic() >= self._calm_at):
            return False
        reason = self._reads.pressure.look(table.connected().connection)
        if reason is not None:
            self._wait(LOOK_EVERY_S, f"{table.captured.id} waits: {reason}")
        return reason is None

    def _wait(self, seconds: float, reason: str) -> None:
        if reason != self._said:
            log.info("Snapshot: %s", reason)
        self._said = reason
        self._calm_at = time.monotonic() + seconds

    def _let_go(self, table: WholeTable) -> None:
        self._tables.remove(table)
        table.close()
        self._dispatcher.awaited.pop(table.captured.id, None)
        self._relearn()

    def _learn(self, table: WholeTable) -> bool:
        """Go on with the structure that a table has now; False when there is no such table any more.

        A statement that the stream has not come to yet has it learnt once more: it goes by before a view that shows it.
        """
        structure = self._read_tables([table.captured.id]).get(table.captured.id)
        if structure is None:
            return False
        self._cache.remember([structure])
        table.learn(self._cache.for_table(structure))
        return True

    def _copy(self, table: WholeTable, position: BinlogPosition, *, is_first: bool, is_last: bool) -> None:
        write = partial(self._writer.write_rows, is_streamed=False)
        marked = MarkedRows(write, self._dispatcher.headers, is_first=is_first, is_incremental=self._is_incremental)
        copy = TableCopy(
            table.session,
            self._block,
            self._dispatcher,
            self._writer,
            marked,
            self._reads.should_stop,
            lambda _: self._commit_part(table, marked),
            is_compiled=self._reads.is_compiled,
        )
        reach("snapshot.view.open")
        self._cache.arrived(table.captured.id)
        began_ms, before = int(time.time() * 1000), self._writer.written[1]
        if not copy.copy(table.captured, position, table.rows):
            raise AbortableError(
                f"Asked to stop while {table.captured.id} was copied; it is copied again from its beginning."
            )
        marked.end(is_last=is_last)
        self._reads.limiter.take(marked.rows, self._writer.written[1] - before)
        table.progress = replace(table.progress, rows=marked.rows, started_ms=began_ms)

    def _commit_part(self, table: WholeTable, marked: MarkedRows) -> None:
        if self._writer.age_ms < self._part_after_ms:
            return
        log.warning(
            "%s outlives a Kafka transaction (transaction.timeout.ms): its rows so far are committed now; if the task "
            "dies before its end, they come again.",
            table.captured.id,
        )
        if table.progress.is_muted:
            # Behind a crash this says that they are there, and that the table is not copied beside them.
            self._keep(replace(table.progress, state=TableState.RUNNING, rows=marked.rows))
        self._writer.cover(self._offset)
        self._writer.commit()
