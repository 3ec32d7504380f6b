"""kill -9 inside a source transaction that is committed in parts: each row once and in order, through every kill."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import pytest

from tests.harness.connectors import connector_config
from tests.harness.slow_link import SlowLink
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.topics import AvroDecoder, TopicReader, changes

pytestmark = [pytest.mark.integration, pytest.mark.crash]

ROWS = 60_000
KILLS = 4
BYTES_PER_S = 200_000
"""What the worker gets of the binlog as long as it is killed: the transaction's 7 MB would take 35 s, and are read from
their beginning by each life, which ends soon behind what the one before had written. So every kill falls inside it."""


class Offsets:
    """The offsets that were stored; looked at without a new consumer each time, for kills are not to come late."""

    def __init__(self, reader: TopicReader, topic: str) -> None:
        self._reader, self._topic = reader, topic
        self._found: list[dict[str, Any]] = []

    def all(self) -> list[dict[str, Any]]:
        self._found += [json.loads(one.value) for one in self._reader.read_new([self._topic]) if one.value]
        return self._found

    def parts(self) -> int:
        return sum("event" in offset for offset in self.all())


@pytest.fixture
def slow_link(mysql: MySqlServer) -> Iterator[SlowLink]:
    with SlowLink(mysql.port, BYTES_PER_S) as link:
        yield link


def test_kills_inside_a_large_transaction(
    mysql: MySqlServer, slow_link: SlowLink, kafka: KafkaBroker, mysql_database: str, tmp_path: Path
) -> None:
    prefix = f"large{int(time.time())}"
    mysql.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200)); CREATE TABLE ready (id INT PRIMARY KEY); "
        "INSERT INTO ready VALUES (1)",
        mysql_database,
    )
    worker = WorkerProcess(tmp_path, kafka.bootstrap, f"g-{prefix}")
    config = connector_config(mysql, mysql_database, prefix, transaction__part__max__bytes="300000")
    config["database.port"] = str(slow_link.port)
    watcher = TopicReader(kafka.bootstrap)
    offsets = Offsets(watcher, f"g-{prefix}-offsets")
    try:
        worker.start().wait_ready()
        worker.rest("POST", "/connectors", {"name": "large", "config": config})
        worker.until(lambda: "snapshot" not in (offsets.all() or [{"snapshot": ""}])[-1], 120, "the snapshot")
        worker.kill()
        mysql.execute(
            "SET SESSION cte_max_recursion_depth = 100000; INSERT INTO t WITH RECURSIVE n (i) AS "
            f"(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) SELECT i, REPEAT('x', 100) FROM n; "
            "INSERT INTO t VALUES (0, 'the end')",
            mysql_database,
        )
        for _ in range(KILLS):
            before = offsets.parts()
            worker.start().until(lambda before=before: offsets.parts() > before, 180, "another part")  # type: ignore[misc]
            worker.kill()
        last = offsets.all()[-1]
        slow_link.bytes_per_s = inf
        worker.start()
        topic, ids = f"{prefix}.{mysql_database}.t", list[int]()
        decoder = AvroDecoder(worker.registry_url)
        with TopicReader(kafka.bootstrap) as reader:

            def at_end() -> bool:
                found = changes(reader.read_new([topic]), decoder)
                ids.extend(value["after"]["id"] for _, _, value in found if value is not None)
                return 0 in ids

            worker.wait_ready()
            worker.until(at_end, 180, "the row behind the large transaction")
        assert ids == [*range(1, ROWS + 1), 0], "each row once, in order"
        worker.until(lambda: "event" not in offsets.all()[-1], 120, "the offset behind the transaction")
        assert "event" in last, "the last kill was inside the transaction"
    finally:
        watcher.close()
        worker.stop()
