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
from tests.oracle.topics import AvroDecoder, TopicReader, changes

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
