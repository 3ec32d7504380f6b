"""The seven compatibility levels, decided by Avro's own rules (the `avro` library's reader/writer check).

BACKWARD: the new schema reads what the latest wrote. FORWARD: the latest reads what the new one writes. FULL:
both. `_TRANSITIVE`: against every earlier version instead of the latest. NONE: anything goes. (Confluent
documentation, "Schema Evolution and Compatibility".)

Logical types are taken off before the check: Avro's Java rules ignore them, and the Python library would warn
about each one it does not know.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import avro.compatibility
import avro.errors
import avro.schema

from faust_cdc.registry.canonical import AvroJson, AvroSchema, dump_json


class CompatibilityLevel(enum.StrEnum):
    """How a new version of a subject must relate to the earlier ones."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def transitive(self) -> bool:
        """Whether every earlier version counts, not only the latest."""
        return self.name.endswith("_TRANSITIVE")

    @property
    def backward(self) -> bool:
        """Whether the new schema must read data of the old."""
        return self.name.startswith(("BACKWARD", "FULL"))

    @property
    def forward(self) -> bool:
        """Whether the old schema must read data of the new."""
        return self.name.startswith(("FORWARD", "FULL"))


def incompatibilities(
    new: AvroSchema, earlier: Sequence[tuple[int, AvroSchema]], level: CompatibilityLevel
) -> list[str]:
    """What breaks `level` between `new` and the `(version, schema)` pairs, oldest first; empty if nothing does.

    The list ends with the version that was broken and the level, as Confluent's `details` do.
    """
    if level is CompatibilityLevel.NONE or not earlier:
        return []
    new_parsed = _for_avro(new.document)
    candidates = reversed(earlier) if level.transitive else [earlier[-1]]
    for version, old in candidates:
        old_parsed = _for_avro(old.document)
        problems = []
        if level.backward:
            problems += _cannot_read(new_parsed, "new", old_parsed, "old")
        if level.forward:
            problems += _cannot_read(old_parsed, "old", new_parsed, "new")
        if problems:
            return [*problems, f"{{oldSchemaVersion: {version}}}", f"{{compatibility: '{level}'}}"]
    return []


def _cannot_read(
    reader: avro.schema.Schema, reader_name: str, writer: avro.schema.Schema, writer_name: str
) -> list[str]:
    checker = avro.compatibility.ReaderWriterCompatibilityChecker()
    result = checker.get_compatibility(reader, writer)
    if result.compatibility is avro.compatibility.SchemaCompatibilityType.compatible:
        return []
    kinds = sorted({kind.name.upper() for kind in result.incompatibilities}) or ["TYPE_MISMATCH"]
    messages = sorted(str(message) for message in result.messages)
    places = sorted(str(location) for location in result.locations)
    return [
        f"{{errorType:'{'+'.join(kinds)}', description:'the {reader_name} schema cannot read data of the"
        f" {writer_name} schema at {', '.join(places)}', additionalInfo:'{'; '.join(messages)}'}}"
    ]


def _for_avro(document: AvroJson) -> avro.schema.Schema:
    # Names are checked by `canonical` the way Java does; the library would also refuse `my-shop` as a namespace.
    return avro.schema.parse(dump_json(_without_logical_types(document)), validate_names=False)


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value if key == "default" else _without_logical_types(value)
        for key, value in node.items()
        if key not in ("logicalType", "connect.parameters")
    }
