"""An incremental snapshot goes from a real Debezium 3.6.1 to us in its middle, and back to it, by the offset."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from confluent_kafka import Producer

from faust_cdc.offsets import SourcePartition, murmur2_partition
from tests.harness.worker import WorkerProcess
from tests.oracle.topics import AvroDecoder
from tests.parity.beside import Beside
from tests.parity.comparison import await_records, read_topic

pytestmark = [pytest.mark.integration, pytest.mark.parity]

ROWS, CHUNK = 18_000, 20
"""So many that both are stopped on their way."""
SETUP = (
    "CREATE TABLE a (name VARCHAR(9) CHARACTER SET latin1, id INT, PRIMARY KEY (name, id)); "
    "SET SESSION cte_max_recursion_depth = 100000; INSERT INTO a (name, id) WITH RECURSIVE n (i) AS "
    f"(SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS - 1}) SELECT IF(i % 2, 'é', 'b'), i FROM n; "
    "CREATE TABLE z (id INT PRIMARY KEY); INSERT INTO z VALUES (1), (2), (3); "
    "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)"
)
OFFSET_PARTITIONS = 25


def rows(beside: Beside, decoder: AvroDecoder, side: str, table: str = "a") -> list[tuple[Any, ...]]:
    """Return the keys of a side's snapshot rows in the order in which they were written."""
    records = read_topic(beside.kafka, f"{side}.{beside.database}.{table}")
    found = [(decoder.decode(one.key or b""), decoder.decode(one.value or b"")) for one in records]
    return [tuple(key.values()) for key, value in found if value["op"] == "r"]


def signal(beside: Beside, number: int, type_: str, data: dict[str, object]) -> None:
    beside.mysql.execute(f"INSERT INTO sig VALUES ('s-{number}', '{type_}', '{json.dumps(data)}')", beside.database)


def their_offset(beside: Beside, name: str) -> dict[str, Any]:
    (entry,) = beside.connect.request("GET", f"/connectors/{name}/offsets")["offsets"]
    offset: dict[str, Any] = entry["offset"]
    return offset


def stop_theirs(beside: Beside, worker: WorkerProcess, name: str) -> dict[str, Any]:
    """Stop Debezium's connector; return its offset."""
    beside.connect.change("PUT", f"/connectors/{name}/stop")

    def stopped() -> bool:
        status = beside.connect.status(name)
        return status["connector"]["state"] == "STOPPED" and not status["tasks"]

    worker.until(stopped, 120, f"{name} stopped")
    return their_offset(beside, name)


def set_our_offset(beside: Beside, prefix: str, offset: dict[str, Any]) -> None:
    key = SourcePartition(prefix, prefix).key()
    producer = Producer({"bootstrap.servers": beside.kafka.bootstrap})
    topic = f"parity-{beside.stamp}-offsets"
    producer.produce(topic, json.dumps(offset).encode(), key, murmur2_partition(key, OFFSET_PARTITIONS))
    assert producer.flush(60) == 0


def our_offset(worker: WorkerProcess, prefix: str) -> dict[str, Any]:
    (entry,) = worker.rest("GET", f"/connectors/{prefix}/offsets")["offsets"]
    offset: dict[str, Any] = entry["offset"]
    return offset


def test_there_and_back(beside: Beside) -> None:
    beside.mysql.execute(f"{SETUP}; GRANT INSERT ON {beside.database}.* TO {beside.mysql.user}", beside.database)
    decoder, database = AvroDecoder(beside.apicurio.ccompat_url), beside.database
    options = {
        "snapshot.mode": "no_data",
        "signal.data.collection": f"{database}.sig",
        "incremental.snapshot.chunk.size": str(CHUNK),
        "snapshot.chunk.size": str(CHUNK),
    }
    theirs = beside.start_theirs("there", options)
    with beside.worker() as worker:
        worker.wait_ready()
        beside.await_their_place("there")
        signal(beside, 1, "execute-snapshot", {"data-collections": [f"{database}.a", f"{database}.z"]})
        await_records(beside.kafka, f"there.{database}.a", CHUNK, 120)
        signal(beside, 2, "pause-snapshot", {})
        time.sleep(3)
        offset = stop_theirs(beside, worker, theirs)
        assert "incremental_snapshot_primary_key" in offset
        first = rows(beside, decoder, "there")
        assert 0 < len(first) < ROWS
        set_our_offset(beside, "here", offset)
        slow = {**options, "snapshot.rate.limit": "rows=100"}
        beside.start_ours(worker, "here", slow)
        await_records(beside.kafka, f"here.{database}.a", CHUNK, 120)
        worker.rest("PUT", "/connectors/here/stop")
        worker.until(lambda: not worker.rest("GET", "/connectors/here/status")["tasks"], 120, "ours stopped")
        second = rows(beside, decoder, "here")
        assert 0 < len(second) < ROWS - len(first)
        # What Debezium sent last is where we go on: both keep the order of the key.
        assert second[0] == following(first[-1])
        beside.connect.change(
            "PATCH",
            f"/connectors/{theirs}/offsets",
            {"offsets": [{"partition": {"server": "there"}, "offset": our_offset(worker, "here")}]},
        )
        beside.connect.change("PUT", f"/connectors/{theirs}/resume")
        await_records(beside.kafka, f"there.{database}.z", 3, 420)
        third = rows(beside, decoder, "there")[len(first) :]
        assert third[0] == following(second[-1])
        assert sorted(first + second + third) == sorted(("é" if i % 2 else "b", i) for i in range(ROWS))
        assert sorted(rows(beside, decoder, "there", "z")) == [(1,), (2,), (3,)]
        worker.until(lambda: "incremental_snapshot_collections" not in their_offset(beside, theirs), 120, "the end")


def following(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the key behind this one: all of 'b' come before those of 'é'."""
    name, number = key
    return ("é", 1) if (name, number) == ("b", ROWS - 2) else (name, number + 2)
