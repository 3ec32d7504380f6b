"""Incremental snapshots by a surrogate key or under a condition while a writer runs, and what cannot be had so."""

from __future__ import annotations

import time

import pytest

from faust_cdc.snapshot.commands import AdditionalCondition, ExecuteSnapshot
from faust_cdc.snapshot.progress import SnapshotKind
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.oracle.invariants import order_faults
from tests.pipeline.test_task import Bench
from tests.snapshot.test_commands_live import Found, bench_of, marks, read_until
from tests.snapshot.test_merged_live import fill, final, stale_rows, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, the_stream_goes_on
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 3_000
RATE = "rows=1500"
"""Of the snapshot in a second: the writer has its time."""
GROUPS = 90
"""Values of the column that is not unique."""


class MovingWriter(RandomWriter):
    """Moves rows along the columns `g` (not unique) and `u` (unique) too, so across chunks by these."""

    def _statement(self) -> str:
        dice, v = self._random, self.operations
        one, other = dice.randrange(self._ids), dice.randrange(self._ids)
        return dice.choice(
            (
                super()._statement(),
                f"INSERT IGNORE INTO t (id, v, g, u) VALUES ({one}, {v}, {dice.randrange(GROUPS)}, {other})",
                f"UPDATE t SET v = {v}, g = {dice.randrange(GROUPS)} WHERE id = {one}",
                f"UPDATE IGNORE t SET v = {v}, u = {other} WHERE id = {one}",
                f"DELETE FROM t WHERE u = {other}",
            )
        )


def create(source: SqlServer, database: str) -> None:
    """Make `t`, each row with a place by its key, by a group and by another unique number."""
    fill(source, database, ("t",), ROWS)
    source.execute(
        "ALTER TABLE t ADD COLUMN g INT NOT NULL DEFAULT 0, ADD COLUMN u INT; "
        f"UPDATE t SET g = id % {GROUPS}, u = {ROWS * 2} - id; "
        "ALTER TABLE t MODIFY u INT NOT NULL DEFAULT -1, ADD KEY (g), ADD UNIQUE KEY (u)",
        database,
    )


def read_by(bench: Bench, command: ExecuteSnapshot, seed: int) -> tuple[Found, dict[int, int]]:
    """Have `t` read under a writer; return all records of the topic, and the table once the stream is level with it."""
    source, database = bench.source, bench.database
    topic = f"{bench.prefix}.{database}.t"
    with bench.running() as task:
        wait_for_the_end(task)
        with MovingWriter(source, database, ["t"], ROWS * 2, seed) as writer:
            before = writer.operations
            assert task.submit(command)
            await_told(bench, "COMPLETED", task)
            during = writer.operations - before
        source.execute("INSERT INTO t (id, v, u) VALUES (1000000, 0, 1000000)", database)
        wanted = dict(source.query("SELECT id, v FROM t", database))
        found = read_until(bench, ("t",), lambda found: final(found, topic).get(1000000) == 0, "the last row")
        assert task.state.retries == 0
    assert during > 50
    assert marks(found)["incremental"] > ROWS // 10, "the writer did not change all rows meanwhile"
    assert not stale_rows(found)
    assert not order_faults(found)
    return found, wanted


@pytest.mark.parametrize("column", ["g", "u"])
@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_a_surrogate_key(
    flavor: str, column: str, request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    source: MySqlServer | MariaDbServer = request.getfixturevalue(flavor)
    database: str = request.getfixturevalue(f"{flavor}_database")
    config = {"snapshot__mode": "no_data", "snapshot__chunk__size": "100", "snapshot__max__threads": "3"}
    config |= {"snapshot__locking__mode": "watermark", "snapshot__rate__limit": RATE}
    bench = Bench(source, kafka, apicurio, database, **config)
    create(source, database)
    command = ExecuteSnapshot("s-1", (f"{database}.t",), surrogate_key=column)
    found, wanted = read_by(bench, command, 5)
    assert final(found, f"{bench.prefix}.{database}.t") == wanted


def test_a_condition(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str) -> None:
    """By a column that the writer changes: a row is there that meets it in the end, or went by, and no other."""
    config = {"snapshot__mode": "no_data", "snapshot__chunk__size": "100", "snapshot__rate__limit": RATE}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **config)
    create(mysql, mysql_database)
    table = f"{mysql_database}.t"
    command = ExecuteSnapshot("s-1", (table,), conditions=(AdditionalCondition(table, "v < -1000 OR v % 3 = 1"),))
    found, wanted = read_by(bench, command, 6)
    state = final(found, f"{bench.prefix}.{table}")
    read = [value["after"] for _, _, value in found if value and value["op"] == "r"]
    assert all(row["v"] < -1000 or (row["v"] > 0 and row["v"] % 3 == 1) for row in read)
    assert state.items() <= wanted.items()
    left_out = wanted.keys() - state.keys()
    assert left_out, "the condition leaves rows out"
    assert all(-1000 <= wanted[one] <= 0 for one in left_out), "rows that nobody changed"


def test_a_table_whose_records_have_no_key(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """Its rows would be taken for overtaken by any change of the table, as all have one key: none."""
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", snapshot__chunk__size="100")
    create(mysql, mysql_database)
    mysql.execute("ALTER TABLE t DROP PRIMARY KEY, DROP KEY u", mysql_database)
    with bench.running() as task, MovingWriter(mysql, mysql_database, ["t"], ROWS * 2, 7, 0.005):
        wait_for_the_end(task)
        for number, surrogate in enumerate(("g", None)):
            task.submit(ExecuteSnapshot(f"s-{number}", (f"{mysql_database}.t",), surrogate_key=surrogate))
            ended = await_told(bench, "TABLE_SCAN_COMPLETED", task, number + 1)[-1]
            assert (ended.id, ended.additional_data["status"]) == (f"s-{number}", "NO_PRIMARY_KEY")
        fill(mysql, mysql_database, ("other",), 1)
        the_stream_goes_on(bench, "other", 1001)
        assert task.state.retries == 0


@pytest.mark.parametrize(
    ("surrogate", "problem"), [("nothing", "has no column 'nothing'"), ("v", "no index"), ("w", "must be NOT NULL")]
)
def test_a_surrogate_key_that_is_none(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    surrogate: str,
    problem: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    fill(mysql, mysql_database, ("a",), 10)
    mysql.execute("ALTER TABLE a ADD COLUMN w INT, ADD KEY (w)", mysql_database)
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.a",), surrogate_key=surrogate))
        (ended,) = await_told(bench, "TABLE_SCAN_COMPLETED", task)
        await_told(bench, "COMPLETED", task)
        the_stream_goes_on(bench, "a", 1001)
    assert ended.additional_data["status"] == "NO_PRIMARY_KEY"
    assert ended.additional_data["scanned_collection"] == f"{mysql_database}.a"
    assert any(problem in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("has_key", [True, False])
def test_a_statement_for_a_blocking_snapshot(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, has_key: bool
) -> None:
    """Debezium takes the filter of a blocking snapshot as a whole SELECT."""
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", snapshot__chunk__size="10")
    fill(mysql, mysql_database, ("a",), 50)
    if not has_key:
        mysql.execute("ALTER TABLE a DROP PRIMARY KEY", mysql_database)
    table = f"{mysql_database}.a"
    statements = {
        "SELECT * FROM {} WHERE id <= 25 AND id % 2 = 0 -- even": "SUCCEEDED",
        "SELECT * FROM {} WHERE nothing = 1": "SQL_EXCEPTION",
        "SELECT v FROM {}": "SQL_EXCEPTION",
    }
    with bench.running() as task:
        wait_for_the_end(task)
        for number, (statement, status) in enumerate(statements.items(), 1):
            condition = AdditionalCondition(table, statement.format(table))
            task.submit(ExecuteSnapshot(f"b-{number}", (table,), SnapshotKind.BLOCKING, (condition,)))
            deadline = time.monotonic() + 90
            while len(ended := [one for one in bench.told if one.type == "TABLE_SCAN_COMPLETED"]) < number:
                assert time.monotonic() < deadline, [str(one) for one in bench.told]
                time.sleep(0.1)
            assert ended[-1].additional_data["status"] == status
        mysql.execute("INSERT INTO a (id, v) VALUES (1001, 5)", mysql_database)
        found = read_until(bench, ("a",), lambda found: any(v and v["op"] == "c" for _, _, v in found), "the stream")
        assert task.state.retries == 0
    read = [value["after"]["id"] for _, _, value in found if value and value["op"] == "r"]
    assert sorted(read) == list(range(0, 26, 2))
