"""Rows as JSON, byte for byte as `org.apache.kafka.connect.json.JsonConverter` of Connect 4.3.1 writes them.

The text is put together from the plan's schemas as Jackson writes it: without blanks, UTF-8, but characters beyond the
basic plane as two escapes (recorded), bytes in base64, doubles as Java prints them. With schemas a record is
`{"schema":…,"payload":…}`, the schema part made once per plan.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from faust_cdc.config.converter_settings import JsonOptions
from faust_cdc.errors import InternalError
from faust_cdc.transcode.encoding import EncodeKey, EncodeStruct, EncodeValue, envelope_tail
from faust_cdc.transcode.jackson import document_text, text_of
from faust_cdc.transcode.java_text import decimal_text, double_text, float_text
from faust_cdc.transcode.plan import TranscodePlan
from faust_cdc.transcode.row import Row
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.connect_avro import MISSING
from faust_cdc_schemas.connect_schema import ConnectSchema, connect_schema, decimal_of, json_form

__all__ = ["JsonOptions", "json_any", "json_key", "json_struct", "json_value"]

Write: TypeAlias = Callable[[Any], str]
"""A value that is not null → its JSON text."""


def json_key(plan: TranscodePlan, options: JsonOptions) -> EncodeKey:
    """Return the encoder of the plan's keys."""
    document = plan.key_schema
    if document is None:
        raise InternalError(f"{plan.table.id} has no key, and its keys were to be encoded")
    schema = connect_schema(document)
    head, tail = _around(schema, options)
    parts = [
        (f"{text_of(field.name)}:", one.index, _writer(field.schema, options))
        for one, field in zip(plan.key_columns, schema.fields, strict=False)
    ]
    constant = plan.key_constant
    last = [] if constant is None else [f"{text_of(constant.field_name)}:{text_of(constant.value)}"]

    def encode(row: Row) -> bytes:
        fields = [name + write(row[index]) for name, index, write in parts]
        return f"{head}{{{','.join(fields + last)}}}{tail}".encode()

    return encode


def json_value(plan: TranscodePlan, options: JsonOptions) -> EncodeValue:
    """Return the encoder of the plan's change events."""
    schema = connect_schema(plan.value_schema)
    head, tail = _around(schema, options)
    write_row = _row_writer(plan, schema.field("before"), options)
    rest = [(f",{text_of(one.name)}:", one.name, _nullable(one.schema, options)) for one in schema.fields[2:]]

    def encode(
        op: str,
        before: Row | None,
        after: Row | None,
        source: SourceInfo,
        ts_ns: int,
        transaction: Mapping[str, Any] | None,
    ) -> bytes:
        fields = envelope_tail(op, source, ts_ns, transaction)
        parts = [name + write(fields[field]) for name, field, write in rest]
        rows = f'"before":{write_row(before)},"after":{write_row(after)}'
        return f"{head}{{{rows}{''.join(parts)}}}{tail}".encode()

    return encode


def json_struct(schema: Mapping[str, Any], options: JsonOptions) -> EncodeStruct:
    """Return the encoder of records about the stream, of the Avro document `schema`."""
    described = connect_schema(schema)
    head, tail = _around(described, options)
    write = _writer(described, options)

    def encode(fields: Mapping[str, Any]) -> bytes:
        return f"{head}{write(fields)}{tail}".encode()

    return encode


def json_any(schema: Any, options: JsonOptions) -> Callable[[Any], bytes]:
    """Return the encoder of values of the Avro document `schema`, null among them, as transforms make them."""
    described = connect_schema(schema)
    head, tail = _around(described, options)
    write = _nullable(described, options)
    return lambda value: f"{head}{write(value)}{tail}".encode()


def _around(schema: ConnectSchema, options: JsonOptions) -> tuple[str, str]:
    if not options.schemas:
        return "", ""
    form = json_form(schema, numeric_decimals=options.numeric_decimals)
    return f'{{"schema":{document_text(form)},"payload":', "}"


def _row_writer(plan: TranscodePlan, schema: ConnectSchema, options: JsonOptions) -> Callable[[Row | None], str]:
    parts = [
        (f"{text_of(field.name)}:", one.index, _nullable(field.schema, options))
        for one, field in zip(plan.value_columns, schema.fields, strict=True)
    ]

    def write_row(row: Row | None) -> str:
        if row is None:
            return "null"
        return "{" + ",".join([name + write(row[index]) for name, index, write in parts]) + "}"

    return write_row


def _nullable(schema: ConnectSchema, options: JsonOptions) -> Write:
    write = _writer(schema, options)
    null = "null"
    if options.null_is_default and schema.default is not MISSING and schema.default is not None:
        null = write(schema.default)
    return lambda value: null if value is None else write(value)


def _writer(schema: ConnectSchema, options: JsonOptions) -> Write:
    if schema.type == "struct":
        return _struct_writer(schema, options)
    if schema.type == "array":
        assert schema.items is not None
        element = _nullable(schema.items, options)
        return lambda values: "[" + ",".join(map(element, values)) + "]"
    if schema.type == "map":
        assert schema.items is not None
        member = _nullable(schema.items, options)
        return lambda values: "{" + ",".join(f"{text_of(name)}:{member(one)}" for name, one in values.items()) + "}"
    scale = schema.decimal_scale
    if scale is not None and options.numeric_decimals:
        return lambda unscaled: decimal_text(decimal_of(unscaled, scale))
    return _PRIMITIVES[schema.type]


def _struct_writer(schema: ConnectSchema, options: JsonOptions) -> Write:
    parts = [(f"{text_of(one.name)}:", one.name, _nullable(one.schema, options)) for one in schema.fields]

    def write(fields: Mapping[str, Any]) -> str:
        return "{" + ",".join([name + one(fields[field]) for name, field, one in parts]) + "}"

    return write


def _base64_text(value: bytes) -> str:
    return f'"{b2a_base64(value, newline=False).decode("ascii")}"'


def _number_text(write: Write) -> Write:
    """Infinite numbers and NaN, which JSON has no numbers for, are texts in Jackson."""

    def number(value: float) -> str:
        text = write(value)
        return text if text[-1].isdigit() else f'"{text}"'

    return number


_PRIMITIVES: Final[dict[str, Write]] = {
    "string": text_of,
    "bytes": _base64_text,
    "boolean": lambda value: "true" if value else "false",
    "int8": int.__repr__,
    "int16": int.__repr__,
    "int32": int.__repr__,
    "int64": int.__repr__,
    "float": _number_text(float_text),
    "double": _number_text(double_text),
}
