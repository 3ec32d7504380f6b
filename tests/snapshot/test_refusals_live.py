"""What a snapshot cannot do is said, by name, and the stream goes on; and what it has done, also under locks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.notifications.notification import INITIAL, Notification
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import AdditionalCondition, ExecuteSnapshot, PauseSnapshot
from faust_cdc.snapshot.progress import SnapshotProgress, SnapshotState, TableProgress, TableState, read_key
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_commands_live import bench_of, marks, read_until
from tests.snapshot.test_merged_live import fill, wait_for_the_end

pytestmark = pytest.mark.integration


def await_told(bench: Bench, type_: str, task: ConnectorTask, count: int = 1) -> list[Notification]:
    """Wait for notifications of a type, other than those of the initial snapshot; return all of that type."""
    deadline = time.monotonic() + 90
    while (
        len(found := [one for one in list(bench.told) if one.type == type_ and one.aggregate_type != INITIAL]) < count
    ):
        assert task.state.error is None, task.state.cause
        assert time.monotonic() < deadline, [str(one) for one in bench.told]
        time.sleep(0.1)
    return found


def the_stream_goes_on(bench: Bench, table: str, number: int) -> None:
    bench.source.execute(f"INSERT INTO {table} (id, v) VALUES ({number}, 0)", bench.database)
    read_until(bench, (table,), lambda found: {"id": number} in [key for _, key, _ in found], f"row {number}")


def stored_progress(bench: Bench) -> tuple[SnapshotProgress, dict[TableId, TableProgress]]:
    """Return what stands in the snapshots topic."""
    snapshot, tables = None, {}
    with TopicReader(bench.kafka.bootstrap) as reader:
        for record in reader.read_new([f"{bench.offsets}-snapshots"]):
            known = read_key(record.key or b"")
            assert known is not None
            if known[1] is None and record.value is not None:
                snapshot = SnapshotProgress.from_json(record.value)
            elif known[1] is not None and record.value is not None:
                tables[known[1]] = TableProgress.from_json(known[1], record.value)
    assert snapshot is not None
    return snapshot, tables


CONDITIONS = {
    "unknown column": "nothing = 1",
    "syntax": "id >",
    "undoing the chunk's own": "1 = 1) OR (1 = 1",
    "wrong at some row": "JSON_EXTRACT(IF(id = 4, '{', '{}'), '$') IS NOT NULL",
}


def test_conditions_that_the_server_does_not_take(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    fill(mysql, mysql_database, ("a", "b"), 10)
    a, b = f"{mysql_database}.a", f"{mysql_database}.b"
    with bench.running() as task:
        wait_for_the_end(task)
        for number, condition in enumerate(CONDITIONS.values(), 1):
            conditions = (AdditionalCondition(a, condition),)
            task.submit(ExecuteSnapshot(f"s-{number}", (a,), conditions=conditions))
            ended = await_told(bench, "TABLE_SCAN_COMPLETED", task, number)[-1]
            assert ended.id == f"s-{number}"
            assert ended.additional_data["status"] == "SQL_EXCEPTION"
            the_stream_goes_on(bench, "a", 1000 + number)
        refused = await_told(bench, "REFUSED", task, 3)
        assert [one.id for one in refused] == ["s-1", "s-2", "s-3"]
        assert "does not take the condition" in refused[0].additional_data["reason"]
        task.submit(ExecuteSnapshot("s-9", (a, b), conditions=(AdditionalCondition(a, "nothing = 1"),)))
        found = read_until(bench, ("b",), lambda found: len(found) == 10, "the table without a condition")
        await_told(bench, "COMPLETED", task, 2)
        assert task.state.retries == 0
    assert marks(found) == {"incremental": 10}
    statuses = {
        one.additional_data["scanned_collection"]: one.additional_data["status"]
        for one in bench.told
        if one.type == "TABLE_SCAN_COMPLETED" and one.id == "s-9"
    }
    assert statuses == {a: "SQL_EXCEPTION", b: "SUCCEEDED"}


def test_notifications_name_the_last_key(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    chunks = {"incremental__snapshot__chunk__size": "4"}
    bench = Bench(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", **chunks)
    fill(mysql, mysql_database, ("a",), 10)
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.a",)))
        await_told(bench, "COMPLETED", task)
    keys = [
        (one.additional_data["maximum_key"], one.additional_data["last_processed_key"])
        for one in bench.told
        if one.type == "IN_PROGRESS"
    ]
    assert sorted(keys) == [("18", "14"), ("18", "18"), ("18", "6")]


def test_without_gtids(kafka: KafkaBroker, apicurio: Apicurio, monkeypatch: pytest.MonkeyPatch) -> None:
    with MySqlServer() as server:
        server.create_database("lost")
        fill(server, "lost", ("a",))
        bench = bench_of(server, kafka, apicurio, "lost", snapshot__mode="no_data", snapshot__chunk__size="50")
        hold = Hold(monkeypatch, 4)
        with bench.running() as task:
            wait_for_the_end(task)
            task.submit(ExecuteSnapshot("s-1", ("lost.a",)))
            read_until(bench, ("a",), lambda found: len(found) >= 100, "the first rows")
            task.submit(PauseSnapshot("s-2"))
            await_told(bench, "PAUSED", task)
        hold.let_go()
        for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"):
            server.execute(f"SET GLOBAL gtid_mode = {mode}", "lost")
        with bench.running() as task:
            (aborted,) = await_told(bench, "ABORTED", task)
            assert aborted.id == "s-1"
            task.submit(ExecuteSnapshot("s-3", ("lost.a",)))
            (refused,) = await_told(bench, "REFUSED", task)
            assert "GTID" in refused.additional_data["reason"]
            the_stream_goes_on(bench, "a", 100_001)
        snapshot, tables = stored_progress(bench)
        assert snapshot.state is SnapshotState.ABORTED
        assert tables[TableId("lost", "a")].state is TableState.SKIPPED
        assert "GTID" in tables[TableId("lost", "a")].reason


def test_a_snapshot_under_locks_leaves_its_progress(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a", "b"), 7)
    bench = Bench(mysql, kafka, apicurio, mysql_database, snapshot__locking__mode="minimal")
    with bench.running() as task:
        wait_for_the_end(task)
    snapshot, tables = stored_progress(bench)
    assert snapshot.state is SnapshotState.COMPLETED
    assert {table: (one.state, one.rows, one.percent) for table, one in tables.items()} == {
        TableId(mysql_database, table): (TableState.COMPLETED, 7, 100.0) for table in ("a", "b")
    }
    assert snapshot.tables == tuple(tables)


def test_a_start_without_a_snapshot_is_told_once(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a",), 1)
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    with bench.running() as task:
        wait_for_the_end(task)
    with bench.running() as task:
        the_stream_goes_on(bench, "a", 1001)
        kill_dumps_of(mysql, bench)
        deadline = time.monotonic() + 90
        while not task.state.retries:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        the_stream_goes_on(bench, "a", 1002)
    assert [one.type for one in bench.told].count("SKIPPED") == 1


def kill_dumps_of(mysql: MySqlServer, bench: Bench) -> None:
    """End the connections by which binlogs are read; there is one, for tests do not run beside each other."""
    dumps: list[tuple[Any, ...]] = list(
        mysql.query("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'", bench.database)
    )
    assert dumps
    for (number,) in dumps:
        mysql.kill_connection(number)


def test_an_initial_snapshot_that_fails_is_told_to_be_aborted(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a",), 3)
    wrong = {
        "snapshot.select.statement.overrides": f"{mysql_database}.a",
        f"snapshot.select.statement.overrides.{mysql_database}.a": "SELECT nothing FROM a",
    }
    for locking in ("minimal", "watermark"):
        bench = Bench(mysql, kafka, apicurio, mysql_database, snapshot__locking__mode=locking)
        task = ConnectorTask(replace(bench.spec, config=bench.parse(wrong)), None, bench.told.append)
        task.start()
        deadline = time.monotonic() + 90
        while not any(one.type == "ABORTED" for one in bench.told):
            assert time.monotonic() < deadline, (locking, task.state.cause, bench.told)
            time.sleep(0.1)
        task.request_stop()
        assert task.join(90)
        assert bench.told[0].type == "STARTED"
