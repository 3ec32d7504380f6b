from __future__ import annotations

import dataclasses

import pytest

from faust_cdc.config.connector import MySqlConnectorConfig, parse_connector_config
from faust_cdc.config.converters import Converters
from faust_cdc.config.secret import MASK, Secret, is_secret_key, keep_masked, mask_secrets
from faust_cdc.config.snapshot_settings import SnapshotMode
from faust_cdc.config.topic_creation import TopicCreation
from faust_cdc.errors import ConfigError
from tests.connect.memory import MYSQL_CONFIG

NAMED = {**MYSQL_CONFIG, "name": "shop"}


def parse(**changes: str | None) -> MySqlConnectorConfig:
    options = {key.replace("__", "."): value for key, value in changes.items()}
    return parse_connector_config({**NAMED, **options})


UNSET = (
    "'enable.time.adjuster' is not set: years 1 to 99 stay as they are. Its default 'true' is Debezium's; set it, or "
    "compatibility.mode=debezium, to have them moved to 1970-2069",
    "'snapshot.locking.mode' is not set: 'watermark' is used, ours, a snapshot without any lock that goes on where it "
    "was after a restart. Its default 'minimal' is Debezium's; set it, or compatibility.mode=debezium, to have a lock; "
    "on MySQL without GTIDs it is 'minimal' in any case",
)
"""What every connector is told that leaves those options out."""


def test_a_minimal_configuration() -> None:
    config = parse()
    assert (config.name, config.flavor, config.topic_prefix) == ("shop", "mysql", "shop")
    assert (config.database_hostname, config.database_port, config.database_server_id) == ("db.example", 3306, 5401)
    assert config.database_password.reveal() == "s3cret"
    assert config.converters == Converters()
    assert config.notes == UNSET


def test_defaults_of_the_value_are_those_of_the_declarations() -> None:
    parsed, bare = parse(), MySqlConnectorConfig("shop", "c", "mysql", "shop", "db.example", "cdc", 5401)
    given = {"name", "connector_class", "database_password", "notes"}
    for field in dataclasses.fields(MySqlConnectorConfig):
        if field.name not in given:
            assert getattr(parsed, field.name) == getattr(bare, field.name), field.name


def test_every_option_with_an_effect_arrives() -> None:
    config = parse(
        database__port=" 3307 ",
        database__ssl__mode="VERIFY_CA",
        database__ssl__truststore="/etc/ssl/db.pem",
        connect__timeout__ms="1000",
        connection__validation__timeout__ms="2000",
        database__query__timeout__ms="3000",
        table__include__list=r"shop\.a,shop\.b{1\,2}",
        snapshot__mode="Schema_Only",
        snapshot__lock__timeout__ms="4000",
        tombstones__on__delete="FALSE",
        skipped__operations="c, d",
        include__query="true",
        heartbeat__interval__ms="500",
        heartbeat__action__query="DELETE FROM beat",
        topic__heartbeat__prefix="beat",
        topic__heartbeat__name="beats",
        skip__messages__without__change="true",
        provide__transaction__metadata="true",
        topic__transaction="tx",
        producer__override__linger__ms="5",
        topic__creation__default__partitions="3",
        topic__creation__default__replication__factor="-1",
    )
    assert config.database_port == 3307
    assert (config.database_ssl_mode, config.database_ssl_ca) == ("verify_ca", "/etc/ssl/db.pem")
    assert (config.connect_timeout_ms, config.connection_validation_timeout_ms) == (1000, 2000)
    assert (config.database_query_timeout_ms, config.snapshot.lock_timeout_ms) == (3000, 4000)
    assert config.table_include_list == r"shop\.a,shop\.b{1\,2}"
    assert config.snapshot.mode is SnapshotMode.NO_DATA
    assert config.skipped_operations == {"c", "d"}
    assert (config.heartbeat_interval_ms, config.heartbeat_action_query) == (500, "DELETE FROM beat")
    assert (config.topic_heartbeat_prefix, config.topic_heartbeat_name) == ("beat", "beats")
    assert (config.include_query, config.skip_messages_without_change) == (True, True)
    assert (config.provide_transaction_metadata, config.topic_transaction) == (True, "tx")
    assert config.tombstones_on_delete is False
    assert config.producer_overrides == {"linger.ms": "5"}
    assert config.topic_creation == TopicCreation(-1, 3, {})


def test_topic_settings_are_passed_on() -> None:
    options = {
        "topic.creation.default.partitions": "1",
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.cleanup.policy": "compact",
        "topic.creation.default.include": "ignored",
    }
    config = parse_connector_config({**NAMED, **options})
    assert config.topic_creation == TopicCreation(1, 1, {"cleanup.policy": "compact"})
    with pytest.raises(ConfigError, match=r'"topic.creation.default.partitions" which has no default'):
        parse(topic__creation__default__replication__factor="1")


@pytest.mark.parametrize(
    ("mode", "ours"),
    [("disable", "disabled"), ("trust", "required"), ("verify-ca", "verify_ca"), ("verify-full", "verify_identity")],
)
def test_mariadb_tls_modes_in_one_vocabulary(mode: str, ours: str) -> None:
    config = parse(connector__class="MariaDb", database__ssl__mode=mode)
    assert (config.flavor, config.database_ssl_mode) == ("mariadb", ours)
    assert parse(connector__class="MariaDb").database_ssl_mode == "disabled"


@pytest.mark.parametrize(
    "options",
    [{"enable__time__adjuster": "true"}, {"enable__time__adjuster": "false"}, {"compatibility__mode": "Debezium"}],
)
def test_a_default_that_is_not_ours_is_noted_only_where_it_holds(options: dict[str, str]) -> None:
    assert parse(**options, snapshot__locking__mode="minimal").notes == ()


def test_options_without_effect_are_noted_only_when_they_differ_from_the_default() -> None:
    assert parse(max__batch__size="2048", errors__log__enable="false").notes == UNSET
    assert parse(max__batch__size="100", max__queue__size="200").notes == (
        "'max.batch.size' is accepted and has no effect: records are produced as they are read, whole source "
        "transactions at a time",
        "'max.queue.size' is accepted and has no effect: there is no queue between reading and producing",
        *UNSET,
    )


@pytest.mark.parametrize("value", [" ", ""])
def test_blank_means_absent(value: str) -> None:
    assert parse(table__include__list=value).table_include_list is None
    assert parse(database__port=value).database_port == 3306


def test_java_key_stores_are_explained() -> None:
    with pytest.raises(ConfigError, match="Export the certificates as PEM"):
        parse(database__ssl__truststore="/x/trust.jks")


def test_secrets_do_not_show() -> None:
    config = parse()
    assert "s3cret" not in repr(config)
    assert f"{config.database_password}{config.database_password!r}" == "[hidden]Secret('[hidden]')"
    assert Secret("a") == Secret("a") != Secret("b")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert not Secret("")


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("database.password", True),
        ("database.ssl.keystore.password", True),
        ("value.converter.basic.auth.user.info", True),
        ("producer.override.sasl.jaas.config", True),
        ("database.user", False),
        ("database.server.id", False),
    ],
)
def test_which_keys_are_secret(key: str, secret: bool) -> None:
    assert is_secret_key(key) is secret


def test_masking_and_back() -> None:
    stored = {**NAMED, "my.token": "abc", "custom.sanitize.pattern": r"my\..*"}
    masked = mask_secrets(stored)
    assert (masked["my.token"], masked["database.password"], list(masked)) == (MASK, MASK, list(stored))
    assert keep_masked(masked, stored) == stored
    assert keep_masked({"database.password": MASK}, {})["database.password"] == MASK
    assert mask_secrets({"custom.sanitize.pattern": "(", "database.password": "x"})["database.password"] == MASK


def test_a_password_within_a_url_is_a_secret_too() -> None:
    url = "https://me:s3cret@registry:8081"
    masked = mask_secrets(
        {"value.converter.schema.registry.url": url, "a": "https://me@registry", "b": "http://h/x:y@z"}
    )
    assert masked == {"value.converter.schema.registry.url": MASK, "a": "https://me@registry", "b": "http://h/x:y@z"}
    assert (
        keep_masked(masked, {"value.converter.schema.registry.url": url})["value.converter.schema.registry.url"] == url
    )


@pytest.mark.parametrize(("text", "expected"), [("none", set()), ("t", {"t"}), ("u,t", {"u", "t"})])
def test_skipped_operations(text: str, expected: set[str]) -> None:
    assert parse(skipped__operations=text).skipped_operations == expected


@pytest.mark.parametrize("text", ["x", "c,none", "U", "r"])
def test_skipped_operations_that_debezium_refuses(text: str) -> None:
    with pytest.raises(ConfigError, match=r"skipped\.operations"):
        parse(skipped__operations=text)


def test_a_bad_value_stops_the_task_unless_the_connector_says_otherwise() -> None:
    """Debezium's own default is warn: NULL in place of a value, unasked."""
    assert parse().event_converting_failure_handling_mode == "fail"
    for mode in ("fail", "warn", "skip", "quarantine"):
        config = parse(event__converting__failure__handling__mode=mode.upper())
        assert config.event_converting_failure_handling_mode == mode
        assert config.notes == UNSET
    with pytest.raises(ConfigError, match="skip, warn, fail, quarantine"):
        parse(event__converting__failure__handling__mode="ignore")


def test_metric_tags_are_checked_and_used() -> None:
    config = parse(custom__metric__tags="team=shop , dc=eu=1")
    assert config.custom_metric_tags == {"team": "shop", "dc": "eu=1"}
    assert not [note for note in config.notes if "custom.metric.tags" in note]


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ("team", "found 'team'"),
        ("team=", "found 'team='"),
        ("=shop", "found ''"),
        ("a b=c", "found 'a b'"),
        ("a=1,a=2", "found 'a' twice"),
        ("team=x,task=7", "The label 'task' is one of faust-cdc's own, .* found 'task'"),
        ("connector=x", "The label 'connector' is one of faust-cdc's own"),
        ("le=1", "The label 'le' is one of faust-cdc's own"),
        ("dc.name=a,dc-name=b", "not be one label 'dc_name', found 'dc.name' and 'dc-name'"),
        ("__name__=x", "begin with __ are Prometheus' own"),
    ],
)
def test_bad_metric_tags_are_named(tags: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse(custom__metric__tags=tags)
