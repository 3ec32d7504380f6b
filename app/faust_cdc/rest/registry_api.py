"""The embedded registry over HTTP: Confluent's paths, bodies, codes and content type as aiohttp routes.

No decisions are made here: `EmbeddedRegistry` makes them. Its calls block on Kafka, so they run in threads, few at
a time, and the event loop stays free. What is not served: schema references, other types than Avro, contexts,
writing of modes, metadata and rules; such requests are refused with Confluent's codes. `normalize` changes
nothing: schemas are always compared in Java's canonical text.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from aiohttp import web

from faust_cdc.errors import CdcError
from faust_cdc.registry.embedded import EmbeddedRegistry, RegistryProblem, SchemaVersion

logger = logging.getLogger(__name__)

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
BODY_BYTES_MAX: Final = 10 * 1024 * 1024
_ACCEPTED_TYPES: Final = frozenset(
    (CONTENT_TYPE, "application/vnd.schemaregistry+json", "application/json", "application/octet-stream")
)
_THREADS_MAX: Final = 2


def registry_routes(
    registry: EmbeddedRegistry, *, prefix: str = "/registry", body_bytes_max: int = BODY_BYTES_MAX
) -> list[web.RouteDef]:
    """All routes of the registry below `prefix` ("" mounts it at the root)."""
    api = _RegistryApi(registry, body_bytes_max)
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/", api.root),
        ("GET", "/v1/metadata/id", api.root),
        ("GET", "/contexts", api.contexts),
        ("GET", "/schemas", api.schemas),
        ("GET", "/schemas/types", api.types),
        ("GET", r"/schemas/ids/{id:\d{1,10}}", api.by_id),
        ("GET", r"/schemas/ids/{id:\d{1,10}}/schema", api.by_id_text),
        ("GET", r"/schemas/ids/{id:\d{1,10}}/subjects", api.by_id_subjects),
        ("GET", r"/schemas/ids/{id:\d{1,10}}/versions", api.by_id_versions),
        ("GET", "/subjects", api.subjects),
        ("POST", "/subjects/{subject}", api.lookup),
        ("DELETE", "/subjects/{subject}", api.delete_subject),
        ("GET", "/subjects/{subject}/versions", api.versions),
        ("POST", "/subjects/{subject}/versions", api.register),
        ("GET", "/subjects/{subject}/versions/{version}", api.version),
        ("GET", "/subjects/{subject}/versions/{version}/schema", api.version_text),
        ("GET", "/subjects/{subject}/versions/{version}/referencedby", api.referenced_by),
        ("DELETE", "/subjects/{subject}/versions/{version}", api.delete_version),
        ("POST", "/compatibility/subjects/{subject}/versions", api.check),
        ("POST", "/compatibility/subjects/{subject}/versions/{version}", api.check),
        ("GET", "/config", api.level),
        ("PUT", "/config", api.set_level),
        ("DELETE", "/config", api.delete_level),
        ("GET", "/config/{subject}", api.level),
        ("PUT", "/config/{subject}", api.set_level),
        ("DELETE", "/config/{subject}", api.delete_level),
        ("GET", "/mode", api.mode),
        ("GET", "/mode/{subject}", api.mode),
        ("PUT", "/mode", api.set_mode),
        ("PUT", "/mode/{subject}", api.set_mode),
    ]
    routes = [web.route(method, prefix + path, api.guarded(handler)) for method, path, handler in table]
    if prefix:
        routes.append(web.get(prefix, api.guarded(api.root)))
    return routes


class _RegistryApi:
    """Request in, `EmbeddedRegistry` call, answer out."""

    def __init__(self, registry: EmbeddedRegistry, body_bytes_max: int) -> None:
        self._registry = registry
        self._body_bytes_max = body_bytes_max
        self._slots: asyncio.Semaphore | None = None

    def guarded(self, handler: Handler) -> Handler:
        """The handler with every error turned into Confluent's error body."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except RegistryProblem as problem:
                return _answer({"error_code": problem.error_code, "message": problem.message}, status=problem.status)
            except CdcError as error:
                # 500 is what clients of Confluent's registry retry.
                logger.warning("schema registry: %s %s: %s", request.method, request.path, error)
                return _answer({"error_code": 50001, "message": str(error)}, status=500)

        return handle

    async def _call(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        if self._slots is None:
            self._slots = asyncio.Semaphore(_THREADS_MAX)
        async with self._slots:
            return await asyncio.to_thread(function, *args, **options)

    async def root(self, request: web.Request) -> web.StreamResponse:
        return _answer({})

    async def contexts(self, request: web.Request) -> web.StreamResponse:
        return _answer(["."])

    async def types(self, request: web.Request) -> web.StreamResponse:
        return _answer(["AVRO"])

    async def subjects(self, request: web.Request) -> web.StreamResponse:
        prefix = request.query.get("subjectPrefix", "")
        names = await self._call(self._registry.subjects, prefix=prefix, deleted=_flag(request, "deleted"))
        return _answer(_page(request, names))

    async def schemas(self, request: web.Request) -> web.StreamResponse:
        found = await self._call(
            self._registry.schemas,
            prefix=request.query.get("subjectPrefix", ""),
            deleted=_flag(request, "deleted"),
            latest=_flag(request, "latestOnly"),
        )
        return _answer([_entity(version) for version in _page(request, found)])

    async def by_id(self, request: web.Request) -> web.StreamResponse:
        version = await self._call(self._registry.by_id, int(request.match_info["id"]))
        body = {k: v for k, v in _entity(version).items() if k not in ("subject", "version", "id")}
        if _flag(request, "fetchMaxId"):
            body["maxId"] = await self._call(self._registry.id_max)
        return _answer(body)

    async def by_id_text(self, request: web.Request) -> web.StreamResponse:
        version = await self._call(self._registry.by_id, int(request.match_info["id"]))
        return _text(version.schema)

    async def by_id_subjects(self, request: web.Request) -> web.StreamResponse:
        holders = await self._holders(request)
        return _answer(sorted({v.subject for v in holders}))

    async def by_id_versions(self, request: web.Request) -> web.StreamResponse:
        holders = await self._holders(request)
        return _answer([{"subject": v.subject, "version": v.version} for v in holders])

    async def _holders(self, request: web.Request) -> list[SchemaVersion]:
        return await self._call(
            self._registry.holders, int(request.match_info["id"]), deleted=_flag(request, "deleted")
        )

    async def versions(self, request: web.Request) -> web.StreamResponse:
        numbers = await self._call(
            self._registry.versions, request.match_info["subject"], deleted=_flag(request, "deleted")
        )
        return _answer(_page(request, numbers))

    async def version(self, request: web.Request) -> web.StreamResponse:
        return _answer(_entity(await self._version(request)))

    async def version_text(self, request: web.Request) -> web.StreamResponse:
        return _text((await self._version(request)).schema)

    async def referenced_by(self, request: web.Request) -> web.StreamResponse:
        await self._version(request)
        return _answer([])

    async def _version(self, request: web.Request) -> SchemaVersion:
        info = request.match_info
        return await self._call(
            self._registry.version, info["subject"], info["version"], deleted=_flag(request, "deleted")
        )

    async def register(self, request: web.Request) -> web.StreamResponse:
        schema = _schema_of(await self._body(request))
        schema_id = await self._call(self._registry.register, request.match_info["subject"], schema)
        return _answer({"id": schema_id})

    async def lookup(self, request: web.Request) -> web.StreamResponse:
        schema = _schema_of(await self._body(request))
        found = await self._call(
            self._registry.lookup,
            request.match_info["subject"],
            schema,
            deleted=_flag(request, "deleted"),
        )
        return _answer(_entity(found))

    async def check(self, request: web.Request) -> web.StreamResponse:
        schema = _schema_of(await self._body(request))
        info = request.match_info
        problems = await self._call(self._registry.check, info["subject"], schema, info.get("version"))
        body: dict[str, Any] = {"is_compatible": not problems}
        if _flag(request, "verbose"):
            body["messages"] = problems
        return _answer(body)

    async def delete_subject(self, request: web.Request) -> web.StreamResponse:
        permanent = _flag(request, "permanent")
        return _answer(
            await self._call(self._registry.delete_subject, request.match_info["subject"], permanent=permanent)
        )

    async def delete_version(self, request: web.Request) -> web.StreamResponse:
        info = request.match_info
        permanent = _flag(request, "permanent")
        return _answer(
            await self._call(self._registry.delete_version, info["subject"], info["version"], permanent=permanent)
        )

    async def level(self, request: web.Request) -> web.StreamResponse:
        level = await self._call(
            self._registry.level,
            request.match_info.get("subject"),
            default_to_global=_flag(request, "defaultToGlobal"),
        )
        return _answer({"compatibilityLevel": level})

    async def set_level(self, request: web.Request) -> web.StreamResponse:
        wanted = (await self._body(request)).get("compatibility")
        level = await self._call(self._registry.set_level, request.match_info.get("subject"), wanted)
        return _answer({"compatibility": level})

    async def delete_level(self, request: web.Request) -> web.StreamResponse:
        level = await self._call(self._registry.delete_level, request.match_info.get("subject"))
        return _answer({"compatibilityLevel": level})

    async def mode(self, request: web.Request) -> web.StreamResponse:
        mode = await self._call(
            self._registry.mode,
            request.match_info.get("subject"),
            default_to_global=_flag(request, "defaultToGlobal"),
        )
        return _answer({"mode": mode})

    async def set_mode(self, request: web.Request) -> web.StreamResponse:
        raise RegistryProblem(422, 42205, "The embedded registry's mode cannot be changed")

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if request.content_type not in _ACCEPTED_TYPES:
            raise RegistryProblem(415, 415, "HTTP 415 Unsupported Media Type")
        data = bytearray()
        async for chunk in request.content.iter_chunked(65536):
            data += chunk
            if len(data) > self._body_bytes_max:
                raise RegistryProblem(413, 413, f"The request body is larger than {self._body_bytes_max} bytes")
        try:
            body = json.loads(bytes(data))
        except (ValueError, RecursionError) as exc:
            raise RegistryProblem(400, 400, f"The request body is not JSON: {exc}") from exc
        if not isinstance(body, dict):
            raise RegistryProblem(400, 400, "The request body is not a JSON object")
        return body


def _schema_of(body: dict[str, Any]) -> str:
    schema = body.get("schema")
    if not isinstance(schema, str) or not schema:
        raise RegistryProblem(422, 42201, "Empty schema: the property 'schema' must hold its text")
    kind = body.get("schemaType") or "AVRO"
    if kind != "AVRO":
        raise RegistryProblem(422, 42201, f"Invalid schema type {kind}: the embedded registry knows only AVRO")
    if body.get("references"):
        raise RegistryProblem(422, 42201, "Schema references are not supported by the embedded registry")
    return schema


def _entity(version: SchemaVersion) -> dict[str, Any]:
    body: dict[str, Any] = {
        "subject": version.subject,
        "version": version.version,
        "id": version.schema_id,
    }
    if version.schema_type != "AVRO":
        body["schemaType"] = version.schema_type
    if version.references:
        body["references"] = version.references
    body["schema"] = version.schema
    return body


def _page(request: web.Request, items: list[T]) -> list[T]:
    try:
        offset, limit = int(request.query.get("offset", "0")), int(request.query.get("limit", "-1"))
    except ValueError:
        raise RegistryProblem(404, 404, "HTTP 404 Not Found") from None
    return items[max(0, offset) :][: limit if limit >= 0 else None]


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"


def _answer(body: object, *, status: int = 200) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(body=text.encode(), status=status, headers={"Content-Type": CONTENT_TYPE})


def _text(schema: str) -> web.Response:
    return web.Response(body=schema.encode(), headers={"Content-Type": CONTENT_TYPE})
