"""Servers go away and come back: the task stays, nothing is lost, nobody has to help."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.harness.connectors import apicurio_converters, connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import AvroDecoder, TopicReader, changes

pytestmark = pytest.mark.integration


def ids_in(kafka: KafkaBroker, topic: str, decoder: AvroDecoder) -> list[int]:
    with TopicReader(kafka.bootstrap) as reader:
        records = reader.read_new([topic])
    return [value["after"]["id"] for _, _, value in changes(records, decoder) if value is not None]


def wait_for(read: Callable[[], list[int]], expected: list[int], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while (found := read()) != expected:
        assert time.monotonic() < deadline, f"found {found}, expected {expected}"
        time.sleep(0.3)


def create(worker: WorkerProcess, config: dict[str, str]) -> None:
    worker.rest("POST", "/connectors", {"name": "c", "config": config})


@pytest.fixture
def prefix() -> str:
    return f"out{uuid4().hex[:8]}"


def test_a_registry_that_comes_up_later(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path, prefix: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)", mysql_database)
    registry = Apicurio()
    converters = apicurio_converters(registry.registry_url)
    with WorkerProcess(tmp_path, kafka.bootstrap, prefix, properties=converters) as worker:
        worker.wait_ready()
        create(worker, connector_config(mysql, mysql_database, prefix))
        worker.wait_running("c")
        time.sleep(4)
        assert worker.task_state("c") == "RUNNING", "a registry that is away is transient"
        worker.until(lambda: "registry" in worker.log_tail(200).lower(), 60, "the log names the registry")
        with registry:
            decoder = AvroDecoder(registry.ccompat_url)
            wait_for(lambda: ids_in(kafka, f"{prefix}.{mysql_database}.t", decoder), [1, 2], 180)


def test_a_killed_dump_thread_and_a_killed_server(kafka: KafkaBroker, tmp_path: Path, prefix: str) -> None:
    with MySqlServer() as mysql, WorkerProcess(tmp_path, kafka.bootstrap, prefix) as worker:
        mysql.execute("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)")
        worker.wait_ready()
        create(worker, connector_config(mysql, "shop", prefix))
        worker.wait_running("c")
        decoder = AvroDecoder(worker.registry_url)

        def seen() -> list[int]:
            return ids_in(kafka, f"{prefix}.shop.t", decoder)

        wait_for(seen, [1], 180)
        mysql.execute("INSERT INTO shop.t VALUES (2)")
        wait_for(seen, [1, 2], 180)
        dumps: list[tuple[Any, ...]] = mysql.query("SHOW PROCESSLIST")
        for thread in (row[0] for row in dumps if "Binlog Dump" in str(row[4])):
            mysql.kill_connection(thread)
        mysql.execute("INSERT INTO shop.t VALUES (3)")
        began = time.monotonic()
        wait_for(seen, [1, 2, 3], 180)
        print(f"\nreading again {time.monotonic() - began:.1f} s after KILL of the dump thread")
        mysql.kill()
        time.sleep(2)
        assert worker.task_state("c") == "RUNNING", "a server that is away is transient"
        mysql.restart()
        mysql.execute("INSERT INTO shop.t VALUES (4)")
        wait_for(seen, [1, 2, 3, 4], 180)
        assert worker.task_state("c") == "RUNNING"


def test_a_killed_broker(mysql: MySqlServer, mysql_database: str, tmp_path: Path, prefix: str) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY)", mysql_database)
    with KafkaBroker() as kafka, WorkerProcess(tmp_path, kafka.bootstrap, prefix) as worker:
        worker.wait_ready()
        create(worker, connector_config(mysql, mysql_database, prefix))
        worker.wait_running("c")
        mysql.execute("INSERT INTO t VALUES (1)", mysql_database)
        decoder = AvroDecoder(worker.registry_url)

        def seen() -> list[int]:
            return ids_in(kafka, f"{prefix}.{mysql_database}.t", decoder)

        wait_for(seen, [1], 180)
        kafka.kill()
        mysql.execute("INSERT INTO t VALUES (2)", mysql_database)
        time.sleep(3)
        kafka.restart()
        mysql.execute("INSERT INTO t VALUES (3)", mysql_database)
        wait_for(seen, [1, 2, 3], 180)  # 8 s on a free machine, 60 s were seen on a busy one
        worker.wait_running("c")


def test_a_refused_password_fails_with_cause_and_remedy(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path, prefix: str
) -> None:
    """The password is changed under a running connector: its next connection is refused for good."""
    user = f"u{uuid4().hex[:8]}"
    mysql.execute(f"CREATE USER {user} IDENTIFIED BY 'right'; GRANT ALL ON *.* TO {user}")
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY)", mysql_database)
    with WorkerProcess(tmp_path, kafka.bootstrap, prefix) as worker:
        worker.wait_ready()
        create(worker, connector_config(mysql, mysql_database, prefix, database__user=user, database__password="right"))
        worker.wait_running("c")
        time.sleep(2)
        mysql.execute(f"ALTER USER {user} IDENTIFIED BY 'changed'")
        worker.rest("POST", "/connectors/c/restart?includeTasks=true")
        worker.until(lambda: worker.task_state("c") == "FAILED", 120, "FAILED")
        trace = worker.rest("GET", "/connectors/c/status")["tasks"][0]["trace"]
        first = trace.splitlines()[0]
        assert user in first
        assert "Remedy:" in first
        assert "right" not in trace
        assert "right" not in worker.log_file.read_text()
        mysql.execute(f"ALTER USER {user} IDENTIFIED BY 'right'")
        worker.rest("POST", "/connectors/c/restart?includeTasks=true")
        worker.until(lambda: worker.task_state("c") == "RUNNING", 120, "RUNNING again")
    mysql.execute(f"DROP USER {user}")
