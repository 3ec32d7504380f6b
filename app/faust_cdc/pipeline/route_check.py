"""What routes would make of the tables that are there: asked of the source server before they are taken.

All three ways to change routes ask here: REST, the connector's configuration and signals. Blocking, as it reads
structures: run it in a thread. A signal is obeyed in the task's own, and its rows wait meanwhile: that asks the server
only where no history tells of all tables, and gives up after `SIGNAL_MAX_S`. Problems come back in words; the same
checks are made by the task for tables that come later (`faust_cdc.pipeline.captured`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.errors import CdcError, ConfigError
from faust_cdc.mysql.connection import SourceAddress, connect
from faust_cdc.mysql.schema import captured_tables, read_tables
from faust_cdc.pipeline.connector_options import transcode_options
from faust_cdc.pipeline.destinations import Destinations
from faust_cdc.pipeline.rerouting import reserved_topics
from faust_cdc.pipeline.routed import Use, clash, order_problem, partition_problem, partitioning, ways_of
from faust_cdc.pipeline.row_shape import shape_of
from faust_cdc.pipeline.structures import TOGETHER
from faust_cdc.registry.canonical import AvroSchema, parse_avro
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing import RouteMap, topic_naming
from faust_cdc.routing.changes import RouteChange, RouteFindings
from faust_cdc.transcode.plan import TranscodeOptions, build_plan

SIGNAL_MAX_S: Final = 5.0
"""How long the check of a signal's route may keep the stream, apart from an answer of the server that is waited for."""

ReadTables = Callable[[Sequence[TableId]], Mapping[TableId, Table]]
"""Structures of tables, those that are not there being absent."""


class Allowance:
    """A time that a check may take."""

    def __init__(self, seconds: float | None = None) -> None:
        """None: as long as it takes."""
        self._seconds = seconds
        self._ends = None if seconds is None else time.monotonic() + seconds

    def spend(self) -> None:
        """Raise ConfigError when it is used up."""
        if self._ends is not None and time.monotonic() > self._ends:
            raise ConfigError(
                f"it took more than {self._seconds:.0f} s to look at the tables concerned, and rows wait; set it by "
                "REST, whose check may take longer"
            )


def check_route_change(config: MySqlConnectorConfig, change: RouteChange) -> RouteFindings:
    """Connect, read the structures concerned and look for problems. Raises what connecting raises."""
    return _asked(config, change, config.connection_validation_timeout_ms, Allowance())


def check_within(
    config: MySqlConnectorConfig,
    change: RouteChange,
    known: Mapping[TableId, Table] | None,
    max_s: float = SIGNAL_MAX_S,
) -> RouteFindings:
    """Do the same for a task, by the captured tables that it knows; None: it does not know all, and asks for them.

    Raises ConfigError when it takes more than `max_s` seconds, and what asking raises.
    """
    allowance = Allowance(max_s)
    if known is None:
        timeout_ms = min(int(max_s * 1000), config.connection_validation_timeout_ms)
        return _asked(config, change, timeout_ms, allowance)

    def read(tables: Sequence[TableId]) -> dict[TableId, Table]:
        found = {}
        for one in tables:
            allowance.spend()
            if (table := known.get(one)) is not None:
                found[one] = table
        return found

    return find_route_problems(read, config, list(known), change, allowance)


def _asked(config: MySqlConnectorConfig, change: RouteChange, timeout_ms: int, allowance: Allowance) -> RouteFindings:
    address = SourceAddress.of(config, timeout_ms)
    with closing(connect(address, purpose="route check")) as connection:
        allowance.spend()
        lists = (config.database_include_list, config.database_exclude_list)
        accepts = TableFilter(*lists, config.table_include_list, config.table_exclude_list).accepts
        captured = captured_tables(connection, accepts)

        def read(tables: Sequence[TableId]) -> dict[TableId, Table]:
            found = {}
            for first in range(0, len(tables), TOGETHER):
                allowance.spend()
                found.update(read_tables(connection, tables[first : first + TOGETHER]))
            return found

        return find_route_problems(read, config, captured, change, allowance)


def find_route_problems(
    read: ReadTables,
    config: MySqlConnectorConfig,
    captured: Sequence[TableId],
    change: RouteChange,
    allowance: Allowance | None = None,
) -> RouteFindings:
    """Look for problems of the captured tables, whose structures `read` gives."""
    spend = (allowance or Allowance()).spend
    naming = topic_naming(config)
    reserved = reserved_topics(config, naming, change.internal_topics)
    after, before = RouteMap(naming, change.after, reserved), RouteMap(naming, change.before)
    served: dict[str, list[str]] = {one.tables: [] for one in after.routes}
    for table in captured:
        if (route := after.of(table)) is not None:
            served[route.tables].append(str(table))
    found = list(_ambiguous(after, captured))
    concerned = [table for table in captured if after.of(table) is not None or before.of(table) is not None]
    topics: dict[str, list[TableId]] = {}
    for table in captured:
        try:
            for topic in after.topics(table):
                topics.setdefault(topic, []).append(table)
        except CdcError as error:
            found.append(str(error))
    sharing = {one for tables in topics.values() if not set(concerned).isdisjoint(tables) for one in tables}
    structures = read(sorted({*concerned, *sharing})) if concerned else {}
    if not found:
        found += _of_tables(after, topics, structures, config, spend)
    if not found and not change.may_reorder:
        found += _of_order(before, after, concerned, structures, transcode_options(config), spend)
    return RouteFindings(tuple(dict.fromkeys(found)), {tables: tuple(names) for tables, names in served.items()})


def _ambiguous(routes: RouteMap, captured: Iterable[TableId]) -> Iterator[str]:
    for table in captured:
        if routes.is_ambiguous(table):
            patterns = " and ".join(repr(one.tables) for one in routes.matching(table))
            yield f"the routes {patterns} both match {table}; one route serves a table: narrow one of the patterns"


def _uses(routes: RouteMap, table: Table, options: TranscodeOptions) -> list[Use]:
    return [
        Use(build_plan(table, way.topic, way.options, way.key_constant), way.route)
        for way in ways_of(routes, table, options)
    ]


def _of_tables(
    routes: RouteMap,
    topics: Mapping[str, list[TableId]],
    structures: Mapping[TableId, Table],
    config: MySqlConnectorConfig,
    spend: Callable[[], None],
) -> Iterator[str]:
    options, destinations = transcode_options(config), Destinations(config)
    uses: dict[str, list[Use]] = {}
    for table in structures.values():
        spend()
        try:
            for use in _uses(routes, table, options):
                if use.route is not None:
                    use.plan.options.columns.ensure_masked(table)
                    if (problem := partition_problem(use.plan, use.route)) is not None:
                        yield problem
                    else:
                        shape_of(use.plan, use.route, 1)
                        destinations.one_topic(use.plan, use.route)
                uses.setdefault(use.plan.topic, []).append(use)
        except CdcError as error:
            yield str(error)
    for topic in topics:
        sharers = _Sharers(spend)
        for use in uses.get(topic, []):
            problem = sharers.problem_of(use)
            if problem is not None:
                yield problem


class _Sharer(NamedTuple):
    """A use of a topic, its place among them, and its values' schema."""

    place: int
    use: Use
    schema: str


class _Sharers:
    """Uses of one topic, of which each further one is held against a few that stand for all others.

    Several hundred shards that are merged are alike: what two of them may be at odds by is the same but for the
    constants in their keys, and equal ones are found by their value. Schemas that differ are compared once.
    """

    def __init__(self, spend: Callable[[], None]) -> None:
        """`spend` is called before each comparison."""
        self._spend = spend
        self._count = 0
        self._alike: dict[Hashable, list[_Sharer]] = {}
        self._by_constant: dict[Hashable, list[_Sharer]] = {}
        self._parsed: dict[str, AvroSchema] = {}
        self._compared: dict[tuple[str, str], str | None] = {}

    def problem_of(self, use: Use) -> str | None:
        """Say what a use is at odds by with one of those before it, None when with none; count it to them."""
        sharer = _Sharer(self._count, use, use.plan.value_schema_json)
        self._count += 1
        for other in self._unlike(sharer):
            self._spend()
            problem = clash(other.use, use) or self._incompatible(other, sharer)
            if problem is not None:
                return problem
        return None

    def _unlike(self, sharer: _Sharer) -> list[_Sharer]:
        """Return those of which one is at odds with this one if any is, in their order, and keep it for the next."""
        use, is_routed = sharer.use, sharer.use.route is not None
        constant = None if use.plan.key_constant is None else use.plan.key_constant.value
        key = use.plan.key_schema_json if use.plan.has_key else None
        alike = (is_routed, constant is None, key, partitioning(use.route), sharer.schema)
        found = {one.place: one for some in self._alike.values() for one in some}
        for routed in (True, False):
            found |= {one.place: one for one in self._by_constant.get((routed, constant), ())}
        for group in (
            self._alike.setdefault(alike, []),
            self._by_constant.setdefault((is_routed, constant), []),
        ):
            # Two, as a table is not at odds with itself.
            if len(group) < 2 and all(one.use.table != use.table for one in group):
                group.append(sharer)
        return [found[place] for place in sorted(found)]

    def _incompatible(self, one: _Sharer, other: _Sharer) -> str | None:
        """Say why readers of the topic could not read the values of both by one schema, None when they can."""
        if one.schema == other.schema or (one.use.route is None and other.use.route is None):
            return None
        pair = one.schema, other.schema
        if pair not in self._compared:
            # Imported here: the Avro library costs a quarter of a second.
            from faust_cdc.registry.compatibility import CompatibilityLevel, incompatibilities

            before, after = map(self._parse, pair)
            problems = incompatibilities(after, [(1, before)], CompatibilityLevel.BACKWARD)
            self._compared[pair] = problems[0] if problems else None
        found = self._compared[pair]
        if found is None:
            return None
        return (
            f"{one.use.table} and {other.use.table} would share topic {one.use.plan.topic!r}, and their schemas are "
            f"not compatible: {found}"
        )

    def _parse(self, schema: str) -> AvroSchema:
        if schema not in self._parsed:
            self._parsed[schema] = parse_avro(schema)
        return self._parsed[schema]


def _of_order(
    before: RouteMap,
    after: RouteMap,
    concerned: Iterable[TableId],
    structures: Mapping[TableId, Table],
    options: TranscodeOptions,
    spend: Callable[[], None],
) -> Iterator[str]:
    for table in concerned:
        spend()
        structure = structures.get(table)
        if structure is None or before.of(table) == after.of(table):
            continue
        try:
            earlier = _uses(before, structure, options)
        except CdcError:  # it could not be written before, so there is nothing to keep in order
            continue
        for use in _uses(after, structure, options):
            for one in earlier:
                problem = order_problem(one, use)
                if problem is not None:
                    yield (
                        f"{problem}: a key's records would be in two partitions, which readers see in any order; give "
                        "it another topic, or set the route by REST with ?reorder=true"
                    )
