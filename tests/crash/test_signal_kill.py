"""kill -9 while a signalled snapshot runs and others wait behind it: all come to their end, and none reads twice."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.crash.test_snapshot_kill import snapshot_config
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.invariants import duplicates, order_faults
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, changes
from tests.snapshot.test_merged_live import fill, final, stale_rows

pytestmark = [pytest.mark.integration, pytest.mark.crash]

ROWS = {"a": 12_000, "b": 1_000, "c": 1_000}
"""By table; two minutes of the first by the rate limit, as long as it is to be killed."""
RATE = "rows=100"
KILLS = 6
LIFE_ROWS = 2_000
"""A life that ends with a kill reads fewer rows by far."""
END_S = 240


class Signals:
    """The two channels of one connector that no crash may lose a signal of."""

    def __init__(self, mysql: MySqlServer, kafka: KafkaBroker, database: str, prefix: str) -> None:
        self._mysql, self._database, self._prefix = mysql, database, prefix
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap})

    def config(self, kafka: KafkaBroker) -> dict[str, str]:
        """Make the signal table; return the connector's configuration, by which no kill comes too late."""
        self._mysql.execute(
            "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)",
            self._database,
        )
        config = snapshot_config(
            self._mysql,
            self._database,
            self._prefix,
            snapshot__mode="no_data",
            signal__enabled__channels="source,kafka",
            signal__data__collection=f"{self._database}.sig",
            signal__kafka__bootstrap__servers=kafka.bootstrap,
            signal__poll__interval__ms="100",
        )
        return config | {"snapshot.rate.limit": RATE}

    def table(self, identity: str, type_: str, **data: Any) -> None:
        text = json.dumps(data).replace("\\", "\\\\")
        self._mysql.execute(f"INSERT INTO sig VALUES ('{identity}', '{type_}', '{text}')", self._database)

    def topic(self, identity: str, type_: str, **data: Any) -> None:
        value = json.dumps({"id": identity, "type": type_, "data": data})
        self._producer.produce(f"{self._prefix}-signal", value, self._prefix, partition=0)
        assert self._producer.flush(60) == 0

    def name(self, table: str) -> str:
        return rf"{self._database}\.{table}"


def begin(worker: WorkerProcess, config: dict[str, str]) -> None:
    worker.start()
    worker.wait_ready()
    worker.rest("POST", "/connectors", {"name": "c", "config": config})
    worker.wait_running("c")
    worker.until(lambda: bool(worker.rest("GET", "/connectors/c/offsets")["offsets"]), 120, "it streams")


def snapshot_of(worker: WorkerProcess) -> dict[str, Any]:
    return dict(worker.rest("GET", "/connectors/c/snapshot")["snapshot"] or {})


def let_go(worker: WorkerProcess, config: dict[str, str]) -> None:
    """Have the rest read as fast as it goes: nothing is to meet it on its way any more."""
    worker.wait_ready()
    worker.rest("PUT", "/connectors/c/config", {name: v for name, v in config.items() if name != "snapshot.rate.limit"})


def runs(worker: WorkerProcess, identity: str, waiting: list[str], rows: int, tables: int = 1) -> bool:
    """Whether this snapshot is under way with so many rows and tables at least, and those wait behind it."""
    found = snapshot_of(worker)
    is_it = (found.get("id"), [one["id"] for one in found.get("waiting", ())]) == (identity, waiting)
    return is_it and found["state"] == "running" and found["rows"] >= rows and found["tables"] >= tables


def reads(found: list[tuple[RawRecord, Any, Any]], table: str) -> Counter[int]:
    """How often each row of a table was read by a snapshot."""
    return Counter(
        key["id"] for record, key, value in found if record.topic.endswith(f".{table}") and value and value["op"] == "r"
    )


@pytest.mark.parametrize("first", ["BLOCKING", "INCREMENTAL"])
def test_signalled_snapshots_survive_a_kill(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path, first: str
) -> None:
    """Behind a blocking one they wait; an incremental one takes the next into itself, and the blocking one waits."""
    prefix = f"sig{random.randrange(10**9)}"
    for table, rows in ROWS.items():
        fill(mysql, mysql_database, (table,), rows)
    last = "INCREMENTAL" if first == "BLOCKING" else "BLOCKING"
    waiting = ["s-2", "s-3"] if first == "BLOCKING" else ["s-3"]
    signals, worker = Signals(mysql, kafka, mysql_database, prefix), WorkerProcess(tmp_path, kafka.bootstrap, prefix)
    try:
        config = signals.config(kafka)
        begin(worker, config)
        execute = "execute-snapshot"
        signals.table("s-1", execute, type=first, **{"data-collections": [signals.name("a")]})
        worker.until(lambda: runs(worker, "s-1", [], 100), 120, "the first runs")
        signals.topic("s-2", execute, **{"data-collections": [signals.name("b")]})
        behind = waiting[:-1]
        worker.until(lambda: runs(worker, "s-1", behind, 0, tables=2 - len(behind)), 120, "the second waits or joins")
        signals.table("s-3", execute, type=last, **{"data-collections": [signals.name("c")]})
        worker.until(lambda: runs(worker, "s-1", waiting, 200), 120, f"{waiting} behind it")
        worker.kill()
        worker.start()
        worker.until(lambda: runs(worker, "s-1", waiting, 300), 120, "the first goes on, the others wait")
        worker.kill()
        mysql.execute("UPDATE c SET v = v + 1 WHERE id < 100", mysql_database)
        worker.start()
        let_go(worker, config)

        def is_over() -> bool:
            found = snapshot_of(worker)
            return (found["id"], found["state"], found["waiting"]) == ("s-3", "completed", [])

        worker.until(is_over, END_S, "the last is complete")
        mysql.execute("".join(f"INSERT INTO {table} (id, v) VALUES (-1, 0);" for table in ROWS), mysql_database)
        found, decoder = list[tuple[RawRecord, Any, Any]](), AvroDecoder(worker.registry_url)
        topics = [f"{prefix}.{mysql_database}.{table}" for table in ROWS]
        with TopicReader(kafka.bootstrap) as reader:

            def at_end() -> bool:
                found.extend(changes(reader.read_new(topics), decoder))
                return [key for _, key, _ in found].count({"id": -1}) == len(ROWS)

            worker.until(at_end, 120, "the last rows")
    finally:
        worker.stop()
    assert not stale_rows(found)
    assert not duplicates(found)
    assert not order_faults(found)
    for (table, rows), topic in zip(ROWS.items(), topics, strict=True):
        assert reads(found, table) == {number * 2: 1 for number in range(rows)}, table
        assert final(found, topic) == dict(mysql.query(f"SELECT id, v FROM {table}", mysql_database)), table
    kinds = {topic: {value["source"]["snapshot"] for record, _, value in found if record.topic == topic and value}
             for topic in topics}  # fmt: skip
    assert ("incremental" in kinds[topics[0]]) is (first == "INCREMENTAL")
    assert ("incremental" in kinds[topics[2]]) is (last == "INCREMENTAL")
    assert "incremental" in kinds[topics[1]]


def test_no_signal_is_lost_whenever_the_worker_dies(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path
) -> None:
    rnd = random.Random(11)
    prefix = f"sig{rnd.randrange(10**6)}{int(time.time())}"
    fill(mysql, mysql_database, ("a",), KILLS * LIFE_ROWS)
    for number in range(KILLS):
        mysql.execute(f"CREATE TABLE s{number} (id INT PRIMARY KEY); INSERT INTO s{number} VALUES (1)", mysql_database)
    signals, worker = Signals(mysql, kafka, mysql_database, prefix), WorkerProcess(tmp_path, kafka.bootstrap, prefix)
    try:
        config = signals.config(kafka)
        begin(worker, config)
        signals.table("s-0", "execute-snapshot", type="BLOCKING", **{"data-collections": [signals.name("a")]})
        worker.until(lambda: runs(worker, "s-0", [], 1), 120, "the first runs")
        for number in range(KILLS):
            send = signals.topic if number % 2 else signals.table
            send(f"n-{number}", "execute-snapshot", **{"data-collections": [signals.name(f"s{number}")]})
            time.sleep(rnd.uniform(0, 0.3))
            worker.kill()
            worker.start()
            worker.wait_ready()
            rows = snapshot_of(worker)["rows"]
            worker.until(lambda rows=rows: snapshot_of(worker)["rows"] > rows, 180, "the first goes on")  # type: ignore[misc]
        assert snapshot_of(worker)["id"] == "s-0", "all was signalled while it ran"
        let_go(worker, config)
        topics = [f"{prefix}.{mysql_database}.s{number}" for number in range(KILLS)]
        found, decoder = list[tuple[RawRecord, Any, Any]](), AvroDecoder(worker.registry_url)
        with TopicReader(kafka.bootstrap) as reader:

            def all_read() -> bool:
                found.extend(changes(reader.read_new(topics), decoder))
                return len({record.topic for record, _, _ in found}) == len(topics)

            worker.until(all_read, END_S, "the row of every table")
            worker.until(lambda: snapshot_of(worker)["waiting"] == [], END_S, "none waits any more")
            found.extend(changes(reader.read_new(topics), decoder))
    finally:
        worker.stop()
    assert Counter(record.topic for record, _, _ in found) == dict.fromkeys(topics, 1)
