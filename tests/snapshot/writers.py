"""Seeded writers that change tables while a snapshot reads them."""

from __future__ import annotations

import random
import threading
from typing import Any

from tests.lab import SqlServer


class RandomWriter:
    """Inserts, updates, deletes and moves rows of `tables` (`id` INT key, `v` INT) until it is stopped."""

    def __init__(
        self, source: SqlServer, database: str, tables: list[str], ids: int, seed: int, pause_s: float = 0.0
    ) -> None:
        """`pause_s` lies between two transactions."""
        self._pause_s = pause_s
        self._source, self._database, self._tables, self._ids = source, database, tables, ids
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.operations = 0
        self.error: Exception | None = None

    def __enter__(self) -> RandomWriter:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End; what was written is complete then."""
        self._stop.set()
        self._thread.join(30)
        assert self.error is None, self.error

    def _run(self) -> None:
        try:
            with self._source.admin(self._database) as connection, connection.cursor() as cursor:
                while not self._stop.wait(self._pause_s):
                    for _ in range(self._random.choice((1, 1, 1, 5, 20))):
                        self._change(cursor)
                    if self._random.random() < 0.1:
                        connection.rollback()
                    else:
                        connection.commit()
        except Exception as error:
            self.error = error

    def _change(self, cursor: Any) -> None:
        dice = self._random
        table, one, other = dice.choice(self._tables), dice.randrange(self._ids), dice.randrange(self._ids)
        statement = dice.choice(
            (
                f"INSERT IGNORE INTO {table} (id, v) VALUES ({one}, {self.operations})",
                f"UPDATE {table} SET v = {self.operations} WHERE id = {one}",
                f"UPDATE {table} SET v = {self.operations} WHERE id BETWEEN {one} AND {one + 5}",
                f"DELETE FROM {table} WHERE id = {one}",
                f"UPDATE IGNORE {table} SET id = {other} WHERE id = {one}",
            )
        )
        cursor.execute(statement)
        self.operations += 1
