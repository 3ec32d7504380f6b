"""Defaults of row fields as their Avro schema gives them, read the way values are read."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import fastavro

from tests.parity.wires import without_logical_types


def default_of(field: dict[str, Any]) -> Any:
    """Return the default of an Avro field in the form in which fastavro decodes its values, None where it has none."""
    branch, default = field["type"], field.get("default")
    if default is None:
        return None
    given = next(one for one in branch if one != "null") if isinstance(branch, list) else branch
    bare = given["type"] if isinstance(given, dict) else given
    raw = BytesIO()
    value = default.encode("latin-1") if bare == "bytes" else default
    fastavro.schemaless_writer(raw, {"type": bare}, value)
    raw.seek(0)
    return fastavro.schemaless_reader(raw, fastavro.parse_schema(given))


def row_defaults(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return field → default of the row in an envelope; other records have none that matter."""
    if not envelope["name"].endswith("Envelope"):
        return {}
    row = next(one for one in envelope["fields"][0]["type"] if one != "null")
    found = {field["name"]: default_of(field) for field in row["fields"]}
    return {name: default for name, default in found.items() if default is not None}


def plain_defaults(fields: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return field → default for the fields of a row or key, of Avro or of JsonConverter.

    Defaults have the form in which `wires` decodes values: without logical types.
    """
    found: dict[str, Any] = {}
    for field in fields:
        if "field" in field:
            name, default = field["field"], field.get("default")
        else:
            name, default = field["name"], default_of(without_logical_types(field))
        if default is not None:
            found[name] = default
    return found
