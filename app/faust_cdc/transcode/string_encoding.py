"""Keys as text, as `org.apache.kafka.connect.storage.StringConverter` writes them: Java's `Struct.toString`, UTF-8.

`Struct{id=1,name=a}`: fields in order, those that are null left out. Java has no text for bytes (an address, or the
size of a buffer), so that different keys would become equal: such keys are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.transcode.encoding import EncodeKey, EncodeStruct
from faust_cdc.transcode.java_text import DATE_UNITS_MS, date_text, decimal_text, double_text, float_text
from faust_cdc.transcode.plan import TranscodePlan
from faust_cdc.transcode.row import Row
from faust_cdc_schemas.connect_schema import ConnectSchema, connect_schema, decimal_of

_TEXTS: Final[dict[str, Callable[[Any], str]]] = {
    "string": str.__str__,
    "boolean": lambda value: "true" if value else "false",
    "int8": int.__repr__,
    "int16": int.__repr__,
    "int32": int.__repr__,
    "int64": int.__repr__,
    "float": float_text,
    "double": double_text,
}


def string_key(plan: TranscodePlan) -> EncodeKey:
    """Return the encoder of the plan's keys. Raises UnsupportedColumn for a key column that has no text in Java."""
    schema = connect_schema(plan.key_schema)
    parts = []
    for one, field in zip(plan.key_columns, schema.fields, strict=False):
        write = _writer(field.schema)
        if write is None:
            raise UnsupportedColumn(
                f"{plan.table.id}, column {one.column.name!r}: {field.schema.type} in a key, expected what Connect's "
                "StringConverter has a text for; for bytes it writes an address or a size, equal for different keys.",
                remedy="set key.converter to an Avro converter or the JsonConverter, or exclude the table",
            )
        parts.append((field.name, one.index, write))
    constant = plan.key_constant
    last = [] if constant is None else [f"{constant.field_name}={constant.value}"]

    def encode(row: Row) -> bytes:
        fields = [f"{name}={write(row[index])}" for name, index, write in parts]
        return f"Struct{{{','.join(fields + last)}}}".encode()

    return encode


def string_struct(schema: Mapping[str, Any]) -> EncodeStruct:
    """Return the encoder of keys about the stream, of the Avro document `schema`; all fields are texts or numbers."""
    parts = [(one.name, _TEXTS[one.schema.type]) for one in connect_schema(schema).fields]

    def encode(fields: Mapping[str, Any]) -> bytes:
        shown = [f"{name}={write(fields[name])}" for name, write in parts if fields[name] is not None]
        return f"Struct{{{','.join(shown)}}}".encode()

    return encode


def string_any(topic: str, schema: Any) -> Callable[[Any], bytes | None]:
    """Return the encoder of keys of the Avro document `schema`, as transforms make them.

    Raises UnsupportedColumn for a key that has no text in Java.
    """
    described = connect_schema(schema)
    if described.type != "struct":
        write = _text_of(topic, described)
        return lambda value: None if value is None else write(value).encode()
    parts = [(one.name, _text_of(topic, one.schema)) for one in described.fields]

    def encode(fields: Mapping[str, Any] | None) -> bytes | None:
        if fields is None:
            return None
        shown = [f"{name}={write(fields[name])}" for name, write in parts if fields[name] is not None]
        return f"Struct{{{','.join(shown)}}}".encode()

    return encode


def _text_of(topic: str, schema: ConnectSchema) -> Callable[[Any], str]:
    write = _writer(schema)
    if write is None:
        raise UnsupportedColumn(
            f"Topic {topic}: {schema.type} in a key, expected what Connect's StringConverter has a text for.",
            remedy="set key.converter to an Avro converter or the JsonConverter, or transform the key otherwise",
        )
    return write


def _writer(schema: ConnectSchema) -> Callable[[Any], str] | None:
    scale, unit = schema.decimal_scale, DATE_UNITS_MS.get(schema.name or "")
    if scale is not None:
        return lambda unscaled: decimal_text(decimal_of(unscaled, scale))
    if unit is not None:
        return lambda value: date_text(value * unit)
    return _TEXTS.get(schema.type)
