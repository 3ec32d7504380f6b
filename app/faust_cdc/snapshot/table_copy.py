"""One table from a consistent read into records, whole: through the compiled transcoder where that is for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from faust_cdc.errors import ValueConversionError
from faust_cdc.kafka.direct import Row as KafkaRow
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.prepared_query import NotPrepared
from faust_cdc.mysql.snapshot_session import SnapshotSession, TextRow
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.snapshot.markers import MarkedRows
from faust_cdc.snapshot.selects import select_of
from faust_cdc.transcode.reference import Row
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CopiedRows:
    """Which rows of a table are copied; all of them when neither is given."""

    statement: str | None = None
    """A SELECT that gives the rows."""
    condition: str | None = None
    """SQL that the rows meet."""


class TableCopy:
    """Copies tables from the read of one session."""

    def __init__(
        self,
        session: SnapshotSession,
        server_block: SourceInfo,
        dispatcher: Dispatcher,
        writer: TransactionWriter,
        marked: MarkedRows,
        should_stop: Callable[[], bool],
        after_rows: Callable[[CapturedTable], None],
        *,
        is_compiled: bool,
    ) -> None:
        """`is_compiled`: tables that the compiled transcoder takes go through it. `after_rows` is called now and then,
        between rows."""
        self._session = session
        self._block = server_block
        self._dispatcher = dispatcher
        self._writer = writer
        self._marked = marked
        self._should_stop = should_stop
        self._after_rows = after_rows
        self._is_compiled = is_compiled

    def copy(self, captured: CapturedTable, position: BinlogPosition, rows: CopiedRows) -> bool:
        """Write the rows, as of `position`, each with its marker; False when asked to stop."""
        try:
            return self._copy_compiled(captured, position, rows)
        except NotPrepared as refused:
            log.info("%s is read in the text protocol: %s", captured.id, refused)
            return self._copy_by_cells(captured, position, rows)

    def _copy_compiled(self, captured: CapturedTable, position: BinlogPosition, which: CopiedRows) -> bool:
        """Copy a table through the compiled transcoder where that is for it; False when stopped.

        Raises NotPrepared before anything is written.
        """
        if not self._is_compiled or captured.is_row_wise:
            return self._copy_by_cells(captured, position, which)
        # Imported here: the module needs the extension's run-time library, which not every platform has.
        from faust_cdc.snapshot.compiled_rows import Batch, CompiledRows
        from faust_cdc.transcode.compiled.result_program import writes_results

        if not writes_results(captured.transcoder):
            return self._copy_by_cells(captured, position, which)
        number = 0
        with self._session.prepared(self._select(captured, which, as_text=False), self._should_stop) as query:
            if self._should_stop():
                return False
            topic = self._writer.topic_number(captured.topic, captured.id)
            rows = CompiledRows(query, captured, topic, lambda: self._source(captured, position), self._marked.plain)
            for found in rows:
                if isinstance(found, Batch):
                    self._marked.add_batch(captured, found.records, partial(rows.remarked, found.suffix))
                    number += len(found.records)
                else:
                    self._add_cells(captured, found, position, number)
                    number += 1
                self._after_rows(captured)
            return query.is_complete

    def _copy_by_cells(self, captured: CapturedTable, position: BinlogPosition, which: CopiedRows) -> bool:
        """Copy a table cell by cell through the reference transcoder; False when stopped."""
        for number, cells in enumerate(self._session.stream(self._select(captured, which, as_text=True))):
            if self._should_stop():
                return False
            self._add_cells(captured, cells, position, number)
            self._after_rows(captured)
        return True

    def _select(self, captured: CapturedTable, which: CopiedRows, *, as_text: bool) -> str:
        select = select_of(captured.transcoder.plan, which.statement, self._session.columns_of, as_text=as_text)
        # On lines of its own: it may end in a comment.
        return select if which.condition is None else f"{select} WHERE (\n{which.condition}\n)"

    def _add_cells(self, captured: CapturedTable, cells: TextRow, position: BinlogPosition, number: int) -> None:
        """Take a row through the reference transcoder: row `number` of the copy of its table."""
        try:
            row = captured.transcoder.read_text_row(cells)
        except ValueConversionError as error:
            settled = self._bad_row(error, captured, cells, position, number)
            if settled is None:
                return
            row = settled
        if self._dispatcher.shows(captured, row):
            for target in captured.targets:
                self._marked.add(captured, partial(self._record, target, row, position))

    def _bad_row(
        self,
        error: ValueConversionError,
        captured: CapturedTable,
        cells: TextRow,
        position: BinlogPosition,
        number: int,
    ) -> Row | None:
        """Return the row with its bad values settled, None when it went to the quarantine."""
        source = replace(self._source(captured, position), row=number)
        settled = self._dispatcher.bad_rows.cells(error, captured, cells, source)
        if not isinstance(settled, ChangeRecord):
            return settled
        self._writer.write(settled)
        return None

    def _record(self, captured: CapturedTable, row: Row, position: BinlogPosition, marker: str) -> KafkaRow:
        source = replace(self._source(captured, position), snapshot=marker)
        record = self._dispatcher.snapshot_record(captured, row, source)
        return self._writer.topic_number(record.topic, captured.id, record.partition), record.key, record.value

    def _source(self, captured: CapturedTable, position: BinlogPosition) -> SourceInfo:
        return self._block.at(
            ts_us=int(time.time()) * 1_000_000,
            server_id=0,
            gtid=None,
            file=position.file,
            pos=position.pos,
            thread=None,
            db=captured.id.database,
            table=captured.id.table,
        )
