"""Snapshots that wait behind another: in order, through a restart, and taken out by a stop."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import ExecuteSnapshot, PauseSnapshot, ResumeSnapshot, SnapshotKind, StopSnapshot
from faust_cdc.snapshot.progress import SnapshotProgress, SnapshotState
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_commands_live import bench_of, read_until
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, stored_progress

pytestmark = pytest.mark.integration

ROWS = 2_000
BLOCKING = SnapshotKind.BLOCKING
SMALL_CHUNKS = {"snapshot__mode": "no_data", "snapshot__chunk__size": "50"}


def await_stored(bench: Bench, task: ConnectorTask, holds: Callable[[SnapshotProgress], bool]) -> SnapshotProgress:
    """Wait until what is stored of the snapshot is so."""
    deadline = time.monotonic() + 90
    while not holds(found := stored_progress(bench)[0]):
        assert task.state.error is None, task.state.cause
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def rows_of(bench: Bench) -> int:
    return sum(one.rows for one in stored_progress(bench)[1].values())


def test_what_waits_is_paused_restarted_stopped_in_part_and_begun_in_order(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **SMALL_CHUNKS)
    hold = Hold(monkeypatch, 2)
    fill(mysql, mysql_database, ("a",), ROWS)
    fill(mysql, mysql_database, ("b", "c", "d"), 10)
    a, b, c, d = (rf"{mysql_database}\.{table}" for table in "abcd")
    with bench.running() as task:
        wait_for_the_end(task)
        for command in (
            ExecuteSnapshot("s-1", (a,), BLOCKING),
            PauseSnapshot("p", BLOCKING),
            ExecuteSnapshot("s-2", (b, c)),
            ExecuteSnapshot("s-3", (b,)),
            ExecuteSnapshot("s-4", (b, d), BLOCKING),
            ExecuteSnapshot("s-5", (d,)),
            ExecuteSnapshot("s-2", (d,)),
        ):
            task.submit(command)
        paused = await_stored(bench, task, lambda found: len(found.waiting) == 4)
        assert [one.id for one in paused.waiting] == ["s-2", "s-3", "s-4", "s-5"], "the second s-2 came before"
        assert (paused.id, paused.state) == ("s-1", SnapshotState.PAUSED)
    hold.let_go()
    with bench.running() as task:
        task.submit(StopSnapshot("s-6", (b,)))
        stopped = await_stored(bench, task, lambda found: found.waiting != paused.waiting)
        assert [(one.id, one.but_not) for one in stopped.waiting] == [("s-2", (b,)), ("s-4", ()), ("s-5", ())]
        (gone,) = [one for one in await_told(bench, "ABORTED", task, 2) if one.id == "s-3"]
        assert "data_collections" not in gone.additional_data
        before = rows_of(bench)
        time.sleep(2)
        assert (stored_progress(bench)[0].state, rows_of(bench)) == (SnapshotState.PAUSED, before)
        assert before < ROWS
        task.submit(ResumeSnapshot("r", BLOCKING))
        await_stored(bench, task, lambda found: found.id == "s-5" and found.state is SnapshotState.COMPLETED)
        assert task.submit(StopSnapshot("s-7"))
        (refused,) = await_told(bench, "REFUSED", task)
        assert refused.additional_data["reason"] == "no incremental snapshot is under way"
        found = read_until(bench, ("a", "b", "c", "d"), lambda found: len(found) >= ROWS + 40, "all rows")
    order: dict[tuple[str, str], int] = {}
    for record, _, value in found:
        is_incremental = value["source"]["snapshot"] == "incremental"
        name = (record.topic[-1], "incremental" if is_incremental else "blocking")
        order[name] = order.get(name, 0) + 1
    assert order == {
        ("a", "blocking"): ROWS,
        ("b", "blocking"): 10,
        ("c", "incremental"): 10,
        ("d", "blocking"): 10,
        ("d", "incremental"): 10,
    }
    begun = [one.id for one in bench.told if one.type == "STARTED" and one.id.startswith("s-")]
    assert begun == ["s-2", "s-5"], "of blocking ones Debezium tells no id"


def test_one_of_tables_that_are_gone_is_told_of_and_the_next_begins(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **SMALL_CHUNKS)
    hold = Hold(monkeypatch, 2)
    fill(mysql, mysql_database, ("a",), ROWS)
    fill(mysql, mysql_database, ("b", "c"), 10)
    with bench.running() as task:
        wait_for_the_end(task)
        for number, table in enumerate("abc", 1):
            task.submit(ExecuteSnapshot(f"s-{number}", (rf"{mysql_database}\.{table}",), BLOCKING))
            if number == 1:
                task.submit(PauseSnapshot("p", BLOCKING))
        await_stored(bench, task, lambda found: [one.id for one in found.waiting] == ["s-2", "s-3"])
        mysql.execute("DROP TABLE b", mysql_database)
        hold.let_go()
        task.submit(ResumeSnapshot("r", BLOCKING))
        last = await_stored(bench, task, lambda found: found.id == "s-3" and found.state is SnapshotState.COMPLETED)
        (refused,) = await_told(bench, "REFUSED", task)
    assert last.waiting == ()
    assert (refused.id, "no captured table is called" in refused.additional_data["reason"]) == ("s-2", True)


def test_initial_only_refuses_what_would_come_behind_it(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its snapshot is taken, after a restart in its midst, and when it has nothing to do any more."""
    hold = Hold(monkeypatch, 2)
    config = SMALL_CHUNKS | {"snapshot__mode": "initial_only"}
    sink = {
        "notification__enabled__channels": "sink",
        "notification__sink__topic__name": f"{mysql_database}-told",
    }
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **config, **sink)
    fill(mysql, mysql_database, ("a",), ROWS)
    a = rf"{mysql_database}\.a"
    with bench.running() as task:
        task.submit(ExecuteSnapshot("s-1", (a,)))
        (refused,) = await_told(bench, "REFUSED", task)
        assert stored_progress(bench)[0].state is SnapshotState.RUNNING, "refused in the midst of it"
    assert (refused.id, "does not stream" in refused.additional_data["reason"]) == ("s-1", True)
    with bench.running() as task:
        task.submit(ExecuteSnapshot("s-2", (a,), BLOCKING))
        await_told(bench, "REFUSED", task, 2)
        hold.let_go()
        last = await_stored(bench, task, lambda found: found.state is SnapshotState.COMPLETED)
        assert last.waiting == ()
        found = read_until(bench, ("a",), lambda found: len(found) == ROWS, "all rows, once")
        task.submit(ExecuteSnapshot("s-3", (a,)))
        await_told(bench, "REFUSED", task, 3)
    offset = bench.stored_offset()
    with bench.running() as task:
        task.submit(ExecuteSnapshot("s-4", (a,)))
        task.submit(PauseSnapshot("s-5"))
        refused_all = await_told(bench, "REFUSED", task, 5)
        deadline = time.monotonic() + 90
        while task.commands_taken < 2:
            assert time.monotonic() < deadline, task.progress
            time.sleep(0.05)
    assert [one.id for one in refused_all] == ["s-1", "s-2", "s-3", "s-4", "s-5"]
    assert bench.stored_offset() == offset
    assert stored_progress(bench)[0] == last
    with TopicReader(kafka.bootstrap) as reader:
        told = [one for _, _, one in changes(reader.read_new([f"{mysql_database}-told"]), bench.decoder)]
    assert [one["id"] for one in told if one["type"] == "REFUSED"] == [one.id for one in refused_all]
    assert len(found) == ROWS


def test_what_a_task_without_an_offset_tells_hides_nothing_in_the_topic(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """Nothing could cover the sink's record: the Kafka transaction that it is in is aborted at once."""
    told = f"{mysql_database}-told"
    config = {
        "snapshot__mode": "configuration_based",
        "notification__enabled__channels": "sink",
        "notification__sink__topic__name": told,
    }
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **config)
    fill(mysql, mysql_database, ("a",), 10)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    with bench.running() as task, TopicReader(kafka.bootstrap) as reader:
        task.submit(ExecuteSnapshot("s-1", (rf"{mysql_database}\.a",)))
        await_told(bench, "REFUSED", task)
        producer.produce(told, b"another's")
        assert producer.flush(60) == 0
        found: list[bytes | None] = []
        deadline = time.monotonic() + 90
        while b"another's" not in found:
            assert task.state.error is None, task.state.cause
            assert time.monotonic() < deadline, found
            found += [record.value for record in reader.read_new([told])]
            time.sleep(0.1)
    assert found == [b"another's"]
