"""From Java's names to librdkafka's and Faust's settings."""

import pytest

from faust_cdc.config.worker import WorkerConfig
from faust_cdc.errors import ConfigError
from faust_cdc.worker.settings import broker_credentials, client_settings, faust_settings, internal_topics

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


def test_internal_topics_are_connects_and_the_leases() -> None:
    topics = {topic.name: topic for topic in internal_topics(CONFIG)}
    assert [topics[name].partitions for name in (CONFIG.config_storage_topic, CONFIG.leases_topic)] == [1, 64]
    compacted = {name for name, topic in topics.items() if topic.must_be_compacted}
    assert compacted == {CONFIG.config_storage_topic, CONFIG.offset_storage_topic, CONFIG.status_storage_topic}
