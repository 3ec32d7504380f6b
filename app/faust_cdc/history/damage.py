"""What a line of the history that cannot be read was about, as far as its remains tell.

Without names in table maps an older line of a table is all that says how its rows are read. So a line that is lost in
between must not leave the older one standing: the tables that it may have changed are to be read elsewhere, and where
it does not tell which these are, that is all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from faust_cdc.history.changes import is_shortened
from faust_cdc.history.table_reading import table_id_of
from faust_cdc.relational.ddl import heading
from faust_cdc.relational.ddl.statements import (
    AlterTable,
    CreateTable,
    DropTable,
    RenameTable,
    RenameTo,
    Statement,
    TableName,
)
from faust_cdc.relational.ddl.tokens import ANSI_QUOTES
from faust_cdc.relational.model import TableId

_TEXT: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLACE: Final = re.compile(rb'\{"source":(\{[^{}]*\}),"position":(\{[^{}]*\}),')
_DATABASE: Final = re.compile(rb'"databaseName":(' + _TEXT + rb"),")
_STATEMENT: Final = re.compile(rb',"ddl":(' + _TEXT + rb"),")
_NAMED: Final = re.compile(rb'"(?:id|previousId)":(' + _TEXT + rb")")
_BAD: Final = (ValueError, RecursionError)

Names = set[tuple[str, str]]
"""(database, table), both in lower case."""


def place_of(line: bytes) -> tuple[Any, Any] | None:
    """Return `source` and `position` of a line, None where they cannot be read."""
    found = _PLACE.match(line)
    try:
        if found is not None:
            return json.loads(found[1]), json.loads(found[2])
        record = json.loads(line)
    except _BAD:
        return None
    return (record.get("source"), record.get("position")) if isinstance(record, dict) else None


def concerned_by(line: bytes) -> Names | None:
    """Return the tables that a line may have changed; None: it does not tell, and may have changed any.

    Its statement tells all of them, if that is there, and all of it. Else the changes do, but those of a line without
    its end may be a part.
    """
    try:
        ids = {table_id_of(json.loads(one)) for one in _NAMED.findall(line)}
        statement, database = (_text(pattern, line) for pattern in (_STATEMENT, _DATABASE))
        is_whole = isinstance(json.loads(line), dict) if statement is None else False
    except _BAD:
        return None
    names = {folded(one) for one in ids}
    if statement is None:
        return names if names and is_whole else None
    if is_shortened(statement):
        return None
    written = named_by(heading(statement, flavor="mariadb", sql_mode=ANSI_QUOTES), database)
    return names | written if written else None


def folded(table_id: TableId) -> tuple[str, str]:
    """Return a table's names in lower case, as `Names` have them."""
    return table_id.database.lower(), table_id.table.lower()


def _text(pattern: re.Pattern[bytes], line: bytes) -> str | None:
    found = pattern.search(line)
    return None if found is None else str(json.loads(found[1]))


def named_by(statement: Statement | None, database: str | None) -> Names:
    """Return the tables that a statement is about, in `database` where it names none; none where it is not told."""
    names: Iterable[TableName]
    match statement:
        case CreateTable(name=name):
            names = [name]
        case AlterTable(name=name, clauses=clauses):
            names = [name, *(one.name for one in clauses if isinstance(one, RenameTo))]
        case DropTable(names=dropped):
            names = dropped
        case RenameTable(pairs=pairs):
            names = [name for pair in pairs for name in pair]
        case _:
            names = ()
    return {folded(TableId(one.database or database or "", one.table)) for one in names}
