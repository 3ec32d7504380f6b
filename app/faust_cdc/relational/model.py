"""Tables and columns as values: immutable, one object per table version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class TableId(NamedTuple):
    """A table by database and name, as MySQL spells them."""

    database: str
    table: str

    def __str__(self) -> str:
        return f"{self.database}.{self.table}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table version.

    `type_name` is MySQL's base type in lower case without length or attributes (`int`, `bigint`, `varchar`,
    `decimal`, `enum`, `json`, `tinyint`, `bit`, `timestamp`, `geometry` …; `bool` never appears: it is `tinyint`
    with `length` 1). `type_expression` is the full text as information_schema prints it, or "" when unknown.
    """

    name: str
    type_name: str
    position: int
    """Ordinal, counted from 0: the column's place in a row image."""
    nullable: bool
    unsigned: bool = False
    length: int | None = None
    """CHAR/VARCHAR: characters; BINARY/VARBINARY: bytes; BIT: bits; DECIMAL/FLOAT/DOUBLE (M,D): M; tinyint(1): 1;
    TIME/DATETIME/TIMESTAMP: fraction digits 0..6."""
    scale: int | None = None
    """DECIMAL's D; FLOAT(M,D)'s and DOUBLE(M,D)'s D; else None."""
    charset: str | None = None
    """MySQL charset name (`utf8mb4`, `latin1`, `binary` …) of character, enum and set columns."""
    collation: str | None = None
    enum_values: tuple[str, ...] = ()
    """Labels of ENUM and SET in definition order."""
    has_default: bool = False
    """True when the column has a DEFAULT clause, explicit NULL included."""
    default: str | None = None
    """The literal default as information_schema.columns.column_default gives it; None for NULL, see has_default."""
    default_is_expression: bool = False
    """DEFAULT (expr) or a function such as CURRENT_TIMESTAMP rather than a literal."""
    generated: bool = False
    auto_increment: bool = False
    invisible: bool = False
    type_expression: str = ""
    comment: str = ""
    on_update: bool = False
    """The server writes the time of a change: ON UPDATE CURRENT_TIMESTAMP."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key (index) of a table."""

    name: str
    """`PRIMARY` for the primary key."""
    columns: tuple[str | None, ...]
    """In key order; None stands for an expression."""
    unique: bool = False
    prefixes: tuple[int | None, ...] = ()
    """Of a unique key that covers only the beginnings of values: their length for each part, None for a whole one."""


def sorted_keys(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return keys as `Table.keys` has them."""
    return tuple(sorted(keys, key=lambda key: (key.name != "PRIMARY", key.name)))


@dataclass(frozen=True, slots=True)
class Table:
    """One version of a table's structure."""

    id: TableId
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    """Column names of the record key in key order: the primary key, else the first unique key whose columns are
    all NOT NULL, else empty (Debezium's rule)."""
    charset: str | None = None
    comment: str = ""
    collation: str | None = None
    """Of columns that are added without one; None when unknown."""
    keys: tuple[Key, ...] = ()
    """PRIMARY first, then by name; what a later DDL statement refers to. Table maps do not tell them.

    After a DDL statement a foreign key's own key that another one serves may still be here; the server drops it."""

    @property
    def is_told_in_full(self) -> bool:
        """Whether collations and keys are known: a schema history and a table map tell neither."""
        return self.collation is not None

    def column(self, name: str) -> Column:
        """Return the column called `name`. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.id} has no column {name!r}")
