"""What a query event says, as `relational.ddl` parsed it: the one source of what is written down of a statement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from faust_cdc.binlog.events import QueryEvent
from faust_cdc.relational.ddl import DdlContext, Statement, StatementText, heading, parse
from faust_cdc.relational.ddl.resolve import partitions_made_tables, renamed_to
from faust_cdc.relational.ddl.statements import AlterTable, RenameTable, TableName, TruncateTable
from faust_cdc.relational.model import TableId


@dataclass(frozen=True, slots=True)
class Parsed:
    """The statements of an event, and where they ran."""

    statements: tuple[Statement, ...]
    """In their order. Of a text that cannot be read the heading of the first one, as far as its words tell that."""
    context: DdlContext
    text: StatementText

    def id_of(self, name: TableName) -> TableId:
        """Return the table that a name means."""
        return self.context.table_id(name.database, name.table)

    def renames(self) -> Iterator[tuple[TableId, TableId]]:
        """Yield (old, new) of each table that is renamed, in their order."""
        for statement in self.statements:
            if isinstance(statement, RenameTable):
                yield from ((self.id_of(old), self.id_of(new)) for old, new in statement.pairs)
            elif isinstance(statement, AlterTable) and (new := renamed_to(statement, self.context)) is not None:
                yield self.id_of(statement.name), new

    def split_off(self) -> Iterator[TableId]:
        """Yield the tables that are made of partitions of others, with rows that the binlog does not show."""
        for statement in self.statements:
            if isinstance(statement, AlterTable):
                yield from partitions_made_tables(statement, self.context)

    def truncated(self) -> TableId | None:
        """Return the table that a TRUNCATE empties, None for another statement."""
        names = [one.name for one in self.statements if isinstance(one, TruncateTable)]
        return self.id_of(names[0]) if names else None


def parsed(event: QueryEvent, context: DdlContext) -> Parsed:
    """Return what an event says. Raises DdlSyntaxError for a text that cannot be read; `headed` tells what is told."""
    statements = parse(event.query, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version)
    return Parsed(statements, context, _text(event, context))


def headed(event: QueryEvent, context: DdlContext) -> Parsed:
    """Return what is told of a text that cannot be read."""
    found = heading(event.query, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version)
    return Parsed(() if found is None else (found,), context, _text(event, context))


def _text(event: QueryEvent, context: DdlContext) -> StatementText:
    return StatementText(event.query, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version)
