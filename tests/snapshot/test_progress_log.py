"""Progress records on a real broker: with the rows that they count, in one partition, read strongly."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

from faust_cdc.errors import FatalError
from faust_cdc.kafka.strong_read import holds_records, read_all, read_last
from faust_cdc.kafka.topics import INTERNAL_TOPIC, TopicSpec, ensure_topics
from faust_cdc.offsets import SourcePartition, murmur2_partition
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import ExecuteSnapshot
from faust_cdc.snapshot.progress import (
    KeyRange,
    SnapshotKind,
    SnapshotProgress,
    SnapshotState,
    TableProgress,
    TableState,
    snapshot_key,
)
from faust_cdc.snapshot.progress_log import StoredProgress
from tests.lab import KafkaBroker
from tests.oracle.topics import TopicReader
from tests.snapshot.progress_writer import PARTITIONS, ProgressWriter

pytestmark = pytest.mark.integration

SHOP = SourcePartition("größe/1", "shop")
ORDERS, ITEMS = TableId("db", "orders"), TableId("db.x", 'i"t')
SNAPSHOT = SnapshotProgress("1", SnapshotKind.INITIAL, SnapshotState.RUNNING, 1, 2, (ORDERS, ITEMS), joined=("2", "3"))
OPEN = TableProgress(
    ORDERS,
    TableState.RUNNING,
    40_000,
    100_000,
    ("_latin1 0x61", "42"),
    open_ranges=(KeyRange(None, ("_latin1 0x60", "1")), KeyRange(("_latin1 0x60", "1"), None)),
    started_ms=1,
    updated_ms=2,
    condition="a > 'ä'",
    last_key=("_latin1 0x7a", "9"),
)
WAITING = TableProgress(ITEMS, estimated_rows=5)


class Topics:
    """The topics of one test."""

    def __init__(self, kafka: KafkaBroker) -> None:
        self.kafka, self.group = kafka, f"g{uuid4().hex[:8]}"
        self.data, self.snapshots = f"{self.group}-data", f"{self.group}-snapshots"
        internal = [
            TopicSpec(f"{self.group}-{name}", PARTITIONS, 1, INTERNAL_TOPIC) for name in ("offsets", "snapshots")
        ]
        ensure_topics({"bootstrap.servers": kafka.bootstrap}, [TopicSpec(self.data, 1, 1), *internal])

    def task(self, partition: SourcePartition = SHOP) -> ProgressWriter:
        """An attempt of the task."""
        return ProgressWriter(self.kafka.bootstrap, self.group, partition)

    def stored(self, partition: SourcePartition = SHOP) -> StoredProgress:
        """What the next attempt finds."""
        with self.task(partition) as task:
            return task.log.read(task.config)


@pytest.fixture
def topics(kafka: KafkaBroker) -> Topics:
    return Topics(kafka)


def test_what_was_written_is_what_the_next_attempt_reads(topics: Topics) -> None:
    assert topics.stored() == StoredProgress()
    with topics.task() as task:
        task.log.begin(SNAPSHOT, [OPEN, WAITING])
        task.commit()
    assert topics.stored() == StoredProgress(SNAPSHOT, {ORDERS: OPEN, ITEMS: WAITING})
    assert topics.stored(SourcePartition("größe/1", "other")) == StoredProgress()
    with topics.task() as task:
        task.log.read(task.config)
        task.log.write_table(TableProgress(ORDERS, TableState.COMPLETED, 100_001))
        task.commit()
    assert topics.stored().tables[ORDERS] == TableProgress(ORDERS, TableState.COMPLETED, 100_001)
    assert topics.stored().tables[ITEMS] == WAITING


def test_all_records_of_a_connector_are_in_the_partition_of_the_snapshots_own_key(topics: Topics) -> None:
    with topics.task() as task:
        task.log.begin(SNAPSHOT, [OPEN, WAITING])
        task.commit()
    with TopicReader(topics.kafka.bootstrap) as reader:
        records = reader.read_new([topics.snapshots])
    assert [record.partition for record in records] == [murmur2_partition(snapshot_key(SHOP), PARTITIONS)] * 3


def test_progress_is_neither_ahead_of_its_rows_nor_behind_them(topics: Topics) -> None:
    with topics.task() as task:
        task.row(topics.data, b"1")
        task.log.write_snapshot(SNAPSHOT)
        task.log.write_table(OPEN)
        task.commit()
        task.row(topics.data, b"2")
        task.log.write_table(TableProgress(ORDERS, rows=2))
        assert not task.writer.has_complete_work, "progress alone covers nothing"
        task.writer.commit()  # dies here: the attempt that follows aborts what is open
        assert topics.stored() == StoredProgress(SNAPSHOT, {ORDERS: OPEN})
        with TopicReader(topics.kafka.bootstrap) as reader:
            assert [record.value for record in reader.read_new([topics.data])] == [b"1"]


def test_progress_is_not_counted_as_records_of_the_source(topics: Topics) -> None:
    with topics.task() as task:
        task.row(topics.data, b"12")
        task.log.begin(SNAPSHOT, [OPEN, WAITING])
        task.commit()
        assert (task.writer.counters.records, task.writer.counters.bytes) == (1, 3)
        task.log.write_table(WAITING)
        assert task.writer.has_records, "it is worth a commit"
        task.commit()
        assert (task.writer.counters.records, task.writer.counters.kafka_transactions) == (1, 2)


def test_a_new_snapshot_takes_the_place_of_the_one_before(topics: Topics) -> None:
    with topics.task() as task:
        task.log.begin(SNAPSHOT, [OPEN, WAITING])
        task.commit()
    following = SnapshotProgress("2", SnapshotKind.BLOCKING, tables=(ITEMS,))
    with topics.task() as task:
        task.log.read(task.config)
        task.log.begin(following, [WAITING])
        task.commit()
    assert topics.stored() == StoredProgress(following, {ITEMS: WAITING})
    with topics.task() as task:
        task.log.read(task.config)
        task.log.forget()
        task.commit()
    assert topics.stored() == StoredProgress()


def test_a_table_that_is_behind_outlives_snapshots_of_others(topics: Topics) -> None:
    behind = TableProgress(ORDERS, is_new=True, is_muted=True).as_behind("stopped")
    with topics.task() as task:
        task.log.begin(SNAPSHOT, [OPEN, WAITING])
        task.log.write_table(behind)
        task.commit()
    following = SnapshotProgress("2", SnapshotKind.BLOCKING, tables=(ITEMS,))
    with topics.task() as task:
        task.log.read(task.config)
        task.log.begin(following, [WAITING])
        assert task.log.behind == {ORDERS: behind}
        task.commit()
    assert topics.stored() == StoredProgress(following, {ITEMS: WAITING, ORDERS: behind})
    with topics.task() as task:
        task.log.read(task.config)
        task.log.write_table(replace(behind, state=TableState.PENDING))
        assert not task.log.behind, "a snapshot has it"
        task.log.write_table(behind)
        task.log.drop_table(ORDERS)
        assert not task.log.behind
        task.commit()
    assert topics.stored() == StoredProgress(following, {ITEMS: WAITING})


def test_only_committed_records_are_held_and_deleted_ones_are_not(topics: Topics) -> None:
    config = {"bootstrap.servers": topics.kafka.bootstrap}
    assert not holds_records(config, f"{topics.group}-none")
    assert not holds_records(config, topics.data)
    with topics.task() as task:
        task.row(topics.data, b"1")
    assert not holds_records(config, topics.data), "aborted"
    with topics.task() as task:
        task.row(topics.data, b"2")
        task.commit()
    assert holds_records(config, topics.data)
    admin = AdminClient({**config})
    deleted = admin.delete_records([TopicPartition(topics.data, 0, OFFSET_END)])
    deleted[TopicPartition(topics.data, 0)].result(60)
    assert not holds_records(config, topics.data, timeout_s=20), "the remedy that is said"


def test_what_waits_is_in_every_record_until_it_is_taken_out(topics: Topics) -> None:
    first, second = ExecuteSnapshot("2", ("db.orders",)), ExecuteSnapshot("3", ("db.x.*",), SnapshotKind.BLOCKING)
    with topics.task() as task:
        task.log.waiting = (first, second)
        task.log.begin(SNAPSHOT, [OPEN])
        task.commit()
    with topics.task() as task:
        assert task.log.read(task.config).snapshot == replace(SNAPSHOT, waiting=(first, second))
        assert task.log.waiting == (first, second)
        task.log.write_snapshot(replace(SNAPSHOT, state=SnapshotState.COMPLETED))
        task.commit()
    with topics.task() as task:
        task.log.read(task.config)
        task.log.waiting = task.log.waiting[1:]
        task.log.begin(SnapshotProgress("2", SnapshotKind.INCREMENTAL, tables=(ORDERS,)), [OPEN])
    assert topics.stored().snapshot == replace(SNAPSHOT, state=SnapshotState.COMPLETED, waiting=(first, second))
    with topics.task() as task:
        task.log.read(task.config)
        task.log.forget()
        task.log.begin(SNAPSHOT, [OPEN])
        task.commit()
    assert topics.stored().snapshot == SNAPSHOT


def test_neighbours_in_the_partition_are_left_alone(topics: Topics) -> None:
    number = murmur2_partition(snapshot_key(SHOP), PARTITIONS)
    names = (SourcePartition(f"c{count}", "shop") for count in range(1000))
    neighbour = next(each for each in names if murmur2_partition(snapshot_key(each), PARTITIONS) == number)
    for partition in (SHOP, neighbour):
        with topics.task(partition) as task:
            task.log.begin(SNAPSHOT, [OPEN])
            task.commit()
    with topics.task() as task:
        task.log.read(task.config)
        task.log.forget()
        task.commit()
    assert topics.stored(neighbour) == StoredProgress(SNAPSHOT, {ORDERS: OPEN})


def test_a_record_that_cannot_be_read_is_named_with_what_to_do(topics: Topics) -> None:
    with topics.task() as task:
        number = murmur2_partition(snapshot_key(SHOP), PARTITIONS)
        task.writer.write_own(ChangeRecord(topics.snapshots, snapshot_key(SHOP), b"{}", [], number))
        task.commit()
    with pytest.raises(FatalError, match="progress of the snapshot cannot be read") as caught:
        topics.stored()
    assert "null value" in (caught.value.remedy or "")


def test_read_all_returns_the_last_committed_values_of_the_keys_that_are_wanted(topics: Topics) -> None:
    config = {"bootstrap.servers": topics.kafka.bootstrap}
    assert read_all(config, topics.data, 0, lambda key: True) == {}
    with topics.task() as task:
        for commit in (True, False, True):
            task.producer.begin()
            for key, value in ((b"a1", b"old"), (b"a2", b"2"), (b"b", b"3"), (b"a3", b"4"), (None, b"5")):
                task.producer.produce(topics.data, key, value, [])
            task.producer.produce(topics.data, b"a3", None, [])
            task.producer.produce(topics.data, b"a1", b"new" if commit else b"aborted", [])
            if commit:
                task.producer.commit()
            else:
                task.producer.produce(topics.data, b"a4", b"aborted", [])
                task.producer.abort()
    assert read_all(config, topics.data, 0, lambda key: key.startswith(b"a")) == {b"a1": b"new", b"a2": b"2"}
    assert read_last(config, topics.data, 0, b"b") == b"3"
