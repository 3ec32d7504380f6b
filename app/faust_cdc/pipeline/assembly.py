"""What the rows of a task go through on their way, made from its settings."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.converter_settings import ConverterSettings
from faust_cdc.config.history_settings import FILE_STORE, KAFKA_STORE
from faust_cdc.config.routes import Route
from faust_cdc.config.schema_evolution import EvolutionPolicy
from faust_cdc.config.signalling import NotificationSettings
from faust_cdc.history.file_store import HistoryFile
from faust_cdc.kafka.history_topic import HistoryTopic
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.kafka.topics import TopicCreator, TopicSpec
from faust_cdc.mysql.connection import SourceAddress
from faust_cdc.pipeline.bad_rows import BadRows, QuarantineTopic
from faust_cdc.pipeline.captured import CapturedTable, EnsureRouted, EnsureTopic
from faust_cdc.pipeline.converters import Converters, RegisterSchema, converter_of
from faust_cdc.pipeline.destinations import Destinations
from faust_cdc.pipeline.reselect import SELECT_TIMEOUT_MS, Reselector
from faust_cdc.pipeline.schema_change_topic import SchemaChangeTopic
from faust_cdc.pipeline.source_access import SourceAccess
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.statement_changes import ReadAgain
from faust_cdc.pipeline.structure_ledger import LedgerRules, StructureLedger
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.pipeline.transformed import TransformedRecords
from faust_cdc.registry.client import RegistryClient, RegistryConfig
from faust_cdc.registry.schema_ids import SchemaIds
from faust_cdc.relational.filters import TableFilter
from faust_cdc.routing import quarantine_topic, topic_naming
from faust_cdc.transcode.plan import TranscodePlan
from faust_cdc.transcode.source_block import SourceInfo


def converters_of(spec: TaskSpec, stop: threading.Event, stack: contextlib.ExitStack) -> Converters:
    """Make the converters; a registry that both sides use has one client, closed with the stack."""
    clients: dict[RegistryConfig, RegistryClient] = {}

    def ids(settings: ConverterSettings, config: RegistryConfig) -> RegisterSchema:
        if config not in clients:
            clients[config] = RegistryClient(config, stop=stop)
            stack.callback(clients[config].close)
        forces = spec.config.schema_evolution_policy is EvolutionPolicy.FORCE
        return SchemaIds(clients[config], settings.avro.id_from, normalize=settings.avro.normalize, forces=forces)

    return Converters(
        converter_of(spec.key_converter, lambda: ids(spec.key_converter, spec.registry_of_keys), is_key=True),
        converter_of(spec.value_converter, lambda: ids(spec.value_converter, spec.registry), is_key=False),
    )


@dataclass(frozen=True)
class Outlet:
    """How what a task writes comes to Kafka: at once, under other topics, or through transforms."""

    converters: Converters
    """What rows are written with."""
    ensure_topic: EnsureTopic
    """Called with their topics."""
    records: TransformedRecords | None = None
    """What they go through then."""
    route: Callable[[str], str] | None = None
    """What topics become, where that is all that transforms do."""
    destinations: Destinations = field(kw_only=True)
    """Where tables' records end."""

    def routed(self, topic: str) -> str:
        """Return where records of `topic` are written."""
        return topic if self.route is None else self.route(topic)

    def ensures_routed(self, ensure: Callable[[str, Route], int]) -> EnsureRouted:
        """Return what makes sure of the topic of a way; `ensure` does so of one by its name."""
        return partial(self._ensured, ensure)

    def _ensured(
        self, ensure: Callable[[str, Route], int], plan: TranscodePlan, route: Route, *, is_made: bool = True
    ) -> int:
        topic = self.destinations.one_topic(plan, route)
        # Where it is not known, records make theirs.
        return ensure(topic, route) if is_made and topic is not None else 1

    def holding(self, holds_records: Callable[[str], bool], captured: CapturedTable) -> str | None:
        """Say in words why records of a table may be there already, None when its topics have none."""
        for target in captured.targets:
            ends = self.destinations.of(target.transcoder.plan, target.route)
            for topic in ends.topics:
                if holds_records(topic):
                    return f"its topic {topic} has records already"
            if not ends.is_certain:
                return f"its topics may have records already: {'; '.join((*ends.undecided, *ends.failed))}"
        return None

    def routed_sink(self, settings: NotificationSettings) -> NotificationSettings:
        """Return where notifications are written."""
        return replace(settings, sink_topic=self.routed(settings.sink_topic)) if settings.sink_topic else settings


def outlet_of(config: MySqlConnectorConfig, converters: Converters, ensure_topic: EnsureTopic) -> Outlet:
    """Make the outlet of a connector's transforms.

    Raises FatalError for transforms that cannot be made of their options; `validate` has told of them.
    """
    destinations = Destinations(config)
    if destinations.chain is None:
        return Outlet(converters, ensure_topic, route=destinations.route, destinations=destinations)
    aside = frozenset([quarantine_topic(config.topic_prefix)])
    records = TransformedRecords(destinations.chain, converters, ensure_topic, aside)
    return Outlet(records.converters, _no_topic, records, destinations=destinations)


def _no_topic(_name: str) -> None:
    """Create no topic: with transforms only the topics are there that records end in."""


def bad_rows_of(
    config: MySqlConnectorConfig, headers: Headers, converters: Converters, ensure_topic: EnsureTopic
) -> BadRows:
    """Make what settles values that cannot be converted."""
    mode = config.event_converting_failure_handling_mode
    if mode != "quarantine":
        return BadRows(mode)
    return BadRows(mode, QuarantineTopic(config.topic_prefix, headers, converters, ensure_topic))


def reselectors_of(config: MySqlConnectorConfig) -> list[Reselector]:
    """Make the post-processors; each is to be closed."""
    address = SourceAddress.of(config, SELECT_TIMEOUT_MS)
    return [Reselector(rules, config.unavailable_value_placeholder, address) for rules in config.post_processors]


def ledger_of(
    spec: TaskSpec,
    source: SourceAccess,
    filters: TableFilter,
    outlet: Outlet,
    headers: Headers,
    writer: TransactionWriter,
    stack: contextlib.ExitStack,
) -> StructureLedger:
    """Make what knows structures and writes them down, its history closed with the stack."""
    config = spec.config
    store = _history_of(spec)
    if store is not None:
        stack.callback(store.close)
    comments = config.include_schema_comments
    topic = None
    if config.include_schema_changes:
        name = outlet.routed(topic_naming(config).schema_change_topic())
        topic = SchemaChangeTopic(name, outlet.converters, outlet.ensure_topic, headers, comments=comments)
    rules = LedgerRules(config.history, config.topic_prefix, config.flavor == "mariadb", comments)
    block = SourceInfo.for_server(connector=config.flavor, name=config.topic_prefix)
    resolvers = [ReadAgain(source.read_tables)]
    ledger = StructureLedger(rules, source, filters, resolvers, store, topic, writer.write_about, block)
    writer.before_commit = ledger.before_commit
    return ledger


def _history_of(spec: TaskSpec) -> HistoryTopic | HistoryFile | None:
    settings = spec.config.history
    if settings.store == FILE_STORE:
        return HistoryFile(settings.file)
    if settings.store != KAFKA_STORE:
        return None
    return HistoryTopic(
        spec.client_config,
        settings.topic,
        spec.config.topic_prefix,
        consumer=spec.history_consumer,
        producer=spec.history_producer,
        quiet_s=max(1.0, settings.recovery_attempts * settings.recovery_poll_interval_ms / 1000),
        query_timeout_s=max(1.0, settings.query_timeout_ms / 1000),
    )


def ensure_data_topic(config: MySqlConnectorConfig, topics: TopicCreator, name: str) -> None:
    """Create the topic of a table unless it is there, as `topic.creation.*` says."""
    topics.ensure([topic_spec(config, name)])


def topic_spec(config: MySqlConnectorConfig, name: str) -> TopicSpec:
    """Return how a connector's topic is to be made."""
    rules = config.topic_creation
    if rules is None:
        return TopicSpec(name)
    rule = rules.rule_of(name)
    return TopicSpec(name, rule.partitions, rule.replication_factor, rule.config)
