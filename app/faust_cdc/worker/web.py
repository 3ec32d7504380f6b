"""The HTTP server: Faust's own web service with plain aiohttp routes, on a socket that is bound before anything else.

Faust starts its web server in the middle of its services, serves its own pages, and dies of a taken port with a
traceback from deep inside. Here the port is bound before the event loop runs (`bind_listener`): a taken port is one
line and exit code 2, and a client that connects before the loop runs waits in the accept queue instead of being
refused.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web as aiohttp_web
from aiohttp.typedefs import Handler, Middleware
from faust.web.drivers.aiohttp import Web as FaustWeb

from faust_cdc.errors import ConfigError

BACKLOG = 128
SHUTDOWN_TIMEOUT_S = 1.0
"""How long requests under way may take to end when the worker is being stopped."""

LOOKED_AT = frozenset({"/health", "/metrics"})
"""What is asked for again and again by who waits for nothing."""


def waking(wake: Callable[[], None]) -> Middleware:
    """Return a middleware that calls `wake` for each request of somebody who may wait for what it brings about."""

    @aiohttp_web.middleware
    async def middleware(request: aiohttp_web.Request, handler: Handler) -> aiohttp_web.StreamResponse:
        if request.path not in LOOKED_AT:
            wake()
        return await handler(request)

    return middleware


def bind_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises ConfigError naming port and option when it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=False)
    except OSError as error:
        problem = {
            errno.EADDRINUSE: "is taken by another program",
            errno.EACCES: "may not be bound by this user (below 1024 needs a privilege)",
            errno.EADDRNOTAVAIL: "cannot be bound: the host is not one of this machine's",
        }.get(error.errno or 0, f"cannot be bound: {error.strerror or error}")
        raise ConfigError(
            f"Port {port} of {host} {problem} (worker option 'listeners', found 'http://{host}:{port}').",
            remedy=f"stop the other program or choose another port: --port or listeners=http://{host}:PORT",
        ) from error
    listener.setblocking(False)
    return listener


class ConnectWeb(FaustWeb):  # type: ignore[misc]
    """Faust's web service without its own pages, serving the worker's routes on an already bound socket."""

    default_blueprints: tuple[Any, ...] = ()
    production_blueprints: tuple[Any, ...] = ()
    debug_blueprints: tuple[Any, ...] = ()
    optional_blueprints: tuple[Any, ...] = ()

    listener: socket.socket | None = None
    _routes_added = False

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        # aiohttp would wait a minute for requests that Kafka keeps from being answered.
        self._runner = aiohttp_web.AppRunner(self.web_app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)

    def add_routes_once(self, routes: Callable[[], Iterable[aiohttp_web.AbstractRouteDef]]) -> None:
        """Add the routes; Faust initialises the server twice, aiohttp takes a route only once."""
        if not self._routes_added:
            self._routes_added = True
            self.web_app.add_routes(routes())

    def _create_site(self) -> aiohttp_web.BaseSite:
        if self.listener is None:
            site: aiohttp_web.BaseSite = super()._create_site()
            return site
        return aiohttp_web.SockSite(self._runner, self.listener)
