"""Chains: order, predicates, records that are dropped, and the ones that only name topics."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.transform_settings import TransformSettings
from faust_cdc.config.transforms import transforms_of
from faust_cdc.errors import FatalError
from faust_cdc.pipeline.assembly import Outlet, outlet_of
from faust_cdc.pipeline.converters import Converters, avro_converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.transcode.avro_encoding import AvroStruct
from faust_cdc.transforms.chain import Chain, TransformFailed, topic_route
from faust_cdc.transforms.record import Header, Record
from faust_cdc.transforms.schemas import STRING, struct
from faust_cdc_schemas.connect_schema import ConnectSchema
from faust_cdc_schemas.metadata import heartbeat_key_schema, heartbeat_value_schema
from tests.connect.memory import MYSQL_CONFIG

K = "org.apache.kafka.connect.transforms."
KEY = struct([("id", ConnectSchema("int32"))], name="k")
VALUE = struct([("name", STRING), ("note", ConnectSchema("string", optional=True, default="none"))], name="v")
RECORD = Record("a.b", KEY, {"id": 1}, VALUE, {"name": "x", "note": None}, (Header("h", STRING, "1"),))


def chain(**options: str) -> tuple[TransformSettings, ...]:
    return transforms_of({key.replace("__", "."): value for key, value in options.items()})


OPTIONAL_MOMENT = [{"name": "ts_ms", "type": ["null", "long"], "default": None}]
ROUTES = {
    "transforms": "one, two",
    "transforms__one__type": f"{K}RegexRouter",
    "transforms__one__regex": r"(.*)\.b",
    "transforms__one__replacement": "$1.c",
    "transforms__two__type": "RegexRouter",
    "transforms__two__regex": r"(?<all>.*)",
    "transforms__two__replacement": "${all}!",
    "transforms__two__predicate": "p",
    "predicates": "p",
    "predicates__p__type": f"{K}predicates.TopicNameMatches",
    "predicates__p__pattern": "a.*",
}


def test_a_chain_that_only_names_topics_is_a_function_of_their_names() -> None:
    settings = chain(**ROUTES)
    route = topic_route(settings)
    assert route is not None
    for topic in ("a.b", "x.b", "x.y"):
        made = Chain(settings).apply(RECORD._replace(topic=topic))
        assert made is not None
        assert made.topic == route(topic)
    assert (route("a.b"), route("x.b"), route("x.y")) == ("a.c!", "x.c", "x.y")


@pytest.mark.parametrize(
    "other",
    [
        {"predicates__p__type": f"{K}predicates.RecordIsTombstone"},
        {
            "transforms__one__type": f"{K}InsertHeader",
            "transforms__one__header": "a",
            "transforms__one__value.literal": "b",
        },
    ],
)
def test_other_chains_are_not(other: Mapping[str, str]) -> None:
    assert topic_route(chain(**ROUTES | dict(other))) is None


def test_predicates_choose_and_negate() -> None:
    options = {
        "transforms": "f",
        "transforms__f__type": f"{K}Filter",
        "transforms__f__predicate": "p",
        "predicates": "p",
        "predicates__p__type": f"{K}predicates.HasHeaderKey",
        "predicates__p__name": "h",
    }
    bare = RECORD._replace(headers=())
    assert Chain(chain(**options)).apply(RECORD) is None
    assert Chain(chain(**options)).apply(bare) is bare
    negated = chain(**options, transforms__f__negate="true")
    assert Chain(negated).apply(RECORD) is RECORD
    assert Chain(negated).apply(bare) is None


def test_what_a_transform_cannot_take_names_it() -> None:
    settings = chain(transforms="mask", transforms__mask__type=f"{K}MaskField$Value", transforms__mask__fields="name")
    with pytest.raises(TransformFailed, match=r"transform 'mask' \(org\.apache.*MaskField\$Value\): Only Map objects"):
        Chain(settings).apply(RECORD.with_value(None, None))


def test_a_null_stays_null_unless_its_default_is_asked_for() -> None:
    options = {
        "transforms": "i",
        "transforms__i__type": f"{K}InsertField$Value",
        "transforms__i__topic.field": "topic",
    }

    def note(settings: tuple[TransformSettings, ...]) -> object:
        made = Chain(settings).apply(RECORD)
        assert made is not None
        return made.value["note"]

    assert note(chain(**options)) is None
    assert note(chain(**options, **{"transforms__i__replace.null.with.default": "true"})) == "none"
    raw = {key.replace("__", "."): value for key, value in options.items()}
    assert note(transforms_of(raw, compatible=True)) == "none"


def outlet(**options: str) -> tuple[list[str], list[tuple[str, str]], Outlet]:
    topics: list[str] = []
    schemas: list[tuple[str, str]] = []

    def register(subject: str, schema: str) -> int:
        schemas.append((subject, schema))
        return len(schemas)

    config = parse_connector_config(
        MYSQL_CONFIG | {"name": "c"} | {key.replace("__", "."): value for key, value in options.items()}
    )
    made = outlet_of(config, avro_converters(register), topics.append)
    return topics, schemas, made


def heartbeat(converters: Converters, topic: str) -> ChangeRecord:
    key = converters.of_keys.struct(topic, heartbeat_key_schema())({"serverName": "s"})
    value = converters.of_values.struct(topic, heartbeat_value_schema())({"ts_ms": 1})
    return ChangeRecord(topic, key, value, [("h", b"x")], 0)


def test_records_go_through_under_numbers_of_our_own_and_come_out_registered() -> None:
    topics, schemas, made = outlet(
        transforms="r,i",
        transforms__r__type=f"{K}RegexRouter",
        transforms__r__regex="(.*)",
        transforms__r__replacement="to.$1",
        transforms__i__type=f"{K}InsertField$Value",
        transforms__i__static__field="who",
        transforms__i__static__value="me",
    )
    assert made.records is not None
    record = heartbeat(made.converters, "beat")
    assert (topics, schemas) == ([], [])
    for _ in range(2):
        out = made.records.outgoing(record)
        assert out is not None
        assert (out.topic, out.headers, out.partition) == ("to.beat", [("h", b"x")], 0)
        assert out.value == b"\0\0\0\0\x02\x02\x02\x04me"
    assert topics == ["to.beat"]
    assert [subject for subject, _ in schemas] == ["to.beat-key", "to.beat-value"]
    assert '"name":"who"' in schemas[1][1]


def test_what_passes_unchanged_has_the_bytes_that_its_converter_writes() -> None:
    _, schemas, made = outlet(
        transforms="h,m",
        transforms__h__type=f"{K}InsertHeader",
        transforms__h__header="a",
        transforms__h__value__literal="b",
        transforms__m__type=f"{K}SetSchemaMetadata$Value",
        transforms__m__schema__name="other.Name",
    )
    assert made.records is not None
    out = made.records.outgoing(heartbeat(made.converters, "beat"))
    assert out is not None
    key, value = (json.loads(text) for _, text in schemas)
    assert (key["name"], f"{value['namespace']}.{value['name']}") == ("ServerNameKey", "other.Name")
    assert out.key == AvroStruct(key, 1)({"serverName": "s"})
    assert out.value == AvroStruct(value, 2)({"ts_ms": 1})
    assert out.headers == [("h", b"x"), ("a", b"b")]


def test_a_null_registers_no_schema() -> None:
    """As Connect's Avro converters: a tombstone that ExtractNewRecordState gives the row's schema has none."""
    _, schemas, made = outlet(
        transforms="e", transforms__e__type=f"{K}ExtractField$Value", transforms__e__field="ts_ms"
    )
    assert made.records is not None
    record = heartbeat(made.converters, "beat")
    numbers = made.converters.of_values.struct("none", {"type": "record", "name": "N", "fields": OPTIONAL_MOMENT})
    out = made.records.outgoing(ChangeRecord("beat", record.key, numbers({"ts_ms": None}), [], None))
    assert out is not None
    assert out.value is None
    assert [subject for subject, _ in schemas] == ["beat-key"]


def test_a_dropped_record_makes_no_topic_and_a_failing_one_names_the_transform() -> None:
    topics, _, made = outlet(transforms="f", transforms__f__type=f"{K}Filter")
    record = heartbeat(made.converters, "beat")
    assert made.records is not None
    assert made.records.outgoing(record) is None
    assert topics == []
    _, _, made = outlet(
        transforms="t", transforms__t__type=f"{K}TimestampRouter", transforms__t__timestamp__format="yyyy"
    )
    assert made.records is not None
    record = heartbeat(made.converters, "beat")
    with pytest.raises(FatalError, match=r"topic beat cannot be transformed: transform 't'.*Timestamp missing"):
        made.records.outgoing(record)


def test_a_required_field_without_a_value_is_told_of() -> None:
    _, _, made = outlet(
        transforms="i", transforms__i__type=f"{K}InsertField$Value", transforms__i__timestamp__field="at!"
    )
    assert made.records is not None
    record = heartbeat(made.converters, "beat")
    with pytest.raises(FatalError, match=r"topic beat has a value after its transforms that does not fit its schema"):
        made.records.outgoing(record)


def test_topics_alone_are_spent_in_the_plan() -> None:
    topics, _, made = outlet(
        transforms="r",
        transforms__r__type=f"{K}RegexRouter",
        transforms__r__regex="(.*)",
        transforms__r__replacement="x.$1",
    )
    assert made.records is None
    assert made.routed("t") == "x.t"
    made.ensure_topic("t")
    assert topics == ["t"]
