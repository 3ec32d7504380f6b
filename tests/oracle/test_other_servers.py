"""The oldest and newest servers that can be had: MySQL 5.6, MariaDB 10.2, 11.4 and 11.8.

On each, a table of the types that it knows: the snapshot's rows are the streamed ones, the database itself says the
same of every value, and a whole task reads it, by GTID where the server has them and by file position where not.
"""

import json
import random
import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from faust_cdc.relational.model import Column
from tests.lab import Apicurio, KafkaBroker, SqlServer
from tests.lab.other_servers import MariaDb102Server, MariaDb114Server, MariaDb118Server, MySql56Server
from tests.oracle import database
from tests.oracle.captured_rows import inserted_rows
from tests.oracle.test_values import _as_text, agree
from tests.pipeline.test_task import Bench, exercise
from tests.transcode.both_paths import captured, differences, rows_events, snapshot, tables_from_server
from tests.transcode.test_both_paths import Literal, insert
from tests.transcode.test_equal_bytes import BOTH, MARIADB_ONLY, one_of

pytestmark = pytest.mark.timeout(900)  # the servers are downloaded on the first run
IS_32_BIT = (MySql56Server,)
"""Not run by `./dev test` alone: not every machine runs programs of 32 bits. `./dev test legacy` does."""

ROWS = 60
SEED = 20_261_121
NAME = "other"
_FLOAT = struct.Struct("<f")

_UUID = ("uuid", one_of("'0d0e0000-0000-0000-0000-000000000000'", "'6ccd780c-baba-1026-9564-5b8c656024db'"))
_INET = [
    ("inet4", one_of("'0.0.0.0'", "'255.255.255.255'", "'10.1.0.0'")),
    ("inet6", one_of("'::'", "'2001:db8::ff00:42:8329'", "'::ffff:1.2.3.4'")),
]
_COMPRESSED: list[tuple[str, Literal]] = [
    ("text COMPRESSED", one_of("REPEAT('é', 500)", "''", "'a'")),
    ("varbinary(2000) COMPRESSED", one_of("REPEAT(X'00ff', 500)", "''")),
]
_NEWER_MARIADB = [*MARIADB_ONLY, *_COMPRESSED, _UUID, *_INET]
_LATE = one_of("'2038-01-19 03:14:08'", "'2106-02-07 06:28:14'", "'2100-02-28 23:59:59'")
_VECTOR = one_of("VEC_FromText('[1,-2.5,3e30]')", "VEC_FromText('[0,-0.0,1e-30]')")

TYPES: dict[type[SqlServer], list[tuple[str, Literal]]] = {
    MySql56Server: BOTH,
    MariaDb102Server: [*BOTH, *MARIADB_ONLY],
    MariaDb114Server: [*BOTH, *_NEWER_MARIADB],
    MariaDb118Server: [
        *(BOTH + _NEWER_MARIADB),
        *[("timestamp NULL", _LATE), ("timestamp(6) NULL", _LATE), ("vector(3)", _VECTOR)],
    ],
}
"""Server → column definition → its values."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(one, marks=pytest.mark.legacy if one in IS_32_BIT else pytest.mark.slow, id=one.name)
        for one in TYPES
    ],
)
def server(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    with request.param() as running:
        yield running


@pytest.fixture
def fresh(server: SqlServer) -> Iterator[str]:
    server.create_database(NAME)
    yield NAME
    server.drop_database(NAME)


def create(server: SqlServer, table: str) -> None:
    body = ", ".join(f"`c{n}` {definition}" for n, (definition, _) in enumerate(TYPES[type(server)]))
    sql = f"SET sql_mode=''; CREATE TABLE {table} (id int PRIMARY KEY, {body}) ROW_FORMAT=DYNAMIC"
    server.execute(sql, NAME)


def test_snapshot_and_stream_see_the_same_rows(server: SqlServer, fresh: str) -> None:
    create(server, "t")
    change = "UPDATE t SET id = id + 1000 WHERE id % 2 = 0; DELETE FROM t WHERE id % 5 = 0"
    sql = f"SET sql_mode='ALLOW_INVALID_DATES'; {insert(TYPES[type(server)], ROWS, random.Random(SEED))}; {change}"
    found = captured(server, tables_from_server(server, fresh, "t"), sql)["t"]
    assert (len(found.inserted), len(found.updated)) == (ROWS, ROWS // 2)
    rows = {row[0]: row for row in found.inserted}
    for before, after in found.updated:
        assert repr(rows.pop(before[0])) == repr(before)
        rows[after[0]] = after
    for row in found.deleted:
        assert repr(rows.pop(row[0])) == repr(row)
    read = snapshot(server, found.transcoder)
    assert len(read) == len(rows)
    assert differences(found.transcoder, list(rows.values()), read) == []


def test_the_database_says_the_same(server: SqlServer, fresh: str) -> None:
    create(server, "t")
    (table,) = tables_from_server(server, fresh, "t")
    sql = f"SET sql_mode='ALLOW_INVALID_DATES'; {insert(TYPES[type(server)], ROWS, random.Random(SEED + 1))}"
    rows = inserted_rows(table, rows_events(server, [table], sql)[table.id])
    questions = {column.name: question(server, column) for column in table.columns}
    select = f"SELECT {', '.join(expression for expression, _ in questions.values())} FROM t ORDER BY id"
    answers = [list(answer) for answer in server.query(select, fresh)]

    def same(column: Column, ours: Any, said: Any) -> bool:
        if ours is None or said is None:
            return ours is said
        return questions[column.name][1](ours, _as_text(said))

    agree(f"database, {server.name}", table.columns, rows, answers, same)


def question(server: SqlServer, column: Column) -> tuple[str, database.Same]:
    """What the oracle asks, in the words of an older server."""
    if column.type_name in ("uuid", "inet4", "inet6"):
        return f"CAST(`{column.name}` AS CHAR)", lambda value, answer: bool(value == answer)
    if column.type_name == "vector":
        # It shows -0.0 as 0.
        return f"VEC_ToText(`{column.name}`)", lambda value, answer: bool(
            value == [_FLOAT.unpack(_FLOAT.pack(one))[0] for one in json.loads(answer)]
        )
    expression, same = database.question(column)
    if isinstance(server, MySql56Server):
        expression = re.sub(r"CAST\((`\w+`) AS DOUBLE\)", r"(\1 + 0e0)", expression)
    return expression, same


def test_a_task_reads_it(server: SqlServer, fresh: str, kafka: KafkaBroker, apicurio: Apicurio) -> None:
    bench = Bench(server, kafka, apicurio, fresh)
    exercise(bench)
    offset = bench.stored_offset()
    assert ("gtids" in offset) is not isinstance(server, MySql56Server)


@pytest.mark.legacy
def test_old_rows_events_without_checksums_by_gtid(kafka: KafkaBroker, apicurio: Apicurio) -> None:
    options = ["--log-bin-use-v1-row-events=ON", "--binlog-checksum=NONE"]
    with MySql56Server(gtid_mode=True, extra_args=options) as server:
        server.create_database(NAME)
        bench = Bench(server, kafka, apicurio, NAME)
        exercise(bench)
        (executed,) = server.query("SELECT @@global.gtid_executed")[0]
        assert bench.stored_offset()["gtids"] == str(executed).replace("\n", "")
