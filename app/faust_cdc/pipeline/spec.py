"""What a connector task is given: values only, resolved by the layers above."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.converter_settings import ConverterSettings
from faust_cdc.kafka.queue_bounds import QUEUE_BYTES
from faust_cdc.kafka.task_producer import task_transactional_id
from faust_cdc.kafka.topics import TopicSpec
from faust_cdc.registry.client import RegistryConfig

TRANSACTION_TIMEOUT_MS = 600_000
"""Longer than Kafka's default of a minute: a snapshot is one transaction. Brokers allow 15 minutes by default."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task of one connector on one worker."""

    connector: str
    task_id: int
    group_id: str
    config: MySqlConnectorConfig
    client_config: Mapping[str, str] = field(repr=False)
    """librdkafka options common to all clients: bootstrap.servers, security."""
    offset_topic: TopicSpec
    snapshot_topic: TopicSpec
    """Where the progress of snapshots is kept (`faust_cdc.snapshot.progress_log`)."""
    registry: RegistryConfig
    """Of values, and of keys unless `key_registry` says otherwise; not contacted where a side is not Avro."""
    key_registry: RegistryConfig | None = None
    table_schemas_topic: TopicSpec | None = None
    """Where the versions of tables' schemas are kept (`faust_cdc.pipeline.table_schemas`); None: nowhere."""
    route_topic: TopicSpec | None = None
    """Where routes are kept (`route_log`); None: the routes are those of the configuration."""
    internal_topics: tuple[str, ...] = ()
    """Topics of the workers' own, to which no route may lead."""
    key_converter: ConverterSettings = field(default_factory=ConverterSettings)
    value_converter: ConverterSettings = field(default_factory=ConverterSettings)
    producer_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    """librdkafka options of the worker's `producer.*` and the connector's `producer.override.*`."""
    history_consumer: Mapping[str, str] = field(default_factory=dict, repr=False)
    """librdkafka options of the schema history's reader, beside `client_config`."""
    history_producer: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The same of its writer."""
    producer_client: str | None = None
    """Which client the producer is: `producer.client`; None: by default."""
    producer_queue_max_bytes: int = QUEUE_BYTES
    """Of records not acknowledged yet, where the connector has no `max.queue.size.in.bytes`."""
    heartbeat_ms: int = 2000
    """The source server's heartbeat period; three without any byte mean the connection is lost."""
    retry_delay_min_ms: int = 500
    retry_delay_max_ms: int = 15_000
    hot_path: bool = True
    """Read the binlog on the compiled path, where it is built and the options allow it."""

    @property
    def transactional_id(self) -> str:
        """By which owners of this task fence one another."""
        return task_transactional_id(self.group_id, self.connector, self.task_id)

    @property
    def registry_of_keys(self) -> RegistryConfig:
        """Where schemas of keys are registered."""
        return self.key_registry or self.registry

    @property
    def needs_avro_names(self) -> bool:
        """A side writes field names as they are into Avro schemas."""
        return self.key_converter.needs_avro_names or self.value_converter.needs_avro_names

    @property
    def transaction_timeout_ms(self) -> int:
        """How long a Kafka transaction of this task may stay open."""
        return int(self.producer_config.get("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS))
