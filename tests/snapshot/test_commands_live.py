"""Snapshots while the stream goes on: asked for, paused, stopped, and of tables that were not captured before."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.notifications.notification import INITIAL
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import (
    AdditionalCondition,
    ExecuteSnapshot,
    PauseSnapshot,
    ResumeSnapshot,
    StopSnapshot,
)
from tests.lab import Apicurio, KafkaBroker, MySqlServer, SqlServer
from tests.oracle.topics import RawRecord, TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_merged_live import ROWS, fill, stale_rows, wait_for_the_end

pytestmark = pytest.mark.integration

Found = list[tuple[RawRecord, Any, Any]]


def bench_of(source: SqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, **more: str) -> Bench:
    config = {"snapshot__locking__mode": "watermark", "snapshot__chunk__size": "300", **more}
    return Bench(source, kafka, apicurio, database, **config)


def read_until(bench: Bench, tables: tuple[str, ...], is_enough: Callable[[Found], bool], what: str) -> Found:
    topics = [f"{bench.prefix}.{bench.database}.{table}" for table in tables]
    found: Found = []
    deadline = time.monotonic() + 90
    with TopicReader(bench.kafka.bootstrap) as reader:
        while not is_enough(found):
            found += changes(reader.read_new(topics), bench.decoder)
            assert time.monotonic() < deadline, f"{what}: {len(found)} records"
            time.sleep(0.2)
    return found


def marks(found: Found) -> Counter[str]:
    return Counter(value["source"]["snapshot"] for _, _, value in found if value and value["op"] == "r")


def told(bench: Bench) -> list[str]:
    """Return the types of what was told of snapshots that were asked for."""
    return [one.type for one in list(bench.told) if one.aggregate_type != INITIAL]


def test_a_condition_a_pause_and_a_stop(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    fill(mysql, mysql_database, ("a", "b"))
    hold = Hold(monkeypatch)
    with bench.running() as task:
        wait_for_the_end(task)
        condition = AdditionalCondition(f"{mysql_database}.a", "id < 1000")
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.a",), conditions=(condition,)))
        found = read_until(bench, ("a",), lambda found: marks(found)["incremental"] >= 500, "rows of the condition")
        assert sorted(key["id"] for _, key, _ in found) == list(range(0, 1000, 2))
        hold.after(2)  # a range is half a chunk
        task.submit(ExecuteSnapshot("s-2", (f"{mysql_database}.b",)))
        hold.wait()
        task.submit(PauseSnapshot("s-3"))
        read_until(bench, ("b",), lambda found: len(found) >= 300 and "PAUSED" in told(bench), "paused in the middle")
        hold.let_go()
        time.sleep(2)  # what would be read
        with TopicReader(kafka.bootstrap) as reader:
            assert len(reader.read_new([f"{bench.prefix}.{mysql_database}.b"])) == 300
        task.submit(ResumeSnapshot("s-4"))
        read_until(bench, ("b",), lambda found: marks(found)["incremental"] == ROWS, "all rows after the pause")
        hold.after(1)
        task.submit(ExecuteSnapshot("s-5", (f"{mysql_database}.b",)))
        hold.wait()
        task.submit(StopSnapshot("s-6"))
        read_until(bench, ("b",), lambda _: "ABORTED" in told(bench), "stopped in the middle")
        hold.let_go()
        mysql.execute("INSERT INTO b (id, v) VALUES (1000000, 0)", mysql_database)
        found = read_until(
            bench, ("b",), lambda found: {"id": 1000000} in [key for _, key, _ in found], "the stream behind the stop"
        )
    assert marks(found)["incremental"] < 2 * ROWS


def test_a_table_joins_by_a_changed_list(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a", "b"))
    bench = bench_of(mysql, kafka, apicurio, mysql_database, table__include__list=rf"{mysql_database}\.a")
    with bench.running() as task:
        wait_for_the_end(task)
    both = bench.parse({"table.include.list": rf"{mysql_database}\.(a|b)"})
    bench.spec = replace(bench.spec, config=both)
    mysql.execute("CREATE TABLE c (id INT PRIMARY KEY, v INT); INSERT INTO c VALUES (1, 1)", mysql_database)
    with bench.running() as task:
        found = read_until(bench, ("a", "b"), lambda found: len(found) == 2 * ROWS, "the rows of both")
        mysql.execute("RENAME TABLE c TO a2, b TO c, a2 TO b; UPDATE b SET v = 2", mysql_database)
        renamed = read_until(bench, ("b",), lambda found: [key for _, key, _ in found].count({"id": 1}) >= 1, "c as b")
    assert Counter(record.topic.rsplit(".", 1)[1] for record, _, _ in found) == {"a": ROWS, "b": ROWS}
    assert marks(found)["incremental"] == ROWS
    assert not stale_rows(renamed)


def test_a_table_joins_by_its_own_statement_and_is_signalled_without_it(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a", "b"), 1_000)
    bench = bench_of(mysql, kafka, apicurio, mysql_database, table__include__list=rf"{mysql_database}\.a")
    with bench.running() as task:
        wait_for_the_end(task)
    overrides, table = "snapshot.select.statement.overrides", f"{mysql_database}.b"
    both = {
        "table.include.list": rf"{mysql_database}\.(a|b)",
        overrides: table,
        f"{overrides}.{table}": f"SELECT id, v, t FROM {table} WHERE id < 700;",
    }
    bench.spec = replace(bench.spec, config=bench.parse(both))
    with bench.running() as task:
        read_until(bench, ("b",), lambda _: "COMPLETED" in told(bench), "level")
        mysql.execute("INSERT INTO b (id, v) VALUES (1000001, 0)", mysql_database)
        found = read_until(bench, ("b",), lambda found: {"id": 1000001} in [key for _, key, _ in found], "the stream")
        assert sorted(key["id"] for _, key, value in found if value["op"] == "r") == list(range(0, 700, 2))
        task.submit(ExecuteSnapshot("s-1", (table,)))
        found = read_until(bench, ("b",), lambda found: marks(found)["incremental"] >= 350 + 1001, "all rows")
    assert marks(found)["incremental"] == 350 + 1001


def test_what_was_created_meanwhile_is_not_read_again(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a",))
    bench = bench_of(mysql, kafka, apicurio, mysql_database)
    with bench.running() as task:
        wait_for_the_end(task)
    mysql.execute("CREATE TABLE late (id INT PRIMARY KEY); INSERT INTO late VALUES (1), (2)", mysql_database)

    def settled(task: ConnectorTask) -> Found:
        mysql.execute("INSERT INTO late VALUES (3)", mysql_database)
        return read_until(bench, ("late",), lambda found: {"id": 3} in [key for _, key, _ in found], "row 3")

    with bench.running() as task:
        found = settled(task)
        time.sleep(1)
    assert [value["op"] for _, _, value in found] == ["c", "c", "c"]
