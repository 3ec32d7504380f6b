"""A connector's configuration as a value: what all code below `faust_cdc.connect` gets in place of a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from faust_cdc.config import catalogue, topic_names
from faust_cdc.config.checks import metric_tags_of, split_words
from faust_cdc.config.column_rules import ColumnRule, column_rules
from faust_cdc.config.converters import AVRO_CLASSES, Converters, converters_of
from faust_cdc.config.custom_converters import CustomConverter, Reselect, custom_converters, post_processors
from faust_cdc.config.history_settings import HistorySettings, history_settings
from faust_cdc.config.rate_limit import RateSchedule, parse_rate_limit
from faust_cdc.config.routes import Route, routes_of
from faust_cdc.config.schema_evolution import EvolutionPolicy
from faust_cdc.config.secret import Secret, mask_secrets
from faust_cdc.config.signalling import (
    NotificationSettings,
    SignalSettings,
    notification_settings,
    signal_settings,
)
from faust_cdc.config.snapshot_settings import (
    LockingMode,
    ModeSwitches,
    RowCountOrder,
    SnapshotMode,
    SnapshotSettings,
    overrides_of,
    snapshot_mode_of,
)
from faust_cdc.config.topic_creation import TopicCreation, topic_creation_of
from faust_cdc.config.transform_settings import TransformSettings
from faust_cdc.config.transforms import transforms_of
from faust_cdc.config.validation import ConnectorMap, validate
from faust_cdc.errors import ConfigError

_SSL_MODES: Final = {
    "disable": "disabled",
    "trust": "required",
    "verify-ca": "verify_ca",
    "verify-full": "verify_identity",
}
"""MariaDB's names of the TLS modes, in MySQL's words."""


@dataclass(frozen=True)
class MySqlConnectorConfig:
    """Every option of one connector that has an effect, parsed; field names are the options' with underscores.

    `flavor` is `mysql` or `mariadb` by the connector class. `database_ssl_mode` is in MySQL's words for both.
    A side of `converters` that is None means: the worker's, see `WorkerConfig.converters_for`. `notes` says, one
    sentence each, which options were accepted and have no effect.
    """

    name: str
    connector_class: str
    flavor: str
    topic_prefix: str
    database_hostname: str
    database_user: str
    database_server_id: int
    database_password: Secret = field(default_factory=lambda: Secret(""))
    database_port: int = 3306
    tasks_max: int = 1
    database_include_list: str | None = None
    database_exclude_list: str | None = None
    table_include_list: str | None = None
    table_exclude_list: str | None = None
    column_include_list: str | None = None
    column_exclude_list: str | None = None
    column_rules: tuple[ColumnRule, ...] = ()
    message_key_columns: str | None = None
    column_propagate_source_type: str | None = None
    datatype_propagate_source_type: str | None = None
    include_schema_comments: bool = False
    database_ssl_mode: str = "preferred"
    database_ssl_ca: str | None = None
    connect_timeout_ms: int = 30_000
    connect_keep_alive_interval_ms: int = 60_000
    database_query_timeout_ms: int = 600_000
    connection_validation_timeout_ms: int = 60_000
    snapshot: SnapshotSettings = field(default_factory=SnapshotSettings)
    snapshot_rate_limit: RateSchedule | None = None
    streaming_rate_limit: RateSchedule | None = None
    snapshot_pause_on_replica_lag_ms: int = 0
    """0: not looked at."""
    snapshot_pause_on_history_list_length: int = 0
    """0: not looked at."""
    heartbeat_interval_ms: int = 0
    heartbeat_action_query: str = ""
    topic_heartbeat_prefix: str = "__debezium-heartbeat"
    topic_heartbeat_name: str = ""
    topic_naming_strategy: str = "DefaultTopicNamingStrategy"
    """The strategy's class without its package, one of `topic_names.STRATEGIES`."""
    topic_delimiter: str = "."
    topic_regex: str = ""
    topic_replacement: str = ""
    topic_key_enforce_uniqueness: bool = True
    topic_key_field_name: str = "__dbz__physicalTableIdentifier"
    topic_key_field_regex: str = ""
    topic_key_field_replacement: str = ""
    tombstones_on_delete: bool = True
    skipped_operations: frozenset[str] = frozenset("t")
    include_schema_changes: bool = True
    skip_messages_without_change: bool = False
    include_query: bool = False
    provide_transaction_metadata: bool = False
    topic_transaction: str = "transaction"
    max_batch_size: int = 2048
    max_queue_size: int = 8192
    max_queue_size_in_bytes: int = 0
    """0: our own default; see `TaskSpec.producer_queue_max_bytes`."""
    transaction_part_max_bytes: int = 64 * 1024 * 1024
    snapshot_chunk_size: int = 20_000
    incremental_chunk_size: int | None = None
    """`incremental.snapshot.chunk.size` where it is set and `snapshot.chunk.size` is not."""
    snapshot_max_threads: int = 1
    poll_interval_ms: int = 500
    decimal_handling_mode: str = "precise"
    time_precision_mode: str = "adaptive_time_microseconds"
    bigint_unsigned_handling_mode: str = "long"
    binary_handling_mode: str = "bytes"
    enable_time_adjuster: bool = False
    schema_name_adjustment_mode: str = "none"
    field_name_adjustment_mode: str = "none"
    unavailable_value_placeholder: str = "__debezium_unavailable_value"
    event_converting_failure_handling_mode: str = "fail"
    """`fail` unless set; with `compatibility.mode=debezium` Debezium's default `warn`, which makes NULLs unasked."""
    custom_metric_tags: Mapping[str, str] = field(default_factory=dict)
    topic_creation: TopicCreation | None = None
    routes: tuple[Route, ...] = ()
    producer_overrides: Mapping[str, str] = field(default_factory=dict)
    producer_client: str | None = None
    """None: the worker's."""
    converters: Converters = field(default_factory=Converters)
    custom_converters: tuple[CustomConverter, ...] = ()
    post_processors: tuple[Reselect, ...] = ()
    signals: SignalSettings = field(default_factory=SignalSettings)
    notifications: NotificationSettings = field(default_factory=NotificationSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    transforms: tuple[TransformSettings, ...] = ()
    """The chain of single message transforms, in order."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    compatibility_mode: str = "right"
    schema_evolution_policy: EvolutionPolicy = EvolutionPolicy.FAIL
    schema_evolution_aliases: bool = False

    @property
    def compatible(self) -> bool:
        """Whether to write Debezium's value where ours differs on purpose."""
        return self.compatibility_mode == "debezium"


def parse_connector_config(config: ConnectorMap) -> MySqlConnectorConfig:
    """The typed configuration of a connector.

    Raises `ConfigError` with every problem, one a line, in the words that REST answers with 400.
    """
    connector_class = catalogue.resolve_class(config.get("connector.class") or "")
    if connector_class is None:
        raise ConfigError(class_problem(config))
    infos = validate(config)
    errors = [error for info in infos for error in info.errors]
    if errors:
        raise ConfigError(invalid_text(errors))
    values = _Values(config, catalogue.flavor_of(connector_class))
    notes = tuple(note for info in infos for note in info.notes)
    return _build(values, connector_class, notes)


def invalid_text(errors: list[str]) -> str:
    """The text Connect answers with 400 when a configuration has errors."""
    return (
        f"Connector configuration is invalid and contains the following {len(errors)} error(s):\n"
        + "\n".join(errors)
        + "\nYou can also find the above list of errors at the endpoint "
        "`/connector-plugins/{connectorType}/config/validate`"
    )


def class_problem(config: ConnectorMap) -> str:
    """Why `connector.class` cannot be used, beginning as Connect's own text does."""
    found = config.get("connector.class")
    if not found:
        shown = ", ".join(f"{key}={value}" for key, value in sorted(mask_secrets(config).items()))
        return f"Connector config {{{shown}}} contains no connector type"
    return (
        f"Failed to find any class that implements Connector and which name matches {found}, "
        f"available connectors are: {', '.join(catalogue.CONNECTOR_CLASSES)}"
    )


class _Values:
    """Typed access to a validated map: defaults filled in, enumerations in lower case."""

    def __init__(self, config: ConnectorMap, flavor: str) -> None:
        self.config = config
        self.flavor = flavor
        self._options = catalogue.by_name(flavor)

    def text(self, name: str) -> str | None:
        value = self.config.get(name)
        return value if value is not None and value.strip() else self._options[name].default

    def word(self, name: str) -> str:
        return (self.text(name) or "").strip().lower()

    def given(self, name: str) -> str:
        return (self.config.get(name) or "").strip().lower()

    def number(self, name: str) -> int:
        return int((self.text(name) or "0").strip())

    def flag(self, name: str) -> bool:
        return self.word(name) == "true"


def _adjusts_years(v: _Values) -> bool:
    """Whether years below 100 change: as asked for; not asked for, only where Debezium's values are wanted."""
    if (v.config.get("enable.time.adjuster") or "").strip():
        return v.flag("enable.time.adjuster")
    return v.word("compatibility.mode") == "debezium"


def _incremental_chunk_size(v: _Values) -> int | None:
    """Debezium's option counts where it is set and ours is not: its default, 1024, would make chunks small unasked."""
    theirs = "incremental.snapshot.chunk.size"
    counts = v.given(theirs) and not v.given("snapshot.chunk.size") and v.number(theirs) > 0
    return v.number(theirs) if counts else None


def _build(v: _Values, connector_class: str, notes: tuple[str, ...]) -> MySqlConnectorConfig:
    ssl_mode = v.word("database.ssl.mode")
    overrides = {k[18:]: value or "" for k, value in v.config.items() if k.startswith("producer.override.")}
    base = MySqlConnectorConfig(
        name=v.text("name") or "",
        connector_class=connector_class,
        flavor=v.flavor,
        topic_prefix=v.text("topic.prefix") or "",
        database_hostname=(v.text("database.hostname") or "").strip(),
        database_user=v.text("database.user") or "",
        database_server_id=v.number("database.server.id"),
        database_password=Secret(v.text("database.password") or ""),
        database_port=v.number("database.port"),
        tasks_max=v.number("tasks.max"),
        database_include_list=v.text("database.include.list"),
        database_exclude_list=v.text("database.exclude.list"),
        table_include_list=v.text("table.include.list"),
        table_exclude_list=v.text("table.exclude.list"),
        database_ssl_mode=_SSL_MODES.get(ssl_mode, ssl_mode),
        database_ssl_ca=v.text("database.ssl.truststore"),
        connect_timeout_ms=v.number("connect.timeout.ms"),
        connect_keep_alive_interval_ms=v.number("connect.keep.alive.interval.ms"),
        database_query_timeout_ms=v.number("database.query.timeout.ms"),
        connection_validation_timeout_ms=v.number("connection.validation.timeout.ms"),
        snapshot=_snapshot_settings(v),
        snapshot_rate_limit=parse_rate_limit(v.text("snapshot.rate.limit")),
        streaming_rate_limit=parse_rate_limit(v.text("streaming.rate.limit")),
        snapshot_pause_on_replica_lag_ms=v.number("snapshot.pause.on.replica.lag.ms"),
        snapshot_pause_on_history_list_length=v.number("snapshot.pause.on.history.list.length"),
        heartbeat_interval_ms=v.number("heartbeat.interval.ms"),
        heartbeat_action_query=(v.text("heartbeat.action.query") or "").strip(),
        tombstones_on_delete=v.flag("tombstones.on.delete"),
        skipped_operations=frozenset(split_words(v.word("skipped.operations"))) - {"none"},
        include_schema_changes=v.flag("include.schema.changes"),
        skip_messages_without_change=v.flag("skip.messages.without.change"),
        include_query=v.flag("include.query"),
        provide_transaction_metadata=v.flag("provide.transaction.metadata"),
        max_batch_size=v.number("max.batch.size"),
        max_queue_size=v.number("max.queue.size"),
        max_queue_size_in_bytes=v.number("max.queue.size.in.bytes"),
        transaction_part_max_bytes=v.number("transaction.part.max.bytes"),
        snapshot_chunk_size=v.number("snapshot.chunk.size"),
        incremental_chunk_size=_incremental_chunk_size(v),
        snapshot_max_threads=v.number("snapshot.max.threads"),
        poll_interval_ms=v.number("poll.interval.ms"),
        custom_metric_tags=metric_tags_of(v.text("custom.metric.tags") or ""),
        producer_overrides=overrides,
        producer_client=v.word("producer.client") or None,
        converters=converters_of(v.config)[0],
        custom_converters=custom_converters(v.config)[0],
        post_processors=post_processors(v.config)[0],
        signals=signal_settings(v.config),
        notifications=notification_settings(v.config),
        history=history_settings(v.config),
        transforms=transforms_of(v.config, compatible=v.word("compatibility.mode") == "debezium"),
        notes=notes,
    )
    return _with_values(v, _with_topics(v, base))


def _snapshot_settings(v: _Values) -> SnapshotSettings:
    mode, switches = snapshot_mode_of(v.word("snapshot.mode"))
    if switches is None and mode is SnapshotMode.CONFIGURATION_BASED:
        prefix = "snapshot.mode.configuration.based."
        switches = ModeSwitches(
            snapshot_data=v.flag(f"{prefix}snapshot.data"),
            snapshot_schema=v.flag(f"{prefix}snapshot.schema"),
            start_stream=v.flag(f"{prefix}start.stream"),
            snapshot_on_schema_error=v.flag(f"{prefix}snapshot.on.schema.error"),
            snapshot_on_data_error=v.flag(f"{prefix}snapshot.on.data.error"),
        )
    unset = LockingMode.MINIMAL if v.word("compatibility.mode") == "debezium" else LockingMode.WATERMARK
    return SnapshotSettings(
        mode=mode,
        switches=switches or ModeSwitches(),
        locking=LockingMode(v.given("snapshot.locking.mode") or unset),
        lock_timeout_ms=v.number("snapshot.lock.timeout.ms"),
        include=v.text("snapshot.include.collection.list"),
        order=RowCountOrder(v.word("snapshot.tables.order.by.row.count")),
        delay_ms=v.number("snapshot.delay.ms"),
        streaming_delay_ms=v.number("streaming.delay.ms"),
        overrides=overrides_of(v.config),
    )


def _with_topics(v: _Values, base: MySqlConnectorConfig) -> MySqlConnectorConfig:
    """Where records go."""
    return replace(
        base,
        topic_transaction=(v.text("topic.transaction") or "").strip(),
        topic_heartbeat_prefix=(v.text("topic.heartbeat.prefix") or "").strip(),
        topic_heartbeat_name=(v.text("topic.heartbeat.name") or "").strip(),
        topic_naming_strategy=topic_names.strategy_of(v.config),
        topic_delimiter=v.text("topic.delimiter") or ".",
        topic_regex=v.text("topic.regex") or "",
        topic_replacement=v.text("topic.replacement") or "",
        topic_key_enforce_uniqueness=v.flag("topic.key.enforce.uniqueness"),
        topic_key_field_name=v.text("topic.key.field.name") or "",
        topic_key_field_regex=(v.text("topic.key.field.regex") or "").strip(),
        topic_key_field_replacement=v.text("topic.key.field.replacement") or "",
        topic_creation=topic_creation_of(v.config),
        routes=routes_of(v.config),
    )


def _with_values(v: _Values, base: MySqlConnectorConfig) -> MySqlConnectorConfig:
    """Which columns are in records, and what becomes of their values."""
    compatibility_mode = v.word("compatibility.mode")
    unset = "warn" if compatibility_mode == "debezium" else "fail"
    return replace(
        base,
        compatibility_mode=compatibility_mode,
        schema_evolution_policy=EvolutionPolicy(v.word("schema.evolution.policy")),
        schema_evolution_aliases=v.flag("schema.evolution.aliases"),
        column_include_list=v.text("column.include.list"),
        column_exclude_list=v.text("column.exclude.list"),
        column_rules=column_rules(v.config),
        message_key_columns=v.text("message.key.columns"),
        column_propagate_source_type=v.text("column.propagate.source.type"),
        datatype_propagate_source_type=v.text("datatype.propagate.source.type"),
        include_schema_comments=v.flag("include.schema.comments"),
        decimal_handling_mode=v.word("decimal.handling.mode"),
        time_precision_mode=v.word("time.precision.mode"),
        bigint_unsigned_handling_mode=v.word("bigint.unsigned.handling.mode"),
        binary_handling_mode=v.word("binary.handling.mode"),
        enable_time_adjuster=_adjusts_years(v),
        schema_name_adjustment_mode=v.word("schema.name.adjustment.mode"),
        field_name_adjustment_mode=_field_name_adjustment(v),
        unavailable_value_placeholder=v.text("unavailable.value.placeholder") or "",
        event_converting_failure_handling_mode=v.given("event.converting.failure.handling.mode") or unset,
    )


def _field_name_adjustment(v: _Values) -> str:
    """An Avro converter named in the connector's own configuration switches "none" to "avro", as in Debezium."""
    mode = v.word("field.name.adjustment.mode")
    named = {v.config.get("key.converter"), v.config.get("value.converter")}
    return "avro" if mode == "none" and not named.isdisjoint(AVRO_CLASSES) else mode
