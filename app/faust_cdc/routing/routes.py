"""Which route serves a table, and which topics it makes of the table's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from faust_cdc.config.routes import Route
from faust_cdc.errors import ConfigError
from faust_cdc.relational.model import TableId
from faust_cdc.routing.naming import TopicNaming

NO_ROUTES: Final[tuple[Route, ...]] = ()


class RouteMap:
    """The routes of one connector that are in force, over its naming strategy. Immutable; `of` is remembered."""

    def __init__(
        self, naming: TopicNaming, routes: Iterable[Route] = NO_ROUTES, reserved: Mapping[str, str] | None = None
    ) -> None:
        """`reserved` are topics that no table's records may go to, each with what it is."""
        self._naming = naming
        self.routes = tuple(sorted(routes, key=lambda one: one.tables))
        self._reserved = dict(reserved or {})
        self._found: dict[TableId, Route | None] = {}

    def __bool__(self) -> bool:
        """True when there are routes."""
        return bool(self.routes)

    def of(self, table: TableId) -> Route | None:
        """Return the route that serves a table: the one that names it, else the first by the text of its pattern."""
        if not self.routes:
            return None
        if table not in self._found:
            matching = self.matching(table)
            exact = [one for one in matching if one.is_exactly(str(table))]
            self._found[table] = next(iter([*exact, *matching]), None)
        return self._found[table]

    def matching(self, table: TableId) -> list[Route]:
        """Return all routes whose pattern the table matches."""
        return [one for one in self.routes if one.pattern.fullmatch(str(table))]

    def is_ambiguous(self, table: TableId) -> bool:
        """Say whether several patterns match a table and none of them is its name."""
        matching = self.matching(table)
        return len(matching) > 1 and not any(one.is_exactly(str(table)) for one in matching)

    def topics(self, table: TableId) -> tuple[str, ...]:
        """Return the topics of a table's records. Raises ConfigError for one that records must not go to."""
        route = self.of(table)
        if route is None:
            return (self._naming.data_topic(table),)
        fields = self._fields(route, table)
        topics = tuple(self._naming.fitting(template.expand(fields)) for template in route.topics)
        for place, topic in enumerate(topics):
            where = f"route {route.tables!r}: the records of {table} would go to {topic!r}"
            if not topic:
                raise ConfigError(f"{where}, which is no name of a topic.")
            if topic in self._reserved:
                raise ConfigError(
                    f"{where}, which is {self._reserved[topic]}: what is written there would be read as that.",
                    remedy="give the route another topic",
                )
            if topic in topics[:place]:
                raise ConfigError(f"{where} twice.", remedy="name each topic once")
        return topics

    def key_field(self, table: TableId) -> tuple[str, str] | None:
        """Return name and value of the field at the end of the table's keys, None when there is none."""
        route = self.of(table)
        if route is not None:
            source = route.key_source
            return None if source is None else (route.key_source_field, source.expand(self._fields(route, table)))
        name, value = self._naming.key_field, self._naming.key_value(table)
        return None if name is None or value is None else (name, value)

    def _fields(self, route: Route, table: TableId) -> dict[str, str]:
        match = route.pattern.fullmatch(str(table))
        assert match is not None, "the route of a table matches it"
        groups = {str(number): text or "" for number, text in enumerate(match.groups(), 1)}
        named = {name: text or "" for name, text in match.groupdict().items()}
        return {**groups, **named, "database": table.database, "table": table.table, "prefix": self._naming.prefix}
