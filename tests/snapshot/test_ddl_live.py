"""DDL on tables in the middle of their chunks, under a writer: in the end each topic says what its table says."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest

from faust_cdc.pipeline.phase import Phase
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import ExecuteSnapshot
from faust_cdc.snapshot.merged import VAIN_PARKS_MAX
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer
from tests.oracle.invariants import duplicates, order_faults
from tests.oracle.topics import RawRecord, TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 2_000
RATE = "rows=4000"
"""Of the snapshot in a second: chunks are read while DDL is sent."""
CHUNKS_BEFORE = 8
"""Of a table's twenty: with further ones readers wait until it is changed."""
MANY = 120
"""Tables of one row."""
NO_SUCH_TABLE, TABLE_CHANGED = 1146, 1412
DDL = {
    "added": "ALTER TABLE added ADD COLUMN extra INT NOT NULL DEFAULT 7",
    "dropped": "DROP TABLE dropped",
    "emptied": "TRUNCATE TABLE emptied",
    "keyed": "ALTER TABLE keyed MODIFY t VARCHAR(30) NOT NULL DEFAULT 'x', DROP PRIMARY KEY, ADD PRIMARY KEY (t, id)",
    "lost": "ALTER TABLE lost DROP COLUMN t",
    "modified": "ALTER TABLE modified MODIFY v BIGINT NOT NULL",
    "renamed": "ALTER TABLE renamed RENAME COLUMN t TO label",
    "swapped": "CREATE TABLE _swapped_gho LIKE swapped; "
    "ALTER TABLE _swapped_gho ADD COLUMN extra INT NOT NULL DEFAULT 7; "
    "INSERT INTO _swapped_gho (id, v, t) SELECT id, v, t FROM swapped; "
    "RENAME TABLE swapped TO _swapped_del, _swapped_gho TO swapped",
}
SAID = {
    "dropped": ".dropped is not read to its end: dropped while the snapshot was taken",
    "keyed": ".keyed has another key now and is read from its beginning",
}
Found = list[tuple[RawRecord, Any, Any]]


class Judge:
    """Reads the topics of the tables as they grow."""

    def __init__(self, bench: Bench, reader: TopicReader) -> None:
        self._bench, self._reader = bench, reader
        self.topics = {table: f"{bench.prefix}.{bench.database}.{table}" for table in DDL}
        self.found: Found = []

    def read(self) -> None:
        self.found += changes(self._reader.read_new(list(self.topics.values())), self._bench.decoder)

    def snapshot_rows(self, table: str) -> int:
        topic = self.topics[table]
        return sum(1 for record, _, value in self.found if record.topic == topic and value and value["op"] == "r")

    def state(self, table: str) -> dict[int, int]:
        """Return id → v as the topic has it, whatever the key is at the time."""
        state: dict[int, int] = {}
        for record, key, value in self.found:
            if record.topic != self.topics[table]:
                continue
            if key is None:
                state.clear()
            elif value is not None and value["after"] is None:
                state.pop(key["id"], None)
            elif value is not None:
                state[key["id"]] = value["after"]["v"]
        return state

    def stale_rows(self) -> list[str]:
        """Return snapshot rows that are not what the stream had said of their key by then."""
        state: dict[str, dict[str, int | None]] = {}
        faults = []
        for record, key, value in self.found:
            if value is None:
                continue
            known = state.setdefault(record.topic, {})
            if key is None:
                known.clear()
                continue
            name, v = json.dumps(key, sort_keys=True), value["after"] and value["after"]["v"]
            if value["op"] == "r" and name in known and known[name] != v:
                faults.append(f"{record.topic} {name} at {record.kafka_offset}: {v} behind {known[name]}")
            known[name] = v
        return faults


def change_each(bench: Bench, task: ConnectorTask, judge: Judge, writer: RandomWriter, hold: Hold) -> set[str]:
    """Change every table once its first rows are in its topic; return those that were far from their end then."""
    waiting, at_change, deadline = dict(DDL), dict[str, int](), time.monotonic() + 120
    while waiting:
        judge.read()
        for table in [one for one in waiting if judge.snapshot_rows(one)]:
            statement = waiting.pop(table)
            if table == "swapped":
                with writer.held():
                    bench.source.execute(statement, bench.database)
            else:
                bench.source.execute(statement, bench.database)
            judge.read()
            at_change[table] = judge.snapshot_rows(table)
            hold.let_go(table)
        assert task.state.state is TaskState.RUNNING, task.state.trace
        assert time.monotonic() < deadline, (waiting, task.state)
    return {table for table, count in at_change.items() if count < ROWS // 2}


def wait_for_the_signalled(bench: Bench, task: ConnectorTask) -> None:
    deadline = time.monotonic() + 120
    while ("s-1", "COMPLETED") not in {(one.id, one.type) for one in list(bench.told)}:
        assert task.state.state is TaskState.RUNNING, task.state.trace
        assert time.monotonic() < deadline, task.progress
        time.sleep(0.1)


def under_ddl(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, *, is_signalled: bool = False
) -> None:
    """Change each table in the midst of its chunks: those of the initial snapshot, or of an incremental one."""
    source, database = bench.source, bench.database
    fill(source, database, DDL, ROWS)
    tolerated, hold = frozenset({NO_SUCH_TABLE, TABLE_CHANGED}), Hold(monkeypatch, CHUNKS_BEFORE)
    with (
        TopicReader(bench.kafka.bootstrap) as reader,
        RandomWriter(source, database, list(DDL), ROWS * 2, 3, 0.002, tolerated) as writer,
        bench.running() as task,
    ):
        judge = Judge(bench, reader)
        if is_signalled:
            wait_for_the_end(task)
            assert task.submit(ExecuteSnapshot("s-1", tuple(rf"{database}\.{table}" for table in DDL)))
        in_the_middle = change_each(bench, task, judge, writer, hold)
        if is_signalled:
            wait_for_the_signalled(bench, task)
        else:
            wait_for_the_end(task)
        writer.stop()
        kept = [table for table in DDL if table != "dropped"]
        wanted = {table: dict(source.query(f"SELECT id, v FROM {table}", database)) for table in kept}
        deadline = time.monotonic() + 60
        while {table: judge.state(table) for table in kept} != wanted:
            assert time.monotonic() < deadline, {t: differences(judge.state(t), wanted[t]) for t in kept}
            assert task.state.state is TaskState.RUNNING, task.state.trace
            judge.read()
    found = judge.found
    assert in_the_middle == set(DDL)
    assert not judge.stale_rows()
    assert not duplicates([one for one in found if one[0].topic != judge.topics["swapped"]])
    assert not order_faults(found)
    said = "\n".join(record.getMessage() for record in caplog.records)
    for table, words in SAID.items():
        assert words in said, (table, said)
    extras = Counter(value["after"].get("extra") for value in rows_of(found, judge.topics["added"]))
    assert set(extras) == {None, 7}, "rows of both structures"
    print(f"in the middle: {sorted(in_the_middle)}; {writer.operations} changes, {len(found)} records, {extras}")


def rows_of(found: Found, topic: str) -> list[Any]:
    return [value for record, _, value in found if record.topic == topic and value and value["after"]]


def differences(ours: dict[int, int], theirs: dict[int, int]) -> list[tuple[int, int | None, int | None]]:
    keys = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    return [(key, ours.get(key), theirs.get(key)) for key in keys[:5]]


def bench_of(
    source: MySqlServer | MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, **more: str
) -> Bench:
    config = {
        "snapshot__locking__mode": "watermark",
        "snapshot__chunk__size": "100",
        "incremental__snapshot__chunk__size": "100",
        "snapshot__max__threads": "3",
        "skipped__operations": "none",
        **more,
    }
    return Bench(source, kafka, apicurio, database, **config)


def captured(database: str) -> dict[str, str]:
    return {
        "table__include__list": rf"{database}\.({'|'.join(DDL)})",
        "snapshot__rate__limit": RATE,
    }


MODES = pytest.mark.parametrize("mode", ["initial", "no_data"])
"""`snapshot.mode`; without data at the start the tables are read by an incremental snapshot."""


@MODES
def test_mysql(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode=mode, **captured(mysql_database))
    under_ddl(bench, caplog, monkeypatch, is_signalled=mode == "no_data")


@MODES
def test_mariadb(
    mariadb: MariaDbServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mariadb_database: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    bench = bench_of(mariadb, kafka, apicurio, mariadb_database, snapshot__mode=mode, **captured(mariadb_database))
    under_ddl(bench, caplog, monkeypatch, is_signalled=mode == "no_data")


def test_a_table_that_waits_may_be_named_by_any_number_of_statements(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of them changes it no more by the time the stream comes to it, and none says that it cannot be read."""
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__max__threads="1")
    fill(mysql, mysql_database, ("first", "waiting"), ROWS)
    mysql.execute("CREATE TABLE written (id INT PRIMARY KEY)", mysql_database)
    hold = Hold(monkeypatch, 1)
    with bench.running() as task:
        hold.wait()
        statements = [f"ALTER TABLE waiting COMMENT '{number}'" for number in range(2 * VAIN_PARKS_MAX)]
        mysql.execute("; ".join([*statements, "INSERT INTO written VALUES (1)"]), mysql_database)
        bench.events("written", 1, task)
        hold.let_go()
        wait_for_the_end(task)
        assert len(bench.events("waiting", ROWS, task)) == ROWS


def test_tables_that_are_read_in_one_piece(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """They are changed while a large one before them is copied, and the stream comes to it only behind that."""
    bench = bench_of(mysql, kafka, apicurio, mysql_database)
    mysql.execute(
        "CREATE TABLE a_large (n INT, t CHAR(100) DEFAULT 'x'); SET SESSION cte_max_recursion_depth = 1000000; "
        "INSERT INTO a_large (n) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) "
        "SELECT i FROM n; "
        "CREATE TABLE b_lost (n INT, m INT); INSERT INTO b_lost VALUES (1, 2); "
        "CREATE TABLE c_gone (n INT); INSERT INTO c_gone VALUES (1); "
        "CREATE TABLE d_added (n INT); INSERT INTO d_added VALUES (1)",
        mysql_database,
    )
    with bench.running() as task:
        deadline = time.monotonic() + 90
        while task.progress.phase is not Phase.STREAMING:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        mysql.execute(
            "ALTER TABLE b_lost DROP COLUMN m; DROP TABLE c_gone; ALTER TABLE d_added ADD COLUMN m INT DEFAULT 7",
            mysql_database,
        )
        while task.progress.offset is None or task.progress.offset.snapshot:
            assert task.state.state is TaskState.RUNNING, task.state.trace
            assert time.monotonic() < deadline
            time.sleep(0.05)
        lost, added = (bench.events(table, 1, task) for table in ("b_lost", "d_added"))
        assert len(bench.events("a_large", 100_000, task)) == 100_000
    assert [event["after"] for event in lost] in ([{"n": 1}], [{"n": 1, "m": 2}])
    assert [event["after"] for event in added] in ([{"n": 1, "m": 7}], [{"n": 1}])


def test_tables_that_are_emptied_while_their_first_chunk_is_read(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """A chunk that finds no row ends its table, also when the TRUNCATE passes before the chunk is due."""
    names = [f"t{number:03}" for number in range(MANY)]
    for name in names:
        mysql.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY); INSERT INTO {name} VALUES (1)", mysql_database)
    bench = bench_of(mysql, kafka, apicurio, mysql_database)
    with bench.running() as task, mysql.admin(mysql_database) as connection, connection.cursor() as cursor:
        deadline = time.monotonic() + 120
        while task.progress.phase is not Phase.STREAMING:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        for name in names:
            cursor.execute(f"TRUNCATE TABLE {name}")
        wait_for_the_end(task)
        cursor.execute(f"INSERT INTO {names[-1]} VALUES (2)")
        seen: list[object] = []
        while "c" not in seen:
            assert time.monotonic() < deadline + 60, seen
            seen = [event["op"] for event in bench.events(names[-1], 1, task)]
    assert seen in (["r", "t", "c"], ["t", "c"])
