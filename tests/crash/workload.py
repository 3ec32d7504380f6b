"""Writers with an oracle log: what was committed, what was rolled back, known without looking at any topic."""

from __future__ import annotations

import random
import threading
from typing import Any

SCHEMA = """
CREATE TABLE ledger (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, txn INT NOT NULL, seq INT NOT NULL,
  amount DECIMAL(12,2) NOT NULL, note VARCHAR(40) NULL);
CREATE TABLE accounts (id INT NOT NULL PRIMARY KEY, balance DECIMAL(14,2) NOT NULL, touched_by INT NOT NULL,
  changed_at DATETIME(6) NOT NULL);
"""
ACCOUNTS = 40


class Workload:
    """Transactions of 1 to 12 rows: inserts, updates, deletes, key changes; some are rolled back."""

    def __init__(self, connection: Any, seed: int, pause_s: float) -> None:
        self._connection = connection
        self._random = random.Random(seed)
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"workload-{seed}", daemon=True)
        self._next = seed * 1_000_000
        self.committed: set[tuple[int, int]] = set()
        """(txn, seq) of every ledger row that was ever committed."""
        self.rolled_back: set[int] = set()
        self.failure: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        if self._thread.is_alive():
            raise TimeoutError("a transaction of the workload does not end")
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._pause_s):
                self._transaction()
        except Exception as error:
            self.failure = error

    def _transaction(self) -> None:
        self._next += 1
        txn, rnd, written = self._next, self._random, set()
        with self._connection.cursor() as cursor:
            self._connection.begin()
            for seq in range(rnd.randint(1, 12)):
                cursor.execute(
                    "INSERT INTO ledger (txn, seq, amount, note) VALUES (%s, %s, %s, %s)",
                    (txn, seq, rnd.randint(-9999, 9999) / 100, rnd.choice([None, "", "é", "x" * 40])),
                )
                written.add((txn, seq))
            account = rnd.randrange(ACCOUNTS)
            cursor.execute(
                "INSERT INTO accounts VALUES (%s, 1, %s, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE "
                "balance = balance + 1, touched_by = %s, changed_at = UTC_TIMESTAMP(6)",
                (account, txn, txn),
            )
            if rnd.random() < 0.1:
                cursor.execute("DELETE FROM accounts WHERE id = %s", (rnd.randrange(ACCOUNTS),))
            if rnd.random() < 0.1:
                cursor.execute(
                    "UPDATE IGNORE accounts SET id = %s WHERE id = %s",
                    (rnd.randrange(ACCOUNTS), rnd.randrange(ACCOUNTS)),
                )
            if rnd.random() < 0.1:
                self._connection.rollback()
                self.rolled_back.add(txn)
            else:
                self._connection.commit()
                self.committed |= written
