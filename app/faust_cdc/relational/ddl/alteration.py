"""What the clauses of one ALTER TABLE make of a table, in the servers' order of doing them.

Columns that exist are dropped, changed and renamed in one pass over them; then those with a place move, and new ones
are added, in the clauses' order (mysql-server `mysql_prepare_alter_table`). Keys come after the columns.
"""

from __future__ import annotations

import re
from dataclasses import replace

from faust_cdc.relational.ddl.column_facts import (
    column_of,
    ensure_defaults_told,
    first_timestamp,
    not_null,
    with_default,
    with_untold_default,
    without_default,
)
from faust_cdc.relational.ddl.context import CharsetPair, DdlContext, NotResolved
from faust_cdc.relational.ddl.defaults import NO_IMPLICIT_DEFAULT
from faust_cdc.relational.ddl.key_facts import Keys
from faust_cdc.relational.ddl.statements import (
    AddColumn,
    AddKey,
    AlterColumn,
    AlterTable,
    ChangePeriod,
    ChangeVersioning,
    ColumnDefinition,
    ConvertCharset,
    DefaultKind,
    DropColumn,
    DropKey,
    KeyDefinition,
    KeyKind,
    ModifyColumn,
    Place,
    RenameColumn,
    RenameKey,
    SetOptions,
)
from faust_cdc.relational.ddl.types import widened
from faust_cdc.relational.model import Column, Table, sorted_keys

_PLAIN = re.compile(r"[ !-> @-\[\]-~\n]*")
"""Labels that are shown as they are kept in every charset: neither ? nor backslash nor what is not ASCII."""
_WIDE = frozenset({"ucs2", "utf16", "utf16le", "utf32"})
_LONG = NO_IMPLICIT_DEFAULT | {"varchar", "varbinary"}
_TEXTS = frozenset({"tinytext", "text", "mediumtext", "longtext"})


def altered(table: Table, statement: AlterTable, context: DdlContext) -> Table:
    """Return the table after the clauses, under its old name. Raises NotResolved."""
    return _Alteration(table, statement, context).result()


class _Alteration:
    """One ALTER TABLE under way."""

    def __init__(self, table: Table, statement: AlterTable, context: DdlContext) -> None:
        self._table = table
        self._clauses = statement.clauses
        self._context = context
        self._pair = _table_pair(table, context)
        self._comment = table.comment
        self._columns = list(table.columns)
        self._renamed: dict[str, str | None] = {}
        self._written: dict[str, ColumnDefinition] = {}

    def result(self) -> Table:
        """Return the table after all clauses."""
        self._refuse_unknown()
        self._options()
        self._existing()
        self._placed()
        self._promote()
        self._converted()
        self._refuse_twice()
        keys = self._keys()
        columns = tuple(replace(column, position=position) for position, column in enumerate(self._columns))
        charset, collation = self._pair if self._pair else (self._table.charset, self._table.collation)
        return Table(
            self._table.id,
            columns,
            keys.record_key(columns),
            charset,
            self._comment,
            collation if self._table.is_told_in_full else None,
            sorted_keys(keys.all()),
        )

    def _refuse_unknown(self) -> None:
        ensure_defaults_told(self._table, self._context)
        for clause in self._clauses:
            if isinstance(clause, ChangePeriod | ChangeVersioning):
                raise NotResolved("periods and versions change columns and keys")
        charsets = [
            clause
            for clause in self._clauses
            if isinstance(clause, ConvertCharset)
            or (isinstance(clause, SetOptions) and (clause.options.charset or clause.options.collation))
        ]
        if len(charsets) > 1:
            raise NotResolved("two clauses give the table a charset")

    def _refuse_twice(self) -> None:
        """Of a stream that is behind, the table may be known as it is later on, with what the statement adds."""
        seen: set[str] = set()
        for column in self._columns:
            if column.name.lower() in seen:
                raise NotResolved(f"the column {column.name!r} is there already")
            seen.add(column.name.lower())

    def _options(self) -> None:
        """The table's charset first: new columns take it, wherever in the statement it stands."""
        database = self._context.of_database(self._table.id.database)
        for clause in self._clauses:
            if isinstance(clause, SetOptions):
                options = clause.options
                if options.comment is not None:
                    self._comment = options.comment
                if options.charset == "default" or options.collation == "default":
                    self._pair = self._context.pair(options.charset, options.collation, database)
                elif options.charset or options.collation:
                    self._pair = self._context.pair(options.charset, options.collation, self._pair)
            elif isinstance(clause, ConvertCharset):
                self._pair = self._context.pair(clause.charset, clause.collation, database)

    def _find(self, name: str) -> int | None:
        lowered = name.lower()
        return next((at for at, column in enumerate(self._columns) if column.name.lower() == lowered), None)

    def _is_there(self, name: str) -> bool:
        """Say whether IF NOT EXISTS passes a column over: dropped by the same statement it still counts."""
        before = any(column.name.lower() == name.lower() for column in self._table.columns)
        return before or self._find(name) is not None

    def _column_of(self, clause: AddColumn | ModifyColumn) -> Column:
        conditional = clause.if_not_exists if isinstance(clause, AddColumn) else clause.if_exists
        if conditional and clause.column.keys:
            # MariaDB 10.11 adds a UNIQUE that is written with it in any case, and no second PRIMARY KEY.
            raise NotResolved(f"what becomes of the keys of column {clause.column.name!r} is not known")
        self._written[clause.column.name.lower()] = clause.column
        return column_of(clause.column, self._context, self._pair)

    def _existing(self) -> None:
        """One pass over the columns there were: each is dropped, changed, renamed, or given another default."""
        drops = {c.name.lower(): c for c in self._clauses if isinstance(c, DropColumn)}
        changes = {c.name.lower(): c for c in self._clauses if isinstance(c, ModifyColumn)}
        renames = {c.name.lower(): c for c in self._clauses if isinstance(c, RenameColumn)}
        alters = [c for c in self._clauses if isinstance(c, AlterColumn)]
        known = {column.name.lower() for column in self._columns}
        mentions: list[DropColumn | ModifyColumn | RenameColumn | AlterColumn]
        mentions = [*drops.values(), *changes.values(), *renames.values(), *alters]
        for clause in mentions:
            if clause.name.lower() not in known and not clause.if_exists:
                raise NotResolved(f"the column {clause.name!r} is not known")
        columns = []
        for column in self._columns:
            name = column.name.lower()
            if name in drops:
                self._renamed[column.name] = None
                continue
            new = column
            if name in changes:
                new = self._changed(column, changes[name])
            elif name in renames:
                new = replace(column, name=renames[name].to)
            for alter in alters:
                if alter.name.lower() == name:
                    if name in changes:
                        raise NotResolved(f"two clauses are about column {column.name!r}")
                    new = self._altered_column(new, alter)
            if new.name != column.name:
                self._renamed[column.name] = new.name
            columns.append(new)
        self._columns = columns

    def _changed(self, column: Column, clause: ModifyColumn) -> Column:
        """A column of the primary key stays NOT NULL though NULL is not forbidden in its new definition."""
        new = self._column_of(clause)
        in_key = any(key.unique and column.name in key.columns for key in self._table.keys)
        if in_key and column.type_name in ("enum", "set") and new.type_name != column.type_name:
            # MySQL 9.7 takes the bytes of a label's number for a beginning that the key covers.
            raise NotResolved(f"how much of column {column.name!r} a unique key covers is not known")
        dropped = any(isinstance(c, DropKey) and c.kind is KeyKind.PRIMARY for c in self._clauses)
        primary = next((key for key in self._table.keys if key.name == "PRIMARY"), None)
        if primary is not None and not dropped and column.name in primary.columns:
            return not_null(new, self._context)
        return new

    def _altered_column(self, column: Column, clause: AlterColumn) -> Column:
        if clause.invisible is not None:
            return replace(column, invisible=clause.invisible)
        self._ensure_moment_told(column)
        if clause.drop_default:
            # MySQL goes on to call a dropped CURRENT_TIMESTAMP an expression.
            now = column.default_is_expression and (column.default or "CURRENT_TIMESTAMP").startswith(
                "CURRENT_TIMESTAMP"
            )
            return replace(without_default(column), default_is_expression=now)
        if clause.default is None:
            return column
        if column.auto_increment or column.generated:
            if clause.default.kind in (DefaultKind.EXPRESSION, DefaultKind.NOW):
                raise NotResolved(f"what becomes of the default of column {column.name!r} is not known")
            return column
        texts = column.type_name in NO_IMPLICIT_DEFAULT
        if clause.default.kind is DefaultKind.EXPRESSION and (texts or not self._context.mariadb):
            why = f"how the server shows the default of column {column.name!r} is not known"
            return with_untold_default(column, why, self._context)
        return with_default(column, clause.default, self._context)

    def _ensure_moment_told(self, column: Column) -> None:
        """MariaDB 10.11 takes an ON UPDATE away with the default or leaves it, by what it does not tell."""
        legacy = column.type_name == "timestamp" and not self._context.explicit_defaults_for_timestamp
        if self._context.mariadb and (column.on_update or legacy):
            raise NotResolved(f"what becomes of the default of column {column.name!r} is not known")

    def _placed(self) -> None:
        """Move and add columns in the clauses' order."""
        for clause in self._clauses:
            if isinstance(clause, AddColumn):
                column = self._column_of(clause)
                if not (clause.if_not_exists and self._is_there(clause.column.name)):
                    self._put(column, clause.place)
            elif isinstance(clause, ModifyColumn) and clause.place is not None:
                at = self._find(clause.column.name)
                if at is not None:
                    self._put(self._columns.pop(at), clause.place)

    def _promote(self) -> None:
        """The first TIMESTAMP of all where explicit_defaults_for_timestamp is off, if it has no default at all.

        One that was there before without a default gets it too, and MySQL shows an expression that it does not name;
        one that has such an expression already is left alone.
        """
        if self._context.explicit_defaults_for_timestamp:
            return
        found = (at for at, c in enumerate(self._columns) if c.type_name == "timestamp" and not c.generated)
        at = next(found, None)
        if at is None:
            return
        column = self._columns[at]
        definition = self._written.get(column.name.lower())
        if definition is not None:
            if first_timestamp([definition], self._context) is not None:
                self._columns[at] = column_of(definition, self._context, self._pair, promoted=True)
        elif not (column.nullable or column.has_default or column.on_update or column.default_is_expression):
            if self._context.mariadb:
                raise NotResolved(f"the default of column {column.name!r} is not known")
            self._columns[at] = replace(column, on_update=True, default_is_expression=True)

    def _put(self, column: Column, place: Place | None) -> None:
        if place is None:
            self._columns.append(column)
        elif place.after is None:
            self._columns.insert(0, column)
        else:
            at = self._find(place.after)
            if at is None:
                raise NotResolved(f"the column {place.after!r} is not known")
            self._columns.insert(at + 1, column)

    def _converted(self) -> None:
        converts = any(isinstance(clause, ConvertCharset) for clause in self._clauses)
        if converts and self._pair is not None:
            pair = self._pair
            if pair.charset == "binary":
                raise NotResolved("texts become binary")
            for column in self._columns:
                self._ensure_convertible(column, pair)
            self._columns = [_converted(column, pair) for column in self._columns]

    def _ensure_convertible(self, column: Column, pair: CharsetPair) -> None:
        """Both servers misread the bytes of labels when one of the two charsets has no ASCII (9.7, 10.11).

        MySQL 9.7.4 makes TINYBLOB of BLOB and MEDIUMBLOB that MODIFY or CHANGE asks for in the same statement.
        """
        if column.type_name.endswith("blob") and column.name.lower() in self._written:
            raise NotResolved(f"the size of column {column.name!r} is not known")
        if column.charset is not None and column.name.lower() in self._written:
            raise NotResolved(f"two clauses give column {column.name!r} a charset")
        if column.type_name in ("enum", "set"):
            wide = column.charset in _WIDE or pair.charset in _WIDE
            labels = "".join(column.enum_values)
            hidden = "x'" in column.type_expression or not _PLAIN.fullmatch(labels)
            if column.charset != pair.charset and hidden:
                # What is shown may not be what is kept, and MariaDB 10.11 reads its bytes in the other charset.
                raise NotResolved(f"the labels of column {column.name!r} are not known")
            if wide and column.charset != pair.charset:
                raise NotResolved(f"the labels of column {column.name!r} change with the charset")

    def _keys(self) -> Keys:
        keys = Keys(self._table.keys, self._table.primary_key)
        for clause in self._clauses:
            if isinstance(clause, DropKey):
                self._drop_key(keys, clause)
        for clause in self._clauses:
            if isinstance(clause, RenameKey):
                found = keys.find(clause.name)
                if found is not None:
                    keys.rename(found, clause.to)
                elif not clause.if_exists and self._table.is_told_in_full:
                    raise NotResolved(f"the key {clause.name!r} is not known")
        changed = {column.name: column for column in self._columns if column.name.lower() in self._written}
        keys.change_columns(self._renamed, changed)
        added = [c.key for c in self._clauses if isinstance(c, AddKey) and self._is_new(keys, c.key)]
        primary = {(part.column or "").lower() for key in added if key.kind is KeyKind.PRIMARY for part in key.parts}
        self._columns = [
            not_null(column, self._context) if column.name.lower() in primary else column for column in self._columns
        ]
        keys.add(added, self._columns)
        return keys

    def _is_new(self, keys: Keys, key: KeyDefinition) -> bool:
        return not (key.if_not_exists and key.name is not None and keys.find(key.name) is not None)

    def _drop_key(self, keys: Keys, clause: DropKey) -> None:
        if clause.kind in (KeyKind.FOREIGN, KeyKind.CHECK):
            return
        found = keys.find(clause.name)
        if found is not None and (clause.kind is not None or found.unique):
            if self._context.mariadb and clause.kind is None and any(self._is_long(name) for name in found.columns):
                # MariaDB 10.11 does not find the constraint of such a key with IF EXISTS.
                raise NotResolved(f"what becomes of the key {clause.name!r} is not known")
            keys.drop(found)
        elif clause.kind is not None and not clause.if_exists and self._table.is_told_in_full:
            # Of other tables the keys are not known, but for the record's, which Debezium too leaves as it is.
            raise NotResolved(f"the key {clause.name!r} is not known")

    def _is_long(self, name: str | None) -> bool:
        """Say whether a column's values are too long for an index, so that MariaDB keeps a hash of them."""
        return any(one.name == name and one.type_name in _LONG for one in self._table.columns)


def _table_pair(table: Table, context: DdlContext) -> CharsetPair | None:
    """Return what new columns inherit; a history tells the charset only, by which alone their values are read."""
    if table.charset is None:
        return None
    return CharsetPair(table.charset, table.collation or context.default_collation(table.charset))


def _converted(column: Column, pair: CharsetPair) -> Column:
    """Return a column of text in another charset; a TEXT that would not take as many characters is the next larger."""
    if column.charset is None or (column.charset == "binary"):
        return column
    new = replace(column, charset=pair.charset, collation=pair.collation)
    if column.type_name in _TEXTS:
        name = widened(column.type_name, column.charset, pair.charset)
        return replace(new, type_name=name, type_expression=column.type_expression.replace(column.type_name, name, 1))
    return new
