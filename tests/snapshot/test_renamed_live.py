"""Tables that are renamed to other captured names in the midst of an incremental snapshot: each topic gets its table.

The snapshot is held and then paused over the statement, so that the stream is sure to come to it in the midst of the
table.
"""

from __future__ import annotations

from functools import partial

import pytest

from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import ExecuteSnapshot, PauseSnapshot, ResumeSnapshot
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer
from tests.oracle.topics import TopicReader
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_commands_live import Found, bench_of, marks, read_until
from tests.snapshot.test_merged_live import fill, final, stale_rows, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, the_stream_goes_on
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 2_000
BEGUN = 100
CHUNKS_BEFORE = 4
"""Of a table's forty: no more of it is read before the pause, whenever that comes."""
SLOW = {"snapshot__mode": "no_data", "snapshot__chunk__size": "100", "snapshot__rate__limit": "rows=1000"}


def pause_in_the_midst(bench: Bench, task: ConnectorTask, patch: pytest.MonkeyPatch, *tables: str) -> None:
    """Have the tables read, and pause when the first has some of its rows in its topic."""
    hold = Hold(patch, CHUNKS_BEFORE)
    task.submit(ExecuteSnapshot("s-1", tuple(rf"{bench.database}\.{table}" for table in tables)))
    read_until(bench, tables[:1], lambda found: marks(found)["incremental"] >= BEGUN, "the first rows")
    task.submit(PauseSnapshot("p"))
    await_told(bench, "PAUSED", task)
    hold.let_go()


def scans(bench: Bench) -> dict[str, str]:
    """Return how the scan of each table ended, by its name."""
    return {
        one.additional_data["scanned_collection"].rpartition(".")[2]: one.additional_data["status"]
        for one in bench.told
        if one.type == "TABLE_SCAN_COMPLETED"
    }


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_to_a_name_that_no_table_had(
    flavor: str,
    restarts: bool,
    request: pytest.FixtureRequest,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source: MySqlServer | MariaDbServer = request.getfixturevalue(flavor)
    database: str = request.getfixturevalue(f"{flavor}_database")
    bench = bench_of(source, kafka, apicurio, database, **SLOW)
    fill(source, database, ("t1", "other"), ROWS)
    with RandomWriter(source, database, ["t1"], ROWS * 2, 6, 0.005) as writer:
        with bench.running() as task:
            wait_for_the_end(task)
            pause_in_the_midst(bench, task, monkeypatch, "t1")
            with writer.held():
                source.execute("RENAME TABLE t1 TO t2", database)
                writer.follow("t2")
            the_stream_goes_on(bench, "other", 100_001)
            if not restarts:
                resume_to_the_end(bench, task)
        if restarts:
            with bench.running() as task:
                resume_to_the_end(bench, task)
    source.execute("INSERT INTO t2 (id, v) VALUES (1000000, 0)", database)
    wanted = dict(source.query("SELECT id, v FROM t2", database))
    with bench.running() as task:
        topic = f"{bench.prefix}.{database}.t2"
        found = read_until(bench, ("t2",), lambda found: final(found, topic) == wanted, "topic equal to table")
        left = read_until(bench, ("t1",), lambda found: len(found) >= BEGUN, "what was read before")
    assert not stale_rows(found)
    assert BEGUN <= marks(left)["incremental"] < ROWS, "in the midst"
    assert marks(found)["incremental"] > ROWS // 2, "from its beginning"
    gone = "UNKNOWN_SCHEMA" if restarts else "SKIPPED"
    assert scans(bench) == {"t1": gone, "t2": "SUCCEEDED"}


def resume_to_the_end(bench: Bench, task: ConnectorTask) -> None:
    task.submit(ResumeSnapshot("r"))
    (completed,) = await_told(bench, "COMPLETED", task)
    assert completed.id == "s-1", "the rest goes by the new name in the same snapshot"


def test_two_that_change_their_names(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is read in part, the other is to come: both are read from their beginning, by the names they have then."""
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **SLOW)
    fill(mysql, mysql_database, ("t1", "t2", "other"), ROWS)
    mysql.execute("UPDATE t2 SET v = v + 1000000", mysql_database)
    with bench.running() as task:
        wait_for_the_end(task)
        pause_in_the_midst(bench, task, monkeypatch, "t1", "t2")
        with TopicReader(kafka.bootstrap) as reader:
            assert not reader.read_new([f"{bench.prefix}.{mysql_database}.t2"]), "it is to come"
        mysql.execute("RENAME TABLE t1 TO tmp, t2 TO t1, tmp TO t2; UPDATE t2 SET v = 5 WHERE id < 100", mysql_database)
        the_stream_goes_on(bench, "other", 100_001)
        resume_to_the_end(bench, task)
        for table in ("t1", "t2"):
            topic, wanted = f"{bench.prefix}.{mysql_database}.{table}", rows_of(bench, table)
            found = read_until(bench, (table,), partial(is_level, topic, wanted), table)
            behind = found[BEGUN:] if table == "t1" else found
            assert marks(behind)["incremental"] >= ROWS - 50, "all of it but rows that were changed meanwhile"
    assert scans(bench) == {"t1": "SUCCEEDED", "t2": "SUCCEEDED"}


def is_level(topic: str, wanted: dict[int, int], found: Found) -> bool:
    return final(found, topic) == wanted


def rows_of(bench: Bench, table: str) -> dict[int, int]:
    return dict(bench.source.query(f"SELECT id, v FROM {table}", bench.database))
