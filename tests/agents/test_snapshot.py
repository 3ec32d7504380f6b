"""The snapshot agents on two workers: any of them takes an order and answers, the one with the lease tells."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.harness.connectors import connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.invariants import order_faults
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, changes
from tests.snapshot.test_merged_live import fill, final, stale_rows
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 300


def snapshot_of(worker: WorkerProcess, name: str) -> dict[str, Any]:
    whole: dict[str, Any] = worker.rest("GET", f"/connectors/{name}/snapshot")
    return whole


def is_complete(worker: WorkerProcess, name: str, identity: str | None) -> bool:
    one = snapshot_of(worker, name)["snapshot"]
    return one is not None and one["state"] == "completed" and identity in (None, one["id"])


def test_orders_and_answers_of_any_worker(
    tmp_path: Path, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str
) -> None:
    """An order given to the worker without the task, as the task restarts, is carried out all the same."""
    for table in "ab":
        values = ", ".join(f"({number})" for number in range(ROWS))
        mysql.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY); INSERT INTO {table} VALUES {values}", mysql_database)
    name = f"s{uuid4().hex[:8]}"
    config: dict[str, Any] = connector_config(
        mysql, mysql_database, name, snapshot__chunk__size="100", table__include__list=f"{mysql_database}.a"
    )
    with ExitStack() as stack:
        workers = [WorkerProcess(tmp_path / each, kafka.bootstrap, f"g{name}") for each in ("one", "other")]
        for worker in workers:
            stack.enter_context(worker)
        for worker in workers:
            worker.wait_ready()
        workers[0].rest("POST", "/connectors", {"name": name, "config": config})
        workers[0].wait_running(name)
        for worker in workers:
            worker.until(lambda asked=worker: is_complete(asked, name, None), 180, "the initial snapshot, on both")  # type: ignore[misc]
        owner_id = workers[0].rest("GET", f"/connectors/{name}/status")["tasks"][0]["worker_id"]
        owner, other = sorted(workers, key=lambda one: not owner_id.endswith(f":{one.port}"))

        other.rest("POST", f"/connectors/{name}/restart?includeTasks=true")
        order = {"id": "again", "type": "execute-snapshot", "data": {"data-collections": [f"{mysql_database}.a"]}}
        assert other.rest("POST", f"/connectors/{name}/signals", order) == {"id": "again"}
        other.until(lambda: is_complete(other, name, "again"), 180, "the ordered one, seen by the other worker")
        assert [one["rows"] for one in snapshot_of(other, name)["tables"]] == [ROWS]

        patched = other.rest(
            "PATCH",
            f"/connectors/{name}/config",
            {"table.include.list": f"{mysql_database}.a,{mysql_database}.b"},
        )
        assert patched["name"] == name
        level = f"Connector {name}: {mysql_database}.b is level with the stream: {ROWS} rows"
        owner.until(lambda: level in owner.log_file.read_text(), 180, "told that the new table is level")
        with TopicReader(kafka.bootstrap) as reader:
            decoder, keys = AvroDecoder(owner.registry_url), []
            for record, key, value in changes(reader.read_new([f"{name}.{mysql_database}.b"]), decoder):
                assert value["op"] == "r", record
                keys.append(key["id"])
        assert sorted(keys) == list(range(ROWS)), "the rows were there when it was told"

        told = owner.rest("GET", f"/connectors/{name}/notifications")["notifications"]
        assert ("again", "COMPLETED") in {(one["id"], one["type"]) for one in told}
        said = owner.log_file.read_text()
        assert f"Connector {name}: initial snapshot" in said
        assert f"Connector {name}: incremental snapshot again is complete: {ROWS} rows of 1 tables" in said
        assert f"is level with the stream: {ROWS} rows" not in other.log_file.read_text(), "only the owner tells"
        print(json.dumps(snapshot_of(other, name)["snapshot"]))


Found = list[tuple[RawRecord, Any, Any]]


class Topics:
    """The records of two tables' topics as they grow."""

    def __init__(self, worker: WorkerProcess, reader: TopicReader, names: list[str]) -> None:
        self._reader, self._names, self._decoder = reader, names, AvroDecoder(worker.registry_url)
        self.found: Found = []

    def has(self, table: int, key: int) -> bool:
        self.found += changes(self._reader.read_new(self._names), self._decoder)
        return any(record.topic == self._names[table] and got == {"id": key} for record, got, _ in self.found)

    def rows(self, table: int) -> int:
        """Rows that snapshots have read."""
        topic = self._names[table]
        return sum(record.topic == topic and bool(value) and value["op"] == "r" for record, _, value in self.found)


def test_a_table_joins_while_the_others_stream_and_is_read_again_by_the_file(
    tmp_path: Path, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a", "b"), ROWS)
    name, file, (a, b) = f"s{uuid4().hex[:8]}", tmp_path / "signals.txt", (f"{mysql_database}.{t}" for t in "ab")
    slow = {"snapshot.rate.limit": "rows=1"}  # minutes: what is done meanwhile cannot come too late
    config: dict[str, Any] = connector_config(
        mysql, mysql_database, name, snapshot__chunk__size="100", incremental__snapshot__chunk__size="100",
        table__include__list=a, signal__enabled__channels="file", signal__poll__interval__ms="200",
        signal__file=str(file),
    )  # fmt: skip
    with (
        WorkerProcess(tmp_path / "worker", kafka.bootstrap, f"g{name}") as worker,
        TopicReader(kafka.bootstrap) as reader,
        RandomWriter(mysql, mysql_database, ["a", "b"], 2 * ROWS, 4, 0.01) as writer,
    ):
        worker.wait_ready()
        path, topics = f"/connectors/{name}/config", Topics(worker, reader, [f"{name}.{a}", f"{name}.{b}"])
        worker.rest("POST", "/connectors", {"name": name, "config": config})
        worker.until(lambda: is_complete(worker, name, None), 180, "the initial snapshot")

        worker.rest("PATCH", path, {"table.include.list": f"{a},{b}", **slow})
        worker.until(lambda: reads(worker, name, b) > 0, 180, "the first rows of the new table")
        late = "INSERT INTO a (id, v) VALUES (1000000, 0); INSERT INTO b (id, v) VALUES (1000000, 0)"
        mysql.execute(late, mysql_database)
        worker.until(lambda: topics.has(0, 1_000_000), 120, "the stream of the other table")
        worker.until(lambda: topics.has(1, 1_000_000), 120, "the stream of the new table")
        assert snapshot_of(worker, name)["snapshot"]["state"] == "running", "the stream waits for nothing"
        level = f"Connector {name}: {b} is level with the stream"
        assert level not in worker.log_file.read_text()
        worker.rest("PATCH", path, {"snapshot.rate.limit": None})
        worker.until(lambda: level in worker.log_file.read_text(), 180, "told that the new table is level")

        before = topics.rows(1)
        file.write_text(json.dumps({"id": "f", "type": "execute-snapshot", "data": {"data-collections": [b]}}) + "\n")
        worker.until(lambda: is_complete(worker, name, "f"), 180, "the snapshot that the file asks for")
        worker.until(lambda: file.read_text() == "", 60, "the file is emptied")
        writer.stop()
        mysql.execute("INSERT INTO a (id, v) VALUES (-1, 0); INSERT INTO b (id, v) VALUES (-1, 0)", mysql_database)
        worker.until(lambda: topics.has(0, -1) and topics.has(1, -1), 120, "the last rows")
        told = worker.rest("GET", f"/connectors/{name}/notifications")["notifications"]
    assert topics.rows(1) > before + ROWS // 3
    assert ("f", "COMPLETED") in {(one["id"], one["type"]) for one in told}
    assert not stale_rows(topics.found)
    assert not order_faults(topics.found)
    for table, topic in (("a", f"{name}.{a}"), ("b", f"{name}.{b}")):
        assert final(topics.found, topic) == dict(mysql.query(f"SELECT id, v FROM {table}", mysql_database)), table


def reads(worker: WorkerProcess, name: str, table: str) -> int:
    """How many rows of a table the snapshot that runs has read, so far as it is one of the table."""
    tables = snapshot_of(worker, name)["tables"]
    return sum(one["rows"] for one in tables if f"{one['database']}.{one['table']}" == table)
