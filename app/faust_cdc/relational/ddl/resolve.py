"""What statements do to tables: from a statement, the tables before it and where it ran, to the tables after it.

The outcome is what information_schema shows after the statement, member for member (`mysql.schema.read_tables`); the
tests compare the two over generated statements on real servers. Where a statement's text is not enough the answer is
`Unresolvable`, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from faust_cdc.relational.ddl.alteration import altered
from faust_cdc.relational.ddl.changes import ChangeKind, TableChange, Unresolvable
from faust_cdc.relational.ddl.column_facts import column_of, ensure_defaults_told, first_timestamp, not_null
from faust_cdc.relational.ddl.context import CharsetPair, DdlContext, NotResolved
from faust_cdc.relational.ddl.key_facts import Keys, candidates
from faust_cdc.relational.ddl.statements import (
    AlterDatabase,
    AlterTable,
    ConvertPartition,
    ConvertTable,
    CreateDatabase,
    CreateTable,
    DropDatabase,
    DropTable,
    KeyKind,
    RenameTable,
    RenameTo,
    Statement,
    TableName,
    TableOptions,
    TruncateTable,
)
from faust_cdc.relational.model import Table, TableId, sorted_keys

Tables = Mapping[TableId, Table]


def resolve(statement: Statement, tables: Tables, context: DdlContext) -> tuple[TableChange, ...] | Unresolvable:
    """Return what `statement` does to `tables`; nothing for a statement that changes no structure.

    A table that an ALTER names and `tables` does not have is `Unresolvable`: it may be a view, or just not known.
    """
    try:
        match statement:
            case CreateTable():
                return _create(statement, tables, context)
            case AlterTable():
                return _alter(statement, tables, context)
            case DropTable():
                return _drop(statement, tables, context)
            case RenameTable():
                return _rename(statement, tables, context)
            case TruncateTable():
                found = _id(statement.name, tables, context)
                return (TableChange(ChangeKind.TRUNCATE, found, tables.get(found)),)
            case CreateDatabase() | AlterDatabase() | DropDatabase():
                return _database(statement, tables, context)
            case _:
                return ()
    except NotResolved as why:
        return Unresolvable(str(why), named_tables(statement, context))


def named_tables(statement: Statement, context: DdlContext) -> tuple[TableId, ...]:
    """Return the tables whose structure or name a statement may change, in its order; each once."""
    names: list[TableName] = []
    match statement:
        case CreateTable() if not statement.temporary:
            names = [statement.name]
        case AlterTable():
            others = (RenameTo, ConvertPartition, ConvertTable)
            names = [statement.name, *(clause.name for clause in statement.clauses if isinstance(clause, others))]
        case DropTable() if not statement.temporary:
            names = list(statement.names)
        case RenameTable():
            names = [name for pair in statement.pairs for name in pair]
        case TruncateTable():
            names = [statement.name]
        case _:
            pass
    first = context.table_id(names[0].database, names[0].table).database if names else ""
    renames_to = isinstance(statement, AlterTable)
    ids = [
        context.table_id(name.database or (first if renames_to and not context.database else None), name.table)
        for name in names
    ]
    return tuple(dict.fromkeys(ids))


def _id(name: TableName, tables: Tables, context: DdlContext) -> TableId:
    """Return the id of a named table as it is known; with lower_case_table_names=2 names differ in case only."""
    found = context.table_id(name.database, name.table)
    if context.lower_case_table_names == 2 and found not in tables:
        lowered = (found.database.lower(), found.table.lower())
        return next((one for one in tables if (one.database.lower(), one.table.lower()) == lowered), found)
    return found


def _create(statement: CreateTable, tables: Tables, context: DdlContext) -> tuple[TableChange, ...]:
    table_id = _id(statement.name, tables, context)
    if statement.temporary or (statement.if_not_exists and table_id in tables):
        return ()
    if statement.select:
        raise NotResolved("its columns come from a query")
    if statement.like is not None:
        return (TableChange(ChangeKind.CREATE, table_id, _like(statement.like, table_id, tables, context)),)
    return (TableChange(ChangeKind.CREATE, table_id, _created(statement, table_id, context)),)


def _like(name: TableName, table_id: TableId, tables: Tables, context: DdlContext) -> Table:
    source = tables.get(_id(name, tables, context))
    if source is None:
        raise NotResolved(f"the table that it is like, {name.table!r}, is not known")
    ensure_defaults_told(source, context)
    if candidates(source) > 1 and all(key.name != "PRIMARY" for key in source.keys):
        raise NotResolved("which of several unique keys is first is not told by the statement")
    return replace(source, id=table_id)


def _created(statement: CreateTable, table_id: TableId, context: DdlContext) -> Table:
    options = statement.options
    pair = context.pair(options.charset, options.collation, context.of_database(table_id.database))
    promoted = first_timestamp(statement.columns, context)
    columns = [column_of(one, context, pair, promoted=one is promoted) for one in statement.columns]
    if statement.periods or (statement.versioned and any(one.row_bound for one in statement.columns)):
        raise NotResolved("periods change columns and keys")
    primary = {
        (part.column or "").lower() for key in statement.keys if key.kind is KeyKind.PRIMARY for part in key.parts
    }
    columns = [
        replace(not_null(one, context) if one.name.lower() in primary else one, position=position)
        for position, one in enumerate(columns)
    ]
    keys = Keys((), ())
    keys.add(statement.keys, columns)
    return Table(
        table_id,
        tuple(columns),
        keys.record_key(columns),
        pair.charset,
        options.comment or "",
        pair.collation,
        sorted_keys(keys.all()),
    )


def _alter(statement: AlterTable, tables: Tables, context: DdlContext) -> tuple[TableChange, ...]:
    table_id = _id(statement.name, tables, context)
    before = tables.get(table_id)
    if before is None:
        if statement.if_exists:
            return ()
        raise NotResolved(f"the table {table_id} is not known")
    target = renamed_to(statement, context) or table_id
    after = replace(altered(before, statement, context), id=target)
    if target == table_id:
        return (TableChange(ChangeKind.ALTER, table_id, after), *_converted(statement, after, context))
    only = all(isinstance(clause, RenameTo) for clause in statement.clauses)
    return (TableChange(ChangeKind.RENAME if only else ChangeKind.ALTER, target, after, table_id),)


def renamed_to(statement: AlterTable, context: DdlContext) -> TableId | None:
    """Return the name that an ALTER TABLE gives its table, None where it gives none."""
    names = [clause.name for clause in statement.clauses if isinstance(clause, RenameTo)]
    return _beside(names[-1], statement, context) if names else None


def _beside(name: TableName, statement: AlterTable, context: DdlContext) -> TableId:
    """Return another table than its own that an ALTER TABLE names; without a session's database it is in the same."""
    return context.table_id(name.database or context.database or statement.name.database, name.table)


def partitions_made_tables(statement: AlterTable, context: DdlContext) -> tuple[TableId, ...]:
    """Return the tables that an ALTER TABLE makes of partitions."""
    names = [clause.name for clause in statement.clauses if isinstance(clause, ConvertPartition)]
    return tuple(_beside(name, statement, context) for name in names)


def tables_made_partitions(statement: AlterTable, context: DdlContext) -> tuple[TableId, ...]:
    """Return the tables that an ALTER TABLE makes partitions of."""
    names = [clause.name for clause in statement.clauses if isinstance(clause, ConvertTable)]
    return tuple(_beside(name, statement, context) for name in names)


def _converted(statement: AlterTable, after: Table, context: DdlContext) -> Iterator[TableChange]:
    """Yield what becomes of other tables: a partition is like the table that it is of."""
    for one in partitions_made_tables(statement, context):
        yield TableChange(ChangeKind.CREATE, one, replace(after, id=one))
    for one in tables_made_partitions(statement, context):
        yield TableChange(ChangeKind.DROP, one)


def _drop(statement: DropTable, tables: Tables, context: DdlContext) -> tuple[TableChange, ...]:
    if statement.temporary:
        return ()
    ids = [_id(name, tables, context) for name in statement.names]
    return tuple(TableChange(ChangeKind.DROP, one) for one in ids if one in tables or not statement.if_exists)


def _rename(statement: RenameTable, tables: Tables, context: DdlContext) -> tuple[TableChange, ...]:
    """Renames one after another: `a TO tmp, b TO a, tmp TO b` swaps; each table is told once, under its last name."""
    now: dict[TableId, TableId | None] = {}
    for old_name, new_name in statement.pairs:
        old, new = _id(old_name, tables, context), context.table_id(new_name.database, new_name.table)
        origin = now.get(old, old if old in tables else None)  # by name alone: ids may be listed that are not known
        if origin is None:
            if statement.if_exists:
                continue
            raise NotResolved(f"the table {old} is not known")
        now[old] = None
        now.pop(new, None)  # Told in the order in which the last names are given.
        now[new] = origin
    moved = [(new, origin) for new, origin in now.items() if origin is not None and origin != new]
    return tuple(TableChange(ChangeKind.RENAME, new, replace(tables[origin], id=new), origin) for new, origin in moved)


def _database(
    statement: CreateDatabase | AlterDatabase | DropDatabase, tables: Tables, context: DdlContext
) -> tuple[TableChange, ...]:
    name = context.stored_name(statement.name or context.database)
    whole = TableId(name, "")
    if isinstance(statement, DropDatabase):
        gone = tuple(TableChange(ChangeKind.DROP, one) for one in tables if one.database == name)
        return (*gone, TableChange(ChangeKind.DROP_DATABASE, whole))
    known = context.of_database(name)
    options = statement.options
    if isinstance(statement, AlterDatabase):
        return (TableChange(ChangeKind.ALTER_DATABASE, whole, charset=_database_pair(options, known, context)),)
    if statement.if_not_exists and known is not None:
        return ()
    replaced = tuple(
        TableChange(ChangeKind.DROP, one) for one in tables if statement.or_replace and one.database == name
    )
    pair = _database_pair(options, context.server_charset, context)
    return (*replaced, TableChange(ChangeKind.CREATE_DATABASE, whole, charset=pair))


def _database_pair(options: TableOptions, known: CharsetPair | None, context: DdlContext) -> CharsetPair | None:
    """Return a database's defaults, None when they are not told: that matters only to tables created later."""
    try:
        return context.pair(options.charset, options.collation, known)
    except NotResolved:
        return None
