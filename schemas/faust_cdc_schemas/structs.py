"""Avro types of columns that are no primitives: points, geometries, vectors.

Source: Debezium 3.6.1 `io.debezium.data.geometry.Point`, `.Geometry`, `io.debezium.data.vector.FloatVector`; text as
recorded from AvroData.
"""

from __future__ import annotations

from typing import Any

from faust_cdc_schemas import names
from faust_cdc_schemas.connect_avro import field, record


def point_schema() -> dict[str, Any]:
    """Return the record of a POINT."""
    fields = [field("x", "double"), field("y", "double")]
    fields += [field("wkb", "bytes", optional=True), field("srid", "int", optional=True)]
    return record(names.POINT, fields, version=1, doc="Geometry (POINT)")


def geometry_schema() -> dict[str, Any]:
    """Return the record of any other geometry."""
    fields = [field("wkb", "bytes"), field("srid", "int", optional=True)]
    return record(names.GEOMETRY, fields, version=1, doc="Geometry")


def float_vector_schema() -> dict[str, Any]:
    """Return the array of a VECTOR."""
    return {"type": "array", "items": "float", "connect.version": 1, "connect.name": names.FLOAT_VECTOR}


SCHEMAS = {
    names.POINT: point_schema,
    names.GEOMETRY: geometry_schema,
    names.FLOAT_VECTOR: float_vector_schema,
}
"""By semantic name."""


def with_parameters(schema: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """Return a structured type with Connect's schema parameters, which stand behind its version."""
    if not parameters:
        return schema
    result = {}
    for name, value in schema.items():
        result[name] = value
        if name == "connect.version":
            result["connect.parameters"] = dict(parameters)
    return result


def defined_once(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a record's fields with each named record written out where it stands first and named after that."""
    seen: set[str] = set()

    def once(avro_type: Any) -> Any:
        if isinstance(avro_type, list):
            return [once(one) for one in avro_type]
        if not isinstance(avro_type, dict) or avro_type["type"] != "record":
            return avro_type
        full_name = f"{avro_type['namespace']}.{avro_type['name']}"
        if full_name in seen:
            return full_name
        seen.add(full_name)
        return avro_type

    return [{**one, "type": once(one["type"])} for one in fields]
