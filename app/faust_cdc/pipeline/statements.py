"""What a statement in the binlog is: part of a transaction's frame, DDL, or a change that hides its rows.

With binlog_format=ROW a server logs as statements only what has no rows. A session may choose STATEMENT or MIXED for
itself all the same, and then its changes are in the binlog as text. Such a change must never be taken for DDL, or its
rows are lost without a word: so comments that the server executes and MariaDB's `SET STATEMENT … FOR` are looked
through, and inside a transaction everything is a change that is not known to be none.
"""

from __future__ import annotations

import re

from faust_cdc.relational.filters import BUILTIN_DATABASES

_EXECUTED_COMMENT = re.compile(r"/\*M?!\d*")
# Possessive (Python 3.11): what is blank is never tried another way, which takes exponential time for many comments.
_BLANK = r"(?:\s|/\*.*?\*/|--[^\n]*(?:\n|$)|\#[^\n]*(?:\n|$))*+"
_WORDS = re.compile(rf"{_BLANK}([a-z]+)(?:{_BLANK}([a-z]+))?", re.IGNORECASE | re.DOTALL)
_SET_STATEMENT = re.compile(rf"{_BLANK}set\s+statement\s.*?\sfor\s", re.IGNORECASE | re.DOTALL)
_NAME = r"(?:`(?P<{0}q>(?:[^`]|``)+)`|(?P<{0}>[\w$]+))"
_TARGET = re.compile(
    rf"{_BLANK}(?:(?:insert|replace)\s+(?:(?:low_priority|delayed|high_priority|ignore)\s+)*(?:into\s+)?"
    r"|update\s+(?:(?:low_priority|ignore)\s+)*"
    r"|delete\s+(?:(?:low_priority|quick|ignore)\s+)*from\s+)"
    rf"(?:{_NAME.format('database')}\s*\.\s*)?{_NAME.format('table')}\s*(?P<next>\(|\S\w*)?",
    re.IGNORECASE | re.DOTALL,
)

_CREATE = rf"create\b{_BLANK}(?:or\b{_BLANK}replace\b{_BLANK})?"
_DATABASE = re.compile(
    rf"{_BLANK}(?:{_CREATE}|(?:alter|drop)\b{_BLANK})(?:database|schema)\b",
    re.IGNORECASE | re.DOTALL,
)

_ACCOUNT = re.compile(
    rf"{_BLANK}(?:(?:grant|revoke)\b|set\b{_BLANK}password\b"
    rf"|(?:{_CREATE}|(?:alter|drop|rename)\b{_BLANK})(?:user|role|server)\b)",
    re.IGNORECASE | re.DOTALL,
)

_AFTER_ONE_TABLE = frozenset({"", "(", ";", "set", "where", "values", "value", "select", "order", "limit"})
"""What may follow the table's name; an alias, a comma or a join may bring in other tables."""

_CHANGES = frozenset({"insert", "update", "delete", "replace", "load", "with", "call", "do", "select"})
_DDL_IN_TRANSACTION = frozenset({"create", "drop", "alter", "rename", "truncate"})
"""CREATE TABLE … SELECT, temporary tables, and all DDL of MariaDB that is not flagged standalone."""


def readable(statement: str) -> str:
    """Return the statement as it is to be looked at, with what executed comments hold, without `SET STATEMENT … FOR`.

    For telling what kind of statement it is, and nothing else: quotes and the versions of comments are not looked at,
    so a change of rows that some version executes is never missed. `relational.ddl` reads what a statement does.
    """
    text = _uncommented(statement)
    return _SET_STATEMENT.sub("", text, count=1) if _SET_STATEMENT.match(text) else text


def _uncommented(statement: str) -> str:
    """Return the statement with the content of executed comments in their place, in one pass."""
    parts: list[str] = []
    at = 0
    for opening in _EXECUTED_COMMENT.finditer(statement):
        if opening.start() < at:
            continue
        end = statement.find("*/", opening.end())
        if end < 0:
            break
        parts += (statement[at : opening.start()], " ", statement[opening.end() : end], " ")
        at = end + 2
    parts.append(statement[at:])
    return "".join(parts)


def first_words(statement: str) -> tuple[str, str]:
    """Return the first two words in lower case, "" where there are none; comments are no words."""
    found = _WORDS.match(statement)
    return (found[1].lower(), (found[2] or "").lower()) if found else ("", "")


def is_change(word: str, in_transaction: bool) -> bool:
    """Say whether a statement that begins with `word` changes rows that the binlog does not show."""
    return word in _CHANGES or (in_transaction and word != "" and word not in _DDL_IN_TRANSACTION)


def is_about_database(statement: str) -> bool:
    """Say whether a statement creates, alters or drops a database."""
    return _DATABASE.match(statement) is not None


def is_about_account(statement: str) -> bool:
    """Say whether a statement is about users, roles, their rights, or servers: what has passwords, and no table."""
    return _ACCOUNT.match(statement) is not None


def changes_system_table(statement: str, database: str) -> bool:
    """Say whether a change touches one table of a system database and nothing else.

    Such tables are never captured and have no triggers or cascades. Managed servers keep their heartbeats there, as
    statements (RDS: `INSERT INTO mysql.rds_heartbeat2 …`).
    """
    found = _TARGET.match(statement)
    if found is None or (found["next"] or "").lower() not in _AFTER_ONE_TABLE:
        return False
    named = found["database"] or found["databaseq"] or database
    return named.lower() in BUILTIN_DATABASES
