"""A source transaction too large for one Kafka transaction: committed in parts, gone on with inside after a stop."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer

from faust_cdc.binlog import packets
from faust_cdc.kafka.topics import TopicCreator
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer
from tests.oracle.topics import TopicReader, changes, topics_with_prefix
from tests.pipeline.test_fast_stream import NO_DATA, shown
from tests.pipeline.test_task import Bench

pytestmark = pytest.mark.integration

WHOLE = {"transaction.part.max.bytes": str(1 << 40)}
PARTS = {"transaction.part.max.bytes": "1"}
LIVES_MAX = 60

Change = tuple[object, ...]


def offset_key(bench: Bench) -> bytes:
    return json.dumps(["c", {"server": bench.prefix}], separators=(",", ":")).encode()


def records_of(bench: Bench) -> dict[str, list[Change]]:
    """Return the changes of every topic as a reader of committed records sees them, less what differs by run."""
    topics = topics_with_prefix(bench.kafka.bootstrap, bench.prefix)
    found: dict[str, list[Change]] = {}
    with TopicReader(bench.kafka.bootstrap) as reader:
        for change in changes(reader.read_new(topics), bench.decoder):
            found.setdefault(change[0].topic, []).append(shown(change))
    return found


class Run:
    """Lives of one task from one offset on, each ended by a stop behind its first part."""

    def __init__(
        self, bench: Bench, name: str, start: dict[str, Any], config: dict[str, str], *, hot_path: bool
    ) -> None:
        self.bench = bench
        topic = replace(bench.spec.offset_topic, name=f"{bench.offsets}-{name}")
        parsed = bench.parse(config)
        self.spec = replace(bench.spec, hot_path=hot_path, offset_topic=topic, config=parsed)
        self._watched = TopicReader(bench.kafka.bootstrap)
        self._ends, self._offset = 0, dict[str, Any]()
        TopicCreator(bench.spec.client_config).ensure([topic])
        producer = Producer({"bootstrap.servers": bench.kafka.bootstrap, "partitioner": "murmur2_random"})
        producer.produce(topic.name, json.dumps(start).encode(), offset_key(bench))
        assert producer.flush(60) == 0

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exc: object) -> None:
        self._watched.close()

    def offset(self) -> dict[str, Any]:
        for record in self._watched.read_new([self.spec.offset_topic.name]):
            self._offset = dict(json.loads(record.value or b""))
        return self._offset

    def to_the_end(self, monkeypatch: pytest.MonkeyPatch, ends: int, *, stop_at_parts: bool) -> int:
        """Live until the topic of the end has `ends` records; return the number of lives."""
        task: ConnectorTask
        plain = TransactionWriter.commit_part

        def commit_part(writer: TransactionWriter, offset: SourceOffset | None) -> None:
            plain(writer, offset)
            if offset is not None and stop_at_parts:
                task.request_stop()

        monkeypatch.setattr(TransactionWriter, "commit_part", commit_part)
        for lives in range(1, LIVES_MAX):
            task = ConnectorTask(self.spec)
            task.start()
            deadline = time.monotonic() + 120
            while not task.join(0.2):
                assert time.monotonic() < deadline, task.state
                if self._is_at_end(ends):
                    task.request_stop()
            assert task.state.state is not TaskState.FAILED, task.state.trace
            if self._is_at_end(ends):
                monkeypatch.setattr(TransactionWriter, "commit_part", plain)
                return lives
        raise AssertionError(f"not at the end after {LIVES_MAX} lives; offset {self.offset()}")

    def _is_at_end(self, ends: int) -> bool:
        end = f"{self.bench.prefix}.{self.bench.database}.the_end"
        self._ends += len(self._watched.read_new([end]))
        return self._ends >= ends and "event" not in self.offset()


def start_offset(bench: Bench) -> dict[str, Any]:
    with bench.running() as task:
        deadline = time.monotonic() + 120
        while task.progress.offset is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    return dict(bench.stored_offset())


SETUP = (
    "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(600)); CREATE TABLE u (a INT PRIMARY KEY, b INT); "
    "CREATE TABLE elsewhere (id INT PRIMARY KEY); CREATE TABLE the_end (x INT PRIMARY KEY); INSERT INTO u VALUES (0, 0)"
)


def large_transaction() -> str:
    rows = ", ".join(f"({key}, REPEAT('x', 500))" for key in range(60))
    return (
        f"BEGIN; INSERT INTO t VALUES {rows}; INSERT INTO u VALUES (1, 1), (2, 2); INSERT INTO elsewhere VALUES (1); "
        "UPDATE t SET id = id + 1000 WHERE id % 20 = 3; DELETE FROM u WHERE a = 1; UPDATE u SET b = b + 1; COMMIT"
    )


def exercise(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, paths: tuple[bool, ...], before: str = "", **config: str
) -> None:
    """The records of lives that end at each part are those of one life that writes it whole.

    `paths` says of each run of such lives whether it is on the lane.
    """
    bench.source.execute(SETUP, bench.database)
    start = start_offset(bench)
    bench.source.execute(f"{before}{large_transaction()}", bench.database)
    bench.source.execute("INSERT INTO the_end VALUES (1)", bench.database)
    with Run(bench, "whole", start, config | WHOLE, hot_path=True) as run:
        run.to_the_end(monkeypatch, 1, stop_at_parts=True)
    expected = records_of(bench)
    assert sum(map(len, expected.values())) > 70
    monkeypatch.setattr(packets, "_RECEIVE_BYTES", 3000)  # so that the lane, too, comes to a stop inside
    offsets = []
    for number, hot_path in enumerate(paths, 2):
        with Run(bench, f"parts{number}", start, config | PARTS, hot_path=hot_path) as run:
            lives = run.to_the_end(monkeypatch, number, stop_at_parts=True)
            offsets.append(run.offset())
        assert lives > 4, "it is committed in parts"
        found = records_of(bench)
        for topic, records in expected.items():
            assert found[topic] == records * number, f"{topic}, lane {hot_path}, {lives} lives"
        assert "event" not in offsets[-1], "behind the end nothing is to be passed over"
        assert "row" not in offsets[-1]
    assert all(offset == offsets[0] for offset in offsets)


def test_mysql_by_gtid(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {"table.exclude.list": f"{mysql_database}.elsewhere"}
    bench = Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA, **config)
    exercise(bench, monkeypatch, (False, True), **config)


def test_mysql_compressed_with_the_places_of_records(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counts of transaction metadata go on over a stop, BEGIN and END come once; inside a compressed payload too."""
    config = {"provide.transaction.metadata": "true"}
    bench = Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA, **config)
    exercise(bench, monkeypatch, (False,), "SET SESSION binlog_transaction_compression = ON; ", **config)


def test_mysql_by_file_position(kafka: KafkaBroker, apicurio: Apicurio, monkeypatch: pytest.MonkeyPatch) -> None:
    with MySqlServer(gtid_mode=False) as mysql:
        mysql.create_database("plain")
        exercise(Bench(mysql, kafka, apicurio, "plain", **NO_DATA), monkeypatch, (True,))


def test_mariadb_by_gtid(
    mariadb: MariaDbServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mariadb_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exercise(Bench(mariadb, kafka, apicurio, mariadb_database, **NO_DATA), monkeypatch, (False, True))


def test_rows_of_an_event_that_were_written_before_are_passed_over(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Debezium's offsets say it: BEGIN and the table map are done, and three rows of the event after them."""
    bench = Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA)
    mysql.execute(SETUP, mysql_database)
    start = start_offset(bench)
    mysql.execute(
        "BEGIN; INSERT INTO u VALUES (1, 1), (2, 2), (3, 3), (4, 4); DELETE FROM u WHERE a = 0; COMMIT", bench.database
    )
    mysql.execute("INSERT INTO u VALUES (5, 5); INSERT INTO the_end VALUES (1)", mysql_database)
    topic = f"{bench.prefix}.{bench.database}.u"
    for number, hot_path in enumerate((False, True), 1):
        with Run(bench, f"rows{number}", start | {"event": 2, "row": 3}, {}, hot_path=hot_path) as run:
            run.to_the_end(monkeypatch, number, stop_at_parts=False)
        seen = [(c[2]["op"], (c[2]["after"] or c[2]["before"])["a"]) for c in records_of(bench)[topic] if c[2]]  # type: ignore[index]
        assert seen == [("c", 4), ("d", 0), ("c", 5)] * number
