"""Connections cut at every request of a transaction, brokers killed and paused: each record once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from uuid import uuid4

import pytest
from confluent_kafka.admin import NewTopic

from faust_cdc.errors import BrokerUnavailable, CdcError
from faust_cdc.kafka.direct import Row
from faust_cdc.kafka.task_producer import COMMIT_TIMEOUT_S, ProducerState
from faust_cdc.kafka.wire import producer as wire_producer
from faust_cdc.kafka.wire.producer import WireProducer
from tests.kafka.test_transactions import await_written, topic, visible
from tests.kafka.wire.brokers import NEW, OLD, ProxiedKafka, SecondBroker
from tests.lab import KafkaBroker
from tests.lab.process import wait_until

pytestmark = pytest.mark.integration
QUEUE = 8 * 1024 * 1024
REQUESTS = ("ApiVersions", "Metadata", "FindCoordinator", "InitProducerId", "AddPartitionsToTxn", "Produce", "EndTxn")


def through_proxy(broker: ProxiedKafka, who: str, **options: str) -> WireProducer:
    settings = {name.replace("_", "."): value for name, value in options.items()}
    return WireProducer({"bootstrap.servers": broker.proxied, **settings}, who, QUEUE)


def write(made: WireProducer, name: str, number: int) -> None:
    made.begin()
    for count in range(30):
        made.produce(name, b"%d" % count, b"%d-%d" % (number, count), [])
    made.commit()


def values(broker: KafkaBroker, name: str) -> list[bytes | None]:
    return sorted(record.value for record in visible(broker, name))  # type: ignore[type-var]


def expected(*numbers: int) -> list[bytes]:
    return sorted(b"%d-%d" % (number, count) for number in numbers for count in range(30))


@pytest.mark.parametrize("loses_answer", [False, True], ids=["request lost", "answer lost"])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_a_connection_cut_at_any_request_changes_nothing(
    broker: ProxiedKafka, request_name: str, loses_answer: bool
) -> None:
    if request_name == "AddPartitionsToTxn" and broker.kind == NEW:
        request_name = "Produce"  # which adds them there
    name, made = topic(broker, 2), through_proxy(broker, f"x-{uuid4()}")
    try:
        first = broker.proxy.fail(request_name, loses_answer=loses_answer, times=2)
        made.init()
        write(made, name, 0)
        assert first.done.is_set()
        second = broker.proxy.fail(request_name, loses_answer=loses_answer)
        write(made, name, 1)
        if request_name in ("AddPartitionsToTxn", "Produce", "EndTxn"):
            assert second.done.is_set()
        write(made, name, 2)
    finally:
        broker.proxy.heal()
        made.close()
    assert values(broker, name) == expected(0, 1, 2)


@pytest.mark.parametrize("loses_answer", [False, True], ids=["request lost", "answer lost"])
def test_a_connection_cut_at_an_abort_lets_the_next_transaction_be(broker: ProxiedKafka, loses_answer: bool) -> None:
    name, made = topic(broker), through_proxy(broker, f"x-{uuid4()}", linger_ms="0")
    try:
        made.init()
        for number in range(3):
            made.begin()
            made.produce(name, b"k", b"aborted", [])
            made.serve()
            fault = broker.proxy.fail("EndTxn", loses_answer=loses_answer)
            made.abort()
            assert fault.done.is_set()
            write(made, name, number)
    finally:
        broker.proxy.heal()
        made.close()
    assert values(broker, name) == expected(0, 1, 2)


def test_an_abort_of_what_the_coordinator_never_heard_of_leaves_the_producer_as_it_is(broker: ProxiedKafka) -> None:
    """The task is to stop while its first request of a transaction does not get through."""
    stops: list[bool] = []
    name, options = topic(broker), {"bootstrap.servers": broker.proxied, "linger.ms": "0"}
    made = WireProducer(options, f"x-{uuid4()}", QUEUE, lambda: bool(stops))
    try:
        made.init()
        write(made, name, 0)
        lost = broker.proxy.fail("AddPartitionsToTxn" if broker.kind == OLD else "Produce", loses_answer=False, times=1)
        made.begin()
        made.produce(name, b"k", b"aborted", [])
        stops.append(True)
        with suppress(BrokerUnavailable):
            made.serve()
        wait_until(lambda: pumped(made) and lost.done.is_set(), timeout_s=60, what="the request is lost")
        made.abort()
        assert made.state is ProducerState.READY
        stops.clear()
        write(made, name, 1)
    finally:
        broker.proxy.heal()
        made.close()
    assert values(broker, name) == expected(0, 1)


def pumped(made: WireProducer) -> bool:
    """Have the producer write and read."""
    made._cluster.pump(0.05)
    return True


def test_what_is_late_does_not_land_behind_the_abort(broker: ProxiedKafka) -> None:
    """A Produce is under way somewhere when its transaction is aborted, and reaches the broker after that."""
    name, made = topic(broker), through_proxy(broker, f"x-{uuid4()}", linger_ms="0")
    try:
        made.init()
        write(made, name, 0)
        hold = broker.proxy.hold("Produce")
        made.begin()
        made.produce(name, b"k", b"late", [])
        made.serve()
        assert hold.held.wait(60)
        made.abort()
        hold.released.set()
        assert hold.answered.wait(60)
        write(made, name, 1)
    finally:
        broker.proxy.heal()
        made.close()
    assert values(broker, name) == expected(0, 1)


def test_a_commit_that_arrives_late_does_not_commit_the_next_transaction(broker: ProxiedKafka) -> None:
    """An EndTxn is under way somewhere when it is asked again, and reaches the broker in the next transaction."""
    name, made = topic(broker), through_proxy(broker, f"x-{uuid4()}")
    try:
        made.init()
        hold = broker.proxy.hold("EndTxn")
        write(made, name, 0)
        assert hold.held.is_set()
        made.begin()
        made.produce(name, b"k", b"aborted", [])
        made._dispatch(everything=True)
        await_written(broker, name, made.serve, count=31)
        hold.released.set()
        assert hold.answered.wait(60)
        made.abort()
        write(made, name, 1)
    finally:
        broker.proxy.heal()
        made.close()
    assert values(broker, name) == expected(0, 1)


def test_an_abort_that_cannot_know_what_arrived_ends_the_producer(
    broker_of: Callable[[str], ProxiedKafka], monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = broker_of(OLD)
    name, who = topic(broker), f"x-{uuid4()}"
    made = through_proxy(broker, who, linger_ms="0")
    monkeypatch.setattr(wire_producer, "ABORT_TIMEOUT_S", 1.0)
    try:
        made.init()
        broker.proxy.fail("Produce", loses_answer=True, times=10_000)
        made.begin()
        made.produce(name, b"k", b"lost", [])
        made.serve()
        with pytest.raises(BrokerUnavailable, match="records under way may still arrive"):
            made.abort()
        assert made.state is ProducerState.FATAL
    finally:
        broker.proxy.heal()
        made.close()
    after = through_proxy(broker, who)
    try:
        after.init()
        write(after, name, 1)
    finally:
        after.close()
    assert values(broker, name) == expected(1)


def test_a_commit_whose_fate_is_unknown_ends_the_producer_and_the_next_has_it_decided(
    broker: ProxiedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, who = topic(broker), f"x-{uuid4()}"
    made = through_proxy(broker, who)
    monkeypatch.setattr(wire_producer, "COMMIT_TIMEOUT_S", 1.5)
    try:
        made.init()
        broker.proxy.fail("EndTxn", loses_answer=True, times=10_000)
        with pytest.raises(BrokerUnavailable):
            write(made, name, 0)
        assert made.state is ProducerState.FATAL
    finally:
        broker.proxy.heal()
        made.close()
    after = through_proxy(broker, who)
    try:
        after.init()  # returns when it is decided: the broker had been told to commit
        write(after, name, 1)
    finally:
        after.close()
    assert values(broker, name) == expected(0, 1)


class Writing(threading.Thread):
    """A transaction written in a thread, as a task does."""

    def __init__(self, made: WireProducer, name: str, number: int) -> None:
        super().__init__(daemon=True)
        self._work = (made, name, number)
        self.error: CdcError | None = None
        self.start()

    def run(self) -> None:
        try:
            write(*self._work)
        except CdcError as error:
            self.error = error


def test_a_broker_that_stood_still_has_every_record_once(broker: ProxiedKafka) -> None:
    name, made = topic(broker), through_proxy(broker, f"x-{uuid4()}", request_timeout_ms="1000")
    try:
        made.init()
        write(made, name, 0)
        broker.pause()
        try:
            writing = Writing(made, name, 1)
            wait_until(lambda: "no answer" in made._cluster.problem, timeout_s=60, what="a request timed out")
        finally:
            broker.resume()
        writing.join(120)
        assert not writing.is_alive()
        assert writing.error is None
        write(made, name, 2)
    finally:
        made.close()
    assert values(broker, name) == expected(0, 1, 2)


def test_a_broker_killed_in_a_transaction_has_every_record_once(broker: ProxiedKafka) -> None:
    name, who = topic(broker), f"x-{uuid4()}"
    made = through_proxy(broker, who, linger_ms="0")
    try:
        made.init()
        write(made, name, 0)
        made.begin()
        made.produce(name, b"k", b"1-0", [])
        made.serve()
        broker.kill()
        began = time.monotonic()
        restart = threading.Thread(target=broker.restart, daemon=True)
        restart.start()
        for count in range(1, 30):
            made.produce(name, b"k", b"1-%d" % count, [])
        made.commit()
        assert time.monotonic() - began < COMMIT_TIMEOUT_S
        restart.join(240)
        write(made, name, 2)
    finally:
        made.close()
    assert values(broker, name) == expected(0, 1, 2)


@pytest.fixture
def alone() -> Iterator[KafkaBroker]:
    """A broker for one test: topics of others must not come to a second one that is killed."""
    with KafkaBroker() as broker:
        yield broker


def test_a_leader_that_is_killed_is_followed_to_the_next(alone: KafkaBroker) -> None:
    name, made = f"moved-{uuid4().hex[:8]}", WireProducer({"bootstrap.servers": alone.bootstrap}, f"x-{uuid4()}", QUEUE)
    try:
        made.init()  # the transactions' topic is then on the first node
        with SecondBroker(alone) as second:
            admin = alone.admin()
            admin.create_topics([NewTopic(name, num_partitions=1, replica_assignment=[[2, 1]])])[name].result(60)
            write(made, name, 0)
            assert made._cluster.topics[name].leaders == [2]
            made.begin()
            rows: list[Row] = [(made.topic_number(name), b"%d" % n, b"1-%d" % n) for n in range(30)]
            made.produce_rows(rows, 0, 15, [])
            made._dispatch(everything=True)
            second.kill()
            made.produce_rows(rows, 15, 30, [])
            made.commit()
            assert made._cluster.topics[name].leaders == [1]
            write(made, name, 2)
    finally:
        made.close()
    assert values(alone, name) == expected(0, 1, 2)
