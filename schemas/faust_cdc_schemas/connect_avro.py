"""Avro types with Connect's properties, written in the very order in which AvroData writes them.

A schema registry compares schemas as text, so the order matters: (Decimal: `scale`, `precision`), `connect.doc`,
`connect.version`, `connect.parameters`, `connect.default`, `connect.name`, `connect.type`, `logicalType`. An optional
type is `["null", T]` with default null, an optional type with a default `[T, "null"]` with that default.
Source: recorded output of Apicurio's `AvroData` 2.6.13, the same algorithm as Confluent's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faust_cdc_schemas import names

AvroType = dict[str, Any] | str | list[Any]
"""An Avro schema as parsed JSON."""


class _Missing:
    """Type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
"""No default at all; None would be the default null."""


def primitive(
    avro_type: str,
    *,
    name: str | None = None,
    version: int | None = None,
    parameters: Mapping[str, str | None] | None = None,
    default: Any = MISSING,
    connect_type: str | None = None,
    doc: str | None = None,
) -> AvroType:
    """Return an Avro primitive carrying Connect's properties; a bare string when there are none."""
    result: dict[str, Any] = {"type": avro_type}
    if name == names.DECIMAL and parameters is not None:
        result["scale"] = int(parameters["scale"] or 0)
        result["precision"] = int(parameters["connect.decimal.precision"] or 0)
    if doc is not None:
        result["connect.doc"] = doc
    if version is not None:
        result["connect.version"] = version
    if parameters:
        result["connect.parameters"] = dict(parameters)
    if default is not MISSING:
        result["connect.default"] = default
    if name is not None:
        result["connect.name"] = name
    if connect_type is not None:
        result["connect.type"] = connect_type
    if name in names.LOGICAL_TYPES:
        result["logicalType"] = names.LOGICAL_TYPES[name]
    return avro_type if len(result) == 1 else result


def field(name: str, avro_type: AvroType, *, optional: bool = False, default: Any = MISSING) -> dict[str, Any]:
    """Return a record field: required, optional, with or without a default (given in Avro's JSON form)."""
    if not optional:
        result: dict[str, Any] = {"name": name, "type": avro_type}
        if default is not MISSING:
            result["default"] = default
        return result
    if default is MISSING:
        return {"name": name, "type": ["null", avro_type], "default": None}
    return {"name": name, "type": [avro_type, "null"], "default": default}


def record(
    full_name: str,
    fields: Sequence[Mapping[str, Any]],
    *,
    version: int | None = None,
    doc: str | None = None,
    enclosing_namespace: str | None = None,
) -> dict[str, Any]:
    """Return a record named `full_name`; the namespace is left out where the enclosing record has the same."""
    namespace, name = names.split_full_name(full_name)
    result: dict[str, Any] = {"type": "record", "name": name}
    if namespace is not None and namespace != enclosing_namespace:
        result["namespace"] = namespace
    result["fields"] = [dict(one) for one in fields]
    if doc is not None:
        result["connect.doc"] = doc
    if version is not None:
        result["connect.version"] = version
    result["connect.name"] = full_name
    return result
