"""Routes as they are written: read, written again, and refused with the place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faust_cdc.config.routes import parse_route, problems, routes_of

EVERY: dict[str, Any] = {
    "topic": ["${prefix}.${1}", "all"],
    "key_columns": ["a", "b"],
    "key_source": "${database}.${table}",
    "key_source_field": "__source",
    "partitioner": {"columns": ["a"]},
    "partitions": 6,
    "replication_factor": 1,
    "topic_config": {"cleanup.policy": "compact"},
    "operations": ["c", "d"],
    "filter": "a > 1",
    "exclude_columns": ["c"],
    "mask_columns": {"d": 4},
}


def test_a_route_is_written_as_it_was_read() -> None:
    route = parse_route(r"shop_(\d)\.orders", EVERY)
    assert route.to_value() == EVERY
    assert parse_route(route.tables, route.to_value()) == route
    assert parse_route("a.b", {"topic": "x"}).to_value() == {"topic": "x"}


def test_patterns_match_whole_names_in_either_case() -> None:
    route = parse_route(r"shop_(?<n>\d)\.orders", {"topic": "${n}"})
    match = route.pattern.fullmatch("SHOP_7.orders")
    assert match is not None
    assert route.topics[0].expand({"n": match["n"]}) == "7"
    assert route.pattern.fullmatch("shop_7.orders_old") is None
    assert parse_route("shop.orders", {"topic": "x"}).is_exactly("Shop.orders")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"topic": None}, "'topic' is the name of a topic"),
        ({"topic": []}, "'topic' is the name of a topic"),
        ({"topic": ["a", "a"]}, "'a' twice"),
        ({"topic": [str(n) for n in range(21)]}, "20 are the most"),
        ({"topic": ""}, "no topic of this name"),
        ({"topic": ".."}, "no topic of this name"),
        ({"topic": "a/b"}, "character 2: Kafka takes no '/'"),
        ({"topic": "${1}-ü"}, "character 6: Kafka takes no 'ü'"),
        ({"topic": "x" * 250}, "249 at most|has 600"),
        ({"topic": "${2}"}, r"character 1: no field is called \$\{2\}"),
        ({"topic": "a$b"}, "character 2: '\\$' begins a field"),
        ({"topic": "a${"}, "character 2: '\\$' begins a field"),
        ({"key_source": "same"}, "names no field"),
        ({"key_columns": "a"}, "'key_columns' is a list"),
        ({"partitioner": "round-robin"}, "'partitioner' is"),
        ({"partitioner": {"columns": []}}, "'columns' is a list"),
        ({"partitions": 0}, "'partitions' is a number from 1"),
        ({"partitions": True}, "'partitions' is a number"),
        ({"topic_config": ["x"]}, "'topic_config' is an object"),
        ({"operations": ["x"]}, "'operations' is a list of c, u, d, r, t"),
        ({"filter": "a >"}, "'filter' 'a >', character 4"),
        ({"include_columns": ["a"]}, "use one of the two"),
        ({"mask_columns": {"a": -1}}, "number of asterisks"),
        ({"colour": "red"}, "no member 'colour'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_route(r"shop_(\d)\.orders", EVERY | change)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is not JSON"),
        ("[]", "a JSON object of patterns"),
        ('{"(a": {"topic": "x"}}', "route '\\(a': '\\(a' is no regular expression"),
        ('{"": {"topic": "x"}}', "1 to 1000 characters"),
        ('{"a.b": "x"}', "route 'a.b': a route is a JSON object"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_the_option_is_refused_with_the_route(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        routes_of({"routes": text})
    assert [option for option, _ in problems({"routes": text})] == ["routes"]


def test_the_option_may_be_absent_or_empty() -> None:
    assert routes_of({}) == routes_of({"routes": " "}) == ()
    assert [one.tables for one in routes_of({"routes": json.dumps({"a.b": EVERY | {"topic": "x"}})})] == ["a.b"]
