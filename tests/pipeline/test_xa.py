"""XA transactions on real servers: rows appear at XA COMMIT, never after XA ROLLBACK, and survive any restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from faust_cdc.pipeline.held_rows import HeldRows
from faust_cdc.pipeline.prepared import Xid
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.relational.model import TableId
from tests.lab import Apicurio, KafkaBroker, MySqlServer, SqlServer
from tests.pipeline.test_task import Bench
from tests.pipeline.test_task_edge import failure, wait_until_streaming

TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)"


@contextmanager
def prepared(bench: Bench, name: str, *statements: str) -> Iterator[Any]:
    """An XA transaction that is prepared; gives what runs further statements in its session."""
    with bench.source.admin(bench.database) as connection, connection.cursor() as cursor:
        for statement in (f"XA START '{name}'", *statements, f"XA END '{name}'", f"XA PREPARE '{name}'"):
            cursor.execute(statement)
        yield cursor.execute


def ids(bench: Bench, count: int, task: Any) -> list[int]:
    return [(event["after"] or event["before"])["id"] for event in bench.events("t", count, task)]  # type: ignore[index]


def rows(source: SqlServer, database: str) -> list[int]:
    return sorted(int(row[0]) for row in source.query("SELECT id FROM t", database))


@pytest.fixture(params=["mysql", "mariadb"])
def bench(request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio) -> Bench:
    source = request.getfixturevalue(request.param)
    made = Bench(source, kafka, apicurio, request.getfixturevalue(f"{request.param}_database"))
    made.source.execute(TABLE, made.database)
    return made


@pytest.mark.integration
def test_rows_appear_at_commit_and_never_after_rollback(bench: Bench) -> None:
    source, database = bench.source, bench.database
    with bench.running() as task:
        wait_until_streaming(task)
        with (
            prepared(bench, "rolled-back", "INSERT INTO t VALUES (1, 'a'), (2, 'b')") as rolled_back,
            prepared(bench, "kept", "INSERT INTO t VALUES (3, 'c')", "UPDATE t SET v = 'd' WHERE id = 3") as kept,
        ):
            source.execute("INSERT INTO t VALUES (10, 'between')", database)
            assert ids(bench, 1, task) == [10]
            time.sleep(0.5)
            assert ids(bench, 1, task) == [10], "what is prepared is not committed"
            kept("XA COMMIT 'kept'")
            rolled_back("XA ROLLBACK 'rolled-back'")
        source.execute(
            "XA START 'one'; INSERT INTO t VALUES (4, 'e'); XA END 'one'; XA COMMIT 'one' ONE PHASE; "
            "XA START 'nothing'; SELECT * FROM t; XA END 'nothing'; XA PREPARE 'nothing'; XA COMMIT 'nothing'; "
            "XA START 'early'; INSERT INTO t VALUES (5, 'f'); XA END 'early'; XA ROLLBACK 'early'; "
            "INSERT INTO t VALUES (11, 'last')",
            database,
        )
        assert ids(bench, 5, task) == [10, 3, 3, 4, 11]
    assert rows(source, database) == [3, 4, 10, 11]
    events = bench.events("t", 5, task)
    assert [event["op"] for event in events] == ["c", "c", "u", "c", "c"]
    positions = [event["source"]["pos"] for event in events]  # type: ignore[index]
    assert positions[1] < positions[2] < positions[0], "the source block is that of the rows, as in Debezium"


@pytest.mark.integration
def test_a_restart_between_prepare_and_commit_loses_nothing(bench: Bench) -> None:
    restarts(bench)


@pytest.mark.integration
def test_a_restart_by_file_position_loses_nothing(kafka: KafkaBroker, apicurio: Apicurio) -> None:
    with MySqlServer(gtid_mode=False) as source:
        source.create_database("plain")
        source.execute(TABLE, "plain")
        restarts(Bench(source, kafka, apicurio, "plain"))


def restarts(bench: Bench) -> None:
    source, database = bench.source, bench.database
    with (
        prepared(bench, "while-down", "INSERT INTO t VALUES (1, 'a'), (2, 'b')") as while_down,
        prepared(bench, "undone", "INSERT INTO t VALUES (3, 'c')") as undone,
        prepared(bench, "after", "INSERT INTO t VALUES (4, 'd')") as after,
    ):
        # Prepared before the snapshot: it cannot see these rows, and the stream begins behind them.
        source.execute("INSERT INTO t VALUES (10, 'snapshot')", database)
        with bench.running() as task:
            wait_until_streaming(task)
            with prepared(bench, "streamed", "INSERT INTO t VALUES (5, 'e')", "DELETE FROM t WHERE id = 10") as last:
                source.execute("INSERT INTO t VALUES (11, 'between'); FLUSH BINARY LOGS", database)
                assert ids(bench, 2, task) == [10, 11]
                task.request_stop()
                assert task.join(90)
                while_down("XA COMMIT 'while-down'")
                source.execute("INSERT INTO t VALUES (12, 'down')", database)
                with bench.running() as again:
                    assert ids(bench, 5, again) == [10, 11, 1, 2, 12]
                    undone("XA ROLLBACK 'undone'")
                    last("XA COMMIT 'streamed'")
                    after("XA COMMIT 'after'")
                    keys: list[Any] = [
                        event.get("after") or event.get("before") for event in bench.events("t", 9, again)
                    ]
                    assert [dict(key)["id"] if key else None for key in keys][5:] == [5, 10, None, 4], (
                        "delete, tombstone"
                    )
    with bench.running() as third:
        source.execute("INSERT INTO t VALUES (13, 'end')", database)
        assert [event.get("op") for event in bench.events("t", 10, third)][-1] == "c"
        time.sleep(0.5)
        assert len(bench.events("t", 10, third)) == 10, "nothing comes twice"
    assert rows(source, database) == [1, 2, 4, 5, 11, 12, 13]


@pytest.mark.integration
def test_rows_that_the_server_purged_are_missed_by_name(bench: Bench) -> None:
    source = bench.source
    with prepared(bench, "lost", "INSERT INTO t VALUES (1, 'a')") as lost:
        source.purge_binlogs()
        with bench.running() as task:
            wait_until_streaming(task)
        lost("XA COMMIT 'lost'")
    first = failure(bench)
    assert "XA COMMIT X'6c6f7374',X'',1 at " in str(first.cause)
    assert "no binlog file of the server has them" in str(first.cause)
    assert str(failure(bench).cause) == str(first.cause), "a restart does not pass it"


@pytest.mark.integration
def test_a_large_transaction_waits_on_disk(bench: Bench) -> None:
    text = "x" * 700_000
    with bench.running() as task:
        wait_until_streaming(task)
        inserts = [f"INSERT INTO t VALUES ({i}, '{i}{text}')" for i in range(5)]
        with prepared(bench, "large", *inserts) as large:
            large("XA COMMIT 'large'")
        found = bench.events("t", 5, task)
    assert [event["after"] for event in found] == [{"id": i, "v": f"{i}{text}"} for i in range(5)]


def test_kept_rows_come_back_as_they_were_from_memory_and_from_disk() -> None:
    headers = [("a", b"1"), ("b", None)]
    kept = [
        ChangeRecord("t", b"k", b"v" * 50, headers),
        ChangeRecord("t", None, None, [], 3),
        ChangeRecord("ü", b"", b"", headers),
        ChangeRecord("t", b"k", None, headers, table=TableId("größe", "a")),
    ]
    for memory_bytes_max in (10, 1 << 20):
        prepared_rows = HeldRows(memory_bytes_max)
        for record in kept:
            prepared_rows.write(record)
        assert list(prepared_rows.records()) == kept
        mark = prepared_rows.mark()
        prepared_rows.cut(mark)
        prepared_rows.write(kept[0])
        assert prepared_rows.count == len(kept) + 1
        prepared_rows.cut(mark)
        prepared_rows.write(kept[1])
        assert list(prepared_rows.records()) == [*kept, kept[1]]
        prepared_rows.close()


@pytest.mark.parametrize(
    ("statement", "xid"),
    [
        ("XA COMMIT X'61',X'',1", Xid(1, b"a", b"")),
        ("XA ROLLBACK X'6162',X'00ff',-7", Xid(-7, b"ab", b"\x00\xff")),
        ("xa commit X'',X'',0 ONE PHASE", Xid(0, b"", b"")),
    ],
)
def test_an_xid_is_read_from_its_statement(statement: str, xid: Xid) -> None:
    assert Xid.of_statement(statement) == xid
    assert Xid.of_statement(f"XA START {xid}") == xid
