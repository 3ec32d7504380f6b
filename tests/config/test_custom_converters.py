"""`converters` and `post.processors`: what is read from the map, and how mistakes are named."""

import re

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.custom_converters import (
    CONVERTER_CLASSES,
    RESELECT_CLASS,
    JdbcSinkDataTypes,
    Reselect,
    TinyIntOneToBoolean,
    ZeroDateFallback,
)
from faust_cdc.config.validation import validate
from faust_cdc.errors import ConfigError
from faust_cdc.pipeline.connector_options import transcode_options
from tests.connect.memory import MYSQL_CONFIG

TINY = "io.debezium.connector.mysql.converters.TinyIntOneToBooleanConverter"
SINK = "io.debezium.connector.binlog.converters.JdbcSinkDataTypesConverter"
ZERO = "io.debezium.connector.binlog.converters.ZeroDateFallbackConverter"


def config(**more: str) -> dict[str, str | None]:
    return {**MYSQL_CONFIG, "name": "shop", **{key.replace("__", "."): value for key, value in more.items()}}


def problems(**more: str) -> dict[str, str]:
    return {info.name: " ".join(info.errors) for info in validate(config(**more)) if info.errors}


def test_converters_in_their_order_reach_the_transcoder() -> None:
    options = transcode_options(
        parse_connector_config(
            config(
                converters="b, a,topic",
                a__type=TINY,
                a__selector=r"shop\.Orders\..*,.*\.flag",
                a__length__checker="FALSE",
                b__type=SINK,
                b__selector__real=".*",
                b__treat__real__as__double="false",
                topic__type=ZERO,
                topic__target__types=" Date,TIMESTAMP",
                topic__fallback__date="1970-01-01",
                topic__fallback__timestamp="null",
                **{"topic.column.shop.orders.d.fallback": "NULL"},
            )
        )
    )
    sink, tiny, zero = options.custom_converters
    assert isinstance(tiny, TinyIntOneToBoolean)
    assert not tiny.length_checker
    names = ("shop.orders.x", "SHOP.other.flag", "shop.other.flags", "xshop.orders.x")
    assert [tiny.selector.matches(name) for name in names] == [True, True, False, False]
    assert isinstance(sink, JdbcSinkDataTypes)
    assert not sink.real_as_double
    assert (sink.boolean.matches("a.b.c"), sink.real.matches("a.b.c"), sink.string.matches("a.b.c")) == (0, 1, 0)
    assert isinstance(zero, ZeroDateFallback)
    assert zero.target_types == {"date", "timestamp"}
    assert zero.literal("date", "shop.orders.e") == "1970-01-01"
    assert zero.literal("date", "shop.orders.d") is None
    assert zero.literal("timestamp", "shop.orders.t") is None


@pytest.mark.parametrize("prefix", ["post.processors.x.", "x."])
def test_a_post_processor_by_both_prefixes(prefix: str) -> None:
    made = parse_connector_config(
        config(post__processors="x")
        | {
            f"{prefix}type": RESELECT_CLASS,
            f"{prefix}reselect.columns.exclude.list": r"shop\.t:secret",
            f"{prefix}reselect.null.values": "false",
            f"{prefix}reselect.use.event.key": "true",
            f"{prefix}reselect.error.handling.mode": "Fail",
            f"{prefix}reselect.cache.enabled": "true",
        }
    )
    (rules,) = made.post_processors
    assert made.notes[2:] == (
        f"'{prefix}reselect.cache.enabled' is accepted and has no effect: it came with Debezium 3.7 "
        "and changes no value",
    )
    assert (rules.unavailable_values, rules.null_values, rules.use_event_key, rules.fail) == (True, False, True, True)
    assert [rules.selector.matches(name) for name in ("shop.t:SECRET", "shop.t:v")] == [False, True]


def test_without_lists_everything_is_reselected_and_failures_are_logged() -> None:
    rules = parse_connector_config(config(post__processors="x", x__type=RESELECT_CLASS)).post_processors[0]
    assert rules == Reselect()
    assert rules.selector.matches("a.b:c")
    assert (rules.unavailable_values, rules.null_values, rules.use_event_key, rules.fail) == (True, True, False, False)


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        ({"converters": "a"}, "a.type", r"A value is required: the class, one of io\.debezium"),
        ({"converters": "a", "a.type": "com.acme.Own"}, "a.type", r"com\.acme\.Own is not known; .*Java .*in the data"),
        ({"converters": "a", "a.type": TINY, "a.selektor": "x"}, "a.selektor", r"Did you mean 'a\.selector'\?"),
        ({"converters": "a", "a.type": TINY, "a.selector": "x,(y"}, "a.selector", r"'\(y' is not one"),
        ({"converters": "a", "a.type": TINY, "a.length.checker": "yes"}, "a.length.checker", "'true' or 'false'"),
        ({"converters": "a", "a.type": SINK, "a.selector": "x"}, "a.selector", "has no such option.*selector.real"),
        ({"converters": "a", "a.type": ZERO, "a.target.types": "DATE,TIME"}, "a.target.types", "found 'time'"),
        ({"converters": "a", "a.type": ZERO, "a.fallback.date": "1970-02-30"}, "a.fallback.date", "yyyy-MM-dd"),
        ({"converters": "a", "a.type": ZERO, "a.fallback.datetime": "1970-01-01"}, "a.fallback.datetime", "HH:mm:ss"),
        ({"converters": "a", "a.type": ZERO, "a.fallback.timestamp": "1970-01-01T00:00:00"},
         "a.fallback.timestamp", "its offset"),
        ({"converters": "a", "a.type": ZERO, "a.column.d.t.c.fallback": "soon"}, "a.column.d.t.c.fallback", "NULL or "),
        ({"post.processors": "p"}, "p.type", "A value is required"),
        ({"post.processors": "p", "p.type": "com.acme.P"}, "p.type", r"not known; known are io\.debezium\.processors"),
        ({"post.processors": "p", "p.type": RESELECT_CLASS, "p.reselect.error.handling.mode": "stop"},
         "p.reselect.error.handling.mode", "one of warn, fail, found 'stop'"),
        ({"post.processors": "p", "p.type": RESELECT_CLASS, "p.reselect.columns.include.list": "["},
         "p.reselect.columns.include.list", "regular expression"),
        ({"post.processors": "p", "post.processors.p.type": RESELECT_CLASS, "p.reselect.null.values": "true"},
         "p.reselect.null.values", r"write it as 'post\.processors\.p\.reselect\.null\.values'"),
        ({"a.type": TINY}, "a.type", "Unknown option"),
        ({"selector": "x"}, "selector", "under a custom converter's own prefix"),
    ],
)  # fmt: skip
def test_mistakes_are_named_at_their_option(more: dict[str, str], key: str, words: str) -> None:
    found = problems(**more)
    assert list(found) == [key]
    assert re.search(words, found[key]), found[key]


@pytest.mark.parametrize("class_name", CONVERTER_CLASSES)
def test_options_under_a_prefix_are_known_and_not_listed(class_name: str) -> None:
    more = config(converters="a", a__type=class_name)
    assert parse_connector_config(more).custom_converters
    assert "a.type" not in {info.name for info in validate(more)}


def test_all_mistakes_of_one_configuration_are_found() -> None:
    with pytest.raises(ConfigError, match="following 2 error"):
        parse_connector_config(config(converters="a", a__type=TINY, a__selector="(", a__length__checker="1"))
