"""What routes would make of the tables that are there: asked of the source server before they are taken.

All three ways to change routes ask here: REST, the connector's configuration and signals. Blocking, as it reads
structures: run it in a thread. Problems come back in words; the same checks are made by the task for tables that come
later (`faust_cdc.pipeline.captured`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.errors import CdcError
from faust_cdc.mysql.connection import SourceAddress, connect
from faust_cdc.mysql.schema import captured_tables, read_tables
from faust_cdc.pipeline.connector_options import transcode_options
from faust_cdc.pipeline.destinations import Destinations
from faust_cdc.pipeline.rerouting import reserved_topics
from faust_cdc.pipeline.routed import Use, clash, order_problem, partition_problem, ways_of
from faust_cdc.pipeline.row_shape import shape_of
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing import RouteMap, topic_naming
from faust_cdc.routing.changes import RouteChange, RouteFindings
from faust_cdc.transcode.plan import TranscodeOptions, build_plan


def check_route_change(config: MySqlConnectorConfig, change: RouteChange) -> RouteFindings:
    """Connect, read the structures concerned and look for problems. Raises what connecting raises."""
    address = SourceAddress.of(config, config.connection_validation_timeout_ms)
    with closing(connect(address, purpose="route check")) as connection:
        lists = (config.database_include_list, config.database_exclude_list)
        accepts = TableFilter(*lists, config.table_include_list, config.table_exclude_list).accepts
        return find_route_problems(connection, config, captured_tables(connection, accepts), change)


def find_route_problems(
    connection: Any, config: MySqlConnectorConfig, captured: Sequence[TableId], change: RouteChange
) -> RouteFindings:
    """Look for problems of the captured tables, whose structures are read over `connection`."""
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
    structures = read_tables(connection, sorted({*concerned, *sharing})) if concerned else {}
    if not found:
        found += _of_tables(after, topics, structures, config)
    if not found and not change.may_reorder:
        found += _of_order(before, after, concerned, structures, transcode_options(config))
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
) -> Iterator[str]:
    options, destinations = transcode_options(config), Destinations(config)
    uses: dict[str, list[Use]] = {}
    for table in structures.values():
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
        users = uses.get(topic, [])
        for place, use in enumerate(users):
            for other in users[:place]:
                problem = clash(other, use) or _incompatible(other, use)
                if problem is not None:
                    yield problem
                    break


def _incompatible(one: Use, other: Use) -> str | None:
    """Say why readers of a topic could not read the values of both tables by one schema, None when they can."""
    if one.route is None and other.route is None:
        return None
    # Imported here: the Avro library costs a quarter of a second.
    from faust_cdc.registry.canonical import parse_avro
    from faust_cdc.registry.compatibility import CompatibilityLevel, incompatibilities

    schemas = [parse_avro(use.plan.value_schema_json) for use in (one, other)]
    found = incompatibilities(schemas[1], [(1, schemas[0])], CompatibilityLevel.BACKWARD)
    if not found:
        return None
    return (
        f"{one.table} and {other.table} would share topic {one.plan.topic!r}, and their schemas are not compatible: "
        f"{found[0]}"
    )


def _of_order(
    before: RouteMap,
    after: RouteMap,
    concerned: Iterable[TableId],
    structures: Mapping[TableId, Table],
    options: TranscodeOptions,
) -> Iterator[str]:
    for table in concerned:
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
