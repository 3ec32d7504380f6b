"""The progress of a connector's snapshot in Kafka: written with the rows that it counts, read before the task begins.

Why it is neither ahead of the rows nor behind them: a progress record goes through the `TransactionWriter`, so it is
in the Kafka transaction of the rows written before it and of the offset that covers them. Why a restart may believe
it: it is read strongly (`faust_cdc.kafka.strong_read`), after `init_transactions` has fenced older owners.

The snapshot's own record has the snapshots that wait behind it, too: the one that begins when another has ended leaves
the queue by the very record that says that it has begun.

All records of a connector's snapshot are in one partition, that of the snapshot's own key, so that one read finds
them. A reader of the topic must not compute the partition from the key of a table's record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from faust_cdc.kafka.strong_read import READ_TIMEOUT_S, read_all
from faust_cdc.offsets import SourcePartition, murmur2_partition
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import ExecuteSnapshot
from faust_cdc.snapshot.progress import (
    SnapshotProgress,
    TableProgress,
    TableState,
    belongs_to,
    read_key,
    snapshot_key,
    table_key,
)


@dataclass(frozen=True, slots=True)
class StoredProgress:
    """What the topic holds of a connector's snapshot."""

    snapshot: SnapshotProgress | None = None
    """None: no snapshot was ever begun, or it was forgotten."""
    tables: Mapping[TableId, TableProgress] = field(default_factory=lambda: MappingProxyType({}))
    """Of the snapshot's tables those that have a record: a table that was not begun may have none."""


class ProgressLog:
    """Reads and writes the progress of one connector's snapshot. For the task's thread only."""

    def __init__(self, writer: TransactionWriter, topic: str, partition_count: int, partition: SourcePartition) -> None:
        self._writer = writer
        self._topic = topic
        self._number = murmur2_partition(snapshot_key(partition), partition_count)
        self._partition = partition
        self._present: set[bytes] = set()
        self.waiting: tuple[ExecuteSnapshot, ...] = ()
        """What begins behind the snapshot that is under way, in order; in every record of a snapshot from now on."""
        self.behind: dict[TableId, TableProgress] = {}
        """Captured tables that are still to be read: their records outlive the snapshots that are not of them."""

    def read(self, client_config: Mapping[str, str], timeout_s: float = READ_TIMEOUT_S) -> StoredProgress:
        """Return what was committed last. Call it once the producer is initialised, before anything is written.

        Raises BrokerUnavailable when Kafka does not answer, FatalError for a record that cannot be read.
        """
        found = read_all(client_config, self._topic, self._number, belongs_to(self._partition), timeout_s)
        self._present = set(found)
        raw = found.pop(snapshot_key(self._partition), None)
        tables: dict[TableId, TableProgress] = {}
        for key, value in found.items():
            known = read_key(key)
            if known is not None and known[1] is not None:
                tables[known[1]] = TableProgress.from_json(known[1], value)
        self.behind = {table: one for table, one in tables.items() if one.state is TableState.BEHIND}
        snapshot = None if raw is None else SnapshotProgress.from_json(raw)
        self.waiting = () if snapshot is None else snapshot.waiting
        return StoredProgress(snapshot, MappingProxyType(tables))

    def begin(self, snapshot: SnapshotProgress, tables: Iterable[TableProgress]) -> None:
        """Write a new snapshot with its tables; records of an earlier one's other tables are removed."""
        keep = list(tables)
        kept = {table_key(self._partition, table) for table in (*(each.table for each in keep), *self.behind)}
        for key in sorted(self._present - kept - {snapshot_key(self._partition)}):
            self._write(key, None)
        self.write_snapshot(snapshot)
        for each in keep:
            self.write_table(each)

    def write_snapshot(self, progress: SnapshotProgress) -> None:
        """Write how the whole stands, into the open Kafka transaction; the caller covers it with an offset."""
        self._write(snapshot_key(self._partition), replace(progress, waiting=self.waiting).to_json())

    def write_table(self, progress: TableProgress) -> None:
        """Write how a table stands, behind the rows that it counts."""
        self._write(table_key(self._partition, progress.table), progress.to_json())
        if progress.state is TableState.BEHIND:
            self.behind[progress.table] = progress
        else:
            self.behind.pop(progress.table, None)

    def drop_table(self, table: TableId) -> None:
        """Remove the record of a table that is behind, and will not be read."""
        self._write(table_key(self._partition, table), None)
        del self.behind[table]

    def forget(self) -> None:
        """Remove every record, in the open Kafka transaction; nothing waits any more."""
        self.waiting, self.behind = (), {}
        for key in sorted(self._present):
            self._write(key, None)

    def _write(self, key: bytes, value: bytes | None) -> None:
        self._writer.write_own(ChangeRecord(self._topic, key, value, [], self._number))
        if value is None:
            self._present.discard(key)
        else:
            self._present.add(key)
