"""The one list of differences as the permanent comparison reads it: what of it the faker's columns show, and where.

`explain` is the whole interface: (cell, op, Debezium's value, ours) → an entry's id, or None. What an entry means is
said in `faust_cdc/config/differences.toml`, and its predicate in `differences.py` checks the two values; here stands in
which columns and on which path it may be seen, so that a second fault in the same column does not hide behind it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from faust_cdc.config.differences import listed
from tests.parity import differences
from tests.parity.differences import PREDICATES
from tests.parity.faker.histories import Scenario
from tests.parity.faker.schemas import FakeColumn, FakeTable
from tests.parity.judge import Cell
from tests.parity.option_sets import OPTION_SETS

COMPARISON: Final = "live-random"
"""The list's name for this comparison."""

COVERED: Final = frozenset(one.id for one in listed() if one.covered)
"""Ids of what `compatibility.mode=debezium` makes Debezium's: not accepted where a set has it."""

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
    """The options, or option=value, under which it is not seen; blanks between them."""


def unseen(seen: Iterable[str], option_sets: Iterable[str]) -> list[str]:
    """Return the entries that none of `option_sets` has shown, though at least one of them should have."""
    due: set[str] = set()
    for one in (OPTION_SETS[name] for name in option_sets):
        given = set(one.options) | {"=".join(pair) for pair in one.options.items()}
        shown = [entry for entry in ENTRIES if not one.compatible or entry.name not in COVERED]
        due |= {
            entry.name for entry in shown if entry.option in ("", *given) and given.isdisjoint(entry.hidden_by.split())
        }
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
    found = (entry.name for entry in ENTRIES if entry.explains(cell, theirs, ours))
    if not (cell.options in OPTION_SETS and OPTION_SETS[cell.options].compatible):
        return next(found, None)
    return next((name for name in found if name not in COVERED), None) or _of_compatible_mode(cell, theirs, ours)


def _of_compatible_mode(cell: Cell, theirs: Any, ours: Any) -> str | None:
    """Return the entry that says why the mode's snapshot, which is what Debezium streams, is not what it snapshots."""
    if cell.op != "r":
        return None
    if cell.family == "year" and (theirs, ours) == (2000, 1900):
        return "year-zero"
    if cell.family in ("enum", "set") and _as_listed("snapshot-label", cell, theirs, ours):
        return "snapshot-label"
    # The null of a date of the year 0000 became the column's default.
    became = cell.family in ("date", "datetime") and ours == cell.default
    return "snapshot-year-zero" if became and _as_listed("snapshot-year-zero", cell, theirs, None) else None


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
    in_key = cell.column.startswith("k") or "message.key.columns" in OPTION_SETS[cell.options].options
    return in_key and _in("snapshot-key-bits", "bit", path="snapshot")(cell, theirs, ours)


_ALIASES = {
    "bool": (('{"type": "int", "connect.type": "int16"}', '"boolean"'), ('"type": "int16"', '"type": "boolean"')),
    "real": (('"double"', '"float"'),),
    "geometrycollection": (('"GEOMCOLLECTION"', '"GEOMETRYCOLLECTION"'),),
}
"""Type as DDL writes it → (what the server makes of it, what Debezium reads in the DDL) as Avro and as JSON."""


def _alias_in_streamed_ddl(cell: Cell, theirs: Any, ours: Any) -> bool:
    alias = cell.fake.type_ddl if cell.fake is not None else ""
    if alias.endswith("zerofill") and cell.op == "schema":  # SHOW CREATE TABLE has the width, as in int(10)
        return json.dumps(theirs) == re.sub(r'"__debezium.source.column.length": "\d+", ', "", json.dumps(ours))
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


_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext")


def _comment_text(cell: Cell, theirs: Any, ours: Any) -> bool:
    """A default that differs may stand in the same field."""
    if cell.op != "schema" or cell.fake is None or "'" not in cell.fake.comment:
        return False
    plain = json.loads(json.dumps(theirs).replace("''", "'"))
    if any(entry.explains(cell, plain, ours) for entry in ENTRIES if entry.name.endswith("-default")):
        return True
    return _as_listed("quoted-comment", cell, json.dumps(theirs), json.dumps(ours))


def _mask_behind(cell: Cell, theirs: Any, ours: Any) -> bool:
    """Only TINYTEXT is both masked and propagated (or was TINYTEXT before it was made wider)."""
    if cell.family not in ("tinytext", "longtext") or "tinytext" not in cell.column:
        return False
    texts = (json.dumps(theirs), json.dumps(ours)) if cell.op == "schema" else (theirs, ours)
    return _as_listed("mask-before-other-rules", cell, *texts)


def _left_out_of_the_value(cell: Cell, theirs: Any, ours: Any) -> bool:
    """A column that is part of the key by option, but not on the list of included ones."""
    included = OPTION_SETS[cell.options].options.get("column.include.list", "")
    left_out = re.fullmatch(included, f"d.t.{cell.column}") is None
    return bool(included) and left_out and cell.op == "r" and theirs in (None, 0, "") and ours is not None


def _first_zero_date(cell: Cell, theirs: Any, ours: Any) -> bool:
    """The first row of each column that the converter takes."""
    taken = OPTION_SETS[cell.options].options.get("zero.selector", "")
    named = bool(taken) and re.fullmatch(taken, f"d.t.{cell.column}") is not None
    return named and cell.op == "r" and theirs is None and ours is not None


def _truncated_json(cell: Cell, theirs: Any, ours: Any) -> bool:
    """Both cut: theirs has fewer characters of the document, as blanks count."""
    if cell.family != "json" or cell.op != "r" or not isinstance(theirs, str) or not isinstance(ours, str):
        return False
    cut = any(name.startswith("column.truncate") for name in OPTION_SETS[cell.options].options)
    plain = theirs.replace(" ", "")
    return cut and plain != theirs and ours.replace(" ", "").startswith(plain)


def _float_text(cell: Cell, theirs: Any, ours: Any) -> bool:
    here = cell.family in ("float", "vector") and OPTION_SETS[cell.options].wire == "json"
    return here and _as_listed("float-text-in-json", cell, theirs, ours)


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "charset-unknown-to-java",
        _in("charset-unknown-to-java", *_TEXTS, path="stream"),
        ("varchar(9) CHARACTER SET koi8u", "", "'ї'"),
    ),
    Entry("key-column-left-out", _left_out_of_the_value, option="column.include.list"),
    Entry("first-zero-date-value", _first_zero_date, option="zero.selector"),
    Entry("emoji-label", _in("emoji-label", "enum", "set", path="stream"), ("enum('😀')", "", "1")),
    Entry(
        "quoted-comment",
        _comment_text,
        option="include.schema.comments",
    ),
    Entry("mask-before-other-rules", _mask_behind, option="datatype.propagate.source.type"),
    Entry(
        "partial-json-update",
        _anywhere("partial-json-update"),
        hidden_by="skipped.operations=u,t",
    ),
    Entry("xa-at-commit", _anywhere("xa-at-commit")),
    Entry(
        "snapshot-flag-as-null",
        _anywhere("snapshot-flag-as-null"),
        option="value.converter.replace.null.with.default=false",
    ),
    Entry(
        "float-text-in-json",
        _float_text,
        ("vector(3)", "", "STRING_TO_VECTOR('[1,3e10]')"),
        option="value.converter",
    ),
    Entry("null-with-default", _null_with_default, ("int", "5", "NULL")),
    Entry(
        "snapshot-timestamp",
        _in("snapshot-timestamp", "timestamp", path="snapshot"),
        ("timestamp(3)", "", "'2020-01-02 03:04:05.1'"),
    ),
    Entry("snapshot-json", _truncated_json),
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
