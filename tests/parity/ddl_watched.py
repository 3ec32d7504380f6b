"""Generated DDL whose every statement leaves what the server says of all tables behind, by its place in the binlog."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pymysql.connections import Connection

from faust_cdc.relational.ddl import DdlContext
from faust_cdc.relational.model import Table, TableId
from tests.ddl_stream.evolving import Evolving
from tests.lab import SqlServer
from tests.parity.ddl_differences import NOT_SHOWN, PROVOKING

Place = tuple[str, int]
"""File and position behind a statement, as its line in the history has them."""


class Watched(Evolving):
    """As `Evolving`, without the statements at which Debezium stops."""

    def __init__(self, server: SqlServer, seed: int, databases: tuple[str, str], control: str) -> None:
        super().__init__(server, seed, databases, control, told_by_text=False)
        self.stood: dict[Place, dict[TableId, Table]] = {}
        """The tables behind each statement, from information_schema."""
        self.not_shown: Counter[str] = Counter()
        """Statements that were not run, by their reason."""
        self.untold: set[Place] = set()
        """Statements whose text does not tell what they do: their tables are read again, as they are then."""
        self._waiting: deque[str] = deque()
        self.wait: Callable[[], None] = lambda: None
        """Called behind such a statement; returns when all connectors have come to it."""

    def _session(self, connection: Connection[Any], context: DdlContext) -> DdlContext:
        """Without ANSI_QUOTES: Debezium takes such names for text, and knows the table no more."""
        context = super()._session(connection, context)
        ansi = 4
        if context.sql_mode & ansi:
            self.not_shown["session with ANSI_QUOTES"] += 1
            self._ask(connection, "SET sql_mode = REPLACE(@@sql_mode, 'ANSI_QUOTES', '')")
            self._generator.columns.ansi = False
            context = replace(context, sql_mode=context.sql_mode & ~ansi)
        return context

    def provoke(self) -> None:
        """Run the statements that show what generated ones seldom do."""
        one, two = self._databases
        self._waiting.extend(text.format(one=one, two=two) for text in PROVOKING)
        self.run(self.accepted + len(PROVOKING))

    def _text(self, context: DdlContext) -> str:
        if self._waiting:
            return self._waiting.popleft()
        while True:
            text = super()._text(context)
            plain = text.replace("`", "")
            names = [name for name, (shape, _) in NOT_SHOWN.items() if shape.search(text) or shape.search(plain)]
            if not names:
                return text
            self.not_shown.update(names)

    def _compare(self, connection: Connection[Any], text: str, context: DdlContext) -> DdlContext:
        before = self.counts.unresolved
        place = self._place(connection)
        context = super()._compare(connection, text, context)
        self.stood[place] = self.tables
        if self.counts.unresolved > before:
            self.untold.add(place)
            self.wait()
        return context

    def _place(self, connection: Connection[Any]) -> Place:
        with connection.cursor() as cursor:
            cursor.execute("SHOW BINARY LOG STATUS")
            file, position = cursor.fetchall()[0][:2]
        return str(file), int(position)
