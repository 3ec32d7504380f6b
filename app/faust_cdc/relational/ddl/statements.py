"""DDL statements as values: what was written, nothing of what it means for a table yet."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as a statement names it."""

    database: str | None
    table: str
    at: int = field(default=0, compare=False)
    """Offset of its first character in the text."""
    end: int = field(default=0, compare=False)
    """Offset behind its last one."""


class DefaultKind(enum.Enum):
    """What stands after DEFAULT."""

    NULL = "null"
    STRING = "string"
    NUMBER = "number"
    """Integer, decimal or floating point, with its sign; TRUE is 1, FALSE is 0."""
    HEX = "hex"
    BITS = "bits"
    NOW = "now"
    """CURRENT_TIMESTAMP and its synonyms; `text` is the number of fraction digits or ""."""
    EXPRESSION = "expression"
    """In parentheses, or with MariaDB without them; `text` is what stands there."""


@dataclass(frozen=True, slots=True)
class Default:
    """A DEFAULT clause."""

    kind: DefaultKind
    text: str = ""
    introduced: bool = False
    """A charset is written before the string."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type as written."""

    name: str
    """In upper case, synonyms of several words joined by one space: `DOUBLE PRECISION`, `LONG VARCHAR`."""
    numbers: tuple[int, ...] = ()
    """What stands in parentheses: length, or precision and scale."""
    labels: tuple[str, ...] | None = None
    """Of ENUM and SET."""
    unsigned: bool = False
    zerofill: bool = False
    charset: str | None = None
    """In lower case; `default` where CHARACTER SET DEFAULT is written."""
    collation: str | None = None
    binary: bool = False
    """The attribute BINARY: the charset's _bin collation."""
    national: bool = False
    compressed: bool = False


class KeyKind(enum.Enum):
    """What a key or a constraint is."""

    PRIMARY = "primary"
    UNIQUE = "unique"
    INDEX = "index"
    FULLTEXT = "fulltext"
    SPATIAL = "spatial"
    VECTOR = "vector"
    FOREIGN = "foreign"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One part of a key."""

    column: str | None
    """None: an expression."""
    prefix: int | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class KeyDefinition:
    """A key or a constraint."""

    kind: KeyKind
    name: str | None
    """The key's own name, else the constraint's."""
    parts: tuple[KeyPart, ...] = ()
    if_not_exists: bool = False
    period: str | None = None
    """MariaDB's `WITHOUT OVERLAPS`: the period's name."""
    hash: bool = False
    """USING HASH."""


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """A column as written, without its keys: those stand among the table's."""

    name: str
    type: ColumnType
    nullable: bool | None = None
    """None: neither NULL nor NOT NULL is written."""
    default: Default | None = None
    on_update: bool = False
    generated: bool = False
    row_bound: bool = False
    """MariaDB's `GENERATED ALWAYS AS ROW START` or `END`."""
    auto_increment: bool = False
    invisible: bool = False
    comment: str = ""
    keys: tuple[KeyDefinition, ...] = ()
    """PRIMARY KEY and UNIQUE written with the column."""


@dataclass(frozen=True, slots=True)
class Place:
    """FIRST, or AFTER a column."""

    after: str | None
    """None: FIRST."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Those options of a table that its structure keeps."""

    charset: str | None = None
    collation: str | None = None
    comment: str | None = None
    others: tuple[str, ...] = ()
    """Names of the others, in upper case."""

    @property
    def empty(self) -> bool:
        """Whether no option is written."""
        return self == TableOptions()


@dataclass(frozen=True, slots=True)
class Period:
    """MariaDB's PERIOD FOR."""

    name: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE TABLE."""

    name: TableName
    columns: tuple[ColumnDefinition, ...] = ()
    keys: tuple[KeyDefinition, ...] = ()
    """All of them in their order in the text, those written with columns too."""
    options: TableOptions = TableOptions()
    periods: tuple[Period, ...] = ()
    temporary: bool = False
    if_not_exists: bool = False
    or_replace: bool = False
    like: TableName | None = None
    select: bool = False
    """Columns come from a query as well."""
    versioned: bool = False
    """WITH SYSTEM VERSIONING."""


@dataclass(frozen=True, slots=True)
class AddColumn:
    """ADD COLUMN."""

    column: ColumnDefinition
    place: Place | None = None
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class ModifyColumn:
    """MODIFY and CHANGE COLUMN."""

    name: str
    column: ColumnDefinition
    place: Place | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class DropColumn:
    """DROP COLUMN."""

    name: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """RENAME COLUMN."""

    name: str
    to: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterColumn:
    """ALTER COLUMN: SET DEFAULT, DROP DEFAULT, SET VISIBLE, SET INVISIBLE."""

    name: str
    default: Default | None = None
    drop_default: bool = False
    invisible: bool | None = None
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class AddKey:
    """ADD of a key or a constraint."""

    key: KeyDefinition


@dataclass(frozen=True, slots=True)
class DropKey:
    """DROP of a key or a constraint."""

    kind: KeyKind | None
    """PRIMARY, INDEX, FOREIGN, CHECK; None: DROP CONSTRAINT, which takes any."""
    name: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class RenameKey:
    """RENAME INDEX."""

    name: str
    to: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class RenameTo:
    """RENAME TO."""

    name: TableName


@dataclass(frozen=True, slots=True)
class SetOptions:
    """Options of the table."""

    options: TableOptions


@dataclass(frozen=True, slots=True)
class ConvertCharset:
    """CONVERT TO CHARACTER SET."""

    charset: str | None
    """None: DEFAULT, the database's."""
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class ChangePeriod:
    """MariaDB's ADD and DROP PERIOD FOR."""

    period: Period | None
    """None: dropped."""


@dataclass(frozen=True, slots=True)
class ChangeVersioning:
    """MariaDB's ADD and DROP SYSTEM VERSIONING."""

    added: bool


@dataclass(frozen=True, slots=True)
class ConvertPartition:
    """MariaDB's CONVERT PARTITION … TO TABLE: a partition becomes a table of its own, with its rows."""

    name: TableName


@dataclass(frozen=True, slots=True)
class ConvertTable:
    """MariaDB's CONVERT TABLE … TO PARTITION: a table becomes a partition, with its rows."""

    name: TableName


@dataclass(frozen=True, slots=True)
class OtherClause:
    """A clause that leaves the structure as it is: LOCK, partitions, ORDER BY, ENABLE KEYS …"""

    words: str


Clause: TypeAlias = (
    AddColumn
    | ModifyColumn
    | DropColumn
    | RenameColumn
    | AlterColumn
    | AddKey
    | DropKey
    | RenameKey
    | RenameTo
    | SetOptions
    | ConvertCharset
    | ChangePeriod
    | ChangeVersioning
    | ConvertPartition
    | ConvertTable
    | OtherClause
)


@dataclass(frozen=True, slots=True)
class AlterTable:
    """ALTER TABLE; CREATE INDEX and DROP INDEX are read as one too."""

    name: TableName
    clauses: tuple[Clause, ...] = ()
    if_exists: bool = False
    is_about_index: bool = False
    """It was written as CREATE INDEX or DROP INDEX."""


@dataclass(frozen=True, slots=True)
class DropTable:
    """DROP TABLE."""

    names: tuple[TableName, ...]
    temporary: bool = False
    if_exists: bool = False
    behaviour: str = ""
    """RESTRICT or CASCADE as it is written."""


@dataclass(frozen=True, slots=True)
class RenameTable:
    """RENAME TABLE: one after another."""

    pairs: tuple[tuple[TableName, TableName], ...]
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class TruncateTable:
    """TRUNCATE TABLE."""

    name: TableName


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """CREATE DATABASE."""

    name: str
    options: TableOptions = TableOptions()
    if_not_exists: bool = False
    or_replace: bool = False


@dataclass(frozen=True, slots=True)
class AlterDatabase:
    """ALTER DATABASE."""

    name: str | None
    """None: the session's."""
    options: TableOptions = TableOptions()


@dataclass(frozen=True, slots=True)
class DropDatabase:
    """DROP DATABASE."""

    name: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class Irrelevant:
    """A statement that changes no table's structure: views, routines, accounts, data."""

    words: str
    """Its first words, in upper case: `CREATE VIEW`."""


Statement: TypeAlias = (
    CreateTable
    | AlterTable
    | DropTable
    | RenameTable
    | TruncateTable
    | CreateDatabase
    | AlterDatabase
    | DropDatabase
    | Irrelevant
)
