"""Literals that any column takes, and the questions by which the server says what a row of it holds."""

from __future__ import annotations

import ipaddress
import random
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from faust_cdc.relational.model import Column
from tests.oracle import database

ZERO = "no moment"
"""The server's answer for a zero date or a partial one."""
_EPOCH = "1970-01-01T00:00:00"

_INTEGERS = ("0", "1", "-1", "7", "127", "-128", "255", "40000", "-2000000000", "4000000000", "9223372036854775807")
_TEXTS = ("''", "'a'", "'B b'", "'é'", "'5'", "'2020-01-02'", "'x;y'", "'1.5'")
_BYTES = ("''", "'ab'", "x'41'", "x'30ff00'", "'5'")
_DAYS = ("'2020-01-31'", "'1999-12-31'", "'1970-01-01'", "'2038-01-02'")
_POINT, _LINE = "POINT(1 2)", "LINESTRING(0 0,1 1,2 5)"
_POLYGON = "POLYGON((0 0,4 0,4 4,0 0))"
_SHAPES = {
    "point": _POINT,
    "linestring": _LINE,
    "polygon": _POLYGON,
    "multipoint": "MULTIPOINT((1 2),(3 4))",
    "multilinestring": "MULTILINESTRING((0 0,1 1),(2 2,3 3))",
    "multipolygon": "MULTIPOLYGON(((0 0,4 0,4 4,0 0)))",
    "geometry": _POINT,
    "geomcollection": f"GEOMETRYCOLLECTION({_POINT},{_LINE})",
    "geometrycollection": f"GEOMETRYCOLLECTION({_POINT},{_LINE})",
}
_LITERALS = {
    "decimal": ("0", "1.5", "-3.25", "7", "12345.678"),
    "float": ("0", "1.5", "-2.25", "100"),
    "double": ("0", "1.5", "-2.25", "1e10"),
    "bit": ("b'1'", "b'0'", "b'101'"),
    "year": ("2020", "1999", "0"),
    "date": _DAYS,
    "datetime": (*_DAYS, "'2020-01-31 23:59:59.123456'"),
    "timestamp": ("'2020-01-31'", "'2037-12-31 23:59:59.5'", "'1999-12-31 00:00:01'"),
    "time": ("'01:02:03'", "'-12:30:00.25'", "'100:00:00.5'", "'00:00:00'"),
    "enum": ("1", "2", "1"),
    "set": ("0", "1", "3"),
    "json": ("""'{"a": [1, "x", null]}'""", "'[]'", "'5'", "'\"é\"'"),
    "uuid": ("'123e4567-e89b-12d3-a456-426655440000'", "uuid()"),
    "inet6": ("'::1'", "'2001:db8::ff00:42:8329'"),
    "inet4": ("'1.2.3.4'", "'255.0.0.1'"),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), _BYTES),
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), _TEXTS),
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), _INTEGERS),
}
UUID_DASHES = 4
_AS_TEXT = frozenset({"uuid", "inet6", "inet4"})


def literal(dice: random.Random, column: Column) -> str:
    """Return SQL that gives the column a value; without a strict mode the server makes it fit."""
    if column.nullable and dice.random() < 0.15:
        return "NULL"
    if column.type_name == "vector":
        return f"STRING_TO_VECTOR('[{dice.choice(('1,-2.5', '0,3e30', '7'))}]')"
    if column.type_name in _SHAPES:
        return f"ST_GeomFromText('{_SHAPES[column.type_name]}')"
    return dice.choice(_LITERALS[column.type_name])


@dataclass(frozen=True, slots=True)
class Question:
    """How the server says what a column holds, and when a record says the same."""

    expression: str
    same: Callable[[Any, str], bool]


def question(column: Column) -> Question:
    """Return the question for a column; zero dates have an answer of their own."""
    quoted = "`" + column.name.replace("`", "``") + "`"
    if column.type_name in _AS_TEXT:
        return Question(f"CAST({quoted} AS CHAR)", _same_text)
    if column.type_name == "vector":  # ALTER may leave an empty one, which the server does not print
        return Question(f"HEX({quoted})", lambda value, answer: _packed(value) == answer)
    expression, same = database.question(replace(column, name=column.name.replace("`", "``")))
    if column.type_name in _SHAPES:  # MariaDB has some of no bytes, which its functions take for NULL
        return Question(f"NULLIF({expression}, '')", same)
    if column.type_name not in ("date", "datetime", "timestamp"):
        return Question(expression, same)

    def moment(value: Any, answer: str) -> bool:
        if answer != ZERO:
            return same(value, answer)
        return value is None if column.nullable else value == 0 or str(value).startswith(_EPOCH)

    return Question(f"IF({quoted} IS NULL, NULL, COALESCE({expression}, '{ZERO}'))", moment)


def _same_text(value: Any, answer: str) -> bool:
    """Compare as text, or as bytes: MariaDB's table maps tell of such columns no more than how many they have.

    They are all that is known of a table whose statement is left to the server, when it has another structure by then.
    """
    if isinstance(value, bytes):
        packed = uuid.UUID(answer).bytes if answer.count("-") == UUID_DASHES else ipaddress.ip_address(answer).packed
        return value == packed
    return str(value) == answer


def _packed(values: list[float]) -> str:
    return struct.pack(f"<{len(values)}f", *values).hex().upper()
