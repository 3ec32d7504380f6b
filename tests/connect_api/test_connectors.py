"""Resources whose recorded bodies cannot be played again as they are, and what is better than recorded."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from faust_cdc.config.versions import COMMIT
from tests.connect.memory import MYSQL_CONFIG, Cluster
from tests.connect_api.harness import Client, against, call

CREATE = {"name": "shop", "config": MYSQL_CONFIG}


def one(cluster: Cluster, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
    async def steps(client: Client) -> tuple[int, Any]:
        return await call(client, method, path, body, **options)

    return against(cluster, steps)


def with_shop(**state: str) -> Cluster:
    cluster = Cluster()
    assert one(cluster, "POST", "/connectors", CREATE | state)[0] == 201
    cluster.settle()
    return cluster


def test_root() -> None:
    cluster = Cluster()
    cluster.herder.kafka_cluster_id = "MkU3OEVBNTcwNTJENDM2Qk"
    expected = {"version": "4.3.1", "commit": COMMIT, "kafka_cluster_id": "MkU3OEVBNTcwNTJENDM2Qk"}
    assert one(cluster, "GET", "/") == (200, expected)


def test_health() -> None:
    message = "Worker has completed startup and is ready to handle requests."
    assert one(Cluster(), "GET", "/health") == (200, {"status": "healthy", "message": message})


def test_expand() -> None:
    cluster = with_shop()
    info = one(cluster, "GET", "/connectors/shop")[1]
    status = one(cluster, "GET", "/connectors/shop/status")[1]
    assert one(cluster, "GET", "/connectors") == (200, ["shop"])
    assert one(cluster, "GET", "/connectors?expand=info")[1] == {"shop": {"info": info}}
    assert one(cluster, "GET", "/connectors?expand=status")[1] == {"shop": {"status": status}}
    both = one(cluster, "GET", "/connectors?expand=status&expand=info")[1]
    assert both == {"shop": {"info": info, "status": status}}
    assert list(both["shop"]) == ["info", "status"]
    assert one(cluster, "GET", "/connectors?expand=bogus")[1] == {"shop": {}}
    assert one(Cluster(), "GET", "/connectors?expand=status")[1] == {}


def test_config_and_tasks_show_no_secret() -> None:
    cluster = with_shop()
    masked = {**MYSQL_CONFIG, "database.password": "********", "name": "shop"}
    assert one(cluster, "GET", "/connectors/shop/config") == (200, masked)
    task = {"id": {"connector": "shop", "task": 0}, "config": masked}
    task["config"] = {**masked, "task.class": "io.debezium.connector.mysql.MySqlConnectorTask"}
    assert one(cluster, "GET", "/connectors/shop/tasks") == (200, [task])


def test_offsets() -> None:
    cluster = with_shop()
    assert one(cluster, "GET", "/connectors/shop/offsets") == (200, {"offsets": []})
    cluster.offsets.put(b'["shop",{"server":"shop"}]', b'{"ts_sec":1,"file":"binlog.000003","pos":154}')
    expected = [{"partition": {"server": "shop"}, "offset": {"ts_sec": 1, "file": "binlog.000003", "pos": 154}}]
    assert one(cluster, "GET", "/connectors/shop/offsets") == (200, {"offsets": expected})


def test_offsets_are_reset_in_connects_words() -> None:
    cluster = with_shop()
    status, body = one(cluster, "DELETE", "/connectors/shop/offsets")
    assert (status, body["message"].split(".")[0]) == (
        400,
        "Connectors must be in the STOPPED state before their offsets can be modified",
    )
    assert one(cluster, "PUT", "/connectors/shop/stop") == (204, None)
    cluster.settle()
    expected = {"message": "The offsets for this connector have been reset successfully"}
    for _ in range(2):
        assert one(cluster, "DELETE", "/connectors/shop/offsets") == (200, expected)
    assert one(cluster, "GET", "/connectors/shop/snapshot")[1]["snapshot"] is None


def test_a_failed_task_shows_cause_and_trace_and_the_connector_stays_running() -> None:
    cluster = with_shop()
    cluster.report("status-task-shop-0", "FAILED", "GtidGap: gone. Remedy: take a new snapshot.\n\ttrace")
    status = one(cluster, "GET", "/connectors/shop/status")[1]
    assert status["connector"]["state"] == "RUNNING"
    assert "trace" not in status["connector"]
    assert status["tasks"][0]["trace"].startswith("GtidGap: gone. Remedy:")
    assert list(status["tasks"][0]) == ["id", "state", "worker_id", "version", "trace"]


def test_status_before_anybody_reported_is_404_as_recorded() -> None:
    cluster = Cluster()
    one(cluster, "POST", "/connectors", CREATE)
    assert one(cluster, "GET", "/connectors/shop/status")[1]["message"] == "No status found for connector shop"


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/connectors/none", "Connector none not found"),
        ("GET", "/connectors/none/config", "Connector none not found"),
        ("PATCH", "/connectors/none/config", "Connector none not found"),
        ("GET", "/connectors/none/tasks", "Connector none not found"),
        ("GET", "/connectors/none/offsets", "Connector none not found"),
        ("DELETE", "/connectors/none/offsets", "Connector none not found"),
        ("GET", "/connectors/none/snapshot", "Connector none not found"),
        ("DELETE", "/connectors/none", "Connector none not found"),
        ("GET", "/connectors/none/status", "No status found for connector none"),
        ("GET", "/connectors/none/tasks/0/status", "No status found for task none-0"),
        ("POST", "/connectors/none/tasks/0/restart", "Unknown connector: none"),
        ("POST", "/connectors/none/restart", "Unknown connector: none"),
        ("PUT", "/connectors/none/pause", "Unknown connector none"),
        ("PUT", "/connectors/none/resume", "Unknown connector none"),
        ("PUT", "/connectors/none/stop", "Unknown connector none"),
        ("GET", "/connector-plugins/Nope/config", "Unknown plugin Nope."),
        ("GET", "/nonexist", "HTTP 404 Not Found"),
        ("GET", "/connectors/none/tasks/x/status", "HTTP 404 Not Found"),
        ("GET", "/connectors/none/tasks-config", "HTTP 404 Not Found"),
    ],
)
def test_404_texts_are_connects(method: str, path: str, message: str) -> None:
    body: dict[str, str] | None = {} if method == "PATCH" else None
    assert one(Cluster(), method, path, body) == (404, {"error_code": 404, "message": message})


@pytest.mark.parametrize("name", ["a/b c%d", "%2F", "größe-π", "a b", "..", "a?b#c", "tasks", "x" * 200, "a+b&c=d"])
def test_any_name_can_be_created_read_paused_and_deleted(name: str) -> None:
    async def steps(client: Client) -> None:
        path = "/connectors/" + quote(name, safe="").replace("..", "%2E%2E")
        assert (await call(client, "POST", "/connectors", {"name": name, "config": MYSQL_CONFIG}))[0] == 201
        assert (await call(client, "GET", "/connectors"))[1] == [name]
        assert (await call(client, "GET", path))[1]["name"] == name
        assert (await call(client, "GET", path + "/config"))[1]["name"] == name
        cluster.settle()
        assert (await call(client, "GET", path + "/status"))[1]["name"] == name
        assert (await call(client, "PUT", path + "/pause"))[0] == 202
        assert (await call(client, "POST", path + "/restart"))[0] == 204
        assert (await call(client, "DELETE", path))[0] == 204
        assert (await call(client, "GET", path))[1]["message"] == f"Connector {name} not found"

    cluster = Cluster()
    against(cluster, steps)


def test_location_leads_back_to_the_connector() -> None:
    async def steps(client: Client) -> None:
        created = await client.post("/connectors", json={"name": "a/b c%d", "config": MYSQL_CONFIG})
        assert created.status == 201
        location = created.headers["Location"]
        assert location == str(client.make_url("/")) + "connectors/a%2Fb%20c%25d"
        status, info = await call(client, "GET", "/connectors/" + location.rpartition("/")[2])
        assert (status, info["name"]) == (200, "a/b c%d")

    against(Cluster(), steps)


@pytest.mark.parametrize("path", ["/connectors", "/connectors/shop", "/connectors/shop/status", "/connector-plugins"])
def test_a_slash_at_the_end_changes_nothing(path: str) -> None:
    cluster = with_shop()
    assert one(cluster, "GET", path + "/") == one(cluster, "GET", path)


def test_methods_and_head() -> None:
    cluster = with_shop()
    assert one(cluster, "HEAD", "/connectors") == (200, None)
    assert one(cluster, "DELETE", "/connectors")[0] == 405
    assert one(cluster, "PUT", "/connectors/shop") == (
        405,
        {"error_code": 405, "message": "HTTP 405 Method Not Allowed"},
    )


@pytest.mark.parametrize("flag", ["includeTasks", "onlyFailed"])
def test_a_flag_that_is_none_is_refused(flag: str) -> None:
    status, answer = one(with_shop(), "POST", f"/connectors/shop/restart?{flag}=yes")
    assert (status, answer["message"]) == (400, f"The query parameter '{flag}' must be true or false, found 'yes'.")
