"""Schemas as transforms make them: Connect's `SchemaBuilder` and `SchemaUtil` on `ConnectSchema`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, TypeAlias

from faust_cdc.transforms.record import TransformError
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_avro import MISSING
from faust_cdc_schemas.connect_schema import ConnectField, ConnectSchema

STRING: Final = ConnectSchema("string")
OPTIONAL_STRING: Final = ConnectSchema("string", optional=True)
INT32: Final = ConnectSchema("int32")
OPTIONAL_INT32: Final = ConnectSchema("int32", optional=True)
INT64: Final = ConnectSchema("int64")
OPTIONAL_INT64: Final = ConnectSchema("int64", optional=True)
TIMESTAMP: Final = ConnectSchema("int64", name=names.CONNECT_TIMESTAMP, version=1)
DATE: Final = ConnectSchema("int32", name=names.CONNECT_DATE, version=1)
TIME: Final = ConnectSchema("int32", name=names.CONNECT_TIME, version=1)
CACHE_MAX: Final = 1024
"""Schemas that a transform remembers what it made of; there is one per table version."""
KAFKA_NAMES: Final = {"float": "FLOAT32", "double": "FLOAT64"}


Fields: TypeAlias = Iterable[tuple[str, ConnectSchema]]
"""A struct's fields: names with their schemas."""


class Remembered:
    """What was made of schemas, by the schema itself: those of one table version are one object."""

    def __init__(self, make: Callable[[ConnectSchema], ConnectSchema]) -> None:
        self._make = make
        self._made: dict[int, tuple[ConnectSchema, ConnectSchema]] = {}

    def of(self, schema: ConnectSchema) -> ConnectSchema:
        """Return what is made of `schema`."""
        found = self._made.get(id(schema))
        if found is not None:
            return found[1]
        if len(self._made) >= CACHE_MAX:
            self._made.clear()
        made = self._make(schema)
        self._made[id(schema)] = (schema, made)  # the schema is kept, so that its id stays its own
        return made


def struct(fields: Fields, **properties: Any) -> ConnectSchema:
    """Return a struct's schema. Raises TransformError when two fields have one name."""
    made = tuple(ConnectField(name, schema) for name, schema in fields)
    seen: set[str] = set()
    for one in made:
        if one.name in seen:
            raise TransformError(f"Cannot create field because of field name duplication {one.name}")
        seen.add(one.name)
    return ConnectSchema("struct", fields=made, **properties)


def like(
    schema: ConnectSchema, fields: Iterable[tuple[str, ConnectSchema]], *, optional: bool = False
) -> ConnectSchema:
    """Return a struct with the name, version, doc and parameters of another (`SchemaUtil.copySchemaBasics`)."""
    made = struct(fields, name=schema.name, version=schema.version, doc=schema.doc, parameters=schema.parameters)
    return replace(made, optional=optional)


def pairs(schema: ConnectSchema) -> list[tuple[str, ConnectSchema]]:
    """Return a struct's fields as `struct` takes them."""
    return [(one.name, one.schema) for one in schema.fields]


def field_of(schema: ConnectSchema, name: str) -> ConnectSchema | None:
    """Return the schema of a struct's field, None when it has no such field."""
    return next((one.schema for one in schema.fields if one.name == name), None)


def optional(schema: ConnectSchema) -> ConnectSchema:
    """Return the schema's basics, optional and without default."""
    return replace(schema, optional=True, default=MISSING)


def filled(schema: ConnectSchema, value: Any) -> Any:
    """Return a field's value as Java's `Struct.get` does: a null gives way to the schema's default."""
    if value is None and schema.default is not MISSING:
        return schema.default
    return value


def require_struct(value: Any, schema: ConnectSchema | None, purpose: str) -> dict[str, Any]:
    """Return a struct's value. Raises TransformError for anything else."""
    if schema is None:
        found = "null" if value is None else type(value).__name__
        raise TransformError(f"Only Map objects supported in absence of schema for [{purpose}], found: {found}")
    if schema.type != "struct" or not isinstance(value, dict):
        found = "null" if value is None else type_name(schema)
        raise TransformError(f"Only Struct objects supported for [{purpose}], found: {found}")
    return value


def type_name(schema: ConnectSchema) -> str:
    """Return the type as Connect's messages name it."""
    return KAFKA_NAMES.get(schema.type, schema.type.upper())


def is_envelope(schema: ConnectSchema | None) -> bool:
    """Whether a record's value is a change event (`Envelope.isEnvelopeSchema`)."""
    return schema is not None and schema.name is not None and schema.name.endswith(".Envelope")
