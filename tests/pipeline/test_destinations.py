"""Where records of a table end behind a route and transforms, told without any record."""

from __future__ import annotations

from typing import Any

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.routes import Route
from faust_cdc.errors import TableError
from faust_cdc.pipeline.assembly import outlet_of
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.destinations import Destinations
from faust_cdc.transcode.plan import TranscodePlan
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.connect.memory import MYSQL_CONFIG
from tests.pipeline.test_routed import table, use

K = "org.apache.kafka.connect.transforms."
UNWRAP = {"transforms": "u", "transforms.u.type": "io.debezium.transforms.ExtractNewRecordState"}
RENAMED = {
    "transforms": "u,r",
    "transforms.r.type": f"{K}RegexRouter",
    "transforms.r.regex": "(.*)",
    "transforms.r.replacement": "to.$1",
}
BY_TOMBSTONE = {
    "transforms.r.predicate": "p",
    "predicates": "p",
    "predicates.p.type": f"{K}predicates.RecordIsTombstone",
}


def destinations(**options: str) -> Destinations:
    return Destinations(parse_connector_config(MYSQL_CONFIG | {"name": "c"} | options))


def routed(**route: Any) -> tuple[TranscodePlan, Route]:
    found = use(table(), **{"topic": "x"} | route)
    assert found.route is not None
    return found.plan, found.route


def test_without_transforms_it_is_the_plan_s_own() -> None:
    plan, route = routed(exclude_columns=["n"])
    (found,) = destinations().of(plan, route).destinations
    assert (found.topic, found.key, found.value) == ("x", plan.key_schema, plan.value_schema)
    assert destinations().one_topic(plan, route) == "x"


def test_values_are_what_transforms_make_of_the_columns_that_a_route_leaves() -> None:
    plan, route = routed(include_columns=["total"])
    ends = destinations(**UNWRAP | RENAMED).of(plan, route)
    assert (ends.topics, ends.is_certain) == (("to.x",), True)
    values = [one.value for one in ends.destinations if isinstance(one.value, dict)]
    assert [[field["name"] for field in value["fields"]] for value in values] == [["total"]]
    assert {one.value is None for one in ends.destinations} == {True, False}, "what is deleted has none"


def test_operations_that_do_not_go_on_have_no_destination() -> None:
    gone = destinations(**UNWRAP | {"transforms.u.delete.tombstone.handling.mode": "drop"})
    assert gone.of(*routed(operations=["d", "t"])).destinations == ()
    assert gone.one_topic(*routed(operations=["d", "t"], partitioner="table")) is None, "there is none to be made"
    assert gone.of(*routed(operations=["u"], filter="n = 1")).topics == ("x",)


def test_a_route_that_counts_partitions_needs_one_topic() -> None:
    split = destinations(**UNWRAP | RENAMED | BY_TOMBSTONE | {"tombstones.on.delete": "false"})
    assert split.one_topic(*routed()) is None
    with pytest.raises(TableError, match=r"by table, .* not of one topic.*: they end in x and to\.x\."):
        split.one_topic(*routed(partitioner="table"))
    by_value = destinations(**UNWRAP | {"transforms.u.route.by.field": "country"})
    with pytest.raises(TableError, match=r"transform 'u' \(.*\) names topics by the value of 'country'"):
        by_value.one_topic(*routed(partitioner={"columns": ["id"]}))


def held(captured: CapturedTable, *topics: str, **options: str) -> str | None:
    config = parse_connector_config(MYSQL_CONFIG | {"name": "c"} | options)
    outlet = outlet_of(config, avro_converters(lambda _subject, _schema: 1), lambda _topic: None)
    return outlet.holding(topics.__contains__, captured)


def test_what_may_be_there_already_is_looked_for_where_records_end() -> None:
    def captured(topic: str, *copies: CapturedTable) -> CapturedTable:
        plan, route = routed(topic=topic)
        transcoder = ReferenceTranscoder(plan, encoding=avro_converters(lambda _subject, _schema: 1).encoding(plan))
        return CapturedTable(plan.table.id, plan.target, transcoder, route=route, copies=copies)

    both = captured("x", captured("y"))
    chain = UNWRAP | RENAMED
    assert held(both, "y") == "its topic y has records already"
    assert held(both, "x", "y", **chain) is None
    assert held(both, "to.y", **chain) == "its topic to.y has records already"
    by_value = held(both, **UNWRAP | {"transforms.u.route.by.field": "country"})
    assert str(by_value).startswith("its topics may have records already: transform 'u' (")
