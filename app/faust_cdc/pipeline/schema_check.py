"""What a DDL statement would do to the schemas of a connector's tables, before anybody runs it.

    {"connector", "policy", "safe",
     "tables": [{"table", "change", "topic", "captured", "safe", "then", "note"?,
                 "schemas": [{"part": "key" | "value", "subject", "rule", "rule_of", "against_version", "is_new",
                              "allowed", "backward", "forward", "differences": […]}]}],
     "not_told": [{"reason", "tables": […]}]}

The statement is resolved against the structures that the server has now; it is not run. `safe` is true when the
registry takes every schema and nothing is left untold; `then` says what the connector would do, by its policy.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from faust_cdc.config.converter_settings import Format
from faust_cdc.config.schema_evolution import EvolutionPolicy
from faust_cdc.errors import ConfigError, TableError
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.ddl_context import read_ddl_context
from faust_cdc.mysql.schema import read_tables
from faust_cdc.pipeline.connector_options import transcode_options
from faust_cdc.pipeline.converters import AvroConverter, converter_of
from faust_cdc.pipeline.ddl_reading import Outcome, resolved
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.table_schemas import TableSchema
from faust_cdc.registry.client import RegistryClient
from faust_cdc.registry.outlook import Outlook, outlook
from faust_cdc.registry.schema_ids import SchemaIds
from faust_cdc.relational.ddl import DdlContext, DdlSyntaxError, Statement, Unresolvable, named_tables, parse
from faust_cdc.relational.ddl.statements import CreateTable
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing import TopicNaming, topic_naming
from faust_cdc.routing.topics import versioned_topic
from faust_cdc.transcode.plan import KeyConstant, TranscodePlan, build_plan

TIMEOUT_MS: Final = 30_000
THEN: Final[Mapping[EvolutionPolicy, str]] = {
    EvolutionPolicy.FAIL: "the task stops at this statement, before any record of the new structure",
    EvolutionPolicy.NEW_SUBJECT: "records go on in a versioned topic behind {topic}",
    EvolutionPolicy.FORCE: "the subject's level is set to NONE for this version, and back",
}
TAKEN: Final = "records go on in {topic}"


def check_statement(
    spec: TaskSpec, sql: str, database: str = "", latest: Callable[[TableId], TableSchema | None] = lambda _: None
) -> dict[str, Any]:
    """Return the answer; `latest` tells a table's newest version, of which the topic counts.

    Raises ConfigError for a statement that cannot be read, SourceConnectionLost, RegistryUnavailable, RegistryRefused.
    """
    config = spec.config
    with connect(SourceAddress.of(config, TIMEOUT_MS), purpose="checking a statement") as connection:
        info = inspect_server(connection)
        context = read_ddl_context(connection, info, database)
        statements = _parsed(sql, context)
        before = read_tables(connection, _concerned(statements, context))
    after = resolved(statements, before, context)
    not_told: list[dict[str, Any]] = []
    if isinstance(after, Unresolvable):
        not_told, after = [{"reason": after.reason, "tables": [str(one) for one in after.tables]}], Outcome()
    with contextlib.ExitStack() as stack:
        checker = _Checker(spec, latest, stack)
        tables = [checker.table(one, before, after.tables.get(one)) for one in sorted(after.concerned)]
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


class _Checker:
    """Compares what tables are with what they would be."""

    def __init__(
        self, spec: TaskSpec, latest: Callable[[TableId], TableSchema | None], stack: contextlib.ExitStack
    ) -> None:
        config = spec.config
        if config.transforms or config.routes:
            raise ConfigError(
                "schemas check tells of the subjects of a table's own topic, and this connector has "
                f"{'transforms' if config.transforms else 'routes'}, by which its records are others or go elsewhere.",
                remedy="ask of a configuration without them, as far as they leave names and columns alone",
            )
        self._policy = config.schema_evolution_policy
        self._latest = latest
        self._options = transcode_options(config)
        self._naming: TopicNaming = topic_naming(config)
        lists = (config.database_include_list, config.database_exclude_list)
        self._filter = TableFilter(*lists, config.table_include_list, config.table_exclude_list)
        self._sides: list[tuple[str, AvroConverter, RegistryClient]] = []
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
        entry: dict[str, Any] = {"table": str(one), "change": kind, "captured": self._filter.accepts(one)}
        if not entry["captured"] or table is None:
            words = "no records of it are written any more" if table is None else "it is not captured"
            return entry | {"topic": None, "safe": True, "then": words, "schemas": []}
        last = self._latest(one)
        topic = versioned_topic(self._naming.data_topic(one), 1 if last is None else last.generation)
        try:
            new = self._plan(table, topic)
        except TableError as error:
            return entry | {"topic": topic, "safe": False, "then": "the task stops", "note": str(error), "schemas": []}
        present = self._plan(before[one], topic) if one in before else new
        schemas = [
            (part, found)
            for part, converter, client in self._sides
            if (found := _side(converter, client, part, new, present)) is not None
        ]
        safe = all(found.allowed for _, found in schemas)
        then = (TAKEN if safe else THEN[self._policy]).format(topic=topic)
        listed = [{"part": part} | found.to_json() for part, found in schemas]
        return entry | {"topic": topic, "safe": safe, "then": then, "schemas": listed}

    def _plan(self, table: Table, topic: str) -> TranscodePlan:
        name, value = self._naming.key_field, self._naming.key_value(table.id)
        constant = None if name is None or value is None else KeyConstant(name, value)
        return build_plan(table, topic, self._options, constant)


def _side(
    converter: AvroConverter, client: RegistryClient, part: str, new: TranscodePlan, present: TranscodePlan
) -> Outlook | None:
    schema = new.key_schema if part == "key" else new.value_schema
    before = present.key_schema if part == "key" else present.value_schema
    if schema is None:
        return None
    subject, text = converter.subject(new.topic, schema)
    old = text if before is None else converter.subject(new.topic, before)[1]
    return outlook(client, subject, text, old)
