"""The grammar of a table's and a database's options, and of partitions, which are passed over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from faust_cdc.relational.ddl.columns import charset_name
from faust_cdc.relational.ddl.reader import Reader
from faust_cdc.relational.ddl.statements import TableOptions
from faust_cdc.relational.ddl.tokens import Kind

_ALONE: Final = frozenset({"START"})
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
    else:
        draft.others.append(_other(reader))
    return True


def _other(reader: Reader) -> str:
    """Pass an option that the structure does not keep; return its name."""
    word = reader.name("an option").upper()
    if word == "START":
        reader.expect("TRANSACTION")
        return word
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
