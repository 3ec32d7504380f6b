"""What statements of a binlog tell of tables, and when nothing is told."""

from __future__ import annotations

import pytest

from faust_cdc.binlog.events import EventHeader, QueryEvent
from faust_cdc.pipeline.statement_tables import StatementTables
from faust_cdc.relational.ddl import CharsetPair, DdlContext
from faust_cdc.relational.model import Column, Key, Table, TableId

T = TableId("shop", "t")
KNOWN = Table(
    T,
    (Column("id", "int", 0, False), Column("a", "int", 1, True, has_default=True)),
    ("id",),
    keys=(Key("PRIMARY", ("id",), True),),
)
UTF8 = CharsetPair("utf8mb4", "utf8mb4_0900_ai_ci")
CONTEXT = DdlContext("mysql", (9, 7, 0), "", UTF8, {"shop": UTF8})


def event(sql: str) -> QueryEvent:
    return QueryEvent(EventHeader(0, 2, 1, 100, 0, "binlog.000001", 100, 200), 1, "shop", sql, 0, 0)


def told(sql: str, *known: Table) -> dict[TableId, Table | None]:
    return StatementTables(lambda: CONTEXT)(event(sql), {one.id: one for one in known})


def test_an_alter_of_a_known_table_is_told() -> None:
    table = told("ALTER TABLE t ADD b BIGINT NOT NULL, DROP a", KNOWN)[T]
    assert table is not None
    assert [(column.name, column.nullable) for column in table.columns] == [("id", False), ("b", False)]
    assert table.primary_key == ("id",)


def test_a_rename_tells_both_names() -> None:
    found = told("RENAME TABLE t TO shop2.u", KNOWN)
    assert found[T] is None
    assert found[TableId("shop2", "u")] is not None


def test_a_table_that_is_dropped_and_made_again() -> None:
    assert told("DROP TABLE t", KNOWN) == {T: None}
    made = told("CREATE TABLE t (id INT PRIMARY KEY)")[T]
    assert made is not None
    assert made.primary_key == ("id",)


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE unknown ADD b INT",
        "ALTER TABEL t ADD b INT",
        "RENAME TABLE t TO old, _t_gho TO t",
        "CREATE TABLE t SELECT 1",
        "CREATE TABLE IF NOT EXISTS u (id INT)",
        "GRANT SELECT ON *.* TO u",
    ],
)
def test_what_the_text_alone_does_not_tell_is_left_out(sql: str) -> None:
    assert told(sql, KNOWN) == {}


def test_if_not_exists_of_a_table_that_is_there_changes_nothing() -> None:
    assert told("CREATE TABLE IF NOT EXISTS t (other INT)", KNOWN) == {}


def test_keys_that_are_not_of_the_same_time_are_not_believed() -> None:
    later = Table(T, KNOWN.columns, ("id",), keys=(Key("PRIMARY", ("id", "gone"), True),))
    assert told("ALTER TABLE t ADD b INT", later) == {}
    another = Table(T, KNOWN.columns, ("id",), keys=(Key("PRIMARY", ("a",), True),))
    assert told("ALTER TABLE t ADD b INT", another) == {}


def test_databases_are_read_again_behind_a_statement_about_one() -> None:
    read: list[int] = []

    def context() -> DdlContext:
        read.append(1)
        return CONTEXT

    resolve = StatementTables(context)
    resolve(event("DROP TABLE x"), {})
    resolve(event("DROP TABLE x"), {})
    assert len(read) == 1
    resolve(event("CREATE DATABASE other"), {})
    resolve(event("DROP TABLE x"), {})
    assert len(read) == 2
