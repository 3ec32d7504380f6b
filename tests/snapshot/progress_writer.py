"""Progress as a task writes it: through the real producer, writer and log, with an offset that covers it."""

from __future__ import annotations

from faust_cdc.kafka.producer import TransactionalProducer
from faust_cdc.kafka.task_producer import task_transactional_id
from faust_cdc.offsets import SourceOffset, SourcePartition, murmur2_partition
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.transaction_writer import CommitLimits, TransactionWriter
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import SnapshotKind, SnapshotProgress, SnapshotState, TableProgress, TableState
from faust_cdc.snapshot.progress_log import ProgressLog

PARTITIONS = 25
"""Of the offsets and the snapshots topic, as a worker makes them."""


class ProgressWriter:
    """One attempt of the task of a connector in a group. Use it as a context: initialised within, closed after it."""

    def __init__(self, bootstrap: str, group: str, partition: SourcePartition) -> None:
        self.config = {"bootstrap.servers": bootstrap}
        self.snapshots, self._partition = f"{group}-snapshots", partition
        self.producer = TransactionalProducer(
            self.config, task_transactional_id(group, partition.connector, 0), 8 * 2**20
        )
        number = murmur2_partition(partition.key(), PARTITIONS)
        self.writer = TransactionWriter(self.producer, partition, f"{group}-offsets", number, CommitLimits())
        self.log = ProgressLog(self.writer, self.snapshots, PARTITIONS, partition)

    def __enter__(self) -> ProgressWriter:
        self.producer.init()
        return self

    def __exit__(self, *exc: object) -> None:
        self.producer.close()

    def row(self, topic: str, value: bytes) -> None:
        """Write a record of the source."""
        self.writer.write(ChangeRecord(topic, b"k", value, []))

    def commit(self) -> None:
        """End the source transaction and commit."""
        offset = SourceOffset("binlog.000001", 4)
        self.writer.end_source_transaction(lambda: offset)
        self.writer.commit()

    def tell(self, table: TableId, state: TableState, rows: int, at_ms: int, estimated: int | None = None) -> None:
        """Commit how a table stands that began at 1000 ms."""
        self.log.write_table(TableProgress(table, state, rows, estimated, started_ms=1000, updated_ms=at_ms))
        self.commit()

    def tell_whole(self, tables: tuple[TableId, ...], state: SnapshotState, at_ms: int) -> None:
        """Commit how a snapshot stands that began at 1000 ms."""
        progress = SnapshotProgress("1", SnapshotKind.INITIAL, state, 1000, at_ms, tables)
        self.log.write_snapshot(progress)
        self.commit()
