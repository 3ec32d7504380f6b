from __future__ import annotations

from pathlib import Path

import pytest

from faust_cdc.config.connector import MySqlConnectorConfig, parse_connector_config
from faust_cdc.config.converters import APICURIO, CONFLUENT, JSON, STRING
from faust_cdc.config.properties import parse_properties
from faust_cdc.config.worker import (
    ENV_FILE,
    WorkerConfig,
    environment_settings,
    load_worker_config,
    parse_worker_config,
)
from faust_cdc.errors import ConfigError
from tests.connect.memory import MYSQL_CONFIG

CONNECT_DISTRIBUTED = """
# the file that Kafka ships, with what people add
bootstrap.servers=localhost:9092
group.id=connect-cluster
key.converter=io.confluent.connect.avro.AvroConverter
key.converter.schema.registry.url=http://registry:8081
value.converter=io.confluent.connect.avro.AvroConverter
value.converter.schema.registry.url=http://registry:8081
offset.storage.topic=connect-offsets
offset.storage.replication.factor=1
#offset.storage.partitions=25
config.storage.topic=connect-configs
config.storage.replication.factor=1
status.storage.topic=connect-status
status.storage.replication.factor=1
offset.flush.interval.ms=10000
listeners=http://127.0.0.1:8084
plugin.path=/usr/share/java
exactly.once.source.support=enabled
security.protocol=SASL_SSL
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
    username="a" password="s3cret";
producer.compression.type=zstd
producer.security.protocol=SSL
consumer.fetch.min.bytes=7
"""


def test_a_connect_workers_file() -> None:
    config = parse_worker_config(parse_properties(CONNECT_DISTRIBUTED))
    assert (config.bootstrap_servers, config.group_id) == ("localhost:9092", "connect-cluster")
    assert config.offset_storage_topic == "connect-offsets"
    assert (config.offset_storage_partitions, config.offset_storage_replication_factor) == (25, 1)
    assert (config.config_storage_topic, config.status_storage_topic) == ("connect-configs", "connect-status")
    assert (config.rest_host, config.rest_port, config.worker_id) == ("127.0.0.1", 8084, "127.0.0.1:8084")
    assert config.registry_url == "http://registry:8081"
    assert config.client_config["security.protocol"] == "SASL_SSL"
    assert config.client_config["sasl.jaas.config"].endswith('required username="a" password="s3cret";')
    assert config.producer_config["security.protocol"] == "SSL"
    assert config.producer_config["compression.type"] == "zstd"
    assert config.consumer_config["security.protocol"] == "SASL_SSL"
    assert config.consumer_config["fetch.min.bytes"] == "7"
    assert "fetch.min.bytes" not in config.admin_config
    assert "s3cret" not in repr(config)


def test_one_line_is_enough() -> None:
    config = parse_worker_config({"bootstrap.servers": "broker:9092"})
    assert (config.group_id, config.config_storage_topic) == ("faust-cdc", "faust-cdc-configs")
    assert (config.snapshots_topic, config.snapshots_partitions) == ("faust-cdc-snapshots", 25)
    assert (config.rest_host, config.rest_port, config.leases_partitions) == ("0.0.0.0", 8083, 64)
    assert config.registry_url is None
    assert config.embedded_registry_url == "http://127.0.0.1:8083/registry"
    assert config.worker_id.endswith(":8083")


def test_ipv6() -> None:
    config = parse_worker_config({"bootstrap.servers": "[::1]:9092, b:1", "listeners": "http://[::]:9000"})
    assert config.bootstrap_servers == "[::1]:9092,b:1"
    assert config.embedded_registry_url == "http://[::1]:9000/registry"
    bound = parse_worker_config({"bootstrap.servers": "b:1", "listeners": "http://[fe80::1]:9000"})
    assert bound.worker_id == "[fe80::1]:9000"


def registries(worker: WorkerConfig, config: MySqlConnectorConfig) -> list[str]:
    return [side.registry.urls[0] if side.registry else side.format.value for side in worker.converters_for(config)]


def test_whose_registry() -> None:
    own = {"value.converter": APICURIO, "value.converter.apicurio.registry.url": "http://own/apis/registry/v2"}
    bare = parse_connector_config({**MYSQL_CONFIG, "name": "n"})
    with_own = parse_connector_config({**MYSQL_CONFIG, "name": "n", **own})
    embedded = parse_worker_config({"bootstrap.servers": "b:1", "listeners": "http://10.0.0.5:9000"})
    assert registries(embedded, bare) == ["http://10.0.0.5:9000/registry"] * 2
    assert registries(embedded, with_own) == ["http://own/apis/ccompat/v7"] * 2
    worker = parse_worker_config(
        {
            "bootstrap.servers": "b:1",
            "value.converter": CONFLUENT,
            "value.converter.schema.registry.url": "http://worker",
        }
    )
    assert registries(worker, bare) == ["http://worker"] * 2
    assert worker.converter_defaults.value == CONFLUENT


def test_each_side_without_a_converter_takes_the_workers() -> None:
    worker = parse_worker_config(
        {
            "bootstrap.servers": "b:1",
            "key.converter": STRING,
            "value.converter": JSON,
            "value.converter.schemas.enable": "false",
        }
    )
    bare = parse_connector_config({**MYSQL_CONFIG, "name": "n"})
    assert registries(worker, bare) == ["text", "JSON"]
    assert not worker.converters_for(bare)[1].json.schemas
    own_class = parse_connector_config({**MYSQL_CONFIG, "name": "n", "value.converter": JSON})
    assert worker.converters_for(own_class)[1].json.schemas, "the worker's keys are not merged in"
    avro = {"key.converter": CONFLUENT, "key.converter.schema.registry.url": "http://keys"}
    assert registries(worker, parse_connector_config({**MYSQL_CONFIG, "name": "n", **avro})) == ["http://keys", "JSON"]
    assert worker.registry_url is None


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "worker.properties"
    path.write_text("bootstrap.servers=file:1\ngroup.id=file\n")
    environ = {ENV_FILE: str(path), "CONNECT_GROUP_ID": "env", "CONNECT_REST_ADVERTISED_HOST_NAME": "me", "PATH": "x"}
    config = load_worker_config(None, environ)
    assert (config.bootstrap_servers, config.group_id, config.rest_url) == ("file:1", "env", "http://me:8083")
    assert environment_settings({"CONNECT_A_B__C___D": "1", "CONNECT_LOG4J_ROOT_LOGLEVEL": "INFO"}) == {"a.b_c-d": "1"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"bootstrap.servers": ""}, "bootstrap.servers: give the Kafka brokers as host:port"),
        ({"bootstrap.servers": "a:1,b"}, "bootstrap.servers: host:port is expected for each broker, found 'b'"),
        ({"bootstrap.servers": "local host:9092"}, "for each broker, found 'local host:9092'"),
        ({"bootstrap.servers": "PLAINTEXT://a:1"}, "for each broker, found 'PLAINTEXT://a:1'"),
        ({"bootstrap.servers": "a:99999"}, "for each broker, found 'a:99999'"),
        ({"bootstrap.server": "x"}, "Unknown worker setting 'bootstrap.server': did you mean 'bootstrap.servers'?"),
        ({"securty.protocol": "SSL"}, "did you mean 'security.protocol'?"),
        ({"offset.storage.partitions": "many"}, "a whole number from -1 is expected, found 'many'"),
        ({"offset.storage.partitions": "0"}, "a positive number is expected"),
        ({"listeners": "https://:8443"}, "TLS is not in this version"),
        ({"listeners": "http://:1,http://:2"}, "give one http://"),
        ({"listeners": "http://:99999"}, "give one http://"),
        ({"value.converter": "x.Json"}, "value.converter: The converter x.Json is not in this version"),
    ],
)
def test_problems(changes: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_worker_config({"bootstrap.servers": "b:1", **changes})
    assert text in str(refused.value)


def test_all_problems_at_once() -> None:
    with pytest.raises(ConfigError, match=r"has 3 error\(s\)"):
        parse_worker_config({"group.idd": "x", "session.timeout.ms": "-3"})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot read the worker configuration .*absent.properties"):
        load_worker_config(tmp_path / "absent.properties", {})
    (tmp_path / "latin.properties").write_bytes(b"group.id=\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_worker_config(tmp_path / "latin.properties", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", {"a": "b"}),
        ("  a : b c \n", {"a": "b c "}),
        ("a b=c", {"a": "b=c"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("# c\n! d\n\na=1\na=2", {"a": "2"}),
        ("a=x\\\n   y", {"a": "xy"}),
        ("a=x\\\\\nb=1", {"a": "x\\", "b": "1"}),
        ("a\\=b=c", {"a=b": "c"}),
        ("a\\ b=\\u00e9\\t\\:", {"a b": "é\t:"}),
        ("a=x\\", {"a": "x"}),
        ("url=http://h:1/?x=y", {"url": "http://h:1/?x=y"}),
    ],
)
def test_properties(text: str, expected: dict[str, str]) -> None:
    assert parse_properties(text) == expected
