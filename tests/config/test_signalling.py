"""The options of signals and notifications."""

from __future__ import annotations

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.signalling import NotificationSettings, SignalSettings, table_name
from faust_cdc.config.validation import validate
from faust_cdc.errors import ConfigError
from tests.connect.memory import MYSQL_CONFIG

BASE: dict[str, str | None] = {**MYSQL_CONFIG, "name": "c"}


def test_nothing_given_is_the_source_channel_without_a_table() -> None:
    config = parse_connector_config(BASE)
    assert config.signals == SignalSettings()
    assert config.notifications == NotificationSettings()


def test_everything_given() -> None:
    config = parse_connector_config(
        {
            **BASE,
            "signal.enabled.channels": "source, kafka,file,jmx",
            "signal.data.collection": "shop.`signal.s`, b.t",
            "signal.poll.interval.ms": "100",
            "signal.kafka.topic": "signals",
            "signal.kafka.bootstrap.servers": "k:9092",
            "signal.kafka.groupId": "g",
            "signal.kafka.poll.timeout.ms": "5",
            "signal.consumer.security.protocol": "SASL_SSL",
            "signal.file": "f.txt",
            "notification.enabled.channels": "sink,log, jmx",
            "notification.sink.topic.name": "told",
        }
    )
    assert config.signals == SignalSettings(
        frozenset({"source", "kafka", "file", "jmx"}),
        (("shop", "signal.s"), ("b", "t")),
        100,
        "signals",
        "k:9092",
        "g",
        5,
        {"security.protocol": "SASL_SSL"},
        "f.txt",
    )
    assert config.notifications == NotificationSettings(frozenset({"sink", "log", "jmx"}), "told")
    assert config.notes == parse_connector_config(BASE).notes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"signal.enabled.channels": "source,pigeon"}, "Channels are source, kafka, file, jmx, found 'pigeon'"),
        ({"signal.enabled.channels": "in-process"}, "use jmx, which is REST here"),
        ({"notification.enabled.channels": "pigeon"}, "Channels are sink, log, jmx, found 'pigeon'"),
        ({"notification.enabled.channels": "sink"}, "Notification topic name must be provided"),
        ({"signal.data.collection": "signals"}, "Tables are expected as database.table, found 'signals'"),
        ({"signal.poll.interval.ms": "0"}, "A positive, non-zero value is expected"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_connector_config({**BASE, **options})
    assert said in str(refused.value)
    assert [name for info in validate({**BASE, **options}) for name in info.errors]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a.b", ("a", "b")),
        ("`a.b`.c", ("a.b", "c")),
        ('"a"."b.c"', ("a", "b.c")),
        ("a.b.c", ("a", "b.c")),
        ("a", None),
        (".a", None),
        ("a.", None),
    ],
)
def test_names_of_tables(text: str, names: tuple[str, str] | None) -> None:
    assert table_name(text) == names
