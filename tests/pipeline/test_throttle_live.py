"""`streaming.rate.limit` on real streams: the rate is kept, nothing is lost or twice, and a pause is no failure."""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from faust_cdc.binlog import packets
from faust_cdc.pipeline.rate_limiter import CREDIT_S
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask, TaskSnapshot
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.lab.process import wait_until
from tests.oracle.topics import TopicReader
from tests.pipeline.test_fast_stream import NO_DATA, history, records_of, run, shown, start_both_where
from tests.pipeline.test_task import Bench
from tests.pipeline.test_task_edge import wait_until_streaming

pytestmark = pytest.mark.integration

ROWS = 20_000
ROWS_PER_S = 2_000
STALL_MAX_S = 1.5
"""A busy machine may have the stream stand still for so long between noting a row and dating its record."""
ROWS_PER_TRANSACTION = 100
ROW_BYTES = 500
BATCH_ROWS_MAX = 1_000
"""More rows of so many bytes are in no 256 KiB of binlog and the rest of a transaction."""


def write_rows(source: SqlServer, database: str, rows: int, per_transaction: int = ROWS_PER_TRANSACTION) -> None:
    with closing(source.admin(database)) as connection, connection.cursor() as cursor:
        for first in range(0, rows, per_transaction):
            values = ", ".join(f"({key}, REPEAT('x', {ROW_BYTES}))" for key in range(first, first + per_transaction))
            cursor.execute(f"INSERT INTO t VALUES {values}")


def behind(bench: Bench, rows: int, limit: str, *, per_transaction: int = ROWS_PER_TRANSACTION) -> Bench:
    """Let a connector that streams from here on have so many rows to catch up on, under a limit."""
    bench.source.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(600))", bench.database)
    with bench.running() as task:
        wait_until_streaming(task)
    write_rows(bench.source, bench.database, rows, per_transaction)
    return under(bench, limit)


def under(bench: Bench, limit: str) -> Bench:
    bench.spec = replace(bench.spec, config=bench.parse({"streaming.rate.limit": limit}))
    return bench


@contextmanager
def running(bench: Bench) -> Iterator[tuple[ConnectorTask, list[TaskSnapshot]]]:
    """A task, and the states that it was in."""
    states: list[TaskSnapshot] = []
    task = ConnectorTask(bench.spec, states.append)
    task.start()
    try:
        yield task, states
    finally:
        task.request_stop()
        assert task.join(60), "a stop does not wait for the limit"
    assert states[-1].state is TaskState.UNASSIGNED, states[-1].trace


def keys(bench: Bench) -> list[int]:
    """Return the keys of the topic in order, as a reader of committed records sees them."""
    topic = f"{bench.prefix}.{bench.database}.t"
    return [int(key["id"]) for _, key, _ in records_of(bench).get(topic, [])]


def wait_for_records(task: ConnectorTask, count: int, timeout_s: float = 120) -> None:
    wait_until(lambda: task.progress.records >= count, timeout_s=timeout_s, what=f"{count} records")


def wait_until_held(task: ConnectorTask, seconds: float) -> None:
    wait_until(lambda: task.progress.stages.throttled_s >= seconds, timeout_s=120, what="the stream held")


@pytest.mark.parametrize("hot_path", [True, False])
def test_a_backlog_is_read_at_the_rate(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, hot_path: bool
) -> None:
    bench = behind(Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA), ROWS, f"rows={ROWS_PER_S}")
    bench.spec = replace(bench.spec, hot_path=hot_path)
    with running(bench) as (task, states):
        wait_for_records(task, ROWS)
    assert keys(bench) == list(range(ROWS))
    assert [state.degraded for state in states] == [False, False]
    with TopicReader(kafka.bootstrap) as reader:
        made_ms = [record.timestamp_ms for record in reader.read_new([f"{bench.prefix}.{mysql_database}.t"])]
    seconds = (made_ms[-1] - made_ms[0]) / 1000
    assert seconds >= (ROWS - BATCH_ROWS_MAX) / ROWS_PER_S - CREDIT_S - STALL_MAX_S
    for first in range(0, ROWS, 500):
        for last in range(first + 500, ROWS, 500):
            span_s = (made_ms[last] - made_ms[first]) / 1000
            # Bursts are what is read at a time.
            assert last - first <= ROWS_PER_S * (span_s + CREDIT_S + STALL_MAX_S) + 2 * BATCH_ROWS_MAX


def test_a_pause_waits_with_heartbeats_and_is_no_failure(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    options = {**NO_DATA, "heartbeat.interval.ms": "100"}
    bench = behind(Bench(mysql, kafka, apicurio, mysql_database, **options), 1_000, "paused")
    with running(bench) as (task, states):
        wait_until_held(task, 2)
        before = task.progress.kafka_transactions
        wait_until(lambda: task.progress.kafka_transactions > before + 5, timeout_s=60, what="heartbeats")
        assert keys(bench) == []
        assert task.state.state is TaskState.RUNNING
    assert [state.degraded for state in states] == [False, False]
    with running(under(bench, "unlimited")) as (task, _):
        wait_until(lambda: len(keys(bench)) >= 1_000, timeout_s=120, what="all rows")
        assert task.progress.stages.throttled_s == 0
    assert keys(bench) == list(range(1_000))


def test_a_connection_that_does_not_outlive_a_pause_is_no_fault(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The shortest time it is held, for one transaction, is longer than the three heartbeats."""
    caplog.set_level(logging.INFO)
    rows = 3 * ROWS_PER_TRANSACTION
    bench = behind(Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA), rows, "rows=20")
    bench.spec = replace(bench.spec, heartbeat_ms=500)
    with running(bench) as (task, states):
        wait_until_held(task, 0.1)
        dumps = mysql.query("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
        for (number,) in dumps:
            mysql.kill_connection(number)
        assert dumps
        wait_until(lambda: "Connecting again." in caplog.text, timeout_s=60, what="the connection found to be lost")
    assert [(state.degraded, state.retries) for state in states] == [(False, 0)] * 2
    assert "streaming.rate.limit held the stream for" in caplog.text
    with running(under(bench, "unlimited")):
        wait_until(lambda: len(keys(bench)) >= rows, timeout_s=120, what="all rows")
    assert keys(bench) == list(range(rows))


@pytest.mark.parametrize("hot_path", [True, False])
def test_a_transaction_larger_than_the_limit_comes_in_parts(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, hot_path: bool
) -> None:
    """It is held inside, for longer than its Kafka transaction may stay open."""
    rows = 6_000
    bench = Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA)
    bench = behind(bench, rows, "rows=500", per_transaction=rows)
    bench.spec = replace(bench.spec, hot_path=hot_path, producer_config={"transaction.timeout.ms": "10000"})
    with running(bench) as (task, states):
        wait_until(lambda: task.progress.records > 0, timeout_s=60, what="a part")
        assert task.progress.records < rows
        wait_for_records(task, rows)
        assert task.progress.kafka_transactions > 2
    assert [state.retries for state in states] == [0, 0]
    assert keys(bench) == list(range(rows))


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_the_records_are_those_of_a_free_stream(
    flavor: str,
    request: pytest.FixtureRequest,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under a limit the lane gives way to the long one for the end of each transaction, wherever it stands."""
    source: MySqlServer | MariaDbServer = request.getfixturevalue(flavor)
    database: str = request.getfixturevalue(f"{flavor}_database")
    bench = Bench(source, kafka, apicurio, database, **NO_DATA, provide__transaction__metadata="true")
    start_both_where(bench)
    for statements in history(source, random.Random(11)):
        source.execute(statements, database)
    source.execute("CREATE TABLE the_end (x INT); INSERT INTO the_end VALUES (1)", database)
    free_config = bench.spec.config
    under(bench, "rows=400")
    monkeypatch.setattr(packets, "_RECEIVE_BYTES", 3000)
    limited_end = run(bench, hot_path=True, expected=1)
    limited = records_of(bench)
    bench.spec = replace(bench.spec, config=free_config)
    assert json.loads(run(bench, hot_path=False, expected=2)) == json.loads(limited_end)
    both = records_of(bench)
    assert sum(map(len, limited.values())) > 900
    for topic, records in both.items():
        half = len(limited[topic])
        assert [shown(one) for one in records[:half]] == [shown(one) for one in records[half:]], topic


@contextmanager
def writing(source: SqlServer, database: str) -> Iterator[list[int]]:
    """Insert into `u` row by row, each in a transaction, some fifty a second at most; tell the keys."""
    done, written = threading.Event(), list[int]()

    def write() -> None:
        with closing(source.admin(database)) as connection, connection.cursor() as cursor:
            while not done.wait(0.02):
                cursor.execute(f"INSERT INTO u VALUES ({len(written)})")
                written.append(len(written))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        done.set()
        thread.join()


def test_rows_of_a_snapshot_do_not_count(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """They are written where the stream is idle, and at the ends of transactions that it reads."""
    rows, per_s = 20_000, 100
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(600)); CREATE TABLE u (id INT)", mysql_database)
    write_rows(mysql, mysql_database, rows)
    bench = Bench(
        mysql, kafka, apicurio, mysql_database, snapshot__chunk__size="200", snapshot__rate__limit="rows=4000"
    )
    with running(under(bench, f"rows={per_s}")) as (task, _):
        with writing(mysql, mysql_database) as streamed:
            within_s = rows / per_s / 2
            wait_until(lambda: len(keys(bench)) == rows, timeout_s=within_s, what="the snapshot", interval_s=1)
        wait_for_records(task, rows + len(streamed))
        assert task.progress.records == rows + len(streamed)
        assert len(streamed) > 50
        assert task.progress.stages.throttled_s <= len(streamed) / per_s + 1, "as long as what is streamed takes"
    assert keys(bench) == list(range(rows))
