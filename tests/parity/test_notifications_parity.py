"""Real Debezium 3.6.1 and we tell of the same initial snapshot, and read the same signal table, in the same words."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.oracle.topics import AvroDecoder, RawRecord
from tests.parity.beside import Beside
from tests.parity.comparison import await_records, read_topic

pytestmark = [pytest.mark.integration, pytest.mark.parity]

SETUP = (
    "CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1), (2), (3); CREATE TABLE b (id INT PRIMARY KEY); "
    "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL); "
    "INSERT INTO sig VALUES ('old', 'log', '{}')"
)
OF_THE_START = 1 + 2 * 2 + 1
"""STARTED, each table's IN_PROGRESS and TABLE_SCAN_COMPLETED, COMPLETED: the signal table's rows are not read."""


def options(beside: Beside, side: str) -> dict[str, str]:
    return {
        "signal.data.collection": f"{beside.database}.sig",
        "notification.enabled.channels": "sink",
        "notification.sink.topic.name": f"told-{side}",
    }


def told(decoder: AvroDecoder, records: list[RawRecord], prefix: str) -> list[tuple[Any, ...]]:
    """Return what is comparable: lists of tables are sets in Debezium, ids random, times its own."""
    found = []
    for record in records:
        key, value = decoder.decode(record.key or b""), decoder.decode(record.value or b"")
        assert key == {"id": value["id"]}
        data = dict(value["additional_data"])
        assert data.pop("connector_name") == prefix
        if "data_collections" in data:
            data["data_collections"] = sorted(data["data_collections"].split(","))
        found.append((value["aggregate_type"], value["type"], data, list(value), record.headers, record.partition))
    return found


def by_table(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the same, table by table: here tables are read beside each other, and empty ones are done at once."""

    def table(one: tuple[Any, ...]) -> str:
        data = one[2]
        return str(data.get("current_collection_in_progress") or data.get("scanned_collection"))

    first, *middle, completed, skipped = found
    return [first, *sorted(middle, key=table), completed, skipped]


def test_the_same_is_told(beside: Beside) -> None:
    beside.mysql.execute(SETUP, beside.database)
    theirs = beside.start_theirs("theirs_told", options(beside, "theirs_told"))
    kafka, decoder = beside.kafka, AvroDecoder(beside.apicurio.ccompat_url)
    with beside.worker() as worker:
        worker.wait_ready()
        beside.start_ours(worker, "ours___told", options(beside, "ours___told"))
        beside.await_our_snapshot(worker, "ours___told")
        for side in ("theirs_told", "ours___told"):
            await_records(kafka, f"told-{side}", OF_THE_START, 240)
        time.sleep(3)
        beside.mysql.execute("INSERT INTO sig VALUES ('new', 'log', '{\"message\": \"hello\"}')", beside.database)
        for side in ("theirs_told", "ours___told"):
            await_records(kafka, f"{side}.{beside.database}.sig", 1, 120)
        # A restart says that no snapshot is due.
        beside.connect.change("POST", f"/connectors/{theirs}/restart?includeTasks=true")
        worker.rest("POST", "/connectors/ours___told/restart?includeTasks=true")
        for side in ("theirs_told", "ours___told"):
            await_records(kafka, f"told-{side}", OF_THE_START + 1, 240)
        records = {side: read_topic(kafka, f"told-{side}") for side in ("theirs_told", "ours___told")}
        signals = {side: read_topic(kafka, f"{side}.{beside.database}.sig") for side in ("theirs_told", "ours___told")}
    left, right = (by_table(told(decoder, records[side], side)) for side in ("theirs_told", "ours___told"))
    assert left == right
    assert [one[1] for one in right] == [
        "STARTED",
        *["IN_PROGRESS", "TABLE_SCAN_COMPLETED"] * 2,
        "COMPLETED",
        "SKIPPED",
    ]
    for part in ("key", "value"):
        schemas = [decoder.schema(getattr(records[side][0], part)) for side in ("theirs_told", "ours___told")]
        assert json.dumps(schemas[0]) == json.dumps(schemas[1])
    after = [
        [decoder.decode(one.value or b"")["after"] for one in signals[side]] for side in ("theirs_told", "ours___told")
    ]
    assert after[0] == after[1] == [[{"id": "new", "type": "log", "data": '{"message": "hello"}'}]][0]
