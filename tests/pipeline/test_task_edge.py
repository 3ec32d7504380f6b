"""One task at the edges of what sources and brokers do: nothing lost, nothing twice, a cause one can act on."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.snapshot_session import SnapshotOvertaken, SnapshotSession
from faust_cdc.offsets import SourcePartition, murmur2_partition
from faust_cdc.pipeline.source_access import SourceAccess
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask, TaskSnapshot
from faust_cdc.relational.model import TableId
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer
from tests.pipeline.test_task import Bench, images

pytestmark = pytest.mark.integration


def wait_until_streaming(task: ConnectorTask, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while task.progress.offset is None or task.progress.offset.snapshot is not None:
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, task.state
        time.sleep(0.05)


def failure(bench: Bench, *statements: str, database: str | None = None) -> TaskSnapshot:
    """Run `statements`, if any, once the task streams; return what it fails with."""
    task = ConnectorTask(bench.spec)
    task.start()
    try:
        if statements:
            wait_until_streaming(task)
        for statement in statements:
            bench.source.execute(statement, database or bench.database)
        deadline = time.monotonic() + 120
        while task.state.state is not TaskState.FAILED:
            assert time.monotonic() < deadline, f"still {task.state}"
            time.sleep(0.05)
        return task.state
    finally:
        task.request_stop()
        assert task.join(90)


@contextmanager
def snapshot_session(bench: Bench) -> Iterator[SnapshotSession]:
    address = SourceAddress.of(bench.spec.config)
    with connect(address, purpose="a test") as connection:
        info = inspect_server(connection)
    with SnapshotSession(address, info, 5) as session:
        session.open([])
        yield session


@pytest.fixture(params=["mysql", "mariadb"])
def bench(request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio) -> Bench:
    source = request.getfixturevalue(request.param)
    return Bench(source, kafka, apicurio, request.getfixturevalue(f"{request.param}_database"))


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("UPDATE t SET v = 2", "(UPDATE …)"),
        ("/*!50000 INSERT */ INTO t VALUES (8, 8)", "INSERT"),
        ("WITH c AS (SELECT 1 AS one) SELECT one FROM c; DELETE FROM t ORDER BY id LIMIT 1", "(DELETE …)"),
    ],
)
def test_a_change_logged_as_a_statement_fails_the_task(bench: Bench, statement: str, shown: str) -> None:
    bench.source.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1)", bench.database)
    state = failure(bench, f"SET SESSION binlog_format = STATEMENT; {statement}")
    assert "expected row images" in str(state.cause)
    assert shown in str(state.cause)
    assert "binlog_format=ROW" in str(state.cause)


def test_dialects_of_a_logged_statement_are_seen_through(
    mysql: MySqlServer,
    mariadb: MariaDbServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    mariadb_database: str,
) -> None:
    """Both were once taken for DDL, and the rows they changed were lost without a word."""
    for source, database, statement in (
        (mysql, mysql_database, "WITH c AS (SELECT 1 AS x) UPDATE t SET v = 2 WHERE id IN (SELECT x FROM c)"),
        (mariadb, mariadb_database, "SET STATEMENT max_statement_time = 60 FOR UPDATE t SET v = 2 WHERE id = 1"),
    ):
        source.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1)", database)
        bench = Bench(source, kafka, apicurio, database)
        state = failure(bench, f"SET SESSION binlog_format = STATEMENT; {statement}")
        assert "expected row images" in str(state.cause)


def test_statements_on_system_tables_are_passed_over(bench: Bench) -> None:
    """Managed servers write their heartbeats so; a task must live with them."""
    source, database = bench.source, bench.database
    source.execute("CREATE TABLE t (id INT PRIMARY KEY)", database)
    source.execute("CREATE TABLE IF NOT EXISTS mysql.rds_heartbeat2 (id INT PRIMARY KEY, value BIGINT)")
    with bench.running() as task:
        wait_until_streaming(task)
        source.execute(
            "SET SESSION binlog_format = STATEMENT; "
            "INSERT INTO mysql.rds_heartbeat2(id, value) values (1, 5) ON DUPLICATE KEY UPDATE value = 6; "
            "SET SESSION binlog_format = ROW; INSERT INTO t VALUES (1)",
            database,
        )
        assert images(bench.events("t", 1, task)) == [("c", None, {"id": 1})]


def test_a_record_too_large_fails_with_a_remedy_and_hides_nothing(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB); CREATE TABLE u (id INT PRIMARY KEY)", mysql_database
    )
    bench = Bench(mysql, kafka, apicurio, mysql_database)
    large = f"BEGIN; INSERT INTO u VALUES (1); INSERT INTO t VALUES (1, 0x{os.urandom(3_000_000).hex()}); COMMIT"
    by_client = failure(bench, large)
    assert "bytes to" in str(by_client.cause)
    bench.spec = replace(bench.spec, producer_config={"message.max.bytes": "10000000"})
    by_broker = failure(bench)
    for state in (by_client, by_broker):
        assert f"{mysql_database}.t" in str(state.cause)
        assert "max.request.size" in str(state.cause)
        assert "max.message.bytes" in str(state.cause)
    # An open transaction would hold the last stable offset back until its timeout of ten minutes.
    partition = TopicPartition(f"{bench.prefix}.{mysql_database}.u", 0)
    deadline = time.monotonic() + 60  # an abort returns before its marker stands in the partition
    while (written := last_offset(kafka, partition, "read_uncommitted")) != last_offset(
        kafka, partition, "read_committed"
    ):
        assert time.monotonic() < deadline, "a transaction is open"
        time.sleep(0.1)
    assert written > 0


def test_a_row_larger_than_the_queue_and_than_a_packet_goes_through(
    mysql: MySqlServer, apicurio: Apicurio, mysql_database: str
) -> None:
    """The queue's limit is below the row: it has room all the same, alone. Its event comes in two packets of 16 MiB."""
    limits = {"message.max.bytes": "30000000", "replica.fetch.max.bytes": "30000000"}
    value = os.urandom(18_000_000)
    with KafkaBroker(properties=limits) as kafka:
        bench = Bench(mysql, kafka, apicurio, mysql_database, max__queue__size__in__bytes="1000000")
        bench.spec = replace(bench.spec, producer_config={"message.max.bytes": "30000000"})
        mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB)", mysql_database)
        with bench.running() as task:
            wait_until_streaming(task)
            mysql.execute(f"INSERT INTO t VALUES (1, 0x{value.hex()}), (2, 'small')", mysql_database)
            large, small = bench.events("t", 2, task)
    assert large["after"] == {"id": 1, "v": value}
    assert small["after"] == {"id": 2, "v": b"small"}


def last_offset(kafka: KafkaBroker, partition: TopicPartition, isolation: str) -> int:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "edge", "isolation.level": isolation})
    try:
        return int(consumer.get_watermark_offsets(partition, timeout=60)[1])
    finally:
        consumer.close()


def test_a_snapshot_left_in_the_middle_ends_at_once(bench: Bench) -> None:
    """PyMySQL reads a result to its end when it is closed; of a large table that is minutes, at a stop too."""
    values = ", ".join(f"({i})" for i in range(1000))
    bench.source.execute(f"CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES {values}", bench.database)
    table = f"{bench.database}.t"
    with snapshot_session(bench) as session:
        rows = session.stream(f"SELECT a.id FROM {table} a, {table} b, {table} c")
        assert len(next(rows)) == 1
        began = time.monotonic()
        del rows
    assert time.monotonic() - began < 30


def test_snapshot_rows_are_held_one_at_a_time(bench: Bench) -> None:
    with snapshot_session(bench) as session:
        tracemalloc.start()
        try:
            rows = session.stream("SELECT REPEAT('x', 1000000) FROM information_schema.columns LIMIT 200")
            assert sum(len(cells[0] or b"") for cells in rows) == 200_000_000
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak_bytes < 60_000_000  # of 200; not all that this process allocates meanwhile is ours


@pytest.mark.parametrize("ddl", ["DROP TABLE t", "TRUNCATE TABLE t", "ALTER TABLE t ADD x INT, ALGORITHM=COPY"])
def test_ddl_behind_the_snapshots_back_takes_it_anew(bench: Bench, ddl: str) -> None:
    bench.source.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", bench.database)
    with snapshot_session(bench) as session:
        bench.source.execute(ddl, bench.database)
        with pytest.raises(SnapshotOvertaken, match="changed or dropped"):
            list(session.stream(f"SELECT * FROM {bench.database}.t"))


@pytest.mark.parametrize("mode", ["watermark", "minimal"])
def test_a_table_made_while_the_snapshot_begins_is_not_lost(
    bench: Bench, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made and filled between the list of tables and the position, it was neither copied nor streamed."""
    bench.spec = replace(bench.spec, config=bench.parse({"snapshot.locking.mode": mode}))
    source, database = bench.source, bench.database
    source.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", database)
    list_tables, calls = SourceAccess.list_tables, []

    def list_then_create(access: SourceAccess) -> list[TableId]:
        found = list_tables(access)
        calls.append(found)
        if len(calls) == 1:
            source.execute("CREATE TABLE late (id INT PRIMARY KEY); INSERT INTO late VALUES (7)", database)
        return found

    monkeypatch.setattr(SourceAccess, "list_tables", list_then_create)
    with bench.running() as task:
        # Under a lock the snapshot is taken anew; the stream that a snapshot is merged into brings the table itself.
        assert images(bench.events("late", 1, task)) == [("r" if mode == "minimal" else "c", None, {"id": 7})]
        assert images(bench.events("t", 1, task)) == [("r", None, {"id": 1})]
        assert (task.state.retries >= 1) == (mode == "minimal")


def test_a_name_that_avro_cannot_take_is_named_with_its_remedy(bench: Bench) -> None:
    state = failure(bench, "CREATE TABLE `odd-name` (id INT PRIMARY KEY); INSERT INTO `odd-name` VALUES (1)")
    assert f"{bench.database}.odd-name" in str(state.cause)
    assert "schema.name.adjustment.mode=avro" in str(state.cause)


def test_an_offset_deleted_by_tombstone_takes_a_new_snapshot(bench: Bench) -> None:
    bench.source.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", bench.database)
    with bench.running() as task:
        bench.events("t", 1, task)
    key = SourcePartition("c", bench.prefix).key()
    producer = Producer({"bootstrap.servers": bench.kafka.bootstrap})
    producer.produce(bench.offsets, None, key, murmur2_partition(key, 5))
    assert producer.flush(60) == 0
    with bench.running() as task:
        assert [op for op, _, _ in images(bench.events("t", 2, task))] == ["r", "r"]


def test_rows_keep_their_transaction_whatever_its_frame(bench: Bench) -> None:
    """CREATE … SELECT, XA, savepoints, MyISAM, a binlog that rotates inside: all rows once, each with its GTID."""
    source, database = bench.source, bench.database
    source.execute("CREATE TABLE t (id INT PRIMARY KEY)", database)
    with bench.running() as task:
        wait_until_streaming(task)
        source.execute("INSERT INTO t VALUES (1); CREATE TABLE copied AS SELECT * FROM t", database)
        source.execute("XA START 'a'; INSERT INTO t VALUES (2); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a'", database)
        source.execute("XA START 'b'; INSERT INTO t VALUES (3); XA END 'b'; XA COMMIT 'b' ONE PHASE", database)
        source.execute(
            "BEGIN; INSERT INTO t VALUES (4); SAVEPOINT s; INSERT INTO t VALUES (5); ROLLBACK TO s; "
            "INSERT INTO t VALUES (6); COMMIT",
            database,
        )
        with source.admin(database) as session, session.cursor() as cursor:
            for statement in ("BEGIN", "INSERT INTO t VALUES (7)"):
                cursor.execute(statement)
            source.execute("FLUSH BINARY LOGS")
            for statement in ("INSERT INTO t VALUES (8)", "COMMIT"):
                cursor.execute(statement)
        source.execute("CREATE TABLE m (id INT) ENGINE=MyISAM; INSERT INTO m VALUES (1)", database)
        events = [*bench.events("t", 7, task), *bench.events("copied", 1, task), *bench.events("m", 1, task)]
        assert [e["after"] for e in events] == [{"id": i} for i in (1, 2, 3, 4, 6, 7, 8, 1, 1)]
        assert all(e["source"]["gtid"] for e in events)  # type: ignore[index]


def test_a_large_transaction_is_whole_or_absent(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT)", mysql_database)
    bench, rows = Bench(mysql, kafka, apicurio, mysql_database), 60_000
    with bench.running() as task:
        wait_until_streaming(task)
        mysql.execute(
            "SET SESSION cte_max_recursion_depth = 1000000; INSERT INTO t "
            f"WITH RECURSIVE c AS (SELECT 1 n UNION ALL SELECT n + 1 FROM c WHERE n < {rows}) SELECT n, n FROM c",
            mysql_database,
        )
        time.sleep(0.3)  # somewhere in the transaction
    assert len(bench.events("t", 0, task)) in (0, rows)
    with bench.running() as task:
        events = bench.events("t", rows, task)
        assert [e["after"]["id"] for e in events] == list(range(1, rows + 1))  # type: ignore[index]


def test_a_task_stops_while_kafka_stands_still(mysql: MySqlServer, apicurio: Apicurio, mysql_database: str) -> None:
    """With its queue full the task waits for Kafka, for minutes when nobody else ends it."""
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB)", mysql_database)
    # A broker that stood still longer than its session fences itself; that is another test's matter.
    with KafkaBroker(properties={"broker.session.timeout.ms": "180000"}) as kafka:
        bench = Bench(mysql, kafka, apicurio, mysql_database)
        bench.spec = replace(bench.spec, producer_queue_max_bytes=1 << 20)
        task = ConnectorTask(bench.spec)
        task.start()
        wait_until_streaming(task)
        mysql.execute("INSERT INTO t VALUES (0, '')", mysql_database)
        bench.events("t", 1, task)
        kafka.pause()
        try:
            inserts = (f"INSERT INTO t VALUES ({i}, REPEAT('x', 500000))" for i in range(1, 11))
            mysql.execute(f"BEGIN; {'; '.join(inserts)}; COMMIT", mysql_database)
            time.sleep(2)
            task.request_stop()
            assert task.join(90), "the task did not stop"
            assert task.state.state is TaskState.UNASSIGNED, task.state.trace
        finally:
            kafka.resume()
        with bench.running() as again:
            assert len(bench.events("t", 11, again)) == 11
