"""Fields of Avro envelopes, for comparing them one by one."""

from __future__ import annotations

import json
from typing import Any


def row_fields(envelope: Any) -> list[Any]:
    """Return the fields of the row in an envelope's schema, the list itself."""
    fields = envelope["fields"][0]["type"][1]["fields"]
    assert isinstance(fields, list)
    return fields


def with_default(field: Any, default: Any) -> Any:
    """Return an Avro field with another default, where it has one."""
    field = json.loads(json.dumps(field)) | {"default": default}
    for branch in field["type"] if isinstance(field["type"], list) else [field["type"]]:
        if isinstance(branch, dict) and "connect.default" in branch:
            branch["connect.default"] = default
    return field
