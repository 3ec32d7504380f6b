"""Semantic type names of Debezium and Kafka Connect, and the rules by which Connect names become Avro names.

Source: Debezium 3.6.1 `io.debezium.data.*`, `io.debezium.time.*`, `io.debezium.schema.AbstractTopicNamingStrategy`;
Confluent and Apicurio `AvroData` (a record's full name is the Connect schema name, split at its last dot).
"""

from __future__ import annotations

import re
import string
from typing import Final

DECIMAL: Final = "org.apache.kafka.connect.data.Decimal"
BITS: Final = "io.debezium.data.Bits"
ENUM: Final = "io.debezium.data.Enum"
ENUM_SET: Final = "io.debezium.data.EnumSet"
JSON: Final = "io.debezium.data.Json"
UUID: Final = "io.debezium.data.Uuid"
DATE: Final = "io.debezium.time.Date"
MICRO_TIME: Final = "io.debezium.time.MicroTime"
TIMESTAMP: Final = "io.debezium.time.Timestamp"
MICRO_TIMESTAMP: Final = "io.debezium.time.MicroTimestamp"
ZONED_TIMESTAMP: Final = "io.debezium.time.ZonedTimestamp"
YEAR: Final = "io.debezium.time.Year"
POINT: Final = "io.debezium.data.geometry.Point"
GEOMETRY: Final = "io.debezium.data.geometry.Geometry"
FLOAT_VECTOR: Final = "io.debezium.data.FloatVector"
NANO_TIME: Final = "io.debezium.time.NanoTime"
NANO_TIMESTAMP: Final = "io.debezium.time.NanoTimestamp"
ISO_DATE: Final = "io.debezium.time.IsoDate"
ISO_TIME: Final = "io.debezium.time.IsoTime"
ISO_TIMESTAMP: Final = "io.debezium.time.IsoTimestamp"
CONNECT_DATE: Final = "org.apache.kafka.connect.data.Date"
CONNECT_TIME: Final = "org.apache.kafka.connect.data.Time"
CONNECT_TIMESTAMP: Final = "org.apache.kafka.connect.data.Timestamp"

LOGICAL_TYPES: Final = {
    DECIMAL: "decimal",
    CONNECT_DATE: "date",
    CONNECT_TIME: "time-millis",
    CONNECT_TIMESTAMP: "timestamp-millis",
}
"""Avro's logical types of Connect's own semantic types; Debezium's types have none."""

DEBEZIUM_VERSION: Final = "3.6.1.Final"
"""What the `source.version` field says: the version whose events ours are compatible with."""

_AVRO_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ADJUSTMENTS: Final = ("none", "avro", "avro_unicode")


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
    """Return the Avro field name of column `name` under `field.name.adjustment.mode`.

    "none" leaves it; "avro" puts `_` for each illegal character and before a leading digit (`1st col` becomes
    `_1st_col`); "avro_unicode" puts `_uXXXX` for each of them and for `_` itself (`_u0031st_u0020col`).
    Raises ValueError for another mode.
    """
    return _adjust(name, mode, "")


def adjust_schema_name(name: str, mode: str) -> str:
    """Return the Connect schema name under `schema.name.adjustment.mode`; dots stay. Raises ValueError.

    Only the first character of the whole name counts as leading, as in Debezium's `SchemaNameAdjuster`.
    """
    return _adjust(name, mode, ".")


def _adjust(name: str, mode: str, also_legal: str) -> str:
    if mode not in _ADJUSTMENTS:
        raise ValueError(f"name adjustment mode {mode!r} is not one of {', '.join(_ADJUSTMENTS)}")
    if mode == "none" or not name:
        return name
    escapes = mode == "avro_unicode"
    legal = _LETTERS if escapes else _LETTERS | {"_"}
    replace = _unicode_escape if escapes else _underscore
    later = legal | _DIGITS | set(also_legal)
    first = name[0] if name[0] in legal else replace(name[0])
    if name[0] in _DIGITS and not escapes:
        first += name[0]  # so that fields which differ in their leading digit alone stay different
    return first + "".join(one if one in later else replace(one) for one in name[1:])


_LETTERS: Final = frozenset(string.ascii_letters)
_DIGITS: Final = frozenset(string.digits)


def _utf16_units(character: str) -> list[int]:
    data = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[start : start + 2], "big") for start in range(0, len(data), 2)]


def _underscore(character: str) -> str:
    # Java replaces UTF-16 units: a character outside the basic plane becomes two.
    return "_" * len(_utf16_units(character))


def _unicode_escape(character: str) -> str:
    # Debezium pads to four digits only what has two: U+0142 is _u142.
    texts = (f"{unit:x}" for unit in _utf16_units(character))
    return "".join(f"_u00{text}" if len(text) <= 2 else f"_u{text}" for text in texts)
