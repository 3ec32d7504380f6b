"""From a desired task to a running one: the connector's and the worker's configuration become a `TaskSpec`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from faust_cdc.config.connector import MySqlConnectorConfig, parse_connector_config
from faust_cdc.config.converter_settings import ConverterSettings
from faust_cdc.config.worker import WorkerConfig
from faust_cdc.connect.desired import TaskDesired
from faust_cdc.notifications.notification import Notification
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.task import ConnectorTask, TaskSnapshot
from faust_cdc.registry.client import RegistryConfig
from faust_cdc.worker.settings import (
    client_settings,
    internal_topics,
    offset_topic,
    route_topic,
    snapshot_topic,
    table_schemas_topic,
)

log = logging.getLogger(__name__)

SECURITY_PREFIXES = ("security.", "sasl.", "ssl.")

PRODUCER_NAMES: Mapping[str, str] = {
    "linger.ms": "linger.ms",
    "batch.size": "batch.size",
    "compression.type": "compression.type",
    "max.request.size": "message.max.bytes",
    "request.timeout.ms": "request.timeout.ms",
    "transaction.timeout.ms": "transaction.timeout.ms",
    "retries": "retries",
    "retry.backoff.ms": "retry.backoff.ms",
    "client.id": "client.id",
}
"""Java's producer settings that a task's producer follows, with librdkafka's names for them."""


def make_task(
    desired: TaskDesired,
    worker: WorkerConfig,
    on_state: Callable[[TaskSnapshot], None],
    show: Callable[[Notification], None],
) -> ConnectorTask:
    """Return the task, not yet started. Raises ConfigError for a configuration that cannot be used."""
    return ConnectorTask(task_spec(desired, worker), on_state, show)


def task_spec(desired: TaskDesired, worker: WorkerConfig) -> TaskSpec:
    """Resolve everything a task is given: defaults of the worker, overrides of the connector."""
    config = parse_connector_config(desired.config)
    key, value = worker.converters_for(config)
    return TaskSpec(
        connector=desired.connector,
        task_id=desired.task_id,
        group_id=worker.group_id,
        config=config,
        client_config=client_settings(worker, worker.client_config),
        offset_topic=offset_topic(worker),
        snapshot_topic=snapshot_topic(worker),
        route_topic=route_topic(worker),
        internal_topics=(worker.schemas_topic, *(one.name for one in internal_topics(worker))),
        table_schemas_topic=table_schemas_topic(worker),
        registry=_registry(value, worker),
        key_registry=_registry(key, worker),
        key_converter=key,
        value_converter=value,
        producer_config=_producer_settings(config, worker),
        history_consumer=_history_settings(config, worker, config.history.consumer),
        history_producer=_history_settings(config, worker, config.history.producer),
        producer_client=config.producer_client or worker.producer_client,
    )


def _registry(converter: ConverterSettings, worker: WorkerConfig) -> RegistryConfig:
    # The embedded one is reached over HTTP like any other, so that there is one way to a schema id.
    settings = converter.registry or worker.default_registry
    password = None if settings.password is None else settings.password.reveal()
    return RegistryConfig(settings.urls, settings.username, password)


def _history_settings(config: MySqlConnectorConfig, worker: WorkerConfig, java: Mapping[str, str]) -> dict[str, str]:
    """Return what a client of the schema history has beside the worker's settings: Java's, and another cluster."""
    if not config.history.is_kept:
        return {}
    security = {name: value for name, value in java.items() if name.startswith(SECURITY_PREFIXES)}
    settings = client_settings(worker, security) if security else {}
    for name, value in java.items():
        if name in PRODUCER_NAMES:
            settings[PRODUCER_NAMES[name]] = value
        elif name not in security:
            log.info("Connector %s: setting %s of the schema history has no effect here", config.name, name)
    if config.history.bootstrap_servers:
        settings["bootstrap.servers"] = config.history.bootstrap_servers
    return settings


def _producer_settings(config: MySqlConnectorConfig, worker: WorkerConfig) -> dict[str, str]:
    settings: dict[str, str] = {}
    for java in (worker.producer_config, config.producer_overrides):
        security = {name: value for name, value in java.items() if name.startswith(SECURITY_PREFIXES)}
        if security:
            settings.update(client_settings(worker, security))
        for name, value in java.items():
            if name in PRODUCER_NAMES:
                settings[PRODUCER_NAMES[name]] = value
            elif name not in security and worker.client_config.get(name) != value:
                log.info("Connector %s: producer setting %s has no effect here", config.name, name)
    return settings
