"""The list as the permanent comparison reads it: which differences of the faker's columns are meant, by name.

`explain` is the whole interface: (cell, op, Debezium's value, ours) → an entry's name, or None. Every entry checks the
two values against each other as narrowly as it can, so that a second fault in the same column does not hide behind it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.parity.faker.histories import Scenario
from tests.parity.faker.schemas import FakeColumn, FakeTable
from tests.parity.judge import Cell
from tests.parity.option_sets import OPTION_SETS

Rule = Callable[[Cell, str, Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """One intended difference."""

    name: str
    why: str
    explains: Rule
    example: tuple[str, str, str] | None = None
    """(type, default, value) of a column that shows it; None where transactions show it, not values."""
    option: str = ""
    """The option, or option=value, that must be set for it to be seen; empty: it is seen with any."""


def unseen(seen: Iterable[str], option_sets: Iterable[str]) -> list[str]:
    """Return the entries that none of `option_sets` has shown, though at least one of them should have."""
    pairs = [pair for name in option_sets for pair in OPTION_SETS[name].options.items()]
    options = {name for name, _ in pairs} | {"=".join(pair) for pair in pairs}
    return sorted({one.name for one in ENTRIES if not one.option or one.option in options} - set(seen))


def examples() -> Scenario:
    """Return a table with a column for every entry, so that each run shows that the list is still true."""
    shown = [entry.example for entry in ENTRIES if entry.example is not None]
    columns = [FakeColumn("rid", "int", "int", False)]
    for place, (ddl, default, _) in enumerate(shown):
        name, in_key = (f"k{place}", True) if ddl.startswith("bit") else (f"e{place}", False)
        family = ddl.partition("(")[0].partition(" ")[0]
        columns.append(FakeColumn(name, family, ddl, not in_key, default=default or None))
    key = next(one.name for one in columns if one.name.startswith("k"))
    table = FakeTable("listed", tuple(columns), "single", f"PRIMARY KEY (`{key}`)")
    values = ", ".join(value for _, _, value in shown)
    scenario = Scenario([table], [table.create], rows=1, row_versions=2)
    scenario.setup.append(f"INSERT INTO listed VALUES (1, {values})")
    scenario.history += [f"DELETE FROM listed WHERE `{key}` = 5", f"INSERT INTO listed VALUES (2, {values})"]
    later = (FakeColumn("b", "tinyint", "bool", True), FakeColumn("r", "double", "real", True))
    scenario.tables.append(FakeTable("emptied", (columns[0],), "none", former=later))
    scenario.setup.append(scenario.tables[1].create)
    scenario.history += ["INSERT INTO emptied VALUES (1), (2), (3)", "TRUNCATE TABLE emptied"]
    scenario.history += [
        "ALTER TABLE emptied ADD b BOOL NULL, ADD r REAL NULL",
        "INSERT INTO emptied VALUES (4, 1, 0.1)",
    ]
    for rid in (1, 2):
        for column, (_, _, value) in zip(columns[1:], shown, strict=True):
            scenario.given["listed", rid][column.name].append(value)
    return scenario


def explain(cell: Cell, op: str, theirs: Any, ours: Any) -> str | None:
    """Return the name of the entry that accounts for a difference, None when there is none."""
    return next((entry.name for entry in ENTRIES if entry.explains(cell, op, theirs, ours)), None)


def _null_with_default(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    fake = cell.fake
    return ours is None and theirs is not None and op != "schema" and bool(fake and fake.nullable and fake.default)


def _trimmed_timestamp(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.family != "timestamp" or op != "r" or not isinstance(ours, str):
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
    return cell.family == "bit" and cell.column.startswith("k") and op == "r" and theirs == ours[::-1]


def _negative_time_inside_json(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.family != "json" or op == "r" or not isinstance(ours, str) or not isinstance(theirs, str):
        return False
    masked = re.sub(r'"-\d+:\d\d:\d\d\.\d{6}"', '"negative"', ours)
    return masked != ours and masked == re.sub(r'"[\d:.-]*:0?-[\d:.-]*"', '"negative"', theirs)


_GAP_DAYS = 10 * 86_400
_UNITS = (1_000, 1_000_000, 1_000_000_000)
_YEARS_OF_YEAR_ZERO = (-62_167_219_200, -62_135_596_800, 946_684_800, 978_307_200)
"""Seconds from 1970 to the first of January of the years 0, 1, 2000 and 2001."""


def _julian_gap(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.family != "datetime" or op != "r":
        return False
    if isinstance(ours, str):
        return bool(ours.startswith("1582-10-") and theirs == f"{ours[:8]}{int(ours[8:10]) + 10}{ours[10:]}")
    return isinstance(ours, int) and theirs - ours in [_GAP_DAYS * unit for unit in _UNITS]


def _year_nought(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    epoch = ours in (None, 0, "1970-01-01Z", "1970-01-01T00:00:00Z")
    if cell.family not in ("date", "datetime") or op != "r" or not epoch:
        return False
    if isinstance(theirs, str):
        return theirs.startswith(("0000-01-01", "0001-01-01"))
    units = [unit * seconds for unit in _UNITS for seconds in _YEARS_OF_YEAR_ZERO]
    return theirs in [seconds // 86_400 for seconds in _YEARS_OF_YEAR_ZERO] + units


def _order_of_a_hash_map(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    if cell.table != "transaction" or cell.column != "data_collections" or not theirs or not ours:
        return False
    return sorted(map(json.dumps, theirs)) == sorted(map(json.dumps, ours))


_ALIASES = {"bool": ('{"type": "int", "connect.type": "int16"}', '"boolean"'), "real": ('"double"', '"float"')}
"""Type as DDL writes it → (what the server makes of it, what Debezium reads in the DDL) as Avro."""


def _alias_in_streamed_ddl(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    alias = cell.fake.type_ddl if cell.fake is not None else ""
    if alias not in _ALIASES:
        return False
    if op == "schema":
        return json.dumps(ours).replace(*_ALIASES[alias]) == json.dumps(theirs)
    if not isinstance(ours, (int, float)):
        return False
    if alias == "bool":
        return theirs is bool(ours)
    return bool(op != "r" and theirs == struct.unpack("f", struct.pack("f", ours))[0])


def _row_of_a_statement(cell: Cell, op: str, theirs: Any, ours: Any) -> bool:
    return (cell.table, cell.column, op, ours) == ("source", "row", "t", 0) and theirs > 0


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
        ("int", "5", "NULL"),
    ),
    Entry(
        "timestamp-fraction-of-a-snapshot",
        "A TIMESTAMP(n) has n digits in snapshot and stream; Debezium's snapshot cuts zeros off, in keys too.",
        _trimmed_timestamp,
        ("timestamp(3)", "", "'2020-01-02 03:04:05.1'"),
    ),
    Entry(
        "json-text-of-a-snapshot",
        "Documents are compact in snapshot and stream; Debezium's snapshot copies the server's spaced text.",
        _spaced_json,
        ("json", "", "'{\"a\": 1}'"),
    ),
    Entry(
        "time-inside-json",
        "A DATETIME or TIME inside a document keeps the server's six digits, as a snapshot can read nothing else.",
        _time_inside_json,
        ("json", "", "JSON_ARRAY(CAST('10:11:12.5' AS TIME(3)))"),
    ),
    Entry(
        "bytes-inside-json",
        "Bytes inside a document keep the server's prefix base64:typeN:, as a snapshot can read nothing else.",
        _bytes_inside_json,
        ("json", "", "JSON_ARRAY(CAST(X'00ff10' AS BINARY(3)))"),
    ),
    Entry(
        "escaped-enum-label",
        "An ENUM label with a comma or a backslash is itself; Debezium streams its escaped form.",
        _escaped_label,
        ("enum('b,c')", "", "1"),
    ),
    Entry(
        "year-zero",
        "YEAR 0000 is 0; Debezium streams 1900 and has 2000 in the snapshot.",
        _year_zero,
        ("year", "", "'0000'"),
    ),
    Entry(
        "float-as-printed",
        "FLOAT, FLOAT(M,D) and DOUBLE(M,D) are what is stored; Debezium's snapshot has what the server prints of them.",
        _printed_float,
        ("float", "", "16777217"),
    ),
    Entry(
        "bits-of-a-key",
        "BIT(n) of a key is little-endian as everywhere; Debezium's snapshot turns the bytes round twice, once for the "
        "key and once for the value, in place, and so writes them big-endian.",
        _reversed_twice,
        ("bit(24)", "", "5"),
    ),
    Entry(
        "negative-time-inside-json",
        "A negative TIME inside a document is itself; Debezium streams its parts with a sign each (11:0-12:0-13).",
        _negative_time_inside_json,
        ("json", "", "JSON_ARRAY(CAST('-10:11:12.5' AS TIME(3)))"),
    ),
    Entry(
        "julian-gap-of-a-snapshot",
        "5 to 14 October 1582 of a DATETIME are themselves; Debezium's snapshot moves them by ten days.",
        _julian_gap,
        ("datetime", "", "'1582-10-10 12:00:00'"),
    ),
    Entry(
        "year-nought-of-a-snapshot",
        "A date of the year 0000 is what Debezium streams (null, the epoch where NOT NULL); its snapshot has others.",
        _year_nought,
        ("date", "", "'0000-01-01'"),
    ),
    Entry(
        "order-of-transaction-tables",
        "END counts the tables in the order in which they first came; Debezium in the order of a Java hash map.",
        _order_of_a_hash_map,
        option="provide.transaction.metadata",
    ),
    Entry(
        "alias-in-streamed-ddl",
        "BOOL and REAL of a streamed DDL statement are what the server makes of them, TINYINT(1) and DOUBLE, as in a "
        "snapshot; Debezium has BOOLEAN and FLOAT32 until it reads the table anew.",
        _alias_in_streamed_ddl,
    ),
    Entry(
        "row-of-a-truncate",
        "A TRUNCATE is no row of an event, so source.row is 0; Debezium leaves the number of the last row it read.",
        _row_of_a_statement,
        option="skipped.operations=none",
    ),
    Entry(
        "doubled-quote-in-a-default",
        "A default with a quote is itself in the schema; Debezium keeps the quote doubled, as in the statement.",
        _doubled_quote,
        ("varchar(20)", "'it''s'", "'x'"),
    ),
)
"""What the comparison accepts."""
