"""What each MySQL type becomes: the Connect type, its semantic name, and the Avro type it is written as.

Source: Debezium 3.6.1 `BinlogValueConverters.schemaBuilder` and `JdbcValueConverters`, recorded from real runs.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.mysql.charsets import decoder
from faust_cdc.relational.model import Column
from faust_cdc_schemas import names


class Kind(enum.Enum):
    """How a cell is read, from a row image or from text, and what it is in Avro."""

    INTEGER = "integer"
    UNSIGNED_LONG = "unsigned long"
    """BIGINT UNSIGNED as two's complement in a signed long."""
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
    DATETIME_MS = "datetime in ms"
    DATETIME_US = "datetime in µs"
    TIMESTAMP = "timestamp"
    STRING = "string"
    FIXED_BYTES = "bytes, padded"
    """BINARY(n): the wire leaves trailing zero bytes out."""
    BYTES = "bytes"
    ENUM = "enum"
    SET = "set"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Mapping:
    """What one column becomes."""

    kind: Kind
    avro: str
    """Avro primitive: int, long, float, double, boolean, bytes or string."""
    name: str | None = None
    """Semantic type name (`connect.name`); versioned 1 where there is one."""
    parameters: dict[str, str] = field(default_factory=dict)
    connect_type: str | None = None


_INT16 = Mapping(Kind.INTEGER, "int", connect_type="int16")
_INT32 = Mapping(Kind.INTEGER, "int")
_INT64 = Mapping(Kind.INTEGER, "long")
_STRING = Mapping(Kind.STRING, "string")
_BYTES = Mapping(Kind.BYTES, "bytes")

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


def _decimal(column: Column) -> Mapping:
    precision, scale = column.length or 10, column.scale or 0
    parameters = {"scale": str(scale), "connect.decimal.precision": str(precision)}
    return Mapping(Kind.DECIMAL, "bytes", names.DECIMAL, parameters)


def _float(column: Column) -> Mapping:
    return Mapping(Kind.FLOAT, "float" if column.scale is None else "double")


def _bit(column: Column) -> Mapping:
    length = column.length or 1
    if length == 1:
        return Mapping(Kind.BOOLEAN, "boolean")
    return Mapping(Kind.BITS, "bytes", names.BITS, {"length": str(length)})


def _datetime(column: Column) -> Mapping:
    if (column.length or 0) <= 3:
        return Mapping(Kind.DATETIME_MS, "long", names.TIMESTAMP)
    return Mapping(Kind.DATETIME_US, "long", names.MICRO_TIMESTAMP)


def _labelled(kind: Kind, name: str) -> Callable[[Column], Mapping]:
    def build(column: Column) -> Mapping:
        return Mapping(kind, "string", name, {"allowed": ",".join(map(escape_label, column.enum_values))})

    return build


_BUILDERS: dict[str, Callable[[Column], Mapping]] = {
    "float": _float,
    "double": lambda _: Mapping(Kind.DOUBLE, "double"),
    "decimal": _decimal,
    "bit": _bit,
    "year": lambda _: Mapping(Kind.YEAR, "int", names.YEAR),
    "date": lambda _: Mapping(Kind.DATE, "int", names.DATE),
    "time": lambda _: Mapping(Kind.TIME, "long", names.MICRO_TIME),
    "datetime": _datetime,
    "timestamp": lambda _: Mapping(Kind.TIMESTAMP, "string", names.ZONED_TIMESTAMP),
    "binary": lambda _: Mapping(Kind.FIXED_BYTES, "bytes"),
    "varbinary": lambda _: _BYTES,
    "enum": _labelled(Kind.ENUM, names.ENUM),
    "set": _labelled(Kind.SET, names.ENUM_SET),
    "json": lambda _: Mapping(Kind.JSON, "string", names.JSON),
}


def mapping_of(column: Column, where: str) -> Mapping:
    """Return what `column` becomes; `where` names its table in errors.

    Raises UnsupportedColumn for a type or character set that no operation exists for.
    """
    integers = _INTEGERS.get(column.type_name)
    if integers is not None:
        return integers[column.unsigned]
    if column.type_name in BLOB_TYPES:
        return _BYTES
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
    return builder(column)
