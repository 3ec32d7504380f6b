"""The option sets over which the permanent comparison rotates. Append; nothing else knows their names.

Both connectors get the same options. A set with converters of its own names them for each side, as their settings
differ (Apicurio's converter needs three more to write Confluent's wire format).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OptionSet:
    """One configuration under which every record is compared."""

    options: Mapping[str, str]
    theirs: Mapping[str, str] = field(default_factory=dict)
    """On top, for Debezium only."""
    ours: Mapping[str, str] = field(default_factory=dict)
    """On top, for us only."""
    wire: str = "avro"
    """How records are read back: of `wires.WIRES`."""


_NULL_OUTSIDE = {"event.converting.failure.handling.mode": "warn"}
"""Debezium's default, under which a time that the mode cannot hold is null on both sides; ours stops there."""

OPTION_SETS: dict[str, OptionSet] = {
    "defaults": OptionSet({}),
    "connect": OptionSet(
        {
            "time.precision.mode": "connect",
            **_NULL_OUTSIDE,
            "decimal.handling.mode": "string",
            "bigint.unsigned.handling.mode": "precise",
            "binary.handling.mode": "base64",
            "tombstones.on.delete": "false",
            "provide.transaction.metadata": "true",
        }
    ),
    "isostring": OptionSet(
        {
            "time.precision.mode": "isostring",
            **_NULL_OUTSIDE,
            "decimal.handling.mode": "double",
            "binary.handling.mode": "hex",
            "schema.name.adjustment.mode": "avro_unicode",
            "field.name.adjustment.mode": "avro_unicode",
            "enable.time.adjuster": "false",
        }
    ),
    "nanoseconds": OptionSet(
        {
            "time.precision.mode": "nanoseconds",
            **_NULL_OUTSIDE,
            "binary.handling.mode": "base64-url-safe",
            "schema.name.adjustment.mode": "avro",
            "skip.messages.without.change": "true",
            "include.query": "true",
        }
    ),
    "microseconds": OptionSet(
        {"time.precision.mode": "microseconds", "skipped.operations": "none", "field.name.adjustment.mode": "avro"}
    ),
    "operations": OptionSet({"skipped.operations": "u,t", "provide.transaction.metadata": "true"}),
}
"""Name, which becomes a part of the topic prefix → the set."""


def rotation(start: int, count: int) -> list[str]:
    """Return `count` names, the one after the other from place `start` on, round and round."""
    names = list(OPTION_SETS)
    return [names[(start + place) % len(names)] for place in range(min(count, len(names)))]
