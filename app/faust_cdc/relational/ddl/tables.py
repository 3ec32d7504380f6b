"""The grammar of CREATE TABLE, DROP TABLE, RENAME TABLE and TRUNCATE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from faust_cdc.relational.ddl.columns import column_definition
from faust_cdc.relational.ddl.errors import DdlSyntaxError
from faust_cdc.relational.ddl.keys import at_key, key_definition
from faust_cdc.relational.ddl.options import partitions, table_options
from faust_cdc.relational.ddl.reader import Reader
from faust_cdc.relational.ddl.statements import (
    ColumnDefinition,
    CreateTable,
    DropTable,
    KeyDefinition,
    Period,
    RenameTable,
    TableOptions,
    TruncateTable,
)

COLUMNS_MAX: Final = 4096
"""Of a table, in both servers."""
_SELECT: Final = frozenset({"SELECT", "AS", "IGNORE", "REPLACE", "VALUES", "TABLE", "WITH", "("})


@dataclass(slots=True)
class _Body:
    columns: list[ColumnDefinition] = field(default_factory=list)
    keys: list[KeyDefinition] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)


def create_table(reader: Reader, *, temporary: bool, or_replace: bool) -> CreateTable:
    """Read what follows CREATE [OR REPLACE] [TEMPORARY] TABLE. Raises DdlSyntaxError."""
    if_not_exists = reader.if_not_exists()
    name = reader.table_name()
    like = None
    body = _Body()
    if reader.skip("LIKE"):
        like = reader.table_name()
    elif reader.at("(", "LIKE"):
        reader.expect("(", "LIKE")
        like = reader.table_name()
        reader.expect(")")
    elif reader.at("(") and reader.tokens.peek(1).word not in ("SELECT", "WITH", "("):
        _body(reader, body)
    options, versioned = TableOptions(), False
    if like is None:
        options, versioned = _after_body(reader)
    select = like is None and reader.at_any(_SELECT)
    if select:
        reader.tokens.skip_statement()
    elif not body.columns and like is None:
        reader.fail("the table's columns in parentheses")
    return CreateTable(
        name,
        tuple(body.columns),
        tuple(body.keys),
        options,
        tuple(body.periods),
        temporary=temporary,
        if_not_exists=if_not_exists,
        or_replace=or_replace,
        like=like,
        select=select,
        versioned=versioned,
    )


def _body(reader: Reader, body: _Body) -> None:
    reader.expect("(")
    while True:
        if at_key(reader):
            body.keys.append(key_definition(reader))
        elif reader.at("PERIOD", "FOR"):
            body.periods.append(period(reader))
        else:
            _column(reader, body)
        if not reader.skip(","):
            break
    if not reader.at(")"):
        reader.fail("',' or ')' after a column or a key")
    reader.expect(")")


def _column(reader: Reader, body: _Body) -> None:
    at = reader.tokens.peek().at
    column = column_definition(reader)
    body.columns.append(column)
    body.keys.extend(column.keys)
    if len(body.columns) > COLUMNS_MAX:
        raise DdlSyntaxError(at, f"column {column.name!r}", f"no more than {COLUMNS_MAX:,} columns in a table")


def period(reader: Reader) -> Period:
    """Read MariaDB's `PERIOD FOR name (start, end)`. Raises DdlSyntaxError."""
    reader.expect("PERIOD", "FOR")
    name = reader.name("a period")
    start, end = (*reader.names_in_parentheses("a column"), "", "")[:2]
    return Period(name, start, end)


def _after_body(reader: Reader) -> tuple[TableOptions, bool]:
    options, versioned = table_options(reader), False
    while True:
        if reader.skip("WITH", "SYSTEM", "VERSIONING"):
            versioned = True
        elif reader.at("PARTITION", "BY"):
            partitions(reader)
        else:
            return options, versioned
        more = table_options(reader)
        options = options if more.empty else merged(options, more)


def merged(first: TableOptions, second: TableOptions) -> TableOptions:
    """Return both options, the second's where both have one."""
    charset, collation = second.charset or first.charset, second.collation or first.collation
    comment = first.comment if second.comment is None else second.comment
    return TableOptions(charset, collation, comment, first.others + second.others)


def drop_table(reader: Reader, *, temporary: bool) -> DropTable:
    """Read what follows DROP [TEMPORARY] TABLE. Raises DdlSyntaxError."""
    if_exists = reader.if_exists()
    names = [reader.table_name()]
    while reader.skip(","):
        names.append(reader.table_name())
    reader.wait()
    token = reader.tokens.peek()
    behaviour = token.text if reader.skip_any("RESTRICT", "CASCADE") else ""
    return DropTable(tuple(names), temporary, if_exists, behaviour)


def rename_table(reader: Reader) -> RenameTable:
    """Read what follows RENAME TABLE. Raises DdlSyntaxError."""
    if_exists = reader.if_exists()
    pairs = []
    while True:
        old = reader.table_name()
        reader.wait()
        reader.expect("TO")
        pairs.append((old, reader.table_name()))
        if not reader.skip(","):
            return RenameTable(tuple(pairs), if_exists)


def truncate_table(reader: Reader) -> TruncateTable:
    """Read what follows TRUNCATE [TABLE]. Raises DdlSyntaxError."""
    name = reader.table_name()
    reader.wait()
    reader.skip_any("RESTRICT", "CASCADE", "DROP", "REUSE") and reader.skip("STORAGE")
    return TruncateTable(name)
