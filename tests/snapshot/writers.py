"""Seeded writers that change tables while a snapshot reads them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pymysql

from tests.lab import SqlServer

DEADLOCK = 1213
"""The server has undone the transaction of who gets it."""


class RandomWriter:
    """Inserts, updates, deletes and moves rows of `tables` (`id` INT key, `v` INT) until it is stopped."""

    def __init__(
        self,
        source: SqlServer,
        database: str,
        tables: list[str],
        ids: int,
        seed: int,
        pause_s: float = 0.0,
        tolerated: frozenset[int] = frozenset(),
    ) -> None:
        """`pause_s` lies between two transactions; errors with `tolerated` codes end no more than a statement."""
        self._pause_s = pause_s
        self._tolerated = tolerated
        self._source, self._database, self._tables, self._ids = source, database, tables, ids
        self._random = random.Random(seed)
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.operations = 0
        self.undone: set[int] = set()
        """Numbers of the operations whose transaction was rolled back."""
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End; what was written is complete then."""
        self._stop.set()
        self._thread.join(30)
        assert self.error is None, self.error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Begin no transaction meanwhile; none is open."""
        with self._turn:
            yield

    def follow(self, table: str) -> None:
        """Write to this table only from now on; to be called while `held`."""
        self._tables = [table]

    def _run(self) -> None:
        try:
            with self._source.admin(self._database) as connection, connection.cursor() as cursor:
                while not self._stop.wait(self._pause_s):
                    with self._turn:
                        self._transaction(connection, cursor)
        except Exception as error:
            self.error = error

    def _transaction(self, connection: Any, cursor: Any) -> None:
        connection.begin()
        first, is_undone = self.operations, False
        for _ in range(self._random.choice((1, 1, 1, 5, 20))):
            try:
                cursor.execute(self._statement())
            except pymysql.MySQLError as error:
                if error.args[0] not in self._tolerated:
                    raise
                is_undone = error.args[0] == DEADLOCK
            self.operations += 1
            if is_undone:
                break
        if is_undone or self._random.random() < 0.1:
            connection.rollback()
            self.undone.update(range(first, self.operations))
        else:
            connection.commit()

    def _statement(self) -> str:
        dice = self._random
        table, one, other = dice.choice(self._tables), dice.randrange(self._ids), dice.randrange(self._ids)
        return dice.choice(
            (
                f"INSERT IGNORE INTO {table} (id, v) VALUES ({one}, {self.operations})",
                f"UPDATE {table} SET v = {self.operations} WHERE id = {one}",
                f"UPDATE {table} SET v = {self.operations} WHERE id BETWEEN {one} AND {one + 5}",
                f"DELETE FROM {table} WHERE id = {one}",
                f"UPDATE IGNORE {table} SET id = {other} WHERE id = {one}",
            )
        )
