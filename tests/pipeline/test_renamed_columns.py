"""Which columns a statement renames, and what aliases are left of it."""

from __future__ import annotations

import io
from dataclasses import replace

import fastavro
import pytest

from faust_cdc.binlog.events import EventHeader, QueryEvent
from faust_cdc.pipeline.ddl_reading import NotTold, StatementReader
from faust_cdc.pipeline.renamed_columns import RenamedColumns, aliases_behind, of_columns, usable
from faust_cdc.pipeline.table_schemas import Aliases
from faust_cdc.relational.ddl import CharsetPair, DdlContext
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import build_plan

T = TableId("shop", "t")
UTF8 = CharsetPair("utf8mb4", "utf8mb4_0900_ai_ci")


def table(*names: str, nullable: bool = True) -> Table:
    return Table(T, tuple(Column(name, "int", place, nullable) for place, name in enumerate(names)))


def event(sql: str) -> QueryEvent:
    return QueryEvent(EventHeader(0, 2, 1, 100, 0, "binlog.000001", 100, 200), 1, "shop", sql, 0, 0)


def reader(flavor: str = "mysql") -> StatementReader:
    version = (9, 7, 0) if flavor == "mysql" else (10, 11, 6)
    context = DdlContext(flavor, version, "", UTF8, {"shop": UTF8})  # type: ignore[arg-type]
    return StatementReader(lambda: context, lambda _: (UTF8.charset, UTF8.collation))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE t RENAME COLUMN a TO b", {"b": "a"}),
        ("ALTER TABLE t RENAME COLUMN A TO b", {"b": "a"}),
        ("ALTER TABLE t RENAME COLUMN a TO A", {"A": "a"}),
        ("ALTER TABLE t CHANGE a b BIGINT, CHANGE x x BIGINT, ADD y INT", {"b": "a"}),
        ("ALTER TABLE `shop`.`t` CHANGE COLUMN a b BIGINT NOT NULL FIRST", {"b": "a"}),
        ("ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN x TO y", {"b": "a", "y": "x"}),
        ("ALTER TABLE t RENAME COLUMN a TO b, ADD a INT", {"b": "a"}),
        ("ALTER TABLE shop.t RENAME COLUMN a TO x, RENAME COLUMN x TO a", None),
        ("ALTER TABLE t RENAME COLUMN a TO x, RENAME COLUMN x TO y", {"y": "x"}),
        ("ALTER TABLE t DROP X, RENAME COLUMN a TO x", None),
        ("ALTER TABLE t DROP a, ADD b INT", None),
        ("ALTER TABLE t MODIFY a BIGINT, RENAME KEY k TO l", None),
        ("ALTER TABLE t CHANGE a a BIGINT", None),
        ("ALTER TABLE t RENAME COLUMN a", None),
        ("RENAME TABLE t TO u", None),
        ("CREATE TABLE IF NOT EXISTS t (b INT)", None),
        ("CREATE TEMPORARY TABLE t (b INT)", None),
        ("DROP TEMPORARY TABLE t", None),
    ],
)
def test_what_a_statement_renames(sql: str, expected: dict[str, str] | None) -> None:
    found = reader()(event(sql), {T: table("a", "x")})
    assert found.renamed == (() if expected is None else (RenamedColumns(T, expected),))


@pytest.mark.parametrize("sql", ["CREATE TABLE t (b INT)", "DROP TABLE t", "DROP TABLE IF EXISTS t"])
def test_the_columns_of_a_table_made_anew_are_others(sql: str) -> None:
    assert reader()(event(sql), {T: table("a")}).renamed == (RenamedColumns(T, None),)


def test_a_rename_is_told_where_the_structure_behind_it_is_not() -> None:
    found = reader()(event("ALTER TABLE t RENAME COLUMN a TO b"), {})
    assert isinstance(found, NotTold)
    assert found.renamed == (RenamedColumns(T, {"b": "a"}),)
    assert reader("mariadb")(event("ALTER TABLE t CHANGE IF EXISTS q b INT"), {T: table("a")}).renamed == ()
    found = reader("mariadb")(event("ALTER TABLE t CHANGE IF EXISTS a b INT, ADD SYSTEM VERSIONING"), {T: table("a")})
    assert isinstance(found, NotTold)
    assert found.renamed == (RenamedColumns(T, {"b": "a"}),)


@pytest.mark.parametrize(
    ("before", "columns", "expected"),
    [
        ({}, {"b": "a"}, {"b": ("a",)}),
        ({"b": ("a",)}, {"c": "b"}, {"c": ("b", "a")}),
        ({"b": ("a",)}, {"a": "b"}, {"a": ("b", "a")}),
        ({"b": ("a",), "y": ("x",)}, {"c": "b"}, {"y": ("x",), "c": ("b", "a")}),
        ({"c": ("a",)}, {"c": "b"}, {"c": ("b", "a")}),
        ({"b": ("a",)}, None, {}),
    ],
)
def test_names_are_chained(before: Aliases, columns: dict[str, str] | None, expected: Aliases) -> None:
    other = RenamedColumns(TableId("shop", "other"), {"p": "q"})
    assert aliases_behind(before, [other, RenamedColumns(T, columns)], T) == expected


@pytest.mark.parametrize(
    ("why", "aliases", "written", "expected"),
    [
        ("a rename", {"b": ("a",)}, ["id a x"], {"b": ("a",)}),
        ("several in a row", {"c": ("b", "a")}, ["id a", "id b"], {"c": ("b", "a")}),
        ("a name that no record has", {"c": ("b", "a")}, ["id a"], {"c": ("a",)}),
        ("taken back before any row", {"a": ("b", "a")}, ["id a"], {}),
        ("taken back behind rows", {"a": ("b", "a")}, ["id a", "id b"], {"a": ("b",)}),
        ("a swap in three statements", {"a": ("b",), "b": ("tmp", "a")}, ["a b", "tmp b", "tmp a"], {}),
        ("the name of one that was dropped", {"x": ("a",)}, ["id a x", "id a"], {}),
        ("a name that was used again", {"b": ("a",)}, ["id a", "id b", "id b a", "id b"], {}),
        ("no record", {"b": ("a",)}, [], {}),
    ],
)
def test_an_alias_is_a_name_that_records_have_and_none_beside_the_field(
    why: str, aliases: Aliases, written: list[str], expected: Aliases
) -> None:
    assert usable(aliases, [frozenset(one.split()) for one in written], str) == expected, why


def test_names_are_compared_as_they_stand_in_schemas() -> None:
    left = usable({"new name": ("old name",)}, [frozenset(["old_name"])], lambda name: name.replace(" ", "_"))
    assert left == {"new name": ("old name",)}


def test_a_structure_has_the_aliases_of_its_columns() -> None:
    aliases = {"b": ("a", "z"), "gone": ("x",), "c": ("d",)}
    assert of_columns(aliases, table("id", "b", "c", "a")) == {"b": ("z",), "c": ("d",)}


def test_readers_find_what_stood_under_an_earlier_name() -> None:
    """By fastavro: of the envelope's row, and of the key."""
    old = build_plan(Table(T, table("id", "a", nullable=False).columns, ("id",)), "p.shop.t", TranscodeOptions())
    columns = Table(T, table("no", "c", nullable=False).columns, ("no",))
    new = build_plan(columns, "p.shop.t", TranscodeOptions())
    new = replace(new, aliases={"no": ("id",), "c": ("b", "a")})
    assert "1 c: int -> int" in new.describe()
    assert "once b, a" in new.describe()
    for was, now, record, expected in (
        (old.key_schema, new.key_schema, {"id": 5}, {"no": 5}),
        (_row(old.value_schema), _row(new.value_schema), {"id": 5, "a": 7}, {"no": 5, "c": 7}),
    ):
        assert was is not None
        assert now is not None
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, fastavro.parse_schema(dict(was)), record)
        buffer.seek(0)
        assert fastavro.schemaless_reader(buffer, dict(was), dict(now)) == expected


def _row(envelope: dict[str, object]) -> dict[str, object]:
    fields = envelope["fields"]
    assert isinstance(fields, list)
    row = next(one["type"] for one in fields if one["name"] == "before")[1]
    assert isinstance(row, dict)
    return row
