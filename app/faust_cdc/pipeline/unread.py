"""What is written down of a statement of which not even the first words tell what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from faust_cdc.binlog.events import QueryEvent
from faust_cdc.history.changes import ChangeKind, SchemaChange, StructureChange
from faust_cdc.relational.ddl import StatementText, words_of
from faust_cdc.relational.ddl.parse import Flavor
from faust_cdc.relational.model import Table, TableId


def changes_by_words(
    event: QueryEvent,
    is_mariadb: bool,
    tables: Iterable[TableId],
    read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]],
) -> list[SchemaChange]:
    """Return a change of each of `tables` that a statement names, as the table is now; `read_tables` tells that.

    A table of another database than the session's is named where the database is, too.
    """
    flavor: Flavor = "mariadb" if is_mariadb else "mysql"
    sql, mode = event.query, event.sql_mode or 0
    words = words_of(sql, flavor=flavor, sql_mode=mode)
    named = [
        one
        for one in sorted(tables)
        if one.table.lower() in words and (one.database == event.database or one.database.lower() in words)
    ]
    now = read_tables(named) if named else {}
    text = StatementText(sql, flavor=flavor, sql_mode=mode).whole
    return [
        SchemaChange(
            one.database, text, (StructureChange(ChangeKind.ALTER, one, now[one]),) if one in now else (), (one,)
        )
        for one in named
    ]
