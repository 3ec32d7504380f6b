"""A column as written into the `Column` that information_schema would show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from faust_cdc.relational.ddl.context import CharsetPair, DdlContext, NotResolved
from faust_cdc.relational.ddl.defaults import NO_IMPLICIT_DEFAULT, default_value, zero_moment
from faust_cdc.relational.ddl.statements import ColumnDefinition, Default, DefaultKind
from faust_cdc.relational.ddl.types import type_facts
from faust_cdc.relational.model import Column, Table


def first_timestamp(definitions: Iterable[ColumnDefinition], context: DdlContext) -> ColumnDefinition | None:
    """Return the definition that gets CURRENT_TIMESTAMP as default and on update without saying so.

    It is the first TIMESTAMP of a statement where explicit_defaults_for_timestamp is off, if nothing is written with
    it (mysql-server `promote_first_timestamp_column`).
    """
    if context.explicit_defaults_for_timestamp:
        return None
    for definition in definitions:
        if definition.type.name == "TIMESTAMP" and not definition.generated:
            null = definition.default == Default(DefaultKind.NULL) and context.mariadb
            bare = (definition.default is None or null) and not definition.on_update and definition.nullable is not True
            return definition if bare else None
    return None


def column_of(
    definition: ColumnDefinition, context: DdlContext, inherited: CharsetPair | None, *, promoted: bool = False
) -> Column:
    """Return the column, its place still open. Raises NotResolved."""
    facts = type_facts(definition.type, context, inherited)
    implied = facts.type_name == "timestamp" and not context.explicit_defaults_for_timestamp
    # MySQL shows no charset for labels of bytes.
    shown = None if facts.charset and facts.charset.charset == "binary" and not context.mariadb else facts.charset
    nullable = definition.nullable
    if nullable is None:
        nullable = not (implied and not definition.generated) and not definition.auto_increment
    column = Column(
        name=definition.name,
        type_name=facts.type_name,
        position=0,
        nullable=nullable,
        unsigned=facts.unsigned,
        length=facts.length,
        scale=facts.scale,
        charset=shown.charset if shown else None,
        collation=shown.collation if shown else None,
        enum_values=facts.labels,
        generated=definition.generated,
        auto_increment=definition.auto_increment,
        invisible=definition.invisible,
        type_expression=facts.text,
        comment=definition.comment,
        on_update=definition.on_update or promoted,
    )
    if definition.generated:
        return column
    if promoted:
        return with_default(column, Default(DefaultKind.NOW), context)
    if implied and not nullable and (definition.default is None or definition.default.kind is DefaultKind.NULL):
        return replace(column, has_default=True, default=zero_moment(column))
    if definition.default is None:
        if definition.on_update and context.mariadb and not column.nullable:
            return replace(column, has_default=True, default=zero_moment(column))
        if definition.type.compressed and not column.nullable:
            # MariaDB shows an empty default that nobody has written.
            return replace(column, has_default=True, default="" if column.charset else "0x")
        return without_default(column)
    return with_default(column, definition.default, context)


def with_default(column: Column, written: Default, context: DdlContext) -> Column:
    """Return the column with a DEFAULT clause. Raises NotResolved."""
    try:
        value = default_value(column, written, context)
    except NotResolved as why:
        return with_untold_default(column, str(why), context)
    if value.text is None:
        return without_default(column)
    return replace(column, has_default=True, default=value.text, default_is_expression=value.is_expression)


def with_untold_default(column: Column, why: str, context: DdlContext) -> Column:
    """Return the column with a default of which it is not known how the server shows it; see `DdlContext.untold`.

    Raises NotResolved where it is to be known.
    """
    if context.untold is None:
        raise NotResolved(why)
    context.untold.add(column.name)
    return replace(column, has_default=True, default=None, default_is_expression=True)


def without_default(column: Column) -> Column:
    """Return the column without a default; a nullable one has NULL in its stead."""
    shown = column.nullable and column.type_name not in NO_IMPLICIT_DEFAULT and not column.generated
    return replace(column, has_default=shown, default=None, default_is_expression=False)


def ensure_defaults_told(table: Table, context: DdlContext) -> None:
    """Refuse a table with a default that the server has but does not tell. Raises NotResolved.

    MySQL 9.7 shows NULL for the expression that ALTER COLUMN gives to a TEXT or BLOB, until the table is next changed.
    """
    if context.untold is not None:
        return
    for column in table.columns:
        if column.default_is_expression and column.default is None and column.type_name in NO_IMPLICIT_DEFAULT:
            raise NotResolved(f"the default of column {column.name!r} is not known")


def not_null(column: Column, context: DdlContext) -> Column:
    """Return the column as a primary key makes it. Raises NotResolved."""
    legacy = column.type_name == "timestamp" and not context.explicit_defaults_for_timestamp
    if legacy and (column.nullable or (column.default or "").startswith("0000")):
        raise NotResolved(f"the default of column {column.name!r} is not known")
    if not column.nullable:
        return column
    if context.mariadb and column.on_update and column.default is None:
        return replace(column, nullable=False, has_default=True, default=zero_moment(column))
    keeps = column.has_default and column.default is not None
    return replace(column, nullable=False, has_default=keeps)
