"""A request wakes the worker, unless it only looks at how it is."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from faust_cdc.worker.web import waking


@pytest.mark.parametrize(("path", "woken"), [("/connectors/a/status", 1), ("/health", 0), ("/metrics", 0)])
def test_who_may_wait_for_something_wakes_the_worker(path: str, woken: int) -> None:
    calls: list[None] = []

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="here")

    async def ask() -> str:
        application = web.Application(middlewares=[waking(lambda: calls.append(None))])
        application.router.add_get(path, answer)
        async with TestClient(TestServer(application)) as client, client.get(path) as response:
            return await response.text()

    assert asyncio.run(ask()) == "here"
    assert len(calls) == woken
