"""The database as oracle: for each type an expression that asks for its value another way than our snapshot does."""

import json
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from faust_cdc.relational.model import Column

_FLOAT = struct.Struct("<f")

Same = Callable[[Any, str], bool]
"""(decoded Avro value, the server's text) → whether they say the same."""


def _text(value: Any, answer: str) -> bool:
    return str(value) == answer


def _utf8_hex(value: Any, answer: str) -> bool:
    return str(value).encode().hex().upper() == answer


def _bytes_hex(value: Any, answer: str) -> bool:
    return bytes(value).hex().upper() == answer


def _float32(value: Any, answer: str) -> bool:
    return struct.pack("<f", value) == struct.pack("<f", float(answer))


def _bits(value: Any, answer: str) -> bool:
    number = int(value) if isinstance(value, bool) else int.from_bytes(value, "little")
    return number == int(answer)


def _json(value: Any, answer: str) -> bool:
    return bool(json.loads(value) == json.loads(answer))


def _geometry(value: Any, answer: str) -> bool:
    return bool((struct.pack("<i", value["srid"] or 0) + value["wkb"]).hex().upper() == answer)


def _vector(value: Any, answer: str) -> bool:
    return list(map(_FLOAT.pack, value)) == list(map(_FLOAT.pack, json.loads(answer)))


def _time(value: Any, answer: str) -> bool:
    sign, seconds, micros = answer.split(" ")
    return bool(value == int(sign) * (abs(int(seconds)) * 1_000_000 + int(micros)))


_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year"})
_CHARACTERS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})


def question(column: Column) -> tuple[str, Same]:
    """Return (SQL expression, comparison) for the values of `column`. Raises KeyError for a type without one."""
    name, quoted = column.type_name, f"`{column.name}`"
    if name == "bigint" and column.unsigned:
        return f"CAST({quoted} AS CHAR)", lambda value, answer: int(value) % (1 << 64) == int(answer)
    if name in _INTEGERS:
        return f"CAST({quoted} AS CHAR)", lambda value, answer: int(value) == int(answer)
    if name in _CHARACTERS:
        return f"HEX(CONVERT({quoted} USING utf8mb4))", _utf8_hex
    if name in _BYTES:
        return f"HEX({quoted})", _bytes_hex
    if name in ("date", "datetime", "timestamp"):
        return _moment(column, quoted)
    return _OTHERS.get(name, ("HEX({})", _geometry))[0].format(quoted), _OTHERS.get(name, ("", _geometry))[1]


def _moment(column: Column, quoted: str) -> tuple[str, Same]:
    if column.type_name == "date":
        return f"TO_DAYS({quoted}) - 719528", _text
    if column.type_name == "datetime":
        return f"TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', {quoted})", _text
    digits = column.length or 0
    form = f"IF(UNIX_TIMESTAMP({quoted}) = 0, NULL, DATE_FORMAT({quoted}, '%Y-%m-%dT%H:%i:%s.%f'))"
    return form, lambda value, answer: value == (answer[: 20 + digits] if digits else answer[:19]) + "Z"


_OTHERS: dict[str, tuple[str, Same]] = {
    "decimal": ("CAST({} AS CHAR)", lambda value, answer: Decimal(value) == Decimal(answer)),
    "float": ("CAST({} AS DOUBLE)", _float32),
    "double": (
        "CAST({} AS DOUBLE)",
        lambda value, answer: struct.pack("<d", value) == struct.pack("<d", float(answer)),
    ),
    "bit": ("CAST({} AS UNSIGNED)", _bits),
    "time": (
        "CONCAT(IF(LEFT(CAST({0} AS CHAR), 1) = '-', -1, 1), ' ', CAST(TRUNCATE(TIME_TO_SEC({0}), 0) AS SIGNED), ' ', "
        "MICROSECOND({0}))",
        _time,
    ),
    "json": ("CAST({} AS CHAR)", _json),
    "vector": ("VECTOR_TO_STRING({})", _vector),
}
