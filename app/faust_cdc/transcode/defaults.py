"""Column defaults as schema defaults, by the rules of Debezium 3.6.1's `MySqlDefaultValueConverter` (recorded).

No default: no DEFAULT clause, DEFAULT NULL, expression defaults (a geometry or vector has no others), a zero date in a
nullable column, a value that the mode's form cannot hold (9999-12-31 in nanoseconds). `CURRENT_TIMESTAMP` gives the
epoch for DATETIME and TIMESTAMP NOT NULL and nothing for a nullable TIMESTAMP.

Debezium reads literals out of SHOW CREATE TABLE without undoing its escapes, stops BIGINT UNSIGNED defaults at 2^63-1
although values wrap, and makes YEAR 0 the year 2000. We give the value that a row gets, unless
`compatibility.mode=debezium` asks for theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.relational.create_table_text import shown_binary, shown_text
from faust_cdc.relational.model import Column
from faust_cdc.transcode.forms import encoder
from faust_cdc.transcode.java_text import shown_float
from faust_cdc.transcode.mapping import Kind, Mapping
from faust_cdc.transcode.numbers import bits_little_endian, round_half_up
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.temporal import (
    datetime_us_from_text,
    day_from_text,
    time_us_from_text,
    zoned_from_text,
)
from faust_cdc.transcode.text import epoch_of
from faust_cdc_schemas.connect_avro import MISSING

_NOW = re.compile(r"(current_timestamp|now|localtime|localtimestamp)\s*(\(\s*\d*\s*\))?", re.IGNORECASE)
_BIT = re.compile(r"b'([01]*)'|(\d+)", re.IGNORECASE)
_HEX = re.compile(r"0x([0-9a-f]*)|x'([0-9a-f]*)'", re.IGNORECASE)
_LONG_MAX = (1 << 63) - 1


def default_of(column: Column, mapping: Mapping, optional: bool, options: TranscodeOptions, where: str) -> Any:
    """Return the schema default of `column` as an Avro-ready value, or `MISSING`; `where` names its table.

    Raises UnsupportedColumn when the server's default text cannot be read as a value of the type.
    """
    text = column.default
    if not column.has_default or text is None:
        return MISSING
    if _NOW.fullmatch(text) and mapping.kind in _MOMENTS:
        return _now_default(mapping, optional)
    if column.default_is_expression or column.generated or mapping.structured:
        return MISSING
    try:
        debeziums = _debeziums(text, column, mapping) if options.compatible else None
        if debeziums is not None:
            return debeziums
        value = _convert(text, column, mapping, options.enable_time_adjuster)
    except ValueError as error:
        raise UnsupportedColumn(
            f"{where}, column {column.name!r}: default {text!r} is no {mapping.kind.value} ({error}).",
            remedy="change the column's default, or report the table's definition",
        ) from error
    if value is None:
        return MISSING if optional else epoch_of(mapping)
    encode = encoder(mapping.form, mapping.scale)
    encoded = value if encode is None else encode(value)
    if encoded is not None and mapping.convert is not None:
        encoded = mapping.convert(encoded)
        if mapping.avro == "float":
            encoded = shown_float(encoded)
    return MISSING if encoded is None else encoded


def default_as_json(value: Any) -> Any:
    """Return a default as it stands in an Avro schema: bytes as ISO-8859-1 text."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


_MOMENTS = frozenset({Kind.DATE, Kind.DATETIME, Kind.TIMESTAMP})


def _now_default(mapping: Mapping, optional: bool) -> Any:
    if mapping.kind is Kind.DATE or (mapping.kind is Kind.TIMESTAMP and optional):
        return MISSING
    return epoch_of(mapping)


def _convert(text: str, column: Column, mapping: Mapping, adjust_years: bool) -> Any:
    """Return the canonical value of a literal default; None for a zero date. Raises ValueError."""
    kind = mapping.kind
    if kind is Kind.DATE:
        return day_from_text(text.partition(" ")[0], adjust_years)
    if kind is Kind.DATETIME:
        return datetime_us_from_text(text, adjust_years)
    if kind is Kind.TIMESTAMP:
        return zoned_from_text(text)
    if kind is Kind.DECIMAL:
        return round_half_up(text, mapping.scale)
    if kind is Kind.BITS:
        return bits_little_endian(_bits(text), int(mapping.parameters["length"]))
    if kind in (Kind.FIXED_BYTES, Kind.BYTES):
        # information_schema leaves the zero bytes out that pad a BINARY(n).
        return _binary(text).ljust((column.length or 1) if kind is Kind.FIXED_BYTES else 0, b"\x00")
    if kind is Kind.FLOAT and mapping.avro == "float":
        return shown_float(float(text))
    return _LITERALS[kind](text)


def _debeziums(text: str, column: Column, mapping: Mapping) -> Any:
    """Return the default as Debezium 3.6.1 has it where that is not the row's value; None elsewhere."""
    kind = mapping.kind
    if kind is Kind.YEAR and int(text) == 0:
        return 2000
    if kind is Kind.UNSIGNED_LONG:
        return min(int(text), _LONG_MAX)
    if kind in (Kind.STRING, Kind.ENUM, Kind.SET):
        return shown_text(text)
    if kind in (Kind.FIXED_BYTES, Kind.BYTES):
        encode = encoder(mapping.form)
        shown = shown_binary(_convert(text, column, mapping, adjust_years=False)).encode("utf-8")
        return shown if encode is None else encode(shown)
    return None


def _bits(text: str) -> int:
    match = _BIT.fullmatch(text)
    if match is None:
        raise ValueError("expected a bit literal")
    return int(match[1] or "0", 2) if match[2] is None else int(match[2])


def _binary(text: str) -> bytes:
    match = _HEX.fullmatch(text)
    return bytes.fromhex(match[1] or match[2] or "") if match else text.encode("utf-8")


_LITERALS: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.UNSIGNED_LONG: lambda text: (int(text) + _LONG_MAX + 1) % (2 * _LONG_MAX + 2) - _LONG_MAX - 1,
    Kind.UNSIGNED_DECIMAL: int,
    Kind.FLOAT: float,
    Kind.DOUBLE: float,
    Kind.BOOLEAN: lambda text: _bits(text) != 0,
    Kind.YEAR: int,
    Kind.TIME: time_us_from_text,
    Kind.STRING: str,
    Kind.ENUM: str,
    Kind.SET: str,
    Kind.JSON: str,
    Kind.UUID: str,
    Kind.INET4: str,
    Kind.INET6: str,
}
