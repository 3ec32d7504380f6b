"""Semantic type names of Debezium and Kafka Connect, and the rules by which Connect names become Avro names.

Source: Debezium 3.6.1 `io.debezium.data.*`, `io.debezium.time.*`, `io.debezium.schema.AbstractTopicNamingStrategy`;
Confluent and Apicurio `AvroData` (a record's full name is the Connect schema name, split at its last dot).
"""

from __future__ import annotations

import re
from typing import Final

DECIMAL: Final = "org.apache.kafka.connect.data.Decimal"
BITS: Final = "io.debezium.data.Bits"
ENUM: Final = "io.debezium.data.Enum"
ENUM_SET: Final = "io.debezium.data.EnumSet"
JSON: Final = "io.debezium.data.Json"
DATE: Final = "io.debezium.time.Date"
MICRO_TIME: Final = "io.debezium.time.MicroTime"
TIMESTAMP: Final = "io.debezium.time.Timestamp"
MICRO_TIMESTAMP: Final = "io.debezium.time.MicroTimestamp"
ZONED_TIMESTAMP: Final = "io.debezium.time.ZonedTimestamp"
YEAR: Final = "io.debezium.time.Year"

DEBEZIUM_VERSION: Final = "3.6.1.Final"
"""What the `source.version` field says: the version whose events ours are compatible with."""

_AVRO_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_INVALID_CHARACTER = re.compile(r"[^A-Za-z0-9_]")


def split_full_name(full_name: str) -> tuple[str | None, str]:
    """Split a Connect schema name at its last dot into Avro's (namespace or None, name)."""
    namespace, dot, name = full_name.rpartition(".")
    return (namespace if dot else None), name


def key_name(topic: str) -> str:
    """Return the full name of the record key of `topic`."""
    return f"{topic}.Key"


def value_name(topic: str) -> str:
    """Return the full name of the row record of `topic`."""
    return f"{topic}.Value"


def envelope_name(topic: str) -> str:
    """Return the full name of the change event envelope of `topic`."""
    return f"{topic}.Envelope"


def is_avro_name(name: str) -> bool:
    """Say whether `name` may stand as an Avro field or record name."""
    return _AVRO_NAME.match(name) is not None


def adjust_field_name(name: str, mode: str) -> str:
    """Return the Avro field name of column `name` under `field.name.adjustment.mode` ("none" or "avro").

    "avro" puts `_` for each illegal character and before a leading digit: `1st col` becomes `_1st_col`.
    Raises ValueError for another mode.
    """
    if mode == "none":
        return name
    if mode != "avro":
        raise ValueError(f"field name adjustment mode {mode!r} is not one of 'none', 'avro'")
    adjusted = _INVALID_CHARACTER.sub("_", name)
    return f"_{adjusted}" if adjusted[:1].isdigit() else adjusted


def adjust_schema_name(name: str, mode: str) -> str:
    """Return the Connect schema name under `schema.name.adjustment.mode`; dots stay. Raises ValueError."""
    return ".".join(adjust_field_name(part, mode) for part in name.split("."))
