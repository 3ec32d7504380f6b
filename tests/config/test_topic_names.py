"""Options that name topics: what is refused, and Java's regular expressions."""

from __future__ import annotations

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.java_regex import expand_replacement, java_pattern, replacement_problem
from faust_cdc.config.topic_names import STRATEGIES
from faust_cdc.config.validation import validate
from faust_cdc.errors import ConfigError
from faust_cdc.transforms.chain import checked
from tests.connect.memory import MYSQL_CONFIG

CONNECT = "org.apache.kafka.connect.transforms."
REGEX = "io.debezium.schema.DefaultRegexTopicNamingStrategy"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"topic.naming.strategy": "com.example.MyStrategy"}, "own strategies are Java classes"),
        ({"topic.naming.strategy": REGEX, "topic.replacement": "x"}, "'topic.regex' value is invalid: A value"),
        ({"topic.naming.strategy": REGEX, "topic.regex": "(a"}, "'(a' is not one"),
        ({"topic.naming.strategy": REGEX, "topic.regex": "(a)"}, "topic.replacement must be non-empty"),
        ({"topic.regex": "(a)", "topic.replacement": "$2"}, "there is no group 2"),
        ({"topic.regex": "(?<a>a)", "topic.replacement": "${b}"}, "there is no group 'b'"),
        ({"topic.regex": "a", "topic.replacement": "b$"}, "must be followed by a group"),
        ({"topic.key.field.regex": "a(b"}, "'a(b' is not one"),
        (
            {
                "topic.naming.strategy": REGEX,
                "topic.regex": "a",
                "topic.replacement": "b",
                "topic.key.field.regex": "a",
            },
            "topic.key.field.replacement must be non-empty",
        ),
        ({"topic.delimiter": "/"}, "invalid format"),
        ({"topic.transaction": "a b"}, "invalid format"),
        ({"topic.heartbeat.prefix": "ä"}, "invalid format"),
        (
            {"schema.history.internal.kafka.topic": "a b"},
            "'schema.history.internal.kafka.topic' value is invalid: topic 'a b', character 2: Kafka takes no ' '",
        ),
        ({"signal.kafka.topic": "a/b"}, "'signal.kafka.topic' value is invalid: topic 'a/b', character 2"),
        ({"notification.sink.topic.name": ".."}, "topic '..': Kafka takes no topic of this name"),
        ({"notification.sink.topic.name": "__transaction_state"}, "Kafka keeps this topic for itself"),
        ({"routes": '{"a.b": {"topic": "__consumer_offsets"}}'}, "Kafka keeps this topic for itself"),
        ({"topic.prefix": "x" * 249}, "'topic.prefix' value is invalid: it has 249 characters"),
    ],
)
def test_what_is_refused(changes: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_connector_config({**MYSQL_CONFIG, "name": "n", **changes})
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        (
            f"{CONNECT}RegexRouter",
            {"regex": "(.*)", "replacement": "$1 all"},
            "replacement: character 3 of '$1 all': Kafka takes no ' ' in the name of a topic",
        ),
        (f"{CONNECT}RegexRouter", {"regex": "(.*)", "replacement": "$2"}, "there is no group 2 in the pattern"),
        (
            "io.debezium.transforms.ByLogicalTableRouter",
            {"topic.regex": "(?<all>.*)", "topic.replacement": "x.${all}\\$"},
            "character 10 of 'x.${all}\\\\$': Kafka takes no '$'",
        ),
        (
            "io.debezium.transforms.outbox.EventRouter",
            {"route.topic.replacement": "outbox/${routedByValue}"},
            "route.topic.replacement: character 7 of 'outbox/${routedByValue}': Kafka takes no '/'",
        ),
        (f"{CONNECT}RegexRouter", {"regex": "a|b", "replacement": "of_$0.all-1"}, None),
        ("io.debezium.transforms.outbox.EventRouter", {}, None),
    ],
)
def test_a_transform_must_name_topics_that_kafka_takes(name: str, options: dict[str, str], problem: str | None) -> None:
    told = {f"transforms.r.{option}": value for option, value in options.items()}
    config = MYSQL_CONFIG | {"name": "n", "transforms": "r", "transforms.r.type": name} | told
    said = [error for one in validate(config, attempt=checked) for error in one.errors]
    assert [problem in one for one in said] == [True] if problem else said == []


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_of_debezium_is_known(name: str) -> None:
    more = {"topic.regex": "(.*)", "topic.replacement": "$1"} if "Regex" in name else {}
    config = {**MYSQL_CONFIG, "name": "n", "topic.naming.strategy": f"io.debezium.schema.{name}", **more}
    assert parse_connector_config(config).topic_naming_strategy == name


@pytest.mark.parametrize(
    ("pattern", "name", "replacement", "result"),
    [
        (r"(.*)shard_(\d+)(.*)", "p.shard_12.t", "$1all$3", "p.all.t"),
        (r"(?<a>x)\k<a>", "xx", r"${a}\$1", "x$1"),
        (r"\Qa.b\E(c)?", "a.b", "$10!", "0!"),
        (r"[\p{Alpha}_]+\p{Digit}", "a_B1", "$0$0", "a_B1a_B1"),
    ],
)
def test_java_patterns(pattern: str, name: str, replacement: str, result: str) -> None:
    compiled = java_pattern(pattern)
    match = compiled.fullmatch(name)
    assert match is not None
    assert replacement_problem(compiled, replacement) is None
    assert expand_replacement(replacement, match) == result
