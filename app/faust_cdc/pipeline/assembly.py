"""What the rows of a task go through on their way, made from its settings."""

from __future__ import annotations

import contextlib
import threading

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.converter_settings import ConverterSettings
from faust_cdc.kafka.producer import Headers
from faust_cdc.kafka.topics import TopicCreator, TopicSpec
from faust_cdc.mysql.connection import SourceAddress
from faust_cdc.pipeline.bad_rows import BadRows, QuarantineTopic
from faust_cdc.pipeline.captured import EnsureTopic
from faust_cdc.pipeline.converters import Converters, RegisterSchema, converter_of
from faust_cdc.pipeline.reselect import SELECT_TIMEOUT_MS, Reselector
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.registry.client import RegistryClient, RegistryConfig
from faust_cdc.registry.schema_ids import SchemaIds


def converters_of(spec: TaskSpec, stop: threading.Event, stack: contextlib.ExitStack) -> Converters:
    """Make the converters; a registry that both sides use has one client, closed with the stack."""
    clients: dict[RegistryConfig, RegistryClient] = {}

    def ids(settings: ConverterSettings, config: RegistryConfig) -> RegisterSchema:
        if config not in clients:
            clients[config] = RegistryClient(config, stop=stop)
            stack.callback(clients[config].close)
        return SchemaIds(clients[config], settings.avro.id_from, normalize=settings.avro.normalize)

    return Converters(
        converter_of(spec.key_converter, lambda: ids(spec.key_converter, spec.registry_of_keys), is_key=True),
        converter_of(spec.value_converter, lambda: ids(spec.value_converter, spec.registry), is_key=False),
    )


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
