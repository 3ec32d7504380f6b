"""A table without a key that is captured from now on, under a writer: each row once, no change lost, and it is told."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from faust_cdc.notifications.notification import INITIAL
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import ExecuteSnapshot, PauseSnapshot, ResumeSnapshot
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer
from tests.oracle.topics import TopicReader
from tests.pipeline.test_task import Bench
from tests.snapshot.test_blocking_live import LAST, PAUSE_S, ROWS, TwinWriter, behind_the_snapshot, read_to_the_last
from tests.snapshot.test_blocking_live import rows_of as rows_of_table
from tests.snapshot.test_commands_live import Found, bench_of, marks, read_until
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, stored_progress, the_stream_goes_on

pytestmark = pytest.mark.integration

SLOW = {"snapshot__chunk__size": "100", "snapshot__rate__limit": "rows=500"}


def fill_keyless(bench: Bench, table: str) -> None:
    fill(bench.source, bench.database, (table,), ROWS)
    bench.source.execute(f"ALTER TABLE {table} DROP PRIMARY KEY", bench.database)


def writer_of(bench: Bench, table: str) -> TwinWriter:
    return TwinWriter(bench.source, bench.database, [table], ROWS * 2, 8, PAUSE_S)


def capture(bench: Bench, tables: str) -> None:
    bench.spec = replace(bench.spec, config=bench.parse({"table.include.list": rf"{bench.database}\.({tables})"}))


def changes_of_all(bench: Bench, table: str) -> Found:
    """End the topic of a table that nobody writes to any more; return all of it."""
    bench.source.execute(f"INSERT INTO {table} (id, v) VALUES ({LAST}, 0)", bench.database)
    with TopicReader(bench.kafka.bootstrap) as reader:
        return read_to_the_last(reader, f"{bench.prefix}.{bench.database}.{table}", bench.decoder)


def all_of(found: Found) -> Counter[tuple[int, int]]:
    """Return the rows that a reader of the topic from its beginning has in the end."""
    state: Counter[tuple[int, int]] = Counter()
    for value in [value for _, _, value in found if value]:
        for image, sign in ((value["before"], -1), (value["after"], 1)):
            if image is not None:
                state[image["id"], image["v"]] += sign
        assert all(count >= 0 for count in state.values()), "a row goes that never came"
    return +state


def judge(bench: Bench, found: Found, table: str, *, is_incremental: bool) -> None:
    after = rows_of_table(bench.source, bench.database, table)
    assert found[0][2]["op"] == "r", "what went by before the copy is in it, and nowhere else"
    assert sum(marks(found).values()) > ROWS // 2
    assert (set(marks(found)) == {"incremental"}) is is_incremental
    assert behind_the_snapshot(found) == after
    assert all_of(found) == after, "each row once"


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_by_other_lists(flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio) -> None:
    """The stream has a backlog of the table's changes when it becomes captured."""
    source: MySqlServer | MariaDbServer = request.getfixturevalue(flavor)
    database: str = request.getfixturevalue(f"{flavor}_database")
    bench = bench_of(source, kafka, apicurio, database, table__include__list=rf"{database}\.a")
    fill(source, database, ("a",), 10)
    fill_keyless(bench, "k")
    with writer_of(bench, "k") as writer:
        with bench.running() as task:
            wait_for_the_end(task)
        operations = writer.operations
        capture(bench, "a|k")
        while writer.operations < operations + 100:
            assert writer.error is None
            time.sleep(0.01)
        with bench.running() as task:
            (completed,) = await_told(bench, "COMPLETED", task)
            (scanned,) = await_told(bench, "TABLE_SCAN_COMPLETED", task)
            operations = writer.operations
            while writer.operations < operations + 100:
                assert writer.error is None
                time.sleep(0.01)
            writer.stop()
            found = changes_of_all(bench, "k")
    assert completed.id.startswith("new-tables-")
    assert scanned.additional_data["scanned_collection"] == f"{database}.k"
    assert scanned.additional_data["status"] == "SUCCEEDED"
    judge(bench, found, "k", is_incremental=True)
    assert any(value and value["op"] == "d" for _, _, value in found), "deletes behind the copy"
    with bench.running() as task:
        task.submit(ExecuteSnapshot("s-1", (f"{database}.k",)))
        (unread,) = [one for one in await_told(bench, "TABLE_SCAN_COMPLETED", task, 2) if one.id == "s-1"]
        assert unread.additional_data["status"] == "NO_PRIMARY_KEY", "a signal cannot have it read, as with Debezium"


def test_by_another_name(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str) -> None:
    listed = {"table__include__list": rf"{mysql_database}\.(a|k)"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **listed)
    fill(mysql, mysql_database, ("a",), 10)
    fill_keyless(bench, "x")
    with bench.running() as task, writer_of(bench, "x") as writer:
        wait_for_the_end(task)
        with writer.held():
            mysql.execute("RENAME TABLE x TO k", mysql_database)
            writer.follow("k")
        (completed,) = await_told(bench, "COMPLETED", task)
        writer.stop()
        found = changes_of_all(bench, "k")
    assert completed.id.startswith("new-tables-")
    judge(bench, found, "k", is_incremental=True)


def test_by_another_name_while_the_initial_snapshot_is_taken(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """It becomes a table of it, through a restart too, also where `snapshot.include.collection.list` leaves it out."""
    listed = {
        "table__include__list": rf"{mysql_database}\.(a|k)",
        "snapshot__include__collection__list": rf"{mysql_database}\.a",
    }
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **SLOW, **listed)
    fill(mysql, mysql_database, ("a",), ROWS)
    fill_keyless(bench, "x")
    with writer_of(bench, "x") as writer:
        with bench.running() as task:
            begun = read_until(bench, ("a",), lambda found: len(found) >= 200, "the first rows")
            with writer.held():
                mysql.execute("RENAME TABLE x TO k", mysql_database)
                writer.follow("k")
            deadline = time.monotonic() + 90
            while TableId(mysql_database, "k") not in stored_progress(bench)[0].tables:
                assert task.state.error is None, task.state.cause
                assert time.monotonic() < deadline
                time.sleep(0.1)
        with bench.running() as task:
            wait_for_the_end(task)
            writer.stop()
            found = changes_of_all(bench, "k")
    assert len(begun) < ROWS, "renamed in the middle"
    judge(bench, found, "k", is_incremental=False)


def test_what_joined_another_snapshot_is_not_read_again_behind_it(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """Changes wait for their table's copy also while the snapshot rests, and through restarts."""
    listed = {"table__include__list": rf"{mysql_database}\.a"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", **SLOW, **listed)
    fill(mysql, mysql_database, ("a",), ROWS)
    fill_keyless(bench, "k")
    with writer_of(bench, "k") as writer:
        with bench.running() as task:
            wait_for_the_end(task)
            task.submit(ExecuteSnapshot("s-1", (rf"{mysql_database}\.a",)))
            task.submit(PauseSnapshot("p"))
            await_told(bench, "PAUSED", task)
        capture(bench, "a|k")
        with bench.running() as task:
            the_stream_goes_on(bench, "a", 100_001)
        with bench.running() as task:
            the_stream_goes_on(bench, "a", 100_003)
            assert stored_progress(bench)[0].tables == tuple(TableId(mysql_database, name) for name in "ak")
            task.submit(ResumeSnapshot("r"))
            (completed,) = await_told(bench, "COMPLETED", task)
            writer.stop()
            found = changes_of_all(bench, "k")
    assert completed.id == "s-1"
    judge(bench, found, "k", is_incremental=True)
    with bench.running() as task:
        the_stream_goes_on(bench, "a", 100_005)
        assert len([one for one in bench.told if one.type == "STARTED"]) == 2, "no_data's own, and that of the signal"


def test_a_table_that_was_left_out_for_a_while_is_read_again(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """What was changed of it meanwhile is nowhere else."""
    listed = {"table__include__list": rf"{mysql_database}\.(a|b)"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **listed)
    fill(mysql, mysql_database, ("a", "b"), 10)
    with bench.running() as task:
        wait_for_the_end(task)
    capture(bench, "a")
    with bench.running() as task:
        mysql.execute("UPDATE b SET v = 7 WHERE id = 4", mysql_database)
        the_stream_goes_on(bench, "a", 101)
    capture(bench, "a|b")
    with bench.running() as task:
        await_told(bench, "COMPLETED", task)
        found = read_until(bench, ("b",), lambda found: len(found) >= 20, "all rows of it again")
    assert [value["after"]["v"] for _, key, value in found if key == {"id": 4}] == [-2, 7]


def test_rows_that_no_read_shows_yet(
    mariadb: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, mariadb_database: str
) -> None:
    """The stream has passed their transaction, which the server holds up in front of its engine: tables look empty."""
    listed = {"table__include__list": rf"{mariadb_database}\.a"}
    bench = bench_of(mariadb, kafka, apicurio, mariadb_database, **listed)
    fill(mariadb, mariadb_database, ("a",), 10)
    mariadb.execute("CREATE TABLE b (id INT PRIMARY KEY, v INT); CREATE TABLE k (id INT, v INT)", mariadb_database)
    with bench.running() as task:
        wait_for_the_end(task)
    three = "BEGIN; INSERT INTO b VALUES (1, 1); INSERT INTO k VALUES (1, 1); INSERT INTO a VALUES (99, 0, 'x'); COMMIT"
    writer = threading.Thread(target=mariadb.execute, args=(three, mariadb_database))
    waiting = {"rpl_semi_sync_master_wait_point": "AFTER_SYNC", "rpl_semi_sync_master_timeout": 600000}
    with mariadb.global_variables(**waiting):
        mariadb.execute("SET GLOBAL rpl_semi_sync_master_enabled = 1")
        writer.start()
        try:
            with bench.running() as task:
                read_until(bench, ("a",), lambda found: {"id": 99} in [key for _, key, _ in found], "what is held up")
            assert mariadb.query("SELECT * FROM b", mariadb_database) == []
            capture(bench, "a|b|k")
            with bench.running() as task:
                await_told(bench, "STARTED", task)
                time.sleep(2)  # in which it would be found that there is nothing to read
                told = [one for one in bench.told if one.aggregate_type != INITIAL]
                assert "TABLE_SCAN_COMPLETED" not in [one.type for one in told]
                mariadb.execute("SET GLOBAL rpl_semi_sync_master_enabled = 0")
                await_told(bench, "COMPLETED", task)
                found = read_until(bench, ("b", "k"), lambda found: len(found) >= 2, "a row of each")
        finally:
            mariadb.execute("SET GLOBAL rpl_semi_sync_master_enabled = 0")
            writer.join(60)
    assert sorted((record.topic[-1], value["op"]) for record, _, value in found) == [("b", "r"), ("k", "r")]
