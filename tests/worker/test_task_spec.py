"""From configuration to a task's values: registry, offset topic, producer settings."""

from __future__ import annotations

import pytest

from faust_cdc.config.worker import parse_worker_config
from faust_cdc.connect.desired import TaskDesired
from faust_cdc.connect.states import TargetState
from faust_cdc.errors import ConfigError
from faust_cdc.worker.tasks import task_spec

CONNECTOR = {
    "name": "shop",
    "connector.class": "io.debezium.connector.mysql.MySqlConnector",
    "database.hostname": "db",
    "database.user": "cdc",
    "database.password": "secret-word",
    "database.server.id": "7",
    "topic.prefix": "p",
    "schema.history.internal.kafka.topic": "h",
}
WORKER = {
    "bootstrap.servers": "kafka:9092",
    "group.id": "g",
    "config.storage.topic": "c",
    "offset.storage.topic": "o",
    "status.storage.topic": "s",
    "listeners": "http://127.0.0.1:8099",
}


def test_defaults_use_the_embedded_registry_and_connects_names() -> None:
    spec = task_spec(TaskDesired("shop", 0, CONNECTOR, TargetState.STARTED), parse_worker_config(WORKER))
    assert spec.transactional_id == "g-shop-0"
    assert [endpoint.url for endpoint in spec.registry.endpoints] == ["http://127.0.0.1:8099/registry"]
    assert (spec.offset_topic.name, spec.offset_topic.partitions) == ("o", 25)
    assert spec.offset_topic.must_be_compacted
    assert (spec.snapshot_topic.name, spec.snapshot_topic.must_be_compacted) == ("g-snapshots", True)
    assert spec.client_config["bootstrap.servers"] == "kafka:9092"
    assert "secret-word" not in repr(spec)


@pytest.mark.parametrize(
    ("worker", "connector", "expected"),
    [
        ({}, {}, None),
        ({"producer.client": "faust-cdc"}, {}, "faust-cdc"),
        ({"producer.client": "faust-cdc"}, {"producer.client": "librdkafka"}, "librdkafka"),
        ({}, {"producer.client": "faust-cdc"}, "faust-cdc"),
    ],
)
def test_the_producers_client_is_the_connectors_else_the_workers(
    worker: dict[str, str], connector: dict[str, str], expected: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    desired = TaskDesired("shop", 0, CONNECTOR | connector, TargetState.STARTED)
    assert task_spec(desired, parse_worker_config(WORKER | worker)).producer_client == expected
    assert "no effect" not in caplog.text


def test_a_client_of_another_name_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"producer\.client: one of librdkafka, faust-cdc is expected, found 'kafka'"):
        parse_worker_config(WORKER | {"producer.client": "kafka"})
    with pytest.raises(ConfigError, match=r"producer\.client"):
        task_spec(
            TaskDesired("shop", 0, CONNECTOR | {"producer.client": "kafka"}, TargetState.STARTED),
            parse_worker_config(WORKER),
        )


def test_producer_settings_of_the_worker_and_overrides_of_the_connector() -> None:
    spec = task_spec(
        TaskDesired("shop", 0, CONNECTOR | {"producer.override.max.request.size": "5000000"}, TargetState.STARTED),
        parse_worker_config(
            WORKER
            | {
                "producer.compression.type": "zstd",
                "producer.max.request.size": "2000000",
                "producer.security.protocol": "SASL_SSL",
                "producer.sasl.mechanism": "PLAIN",
                "producer.sasl.jaas.config": 'x.PlainLoginModule required username="u" password="hidden-word";',
            }
        ),
    )
    assert spec.producer_config["message.max.bytes"] == "5000000"
    assert spec.producer_config["compression.type"] == "zstd"
    assert spec.producer_config["security.protocol"] == "SASL_SSL"
    assert (spec.producer_config["sasl.username"], spec.producer_config["sasl.password"]) == ("u", "hidden-word")
    assert "hidden-word" not in repr(spec)
