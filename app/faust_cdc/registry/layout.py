"""Whether two Avro schemas lay a record out alike, so that bytes of one can be read with the other."""

from __future__ import annotations

from typing import Any


def layout(schema: Any) -> Any:
    """Return what determines the bytes and the names of values: types, order of fields and of union branches.

    Names of records, defaults, logical types and other properties are left out; a record that is named again is its
    number.
    """
    return _layout(schema, {}, None)


def _layout(schema: Any, seen: dict[str, int], namespace: str | None) -> Any:
    if isinstance(schema, list):
        return [_layout(one, seen, namespace) for one in schema]
    if isinstance(schema, str):
        number = seen.get(schema, seen.get(f"{namespace}.{schema}"))
        return schema if number is None else number
    kind = schema["type"]
    if kind in ("record", "enum", "fixed"):
        namespace = schema.get("namespace", namespace)
        name = schema["name"] if "." in schema["name"] or not namespace else f"{namespace}.{schema['name']}"
        seen[name] = len(seen)
    if kind == "record":
        return [[one["name"], _layout(one["type"], seen, namespace)] for one in schema["fields"]]
    if kind in ("array", "map"):
        return {kind: _layout(schema.get("items", schema.get("values")), seen, namespace)}
    if kind in ("enum", "fixed"):
        return {kind: schema.get("symbols", schema.get("size"))}
    return _layout(kind, seen, namespace)
