"""Topic names under each of Debezium's strategies, and subjects under each of the registries'."""

from __future__ import annotations

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.relational.model import TableId
from faust_cdc.routing import TopicNaming, topic_naming
from faust_cdc.routing.naming import sanitise_unicode
from faust_cdc.routing.subjects import STRATEGIES
from tests.connect.memory import MYSQL_CONFIG

ODD = TableId("my_db", "we-ird$täb")


def naming(strategy: str, **options: str) -> TopicNaming:
    named = {key.replace("__", "."): value for key, value in options.items()}
    name = {"topic.naming.strategy": f"io.debezium.schema.{strategy}TopicNamingStrategy"}
    return topic_naming(parse_connector_config({**MYSQL_CONFIG, "name": "n", **name, **named}))


@pytest.mark.parametrize(
    ("strategy", "topic"),
    [
        ("Default", "shop.my_db.we-ird_t_b"),
        ("Schema", "shop.we-ird_t_b"),
        ("DefaultUnicode", "shop.my_u005fdb.we-ird_u0024t_u00e4b"),
        ("SchemaUnicode", "shop.we-ird_u0024t_u00e4b"),
    ],
)
def test_table_topics(strategy: str, topic: str) -> None:
    assert naming(strategy).data_topic(ODD) == topic
    assert naming(strategy).key_field is None


def test_unicode_names() -> None:
    assert sanitise_unicode("ł😀_") == "_u142_ud83d_ude00_u005f"
    assert (sanitise_unicode(".."), sanitise_unicode("...")) == ("_u002e_u002e", "...")
    assert len(sanitise_unicode("ä" * 100)) == 249


def test_another_delimiter_is_in_every_name() -> None:
    made = naming("Default", topic__delimiter="-", topic__transaction="tx", topic__heartbeat__prefix="beat")
    assert made.data_topic(TableId("d", "t")) == "shop-d-t"
    assert (made.heartbeat_topic(), made.transaction_topic(), made.schema_change_topic()) == (
        "beat-shop",
        "shop-tx",
        "shop",
    )
    assert naming("Default", topic__heartbeat__name="all.beats").heartbeat_topic() == "all.beats"


def test_routed_tables_share_a_topic_and_their_keys_say_which() -> None:
    shards = {"topic__regex": r"(.*)\.shard_\d+\.(.*)", "topic__replacement": "$1.all.$2"}
    made = naming("DefaultRegex", **shards)
    first, other = TableId("shard_1", "or$ders"), TableId("rest", "orders")
    assert made.data_topic(first) == "shop.all.or_ders"
    assert made.data_topic(other) == "shop.rest.orders"
    assert made.key_field == "__dbz__physicalTableIdentifier"
    assert made.key_value(first) == "shop.shard_1.or$ders", "not sanitised, as in Debezium"
    parts = {"topic__key__field__regex": r"(.*)\.(shard_\d+)\..*", "topic__key__field__replacement": "$2"}
    shortened = naming("DefaultRegex", **shards, **parts, topic__key__field__name="shard")
    assert (shortened.key_field, shortened.key_value(first), shortened.key_value(other)) == (
        "shard",
        "shard_1",
        "shop.rest.orders",
    )
    plain = naming("SchemaRegex", topic__regex=".*", topic__replacement="x", topic__key__enforce__uniqueness="false")
    assert (plain.key_field, plain.key_value(first)) == (None, None)


def test_an_empty_result_of_a_route_leaves_the_name() -> None:
    made = naming("DefaultRegex", topic__regex="(x)?.*", topic__replacement="$1")
    assert made.data_topic(TableId("d", "t")) == "shop.d.t"


def test_as_in_java_the_first_match_is_replaced_even_if_the_whole_name_matched() -> None:
    made = naming("DefaultRegex", topic__regex="shop|shop.*", topic__replacement="S")
    assert made.data_topic(TableId("d", "t")) == "S.d.t"


def test_options_of_a_strategy_that_is_not_chosen_have_no_effect() -> None:
    made = naming("Default", topic__regex=".*", topic__replacement="x")
    assert made.data_topic(TableId("d", "t")) == "shop.d.t"
    assert made.key_value(TableId("d", "t")) is None


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("topic", "a.b-key", "a.b-value"),
        ("record", "n.Key", "n.Key"),
        ("topic-record", "a.b-n.Key", "a.b-n.Key"),
        ("topic-alone", "a.b", "a.b"),
    ],
)
def test_subjects(word: str, key: str, value: str) -> None:
    assert (STRATEGIES[word]("a.b", True, "n.Key"), STRATEGIES[word]("a.b", False, "n.Key")) == (key, value)
