"""What an initial snapshot tells while it runs, in Debezium's order and with its lists of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from faust_cdc.notifications.notification import InitialNotices
from faust_cdc.notifications.notifier import Notifier
from faust_cdc.relational.model import Table, TableId


class SnapshotTold:
    """Notifies of one snapshot. Methods raise what `Notifier.notify` does."""

    def __init__(self, notifier: Notifier, server: str, signal_tables: Iterable[TableId] = ()) -> None:
        """`server` is the `topic.prefix`. The rows of signal tables are not read: they were signals once."""
        self._notify = notifier.notify
        self._notices = InitialNotices(server)
        self._signal_tables = frozenset(signal_tables)
        self._captured: list[TableId] = []
        self._read: list[TableId] = []

    def to_be_read(self, tables: Sequence[Table]) -> list[Table]:
        """Take note of the captured tables; return those whose rows are read."""
        read = [table for table in tables if table.id not in self._signal_tables]
        self._captured = [table.id for table in tables]
        self._read = [table.id for table in read]
        return read

    def started(self) -> None:
        """Tell that it begins."""
        self._notify(self._notices.started())

    def begins(self, table: TableId) -> None:
        """Tell that a table's rows are read now."""
        self._notify(self._notices.in_progress(table, self._read))

    def ends(self, table: TableId, rows: int) -> None:
        """Tell that they are read."""
        self._notify(self._notices.table_completed(table, rows, self._captured))

    def completed(self) -> None:
        """Tell that it is complete."""
        self._notify(self._notices.completed())

    def aborted(self) -> None:
        """Tell that it was stopped; the sink's record of it goes with the Kafka transaction, the others are seen."""
        self._notify(self._notices.aborted())
