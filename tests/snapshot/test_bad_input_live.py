"""Signals that name what is not there or may not be read: each is answered by name, and the stream goes on."""

from __future__ import annotations

import json
import time
from uuid import uuid4

import pytest

from faust_cdc.snapshot.commands import ExecuteSnapshot
from faust_cdc.snapshot.progress import SnapshotKind
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer
from tests.pipeline.test_task import Bench
from tests.snapshot.test_commands_live import bench_of, read_until
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, the_stream_goes_on

pytestmark = pytest.mark.integration


def await_completed(bench: Bench, signals: set[str]) -> None:
    deadline = time.monotonic() + 90
    while missing := signals - {one.id for one in list(bench.told) if one.type == "COMPLETED"}:
        assert time.monotonic() < deadline, missing
        time.sleep(0.1)


def test_tables_that_are_not_there(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    fill(mysql, mysql_database, ("a",), 10)
    a, none, wrong = (f"{mysql_database}.{table}" for table in ("a", "none", "b.*"))
    with bench.running() as task:
        wait_for_the_end(task)
        for number, kind in enumerate((SnapshotKind.INCREMENTAL, SnapshotKind.BLOCKING), 1):
            task.submit(ExecuteSnapshot(f"alone-{number}", (none,), kind))
            refused = await_told(bench, "REFUSED", task, number)[-1]
            assert refused.id == f"alone-{number}"
            assert none in refused.additional_data["reason"]
        task.submit(ExecuteSnapshot("beside", (none, a, wrong)))
        await_told(bench, "COMPLETED", task)
        found = read_until(bench, ("a",), lambda found: len(found) >= 10, "the table that is there")
        task.submit(ExecuteSnapshot("blocking", (a, none), SnapshotKind.BLOCKING))
        read_until(bench, ("a",), lambda found: len(found) >= 20, "the table that is there")
        the_stream_goes_on(bench, "a", 1001)
        assert task.state.retries == 0
    assert len(found) == 10
    statuses = {
        one.additional_data["scanned_collection"]: one.additional_data["status"]
        for one in bench.told
        if one.type == "TABLE_SCAN_COMPLETED" and one.id == "beside"
    }
    assert statuses == {none: "UNKNOWN_SCHEMA", wrong: "UNKNOWN_SCHEMA", a: "SUCCEEDED"}
    for signal in ("alone-1", "alone-2", "beside", "blocking"):
        assert any(signal in record.getMessage() and none in record.getMessage() for record in caplog.records), signal


def test_a_signal_table_that_may_not_be_read(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """Its rows name their columns in the binlog, so signals come from it all the same."""
    signals_by_rights(mysql, kafka, apicurio, mysql_database, {"s-1", "s-2", "s-3"})


def test_a_signal_table_that_may_not_be_read_and_whose_rows_do_not_name_their_columns(
    kafka: KafkaBroker, apicurio: Apicurio, caplog: pytest.LogCaptureFixture
) -> None:
    """It is one with the right to it only; the stream does not mind, for no list names the table."""
    with MySqlServer(binlog_row_metadata="MINIMAL") as mysql:
        mysql.create_database("d")
        signals_by_rights(mysql, kafka, apicurio, "d", {"s-2"})
    passed = [one for one in caplog.records if "Rows of d.signals are passed over" in one.getMessage()]
    assert len(passed) >= 2, "s-1 and s-3 are named"


def signals_by_rights(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, taken: set[str]
) -> None:
    """Signal without the right to read the table, with it, and without it again; `taken` of s-1, s-2, s-3 begin."""
    fill(mysql, mysql_database, ("a",), 10)
    mysql.execute(
        "CREATE TABLE signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data TEXT)", mysql_database
    )
    user = f"u{uuid4().hex[:8]}"
    mysql.execute(
        f"CREATE USER {user} IDENTIFIED BY 'p'; GRANT RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {user}; "
        f"GRANT SELECT ON {mysql_database}.a TO {user}"
    )
    signals = {"signal__data__collection": f"{mysql_database}.signals", "signal__enabled__channels": "source"}
    account = {"database__user": user, "database__password": "p", "table__include__list": rf"{mysql_database}\.a"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", **signals, **account)

    def signal(name: str) -> None:
        data = json.dumps({"data-collections": [f"{mysql_database}.a"]})
        mysql.execute(f"INSERT INTO signals VALUES ('{name}', 'execute-snapshot', '{data}')", mysql_database)

    with bench.running() as task:
        wait_for_the_end(task)
        (unusable,) = await_told(bench, "TABLE_UNUSABLE", task)
        assert unusable.additional_data["data_collection"] == f"{mysql_database}.signals"
        assert "may not read it" in unusable.additional_data["reason"]
        signal("s-1")
        the_stream_goes_on(bench, "a", 1001)
        mysql.execute(f"GRANT SELECT ON {mysql_database}.signals TO {user}")
    with bench.running() as task:
        signal("s-2")
        await_completed(bench, {"s-2"})
        mysql.execute(f"REVOKE SELECT ON {mysql_database}.signals FROM {user}")
        the_stream_goes_on(bench, "a", 1002)
    with bench.running() as task:
        await_told(bench, "TABLE_UNUSABLE", task, 2)
        signal("s-3")
        the_stream_goes_on(bench, "a", 1003)
        assert task.state.retries == 0
        await_completed(bench, taken)
    assert {one.id for one in bench.told if one.type == "STARTED" and one.id.startswith("s-")} == taken
    mysql.execute(f"DROP USER {user}")


def test_the_signal_table_is_named_in_another_case(kafka: KafkaBroker, apicurio: Apicurio) -> None:
    """The server takes names in any case, and writes its own into the binlog."""
    with MariaDbServer(extra_args=["--lower-case-table-names=1"]) as server:
        server.create_database("db")
        server.execute("CREATE TABLE Signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32), data TEXT)", "db")
        fill(server, "db", ("a",), 10)
        listed = {"table__include__list": r"db\.a", "signal__data__collection": "DB.Signals"}
        bench = bench_of(server, kafka, apicurio, "db", snapshot__mode="no_data", **listed)
        with bench.running() as task:
            wait_for_the_end(task)
            data = '{"data-collections": ["db.a"]}'
            server.execute(f"INSERT INTO Signals VALUES ('s-1', 'execute-snapshot', '{data}')", "db")
            (completed,) = await_told(bench, "COMPLETED", task)
    assert completed.id == "s-1"
