"""Tables, their versions and what a statement would do: over REST and the command line of real workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner, Result

from faust_cdc.cli.commands import main
from tests.harness.connectors import connector_config
from tests.harness.worker import RestError, WorkerProcess
from tests.lab import KafkaBroker, MySqlServer

pytestmark = pytest.mark.integration


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["schemas", "check", *arguments])


def versions(worker: WorkerProcess, name: str, table: str) -> list[dict[str, Any]]:
    found = worker.rest("GET", f"/connectors/{name}/tables/{table}/versions")["versions"]
    assert isinstance(found, list)
    return found


def judged(worker: WorkerProcess, second: WorkerProcess, name: str, orders: str, added: str) -> None:
    """Both workers say the same of a statement, and the command says it in words."""
    for each in (worker, second):
        safe = each.rest("POST", f"/connectors/{name}/schemas/check", {"sql": added})
        assert safe["safe"] is True
        (value,) = [one for one in safe["tables"][0]["schemas"] if one["part"] == "value"]
        assert (value["backward"], value["forward"], value["allowed"]) == (True, True, True)
        assert (value["rule"], value["rule_of"], value["against_version"]) == ("BACKWARD", "registry", 1)
        assert value["differences"] == ["field Value.note added ([null, string], default null)"]
    said = asked("--sql", broken(orders), "--connector", name, "--url", second.url)
    assert said.exit_code == 1, said.output
    assert f"NOT SAFE   ALTER {orders}: the task stops at this statement" in said.output
    assert "backward incompatible, forward compatible, against version 1" in said.output
    assert "field Value.must added (int, no default)" in said.output


def judged_here(worker: WorkerProcess, folder: Path, name: str, config: dict[str, Any], orders: str) -> None:
    """The command says it without a worker's REST API, by files."""
    file = folder / "connector.json"
    file.write_text(json.dumps({"name": name, "config": {**config, "schema.evolution.policy": "new-subject"}}))
    files = ("--config", str(file), "--properties", str(folder / "one" / "worker.properties"))
    here = asked("--sql", broken(orders), *files, "--json")
    assert here.exit_code == 1, here.output
    assert json.loads(here.output)["tables"][0]["then"].startswith("records go on in a versioned topic")
    dropped = asked("--sql", f"DROP TABLE {orders}; CREATE TABLE {orders} (id BIGINT PRIMARY KEY)", *files)
    assert dropped.exit_code == 0, dropped.output


def judged_by_routes(worker: WorkerProcess, second: WorkerProcess, name: str, table: str) -> None:
    """A route that is set over REST counts, on the other worker too."""
    worker.rest("PUT", f"/connectors/{name}/routes/{table}", {"topic": "${prefix}.mine", "include_columns": ["id"]})
    second.until(lambda: len(second.rest("GET", f"/connectors/{name}/routes")["routes"]) == 1, 60, "the route there")
    for each in (worker, second):
        found = each.rest("POST", f"/connectors/{name}/schemas/check", {"sql": broken(table)})
        assert found["safe"], "the route leaves the column out"
        assert found["tables"][0]["topics"] == [f"{name}.mine"]


def broken(orders: str) -> str:
    return f"ALTER TABLE {orders} ADD must INT NOT NULL"


def refused_questions(worker: WorkerProcess, name: str, database: str) -> None:
    unread = asked("--sql", "ALTER TABEL x", "--connector", name, "--url", worker.url)
    assert (unread.exit_code, "cannot be read" in unread.output) == (1, True)
    for body in ({}, {"sql": " "}, ["ALTER"], {"sql": 1}, {"sql": "DROP TABLE t", "database": None}):
        with pytest.raises(RestError, match="400"):
            worker.rest("POST", f"/connectors/{name}/schemas/check", body)
    for path in (f"/connectors/{name}/tables/{database}.nobody/versions", "/connectors/nobody/tables"):
        with pytest.raises(RestError, match="404"):
            worker.rest("GET", path)


def forgotten(kafka: KafkaBroker, worker: WorkerProcess, name: str, orders: str) -> None:
    """The versions go with the offsets, and with the connector."""
    worker.rest("PUT", f"/connectors/{name}/stop")
    worker.rest("DELETE", f"/connectors/{name}/offsets")
    assert worker.rest("GET", f"/connectors/{name}/tables")["tables"] == []
    worker.rest("PUT", f"/connectors/{name}/resume")
    worker.until(lambda: len(worker.rest("GET", f"/connectors/{name}/tables")["tables"]) == 2, 120, "versions again")
    assert [one["version"] for one in versions(worker, name, orders)] == [1]
    worker.rest("DELETE", f"/connectors/{name}")
    kept = {one.key: one.value for one in kafka.read_topic(f"g{name}-table-schemas")}
    assert set(kept.values()) == {None}
    assert len(kept) == 2


def test_versions_are_shown_by_any_worker_and_statements_are_judged_before_they_are_run(
    tmp_path: Path, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str
) -> None:
    mysql.execute(
        "CREATE TABLE orders (id INT PRIMARY KEY, a INT); INSERT INTO orders VALUES (1, 1);"
        "CREATE TABLE other (id INT PRIMARY KEY); INSERT INTO other VALUES (1)",
        mysql_database,
    )
    name = f"s{uuid4().hex[:8]}"
    config: dict[str, Any] = connector_config(mysql, mysql_database, name)
    orders = f"{mysql_database}.orders"
    with (
        WorkerProcess(tmp_path / "one", kafka.bootstrap, f"g{name}") as worker,
        WorkerProcess(tmp_path / "two", kafka.bootstrap, f"g{name}") as second,
    ):
        worker.wait_ready()
        second.wait_ready()
        worker.rest("POST", "/connectors", {"name": name, "config": config})
        for each in (worker, second):
            each.until(lambda each=each: len(versions(each, name, orders)) == 1, 120, "the first version")  # type: ignore[misc]
        (first,) = versions(worker, name, orders)
        assert (first["version"], first["decision"], first["topic"]) == (1, "compatible", f"{name}.{orders}")

        added = f"ALTER TABLE {orders} ADD note VARCHAR(9)"
        judged(worker, second, name, orders, added)
        judged_here(worker, tmp_path, name, config, orders)
        refused_questions(worker, name, mysql_database)
        judged_by_routes(worker, second, name, f"{mysql_database}.other")

        mysql.execute(added, mysql_database)
        worker.until(lambda: len(versions(worker, name, orders)) == 2, 120, "the second version, without a record")
        assert versions(worker, name, orders)[1]["value_schema_id"] is None
        mysql.execute("INSERT INTO orders VALUES (2, 2, 'x')", mysql_database)
        second.until(
            lambda: [one["value_schema_id"] is not None for one in versions(second, name, orders)] == [True, True],
            120,
            "the second version with its id",
        )
        newest = versions(second, name, orders)[1]
        assert newest["origin"] in ("server", "statement")  # what was before may be known from a history
        assert newest["value_subject"] == f"{name}.{orders}-value"
        registered = httpx.get(f"{worker.registry_url}/subjects/{name}.{orders}-value/versions/2").json()
        assert registered["id"] == newest["value_schema_id"]
        tables = worker.rest("GET", f"/connectors/{name}/tables")
        assert {one["table"]: one["version"] for one in tables["tables"]} == {"orders": 2, "other": 1}
        owner = worker.rest("GET", f"/connectors/{name}/status")["tasks"][0]["worker_id"]
        runs = worker if owner.endswith(f":{worker.port}") else second
        told = runs.rest("GET", f"/connectors/{name}/notifications")["notifications"]
        assert [one["additional_data"]["version"] for one in told if one["type"] == "NEW_VERSION"] == ["2"]
        runs.until(
            lambda: f"{orders} has version 2 of its schema" in runs.log_file.read_text(), 60, "the line in the log"
        )
    with WorkerProcess(tmp_path / "one", kafka.bootstrap, f"g{name}") as again:
        again.wait_ready()
        assert versions(again, name, orders)[1] == newest
        forgotten(kafka, again, name, orders)
