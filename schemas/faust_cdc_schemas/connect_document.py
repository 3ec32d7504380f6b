"""The Avro document of a Connect schema, as AvroData writes it: the way back from `connect_schema`.

Named records are written out where they stand first and named after that. A struct without a name is called
`ConnectDefault`, as AvroData calls it. Source: Apicurio's `AvroData` 2.6.13, `fromConnectSchemaWithCycle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from faust_cdc_schemas import names
from faust_cdc_schemas.connect_avro import MISSING, AvroType, field
from faust_cdc_schemas.connect_schema import ConnectSchema

_AVRO: Final = {
    "int8": "int",
    "int16": "int",
    "int32": "int",
    "int64": "long",
    "float": "float",
    "double": "double",
    "boolean": "boolean",
    "string": "string",
    "bytes": "bytes",
}
_NAMED_IN_AVRO: Final = ("int8", "int16")
"""Types that Avro lacks: the document names them."""
_UNNAMED: Final = "io.confluent.connect.avro.ConnectDefault"
_PRECISION: Final = 64
"""Of a Decimal whose schema does not tell."""


def avro_document(schema: ConnectSchema) -> AvroType:
    """Return the Avro document of a schema, as parsed JSON."""
    return _written(schema, {}, None)


def _written(schema: ConnectSchema, seen: dict[str, ConnectSchema], namespace: str | None) -> AvroType:
    base = _base(schema, seen, namespace)
    if not schema.optional:
        return base
    return ["null", base] if schema.default is MISSING or schema.default is None else [base, "null"]


def _base(schema: ConnectSchema, seen: dict[str, ConnectSchema], namespace: str | None) -> AvroType:
    if schema.type == "struct":
        return _record(schema, seen, namespace)
    made: dict[str, Any]
    if schema.type in ("array", "map"):
        assert schema.items is not None, f"a schema of type {schema.type} has items"
        made = {"type": schema.type, "items" if schema.type == "array" else "values": None}
        made[next(reversed(made))] = _written(schema.items, seen, namespace)
    else:
        made = {"type": _AVRO[schema.type]}
    made |= _properties(schema)
    return made["type"] if len(made) == 1 else made


def _record(schema: ConnectSchema, seen: dict[str, ConnectSchema], enclosing: str | None) -> AvroType:
    full_name = schema.name or _UNNAMED
    namespace, name = names.split_full_name(full_name)
    if full_name in seen:
        return name if namespace == enclosing else full_name
    seen[full_name] = schema
    made: dict[str, Any] = {"type": "record", "name": name}
    if namespace != enclosing:
        made["namespace"] = namespace or ""
    made["fields"] = [_field(one.name, one.schema, seen, namespace) for one in schema.fields]
    return made | _properties(schema)


def _field(name: str, schema: ConnectSchema, seen: dict[str, ConnectSchema], namespace: str | None) -> dict[str, Any]:
    default = schema.default if schema.default is not None else MISSING
    if default is not MISSING:
        default = _as_json(default)
    return field(name, _base(schema, seen, namespace), optional=schema.optional, default=default)


def _properties(schema: ConnectSchema) -> dict[str, Any]:
    """Return Connect's properties in AvroData's order."""
    made: dict[str, Any] = {}
    parameters: Mapping[str, str] = schema.parameters or {}
    if schema.name == names.DECIMAL:
        made["scale"] = int(parameters.get("scale") or 0)
        made["precision"] = int(parameters.get("connect.decimal.precision") or _PRECISION)
    if schema.doc is not None:
        made["connect.doc"] = schema.doc
    if schema.version is not None:
        made["connect.version"] = schema.version
    if parameters:
        made["connect.parameters"] = dict(parameters)
    if schema.default is not MISSING and schema.default is not None:
        made["connect.default"] = _as_json(schema.default)
    if schema.name is not None:
        made["connect.name"] = schema.name
    if schema.type in _NAMED_IN_AVRO:
        made["connect.type"] = schema.type
    if schema.name in names.LOGICAL_TYPES:
        made["logicalType"] = names.LOGICAL_TYPES[schema.name]
    return made


def _as_json(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value
