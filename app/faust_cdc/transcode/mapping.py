"""What each MySQL type becomes: the Connect type, its semantic name, and the Avro type it is written as.

Source: Debezium 3.6.1 `BinlogValueConverters.schemaBuilder` and `JdbcValueConverters`, recorded from real runs.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.mysql.charsets import decoder
from faust_cdc.relational.model import Column
from faust_cdc.transcode.forms import Encode, Form
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_avro import MISSING


class Kind(enum.Enum):
    """How a cell is read, from a row image or from text, and what it is in Avro."""

    INTEGER = "integer"
    UNSIGNED_LONG = "unsigned long"
    """BIGINT UNSIGNED as two's complement in a signed long."""
    UNSIGNED_DECIMAL = "unsigned decimal"
    """BIGINT UNSIGNED as a number of its own size."""
    FLOAT = "float"
    """Four bytes on the wire, float or (with M,D) double in Avro."""
    DOUBLE = "double"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    """BIT(1)."""
    BITS = "bits"
    YEAR = "year"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    TIMESTAMP = "timestamp"
    STRING = "string"
    FIXED_BYTES = "bytes, padded"
    """BINARY(n): the wire leaves trailing zero bytes out."""
    BYTES = "bytes"
    ENUM = "enum"
    SET = "set"
    JSON = "json"
    POINT = "point"
    GEOMETRY = "geometry"
    VECTOR = "vector"
    UUID = "uuid"
    INET4 = "inet4"
    INET6 = "inet6"


@dataclass(frozen=True, slots=True)
class Mapping:
    """What one column becomes."""

    kind: Kind
    avro: str
    """Avro primitive (int, long, float, double, boolean, bytes, string), or `record` and `array`: see `structured`."""
    name: str | None = None
    """Semantic type name (`connect.name`); versioned 1 where there is one."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Schema parameters: texts, or None where a custom converter has none to give."""
    connect_type: str | None = None
    form: Form = Form.AS_IS
    """What the modes make of the value that was read."""
    scale: int = 0
    """Fraction digits of a decimal."""
    labels: tuple[str, ...] = ()
    """What each label of an ENUM or SET is written as, in definition order."""
    convert: Encode | None = None
    """What a custom converter makes of the value that `form` gave, as the very last step; None: nothing."""
    zero: Any = MISSING
    """What a custom converter makes of zero dates (None: null); `MISSING`: the column's own rule."""
    literal_years: bool = False
    """Years below 100 stay as they are, whatever `enable.time.adjuster` says."""

    @property
    def structured(self) -> bool:
        """The type is `structs.SCHEMAS[name]`, no primitive."""
        return self.avro in ("record", "array")


_INT16 = Mapping(Kind.INTEGER, "int", connect_type="int16")
_INT32 = Mapping(Kind.INTEGER, "int")
_INT64 = Mapping(Kind.INTEGER, "long")
_STRING = Mapping(Kind.STRING, "string")

_INTEGERS = {
    "tinyint": (_INT16, _INT16),
    "smallint": (_INT16, _INT32),
    "mediumint": (_INT32, _INT32),
    "int": (_INT32, _INT64),
    "bigint": (_INT64, Mapping(Kind.UNSIGNED_LONG, "long")),
}
"""(signed, unsigned) by type."""

CHARACTER_TYPES = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
BLOB_TYPES = frozenset({"tinyblob", "blob", "mediumblob", "longblob"})


def escape_label(label: str) -> str:
    """Return an ENUM or SET label as it stands in the parameter `allowed`: `,` and backslash escaped."""
    return label.replace("\\", "\\\\").replace(",", "\\,")


def _exact(kind: Kind, precision: int, scale: int) -> Mapping:
    parameters = {"scale": str(scale), "connect.decimal.precision": str(precision)}
    return Mapping(kind, "bytes", names.DECIMAL, parameters, form=Form.UNSCALED, scale=scale)


def _decimal(column: Column, options: TranscodeOptions) -> Mapping:
    scale = column.scale or 0
    if options.decimal_handling_mode == "string":
        return Mapping(Kind.DECIMAL, "string", form=Form.PLAIN_TEXT, scale=scale)
    if options.decimal_handling_mode == "double":
        return Mapping(Kind.DECIMAL, "double", form=Form.NEAREST_DOUBLE, scale=scale)
    return _exact(Kind.DECIMAL, column.length or 10, scale)


_BIGINT_UNSIGNED_DIGITS = 20

_BINARY_FORMS = {
    "base64": Form.BASE64,
    "base64-url-safe": Form.BASE64_URL_SAFE,
    "hex": Form.HEX,
}
"""By `binary.handling.mode`, `bytes` aside."""


def _binary(kind: Kind, options: TranscodeOptions) -> Mapping:
    form = _BINARY_FORMS.get(options.binary_handling_mode)
    return Mapping(kind, "bytes") if form is None else Mapping(kind, "string", form=form)


def _float(column: Column, _options: TranscodeOptions) -> Mapping:
    return Mapping(Kind.FLOAT, "float" if column.scale is None else "double")


def _bit(column: Column, _options: TranscodeOptions) -> Mapping:
    length = column.length or 1
    if length == 1:
        return Mapping(Kind.BOOLEAN, "boolean")
    return Mapping(Kind.BITS, "bytes", names.BITS, {"length": str(length)})


_DATES = {
    "connect": Mapping(Kind.DATE, "int", names.CONNECT_DATE),
    "isostring": Mapping(Kind.DATE, "string", names.ISO_DATE, form=Form.ISO_DATE),
}
_DATE = Mapping(Kind.DATE, "int", names.DATE)
_TIMES = {
    "connect": Mapping(Kind.TIME, "int", names.CONNECT_TIME, form=Form.TIME_MILLIS),
    "isostring": Mapping(Kind.TIME, "string", names.ISO_TIME, form=Form.ISO_TIME),
    "nanoseconds": Mapping(Kind.TIME, "long", names.NANO_TIME, form=Form.TIME_NANOS),
}
_TIME = Mapping(Kind.TIME, "long", names.MICRO_TIME)
_DATETIMES = {
    "connect": Mapping(Kind.DATETIME, "long", names.CONNECT_TIMESTAMP, form=Form.MILLIS),
    "isostring": Mapping(Kind.DATETIME, "string", names.ISO_TIMESTAMP, form=Form.ISO_DATETIME),
    "nanoseconds": Mapping(Kind.DATETIME, "long", names.NANO_TIMESTAMP, form=Form.NANOS),
}
_DATETIME_MS = Mapping(Kind.DATETIME, "long", names.TIMESTAMP, form=Form.MILLIS)
_DATETIME_US = Mapping(Kind.DATETIME, "long", names.MICRO_TIMESTAMP)


def _date(_column: Column, options: TranscodeOptions) -> Mapping:
    return _DATES.get(options.time_precision_mode, _DATE)


_WRAPPED_TIME = Mapping(Kind.TIME, "string", names.ISO_TIME, form=Form.ISO_TIME_WRAPPED)
_YEAR = Mapping(Kind.YEAR, "int", names.YEAR)
_DEBEZIUM_YEAR = Mapping(Kind.YEAR, "int", names.YEAR, form=Form.DEBEZIUM_YEAR)


def _year(_column: Column, options: TranscodeOptions) -> Mapping:
    return _DEBEZIUM_YEAR if options.compatible else _YEAR


def _time(_column: Column, options: TranscodeOptions) -> Mapping:
    if options.compatible and options.time_precision_mode == "isostring":
        return _WRAPPED_TIME
    return _TIMES.get(options.time_precision_mode, _TIME)


def _datetime(column: Column, options: TranscodeOptions) -> Mapping:
    mode = options.time_precision_mode
    if mode == "adaptive_time_microseconds" and (column.length or 0) <= 3:
        return _DATETIME_MS
    return _DATETIMES.get(mode, _DATETIME_US)


_Builder = Callable[[Column, TranscodeOptions], Mapping]


def _labelled(kind: Kind, name: str) -> _Builder:
    def build(column: Column, options: TranscodeOptions) -> Mapping:
        escaped = tuple(map(escape_label, column.enum_values))
        labels = escaped if options.compatible else column.enum_values
        return Mapping(kind, "string", name, {"allowed": ",".join(escaped)}, labels=labels)

    return build


def _always(mapping: Mapping) -> _Builder:
    return lambda _column, _options: mapping


_GEOMETRY = _always(Mapping(Kind.GEOMETRY, "record", names.GEOMETRY))

_BUILDERS: dict[str, _Builder] = {
    "float": _float,
    "double": _always(Mapping(Kind.DOUBLE, "double")),
    "decimal": _decimal,
    "bit": _bit,
    "year": _year,
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "timestamp": _always(Mapping(Kind.TIMESTAMP, "string", names.ZONED_TIMESTAMP)),
    "binary": lambda _, options: _binary(Kind.FIXED_BYTES, options),
    "varbinary": lambda _, options: _binary(Kind.BYTES, options),
    "enum": _labelled(Kind.ENUM, names.ENUM),
    "set": _labelled(Kind.SET, names.ENUM_SET),
    "json": _always(Mapping(Kind.JSON, "string", names.JSON)),
    "point": _always(Mapping(Kind.POINT, "record", names.POINT)),
    **dict.fromkeys(("geometry", "linestring", "polygon", "geometrycollection"), _GEOMETRY),
    **dict.fromkeys(("multipoint", "multilinestring", "multipolygon"), _GEOMETRY),
    "vector": _always(Mapping(Kind.VECTOR, "array", names.FLOAT_VECTOR)),
    "uuid": _always(Mapping(Kind.UUID, "string", names.UUID)),
    "inet4": _always(Mapping(Kind.INET4, "string")),
    "inet6": _always(Mapping(Kind.INET6, "string")),
}


def mapping_of(column: Column, options: TranscodeOptions, where: str) -> Mapping:
    """Return what `column` becomes under `options`; `where` names its table in errors.

    Raises UnsupportedColumn for a type or character set that no operation exists for.
    """
    integers = _INTEGERS.get(column.type_name)
    if integers is not None:
        if column.type_name == "bigint" and column.unsigned and options.bigint_unsigned_handling_mode == "precise":
            return _exact(Kind.UNSIGNED_DECIMAL, _BIGINT_UNSIGNED_DIGITS, 0)
        return integers[column.unsigned]
    if column.type_name in BLOB_TYPES:
        return _binary(Kind.BYTES, options)
    if column.type_name in CHARACTER_TYPES:
        if column.charset is not None and decoder(column.charset) is None:
            raise UnsupportedColumn(
                f"{where}, column {column.name!r}: character set {column.charset!r} is not supported.",
                remedy="exclude the table, or convert the column to utf8mb4",
            )
        return _STRING
    builder = _BUILDERS.get(column.type_name)
    if builder is None:
        raise UnsupportedColumn(
            f"{where}, column {column.name!r}: type {column.type_expression or column.type_name} is not supported.",
            remedy="exclude the table with table.exclude.list",
        )
    return builder(column, options)
