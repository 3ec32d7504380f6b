"""Statements against the tables as they stood: `relational.ddl` with what the task knows.

What cannot be read, or whose outcome its text does not tell, gives None: whoever asks reads those tables again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from faust_cdc.relational.ddl import (
    CharsetPair,
    DdlContext,
    DdlSyntaxError,
    Statement,
    TableChange,
    Unresolvable,
    parse,
    resolve,
)
from faust_cdc.relational.model import Table, TableId

log = logging.getLogger(__name__)


class KnownTables(Mapping[TableId, Table]):
    """Tables by name, made when they are asked for."""

    def __init__(self, table: Callable[[TableId], Table | None], ids: Callable[[], Iterator[TableId]]) -> None:
        self._table = table
        self._ids = ids

    def __getitem__(self, table_id: TableId) -> Table:
        found = self._table(table_id)
        if found is None:
            raise KeyError(table_id)
        return found

    def __iter__(self) -> Iterator[TableId]:
        return self._ids()

    def __len__(self) -> int:
        return sum(1 for _ in self._ids())


class KnownCharsets(Mapping[str, CharsetPair]):
    """The defaults of databases, asked for one by one."""

    def __init__(self, charset: Callable[[str], tuple[str, str] | None]) -> None:
        self._charset = charset

    def __getitem__(self, database: str) -> CharsetPair:
        found = self._charset(database)
        if found is None:
            raise KeyError(database)
        return CharsetPair(*found)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement leaves of the tables that it changes."""

    tables: Mapping[TableId, Table]
    gone: frozenset[TableId]


def outcome(
    statement: str,
    sql_mode: int | None,
    database: str,
    server: DdlContext,
    tables: Mapping[TableId, Table],
    databases: Mapping[str, CharsetPair],
) -> Outcome | None:
    """Return what a statement of the binlog does; None where that is not to be told from its text."""
    context = replace(server, database=database, databases=databases, sql_mode=sql_mode or 0)
    try:
        statements = parse(statement, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version)
    except DdlSyntaxError as error:
        log.warning("A %s statement cannot be read, %s; the tables that it names are read again", context.flavor, error)
        return None
    return _applied(statements, tables, context)


def _applied(statements: tuple[Statement, ...], tables: Mapping[TableId, Table], context: DdlContext) -> Outcome | None:
    if len(statements) != 1:  # the binlog has one statement an event
        return None
    found = resolve(statements[0], tables, context)
    if isinstance(found, Unresolvable):
        log.info("What a statement does to %s is read again: %s", ", ".join(map(str, found.tables)), found.reason)
        return None
    if any(_is_twice(one) for one in found):  # it is in what is known already
        return None
    after = {one.id: one.table for one in found if one.table is not None}
    gone = {one.previous for one in found if one.previous is not None}
    gone |= {one.id for one in found if one.table is None and one.id.table}
    return Outcome(after, frozenset(gone - after.keys()))


def _is_twice(change: TableChange) -> bool:
    """Return whether a column is there twice: the structure that the statement met was that of later on."""
    if change.table is None:
        return False
    names = [column.name.lower() for column in change.table.columns]
    return len(names) != len(set(names))
