"""A table that cannot be read, or not any more as it was begun: an incremental snapshot goes on without it."""

from __future__ import annotations

from collections import Counter

import pytest

from faust_cdc.notifications.notification import Notification
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import ExecuteSnapshot
from faust_cdc.snapshot.progress import TableState
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.pipeline.test_task_edge import failure
from tests.snapshot.holding import Hold
from tests.snapshot.test_commands_live import bench_of, marks, read_until
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, stored_progress, the_stream_goes_on

pytestmark = pytest.mark.integration

ROWS = 2_000
BAD_DATE = (
    "CREATE TABLE bad (id INT PRIMARY KEY, v INT NOT NULL, d DATE); SET SESSION sql_mode = 'ALLOW_INVALID_DATES'; "
    "INSERT INTO bad VALUES (1, 1, '2024-02-31')"
)
BROKEN = {
    "bad": BAD_DATE,
    "broken": "CREATE TABLE broken (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO broken VALUES (1, 1); "
    "ALTER TABLE broken DISCARD TABLESPACE",
}
SAID = {"bad": "day is out of range", "broken": "Tablespace is discarded"}


def ended(bench: Bench, task: ConnectorTask, count: int) -> dict[str, str]:
    """Return the status with which tables ended, once `count` have."""
    found: list[Notification] = await_told(bench, "TABLE_SCAN_COMPLETED", task, count)
    name = "scanned_collection"
    return {one.additional_data[name].split(".")[1]: one.additional_data["status"] for one in found}


def test_an_incremental_snapshot_leaves_it_out(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    fill(mysql, mysql_database, ("a",), 10)
    for statements in BROKEN.values():
        mysql.execute(statements, mysql_database)
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (rf"{mysql_database}\..*",)))
        statuses = ended(bench, task, 3)
        await_told(bench, "COMPLETED", task)
        the_stream_goes_on(bench, "a", 1001)
        assert task.state.retries == 0
    assert statuses == {"a": "SUCCEEDED", "bad": "SQL_EXCEPTION", "broken": "SQL_EXCEPTION"}
    _, tables = stored_progress(bench)
    for table, words in SAID.items():
        one = tables[TableId(mysql_database, table)]
        assert one.state is TableState.SKIPPED
        assert words in one.reason
    with bench.running() as task:
        the_stream_goes_on(bench, "a", 1002)


@pytest.mark.parametrize("table", BROKEN)
def test_an_initial_snapshot_says_what_to_do(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, table: str
) -> None:
    bench = Bench(mysql, kafka, apicurio, mysql_database, snapshot__locking__mode="watermark")
    mysql.execute(BROKEN[table], mysql_database)
    cause = str(failure(bench).cause)
    for words in (f"{mysql_database}.{table}", SAID[table], "Remedy: "):
        assert words in cause


def test_an_index_that_is_renamed_is_followed(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", **SMALL_CHUNKS)
    make_unique(mysql, mysql_database)
    hold = Hold(monkeypatch, 4)
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.a",)))
        found = read_until(bench, ("a",), lambda found: len(found) >= 100, "the first rows")
        mysql.execute("ALTER TABLE a RENAME INDEX u TO other", mysql_database)
        hold.let_go()
        assert ended(bench, task, 1) == {"a": "SUCCEEDED"}
    assert marks(found)["incremental"] == 100, "renamed in the middle"
    with TopicReader(kafka.bootstrap) as reader:
        found = list(changes(reader.read_new([f"{bench.prefix}.{mysql_database}.a"]), bench.decoder))
    assert Counter(key["id"] for _, key, _ in found) == Counter(range(0, ROWS * 2, 2)), "each once: it was gone on with"
    assert "is read from its beginning" not in caplog.text


def test_a_surrogate_key_whose_index_is_dropped(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", **SMALL_CHUNKS)
    make_unique(mysql, mysql_database)
    hold = Hold(monkeypatch, 4)
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.a",), surrogate_key="v"))
        found = read_until(bench, ("a",), lambda found: len(found) >= 100, "the first rows")
        mysql.execute("DROP INDEX s ON a", mysql_database)
        hold.let_go()
        assert ended(bench, task, 1) == {"a": "SKIPPED"}
        the_stream_goes_on(bench, "a", 1_000_001)
    _, tables = stored_progress(bench)
    assert "no index in its order begins with the surrogate key" in tables[TableId(mysql_database, "a")].reason
    assert marks(found)["incremental"] == 100, "dropped in the middle"


SMALL_CHUNKS = {"snapshot__chunk__size": "50"}


def make_unique(mysql: MySqlServer, database: str) -> None:
    """Fill `a`, which has no primary key, but a unique one, and an index by which it can be read."""
    fill(mysql, database, ("a",), ROWS)
    mysql.execute("ALTER TABLE a DROP PRIMARY KEY, ADD UNIQUE INDEX u (id), ADD INDEX s (v)", database)
