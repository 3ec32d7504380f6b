"""The list as the permanent comparison reads it: which differences of the faker's columns are meant, by name.

`explain` is the whole interface: (cell, op, Debezium's value, ours) → an entry's name, or None. Every entry checks the
two values against each other as narrowly as it can, so that a second fault in the same column does not hide behind it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.parity.judge import Cell

Rule = Callable[[Cell, str, Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """One intended difference."""

    name: str
    why: str
    explains: Rule


def explain(cell: Cell, op: str, theirs: Any, ours: Any) -> str | None:
    """Return the name of the entry that accounts for a difference, None when there is none."""
    return next((entry.name for entry in ENTRIES if entry.explains(cell, op, theirs, ours)), None)


def _null_with_default(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    fake = cell.fake
    return ours is None and theirs is not None and op != "schema" and bool(fake and fake.nullable and fake.default)


def _trimmed_timestamp(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.family != "timestamp" or op not in ("r", "key") or not isinstance(ours, str):
        return False
    return bool(theirs == re.sub(r"\.?0*Z$", "Z", ours) and "." in ours)


def _spaced_json(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.family != "json" or op != "r" or not isinstance(ours, str) or not isinstance(theirs, str):
        return False
    return bool(json.loads(theirs) == json.loads(ours))


def _time_inside_json(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.family != "json" or op == "r" or not isinstance(ours, str):
        return False
    return bool(theirs == re.sub(r"(:\d\d)(\.\d*?)0+\"", lambda found: found[1] + found[2].rstrip(".") + '"', ours))


def _bytes_inside_json(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    return (
        cell.family == "json" and op != "r" and isinstance(ours, str) and theirs == ours.replace("base64:type15:", "")
    )


def _escaped_label(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.family != "enum" or op == "r" or not isinstance(ours, str):
        return False
    return bool(theirs == ours.replace("\\", "\\\\").replace(",", "\\,"))


def _year_zero(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    return cell.family == "year" and ours == 0 and theirs == (2000 if op == "r" else 1900)


def _printed_float(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if op != "r" or not isinstance(ours, float) or not isinstance(theirs, float) or cell.fake is None:
        return False
    scale = re.search(r",(\d+)\)", cell.fake.type_ddl)
    if scale is not None:
        return cell.family in ("float", "double") and round(ours, int(scale[1])) == theirs
    return cell.family == "float" and theirs == struct.unpack("f", struct.pack("f", float(f"{ours:.6g}")))[0]


def _reversed_twice(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    return cell.family == "bit" and cell.column.startswith("k") and op in ("r", "key") and theirs == ours[::-1]


def _order_of_a_hash_map(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.table != "transaction" or cell.column != "data_collections" or not theirs or not ours:
        return False
    return sorted(map(json.dumps, theirs)) == sorted(map(json.dumps, ours))


def _doubled_quote(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    return (
        op == "schema"
        and cell.fake is not None
        and "''" in (cell.fake.default or "")
        and (json.dumps(theirs).replace("''", "'") == json.dumps(ours))
    )


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "null-with-default",
        "NULL in a column that has a default stays NULL; Debezium's converters write the default.",
        _null_with_default,
    ),
    Entry(
        "timestamp-fraction-of-a-snapshot",
        "A TIMESTAMP(n) has n digits in snapshot and stream; Debezium's snapshot cuts zeros off, in keys too.",
        _trimmed_timestamp,
    ),
    Entry(
        "json-text-of-a-snapshot",
        "Documents are compact in snapshot and stream; Debezium's snapshot copies the server's spaced text.",
        _spaced_json,
    ),
    Entry(
        "time-inside-json",
        "A DATETIME or TIME inside a document keeps the server's six digits, as a snapshot can read nothing else.",
        _time_inside_json,
    ),
    Entry(
        "bytes-inside-json",
        "Bytes inside a document keep the server's prefix base64:typeN:, as a snapshot can read nothing else.",
        _bytes_inside_json,
    ),
    Entry(
        "escaped-enum-label",
        "An ENUM label with a comma or a backslash is itself; Debezium streams its escaped form.",
        _escaped_label,
    ),
    Entry("year-zero", "YEAR 0000 is 0; Debezium streams 1900 and has 2000 in the snapshot.", _year_zero),
    Entry(
        "float-as-printed",
        "FLOAT, FLOAT(M,D) and DOUBLE(M,D) are what is stored; Debezium's snapshot has what the server prints of them.",
        _printed_float,
    ),
    Entry(
        "bits-of-a-key",
        "BIT(n) of a key is little-endian as everywhere; Debezium's snapshot turns the bytes round twice, once for the "
        "key and once for the value, in place, and so writes them big-endian.",
        _reversed_twice,
    ),
    Entry(
        "order-of-transaction-tables",
        "END counts the tables in the order in which they first came; Debezium in the order of a Java hash map.",
        _order_of_a_hash_map,
    ),
    Entry(
        "doubled-quote-in-a-default",
        "A default with a quote is itself in the schema; Debezium keeps the quote doubled, as in the statement.",
        _doubled_quote,
    ),
)
"""What the comparison accepts."""
