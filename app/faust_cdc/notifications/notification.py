"""Notifications as values: Debezium's of snapshots, and some of ours: of signals that are refused, of new
versions of a table's schema.

Source: Debezium 3.6.1 `io.debezium.pipeline.notification` (`InitialSnapshotNotificationService`,
`IncrementalSnapshotNotificationService`, `SnapshotStatus`), and what it was recorded to write. Of a blocking snapshot
it tells as of an initial one. Every one names the connector by its `topic.prefix`, under `connector_name`.
"""

from __future__ import annotations

import enum
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from faust_cdc.relational.model import TableId

INITIAL: Final = "Initial Snapshot"
INCREMENTAL: Final = "Incremental Snapshot"
SIGNAL: Final = "Signal"
"""Ours: Debezium only logs signals that it does not take."""


SCHEMA: Final = "Schema Evolution"
"""Ours: Debezium does not tell of schema changes this way."""


def now_ms() -> int:
    """Return the time, ms since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification, as every channel shows it."""

    id: str
    aggregate_type: str
    type: str
    additional_data: Mapping[str, str]
    timestamp_ms: int = field(default_factory=now_ms)

    def as_record(self) -> dict[str, Any]:
        """Return the fields of the record value and of REST's JSON, by Debezium's names in its order."""
        return {
            "id": self.id,
            "type": self.type,
            "aggregate_type": self.aggregate_type,
            "additional_data": dict(self.additional_data),
            "timestamp": self.timestamp_ms,
        }

    def __str__(self) -> str:
        """As Debezium's log channel prints it (`Notification.toString`)."""
        data = ", ".join(f"{name}={value}" for name, value in self.additional_data.items())
        return (
            f"{{id='{self.id}', aggregateType='{self.aggregate_type}', type='{self.type}', "
            f"additionalData={{{data}}}, timestamp={self.timestamp_ms}}}"
        )


class ScanStatus(enum.Enum):
    """How the scan of a table ended."""

    SUCCEEDED = "SUCCEEDED"
    EMPTY = "EMPTY"
    """It had no rows."""
    NO_PRIMARY_KEY = "NO_PRIMARY_KEY"
    SKIPPED = "SKIPPED"
    SQL_EXCEPTION = "SQL_EXCEPTION"
    UNKNOWN_SCHEMA = "UNKNOWN_SCHEMA"
    """There is no such table, or it is not captured."""


def _listed(tables: Iterable[TableId | str]) -> str:
    return ",".join(map(str, tables))


class InitialNotices:
    """Makes the notifications of initial and blocking snapshots; each has an id of its own."""

    def __init__(self, server: str) -> None:
        """`server` is the `topic.prefix`."""
        self._server = server

    def _of(self, type_: str, **data: str) -> Notification:
        return Notification(str(uuid.uuid4()), INITIAL, type_, data | {"connector_name": self._server})

    def started(self) -> Notification:
        """Return that of a snapshot that begins."""
        return self._of("STARTED")

    def skipped(self) -> Notification:
        """Return that of a start at which no snapshot was due."""
        return self._of("SKIPPED")

    def completed(self) -> Notification:
        """Return that of a snapshot that is complete."""
        return self._of("COMPLETED")

    def aborted(self) -> Notification:
        """Return that of a snapshot that failed or was stopped."""
        return self._of("ABORTED")

    def paused(self) -> Notification:
        """Return that of a snapshot that rests: ours, Debezium cannot pause this kind."""
        return self._of("PAUSED")

    def resumed(self) -> Notification:
        """Return that of a snapshot that goes on: ours, as above."""
        return self._of("RESUMED")

    def in_progress(self, current: TableId, tables: Iterable[TableId]) -> Notification:
        """Return that of a table whose scan begins; `tables` are all whose rows are read, without signal tables."""
        return self._of("IN_PROGRESS", current_collection_in_progress=str(current), data_collections=_listed(tables))

    def table_completed(self, scanned: TableId, rows: int, tables: Iterable[TableId]) -> Notification:
        """Return that of a table that is read; `tables` are all that are captured, signal tables among them."""
        return self._of(
            "TABLE_SCAN_COMPLETED",
            scanned_collection=str(scanned),
            data_collections=_listed(tables),
            total_rows_scanned=str(rows),
            status=ScanStatus.SUCCEEDED.value,
        )

    def table_failed(self, scanned: TableId) -> Notification:
        """Return that of a table that could not be read."""
        return self._of("TABLE_SCAN_COMPLETED", scanned_collection=str(scanned), status=ScanStatus.SQL_EXCEPTION.value)

    def chunk_in_progress(self, current: TableId, index: int, total: int, rows: int) -> Notification:
        """Return that of a chunk of a table read in parallel: `index` of `total`, `rows` of the table so far."""
        return self._of(
            "TABLE_CHUNK_IN_PROGRESS",
            current_collection_in_progress=str(current),
            chunk_index=str(index),
            total_chunks=str(total),
            total_rows_scanned=str(rows),
        )

    def chunk_completed(self, scanned: TableId, index: int, total: int, tables: Iterable[TableId]) -> Notification:
        """Return that of such a chunk when it is read."""
        return self._of(
            "TABLE_CHUNK_COMPLETED",
            scanned_collection=str(scanned),
            data_collections=_listed(tables),
            chunk_index=str(index),
            total_chunks=str(total),
            status=ScanStatus.SUCCEEDED.value,
        )


class IncrementalNotices:
    """Makes the notifications of one incremental snapshot; all have the id of the signal that asked for it."""

    def __init__(self, server: str, signal_id: str | None) -> None:
        """`server` is the `topic.prefix`; `signal_id` None: each has an id of its own."""
        self._server = server
        self._id = signal_id

    def _of(self, type_: str, **data: str) -> Notification:
        identity = str(uuid.uuid4()) if self._id is None else self._id
        return Notification(identity, INCREMENTAL, type_, data | {"connector_name": self._server})

    def started(self, tables: Iterable[TableId]) -> Notification:
        """Return that of a snapshot that begins; `tables`, here as below, are those still to be completed."""
        return self._of("STARTED", data_collections=_listed(tables))

    def paused(self, tables: Iterable[TableId]) -> Notification:
        """Return that of a snapshot that was paused."""
        return self._of("PAUSED", data_collections=_listed(tables))

    def resumed(self, tables: Iterable[TableId]) -> Notification:
        """Return that of a snapshot that was resumed."""
        return self._of("RESUMED", data_collections=_listed(tables))

    def aborted(self, tables: Iterable[TableId | str] | None = None) -> Notification:
        """Return that of a snapshot that was stopped; with `tables`: these were taken out of it."""
        return self._of("ABORTED") if tables is None else self._of("ABORTED", data_collections=_listed(tables))

    def in_progress(
        self,
        current: TableId,
        tables: Iterable[TableId],
        maximum_key: Iterable[str] | None,
        last_processed_key: Iterable[str],
    ) -> Notification:
        """Return that of a chunk that is read: up to which key, and the table's last key when its scan began.

        Keys as `faust_cdc.notifications.keys.shown_key` makes them of a chunk's bounds; None: the table has no end.
        """
        return self._of(
            "IN_PROGRESS",
            data_collections=_listed(tables),
            current_collection_in_progress=str(current),
            maximum_key='"<null>"' if maximum_key is None else ",".join(maximum_key),
            last_processed_key=",".join(last_processed_key),
        )

    def table_completed(
        self, scanned: TableId | str, rows: int, tables: Iterable[TableId], status: ScanStatus = ScanStatus.SUCCEEDED
    ) -> Notification:
        """Return that of a table that is read, or will not be, as `status` says; `tables` has it among them."""
        return self._of(
            "TABLE_SCAN_COMPLETED",
            data_collections=_listed(tables),
            scanned_collection=str(scanned),
            total_rows_scanned=str(rows),
            status=status.value,
        )

    def completed(self) -> Notification:
        """Return that of a snapshot that is complete."""
        return self._of("COMPLETED")


def signal_table_unusable(server: str, table: TableId, reason: str) -> Notification:
    """Return that of a signal table that no signal can come from, as things are: ours."""
    data = {"data_collection": str(table), "reason": reason, "connector_name": server}
    return Notification(str(uuid.uuid4()), SIGNAL, "TABLE_UNUSABLE", data)


def signal_refused(server: str, signal_id: str, signal_type: str, reason: str) -> Notification:
    """Return that of a signal that is not taken: ours, of aggregate type `Signal`."""
    data = {"signal_type": signal_type, "reason": reason, "connector_name": server}
    return Notification(signal_id, SIGNAL, "REFUSED", data)


def statement_unparsed(server: str, position: str, statement: str, tables: Iterable[TableId]) -> Notification:
    """Return that of a DDL statement that nobody can read: ours, of aggregate type `Schema Evolution`.

    `statement` is as much of it as may be shown; `tables` were read again for it.
    """
    data = {"position": position, "statement": statement, "data_collections": _listed(tables)}
    return Notification(str(uuid.uuid4()), SCHEMA, "STATEMENT_UNPARSED", data | {"connector_name": server})


def schema_version(server: str, table: TableId, about: Mapping[str, str]) -> Notification:
    """Return that of a new version of a table's schema: ours, of aggregate type `Schema Evolution`."""
    data = {"data_collection": str(table), **about, "connector_name": server}
    return Notification(str(uuid.uuid4()), SCHEMA, "NEW_VERSION", data)
