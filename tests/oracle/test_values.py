"""Three oracles besides Debezium, on MySQL and MariaDB: the database itself, its binlog reader, mysql-replication.

One table of every type with seeded values is written; each oracle says in its own way what is in it, and what a reader
of our topic gets is held against that, cell by cell. The number of cells compared is printed.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from faust_cdc.relational.model import Column, Table
from tests.lab import MariaDbServer, MySqlServer, SqlServer
from tests.oracle import binlog_text, database, replication_library
from tests.oracle.captured_rows import AvroRow, inserted_rows
from tests.transcode.both_paths import rows_events, tables_from_server
from tests.transcode.test_both_paths import insert
from tests.transcode.test_equal_bytes import BOTH, MARIADB_ONLY, MYSQL_ONLY

pytestmark = pytest.mark.integration

ROWS = 60
SEED = 20_261_121


@dataclass(frozen=True)
class Written:
    """What was written and streamed."""

    server: SqlServer
    tables: dict[str, Table]
    rows: dict[str, list[AvroRow]]


LEFT_OUT: dict[str, tuple[str, ...]] = {
    "t": (),
    "plain": ("point", "linestring", "polygon", "multi", "geometry", "vector"),
    "narrow": ("point", "linestring", "polygon", "multi", "geometry", "vector", "json"),
}
"""Table → the types it lacks, as other readers give up at them: the server's at shapes, mysql-replication at JSON."""


def written(server: SqlServer, name: str) -> Written:
    """Write the tables and stream them."""
    types = [*BOTH, *(MYSQL_ONLY if isinstance(server, MySqlServer) else MARIADB_ONLY)]
    dice = random.Random(SEED)
    sql = ["SET sql_mode='ALLOW_INVALID_DATES'"]
    for table, left_out in LEFT_OUT.items():
        chosen = [one for one in types if not one[0].startswith(left_out)] if left_out else types
        body = ", ".join(f"`c{n}` {definition}" for n, (definition, _) in enumerate(chosen))
        server.execute(f"SET sql_mode=''; CREATE TABLE {table} (id int PRIMARY KEY, {body})", name)
        sql.append(insert(chosen, ROWS, dice).replace("INSERT INTO t ", f"INSERT INTO {table} "))
    tables = tables_from_server(server, name, *LEFT_OUT)
    events = rows_events(server, tables, "; ".join(sql))
    rows = {table.id.table: inserted_rows(table, events[table.id]) for table in tables}
    assert [len(found) for found in rows.values()] == [ROWS] * len(LEFT_OUT)
    return Written(server, {table.id.table: table for table in tables}, rows)


@pytest.fixture(scope="module", params=[MySqlServer, MariaDbServer], ids=["mysql", "mariadb"])
def every_type(request: pytest.FixtureRequest) -> Iterator[Written]:
    server: SqlServer = request.getfixturevalue(request.param.name)
    name = "oracle"
    server.execute("FLUSH BINARY LOGS")
    server.create_database(name)
    yield written(server, name)
    server.drop_database(name)


def _as_text(said: object) -> str:
    return said.decode("ascii") if isinstance(said, bytes) else str(said)


Same = Callable[[Column, Any, Any], bool]


def agree(what: str, columns: Sequence[Column], rows: list[AvroRow], said: list[list[Any]], same: Same) -> None:
    """Assert that an oracle says of every value what we say, and that it would not agree to anything."""

    def wrong(ours: list[AvroRow]) -> list[str]:
        return [
            f"{column.name} {column.type_expression}: {row.fields[column.name]!r}, the oracle says {value!r}"
            for row, values in zip(ours, said, strict=True)
            for column, value in zip(columns, values, strict=True)
            if not same(column, row.fields[column.name], value)
        ]

    compared = len(columns) * len(rows)
    print(f"{what}: {compared} values compared")
    assert wrong(rows) == []
    assert len(wrong([*rows[1:], rows[0]])) > compared / 3, "rows compared with their neighbours"
    assert compared > 2000


def test_the_database_says_the_same(every_type: Written) -> None:
    questions = {column.name: database.question(column) for column in every_type.tables["t"].columns}
    sql = f"SELECT {', '.join(expression for expression, _ in questions.values())} FROM t ORDER BY id"
    answers = [list(answer) for answer in every_type.server.query(sql, every_type.tables["t"].id.database)]

    def same(column: Column, ours: Any, said: Any) -> bool:
        if ours is None or said is None:
            return ours is said
        return questions[column.name][1](ours, _as_text(said))

    agree(f"database, {every_type.server.name}", every_type.tables["t"].columns, every_type.rows["t"], answers, same)


def test_the_servers_binlog_reader_says_the_same(every_type: Written) -> None:
    server, mysql = every_type.server, isinstance(every_type.server, MySqlServer)
    columns = every_type.tables["plain"].columns
    rows = binlog_text.printed_rows(server, server.data_folder / newest_binlog(server), "plain")
    printed = [[row[number] for number in range(1, len(columns) + 1)] for row in rows]

    def same(column: Column, ours: Any, said: Any) -> bool:
        return binlog_text.same(column, ours, said, mysql=mysql)

    agree(f"binlog reader, {server.name}", columns, every_type.rows["plain"], printed, same)


def test_mysql_replication_says_the_same(every_type: Written) -> None:
    server = every_type.server
    columns = [column for column in every_type.tables["narrow"].columns if replication_library.covers(column)]
    rows = replication_library.read_rows(server, newest_binlog(server), "narrow")
    values = [[row[column.name] for column in columns] for row in rows]
    agree(f"mysql-replication, {server.name}", columns, every_type.rows["narrow"], values, replication_library.same)


def newest_binlog(server: SqlServer) -> str:
    return str(server.query("SHOW BINARY LOGS")[-1][0])
