"""By which columns a table is read in chunks, and what SQL says of a chunk.

Why the chunks of a table hold each of its rows once: the server alone compares. A bound is a row's key as the server
wrote it, given back as a literal of the same bytes; the column's own collation decides what lies above it, padding,
case and accents included, and `k > low` of a chunk is the exact negation of `k <= high` of the one before. What cannot
be given back exactly, or has another order in comparisons than in its index, is `Unchunkable`:

- FLOAT and DOUBLE: a printed number is not always the number;
- ENUM and SET: ordered by number, compared with text by label;
- MariaDB's CHAR in a collation without padding (`nopad`, from 11.4 on `0900` too): padded in its index, not padded when
  compared, so 'a' and a tab is behind 'a' and is not;
- TEXT, BLOB and keys over the beginnings of values: no index holds the order of the whole values;
- JSON, GEOMETRY, VECTOR: none is a key.

Literals are exact in a session that `chunk_statements.read_exactly` prepared (UTC, impossible dates allowed):
numbers stand as they are, text as `_charset x'…'` (its bytes in the column's own charset), the rest in quotes.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymysql.connections import Connection

from faust_cdc.mysql.connection import is_mariadb
from faust_cdc.mysql.indexes import Index, read_indexes
from faust_cdc.mysql.names import quote
from faust_cdc.mysql.schema import read_tables
from faust_cdc.relational.key_range import Bound, KeyRange
from faust_cdc.relational.model import Column, Table, TableId


class KeyKind(enum.Enum):
    """How a key column's value becomes a literal."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    BITS = "bits"
    TEXT = "text"
    BYTES = "bytes"
    QUOTED = "quoted"
    """Dates and times, UUID, INET4, INET6: as the server prints them."""


_KINDS: Final = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year"), KeyKind.INTEGER),
    **dict.fromkeys(("char", "varchar"), KeyKind.TEXT),
    **dict.fromkeys(("binary", "varbinary"), KeyKind.BYTES),
    **dict.fromkeys(("date", "time", "datetime", "timestamp", "uuid", "inet4", "inet6"), KeyKind.QUOTED),
    "decimal": KeyKind.DECIMAL,
    "bit": KeyKind.BITS,
}

_NO_PADDING: Final = re.compile("nopad|_0900_")

_LITERALS: Final = {
    KeyKind.INTEGER: re.compile(r"-?\d+", re.ASCII),
    KeyKind.BITS: re.compile(r"\d+", re.ASCII),
    KeyKind.DECIMAL: re.compile(r"-?\d+(\.\d+)?", re.ASCII),
    KeyKind.TEXT: re.compile(r"_([a-z0-9]+) x'([0-9A-F]{2})*'", re.ASCII),
    KeyKind.BYTES: re.compile(r"_(binary) x'([0-9A-F]{2})*'", re.ASCII),
    KeyKind.QUOTED: re.compile(r"'[0-9A-Za-z:. -]+'", re.ASCII),
}

_WHY_NOT: Final = {
    **dict.fromkeys(("float", "double"), "its values are not exact as text"),
    **dict.fromkeys(("enum", "set"), "its order is not that of its labels"),
    **dict.fromkeys(
        ("tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob"),
        "no index is in the order of its whole values",
    ),
}


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One column of a chunk key."""

    name: str
    kind: KeyKind
    charset: str | None = None
    """Of TEXT."""
    collation: str | None = None
    """Of TEXT."""
    descending: bool = False
    """The index has its values from high to low, and so have the chunks."""

    def expression(self) -> str:
        """Return what to SELECT for `literal`."""
        name = quote(self.name)
        if self.kind in (KeyKind.TEXT, KeyKind.BYTES):
            return f"HEX({name})"
        if self.kind is KeyKind.BITS:
            return f"CAST({name} AS UNSIGNED)"
        return f"CAST({name} AS CHAR)"

    def literal(self, cell: object) -> str:
        """Return the SQL literal of the value that `expression` gave as `cell`."""
        text = cell.decode("ascii") if isinstance(cell, bytes) else str(cell)
        if self.kind in (KeyKind.INTEGER, KeyKind.BITS):
            return str(int(text))  # ZEROFILL has zeros in front
        if self.kind is KeyKind.DECIMAL:
            return text
        if self.kind is KeyKind.TEXT:
            return f"_{self.charset} x'{text}'"
        if self.kind is KeyKind.BYTES:
            return f"_binary x'{text}'"
        return f"'{text}'"

    def accepts(self, literal: str) -> bool:
        """Say whether a text could be of `literal`."""
        found = _LITERALS[self.kind].fullmatch(literal)
        return found is not None and (self.kind is not KeyKind.TEXT or found[1] == self.charset)


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """The columns by which a table is cut into chunks, in their order."""

    columns: tuple[KeyColumn, ...]
    unique: bool = True
    """False: rows share values; ranges end at whole values, and so can hold more rows than asked for."""
    index: str | None = None
    """The index to walk; None: not known, the optimizer finds it."""

    def select_list(self) -> list[str]:
        """Return the expressions whose cells `bound` takes."""
        return [column.expression() for column in self.columns]

    def bound(self, cells: Sequence[object]) -> Bound:
        """Return a row's key as literals."""
        return tuple(column.literal(cell) for column, cell in zip(self.columns, cells, strict=True))

    def accepts(self, bound: Bound) -> bool:
        """Say whether a bound could be of this key: one that comes from outside becomes SQL only if it could."""
        return len(bound) == len(self.columns) and all(
            column.accepts(literal) for column, literal in zip(self.columns, bound, strict=True)
        )

    def order(self, *, backwards: bool = False) -> str:
        """Return the ORDER BY list in which chunks follow one another, or the reverse of it."""
        return ", ".join(
            quote(column.name) + (" DESC" if column.descending is not backwards else "") for column in self.columns
        )

    def describe(self) -> str:
        """Return the columns with all that their order depends on: bounds of one text are worth nothing under another.

        A table whose text is no longer that with which it was planned must be planned again from its beginning.
        """
        return ", ".join(
            f"{quote(one.name)} {one.kind.value}"
            + (f" {one.collation or one.charset}" if one.kind is KeyKind.TEXT else "")
            + (" DESC" if one.descending else "")
            for one in self.columns
        )


@dataclass(frozen=True, slots=True)
class Unchunkable:
    """A table that cannot be read in chunks."""

    reason: str
    """A sentence that names the table."""


def chunk_keys(
    connection: Connection[Any], tables: Iterable[Table], surrogate_key: str | None = None
) -> dict[TableId, ChunkKey | Unchunkable]:
    """Return `chunk_key` of each table with its indexes as they are now: a few statements for any number of tables.

    Of a table that is not there any more nothing is known: it is no table without an index, of which changes would wait
    for a copy that never comes. Raises what `query` raises.
    """
    wanted = list(tables)
    indexes = read_indexes(connection, [table.id for table in wanted])
    bare = [table.id for table in wanted if table.id not in indexes]
    there = read_tables(connection, bare) if bare else {}
    known: dict[TableId, Sequence[Index]] = {**dict.fromkeys(there, ()), **indexes}
    mariadb = is_mariadb(connection)
    return {table.id: chunk_key(table, known.get(table.id), surrogate_key, mariadb=mariadb) for table in wanted}


def chunk_key(
    table: Table,
    indexes: Sequence[Index] | None = None,
    surrogate_key: str | None = None,
    *,
    mariadb: bool = False,
) -> ChunkKey | Unchunkable:
    """Return the columns by which `table` is read: `surrogate_key` when given, else its record key's.

    `indexes` are the table's; with None nothing is known of them, and one over the key's columns is taken for granted.
    """
    if surrogate_key is not None:
        return _surrogate(table, indexes, surrogate_key, mariadb)
    names = table.primary_key
    if not names:
        return Unchunkable(f"{table.id} has neither a primary key nor a unique key without NULL.")
    if indexes is None:
        return _key(table, names, None, mariadb)
    fitting = [one for one in indexes if one.unique and one.columns == names]
    if not fitting:
        return Unchunkable(f"{table.id} has no unique index over ({', '.join(names)}) now.")
    problems = [_index_problem(table, one, len(names)) for one in fitting]
    if None not in problems:
        return Unchunkable(str(problems[0]))
    return _key(table, names, fitting[problems.index(None)], mariadb)


def where(key: ChunkKey, key_range: KeyRange, condition: str | None = None) -> str:
    """Return the SQL condition that the rows of a chunk meet, `1 = 1` when all do.

    Comparisons of rows are written out, as `a > 1 OR (a = 1 AND b > 2)`: MySQL finds no range for `(a, b) > (1, 2)`.
    What both bounds begin with is compared once.
    """
    low, high = key_range.low, key_range.high
    parts: list[str] = []
    shared = 0
    if low is not None and high is not None:
        while shared < len(key.columns) - 1 and low[shared] == high[shared]:
            parts.append(f"{quote(key.columns[shared].name)} = {low[shared]}")
            shared += 1
    columns = key.columns[shared:]
    if low is not None:
        parts.append(_beyond(columns, low[shared:]))
    if high is not None:
        parts.append(_up_to(columns, high[shared:]))
    if condition and condition.strip():
        # The line break ends a comment in the condition, which would take the parenthesis with it.
        parts.append(f"({condition}\n)")
    return " AND ".join(parts) or "1 = 1"


def _beyond(columns: Sequence[KeyColumn], low: Bound) -> str:
    return _chain(columns, low, [("<" if one.descending else ">") for one in columns], "")


def _up_to(columns: Sequence[KeyColumn], high: Bound) -> str:
    return _chain(columns, high, [(">" if one.descending else "<") for one in columns], "=")


def _chain(columns: Sequence[KeyColumn], bound: Bound, signs: Sequence[str], or_equal: str) -> str:
    """Return the comparison of rows, from its last column outwards."""
    text = f"{quote(columns[-1].name)} {signs[-1]}{or_equal} {bound[-1]}"
    for column, literal, sign in reversed(list(zip(columns[:-1], bound[:-1], signs[:-1], strict=True))):
        name = quote(column.name)
        # With equalities written out both servers find the exact ranges of the index.
        text = f"{name} {sign} {literal} OR ({name} = {literal} AND ({text}))"
    return f"({text})"


def _surrogate(table: Table, indexes: Sequence[Index] | None, name: str, mariadb: bool) -> ChunkKey | Unchunkable:
    column = next((one for one in table.columns if one.name.lower() == name.strip().strip("`").lower()), None)
    if column is None:
        return Unchunkable(f"{table.id} has no column {name!r}, which the surrogate key names.")
    if column.nullable:
        return Unchunkable(f"{table.id}: the surrogate key {column.name!r} must be NOT NULL, for NULLs have no order.")
    if indexes is None:
        return _key(table, (column.name,), None, mariadb, unique=False)
    usable = [one for one in indexes if one.columns[0] == column.name and _index_problem(table, one, 1) is None]
    if not usable:
        return Unchunkable(
            f"{table.id}: no index in its order begins with the surrogate key {column.name!r}; each chunk would read "
            "the whole table."
        )
    unique = [one for one in usable if one.unique and len(one.parts) == 1]
    return _key(table, (column.name,), (unique or usable)[0], mariadb, unique=bool(unique))


def _index_problem(table: Table, index: Index, width: int) -> str | None:
    """Say why the first `width` columns of an index cannot be walked in order; None: they can."""
    if not index.ordered:
        return f"{table.id}: the index {index.name} has no order."
    if not index.visible:
        return f"{table.id}: the index {index.name} is hidden from the optimizer."
    for part in index.parts[:width]:
        if part.is_prefix:
            return f"{table.id}: the index {index.name} holds only the beginnings of {part.column!r}."
    return None


def _key(
    table: Table, names: Sequence[str], index: Index | None, mariadb: bool, *, unique: bool = True
) -> ChunkKey | Unchunkable:
    columns = [column for name in names for column in table.columns if column.name == name]
    if len(columns) < len(names):
        return Unchunkable(f"{table.id}: its key ({', '.join(names)}) has a column that is hidden.")
    for column in columns:
        why = _why_not(column, mariadb)
        if why is not None:
            return Unchunkable(f"{table.id}: chunks by {column.name!r} ({column.type_name}) cannot be made: {why}.")
    parts = index.parts if index is not None else ()
    descending = [part.descending for part in parts[: len(columns)]] or [False] * len(columns)
    return ChunkKey(
        tuple(_key_column(column, down) for column, down in zip(columns, descending, strict=True)),
        unique,
        index.name if index is not None else None,
    )


def _why_not(column: Column, mariadb: bool) -> str | None:
    """Say why no chunks are made by a column; None: they are."""
    if column.type_name not in _KINDS:
        return _WHY_NOT.get(column.type_name, "values of its type have no order")
    if _KINDS[column.type_name] is KeyKind.TEXT and not column.charset:
        return "its charset is not known"
    if mariadb and column.type_name == "char" and _NO_PADDING.search(column.collation or ""):
        return f"MariaDB compares CHAR in {column.collation} otherwise than it orders it in an index"
    return None


def _key_column(column: Column, descending: bool) -> KeyColumn:
    kind = _KINDS[column.type_name]
    is_text = kind is KeyKind.TEXT
    charset, collation = (column.charset, column.collation) if is_text else (None, None)
    return KeyColumn(column.name, kind, charset, collation, descending)
