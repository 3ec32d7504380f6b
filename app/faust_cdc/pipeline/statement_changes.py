"""What is written down of a DDL statement: the one seam between what was parsed and the records.

`ResolveStatement` is that seam. `ReadAgain` is what stands behind every other: it takes what a statement names as it
was parsed, the tables that `relational.ddl` made of them, and where it could not, reads them from the server as they
are now, which is right where nothing follows in the binlog that we have not seen. A statement that is about neither
tables nor databases is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from faust_cdc.history.changes import ChangeKind, SchemaChange, StructureChange
from faust_cdc.pipeline.parsed import Parsed
from faust_cdc.relational.ddl import Statement
from faust_cdc.relational.ddl.resolve import partitions_made_tables, renamed_to, tables_made_partitions
from faust_cdc.relational.ddl.statements import (
    AddKey,
    AlterDatabase,
    AlterTable,
    CreateDatabase,
    CreateTable,
    DropDatabase,
    DropTable,
    Irrelevant,
    KeyKind,
    RenameTable,
)
from faust_cdc.relational.model import Table, TableId

_SET: Final = re.compile(r"set\s+(?:global\s+)?(?:character_set|collation)_\w+\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StatementContext:
    """What is known of tables before and behind a statement."""

    table: Callable[[TableId], Table | None]
    """A table as it stood before the statement, None for one that is not known."""
    after: Mapping[TableId, Table] | None = None
    """Tables as the statement leaves them; None where its text does not tell."""


class ResolveStatement(Protocol):
    """Says what a statement does."""

    def __call__(self, parsed: Parsed, context: StatementContext) -> Sequence[SchemaChange] | None:
        """Return the changes, none for a statement that changes nothing; None: it is not understood here."""


class ReadAgain:
    """Reads what a statement names from the server, where its text does not tell what it does."""

    def __init__(self, read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]]) -> None:
        """`read_tables` gives structures as of now."""
        self._read_tables = read_tables

    def __call__(self, parsed: Parsed, context: StatementContext) -> Sequence[SchemaChange] | None:
        """Return the changes; None for a statement that is about neither tables nor databases."""
        found = [_OfOne(parsed, context, self._read_tables).changes(one) for one in parsed.statements]
        if all(one is None for one in found):
            return None
        return [change for changes in found for change in changes or ()]


class _OfOne:
    """Makes the changes of one statement of a text."""

    def __init__(
        self,
        parsed: Parsed,
        context: StatementContext,
        read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]],
    ) -> None:
        self._parsed = parsed
        self._context = context
        self._read_tables = read_tables
        self._text = parsed.text.whole

    def changes(self, statement: Statement) -> Sequence[SchemaChange] | None:
        match statement:
            case CreateTable(temporary=True) | DropTable(temporary=True):
                return ()
            case CreateTable():
                return [self._created(self._parsed.id_of(statement.name))]
            case DropTable():
                return list(self._dropped(statement))
            case RenameTable():
                return list(self._renamed(statement))
            case AlterTable(is_about_index=True):
                return [self._of_index(statement)]
            case AlterTable():
                return list(self._altered(statement))
            case CreateDatabase() | AlterDatabase() | DropDatabase():
                return [self._of_database(statement)]
            case Irrelevant() if _SET.match(self._text):
                return [SchemaChange("", self._text, about_database=True)]
            case _:
                return None

    def _created(self, table_id: TableId) -> SchemaChange:
        after = self._context.after
        if after is not None and table_id not in after and self._context.table(table_id) is not None:
            return SchemaChange(table_id.database, self._text)  # IF NOT EXISTS, and it did: nothing was made
        return self._as_now(self._text, ChangeKind.CREATE, table_id)

    def _dropped(self, statement: DropTable) -> Iterator[SchemaChange]:
        tables = tuple(map(self._parsed.id_of, statement.names))
        prefix = self._parsed.text.before(statement.names[0].at)
        rest = f" {statement.behaviour}" if statement.behaviour else ""
        for one in tables:
            yield SchemaChange(
                one.database, f"{prefix}{quoted(one)}{rest}", (StructureChange(ChangeKind.DROP, one),), tables
            )

    def _renamed(self, statement: RenameTable) -> Iterator[SchemaChange]:
        """Yield each renaming as a statement of its own, in the words that it has there."""
        pairs = [(self._parsed.id_of(old), self._parsed.id_of(new)) for old, new in statement.pairs]
        tables, text = tuple(new for _, new in pairs), self._parsed.text
        prefix = text.before(statement.pairs[0][0].at) if pairs else ""
        for (old, new), (first, last) in zip(pairs, statement.pairs, strict=True):
            ddl = f"{prefix}{text.cut(first.at, last.end)}" if len(pairs) > 1 else self._text
            yield replace(self._as_now(ddl, ChangeKind.ALTER, new, old, is_same=True), tables=tables)

    def _altered(self, statement: AlterTable) -> Iterator[SchemaChange]:
        table_id, context = self._parsed.id_of(statement.name), self._parsed.context
        new = renamed_to(statement, context)
        if new is None:
            one = self._as_now(self._text, ChangeKind.ALTER, table_id)
        else:
            one = self._as_now(self._text, ChangeKind.ALTER, new, table_id)
            one = replace(one, changes=tuple(replace(it, previous=None, gone=table_id) for it in one.changes))
            if not one.changes:  # of neither name anything is known behind it
                one = replace(one, tables=(table_id, new))
        yield one
        for made in partitions_made_tables(statement, context):
            yield self._as_now(self._text, ChangeKind.CREATE, made)
        for taken in tables_made_partitions(statement, context):
            yield SchemaChange(taken.database, self._text, (StructureChange(ChangeKind.DROP, taken),), (taken,))

    def _of_index(self, statement: AlterTable) -> SchemaChange:
        """Return the statement, with its table where the record key may be another by it."""
        table_id = self._parsed.id_of(statement.name)
        (clause,) = statement.clauses
        before, after = self._context.table(table_id), self._context.after
        if after is not None and table_id in after:
            may_be_another = before is None or before.primary_key != after[table_id].primary_key
        elif isinstance(clause, AddKey):
            may_be_another = clause.key.kind is KeyKind.UNIQUE
        else:
            may_be_another = before is not None
        if may_be_another:
            return self._as_now(self._text, ChangeKind.ALTER, table_id)
        return SchemaChange(table_id.database, self._text)

    def _of_database(self, statement: CreateDatabase | AlterDatabase | DropDatabase) -> SchemaChange:
        context = self._parsed.context
        return SchemaChange(
            context.stored_name(statement.name or context.database),
            self._text,
            about_database=not isinstance(statement, AlterDatabase),
            drops_database=isinstance(statement, DropDatabase)
            or (isinstance(statement, CreateDatabase) and statement.or_replace),
        )

    def _as_now(
        self, text: str, kind: ChangeKind, table_id: TableId, old: TableId | None = None, *, is_same: bool = False
    ) -> SchemaChange:
        """Return the change with the table after it, else of now, else as it was under its old name, or without one.

        `is_same` says that nothing but the name is another.
        """
        context = self._context
        table = None if context.after is None else context.after.get(table_id)
        if table is None and old is not None and is_same:
            before = context.table(old)
            table = None if before is None else replace(before, id=table_id)
        if table is None:
            table = self._read_tables([table_id]).get(table_id)
        changes = () if table is None else (StructureChange(kind, table_id, table, old),)
        return SchemaChange(table_id.database, text, changes, (table_id,))


def backticks(name: str) -> str:
    """Return a name as statements may have it in any session."""
    return "`" + name.replace("`", "``") + "`"


def quoted(table: TableId) -> str:
    """Return a table's name with its database, as statements may have it in any session."""
    return f"{backticks(table.database)}.{backticks(table.table)}"
