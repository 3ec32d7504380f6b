"""What is told of a statement that `parse` cannot read: how it begins, which says what it is about, and its words.

Both are read by the same tokens as everything else, so what stands in a literal or in a comment is never taken for a
name, and the time is linear in the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from faust_cdc.relational.ddl.errors import DdlSyntaxError
from faust_cdc.relational.ddl.parse import Flavor, set_statement
from faust_cdc.relational.ddl.reader import Reader
from faust_cdc.relational.ddl.statements import (
    AddKey,
    AlterDatabase,
    AlterTable,
    Clause,
    CreateDatabase,
    CreateTable,
    DropDatabase,
    DropKey,
    DropTable,
    KeyDefinition,
    KeyKind,
    RenameTable,
    RenameTo,
    Statement,
    TableName,
    TruncateTable,
)
from faust_cdc.relational.ddl.tokens import Kind, Tokens

_BEFORE_KIND: Final = frozenset(
    {"ONLINE", "OFFLINE", "IGNORE", "TEMPORARY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "EXTERNAL"}
)
_OPTIONS: Final = frozenset({"CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "COMMENT", "READ", "UPGRADE"})
_NOT_THE_TABLE: Final = frozenset({"COLUMN", "INDEX", "KEY", "CONSTRAINT"})
_WORD: Final = re.compile(r"[\w$]+")


def heading(sql: str, *, flavor: Flavor, sql_mode: int = 0, version: tuple[int, ...] | None = None) -> Statement | None:
    """Return the first statement of a text as far as its first words tell, None when they do not tell what it is about.

    It has the tables or the database that it is about, and new names of tables; of columns and keys nothing. Arguments
    as with `parse`.
    """
    mariadb = flavor == "mariadb"
    reader = Reader(Tokens(sql, sql_mode=sql_mode, mariadb=mariadb, version=version), mariadb=mariadb)
    try:
        while reader.skip(";"):
            pass
        if reader.at("SET", "STATEMENT"):
            set_statement(reader)
        return _statement(reader)
    except DdlSyntaxError:
        return None


def _statement(reader: Reader) -> Statement | None:
    verb = reader.tokens.take().word
    if verb == "TRUNCATE":
        reader.skip("TABLE")
        return TruncateTable(reader.table_name())
    if verb == "RENAME":
        return _rename(reader) if reader.skip_any("TABLE", "TABLES") else None
    if verb not in ("CREATE", "ALTER", "DROP"):
        return None
    or_replace = reader.skip("OR", "REPLACE")
    if reader.skip_any("DATABASE", "SCHEMA"):
        return _database(reader, verb, or_replace)
    words = set()
    while reader.at_any(_BEFORE_KIND):
        words.add(reader.tokens.take().word)
    if reader.skip_any("TABLE", "TABLES"):
        return _table(reader, verb, or_replace, "TEMPORARY" in words)
    if reader.skip("INDEX") and verb != "ALTER":
        return _index(reader, verb, KeyKind.UNIQUE if "UNIQUE" in words else KeyKind.INDEX)
    return None


def _database(reader: Reader, verb: str, or_replace: bool) -> Statement:
    if_not_exists, if_exists = reader.if_not_exists(), reader.if_exists()
    if verb == "ALTER":
        unnamed = reader.at_end() or reader.at_any(_OPTIONS)
        return AlterDatabase(None if unnamed else reader.name("a database"))
    name = reader.name("a database")
    if verb == "DROP":
        return DropDatabase(name, if_exists)
    return CreateDatabase(name, if_not_exists=if_not_exists, or_replace=or_replace)


def _table(reader: Reader, verb: str, or_replace: bool, temporary: bool) -> Statement:
    if_not_exists, if_exists = reader.if_not_exists(), reader.if_exists()
    name = reader.table_name()
    if verb == "CREATE":
        return CreateTable(name, temporary=temporary, if_not_exists=if_not_exists, or_replace=or_replace)
    if verb == "DROP":
        return DropTable((name, *_more_names(reader)), temporary, if_exists)
    return AlterTable(name, tuple(_renames(reader)), if_exists)


def _more_names(reader: Reader) -> Iterator[TableName]:
    try:
        while reader.skip(","):
            yield reader.table_name()
    except DdlSyntaxError:
        return


def _renames(reader: Reader) -> Iterator[RenameTo]:
    """Yield the new names among the clauses of an ALTER TABLE."""
    depth, begins = 0, True
    try:
        while not reader.at_end():
            token = reader.tokens.take()
            if begins and token.word == "RENAME" and not reader.at_any(_NOT_THE_TABLE):
                reader.skip_any("TO", "AS", "=")
                yield RenameTo(reader.table_name())
            depth += {"(": 1, ")": -1}.get(token.word, 0)
            begins = token.word == "," and depth == 0
    except DdlSyntaxError:
        return


def _rename(reader: Reader) -> RenameTable | None:
    if_exists = reader.if_exists()
    pairs: list[tuple[TableName, TableName]] = []
    try:
        while not pairs or reader.skip(","):
            old = reader.table_name()
            reader.wait()
            reader.expect("TO")
            pairs.append((old, reader.table_name()))
    except DdlSyntaxError:
        pass
    return RenameTable(tuple(pairs), if_exists) if pairs else None


def _index(reader: Reader, verb: str, kind: KeyKind) -> AlterTable:
    while not reader.skip("ON"):
        if reader.at_end():
            reader.fail("ON")
        reader.tokens.take()
    clause: Clause = DropKey(KeyKind.INDEX, "") if verb == "DROP" else AddKey(KeyDefinition(kind, None))
    return AlterTable(reader.table_name(), (clause,), is_about_index=True)


def words_of(sql: str, *, flavor: Flavor, sql_mode: int = 0, version: tuple[int, ...] | None = None) -> frozenset[str]:
    """Return the words and quoted names of a text, in lower case: what stands in no literal and no comment.

    Where the tokens end before the text does, at a quote that is never closed, the rest is taken as words.
    """
    tokens = Tokens(sql, sql_mode=sql_mode, mariadb=flavor == "mariadb", version=version)
    found: set[str] = set()
    try:
        while (token := tokens.take()).kind is not Kind.END:
            if token.kind in (Kind.WORD, Kind.NAME):
                found.add(token.text.lower())
    except DdlSyntaxError as error:
        found.update(match[0].lower() for match in _WORD.finditer(sql, error.offset))
    return frozenset(found)
