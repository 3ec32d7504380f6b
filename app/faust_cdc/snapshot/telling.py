"""What a snapshot beside the stream tells while it runs: Debezium's notifications of its kind.

Source: Debezium 3.6.1 `InitialSnapshotNotificationService`, `IncrementalSnapshotNotificationService`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from faust_cdc.notifications.keys import shown_key
from faust_cdc.notifications.notification import IncrementalNotices, InitialNotices, ScanStatus
from faust_cdc.notifications.notifier import Notifier
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import Bound, SnapshotKind, SnapshotProgress


class Telling:
    """Notifies of one snapshot. Methods raise what `Notifier.notify` does; the caller covers what it writes."""

    def __init__(
        self, notifier: Notifier, server: str, snapshot: SnapshotProgress, captured: Iterable[TableId] = ()
    ) -> None:
        """`server` is the `topic.prefix`; `captured` are all tables, which Debezium names beside each initial one."""
        self._captured = tuple(captured)
        self._notify = notifier.notify
        self._initial = InitialNotices(server)
        self._incremental = (
            IncrementalNotices(server, snapshot.id) if snapshot.kind is SnapshotKind.INCREMENTAL else None
        )
        self._begun: set[TableId] = set()

    def started(self, tables: Sequence[TableId]) -> None:
        """Tell that it begins."""
        if self._incremental is not None:
            self._notify(self._incremental.started(tables))
        else:
            self._notify(self._initial.started())

    def reads(self, table: TableId, tables: Iterable[TableId]) -> None:
        """Tell that a table is read; told once for each."""
        if self._incremental is None and table not in self._begun:
            self._notify(self._initial.in_progress(table, tables))
        self._begun.add(table)

    def chunk(self, table: TableId, tables: Iterable[TableId], high: Bound | None, last: Bound | None) -> None:
        """Tell that a chunk is written, up to the key `high`, None: up to the table's end, which was at `last`."""
        if self._incremental is not None:
            maximum = None if last is None else shown_key(last)
            self._notify(self._incremental.in_progress(table, tables, maximum, shown_key(high or last)))

    def table_ends(self, table: TableId, rows: int, tables: Iterable[TableId], status: ScanStatus) -> None:
        """Tell that a table is read, or will not be."""
        if self._incremental is not None:
            self._notify(self._incremental.table_completed(table, rows, tables, status))
        elif status is ScanStatus.SUCCEEDED or status is ScanStatus.EMPTY:
            self._notify(self._initial.table_completed(table, rows, self._captured or tables))
        else:
            self._notify(self._initial.table_failed(table))

    def completed(self) -> None:
        """Tell that it is complete."""
        self._notify((self._incremental or self._initial).completed())

    def aborted(self, tables: Iterable[TableId] | None) -> None:
        """Tell that it was stopped, or that these tables were taken out of it."""
        if self._incremental is not None:
            self._notify(self._incremental.aborted(tables))
        elif tables is None:
            self._notify(self._initial.aborted())

    def paused(self, tables: Iterable[TableId]) -> None:
        """Tell that it rests."""
        self._notify(self._initial.paused() if self._incremental is None else self._incremental.paused(tables))

    def resumed(self, tables: Iterable[TableId]) -> None:
        """Tell that it goes on."""
        self._notify(self._initial.resumed() if self._incremental is None else self._incremental.resumed(tables))
