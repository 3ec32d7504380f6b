"""Our own producer on real brokers: the records that librdkafka's makes, transactions, fencing, bounds, refusals."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from faust_cdc.errors import AbortableError, BrokerRefused, CdcError, ProducerFenced, SourceRefused
from faust_cdc.kafka.direct import Row
from faust_cdc.kafka.producer import TransactionalProducer
from faust_cdc.kafka.task_producer import Headers, ProducerState, TaskProducer, owned
from faust_cdc.kafka.topics import INTERNAL_TOPIC, TopicSpec, ensure_topics
from faust_cdc.kafka.wire.deliveries import SEQUENCE_MASK
from faust_cdc.kafka.wire.packing import CODECS
from faust_cdc.kafka.wire.producer import WireProducer
from tests.kafka.test_transactions import await_written, topic, unpacked, visible
from tests.kafka.wire.brokers import NEW, OLD, ProxiedKafka
from tests.kafka.wire.frames import APIS
from tests.lab import KafkaBroker

pytestmark = pytest.mark.integration
QUEUE = 8 * 1024 * 1024
HEADERS: Headers = [("connector", b"c"), ("empty", b""), ("none", None), ("connector", "é".encode())]


@contextmanager
def wired(kafka: KafkaBroker, who: str, queue: int = QUEUE, **options: str) -> Iterator[WireProducer]:
    settings = {"bootstrap.servers": kafka.bootstrap} | {
        name.replace("_", "."): value for name, value in options.items()
    }
    made = WireProducer(settings, who, queue)
    try:
        made.init()
        yield made
    finally:
        made.close()


def write(made: TaskProducer, first: str, second: str, rows: list[Row]) -> None:
    """One transaction: rows of two topics, of which one has two tables, then records one by one."""
    made.begin()
    numbers = [made.topic_number(first), made.topic_number(second), made.topic_number(first, ("d", "t"))]
    half = len(rows) // 2
    size = made.produce_rows([(numbers[n], key, value) for n, key, value in rows[:half]], 0, half, HEADERS)
    others = [(numbers[2 if n == 0 else 1], key, value) for n, key, value in rows[half:]]
    size += made.produce_rows([(0, b"", b""), *others], 1, len(others) + 1, [])
    assert size == sum(len(key or b"") + len(value or b"") for _, key, value in rows)
    made.produce(first, b"placed", None, HEADERS, 2)
    made.produce(second, b"hashed", b"value", [])
    made.commit()


@pytest.mark.parametrize("compression", CODECS)
def test_records_are_those_that_librdkafka_writes(broker: ProxiedKafka, compression: str) -> None:
    rows: list[Row] = [(n % 2, f"k{n}".encode(), bytes([n % 251]) * (n % 700)) for n in range(3000)]
    rows += [(1, None, b"no key"), (1, b"tombstone", None), (0, b"", b""), (0, b"random", os.urandom(70_000))]
    names = [(topic(broker, 3), topic(broker)) for _ in range(2)]
    before_ms = int(time.time() * 1000)
    options = {"compression_type": compression, "batch_size": "50000"}
    with wired(broker, f"x-{uuid4()}", QUEUE, **options) as ours:
        write(ours, *names[0], rows)
    theirs = TransactionalProducer({"bootstrap.servers": broker.bootstrap}, f"x-{uuid4()}", QUEUE)
    try:
        theirs.init()
        write(theirs, *names[1], rows)
    finally:
        theirs.close()
    for one, other in zip(*names, strict=True):
        found, expected = visible(broker, one), visible(broker, other)
        assert all(before_ms <= record.timestamp_ms <= time.time() * 1000 for record in found)
        shown = [
            {place: [(r.key, r.value, r.headers) for r in records if r.partition == place] for place in range(3)}
            for records in (found, expected)
        ]
        assert shown[0] == shown[1]
        assert len(found) > 1000


@pytest.mark.parametrize("sends", [True, False])
@pytest.mark.parametrize("opens", [True, False])
def test_an_owner_that_another_follows_hears_of_it_whatever_else_ended_it(
    broker: ProxiedKafka, opens: bool, sends: bool
) -> None:
    name, who = topic(broker), f"x-{uuid4()}"
    server_error = SourceRefused("A replica with the same server id has connected to the source.")

    def fail_in(made: TaskProducer, followed: Callable[[], None]) -> None:
        with owned(made):
            made.begin()
            made.produce(name, b"k", b"committed", [])
            made.commit()
            if opens:
                made.begin()
            if opens and sends:
                made.produce(name, b"k", b"open", [])
                made.serve()
            followed()
            raise server_error

    def follow() -> None:
        with wired(broker, who) as new:
            new.begin()

    with wired(broker, who, linger_ms="0") as alone:
        with pytest.raises(SourceRefused):
            fail_in(alone, lambda: None)
        assert alone.state is ProducerState.CLOSED
    with wired(broker, who, linger_ms="0") as old:
        with pytest.raises(ProducerFenced) as caught:
            fail_in(old, follow)
        assert caught.value.__cause__ is server_error
        assert old.state is ProducerState.CLOSED
    assert [record.value for record in visible(broker, name)] == [b"committed"] * 2


def test_a_null_key_goes_anywhere_and_a_batch_of_them_to_one_place(broker: ProxiedKafka) -> None:
    name = topic(broker, 8)
    with wired(broker, f"x-{uuid4()}") as made:
        for _ in range(20):
            made.begin()
            made.produce_rows([(made.topic_number(name), None, b"v")] * 10, 0, 10, [])
            made.commit()
    places = [record.partition for record in visible(broker, name)]
    assert len(places) == 200
    assert len(set(places)) > 1
    assert all(places.count(place) % 10 == 0 for place in set(places))


def test_only_what_is_committed_is_seen_and_the_kind_of_transaction_is_the_brokers(broker: ProxiedKafka) -> None:
    name = topic(broker, 2)
    with wired(broker, f"x-{uuid4()}") as made:
        epoch, threads = made._identity.epoch, threading.active_count()
        for number, ends in enumerate(("commit", "abort", "commit", "abort", "nothing", "commit")):
            made.begin()
            for count in range(50 if ends != "nothing" else 0):
                made.produce(name, str(count).encode(), b"%s %d" % (ends.encode(), number), [])
            if ends == "abort":
                made.serve()
                made.abort()
            else:
                made.commit()
            assert made.state is ProducerState.READY
        assert threading.active_count() <= threads, "it needs none of its own"
        assert made._identity.bumps_epoch == (broker.kind == NEW)
        # Without KIP-890 an abort of what was never sent leaves all as it was; with it each end raises the epoch.
        assert (made._identity.epoch > epoch) == (broker.kind == NEW)
    shown = [record.value or b"" for record in visible(broker, name)]
    assert sorted(shown) == sorted([b"commit 0"] * 50 + [b"commit 2"] * 50 + [b"commit 5"] * 50)


def test_an_aborted_transaction_that_was_written_is_hidden_and_the_next_is_seen(broker: ProxiedKafka) -> None:
    name = topic(broker)
    with wired(broker, f"x-{uuid4()}", linger_ms="0") as made:
        for round_trip in range(3):
            made.begin()
            made.produce(name, b"k", b"aborted %d" % round_trip, [])
            made.serve()
            await_written(broker, name, made.serve)
            made.abort()
            made.begin()
            made.produce(name, b"k", b"seen %d" % round_trip, [])
            made.commit()
    assert [record.value for record in visible(broker, name)] == [b"seen 0", b"seen 1", b"seen 2"]
    with pytest.raises(CdcError, match="illegal move"):
        made.begin()


@pytest.mark.parametrize("newer_is_ours", [True, False])
@pytest.mark.parametrize("older_is_ours", [True, False])
def test_the_newer_owner_fences_the_older_whichever_they_are(
    broker: ProxiedKafka, older_is_ours: bool, newer_is_ours: bool
) -> None:
    name, who = topic(broker), f"x-{uuid4()}"
    data = {"bootstrap.servers": broker.bootstrap}
    older, newer = (
        (WireProducer if is_ours else TransactionalProducer)(data, who, QUEUE)
        for is_ours in (older_is_ours, newer_is_ours)
    )
    try:
        older.init()
        older.begin()
        older.produce(name, b"k", b"older", [])
        newer.init()
        newer.begin()
        newer.produce(name, b"k", b"newer", [])
        newer.commit()
        with pytest.raises(ProducerFenced) as caught:
            older.commit()
        assert caught.value.remedy is not None
        assert older.state is ProducerState.FATAL
        newer.begin()
        newer.produce(name, b"k", b"newer again", [])
        newer.commit()
    finally:
        older.close()
        newer.close()
    assert [record.value for record in visible(broker, name)] == [b"newer", b"newer again"]


def test_a_record_larger_than_its_topic_takes_fails_the_commit_and_is_named(broker: ProxiedKafka) -> None:
    name = f"small-{uuid4().hex[:8]}"
    broker.create_topic(name, 1, {"max.message.bytes": "2000"})
    with wired(broker, f"x-{name}", compression_type="none") as made:
        made.begin()
        made.produce_rows([(made.topic_number(name), b"k", bytes(n)) for n in (4, 50_000, 2)], 0, 3, [])
        for _ in range(2):
            with pytest.raises(CdcError, match=f"50001 bytes to {name}.*is 2000.*MSG_SIZE_TOO_LARGE"):
                made.serve() if made.state is ProducerState.COMMITTING else made.commit()
        made.abort()
        made.begin()
        made.produce(name, b"k", b"fits", [])
        made.commit()
    assert [record.value for record in visible(broker, name)] == [b"fits"]


def test_a_record_larger_than_the_client_sends_is_refused_by_name(broker: ProxiedKafka) -> None:
    name = topic(broker)
    with wired(broker, f"x-{name}", message_max_bytes="2000") as made:
        made.begin()
        with pytest.raises(BrokerRefused, match=f"record of 5001 bytes to {name} .max.request.size is 2000.*TOO_LARGE"):
            made.produce_rows([(made.topic_number(name), b"k", bytes(n)) for n in (4, 5000)], 0, 2, [])
        with pytest.raises(BrokerRefused, match="5001 bytes"):
            made.produce(name, b"k", bytes(5000), [])


def test_a_full_queue_makes_the_caller_wait_and_a_larger_row_has_room(broker: ProxiedKafka) -> None:
    name = f"large-{uuid4().hex[:8]}"
    broker.create_topic(name, 1, {"max.message.bytes": "5000000"})
    with wired(broker, f"x-{name}", queue=1 << 20, message_max_bytes="4500000", compression_type="none") as made:
        rows: list[Row] = [
            (made.topic_number(name), b"%d" % n, os.urandom(4_000_000 if n % 50 == 7 else 3000)) for n in range(300)
        ]
        made.begin()
        held = 0
        for at in range(len(rows)):
            made.produce_rows(rows, at, at + 1, HEADERS)
            held = max(held, made._batches.size + made._deliveries.bytes)
        made.commit()
    assert held < (1 << 20) + 4_100_000
    assert [(record.key, record.value) for record in visible(broker, name)] == [row[1:] for row in rows]


def bytes_taken(made: TaskProducer, at_most: int) -> int:
    """Produce until the task is stopped for a full queue."""
    taken = 0
    while taken < at_most:
        try:
            taken += made.produce_rows([(0, b"k", bytes(1000))] * 500, 0, 500, [])
        except AbortableError:
            break
    return taken


def test_what_is_packed_counts_as_what_it_was(broker: ProxiedKafka) -> None:
    """Its memory does too. Behind a broker that stands still the bound is on what was produced."""
    name, stops = topic(broker), [False]
    options = {"bootstrap.servers": broker.bootstrap, "linger.ms": "0"}
    made = WireProducer(options, f"x-{name}", 1 << 20, lambda: stops[0])
    made.init()
    made.begin()
    made.produce(name, b"k", b"first", [])
    made.serve()
    await_written(broker, name, made.serve)
    broker.pause()
    try:
        stops[0] = True
        taken = bytes_taken(made, at_most=100 << 20)
    finally:
        broker.resume()
        made.close()
    assert taken <= 1 << 20


def test_a_full_queue_without_a_broker_ends_when_the_task_is_to_stop(broker: ProxiedKafka) -> None:
    name = topic(broker)
    stops: list[bool] = []
    made = WireProducer({"bootstrap.servers": broker.proxied}, f"x-{name}", 10_000, lambda: bool(stops))
    made.init()
    made.begin()
    made.produce(name, b"k", b"first", [])
    broker.proxy.fail("Produce", loses_answer=False, times=10_000)
    stops.append(True)
    try:
        with pytest.raises(AbortableError, match="Stopped while Kafka took no more"):
            made.produce_rows([(0, b"k", bytes(1000))] * 50, 0, 50, [])
    finally:
        broker.proxy.heal()
        made.close()
    assert visible(broker, name) == []


def test_a_topic_that_is_not_there_is_refused_by_name_or_made(broker: ProxiedKafka) -> None:
    with wired(broker, f"x-{uuid4()}") as made:
        made.begin()
        with pytest.raises(BrokerRefused, match="no/such"):
            made.produce("no/such", b"k", b"v", [])
        name = f"made-{uuid4().hex[:8]}"
        made.produce(name, b"k", b"v", [])
        with pytest.raises(BrokerRefused, match=f"partition 7 of {name}"):
            made.produce(name, b"k", b"v", [], 7)
        made.commit()
    assert [record.value for record in visible(broker, name)] == [b"v"]


def test_a_topic_without_records_is_not_made(broker: ProxiedKafka) -> None:
    some, none = f"made-{uuid4().hex[:8]}", f"none-{uuid4().hex[:8]}"
    with wired(broker, f"x-{uuid4()}") as made:
        made.begin()
        made.topic_number(none)
        made.produce(some, b"k", b"v", [])
        made.commit()
        made.begin()
        made._cluster.refresh_unawaited()
        made.produce(some, b"k", b"w", [])
        made.commit()
    assert [name for name in broker.topics() if name in (some, none)] == [some]


def test_sequences_go_on_behind_the_largest(broker_of: Callable[[str], ProxiedKafka]) -> None:
    broker = broker_of(OLD)  # with KIP-890 each transaction begins at 0
    name = topic(broker)
    with wired(broker, f"x-{uuid4()}") as made:
        for number in range(12):
            made.begin()
            if number == 0:
                made.produce(name, b"k", b"0", [])
                (batch,) = made._batches.take(True)
                made._deliveries.add(name, batch)
                made._deliveries.sequences[made._deliveries._queues[name, 0]] = SEQUENCE_MASK - 3
            else:
                made.produce(name, b"k", b"%d" % number, [])
            made.commit()
        assert list(made._deliveries.sequences.values()) == [8]
    assert [record.value for record in visible(broker, name)] == [b"%d" % number for number in range(12)]


def test_a_first_transaction_asks_once_for_what_the_broker_knows(broker: ProxiedKafka) -> None:
    name = topic(broker)
    for bootstrap in (broker.bootstrap, broker.proxied):  # the first has the broker know the topic
        before = len(broker.proxy.seen)
        made = WireProducer({"bootstrap.servers": bootstrap}, f"x-{uuid4()}", QUEUE)
        try:
            made.init()
            made.begin()
            made.produce(name, b"k", b"v", [])
            made.commit()
        finally:
            made.close()
    assert broker.proxy.seen[before:].count(APIS["Metadata"]) == 1


def test_an_idle_connection_that_the_broker_ended_is_opened_anew(broker: ProxiedKafka) -> None:
    name = topic(broker)
    made = WireProducer({"bootstrap.servers": broker.proxied}, f"x-{name}", QUEUE)
    try:
        made.init()
        for number in range(4):
            made.begin()
            if number % 2:
                broker.proxy.cut_all()  # within the transaction, or before it
            made.produce(name, b"k", b"%d" % number, [])
            made.commit()
            broker.proxy.cut_all()
    finally:
        made.close()
    assert [record.value for record in visible(broker, name)] == [b"0", b"1", b"2", b"3"]


def test_packed_offsets_are_readable_for_the_workers_tables(broker: ProxiedKafka) -> None:
    name, value = f"t-{uuid4().hex[:10]}", b'{"gtids":"' + b"a" * 400 + b'"}'
    ensure_topics({"bootstrap.servers": broker.bootstrap}, [TopicSpec(name, 1, 1, INTERNAL_TOPIC)])
    with wired(broker, f"x-{uuid4()}") as made:
        made.begin()
        for _ in range(50):
            made.produce(name, b"k", value, [])
        made.commit()
    assert asyncio.run(unpacked(broker.bootstrap, name, 50)) == [value] * 50
