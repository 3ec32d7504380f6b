"""Routes of tables over REST: bodies in, entities out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web

from faust_cdc.connect.entities import ConnectError, plain_numbers
from faust_cdc.connect.herder import NOT_READY
from faust_cdc.connect.routes import ConnectorRoutes
from faust_cdc.rest.server import REQUEST_TIMEOUT_S, json_body, json_response, read_flag

RoutesProvider = Callable[[], "ConnectorRoutes | None"]
"""Gives the routes, or None while the worker is not that far yet."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def table_routes(provider: RoutesProvider) -> list[web.RouteDef]:
    """`GET /connectors/{c}/routes` and `GET`, `PUT`, `DELETE …/routes/{table}`."""

    def here(request: web.Request) -> ConnectorRoutes:
        found = provider()
        if found is None:
            raise ConnectError(503 if request.method in ("GET", "HEAD") else 409, NOT_READY)
        return found

    async def listed(request: web.Request) -> web.StreamResponse:
        return json_response(here(request).all(request.match_info["name"]))

    async def shown(request: web.Request) -> web.StreamResponse:
        return json_response(here(request).one(request.match_info["name"], request.match_info["table"]))

    async def put(request: web.Request) -> web.StreamResponse:
        name, table = request.match_info["name"], request.match_info["table"]
        reorder, body = read_flag(request, "reorder", False), plain_numbers(await json_body(request))
        work = here(request).put(name, table, body, may_reorder=reorder)
        is_new, entity = await asyncio.wait_for(work, REQUEST_TIMEOUT_S)
        place = f"{request.url.origin()}/connectors/{quote(name, safe='')}/routes/{quote(table, safe='')}"
        return json_response(entity, 201, {"Location": place}) if is_new else json_response(entity)

    async def delete(request: web.Request) -> web.StreamResponse:
        name, table = request.match_info["name"], request.match_info["table"]
        work = here(request).delete(name, table, may_reorder=read_flag(request, "reorder", False))
        await asyncio.wait_for(work, REQUEST_TIMEOUT_S)
        return web.Response(status=204)

    routes: list[tuple[str, str, _Handler]] = [
        ("GET", "", listed),
        ("GET", "/{table}", shown),
        ("PUT", "/{table}", put),
        ("DELETE", "/{table}", delete),
    ]
    return [
        web.route(method, f"/connectors/{{name}}/routes{path}{slash}", handler)
        for method, path, handler in routes
        for slash in ("", "/")
    ]
