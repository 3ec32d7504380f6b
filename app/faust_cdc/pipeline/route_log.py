"""The routes of connectors in Kafka: one record for each, in the compacted topic under the Faust table `routes`.

    key   ["<connector>","<pattern of the tables>"]
    value {"route": {…}, "origin": "rest" | "signal", "updated_ms": n}; absent: the route is deleted

They are laid over the routes of the connector's configuration: of two for one pattern the topic's counts. All records
of a connector are in one partition, that of its name, so that one read finds them and sees them in order.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from faust_cdc.config.routes import Route, parse_route
from faust_cdc.errors import FatalError
from faust_cdc.kafka.strong_read import READ_TIMEOUT_S, read_all
from faust_cdc.offsets import murmur2_partition
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.signals.routing import SetRoute

ORIGINS = ("config", "rest", "signal")


@dataclass(frozen=True, slots=True)
class KeptRoute:
    """A route and where it comes from."""

    route: Route
    origin: str
    """One of `ORIGINS`."""
    updated_ms: int = 0
    """When it was set, ms since the epoch; 0 for one of the configuration."""

    def to_json(self) -> bytes:
        """Return the record value."""
        value = {"route": self.route.to_value(), "origin": self.origin, "updated_ms": self.updated_ms}
        return _compact(value)


def kept_now(route: Route, origin: str) -> KeptRoute:
    """Return a route as set now."""
    return KeptRoute(route, origin, int(time.time() * 1000))


def route_key(connector: str, tables: str) -> bytes:
    """Return the record key of a route."""
    return _compact([connector, tables])


def read_route_key(key: bytes) -> tuple[str, str] | None:
    """Return (connector, pattern) of a record key, None for one that is none."""
    try:
        value: Any = json.loads(key)
    except ValueError:
        return None
    is_key = isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value)
    return (value[0], value[1]) if is_key else None


def routes_partition(connector: str, partition_count: int) -> int:
    """Return the partition of a connector's records."""
    return murmur2_partition(connector.encode(), partition_count)


def kept_routes(connector: str, config: Iterable[Route], records: Iterable[tuple[bytes, bytes]]) -> list[KeptRoute]:
    """Return a connector's routes in order of their patterns: those of its configuration with the topic's over them.

    Raises FatalError for a record that is no route.
    """
    found = {one.tables: KeptRoute(one, "config") for one in config}
    for key, value in records:
        known = read_route_key(key)
        if known is not None and known[0] == connector:
            found[known[1]] = _read(known[1], value)
    return [found[tables] for tables in sorted(found)]


def _read(tables: str, raw: bytes) -> KeptRoute:
    try:
        value = json.loads(raw)
        return KeptRoute(parse_route(tables, value["route"]), str(value["origin"]), int(value["updated_ms"]))
    except (ValueError, KeyError, TypeError) as error:
        raise FatalError(
            f"The record of route {tables!r} is none: {error}.",
            remedy="DELETE the route by REST, or PUT it again; a newer worker may have written it",
        ) from error


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class RouteLog:
    """One connector's routes, read strongly (`faust_cdc.kafka.strong_read`). For the task's thread only."""

    def __init__(
        self,
        client_config: Mapping[str, str],
        topic: str,
        partition_count: int,
        connector: str,
        config: Iterable[Route],
    ) -> None:
        """`config` are the routes of the connector's configuration."""
        self._client_config = client_config
        self.topic = topic
        self.partition = routes_partition(connector, partition_count)
        self._connector = connector
        self._config = tuple(config)
        self._found: dict[bytes, bytes] = {}

    def record_of(self, command: SetRoute) -> ChangeRecord:
        """Return the record by which a signal's route is kept, or forgotten."""
        self._found, key = self._with(command), route_key(self._connector, command.tables)
        return ChangeRecord(self.topic, key, self._found.get(key), [], self.partition)

    def with_command(self, command: SetRoute, *, is_read: bool) -> tuple[Route, ...]:
        """Return the routes as a signal would have them, over those of the topic; as read last unless `is_read`.

        Raises what `read` raises.
        """
        if is_read:
            self.read()
        return self._routes(self._with(command))

    def _with(self, command: SetRoute) -> dict[bytes, bytes]:
        key, found = route_key(self._connector, command.tables), dict(self._found)
        found.pop(key, None)
        if command.route is not None:
            found[key] = kept_now(command.route, "signal").to_json()
        return found

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> tuple[Route, ...]:
        """Return the routes as they are now. Raises BrokerUnavailable, FatalError for a record that is none."""
        wants: Callable[[bytes], bool] = lambda key: (read_route_key(key) or ("",))[0] == self._connector  # noqa: E731
        self._found = read_all(self._client_config, self.topic, self.partition, wants, timeout_s)
        return self._routes(self._found)

    def _routes(self, found: Mapping[bytes, bytes]) -> tuple[Route, ...]:
        return tuple(one.route for one in kept_routes(self._connector, self._config, found.items()))
