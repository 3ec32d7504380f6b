"""`GET /metrics`: the worker's numbers for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from faust_cdc.metrics.exposition import CONTENT_TYPE

Render = Callable[[], bytes]
"""Writes the page; called in a thread, for many connectors make a long one."""


def metrics_routes(snapshot: Callable[[], Render]) -> list[web.RouteDef]:
    """Return the route; `snapshot` is called on the event loop and returns what writes the page."""

    async def metrics(_: web.Request) -> web.StreamResponse:
        page = await asyncio.to_thread(snapshot())
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE})

    return [web.get("/metrics", metrics), web.get("/metrics/", metrics)]
