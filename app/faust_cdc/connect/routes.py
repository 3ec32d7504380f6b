"""`/connectors/{c}/routes`: a connector's routes, shown, set and deleted while it runs. Ours; Connect has none.

    {"connector": "shop", "routes": [{"tables": "shop.orders", "origin": "rest", "updated_ms": n, "route": {…}}]}

A route is checked against the tables that are there (`pipeline.route_check`) before it is kept. Two changes at the same
moment on two workers: each is checked against the routes that its worker knows; the later record of a pattern wins.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.routes import Route, parse_route
from faust_cdc.connect.entities import ConnectError
from faust_cdc.connect.herder import Herder
from faust_cdc.connect.views import View
from faust_cdc.errors import CdcError
from faust_cdc.pipeline.route_log import KeptRoute, kept_now, kept_routes, read_route_key, route_key
from faust_cdc.routing.changes import RouteChange, RouteFindings

log = logging.getLogger(__name__)


RouteCheck: TypeAlias = Callable[[MySqlConnectorConfig, RouteChange], RouteFindings]
"""Asks the database; blocking; see `pipeline.route_check.check_route_change`."""


class RouteRecords(Protocol):
    """Appends to the topic of routes."""

    async def append(self, connector: str, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Write the records of a connector in order and return when this worker's view shows the last of them.

        Raises `BrokerUnavailable` when Kafka does not take them in time, `BrokerRefused` when it refuses.
        """


class ConnectorRoutes:
    """The operations of the resource. Methods raise `ConnectError`."""

    def __init__(
        self, herder: Herder, view: View, records: RouteRecords, check: RouteCheck, internal_topics: Sequence[str] = ()
    ) -> None:
        self._herder = herder
        self._view = view
        self._records = records
        self._check = check
        self._internal_topics = tuple(internal_topics)
        self._writing = asyncio.Lock()

    def all(self, name: str) -> dict[str, Any]:
        """`GET …/routes`."""
        return {"connector": name, "routes": [_entity(one) for one in self._kept(name)[1]]}

    def one(self, name: str, tables: str) -> dict[str, Any]:
        """`GET …/routes/{table}`."""
        return {"connector": name, **_entity(self._found(name, tables))}

    def in_force(self, name: str) -> list[Route]:
        """Return a connector's routes, those of its configuration with what was set since."""
        return [one.route for one in self._kept(name)[1]]

    def change_by(self, config: MySqlConnectorConfig) -> RouteChange:
        """Return what a configuration would make of the routes of its connector, which may be a new one.

        Under another `topic.prefix` all goes into other topics, so nothing can come out of order.
        """
        try:
            after = [one.route for one in kept_routes(config.name, config.routes, self._view.items())]
            stored = self._herder.parsed(config.name)
            before = [one.route for one in kept_routes(config.name, stored.routes, self._view.items())]
        except (ConnectError, CdcError):  # it is new, or what is kept of it cannot be read
            return RouteChange(config.routes, config.routes, self._internal_topics)
        return RouteChange(before, after, self._internal_topics, stored.topic_prefix != config.topic_prefix)

    async def put(self, name: str, tables: str, body: Any, *, may_reorder: bool = False) -> tuple[bool, dict[str, Any]]:
        """`PUT …/routes/{table}`: whether it is new, and the route with the tables that it serves now.

        400 for a route that is none, 409 for one that would break order or mix what does not go together.
        """
        try:
            route = parse_route(tables, body)
        except ValueError as error:
            raise ConnectError(400, f"Route {tables!r} is not taken: {error}.") from None
        async with self._writing:
            config, kept = self._kept(name)
            after = [*(one.route for one in kept if one.route.tables != tables), route]
            findings = await self._checked(config, kept, after, may_reorder=may_reorder)
            now = kept_now(route, "rest")
            await self._records.append(name, [(route_key(name, tables), now.to_json())])
        log.info("Connector %r: route %r is set", name, tables)
        is_new = all(one.route.tables != tables for one in kept)
        return is_new, {"connector": name, **_entity(now), "serves": list(findings.tables.get(tables, ()))}

    async def delete(self, name: str, tables: str, *, may_reorder: bool = False) -> None:
        """`DELETE …/routes/{table}`: back to the configuration's route of the pattern, or to none."""
        async with self._writing:
            config, kept = self._kept(name)
            found = self._found(name, tables)
            if found.origin == "config":
                raise ConnectError(
                    409,
                    f"Route {tables!r} is in the configuration of connector {name} (option routes): take it out there.",
                )
            after = [one.route for one in kept if one.route.tables != tables]
            after += [one for one in config.routes if one.tables == tables]
            await self._checked(config, kept, after, may_reorder=may_reorder)
            await self._records.append(name, [(route_key(name, tables), None)])
        log.info("Connector %r: route %r is deleted", name, tables)

    async def forget(self, name: str, tasks_gone: Callable[[str], Awaitable[None]]) -> None:
        """Delete all routes of a connector that is deleted: another one of its name begins without them.

        Its task ends first: it would write its last rows without their filters and masks.
        """
        keys = [key for key, _ in self._view.items() if (read_route_key(key) or ("",))[0] == name]
        if keys:
            try:
                await tasks_gone(name)
            except ConnectError as late:
                log.warning("Connector %r is deleted, and its routes are kept: %s", name, late)
                return
            await self._records.append(name, [(key, None) for key in keys])

    async def _checked(
        self, config: MySqlConnectorConfig, kept: Sequence[KeptRoute], after: Sequence[Route], *, may_reorder: bool
    ) -> RouteFindings:
        change = RouteChange([one.route for one in kept], after, self._internal_topics, may_reorder)
        timeout_ms = config.connection_validation_timeout_ms
        try:
            findings = await asyncio.wait_for(asyncio.to_thread(self._check, config, change), timeout_ms / 1000)
        except TimeoutError:
            where = f"{config.database_hostname}:{config.database_port}"
            raise ConnectError(
                503,
                f"The route is not taken: reading the structures of its tables from {where} took longer than "
                f"{timeout_ms} ms. See whether the database answers the worker, or raise "
                "connection.validation.timeout.ms of the connector; then ask again.",
            ) from None
        if findings.problems:
            raise ConnectError(409, "The route is not taken: " + "; ".join(findings.problems) + ".")
        return findings

    def _kept(self, name: str) -> tuple[MySqlConnectorConfig, list[KeptRoute]]:
        config = self._herder.parsed(name)
        return config, kept_routes(name, config.routes, self._view.items())

    def _found(self, name: str, tables: str) -> KeptRoute:
        for one in self._kept(name)[1]:
            if one.route.tables == tables:
                return one
        raise ConnectError(404, f"Connector {name} has no route {tables!r}")


def _entity(kept: KeptRoute) -> dict[str, Any]:
    entity: Mapping[str, Any] = {"tables": kept.route.tables, "origin": kept.origin, "route": kept.route.to_value()}
    return {**entity, "updated_ms": kept.updated_ms} if kept.updated_ms else dict(entity)
