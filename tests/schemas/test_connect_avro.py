"""Avro types with Connect's properties: their order, unions, namespaces."""

import json

import fastavro
import pytest

from faust_cdc_schemas import connect_avro, envelope, names


def test_a_type_without_properties_is_a_bare_name() -> None:
    assert connect_avro.primitive("int") == "int"


def test_property_order_of_a_decimal() -> None:
    made = connect_avro.primitive(
        "bytes",
        name=names.DECIMAL,
        version=1,
        parameters={"scale": "2", "connect.decimal.precision": "5"},
        default="\x00",
    )
    assert isinstance(made, dict)
    assert list(made) == [
        "type",
        "scale",
        "precision",
        "connect.version",
        "connect.parameters",
        "connect.default",
        "connect.name",
        "logicalType",
    ]


@pytest.mark.parametrize(
    ("optional", "default", "expected"),
    [
        (False, connect_avro.MISSING, {"name": "f", "type": "int"}),
        (False, 5, {"name": "f", "type": "int", "default": 5}),
        (True, connect_avro.MISSING, {"name": "f", "type": ["null", "int"], "default": None}),
        (True, 5, {"name": "f", "type": ["int", "null"], "default": 5}),
    ],
)
def test_fields(optional: bool, default: object, expected: dict[str, object]) -> None:
    assert connect_avro.field("f", "int", optional=optional, default=default) == expected


def test_the_row_is_defined_once_and_named_under_after() -> None:
    made = envelope.envelope_schema("a.b.Envelope", "a.b.Value", [connect_avro.field("id", "int")], "mysql")
    before, after = made["fields"][0], made["fields"][1]
    assert "namespace" not in before["type"][1]
    assert after["type"] == ["null", "Value"]
    assert tuple(field["name"] for field in made["fields"]) == envelope.ENVELOPE_FIELDS
    fastavro.parse_schema(json.loads(json.dumps(made)))


def test_the_source_block_has_seventeen_fields() -> None:
    fields = envelope.source_schema("mysql")["fields"]
    assert tuple(field["name"] for field in fields) == envelope.SOURCE_FIELDS
    assert len(fields) == 17
    with pytest.raises(ValueError, match="oracle"):
        envelope.source_schema("oracle")
