"""The source channel and the notifications of a running task, on both servers, on the lane and on the long way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.notifications.notification import Notification
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask, TaskSnapshot
from faust_cdc.signals.signal import LogMessage, Signal, command_of
from tests.lab import Apicurio, KafkaBroker, MySqlServer, SqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench, images

pytestmark = pytest.mark.integration

TABLES = (
    "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1); "
    "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL); "
    "INSERT INTO sig VALUES ('old', 'log', '{\"message\": \"of yesterday\"}')"
)


class Told:
    """A task with what it tells."""

    def __init__(self, bench: Bench, *, hot_path: bool = True) -> None:
        self.bench = bench
        bench.spec = replace(bench.spec, hot_path=hot_path)
        self.shown: list[Notification] = []

    @contextmanager
    def running(self) -> Iterator[ConnectorTask]:
        states: list[TaskSnapshot] = []
        task = ConnectorTask(self.bench.spec, states.append, self.shown.append)
        task.start()
        try:
            yield task
        finally:
            task.request_stop()
            assert task.join(90), "the task did not stop"
        assert states[-1].state is TaskState.UNASSIGNED, states[-1].trace

    def refused(self) -> list[tuple[str, str]]:
        """Ids and types of the signals that were refused."""
        return [(one.id, one.additional_data["signal_type"]) for one in self.shown if one.type == "REFUSED"]

    def signal(self, identity: str, type_: str, data: str) -> None:
        self.bench.source.execute(f"INSERT INTO sig VALUES ('{identity}', '{type_}', '{data}')", self.bench.database)

    def sink(self) -> list[dict[str, Any]]:
        with TopicReader(self.bench.kafka.bootstrap) as reader:
            found = reader.read_new([f"{self.bench.prefix}-told"])
            assert all(record.headers == () for record in found)
            for record, key, value in changes(found, self.bench.decoder):
                assert key == {"id": value["id"]}, record
            return [value for _, _, value in changes(found, self.bench.decoder)]


def until(condition: Callable[[], bool], task: ConnectorTask, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, task.state
        time.sleep(0.1)


def told(source: SqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, **more: Any) -> Told:
    hot_path = more.pop("hot_path", True)
    options = {"signal__data__collection": f"{database}.sig", **more}
    bench = Bench(source, kafka, apicurio, database, **options)
    sink = {
        "notification.enabled.channels": "sink,log",
        "notification.sink.topic.name": f"{bench.prefix}-told",
    }
    bench.spec = replace(bench.spec, config=bench.parse(sink))
    return Told(bench, hot_path=hot_path)


@pytest.mark.parametrize("hot_path", [True, False], ids=["lane", "long way"])
@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_signals_pass_with_the_stream(
    flavor: str,
    hot_path: bool,
    request: pytest.FixtureRequest,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source: SqlServer = request.getfixturevalue(flavor)
    database: str = request.getfixturevalue(f"{flavor}_database")
    source.execute(TABLES, database)
    # Neither the include list nor the skipped operations keep a signal away, as with Debezium.
    one = told(
        source, kafka, apicurio, database, hot_path=hot_path, table__include__list=f"{database}.t",
        skipped__operations="u",
    )  # fmt: skip
    bench = one.bench
    with caplog.at_level(logging.INFO, "faust_cdc.signals"), one.running() as task:
        bench.events("t", 1, task)
        source.execute("INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)", database)
        one.signal("a", "dance", "{}")
        one.signal("b", "log", '{"message": "we are at {}"}')
        one.signal("w", "snapshot-window-open", '{"openWindowTimestamp": "x"}')
        one.signal("c", "execute-snapshot", '{"data-collections": 5}')
        source.execute("INSERT INTO t VALUES (4); UPDATE sig SET type = 'x'; DELETE FROM sig", database)
        until(lambda: len(one.refused()) >= 2, task)
        assert images(bench.events("t", 4, task))[1:] == [("c", None, {"id": number}) for number in (2, 3, 4)]
        # The signal table's own records are written as any table's; what it held before the start is not read.
        ops = [event.get("op") for event in bench.events("sig", 4 + 5 * 2, task)]
        assert ops == ["c"] * 4 + ["d", None] * 5
        offset = task.progress.offset
    assert one.refused() == [("a", "dance"), ("c", "execute-snapshot")]
    logged = [message for message in caplog.messages if message.startswith("we are at")]
    assert len(logged) == 1
    assert logged[0].startswith("we are at {ts_sec=")
    assert offset is not None
    assert not any("of yesterday" in message for message in caplog.messages)
    # A restart goes on behind the signals: none comes twice.
    one.shown.clear()
    with one.running() as task:
        source.execute("INSERT INTO t VALUES (5)", database)
        bench.events("t", 5, task)
    assert one.refused() == []


def test_signals_of_open_fate_are_refused_and_of_rolled_back_ones_nothing_is_heard(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute(TABLES, mysql_database)
    one = told(mysql, kafka, apicurio, mysql_database)
    with one.running() as task:
        one.bench.events("t", 1, task)
        mysql.execute(
            "XA START 'x'; INSERT INTO sig VALUES ('xa', 'log', '{}'); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'; "
            "BEGIN; INSERT INTO sig VALUES ('before', 'dance', '{}'); SAVEPOINT s; "
            "INSERT INTO sig VALUES ('behind', 'log', '{\"message\": \"m\"}'); COMMIT; "
            "BEGIN; INSERT INTO sig VALUES ('never', 'dance', '{}'); ROLLBACK; "
            "INSERT INTO sig VALUES ('nulls', 'dance', NULL)",
            mysql_database,
        )
        until(lambda: len(one.refused()) >= 4, task)
    assert [identity for identity, _ in one.refused()] == ["xa", "before", "behind", "nulls"]
    reasons = {note.id: note.additional_data["reason"] for note in one.shown if note.type == "REFUSED"}
    assert "a transaction of its own" in reasons["xa"]
    assert "a transaction of its own" in reasons["behind"]
    assert "its type is not known" in reasons["before"]


def test_a_table_that_is_no_signal_table_harms_nothing(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    mysql.execute(
        "CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE sig (id INT PRIMARY KEY, v VARCHAR(5))", mysql_database
    )
    one = told(mysql, kafka, apicurio, mysql_database)
    with one.running() as task:
        until(lambda: task.progress.offset is not None, task)
        mysql.execute("INSERT INTO sig VALUES (1, 'x'); INSERT INTO t VALUES (1)", mysql_database)
        one.bench.events("t", 1, task)
        one.bench.events("sig", 1, task)
    assert any("three columns of text (id, type, data) are expected" in message for message in caplog.messages)
    (unusable,) = [note for note in one.shown if note.type == "TABLE_UNUSABLE"]
    assert unusable.additional_data["data_collection"] == f"{mysql_database}.sig"
    assert "has the columns id, v, expected three" in unusable.additional_data["reason"]


def test_a_signal_table_that_is_made_later_is_told_of_and_then_taken(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY)", mysql_database)
    one = told(mysql, kafka, apicurio, mysql_database)
    with one.running() as task:
        until(lambda: any(note.type == "TABLE_UNUSABLE" for note in one.shown), task)
        until(lambda: task.progress.offset is not None, task)
        mysql.execute(
            "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)",
            mysql_database,
        )
        one.signal("a", "dance", "{}")
        until(lambda: one.refused() == [("a", "dance")], task)
    assert "does not exist" in next(n for n in one.shown if n.type == "TABLE_UNUSABLE").additional_data["reason"]


def test_commands_are_taken_between_transactions_and_told_on_the_sink(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute(TABLES, mysql_database)
    one = told(mysql, kafka, apicurio, mysql_database)
    with one.running() as task:
        one.bench.events("t", 1, task)
        command = command_of(Signal("x", "dance"))
        assert command is not None
        assert task.submit(command) == 1
        assert task.submit(LogMessage("y", "hello")) == 2
        until(lambda: task.commands_taken == 2, task)
        until(lambda: len(one.sink()) >= 5, task)
    with one.running() as task:
        until(lambda: len(one.sink()) >= 6, task)
    told_on_topic = one.sink()
    shown = [note.as_record() for note in one.shown]
    assert told_on_topic == shown
    initial = "Initial Snapshot"
    assert [(note["aggregate_type"], note["type"]) for note in shown] == [
        (initial, "STARTED"),
        (initial, "IN_PROGRESS"),
        (initial, "TABLE_SCAN_COMPLETED"),
        (initial, "COMPLETED"),
        ("Signal", "REFUSED"),
        (initial, "SKIPPED"),
    ]
