"""Resources that ask a database: what they say when it does not answer in time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from faust_cdc.connect.routes import ConnectorRoutes
from faust_cdc.pipeline.schema_book import SchemaBook
from faust_cdc.rest import tables_api
from faust_cdc.rest.routes_api import table_routes
from faust_cdc.rest.server import connect_routes, error_middleware
from faust_cdc.rest.tables_api import tables_routes
from tests.connect.memory import MYSQL_CONFIG, Cluster, MemoryView
from tests.connect_api.harness import call


class Nowhere:
    """Takes no route."""

    async def append(self, connector: str, records: object) -> None:
        raise AssertionError(f"a route of {connector} is written")


def asked(method: str, path: str, body: Any) -> tuple[int, str]:
    """The answer while the database gives none."""
    cluster, over = Cluster(), threading.Event()

    def check(*_: object) -> Any:
        assert over.wait(60)

    async def run() -> tuple[int, str]:
        application = web.Application(middlewares=[error_middleware])
        routes = ConnectorRoutes(cluster.herder, MemoryView(), Nowhere(), check)
        application.add_routes(connect_routes(lambda: cluster.herder))
        application.add_routes(table_routes(lambda: routes))
        application.add_routes(tables_routes(lambda: cluster.herder, lambda: routes, SchemaBook(), check))
        try:
            async with TestClient(TestServer(application)) as client:
                config = {**MYSQL_CONFIG, "connection.validation.timeout.ms": "100"}
                status, _ = await call(client, "PUT", "/connectors/shop/config", config)
                assert status == 201
                status, answer = await call(client, method, path, body)
                return status, answer["message"]
        finally:
            over.set()

    return asyncio.run(run())


def test_a_route_names_the_database_and_the_option() -> None:
    status, message = asked("PUT", "/connectors/shop/routes/shop.orders", {"topic": "orders"})
    assert (status, message) == (
        503,
        "The route is not taken: reading the structures of its tables from db.example:3306 took longer than 100 ms. "
        "See whether the database answers the worker, or raise connection.validation.timeout.ms of the connector; then "
        "ask again.",
    )


def test_a_statement_names_who_did_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_api, "CHECK_TIMEOUT_S", 0.1)
    status, message = asked("POST", "/connectors/shop/schemas/check", {"sql": "DROP TABLE shop.orders"})
    assert (status, message) == (
        503,
        "The statement is not checked: the database at db.example:3306 and the schema registry did not answer all "
        "questions within 0.1 s. See whether both answer the worker, then ask again.",
    )
