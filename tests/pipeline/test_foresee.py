"""At a DDL statement: what is asked of the server about it, and which tables are forgotten by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from faust_cdc.binlog.events import EventHeader, QueryEvent, TableMapColumn
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.captured import TranscoderCache, tables_named_in
from faust_cdc.pipeline.converters import avro_converters
from faust_cdc.pipeline.ddl_reading import StatementReader
from faust_cdc.pipeline.evolution import SchemaEvolution
from faust_cdc.pipeline.table_schemas import TableSchemas
from faust_cdc.relational.ddl import CharsetPair, DdlContext
from faust_cdc.relational.model import Table, TableId
from faust_cdc.relational.origin import Origin
from faust_cdc.routing import TopicNaming
from faust_cdc.transcode.plan import TranscodeOptions
from tests.transcode.images import TABLE, columns, table, table_map

UTF8 = CharsetPair("utf8mb4", "utf8mb4_0900_ai_ci")
MYSQL = DdlContext("mysql", (9, 7, 0), "", UTF8)
MARIADB = DdlContext("mariadb", (10, 11, 6), "", UTF8)
WIRE = (TableMapColumn(3, 0, False), TableMapColumn(3, 0, True))
NOW = table(*columns("int NOT NULL", "int"), key=("c0",))
NAME = f"{TABLE.database}.{TABLE.table}"


class Cached:
    """A cache with one table of which rows have come, and what it asks of the server behind statements."""

    def __init__(
        self, server: Callable[[], dict[TableId, Table]] = lambda: {TABLE: NOW}, context: DdlContext = MYSQL
    ) -> None:
        self.server = server
        self.schemas = TableSchemas(SourcePartition("c", "p"))
        self.asked: list[TableId] = []
        self.history = {TABLE: NOW}
        converters = avro_converters(lambda _subject, _schema: 1)
        self.cache = TranscoderCache(
            TopicNaming("p"),
            TranscodeOptions(),
            lambda _: True,
            lambda _: self.server(),
            converters,
            lambda _: None,
            evolution=SchemaEvolution(converters, lambda _: None, schemas=self.schemas),
            read_statement=StatementReader(lambda: context, lambda _: UTF8),
            read_current=self._read_current,
            before=self.history,
        )
        self.before = self.cache.for_table_map(table_map(*WIRE))

    def _read_current(self, tables: Iterable[TableId], _end: BinlogPosition) -> dict[TableId, Table]:
        self.asked += tables
        return {}

    def take(self, sql: str) -> None:
        event = QueryEvent(EventHeader(0, 2, 1, 100, 0, "binlog.000001", 100, 200), 1, TABLE.database, sql, 0, 0)
        self.cache.foresee(event, self.cache.read(event), "", lambda: None)

    @property
    def is_forgotten(self) -> bool:
        return self.cache.for_table_map(table_map(*WIRE)) is not self.before


@pytest.mark.parametrize(
    "sql",
    [
        f"CREATE VIEW v AS SELECT * FROM {NAME}",
        f"CREATE TABLE IF NOT EXISTS {NAME} (c0 int)",
        f"GRANT SELECT ON {NAME} TO u",
        f"DROP TABLE {TABLE.database}.{TABLE.table}_of_the_database",
        "CREATE TABLE schema_version (id int)",
        "CREATE DATABASE another",
    ],
)
def test_a_statement_that_leaves_a_table_as_it_is_asks_nothing_and_forgets_nothing(sql: str) -> None:
    cached = Cached()
    cached.take(sql)
    assert cached.asked == []
    assert not cached.is_forgotten


@pytest.mark.parametrize(
    ("sql", "is_asked_for"),
    [
        (f"ALTER TABLE {NAME} ADD c2 INT", False),
        (f"DROP TABLE {NAME}", False),
        (f"DROP DATABASE {TABLE.database}", False),
        (f"RENAME TABLE {NAME} TO x, y TO {NAME}", True),
        (f"CREATE TABLE {NAME} SELECT 1", True),
        (f"ALTER TABLE {NAME} ADD c2 NOTHING THAT (ANYBODY", True),
    ],
)
def test_a_statement_that_changes_a_table(sql: str, is_asked_for: bool) -> None:
    cached = Cached()
    cached.take(sql)
    assert cached.asked == ([TABLE] if is_asked_for else [])
    assert cached.is_forgotten


OTHER = TableId(TABLE.database, "read_along")


@pytest.mark.parametrize(
    "sql",
    [
        f"ALTER TABLE IF EXISTS {OTHER} RENAME COLUMN c1 TO latter",
        f"RENAME TABLE IF EXISTS elsewhere.a TO {OTHER}",
        f"RENAME TABLE IF EXISTS {str(OTHER).upper()} TO elsewhere.a",
    ],
)
def test_a_table_that_was_only_read_along_is_read_again_behind_a_statement_that_names_it(sql: str) -> None:
    """To the statement's reading it is not known, and nothing is what IF EXISTS does to that.

    Without names in the table map the values would go out under those of before.
    """
    server = {TABLE: NOW, OTHER: replace(NOW, id=OTHER)}
    cached = Cached(lambda: server, MARIADB)
    changed = replace(NOW, id=OTHER, columns=(NOW.columns[0], replace(NOW.columns[1], name="latter")))
    server = {TABLE: NOW, OTHER: changed}
    cached.take(sql)
    found = cached.cache.for_table_map(replace(table_map(*WIRE), table=OTHER.table))
    assert found is not None
    assert found.transcoder.plan.table == changed
    assert not cached.is_forgotten


def test_a_rename_of_a_table_that_is_listed_and_not_known_is_no_bug_of_the_reader(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Rows show other columns than the history tells, and their table map tells no keys."""
    cached = Cached()
    other = replace(NOW, columns=(NOW.columns[0], replace(NOW.columns[1], name="former")))
    cached.history[TABLE] = other
    cached.take(f"RENAME TABLE {NAME} TO x")
    assert "Our reader failed" not in caplog.text
    assert cached.asked == [TABLE]
    assert cached.is_forgotten


def test_a_truncate_before_the_first_row_notes_the_version_that_its_record_has() -> None:
    cached = Cached()
    cached.take(f"DROP TABLE {NAME}")
    cached.server = lambda: {TABLE: replace(NOW, columns=NOW.columns[:1])}
    place = BinlogPosition("binlog.000001", 300)
    found = cached.cache.for_truncated(TABLE, place)
    assert found is not None
    assert found.origin is Origin.SERVER
    ((noted, version),) = cached.schemas.take_news()
    assert (noted, version.version, version.origin) == (TABLE, 2, "server")
    assert (version.file, version.pos) == place


def test_a_table_that_may_have_been_there_is_asked_for() -> None:
    cached = Cached()
    cached.take(f"DROP TABLE {NAME}")
    cached.history.clear()
    cached.take(f"CREATE TABLE IF NOT EXISTS {NAME} (c0 int)")
    assert cached.asked == [TABLE]


@pytest.mark.parametrize(
    ("sql", "is_about_all"),
    [
        ("DROP DATABASE x", True),
        ("/*!40000 DROP DATABASE IF EXISTS `x`*/", True),
        ("create or /* not */ replace schema x", True),
        ("ALTER SCHEMA x COLLATE utf8mb4_bin", True),
        ("CREATE INDEX flyway_schema_history_idx ON schema_history (database_id)", False),
        ("/* drop database x */ DROP TABLE the_schema", False),
        ("ALTER TABLE a COMMENT 'drop database x'", False),
        ("DROP TABLE databases", False),
    ],
)
def test_only_statements_about_databases_name_every_table(sql: str, is_about_all: bool) -> None:
    concerned = tables_named_in(sql)
    assert concerned(TableId("x", "q9")) is is_about_all
    assert concerned(TableId("y", "A")) is ("a" in sql.lower() or is_about_all)


@pytest.mark.parametrize(
    ("name", "written"), [("a`b", "`A``b`"), ('a"b', '"a""b"'), ('a"b', '`a"b`'), ("a`b", '"a`b"'), ("it's", "`it's`")]
)
def test_a_name_with_quotes_in_it_is_found_as_a_statement_has_it(name: str, written: str) -> None:
    concerned = tables_named_in(f"ALTER TABLE {written} NOVELTY")
    assert concerned(TableId("x", name))
    assert not concerned(TableId("x", name + name))
