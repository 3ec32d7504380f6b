"""The source channel: rows that are inserted into the signal table, as they pass in the stream.

A signal is taken at the end of its source transaction, before the position moves over it in Kafka: what it asks for can
be made durable in the same Kafka transaction, so it is neither lost nor done twice. A transaction that is read again
after a failed attempt brings its signals again, and those of the failed attempt are forgotten with it. Rows whose fate
is open when they pass (XA transactions, rows behind a SAVEPOINT) are refused: they might be rolled back.

Rows that open windows of snapshots are no signals of a user's; who writes such rows is told of each (`on_window`).

As in Debezium: the table is captured whether or not the include lists name it, its own records are written as any
table's, only inserts count, skipped operations or not, and a row has the three columns id, type, data in this order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from faust_cdc.binlog.events import RowsEvent, TableMapEvent
from faust_cdc.errors import TableError
from faust_cdc.mysql.window_rows import OPEN_TYPE
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.relational.model import Table, TableId
from faust_cdc.signals.signal import RefusedSignal, Signal, TaskCommand, command_of
from faust_cdc.transcode.row import UNAVAILABLE, Row

log = logging.getLogger(__name__)

COLUMNS = 3


def unusable(table: Table | None) -> str | None:
    """Return why a table cannot be a signal table as it is now, None when it can; None as argument: it is not seen."""
    if table is None:
        return (
            "does not exist, or the connector's user may not read it: signals come from it only if the server writes "
            "column names into its binlog (binlog_row_metadata=FULL). Create it, or grant SELECT on it"
        )
    if len(table.columns) != COLUMNS:
        found = ", ".join(column.name for column in table.columns)
        return f"has the columns {found}, expected three (id, type, data): no signal comes from it"
    return None


class SourceChannel:
    """Reads signals out of rows events. Of one attempt, in the task's thread."""

    def __init__(
        self,
        tables: Iterable[TableId],
        cache: TranscoderCache,
        on_window: Callable[[str], None] | None = None,
        *,
        takes_signals: bool = True,
    ) -> None:
        """`on_window` is called with the id of each row that opens a window; without `takes_signals` that is all."""
        self._tables = frozenset(tables)
        self._cache = cache
        self._on_window = on_window
        self._takes_signals = takes_signals
        self._open: list[TaskCommand] = []
        self._due: list[TaskCommand] = []

    def is_signal_table(self, event: TableMapEvent) -> bool:
        """Whether rows of this table map are signals; these never go the fast lane."""
        return bool(self._tables) and TableId(event.database, event.table) in self._tables

    @property
    def is_open(self) -> bool:
        """True when the open source transaction has signals, so that it is to end on the long way."""
        return bool(self._open)

    def read(self, event: RowsEvent, *, is_held: bool) -> None:
        """Note the signals of an event; `is_held`: its rows may be rolled back yet. Never raises for what they say."""
        if event.kind != "write" or not self.is_signal_table(event.table_map):
            return
        where = f"{event.header.file}:{event.header.pos}"
        try:
            for row in self._rows(event):
                self._read_row(row, where, is_held=is_held)
        except TableError as error:
            log.warning("Signals at %s are not taken: %s", where, error)

    def _rows(self, event: RowsEvent) -> Iterable[Row]:
        captured = self._cache.for_table_map(event.table_map)
        if captured is None:
            return
        places = [column.index for column in captured.transcoder.plan.value_columns]
        offset, size = 0, len(event.rows)
        while offset < size:
            row, offset = captured.transcoder.read_row(event.rows, offset, event.columns_present[0])
            yield tuple(row[place] for place in places)

    def _read_row(self, row: Row, where: str, *, is_held: bool) -> None:
        values = [None if value is UNAVAILABLE else value for value in row]
        if len(values) != COLUMNS or not all(isinstance(value, str | None) for value in values):
            shown = ", ".join(type(value).__name__ for value in values)
            log.warning("The row at %s is no signal: three columns of text (id, type, data) are expected, found %s",
                        where, shown)  # fmt: skip
            return
        identity, type_, data = values
        if identity is None or type_ is None:
            log.warning("The row at %s is no signal: its id or its type is NULL", where)
            return
        signal = Signal(identity, type_.strip(), data)
        if self._on_window is not None and signal.type == OPEN_TYPE:
            self._on_window(identity)
        command = command_of(signal) if self._takes_signals else None
        if command is not None and is_held:
            reason = "it is in an XA transaction or behind a SAVEPOINT; insert it in a transaction of its own"
            command = RefusedSignal(identity, signal.type, reason)
        if command is not None:
            log.info("Signal %r at %s: %s", identity, where, signal.type)
            self._open.append(command)

    def end_transaction(self) -> None:
        """The source transaction has ended, as committed: its signals are due."""
        if self._open:
            self._due += self._open
            self._open.clear()

    def forget_transaction(self) -> None:
        """The source transaction was rolled back."""
        self._open.clear()

    def take(self) -> list[TaskCommand]:
        """Remove and return the signals of complete source transactions, in order."""
        due, self._due = self._due, []
        return due

    def __bool__(self) -> bool:
        """True when signals are due."""
        return bool(self._due)
