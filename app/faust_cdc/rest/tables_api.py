"""Tables and their schemas over REST: our own resources, for Connect and Debezium have none.

    GET  /connectors/{c}/tables                       each table with the newest version of its schema
    GET  /connectors/{c}/tables/{database.table}/versions   its versions, oldest first
    POST /connectors/{c}/schemas/check  {"sql", "database"?}   what a DDL statement would do (`pipeline.schema_check`)

Any worker answers, from what is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from aiohttp import web

from faust_cdc.config.routes import Route
from faust_cdc.connect.entities import ConnectError, plain_numbers
from faust_cdc.connect.herder import NOT_READY, Herder
from faust_cdc.pipeline.schema_book import SchemaBook, tables_shown
from faust_cdc.pipeline.table_schemas import TableSchema, shown, versions_of
from faust_cdc.relational.model import TableId
from faust_cdc.rest.routes_api import RoutesProvider
from faust_cdc.rest.server import HerderProvider, json_body, json_response

CHECK_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class SchemaQuestion:
    """What a statement would do, asked of one connector."""

    connector: str
    config: Mapping[str, str | None] = field(repr=False)
    """With its secrets."""
    sql: str
    database: str
    latest: Callable[[TableId], TableSchema | None]
    """A table's newest version."""
    routes: Sequence[Route]
    """The routes in force."""


CheckSchemas: TypeAlias = Callable[[SchemaQuestion], dict[str, Any]]
"""Answers; blocking. Raises CdcError."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def tables_routes(
    herder_provider: HerderProvider, routes_provider: RoutesProvider, book: SchemaBook, check: CheckSchemas
) -> list[web.RouteDef]:
    """Return the routes; `check` runs in a thread."""

    def herder() -> Herder:
        found = herder_provider()
        if found is None:
            raise ConnectError(503, NOT_READY)
        return found

    async def tables(request: web.Request) -> web.StreamResponse:
        partition = herder().partition(request.match_info["name"])
        entries = await asyncio.to_thread(tables_shown, book.lines(partition))
        return json_response({"connector": partition.connector, "server": partition.server, "tables": entries})

    async def versions(request: web.Request) -> web.StreamResponse:
        partition, name = herder().partition(request.match_info["name"]), request.match_info["table"]
        found = book.named(partition, name)
        if found is None:
            raise ConnectError(404, f"Connector {partition.connector} has no table {name} with a schema.")
        entity = {"connector": partition.connector, "server": partition.server, **found[0]._asdict()}
        return json_response(entity | {"versions": [shown(one) for one in found[1]]})

    async def checked(request: web.Request) -> web.StreamResponse:
        name, body = request.match_info["name"], plain_numbers(await json_body(request))
        config, lines = herder().config_with_secrets(name), book.lines(herder().partition(name))

        def latest(table: TableId) -> TableSchema | None:
            return versions_of(lines[table], str(table))[-1] if table in lines else None

        table_routes = routes_provider()
        if table_routes is None:
            raise ConnectError(503, NOT_READY)
        question = SchemaQuestion(name, config, *_statement_of(body), latest, table_routes.in_force(name))
        try:
            return json_response(await asyncio.wait_for(asyncio.to_thread(check, question), CHECK_TIMEOUT_S))
        except TimeoutError:
            where = f"{config.get('database.hostname')}:{config.get('database.port') or 3306}"
            raise ConnectError(
                503,
                f"The statement is not checked: the database at {where} and the schema registry did not answer all "
                f"questions within {CHECK_TIMEOUT_S:g} s. See whether both answer the worker, then ask again.",
            ) from None

    routes: list[tuple[str, str, _Handler]] = [
        ("GET", "/connectors/{name}/tables", tables),
        ("GET", "/connectors/{name}/tables/{table}/versions", versions),
        ("POST", "/connectors/{name}/schemas/check", checked),
    ]
    return [web.route(method, path + slash, handler) for method, path, handler in routes for slash in ("", "/")]


def _statement_of(body: Any) -> tuple[str, str]:
    sql = body.get("sql") if isinstance(body, dict) else None
    database = body.get("database", "") if isinstance(body, dict) else ""
    if not isinstance(sql, str) or not sql.strip() or not isinstance(database, str):
        raise ConnectError(
            400, 'The body must be {"sql": "ALTER TABLE …"}, with "database" where the statement does not name it.'
        )
    return sql, database
