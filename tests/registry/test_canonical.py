"""Canonical texts: what Java's Schema.toString gives, worked out from Avro's Schema.toJson."""

import json

import pytest

from faust_cdc.registry.canonical import InvalidSchema, dump_json, parse_avro

DEBEZIUM_KEY = (
    '{"type":"record","name":"Key","namespace":"srv.shop.orders","fields":[{"name":"id","type":"int"}],'
    '"connect.name":"srv.shop.orders.Key"}'
)


def test_a_text_as_kafka_connect_sends_it_is_kept() -> None:
    assert parse_avro(DEBEZIUM_KEY).text == DEBEZIUM_KEY


def test_blanks_and_order_of_standard_attributes_do_not_matter() -> None:
    shuffled = json.dumps(
        {
            "connect.name": "srv.shop.orders.Key",
            "fields": [{"type": "int", "name": "id"}],
            "namespace": "srv.shop.orders",
            "name": "Key",
            "type": "record",
        },
        indent=2,
    )
    assert parse_avro(shuffled).text == DEBEZIUM_KEY


def test_order_of_other_properties_is_kept() -> None:
    text = '{"type":"int","z":1,"a":2}'
    assert parse_avro('{"z":1, "type":"int","a":2}').text == text


def test_named_types_are_written_once_and_by_short_name_within_their_namespace() -> None:
    inner = {"type": "record", "name": "Value", "namespace": "a", "fields": [{"name": "x", "type": "int"}]}
    envelope = {
        "type": "record",
        "name": "a.Envelope",
        "fields": [
            {"name": "before", "type": ["null", inner], "default": None},
            {"name": "after", "type": ["null", "a.Value"], "default": None},
        ],
    }
    assert parse_avro(json.dumps(envelope)).text == (
        '{"type":"record","name":"Envelope","namespace":"a","fields":['
        '{"name":"before","type":["null",{"type":"record","name":"Value","fields":[{"name":"x","type":"int"}]}],'
        '"default":null},{"name":"after","type":["null","Value"],"default":null}]}'
    )


def test_a_type_without_namespace_inside_a_namespace_says_so() -> None:
    text = (
        '{"type":"record","name":"Outer","namespace":"a","fields":[{"name":"f","type":'
        '{"type":"enum","name":"E","namespace":"","symbols":["X"]}},{"name":"g","type":"E"}]}'
    )
    assert parse_avro(text).text == text


def test_primitives_in_all_spellings() -> None:
    assert parse_avro('"string"').text == '"string"'
    assert parse_avro("string").text == '"string"'
    assert parse_avro('{"type":"string"}').text == '"string"'


def test_a_namespace_may_hold_what_java_does_not_check() -> None:
    text = '{"type":"record","name":"Key","namespace":"srv.my-shop.t","fields":[]}'
    assert parse_avro(text).text == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (0.001, "0.001"),
        (1e7, "1.0E7"),
        (1.5e10, "1.5E10"),
        (-1.25e-5, "-1.25E-5"),
        (1e300, "1.0E300"),
        (0.00012345, "1.2345E-4"),
        (123456789.5, "1.234567895E8"),
        ("\x1f", '"\\u001F"'),
        ("\\u001f", '"\\\\u001f"'),
        ("é\n", '"é\\n"'),
        ({"a": [True, None]}, '{"a":[true,null]}'),
    ],
)
def test_json_as_jackson_writes_it(value: object, text: str) -> None:
    assert dump_json(value) == text


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("not avro", "not JSON"),
        ("7", "a schema is a name"),
        ("{}", "no type"),
        ('"nope"', "undefined name 'nope'"),
        ('["null",["int"]]', "directly inside a union"),
        ('["int","int"]', "duplicate in union"),
        ('{"type":"record","name":"1a","fields":[]}', "illegal name '1a'"),
        ('{"type":"record","name":"A"}', "no array of fields"),
        ('{"type":"record","name":"A","fields":[{"name":"x"}]}', "/fields/0: a field needs"),
        (
            '{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"x","type":"int"}]}',
            "duplicate field x",
        ),
        ('{"type":"record","name":"A","fields":[{"name":"x","type":"int","default":"a"}]}', "invalid default"),
        ('{"type":"record","name":"A","fields":[{"name":"x","type":"int","default":true}]}', "invalid default"),
        ('{"type":"record","name":"A","fields":[{"name":"x","type":"int","default":3000000000}]}', "invalid"),
        ('{"type":"enum","name":"E","symbols":["A","A"]}', "duplicate enum symbol"),
        ('{"type":"fixed","name":"F"}', "needs a size"),
        ('{"type":"array"}', "array without items"),
        ('{"type":"int","x":NaN}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[" * 400 + "]" * 400, "nested deeper"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(schema: str, says: str) -> None:
    with pytest.raises(InvalidSchema, match=says):
        parse_avro(schema)


def test_defaults_of_nested_types_are_checked() -> None:
    record = {
        "type": "record",
        "name": "A",
        "fields": [
            {
                "name": "r",
                "type": {"type": "record", "name": "R", "fields": [{"name": "n", "type": "int", "default": 1}]},
                "default": {},
            },
            {"name": "again", "type": "R", "default": {"n": 2}},
            {"name": "list", "type": {"type": "array", "items": "R"}, "default": [{"n": 3}]},
            {"name": "map", "type": {"type": "map", "values": ["null", "long"]}, "default": {"a": None}},
        ],
    }
    parse_avro(json.dumps(record))
    record["fields"][1]["default"] = {"n": "two"}  # type: ignore[index]
    with pytest.raises(InvalidSchema, match="again"):
        parse_avro(json.dumps(record))


def test_printing_again_changes_nothing() -> None:
    text = parse_avro(
        '{"type":"error","name":"x.E","doc":"d","aliases":["Old"],"p":{"q":1},"fields":[{"name":"f","aliases":["g"],'
        '"order":"ignore","type":{"type":"fixed","name":"F","size":3,"logicalType":"decimal"},"extra":[1]}]}'
    ).text
    assert parse_avro(text).text == text
