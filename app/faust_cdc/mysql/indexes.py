"""The indexes of tables, read from information_schema: what a table's structure leaves out and a walk by key needs.

A key's columns alone do not say whether an index can be walked in their order: it may cover the beginnings of values
only, keep a column from high to low, be a hash, or be hidden from the optimizer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pymysql.connections import Connection

from faust_cdc.mysql.connection import greeted_version, is_mariadb, query
from faust_cdc.relational.model import TableId

_TABLES_PER_STATEMENT = 500
_ORDERLESS = frozenset(("HASH", "FULLTEXT", "SPATIAL", "RTREE", "VECTOR"))

_INDEXES = """
    SELECT table_name, index_name, non_unique, index_type, column_name, sub_part, collation, {visible}
      FROM information_schema.statistics
     WHERE table_schema = %s AND table_name IN ({marks})
     ORDER BY table_name, index_name, seq_in_index"""


@dataclass(frozen=True, slots=True)
class IndexPart:
    """One column of an index."""

    column: str | None
    """None: an expression."""
    is_prefix: bool = False
    """Only the beginning of its values is in the index."""
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """One index of a table."""

    name: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    ordered: bool = True
    """False: a hash, or of words or places."""
    visible: bool = True
    """False: the optimizer passes it over."""

    @property
    def columns(self) -> tuple[str | None, ...]:
        """The names of its columns, None for an expression."""
        return tuple(part.column for part in self.parts)


def read_indexes(connection: Connection[Any], ids: Iterable[TableId]) -> dict[TableId, tuple[Index, ...]]:
    """Return the indexes that the tables have now, the primary key first; a table without any is missing.

    A few statements serve any number of tables. Raises what `query` raises.
    """
    by_database: dict[str, list[str]] = defaultdict(list)
    for table_id in ids:
        by_database[table_id.database].append(table_id.table)
    found: dict[TableId, tuple[Index, ...]] = {}
    for database, names in by_database.items():
        for first in range(0, len(names), _TABLES_PER_STATEMENT):
            found.update(_read_some(connection, database, names[first : first + _TABLES_PER_STATEMENT]))
    return found


def _read_some(
    connection: Connection[Any], database: str, names: list[str]
) -> Iterator[tuple[TableId, tuple[Index, ...]]]:
    sql = _INDEXES.format(marks=", ".join(["%s"] * len(names)), visible=_visible(connection))
    rows = query(connection, sql, (database, *names), doing=f"reading indexes of {len(names)} tables of {database}")
    by_table: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_table[_text(row[0])][_text(row[1])].append(row)
    for table, by_index in by_table.items():
        indexes = (_index(name, parts) for name, parts in by_index.items())
        yield TableId(database, table), tuple(sorted(indexes, key=lambda one: one.name != "PRIMARY"))


def _visible(connection: Connection[Any]) -> str:
    """Return the expression that says YES or NO; older servers hide no index."""
    version = greeted_version(connection)
    if is_mariadb(connection):
        return "IF(ignored = 'YES', 'NO', 'YES')" if version >= (10, 6) else "'YES'"
    return "is_visible" if version >= (8,) else "'YES'"


def _index(name: str, rows: list[Any]) -> Index:
    first = rows[0]
    parts = tuple(
        IndexPart(None if column is None else _text(column), sub_part is not None, _text(collation) == "D")
        for _, _, _, _, column, sub_part, collation, _ in rows
    )
    ordered = _text(first[3]).upper() not in _ORDERLESS
    index = Index(name, parts, unique=int(first[2]) == 0, ordered=ordered)
    return index if _text(first[7]).upper() == "YES" else replace(index, visible=False)


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
