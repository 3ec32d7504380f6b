"""Blocking snapshots of tables that are streamed already, asked for over REST and by a topic, while a writer runs.

Both that the rows are read and that no change is lost is read off the topic: the changes alone, and the rows of the
snapshot with the changes behind them, lead from the table as it was to the table as it is.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from faust_cdc.kafka.topics import TopicSpec, ensure_topics
from tests.harness.connectors import connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer, SqlServer
from tests.oracle.invariants import order_faults
from tests.oracle.topics import AvroDecoder, TopicReader, changes
from tests.snapshot.test_commands_live import Found
from tests.snapshot.test_merged_live import fill, stale_rows
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 2_000
PAUSE_S = 0.005
LAST = 1_000_000
KEYED, KEYLESS = "a", "k"


class TwinWriter(RandomWriter):
    """Writes rows (id, v, t) of a table whose rows may be twice there."""

    def _statement(self) -> str:
        dice, v = self._random, self.operations
        (table,) = self._tables
        one, other = dice.randrange(self._ids), dice.randrange(self._ids)
        return dice.choice(
            (
                f"INSERT INTO {table} (id, v) VALUES ({one}, {v % 10}), ({one}, {v % 10})",
                f"UPDATE {table} SET v = {v % 10} WHERE id = {one}",
                f"UPDATE {table} SET id = {other} WHERE id BETWEEN {one} AND {one + 5}",
                f"DELETE FROM {table} WHERE id BETWEEN {one} AND {one + 5}",
            )
        )


def prepare(source: SqlServer, database: str, table: str) -> RandomWriter:
    fill(source, database, (table,), ROWS)
    source.execute("CREATE TABLE signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data TEXT)", database)
    if table == KEYLESS:
        source.execute(f"ALTER TABLE {table} DROP PRIMARY KEY", database)
        return TwinWriter(source, database, [table], ROWS * 2, 8, PAUSE_S)
    return RandomWriter(source, database, [table], ROWS * 2, 8, PAUSE_S)


def rows_of(source: SqlServer, database: str, table: str) -> Counter[tuple[int, int]]:
    return Counter((number, v) for number, v in source.query(f"SELECT id, v FROM {table}", database))


def replayed(found: Found, before: Counter[tuple[int, int]]) -> Counter[tuple[int, int]]:
    """Return the rows that the changes make of `before`."""
    state = Counter(before)
    for _, _, value in found:
        if value is None or value["op"] == "r":
            continue
        for image, sign in ((value["before"], -1), (value["after"], 1)):
            if image is not None:
                state[image["id"], image["v"]] += sign
    assert all(count >= 0 for count in state.values()), "a row goes that never came"
    return +state


def behind_the_snapshot(found: Found) -> Counter[tuple[int, int]]:
    """Return the rows by a keyless topic's last snapshot, whose rows stand in one piece, and what is behind it."""
    places = [place for place, (_, _, value) in enumerate(found) if value and value["op"] == "r"]
    last = places[-1]
    first = max(place for place in places if place - 1 not in places)
    rows = Counter((value["after"]["id"], value["after"]["v"]) for _, _, value in found[first : last + 1])
    return replayed(found[last + 1 :], rows)


def final_of_keyed(found: Found) -> Counter[tuple[int, int]]:
    state: dict[int, int] = {}
    for _, key, value in found:
        if value is None or value["after"] is None:
            state.pop(key["id"], None)
        else:
            state[key["id"]] = value["after"]["v"]
    return Counter(state.items())


def read_to_the_last(reader: TopicReader, topic: str, decoder: AvroDecoder) -> Found:
    """Return all records once the row `LAST` was inserted."""
    found: Found = []
    deadline = time.monotonic() + 90
    while not any(value and value["op"] == "c" and value["after"]["id"] == LAST for _, _, value in found):
        found += changes(reader.read_new([topic]), decoder)
        assert time.monotonic() < deadline, f"{len(found)} records"
        time.sleep(0.1)
    return found


def judge(found: Found, before: Counter[tuple[int, int]], after: Counter[tuple[int, int]], table: str) -> None:
    assert sum(bool(value and value["op"] == "r") for _, _, value in found) > ROWS // 5, "rows of the snapshot"
    assert replayed(found, before) == after, "no change is lost, none is there twice"
    assert not order_faults(found)
    if table == KEYLESS:
        assert behind_the_snapshot(found) == after
    else:
        assert not stale_rows(found)
        unread = {row for row in before if row[0] not in {key["id"] for _, key, _ in found}}
        assert not unread, "the snapshot or the stream had each row"
        assert final_of_keyed(found) == after


def asked_for(database: str, table: str) -> dict[str, Any]:
    return {"data-collections": [f"{database}.{table}"], "type": "BLOCKING"}


@pytest.mark.parametrize("table", [KEYED, KEYLESS])
def test_by_rest_and_by_a_topic(
    table: str, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str, tmp_path: Path
) -> None:
    """One behind the other, while the first may still run."""
    writer = prepare(mysql, mysql_database, table)
    name = f"b{uuid4().hex[:8]}"
    ensure_topics({"bootstrap.servers": kafka.bootstrap}, [TopicSpec(f"{name}-signal", 1)])
    signals = {"signal__enabled__channels": "kafka", "signal__poll__interval__ms": "200"}
    config = {"snapshot__mode": "no_data", "snapshot__chunk__size": "300", **signals}
    topic, before = f"{name}.{mysql_database}.{table}", rows_of(mysql, mysql_database, table)
    with WorkerProcess(tmp_path, kafka.bootstrap, f"g{name}") as worker, TopicReader(kafka.bootstrap) as reader:
        worker.wait_ready()
        body = {"name": name, "config": connector_config(mysql, mysql_database, name, **config)}
        worker.rest("POST", "/connectors", body)
        worker.wait_running(name)
        worker.until(lambda: worker.rest("GET", f"/connectors/{name}/offsets")["offsets"], 120, "it streams")

        def completed() -> int:
            told = worker.rest("GET", f"/connectors/{name}/notifications")["notifications"]
            return [one["type"] for one in told].count("COMPLETED")

        worker.until(lambda: completed() == 1, 120, "told that the start is complete")
        already = 1
        signal = {"type": "execute-snapshot", "data": asked_for(mysql_database, table)}
        with writer:
            worker.rest("POST", f"/connectors/{name}/signals", {"id": "by-rest", **signal})
            producer = Producer({"bootstrap.servers": kafka.bootstrap})
            producer.produce(f"{name}-signal", json.dumps({"id": "by-topic", **signal}), name)
            assert producer.flush(60) == 0
            worker.until(lambda: completed() == already + 2, 120, "both snapshots")
        mysql.execute(f"INSERT INTO {table} (id, v) VALUES ({LAST}, 0)", mysql_database)
        found = read_to_the_last(reader, topic, AvroDecoder(worker.registry_url))
    assert sum(bool(value and value["op"] == "r") for _, _, value in found) > ROWS, "read twice"
    judge(found, before, rows_of(mysql, mysql_database, table), table)
