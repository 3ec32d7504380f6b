"""From the worker's configuration (Java's names) to the settings of Faust and of librdkafka."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any

from faust_cdc.config.worker import WorkerConfig, in_url
from faust_cdc.errors import ConfigError
from faust_cdc.kafka.topics import INTERNAL_TOPIC, TopicSpec

NO_POLL_LIMIT_S = 1_000_000.0
"""A standby owns nothing, so it polls nothing: any shorter limit makes aiokafka leave the group for good
(https://github.com/robinhood/faust/issues/517)."""

COMMAND_RETENTION_MS = 24 * 3600 * 1000
JAAS_OPTION = re.compile(r"(\w+)\s*=\s*\"((?:[^\"\\]|\\.)*)\"")
SAME_NAME_IN_LIBRDKAFKA = frozenset(
    {
        "security.protocol",
        "sasl.mechanism",
        "sasl.kerberos.service.name",
        "reconnect.backoff.ms",
        "reconnect.backoff.max.ms",
        "retry.backoff.ms",
        "connections.max.idle.ms",
        "client.rack",
        "client.dns.lookup",
    }
)

PEM_NAMES: dict[str, tuple[str, ...]] = {
    "ssl.truststore.location": ("ssl.ca.location",),
    "ssl.truststore.certificates": ("ssl.ca.pem",),
    "ssl.keystore.location": ("ssl.certificate.location", "ssl.key.location"),
    "ssl.keystore.certificate.chain": ("ssl.certificate.pem",),
    "ssl.keystore.key": ("ssl.key.pem",),
    "ssl.key.password": ("ssl.key.password",),
}
WITHOUT_EFFECT = frozenset({"ssl.truststore.type", "ssl.keystore.type", "ssl.protocol", "ssl.enabled.protocols"})


def internal_topics(config: WorkerConfig) -> list[TopicSpec]:
    """Return the topics the worker needs before it joins: Connect's three, ours and the leases."""
    compact = INTERNAL_TOPIC
    return [
        TopicSpec(config.config_storage_topic, 1, config.config_storage_replication_factor, compact, True),
        offset_topic(config),
        snapshot_topic(config),
        route_topic(config),
        table_schemas_topic(config),
        TopicSpec(
            config.status_storage_topic,
            config.status_storage_partitions,
            config.status_storage_replication_factor,
            compact,
            True,
        ),
        TopicSpec(
            config.leases_topic,
            config.leases_partitions,
            config.leases_replication_factor,
            {"cleanup.policy": "delete", "retention.ms": str(COMMAND_RETENTION_MS)},
        ),
    ]


def offset_topic(config: WorkerConfig) -> TopicSpec:
    """Return the topic of source offsets."""
    return TopicSpec(
        config.offset_storage_topic,
        config.offset_storage_partitions,
        config.offset_storage_replication_factor,
        INTERNAL_TOPIC,
        must_be_compacted=True,
    )


def snapshot_topic(config: WorkerConfig) -> TopicSpec:
    """Return the topic of the snapshots' progress (`faust_cdc.snapshot.progress`)."""
    return TopicSpec(
        config.snapshots_topic,
        config.snapshots_partitions,
        config.snapshots_replication_factor,
        INTERNAL_TOPIC,
        must_be_compacted=True,
    )


def route_topic(config: WorkerConfig) -> TopicSpec:
    """Return the topic of routes (`faust_cdc.pipeline.route_log`)."""
    return TopicSpec(
        config.routes_topic,
        config.routes_partitions,
        config.routes_replication_factor,
        INTERNAL_TOPIC,
        must_be_compacted=True,
    )


def table_schemas_topic(config: WorkerConfig) -> TopicSpec:
    """Return the topic of the versions of tables' schemas (`faust_cdc.pipeline.table_schemas`)."""
    return TopicSpec(
        config.table_schemas_topic,
        config.table_schemas_partitions,
        config.table_schemas_replication_factor,
        INTERNAL_TOPIC,
        must_be_compacted=True,
    )


def faust_settings(config: WorkerConfig) -> dict[str, Any]:
    """Return the keyword arguments of the Faust app (reference of each: Faust's settings documentation)."""
    session_s = config.session_timeout_ms / 1000
    return {
        "broker": [f"kafka://{server.strip()}" for server in config.bootstrap_servers.split(",")],
        "broker_client_id": config.client_id or f"{config.group_id}-control",
        "broker_credentials": broker_credentials(config.client_config),
        "broker_session_timeout": session_s,
        "broker_request_timeout": max(config.request_timeout_ms / 1000, session_s),
        # One rebalance waits at most one heartbeat for the others to hear of it.
        "broker_heartbeat_interval": min(config.heartbeat_interval_ms / 1000, session_s / 6, 0.5),
        # How long the coordinator waits for members; Tansu waits it out at each join, so it is short.
        "broker_rebalance_timeout": 3.0,
        "broker_max_poll_interval": NO_POLL_LIMIT_S,
        "consumer_auto_offset_reset": "earliest",
        "stream_wait_empty": False,
        "topic_disable_leader": True,
        # Topics are made by us, before the worker subscribes: Faust leaves a topic that is missing at the join
        # without partitions until the next rebalance.
        "topic_allow_declare": False,
        # Global tables are on every worker anyway.
        "table_standby_replicas": 0,
        "web_port": config.rest_port,
        "web_bind": config.rest_host,
        "web_host": in_url(config.rest_advertised_host),
        "worker_redirect_stdouts": False,
        "datadir": config.data_dir / f"{config.rest_advertised_host}-{config.rest_port}",
        "store": "memory://",
        # With no origin given, Faust would import every module below `faust_cdc.worker` in search of agents.
        "origin": "faust_cdc_agents",
        "autodiscover": ["faust_cdc_agents"],
    }


def client_settings(config: WorkerConfig, java: Mapping[str, str]) -> dict[str, str]:
    """Return librdkafka's settings for a client that was configured in Java's names.

    Raises ConfigError for a security setting that librdkafka has no equal of: plain text would be the alternative.
    """
    settings = {"bootstrap.servers": config.bootstrap_servers, "client.id": config.client_id or config.group_id}
    for name, value in java.items():
        if name in SAME_NAME_IN_LIBRDKAFKA:
            settings[name] = value
        elif name == "sasl.jaas.config":
            settings.update(_jaas_credentials(value))
        elif name == "ssl.endpoint.identification.algorithm":
            settings[name] = value or "none"
        elif name in PEM_NAMES:
            # One PEM file may hold certificate and key; Java reads both from it.
            settings.update(dict.fromkeys(PEM_NAMES[name], value))
        elif name.startswith(("ssl.", "sasl.")) and name not in WITHOUT_EFFECT:
            raise ConfigError(
                f"Worker setting '{name}' is not supported.",
                remedy="give certificates as PEM: ssl.truststore.type=PEM with ssl.truststore.location, and "
                "ssl.keystore.type=PEM with ssl.keystore.location; SASL as PLAIN or SCRAM with sasl.jaas.config",
            )
    for kind in ("truststore", "keystore"):
        if f"ssl.{kind}.location" in java and java.get(f"ssl.{kind}.type", "JKS").upper() != "PEM":
            raise ConfigError(
                f"ssl.{kind}.type is {java.get(f'ssl.{kind}.type', 'JKS')}, expected PEM: Java's key stores cannot be "
                "read here.",
                remedy=f"convert it to PEM and set ssl.{kind}.type=PEM",
            )
    return settings


def _jaas_credentials(jaas: str) -> dict[str, str]:
    options = {name: re.sub(r"\\(.)", r"\1", value) for name, value in JAAS_OPTION.findall(jaas)}
    if "username" not in options or "password" not in options:
        raise ConfigError(
            "sasl.jaas.config has no username and password.",
            remedy='write org.apache.kafka.common.security.scram.ScramLoginModule required username="…" password="…";',
        )
    return {"sasl.username": options["username"], "sasl.password": options["password"]}


def broker_credentials(java: Mapping[str, str]) -> Any:
    """Return Faust's credentials for the group consumer, None for plain text without authentication."""
    protocol = java.get("security.protocol", "PLAINTEXT").upper()
    if protocol == "PLAINTEXT":
        return None
    import faust

    context = _ssl_context(java) if protocol.endswith("SSL") else None
    if protocol == "SSL":
        return faust.SSLCredentials(context)
    credentials = _jaas_credentials(java.get("sasl.jaas.config", ""))
    return faust.SASLCredentials(
        username=credentials["sasl.username"],
        password=credentials["sasl.password"],
        ssl_context=context,
        mechanism=java.get("sasl.mechanism", "PLAIN"),
    )


def _ssl_context(java: Mapping[str, str]) -> ssl.SSLContext:
    """Return the TLS context of the group consumer. Raises ConfigError naming the option whose file cannot be used."""
    trusted, own = java.get("ssl.truststore.location"), java.get("ssl.keystore.location")
    option, path = "ssl.truststore.location", trusted
    try:
        context = ssl.create_default_context(cafile=trusted or None)
        if own:
            option, path = "ssl.keystore.location", own
            context.load_cert_chain(own, password=java.get("ssl.key.password"))
    except OSError as error:  # ssl.SSLError is one too
        raise ConfigError(
            f"Worker setting '{option}': {path} cannot be used: {error.strerror or error}.",
            remedy="give the path of a PEM file that this user may read; ssl.key.password must fit it",
        ) from error
    if java.get("ssl.endpoint.identification.algorithm") == "":
        context.check_hostname = False
    return context


def ensure_clients_can_be_made(config: WorkerConfig) -> None:
    """Raise ConfigError for settings of a Kafka client that cannot be followed, before anything is started."""
    for java in (config.client_config, config.producer_config, config.consumer_config, config.admin_config):
        client_settings(config, java)
