"""The topic of the Kafka signal channel: where reading begins, what is committed, and two connectors on one topic."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from faust_cdc.config.signalling import SignalSettings
from faust_cdc.kafka import signal_topic
from faust_cdc.kafka.signal_topic import SignalRecord, SignalTopic
from faust_cdc.kafka.topics import TopicSpec, ensure_topics
from faust_cdc.signals.channels import ConnectorChannels
from faust_cdc.signals.queue import CommandQueue
from faust_cdc.signals.signal import TaskCommand
from tests.lab import KafkaBroker

pytestmark = pytest.mark.integration

DEADLINE_S = 60.0


class Task:
    """A task's queue without its thread."""

    def __init__(self) -> None:
        self.queue = CommandQueue()
        self.takes = True

    @property
    def commands_taken(self) -> int:
        return self.queue.taken

    def submit(self, command: TaskCommand) -> int | None:
        return self.queue.submit(command) if self.takes else None


class Topic:
    """A topic of a test's own."""

    def __init__(self, kafka: KafkaBroker) -> None:
        self.name = f"signals-{uuid4().hex[:8]}"
        self.client = {"bootstrap.servers": kafka.bootstrap}
        self.producer = Producer(self.client)

    def make(self) -> None:
        ensure_topics(self.client, [TopicSpec(self.name, 1)])

    def write(self, *records: tuple[str | None, str | None]) -> None:
        for key, value in records:
            self.producer.produce(self.name, value, key, partition=0)
        assert self.producer.flush(60) == 0

    def log(self, identity: str, key: str = "shop") -> tuple[str, str]:
        return key, f'{{"id":"{identity}","type":"log","data":{{"message":"m"}}}}'

    @contextmanager
    def reader(self, group: str, predecessor: str | None = None) -> Iterator[SignalTopic]:
        topic = SignalTopic(self.client, self.name, group, predecessor)
        try:
            yield topic
        finally:
            topic.close()

    @contextmanager
    def channels(self, task: Task, server: str = "shop", group: str = "g") -> Iterator[ConnectorChannels]:
        settings = SignalSettings(channels=frozenset({"kafka"}), poll_interval_ms=1)
        channels = ConnectorChannels(server, server, task, settings, lambda: SignalTopic(self.client, self.name, group))
        try:
            yield channels
        finally:
            channels.close()


def read(topic: SignalTopic, count: int) -> list[SignalRecord]:
    """Return the next `count` records, and see that there is no more."""
    deadline, found = time.monotonic() + DEADLINE_S, list[SignalRecord]()
    while len(found) < count:
        found += topic.read(0.2)
        assert time.monotonic() < deadline, found
    assert topic.read(0.5) == []
    assert len(found) == count
    return found


def look(channels: ConnectorChannels, task: Task, count: int) -> list[str]:
    """Look until `count` commands came; return their ids."""
    deadline, found = time.monotonic() + DEADLINE_S, list[TaskCommand]()
    while len(found) < count:
        channels.look()
        while (command := task.queue.next) is not None:
            found.append(command)
            task.queue.carried_out()
        task.queue.committed()
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    channels.look()
    return [command.id for command in found]


def test_it_is_read_from_its_start_then_from_where_was_committed(kafka: KafkaBroker) -> None:
    topic = Topic(kafka)
    topic.make()
    topic.write(topic.log("a"), topic.log("b"), topic.log("c"))
    with topic.reader("g") as reader:
        records = read(reader, 3)
        assert [record.key for record in records] == [b"shop"] * 3
        reader.commit(records[0].kafka_offset + 1)
    with topic.reader("g") as reader:
        assert read(reader, 2) == records[1:]
    with topic.reader("other") as reader:
        assert read(reader, 3) == records


def test_a_first_start_takes_over_where_the_shared_group_stood(kafka: KafkaBroker) -> None:
    topic = Topic(kafka)
    topic.make()
    topic.write(topic.log("a"), topic.log("b"))
    with topic.reader("kafka-signal") as debezium:
        debezium.commit(read(debezium, 2)[0].kafka_offset + 1)
    with topic.reader("kafka-signal-shop", "kafka-signal") as reader:
        (record,) = read(reader, 1)
        reader.commit(record.kafka_offset + 1)
    with topic.reader("kafka-signal-shop", "kafka-signal") as reader:
        assert read(reader, 0) == []


def test_a_topic_that_is_made_later_is_read_from_its_start(
    kafka: KafkaBroker, caplog: pytest.LogCaptureFixture
) -> None:
    topic = Topic(kafka)
    with topic.reader("g") as reader:
        for _ in range(5):
            assert reader.read(0.2) == []
        topic.make()
        topic.write(topic.log("a"))
        read(reader, 1)
    assert sum("is looked at again" in message for message in caplog.messages) <= 1


def test_a_broker_that_is_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal_topic, "REQUEST_TIMEOUT_S", 1.0)
    topic = SignalTopic({"bootstrap.servers": "127.0.0.1:1", "log_level": "0"}, "t", "g")
    topic.commit(1)
    assert topic.read(0.1) == []
    topic.close()


def test_signals_with_our_key_reach_the_task_once(kafka: KafkaBroker) -> None:
    topic, task = Topic(kafka), Task()
    topic.make()
    topic.write(
        topic.log("a"), topic.log("x", "other"), (None, None), ("shop", None), ("shop", "no json"), topic.log("b")
    )
    with topic.channels(task) as channels:
        first, unreadable, last = look(channels, task, 3)
        assert (first, last) == ("a", "b")
        assert unreadable not in {"x", "shop", "other"}, "what is no signal is told of under an id of its own"
    topic.write(topic.log("c"))
    with topic.channels(task) as channels:
        assert look(channels, task, 1) == ["c"]


def test_what_a_task_did_not_take_comes_again(kafka: KafkaBroker) -> None:
    topic, task = Topic(kafka), Task()
    topic.make()
    topic.write(topic.log("a"), topic.log("b"))
    with topic.channels(task) as channels:
        deadline = time.monotonic() + DEADLINE_S
        while not task.queue:
            channels.look()
            assert time.monotonic() < deadline
    task = Task()  # the task was lost with its queue
    task.takes = False
    with topic.channels(task) as channels:
        for _ in range(10):
            channels.look()
            time.sleep(0.05)
        assert not task.queue
        task.takes = True
        assert look(channels, task, 2) == ["a", "b"]


def test_two_connectors_share_a_topic(kafka: KafkaBroker) -> None:
    topic, shop, bank = Topic(kafka), Task(), Task()
    topic.make()
    topic.write(topic.log("a"), topic.log("b", "bank"))
    with topic.channels(shop, "shop", "kafka-signal-shop") as channels:
        assert look(channels, shop, 1) == ["a"]
    with topic.channels(bank, "bank", "kafka-signal-bank") as channels:
        assert look(channels, bank, 1) == ["b"]
