"""How many rows tables have, as the server estimates it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pymysql.connections import Connection

from faust_cdc.mysql.connection import query
from faust_cdc.relational.model import TableId

_TABLES_PER_STATEMENT = 500


def estimated_rows(connection: Connection[Any], tables: Iterable[TableId]) -> dict[TableId, int]:
    """Return the estimates of information_schema (`SHOW TABLE STATUS` has the same); unknown tables are missing.

    MySQL keeps them for `information_schema_stats_expiry` seconds, a day unless set, so that they can be old.
    """
    by_database: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        by_database[table.database].append(table.table)
    found: dict[TableId, int] = {}
    for database, names in by_database.items():
        for first in range(0, len(names), _TABLES_PER_STATEMENT):
            some = names[first : first + _TABLES_PER_STATEMENT]
            marks = ", ".join(["%s"] * len(some))
            sql = (
                "SELECT table_name, table_rows FROM information_schema.tables "
                f"WHERE table_schema = %s AND table_rows IS NOT NULL AND table_name IN ({marks})"
            )
            for name, rows in query(connection, sql, (database, *some), doing=f"estimating the rows of {database}"):
                found[TableId(database, name.decode() if isinstance(name, bytes) else name)] = int(rows)
    return found
