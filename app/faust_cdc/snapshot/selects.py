"""The SELECT of a table's rows: of all of them, or around the one that `snapshot.select.statement.overrides` gives.

A statement of the user's stands as a derived table, and its columns are found by their names: what the plan of a table
must ask for stays ours (an ENUM by its number, text in its own character set), and so equal values stay equal bytes.
A column that it leaves out is null, as in Debezium; one that may not be null is an error here, before any row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from faust_cdc.config.snapshot_settings import OVERRIDES
from faust_cdc.errors import ConfigError
from faust_cdc.mysql.names import quote
from faust_cdc.mysql.snapshot_session import QueryColumn
from faust_cdc.relational.model import Column
from faust_cdc.transcode.plan import ColumnPlan, TranscodePlan

ColumnsOf = Callable[[str], Sequence[QueryColumn]]
"""`SnapshotSession.columns_of`: a SELECT → its columns."""

_NULL = "CAST(NULL AS CHAR)"
"""A bare NULL has a type of its own that no reader of cells knows."""


def select_of(plan: TranscodePlan, statement: str | None, columns_of: ColumnsOf, *, as_text: bool) -> str:
    """Return the statement that reads the snapshot of a table; its cells are those of `plan.select_list`.

    `statement` gives the rows in place of the table. Raises ConfigError when the server refuses it, or when it gives
    no rows of the table.
    """
    table = plan.table.id
    if statement is None:
        source, expressions = f"{quote(table.database)}.{quote(table.table)}", plan.select_list(as_text=as_text)
    else:
        # On a line of its own: the statement may end in a comment.
        source, expressions = f"({statement}\n) AS t", overridden_list(plan, statement, columns_of, as_text=as_text)
    return f"SELECT {', '.join(expressions)} FROM {source}"


def overridden_list(
    plan: TranscodePlan, statement: str, columns_of: ColumnsOf, *, as_text: bool, where: str = OVERRIDES
) -> list[str]:
    """Return what stands for `plan.select_list` where `statement` gives the rows; `where` it was given is told.

    Raises ConfigError as `select_of`.
    """
    where, expressions = f"{where}.{plan.table.id}", plan.select_list(as_text=as_text)
    try:
        found = {column.name.lower(): column for column in columns_of(statement)}
    except ConfigError as refused:
        raise ConfigError(f"{where}: {refused.message}", remedy=f"mend the statement: {statement}") from refused
    if not plan.columns:
        return expressions
    return [_expression(one, text, found, where) for one, text in zip(plan.columns, expressions, strict=True)]


def _expression(one: ColumnPlan, expression: str, found: Mapping[str, QueryColumn], where: str) -> str:
    column = one.column
    answer = found.get(column.name.lower())
    if answer is None or answer.is_null:
        if not column.nullable:
            fault = "leaves it out" if answer is None else "gives NULL for it"
            raise ConfigError(
                f"{where}: column {column.name!r} may not be null, and the statement {fault}.",
                remedy=f"select {quote(column.name)}, or leave it out with column.exclude.list",
            )
        return _NULL
    kept = {"enum": answer.is_enum, "set": answer.is_set, "bit": answer.is_bit}.get(column.type_name, True)
    if not kept:
        raise ConfigError(
            f"{where}: column {column.name!r} is of type {column.type_name.upper()} in the table and of another in "
            "what the statement gives, whose values mean something else.",
            remedy=f"select {quote(column.name)} as it is; a UNION or an expression changes its type",
        )
    return _in_own_charset(column, expression)


def _in_own_charset(column: Column, expression: str) -> str:
    """Text that is read as bytes must be in the column's character set, which an expression may have changed.

    Where it is in it already the server does nothing (Item_func_conv_charset), undefined characters stay too.
    """
    bare = quote(column.name)
    if expression != f"CAST({bare} AS BINARY)" or column.charset in (None, "binary") or column.type_name in _LABELLED:
        return expression
    return f"CAST(CONVERT({bare} USING {column.charset}) AS BINARY)"


_LABELLED = frozenset(("enum", "set"))
