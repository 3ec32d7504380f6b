"""From a DDL statement of the binlog to the tables that it makes: the resolver of `evolution`, over `relational.ddl`.

The structures before it are those of the last rows seen. Nothing is told where one of them is not known, the statement
cannot be read, or its text is not enough: the server is asked then, and else the first row tells. `CREATE TABLE IF NOT
EXISTS` is in the binlog also where the table was there, and means nothing while that is not known.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from faust_cdc.binlog.events import QueryEvent
from faust_cdc.relational.ddl import (
    ChangeKind,
    DdlContext,
    DdlSyntaxError,
    Statement,
    Unresolvable,
    named_tables,
    parse,
    resolve,
)
from faust_cdc.relational.ddl.statements import CreateTable
from faust_cdc.relational.model import Table, TableId

log = logging.getLogger(__name__)

Tables = dict[TableId, Table | None]


class StatementTables:
    """Resolves statements of one server."""

    def __init__(self, read_context: Callable[[], DdlContext]) -> None:
        """`read_context` asks the server, when the first statement comes and behind one about databases."""
        self._read_context = read_context
        self._context: DdlContext | None = None

    def __call__(self, event: QueryEvent, known: Mapping[TableId, Table]) -> Tables:
        """Return the tables as they are behind the statement, None for one that is gone; empty if that is not told."""
        if self._context is None:
            self._context = self._read_context()
        context = replace(self._context, database=event.database, sql_mode=event.sql_mode or 0)
        try:
            statements = parse(event.query, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version)
        except DdlSyntaxError as error:
            log.debug("Not foreseen: %s", error)
            return {}
        found = resolved(statements, {i: one for i, one in known.items() if has_keys_of_its_own(one)}, context)
        if isinstance(found, Unresolvable):
            log.debug("Not foreseen: %s", found.reason)
            return {}
        if any(not one.table for one in found):  # a database's defaults
            self._context = None
        return {one: table for one, table in found.items() if one.table}


def resolved(
    statements: Iterable[Statement], known: Mapping[TableId, Table], context: DdlContext
) -> Tables | Unresolvable:
    """Return what statements make of tables, one after another."""
    found: Tables = {}
    for statement in statements:
        before = {i: table for i, table in {**known, **found}.items() if table is not None}
        if isinstance(statement, CreateTable) and statement.if_not_exists:
            named = named_tables(statement, context)
            if not any(one in before for one in named):
                return Unresolvable("it is not known whether the table existed", named)
        changes = resolve(statement, before, context)
        if isinstance(changes, Unresolvable):
            return changes
        for change in changes:
            if change.table is None and change.id.table and change.kind is not ChangeKind.DROP:
                return Unresolvable("a table that it changes is not known", (change.id,))
            if change.previous is not None and change.previous != change.id:
                found.setdefault(change.previous, None)
            found[change.id] = change.table
    return found


def has_keys_of_its_own(table: Table) -> bool:
    """Return whether a table's keys fit its columns and record key.

    A table map tells columns and primary key, and the keys beside them may be those of the server as of now.
    """
    names = {column.name for column in table.columns}
    if any(column is not None and column not in names for key in table.keys for column in key.columns):
        return False
    primary = next((key.columns for key in table.keys if key.name == "PRIMARY"), None)
    if primary is not None or not table.primary_key:
        return (primary or ()) == table.primary_key
    return any(key.unique and key.columns == table.primary_key for key in table.keys)
