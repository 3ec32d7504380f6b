"""The SELECTs of a snapshot in chunks: their text, the session they need, their limit of time, what their errors mean.

A chunk that runs into its limit of time, or was killed, is `ChunkTooLong`: to be read again over fewer rows. One that
waits in vain for a lock is `ChunkLocked`: to be read again as it is, for no number of rows unlocks a table. The limit
is the server's own, so that a statement ends there even when nobody is listening any more: the hint MAX_EXECUTION_TIME
on MySQL, SET STATEMENT max_statement_time on MariaDB. It counts until the last row was taken: a caller takes all rows
of a chunk first and writes them after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pymysql
from pymysql.connections import Connection

from faust_cdc.errors import CdcError, InternalError, SchemaOutOfSync, SourceRefused, TransientError
from faust_cdc.mysql.connection import describe, greeted_version, is_mariadb, query, translate_mysql_error
from faust_cdc.mysql.key_ranges import ChunkKey, where
from faust_cdc.mysql.names import quote
from faust_cdc.relational.key_range import KeyRange
from faust_cdc.relational.model import TableId

TOO_LONG_CODES: Final = frozenset({1969, 3024})
"""MariaDB's and MySQL's statement timeout."""
KILLED_CODES: Final = frozenset({1317})
"""Query interrupted: by KILL QUERY, of a person or of what watches over long statements."""
LOCKED_CODES: Final = frozenset({1205, 1213})
"""Lock wait timeout, deadlock."""

_REFUSING_MODES: Final = frozenset(
    ("NO_ZERO_DATE", "NO_ZERO_IN_DATE", "STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "TRADITIONAL")
)
_PADDING_MODE: Final = "PAD_CHAR_TO_FULL_LENGTH"
_DATES_MODE: Final = "ALLOW_INVALID_DATES"
_NO_LIMIT: Final = 2**64 - 1
_TABLES_PER_STATEMENT = 500


class ChunkTooLong(TransientError):
    """A statement over a chunk took too long: again, over fewer rows."""


class ChunkKilled(ChunkTooLong):
    """Somebody ended a statement over a chunk: again, over fewer rows when it happens again."""


class ChunkLocked(TransientError):
    """A statement over a chunk did not get a lock in time, as DDL holds it: again, as it is."""


def too_long(error: Exception) -> ChunkTooLong | ChunkLocked | None:
    """Return what a server's error, or one that was made from it, means for a chunk; None: nothing of its own.

    It is what `PreparedQuery` takes as `refused`, alone or behind another one.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ChunkTooLong | ChunkLocked):
            return cause
        if isinstance(cause, pymysql.MySQLError) and cause.args:
            for codes, meaning in _MEANINGS:
                if cause.args[0] in codes:
                    return meaning(
                        f"A chunk ran into a limit of the source server: error {cause.args[0]}: {cause.args[-1]}."
                    )
        cause = cause.__cause__
    return None


_MEANINGS: Final = ((TOO_LONG_CODES, ChunkTooLong), (KILLED_CODES, ChunkKilled), (LOCKED_CODES, ChunkLocked))


def read_exactly(connection: Connection[Any]) -> None:
    """Prepare the session of `connection` to read what is committed, all of it, by the literals of keys.

    A server's defaults may stand against each: a level that reads what will be rolled back, a limit that ends a result
    without a word, a mode that refuses to compare with a zero or impossible date, which a key may be, or pads CHAR. All
    other modes stay, for conditions are written under them. Done again it does no harm. Raises what `query` raises.
    """
    doing = "preparing a session for a snapshot"
    ((found,),) = query(connection, "SELECT @@SESSION.sql_mode", doing=doing)
    modes = [one for one in str(found).split(",") if one and one not in _REFUSING_MODES | {_PADDING_MODE, _DATES_MODE}]
    query(
        connection,
        f"SET SESSION sql_mode = %s, SESSION sql_select_limit = {_NO_LIMIT}, SESSION sql_big_selects = 1",
        (",".join([*modes, _DATES_MODE]),),
        doing=doing,
    )
    query(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", doing=doing)


def limited(sql: str, limit_ms: int, *, mariadb: bool) -> str:
    """Return a SELECT that the server ends with `ChunkTooLong`'s errors after `limit_ms`; 0 sets no limit.

    MySQL before 5.7 does not know the hint and sets none.
    """
    if limit_ms <= 0:
        return sql
    if mariadb:
        return f"SET STATEMENT max_statement_time={limit_ms / 1000:.3f} FOR {sql}"
    return sql.replace("SELECT ", f"SELECT /*+ MAX_EXECUTION_TIME({limit_ms}) */ ", 1)


def source_text(table: TableId, key: ChunkKey | None = None, override: str | None = None) -> str:
    """Return what stands behind FROM: the table with the index that the chunks follow, or the `override` query."""
    if override:
        return f"({without_end(override)}\n) AS {quote(table.table)}"
    name = f"{quote(table.database)}.{quote(table.table)}"
    return f"{name} FORCE INDEX ({quote(key.index)})" if key is not None and key.index is not None else name


def chunk_select(
    table: TableId,
    select_list: Sequence[str],
    key: ChunkKey | None = None,
    key_range: KeyRange | None = None,
    *,
    condition: str | None = None,
    override: str | None = None,
    limit_ms: int = 0,
    mariadb: bool = False,
) -> str:
    """Return the SELECT of a chunk, or of the whole table without a key and a range.

    `select_list` are SQL expressions (`plan.select_list`). `condition` is SQL that the rows meet as well, of a signal;
    `override` a SELECT that gives the rows in place of the table (`snapshot.select.statement.overrides`), with the
    key's columns among its own. The rows are in no order.
    """
    index = None if condition else key  # with a condition the optimizer may know a better way than the key
    sql = f"SELECT {', '.join(select_list)} FROM {source_text(table, index, override)}"
    if key is not None and key_range is not None:
        chosen = where(key, key_range, condition)
    else:
        chosen = f"({condition}\n)" if condition and condition.strip() else "1 = 1"
    if chosen != "1 = 1":
        sql = f"{sql} WHERE {chosen}"
    return limited(sql, limit_ms, mariadb=mariadb)


def without_end(statement: str) -> str:
    """Return a statement without the semicolon at its end."""
    return statement.strip().rstrip("; \t\r\n")


def run_limited(connection: Connection[Any], sql: str, *, doing: str) -> list[Any]:
    """Run a limited SELECT as `query` does. Raises `ChunkTooLong`, `ChunkLocked`, else what `query` raises."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
    except (pymysql.err.Error, OSError) as error:
        meaning = too_long(error) or translate_mysql_error(error, f"{doing} as {describe(connection)}")
        raise meaning from error


def condition_problem(connection: Connection[Any], table: TableId, condition: str) -> str | None:
    """Say why the server does not take `condition` on the rows of a table; None: it does. Reads no row.

    It must stand in parentheses and between two words alike: `1 = 1) OR (1 = 1` would undo the chunk's own condition.
    Raises SourceConnectionLost and what else is no matter of the condition.
    """
    for form in (f"({condition}\n)", f"CASE WHEN {condition}\n THEN 1 END"):
        sql = f"EXPLAIN SELECT 1 FROM {source_text(table)} WHERE {form}"
        problem = _problem(connection, sql, f"the condition on {table}")
        if problem is not None:
            return problem
    return None


def statement_problem(connection: Connection[Any], table: TableId, statement: str) -> str | None:
    """Say why the server does not take `statement` as a query for the rows of a table; None: it does. Reads no row.

    Raises as `condition_problem`.
    """
    return _problem(connection, f"EXPLAIN {without_end(statement)}", f"the statement for {table}")


def override_problem(connection: Connection[Any], table: TableId, override: str) -> str | None:
    """Say why the query `override` cannot be read in chunks; None: it can. Reads no row.

    A query that the server would first run whole (LIMIT, GROUP BY, DISTINCT, UNION …) would be run whole for each
    chunk. Raises as `condition_problem`.
    """
    what = f"the statement for {table}"
    explain = f"EXPLAIN FORMAT=TRADITIONAL SELECT * FROM {source_text(table, override=override)}"
    problem = statement_problem(connection, table, override) or _problem(connection, explain, what)
    if problem is not None:
        return problem
    kinds = {str(row[1]).upper() for row in query(connection, explain, doing=f"explaining {what}")}
    if kinds & {"DERIVED", "UNION", "UNION RESULT", "DEPENDENT DERIVED", "LATERAL DERIVED"}:
        return f"{what} is not read row by row: the server would run it whole for each chunk."
    return None


def _problem(connection: Connection[Any], explain: str, what: str) -> str | None:
    try:
        query(connection, explain, doing=f"checking {what}")
    except (InternalError, SchemaOutOfSync, SourceRefused) as error:
        # What no table knows is an error of SQL here, for the statement holds a person's text.
        return _said(error, what)
    return None


def _said(error: CdcError, what: str) -> str:
    cause = error.__cause__
    text = cause.args[-1] if isinstance(cause, pymysql.MySQLError) and cause.args else error.message
    return f"the server does not take {what}: {text}"


def is_empty(connection: Connection[Any], table: TableId) -> bool:
    """Return whether a table has no row; False also when it does not exist. Raises what `query` raises."""
    try:
        return not query(connection, f"SELECT 1 FROM {source_text(table)} LIMIT 1", doing=f"looking into {table}")
    except SchemaOutOfSync:
        return False


def estimated_rows(connection: Connection[Any], tables: Iterable[TableId]) -> dict[TableId, int]:
    """Return the rows that the server estimates the tables to have; a table of which it says nothing is missing.

    InnoDB's estimate can be off by a half, or say 0 of a table just filled. One statement per database and 500 tables.
    Raises what `query` raises.
    """
    if not is_mariadb(connection) and greeted_version(connection) >= (8,):
        # Else MySQL answers from a cache that may be a day old.
        sql = "SET SESSION information_schema_stats_expiry = 0"
        query(connection, sql, doing="asking for fresh estimates")
    by_database: dict[str, list[str]] = defaultdict(list)
    for table in tables:
        by_database[table.database].append(table.table)
    found: dict[TableId, int] = {}
    for database, names in by_database.items():
        for first in range(0, len(names), _TABLES_PER_STATEMENT):
            some = names[first : first + _TABLES_PER_STATEMENT]
            rows = query(
                connection,
                "SELECT table_name, table_rows FROM information_schema.tables WHERE table_schema = %s "
                f"AND table_name IN ({', '.join(['%s'] * len(some))}) AND table_rows IS NOT NULL",
                (database, *some),
                doing=f"estimating the rows of {len(some)} tables of {database}",
            )
            for name, count in rows:
                found[TableId(database, name.decode() if isinstance(name, bytes) else str(name))] = int(count)
    return found
