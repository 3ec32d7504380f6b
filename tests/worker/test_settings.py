"""From Java's names to librdkafka's and Faust's settings."""

from pathlib import Path

import pytest

from faust_cdc.config.worker import WorkerConfig
from faust_cdc.errors import ConfigError
from faust_cdc.worker.settings import (
    broker_credentials,
    client_settings,
    ensure_clients_can_be_made,
    faust_settings,
    internal_topics,
)

CONFIG = WorkerConfig("a:9092,b:9092", group_id="g")
SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p\\"w";'


def test_plain_client() -> None:
    assert client_settings(CONFIG, {}) == {"bootstrap.servers": "a:9092,b:9092", "client.id": "g"}


def test_sasl_and_pem_are_translated() -> None:
    java = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": SCRAM,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "ca.pem",
        "ssl.endpoint.identification.algorithm": "",
    }
    settings = client_settings(CONFIG, java)
    assert settings["sasl.username"] == "u"
    assert settings["sasl.password"] == 'p"w'
    assert settings["ssl.ca.location"] == "ca.pem"
    assert settings["ssl.endpoint.identification.algorithm"] == "none"
    assert settings["security.protocol"] == "SASL_SSL"


@pytest.mark.parametrize(
    ("java", "named"),
    [
        ({"ssl.truststore.location": "trust.jks"}, "ssl.truststore.type is JKS"),
        ({"sasl.login.callback.handler.class": "x.Y"}, "sasl.login.callback.handler.class"),
        ({"sasl.jaas.config": "x required;"}, "no username and password"),
    ],
)
def test_what_cannot_be_had_is_refused_not_left_out(java: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        client_settings(CONFIG, java)


def test_faust_joins_as_the_group_and_never_leaves_for_not_polling() -> None:
    settings = faust_settings(CONFIG)
    assert settings["broker"] == ["kafka://a:9092", "kafka://b:9092"]
    assert settings["broker_session_timeout"] == 6.0
    assert settings["broker_heartbeat_interval"] == 0.5
    assert settings["broker_max_poll_interval"] >= 1e6
    assert settings["broker_credentials"] is None
    assert settings["worker_redirect_stdouts"] is False


def test_credentials_of_the_group_consumer() -> None:
    credentials = broker_credentials(
        {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-256", "sasl.jaas.config": SCRAM}
    )
    assert (credentials.username, credentials.password) == ("u", 'p"w')


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    absent, broken = tmp_path / "absent.pem", tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for option, path in (("truststore", absent), ("truststore", broken), ("keystore", absent), ("keystore", broken)):
        java = {"security.protocol": "SSL", f"ssl.{option}.location": str(path)}
        with pytest.raises(ConfigError, match=rf"'ssl\.{option}\.location': .*{path.name} cannot be used"):
            broker_credentials(java)


def test_a_side_that_cannot_be_had_is_refused_before_the_start() -> None:
    config = WorkerConfig("a:1", admin_config={"ssl.keystore.location": "own.jks"})
    with pytest.raises(ConfigError, match=r"ssl\.keystore\.type is JKS"):
        ensure_clients_can_be_made(config)


def test_an_ipv6_address_is_advertised_in_brackets() -> None:
    assert faust_settings(WorkerConfig("a:1", rest_advertised_host="::1"))["web_host"] == "[::1]"


def test_internal_topics_are_connects_ours_and_the_leases() -> None:
    topics = {topic.name: topic for topic in internal_topics(CONFIG)}
    assert [topics[name].partitions for name in (CONFIG.config_storage_topic, CONFIG.leases_topic)] == [1, 64]
    compacted = {name for name, topic in topics.items() if topic.must_be_compacted}
    connects = {CONFIG.config_storage_topic, CONFIG.offset_storage_topic, CONFIG.status_storage_topic}
    assert compacted == {*connects, CONFIG.snapshots_topic, CONFIG.table_schemas_topic, CONFIG.routes_topic}
