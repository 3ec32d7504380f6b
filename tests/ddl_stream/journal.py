"""What was written to tables whose structure changes, and how the server itself said each row was at that moment.

One session writes, one statement about one row after another; before and behind each the table is read whole, so a row
that went and a row that came are known without looking at any binlog or topic. Rows that DDL changes are not journaled,
as no server logs them, but read again as versions that a snapshot may have met.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pymysql
from pymysql.connections import Connection

from faust_cdc.relational.model import Table, TableId
from tests.ddl_stream.values import literal, question

ROWS_MAX = 8
"""Of one table."""
_GONE = (0, 2006, 2013)

Answers = tuple[str | None, ...]
"""One row, in the server's answers to the columns' questions."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row, and the structure that the table had then."""

    number: int
    """In the order of commits; changes of one transaction follow each other."""
    before: Answers | None
    after: Answers | None
    table: Table
    among: frozenset[Answers] = frozenset()
    """Of an update that the server counts and that changes no answer, the rows of which it is one; else none."""


@dataclass(frozen=True, slots=True)
class Version:
    """A row as it once was."""

    table: Table
    row: Answers


@dataclass(frozen=True, slots=True)
class State:
    """A whole table from one moment on."""

    number: int
    """Of the last change before, of any table."""
    table: Table | None
    """None: there is none of that name."""
    rows: Counter[Answers]


@dataclass(slots=True)
class Journal:
    """By table: what streamed records must say, in order, and what snapshot records may say."""

    changes: dict[TableId, list[Change]] = field(default_factory=lambda: defaultdict(list))
    versions: dict[TableId, dict[tuple[tuple[tuple[str, str], ...], tuple[str, ...], Answers], Version]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """By the names and types of columns, the record key's columns, and the answers."""
    states: dict[TableId, list[State]] = field(default_factory=lambda: defaultdict(list))
    """In their order: behind each transaction that is committed, and behind each statement that changed something."""
    keys: set[tuple[str, ...]] = field(default_factory=set)
    """The columns of the record keys that tables have had; no two columns have one name, but for copies of tables."""
    count: int = 0
    refused: Counter[int] = field(default_factory=Counter)


class Writer:
    """Writes rows into tables as they are, in transactions of which some are rolled back."""

    def __init__(self, connection: Connection[Any], seed: int, mariadb: bool) -> None:
        self.journal = Journal()
        self._connection = connection
        self._random = random.Random(f"rows {seed}")
        self._mariadb = mariadb
        # Cascades of foreign keys are rows that nobody here asked for.
        self._run("SET SESSION sql_mode = '', foreign_key_checks = 0, time_zone = '+00:00'")

    def look(self, tables: Iterable[Table]) -> dict[TableId, Counter[Answers]]:
        """Read the tables whole, and keep every row as a version that a snapshot may meet."""
        found = {}
        for table in tables:
            found[table.id] = self._rows(table)
            self._keep(table, found[table.id])
            self.journal.keys.add(table.primary_key)
            before = self.journal.states[table.id][-1:]
            if not before or (before[0].table, before[0].rows) != (table, found[table.id]):
                self.journal.states[table.id].append(State(self.journal.count, table, found[table.id]))
        for table_id, states in self.journal.states.items():
            if table_id not in found and states[-1].table is not None:
                states.append(State(self.journal.count, None, Counter()))
        return found

    def transaction(self, tables: Mapping[TableId, Table]) -> None:
        """Change some rows of some tables, and commit or not."""
        plain = [one for one in tables.values() if one.id not in self._versioned()]
        chosen = self._random.sample(plain, min(len(plain), self._random.choice((1, 1, 2, 3))))
        self._connection.begin()
        if not self._mariadb:
            on = self._random.choice(("ON", "OFF", "OFF"))
            self._connection.rollback()
            self._run(f"SET SESSION binlog_transaction_compression = {on}")
            self._connection.begin()
        done: list[Change] = []
        states = []
        for table in chosen:
            rows = self._rows(table)
            for _ in range(self._random.choice((1, 2, 3))):
                rows = self._change(table, rows, done)
            states.append((table, rows))
        if self._random.random() < 0.1:
            self._connection.rollback()
            return
        self._connection.commit()
        for table, rows in states:
            self.journal.states[table.id].append(State(self.journal.count, table, rows))
        for change in done:
            self.journal.changes[change.table.id].append(change)
            if change.after is not None:
                self._keep(change.table, (change.after,))

    def _versioned(self) -> set[TableId]:
        """Return the tables of which MariaDB keeps former rows too: its binlog has rows that no statement wrote."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'SYSTEM VERSIONED'"
            )
            return {TableId(*map(str, row)) for row in cursor.fetchall()}

    def _change(self, table: Table, rows: Counter[Answers], done: list[Change]) -> Counter[Answers]:
        count = rows.total()
        kind = self._random.choice(("insert", "insert", "update", "delete")) if count else "insert"
        kind = "delete" if count >= ROWS_MAX else kind
        try:
            written = self._run(getattr(self, f"_{kind}")(table))
        except pymysql.MySQLError as error:
            if error.args[0] in _GONE:
                raise
            self.journal.refused[error.args[0]] += 1
            return rows
        now = self._rows(table)
        went, came = list((rows - now).elements()), list((now - rows).elements())
        assert max(len(went), len(came)) <= 1, (table.id, kind, went, came)
        if went or came:
            self.journal.count += 1
            before, after = went[0] if went else None, came[0] if came else None
            done.append(Change(self.journal.count, before, after, table))
        elif written:
            # MariaDB compares what it keeps for a row, and in a column set from NULL to NULL that may be two things.
            self.journal.count += 1
            done.append(Change(self.journal.count, None, None, table, frozenset(now)))
        return now

    def _insert(self, table: Table) -> str:
        columns = [one for one in table.columns if not one.generated and self._random.random() < 0.85]
        columns = [one for one in columns if not (one.auto_increment and self._random.random() < 0.7)]
        names = ", ".join(_quoted(one.name) for one in columns)
        return f"INSERT INTO {_name(table.id)} ({names}) VALUES ({', '.join(self._literals(columns))})"

    def _update(self, table: Table) -> str:
        written = [one for one in table.columns if not one.generated] or list(table.columns)
        columns = self._random.sample(written, self._random.randint(1, min(3, len(written))))
        pairs = zip(columns, self._literals(columns), strict=True)
        sets = ", ".join(f"{_quoted(column.name)} = {value}" for column, value in pairs)
        return f"UPDATE {_name(table.id)} SET {sets} LIMIT 1"

    def _delete(self, table: Table) -> str:
        return f"DELETE FROM {_name(table.id)} LIMIT 1"

    def _literals(self, columns: Iterable[Any]) -> list[str]:
        return [literal(self._random, one) for one in columns]

    def _keep(self, table: Table, rows: Iterable[Answers]) -> None:
        columns = tuple((column.name, column.type_expression) for column in table.columns)
        for row in rows:
            self.journal.versions[table.id].setdefault((columns, table.primary_key, row), Version(table, row))

    def _rows(self, table: Table) -> Counter[Answers]:
        asked = ", ".join(question(column).expression for column in table.columns)
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT {asked} FROM {_name(table.id)}")
            return Counter(tuple(map(_text, row)) for row in cursor.fetchall())

    def _run(self, sql: str) -> int:
        """Return how many rows the server says it changed."""
        with self._connection.cursor() as cursor:
            return int(cursor.execute(sql))


def key_of(table: Table, row: Answers, key: Sequence[str]) -> Answers:
    """Return the answers of a record key's columns."""
    names = [column.name for column in table.columns]
    return tuple(row[names.index(name)] for name in key)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _name(table: TableId) -> str:
    return ".".join(map(_quoted, table))
