"""A table without a key that joined and is not copied at once: nothing of it is written until it is, or it is said.

In the end the topic equals the table, each row once, or has nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from faust_cdc.pipeline import coordinator
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import (
    AdditionalCondition,
    ExecuteSnapshot,
    PauseSnapshot,
    ResumeSnapshot,
    SnapshotKind,
    StopSnapshot,
)
from faust_cdc.snapshot.joining import STOPPED
from faust_cdc.snapshot.progress import SnapshotState, TableProgress, TableState
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_blocking_live import rows_of
from tests.snapshot.test_commands_live import bench_of, marks
from tests.snapshot.test_joining_live import all_of, capture, changes_of_all
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, stored_progress, the_stream_goes_on
from tests.snapshot.test_waiting_live import await_stored as await_snapshot

pytestmark = pytest.mark.integration

FEW = 20
SMALL_CHUNKS = {"snapshot__chunk__size": "5"}


def keyless(bench: Bench, table: str, rows: int = FEW) -> None:
    fill(bench.source, bench.database, (table,), rows)
    bench.source.execute(f"ALTER TABLE {table} DROP PRIMARY KEY", bench.database)


def change(bench: Bench, table: str) -> None:
    """Change a table in every way: a row of before, one twice, one that comes and goes."""
    bench.source.execute(
        f"INSERT INTO {table} (id, v) VALUES (7, 7), (7, 7), (9, 9); UPDATE {table} SET v = v + 1 WHERE id IN (2, 7); "
        f"DELETE FROM {table} WHERE id IN (4, 9)",
        bench.database,
    )


def stored(bench: Bench, table: str) -> TableProgress:
    return stored_progress(bench)[1][TableId(bench.database, table)]


def await_stored(bench: Bench, task: ConnectorTask, table: str, holds: Callable[[TableProgress], bool]) -> None:
    """Wait until what is stored of a table is so."""
    deadline = time.monotonic() + 90
    name = TableId(bench.database, table)
    while (found := stored_progress(bench)[1].get(name)) is None or not holds(found):
        assert task.state.error is None, task.state.cause
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def is_behind(one: TableProgress) -> bool:
    return one.state is TableState.BEHIND


def nothing_is_written(bench: Bench, table: str) -> None:
    """Assert that nothing was, though the stream is behind the last change."""
    with TopicReader(bench.kafka.bootstrap) as reader:
        assert not reader.read_new([f"{bench.prefix}.{bench.database}.{table}"])


def is_level(bench: Bench, table: str) -> None:
    found = changes_of_all(bench, table)
    assert marks(found), "copied"
    assert all_of(found) == rows_of(bench.source, bench.database, table), "each row once"


def joined_beside_a_paused_snapshot(bench: Bench, patch: pytest.MonkeyPatch) -> None:
    """Have table k join a snapshot of table a that is paused."""
    fill(bench.source, bench.database, ("a",), FEW)
    keyless(bench, "k")
    hold = Hold(patch, 1)
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (rf"{bench.database}\.a",)))
        task.submit(PauseSnapshot("p-1"))
        await_told(bench, "PAUSED", task)
    hold.let_go()
    capture(bench, "a|k")


@pytest.fixture
def bench(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str) -> Bench:
    listed = {"table__include__list": rf"{mysql_database}\.a"}
    return bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", **listed, **SMALL_CHUNKS)


def test_stopped_by_a_signal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays unwritten, also through a restart, until another signal names it, which may not ask for a part of it."""
    joined_beside_a_paused_snapshot(bench, monkeypatch)
    k = rf"{bench.database}\.k"
    with bench.running() as task:
        await_stored(bench, task, "k", lambda one: one.is_muted)
        change(bench, "k")
        task.submit(StopSnapshot("x-1"))
        await_stored(bench, task, "k", is_behind)
        change(bench, "k")
        the_stream_goes_on(bench, "a", 1001)
    with bench.running() as task:
        change(bench, "k")
        the_stream_goes_on(bench, "a", 1003)
        assert (is_behind(stored(bench, "k")), stored(bench, "k").reason) == (True, STOPPED)
        nothing_is_written(bench, "k")
        task.submit(ExecuteSnapshot("s-2", (k,), conditions=(AdditionalCondition(k, "id < 5"),)))
        (refused,) = [one for one in await_told(bench, "REFUSED", task) if one.id == "s-2"]
        assert "copied whole or not at all" in refused.additional_data["reason"]
        task.submit(ExecuteSnapshot("s-3", (k,)))
        await_stored(bench, task, "k", lambda one: one.state is TableState.COMPLETED)
        is_level(bench, "k")
    assert not stored(bench, "k").is_muted


@pytest.mark.parametrize("in_parts", [False, True])
def test_a_row_cannot_be_read(bench: Bench, in_parts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of its rows is written, and its changes are not; mended, it is copied at the next start.

    When a part of the copy is in its topic by then, it is not copied beside it, and that is said.
    """
    if in_parts:
        monkeypatch.setattr(coordinator, "SNAPSHOT_PART_AFTER", 0.0)
    fill(bench.source, bench.database, ("a",), FEW)
    keyless(bench, "k")
    bench.source.execute(
        "ALTER TABLE k ADD d DATE; SET SESSION sql_mode = 'ALLOW_INVALID_DATES'; "
        "INSERT INTO k (id, v, d) VALUES (1, 1, '2024-02-31')",
        bench.database,
    )
    with bench.running() as task:
        wait_for_the_end(task)
    capture(bench, "a|k")
    with bench.running() as task:
        (ended,) = await_told(bench, "TABLE_SCAN_COMPLETED", task)
        assert ended.additional_data["status"] == "SQL_EXCEPTION"
        change(bench, "k")
        the_stream_goes_on(bench, "a", 1001)
        assert task.state.retries == 0
        assert "day is out of range" in stored(bench, "k").reason
        if not in_parts:
            nothing_is_written(bench, "k")
    bench.source.execute("UPDATE k SET d = NULL", bench.database)
    with bench.running() as task:
        if in_parts:
            await_stored(bench, task, "k", lambda one: "has records already" in one.reason)
            assert is_behind(stored(bench, "k"))
            return
        await_stored(bench, task, "k", lambda one: one.state is TableState.COMPLETED)
        is_level(bench, "k")


@pytest.mark.parametrize("kind", [SnapshotKind.INCREMENTAL, SnapshotKind.BLOCKING])
def test_a_snapshot_waits_that_names_it(bench: Bench, kind: SnapshotKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """That one reads it, once, and nothing of it is written before."""
    fill(bench.source, bench.database, ("a",), FEW)
    keyless(bench, "k")
    hold = Hold(monkeypatch, 1)
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (rf"{bench.database}\.a",), SnapshotKind.BLOCKING))
        task.submit(PauseSnapshot("p-1", SnapshotKind.BLOCKING))
        task.submit(ExecuteSnapshot("s-2", (rf"{bench.database}\.(a|k)",), kind))
        await_snapshot(bench, task, lambda found: [one.id for one in found.waiting] == ["s-2"])
    hold.let_go()
    capture(bench, "a|k")
    with bench.running() as task:
        change(bench, "k")
        the_stream_goes_on(bench, "a", 1001)
        nothing_is_written(bench, "k")
        task.submit(ResumeSnapshot("r-1", SnapshotKind.BLOCKING))
        change(bench, "k")
        await_stored(bench, task, "k", lambda one: one.state is TableState.COMPLETED)
        is_level(bench, "k")
    assert not [one for one in bench.told if one.additional_data.get("status") == "NO_PRIMARY_KEY"]


def test_another_takes_its_place(bench: Bench) -> None:
    """Its topic has the rows of the one before: it is not copied beside them, is named, and its changes go on."""
    fill(bench.source, bench.database, ("a",), FEW)
    keyless(bench, "k")
    keyless(bench, "x")
    capture(bench, "a|k")
    with bench.running() as task:
        wait_for_the_end(task)
        change(bench, "k")
        bench.source.execute("RENAME TABLE k TO old, x TO k", bench.database)
        (ended,) = await_told(bench, "TABLE_SCAN_COMPLETED", task)
        change(bench, "k")
        found = changes_of_all(bench, "k")
        assert task.state.retries == 0
    assert ended.additional_data["scanned_collection"] == f"{bench.database}.k"
    assert ended.additional_data["status"] == "NO_PRIMARY_KEY"
    assert not marks(found)
    # Of each: one statement of an insert of three rows, an update of three, a delete of two. And the last row.
    assert sum(bool(value) for _, _, value in found) == 2 * 8 + 1
    reason = stored(bench, "k").reason
    assert f"{bench.prefix}.{bench.database}.k has records already" in reason
    assert "delete the topic's records" in reason


def test_listed_again(bench: Bench) -> None:
    """What was captured before has its rows in the topic; an equal one that was never captured is copied."""
    fill(bench.source, bench.database, ("a",), FEW)
    keyless(bench, "k")
    keyless(bench, "m")
    bench.spec = replace(bench.spec, config=bench.parse({"snapshot.mode": "initial"}))
    capture(bench, "a|k")
    with bench.running() as task:
        wait_for_the_end(task)
        change(bench, "k")
        the_stream_goes_on(bench, "a", 1001)
    capture(bench, "a")
    with bench.running() as task:
        the_stream_goes_on(bench, "a", 1003)
    capture(bench, "a|k|m")
    with bench.running() as task:
        ended = await_told(bench, "TABLE_SCAN_COMPLETED", task, 2)
        status = {one.additional_data["scanned_collection"][-1]: one.additional_data["status"] for one in ended}
        is_level(bench, "m")
    assert status == {"k": "NO_PRIMARY_KEY", "m": "SUCCEEDED"}
    assert "has records already" in stored(bench, "k").reason


def test_listed_again_behind_transforms(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """The topics that are looked at are those that records end in, by a transform that looks at records."""
    classes = "org.apache.kafka.connect.transforms"
    renamed = {
        "transforms": "r",
        "transforms__r__type": f"{classes}.RegexRouter",
        "transforms__r__regex": r"(.*)\.k",
        "transforms__r__replacement": "$1.renamed",
        "transforms__r__predicate": "tombstone",
        "transforms__r__negate": "true",
        "predicates": "tombstone",
        "predicates__tombstone__type": f"{classes}.predicates.RecordIsTombstone",
    }
    listed = {"table__include__list": rf"{mysql_database}\.k"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="initial", **listed, **renamed)
    fill(bench.source, bench.database, ("a",), FEW)
    keyless(bench, "k")
    with bench.running() as task:
        wait_for_the_end(task)
    capture(bench, "a")
    with bench.running() as task:
        the_stream_goes_on(bench, "a", 1001)
    capture(bench, "a|k")
    with bench.running() as task:
        await_stored(bench, task, "k", lambda one: "has records already" in one.reason)
        the_stream_goes_on(bench, "a", 1003)
    topic = f"{bench.prefix}.{bench.database}.renamed"
    assert f"its topic {topic} has records already" in stored(bench, "k").reason
    with TopicReader(bench.kafka.bootstrap) as reader:
        assert len(reader.read_new([topic])) == FEW, "each row once"


def test_gtids_are_lost_and_had_again(kafka: KafkaBroker, apicurio: Apicurio, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was under way is aborted, what joins by another name is refused; the next start with GTIDs reads all."""
    with MySqlServer() as server:
        server.create_database("lost")
        listed = {"table__include__list": r"lost\.a", "snapshot__mode": "no_data"}
        bench = bench_of(server, kafka, apicurio, "lost", **listed, **SMALL_CHUNKS)
        joined_beside_a_paused_snapshot(bench, monkeypatch)
        with bench.running() as task:
            await_stored(bench, task, "k", lambda one: one.is_muted)
        for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"):
            server.execute(f"SET GLOBAL gtid_mode = {mode}")
        capture(bench, "a|k|n|b")
        keyless(bench, "x")
        fill(server, "lost", ("y",), FEW)
        with bench.running() as task:
            await_told(bench, "ABORTED", task)
            change(bench, "k")
            server.execute("RENAME TABLE x TO n, y TO b", "lost")
            refused = await_told(bench, "REFUSED", task, 2)
            assert "GTID" in refused[-1].additional_data["reason"]
            change(bench, "n")
            server.execute("UPDATE b SET v = 5 WHERE id = 2", "lost")
            the_stream_goes_on(bench, "a", 1001)
            nothing_is_written(bench, "k")
            nothing_is_written(bench, "n")
            assert {name for name in "knb" if is_behind(stored(bench, name))} == set("knb")
        for mode in ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"):
            server.execute(f"SET GLOBAL gtid_mode = {mode}")
        with bench.running() as task:
            for name in "knb":
                await_stored(bench, task, name, lambda one: one.state is TableState.COMPLETED)
            for name in "kn":
                is_level(bench, name)
        assert stored_progress(bench)[0].state is SnapshotState.COMPLETED
        assert stored(bench, "b").rows == FEW


def test_it_is_empty_when_an_initial_snapshot_goes_on(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream has passed changes of it by then and did not write them: it is level when its copy is, of nothing."""
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **SMALL_CHUNKS)
    fill(bench.source, bench.database, ("a",), FEW)
    keyless(bench, "k")
    hold = Hold(monkeypatch, 0)
    with bench.running():
        hold.wait()
        change(bench, "k")
        the_stream_goes_on(bench, "a", 101)
    nothing_is_written(bench, "k")
    bench.source.execute("INSERT INTO k (id, v) VALUES (50, 50); DELETE FROM k", bench.database)
    hold.let_go()
    with bench.running() as task:
        wait_for_the_end(task)
        found = changes_of_all(bench, "k")
    assert all_of(found) == rows_of(bench.source, bench.database, "k"), "and no row goes that never came"
