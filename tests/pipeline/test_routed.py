"""What a route makes of a table's plan and of its rows, and which routes are at odds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from faust_cdc.config.routes import parse_route
from faust_cdc.errors import TableError
from faust_cdc.offsets import murmur2_partition
from faust_cdc.pipeline.routed import Use, clash, order_problem, partition_problem, ways_of
from faust_cdc.pipeline.row_shape import RowShape, SharedPlaces, shape_of
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.routing import RouteMap, TopicNaming
from faust_cdc.transcode.numbers import signed_bytes
from faust_cdc.transcode.plan import TranscodeOptions, TranscodePlan, build_plan

OPTIONS = TranscodeOptions()


def table(name: str = "orders", **types: str) -> Table:
    given = types or {"id": "int", "country": "char", "total": "decimal", "n": "bigint", "made": "datetime"}
    columns = tuple(
        Column(
            one,
            kind,
            place,
            one != "id",
            unsigned=kind == "bigint",
            length={"decimal": 10, "char": 2}.get(kind),
            scale=2 if kind == "decimal" else None,
            charset="utf8mb4" if kind == "char" else None,
        )
        for place, (one, kind) in enumerate(given.items())
    )
    return Table(TableId("shop", name), columns, ("id",))


def use(of: Table, **route: Any) -> Use:
    routes = [parse_route(str(of.id), {"topic": "x", **route})] if route else []
    (way,) = ways_of(RouteMap(TopicNaming("p"), routes), of, OPTIONS)
    return Use(build_plan(of, way.topic, way.options, way.key_constant), way.route)


def shape(of: Table, **route: Any) -> RowShape | None:
    found = use(of, **route)
    assert found.route is not None
    return shape_of(found.plan, found.route, 12)


def names(plan: TranscodePlan) -> tuple[list[str], list[str]]:
    return [one.field_name for one in plan.key_columns], [one.field_name for one in plan.value_columns]


def test_keys_columns_and_masks_are_spent_in_the_plan() -> None:
    found = use(table(), key_columns=["n", "id"], exclude_columns=["made", "id"], mask_columns={"country": 3})
    assert names(found.plan) == (["n", "id"], ["country", "total", "n"])
    masked = next(one for one in found.plan.columns if one.field_name == "country")
    assert masked.change is not None
    assert masked.change("DE") == "***"
    assert names(use(table(), include_columns=["n"]).plan) == (["id"], ["n"])
    assert shape(table(), include_columns=["n"]) is None, "nothing is left for each row"


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ({"key_columns": ["nope"]}, "route 'shop.orders' has key_columns 'nope', which is no column"),
        ({"partitioner": {"columns": ["nope"]}}, "has partitioner 'nope'"),
        ({"filter": "nope = 1"}, "character 1: there is no column 'nope'"),
        ({"filter": "made > 5"}, "there is no column 'made' to be asked for"),
        ({"filter": "country = 1"}, "is compared with"),
        ({"filter": "country = 'DE'", "mask_columns": {"country": 2}}, "there is no column 'country' to be asked for"),
        ({"filter": "n = 1", "exclude_columns": ["n"]}, "there is no column 'n' to be asked for"),
    ],
)
def test_what_does_not_suit_the_table_is_refused(route: dict[str, Any], reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        shape(table(), **route)


def test_tables_share_a_topic_only_where_their_keys_tell_them_apart() -> None:
    one, other = table("a"), table("b")
    source = {"key_source": "${table}"}
    assert clash(use(one, **source), use(other, **source)) is None
    assert "key_source" in str(clash(use(one, filter="n = 1"), use(other, filter="n = 1")))
    assert "key_source" in str(clash(use(one, **source), use(other, filter="n = 1")))
    assert "not alike" in str(clash(use(one, **source), use(table("b", id="bigint"), **source)))
    by_table = use(other, partitioner="table", **source)
    assert "spread differently over its partitions: key and table" in str(clash(use(one, **source), by_table))
    assert clash(use(one), use(other)) is None, "that is the naming strategy's business"


def test_a_table_stays_in_its_topic_only_with_its_key_and_partitioner() -> None:
    plain = use(table(), filter="n = 1")
    assert order_problem(plain, use(table(), filter="n = 2")) is None
    assert "another key" in str(order_problem(plain, use(table(), key_columns=["n"])))
    assert "another key" in str(order_problem(plain, use(table(), key_source="${table}")))
    assert "another partitioner" in str(order_problem(plain, use(table(), partitioner="table")))
    assert order_problem(plain, use(table(), topic="y", partitioner="table")) is None


def test_partitions_follow_the_table_or_columns_of_the_key() -> None:
    row = (7, "DE", None, 5, None)
    found = shape(table(), partitioner="table")
    assert found is not None
    assert found.partition is not None
    assert found.partition(row) == murmur2_partition(b"shop.orders", 12)
    by = {"partitioner": {"columns": ["country", "n"]}}
    found = shape(table(), key_columns=["n", "country", "id"], **by)
    assert found is not None
    assert found.partition is not None
    assert found.partition(row) == murmur2_partition(b"DE\x005", 12)
    outside = use(table(), **by)
    assert outside.route is not None
    assert "'country', which is not in its key (id)" in str(partition_problem(outside.plan, outside.route))


def test_a_filter_sees_numbers_and_texts_as_they_are() -> None:
    found = shape(table(), filter="Total >= 10.50 AND country = 'DE' OR n = 18446744073709551615")
    assert found is not None
    assert found.passes is not None
    decimal = signed_bytes(int(Decimal("10.50") * 100))
    assert found.passes((1, "DE", decimal, 1, None))
    assert not found.passes((1, "DE", signed_bytes(1049), 1, None))
    assert not found.passes((1, None, decimal, 1, None))
    assert found.passes((1, None, None, -1, None)), "the largest BIGINT UNSIGNED, in a signed long"


def test_an_update_is_what_readers_of_a_filtered_topic_must_take_it_for() -> None:
    found = shape(table("t", id="int", n="int"), filter="n > 0", operations=["c", "u", "d"])
    assert found is not None
    assert found.skipped == {"r", "t"}
    inside, outside = (1, 5), (1, 0)
    assert found.seen("update", inside, inside) == ("update", inside, inside)
    assert found.seen("update", outside, inside) == ("write", inside, None)
    assert found.seen("update", inside, outside) == ("delete", inside, None)
    assert found.seen("update", outside, outside) is None
    assert found.seen("write", inside, None) == ("write", inside, None)
    assert found.seen("delete", outside, None) is None


class Counted:
    """Gives places in order."""

    def __init__(self) -> None:
        self.given = 0

    def next(self, _: TableId) -> dict[str, Any]:
        self.given += 1
        return {"total_order": self.given}


def test_copies_of_a_record_have_one_place() -> None:
    counted = Counted()
    places, orders = SharedPlaces(counted), TableId("shop", "orders")
    first = [places.again().next(orders), places.next(orders)]
    second = [places.again().next(orders), places.next(orders)]
    assert first == second == [{"total_order": 1}, {"total_order": 2}]
