"""The recorded Debezium run: tables, schemas, streamed values."""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from faust_cdc.relational.model import Table
from faust_cdc.transcode.plan import ColumnPlan
from tests.transcode.ddl import table_of

DATA = Path(__file__).parent / "data"
PRIMARY_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("defs", "ints", "nums", "strs", "temps", "tempsnn", "empty_t", "geo", "vec"), ("id",)),
    "nopk": (),
    "uniqk": ("a", "b"),
    "pk2": ("b", "a"),
    "we-ird$tab": ("1st col",),
}


class Vector(NamedTuple):
    """One streamed value as JsonConverter printed it."""

    table: str
    column: str
    mysql: str
    row: int
    streaming: Any


def lines(name: str) -> list[Any]:
    """The JSON lines of a data file."""
    with open(DATA / name, encoding="utf-8") as text:
        return [json.loads(line) for line in text]


@cache
def vectors() -> tuple[Vector, ...]:
    """All recorded values of supported tables."""
    return tuple(Vector(**line) for line in lines("golden_vectors.jsonl"))


@cache
def schemas() -> dict[tuple[str, str], Any]:
    """Recorded Avro schemas by (topic, "key" or "value")."""
    return {(line["topic"], line["part"]): line["avro"] for line in lines("golden_schemas.jsonl")}


@cache
def tables() -> dict[str, Table]:
    """The recorded tables by name."""
    columns: dict[str, dict[str, str]] = {"empty_t": {"id": "int NOT NULL", "v": "int DEFAULT NULL"}}
    for vector in vectors():
        columns.setdefault(vector.table, {})[vector.column] = vector.mysql
    columns["geo"]["gc"] = "geometrycollection DEFAULT NULL"  # our one word for MySQL's and MariaDB's names of it
    # The recording reads SHOW CREATE TABLE; information_schema prints binary literals in hexadecimal.
    columns["defs"]["bin"] = "binary(3) DEFAULT '0x6162'"
    columns["defs"]["vb"] = "varbinary(5) DEFAULT '0x0102'"
    return {name: table_of("gold", name, columns[name], key) for name, key in PRIMARY_KEYS.items()}


def without_source_parameters(schema: Any) -> Any:
    """Return a schema without the parameters of `column.propagate.source.type`, as the default leaves them out."""
    if isinstance(schema, list):
        return [without_source_parameters(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {key: without_source_parameters(value) for key, value in schema.items()}
    parameters = cleaned.get("connect.parameters")
    if isinstance(parameters, dict):
        kept = {key: value for key, value in parameters.items() if not key.startswith("__debezium.")}
        cleaned["connect.parameters"] = kept
        if not kept:
            del cleaned["connect.parameters"]
    plain = isinstance(cleaned.get("type"), str) and list(cleaned) == ["type"]
    return cleaned["type"] if plain else cleaned


def decimal_of(unscaled: bytes, column: ColumnPlan) -> Decimal:
    """The number that an Avro decimal of `column` stands for."""
    sign_and_digits = int.from_bytes(unscaled, "big", signed=True)
    digits = tuple(int(digit) for digit in str(abs(sign_and_digits)))
    return Decimal((int(sign_and_digits < 0), digits, -int(column.mapping.parameters["scale"])))
