"""JSON texts as structs (`io.debezium.transforms.outbox.JsonSchemaData`, 3.6.1): schemas are made of what is there."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from faust_cdc.transforms import schemas
from faust_cdc.transforms.record import TransformError
from faust_cdc.transforms.schemas import pairs, struct
from faust_cdc_schemas.connect_schema import ConnectSchema

_OPTIONAL_BOOLEAN: Final = ConnectSchema("boolean", optional=True)
_OPTIONAL_DOUBLE: Final = ConnectSchema("double", optional=True)
_OPTIONAL_BYTES: Final = ConnectSchema("bytes", optional=True)
_INT32: Final = 1 << 31
DEPTH_MAX: Final = 64
"""Objects and arrays within one another; Connect's schemas, and Avro's, are walked through by recursion."""
_NESTING: Final = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A text that never ends is passed once, not tried again from each quote in it."""
_INT64: Final = 1 << 63


class JsonPayloads:
    """Expands JSON texts. Schemas that were made once are found again, so that equal ones are one object."""

    def __init__(self, null_is_bytes: bool) -> None:
        self._null_is_bytes = null_is_bytes
        self._made: dict[str, ConnectSchema] = {}

    def expanded(self, name: str, text: str) -> tuple[ConnectSchema, Any]:
        """Return schema and value of a JSON text. Raises TransformError, ValueError for what is not to be expanded."""
        if not text.startswith(("{", "[")):
            raise TransformError("Unable to parse a payload that starts with neither '{' nor '['")
        _ensure_flat(text)
        node = json.loads(text)
        schema = self._schema(name, node)
        if schema is None or schema.type != "struct":
            raise TransformError("a payload that is an array has no struct's schema")
        if len(self._made) >= schemas.CACHE_MAX:
            self._made.clear()
        schema = self._made.setdefault(repr(schema), schema)
        return schema, _value(node, schema)

    def _schema(self, key: str | None, node: Any) -> ConnectSchema | None:
        if isinstance(node, str):
            return schemas.OPTIONAL_STRING
        if isinstance(node, bool):
            return _OPTIONAL_BOOLEAN
        if isinstance(node, int | float):
            return _number(node)
        if isinstance(node, list):
            return ConnectSchema("array", optional=True, items=self._items(key, node)) if node else None
        if isinstance(node, dict):
            fields: dict[str, ConnectSchema] = {}
            for name, one in node.items():
                schema = self._schema(f"{key}.{name}" if key and key.strip() else name, one)
                if schema is not None:
                    fields.setdefault(name, schema)
            return struct(fields.items(), name=key, optional=True)
        return _OPTIONAL_BYTES if self._null_is_bytes else None

    def _items(self, key: str | None, nodes: list[Any]) -> ConnectSchema:
        first = next((one for one in nodes if one is not None), None)
        for one in nodes:
            if one is not None and _kind(one) != _kind(first):
                raise TransformError(f"Field is not a homogenous array ({_kind(first)} x {_kind(one)})")
        if not isinstance(first, dict):
            schema = self._schema(None, first)
            if schema is None:
                raise TransformError("Array has unrecognized member schema.")
            return schema
        merged: ConnectSchema | None = None
        for one in nodes:
            if isinstance(one, dict):
                schema = self._schema(key, one)
                assert schema is not None, "an object has a schema"
                merged = schema if merged is None or merged == schema else _merged(merged, schema)
        assert merged is not None, "there is an object"
        return merged


def _ensure_flat(text: str) -> None:
    """Raises TransformError for a text nested so deep that its schema could not be walked through."""
    depth = 0
    for match in _NESTING.finditer(text):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match[0], 0)
        if depth > DEPTH_MAX:
            raise TransformError(f"a payload is expanded up to {DEPTH_MAX} objects and arrays within one another")


def _merged(left: ConnectSchema, right: ConnectSchema) -> ConnectSchema:
    fields = dict(pairs(left))
    for name, schema in pairs(right):
        old = fields.get(name)
        if old is None or (old != schema and old.type == "bytes" and schema.type != "bytes"):
            fields[name] = schema
    return struct(fields.items(), name=left.name)


def _kind(node: Any) -> str:
    """Return what elements of an array must have in common; numbers are of one kind by their schema."""
    if isinstance(node, bool):
        return "boolean"
    if isinstance(node, int | float):
        return _number(node).type
    if isinstance(node, str):
        return "string"
    return "array" if isinstance(node, list) else "object" if isinstance(node, dict) else "null"


def _number(node: float) -> ConnectSchema:
    if isinstance(node, int) and -_INT32 <= node < _INT32:
        return schemas.OPTIONAL_INT32
    if isinstance(node, int) and -_INT64 <= node < _INT64:
        return schemas.OPTIONAL_INT64
    return _OPTIONAL_DOUBLE


def _value(node: Any, schema: ConnectSchema) -> Any:
    if isinstance(node, dict):
        return {one.name: _value(node.get(one.name), one.schema) for one in schema.fields}
    if isinstance(node, list):
        assert schema.items is not None, "an array has a schema of items"
        return [_value(one, schema.items) for one in node]
    return float(node) if schema.type == "double" and node is not None else node
