"""The options that shape records; the defaults are Debezium's."""

from __future__ import annotations

from dataclasses import dataclass

from faust_cdc.config.custom_converters import CustomConverter
from faust_cdc.errors import ConfigError
from faust_cdc.relational.columns import EVERY_COLUMN, ColumnSelection

LEGAL = {
    "connector": ("mysql", "mariadb"),
    "time_precision_mode": ("adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"),
    "decimal_handling_mode": ("precise", "string", "double"),
    "bigint_unsigned_handling_mode": ("long", "precise"),
    "binary_handling_mode": ("bytes", "base64", "base64-url-safe", "hex"),
    "schema_name_adjustment": ("none", "avro", "avro_unicode"),
    "field_name_adjustment": ("none", "avro", "avro_unicode"),
}
"""Values that this version carries out, by option."""


@dataclass(frozen=True, slots=True)
class TranscodeOptions:
    """How columns become fields. Spent when a plan is built, never looked at per row."""

    connector: str = "mysql"
    """Which `source` record: "mysql" or "mariadb"."""
    time_precision_mode: str = "adaptive_time_microseconds"
    decimal_handling_mode: str = "precise"
    bigint_unsigned_handling_mode: str = "long"
    binary_handling_mode: str = "bytes"
    enable_time_adjuster: bool = True
    """Years 1–69 of dates read as 20xx, 70–99 as 19xx, as Debezium does by default."""
    schema_name_adjustment: str = "none"
    """"avro": illegal characters of record names become `_`; "avro_unicode": they and `_` become `_uXXXX`."""
    field_name_adjustment: str = "none"
    """As for schema names, with dots illegal too; Debezium switches "avro" on by itself when an Avro converter stands
    in the connector's configuration."""
    avro_names: bool = True
    """Field names must be legal in Avro: keys or values are written as Avro, and the names are not scrubbed."""
    compatible: bool = False
    """`compatibility.mode=debezium`: Debezium's value where ours differs on purpose, as far as the list
    `config/differences.toml` says that the mode covers it."""
    custom_converters: tuple[CustomConverter, ...] = ()
    """The first that takes a column says what it becomes."""
    columns: ColumnSelection = EVERY_COLUMN
    """Column lists, masks and the like, message keys, comments."""

    def __post_init__(self) -> None:
        for option, legal in LEGAL.items():
            found = getattr(self, option)
            if found not in legal:
                raise ConfigError(f"{option.replace('_', '.')} is {found!r}, expected one of {', '.join(legal)}.")
