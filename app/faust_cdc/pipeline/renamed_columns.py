"""Earlier names of columns, for `schema.evolution.aliases`: only a statement tells that a column was renamed.

A reader whose schema has a field with an alias takes for it what older records have under the alias. So the field of a
renamed column keeps the names that it had, newest first, while the column is there.

Which of them are left (`usable`): Avro's Java refuses to read a record that has two fields for one of the reader's, and
with it all that was written before. So a name is an alias only if records have it, and no version of the schema that
records were written with has two of the field's names: none is left of a swap, in one statement or in three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from faust_cdc.pipeline.table_schemas import Aliases
from faust_cdc.relational.ddl import DdlContext, Statement
from faust_cdc.relational.ddl.statements import AlterTable, CreateTable, DropColumn, DropTable, ModifyColumn
from faust_cdc.relational.ddl.statements import RenameColumn as RenameClause
from faust_cdc.relational.model import Table, TableId


@dataclass(frozen=True, slots=True)
class RenamedColumns:
    """What a statement does to the names of a table's columns."""

    table: TableId
    columns: Mapping[str, str] | None
    """New name → old name; None: the table is dropped or made anew, and its columns are others."""


def renamed_columns(
    statements: Iterable[Statement], known: Mapping[TableId, Table], context: DdlContext
) -> tuple[RenamedColumns, ...]:
    """Return what statements rename, in their order; `known` tells how the old names are spelt."""
    found = []
    for statement in statements:
        if isinstance(statement, CreateTable) and not (statement.if_not_exists or statement.temporary):
            found.append(RenamedColumns(context.table_id(statement.name.database, statement.name.table), None))
        elif isinstance(statement, DropTable) and not statement.temporary:
            found += [RenamedColumns(context.table_id(one.database, one.table), None) for one in statement.names]
        elif isinstance(statement, AlterTable) and (clauses := _renaming(statement)):
            table_id = context.table_id(statement.name.database, statement.name.table)
            table = known.get(table_id)
            spelt = {} if table is None else {column.name.lower(): column.name for column in table.columns}
            columns = {
                _new_name(one): spelt.get(one.name.lower(), one.name)
                for one in clauses
                if not one.if_exists or one.name.lower() in spelt
            }
            found.append(RenamedColumns(table_id, {new: old for new, old in columns.items() if new != old}))
    return tuple(one for one in found if one.columns is None or one.columns)


def _renaming(statement: AlterTable) -> list[RenameClause | ModifyColumn]:
    """Return the clauses that may give a column a name that none had before the statement.

    Another column had it only if the same statement takes it from that one: servers refuse it else.
    """
    clauses = [one for one in statement.clauses if isinstance(one, RenameClause | ModifyColumn)]
    left = {one.name.lower() for one in (*clauses, *(one for one in statement.clauses if isinstance(one, DropColumn)))}
    return [one for one in clauses if (new := _new_name(one).lower()) == one.name.lower() or new not in left]


def _new_name(clause: RenameClause | ModifyColumn) -> str:
    return clause.to if isinstance(clause, RenameClause) else clause.column.name


def aliases_behind(before: Aliases, renames: Iterable[RenamedColumns], table: TableId) -> Aliases:
    """Return a table's aliases behind statements, before `usable` looks at them."""
    aliases = dict(before)
    for one in renames:
        if one.table != table:
            continue
        if one.columns is None:
            aliases = {}
            continue
        gone = set(one.columns.values())
        # Those of the new name too: a statement that is met again takes none away.
        chained = {new: (old, *aliases.get(old, ()), *aliases.get(new, ())) for new, old in one.columns.items()}
        aliases = {name: former for name, former in aliases.items() if name not in gone} | chained
    return aliases


def usable(aliases: Aliases, written: Sequence[frozenset[str]], field_of: Callable[[str], str]) -> Aliases:
    """Return what is left of aliases by the fields that each schema of a table's records has.

    `field_of` tells how a column's name stands in a schema.
    """
    left = {}
    for name, former in aliases.items():
        group = {field_of(name)}
        kept = []
        for one in dict.fromkeys(former):
            field = field_of(one)
            having = [fields for fields in written if field in fields]
            if field not in group and having and all(group.isdisjoint(fields) for fields in having):
                group.add(field)
                kept.append(one)
        left[name] = tuple(kept)
    return {name: former for name, former in left.items() if former}


def of_columns(aliases: Aliases, table: Table) -> Aliases:
    """Return the aliases of the columns that a table has; a name that another column has is none."""
    names = {column.name for column in table.columns}
    left = {name: tuple(one for one in former if one not in names) for name, former in aliases.items() if name in names}
    return {name: former for name, former in left.items() if former}
