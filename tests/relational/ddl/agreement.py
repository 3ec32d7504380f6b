"""Runs generated DDL on a real server and holds what is resolved against what the server says afterwards."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CLIENT

from faust_cdc.mysql.schema import captured_tables, read_tables
from faust_cdc.relational.ddl import (
    ChangeKind,
    CharsetPair,
    DdlContext,
    TableChange,
    Unresolvable,
    named_tables,
    parse,
    resolve,
)
from faust_cdc.relational.ddl.defaults import NO_IMPLICIT_DEFAULT
from faust_cdc.relational.ddl.key_facts import may_be_gone
from faust_cdc.relational.model import Table, TableId
from tests.lab.sql_servers import SqlServer
from tests.relational.ddl.generator import Generator

_MODES = {"ANSI_QUOTES": 4, "NO_BACKSLASH_ESCAPES": 0x100000, "REAL_AS_FLOAT": 1, "STRICT_TRANS_TABLES": 0x200000}
_GONE = (0, 2006, 2013)
"""Error numbers of a connection that is lost."""
_NO_SUCH_TABLE = 1146
_SESSION_EVERY = 25
_ALL_TABLES_EVERY = 50


@dataclass(slots=True)
class Counts:
    """What became of the statements."""

    generated: int = 0
    refused: int = 0
    """By the server."""
    equal: int = 0
    unresolved: int = 0
    broken: int = 0
    """Tables that the server cannot open itself any more."""
    unequal: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.generated} generated, {self.refused} refused by the server, {self.equal} equal, "
            f"{self.unresolved} left to the server, {len(self.unequal)} unequal, "
            f"{self.broken} tables broken by the server"
        )


class Agreement:
    """One run on one server."""

    def __init__(self, server: SqlServer, seed: int, databases: tuple[str, str]) -> None:
        self.mariadb = server.name == "mariadb"
        self.counts = Counts()
        self._server = server
        self._generator = Generator(seed, *databases, self.mariadb)
        self._databases = databases
        self._tables: dict[TableId, Table] = {}

    def run(self, statements: int) -> Counts:
        """Run statements until so many are accepted, those of earlier calls counted."""
        with closing(self._connected()) as connection:
            context = self._session(connection, self._context(connection))
            while self.accepted < statements:
                if self.counts.generated % _SESSION_EVERY == 0:
                    context = self._session(connection, context)
                context = self._step(connection, context)
        return self.counts

    @property
    def accepted(self) -> int:
        """How many statements the server has taken."""
        return self.counts.equal + self.counts.unresolved + len(self.counts.unequal)

    def _connected(self) -> Connection[Any]:
        versions = "SET system_versioning_alter_history = KEEP"
        return pymysql.connect(
            init_command=versions if self.mariadb else None,
            unix_socket=str(self._server.socket_path),
            user="root",
            charset="utf8mb4",
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
            database=self._databases[0],
        )

    def _ask(self, connection: Connection[Any], sql: str) -> tuple[Any, ...]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return tuple(cursor.fetchall())

    def _context(self, connection: Connection[Any]) -> DdlContext:
        version = str(self._ask(connection, "SELECT VERSION()")[0][0]).partition("-")[0]
        server = self._ask(connection, "SELECT @@global.character_set_server, @@global.collation_server")[0]
        return DdlContext(
            "mariadb" if self.mariadb else "mysql",
            tuple(int(part) for part in version.split(".")),
            self._databases[0],
            CharsetPair(*server),
            self._defaults(connection),
        )

    def _defaults(self, connection: Connection[Any]) -> dict[str, CharsetPair]:
        rows = self._ask(
            connection,
            "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata",
        )
        return {name: CharsetPair(charset, collation) for name, charset, collation in rows}

    def _session(self, connection: Connection[Any], context: DdlContext) -> DdlContext:
        modes, explicit = self._generator.session()
        self._ask(connection, f"SET sql_mode = '{modes}', explicit_defaults_for_timestamp = {int(explicit)}")
        bits = sum(_MODES[mode] for mode in modes.split(",") if mode)
        return replace(context, sql_mode=bits, explicit_defaults_for_timestamp=explicit)

    def _text(self, context: DdlContext) -> str:
        """Return the next statement, or some that belong together."""
        return self._generator.statement(self._tables)

    def _step(self, connection: Connection[Any], context: DdlContext) -> DdlContext:
        """Make, run and compare one text of statements, one after another."""
        text = self._text(context)
        self.counts.generated += 1
        for part in parts_of(text):
            try:
                self._ask(connection, part)
            except pymysql.MySQLError as error:
                if error.args[0] in _GONE:
                    raise AssertionError(f"the server went away at {part!r}") from error
                self.counts.refused += 1
                self.counts.reasons[f"refused {error.args[0]}"] += 1
                if error.args[0] in (1064,):
                    self.counts.reasons[f"syntax {part[:200]}"] += 1
                if "OR REPLACE" in part:
                    # The table that was to be replaced is gone; MariaDB writes a DROP TABLE of its own for that.
                    self._tables = read_tables(connection, captured_tables(connection, self._is_mine))
                return context
            context = self._compare(connection, part, context)
        return context

    def _compare(self, connection: Connection[Any], text: str, context: DdlContext) -> DdlContext:
        statements = parse(text, flavor=context.flavor, sql_mode=context.sql_mode, version=context.version)
        assert len(statements) == 1, text
        named = named_tables(statements[0], context)
        found = resolve(statements[0], self._tables, context)
        actual = read_tables(connection, named)
        if self.mariadb and not self._all_open(connection, [one for one in named if one not in actual]):
            self._tables = read_tables(connection, captured_tables(connection, self._is_mine))
            return context
        if isinstance(found, Unresolvable):
            self.counts.unresolved += 1
            self.counts.reasons[found.reason] += 1
            assert set(named) == set(found.tables)
        else:
            context = self._judge(connection, text, found, named, actual, context)
        for one in named:
            self._tables.pop(one, None)
        self._tables.update(actual)
        if self.counts.generated % _ALL_TABLES_EVERY == 0:
            everything = read_tables(connection, captured_tables(connection, self._is_mine))
            if self.mariadb and not self._all_open(connection, [one for one in self._tables if one not in everything]):
                self._tables = everything
            if everything != self._tables:
                ids = {*everything, *self._tables}
                told = [difference(one, self._tables.get(one), everything.get(one)) for one in ids]
                changed = [text for one, text in zip(ids, told, strict=True) if not text.endswith(": ")]
                self.counts.unequal.append(f"tables nobody named have changed, at the latest by {text!r}: {changed}")
                self._tables = everything
        return context

    def _is_mine(self, table: TableId) -> bool:
        return table.database in self._databases

    def _all_open(self, connection: Connection[Any], missing: list[TableId]) -> bool:
        """Drop tables that MariaDB 10.11 has made and cannot open any more: it is silent about them everywhere else."""
        broken = 0
        for one in missing:
            name = ".".join("`" + part.replace("`", "``") + "`" for part in one)
            try:
                self._ask(connection, f"SELECT 1 FROM {name} LIMIT 0")
            except pymysql.MySQLError as error:
                if error.args[0] != _NO_SUCH_TABLE:
                    broken += 1
                    self.counts.reasons[f"broken table {error.args}"] += 1
                    self._ask(connection, f"DROP TABLE IF EXISTS {name}")
        self.counts.broken += broken
        return broken == 0

    def _judge(
        self,
        connection: Connection[Any],
        text: str,
        found: tuple[TableChange, ...],
        named: tuple[TableId, ...],
        actual: dict[TableId, Table],
        context: DdlContext,
    ) -> DdlContext:
        after = applied(self._tables, found)
        expected = {one: after[one] for one in named if one in after}
        problems = [f"{one} is not among the named" for one in after if one not in self._tables and one not in named]
        problems += [
            difference(one, expected.get(one), actual.get(one))
            for one in named
            if without_mark(without_gone(expected.get(one), actual.get(one))) != without_mark(actual.get(one))
        ]
        for change in found:
            if change.charset is not None:
                context = replace(context, databases={**context.databases, change.id.database: change.charset})
        if context.databases != self._defaults(connection) and any(change.charset for change in found):
            problems.append(f"databases have {self._defaults(connection)}, expected {context.databases}")
        if problems:
            told = " ".join(problems)
            before = [
                (column.name, column.type_expression, column)
                for one in named
                if (table := self._tables.get(one)) is not None
                for column in table.columns
                if column.name in told
            ]
            self.counts.unequal.append(
                f"{text}\n   {'; '.join(problems)}\n   sql_mode {context.sql_mode:#x} explicit "
                f"{context.explicit_defaults_for_timestamp} before: {before}"
            )
        else:
            self.counts.equal += 1
        return replace(context, databases=self._defaults(connection))


def parts_of(text: str) -> list[str]:
    """Steps of an evolution are sent one by one, as they stand in the binlog."""
    if text.startswith(("CREATE TABLE", "DROP TABLE", "/*", "#")) and "; " in text and "_gho" in text:
        return text.split("; ")
    return text.split("; CREATE TABLE ", 1)[:1] if "; CREATE TABLE " in text else [text]


def applied(tables: dict[TableId, Table], changes: tuple[TableChange, ...]) -> dict[TableId, Table]:
    """Return the tables after the changes."""
    after = dict(tables)
    for change in changes:
        if change.previous is not None or change.kind is ChangeKind.DROP:
            after.pop(change.previous or change.id, None)
    for change in changes:
        if change.table is not None:
            after[change.id] = change.table
    return after


def without_mark(table: Table | None) -> Table | None:
    """Return the table without marks of expressions that MySQL shows as NULL: they go with the next change.

    Nothing is made of such a mark, but of a TEXT's or BLOB's, whose default is not told then.
    """
    if table is None:
        return None
    columns = tuple(
        replace(one, default_is_expression=False)
        if one.default is None and one.type_name not in NO_IMPLICIT_DEFAULT
        else one
        for one in table.columns
    )
    return replace(table, columns=columns)


def without_gone(expected: Table | None, actual: Table | None) -> Table | None:
    """Return the resolved table without keys that the server may have dropped on its own, and has."""
    if expected is None or actual is None:
        return expected
    kept = tuple(key for key in expected.keys if key in actual.keys or not may_be_gone(key, expected.keys))
    return replace(expected, keys=kept)


def difference(table: TableId, expected: Table | None, actual: Table | None) -> str:
    """Say where two tables differ."""
    if expected is None or actual is None:
        return f"{table}: {'resolved only' if actual is None else 'on the server only'}"
    parts = []
    for one in fields(Table):
        mine, theirs = getattr(expected, one.name), getattr(actual, one.name)
        if mine == theirs:
            continue
        if one.name == "columns" and [c.name for c in mine] == [c.name for c in theirs]:
            for left, right in zip(mine, theirs, strict=True):
                parts += [
                    f"{left.name}.{f.name}: resolved {getattr(left, f.name)!r}, server {getattr(right, f.name)!r}"
                    for f in fields(left)
                    if getattr(left, f.name) != getattr(right, f.name)
                ]
        elif one.name == "columns":
            parts.append(f"columns: resolved {[c.name for c in mine]}, server {[c.name for c in theirs]}")
        else:
            parts.append(f"{one.name}: resolved {mine!r}, server {theirs!r}")
    return f"{table}: " + ", ".join(parts)


def main() -> None:
    """Run by hand: `python -m tests.relational.ddl.agreement mysql|mariadb SEED COUNT`."""
    from tests.lab.sql_servers import MariaDbServer, MySqlServer

    name, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with MySqlServer() if name == "mysql" else MariaDbServer() as server:
        databases = ("ddl one", "ddl_two")
        for database in databases:
            server.create_database(database)
        run = Agreement(server, seed, databases)
        try:
            run.run(count)
        finally:
            print(run.counts)
            for reason, number in run.counts.reasons.most_common(40):
                print(f"{number:7} {reason}")
            for text in run.counts.unequal[:40]:
                print("UNEQUAL", text[:1800])


if __name__ == "__main__":
    main()
