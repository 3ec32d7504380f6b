"""Notifications over REST, where Debezium has JMX: the last ones, and a stream of those to come.

They are kept by the worker that runs the connector's task; another one sends the client there (307).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from aiohttp import web

from faust_cdc.connect.entities import ConnectError
from faust_cdc.connect.herder import NOT_READY, Herder
from faust_cdc.notifications.board import NotificationBoard, Posted, TooManyListeners
from faust_cdc.rest.server import HerderProvider, json_response

KEEP_ALIVE_S: Final = 15.0
"""How often a stream without notifications says that it is alive: proxies close silent ones."""
RETRY_S: Final = 1

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def notification_routes(
    herder_provider: HerderProvider, board: NotificationBoard, worker_id: str
) -> list[web.RouteDef]:
    """`GET /connectors/{c}/notifications` and `…/notifications/stream` (server-sent events)."""

    def here(request: web.Request) -> str:
        return _connector_here(herder_provider(), worker_id, request)

    async def recent(request: web.Request) -> web.StreamResponse:
        posted = board.recent(here(request))
        return json_response({"notifications": [one.notification.as_record() for one in posted]})

    async def stream(request: web.Request) -> web.StreamResponse:
        connector, after = here(request), _last_event_id(request)
        try:
            with board.listening(connector, after) as (kept, listener):
                answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
                await answer.prepare(request)
                await answer.write(b"retry: %d\n\n" % (RETRY_S * 1000))
                for posted in kept:
                    await answer.write(_event(posted))
                while True:
                    posted_now = await listener.next(KEEP_ALIVE_S)
                    await answer.write(b": still here\n\n" if posted_now is None else _event(posted_now))
        except TooManyListeners as error:
            raise ConnectError(429, f"Too many clients read notifications of this worker: {error}.") from error
        except ConnectionResetError:
            return answer

    routes: list[tuple[str, _Handler]] = [("", recent), ("/stream", stream)]
    return [
        web.get(f"/connectors/{{name}}/notifications{path}{slash}", handler)
        for path, handler in routes
        for slash in ("", "/")
    ]


def _connector_here(herder: Herder | None, worker_id: str, request: web.Request) -> str:
    """Return the connector's name if its task is here. Raises ConnectError, or the redirect to where it is."""
    if herder is None:
        raise ConnectError(503, NOT_READY)
    name = request.match_info["name"]
    owner = herder.owner(name)
    if owner is not None and owner != worker_id:
        path = request.path.removeprefix("/connectors/").rpartition("/notifications")[2]
        location = f"{request.scheme}://{owner}/connectors/{quote(name, safe='')}/notifications{path}"
        raise web.HTTPTemporaryRedirect(location)
    return name


def _last_event_id(request: web.Request) -> int | None:
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _event(posted: Posted) -> bytes:
    data = json.dumps(posted.notification.as_record(), separators=(",", ":"), ensure_ascii=False)
    return f"id: {posted.number}\nevent: notification\ndata: {data}\n\n".encode()
