"""The one list of differences as the permanent comparison reads it: what of it the faker's columns show, and where.

`explain` is the whole interface: (cell, op, Debezium's value, ours) → an entry's id, or None. What an entry means is
said in `faust_cdc/config/differences.toml`, and its predicate in `differences.py` checks the two values; here stands in
which columns and on which path it may be seen, so that a second fault in the same column does not hide behind it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from tests.parity import differences
from tests.parity.differences import PREDICATES
from tests.parity.faker.histories import Scenario
from tests.parity.faker.schemas import FakeColumn, FakeTable
from tests.parity.judge import Cell
from tests.parity.option_sets import OPTION_SETS

COMPARISON: Final = "live-random"
"""The list's name for this comparison."""

Rule = Callable[[Cell, Any, Any], bool]
"""(cell, Debezium's, ours) → whether the entry may account for the difference there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the list, as the faker's columns show it."""

    name: str
    """Its id on the list."""
    explains: Rule
    example: tuple[str, str, str] | None = None
    """(type, default, value) of a column that shows it; None where transactions show it, not values."""
    option: str = ""
    """The option, or option=value, that must be set for it to be seen; empty: it is seen with any."""
    hidden_by: str = ""
    """The option, or option=value, under which it is not seen."""


def unseen(seen: Iterable[str], option_sets: Iterable[str]) -> list[str]:
    """Return the entries that none of `option_sets` has shown, though at least one of them should have."""
    due: set[str] = set()
    for pairs in (OPTION_SETS[name].options.items() for name in option_sets):
        given = {name for name, _ in pairs} | {"=".join(pair) for pair in pairs}
        due |= {one.name for one in ENTRIES if (not one.option or one.option in given) and one.hidden_by not in given}
    return sorted(due - set(seen))


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
    """Return the id of the entry that accounts for a difference, None when there is none."""
    assert op == cell.op
    return next((entry.name for entry in ENTRIES if entry.explains(cell, theirs, ours)), None)


def _as_listed(name: str, cell: Cell, theirs: Any, ours: Any) -> bool:
    """Ask the list's own predicate."""
    column = f"{cell.table}.{cell.column}"
    type_ddl = cell.fake.type_ddl if cell.fake is not None else ""
    return PREDICATES[name](differences.Cell(column, theirs, ours, cell.op, cell.default, type_ddl))


def _in(name: str, *families: str, path: str) -> Rule:
    """Return the list's predicate, for columns of these families alone and for one path: snapshot or stream."""

    def explains(cell: Cell, theirs: Any, ours: Any) -> bool:
        here = "schema" if cell.op == "schema" else "snapshot" if cell.op == "r" else "stream"
        return cell.family in families and here == path and _as_listed(name, cell, theirs, ours)

    return explains


def _anywhere(name: str) -> Rule:
    """Return the list's predicate, which says itself where it applies."""
    return lambda cell, theirs, ours: _as_listed(name, cell, theirs, ours)


def _null_with_default(cell: Cell, theirs: Any, ours: Any) -> bool:
    """The value is the default of their schema, in a column that is nullable and has one."""
    fake = cell.fake
    declared = cell.op != "schema" and fake is not None and fake.nullable and bool(fake.default)
    return declared and _as_listed("null-with-default", cell, theirs, ours)


def _year_zero(cell: Cell, theirs: Any, ours: Any) -> bool:
    wrong = 2000 if cell.op == "r" else 1900
    return cell.family == "year" and theirs == wrong and ours == 0 and _as_listed("year-zero", cell, theirs, ours)


def _key_bits(cell: Cell, theirs: Any, ours: Any) -> bool:
    return cell.column.startswith("k") and _in("snapshot-key-bits", "bit", path="snapshot")(cell, theirs, ours)


_ALIASES = {
    "bool": (('{"type": "int", "connect.type": "int16"}', '"boolean"'), ('"type": "int16"', '"type": "boolean"')),
    "real": (('"double"', '"float"'),),
}
"""Type as DDL writes it → (what the server makes of it, what Debezium reads in the DDL) as Avro and as JSON."""


def _alias_in_streamed_ddl(cell: Cell, theirs: Any, ours: Any) -> bool:
    alias = cell.fake.type_ddl if cell.fake is not None else ""
    if alias not in _ALIASES:
        return False
    if cell.op == "schema":
        return json.dumps(theirs) in [json.dumps(ours).replace(*pair) for pair in _ALIASES[alias]]
    return _as_listed("streamed-alias", cell, theirs, ours)


def _in_default(name: str, *families: str) -> Rule:
    """Return the list's predicate for two fields of a schema that are equal but for the default."""

    def explains(cell: Cell, theirs: Any, ours: Any) -> bool:
        if cell.op != "schema" or not isinstance(theirs, dict) or (families and cell.family not in families):
            return False
        left, right = theirs.get("default"), ours.get("default")
        return _without_default(theirs) == _without_default(ours) and _as_listed(name, cell, left, right)

    return explains


def _without_default(field: dict[str, Any]) -> str:
    """Return the text of a schema's field, of Avro or of JsonConverter, but for its default."""
    bare = json.loads(json.dumps(field))
    bare.pop("default", None)
    branches = bare["type"] if isinstance(bare["type"], list) else [bare["type"]]
    for branch in branches:
        if isinstance(branch, dict):
            branch.pop("connect.default", None)
    if isinstance(bare["type"], list):  # the default's branch comes first
        bare["type"].sort(key=lambda branch: branch != "null")
    return json.dumps(bare)


def _rewritten_year(cell: Cell, theirs: Any, ours: Any) -> bool:
    """Ours is null where nanoseconds cannot hold the year."""
    if cell.family not in ("date", "datetime") or cell.op == "schema":
        return False
    if ours is None and OPTION_SETS[cell.options].options.get("time.precision.mode") != "nanoseconds":
        return False
    return _as_listed("rewritten-year", cell, theirs, ours)


def _full_day(cell: Cell, theirs: Any, ours: Any) -> bool:
    return cell.family == "time" and _as_listed("full-day", cell, theirs, ours)


ENTRIES: tuple[Entry, ...] = (
    Entry("null-with-default", _null_with_default, ("int", "5", "NULL")),
    Entry(
        "snapshot-timestamp",
        _in("snapshot-timestamp", "timestamp", path="snapshot"),
        ("timestamp(3)", "", "'2020-01-02 03:04:05.1'"),
    ),
    Entry("snapshot-json", _in("snapshot-json", "json", path="snapshot"), ("json", "", "'{\"a\": 1}'")),
    *(
        Entry("time-inside-json", _in("time-inside-json", "json", path="stream"), ("json", "", f"JSON_ARRAY({value})"))
        for value in (
            "CAST('10:11:12.5' AS TIME(3))",
            "CAST('-10:11:12.5' AS TIME(3))",
            "CAST(X'00ff10' AS BINARY(3))",
        )
    ),
    Entry("escaped-enum-label", _in("escaped-enum-label", "enum", "set", path="stream"), ("enum('b,c')", "", "1")),
    Entry("year-zero", _year_zero, ("year", "", "'0000'")),
    Entry("snapshot-float", _in("snapshot-float", "float", "double", path="snapshot"), ("float", "", "16777217")),
    Entry("snapshot-key-bits", _key_bits, ("bit(24)", "", "5")),
    Entry(
        "snapshot-julian-day",
        _in("snapshot-julian-day", "datetime", path="snapshot"),
        ("datetime", "", "'1582-10-10 12:00:00'"),
    ),
    Entry(
        "snapshot-year-zero",
        _in("snapshot-year-zero", "date", "datetime", path="snapshot"),
        ("date", "", "'0000-01-01'"),
    ),
    Entry(
        "order-of-transaction-tables",
        _anywhere("order-of-transaction-tables"),
        option="provide.transaction.metadata",
    ),
    Entry("streamed-alias", _alias_in_streamed_ddl),
    Entry("row-of-a-truncate", _anywhere("row-of-a-truncate"), option="skipped.operations=none"),
    Entry("default-text", _in_default("default-text"), ("varchar(20)", "'it''s'", "'x'")),
    Entry("binary-default", _in_default("binary-default", "binary", "varbinary"), ("binary(3)", "'a'", "'b'")),
    Entry(
        "unsigned-default",
        _in_default("unsigned-default", "bigint"),
        ("bigint unsigned", "18446744073709551615", "1"),
        hidden_by="bigint.unsigned.handling.mode",
    ),
    Entry("year-zero", _in_default("year-zero", "year"), ("year", "'0000'", "2000")),
    Entry("rewritten-year", _rewritten_year, ("date", "", "'0024-02-03'"), hidden_by="enable.time.adjuster=false"),
    Entry(
        "rewritten-year",
        _in_default("rewritten-year", "date", "datetime"),
        ("datetime", "'0024-02-03'", "NULL"),
        hidden_by="enable.time.adjuster=false",
    ),
    Entry("full-day", _full_day, ("time", "", "'24:00:00'"), option="time.precision.mode=isostring"),
)
"""What the comparison accepts, in the order in which it is asked."""
