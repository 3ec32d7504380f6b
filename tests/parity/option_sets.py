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

    @property
    def compatible(self) -> bool:
        """Whether we are asked for Debezium's value where ours is another on purpose."""
        return self.ours.get("compatibility.mode") == "debezium"

    @property
    def for_theirs(self) -> dict[str, str]:
        """All options of Debezium's side."""
        return {**self.options, **self.theirs}

    @property
    def for_ours(self) -> dict[str, str]:
        """All options of our side; a time that the mode cannot hold is null, as in Debezium by default."""
        warn = {} if self.compatible else {"event.converting.failure.handling.mode": "warn"}
        return {**warn, **self.options, **self.ours}


_JSON = "org.apache.kafka.connect.json.JsonConverter"
_OWN = r".*\.(c|_c|C_|\w+_c)\d*"
"""Columns of the faker by the last digit of their number, which follows; never those that make or name a row."""
_TEXTS = r".*\.(char|varchar|tinytext|text|mediumtext|longtext|enum|set)_\d*"
"""The same of text only: we refuse to leave another column clear under a mask."""
_CONVERTERS = "io.debezium.connector.binlog.converters."
_COMPATIBLE = {"compatibility.mode": "debezium"}

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
    "columns": OptionSet(
        {
            "column.exclude.list": f"{_OWN}3x?",
            "column.mask.hash.SHA-256.with.salt.p.pper": f"{_TEXTS}[0-2]",
            "column.mask.hash.v2.MD5.with.salt.größe": f"{_TEXTS}[34]",
            "column.mask.with.6.chars": f"{_TEXTS}[56]",
            "column.mask.with.0.chars": f"{_TEXTS}7",
            "column.truncate.to.7.chars": f"{_TEXTS}[89],{_OWN}[12]x?",
            "column.propagate.source.type": rf"{_OWN}0x?,.*\.k\d",
            "datatype.propagate.source.type": r".*\.(DECIMAL|TINYTEXT|BIT|INT UNSIGNED|DATETIME|POINT)",
            "include.schema.comments": "true",
            "time.precision.mode": "adaptive_time_microseconds",
        }
    ),
    "keys": OptionSet(
        {
            "message.key.columns": r".*\.([ab]..[0-2]|anchor):rid,c0,_c1 ; .*\.([ab]..[34]|anchor):k0;"
            r".*\.([ab]..5|anchor):c\d*[1-6];.*\.anchor:c7",
            "column.include.list": r".*\.(rid|id|doc|g|b|r|my_row_id|[kea]\d+|.*[0-6]x?)",
            "column.truncate.to.2.chars": f"{_OWN}[24]x?",
            "enable.time.adjuster": "false",  # keys of rewritten years would be other keys
            "skip.messages.without.change": "true",
            "time.precision.mode": "adaptive_time_microseconds",
            "bigint.unsigned.handling.mode": "precise",
            "binary.handling.mode": "hex",
        }
    ),
    "converters": OptionSet(
        {
            "converters": "tiny,zero",
            "tiny.type": "io.debezium.connector.mysql.converters.TinyIntOneToBooleanConverter",
            "zero.type": f"{_CONVERTERS}ZeroDateFallbackConverter",
            "zero.selector": r".*\.(date|timestamp)_\d+",
            "time.precision.mode": "isostring",
        }
    ),
    "json": OptionSet(
        {
            "key.converter": _JSON,
            "value.converter": _JSON,
            "provide.transaction.metadata": "true",
            "include.schema.comments": "true",
        },
        wire="json",
    ),
    "json_plain": OptionSet(
        {
            "key.converter": _JSON,
            "value.converter": _JSON,
            "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
            "value.converter.decimal.format": "NUMERIC",
            "value.converter.replace.null.with.default": "false",
            "time.precision.mode": "connect",
            "enable.time.adjuster": "true",
        },
        wire="json",
    ),
    "compatible": OptionSet({"provide.transaction.metadata": "true"}, ours=_COMPATIBLE),
    "compatible_masks": OptionSet(
        {
            "column.mask.hash.SHA-256.with.salt.x": f"{_TEXTS}[3-9]",
            "column.mask.with.6.chars": f"{_TEXTS}[0-2]",
            "column.propagate.source.type": rf"{_OWN}x?,.*\.[a-z]+_\d+",
            "time.precision.mode": "isostring",
            "binary.handling.mode": "base64",
            "bigint.unsigned.handling.mode": "precise",
        },
        ours=_COMPATIBLE,
    ),
    "compatible_json": OptionSet(
        {
            "key.converter": _JSON,
            "value.converter": _JSON,
            "time.precision.mode": "nanoseconds",
            "decimal.handling.mode": "string",
            "binary.handling.mode": "hex",
        },
        ours=_COMPATIBLE,
        wire="json",
    ),
}
"""Name, which becomes a part of the topic prefix → the set."""


def rotation(start: int, count: int) -> list[str]:
    """Return `count` names, the one after the other from place `start` on, round and round."""
    names = list(OPTION_SETS)
    return [names[(start + place) % len(names)] for place in range(min(count, len(names)))]
