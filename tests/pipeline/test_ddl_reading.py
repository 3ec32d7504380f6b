"""What statements of a binlog tell of tables, and when nothing is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from faust_cdc.binlog.events import EventHeader, QueryEvent
from faust_cdc.errors import SourceConnectionLost
from faust_cdc.pipeline.ddl_reading import DdlCounts, KnownTables, NotTold, Outcome, Reading, StatementReader, stood
from faust_cdc.relational.ddl import CharsetPair, DdlContext
from faust_cdc.relational.model import Column, Key, Table, TableId

T, U = TableId("shop", "t"), TableId("shop2", "u")
KNOWN = Table(
    T,
    (
        Column("id", "int", 0, False, type_expression="int"),
        Column("a", "int", 1, True, has_default=True, type_expression="int"),
    ),
    ("id",),
    keys=(Key("PRIMARY", ("id",), True),),
)
UTF8 = CharsetPair("utf8mb4", "utf8mb4_0900_ai_ci")
CONTEXT = DdlContext("mysql", (9, 7, 0), "", UTF8)


def event(sql: str) -> QueryEvent:
    return QueryEvent(EventHeader(0, 2, 1, 100, 0, "binlog.000001", 100, 200), 1, "shop", sql, 0, 0)


def charset_of(database: str) -> CharsetPair | None:
    return UTF8 if database == "shop" else None


def told(sql: str, *known: Table) -> Reading:
    return StatementReader(lambda: CONTEXT, charset_of)(event(sql), {one.id: one for one in known})


def outcome(sql: str, *known: Table) -> Outcome:
    found = told(sql, *known)
    assert isinstance(found, Outcome)
    return found


def test_an_alter_of_a_known_table_is_told() -> None:
    table = outcome("ALTER TABLE t ADD b BIGINT NOT NULL, DROP a", KNOWN).tables[T]
    assert [(column.name, column.nullable) for column in table.columns] == [("id", False), ("b", False)]
    assert table.primary_key == ("id",)


def test_a_statement_is_read_under_its_sessions_defaults() -> None:
    created = replace(event("CREATE TABLE n (a TIMESTAMP, b VARCHAR(3) CHARACTER SET utf8mb4)"), utf8mb4_collation=45)
    for explicit in (True, False):
        session = replace(created, explicit_defaults_for_timestamp=explicit)
        found = StatementReader(lambda: CONTEXT, charset_of)(session, {})
        assert isinstance(found, Outcome)
        stamp, text = found.tables[TableId("shop", "n")].columns
        assert (stamp.nullable, text.collation) == (explicit, "utf8mb4_general_ci")


def test_of_the_server_as_it_is_now_only_an_untold_default_is_taken() -> None:
    sql, counts = "ALTER TABLE t ADD b INT DEFAULT (ABS(-1)), ADD c INT DEFAULT (ABS(-2)), CHANGE a a2 INT", DdlCounts()
    b = Column(
        "b", "int", 1, True, has_default=True, default="abs(-(1))", default_is_expression=True, type_expression="int"
    )
    later_on = replace(KNOWN, columns=(b, replace(b, name="later")))
    read = StatementReader(lambda: CONTEXT, charset_of, counts, lambda ids: dict.fromkeys(ids, later_on))
    found = read(event(sql), {T: KNOWN})
    assert isinstance(found, Outcome)
    shown = [(one.name, one.default, one.default_is_expression) for one in found.tables[T].columns[1:]]
    assert shown == [("a2", None, False), ("b", "abs(-(1))", True), ("c", None, True)]
    assert (counts.told, counts.read_again) == (0, 1)
    assert [one.name for one in outcome(sql, KNOWN).tables[T].columns] == ["id", "a2", "b", "c"]


def test_a_rename_tells_both_names() -> None:
    found = outcome("RENAME TABLE t TO shop2.u", KNOWN)
    assert (list(found.tables), found.gone) == ([U], frozenset([T]))


def test_a_swap_leaves_both_names() -> None:
    other = replace(KNOWN, id=U, columns=KNOWN.columns[:1])
    found = outcome("RENAME TABLE t TO tmp, shop2.u TO t, tmp TO shop2.u", KNOWN, other)
    assert {one: len(table.columns) for one, table in found.tables.items()} == {T: 1, U: 2}
    assert found.gone == frozenset()


def test_a_table_that_is_dropped_and_made_again() -> None:
    assert outcome("DROP TABLE t", KNOWN) == Outcome(gone=frozenset([T]))
    assert outcome("CREATE TABLE t (id INT PRIMARY KEY)").tables[T].primary_key == ("id",)


@pytest.mark.parametrize(
    ("sql", "tables", "is_unread"),
    [
        ("ALTER TABLE unknown ADD b INT", (TableId("shop", "unknown"),), False),
        ("ALTER TABLE t ADD A INT", (T,), False),
        ("RENAME TABLE t TO old, _t_gho TO t", (T, TableId("shop", "old"), TableId("shop", "_t_gho")), False),
        ("CREATE TABLE c SELECT 1", (TableId("shop", "c"),), False),
        ("ALTER TABEL t ADD b INT", (), True),
        ("ALTER TABLE t ADD b BRANDNEW INT (", (), True),
        ("ALTER TABLE t SOMETHING NEW", (), True),
        ("ALTER TABLE t SOMETHING = NEW", (), True),
        ("ALTER TABLE t ENGINE=InnoDB SOMETHING NEW", (), True),
        ("CREATE TABLE t2 (a INT) SOMETHING NEW", (), True),
    ],
)
def test_what_the_text_alone_does_not_tell(sql: str, tables: tuple[TableId, ...], is_unread: bool) -> None:
    found = told(sql, KNOWN)
    assert isinstance(found, NotTold)
    assert (found.tables, found.is_unread) == (tables, is_unread)


@pytest.mark.parametrize(
    "sql",
    [
        "GRANT SELECT ON *.* TO u",
        "CREATE VIEW v AS SELECT 1 FROM t",
        "CREATE TABLE IF NOT EXISTS t (other INT)",
        "TRUNCATE TABLE t",
        "TRUNCATE TABLE unknown",
        "DROP TABLE IF EXISTS unknown",
        "DROP TEMPORARY TABLE t",
        "/* nothing */",
    ],
)
def test_to_change_nothing_is_not_to_be_not_told(sql: str) -> None:
    assert told(sql, KNOWN) == Outcome()


def test_a_table_that_may_have_been_there() -> None:
    found = outcome("CREATE TABLE IF NOT EXISTS u (id INT)", KNOWN)
    assert found.unsure == {TableId("shop", "u")} == found.tables.keys()
    assert outcome("CREATE TABLE u (id INT)", KNOWN).unsure == frozenset()


def test_databases_have_the_defaults_that_are_written() -> None:
    assert outcome("CREATE DATABASE d").databases == {"d": None}
    # The session's collation_server is the server's: the database may be gone when it would be asked for.
    for collation, expected in ((255, UTF8), (8, None), (None, None)):
        made = replace(event("CREATE DATABASE d"), server_collation=collation)
        found = StatementReader(lambda: replace(CONTEXT, server_collation_id=255), charset_of)(made, {})
        assert isinstance(found, Outcome)
        assert found.databases == {"d": expected}
    assert outcome("CREATE DATABASE d CHARSET latin1").databases == {"d": ("latin1", "latin1_swedish_ci")}
    assert outcome("ALTER DATABASE COLLATE utf8mb4_bin").databases == {"shop": ("utf8mb4", "utf8mb4_bin")}
    dropped = outcome("DROP SCHEMA IF EXISTS shop", KNOWN)
    assert (dropped.databases, dropped.gone) == ({"shop": None}, frozenset([T]))


def test_the_server_is_asked_once_what_statements_mean_and_only_for_charsets_that_are_needed() -> None:
    asked: list[str] = []

    def context() -> DdlContext:
        asked.append("context")
        return CONTEXT

    def charset(database: str) -> CharsetPair | None:
        asked.append(database)
        return UTF8

    read = StatementReader(context, charset)
    for sql in ("DROP TABLE x", "GRANT ALL ON a TO u", "CREATE TABLE a (i INT)", "DROP DATABASE d"):
        read(event(sql), {})
    assert asked == ["context", "shop"]


def test_of_many_tables_only_those_are_made_that_a_statement_names() -> None:
    made: list[TableId] = []
    ids = [TableId("shop", f"t{number}") for number in range(100)]

    def table(table_id: TableId) -> Table | None:
        made.append(table_id)
        return replace(KNOWN, id=table_id) if table_id in ids else None

    def names() -> Iterator[TableId]:
        return iter(ids)

    read, known = StatementReader(lambda: CONTEXT, charset_of), KnownTables(table, names)
    read(event("CREATE INDEX flyway_schema_history_s_idx ON t7 (a)"), known)
    read(event("ALTER TABLE t8 COMMENT 'the database of all'"), known)
    assert set(made) == {ids[7], ids[8]}
    gone = read(event("DROP DATABASE shop"), known)
    assert isinstance(gone, Outcome)
    assert gone.gone == set(ids)
    assert set(made) == {ids[7], ids[8]}


@pytest.mark.parametrize("bug", [ValueError("x"), AssertionError(), RecursionError()])
def test_a_bug_of_the_reader_stops_nothing(bug: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def table(_: TableId) -> Table | None:
        raise bug

    read = StatementReader(lambda: CONTEXT, charset_of)
    found = read(event("ALTER TABLE t ADD b INT COMMENT 'secret'"), KnownTables(table, lambda: iter(())))
    assert isinstance(found, NotTold)
    assert found.is_unread
    assert read.counts == DdlCounts(failed=1)
    (line,) = caplog.records
    assert "Our reader failed at the statement at binlog.000001:100: ALTER TABLE t ADD b INT COMMENT" in line.message
    assert "secret" not in caplog.text


def test_what_the_server_does_not_answer_is_no_bug_of_the_reader() -> None:
    def context() -> DdlContext:
        raise SourceConnectionLost("gone")

    with pytest.raises(SourceConnectionLost):
        StatementReader(context, charset_of)(event("DROP TABLE t"), {})


def test_every_statement_is_counted_once() -> None:
    read = StatementReader(lambda: CONTEXT, charset_of)
    for sql in ("DROP TABLE t", "CREATE VIEW v AS SELECT 1", "ALTER TABLE unknown ADD b INT", "ALTER TABEL t"):
        read(event(sql), {})
    assert read.counts == DdlCounts(told=2, read_again=1, unparsed=1)


LATER = replace(KNOWN, columns=(*KNOWN.columns, Column("late", "int", 2, True, type_expression="int")))
BY_MAP = replace(KNOWN, columns=tuple(replace(one, type_expression="") for one in KNOWN.columns))


@pytest.mark.parametrize(
    ("by_history", "by_rows", "expected"),
    [
        (KNOWN, None, KNOWN),
        (KNOWN, BY_MAP, KNOWN),  # the same columns: the history tells more of them
        (LATER, KNOWN, KNOWN),  # the history is of later on
        (LATER, BY_MAP, None),  # and what would be right there has no defaults
        (None, KNOWN, KNOWN),
        (None, BY_MAP, None),
        (None, None, None),
    ],
)
def test_where_tables_before_a_statement_come_from(
    by_history: Table | None, by_rows: Table | None, expected: Table | None
) -> None:
    assert stood(by_history, by_rows) is expected


@pytest.mark.parametrize("column", ["gone", "a"])
def test_keys_that_are_not_of_the_same_time_are_not_believed(column: str) -> None:
    keys = (Key("PRIMARY", ("id", "gone") if column == "gone" else ("a",), True),)
    assert stood(None, replace(KNOWN, keys=keys)) is None
