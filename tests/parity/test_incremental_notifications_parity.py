"""Real Debezium 3.6.1 and we tell of the same incremental snapshot, asked for by the same row of the same table."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.oracle.topics import AvroDecoder, RawRecord
from tests.parity.beside import Beside
from tests.parity.comparison import await_records, read_topic
from tests.parity.test_notifications_parity import options

pytestmark = [pytest.mark.integration, pytest.mark.parity]

SETUP = (
    "CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1), (2), (3), (4), (5); "
    "CREATE TABLE b (id VARCHAR(5) PRIMARY KEY); INSERT INTO b VALUES ('x'); "
    "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)"
)
KEYS = ("maximum_key", "last_processed_key")
OVERRIDES = "snapshot.select.statement.overrides"


def told(decoder: AvroDecoder, records: list[RawRecord], prefix: str) -> list[tuple[Any, ...]]:
    """Return the notifications of the incremental snapshot, all of them, without times and keys."""
    found: list[tuple[Any, ...]] = []
    for record in records:
        value = decoder.decode(record.value or b"")
        if value["aggregate_type"] != "Incremental Snapshot":
            continue
        data = dict(value["additional_data"])
        assert data.pop("connector_name") == prefix
        keys = [data.get(name) for name in KEYS]
        assert (None not in keys) == (value["type"] == "IN_PROGRESS")
        one = (value["id"], value["aggregate_type"], value["type"], data)
        found.append(one)
    return found


def is_over(beside: Beside, decoder: AvroDecoder, side: str) -> bool:
    return "COMPLETED" in [one[2] for one in told(decoder, read_topic(beside.kafka, f"told-{side}"), side)]


def test_the_same_is_told(beside: Beside) -> None:
    # Debezium writes its windows into the signal table; we only read.
    beside.mysql.execute(f"{SETUP}; GRANT INSERT ON {beside.database}.* TO {beside.mysql.user}", beside.database)
    kafka, decoder, database = beside.kafka, AvroDecoder(beside.apicurio.ccompat_url), beside.database
    table = f"{database}.a"
    own = {
        "incremental.snapshot.chunk.size": "2",
        OVERRIDES: table,
        f"{OVERRIDES}.{table}": f"SELECT * FROM {table} WHERE id < 3",
    }
    beside.start_theirs("theirs_inc", options(beside, "theirs_inc") | own)
    with beside.worker() as worker:
        worker.wait_ready()
        beside.start_ours(worker, "ours___inc", options(beside, "ours___inc") | own)
        beside.await_our_snapshot(worker, "ours___inc")
        for side in ("theirs_inc", "ours___inc"):
            await_records(kafka, f"{side}.{database}.b", 1, 240)
        time.sleep(3)
        tables = f'["{database}.a", "{database}.b"]'
        beside.mysql.execute(
            f"INSERT INTO sig VALUES ('s-1', 'execute-snapshot', '{{\"data-collections\": {tables}}}')", database
        )
        for side in ("theirs_inc", "ours___inc"):
            await_records(kafka, f"{side}.{database}.a", 2 + 5, 240)  # the statement is for the initial one only
            await_records(kafka, f"{side}.{database}.b", 2, 240)
            worker.until(lambda side=side: is_over(beside, decoder, side), 240, f"{side} has told all")  # type: ignore[misc]
        time.sleep(2)  # what would come too much
        found = {side: told(decoder, read_topic(kafka, f"told-{side}"), side) for side in ("theirs_inc", "ours___inc")}
        ids = {
            side: [decoder.decode(one.key or b"")["id"] for one in read_topic(kafka, f"{side}.{table}")]
            for side in found
        }
    assert list(ids.values()) == [[1, 2, 1, 2, 3, 4, 5]] * 2
    assert found["ours___inc"] == found["theirs_inc"]
    assert [one[2] for one in found["ours___inc"]] == [
        "STARTED",
        *["IN_PROGRESS"] * 3,
        "TABLE_SCAN_COMPLETED",
        *["IN_PROGRESS", "TABLE_SCAN_COMPLETED"],
        "COMPLETED",
    ]
