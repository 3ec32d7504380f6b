"""Which tables a DDL statement renames."""

from __future__ import annotations

import re

from faust_cdc.relational.model import TableId

_PART = r"(?:`(?:[^`]|``)+`|[\w$]+)"
_NAME = rf"({_PART})(?:\s*\.\s*({_PART}))?"
_RENAME = re.compile(r"\s*rename\s+tables?\s+(?:if\s+exists\s+)?", re.IGNORECASE)
_PAIR = re.compile(rf"\s*,?\s*{_NAME}\s+(?:(?:no)?wait(?:\s+\d+)?\s+)?to\s+{_NAME}", re.IGNORECASE)
_ALTER = re.compile(rf"\s*alter\s+(?:(?:online|offline|ignore)\s+)*table\s+(?:if\s+exists\s+)?{_NAME}", re.IGNORECASE)
_NEW_NAME = re.compile(rf"\brename\s+(?!(?:column|index|key|constraint)\b)(?:(?:to|as)\s+|=\s*)?{_NAME}", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/|--\s[^\n]*|#[^\n]*", re.DOTALL)


def renamed_tables(statement: str, database: str) -> list[tuple[TableId, TableId]]:
    """Return (old, new) of each table that a statement renames, in its order; `database` is the session's."""
    text = _COMMENT.sub(" ", statement)
    opening = _RENAME.match(text)
    if opening is not None:
        found, at = [], opening.end()
        while (pair := _PAIR.match(text, at)) is not None:
            found.append((_table(pair[1], pair[2], database), _table(pair[3], pair[4], database)))
            at = pair.end()
        return found
    altered = _ALTER.match(text)
    new = None if altered is None else _NEW_NAME.search(text, altered.end())
    if altered is None or new is None:
        return []
    old = _table(altered[1], altered[2], database)
    return [(old, _table(new[1], new[2], database))]


def renaming_clauses(statement: str) -> list[str]:
    """Return each renaming of a RENAME TABLE as a statement of its own, in the words that it has there."""
    opening = _RENAME.match(statement)
    found: list[str] = []
    at = 0 if opening is None else opening.end()
    while opening is not None and (pair := _PAIR.match(statement, at)) is not None:
        clause = pair[0].strip().removeprefix(",").strip()
        found.append(f"{opening[0].lstrip()}{clause}")
        at = pair.end()
    return found


def _table(first: str, second: str | None, database: str) -> TableId:
    if second is None:
        return TableId(database, _unquoted(first))
    return TableId(_unquoted(first), _unquoted(second))


def _unquoted(part: str) -> str:
    return part[1:-1].replace("``", "`") if part.startswith("`") else part
