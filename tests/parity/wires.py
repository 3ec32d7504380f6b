"""How records of one converter are read back: value and schema, from bytes."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any, Protocol

import fastavro

from tests.oracle.topics import AvroDecoder


class Wire(Protocol):
    """What the comparison asks of a converter's bytes."""

    def decode(self, raw: bytes) -> Any:
        """Return the value."""

    def schema(self, raw: bytes) -> Any:
        """Return the schema as JSON, property order kept; None when the bytes carry none."""

    def schema_id(self, raw: bytes) -> object:
        """Return what tells this schema from others: equal for equal schemas of one side."""


class AvroWire:
    """0x00, four bytes of schema id, Avro; schemas from a registry.

    Values are read without their logical types: as written, where a decoder's idea of a time could not hold them.
    """

    def __init__(self, registry_url: str) -> None:
        self._decoder = AvroDecoder(registry_url)
        self._plain: dict[bytes, Any] = {}

    def decode(self, raw: bytes) -> Any:
        schema_id = raw[:5]
        if schema_id not in self._plain:
            self._plain[schema_id] = fastavro.parse_schema(without_logical_types(self.schema(raw)))
        body = BytesIO(raw[5:])
        value = fastavro.schemaless_reader(body, self._plain[schema_id], None)
        left = body.read()
        assert not left, f"{len(left)} bytes left over"
        return value

    def schema(self, raw: bytes) -> Any:
        return self._decoder.schema(raw)

    def schema_id(self, raw: bytes) -> object:
        return raw[:5]


def without_logical_types(schema: Any) -> Any:
    """Return an Avro schema whose types are only themselves."""
    if isinstance(schema, list):
        return [without_logical_types(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: without_logical_types(one) for name, one in schema.items() if name != "logicalType"}


class JsonWire:
    """JsonConverter: `{"schema": …, "payload": …}`, or the payload alone when `schemas.enable` is false."""

    def __init__(self, _registry_url: str = "") -> None:
        self._enclosed = frozenset({"schema", "payload"})

    def decode(self, raw: bytes) -> Any:
        parsed = json.loads(raw)
        return parsed["payload"] if self._is_enclosed(parsed) else parsed

    def schema(self, raw: bytes) -> Any:
        parsed = json.loads(raw)
        return parsed["schema"] if self._is_enclosed(parsed) else None

    def schema_id(self, raw: bytes) -> object:
        return json.dumps(self.schema(raw))

    def _is_enclosed(self, parsed: Any) -> bool:
        return isinstance(parsed, dict) and parsed.keys() == self._enclosed


WIRES = {"avro": AvroWire, "json": JsonWire}
"""By `OptionSet.wire`; each is made from the address of the registry's Confluent API."""
