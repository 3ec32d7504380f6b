"""How a table's ranges are handed out: their size follows the rows, what was too much is cut, and none is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import Any

import pytest
from pymysql.connections import Connection

from faust_cdc.mysql.chunk_statements import ChunkLocked
from faust_cdc.mysql.connection import SourceAddress, connect, query
from faust_cdc.mysql.schema import read_tables
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import KeyRange, TableProgress
from faust_cdc.snapshot.ranges import FILLED, FIRST_ROWS, KILLS_MAX, STATEMENT_MAX_MS, TableRanges
from tests.lab import MySqlServer
from tests.mysql.chunks.walking import some_key_of

pytestmark = pytest.mark.integration

MIB = 1 << 20
BYTES_MAX = 24 * MIB
ROWS = 20_000
PAIRS = 100
"""Rows that have one value of `w`."""


@pytest.fixture
def database(mysql: MySqlServer, mysql_database: str) -> str:
    mysql.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, w INT NOT NULL, INDEX (w)); "
        "SET SESSION cte_max_recursion_depth = 1000000; INSERT INTO t WITH RECURSIVE n (n) AS "
        f"(SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS}) SELECT n, n DIV {PAIRS} FROM n; ANALYZE TABLE t",
        mysql_database,
    )
    return mysql_database


@pytest.fixture
def connection(mysql: MySqlServer) -> Iterator[Connection[Any]]:
    address = SourceAddress(mysql.host, mysql.port, mysql.user, mysql.password)
    with closing(connect(address, purpose="a test")) as opened:
        yield opened


def ranges_of(
    connection: Connection[Any], database: str, rows_max: int = 20_000, surrogate_key: str | None = None
) -> TableRanges:
    table = TableId(database, "t")
    key = some_key_of(connection, table, surrogate_key)
    return TableRanges(read_tables(connection, [table])[table], key, TableProgress(table), rows_max)


def count(connection: Connection[Any], ranges: TableRanges, one: KeyRange) -> int:
    """Return the rows of a range of `id` or `w`."""
    column = ranges.key.columns[0].name
    low = one.low[0] if one.low else -1
    high = one.high[0] if one.high else 1 << 30
    table = ranges.table.id
    sql = f"SELECT COUNT(*) FROM `{table.database}`.t WHERE {column} > {low} AND {column} <= {high}"
    return int(query(connection, sql, doing="counting")[0][0])


def check_open(ranges: TableRanges, rest_low: int = 0) -> None:
    """What is open lies end to end, and where nothing more is planned it goes to the end of the table."""
    progress = ranges.progress(TableProgress(ranges.table.id))
    assert all(one.high == other.low for one, other in pairwise(progress.open_ranges))
    if progress.is_planned:
        assert progress.open_ranges[-1].high is None
    else:
        assert progress.open_ranges[-1].high == progress.planned_to


def test_ranges_grow_with_what_fits(connection: Connection[Any], database: str) -> None:
    ranges = ranges_of(connection, database)
    assert ranges.rows_per_chunk == FIRST_ROWS
    assert ranges.expected_bytes(BYTES_MAX) == BYTES_MAX, "nothing is known"
    first = ranges.take(connection)
    assert first is not None
    ranges.was_read(first, 1000, 1000 * 4096, BYTES_MAX, 0.1)
    wanted = int(FILLED * BYTES_MAX / 4096)
    assert ranges.rows_per_chunk == pytest.approx(4000, abs=1)
    ranges.was_read(first, 4000, 4000 * 4096, BYTES_MAX, 0.1)
    assert ranges.rows_per_chunk == wanted, "not all that the option allows"
    assert ranges.expected_bytes(BYTES_MAX) == pytest.approx(FILLED * BYTES_MAX, rel=0.01)
    ranges.was_read(first, wanted, wanted * 8192, BYTES_MAX, 0.1)
    assert ranges.rows_per_chunk == wanted // 2, "rows are larger now"
    for _ in range(20):
        ranges.was_read(first, ranges.rows_per_chunk, ranges.rows_per_chunk * 100, BYTES_MAX, 0.1)
    assert ranges.rows_per_chunk == 20_000
    ranges.was_read(first, 20_000, 100, BYTES_MAX, STATEMENT_MAX_MS / 1000 * 0.9)
    assert ranges.rows_per_chunk < 1000, "of a range that was planned with 1000 and nearly took too long"


def test_what_has_too_many_bytes_is_cut_where_it_fits(connection: Connection[Any], database: str) -> None:
    """The first rows are small, then large ones come: neither is read in pieces for the other."""
    ranges = ranges_of(connection, database)
    ranges.rows_per_chunk = 20_000
    first = ranges.take(connection)
    assert first == KeyRange()
    assert ranges.take(connection) is None
    ranges.too_large(first, rows=8012, rows_at_half=8000)
    assert ranges.has_more
    parts = [ranges.take(connection) for _ in range(4)]
    assert [count(connection, ranges, one) for one in parts if one] == [8000, 12, 12, 12]
    check_open(ranges)
    for one in parts:
        assert one is not None
        ranges.written(one)
        ranges.was_read(one, 12, 12 * MIB, BYTES_MAX, 0.1)
    sizes = []
    while (one := ranges.take(connection)) is not None:
        rows = count(connection, ranges, one)
        sizes.append(rows)
        ranges.was_read(one, rows, rows * 100, BYTES_MAX, 0.1)
        check_open(ranges)
        ranges.written(one)
    assert sum(sizes) == ROWS - 8036
    assert sizes[0] < 20, "large rows were read last"
    assert max(sizes) > 1500, "it grows back"
    assert len(sizes) < 40
    assert ranges.is_finished


def test_several_that_are_too_much_do_not_add_up(connection: Connection[Any], database: str) -> None:
    ranges = ranges_of(connection, database, 2000)
    taken = [ranges.take(connection) for _ in range(4)]
    for one in taken:
        assert one is not None
        ranges.too_slow(one)
    assert ranges.rows_per_chunk == 500
    parts = [one for _ in range(8) if (one := ranges.take(connection)) is not None]
    assert [count(connection, ranges, one) for one in parts] == [500] * 8


def test_what_is_killed_or_locked_is_read_again_as_it_is(
    mysql: MySqlServer, connection: Connection[Any], database: str
) -> None:
    ranges = ranges_of(connection, database, 2000)
    taken = ranges.take(connection)
    for _ in range(KILLS_MAX):
        assert taken is not None
        ranges.killed(taken)
        assert ranges.take(connection) == taken
    assert ranges.rows_per_chunk == FIRST_ROWS
    assert taken is not None
    ranges.killed(taken)
    assert ranges.rows_per_chunk == FIRST_ROWS // 2, "somebody watches over long statements"
    query(connection, "SET SESSION lock_wait_timeout = 1", doing="a test")
    size = ranges.rows_per_chunk
    with locked(mysql, database):
        for _ in range(2):
            with pytest.raises(ChunkLocked):
                ranges.take(connection)
    assert ranges.rows_per_chunk == size
    total = 0
    while (one := ranges.take(connection)) is not None:
        total += count(connection, ranges, one)
        ranges.written(one)
    assert total == ROWS, "what could not be cut or planned under the lock was not lost"


@contextmanager
def locked(mysql: MySqlServer, database: str) -> Iterator[None]:
    with mysql.admin(database) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE")
        yield


def test_nobody_waits_for_a_plan(mysql: MySqlServer, connection: Connection[Any], database: str) -> None:
    """The task asks for progress at every chunk; the server may take a minute for a plan."""
    ranges = ranges_of(connection, database)
    first = ranges.take(connection)
    assert first is not None
    found: list[KeyRange | None] = []
    planning = threading.Thread(target=lambda: found.append(ranges.take(connection)), daemon=True)
    with locked(mysql, database):
        planning.start()
        waits = f"SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE object_schema = '{database}' AND "
        while not mysql.query(f"{waits} lock_status = 'PENDING'")[0][0]:
            assert planning.is_alive()
        assert ranges.has_more
        assert not ranges.is_finished
        ranges.written(first)
        ranges.give_back(first)
        ranges.was_read(first, 1, 1, BYTES_MAX, 0.1)
        assert ranges.progress(TableProgress(ranges.table.id)).open_ranges == ()
        assert planning.is_alive()
        assert found == []
    planning.join(60)
    assert found == [KeyRange(("1000",), ("2000",))]


def test_rows_of_one_key_are_not_cut(connection: Connection[Any], database: str) -> None:
    ranges = ranges_of(connection, database, 1000, "w")
    taken = ranges.take(connection)
    assert taken == KeyRange(None, ("10",))
    assert not ranges.is_one_key(taken)
    ranges.too_large(taken, rows=150, rows_at_half=70)
    parts = [one for _ in range(3) if (one := ranges.take(connection)) is not None]
    assert [one.high for one in parts] == [("0",), ("1",), ("2",)], "whole values"
    assert not ranges.is_one_key(parts[0])
    ranges.too_large(parts[1], rows=50, rows_at_half=20)
    again = ranges.take(connection)
    while again != parts[1]:
        again = ranges.take(connection)
    assert ranges.is_one_key(parts[1])
    check_open(ranges)
    ranges.written(parts[1])
    assert not ranges.is_one_key(parts[1])


def test_a_restart_reads_what_was_open_and_in_parts_where_it_is_large(
    connection: Connection[Any], database: str
) -> None:
    ranges = ranges_of(connection, database)
    ranges.rows_per_chunk = 15_000
    large, last = ranges.take(connection), ranges.take(connection)
    assert large is not None
    assert last == KeyRange(("15000",), None)
    ranges.too_large(large, rows=1200, rows_at_half=600)
    done = ranges.take(connection)
    assert done is not None
    ranges.written(done)
    stored = ranges.progress(TableProgress(ranges.table.id))
    assert stored.open_ranges == (KeyRange(("600",), ("15000",)), last)
    stored = TableProgress.from_json(ranges.table.id, stored.to_json())
    resumed = TableRanges(ranges.table, ranges.key, stored, 20_000)
    sizes = []
    while (one := resumed.take(connection)) is not None:
        sizes.append(count(connection, resumed, one))
        resumed.written(one)
    assert sum(sizes) == ROWS - 600
    assert max(sizes) == FIRST_ROWS
    assert resumed.is_finished
