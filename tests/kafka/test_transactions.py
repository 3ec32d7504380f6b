"""Fencing, strong reads and the writer's promises on a real broker."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from confluent_kafka import KafkaError

from faust_cdc.errors import BrokerRefused, BrokerUnavailable, InternalError, ProducerFenced
from faust_cdc.kafka import topics
from faust_cdc.kafka.errors import translate_kafka_error
from faust_cdc.kafka.producer import TransactionalProducer
from faust_cdc.kafka.strong_read import read_last
from faust_cdc.kafka.task_producer import MOVES, ProducerState
from faust_cdc.kafka.topics import INTERNAL_TOPIC, TopicSpec, ensure_topics
from faust_cdc.offsets import SourceOffset, SourcePartition
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.transaction_writer import CommitLimits, TransactionWriter
from tests.lab import KafkaBroker
from tests.oracle.topics import RawRecord, TopicReader

QUEUE = 8 * 1024 * 1024


@contextmanager
def producer(kafka: KafkaBroker, transactional_id: str) -> Iterator[TransactionalProducer]:
    made = TransactionalProducer({"bootstrap.servers": kafka.bootstrap}, transactional_id, QUEUE)
    try:
        made.init()
        yield made
    finally:
        made.close()


def topic(kafka: KafkaBroker, partitions: int = 1) -> str:
    name = f"t-{uuid4().hex[:10]}"
    ensure_topics({"bootstrap.servers": kafka.bootstrap}, [TopicSpec(name, partitions)])
    return name


def visible(kafka: KafkaBroker, name: str) -> list[RawRecord]:
    with TopicReader(kafka.bootstrap) as reader:
        return reader.read_new([name])


def test_every_pair_of_producer_states() -> None:
    for start, to in itertools.product(ProducerState, ProducerState):
        made = TransactionalProducer({"bootstrap.servers": "127.0.0.1:1"}, "x", QUEUE)
        made._state = start
        if to in MOVES[start]:
            made._move(to)
            assert made.state is to
        else:
            with pytest.raises(InternalError, match="illegal move"):
                made._move(to)


def test_every_kafka_error_has_a_place_in_the_tree() -> None:
    codes = [code for name in dir(KafkaError) if name.isupper() and isinstance(code := getattr(KafkaError, name), int)]
    assert len(codes) > 100
    for code in codes:
        error = translate_kafka_error(KafkaError(code), "Testing")
        assert str(error).startswith("Testing: ")
    assert isinstance(translate_kafka_error(KafkaError(KafkaError._FENCED), "x"), ProducerFenced)
    assert isinstance(translate_kafka_error(KafkaError(KafkaError._TRANSPORT), "x"), BrokerUnavailable)
    forbidden = translate_kafka_error(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), "Delivering to shop")
    assert isinstance(forbidden, BrokerRefused)
    assert "include.schema.changes=false" in str(forbidden)


def test_a_broker_that_is_away_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "REQUEST_TIMEOUT_S", 1.0)
    with pytest.raises(BrokerUnavailable):
        ensure_topics({"bootstrap.servers": "127.0.0.1:9", "log_level": "0"}, [TopicSpec("x")])


@pytest.mark.integration
def test_a_newer_owner_fences_the_older_and_its_open_transaction_is_gone(kafka: KafkaBroker) -> None:
    name, key, who = topic(kafka), b"k", f"id-{uuid4().hex}"
    with producer(kafka, who) as old:
        old.begin()
        old.produce(name, key, b"committed", [])
        old.commit()
        old.begin()
        old.produce(name, key, b"open", [])
        with producer(kafka, who):
            assert read_last({"bootstrap.servers": kafka.bootstrap}, name, 0, key) == b"committed"
            with pytest.raises(ProducerFenced) as caught:
                old.commit()
            assert caught.value.remedy is not None
            assert old.state is ProducerState.FATAL


@pytest.mark.integration
def test_a_fenced_owner_whose_commit_meets_a_new_partition_hears_that_it_is_fenced(kafka: KafkaBroker) -> None:
    """The client then raises in the middle of serving a delivery report, which Python calls a SystemError."""
    first, second, who = topic(kafka), topic(kafka), f"id-{uuid4().hex}"
    with producer(kafka, who) as old:
        old.begin()
        old.produce(first, b"k", b"1", [])
        old._producer.flush(30)
        with producer(kafka, who):
            old.produce(second, b"k", b"2", [])
            with pytest.raises(ProducerFenced):
                old.commit()
        assert old.state is ProducerState.FATAL


def produce_for(seconds: float, made: TransactionalProducer, name: str) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        made.produce(name, b"k", b"2", [])
        time.sleep(0.05)


@pytest.mark.integration
def test_a_fenced_owner_that_only_produces_hears_that_it_is_fenced(kafka: KafkaBroker) -> None:
    """As after SIGSTOP: librdkafka learns of the fencing in the background and answers `produce` with _FATAL."""
    name, who = topic(kafka), f"id-{uuid4().hex}"
    with producer(kafka, who) as old:
        old.begin()
        old.produce(name, b"k", b"1", [])
        with producer(kafka, who), pytest.raises(ProducerFenced):
            produce_for(90, old, name)
        assert old.state is ProducerState.FATAL


def await_written(kafka: KafkaBroker, name: str, serve: Callable[[], None] = lambda: None, count: int = 1) -> None:
    """Wait until the broker has so many records, decided or not, while `serve` has a client try again."""
    deadline, found = time.monotonic() + 60, 0
    with TopicReader(kafka.bootstrap, "read_uncommitted") as reader:
        while (found := found + len(reader.read_new([name]))) < count:
            assert time.monotonic() < deadline
            serve()
            time.sleep(0.1)


@pytest.mark.integration
def test_a_neighbours_open_transaction_does_not_hide_our_offset(kafka: KafkaBroker) -> None:
    name, config = topic(kafka), {"bootstrap.servers": kafka.bootstrap}
    with producer(kafka, f"a-{name}") as ours, producer(kafka, f"b-{name}") as neighbour:
        neighbour.begin()
        neighbour.produce(name, b"other", b"1", [])
        await_written(kafka, name)
        ours.begin()
        ours.produce(name, b"k", b"42", [])
        ours.commit()
        decided = threading.Event()

        def decide() -> None:
            decided.set()
            neighbour.commit()

        timer = threading.Timer(1.0, decide)
        timer.start()
        assert read_last(config, name, 0, b"k") == b"42"
        assert decided.is_set(), "it must have waited for the neighbour"
        timer.join()


@pytest.mark.integration
def test_read_last_of_an_empty_partition_a_missing_key_and_a_tombstone(kafka: KafkaBroker) -> None:
    name, config = topic(kafka), {"bootstrap.servers": kafka.bootstrap}
    assert read_last(config, name, 0, b"k") is None
    with producer(kafka, f"c-{name}") as ours:
        ours.begin()
        ours.produce(name, b"k", b"1", [])
        ours.produce(name, b"gone", b"1", [])
        ours.produce(name, b"gone", None, [])
        ours.commit()
    assert read_last(config, name, 0, b"k") == b"1"
    assert read_last(config, name, 0, b"gone") is None
    assert read_last(config, name, 0, b"never") is None


@pytest.mark.integration
def test_an_open_source_transaction_is_never_committed(kafka: KafkaBroker) -> None:
    data, offsets = topic(kafka), topic(kafka)
    partition = SourcePartition("c", "s")
    with producer(kafka, f"w-{data}") as made:
        writer = TransactionWriter(made, partition, offsets, 0, CommitLimits(records_max=3))
        for number in range(2):
            writer.write(ChangeRecord(data, b"k", b"%d" % number, []))
        writer.end_source_transaction(lambda: SourceOffset("binlog.000001", 100), source_us=1)
        writer.write(ChangeRecord(data, b"k", b"half", []))
        assert writer.is_full()
        assert not writer.has_complete_work
        writer.commit()
        assert made.state is ProducerState.IN_TRANSACTION, "half a source transaction must wait for its end"
        writer.end_source_transaction(lambda: SourceOffset("binlog.000001", 200), source_us=2)
        writer.commit()
        assert [record.value for record in visible(kafka, data)] == [b"0", b"1", b"half"]
        (stored,) = visible(kafka, offsets)
        assert stored.key == partition.key()
        assert SourceOffset.from_json(stored.value or b"", "c").pos == 200
        assert writer.counters.source_transactions == 2
        assert writer.counters.kafka_transactions == 1


@pytest.mark.integration
def test_a_record_above_the_broker_limit_fails_the_commit_and_nothing_is_visible(kafka: KafkaBroker) -> None:
    name = f"small-{uuid4().hex[:8]}"
    ensure_topics({"bootstrap.servers": kafka.bootstrap}, [TopicSpec(name, 1, config={"max.message.bytes": "2000"})])
    data = {"bootstrap.servers": kafka.bootstrap, "compression.type": "none"}
    made = TransactionalProducer(data, f"big-{name}", QUEUE)
    made.init()
    try:
        made.begin()
        made.produce(name, b"k", b"fits", [])
        made.produce(name, b"k", b"x" * 50_000, [])
        with pytest.raises(Exception) as caught:
            made.commit()
        assert "MSG_SIZE_TOO_LARGE" in str(caught.value) or "too large" in str(caught.value).lower()
        assert f"50001 bytes to {name} (max.message.bytes is 2000)" in str(caught.value)
    finally:
        made.close()
    assert visible(kafka, name) == []


@pytest.mark.integration
def test_an_internal_topic_that_would_lose_records_is_refused(kafka: KafkaBroker) -> None:
    name, config = topic(kafka), {"bootstrap.servers": kafka.bootstrap}
    with pytest.raises(BrokerRefused, match=r"cleanup\.policy=delete, expected compact"):
        ensure_topics(config, [TopicSpec(name, must_be_compacted=True)])


async def unpacked(bootstrap: str, name: str, count: int) -> list[bytes | None]:
    """Read `count` records as the worker's Faust tables do: with aiokafka, which knows no lz4 without cramjam."""
    partition = TopicPartition(name, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        found: list[bytes | None] = []
        deadline = time.monotonic() + 60
        while len(found) < count and time.monotonic() < deadline:
            batches = await consumer.getmany(partition, timeout_ms=1000)
            found += [record.value for record in batches.get(partition, ())]
        return found
    finally:
        await consumer.stop()


@pytest.mark.integration
def test_offsets_in_packed_batches_are_readable_for_the_workers_tables(kafka: KafkaBroker) -> None:
    name, value = f"t-{uuid4().hex[:10]}", b'{"gtids":"' + b"a" * 400 + b'"}'
    ensure_topics({"bootstrap.servers": kafka.bootstrap}, [TopicSpec(name, 1, 1, INTERNAL_TOPIC)])
    with producer(kafka, f"x-{uuid4()}") as made:
        made.begin()
        for _ in range(50):  # together they are worth packing; a single offset is not
            made.produce(name, b"k", value, [])
        made.commit()
    assert asyncio.run(unpacked(kafka.bootstrap, name, 50)) == [value] * 50
