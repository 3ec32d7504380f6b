"""Transactions that are not straightforward, on real servers: the topics hold what the tables hold, no more, no less.

A seeded history of savepoints, partial rollbacks, failed statements, engines without transactions, XA, compression and
logged statement texts; then each topic, replayed, must equal its table. The database is the oracle.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from faust_cdc.pipeline.state import TaskState
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench, images
from tests.pipeline.test_task_edge import wait_until_streaming

pytestmark = pytest.mark.integration

SEED = int(os.environ.get("FAUST_CDC_SEED", "4"))
TRANSACTIONS = int(os.environ.get("FAUST_CDC_TRANSACTIONS", "150"))
TABLES = ("inno", "other", "plain")
DUPLICATE = 1062


class History:
    """Writes one random history through one session."""

    def __init__(self, session: Any, is_mysql: bool, rnd: random.Random) -> None:
        self._session, self._is_mysql, self._rnd = session, is_mysql, rnd
        self._transaction = 0
        self.copies: list[str] = []
        self.failed = 0

    def run(self, sql: str) -> None:
        """Run a statement; a duplicate key is part of the history."""
        try:
            with self._session.cursor() as cursor:
                cursor.execute(sql)
        except pymysql.err.IntegrityError as error:
            if error.args[0] != DUPLICATE:
                raise
            self.failed += 1

    def settings(self) -> None:
        """Change how the next transaction is logged."""
        on = self._rnd.choice(("ON", "OFF"))
        if self._is_mysql:
            self.run(f"SET SESSION binlog_transaction_compression = {on}")
            self.run(f"SET SESSION binlog_rows_query_log_events = {self._rnd.choice(('ON', 'OFF'))}")
        else:
            self.run(f"SET SESSION binlog_annotate_row_events = {on}")

    def change(self) -> None:
        """One statement that changes rows, or tries to."""
        rnd, table = self._rnd, self._rnd.choice(TABLES)
        key, value = rnd.randrange(40), rnd.randrange(1000)
        kind = rnd.randrange(6)
        if kind == 0:
            self.run(f"DELETE FROM {table} WHERE id = {key}")
        elif kind == 1:
            self.run(f"UPDATE {table} SET v = {value} WHERE id BETWEEN {key} AND {key + 3}")
        elif kind == 2:  # of a table without transactions the first rows stay when a later one is a duplicate
            self.run(f"INSERT INTO {table} VALUES ({key}, {value}), ({key + 1}, {value}), ({key + 2}, {value})")
        elif kind == 3:
            self.run(f"UPDATE {table} SET id = {rnd.randrange(40)} WHERE id = {key}")
        elif kind == 4:
            self.run(f"INSERT INTO inno SELECT id + 40, v FROM {table} WHERE id = {key}")
        else:
            self.run(f"REPLACE INTO {table} VALUES ({key}, {value}), ({rnd.randrange(40)}, {value})")

    def transaction(self) -> None:
        """One transaction, with savepoints, ended one way or the other."""
        rnd = self._rnd
        self._transaction += 1
        self.settings()
        if rnd.random() < 0.15:
            return self.xa()
        if rnd.random() < 0.06:
            name = f"copy{len(self.copies)}"
            self.run(f"CREATE TABLE {name} (PRIMARY KEY (id)) AS SELECT id, v FROM {rnd.choice(TABLES)}")
            self.copies.append(name)
        self.run("START TRANSACTION")
        savepoints = 0
        for _ in range(rnd.randrange(1, 7)):
            self.change()
            if rnd.random() < 0.01:  # MariaDB logs such a transaction with its ROLLBACK
                self.run(f"CREATE TEMPORARY TABLE temporary{self._transaction} (id INT)")
                self.run(f"DROP TEMPORARY TABLE temporary{self._transaction}")
            if rnd.random() < 0.3:
                savepoints += 1
                self.run(f"SAVEPOINT s{savepoints}")
            elif savepoints and rnd.random() < 0.4:
                savepoints = rnd.randrange(1, savepoints + 1)
                self.run(f"ROLLBACK TO SAVEPOINT s{savepoints}")
        self.run(rnd.choice(("COMMIT", "COMMIT", "ROLLBACK")))
        return None

    def xa(self) -> None:
        """One XA transaction."""
        name = f"x{self._transaction}"
        end = self._rnd.choice(
            (
                [f"XA PREPARE '{name}'", f"XA COMMIT '{name}'"],
                [f"XA PREPARE '{name}'", f"XA ROLLBACK '{name}'"],
                [f"XA COMMIT '{name}' ONE PHASE"],
                [f"XA ROLLBACK '{name}'"],
            )
        )
        self.run(f"XA START '{name}'")
        for _ in range(self._rnd.randrange(1, 4)):
            key, value = self._rnd.randrange(80), self._rnd.randrange(1000)
            self.run(f"REPLACE INTO {self._rnd.choice(('inno', 'other'))} VALUES ({key}, {value})")
        for statement in (f"XA END '{name}'", *end):
            self.run(statement)


def topics_as_tables(bench: Bench, tables: list[str], task: Any) -> dict[str, dict[int, int]]:
    """The last value per key of each table's topic, once the marker row is there."""
    deadline = time.monotonic() + 120
    names = [f"{bench.prefix}.{bench.database}.{table}" for table in tables]
    is_there = False
    while True:
        with TopicReader(bench.kafka.bootstrap) as reader:
            found = changes(reader.read_new(names), bench.decoder)
        state: dict[str, dict[int, int]] = {table: {} for table in tables}
        for record, key, value in found:
            table = state[record.topic.rsplit(".", 1)[1]]
            if value is None:
                continue
            if value["op"] == "d":
                assert table.pop(key["id"]) == value["before"]["v"], "a delete of what is not there"
            else:
                assert value["before"] is None or value["before"]["v"] == table[key["id"]], (
                    "an update of something else"
                )
                table[key["id"]] = value["after"]["v"]
        if is_there:
            return state
        # Read once more: this time may have begun before the last topics were made.
        is_there = -1 in state["inno"]
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline
        time.sleep(0.3)


def event_counts(bench: Bench) -> list[int]:
    """What the transaction topic, of one partition here, says of each source transaction, in order."""
    with TopicReader(bench.kafka.bootstrap) as reader:
        records = changes(reader.read_new([f"{bench.prefix}.transaction"]), bench.decoder)
    return [value["event_count"] for _, _, value in records if value is not None and value["status"] == "END"]


@pytest.fixture(params=["mysql", "mysql without gtids", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[SqlServer, str]]:
    """A server and an empty database. With GTIDs MySQL refuses transactions over tables with and without them."""
    if request.param == "mysql without gtids":
        with MySqlServer(gtid_mode=False, extra_args=["--enforce-gtid-consistency=OFF"]) as mysql:
            mysql.create_database("mixed")
            yield mysql, "mixed"
    else:
        yield request.getfixturevalue(request.param), str(request.getfixturevalue(f"{request.param}_database"))


def can_mix(source: SqlServer) -> bool:
    return not (isinstance(source, MySqlServer) and source.gtid_mode)


def test_topics_equal_tables_after_a_history_of_transactions(
    server: tuple[SqlServer, str], kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    source, database = server
    engines = {"inno": "InnoDB", "other": "InnoDB", "plain": "MyISAM" if can_mix(source) else "InnoDB"}
    for table, engine in engines.items():
        source.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT) ENGINE={engine}", database)
    bench = Bench(source, kafka, apicurio, database)
    with bench.running() as task:
        wait_until_streaming(task)
        with source.admin(database) as session:
            session.autocommit(True)
            history = History(session, isinstance(source, MySqlServer), random.Random(SEED))
            for _ in range(TRANSACTIONS):
                history.transaction()
        source.execute("INSERT INTO inno VALUES (-1, -1)", database)
        tables = [*TABLES, *history.copies]
        found = topics_as_tables(bench, tables, task)
        repeats = task.state.retries
    stored = {t: dict(source.query(f"SELECT id, v FROM {t}", database)) for t in tables}
    assert found == stored
    assert history.failed > 3
    assert history.copies
    rows = sum(map(len, stored.values()))
    print(f"\nseed {SEED}: {TRANSACTIONS} transactions, {history.failed} failed, {rows} rows left, {repeats} repeats")


@pytest.mark.parametrize("server", ["mysql without gtids", "mariadb"], indirect=True)
def test_what_a_rollback_leaves_of_a_table_without_transactions(
    server: tuple[SqlServer, str], kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    """The server keeps, and logs, the rows of MyISAM; those of InnoDB are gone, though MariaDB logs them too."""
    source, database = server
    source.execute(
        "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB; CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM", database
    )
    bench = Bench(source, kafka, apicurio, database, provide__transaction__metadata="true")
    with bench.running() as task:
        wait_until_streaming(task)
        source.execute(
            "START TRANSACTION; INSERT INTO t VALUES (1); INSERT INTO m VALUES (1); INSERT INTO t VALUES (2); "
            "ROLLBACK; "
            "START TRANSACTION; INSERT INTO t VALUES (3); SAVEPOINT s; INSERT INTO m VALUES (3); "
            "INSERT INTO t VALUES (4); ROLLBACK TO SAVEPOINT s; COMMIT; INSERT INTO t VALUES (5)",
            database,
        )
        assert images(bench.events("t", 2, task)) == [("c", None, {"id": 3}), ("c", None, {"id": 5})]
        assert event_counts(bench)[-4:] == [1, 1, 1, 1], "undone rows are not counted"
        assert images(bench.events("m", 2, task)) == [("c", None, {"id": 1}), ("c", None, {"id": 3})]
    assert source.query("SELECT id FROM m ORDER BY id", database) == [(1,), (3,)]
    assert source.query("SELECT id FROM t ORDER BY id", database) == [(3,), (5,)]


def test_rows_of_a_group_that_ends_with_rollback_are_not_written(
    mariadb: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, mariadb_database: str
) -> None:
    """A temporary table makes MariaDB log what was rolled back, with its ROLLBACK."""
    mariadb.execute("CREATE TABLE t (id INT PRIMARY KEY)", mariadb_database)
    bench = Bench(mariadb, kafka, apicurio, mariadb_database, provide__transaction__metadata="true")
    with bench.running() as task:
        wait_until_streaming(task)
        retries = task.state.retries  # the topics may not have had a leader yet
        mariadb.execute(
            "INSERT INTO t VALUES (1); START TRANSACTION; INSERT INTO t VALUES (2); "
            "CREATE TEMPORARY TABLE gone (id INT); INSERT INTO t VALUES (3); ROLLBACK; INSERT INTO t VALUES (4)",
            mariadb_database,
        )
        assert images(bench.events("t", 2, task)) == [("c", None, {"id": 1}), ("c", None, {"id": 4})]
        assert event_counts(bench)[-3:] == [1, 0, 1]
        assert task.state.retries == retries + 1, "the Kafka transaction was aborted and repeated"
    assert [row[0] for row in mariadb.query("SELECT id FROM t ORDER BY id", mariadb_database)] == [1, 4]
