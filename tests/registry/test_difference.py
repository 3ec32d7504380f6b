"""Differences in words."""

from faust_cdc.registry.difference import describe_difference
from tests.registry.support import ORDER_BROKEN, ORDER_V1, ORDER_V2


def envelope(*fields: object) -> dict[str, object]:
    value = {"type": "record", "name": "Value", "fields": list(fields)}
    return {
        "type": "record",
        "name": "Envelope",
        "namespace": "srv.shop.orders",
        "fields": [
            {"name": "before", "type": ["null", value], "default": None},
            {"name": "after", "type": ["null", "Value"], "default": None},
        ],
    }


def test_added_and_removed_fields() -> None:
    assert describe_difference(ORDER_V1, ORDER_BROKEN) == ["field Order.must added (string, no default)"]
    assert describe_difference(ORDER_V2, ORDER_V1) == ["field Order.note removed ([null, string], default null)"]


def test_the_rows_of_an_envelope_are_compared_once() -> None:
    time = {"type": "long", "connect.name": "io.debezium.time.Timestamp"}
    lines = describe_difference(
        envelope({"name": "t", "type": "long"}, {"name": "u", "type": "int", "default": 1}),
        envelope({"name": "t", "type": time}, {"name": "u", "type": "int", "default": 2}),
    )
    assert lines == [
        "field Value.t changed from long to long (io.debezium.time.Timestamp)",
        "field Value.u had default 1, has default 2",
    ]


def test_symbols_sizes_and_names() -> None:
    enum = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
    assert describe_difference(enum, {**enum, "symbols": ["A", "C"]}) == [
        "symbol B removed from E",
        "symbol C added to E",
    ]
    fixed = {"type": "fixed", "name": "F", "size": 4}
    assert describe_difference(fixed, {**fixed, "size": 5}) == ["size of F was 4, is 5"]
    renamed = describe_difference(ORDER_V1, {**ORDER_V2, "name": "Bill"})
    assert renamed[0] == "the schema was shop.Order, is shop.Bill"
    assert "note added" in renamed[1]
    assert describe_difference("int", {"type": "array", "items": "int"}) == ["the schema was int, is array of int"]


def test_nothing_and_too_much() -> None:
    assert describe_difference(ORDER_V1, ORDER_V1) == []
    many = {**ORDER_V1, "fields": [{"name": f"f{i}", "type": "int"} for i in range(50)]}
    lines = describe_difference(ORDER_V1, many)
    assert len(lines) == 21
    assert lines[-1] == "and 31 more"
