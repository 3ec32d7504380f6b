"""Which tables are captured: Debezium's include and exclude lists.

Lists are regular expressions split on commas (`\\,` is a literal comma), each anchored at both ends and
case-insensitive, on the database name or on `database.table` (Debezium `Selectors.java`, `Strings.setOfRegex`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from faust_cdc.errors import ConfigError
from faust_cdc.relational.model import TableId

BUILTIN_DATABASES = frozenset(("mysql", "information_schema", "performance_schema", "sys"))

_UNESCAPED_COMMA = re.compile(r"(?<!\\),")


def parse_patterns(option: str, text: str | None) -> tuple[re.Pattern[str], ...]:
    """Compile a list option. Raises ConfigError naming the option and the pattern that cannot be compiled."""
    compiled = []
    for part in _UNESCAPED_COMMA.split(text or ""):
        pattern = part.strip().replace("\\,", ",")
        if not pattern:
            continue
        try:
            compiled.append(re.compile(pattern, re.IGNORECASE))
        except re.error as error:
            raise ConfigError(
                f"{option}: {pattern!r} is not a regular expression: {error}.",
                remedy="escape special characters; a literal dot is \\.",
            ) from None
    return tuple(compiled)


def _any_matches(patterns: Iterable[re.Pattern[str]], name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in patterns)


class TableFilter:
    """Says which tables are captured; built once, answers are remembered per table.

    Arguments are the values of `database.include.list`, `database.exclude.list`, `table.include.list` and
    `table.exclude.list` (None or "" when absent). An include list wins over its exclude list, though the
    configuration refuses both at once. The servers' own databases are never captured. Tables of `always` are captured
    whatever the lists say (signal tables).
    """

    def __init__(
        self,
        database_include: str | None = None,
        database_exclude: str | None = None,
        table_include: str | None = None,
        table_exclude: str | None = None,
        always: Iterable[TableId] = (),
    ) -> None:
        self._database_include = parse_patterns("database.include.list", database_include)
        self._database_exclude = parse_patterns("database.exclude.list", database_exclude)
        self._table_include = parse_patterns("table.include.list", table_include)
        self._table_exclude = parse_patterns("table.exclude.list", table_exclude)
        self._answers: dict[TableId, bool] = dict.fromkeys(always, True)

    def accepts(self, table: TableId) -> bool:
        """Return True when the table is captured."""
        answer = self._answers.get(table)
        if answer is None:
            answer = self._answers[table] = self.accepts_database(table.database) and self._accepts(table)
        return answer

    def accepts_database(self, database: str) -> bool:
        """Return True when tables of the database may be captured."""
        if database.lower() in BUILTIN_DATABASES:
            return False
        if self._database_include:
            return _any_matches(self._database_include, database)
        return not _any_matches(self._database_exclude, database)

    def _accepts(self, table: TableId) -> bool:
        name = str(table)
        if self._table_include:
            return _any_matches(self._table_include, name)
        return not _any_matches(self._table_exclude, name)
