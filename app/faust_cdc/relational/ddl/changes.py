"""What a statement does, in values: tables as they are after it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from faust_cdc.relational.ddl.context import CharsetPair
from faust_cdc.relational.model import Table, TableId


class ChangeKind(enum.Enum):
    """What is done to a table or a database."""

    CREATE = "create"
    ALTER = "alter"
    """RENAME of the table together with other clauses is one too; see `previous`."""
    RENAME = "rename"
    DROP = "drop"
    TRUNCATE = "truncate"
    CREATE_DATABASE = "create database"
    ALTER_DATABASE = "alter database"
    DROP_DATABASE = "drop database"


@dataclass(frozen=True, slots=True)
class TableChange:
    """One change of one table or of one database."""

    kind: ChangeKind
    id: TableId
    """After the change; `table` is "" for a database."""
    table: Table | None = None
    """After the change; None when it is gone, or a database's change."""
    previous: TableId | None = None
    """The name before, when it is another."""
    charset: CharsetPair | None = None
    """A database's defaults after the change."""


@dataclass(frozen=True, slots=True)
class Unresolvable:
    """What the statement's text does not tell: the structures of these tables are to be read anew."""

    reason: str
    tables: tuple[TableId, ...]
