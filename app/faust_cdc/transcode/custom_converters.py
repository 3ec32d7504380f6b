"""The CustomConverters that Debezium 3.6.1 ships: what the columns they take become.

A converter is spent when a plan is built: the column's `Mapping` is replaced, so other columns cost nothing. Source:
`io.debezium.connector.binlog.converters.*`. Debezium's converters get a column's raw value, and that is not the same
in its snapshot and its stream (unsigned numbers come negative from the binlog, labels as their number, text undecoded,
BIT as an unknown object): here both paths give what the documented rule makes of the true value. A selector that
takes a column of which Debezium makes a constant is refused: no value would be left.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from faust_cdc.config.custom_converters import (
    CustomConverter,
    JdbcSinkDataTypes,
    TinyIntOneToBoolean,
    ZeroDateFallback,
    fallback_date,
    fallback_datetime,
    fallback_timestamp,
)
from faust_cdc.errors import UnsupportedColumn
from faust_cdc.relational.model import Column, TableId
from faust_cdc.transcode.forms import Encode, Form
from faust_cdc.transcode.java_text import decimal_text, double_text, float_text, narrowed
from faust_cdc.transcode.mapping import CHARACTER_TYPES, Kind, Mapping, mapping_of
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.temporal import EPOCH_ORDINAL, iso_utc
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_avro import MISSING

CHARACTER_SET: Final = "__debezium.source.column.character_set"
"""Schema parameter that `selector.string` adds."""

_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_BINARIES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})


def custom_mapping(column: Column, table_id: TableId, options: TranscodeOptions) -> Mapping | None:
    """Return what the first converter that takes `column` makes of it, None when none does.

    Raises UnsupportedColumn for a column whose type the selecting option has no values for.
    """
    for converter in options.custom_converters:
        mapping = _mapping_by(converter, column, table_id, options)
        if mapping is not None:
            return mapping
    return None


def zero_date_rules(mapping: Mapping, optional: bool, default: Any) -> tuple[bool, Any]:
    """Return nullability and default of a column whose zero dates become `mapping.zero`.

    A column that may become null may be null; a default becomes the fallback, whatever it was.
    """
    if mapping.zero is None:
        return True, MISSING
    return optional, default if default is MISSING else mapping.zero


def _mapping_by(
    converter: CustomConverter, column: Column, table_id: TableId, options: TranscodeOptions
) -> Mapping | None:
    name = f"{table_id}.{column.name}"
    if isinstance(converter, TinyIntOneToBoolean):
        return _boolean_of_tinyint(converter, column, name)
    if isinstance(converter, ZeroDateFallback):
        return _zero_date(converter, column, name)
    return _jdbc_sink(converter, column, name, options)


def _boolean_of_tinyint(converter: TinyIntOneToBoolean, column: Column, name: str) -> Mapping | None:
    if column.type_name != "tinyint" or "zerofill" in column.type_expression.lower():
        return None
    if (converter.length_checker and column.length != 1) or not converter.selector.matches(name):
        return None
    return Mapping(Kind.INTEGER, "boolean", convert=lambda value: value > 0)


def _jdbc_sink(converter: JdbcSinkDataTypes, column: Column, name: str, options: TranscodeOptions) -> Mapping | None:
    if converter.boolean.matches(name):
        mapping, what = _flag(column), "selector.boolean"
    elif converter.real.matches(name):
        mapping, what = _real(column, converter.real_as_double), "selector.real"
    elif converter.string.matches(name):
        mapping, what = _string(column, name, options), "selector.string"
    else:
        return None
    if mapping is None:
        raise UnsupportedColumn(
            f"{name}: {what} of the JdbcSinkDataTypesConverter selects it, but there is no such value of "
            f"{column.type_expression or column.type_name}: every row would get the same.",
            remedy=f"narrow {what}, so that it does not match the column",
        )
    return mapping


def _as_int(value: int) -> int:
    """Return the lower 32 bits as Java's `Number.intValue` does."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def _truncated(scale: int) -> Callable[[int], int]:
    divisor: int = 10**scale
    return lambda unscaled: unscaled // divisor if unscaled >= 0 else -(-unscaled // divisor)


def _flag(column: Column) -> Mapping | None:
    """`selector.boolean`: int16, 1 where the number, cut to an int, is above zero."""
    int16 = Mapping(Kind.INTEGER, "int", connect_type="int16")
    if column.type_name in _INTEGERS:
        kind = Kind.UNSIGNED_LONG if column.type_name == "bigint" and column.unsigned else Kind.INTEGER
        return replace(int16, kind=kind, convert=lambda value: int(_as_int(value) > 0))
    if column.type_name in ("float", "double"):
        kind = Kind.FLOAT if column.type_name == "float" else Kind.DOUBLE
        return replace(int16, kind=kind, convert=lambda value: int(value >= 1))
    if column.type_name == "decimal":
        whole = _truncated(column.scale or 0)
        return replace(
            int16, kind=Kind.DECIMAL, scale=column.scale or 0, convert=lambda value: int(_as_int(whole(value)) > 0)
        )
    if column.type_name == "bit" and (column.length or 1) == 1:
        return replace(int16, kind=Kind.BOOLEAN, convert=int)
    return None


def nearest_float(value: Fraction) -> float:
    """Return the 32-bit float nearest to `value`, the even one of two, as Java's `floatValue` rounds; ±inf beyond."""
    try:
        first: float = struct.unpack("<f", struct.pack("<f", float(value)))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    # Rounding twice, to a double first, may miss by one: compare with the neighbours.
    bits: int = struct.unpack("<i", struct.pack("<f", first))[0]
    near = [bits, *(n for n in (bits - 1, bits + 1) if n & 0x7F800000 != 0x7F800000 and n ^ bits >= 0)]
    floats = {n: struct.unpack("<f", struct.pack("<i", n))[0] for n in near}
    best = min(near, key=lambda n: (abs(Fraction(floats[n]) - value), n & 1))
    return float(floats[best])


def _real(column: Column, as_double: bool) -> Mapping | None:
    """`selector.real`: float64, or float32 without `treat.real.as.double`."""
    avro = "double" if as_double else "float"
    if column.type_name in ("float", "double"):
        kind = Kind.FLOAT if column.type_name == "float" else Kind.DOUBLE
        narrow = not as_double or (kind is Kind.FLOAT and column.scale is None)
        # A FLOAT's values are narrow as read; its default is a text.
        return Mapping(kind, avro, convert=narrowed if narrow else None)
    if column.type_name in _INTEGERS:
        kind = Kind.UNSIGNED_DECIMAL if column.type_name == "bigint" and column.unsigned else Kind.INTEGER
        return Mapping(kind, avro, convert=_quotient(1, as_double))
    if column.type_name == "decimal":
        scale = column.scale or 0
        return Mapping(Kind.DECIMAL, avro, scale=scale, convert=_quotient(10**scale, as_double))
    return None


def _quotient(divisor: int, as_double: bool) -> Encode:
    if as_double:
        return lambda value: value / divisor
    return lambda value: nearest_float(Fraction(value, divisor))


def _decimal_text(scale: int) -> Encode:
    def text(unscaled: int) -> str:
        digits = tuple(map(int, str(abs(unscaled))))
        return decimal_text(Decimal((int(unscaled < 0), digits, -scale)))

    return text


def _string(column: Column, name: str, options: TranscodeOptions) -> Mapping | None:
    """`selector.string`: text, with the character set as a schema parameter, null where the type has none."""
    parameters = {CHARACTER_SET: column.charset}
    if column.type_name in CHARACTER_TYPES or column.type_name in ("enum", "set", "json"):
        own = mapping_of(column, options, name.rpartition(".")[0])
        return replace(own, name=None, parameters=parameters)
    if column.type_name in _INTEGERS:
        kind = Kind.UNSIGNED_DECIMAL if column.type_name == "bigint" and column.unsigned else Kind.INTEGER
        return Mapping(kind, "string", parameters=parameters, convert=str)
    if column.type_name == "decimal":
        scale = column.scale or 0
        return Mapping(Kind.DECIMAL, "string", parameters=parameters, scale=scale, convert=_decimal_text(scale))
    if column.type_name in ("float", "double"):
        narrow = column.type_name == "float"
        kind = Kind.FLOAT if narrow else Kind.DOUBLE
        return Mapping(kind, "string", parameters=parameters, convert=float_text if narrow else double_text)
    if column.type_name in _BINARIES:
        kind = Kind.FIXED_BYTES if column.type_name == "binary" else Kind.BYTES
        return Mapping(kind, "string", parameters=parameters, convert=lambda value: value.decode("utf-8", "replace"))
    return None


def _without_trailing_zeros(value: str | None) -> str | None:
    """Print the fraction of an instant with as many digits as it needs, as ISO_OFFSET_DATE_TIME does."""
    if value is None or "." not in value:
        return value
    return value[:-1].rstrip("0").rstrip(".") + "Z"


def _zero_date(converter: ZeroDateFallback, column: Column, name: str) -> Mapping | None:
    kind = column.type_name
    if kind not in converter.target_types or not converter.selector.matches(name):
        return None
    literal = converter.literal(kind, name)
    try:
        return _DATED[kind](column, literal)
    except ValueError as error:
        raise UnsupportedColumn(
            f"{name}: the ZeroDateFallbackConverter's fallback for the column: {error}.",
            remedy=f"correct column.{name}.fallback",
        ) from error


def _date(_column: Column, literal: str | None) -> Mapping:
    zero = None if literal is None else fallback_date(literal).toordinal() - EPOCH_ORDINAL
    return Mapping(Kind.DATE, "int", names.DATE, zero=zero, literal_years=True)


def _datetime(column: Column, literal: str | None) -> Mapping:
    millis = (column.length or 0) <= 3
    zero = None
    if literal is not None:
        moment = fallback_datetime(literal)
        seconds = (moment.toordinal() - EPOCH_ORDINAL) * 86_400 + moment.hour * 3600 + moment.minute * 60
        zero = (seconds + moment.second) * (1000 if millis else 1_000_000)
    if millis:
        return Mapping(Kind.DATETIME, "long", names.TIMESTAMP, form=Form.MILLIS, zero=zero, literal_years=True)
    return Mapping(Kind.DATETIME, "long", names.MICRO_TIMESTAMP, zero=zero, literal_years=True)


def _timestamp(_column: Column, literal: str | None) -> Mapping:
    zero = None
    if literal is not None:
        moment = fallback_timestamp(literal)
        seconds = (moment.toordinal() - EPOCH_ORDINAL) * 86_400 + moment.hour * 3600 + moment.minute * 60
        zero = _without_trailing_zeros(iso_utc(seconds + moment.second, moment.microsecond, 6))
    return Mapping(Kind.TIMESTAMP, "string", names.ZONED_TIMESTAMP, convert=_without_trailing_zeros, zero=zero)


_DATED: Final[dict[str, Callable[[Column, str | None], Mapping]]] = {
    "date": _date,
    "datetime": _datetime,
    "timestamp": _timestamp,
}
