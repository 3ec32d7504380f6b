"""A real aiohttp server with Connect's routes over a memory cluster, and a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from faust_cdc.connect.herder import Herder
from faust_cdc.rest.server import connect_routes, error_middleware
from tests.connect.memory import Cluster

T = TypeVar("T")
Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def serving(provider: Callable[[], Herder | None]) -> AsyncIterator[Client]:
    """A client of a server on a free port."""
    application = web.Application(middlewares=[error_middleware])
    application.add_routes(connect_routes(provider))
    async with TestClient(TestServer(application)) as client:
        yield client


def against(cluster: Cluster | None, steps: Callable[[Client], Awaitable[T]]) -> T:
    """Run the steps against a server over `cluster`; None: the worker has no herder yet."""

    async def run() -> T:
        async with serving(lambda: cluster.herder if cluster else None) as client:
            return await steps(client)

    return asyncio.run(run())


async def call(client: Client, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
    """Status and decoded body (None when empty) of one request; errors must have Connect's shape."""
    if body is not None:
        options["json"] = body
    url = URL(path, encoded=True)
    async with client.session.request(method, client.make_url("/").join(url), **options) as response:
        text = await response.text()
        if not text:
            return response.status, None
        assert response.headers["Content-Type"] == "application/json"
        value = await response.json()
    if response.status >= 400 and path != "/health":
        assert sorted(value) == ["error_code", "message"]
        assert value["error_code"] == response.status
    return response.status, value
