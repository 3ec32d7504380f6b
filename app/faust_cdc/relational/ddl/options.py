"""The grammar of a table's and a database's options, and of partitions, which are passed over.

Options are those that the servers know: what no list has may be a clause of a later server, and change columns. So it
is a statement that cannot be read, but for MariaDB's `name = value`, by which engines' plugins have options of any name
that are of no column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from faust_cdc.relational.ddl.columns import charset_name
from faust_cdc.relational.ddl.reader import Reader
from faust_cdc.relational.ddl.statements import TableOptions
from faust_cdc.relational.ddl.tokens import Kind

_COMMON: Final = frozenset(
    {
        *("AUTO_INCREMENT", "AVG_ROW_LENGTH", "CHECKSUM", "CONNECTION", "DATA", "DELAY_KEY_WRITE", "ENGINE", "INDEX"),
        *("INSERT_METHOD", "KEY_BLOCK_SIZE", "MAX_ROWS", "MIN_ROWS", "PACK_KEYS", "PASSWORD", "ROW_FORMAT"),
        *("STATS_AUTO_RECALC", "STATS_PERSISTENT", "STATS_SAMPLE_PAGES", "STORAGE", "TABLE_CHECKSUM", "TABLESPACE"),
        *("TYPE", "UNION", "ENCRYPTION"),
    }
)
"""MySQL 9.7's and MariaDB 10.11's to 11's alike, TYPE of old; CHARSET, COLLATE, COMMENT are read where they stand.
MariaDB reads MySQL's TABLESPACE and STORAGE too."""
_OF_MYSQL: Final = frozenset(
    {
        *("AUTOEXTEND_SIZE", "COMPRESSION", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE", "SECONDARY_ENGINE_ATTRIBUTE"),
        *("ALLOW_MISSING_FILES", "AUTO_REFRESH", "AUTO_REFRESH_SOURCE", "FILE_FORMAT", "FILES", "STRICT_LOAD"),
        *("START", "VERIFY_KEY_CONSTRAINTS"),
    }
)
_OF_MARIADB: Final = frozenset(
    {
        *("ENCRYPTED", "ENCRYPTION_KEY_ID", "IETF_QUOTES", "PAGE_CHECKSUM", "PAGE_COMPRESSED"),
        *("PAGE_COMPRESSION_LEVEL", "SEQUENCE", "TRANSACTIONAL"),
    }
)
_TWO_WORDS: Final = frozenset({"DATA", "INDEX"})
_ENDS: Final = frozenset({"PARTITION", "SELECT", "AS", "IGNORE", "REPLACE", "WITH", "VALUES", "TABLE"})


@dataclass(slots=True)
class _Draft:
    charset: str | None = None
    collation: str | None = None
    comment: str | None = None
    others: list[str] = field(default_factory=list)


def table_options(reader: Reader, *, in_alter: bool = False) -> TableOptions:
    """Read options up to what is none; in ALTER TABLE commas belong to the clauses. Raises DdlSyntaxError."""
    draft = _Draft()
    while True:
        if not in_alter:
            reader.skip(",")
        if not _option(reader, draft):
            return TableOptions(draft.charset, draft.collation, draft.comment, tuple(draft.others))


def _option(reader: Reader, draft: _Draft) -> bool:
    token = reader.tokens.peek()
    if token.kind not in (Kind.WORD, Kind.NAME) or token.word in _ENDS:
        return False
    if token.word == "DEFAULT":
        reader.tokens.take()
        token = reader.tokens.peek()
    if token.word == "CHARSET" or (token.word in ("CHARACTER", "CHAR") and reader.tokens.peek(1).word == "SET"):
        draft.charset = charset_name(reader)
    elif token.word == "COLLATE":
        reader.tokens.take()
        reader.skip("=")
        draft.collation = reader.value().text.lower()
    elif token.word == "COMMENT":
        reader.tokens.take()
        reader.skip("=")
        draft.comment = reader.string("a comment")
    elif _is_known(reader):
        draft.others.append(_other(reader))
    else:
        return False
    return True


def _is_known(reader: Reader) -> bool:
    word = reader.tokens.peek().word
    known = _OF_MARIADB if reader.mariadb else _OF_MYSQL
    return word in _COMMON or word in known or (reader.mariadb and reader.tokens.peek(1).word == "=")


def _other(reader: Reader) -> str:
    """Pass an option that the structure does not keep; return its name."""
    word = reader.name("an option").upper()
    if word == "START":
        reader.expect("TRANSACTION")
        return word
    if word == "STORAGE" and reader.skip("ENGINE"):
        word = "ENGINE"
    if word in _TWO_WORDS:
        reader.expect("DIRECTORY")
    reader.skip("=")
    reader.value()
    if word == "TABLESPACE" and reader.skip("STORAGE"):
        reader.value()
    return word


def database_options(reader: Reader) -> TableOptions:
    """Read the options of a database. Raises DdlSyntaxError."""
    draft = _Draft()
    while True:
        reader.skip("DEFAULT")
        if reader.skip("READ", "ONLY"):
            reader.skip("=")
            reader.value()
        elif reader.skip("UPGRADE", "DATA", "DIRECTORY"):
            reader.expect("NAME")
        elif not (reader.at_name() and _option(reader, draft)):
            return TableOptions(draft.charset, draft.collation, draft.comment, tuple(draft.others))


def partitions(reader: Reader) -> None:
    """Pass PARTITION BY and all that belongs to it. Raises DdlSyntaxError."""
    reader.expect("PARTITION", "BY")
    partition_words(reader)


_QUERY: Final = frozenset({"SELECT", "AS", "IGNORE", "REPLACE", "WITH"})


def partition_words(reader: Reader) -> None:
    """Pass words, numbers and parentheses of a partition clause up to a comma, a query or the end."""
    while not reader.at_end() and not reader.at(",") and not reader.at_any(_QUERY):
        if reader.at("("):
            reader.parentheses()
        else:
            reader.tokens.take()
