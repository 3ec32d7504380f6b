"""What a DDL statement does to tables: the one seam at which statements are understood.

`ResolveStatement` is that seam. `ReadAgain` is what stands behind every other: it finds what a statement names by its
first words, takes the tables that `relational.ddl` made of them, and where it could not, reads them from the server as
they are now, which is right where nothing follows in the binlog that we have not seen. A statement that is about
neither tables nor databases is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from faust_cdc.history.changes import ChangeKind, SchemaChange, StructureChange
from faust_cdc.pipeline.renames import renamed_tables, renaming_clauses
from faust_cdc.relational.model import Table, TableId


@dataclass(frozen=True, slots=True)
class StatementContext:
    """Under what a statement ran."""

    database: str
    """The session's."""
    table: Callable[[TableId], Table | None]
    """A table as it stood before the statement, None for one that is not known."""
    after: Mapping[TableId, Table] | None = None
    """Tables as the statement leaves them; None where its text does not tell."""


class ResolveStatement(Protocol):
    """Says what a statement does."""

    def __call__(self, statement: str, context: StatementContext) -> Sequence[SchemaChange] | None:
        """Return the changes, none for a statement that changes nothing; None: it is not understood here."""


_PART = r"(?:`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\"|[\w$]+)"
_NAME = rf"({_PART})(?:\s*\.\s*({_PART}))?"
_COMMENT = re.compile(r"/\*.*?\*/|--\s[^\n]*|#[^\n]*", re.DOTALL)
_LINE_COMMENT = re.compile(r"--\s|#")
_BEFORE = re.compile(r"(?:\s|/\*(?!M?!).*?\*/|(?:--\s|#)[^\n]*\n)*+", re.DOTALL)
COMMENTS_BEHIND_MAX = 100
"""So many are looked for: each costs a look at the whole text."""
_LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*+'", re.DOTALL)
_QUIET = r"(?:or\s+replace\s+)?(?:(?:online|offline|ignore)\s+)*"
_TABLE = re.compile(rf"(create|alter)\s+{_QUIET}table\s+(?:if\s+(?:not\s+)?exists\s+)?{_NAME}", re.IGNORECASE)
_DROP = re.compile(r"drop\s+tables?\s+(?:if\s+exists\s+)?", re.IGNORECASE)
_LISTED = re.compile(rf"\s*,?\s*{_NAME}", re.IGNORECASE)
_INDEX = re.compile(
    rf"(?:create|drop)\s+{_QUIET}(?:(?:unique|fulltext|spatial)\s+)?index\s+.*?\bon\s+{_NAME}",
    re.IGNORECASE | re.DOTALL,
)
_DATABASE = re.compile(
    rf"(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:database|schema)\b\s*(?:if\s+(?:not\s+)?exists\s+)?({_PART})?",
    re.IGNORECASE,
)
_UNIQUE = re.compile(r"create\s+(?:or\s+replace\s+)?(?:(?:online|offline)\s+)*unique\b", re.IGNORECASE)
_TEMPORARY = re.compile(r"(?:create|drop)\s+(?:or\s+replace\s+)?temporary\b", re.IGNORECASE)
_SET = re.compile(r"set\s+(?:global\s+)?(?:character_set|collation)_\w+\s*=", re.IGNORECASE)


class ReadAgain:
    """Reads what a statement names from the server."""

    def __init__(self, read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]]) -> None:
        """`read_tables` gives structures as of now."""
        self._read_tables = read_tables

    def __call__(self, statement: str, context: StatementContext) -> Sequence[SchemaChange] | None:
        """Return the changes; None for a statement that is about neither tables nor databases."""
        text = trimmed(statement)
        plain = _COMMENT.sub(" ", text).strip()
        if _TEMPORARY.match(plain):
            return ()
        if (dropped := _DROP.match(plain)) is not None:
            return _dropped(plain, dropped, context.database)
        if re.match(r"rename\s+tables?\b", plain, re.IGNORECASE):
            return self._renamed(text, context)
        if (named := _TABLE.match(plain)) is not None:
            return self._changed(text, named, context)
        if (index := _INDEX.match(plain)) is not None:
            table_id = _named(index[1], index[2], context.database)
            if _UNIQUE.match(plain):  # may become the key
                return [self._as_now(text, ChangeKind.ALTER, table_id, context)]
            return [SchemaChange(table_id.database, text)]
        if (about := _DATABASE.match(plain)) is not None:
            name = context.database if about[1] is None else _unquoted(about[1])
            return [SchemaChange(name, text, about_database=not about[0].lower().startswith("alter"))]
        if _SET.match(plain):
            return [SchemaChange("", text, about_database=True)]
        return None

    def _changed(self, text: str, named: re.Match[str], context: StatementContext) -> Sequence[SchemaChange]:
        table_id = _named(named[2], named[3], context.database)
        if named[1].lower() == "create":
            if context.after is not None and table_id not in context.after and context.table(table_id) is not None:
                return [SchemaChange(table_id.database, text)]  # IF NOT EXISTS, and it did: nothing was made
            return [self._as_now(text, ChangeKind.CREATE, table_id, context)]
        for old, new in renamed_tables(text, context.database):
            one = self._as_now(text, ChangeKind.ALTER, new, context, old)
            return [replace(one, changes=tuple(replace(it, previous=None, gone=old) for it in one.changes))]
        return [self._as_now(text, ChangeKind.ALTER, table_id, context)]

    def _renamed(self, text: str, context: StatementContext) -> Sequence[SchemaChange]:
        pairs, clauses = renamed_tables(text, context.database), renaming_clauses(text)
        tables = tuple(new for _, new in pairs)
        changes = []
        for index, (old, new) in enumerate(pairs):
            ddl = clauses[index] if len(clauses) == len(pairs) > 1 else text
            one = self._as_now(ddl, ChangeKind.ALTER, new, context, old)
            changes.append(SchemaChange(one.database, ddl, one.changes, tables))
        return changes

    def _is_rename_alone(self, text: str) -> bool:
        return text[:7].lower().startswith("rename")

    def _as_now(
        self, text: str, kind: ChangeKind, table_id: TableId, context: StatementContext, old: TableId | None = None
    ) -> SchemaChange:
        """Return the change with the table after it, else of now, else as it was under its old name, or without one."""
        table = None
        if context.after is not None:
            table = context.after.get(table_id) or (None if kind is ChangeKind.ALTER else context.table(table_id))
        if table is None and old is not None and kind is ChangeKind.ALTER and self._is_rename_alone(text):
            before = context.table(old)
            table = None if before is None else replace(before, id=table_id)
        if table is None:
            table = self._read_tables([table_id]).get(table_id)
        changes = () if table is None else (StructureChange(kind, table_id, table, old),)
        return SchemaChange(table_id.database, text, changes, (table_id,))


def words_of(statement: str) -> frozenset[str]:
    """Return the words and quoted names of a statement, in lower case: what stands in no literal and no comment."""
    plain = _LITERAL.sub(" ", _COMMENT.sub(" ", statement))
    return frozenset(_unquoted(part).lower() for part in re.findall(_PART, plain))


def trimmed(statement: str) -> str:
    """Return a statement without what stands around it: blanks, comments, semicolons."""
    before = _BEFORE.match(statement)
    text = statement if before is None else statement[before.end() :]
    for _ in range(COMMENTS_BEHIND_MAX):
        text = text.rstrip().rstrip(";").rstrip()
        if text.endswith("*/"):
            at = text.rfind("/*")
            if at < 0 or text.startswith(("/*!", "/*M!"), at):
                break
        else:
            # With a quote or an asterisk behind it, it may be a part of a literal, a name or another comment.
            found = _LINE_COMMENT.search(text, 1 + max(text.rfind(mark) for mark in "\n'\"`*"))
            if found is None:
                break
            at = found.start()
        text = text[:at]
    return text


def _dropped(plain: str, opening: re.Match[str], database: str) -> Sequence[SchemaChange]:
    tables: list[TableId] = []
    at = opening.end()
    while (found := _LISTED.match(plain, at)) is not None and (not tables or "," in found[0].partition(found[1])[0]):
        tables.append(_named(found[1], found[2], database))
        at = found.end()
    prefix, behind = plain[: opening.end()], plain[at:].strip()
    rest = f" {behind}" if behind.lower() in ("restrict", "cascade") else ""
    return [
        SchemaChange(
            one.database, f"{prefix}{_shown(one)}{rest}", (StructureChange(ChangeKind.DROP, one),), tuple(tables)
        )
        for one in tables
    ]


def _named(first: str, second: str | None, database: str) -> TableId:
    if second is None:
        return TableId(database, _unquoted(first))
    return TableId(_unquoted(first), _unquoted(second))


def _unquoted(part: str) -> str:
    for quote in '`"':
        if part.startswith(quote):
            return part[1:-1].replace(quote * 2, quote)
    return part


def _shown(table: TableId) -> str:
    return ".".join("`" + part.replace("`", "``") + "`" for part in table)
