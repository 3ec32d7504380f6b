"""What meets a snapshot under way: a second signal, another table by the name of one that is read, other lists."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest

from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import AdditionalCondition, ExecuteSnapshot, PauseSnapshot, ResumeSnapshot
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.lab.process import wait_until
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_commands_live import bench_of, marks, read_until
from tests.snapshot.test_merged_live import fill, final, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, the_stream_goes_on

pytestmark = pytest.mark.integration

SWAPPED = 2_000
"""Rows of a table that is swapped while it is read, soon after its first rows."""
CHUNKS_BEFORE = 10
"""Of its twenty: with further ones readers wait until it is swapped."""


def test_a_second_signal_for_a_table_that_is_being_read(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same condition and not begun: they share it. Else it is read once more behind the first."""
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", snapshot__chunk__size="100")
    hold = Hold(monkeypatch, 0)
    fill(mysql, mysql_database, ("a", "b"), 1000)
    a, b = f"{mysql_database}.a", f"{mysql_database}.b"
    few = (AdditionalCondition(a, "id < 400"),)
    with bench.running() as task:
        wait_for_the_end(task)
        for command in (
            ExecuteSnapshot("s-1", (a,), conditions=few),
            PauseSnapshot("s-2"),
            ExecuteSnapshot("s-3", (a, b)),
            ExecuteSnapshot("s-4", (a,), conditions=few),
            ResumeSnapshot("s-5"),
        ):
            task.submit(command)
        await_taken(task, 5)
        hold.let_go()
        completed = await_told(bench, "COMPLETED", task, 2)
        found = read_until(bench, ("a", "b"), lambda found: len(found) >= 2_200, "both snapshots")
        hold.after(2)
        task.submit(ExecuteSnapshot("s-6", (b,)))
        more = read_until(bench, ("b",), lambda found: len(found) > 1_000, "the first rows of the third")
        task.submit(ExecuteSnapshot("s-7", (b,)))
        await_taken(task, 7)
        hold.let_go()
        await_told(bench, "COMPLETED", task, 4)
        more = read_until(bench, ("b",), lambda found: len(found) >= 3_000, "the table twice more")
    assert [one.id for one in completed] == ["s-1", "s-3"]
    assert Counter(record.topic.rsplit(".", 1)[1] for record, _, _ in found) == {"a": 1_200, "b": 1_000}
    assert Counter(key["id"] for _, key, _ in more) == {number * 2: 3 for number in range(1000)}


def await_taken(task: ConnectorTask, count: int) -> None:
    """Wait until the task has taken so many commands."""
    wait_until(lambda: task.commands_taken == count, timeout_s=90, what=f"{count} commands taken")


def swap(bench: Bench) -> None:
    bench.source.execute(
        "CREATE TABLE t_new LIKE t; INSERT INTO t_new SELECT id, v + 1000000, t FROM t; "
        "RENAME TABLE t TO t_old, t_new TO t",
        bench.database,
    )


@pytest.mark.parametrize("captured", ["t", "t.*"])
def test_a_table_that_is_swapped_while_it_is_read(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    captured: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {"snapshot__chunk__size": "100"}
    listed = {"table__include__list": rf"{mysql_database}\.{captured}"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", **config, **listed)
    hold = Hold(monkeypatch, CHUNKS_BEFORE)
    fill(mysql, mysql_database, ("t",), SWAPPED)
    topic = f"{bench.prefix}.{mysql_database}.t"
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.t",)))
        begun = read_until(bench, ("t",), lambda found: len(found) >= 300, "the first rows")
        swap(bench)
        hold.let_go()
        await_told(bench, "COMPLETED", task)
        wanted = dict(mysql.query("SELECT id, v FROM t", mysql_database))
        found = read_until(bench, ("t",), lambda found: final(found, topic) == wanted, "the rows of the new table")
    assert len(begun) < SWAPPED, "swapped in the middle"
    assert len(found) < SWAPPED * 2, "read from its beginning, and once"


def test_a_table_that_is_swapped_in_the_initial_snapshot(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"snapshot__chunk__size": "100"}
    hold = Hold(monkeypatch, CHUNKS_BEFORE)
    bench = bench_of(mysql, kafka, apicurio, mysql_database, table__include__list=rf"{mysql_database}\.t", **config)
    fill(mysql, mysql_database, ("t",), SWAPPED)
    topic = f"{bench.prefix}.{mysql_database}.t"
    with bench.running() as task:
        begun = read_until(bench, ("t",), lambda found: len(found) >= 300, "the first rows")
        swap(bench)
        hold.let_go()
        wait_for_the_end(task)
        wanted = dict(mysql.query("SELECT id, v FROM t", mysql_database))
        found = read_until(bench, ("t",), lambda found: final(found, topic) == wanted, "the rows of the new table")
    assert len(begun) < SWAPPED, "swapped in the middle"
    assert marks(found)["incremental"] == 0, "not read once more behind it"


def test_a_table_that_was_swapped_before_a_restart(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it begins again is kept with the place of the stream behind the swap."""
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", snapshot__chunk__size="100")
    hold = Hold(monkeypatch, CHUNKS_BEFORE)
    fill(mysql, mysql_database, ("t", "other"), SWAPPED)
    topic = f"{bench.prefix}.{mysql_database}.t"
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.t",)))
        read_until(bench, ("t",), lambda found: len(found) >= 300, "the first rows")
        task.submit(PauseSnapshot("s-2"))
        await_told(bench, "PAUSED", task)
        swap(bench)
        the_stream_goes_on(bench, "other", 100_001)
    hold.let_go()
    with bench.running() as task:
        task.submit(ResumeSnapshot("s-3"))
        await_told(bench, "COMPLETED", task)
        wanted = dict(mysql.query("SELECT id, v FROM t", mysql_database))
        found = read_until(bench, ("t",), lambda found: final(found, topic) == wanted, "the rows of the new table")
    assert SWAPPED < len(found) < SWAPPED * 2, "read from its beginning, and once"


def test_the_signal_table_is_no_new_one_when_the_lists_change(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute(
        "CREATE TABLE signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data TEXT)", mysql_database
    )
    fill(mysql, mysql_database, ("a", "b"), 10)
    lists = {"table__include__list": rf"{mysql_database}\.a"}
    signals = {"signal__data__collection": f"{mysql_database}.signals", "signal__enabled__channels": "source"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **lists, **signals)
    with bench.running() as task:
        wait_for_the_end(task)
        mysql.execute("""INSERT INTO signals VALUES ('l-1', 'log', '{"message": "here"}')""", mysql_database)
        read_until(bench, ("signals",), lambda found: len(found) == 1, "the signal's own record")
    bench.spec = replace(bench.spec, config=bench.parse({"table.include.list": rf"{mysql_database}\.(a|b)"}))
    with bench.running() as task:
        (started,) = await_told(bench, "STARTED", task)
        await_told(bench, "COMPLETED", task)
        mysql.execute("""INSERT INTO signals VALUES ('l-2', 'log', '{"message": "here"}')""", mysql_database)
        found = read_until(bench, ("signals",), lambda found: len(found) >= 2, "the second signal's own record")
    assert started.additional_data["data_collections"] == f"{mysql_database}.b"
    assert [value["op"] for _, _, value in found] == ["c", "c"]


def test_what_is_shown_of_a_snapshot_whose_source_is_idle(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """Chunks may fill a Kafka transaction each, so that nothing else commits."""
    config = {"snapshot__chunk__size": "20000", "snapshot__rate__limit": "rows=15000"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **config)
    fill(mysql, mysql_database, ("a",), 45_000)
    seen = set[tuple[int, int]]()
    deadline = time.monotonic() + 120
    with bench.running() as task:
        while task.progress.snapshot_rows < 45_000:
            assert time.monotonic() < deadline, seen
            time.sleep(0.02)
            seen.add((task.progress.records // 1000, task.progress.snapshot_rows))
        wait_for_the_end(task)
    assert len({rows for records, rows in seen if records > 0 and 0 < rows < 45_000}) > 1, seen
    deadline = time.monotonic() + 120
    with bench.running() as task:
        while task.progress.snapshot_rows != 45_000:
            assert time.monotonic() < deadline, task.progress
            time.sleep(0.02)
