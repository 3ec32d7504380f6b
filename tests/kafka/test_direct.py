"""Rows through the C extension: the records that `produce` makes, back-pressure, refusals, failures, the end."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from faust_cdc.errors import CdcError
from faust_cdc.kafka import direct
from faust_cdc.kafka.direct import PLUGINS, DirectRows, Row, with_plugin
from faust_cdc.kafka.producer import TransactionalProducer
from faust_cdc.kafka.queue_bounds import queue_bounds
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.transcode.compiled import is_compiled
from tests.kafka.test_transactions import producer, topic, visible
from tests.lab import KafkaBroker

HEADERS: Headers = [("connector", b"c"), ("empty", b""), ("none", None), ("connector", "é".encode())]
NOWHERE = {"bootstrap.servers": "127.0.0.1:1", "log_level": "0"}


def test_it_is_there_wherever_the_hot_path_is() -> None:
    assert (direct.extension() is not None) == is_compiled()


def rows_of_nobody(**options: int) -> tuple[Producer, DirectRows]:
    made = Producer({**NOWHERE, PLUGINS: with_plugin(""), **options})
    rows = DirectRows.of(made)
    assert rows is not None
    rows.use(["t"], [])
    return made, rows


def test_only_rows_as_agreed_are_taken() -> None:
    made, rows = rows_of_nobody()
    with pytest.raises(IndexError, match="no topic 1"):
        rows.produce([(0, b"k", b"v"), (1, b"k", b"v")], 0, 2)
    with pytest.raises(IndexError, match="no such records"):
        rows.produce([(0, b"k", b"v")], 0, 2)
    with pytest.raises(TypeError, match="bytes or None"):
        rows.produce([(0, "text", b"v")], 0, 1)  # type: ignore[list-item]
    assert rows.produce([(0, b"k", b"v")], 0, 1) == (1, 2)
    made.purge()


def test_a_client_made_without_the_plugin_has_no_such_way(caplog: pytest.LogCaptureFixture) -> None:
    assert DirectRows.of(Producer(NOWHERE)) is None
    assert "several times slower" in caplog.text


def test_a_client_is_destroyed_with_its_last_user_in_a_cycle_too() -> None:
    made = TransactionalProducer(NOWHERE, f"x-{uuid4()}", 1 << 20)
    gone = weakref.ref(made)
    threads = threading.active_count()
    del made
    gc.collect()
    assert gone() is None
    assert threading.active_count() <= threads


@pytest.mark.integration
def test_rows_become_the_records_that_produce_makes(kafka: KafkaBroker) -> None:
    first, second = topic(kafka, 3), topic(kafka)
    rows: list[Row] = [(n % 2, f"k{n}".encode(), bytes([n % 251]) * (n % 700)) for n in range(3000)]
    rows += [(1, None, b"no key"), (1, b"tombstone", None), (0, b"", b"")]
    tables = [(2 if number == 0 else 1, key, value) for number, key, value in rows]
    with producer(kafka, f"x-{uuid4()}") as made:
        for write in ("rows", "one by one"):
            made.begin()
            if write == "rows":
                assert made.topic_number(first) == 0
                size = made.produce_rows(rows[:1], 0, 1, HEADERS)
                assert [made.topic_number(one) for one in (second, first)] == [1, 0]
                assert [made.topic_number(first, ("d", table)) for table in ("a", "b", "a")] == [2, 3, 2]
                assert [made.target_of(number) for number in (0, 3)] == [(first, None), (first, ("d", "b"))]
                size += made.produce_rows(rows, 1, 2_000, HEADERS)
                size += made.produce_rows(tables, 2_000, len(rows), HEADERS)  # the first topic by a table's number
                assert size == sum(len(key or b"") + len(value or b"") for _, key, value in rows)
            else:
                for index, key, value in rows:
                    made.produce((first, second)[index], key, value, HEADERS)
            made.commit()
    for name in (first, second):
        by_partition: dict[int, list[tuple[bytes | None, bytes | None, Headers]]] = {}
        for record in visible(kafka, name):
            shown = (record.key, record.value, list(record.headers))
            by_partition.setdefault(record.partition, []).append(shown)
        assert len(by_partition) == (3 if name == first else 1)
        for number, both in by_partition.items():
            half = len(both) // 2
            assert both[:half] == both[half:], (name, number)
            assert both[0][2] == HEADERS


def test_no_more_is_taken_than_the_queue_may_hold() -> None:
    bounds = queue_bounds(2 << 20, 1_000_000)
    made, rows = rows_of_nobody(**bounds)
    large: list[Row] = [(0, b"k", bytes(100_000))] * 50
    reached, size = rows.produce(large, 0, len(large))
    assert 20 <= reached == size // 100_001 == (2049 << 10) // 100_001
    assert rows.produce(large, reached, len(large)) == (reached, 0)
    made.purge()
    made.poll(1)
    small: list[Row] = [(0, b"k", b"v")] * 20_000
    assert rows.produce(small, 0, len(small))[0] == bounds["queue.buffering.max.messages"] < len(small)
    made.purge()


@pytest.mark.integration
def test_a_row_larger_than_the_queue_waits_until_it_has_room_and_keeps_its_place(kafka: KafkaBroker) -> None:
    name = f"large-{uuid4().hex[:8]}"
    kafka.create_topic(name, 1, {"max.message.bytes": "5000000"})
    rows: list[Row] = [(0, str(n).encode(), os.urandom(4_000_000 if n % 3 else 5)) for n in range(9)]
    data = {"bootstrap.servers": kafka.bootstrap, "message.max.bytes": "4500000"}
    made = TransactionalProducer(data, f"x-{name}", 1 << 20)
    try:
        made.init()
        made.begin()
        assert made.topic_number(name) == 0
        made.produce_rows(rows, 0, len(rows), HEADERS)
        made.commit()
    finally:
        made.close()
    assert [(record.key, record.value) for record in visible(kafka, name)] == [row[1:] for row in rows]


@pytest.mark.integration
def test_a_full_queue_makes_the_caller_wait_and_loses_nothing(kafka: KafkaBroker) -> None:
    name = topic(kafka)
    rows: list[Row] = [(0, str(n).encode(), bytes(3000)) for n in range(2000)]  # six times the queue
    made = TransactionalProducer({"bootstrap.servers": kafka.bootstrap}, f"x-{uuid4()}", 1 << 20)
    try:
        made.init()
        made.begin()
        assert made.topic_number(name) == 0
        made.produce_rows(rows, 0, len(rows), HEADERS)
        made.commit()
    finally:
        made.close()
    assert [record.key for record in visible(kafka, name)] == [key for _, key, _ in rows]


@pytest.mark.integration
@pytest.mark.parametrize("is_built", [True, False])
def test_a_failed_delivery_fails_the_commit_and_is_named(
    kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch, is_built: bool
) -> None:
    if not is_built:
        monkeypatch.setattr(direct, "extension", lambda: None)
    name, config = f"small-{uuid4().hex[:8]}", {"max.message.bytes": "2000"}
    kafka.create_topic(name, 1, config)
    data = {"bootstrap.servers": kafka.bootstrap, "compression.type": "none"}
    made = TransactionalProducer(data, f"x-{name}", 8 << 20)
    try:
        made.init()
        made.begin()
        assert made.topic_number(name) == 0
        made.produce_rows([(0, b"k", b"fits"), (0, b"k", bytes(50_000)), (0, b"k", b"so")], 0, 3, [])
        with pytest.raises(CdcError, match=f"50001 bytes to {name}.*is 2000.*MSG_SIZE_TOO_LARGE"):
            made.commit()
    finally:
        made.close()
    assert visible(kafka, name) == []


@pytest.mark.integration
def test_a_row_larger_than_the_client_sends_is_refused_by_name(kafka: KafkaBroker) -> None:
    name = topic(kafka)
    data = {"bootstrap.servers": kafka.bootstrap, "message.max.bytes": "2000"}
    made = TransactionalProducer(data, f"x-{name}", 8 << 20)
    try:
        made.init()
        made.begin()
        assert made.topic_number(name) == 0
        with pytest.raises(CdcError, match=f"record of 5001 bytes to {name}.*MSG_SIZE_TOO_LARGE"):
            made.produce_rows([(0, b"k", b"fits"), (0, b"k", bytes(5000))], 0, 2, [])
    finally:
        made.close()


def test_a_closed_producer_takes_no_rows() -> None:
    made, rows = rows_of_nobody()
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        rows.produce([(0, b"k", b"v")], 0, 1)
