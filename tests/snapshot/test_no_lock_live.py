"""The lock-free snapshot takes no lock: looked at all the time, and every statement of it read in the general log."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.pipeline.test_task import Bench
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 20_000
CHUNK = 1_000
READER_LOCKS = {"SHARED", "SHARED_HIGH_PRIO", "SHARED_READ"}
"""What a SELECT being prepared, a look at a table's structure, and a running SELECT have on a table, the weakest first:
none is in any writer's way."""
OF_SHOW_CREATE = ("SCHEMA", "INTENTION_EXCLUSIVE")
"""What SHOW CREATE TABLE has on the database for as long as it runs: only ALTER and DROP DATABASE would wait for it."""
LOCKING = re.compile(
    r"^\s*(LOCK|FLUSH|UNLOCK|XA|HANDLER|BACKUP)\b|\bFOR\s+(UPDATE|SHARE)\b|LOCK\s+IN\s+SHARE\s+MODE", re.IGNORECASE
)
BEGIN = re.compile(r"^\s*(BEGIN|START\s+TRANSACTION)", re.IGNORECASE)
END = re.compile(r"^\s*(COMMIT|ROLLBACK)", re.IGNORECASE)


class LockWatch:
    """Looks at MySQL's own account of a user's locks and transactions, again and again."""

    def __init__(self, source: MySqlServer, database: str, user: str) -> None:
        self._source, self._database, self._user = source, database, user
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.locks: Counter[tuple[str, str, str]] = Counter()
        """(type of object, lock, name) of metadata locks."""
        self.row_locks = 0
        self.long_transactions: Counter[str] = Counter()
        """How often each was seen in two looks, one behind the other: active ones that are more than a statement."""
        self._active: set[tuple[int, int]] = set()
        self._connections_before = 0
        self.looks = 0
        self.error: Exception | None = None

    def __enter__(self) -> LockWatch:
        # Connections of tests before this one may be ending still; the server numbers them in their order.
        self._connections_before = self._source.query("SELECT CONNECTION_ID()")[0][0]
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert self.error is None, self.error

    @property
    def faults(self) -> list[tuple[str, str, str]]:
        """Locks above those of readers."""
        return [one for one in self.locks if one[1] not in READER_LOCKS and one[:2] != OF_SHOW_CREATE]

    def _run(self) -> None:
        try:
            with self._source.admin() as connection, connection.cursor() as cursor:
                while not self._stop.wait(0.002):
                    self._look(cursor)
        except Exception as error:
            self.error = error

    def _look(self, cursor: Any) -> None:
        mine = (
            "JOIN performance_schema.threads AS t ON t.thread_id = {} WHERE t.processlist_user = %s "
            f"AND t.processlist_id > {self._connections_before}"
        )
        cursor.execute(
            "SELECT l.object_type, l.lock_type, l.object_name FROM performance_schema.metadata_locks AS l "
            + mine.format("l.owner_thread_id")
            + " AND (l.object_schema = %s OR l.object_type IN ('GLOBAL', 'BACKUP LOCK', 'COMMIT'))",
            (self._user, self._database),
        )
        self.locks.update((str(kind), str(lock), str(name)) for kind, lock, name in cursor.fetchall())
        cursor.execute(
            "SELECT COUNT(*) FROM performance_schema.data_locks AS l " + mine.format("l.thread_id"),
            (self._user,),
        )
        self.row_locks += cursor.fetchone()[0]
        cursor.execute(
            "SELECT l.thread_id, l.event_id, t.processlist_id, t.processlist_info "
            "FROM performance_schema.events_transactions_current AS l "
            + mine.format("l.thread_id")
            + " AND l.state = 'ACTIVE' AND l.autocommit = 'NO'",
            (self._user,),
        )
        found = cursor.fetchall()
        # The server writes these rows without a lock: one that is being written may read as what it never was.
        self.long_transactions.update(
            f"connection {connection}: {statement}"
            for thread, event, connection, statement in found
            if (thread, event) in self._active
        )
        self._active = {(thread, event) for thread, event, *_ in found}
        self.looks += 1


@contextmanager
def general_log(source: SqlServer) -> Iterator[list[tuple[int, str]]]:
    """Fill, at the end, (connection, statement) of all that the capturing user ran meanwhile, in order."""
    found: list[tuple[int, str]] = []
    ((began,),) = source.query("SELECT NOW(6)")
    source.execute("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1")
    try:
        yield found
    finally:
        source.execute("SET GLOBAL general_log = 0; SET GLOBAL log_output = 'FILE'")
        found += source.query(
            "SELECT thread_id, CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE event_time >= "
            f"'{began}' AND user_host LIKE '{source.user}[%' AND command_type IN ('Query', 'Execute')"
        )


def run_snapshot(source: SqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str) -> list[tuple[int, str]]:
    """Take a snapshot of two tables under a writer; return the statements of it."""
    config = {"snapshot__locking__mode": "watermark", "snapshot__chunk__size": str(CHUNK)}
    bench = Bench(source, kafka, apicurio, database, snapshot__max__threads="2", **config)
    with (
        general_log(source) as statements,
        RandomWriter(source, database, ["a", "b"], ROWS * 2, 11, 0.002),
        bench.running() as task,
    ):
        wait_for_the_end(task)
        time.sleep(0.2)
    return statements


def longest_transaction(statements: list[tuple[int, str]], database: str) -> int:
    """Return how many reads of rows lay at most between the begin and the end of a transaction."""
    reads: dict[int, int] = {}
    longest = 0
    for connection, text in statements:
        if BEGIN.match(text):
            reads[connection] = 0
        elif END.match(text):
            reads.pop(connection, None)
        elif connection in reads and text.lstrip().startswith("SELECT") and f"FROM `{database}`." in text:
            reads[connection] += 1
            longest = max(longest, reads[connection])
    return longest


def chunks_read(statements: list[tuple[int, str]], database: str) -> int:
    return sum(f"FROM `{database}`." in text and "OFFSET" not in text and "LIMIT" not in text for _, text in statements)


def test_mysql(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str) -> None:
    fill(mysql, mysql_database, ("a", "b"), ROWS)
    with LockWatch(mysql, mysql_database, mysql.user) as watch:
        statements = run_snapshot(mysql, kafka, apicurio, mysql_database)
    assert watch.looks > 10
    assert not watch.faults
    assert not watch.row_locks
    assert not watch.long_transactions
    assert chunks_read(statements, mysql_database) >= 2 * ROWS // CHUNK
    assert not [text for _, text in statements if LOCKING.search(text)]
    assert not [text for _, text in statements if BEGIN.match(text)], "a chunk is a statement"
    print(f"{watch.looks} looks, {dict(watch.locks)}; {len(statements)} statements")


def test_the_watch_sees_a_lock(mysql: MySqlServer, mysql_database: str) -> None:
    mysql.execute("CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1)", mysql_database)
    with (
        LockWatch(mysql, mysql_database, "root") as watch,
        mysql.admin(mysql_database) as connection,
        connection.cursor() as cursor,
    ):
        for statement in ("START TRANSACTION WITH CONSISTENT SNAPSHOT", "SELECT * FROM a", "LOCK TABLES a READ"):
            cursor.execute(statement)
            seen, deadline = watch.looks, time.monotonic() + 60
            while watch.looks < seen + 3 and time.monotonic() < deadline:
                time.sleep(0.01)
    assert watch.long_transactions
    assert watch.faults


def test_mariadb(mariadb: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, mariadb_database: str) -> None:
    """A chunk there is a transaction of its own, as only a consistent snapshot says where in the binlog it is."""
    fill(mariadb, mariadb_database, ("a", "b"), ROWS)
    statements = run_snapshot(mariadb, kafka, apicurio, mariadb_database)
    assert chunks_read(statements, mariadb_database) >= 2 * ROWS // CHUNK
    assert not [text for _, text in statements if LOCKING.search(text)]
    assert longest_transaction(statements, mariadb_database) == 1
    assert any("SET SESSION max_statement_time" in text for _, text in statements), "a chunk has a limit there too"
