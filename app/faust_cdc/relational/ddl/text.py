"""A statement's text as it is written down: what the server executes, without what stands around it."""

from __future__ import annotations

from bisect import bisect_left

from faust_cdc.relational.ddl.errors import DdlSyntaxError
from faust_cdc.relational.ddl.parse import Flavor
from faust_cdc.relational.ddl.tokens import Kind, Tokens


class StatementText:
    """The text of a query event, of which parts can be cut by the offsets in what was read of it."""

    def __init__(self, sql: str, *, flavor: Flavor, sql_mode: int = 0, version: tuple[int, ...] | None = None) -> None:
        """Arguments as with `parse`."""
        self._sql = sql
        tokens = Tokens(sql, sql_mode=sql_mode, mariadb=flavor == "mariadb", version=version)
        self._start, self._end = _bounds(tokens, sql)
        self._marks = tokens.marks

    @property
    def whole(self) -> str:
        """All of it as it was written, without blanks, comments and semicolons around it.

        MariaDB's `SET STATEMENT … FOR` before it is left out too, as by Debezium.
        """
        return self._sql[self._start : self._end]

    def before(self, end: int) -> str:
        """Return what stands before an offset."""
        return self.cut(self._start, end)

    def cut(self, start: int, end: int) -> str:
        """Return what stands between two offsets; of comments that the server executes without their marks.

        One that is opened in a part may be closed behind it.
        """
        parts: list[str] = []
        at = start
        first, behind = (bisect_left(self._marks, (place, place)) for place in (start, end))
        for opening, closing in self._marks[first:behind]:
            parts += (self._sql[at:opening], " ")
            at = closing
        return "".join((*parts, self._sql[at:end]))


def _bounds(tokens: Tokens, sql: str) -> tuple[int, int]:
    """Return where the first statement begins and the last one ends. What has no tokens is taken as it is."""
    start, end, count, variables, passed = -1, 0, 0, False, 0
    try:
        while (token := tokens.take()).kind is not Kind.END:
            if token.word == ";":
                continue
            count += 1
            variables |= count == 2 and token.word == "STATEMENT" and sql[start : start + 3].upper() == "SET"
            if start < 0:
                start = token.at
            end = token.end
            if variables and token.word == "FOR":
                start, variables, passed = -1, False, token.end
    except DdlSyntaxError as error:
        if start < 0:
            start = error.offset
        end = len(sql)
    if start < 0:
        return 0, end
    # The marks of comments that the server executes belong to what stands in them.
    openings = (at for at, _ in tokens.marks if at >= passed and sql.startswith("/*", at))
    return min(start, next(openings, start)), max(end, tokens.marks[-1][1] if tokens.marks else end)
