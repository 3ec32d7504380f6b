"""Transforms of headers: Connect's InsertHeader, DropHeaders and HeaderFrom, Debezium's HeaderToValue."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import Any

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms import schemas
from faust_cdc.transforms.fields import with_default_values
from faust_cdc.transforms.record import Apply, Header, Record, TransformError
from faust_cdc.transforms.schemas import field_of, like, pairs, require_struct, struct
from faust_cdc.transforms.sides import side_of
from faust_cdc_schemas.connect_schema import ConnectSchema


def insert_header(plugin: PluginSettings) -> Apply:
    """`InsertHeader`: a header with a fixed value on every record."""
    name, literal = plugin.text("header") or "", plugin.text("value.literal")
    header = Header(name, *parsed_literal(literal))

    def apply(record: Record) -> Record:
        return record._replace(headers=(*record.headers, header))

    return apply


_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?")


def parsed_literal(text: str | None) -> tuple[ConnectSchema | None, Any]:
    """Return what `Values.parseString` reads in a text, as far as its header text differs from the text itself.

    A header converter writes what was parsed: numbers, null and quoted texts become others than they were written.
    """
    if text is None or text.strip() == "null":
        return None, None
    stripped = text.strip()
    if stripped in ("true", "false"):
        return ConnectSchema("boolean"), stripped == "true"
    if _INTEGER.fullmatch(stripped) and -(1 << 63) <= int(stripped) < 1 << 63:
        return ConnectSchema("int64"), int(stripped)
    if len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
        return schemas.STRING, stripped[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return schemas.STRING, text


def drop_headers(plugin: PluginSettings) -> Apply:
    """`DropHeaders`: without the headers of some names."""
    dropped = frozenset(plugin.words("headers"))

    def apply(record: Record) -> Record:
        return record._replace(headers=tuple(one for one in record.headers if one.name not in dropped))

    return apply


def header_from(plugin: PluginSettings) -> Apply:
    """`HeaderFrom$Key`, `$Value`: fields copied or moved into headers."""
    side, move = side_of(plugin), plugin.text("operation") == "move"
    fields, headers = plugin.words("fields"), plugin.words("headers")
    if len(fields) != len(headers):
        raise TransformError("'fields' config must have the same number of elements as 'headers' config.")
    with_defaults = plugin.flag("replace.null.with.default")
    made = schemas.Remembered(
        lambda schema: like(schema, [(name, one) for name, one in pairs(schema) if name not in fields])
    )

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        found = require_struct(value, schema, f"header {'move' if move else 'copy'}")
        assert schema is not None, "a struct has a schema"
        if with_defaults:
            found = with_default_values(schema, found)
        added = []
        for name, header in zip(fields, headers, strict=True):
            inner = field_of(schema, name)
            if inner is None:
                raise TransformError(f"Field does not exist: {name}")
            added.append(Header(header, inner, found[name]))
        record = record._replace(headers=(*record.headers, *added))
        if not move:
            return record
        updated = made.of(schema)
        return side.put(record, updated, {one.name: found[one.name] for one in updated.fields})

    return apply


def header_to_value(plugin: PluginSettings) -> Apply:
    """Debezium's `HeaderToValue`: headers copied or moved into fields of the value, nested ones by dots."""
    fields, headers = plugin.words("fields"), plugin.words("headers")
    if len(fields) != len(headers):
        raise TransformError("'fields' config must have the same number of elements as 'headers' config.")
    move = (plugin.text("operation") or "").lower() == "move"
    made: dict[tuple[int, tuple[tuple[str, ConnectSchema | None], ...]], tuple[ConnectSchema, ConnectSchema]] = {}

    def updated(schema: ConnectSchema, entries: list[tuple[str, ConnectSchema, Any]]) -> ConnectSchema:
        key = (id(schema), tuple((name, None) for name, _, _ in entries))
        found = made.get(key)
        if found is None:
            if len(made) >= schemas.CACHE_MAX:
                made.clear()
            found = made[key] = (schema, _with_fields(schema, [(name.split("."), one) for name, one, _ in entries]))
        return found[1]

    def apply(record: Record) -> Record:
        if record.value is None:
            return record
        require_struct(record.value, record.value_schema, "Header field insertion")
        schema = record.value_schema
        assert schema is not None, "a struct has a schema"
        entries = [
            (fields[headers.index(one.name)], one.schema or schemas.OPTIONAL_STRING, _header_value(one))
            for one in record.headers
            if one.name in headers
        ]
        if not entries:
            return record
        new_schema = updated(schema, entries)
        value = record.value
        for name, _, one in entries:
            value = _with_value(value, name.split("."), one)
        record = record.with_value(new_schema, _ordered(new_schema, value))
        if move:
            record = record._replace(headers=tuple(one for one in record.headers if one.name not in headers))
        return record

    return apply


def _header_value(header: Header) -> Any:
    if header.schema is not None and header.schema.type == "bytes" and isinstance(header.value, str):
        return base64.b64decode(header.value)
    return header.value


def _with_fields(schema: ConnectSchema, entries: list[tuple[list[str], ConnectSchema]]) -> ConnectSchema:
    fields = dict(pairs(schema))
    for path, one in entries:
        if len(path) == 1:
            fields.setdefault(path[0], one)
            continue
        parent = fields.get(path[0])
        if parent is None:
            fields[path[0]] = replace(_with_fields(struct([]), [(path[1:], one)]), optional=True)
        elif parent.type != "struct":
            raise TransformError(
                f"Field '{path[0]}' is a primitive type, not a struct. Cannot add nested field '{'.'.join(path)}'."
            )
        else:
            # As Debezium's copySchemaBasics has it: the struct is not optional any more, unless it is new.
            keeps = parent.optional and parent.name is None
            fields[path[0]] = replace(_with_fields(parent, [(path[1:], one)]), optional=keeps)
    return like(schema, list(fields.items()))


def _with_value(value: dict[str, Any], path: list[str], one: Any) -> dict[str, Any]:
    if len(path) == 1:
        return value | {path[0]: one}
    inner = value.get(path[0])
    if inner is None and path[0] in value:
        return value  # a struct that is null stays null
    return value | {path[0]: _with_value(inner or {}, path[1:], one)}


def _ordered(schema: ConnectSchema, value: dict[str, Any]) -> dict[str, Any]:
    """Return the struct with all of its schema's fields, in its order."""
    made = {}
    for one in schema.fields:
        inner = value.get(one.name)
        made[one.name] = _ordered(one.schema, inner) if one.schema.type == "struct" and inner is not None else inner
    return made
