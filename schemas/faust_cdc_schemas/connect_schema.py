"""Connect's own view of a schema, read back from the Avro document that AvroData makes of it.

Every property of a Connect schema stands in the Avro document (`connect.name`, `connect.version`, `connect.parameters`,
`connect.default`, `connect.type`, `connect.doc`), so one description serves all converters. The JSON form is that of
`org.apache.kafka.connect.json.JsonConverter.asJsonSchema` (Connect 4.3.1), properties in its order.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from faust_cdc_schemas import names
from faust_cdc_schemas.connect_avro import MISSING

_TYPES: Final = {"int": "int32", "long": "int64", "bytes": "bytes", "string": "string", "boolean": "boolean"}
_TYPES_OF_ITSELF: Final = ("float", "double")
_ITEMS: Final = {"array": "items", "map": "values"}


@dataclass(frozen=True, slots=True)
class ConnectField:
    """A field of a struct."""

    name: str
    schema: ConnectSchema


@dataclass(frozen=True, slots=True)
class ConnectSchema:
    """A Connect schema; types by the names that JsonConverter gives them (`int32`, `float`, `struct` …)."""

    type: str
    optional: bool = False
    name: str | None = None
    version: int | None = None
    doc: str | None = None
    parameters: Mapping[str, str] | None = None
    default: Any = MISSING
    """Avro-ready default (bytes as bytes), or `MISSING`."""
    fields: tuple[ConnectField, ...] = ()
    items: ConnectSchema | None = None
    """The schema of an array's elements, or of a map's values; its keys are strings."""

    @property
    def decimal_scale(self) -> int | None:
        """Fraction digits of a Decimal, None for every other type."""
        if self.name != names.DECIMAL:
            return None
        return int((self.parameters or {}).get("scale", "0"))

    def field(self, name: str) -> ConnectSchema:
        """Return the schema of a struct's field. Raises KeyError."""
        for one in self.fields:
            if one.name == name:
                return one.schema
        raise KeyError(name)


def connect_schema(avro: Any) -> ConnectSchema:
    """Return the Connect schema that AvroData made `avro` of, a document as parsed JSON.

    Raises ValueError for Avro types that Debezium's schemas do not have.
    """
    return _read(avro, {}, None)


def _read(avro: Any, seen: dict[str, ConnectSchema], namespace: str | None) -> ConnectSchema:
    if isinstance(avro, list):
        others = [one for one in avro if one != "null"]
        if len(others) != 1 or len(avro) != 2:
            raise ValueError(f"union {avro!r} is no optional type")
        return replace(_read(others[0], seen, namespace), optional=True)
    if isinstance(avro, str):
        if avro in _TYPES or avro in _TYPES_OF_ITSELF:
            return ConnectSchema(_TYPES.get(avro, avro))
        full_name = avro if "." in avro or namespace is None else f"{namespace}.{avro}"
        if full_name not in seen:
            raise ValueError(f"type {avro!r} is not defined before its use")
        return seen[full_name]
    kind = avro["type"]
    if kind == "record":
        return _struct(avro, seen, namespace)
    if kind == "array":
        made = ConnectSchema("array", items=_read(avro["items"], seen, namespace))
    elif kind == "map":
        made = ConnectSchema("map", items=_read(avro["values"], seen, namespace))
    elif kind in _TYPES or kind in _TYPES_OF_ITSELF:
        made = ConnectSchema(avro.get("connect.type") or _TYPES.get(kind, kind))
    else:
        raise ValueError(f"type {kind!r} has no Connect schema here")
    return _with_properties(made, avro)


def _struct(avro: dict[str, Any], seen: dict[str, ConnectSchema], enclosing: str | None) -> ConnectSchema:
    namespace = avro.get("namespace", enclosing)
    fields = tuple(ConnectField(one["name"], _read(one["type"], seen, namespace)) for one in avro["fields"])
    made = _with_properties(ConnectSchema("struct", fields=fields), avro)
    seen[avro["name"] if namespace is None else f"{namespace}.{avro['name']}"] = made
    return made


def _with_properties(made: ConnectSchema, avro: Mapping[str, Any]) -> ConnectSchema:
    default = avro.get("connect.default", MISSING)
    if made.type == "bytes" and isinstance(default, str):
        default = default.encode("latin-1")
    return replace(
        made,
        name=avro.get("connect.name"),
        version=avro.get("connect.version"),
        doc=avro.get("connect.doc"),
        parameters=avro.get("connect.parameters"),
        default=default,
    )


def json_form(schema: ConnectSchema, *, numeric_decimals: bool = False) -> dict[str, Any]:
    """Return the schema as JsonConverter writes it under `schema`; default decimals are numbers or base64.

    A number is given as `Decimal`, which `json.dumps` does not take: see `transcode.json_text`.
    """
    form: dict[str, Any] = {"type": schema.type}
    if schema.type == "struct":
        form["fields"] = [
            json_form(one.schema, numeric_decimals=numeric_decimals) | {"field": one.name} for one in schema.fields
        ]
    if schema.type == "map":
        form["keys"] = json_form(ConnectSchema("string"))
    if schema.items is not None:
        form[_ITEMS[schema.type]] = json_form(schema.items, numeric_decimals=numeric_decimals)
    form["optional"] = schema.optional
    for key in ("name", "version", "doc"):
        if getattr(schema, key) is not None:
            form[key] = getattr(schema, key)
    if schema.parameters is not None:
        form["parameters"] = dict(schema.parameters)
    if schema.default is not MISSING and schema.default is not None:
        form["default"] = _default_form(schema, numeric_decimals)
    return form


def _default_form(schema: ConnectSchema, numeric_decimals: bool) -> Any:
    value = schema.default
    if not isinstance(value, bytes):
        return value
    scale = schema.decimal_scale
    if scale is None or not numeric_decimals:
        return base64.b64encode(value).decode("ascii")
    return decimal_of(value, scale)


def decimal_of(unscaled: bytes, scale: int) -> Decimal:
    """Return the number of a Decimal's bytes, exactly `scale` fraction digits whatever its size."""
    number = int.from_bytes(unscaled, "big", signed=True)
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))
