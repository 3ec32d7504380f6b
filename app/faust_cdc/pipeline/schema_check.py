"""What a DDL statement would do to the schemas of a connector's tables, before anybody runs it.

    {"connector", "policy", "safe",
     "tables": [{"table", "change", "topic", "topics", "captured", "safe", "then", "note"?,
                 "schemas": [{"part": "key" | "value", "subject", "rule", "rule_of", "against_version", "is_new",
                              "allowed", "backward", "forward", "differences": […]}]}],
     "not_told": [{"reason", "tables": […]}]}

The statement is resolved against the structures that the server has now; it is not run. `safe` is true when the
registry takes every schema and nothing is left untold; `then` says what the connector would do, by its policy.

The schemas are those that would be registered: of each topic that routes name (`topic` is the first), behind the
transforms. What transforms decide by the values of records is told as not told, beside the verdict of the rest. Where
routes have tables share a topic, the others are looked at too: their keys must stay alike.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from faust_cdc.config.converter_settings import Format
from faust_cdc.config.routes import Route
from faust_cdc.config.schema_evolution import EvolutionPolicy
from faust_cdc.errors import ConfigError, TableError
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.ddl_context import read_ddl_context
from faust_cdc.mysql.schema import captured_tables, read_tables
from faust_cdc.pipeline.connector_options import transcode_options
from faust_cdc.pipeline.converters import AvroConverter, converter_of
from faust_cdc.pipeline.ddl_reading import Outcome, resolved
from faust_cdc.pipeline.destinations import Destinations, Ends
from faust_cdc.pipeline.renamed_columns import RenamedColumns, aliases_behind, of_columns, renamed_columns, usable
from faust_cdc.pipeline.rerouting import reserved_topics
from faust_cdc.pipeline.routed import Use, Way, clash, partition_problem, ways_of
from faust_cdc.pipeline.row_shape import shape_of
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.table_schemas import Aliases, TableSchema
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.outlook import outlook
from faust_cdc.registry.schema_ids import SchemaIds, field_aliases
from faust_cdc.relational.ddl import DdlContext, DdlSyntaxError, Statement, Unresolvable, named_tables, parse
from faust_cdc.relational.ddl.statements import CreateTable
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing import RouteMap, topic_naming
from faust_cdc.routing.topics import versioned_topic
from faust_cdc.transcode.plan import TranscodePlan, build_plan
from faust_cdc_schemas.names import adjust_field_name

TIMEOUT_MS: Final = 30_000
THEN: Final[Mapping[EvolutionPolicy, str]] = {
    EvolutionPolicy.FAIL: "the task stops at this statement, before any record of the new structure",
    EvolutionPolicy.NEW_SUBJECT: "records go on in a versioned topic behind {topic}",
    EvolutionPolicy.FORCE: "the subject's level is set to NONE for this version, and back",
}
AT_ROW: Final = "the task stops at the first row of the new structure"
"""Where nothing is foreseen: behind transforms that make other records, and in a route's other topics."""
TAKEN: Final = "records go on in {topic}"
NO_RECORDS: Final = "no records are written of it: transforms drop them"
NOT_TOLD: Final = "what is not told is known when rows come"


def check_statement(
    spec: TaskSpec,
    sql: str,
    database: str = "",
    latest: Callable[[TableId], TableSchema | None] = lambda _: None,
    routes: Iterable[Route] | None = None,
) -> dict[str, Any]:
    """Return the answer; `latest` tells a table's newest version, of which the topic counts.

    `routes` are those in force, None: those of the configuration.

    Raises ConfigError for a statement that cannot be read, SourceConnectionLost, RegistryUnavailable, RegistryRefused.
    """
    config, naming = spec.config, topic_naming(spec.config)
    in_force = config.routes if routes is None else routes
    route_map = RouteMap(naming, in_force, reserved_topics(config, naming, spec.internal_topics))
    lists = (config.database_include_list, config.database_exclude_list)
    accepts = TableFilter(*lists, config.table_include_list, config.table_exclude_list).accepts
    with connect(SourceAddress.of(config, TIMEOUT_MS), purpose="checking a statement") as connection:
        info = inspect_server(connection)
        context = read_ddl_context(connection, info, database)
        statements = _parsed(sql, context)
        concerned = _concerned(statements, context)
        before = read_tables(connection, concerned)
        captured = captured_tables(connection, accepts) if route_map else ()
        neighbours = read_tables(connection, _sharing(route_map, captured, concerned))
    after, renamed = resolved(statements, before, context), renamed_columns(statements, before, context)
    not_told: list[dict[str, Any]] = []
    if isinstance(after, Unresolvable):
        not_told, after = [{"reason": after.reason, "tables": [str(one) for one in after.tables]}], Outcome()
    with contextlib.ExitStack() as stack:
        changed = dict(after.tables)
        checker = _Checker(spec, latest, route_map, accepts, neighbours | changed, renamed, stack)
        tables = [checker.table(one, before, after.tables.get(one)) for one in sorted(after.concerned) if one.table]
        not_told += checker.not_told
    return {
        "connector": spec.connector,
        "policy": config.schema_evolution_policy.value,
        "safe": not not_told and all(one["safe"] for one in tables),
        "tables": tables,
        "not_told": not_told,
    }


def _parsed(sql: str, context: DdlContext) -> Sequence[Statement]:
    try:
        return parse(sql, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version)
    except DdlSyntaxError as error:
        raise ConfigError(
            f"The statement cannot be read: {error}", remedy="give a DDL statement as the server would run it"
        ) from error


def _concerned(statements: Sequence[Statement], context: DdlContext) -> list[TableId]:
    found: dict[TableId, None] = {}
    for statement in statements:
        found.update(dict.fromkeys(named_tables(statement, context)))
        if isinstance(statement, CreateTable) and statement.like is not None:
            found[context.table_id(statement.like.database, statement.like.table)] = None
    return list(found)


def _sharing(routes: RouteMap, captured: Iterable[TableId], concerned: Sequence[TableId]) -> list[TableId]:
    """Return the captured tables that share a topic with those that a statement concerns."""

    def topics(one: TableId) -> tuple[str, ...]:
        try:
            return routes.topics(one)
        except ConfigError:  # told where it is the table's own matter
            return ()

    theirs = {topic for one in concerned for topic in topics(one)}
    return [one for one in captured if one not in concerned and not theirs.isdisjoint(topics(one))]


@dataclass(frozen=True, slots=True)
class _On:
    """One way of a table's records: what they would be, and what they are."""

    new: Ends
    present: Ends


class _Checker:
    """Compares what tables are with what they would be."""

    def __init__(
        self,
        spec: TaskSpec,
        latest: Callable[[TableId], TableSchema | None],
        routes: RouteMap,
        accepts: Callable[[TableId], bool],
        neighbours: Mapping[TableId, Table],
        renamed: Sequence[RenamedColumns],
        stack: contextlib.ExitStack,
    ) -> None:
        """`neighbours` are the tables that may share a topic, as they would be; `renamed` is what is renamed by it."""
        config = spec.config
        self._policy = config.schema_evolution_policy
        self._latest = latest
        self._options = replace(transcode_options(config), avro_names=spec.needs_avro_names)
        self._routes, self._accepts, self._neighbours = routes, accepts, neighbours
        self._destinations = Destinations(config)
        self._has_aliases = config.schema_evolution_aliases and self._destinations.chain is None
        self._renamed = renamed
        self._sides: list[tuple[str, AvroConverter, RegistryClient]] = []
        self.not_told: list[dict[str, Any]] = []
        """What transforms decide by values, or may not be able to take."""
        for part, settings, registry in (
            ("key", spec.key_converter, spec.registry_of_keys),
            ("value", spec.value_converter, spec.registry),
        ):
            if settings.format is not Format.AVRO:
                continue
            client = RegistryClient(registry, stop=threading.Event())
            stack.callback(client.close)
            ids = SchemaIds(client, settings.avro.id_from, normalize=settings.avro.normalize)
            converter = converter_of(settings, lambda ids=ids: ids, is_key=part == "key")  # type: ignore[misc]
            assert isinstance(converter, AvroConverter), "Avro settings make an Avro converter"
            self._sides.append((part, converter, client))

    def table(self, one: TableId, before: Mapping[TableId, Table], table: Table | None) -> dict[str, Any]:
        """Return the entry of one table."""
        kind = "DROP" if table is None else "ALTER" if one in before else "CREATE"
        entry: dict[str, Any] = {"table": str(one), "change": kind, "captured": self._accepts(one)}
        if not entry["captured"] or table is None:
            words = "no records of it are written any more" if table is None else "it is not captured"
            return entry | {"topic": None, "topics": [], "safe": True, "then": words, "schemas": []}
        try:
            ways = self._ways(table, before.get(one, table))
        except (TableError, ConfigError) as error:
            stops = {"safe": False, "then": "the task stops", "note": str(error), "schemas": []}
            return entry | self._topics(one) | stops
        topics = list(dict.fromkeys(topic for on in ways for topic in on.new.topics))
        entry |= {"topic": topics[0] if topics else None, "topics": topics}
        failed = [words for on in ways for words in on.new.failed]
        if failed and one in before and not any(on.present.failed for on in ways):
            return entry | {"safe": False, "then": AT_ROW, "note": "; ".join(failed), "schemas": []}
        untold = dict.fromkeys([*(words for on in ways for words in on.new.undecided), *failed])
        self.not_told += [{"reason": words, "tables": [str(one)]} for words in untold]
        schemas = [[listed for side in self._sides for listed in _listed(*side, on)] for on in ways]
        safe = not untold and all(found["allowed"] for on in schemas for found in on)
        then = self._then(schemas, topics, is_told=not untold)
        return entry | {"safe": safe, "then": then, "schemas": [found for on in schemas for found in on]}

    def _topics(self, one: TableId) -> dict[str, Any]:
        """Return the topics of a table whose records cannot be planned, as far as they can be named."""
        try:
            topics = [versioned_topic(name, self._generation(one, at)) for at, name in self._named(one)]
        except ConfigError:
            topics = []
        route = self._destinations.route
        topics = topics if route is None else [route(topic) for topic in topics]
        return {"topic": topics[0] if topics else None, "topics": topics}

    def _named(self, one: TableId) -> Iterable[tuple[int, str]]:
        return enumerate(self._routes.topics(one))

    def _generation(self, one: TableId, at: int) -> int:
        """Return the generation of the table's topic number `at`: only the first one has any."""
        last = self._latest(one) if at == 0 and self._destinations.chain is None else None
        return 1 if last is None else last.generation

    def _ways(self, table: Table, before: Table) -> list[_On]:
        """Return the ways of a table's records. Raises TableError, ConfigError where a route does not suit it."""
        found = []
        for at, way in enumerate(ways_of(self._routes, table, self._options)):
            topic = versioned_topic(way.topic, self._generation(table.id, at))
            plan = self._plan(table, way, topic)
            self._agree(plan, way)
            if way.route is not None:
                plan.options.columns.ensure_masked(table)
                if (problem := partition_problem(plan, way.route)) is not None:
                    raise TableError(f"{problem}.")
                shape_of(plan, way.route, 1)
                self._destinations.one_topic(plan, way.route)
            found.append(_On(self._destinations.of(plan, way.route), self._present(before, at, topic)))
        return found

    def _agree(self, plan: TranscodePlan, way: Way) -> None:
        """See that tables which share a topic would still go together. Raises TableError."""
        others = [one for one in self._neighbours.values() if one.id != plan.table.id and self._accepts(one.id)]
        for other in others if self._routes else ():
            if way.topic not in self._routes.topics(other.id):
                continue
            theirs = next(one for one in ways_of(self._routes, other, self._options) if one.topic == way.topic)
            problem = clash(Use(plan, way.route), Use(self._plan(other, theirs, plan.topic), theirs.route))
            if problem is not None:
                raise TableError(f"{problem}.")

    def _present(self, before: Table, at: int, topic: str) -> Ends:
        """Return what the table is now in its topic number `at`; nothing where its route does not suit it."""
        try:
            way = ways_of(self._routes, before, self._options)[at]
            return self._destinations.of(self._plan(before, way, topic, behind=False), way.route)
        except TableError:
            return Ends(())

    def _plan(self, table: Table, way: Way, topic: str, *, behind: bool = True) -> TranscodePlan:
        plan, route = build_plan(table, topic, way.options, way.key_constant), self._destinations.route
        plan = plan if route is None else replace(plan, routed=route(topic))
        return replace(plan, aliases=self._aliases(plan, behind=behind)) if self._has_aliases else plan

    def _aliases(self, plan: TranscodePlan, *, behind: bool) -> Aliases:
        """Return the aliases of a plan's fields, `behind` the statement or before it.

        Without a version that is told, the subjects of the plan tell them.
        """
        table, last = plan.table, self._latest(plan.table.id)
        is_renamed = behind and any(one.table == table.id for one in self._renamed)
        aliases: Aliases = {} if last is None else last.aliases
        written: list[frozenset[str]] = []
        for part, converter, client in self._sides:
            schema = plan.key_schema if part == "key" else plan.value_schema
            if schema is None:
                continue
            subject = converter.subject(plan.target, schema)[0]
            written += converter.field_names(subject) if is_renamed else []
            if last is None and (held := client.latest(subject)) is not None:
                aliases = {**aliases, **field_aliases(held[2])}
        if is_renamed:
            aliases = usable(aliases_behind(aliases, self._renamed, table.id), written, self._field_of)
        return of_columns(aliases, table)

    def _field_of(self, column: str) -> str:
        return adjust_field_name(column, self._options.field_name_adjustment)

    def _then(self, schemas: list[list[dict[str, Any]]], topics: list[str], *, is_told: bool) -> str:
        """Say what the connector does, by the schemas of each way."""
        refused = [any(not one["allowed"] for one in on) for on in schemas]
        listed = " and ".join(topics)
        if not any(refused):
            taken = TAKEN.format(topic=listed) if topics else NO_RECORDS
            return taken if is_told else f"{taken}; {NOT_TOLD}" if topics else NOT_TOLD
        foreseen = self._destinations.chain is None and refused[0]
        if self._policy is EvolutionPolicy.FORCE or (foreseen and self._policy is EvolutionPolicy.FAIL):
            return THEN[self._policy]
        words = [THEN[self._policy].format(topic=topics[0])] if foreseen else []
        return "; ".join([*words, AT_ROW] if not foreseen or any(refused[1:]) else words)


def _listed(part: str, converter: AvroConverter, client: RegistryClient, on: _On) -> Iterator[dict[str, Any]]:
    """Yield what is said of each schema of one side that a way's records have."""
    present = dict[str, list[str]]()
    for subject, text in _subjects(part, converter, on.present):
        present.setdefault(subject, []).append(text)
    for subject, text in _subjects(part, converter, on.new):
        before = present.get(subject, [text])
        found = outlook(client, subject, text, text if text in before else before[0])
        yield {"part": part} | found.to_json()


def _subjects(part: str, converter: AvroConverter, ends: Ends) -> Iterator[tuple[str, str]]:
    """Yield each subject with a schema that records have there."""
    seen = set()
    for one in ends.destinations:
        document = one.key if part == "key" else one.value
        if document is not None and (found := converter.subject(one.topic, document)) not in seen:
            seen.add(found)
            yield found
