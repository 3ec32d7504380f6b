"""The server while the worker starts, and what becomes of errors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from faust_cdc.config.versions import COMMIT
from faust_cdc.connect.herder import NOT_READY
from faust_cdc.errors import BrokerRefused, BrokerUnavailable, ConfigError
from faust_cdc.rest import server
from faust_cdc.rest.server import error_middleware
from tests.connect.memory import MYSQL_CONFIG, Cluster
from tests.connect_api.harness import Client, against, call


def starting() -> Cluster:
    cluster = Cluster()
    cluster.set_ready(False)
    cluster.herder.startup_stage = "Reading faust-cdc-configs."
    return cluster


@pytest.mark.parametrize("cluster", [None, starting()], ids=["no herder yet", "views not read yet"])
def test_before_the_worker_is_ready(cluster: Cluster | None) -> None:
    async def steps(client: Client) -> None:
        root = {"version": "4.3.1", "commit": COMMIT, "kafka_cluster_id": None}
        assert await call(client, "GET", "/") == (200, root)
        status, health = await call(client, "GET", "/health")
        assert (status, health["status"]) == (503, "starting")
        stage = "Reading faust-cdc-configs." if cluster else "Waiting for Kafka."
        assert health["message"] == f"Worker is still starting up. {stage}"
        for path in ("/connectors", "/connectors?expand=status", "/connectors/a", "/connectors/a/status"):
            assert await call(client, "GET", path) == (503, {"error_code": 503, "message": NOT_READY})
        writes: list[tuple[str, str, Any]] = [
            ("POST", "/connectors", {"name": "a", "config": MYSQL_CONFIG}),
            ("PUT", "/connectors/a/config", MYSQL_CONFIG),
            ("PATCH", "/connectors/a/config", {}),
            ("DELETE", "/connectors/a", None),
            ("PUT", "/connectors/a/pause", None),
            ("PUT", "/connectors/a/resume", None),
            ("PUT", "/connectors/a/stop", None),
            ("POST", "/connectors/a/restart", None),
            ("POST", "/connectors/a/tasks/0/restart", None),
        ]
        for method, path, body in writes:
            assert await call(client, method, path, body) == (409, {"error_code": 409, "message": NOT_READY})

    against(cluster, steps)


def answer_to(raised: BaseException) -> tuple[int, str]:
    async def handle(_: web.Request) -> web.StreamResponse:
        raise raised

    async def run() -> tuple[int, str]:
        application = web.Application(middlewares=[error_middleware])
        application.add_routes([web.get("/", handle)])
        async with TestClient(TestServer(application)) as client:
            status, body = await call(client, "GET", "/")
            return status, body["message"]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("raised", "status", "text"),
    [
        (ConfigError("No.", remedy="yes"), 400, "No. Remedy: yes"),
        (BrokerUnavailable("Kafka is away."), 503, "Kafka is away."),
        (BrokerRefused("No right."), 500, "No right."),
        (
            TimeoutError(),
            500,
            "Request timed out after 90 s: Kafka, or a database that was asked, does not answer the worker. See the "
            "worker's log, then ask again.",
        ),
        (ValueError("odd"), 500, "Internal error: ValueError: odd. The worker's log has the details."),
        (web.HTTPUnauthorized(), 401, "HTTP 401 Unauthorized"),
    ],
)
def test_every_error_has_connects_shape(raised: BaseException, status: int, text: str) -> None:
    assert answer_to(raised) == (status, text)


def test_errors_that_are_json_already_pass() -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        text = '{"error_code":40401,"message":"Subject not found."}'
        raise web.HTTPNotFound(text=text, content_type="application/vnd.schemaregistry.v1+json")

    async def run() -> dict[str, Any]:
        application = web.Application(middlewares=[error_middleware])
        application.add_routes([web.get("/", handle)])
        async with TestClient(TestServer(application)) as client, client.get("/") as response:
            value: dict[str, Any] = await response.json(content_type=None)
            return value

    assert asyncio.run(run())["error_code"] == 40401


def test_an_operation_that_never_ends_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_TIMEOUT_S", 0.05)
    cluster = Cluster()

    async def never(records: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(cluster.log, "append", never)

    async def steps(client: Client) -> tuple[int, Any]:
        return await call(client, "PUT", "/connectors/a/config", MYSQL_CONFIG)

    status, body = against(cluster, steps)
    assert (status, body["message"].startswith("Request timed out")) == (500, True)
