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


class Bench:
    """A table with one row, a worker whose connector streams it, and three sessions for XA transactions."""

    def __init__(
        self, flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, folder: Path, prefix: str, **more: str
    ) -> None:
        self.source: SqlServer = request.getfixturevalue(flavor)
        self.database = str(request.getfixturevalue(f"{flavor}_database"))
        self._prefix = f"{prefix}{int(time.time())}{flavor}"
        self._bootstrap, self._more = kafka.bootstrap, more
        self.source.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (0)", self.database)
        self.worker = WorkerProcess(folder, kafka.bootstrap, f"g-{self._prefix}")
        self.sessions = [self.source.admin(self.database) for _ in range(3)]

    def __enter__(self) -> Bench:
        return self

    def start(self) -> None:
        """Start the worker and its connector; the snapshot's row is on the topic."""
        self.worker.start().wait_ready()
        config = connector_config(self.source, self.database, self._prefix, **self._more)
        self.worker.rest("POST", "/connectors", {"name": "xa", "config": config})
        self.worker.wait_running("xa")
        self.wait(1)

    def __exit__(self, *_: object) -> None:
        for session in self.sessions:
            session.close()
        self.worker.stop()

    def insert(self, key: int) -> None:
        """A row without XA."""
        self.source.execute(f"INSERT INTO t VALUES ({key})", self.database)

    def ids(self) -> list[int]:
        """The ids on the table's topic, in order."""
        decoder = AvroDecoder(self.worker.registry_url)
        with TopicReader(self._bootstrap) as reader:
            found = changes(reader.read_new([f"{self._prefix}.{self.database}.t"]), decoder)
        return [value["after"]["id"] for _, _, value in found if value is not None]

    def wait(self, count: int) -> list[int]:
        """The ids, once there are so many."""
        self.worker.until(lambda: len(self.ids()) >= count, 180, f"{count} records")
        return self.ids()


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_kills_between_prepare_and_decision(
    flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, tmp_path: Path
) -> None:
    with Bench(flavor, request, kafka, tmp_path, "xa") as bench:
        bench.start()
        worker, sessions = bench.worker, bench.sessions
        prepare(sessions[0], "kept", "INSERT INTO t VALUES (1), (2)")
        prepare(sessions[1], "undone", "INSERT INTO t VALUES (3)")
        bench.insert(10)
        assert bench.wait(2) == [0, 10]
        worker.kill()
        bench.insert(11)
        prepare(sessions[2], "down", "INSERT INTO t VALUES (4)")
        worker.start().wait_ready()
        assert bench.wait(3) == [0, 10, 11], "the offset went past the PREPAREs, their rows stay hidden"
        worker.kill()
        run(sessions[0], "XA COMMIT 'kept'")
        bench.insert(12)
        worker.start().wait_ready()
        assert bench.wait(6) == [0, 10, 11, 1, 2, 12]
        run(sessions[1], "XA ROLLBACK 'undone'")
        run(sessions[2], "XA COMMIT 'down'")
        worker.kill()
        bench.insert(13)
        worker.start().wait_ready()
        assert bench.wait(8) == [0, 10, 11, 1, 2, 12, 4, 13]
        stored = {row[0] for row in bench.source.query("SELECT id FROM t", bench.database)}
        assert set(bench.ids()) == stored


@pytest.mark.parametrize("flavor", ["mysql", "mariadb"])
def test_kills_while_rows_are_published_at_prepare(
    flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, tmp_path: Path
) -> None:
    """As Debezium has it: each prepared row once, whatever the decision, and no decision makes one come again."""
    with Bench(flavor, request, kafka, tmp_path, "xc", compatibility__mode="debezium") as bench:
        bench.start()
        worker, sessions = bench.worker, bench.sessions
        prepare(sessions[0], "kept", "INSERT INTO t VALUES (1), (2)")
        prepare(sessions[1], "undone", "INSERT INTO t VALUES (3)")
        bench.insert(10)
        assert bench.wait(5) == [0, 1, 2, 3, 10]
        worker.kill()
        prepare(sessions[2], "down", "INSERT INTO t VALUES (4)")
        run(sessions[0], "XA COMMIT 'kept'")
        bench.insert(11)
        worker.start().wait_ready()
        assert bench.wait(7) == [0, 1, 2, 3, 10, 4, 11]
        worker.kill()
        run(sessions[1], "XA ROLLBACK 'undone'")
        run(sessions[2], "XA COMMIT 'down'")
        bench.insert(12)
        worker.start().wait_ready()
        assert bench.wait(8) == [0, 1, 2, 3, 10, 4, 11, 12]
