"""SQL text into statements: which statement it is, and the grammar's part that reads it.

MySQL 5.7 to 9.7 and MariaDB 10.5 to 11. A recursive descent whose recursion is the grammar's own, a few calls deep:
expressions are never read, only passed over with their parentheses counted, so no nesting is deep. Statements that
change no table's structure are told by their first words and passed over unread.
"""

from __future__ import annotations

from typing import Final, Literal

from faust_cdc.relational.ddl.alter import alter_table, create_index, drop_index
from faust_cdc.relational.ddl.options import database_options
from faust_cdc.relational.ddl.reader import Reader
from faust_cdc.relational.ddl.statements import (
    AlterDatabase,
    CreateDatabase,
    DropDatabase,
    Irrelevant,
    KeyKind,
    Statement,
)
from faust_cdc.relational.ddl.tables import create_table, drop_table, rename_table, truncate_table
from faust_cdc.relational.ddl.tokens import Kind, Tokens

Flavor = Literal["mysql", "mariadb"]

_DATABASE: Final = frozenset({"DATABASE", "SCHEMA"})
_TABLE: Final = frozenset({"TABLE", "TABLES"})
_ROUTINES: Final = frozenset({"PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE", "LIBRARY"})
_INDEXES: Final = {
    "INDEX": KeyKind.INDEX,
    "UNIQUE": KeyKind.UNIQUE,
    "FULLTEXT": KeyKind.FULLTEXT,
    "SPATIAL": KeyKind.SPATIAL,
    "VECTOR": KeyKind.VECTOR,
}
_KIND_WORDS: Final = _ROUTINES | {
    *("VIEW", "SEQUENCE", "USER", "ROLE", "SERVER", "TABLESPACE", "LOGFILE", "UNDO", "RESOURCE", "INSTANCE"),
    *("REFERENCE", "CATALOG"),
}
_HEADER_WORDS_MAX: Final = 40
"""Words between CREATE and the kind of a view or a routine: ALGORITHM, DEFINER, SQL SECURITY."""


def parse(
    sql: str, *, flavor: Flavor, sql_mode: int = 0, version: tuple[int, ...] | None = None
) -> tuple[Statement, ...]:
    """Return the statements of a text in their order; empty for a text of comments alone.

    `sql_mode` are the bits of the query event, `version` the server's, which decides about comments for newer ones.
    Raises DdlSyntaxError for the first statement that cannot be read.
    """
    mariadb = flavor == "mariadb"
    tokens = Tokens(sql, sql_mode=sql_mode, mariadb=mariadb, version=version)
    reader = Reader(tokens, mariadb=mariadb)
    statements: list[Statement] = []
    while True:
        while reader.skip(";"):
            pass
        if tokens.peek().kind is Kind.END:
            return tuple(statements)
        statements.append(_statement(reader))
        if not reader.at_end():
            reader.fail("the end of the statement")


def _statement(reader: Reader) -> Statement:
    if reader.at("SET", "STATEMENT"):
        set_statement(reader)
    word = reader.tokens.peek().word
    if word == "CREATE":
        return _create(reader)
    if word == "ALTER":
        return _alter(reader)
    if word == "DROP":
        return _drop(reader)
    if word == "RENAME" and reader.tokens.peek(1).word in _TABLE:
        reader.tokens.take()
        reader.tokens.take()
        return rename_table(reader)
    if word == "TRUNCATE":
        reader.tokens.take()
        reader.skip("TABLE")
        return truncate_table(reader)
    return _irrelevant(reader, reader.tokens.take().word or reader.tokens.peek().text)


def set_statement(reader: Reader) -> None:
    """Pass MariaDB's SET STATEMENT variable = value, … FOR. Raises DdlSyntaxError."""
    reader.expect("SET", "STATEMENT")
    while not reader.skip("FOR"):
        if reader.at_end():
            reader.fail("FOR")
        reader.tokens.take()


def _irrelevant(reader: Reader, *words: str) -> Irrelevant:
    """Pass a statement; the body of a routine has semicolons of its own and takes the rest of the text."""
    if words[-1] in _ROUTINES:
        reader.tokens.skip_all()
    else:
        reader.tokens.skip_statement()
    return Irrelevant(" ".join(words))


def _create(reader: Reader) -> Statement:
    reader.expect("CREATE")
    or_replace = reader.skip("OR", "REPLACE")
    word = reader.tokens.peek().word
    if word in _DATABASE:
        reader.tokens.take()
        if_not_exists = reader.if_not_exists()
        name = reader.name("a database")
        return CreateDatabase(name, database_options(reader), if_not_exists, or_replace)
    temporary = bool(reader.skip_any("TEMPORARY"))
    if reader.skip("TABLE"):
        return create_table(reader, temporary=temporary, or_replace=or_replace)
    reader.skip_any("ONLINE", "OFFLINE")
    kind = _INDEXES.get(reader.tokens.peek().word)
    if kind is not None and reader.tokens.peek(1).word != "REFERENCE":
        reader.tokens.take()
        if kind is not KeyKind.INDEX:
            reader.expect("INDEX")
        return create_index(reader, kind)
    return _irrelevant(reader, "CREATE", _kind(reader))


def _kind(reader: Reader) -> str:
    """Return what a statement creates, alters or drops when that is no table, index or database."""
    for _ in range(_HEADER_WORDS_MAX):
        if reader.tokens.peek().word in _KIND_WORDS or reader.at_end():
            break
        reader.tokens.take()
    word = reader.tokens.peek().word
    if word not in _KIND_WORDS:
        reader.fail("what is created, altered or dropped")
    return word


def _alter(reader: Reader) -> Statement:
    reader.expect("ALTER")
    if reader.at_any(_DATABASE):
        reader.tokens.take()
        # Without a name it is the session's database, and what comes next is an option.
        options_next = reader.tokens.peek().word in ("CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "COMMENT", "READ")
        name = None if options_next else reader.name("a database")
        return AlterDatabase(name, database_options(reader))
    while reader.skip_any("ONLINE", "OFFLINE", "IGNORE"):
        pass
    if reader.skip("TABLE"):
        return alter_table(reader)
    return _irrelevant(reader, "ALTER", _kind(reader))


def _drop(reader: Reader) -> Statement:
    reader.expect("DROP")
    if reader.at_any(_DATABASE):
        reader.tokens.take()
        if_exists = reader.if_exists()
        return DropDatabase(reader.name("a database"), if_exists)
    temporary = reader.skip("TEMPORARY")
    if reader.at_any(_TABLE):
        reader.tokens.take()
        return drop_table(reader, temporary=temporary)
    reader.skip_any("ONLINE", "OFFLINE")
    if reader.skip("INDEX"):
        return drop_index(reader)
    if reader.skip("PREPARE"):
        return _irrelevant(reader, "DROP", "PREPARE")
    return _irrelevant(reader, "DROP", _kind(reader))
