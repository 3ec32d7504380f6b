"""At a DDL statement: what is asked of the server about it, and which tables are forgotten by it."""

from __future__ import annotations

from collections.abc import Iterable

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
from faust_cdc.routing import TopicNaming
from faust_cdc.transcode.plan import TranscodeOptions
from tests.transcode.images import TABLE, columns, table, table_map

UTF8 = CharsetPair("utf8mb4", "utf8mb4_0900_ai_ci")
WIRE = (TableMapColumn(3, 0, False), TableMapColumn(3, 0, True))
NOW = table(*columns("int NOT NULL", "int"), key=("c0",))
NAME = f"{TABLE.database}.{TABLE.table}"


class Cached:
    """A cache with one table of which rows have come, and what it asks of the server behind statements."""

    def __init__(self) -> None:
        self.asked: list[TableId] = []
        self.history = {TABLE: NOW}
        converters = avro_converters(lambda _subject, _schema: 1)
        self.cache = TranscoderCache(
            TopicNaming("p"),
            TranscodeOptions(),
            lambda _: True,
            lambda _: {TABLE: NOW},
            converters,
            lambda _: None,
            evolution=SchemaEvolution(converters, lambda _: None, schemas=TableSchemas(SourcePartition("c", "p"))),
            read_statement=StatementReader(lambda: DdlContext("mysql", (9, 7, 0), "", UTF8), lambda _: UTF8),
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
