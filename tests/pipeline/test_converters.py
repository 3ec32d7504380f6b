"""Converters bound to plans: which subjects are asked for which schemas, and that JSON asks nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faust_cdc.config.converter_settings import AvroOptions, ConverterSettings, Format, JsonOptions
from faust_cdc.errors import InternalError
from faust_cdc.pipeline.converters import Converters, RegisterSchema, avro_converters, converter_of
from faust_cdc.transcode.plan import KeyConstant, TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc_schemas.metadata import heartbeat_key_schema, heartbeat_value_schema
from tests.transcode.images import SOURCE, TOPIC, columns, table

PLAN = build_plan(table(*columns("int NOT NULL", "varchar(9) DEFAULT 'x'"), key=("c0",)), TOPIC, TranscodeOptions())


class Asked:
    """A registry that gives ids in the order of asking."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def register(self, subject: str, schema: str) -> int:
        self.schemas[subject] = json.loads(schema)
        return len(self.schemas)


def nobody() -> RegisterSchema:
    raise AssertionError("asked for a registry")


@pytest.mark.parametrize(
    ("strategy", "subjects"),
    [
        ("topic", ["p.shop.t-key", "p.shop.t-value"]),
        ("record", ["p.shop.t.Key", "p.shop.t.Envelope"]),
        ("topic-record", ["p.shop.t-p.shop.t.Key", "p.shop.t-p.shop.t.Envelope"]),
    ],
)
def test_keys_are_registered_first_each_under_its_subject(strategy: str, subjects: list[str]) -> None:
    asked = Asked()
    made = avro_converters(asked.register, AvroOptions(strategy)).encoding(PLAN)
    assert list(asked.schemas) == subjects
    assert list(asked.schemas.values()) == [PLAN.key_schema, PLAN.value_schema]
    assert made.key is not None
    assert made.key((1, None))[:5] == b"\0\0\0\0\1"
    assert made.value("c", None, (1, None), SOURCE, 1, None)[:5] == b"\0\0\0\0\2"


def test_options_that_change_the_registered_schema_do_not_change_the_body() -> None:
    plain, changed = Asked(), Asked()
    options = AvroOptions("record", connect_meta_data=False, scrub_invalid_names=True)
    left = avro_converters(plain.register).encoding(PLAN).value("c", None, (1, "a"), SOURCE, 1, None)
    right = avro_converters(changed.register, options).encoding(PLAN).value("c", None, (1, "a"), SOURCE, 1, None)
    assert left == right
    assert "connect.name" not in changed.schemas["p.shop.t.Envelope"]


def test_null_becomes_the_default_only_when_said() -> None:
    kept = avro_converters(Asked().register).encoding(PLAN)
    replaced = avro_converters(Asked().register, AvroOptions(null_is_default=True)).encoding(PLAN)
    null, default = (1, None), (1, "x")
    assert kept.value("u", null, null, SOURCE, 1, None) != kept.value("u", default, default, SOURCE, 1, None)
    assert replaced.value("u", null, null, SOURCE, 1, None) == kept.value("u", default, default, SOURCE, 1, None)


def test_json_and_text_need_no_registry() -> None:
    key = converter_of(ConverterSettings(Format.STRING), nobody, is_key=True)
    value = converter_of(ConverterSettings(Format.JSON, json=JsonOptions(schemas=False)), nobody, is_key=False)
    transcoder = ReferenceTranscoder(PLAN, encoding=Converters(key, value).encoding(PLAN))
    assert transcoder.key((7, None)) == b"Struct{c0=7}"
    assert json.loads(transcoder.value("c", None, (7, None), SOURCE, 1))["after"] == {"c0": 7, "c1": None}
    assert key.struct("beat.p", heartbeat_key_schema())({"serverName": "p"}) == b"Struct{serverName=p}"
    assert value.struct("beat.p", heartbeat_value_schema())({"ts_ms": 5}) == b'{"ts_ms":5}'
    with pytest.raises(InternalError):
        key.value(PLAN)


def test_a_table_without_a_key_has_one_in_a_shared_topic() -> None:
    without = build_plan(table(*columns("int")), TOPIC, TranscodeOptions())
    assert avro_converters(Asked().register).encoding(without).key is None
    shared = build_plan(table(*columns("int")), TOPIC, TranscodeOptions(), KeyConstant("__dbz__t", "p.shop.t"))
    transcoder = ReferenceTranscoder(shared, encoding=avro_converters(Asked().register).encoding(shared))
    assert transcoder.key((1,)) == b"\0\0\0\0\1\x10p.shop.t"
    assert transcoder.key_struct_json((1,)) == '{"__dbz__t":"p.shop.t"}'
    assert not transcoder.key_changed((1,), (2,))
