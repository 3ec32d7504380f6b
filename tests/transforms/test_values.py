"""Java's arithmetic, hashes, dates and texts, as transforms have them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms.hashes import debezium_hash, java_hash
from faust_cdc.transforms.headers import parsed_literal
from faust_cdc.transforms.json_payload import JsonPayloads
from faust_cdc.transforms.paths import field_path
from faust_cdc.transforms.record import Record, TransformError
from faust_cdc.transforms.schemas import OPTIONAL_STRING, STRING, struct
from faust_cdc.transforms.timestamps import DateFormat
from faust_cdc.transforms.timezones import timezone_converter
from faust_cdc.transforms.values import cast, header_text, mask_replacement, masked_null
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_schema import ConnectSchema, json_form

INT64 = ConnectSchema("int64")
DOUBLE = ConnectSchema("double")
DECIMAL = ConnectSchema("bytes", name=names.DECIMAL, version=1, parameters={"scale": "2"})
MOMENT = 1_709_210_096_789
"""2024-02-29T12:34:56.789Z."""


@pytest.mark.parametrize(
    ("schema", "value", "target", "expected"),
    [
        (INT64, 300, "int8", 44),
        (INT64, 40_000, "int16", -25536),
        (INT64, 1 << 33, "int32", 0),
        (DOUBLE, 1e10, "int32", 2_147_483_647),
        (DOUBLE, 1e10, "int16", -1),
        (DOUBLE, -1.9, "int64", -1),
        (DOUBLE, float("nan"), "int64", 0),
        (DOUBLE, 0.1, "float", 0.10000000149011612),
        (DOUBLE, 0.5, "boolean", False),
        (INT64, 2, "boolean", True),
        (STRING, "TRUE", "boolean", True),
        (STRING, "yes", "boolean", False),
        (STRING, "-12", "int8", -12),
        (STRING, "1.5", "double", 1.5),
        (STRING, " 1.5d ", "double", 1.5),
        (STRING, "-.5e1f", "double", -5.0),
        (STRING, "-Infinity", "double", float("-inf")),
        (ConnectSchema("boolean"), True, "int32", 1),
        (ConnectSchema("boolean"), True, "string", "true"),
        (DOUBLE, 1e7, "string", "1.0E7"),
        (ConnectSchema("float"), 0.10000000149011612, "string", "0.1"),
        (DECIMAL, (1230).to_bytes(2, "big"), "string", "12.30"),
        (DECIMAL, (1299).to_bytes(2, "big"), "int32", 12),
        (ConnectSchema("bytes"), b"\0\xff", "string", "AP8="),
        (ConnectSchema("int32", name=names.CONNECT_DATE), 19_782, "string", "2024-02-29"),
        (ConnectSchema("int64", name=names.CONNECT_TIMESTAMP), MOMENT, "string", "2024-02-29T12:34:56.789Z"),
        (ConnectSchema("int64", name=names.CONNECT_TIMESTAMP), MOMENT, "int64", MOMENT),
    ],
)
def test_casts_are_javas(schema: ConnectSchema, value: Any, target: str, expected: Any) -> None:
    assert cast(schema, value, target) == expected


@pytest.mark.parametrize("text", ["128", "1_0", " 1", "1.0", ""])
def test_texts_that_are_no_numbers_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(TransformError, match="out of range for requested data type") as caught:
        cast(STRING, text, "int8")
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("text", ["1_0", "inf", "nan", "", "e5", ".", "NaNd", "1\u00a0"])
def test_texts_that_java_does_not_read_as_doubles_are_refused(text: str) -> None:
    with pytest.raises(TransformError, match="out of range for requested data type"):
        cast(STRING, text, "double")


def test_what_is_no_value_is_not_cast() -> None:
    with pytest.raises(TransformError, match="does not support casting from STRUCT"):
        cast(struct([]), {}, "string")
    with pytest.raises(TransformError, match="HeapByteBuffer"):
        cast(ConnectSchema("bytes"), b"1", "int32")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyyMMdd", "20240229"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-02-29T12:34:56.789Z"),
        ("EEE, d MMM yy h:mm a z", "Thu, 29 Feb 24 12:34 PM UTC"),
        ("EEEE 'o''clock' MMMM D u k K Z", "Thursday o'clock February 60 4 12 0 +0000"),
        ("SSSSSS", "000789"),
    ],
)
def test_dates_are_shown_as_simple_date_format_shows_them(pattern: str, text: str) -> None:
    assert DateFormat(pattern).format(MOMENT) == text


def test_years_of_five_digits_are_shown_and_those_before_the_first_are_told_of() -> None:
    assert DateFormat("EEE yyyy-MM-dd yy").format(1_709_210_096_789_000) == "Wed 56132-09-17 32"
    assert DateFormat("yyyy-MM-dd").format(253_402_300_799_999) == "9999-12-31"
    with pytest.raises(TransformError, match="before the year 1"):
        DateFormat("yyyy").format(-62_200_000_000_000)


@pytest.mark.parametrize(
    ("pattern", "text", "moment"),
    [
        ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-02-29T12:34:56.789", MOMENT),
        ("yyyy-MM-dd HH:mm:ssX", "2024-02-29 13:34:56+01:00", MOMENT - 789),
        ("yyyyMMddHHmmss", "20240229123456", MOMENT - 789),
        ("MMM d, yyyy h:mm a", "Feb 29, 2024 0:34 PM", MOMENT - 56_789),
        ("MMMM yyyy", "february 2024", 1_706_745_600_000),
        ("yyyy-MM-dd", "2023-02-31", 1_677_801_600_000),
        ("yyyy", "1969", -31_536_000_000),
    ],
)
def test_dates_are_read_as_simple_date_format_reads_them(pattern: str, text: str, moment: int) -> None:
    assert DateFormat(pattern).parse(text) == moment


def test_a_date_that_does_not_match_is_told_of_without_showing_it() -> None:
    with pytest.raises(TransformError, match=r"does not match pattern \(yyyy\)") as caught:
        DateFormat("yyyy").parse("secret")
    assert "secret" not in str(caught.value)
    with pytest.raises(TransformError, match="Illegal pattern character 'q'"):
        DateFormat("q")
    with pytest.raises(TransformError, match="quote"):
        DateFormat("'a")


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (STRING, "", 0),
        (STRING, "orders", -1_008_770_331),
        (STRING, "größe", 98_762_257),
        (ConnectSchema("int32"), -5, -5),
        (INT64, 1 << 40, 256),
        (INT64, -1, 0),
        (ConnectSchema("boolean"), True, 1231),
        (DOUBLE, 1.5, 1_073_217_536),
        (ConnectSchema("float"), 0.25, 1_048_576_000),
        (DECIMAL, (1230).to_bytes(2, "big"), 38_132),
        (DECIMAL, (-1234567890123456789).to_bytes(9, "big", signed=True), 1_876_408_963),
        (ConnectSchema("bytes"), b"\0\x01\xff", 28_861),
    ],
)
def test_hashes_are_javas(schema: ConnectSchema, value: Any, expected: int) -> None:
    assert java_hash(schema, value) == expected


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (STRING, "", 89_125_410),
        (STRING, "orders", 110_124_605),
        (STRING, "größe 😀 a longer text than sixteen bytes", 868_515_542),
        (STRING, "exactly sixteen.", 341_820_622),
        (ConnectSchema("int32"), 7, -784_540_462),
        (ConnectSchema("int32"), -1, 171_705_313),
        (INT64, 123_456_789_012, -1_471_995_676),
        (DOUBLE, 1.5, -1_122_085_266),
        (ConnectSchema("boolean"), True, -1_891_831_265),
        (DECIMAL, (1230).to_bytes(2, "big"), -737_320_375),
    ],
)
def test_murmur_hashes_are_debeziums(schema: ConnectSchema, value: Any, expected: int) -> None:
    assert debezium_hash(schema, value) == expected


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a.b", ("a", "b")),
        ("a", ("a",)),
        ("`a.b`.c", ("a.b", "c")),
        ("a.`b.c`", ("a", "b.c")),
        (r"`a\`.b`.c", ("a`.b", "c")),
        ("a.", ("a", "")),
        ("`a`b`.c", ("a`b", "c")),
    ],
)
def test_paths_of_nested_fields(text: str, steps: tuple[str, ...]) -> None:
    assert field_path(text, "V2") == steps
    assert field_path(text, "v1") == (text,)


def test_an_open_backtick_is_refused() -> None:
    with pytest.raises(TransformError, match="Incomplete backtick pair"):
        field_path("a.`b", "V2")


def test_headers_are_written_as_simple_header_converter_writes_them() -> None:
    row = struct([("a", STRING), ("b", INT64), ("d", DECIMAL)])
    assert header_text(row, {"a": 'x"y', "b": None, "d": b"\x01"}) == b'{"a":"x\\"y","b":null,"d":0.01}'
    assert header_text(ConnectSchema("array", items=STRING), ["a", "b"]) == b'["a","b"]'
    assert header_text(STRING, "plain") == b"plain"
    assert header_text(STRING, None) is None
    assert parsed_literal("12") == (INT64, 12)
    assert parsed_literal("null") == (None, None)
    assert parsed_literal('"quoted"') == (STRING, "quoted")


def test_masks() -> None:
    assert [masked_null(ConnectSchema(one)) for one in ("string", "int32", "double", "boolean")] == ["", 0, 0.0, False]
    assert mask_replacement(STRING, "7") == "7"
    assert mask_replacement(INT64, "7") == 7
    assert mask_replacement(DECIMAL, "1.50") == (150).to_bytes(2, "big")
    with pytest.raises(TransformError, match="Unable to convert"):
        mask_replacement(INT64, "x")
    with pytest.raises(TransformError, match="Cannot mask value of type"):
        masked_null(ConnectSchema("bytes"))


def test_json_texts_become_structs_of_what_is_there() -> None:
    payloads = JsonPayloads(null_is_bytes=False)
    schema, value = payloads.expanded("payload", '{"id": 1, "big": 5000000000, "x": null, "l": [{"a": 1}, {"b": "t"}]}')
    again, _ = payloads.expanded("payload", '{"id": 2, "big": 5000000001, "x": null, "l": [{"a": 3}, {"b": ""}]}')
    assert again is schema
    assert [(one["field"], one["type"]) for one in json_form(schema)["fields"]] == [
        ("id", "int32"),
        ("big", "int64"),
        ("l", "array"),
    ]
    assert value == {"id": 1, "big": 5_000_000_000, "l": [{"a": 1, "b": None}, {"a": None, "b": "t"}]}
    with_nulls, _ = JsonPayloads(null_is_bytes=True).expanded("payload", '{"x": null}')
    assert with_nulls.field("x").type == "bytes"
    deep, limit = '{"a":' * 200 + "1" + "}" * 200, '{"a":' * 64 + '"}{{"' + "}" * 64
    with pytest.raises(TransformError, match="64 objects and arrays"):
        payloads.expanded("payload", deep)
    assert repr(payloads.expanded("payload", limit)[0])
    began = time.monotonic()
    with pytest.raises(ValueError, match="Unterminated string"):
        payloads.expanded("payload", '{"' + '\\"' * 200_000)
    assert time.monotonic() - began < 5, "in one pass"
    for text in ("12", "text", '{"a": [1, "b"]}', '{"a": [1, 1.5]}', "[1]", '{"a"'):
        with pytest.raises((TransformError, ValueError)):
            payloads.expanded("payload", text)


def zoned(zone: str, schema: ConnectSchema, value: Any, **lists: str) -> Any:
    row = struct([("at", schema)], name="t.Value", optional=True)
    envelope = struct([("before", row), ("after", row), ("source", struct([("table", STRING)]))], name="t.Envelope")
    options = {"converted.timezone": zone} | {f"{name}.list": text for name, text in lists.items()}
    event = {"before": None, "after": {"at": value}, "source": {"table": "items"}}
    converter = timezone_converter(PluginSettings("z", "io.debezium.transforms.TimezoneConverter", options))
    made = converter(Record("topic", None, None, envelope, event))
    assert made is not None
    return made.value["after"]["at"]


def test_times_move_into_the_zone() -> None:
    millis = ConnectSchema("int64", name=names.TIMESTAMP)
    text = ConnectSchema("string", name=names.ZONED_TIMESTAMP)
    assert zoned("+02:00", millis, MOMENT) == MOMENT - 7_200_000
    assert zoned("America/New_York", millis, MOMENT) == MOMENT + 18_000_000
    assert zoned("America/New_York", text, "2024-07-01T12:00:00.500Z") == "2024-07-01T08:00:00.5-04:00"
    assert zoned("+02:00", OPTIONAL_STRING, "left alone") == "left alone"
    assert zoned("+02:00", millis, MOMENT, include="source:other") == MOMENT
    assert zoned("+02:00", millis, MOMENT, include="source:items:at") == MOMENT - 7_200_000
    assert zoned("+02:00", millis, MOMENT, exclude="items:at") == MOMENT
    last, micros = 253_402_300_799_999, ConnectSchema("int64", name=names.MICRO_TIMESTAMP)
    for_ever = {"America/New_York": 18_000_000, "-05:00": 18_000_000, "Europe/Berlin": -3_600_000, "+02:00": -7_200_000}
    for zone, shift in for_ever.items():
        assert zoned(zone, millis, last) == last + shift
        assert zoned(zone, micros, last * 1_000) == (last + shift) * 1_000
        assert abs(zoned(zone, millis, -62_167_219_200_000) + 62_167_219_200_000) < 86_400_000  # of the year 0
        assert abs(zoned(zone, millis, 1 << 58) - (1 << 58)) < 86_400_000
    summer = 253_402_300_799_999 - 184 * 86_400_000
    assert zoned("America/New_York", millis, summer) == summer + 14_400_000
    for zone, lists in (
        ("Nowhere/City", {}),
        ("+02:00", {"include": "a", "exclude": "b"}),
        ("+01:00", {"include": "a:b:c:d"}),
    ):
        with pytest.raises(TransformError):
            zoned(zone, millis, MOMENT, **lists)
