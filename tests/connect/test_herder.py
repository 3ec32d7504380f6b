"""What the herder writes, in which order, and what it refuses; answers over HTTP are in tests/connect_api."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.connect.entities import ConnectError, CreateRequest
from faust_cdc.connect.validation import SourceFinding
from faust_cdc.routing.changes import RouteChange
from tests.connect.memory import MYSQL_CONFIG, Cluster


def create(cluster: Cluster, name: str = "shop", **members: Any) -> dict[str, Any]:
    body = {"name": name, "config": dict(MYSQL_CONFIG), **members}
    return asyncio.run(cluster.herder.create(CreateRequest.parse(body)))


def written(cluster: Cluster) -> list[tuple[str, Any]]:
    found = [(key, None if value is None else json.loads(value)) for key, value in cluster.log.written]
    cluster.log.written.clear()
    return found


CONNECTOR = {"properties": {**MYSQL_CONFIG, "name": "shop"}}
TASK = {"properties": {**CONNECTOR["properties"], "task.class": "io.debezium.connector.mysql.MySqlConnectorTask"}}


def test_the_order_of_records_is_connects() -> None:
    cluster = Cluster()
    herder = cluster.herder
    create(cluster)
    assert written(cluster) == [("connector-shop", CONNECTOR), ("task-shop-0", TASK), ("commit-shop", {"tasks": 1})]
    asyncio.run(herder.pause("shop"))
    assert written(cluster) == [("target-state-shop", {"state": "PAUSED", "state.v2": "PAUSED"})]
    asyncio.run(herder.resume("shop"))
    assert written(cluster) == [("target-state-shop", {"state": "STARTED", "state.v2": "STARTED"})]
    asyncio.run(herder.stop("shop"))
    assert written(cluster) == [
        ("commit-shop", {"tasks": 0}),
        ("target-state-shop", {"state": "PAUSED", "state.v2": "STOPPED"}),
    ]
    asyncio.run(herder.resume("shop"))
    assert written(cluster) == [
        ("target-state-shop", {"state": "STARTED", "state.v2": "STARTED"}),
        ("task-shop-0", TASK),
        ("commit-shop", {"tasks": 1}),
    ]
    asyncio.run(herder.delete("shop"))
    assert written(cluster) == [("connector-shop", None), ("target-state-shop", None)]


@pytest.mark.parametrize("state", ["PAUSED", "stopped"])
def test_created_paused_or_stopped_has_no_tasks_until_resumed(state: str) -> None:
    cluster = Cluster()
    create(cluster, initial_state=state)
    assert [key for key, _ in written(cluster)] == ["target-state-shop", "connector-shop"]
    assert cluster.herder.tasks("shop") == []
    asyncio.run(cluster.herder.put_config("shop", {**MYSQL_CONFIG, "database.port": "3307"}))
    assert [key for key, _ in written(cluster)] == ["connector-shop"]
    asyncio.run(cluster.herder.resume("shop"))
    assert [key for key, _ in written(cluster)] == ["target-state-shop", "task-shop-0", "commit-shop"]
    assert cluster.herder.tasks("shop")[0]["config"]["database.port"] == "3307"


def test_created_with_state_running_says_so_first() -> None:
    cluster = Cluster()
    create(cluster, initial_state="running")
    assert [key for key, _ in written(cluster)][:2] == ["target-state-shop", "connector-shop"]


def test_secrets_never_leave_and_come_back_as_they_were() -> None:
    cluster = Cluster()
    answers = [create(cluster)]
    herder = cluster.herder
    cluster.settle()
    answers += [herder.connector_info("shop"), herder.tasks("shop")[0], herder.expand({"info", "status"})]
    read = herder.config("shop")
    assert read["database.password"] == "********"
    answers.append(asyncio.run(herder.put_config("shop", {**read, "database.port": "3307"}))[1])
    answers.append(asyncio.run(herder.patch_config("shop", {"database.password": "********"})))
    answers.append(asyncio.run(herder.validate("MySql", read)))
    assert "s3cret" not in json.dumps(answers)
    stored = json.loads(cluster.configs.values[b"connector-shop"])["properties"]
    assert (stored["database.password"], stored["database.port"]) == ("s3cret", "3307")
    asyncio.run(herder.patch_config("shop", {"database.password": "new"}))
    assert json.loads(cluster.configs.values[b"connector-shop"])["properties"]["database.password"] == "new"


def test_a_mask_without_a_stored_secret_is_refused() -> None:
    with pytest.raises(ConnectError, match="none is stored here: give the secret itself") as refused:
        asyncio.run(Cluster().herder.put_config("shop", {**MYSQL_CONFIG, "database.password": "********"}))
    assert refused.value.status == 400


def test_provider_references_stay_readable() -> None:
    cluster = Cluster()
    reference = "${file:/run/secrets/db.properties:password}"
    asyncio.run(cluster.herder.put_config("shop", {**MYSQL_CONFIG, "database.password": reference}))
    assert cluster.herder.config("shop")["database.password"] == reference


def test_two_creates_of_one_name_at_once_make_one() -> None:
    cluster = Cluster()
    request = CreateRequest.parse({"name": "shop", "config": dict(MYSQL_CONFIG)})

    async def both() -> list[Any]:
        outcomes = await asyncio.gather(*(cluster.herder.create(request) for _ in range(2)), return_exceptions=True)
        return list(outcomes)

    outcomes = asyncio.run(both())
    assert [getattr(outcome, "status", 201) for outcome in outcomes] == [201, 409]


def test_the_database_is_asked_only_about_a_sound_configuration_and_its_findings_are_errors() -> None:
    asked: list[MySqlConnectorConfig] = []

    def check(config: MySqlConnectorConfig, change: RouteChange) -> list[SourceFinding]:
        asked.append(config)
        return [SourceFinding("table.include.list", "No table matches 'x'")]

    cluster = Cluster(check)
    with pytest.raises(ConnectError, match=r"Unknown option 'databse.port'"):
        asyncio.run(cluster.herder.put_config("shop", {**MYSQL_CONFIG, "databse.port": "1"}))
    assert asked == []
    with pytest.raises(ConnectError, match=r"following 1 error.s.:\nNo table matches 'x'\n"):
        asyncio.run(cluster.herder.put_config("shop", MYSQL_CONFIG))
    infos = asyncio.run(cluster.herder.validate("MySql", {**MYSQL_CONFIG, "name": "shop"}))
    assert infos["error_count"] == 1
    assert [config.database_password.reveal() for config in asked] == ["s3cret", "s3cret"]
    assert cluster.log.written == []


def test_a_database_that_does_not_answer_holds_nothing_up() -> None:
    refused = threading.Event()

    def check(config: MySqlConnectorConfig, change: RouteChange) -> list[SourceFinding]:
        assert refused.wait(60)
        return []

    async def put() -> None:
        config = {**MYSQL_CONFIG, "connection.validation.timeout.ms": "50"}
        try:
            await Cluster(check).herder.put_config("shop", config)
        finally:
            refused.set()

    with pytest.raises(ConnectError, match=r"db.example:3306 did not answer within 50 ms"):
        asyncio.run(put())


def test_restarts_go_to_the_owner() -> None:
    cluster = Cluster()
    create(cluster)
    cluster.settle()
    cluster.report("status-task-shop-0", "FAILED", "GtidGap: gone\ntrace")
    herder = cluster.herder
    assert asyncio.run(herder.restart("shop", include_tasks=False, only_failed=False)) is None
    plan = asyncio.run(herder.restart("shop", include_tasks=True, only_failed=True))
    assert plan is not None
    assert (plan["connector"]["state"], plan["tasks"][0]["state"]) == ("RUNNING", "RESTARTING")
    assert "trace" not in plan["tasks"][0]
    asyncio.run(herder.restart_task("shop", 0))
    assert cluster.bus.sent == [
        ("shop", {"type": "restart", "include_tasks": False, "only_failed": False}),
        ("shop", {"type": "restart", "include_tasks": True, "only_failed": True}),
        ("shop", {"type": "restart_task", "task": 0}),
    ]


def test_a_connector_of_a_class_that_is_not_here_is_shown_and_can_be_deleted() -> None:
    cluster = Cluster()
    cluster.configs.put(b"connector-fs", b'{"properties":{"connector.class":"FileStreamSource","name":"fs"}}')
    assert cluster.herder.connector_info("fs")["type"] == "unknown"
    asyncio.run(cluster.herder.delete("fs"))
    assert cluster.herder.connectors() == []


def test_a_patch_of_a_configuration_that_changed_meanwhile_is_refused() -> None:
    cluster = Cluster()
    create(cluster)

    def meanwhile(config: MySqlConnectorConfig, change: RouteChange) -> list[SourceFinding]:
        changed = json.dumps({"properties": {**MYSQL_CONFIG, "name": "shop", "database.port": "1"}}).encode()
        cluster.configs.put(b"connector-shop", changed)
        return []

    raced = Cluster(meanwhile)
    raced.configs.values = cluster.configs.values
    with pytest.raises(ConnectError, match="due to stale configuration") as refused:
        asyncio.run(raced.herder.patch_config("shop", {"database.port": "3307"}))
    assert refused.value.status == 409
    assert raced.log.written == []


def test_a_broken_check_is_an_error_not_a_hang() -> None:
    def broken(config: MySqlConnectorConfig, change: RouteChange) -> list[SourceFinding]:
        raise ZeroDivisionError("oh")

    with pytest.raises(ZeroDivisionError):
        asyncio.run(Cluster(broken).herder.put_config("shop", MYSQL_CONFIG))
