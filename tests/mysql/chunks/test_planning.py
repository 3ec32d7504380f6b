"""Planning and reading chunks on real servers: the work done, limits of time, conditions, changes meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from pymysql.connections import Connection

from faust_cdc.errors import CdcError, SchemaOutOfSync
from faust_cdc.mysql.chunk_statements import (
    ChunkKilled,
    ChunkLocked,
    ChunkTooLong,
    chunk_select,
    condition_problem,
    estimated_rows,
    override_problem,
    read_exactly,
    run_limited,
    too_long,
)
from faust_cdc.mysql.connection import SourceAddress, connect, is_mariadb, query
from faust_cdc.mysql.key_ranges import ChunkKey, Unchunkable, chunk_keys
from faust_cdc.mysql.prepared_query import PreparedQuery
from faust_cdc.mysql.range_planner import RangePlanner
from faust_cdc.mysql.schema import read_tables
from faust_cdc.relational.key_range import KeyRange
from faust_cdc.relational.model import TableId
from tests.lab.process import wait_until
from tests.lab.sql_servers import SqlServer
from tests.mysql.chunks.walking import check_walk, ranges, rows_of, some_key_of, walk

pytestmark = pytest.mark.integration

NUMBERS = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) "


def fill(server: SqlServer, database: str, definition: str, count: int, expressions: str) -> TableId:
    """Table `t` with rows made from the numbers 1 to `count`, called n."""
    deep = "max_recursive_iterations" if server.name == "mariadb" else "cte_max_recursion_depth"
    server.execute(
        f"SET SESSION {deep} = 1000000; CREATE TABLE t ({definition});"
        f"INSERT INTO t {NUMBERS.format(count=count)} SELECT {expressions} FROM n; ANALYZE TABLE t",
        database,
    )
    return TableId(database, "t")


def handler_reads(connection: Connection[Any]) -> int:
    rows = query(connection, "SHOW SESSION STATUS LIKE 'Handler_read%'", doing="counting reads")
    return sum(int(value) for _, value in rows)


@pytest.mark.parametrize(
    ("definition", "expressions"),
    [
        ("id BIGINT PRIMARY KEY, v VARCHAR(50)", "n * 3, REPEAT('v', 30)"),
        ("v VARCHAR(50), w VARCHAR(20) COLLATE utf8mb4_unicode_ci NOT NULL, UNIQUE (w)", "REPEAT('v', 30), HEX(n)"),
        (
            "a INT, b DATE, c BINARY(4), v VARCHAR(50), PRIMARY KEY (a, b, c)",
            "n % 3, '2024-01-01' + INTERVAL n % 40 DAY, UNHEX(LPAD(HEX(n), 8, '0')), REPEAT('v', 30)",
        ),
        ("a INT, b BIT(9), c CHAR(8), v VARCHAR(50), PRIMARY KEY (a, b DESC, c)", "n % 3, n % 511, n, REPEAT('v', 30)"),
    ],
)
def test_a_walk_reads_each_row_twice_at_most(
    server: SqlServer, connection: Connection[Any], database: str, definition: str, expressions: str
) -> None:
    """Once to plan, once to read: the server finds the ranges in the index and sorts nothing."""
    count, size = 20_000, 500
    table = fill(server, database, definition, count, expressions)
    key = some_key_of(connection, table)
    overhead = handler_reads(connection)
    overhead = handler_reads(connection) - overhead
    before = handler_reads(connection)
    found = ranges(RangePlanner(connection, table, key, size))
    assert len(found) == count // size
    planned = handler_reads(connection) - before - overhead
    assert planned <= 1.1 * count + 50 * len(found), "planning"
    assert sum(len(rows_of(connection, table, key, one)) for one in found) == count
    read = handler_reads(connection) - before - planned - 2 * overhead
    assert read <= 1.1 * count + 50 * len(found), "reading"


def test_a_walk_behind_a_key_and_up_to_one(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = fill(server, database, "id INT PRIMARY KEY", 100, "n")
    key = some_key_of(connection, table)

    def ends(**more: Any) -> list[Any]:
        return [one.high[0] if one.high else None for one in ranges(RangePlanner(connection, table, key, 30, **more))]

    assert ends() == ["30", "60", "90", None]
    assert ends(after=("90",)) == [None]
    assert ends(after=("40",), until=("80",)) == ["70", "80"]
    assert ends(after=("40",), until=("70",)) == ["70"]
    assert ends(after=("100",)) == []
    with pytest.raises(ValueError, match="at least one row"):
        RangePlanner(connection, table, key, 0)


def test_rows_that_stay_are_read_once_while_others_come_and_go(
    server: SqlServer, connection: Connection[Any], database: str
) -> None:
    table = fill(
        server,
        database,
        "k VARCHAR(20) COLLATE utf8mb4_unicode_ci PRIMARY KEY, stays INT",
        300,
        "HEX(n * 7), n % 3 = 0",
    )
    key = some_key_of(connection, table)
    stay = {row[0] for row in server.query("SELECT k FROM t WHERE stays", database)}
    chooser = random.Random(5)
    read: Counter[str] = Counter()
    planner = RangePlanner(connection, table, key, 7)
    with server.admin(database) as opened, opened.cursor() as cursor:
        while (one := planner.next()) is not None:
            cursor.execute(f"DELETE FROM t WHERE NOT stays ORDER BY RAND({chooser.randint(1, 99)}) LIMIT 3")
            for _ in range(3):
                cursor.execute("INSERT IGNORE INTO t VALUES (%s, 0)", (f"{chooser.randint(0, 9999):x}",))
            read.update(row[0] for row in rows_of(connection, table, key, one, columns=["k"]))
    assert max(read.values()) == 1
    assert stay <= set(read)


def test_chunks_that_take_too_long_become_smaller(
    server: SqlServer, connection: Connection[Any], database: str
) -> None:
    table = fill(server, database, "id INT PRIMARY KEY", 40, "n")
    key = some_key_of(connection, table)
    slow: dict[str, Any] = {"condition": "SLEEP(0.02) = 0", "limit_ms": 250}
    planner = RangePlanner(connection, table, key, 1000, **slow)
    waiting = list(reversed(ranges(planner)))
    assert waiting == [KeyRange()], "planned without the condition"
    read: list[int] = []
    failures = 0
    deadline = time.monotonic() + 120
    while waiting:
        assert time.monotonic() < deadline
        one = waiting.pop()
        try:
            read += [row[0] for row in rows_of(connection, table, key, one, columns=["id"], **slow)]
        except ChunkTooLong:
            failures += 1
            waiting += reversed(planner.split(one, 20) or (one,))  # a busy machine may be slow with one row too
    assert read == list(range(1, 41))
    assert failures >= 2


def test_a_range_is_split(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = fill(server, database, "id INT PRIMARY KEY, w INT NOT NULL, INDEX (w)", 100, "n, n DIV 60")
    key = some_key_of(connection, table)
    planner = RangePlanner(connection, table, key, 40)
    assert planner.split(KeyRange(("40",), ("80",)), 20) == (KeyRange(("40",), ("60",)), KeyRange(("60",), ("80",)))
    assert planner.split(KeyRange(("70",), ("80",)), 20) == (KeyRange(("70",), ("75",)), KeyRange(("75",), ("80",)))
    assert planner.split(KeyRange(("98",), None), 20) == (KeyRange(("98",), ("99",)), KeyRange(("99",), None))
    assert planner.split(KeyRange(("99",), None), 20) == (), "one key"
    assert planner.split(KeyRange(("300",), None), 20) == ()
    fits = KeyRange(("60",), ("80",))
    assert planner.split(fits, 20, is_too_much=False) == (fits,)
    assert planner.split(fits, 19, is_too_much=False) == (KeyRange(("60",), ("79",)), KeyRange(("79",), ("80",)))
    by_values = RangePlanner(connection, table, some_key_of(connection, table, "w"), 100)
    halves = KeyRange(None, ("0",)), KeyRange(("0",), None)
    assert by_values.split(KeyRange(), 50) == halves
    assert by_values.split(KeyRange(), 80) == halves, "not in the middle of a value"
    assert by_values.split(KeyRange(("0",), None), 50) == ()
    assert by_values.split(KeyRange(("0",), None), 10, is_too_much=False) == ()


def test_a_lock_asks_for_no_less(server: SqlServer, connection: Connection[Any], database: str) -> None:
    """No number of rows unlocks a table."""
    fill(server, database, "id INT PRIMARY KEY", 3, "n")
    admin = SourceAddress(server.host, server.port, "root", "")
    with closing(connect(admin, database=database, purpose="a test")) as mine:
        query(mine, "SET SESSION innodb_lock_wait_timeout = 1", doing="a test")
        with server.admin(database) as other, other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM t FOR UPDATE")
            with pytest.raises(ChunkLocked, match="1205"):
                run_limited(mine, "SELECT * FROM t FOR UPDATE", doing="a test")
            cursor.execute("ROLLBACK")
        with pytest.raises(SchemaOutOfSync):
            run_limited(mine, "SELECT x FROM t", doing="a test")
    assert too_long(ValueError("3024")) is None


def test_a_killed_statement_asks_for_less(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = fill(server, database, "id INT PRIMARY KEY", 3, "n")
    key = some_key_of(connection, table)
    thread = query(connection, "SELECT CONNECTION_ID()", doing="a test")[0][0]
    with server.admin() as opened, opened.cursor() as cursor:
        seconds = "(SELECT SLEEP(30)) = 0"

        def kill() -> None:
            def runs() -> bool:
                cursor.execute(
                    "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s AND info LIKE '%%SLEEP%%'",
                    (thread,),
                )
                row = cursor.fetchone()
                return row is not None and row[0] == 1

            wait_until(runs, timeout_s=30, what="a statement to kill", interval_s=0.05)
            cursor.execute(f"KILL QUERY {thread}")

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(ChunkKilled, match="1317"):
            rows_of(connection, table, key, KeyRange(), condition=f"id > 0 AND {seconds}")
        killer.join()
    assert len(rows_of(connection, table, key, KeyRange())) == 3


def test_conditions(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = fill(server, database, "id INT PRIMARY KEY, v INT, INDEX (v)", 1000, "n, n % 50")
    key = some_key_of(connection, table)
    condition = "v = 7 OR v = 8 -- of 50"
    chunks = walk(connection, table, key, 9, condition=condition)
    assert [len(chunk) for chunk in chunks] == [9, 9, 9, 9, 4]
    assert {int(row[0]) % 50 for chunk in chunks for row in chunk} == {7, 8}
    assert walk(connection, table, key, 9, condition="v = 99") == []
    assert condition_problem(connection, table, condition) is None
    assert "Unknown column 'x'" in str(condition_problem(connection, table, "x = 1"))
    for broken in ("v = ", "1 = 1) OR (1 = 1", "v = 1 THEN 1 END OR CASE WHEN v = 2", "v = 1 /* no end"):
        assert "syntax" in str(condition_problem(connection, table, broken))
    sql = chunk_select(table, ["id"], condition="v = 7\n # no more")
    assert len(query(connection, sql, doing="a test")) == 20


def test_overrides(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = fill(server, database, "id INT PRIMARY KEY, v INT", 1000, "n, n % 50")
    key = some_key_of(connection, table)
    override = f"SELECT * FROM `{database}`.t WHERE v < 5 ORDER BY id -- some;\n;"
    assert override_problem(connection, table, override) is None
    before = handler_reads(connection)
    chunks = walk(connection, table, key, 10, override=override)
    assert [len(chunk) for chunk in chunks] == [10] * 10
    assert handler_reads(connection) - before < 5000, "merged with the range: no chunk reads the table"
    whole = query(connection, chunk_select(table, ["id", "v"], override=override), doing="a test")
    assert len(whole) == 100
    for whole_only in ("LIMIT 10", "GROUP BY id", "UNION SELECT 1, 2"):
        problem = override_problem(connection, table, f"SELECT id, v FROM `{database}`.t {whole_only}")
        assert "run it whole for each chunk" in str(problem)
    torn = f"SELECT id, v FROM `{database}`.t) AS x, (SELECT 1"
    assert "syntax" in str(override_problem(connection, table, torn))
    assert "doesn't exist" in str(override_problem(connection, table, f"SELECT * FROM `{database}`.x"))


@pytest.mark.parametrize("limit_ms", [0, 60_000])
def test_chunks_as_prepared_statements(
    server: SqlServer, connection: Connection[Any], database: str, limit_ms: int
) -> None:
    """As a snapshot reads them: limit of time, forced index and literals are taken there too."""
    table = fill(server, database, "k VARCHAR(20) PRIMARY KEY, v INT", 100, "HEX(n), n")
    key = some_key_of(connection, table)
    found = ranges(RangePlanner(connection, table, key, 30, limit_ms=limit_ms))
    counts = []
    for one in found:
        sql = chunk_select(table, ["k", "v"], key, one, limit_ms=limit_ms, mariadb=is_mariadb(connection))
        with PreparedQuery(connection, sql, too_long, lambda: False, 60_000) as rows:
            counts.append(sum(1 for _ in iter(rows.next_row, None)))
            assert rows.is_complete
    assert counts == [30, 30, 30, 10]


def test_a_prepared_chunk_that_takes_too_long(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = fill(server, database, "id INT PRIMARY KEY", 100, "n")
    key = some_key_of(connection, table)
    slow: dict[str, Any] = {"condition": "SLEEP(0.1) = 0", "limit_ms": 300, "mariadb": is_mariadb(connection)}
    sql = chunk_select(table, ["id"], key, KeyRange(), **slow)
    with pytest.raises(ChunkTooLong), PreparedQuery(connection, sql, too_long, lambda: False, 60_000) as rows:
        list(iter(rows.next_row, None))


def test_a_partitioned_table(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = TableId(database, "t")
    server.execute("CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a)) PARTITION BY HASH (a) PARTITIONS 5", database)
    server.execute(f"INSERT INTO t {NUMBERS.format(count=500)} SELECT n, n % 7 FROM n", database)
    key = some_key_of(connection, table)
    for size in (1, 7, 1000):
        check_walk(connection, table, key, size)


def test_what_a_servers_defaults_stand_against(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = fill(server, database, "id INT PRIMARY KEY", 20, "n")
    key = some_key_of(connection, table)
    for one in ("sql_select_limit = 3", "sql_big_selects = 0", "max_join_size = 1"):
        query(connection, f"SET SESSION {one}", doing="a test")
    query(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", doing="a test")
    with server.admin(database) as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t VALUES (99)")
        assert [len(chunk) for chunk in walk(connection, table, key, 100)] == [20]


def test_a_session_is_prepared_and_keeps_its_other_modes(server: SqlServer, connection: Connection[Any]) -> None:
    query(connection, "SET SESSION sql_mode = 'TRADITIONAL,ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH'", doing="a test")
    for _ in range(2):
        read_exactly(connection)
        ((modes,),) = query(connection, "SELECT @@SESSION.sql_mode", doing="a test")
        assert {"ALLOW_INVALID_DATES", "ANSI_QUOTES"} <= set(modes.split(","))
        assert not {"NO_ZERO_DATE", "TRADITIONAL", "PAD_CHAR_TO_FULL_LENGTH", "STRICT_ALL_TABLES"} & set(
            modes.split(",")
        )


def test_estimates(server: SqlServer, connection: Connection[Any], database: str) -> None:
    table = fill(server, database, "id INT PRIMARY KEY", 5000, "n")
    server.execute("CREATE VIEW v AS SELECT * FROM t", database)
    wanted = [table, TableId(database, "gone"), TableId(database, "v"), TableId("nowhere", "t")]
    found = estimated_rows(connection, wanted)
    assert set(found) == {table}
    assert 2500 <= found[table] <= 10_000
    server.execute("DELETE FROM t WHERE id > 100; ANALYZE TABLE t", database)
    assert estimated_rows(connection, [table])[table] <= 200
    assert estimated_rows(connection, []) == {}


@pytest.mark.parametrize("ddl", ["DROP TABLE t", "ALTER TABLE t DROP INDEX id", "ALTER TABLE t DROP COLUMN id"])
def test_a_changed_table_is_no_matter_of_size(
    server: SqlServer, connection: Connection[Any], database: str, ddl: str
) -> None:
    table = fill(server, database, "id INT NOT NULL, v INT, UNIQUE (id)", 5, "n, n")
    key: ChunkKey = some_key_of(connection, table)
    planner = RangePlanner(connection, table, key, 2)
    assert planner.next() == KeyRange(None, ("2",))
    server.execute(ddl, database)
    with pytest.raises(CdcError) as caught:
        planner.next()
    assert isinstance(caught.value, SchemaOutOfSync)
    assert is_mariadb(connection) == (server.name == "mariadb")


def test_a_table_that_is_gone_is_no_table_without_an_index(
    server: SqlServer, database: str, connection: Connection[Any]
) -> None:
    gone, bare = TableId(database, "gone"), TableId(database, "bare")
    server.execute("CREATE TABLE gone (id INT PRIMARY KEY); CREATE TABLE bare (id INT PRIMARY KEY)", database)
    structures = read_tables(connection, [gone, bare])
    server.execute("DROP TABLE gone; ALTER TABLE bare DROP PRIMARY KEY", database)
    found = chunk_keys(connection, structures.values())
    assert isinstance(found[gone], ChunkKey), "read in ranges: none of its changes waits for a copy"
    assert found[bare] == Unchunkable(f"{bare} has no unique index over (id) now.")
