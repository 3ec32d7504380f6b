"""The copy of a snapshot on the compiled path: same records as cell by cell, whatever the rows and the server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.errors import SourceConnectionLost
from faust_cdc.mysql.connection import connect
from faust_cdc.mysql.prepared_query import NotPrepared, PreparedQuery
from faust_cdc.mysql.snapshot_session import SnapshotOvertaken
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.compiled_rows import Batch, CompiledRows
from faust_cdc.transcode.compiled import is_compiled
from tests.lab import Apicurio, KafkaBroker, MySqlServer, SqlServer
from tests.pipeline.test_task import Bench
from tests.pipeline.test_task_edge import snapshot_session
from tests.transcode.both_paths import address
from tests.transcode.images import SOURCE, columns, table, transcoder

pytestmark = pytest.mark.integration

TABLES = {"a": 3, "b_empty": 0, "c": 1, "d_nokey": 2, "e": 3000}
"""Table → rows."""


def never() -> bool:
    return False


@pytest.fixture(params=["mysql", "mariadb"])
def source(request: pytest.FixtureRequest) -> SqlServer:
    found: SqlServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database(request: pytest.FixtureRequest, source: SqlServer) -> str:
    name = "mariadb_database" if source.name == "mariadb" else "mysql_database"
    found: str = request.getfixturevalue(name)
    return found


def fill(source: SqlServer, database: str) -> None:
    numbers = ", ".join(f"({n}, {n / 7}, 'row {n}', NULL)" for n in range(TABLES["e"]))
    source.execute(
        "CREATE TABLE a (id INT PRIMARY KEY, d DOUBLE, t TEXT, j JSON);"
        """INSERT INTO a VALUES (1, 1.5, 'x', '{"k": [1, 2.50]}'), (2, NULL, NULL, NULL), (3, -0e0, 'é', '[]');"""
        "CREATE TABLE b_empty LIKE a; CREATE TABLE c LIKE a; INSERT INTO c SELECT * FROM a WHERE id = 1;"
        "CREATE TABLE d_nokey (v VARCHAR(9), at TIMESTAMP(3) NULL);"
        "INSERT INTO d_nokey VALUES ('v', NULL), (NULL, NULL);"
        f"CREATE TABLE e LIKE a; INSERT INTO e VALUES {numbers}",
        database,
    )


def copied(bench: Bench) -> dict[str, list[Any]]:
    """The records of all tables, without what differs by run: times and the prefix."""
    found = {}
    with bench.running() as task:
        for name, count in TABLES.items():
            found[name] = [_same_each_run(event) for event in bench.events(name, count, task)] if count else []
    return found


def _same_each_run(event: dict[str, Any]) -> dict[str, Any]:
    times = ("ts_ms", "ts_us", "ts_ns")
    block = {key: value for key, value in event["source"].items() if key not in (*times, "name", "pos", "file")}
    return {key: value for key, value in event.items() if key not in times} | {"source": block}


@pytest.mark.parametrize("mode", ["minimal", "watermark"])
def test_the_copy_is_that_of_the_reference(
    source: SqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, mode: str
) -> None:
    assert is_compiled(), "the hot path is not compiled: run hatch_build.py"
    fill(source, database)
    compiled, reference = (Bench(source, kafka, apicurio, database, snapshot__locking__mode=mode) for _ in range(2))
    reference.spec = replace(reference.spec, hot_path=False)
    found, expected = copied(compiled), copied(reference)
    if mode == "watermark":  # which table is the first and which the last is not said before
        for event in (event for tables in (found, expected) for events in tables.values() for event in events):
            assert event["source"].pop("snapshot") not in (None, "false")
    assert found == expected
    assert {name: len(events) for name, events in found.items()} == TABLES
    if mode == "watermark":
        return
    markers = {name: [event["source"]["snapshot"] for event in events] for name, events in found.items()}
    assert markers["a"] == ["first", "true", "last_in_data_collection"]
    assert markers["c"] == ["last_in_data_collection"]
    assert markers["d_nokey"] == ["first_in_data_collection", "last_in_data_collection"]
    assert markers["e"] == ["first_in_data_collection", *["true"] * (TABLES["e"] - 2), "last"]


def test_without_prepared_statements_the_copy_is_by_cells(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database)
    with mysql.global_variables(max_prepared_stmt_count=0):
        with connect(address(mysql), purpose="a test") as connection, pytest.raises(NotPrepared):
            PreparedQuery(connection, "SELECT 1", lambda _: None, never, 1000).__enter__()
        found = copied(Bench(mysql, kafka, apicurio, mysql_database, snapshot__locking__mode="minimal"))
    assert {name: len(events) for name, events in found.items()} == TABLES


@contextlib.contextmanager
def query(server: SqlServer, sql: str, silence_max_ms: int = 60_000) -> Iterator[PreparedQuery]:
    with (
        connect(address(server), purpose="a test") as connection,
        PreparedQuery(connection, sql, lambda _: None, never, silence_max_ms) as found,
    ):
        yield found


def read_all(rows: PreparedQuery) -> None:
    while rows.next_row() is not None:
        pass


def test_rows_of_many_packets(source: SqlServer) -> None:
    """A row beyond 16 MiB comes in several packets; the ones beside it do not."""
    made = transcoder(table(*columns("int NOT NULL", "longtext"), key=("c0",)))
    captured = CapturedTable(TableId("d", "t"), "p.d.t", made)
    sizes = (1, 16_777_204, 16_777_205, 40_000_000, 16_777_206, 16_777_215, 0)
    selects = " UNION ALL ".join(f"SELECT {n}, REPEAT('x', {size})" for n, size in enumerate(sizes))
    with source.global_variables(max_allowed_packet=67108864), query(source, selects) as found:
        batches = list(CompiledRows(found, captured, 0, lambda: SOURCE))
        assert found.is_complete
    assert all(isinstance(one, Batch) for one in batches)
    records = [record for one in batches if isinstance(one, Batch) for record in one.records]
    assert [value.count(b"x") for _, _, value in records if value is not None] == list(sizes)


def test_a_silent_server_is_given_up(mysql: MySqlServer) -> None:
    with pytest.raises(SourceConnectionLost, match="has sent nothing"), query(mysql, "SELECT SLEEP(40)", 1000) as found:
        found.next_row()


def test_a_refused_query_says_why(source: SqlServer) -> None:
    with pytest.raises(Exception, match="no_such_table"), query(source, "SELECT * FROM mysql.no_such_table"):
        pass
    # An error behind the first rows: the server has sent the columns when it meets it.
    failing = "SELECT IF(n = 2, (SELECT 1 UNION SELECT 2), n) FROM (SELECT 1 n UNION ALL SELECT 2) t"
    with pytest.raises(Exception, match="1242"), query(source, failing) as found:
        read_all(found)


def test_a_query_left_in_the_middle_ends_at_once(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    values = ", ".join(f"({i})" for i in range(1000))
    mysql.execute(f"CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES {values}", mysql_database)
    bench, name = Bench(mysql, kafka, apicurio, mysql_database), f"{mysql_database}.t"
    with snapshot_session(bench) as session:
        with session.prepared(f"SELECT a.id FROM {name} a, {name} b, {name} c", never) as rows:
            assert rows.next_row() is not None
        assert not rows.is_complete
        assert not session.connection.open
    with snapshot_session(bench) as session:
        stops = iter([False] * 6)
        with session.prepared(f"SELECT id FROM {name}", lambda: next(stops, True)) as rows:
            while rows.window() is not None and rows.next_row() is not None:
                pass
        assert not rows.is_complete
        assert not session.connection.open


@pytest.mark.parametrize("ddl", ["DROP TABLE t", "ALTER TABLE t ADD x INT, ALGORITHM=COPY"])
def test_ddl_behind_the_snapshots_back_takes_it_anew(
    source: SqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, ddl: str
) -> None:
    source.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", database)
    with snapshot_session(Bench(source, kafka, apicurio, database)) as session:
        source.execute(ddl, database)
        overtaken = pytest.raises(SnapshotOvertaken, match="changed or dropped")
        with overtaken, session.prepared(f"SELECT * FROM {database}.t", never) as rows:
            read_all(rows)
