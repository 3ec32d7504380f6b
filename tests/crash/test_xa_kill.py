"""kill -9 between XA PREPARE and its decision, with other transactions in between: nothing lost, nothing twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.harness.connectors import connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, SqlServer
from tests.oracle.topics import AvroDecoder, TopicReader, changes

pytestmark = [pytest.mark.integration, pytest.mark.crash]


def run(session: Any, *statements: str) -> None:
    with session.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def prepare(session: Any, name: str, *statements: str) -> None:
    run(session, f"XA START '{name}'", *statements, f"XA END '{name}'", f"XA PREPARE '{name}'")


class Topic:
    """The ids on the table's topic, in order."""

    def __init__(self, kafka: KafkaBroker, worker: WorkerProcess, topic: str) -> None:
        self._bootstrap, self._worker, self._topic = kafka.bootstrap, worker, topic
        self._decoder = AvroDecoder(worker.registry_url)

    def ids(self) -> list[int]:
        with TopicReader(self._bootstrap) as reader:
            found = changes(reader.read_new([self._topic]), self._decoder)
        return [value["after"]["id"] for _, _, value in found if value is not None]

    def wait(self, count: int) -> list[int]:
        self._worker.until(lambda: len(self.ids()) >= count, 40, f"{count} records")
        return self.ids()


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_kills_between_prepare_and_decision(
    flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, tmp_path: Path
) -> None:
    source: SqlServer = request.getfixturevalue(flavor)
    database = str(request.getfixturevalue(f"{flavor}_database"))
    prefix = f"xa{int(time.time())}{flavor}"
    source.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (0)", database)
    worker = WorkerProcess(tmp_path, kafka.bootstrap, f"g-{prefix}")
    topic = Topic(kafka, worker, f"{prefix}.{database}.t")
    sessions = [source.admin(database) for _ in range(3)]
    try:
        worker.start().wait_ready()
        worker.rest("POST", "/connectors", {"name": "xa", "config": connector_config(source, database, prefix)})
        worker.wait_running("xa")
        topic.wait(1)
        prepare(sessions[0], "kept", "INSERT INTO t VALUES (1), (2)")
        prepare(sessions[1], "undone", "INSERT INTO t VALUES (3)")
        source.execute("INSERT INTO t VALUES (10)", database)
        assert topic.wait(2) == [0, 10]
        worker.kill()
        source.execute("INSERT INTO t VALUES (11)", database)
        prepare(sessions[2], "down", "INSERT INTO t VALUES (4)")
        worker.start().wait_ready()
        assert topic.wait(3) == [0, 10, 11], "the offset went past the PREPAREs, their rows stay hidden"
        worker.kill()
        run(sessions[0], "XA COMMIT 'kept'")
        source.execute("INSERT INTO t VALUES (12)", database)
        worker.start().wait_ready()
        assert topic.wait(6) == [0, 10, 11, 1, 2, 12]
        run(sessions[1], "XA ROLLBACK 'undone'")
        run(sessions[2], "XA COMMIT 'down'")
        worker.kill()
        source.execute("INSERT INTO t VALUES (13)", database)
        worker.start().wait_ready()
        assert topic.wait(8) == [0, 10, 11, 1, 2, 12, 4, 13]
        stored = {row[0] for row in source.query("SELECT id FROM t", database)}
        assert set(topic.ids()) == stored
    finally:
        for session in sessions:
            session.close()
        worker.stop()


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_kills_while_rows_are_published_at_prepare(
    flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, tmp_path: Path
) -> None:
    """As Debezium has it: each prepared row once, whatever the decision, and no decision makes one come again."""
    source: SqlServer = request.getfixturevalue(flavor)
    database = str(request.getfixturevalue(f"{flavor}_database"))
    prefix = f"xc{int(time.time())}{flavor}"
    source.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (0)", database)
    worker = WorkerProcess(tmp_path, kafka.bootstrap, f"g-{prefix}")
    topic = Topic(kafka, worker, f"{prefix}.{database}.t")
    sessions = [source.admin(database) for _ in range(3)]
    config = connector_config(source, database, prefix, compatibility__mode="debezium")
    try:
        worker.start().wait_ready()
        worker.rest("POST", "/connectors", {"name": "xa", "config": config})
        worker.wait_running("xa")
        topic.wait(1)
        prepare(sessions[0], "kept", "INSERT INTO t VALUES (1), (2)")
        prepare(sessions[1], "undone", "INSERT INTO t VALUES (3)")
        source.execute("INSERT INTO t VALUES (10)", database)
        assert topic.wait(5) == [0, 1, 2, 3, 10]
        worker.kill()
        prepare(sessions[2], "down", "INSERT INTO t VALUES (4)")
        run(sessions[0], "XA COMMIT 'kept'")
        source.execute("INSERT INTO t VALUES (11)", database)
        worker.start().wait_ready()
        assert topic.wait(7) == [0, 1, 2, 3, 10, 4, 11]
        worker.kill()
        run(sessions[1], "XA ROLLBACK 'undone'")
        run(sessions[2], "XA COMMIT 'down'")
        source.execute("INSERT INTO t VALUES (12)", database)
        worker.start().wait_ready()
        assert topic.wait(8) == [0, 1, 2, 3, 10, 4, 11, 12]
    finally:
        for session in sessions:
            session.close()
        worker.stop()
