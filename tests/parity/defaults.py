"""Defaults of row fields as their Avro schema gives them, read the way values are read."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import fastavro


def default_of(field: dict[str, Any]) -> Any:
    """Return the default of a nullable Avro field in the form in which fastavro decodes its values, else None."""
    branch, default = field["type"], field.get("default")
    if not isinstance(branch, list) or default is None:
        return None
    given = next(one for one in branch if one != "null")
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
