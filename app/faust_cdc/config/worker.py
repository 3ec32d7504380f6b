"""The worker's own configuration: a Connect distributed worker's properties file, or the environment.

Names are Connect's (`DistributedConfig` 4.3.1). Environment variables follow Confluent's images:
`CONNECT_OFFSET_STORAGE_TOPIC` is `offset.storage.topic`; they win over the file. Unlike Connect's, every
setting but `bootstrap.servers` has a default, so that one line makes a worker. A name that is not known is
refused with the nearest one: a misspelt security setting must not fall back to plain text in silence.
"""

from __future__ import annotations

import difflib
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from faust_cdc.config import checks, converters
from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.converter_settings import Format
from faust_cdc.config.converters import Converters, ConverterSettings, RegistrySettings, converters_of
from faust_cdc.config.definitions.own import PRODUCER_CLIENTS
from faust_cdc.config.properties import read_properties
from faust_cdc.config.secret import HIDDEN, is_secret_key
from faust_cdc.config.validation import ConverterDefaults
from faust_cdc.errors import ConfigError

ENV_PREFIX: Final = "CONNECT_"
ENV_FILE: Final = "FAUST_CDC_WORKER_PROPERTIES"
"""Environment variable with the path of the worker's properties file."""

REGISTRY_PATH: Final = "/registry"
"""Where the embedded registry lives on the worker's own web port."""

_KNOWN: Final = {
    "bootstrap.servers": "",
    "group.id": "faust-cdc",
    "config.storage.topic": "",
    "config.storage.replication.factor": "-1",
    "offset.storage.topic": "",
    "offset.storage.partitions": "25",
    "offset.storage.replication.factor": "-1",
    "status.storage.topic": "",
    "status.storage.partitions": "5",
    "status.storage.replication.factor": "-1",
    "leases.storage.topic": "",
    "leases.storage.partitions": "64",
    "leases.storage.replication.factor": "-1",
    "snapshots.storage.topic": "",
    "snapshots.storage.partitions": "25",
    "snapshots.storage.replication.factor": "-1",
    "table.schemas.storage.topic": "",
    "table.schemas.storage.partitions": "25",
    "table.schemas.storage.replication.factor": "-1",
    "routes.storage.topic": "",
    "routes.storage.partitions": "5",
    "routes.storage.replication.factor": "-1",
    "schemas.storage.topic": "_schemas",
    "schemas.storage.replication.factor": "-1",
    "listeners": "http://0.0.0.0:8083",
    "rest.advertised.host.name": "",
    "rest.advertised.port": "",
    "session.timeout.ms": "6000",
    "heartbeat.interval.ms": "2000",
    "request.timeout.ms": "40000",
    "task.shutdown.graceful.timeout.ms": "5000",
    "key.converter": "",
    "value.converter": "",
    "data.dir": "faust-cdc-data",
    "client.id": "",
}
"""Settings that have an effect, and their defaults. Replication factor -1 is the broker's default."""

_NOTED: Final = re.compile(
    r"header\.converter.*|(key|value)\.converter\.plugin\.version|offset\.flush\..*|plugin\..*|metrics?\..*"
    r"|config\.providers(\..*)?|connector\.client\.config\.override\.policy|topic\.(creation|tracking)\..*"
    r"|rest\.advertised\.listener|access\.control\..*|response\.http\..*|rest\.extension\..*|admin\.listeners.*"
    r"|rebalance\.timeout\.ms|exactly\.once\.source\.support|connect\.protocol|scheduled\.rebalance\..*"
    r"|inter\.worker\..*|worker\.(un)?sync\..*|internal\.(key|value)\.converter.*|metadata\..*"
    r"|(config|offset|status)\.storage\..*"
)
"""Connect's other settings: accepted, without effect in this version."""

_CLIENT: Final = re.compile(
    r"security\..*|sasl\..*|ssl\..*|client\.(dns|rack).*|(send|receive)\.buffer\.bytes|reconnect\.backoff\..*"
    r"|retry\.backoff\..*|socket\..*|connections\.max\.idle\.ms"
)
"""Settings of every Kafka client, given without prefix, as in Connect."""

PRODUCER_CLIENT: Final = "producer.client"
"""Not a client's own setting, in spite of the prefix."""
_SIDES: Final = ("producer.", "consumer.", "admin.")

_BROKER: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s\[\]:/,@]+):[0-9]{1,5}")
"""One entry of bootstrap.servers: host and port, an IPv6 address in brackets."""


def in_url(host: str) -> str:
    """The host as a URL writes it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True)
class WorkerConfig:
    """One worker's settings. Times in milliseconds; replication factor and partitions -1: the broker's default.

    `client_config` holds the settings of every Kafka client; `producer_config`, `consumer_config` and
    `admin_config` hold it too, with what `producer.`, `consumer.` and `admin.` change. All in Java's names.
    """

    bootstrap_servers: str
    group_id: str = "faust-cdc"
    config_storage_topic: str = "faust-cdc-configs"
    config_storage_replication_factor: int = -1
    offset_storage_topic: str = "faust-cdc-offsets"
    offset_storage_partitions: int = 25
    offset_storage_replication_factor: int = -1
    status_storage_topic: str = "faust-cdc-status"
    status_storage_partitions: int = 5
    status_storage_replication_factor: int = -1
    leases_topic: str = "faust-cdc-leases"
    leases_partitions: int = 64
    leases_replication_factor: int = -1
    snapshots_topic: str = "faust-cdc-snapshots"
    snapshots_partitions: int = 25
    snapshots_replication_factor: int = -1
    table_schemas_topic: str = "faust-cdc-table-schemas"
    table_schemas_partitions: int = 25
    table_schemas_replication_factor: int = -1
    routes_topic: str = "faust-cdc-routes"
    routes_partitions: int = 5
    routes_replication_factor: int = -1
    schemas_topic: str = "_schemas"
    schemas_replication_factor: int = -1
    rest_host: str = "0.0.0.0"
    rest_port: int = 8083
    rest_advertised_host: str = "localhost"
    rest_advertised_port: int = 8083
    session_timeout_ms: int = 6_000
    heartbeat_interval_ms: int = 2_000
    request_timeout_ms: int = 40_000
    task_shutdown_graceful_timeout_ms: int = 5_000
    client_id: str = ""
    data_dir: Path = Path("faust-cdc-data")
    registry: RegistrySettings | None = None
    named_converters: Converters = field(default_factory=Converters)
    """Those that the worker's own settings name, for connectors that name none."""
    key_converter: str = converters.CONFLUENT
    value_converter: str = converters.CONFLUENT
    producer_client: str | None = None
    """Of connectors that name none; None: by default."""
    client_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    producer_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    consumer_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    admin_config: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def worker_id(self) -> str:
        """The advertised `host:port`, Connect's `worker_id` in every status."""
        return f"{in_url(self.rest_advertised_host)}:{self.rest_advertised_port}"

    @property
    def rest_url(self) -> str:
        """The advertised base URL of this worker's REST, without a slash at the end."""
        return f"http://{self.worker_id}"

    @property
    def registry_url(self) -> str | None:
        """The worker's registry URLs, comma-separated; None: the embedded registry."""
        return ",".join(self.registry.urls) if self.registry else None

    @property
    def embedded_registry_url(self) -> str:
        """Where this worker reaches its own embedded registry."""
        any_address = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
        host = any_address.get(self.rest_host, self.rest_host)
        return f"http://{in_url(host)}:{self.rest_port}{REGISTRY_PATH}"

    @property
    def converter_defaults(self) -> ConverterDefaults:
        """The converter classes that a connector without its own gets, for `validate`."""
        return ConverterDefaults(self.key_converter, self.value_converter)

    @property
    def default_registry(self) -> RegistrySettings:
        """The worker's registry, else the embedded one."""
        return self.registry or RegistrySettings((self.embedded_registry_url,))

    def converters_for(self, config: MySqlConnectorConfig) -> tuple[ConverterSettings, ConverterSettings]:
        """The converters of one connector's keys and values: its own, else the worker's, else Avro.

        Avro without a registry of its own takes that of the connector's other side, else the worker's, else the
        embedded one.
        """
        registry = config.converters.registry or self.default_registry
        key = config.converters.key or self.named_converters.key or ConverterSettings()
        value = config.converters.value or self.named_converters.value or ConverterSettings()
        return _with_registry(key, registry), _with_registry(value, registry)


def load_worker_config(path: Path | None, environ: Mapping[str, str]) -> WorkerConfig:
    """The worker's configuration from a properties file and the environment, which wins.

    `path` None: the file that `FAUST_CDC_WORKER_PROPERTIES` names, if any. Raises `ConfigError` with all
    problems, one a line.
    """
    chosen = path or (Path(environ[ENV_FILE]) if environ.get(ENV_FILE) else None)
    settings = read_properties(chosen) if chosen else {}
    return parse_worker_config(settings | environment_settings(environ))


def environment_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings in `CONNECT_…` variables: `_` is a dot, `__` an underscore, `___` a hyphen (Confluent's rule)."""
    found: dict[str, str] = {}
    for name, value in environ.items():
        if name.startswith(ENV_PREFIX) and not name.startswith(("CONNECT_LOG4J", "CONNECT_KAFKA_")):
            key = name[len(ENV_PREFIX) :].lower().replace("___", "-").replace("__", "\0").replace("_", ".")
            found[key.replace("\0", "_")] = value
    return found


def parse_worker_config(settings: Mapping[str, str]) -> WorkerConfig:
    """A worker's configuration from Connect's names. Raises `ConfigError` with all problems, one a line."""
    problems = [problem for key in settings if (problem := _unknown(key)) is not None]
    values = _WorkerValues(settings, problems)
    named, findings = converters_of(settings)
    problems += [f"{finding.key}: {finding.problem}" for finding in findings]
    config = _build(values, named)
    if problems:
        listed = "\n".join(problems)
        raise ConfigError(f"The worker's configuration has {len(problems)} error(s):\n{listed}")
    return config


def _unknown(key: str) -> str | None:
    if key in _KNOWN or key.startswith(("key.converter.", "value.converter.", *_SIDES)):
        return None
    if _NOTED.fullmatch(key) or _CLIENT.fullmatch(key):
        return None
    near = difflib.get_close_matches(key, [*_KNOWN, "security.protocol", "sasl.mechanism", "sasl.jaas.config"], n=1)
    hint = f"did you mean '{near[0]}'?" if near else "leave it out."
    return f"Unknown worker setting '{key}': {hint}"


class _WorkerValues:
    """Typed access to the settings; problems are collected."""

    def __init__(self, settings: Mapping[str, str], problems: list[str]) -> None:
        self.settings = settings
        self.problems = problems

    def text(self, key: str, default: str = "") -> str:
        return self.settings.get(key, "").strip() or _KNOWN[key] or default

    def number(self, key: str, *, low: int, default: int = 0) -> int:
        text = self.text(key, str(default))
        number = checks.as_int(text)
        if number is None or number < low:
            shown = HIDDEN if is_secret_key(key) else text
            self.problems.append(f"{key}: a whole number from {low} is expected, found '{shown}'")
            return default
        return number

    def size(self, key: str) -> int:
        """A replication factor or a number of partitions: positive, or -1 for the broker's default."""
        number = self.number(key, low=-1, default=-1)
        if number == 0:
            self.problems.append(f"{key}: a positive number is expected, or -1 for the broker's default, found '0'")
        return number

    def listener(self) -> tuple[str, int]:
        """Host and port of the first listener."""
        text = self.text("listeners")
        parts = urlsplit(text.split(",")[0].strip())
        try:
            port = parts.port or 8083
        except ValueError:
            port = -1
        if parts.scheme != "http" or port < 0 or "," in text:
            remedy = "give one http://[host]:port; TLS is not in this version, a proxy in front can add it"
            self.problems.append(f"listeners: {remedy}, found '{text}'")
        return parts.hostname or "0.0.0.0", port

    def brokers(self) -> str:
        """`bootstrap.servers` without blanks; a bad entry would be waited for without end."""
        entries = [entry.strip() for entry in self.text("bootstrap.servers").split(",") if entry.strip()]
        if not entries:
            self.problems.append("bootstrap.servers: give the Kafka brokers as host:port[,host:port…]")
        for entry in entries:
            if not _BROKER.fullmatch(entry) or not 0 < int(entry.rpartition(":")[2]) < 65536:
                self.problems.append(f"bootstrap.servers: host:port is expected for each broker, found '{entry}'")
        return ",".join(entries)

    def producer_client(self) -> str | None:
        """Which client producers are: the connectors' option of this name, under which each may differ."""
        text = self.settings.get(PRODUCER_CLIENT, "").strip().lower() or None
        if text is not None and text not in PRODUCER_CLIENTS:
            self.problems.append(f"{PRODUCER_CLIENT}: one of {', '.join(PRODUCER_CLIENTS)} is expected, found '{text}'")
        return text

    def clients(self, prefix: str) -> dict[str, str]:
        """The settings of one kind of Kafka client: common ones, overridden by those with the prefix."""
        common = {key: value for key, value in self.settings.items() if _CLIENT.fullmatch(key)}
        own = {
            key[len(prefix) :]: value
            for key, value in self.settings.items()
            if prefix and key.startswith(prefix) and key != PRODUCER_CLIENT
        }
        return common | own


def _build(v: _WorkerValues, named: Converters) -> WorkerConfig:
    group = v.text("group.id")
    host, port = v.listener()
    own_name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return WorkerConfig(
        bootstrap_servers=v.brokers(),
        group_id=group,
        config_storage_topic=v.text("config.storage.topic", f"{group}-configs"),
        config_storage_replication_factor=v.size("config.storage.replication.factor"),
        offset_storage_topic=v.text("offset.storage.topic", f"{group}-offsets"),
        offset_storage_partitions=v.size("offset.storage.partitions"),
        offset_storage_replication_factor=v.size("offset.storage.replication.factor"),
        status_storage_topic=v.text("status.storage.topic", f"{group}-status"),
        status_storage_partitions=v.size("status.storage.partitions"),
        status_storage_replication_factor=v.size("status.storage.replication.factor"),
        leases_topic=v.text("leases.storage.topic", f"{group}-leases"),
        leases_partitions=v.number("leases.storage.partitions", low=1),
        leases_replication_factor=v.size("leases.storage.replication.factor"),
        snapshots_topic=v.text("snapshots.storage.topic", f"{group}-snapshots"),
        snapshots_partitions=v.size("snapshots.storage.partitions"),
        snapshots_replication_factor=v.size("snapshots.storage.replication.factor"),
        table_schemas_topic=v.text("table.schemas.storage.topic", f"{group}-table-schemas"),
        table_schemas_partitions=v.size("table.schemas.storage.partitions"),
        table_schemas_replication_factor=v.size("table.schemas.storage.replication.factor"),
        routes_topic=v.text("routes.storage.topic", f"{group}-routes"),
        routes_partitions=v.size("routes.storage.partitions"),
        routes_replication_factor=v.size("routes.storage.replication.factor"),
        schemas_topic=v.text("schemas.storage.topic"),
        schemas_replication_factor=v.size("schemas.storage.replication.factor"),
        rest_host=host,
        rest_port=port,
        rest_advertised_host=v.text("rest.advertised.host.name", own_name),
        rest_advertised_port=v.number("rest.advertised.port", low=1, default=max(port, 1)),
        session_timeout_ms=v.number("session.timeout.ms", low=1),
        heartbeat_interval_ms=v.number("heartbeat.interval.ms", low=1),
        request_timeout_ms=v.number("request.timeout.ms", low=1),
        task_shutdown_graceful_timeout_ms=v.number("task.shutdown.graceful.timeout.ms", low=0),
        client_id=v.text("client.id"),
        data_dir=Path(v.text("data.dir")),
        registry=named.registry,
        named_converters=named,
        key_converter=v.text("key.converter", converters.CONFLUENT),
        value_converter=v.text("value.converter", converters.CONFLUENT),
        producer_client=v.producer_client(),
        client_config=v.clients(""),
        producer_config=v.clients("producer."),
        consumer_config=v.clients("consumer."),
        admin_config=v.clients("admin."),
    )


def _with_registry(converter: ConverterSettings, registry: RegistrySettings) -> ConverterSettings:
    if converter.format is not Format.AVRO or converter.registry is not None:
        return converter
    return replace(converter, registry=registry)
