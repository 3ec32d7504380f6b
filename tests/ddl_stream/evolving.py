"""Tables of two databases under generated DDL, with rows written behind each statement."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pymysql.connections import Connection

from faust_cdc.relational.ddl import DdlContext, DdlSyntaxError, Unresolvable, parse, resolve
from faust_cdc.relational.model import Table, TableId
from tests.ddl_stream.journal import Answers, Writer
from tests.lab import SqlServer
from tests.relational.ddl.agreement import Agreement, applied, parts_of

MARK = "mark"
SIGNALS = "sig"
CONTROL = (
    f"CREATE TABLE {SIGNALS} (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL); "
    f"CREATE TABLE {MARK} (id INT PRIMARY KEY)"
)

_KEPT_FROM_ALL = re.compile(r"convert\s+to\b.*\b(ucs2|utf16|utf16le|utf32)\b", re.IGNORECASE | re.DOTALL)
"""Both servers keep the bytes of ENUM's labels and read them in the new charset, in which they are others or none: with
rows the statement is refused for that, and without any the labels are broken on the server itself."""
_ABOUT_DATABASE = re.compile(r"alter\s+(database|schema)\b", re.IGNORECASE)
"""Behind a restart a database's defaults are those that the server has by then, maybe later ones than at the stream's
place: the charsets of tables that were made in an outage are then told by table maps only."""
_KEPT_FROM_MARIADB = re.compile(r"versioning|\bpoint\b[^,]*\bnot\s+null", re.IGNORECASE)
"""Tables with versions are refused by name; a POINT NOT NULL may have no bytes, which its field cannot say."""


class Evolving(Agreement):
    """As `Agreement`, which compares what each statement does, and rows between the statements."""

    def __init__(
        self, server: SqlServer, seed: int, databases: tuple[str, str], control: str, *, told_by_text: bool
    ) -> None:
        """With `told_by_text` only statements that can be resolved from their text.

        Where table maps have no names, nothing else tells what the others did once the stream is behind.
        """
        super().__init__(server, seed, databases)
        self._told_by_text = told_by_text
        self.control = control
        """A database of the signal table and of the table that marks the end; no generated statement names it."""
        self._session_of_rows = server.admin()
        self._dice = random.Random(f"rows between {seed}")
        self.writer = Writer(self._session_of_rows, seed, self.mariadb)
        server.execute(CONTROL, control)
        self._marks = 0
        self.ran: list[str] = []
        """The statements that the server took."""

    def close(self) -> None:
        """End the session that writes."""
        self._session_of_rows.close()

    @property
    def tables(self) -> dict[TableId, Table]:
        """The tables as they are now."""
        return dict(self._tables)

    def rows(self) -> dict[TableId, Counter[Answers]]:
        """Read all tables."""
        return self.writer.look(self._tables.values())

    def mark(self) -> int:
        """Write a row that a stream comes to behind everything before; return its number."""
        self._marks += 1
        self._server.execute(f"INSERT INTO {MARK} VALUES ({self._marks})", self.control)
        return self._marks

    def signal(self, identity: str, kind: str, databases: Sequence[str]) -> None:
        """Ask all connectors for a snapshot of all tables of these databases."""
        data = json.dumps({"type": kind, "data-collections": [database + r"\..*" for database in databases]})
        with self._server.admin(self.control) as connection, connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {SIGNALS} VALUES (%s, 'execute-snapshot', %s)", (identity, data))

    def _text(self, context: DdlContext) -> str:
        while True:
            text = super()._text(context)
            if not self._told_by_text or self._is_told(text, context):
                return text

    def _is_told(self, text: str, context: DdlContext) -> bool:
        tables = self.tables
        for part in parts_of(text):
            if _ABOUT_DATABASE.search(part):
                return False
            try:
                (statement,) = parse(part, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version)
            except DdlSyntaxError:  # a comment cut in two, which the server refuses too
                return False
            found = resolve(statement, tables, context)
            if isinstance(found, Unresolvable):
                return False
            tables = applied(tables, found)
        return True

    def _ask(self, connection: Connection[Any], sql: str) -> tuple[Any, ...]:
        found = super()._ask(connection, sql)
        if not sql.startswith("SELECT"):
            self.ran.append(sql)
        return found

    def _step(self, connection: Connection[Any], context: DdlContext) -> DdlContext:
        context = super()._step(connection, context)
        self.writer.look(self._tables.values())
        for _ in range(self._dice.choice((0, 1, 1, 2)) if self._tables else 0):
            self.writer.transaction(self._tables)
        return context


class Streamed(Evolving):
    """As `Evolving`, without the statements behind which rows have no one meaning, or are refused."""

    def _text(self, context: DdlContext) -> str:
        while True:
            text = super()._text(context)
            if not _KEPT_FROM_ALL.search(text) and not (self.mariadb and _KEPT_FROM_MARIADB.search(text)):
                return text
