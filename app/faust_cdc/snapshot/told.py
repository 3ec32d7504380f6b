"""What snapshots tell while they run, in Debezium's order and with its lists of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from faust_cdc.notifications.keys import shown_key
from faust_cdc.notifications.notification import IncrementalNotices, InitialNotices, ScanStatus
from faust_cdc.notifications.notifier import Notifier
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.progress import Bound, SnapshotKind


class SnapshotTold:
    """Notifies of one snapshot that stands before the stream. Methods raise what `Notifier.notify` does."""

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


class MergedTold:
    """Notifies of one snapshot that is merged into the stream, whatever its kind, in its kind's words.

    Debezium tells of an incremental one by the chunk, of the others by the table. Methods raise what `Notifier.notify`
    does; what they write waits for an offset that covers it.
    """

    def __init__(self, notifier: Notifier, server: str, kind: SnapshotKind, snapshot_id: str) -> None:
        """`server` is the `topic.prefix`, `snapshot_id` of an incremental one its signal's."""
        self._notify = notifier.notify
        self._initial = InitialNotices(server)
        is_incremental = kind is SnapshotKind.INCREMENTAL
        self._incremental = IncrementalNotices(server, snapshot_id) if is_incremental else None

    def started(self, tables: Iterable[TableId]) -> None:
        """Tell that it begins, with these tables; not told again when it goes on after a restart."""
        made = self._initial.started() if self._incremental is None else self._incremental.started(tables)
        self._notify(made)

    def table_begins(self, table: TableId, tables: Iterable[TableId]) -> None:
        """Tell that a table's first rows are read; `tables` are all whose rows this snapshot reads."""
        if self._incremental is None:
            self._notify(self._initial.in_progress(table, tables))

    def chunk_written(
        self, table: TableId, remaining: Iterable[TableId], last: Bound | None, end: Bound | None
    ) -> None:
        """Tell that a chunk is written, up to the key `last`; `end` is the table's last key as far as known.

        `remaining` are the tables that are not complete, this one first.
        """
        if self._incremental is not None:
            maximum = None if end is None else shown_key(end)
            self._notify(self._incremental.in_progress(table, remaining, maximum, shown_key(last)))

    def table_ends(self, table: TableId, rows: int, tables: Iterable[TableId], *, is_empty: bool = False) -> None:
        """Tell that a table is read.

        `tables` are the remaining ones of an incremental snapshot, this one among them, else all that are captured.
        """
        if self._incremental is None:
            self._notify(self._initial.table_completed(table, rows, tables))
        else:
            status = ScanStatus.EMPTY if is_empty else ScanStatus.SUCCEEDED
            self._notify(self._incremental.table_completed(table, rows, tables, status))

    def table_passed_over(self, table: TableId, tables: Iterable[TableId], status: ScanStatus) -> None:
        """Tell that a table is not read, or no further: it has no key, it is gone, SQL failed. `tables` as above."""
        if self._incremental is None:
            self._notify(self._initial.table_failed(table))
        else:
            self._notify(self._incremental.table_completed(table, 0, tables, status))

    def paused(self, remaining: Iterable[TableId]) -> None:
        """Tell that it rests."""
        made = self._initial.paused() if self._incremental is None else self._incremental.paused(remaining)
        self._notify(made)

    def resumed(self, remaining: Iterable[TableId]) -> None:
        """Tell that it goes on."""
        made = self._initial.resumed() if self._incremental is None else self._incremental.resumed(remaining)
        self._notify(made)

    def aborted(self, tables: Iterable[TableId] | None = None) -> None:
        """Tell that it was stopped, or that these tables were taken out of it."""
        made = self._initial.aborted() if self._incremental is None else self._incremental.aborted(tables)
        self._notify(made)

    def completed(self) -> None:
        """Tell that it is complete."""
        made = self._initial.completed() if self._incremental is None else self._incremental.completed()
        self._notify(made)
