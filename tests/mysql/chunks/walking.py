"""Walks through a table as a snapshot does, and what the walk must have found."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from pymysql.connections import Connection

from faust_cdc.mysql.chunk_statements import chunk_select, run_limited
from faust_cdc.mysql.connection import is_mariadb, query
from faust_cdc.mysql.key_ranges import ChunkKey, Unchunkable, chunk_keys
from faust_cdc.mysql.names import quote
from faust_cdc.mysql.range_planner import RangePlanner
from faust_cdc.mysql.schema import read_tables
from faust_cdc.relational.key_range import KeyRange
from faust_cdc.relational.model import TableId

SIZES = (1, 2, 3, 7, 1000)


def key_of(connection: Connection[Any], table: TableId, surrogate_key: str | None = None) -> ChunkKey | Unchunkable:
    """The chunk key of a table as it is now."""
    structures = read_tables(connection, [table])
    return chunk_keys(connection, structures.values(), surrogate_key)[table]


def some_key_of(connection: Connection[Any], table: TableId, surrogate_key: str | None = None) -> ChunkKey:
    """The chunk key of a table that has one."""
    key = key_of(connection, table, surrogate_key)
    assert isinstance(key, ChunkKey), key
    return key


def ranges(planner: RangePlanner) -> list[KeyRange]:
    """All that a planner gives."""
    found = []
    while (one := planner.next()) is not None:
        found.append(one)
    assert planner.is_done
    assert planner.next() is None
    return found


def rows_of(
    connection: Connection[Any],
    table: TableId,
    key: ChunkKey,
    key_range: KeyRange,
    *,
    columns: list[str] | None = None,
    **more: Any,
) -> list[tuple[Any, ...]]:
    """The rows of a chunk, by default its keys."""
    sql = chunk_select(table, columns or key.select_list(), key, key_range, mariadb=is_mariadb(connection), **more)
    return run_limited(connection, sql, doing="reading a chunk")


def walk(connection: Connection[Any], table: TableId, key: ChunkKey, size: int, **more: Any) -> list[list[Any]]:
    """The rows of each chunk of a table; `more` as of `RangePlanner`."""
    planner = RangePlanner(connection, table, key, size, **more)
    found = ranges(planner)
    assert all(one.high == other.low for one, other in pairwise(found))
    return [rows_of(connection, table, key, one, **more) for one in found]


def check_walk(connection: Connection[Any], table: TableId, key: ChunkKey, size: int) -> None:
    """Each row of the table is in one chunk, and the chunks are as large as asked for, no two of equal keys apart."""
    name = f"{quote(table.database)}.{quote(table.table)}"
    expected = query(connection, f"SELECT {', '.join(key.select_list())} FROM {name}", doing="reading a table")
    chunks = walk(connection, table, key, size)
    read = [row for chunk in chunks for row in chunk]
    assert Counter(read) == Counter(expected), f"{table} by {key.describe()}, {size} rows a chunk"
    if key.unique:
        assert [len(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
        assert not chunks or 1 <= len(chunks[-1]) <= size
    else:
        assert all(chunks)
