"""Signals by every way into a real worker, and the notifications that come out of it."""

from __future__ import annotations

import json
import threading
import urllib.request
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from faust_cdc.kafka.topics import TopicSpec, ensure_topics
from tests.harness.connectors import connector_config
from tests.harness.worker import RestError, WorkerProcess
from tests.lab import KafkaBroker, MySqlServer

pytestmark = pytest.mark.integration

REFUSED = {"type": "set-binlog-position", "data": {"binlog_filename": "x", "binlog_position": 4}}
"""A signal that is well-formed and always refused: its notification shows that it came."""


def refused_ids(worker: WorkerProcess, connector: str) -> list[str]:
    found = worker.rest("GET", f"/connectors/{connector}/notifications")["notifications"]
    return [one["id"] for one in found if one["type"] == "REFUSED"]


def stream_ids(worker: WorkerProcess, connector: str, found: list[str], count: int) -> None:
    """Follow the stream of notifications, from the first on, until `count` came."""
    request = urllib.request.Request(
        f"{worker.url}/connectors/{connector}/notifications/stream", headers={"Last-Event-ID": "0"}
    )
    with urllib.request.urlopen(request, timeout=180) as answer:
        while len(found) < count:
            line = answer.readline().decode()
            if line.startswith("data: "):
                found.append(json.loads(line[6:])["id"])


def test_every_way_in_reaches_the_task(
    tmp_path: Path, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str
) -> None:
    mysql.execute(
        "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)",
        mysql_database,
    )
    name = f"s{uuid4().hex[:8]}"
    file = tmp_path / "signals.txt"
    ensure_topics({"bootstrap.servers": kafka.bootstrap}, [TopicSpec(f"{name}-signal", 1)])
    config: dict[str, Any] = connector_config(
        mysql,
        mysql_database,
        name,
        signal__enabled__channels="source,kafka,file,jmx",
        signal__data__collection=f"{mysql_database}.sig",
        signal__poll__interval__ms="200",
        signal__file=str(file),
    )
    with WorkerProcess(tmp_path / "worker", kafka.bootstrap, f"g{name}") as worker:
        worker.wait_ready()
        worker.rest("POST", "/connectors", {"name": name, "config": config})
        worker.wait_running(name)
        worker.until(lambda: worker.rest("GET", f"/connectors/{name}/offsets")["offsets"], 120, "it streams")
        streamed: list[str] = []
        follower = threading.Thread(target=stream_ids, args=(worker, name, streamed, 5), daemon=True)
        follower.start()

        with pytest.raises(RestError, match="its offset, resume it"):
            worker.rest("POST", f"/connectors/{name}/signals", REFUSED)
        hello = {"id": "rest", "type": "log", "data": {"message": "hello from REST"}}
        assert worker.rest("POST", f"/connectors/{name}/signals", hello) == {"id": "rest"}
        worker.until(lambda: "hello from REST" in worker.log_file.read_text(), 60, "the signal of REST")

        data = json.dumps(REFUSED["data"])
        mysql.execute(f"INSERT INTO sig VALUES ('table', 'set-binlog-position', '{data}')", mysql_database)
        file.write_text(json.dumps({"id": "file", **REFUSED}) + "\n")
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        producer.produce(f"{name}-signal", json.dumps({"id": "topic", **REFUSED}), name)
        producer.produce(f"{name}-signal", json.dumps({"id": "foreign", **REFUSED}), "other")
        assert producer.flush(60) == 0
        ways = ["table", "file", "topic"]
        worker.until(lambda: sorted(refused_ids(worker, name)) == sorted(ways), 120, "all signals")
        worker.until(lambda: file.read_text() == "", 60, "the file is emptied")
        follower.join(120)
        assert sorted(streamed[-3:]) == sorted(ways)

        worker.rest("PUT", f"/connectors/{name}/pause")
        worker.until(lambda: worker.task_state(name) == "PAUSED", 60, "paused")
        with pytest.raises(RestError, match="409"):
            worker.rest("POST", f"/connectors/{name}/signals", hello)
        assert worker.stop() == 0
    with WorkerProcess(tmp_path / "worker", kafka.bootstrap, f"g{name}") as worker:
        worker.wait_ready()
        worker.rest("PUT", f"/connectors/{name}/resume")
        worker.wait_running(name)
        producer.produce(f"{name}-signal", json.dumps({"id": "again", **REFUSED}), name)
        assert producer.flush(60) == 0
        worker.until(lambda: refused_ids(worker, name) == ["again"], 120, "only what came since")
