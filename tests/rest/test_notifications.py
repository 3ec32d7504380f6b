"""Signals in and notifications out over HTTP, on a real server over a memory cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from faust_cdc.connect.entities import CreateRequest
from faust_cdc.connect.herder import NOT_READY, Herder
from faust_cdc.notifications.board import LISTENERS_MAX, NotificationBoard
from faust_cdc.notifications.notification import InitialNotices, Notification
from faust_cdc.rest.notifications_api import notification_routes
from faust_cdc.rest.server import connect_routes, error_middleware
from tests.connect.memory import MYSQL_CONFIG, WORKER_ID, Cluster
from tests.connect_api.harness import Client, against, call

EXECUTE = {"id": "s1", "type": "execute-snapshot", "data": {"data-collections": ["shop.orders"]}}


def cluster_with(name: str = "shop", **members: Any) -> Cluster:
    cluster = Cluster()
    body = {"name": name, "config": dict(MYSQL_CONFIG), **members}
    asyncio.run(cluster.herder.create(CreateRequest.parse(body)))
    cluster.settle()
    return cluster


def test_a_signal_goes_to_the_holder_as_a_command() -> None:
    cluster = cluster_with()

    async def steps(client: Client) -> None:
        assert await call(client, "POST", "/connectors/shop/signals", EXECUTE) == (202, {"id": "s1"})
        status, made_up = await call(
            client, "POST", "/connectors/shop/signals", {"type": "log", "data": {"message": "x", "n": [1.5, 2, None]}}
        )
        assert status == 202
        assert len(made_up["id"]) == 36

    against(cluster, steps)
    (_, first), (_, second) = cluster.bus.sent
    assert {name for name, _ in cluster.bus.sent} == {"shop"}
    data = '{"data-collections": ["shop.orders"]}'
    assert first == {"type": "signal", "signal": {"id": "s1", "type": "execute-snapshot", "data": data}}
    assert json.loads(second["signal"]["data"]) == {"message": "x", "n": [1.5, 2, None]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "The body is no signal: a signal is a JSON object"),
        ({"data": {}}, "a signal has a 'type' that is a text"),
        ({"type": "log", "data": []}, "the 'data' of a signal is an object"),
        ({"type": "dance"}, "Signal 'dance' is not taken: its type is not known"),
        ({"type": "log", "data": {}}, "'message' is missing"),
        ({"type": "log", "data": "{"}, "its data is not JSON"),
        ({"type": "snapshot-window-open"}, "it is one of the connector's own"),
    ],
)
def test_a_signal_that_nobody_would_take_is_refused_at_once(body: Any, said: str) -> None:
    cluster = cluster_with()

    async def steps(client: Client) -> None:
        status, answer = await call(client, "POST", "/connectors/shop/signals", body)
        assert status == 400
        assert said in answer["message"]

    against(cluster, steps)
    assert cluster.bus.sent == []


def test_only_a_connector_that_runs_takes_signals() -> None:
    cluster = cluster_with(initial_state="PAUSED")

    async def steps(client: Client) -> None:
        status, answer = await call(client, "POST", "/connectors/shop/signals", EXECUTE)
        assert (status, "PAUSED" in answer["message"]) == (409, True)
        assert (await call(client, "POST", "/connectors/none/signals", EXECUTE))[0] == 404

    against(cluster, steps)
    assert cluster.bus.sent == []


@asynccontextmanager
async def serving(board: NotificationBoard, herder: Herder | None, worker_id: str = WORKER_ID) -> AsyncIterator[Client]:
    application = web.Application(middlewares=[error_middleware])
    application.add_routes(connect_routes(lambda: herder) + notification_routes(lambda: herder, board, worker_id))
    async with TestClient(TestServer(application)) as client:
        yield client


def run(steps: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(steps(), 120))


def note() -> Notification:
    return InitialNotices("gp").started()


def test_the_last_notifications() -> None:
    cluster, board = cluster_with("a/b"), NotificationBoard()

    async def steps() -> None:
        async with serving(board, cluster.herder) as client:
            assert await call(client, "GET", "/connectors/a%2Fb/notifications") == (200, {"notifications": []})
            first, second = note(), note()
            board.post("a/b", first)
            board.post("other", note())
            board.post("a/b", second)
            expected = {"notifications": [first.as_record(), second.as_record()]}
            assert await call(client, "GET", "/connectors/a%2Fb/notifications/") == (200, expected)
            assert (await call(client, "GET", "/connectors/none/notifications"))[0] == 404
        async with serving(board, None) as client:
            assert await call(client, "GET", "/connectors/c/notifications") == (
                503,
                {"error_code": 503, "message": NOT_READY},
            )

    run(steps)


def test_another_worker_sends_the_client_to_the_one_that_runs_the_task() -> None:
    cluster = cluster_with("a/b")

    async def steps() -> None:
        async with serving(NotificationBoard(), cluster.herder, "127.0.0.1:9") as client:
            for path in ("notifications", "notifications/stream"):
                answer = await client.get(f"/connectors/a%2Fb/{path}", allow_redirects=False)
                assert answer.status == 307
                assert answer.headers["Location"] == f"http://{WORKER_ID}/connectors/a%2Fb/{path}"

    run(steps)


async def next_event(answer: Any) -> dict[str, str]:
    """Return the fields of the next event that is no comment and no hint about retries."""
    while True:
        lines = (await answer.content.readuntil(b"\n\n")).decode().strip().split("\n")
        fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
        if "data" in fields:
            return fields


def test_notifications_as_they_come() -> None:
    cluster, board = cluster_with(), NotificationBoard()

    async def steps() -> None:
        board.post("shop", note())
        async with serving(board, cluster.herder) as client:
            async with client.get("/connectors/shop/notifications/stream") as answer:
                assert answer.headers["Content-Type"] == "text/event-stream"
                await answer.content.readuntil(b"\n\n")  # it listens now
                board.post("other", note())
                second, third = note(), note()
                board.post("shop", second)
                event = await next_event(answer)
                assert event["event"] == "notification"
                assert json.loads(event["data"]) == second.as_record()
            board.post("shop", third)
            headers = {"Last-Event-ID": event["id"]}
            async with client.get("/connectors/shop/notifications/stream", headers=headers) as answer:
                assert json.loads((await next_event(answer))["data"]) == third.as_record()

    run(steps)


def test_so_many_listen_and_no_more() -> None:
    cluster, board = cluster_with(), NotificationBoard()

    async def steps() -> None:
        held = [board.listening("shop") for _ in range(LISTENERS_MAX)]
        for one in held:
            one.__enter__()
        async with serving(board, cluster.herder) as client:
            status, answer = await call(client, "GET", "/connectors/shop/notifications/stream")
            assert (status, answer["message"]) == (
                429,
                f"Too many clients read notifications of this worker: {LISTENERS_MAX} listen already.",
            )

    run(steps)
