"""Connect's REST API as aiohttp routes over a `Herder`: bodies in, entities out, no logic.

The server answers before the worker has joined anything: `GET /` and `/health` at once, everything else with
409 or 503 and a text that says so. Every error is `{"error_code", "message"}` in JSON, unknown paths included;
a trace goes to the log, never to the client.

Names: a path segment is percent-decoded once, `%2F` and `%25` too, so a connector may be called anything that
has no control characters, and can be deleted again (Connect 4.3.1 answers such names with an HTML page). A
slash at the end of a path is tolerated.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from aiohttp import web

from faust_cdc.config.versions import COMMIT, CONNECT_VERSION
from faust_cdc.connect.entities import ConnectError, CreateRequest, config_map, parse_json, plain_numbers
from faust_cdc.connect.herder import NOT_READY, Herder
from faust_cdc.errors import CdcError, Disposition

log = logging.getLogger(__name__)

BODY_BYTES_MAX: Final = 1024 * 1024
"""A connector configuration is a few kilobytes; larger bodies are refused with 413 before they are read."""

REQUEST_TIMEOUT_S: Final = 90.0
"""Connect's own (`DEFAULT_REST_REQUEST_TIMEOUT_MS`)."""

HerderProvider: TypeAlias = Callable[[], "Herder | None"]
"""Gives the herder, or None while the worker is not that far yet."""

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Operation: TypeAlias = Callable[[Herder, web.Request], Awaitable[web.StreamResponse]]


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer as Connect writes it: no blanks, UTF-8, `application/json` without parameters."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def error_response(status: int, message: str) -> web.Response:
    """Connect's error body; `error_code` is the HTTP status."""
    return json_response({"error_code": status, "message": message}, status)


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn everything that is raised into a JSON error with a text that says what and how to mend it."""
    try:
        return await handler(request)
    except ConnectError as error:
        return error_response(error.status, error.message)
    except CdcError as error:
        return error_response(_status_of(error), str(error))
    except web.HTTPException as error:
        if error.status < 400 or "json" in error.content_type:
            raise
        return _http_error(request, error)
    except TimeoutError:
        log.warning("%s %s timed out after %g s", request.method, request.rel_url, REQUEST_TIMEOUT_S)
        return error_response(
            500,
            f"Request timed out after {REQUEST_TIMEOUT_S:g} s: Kafka, or a database that was asked, does not answer "
            "the worker. See the worker's log, then ask again.",
        )
    except Exception as error:
        log.exception("%s %s failed", request.method, request.rel_url)
        return error_response(
            500, f"Internal error: {type(error).__name__}: {error}. The worker's log has the details."
        )


def _status_of(error: CdcError) -> int:
    return {Disposition.REJECT: 400, Disposition.RETRY: 503}.get(error.disposition, 500)


def _http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    message = f"HTTP {error.status} {error.reason}"
    response = error_response(error.status, message)
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = ",".join(sorted(error.allowed_methods))
    return response


def connect_routes(herder_provider: HerderProvider) -> list[web.RouteDef]:
    """All routes of Connect's REST API that this version has. Install `error_middleware` in the same application."""

    def bound(operation: _Operation) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            herder = herder_provider()
            if herder is None:
                raise ConnectError(503 if request.method in ("GET", "HEAD") else 409, NOT_READY)
            return await asyncio.wait_for(operation(herder, request), REQUEST_TIMEOUT_S)

        return handle

    async def root(_: web.Request) -> web.StreamResponse:
        herder = herder_provider()
        if herder is None:
            return json_response({"version": CONNECT_VERSION, "commit": COMMIT, "kafka_cluster_id": None})
        return json_response(herder.server_info())

    async def health(_: web.Request) -> web.StreamResponse:
        herder = herder_provider()
        if herder is None:
            message = "Worker is still starting up. Waiting for Kafka."
            return json_response({"status": "starting", "message": message}, 503)
        status, body = herder.health()
        return json_response(body, status)

    routes = [
        web.get("/health", health),
        web.get("/connectors", bound(_list)),
        web.post("/connectors", bound(_create)),
        web.get("/connectors/{name}", bound(_info)),
        web.delete("/connectors/{name}", bound(_delete)),
        web.get("/connectors/{name}/config", bound(_config)),
        web.put("/connectors/{name}/config", bound(_put_config)),
        web.patch("/connectors/{name}/config", bound(_patch_config)),
        web.get("/connectors/{name}/status", bound(_status)),
        web.get("/connectors/{name}/tasks", bound(_tasks)),
        web.get(r"/connectors/{name}/tasks/{task:\d{1,9}}/status", bound(_task_status)),
        web.post(r"/connectors/{name}/tasks/{task:\d{1,9}}/restart", bound(_restart_task)),
        web.post("/connectors/{name}/restart", bound(_restart)),
        web.put("/connectors/{name}/pause", bound(_pause)),
        web.put("/connectors/{name}/resume", bound(_resume)),
        web.put("/connectors/{name}/stop", bound(_stop)),
        web.get("/connectors/{name}/offsets", bound(_offsets)),
        web.delete("/connectors/{name}/offsets", bound(_reset_offsets)),
        web.get("/connectors/{name}/snapshot", bound(_snapshot)),
        web.post("/connectors/{name}/signals", bound(_signal)),
        web.get("/connector-plugins", bound(_plugins)),
        web.get("/connector-plugins/{plugin}/config", bound(_plugin_config)),
        web.put("/connector-plugins/{plugin}/config/validate", bound(_validate)),
    ]
    slashed = [web.route(route.method, route.path + "/", route.handler) for route in routes]
    return [web.get("/", root), *routes, *slashed]


# ---- requests


async def json_body(request: web.Request) -> Any:
    """The JSON value of the request's body.

    Raises `ConnectError` 415 for another content type, 413 for a large body, 400 for what is not JSON.
    """
    if "Content-Type" in request.headers and request.content_type != "application/json":
        raise ConnectError(415, "HTTP 415 Unsupported Media Type")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise ConnectError(413, f"The request body is larger than {BODY_BYTES_MAX} bytes.")
    return parse_json(bytes(body))


def _name(request: web.Request) -> str:
    return request.match_info["name"]


def read_flag(request: web.Request, name: str, default: bool) -> bool:
    """Return a query parameter that is true or false. Raises `ConnectError` 400 for another text."""
    text = request.query.get(name)
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise ConnectError(400, f"The query parameter '{name}' must be true or false, found '{text}'.")
    return text.lower() == "true"


def _location(request: web.Request, name: str) -> dict[str, str]:
    return {"Location": f"{request.url.origin()}/connectors/{quote(name, safe='')}"}


# ---- operations


async def _list(herder: Herder, request: web.Request) -> web.StreamResponse:
    if "expand" in request.query:
        return json_response(herder.expand(set(request.query.getall("expand"))))
    return json_response(herder.connectors())


async def _create(herder: Herder, request: web.Request) -> web.StreamResponse:
    created = CreateRequest.parse(await json_body(request))
    return json_response(await herder.create(created), 201, _location(request, created.name))


async def _info(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.connector_info(_name(request)))


async def _delete(herder: Herder, request: web.Request) -> web.StreamResponse:
    await herder.delete(_name(request))
    return web.Response(status=204)


async def _config(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.config(_name(request)))


async def _put_config(herder: Herder, request: web.Request) -> web.StreamResponse:
    name = _name(request)
    is_new, info = await herder.put_config(name, config_map(await json_body(request)))
    return json_response(info, 201, _location(request, name)) if is_new else json_response(info)


async def _patch_config(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(await herder.patch_config(_name(request), config_map(await json_body(request))))


async def _status(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.status(_name(request)))


async def _tasks(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.tasks(_name(request)))


async def _task_status(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.task_status(_name(request), int(request.match_info["task"])))


async def _restart_task(herder: Herder, request: web.Request) -> web.StreamResponse:
    await herder.restart_task(_name(request), int(request.match_info["task"]))
    return web.Response(status=204)


async def _restart(herder: Herder, request: web.Request) -> web.StreamResponse:
    include_tasks, only_failed = read_flag(request, "includeTasks", False), read_flag(request, "onlyFailed", False)
    plan = await herder.restart(_name(request), include_tasks=include_tasks, only_failed=only_failed)
    return web.Response(status=204) if plan is None else json_response(plan, 202)


async def _pause(herder: Herder, request: web.Request) -> web.StreamResponse:
    await herder.pause(_name(request))
    return web.Response(status=202)


async def _resume(herder: Herder, request: web.Request) -> web.StreamResponse:
    await herder.resume(_name(request))
    return web.Response(status=202)


async def _stop(herder: Herder, request: web.Request) -> web.StreamResponse:
    await herder.stop(_name(request))
    return web.Response(status=204)


async def _offsets(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.offsets(_name(request)))


async def _reset_offsets(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(await herder.reset_offsets(_name(request)))


async def _snapshot(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.snapshot(_name(request)))


async def _signal(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(await herder.signal(_name(request), plain_numbers(await json_body(request))), 202)


async def _plugins(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.plugins(read_flag(request, "connectorsOnly", True)))


async def _plugin_config(herder: Herder, request: web.Request) -> web.StreamResponse:
    return json_response(herder.plugin_config(request.match_info["plugin"]))


async def _validate(herder: Herder, request: web.Request) -> web.StreamResponse:
    config = config_map(await json_body(request))
    return json_response(await herder.validate(request.match_info["plugin"], config))
