"""Table structures as the server describes them now, read from information_schema.

A handful of statements serve any number of tables: tables are asked for per database, 500 at a time. The record key
is Debezium's: the primary key, else the first unique key whose columns are all NOT NULL.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pymysql.connections import Connection

from faust_cdc.mysql.connection import is_mariadb, query
from faust_cdc.mysql.names import quote
from faust_cdc.relational.ddl.defaults import NO_IMPLICIT_DEFAULT
from faust_cdc.relational.filters import BUILTIN_DATABASES
from faust_cdc.relational.model import Column, Key, Table, TableId, sorted_keys

_TABLES_PER_STATEMENT = 500
_BINARY_TYPES = frozenset(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"))
_CHARACTERS = frozenset(("char", "varchar", "binary", "varbinary"))
_TEMPORAL = frozenset(("time", "datetime", "timestamp"))

_COLUMNS = """
    SELECT table_name, column_name, ordinal_position, column_default, is_nullable, data_type,
           character_maximum_length, numeric_precision, numeric_scale, datetime_precision,
           character_set_name, collation_name, column_type, extra, column_comment, {generated}
      FROM information_schema.columns
     WHERE table_schema = %s AND table_name IN ({marks})
     ORDER BY table_name, ordinal_position"""
_KEYS = """
    SELECT table_name, index_name, column_name, nullable, non_unique, sub_part
      FROM information_schema.statistics
     WHERE table_schema = %s AND table_name IN ({marks})
     ORDER BY table_name, index_name, seq_in_index"""
_TABLES = """
    SELECT table_name, table_collation, table_comment
      FROM information_schema.tables
     WHERE table_schema = %s AND table_name IN ({marks}) AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"""


def as_named(connection: Connection[Any], tables: Sequence[TableId]) -> list[TableId]:
    """Return tables by the names that the server has them under, and its binlog; one that is not there as it is given.

    A server may take names in any case (`lower_case_table_names`). Raises what `query` raises.
    """
    if not tables:
        return []
    ((folds,),) = query(connection, "SELECT @@global.lower_case_table_names", doing="asking how names are compared")
    if not int(folds):
        return list(tables)
    wanted = {str(one).lower() for one in tables}
    found = {str(one).lower(): one for one in captured_tables(connection, lambda one: str(one).lower() in wanted)}
    return [found.get(str(one).lower(), one) for one in tables]


def captured_tables(connection: Connection[Any], accept: Callable[[TableId], bool]) -> list[TableId]:
    """Return the base tables that `accept` takes, ordered by database and name; system databases never."""
    rows = query(
        connection,
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY table_schema, table_name",
        doing="listing tables",
    )
    ids = (TableId(_text(database), _text(table)) for database, table in rows)
    return [i for i in ids if i.database.lower() not in BUILTIN_DATABASES and accept(i)]


def read_tables(connection: Connection[Any], ids: Iterable[TableId]) -> dict[TableId, Table]:
    """Return the structures of the tables that exist now; a table that is gone is missing from the answer."""
    by_database: dict[str, list[str]] = defaultdict(list)
    for table_id in ids:
        by_database[table_id.database].append(table_id.table)
    tables: dict[TableId, Table] = {}
    for database, names in by_database.items():
        for first in range(0, len(names), _TABLES_PER_STATEMENT):
            for table in _read_some(connection, database, names[first : first + _TABLES_PER_STATEMENT]):
                tables[table.id] = table
    return tables


def _read_some(connection: Connection[Any], database: str, names: list[str]) -> Iterator[Table]:
    def ask(sql: str, what: str) -> list[Any]:
        marks = ", ".join(["%s"] * len(names))
        doing = f"reading {what} of {len(names)} tables of {database}"
        return query(connection, sql.format(marks=marks, generated=generated), (database, *names), doing=doing)

    maria = is_mariadb(connection)
    # MySQL 5.6 has neither generated columns nor this column to tell them.
    version = str(getattr(connection, "server_version", ""))
    generated = "''" if version.startswith("5.6.") and not maria else "generation_expression"
    columns: dict[str, list[Column]] = defaultdict(list)
    for row in ask(_COLUMNS, "columns"):
        found = columns[_text(row[0])]
        # Counted here: the ordinal counts a functional index's hidden column too, which is in no row image.
        found.append(_column(row, len(found), maria))
    keys: dict[str, dict[str, list[_KeyPart]]] = defaultdict(lambda: defaultdict(list))
    for table, index, column, nullable, non_unique, prefix in ask(_KEYS, "keys"):
        part = _KeyPart(column and _text(column), nullable == "YES", int(non_unique) == 0, prefix)
        keys[_text(table)][_text(index)].append(part)
    for table, collation, comment in ask(_TABLES, "table options"):
        name = _text(table)
        if name in columns:
            table_id = TableId(database, name)
            key = _record_key(connection, table_id, keys[name])
            charset = _normal_charset(collation.partition("_")[0]) if collation else None
            yield Table(
                table_id,
                tuple(columns[name]),
                key,
                charset,
                _text(comment or ""),
                _normal_collation(collation, charset),
                sorted_keys(_key(index, parts) for index, parts in keys[name].items()),
            )


class _KeyPart(NamedTuple):
    column: str | None
    nullable: bool
    unique: bool
    prefix: int | None


def _key(name: str, parts: list[_KeyPart]) -> Key:
    unique = parts[0].unique
    prefixes = tuple(None if part.prefix is None else int(part.prefix) for part in parts)
    return Key(name, tuple(part.column for part in parts), unique, prefixes if unique and any(prefixes) else ())


def _record_key(connection: Connection[Any], table_id: TableId, keys: Mapping[str, list[_KeyPart]]) -> tuple[str, ...]:
    """Choose the key's columns: PRIMARY, else the first unique key without a nullable or computed part."""
    candidates = {
        index: tuple(part.column for part in parts if part.column is not None)
        for index, parts in keys.items()
        if all(part.unique and part.column is not None and not part.nullable for part in parts)
    }
    if "PRIMARY" in candidates:
        return candidates["PRIMARY"]
    if len(candidates) < 2:
        return next(iter(candidates.values()), ())
    # information_schema does not say which index is first; SHOW INDEX lists them in the server's own order.
    quoted = ".".join(map(quote, table_id))
    for row in query(connection, f"SHOW INDEX FROM {quoted}", doing=f"reading the key order of {table_id}"):
        if _text(row[2]) in candidates:
            return candidates[_text(row[2])]
    return ()


def _column(row: tuple[Any, ...], position: int, maria: bool) -> Column:
    (_, name, _, default, is_nullable, data_type, characters, precision, scale, fraction) = row[:10]
    (charset, collation, column_type, extra, comment, expression) = row[10:]
    type_name, type_text, extra_text = _type_name(_text(data_type)), _text(column_type), _text(extra or "").upper()
    nullable = is_nullable == "YES"
    generated = bool(expression) or extra_text.startswith(("VIRTUAL GENERATED", "STORED GENERATED"))
    is_expression = "DEFAULT_GENERATED" in extra_text
    explicit_null = False
    if default is not None:
        default = _text(default)
        if maria:
            default, is_expression, explicit_null = _maria_default(default, type_name)
    if generated:
        default, is_expression = None, False
    implicit_null = nullable and type_name not in NO_IMPLICIT_DEFAULT and not maria
    charset_name = _normal_charset(charset) if charset and type_name not in _BINARY_TYPES else None
    return Column(
        name=_text(name),
        type_name=type_name,
        position=position,
        nullable=nullable,
        unsigned=type_name not in ("enum", "set") and "unsigned" in type_text.lower(),
        length=_length(type_name, type_text, characters, precision, scale, fraction),
        scale=int(scale) if scale is not None and type_name in ("decimal", "float", "double") else None,
        charset=charset_name,
        collation=_normal_collation(collation, charset_name),
        enum_values=enum_labels(type_text) if type_name in ("enum", "set") else (),
        has_default=not generated and (default is not None or explicit_null or implicit_null),
        default=default,
        default_is_expression=is_expression,
        generated=generated,
        auto_increment="AUTO_INCREMENT" in extra_text,
        invisible="INVISIBLE" in extra_text,
        type_expression=type_text,
        comment=_text(comment or ""),
        on_update="ON UPDATE" in extra_text,
    )


def _type_name(data_type: str) -> str:
    lowered = data_type.lower()
    return "geometrycollection" if lowered == "geomcollection" else lowered


def _length(
    type_name: str,
    type_text: str,
    characters: int | None,
    precision: int | None,
    scale: int | None,
    fraction: int | None,
) -> int | None:
    """Return what `Column.length` documents for the type."""
    if type_name in _CHARACTERS:
        return None if characters is None else int(characters)
    if type_name in _TEMPORAL:
        return int(fraction or 0)
    if type_name in ("decimal", "bit") or (type_name in ("float", "double") and scale is not None):
        return None if precision is None else int(precision)
    if type_name == "vector":
        size = re.search(r"\((\d+)\)", type_text)
        return int(size[1]) if size else None
    return 1 if type_name == "tinyint" and type_text.lower().startswith("tinyint(1)") else None


_NUMBER = re.compile(r"^[-+]?\d*\.?\d+(e[-+]?\d+)?$", re.IGNORECASE)
_BIT_LITERAL = re.compile(r"^b'[01]*'$", re.IGNORECASE)
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "b": "\b"}


def _maria_default(text: str, type_name: str) -> tuple[str | None, bool, bool]:
    """Return (default, is an expression, is an explicit NULL): MariaDB writes defaults as SQL, MySQL as values.

    A binary column's literal is given as MySQL gives it: 0x and hexadecimal digits.
    """
    if text.upper() == "NULL":
        return None, False, type_name not in NO_IMPLICIT_DEFAULT
    if len(text) >= 2 and text[0] == text[-1] == "'":
        literal = _unquote(text)
        if type_name in _BINARY_TYPES:
            literal = "0x" + literal.encode("utf-8").hex()
        return literal, False, False
    return text, not (_NUMBER.match(text) or _BIT_LITERAL.match(text)), False


def _unquote(quoted: str) -> str:
    """Undo the quoting of one SQL string literal as the servers print it."""

    def plain(match: re.Match[str]) -> str:
        found = match[0]
        return "'" if found == "''" else _ESCAPES.get(found[1], found[1])

    return re.sub(r"''|\\.", plain, quoted[1:-1], flags=re.DOTALL)


_LABEL = re.compile(r"x'[0-9a-f]*'|'(?:[^'\\]|''|\\.)*'", re.DOTALL)


def enum_labels(column_type: str) -> tuple[str, ...]:
    """Return the labels of `enum('a','b')` or `set(…)` as information_schema prints it.

    MySQL prints the bytes of a label in utf8mb3 that is none, x'61ff': ALTER TABLE … CONVERT TO keeps the bytes of
    labels (its bug 26731). Such a label stays as it is printed; a byte below 16 has one digit there, so nobody can tell
    the bytes.
    """
    labels = (match[0] for match in _LABEL.finditer(column_type, column_type.find("(")))
    return tuple(one if one[0] == "x" else _unquote(one) for one in labels)


def _normal_charset(charset: str) -> str:
    return "utf8mb3" if charset == "utf8" else charset


def _normal_collation(collation: str | None, charset: str | None) -> str | None:
    """Return the collation with its charset in front: old servers write `utf8_`, new MariaDB `uca1400_…` alone."""
    if collation is None or charset is None:
        return None
    if collation.startswith("utf8_"):
        return f"utf8mb3_{collation[5:]}"
    return f"{charset}_{collation}" if collation.startswith("uca1400") else collation


def _text(value: Any) -> str:
    """information_schema columns arrive as text or, some of MySQL's, as bytes."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
