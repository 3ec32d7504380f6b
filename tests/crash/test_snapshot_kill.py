"""kill -9 in the lock-free snapshot, at its named places and at random moments: it goes on, and no row comes twice."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from faust_cdc.failpoints import KILLED
from tests.harness.connectors import connector_config
from tests.harness.slow_link import SlowLink
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.invariants import duplicates, order_faults
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, changes
from tests.snapshot.test_merged_live import fill, final, stale_rows
from tests.snapshot.writers import RandomWriter

pytestmark = [pytest.mark.integration, pytest.mark.crash]

KILLS = int(os.environ.get("FAUST_CDC_KILLS", "12"))
SEED = int(os.environ.get("FAUST_CDC_SEED", "20"))
ROWS = 20_000
PLACES = (
    "snapshot.begin",
    "snapshot.begun",
    "snapshot.window.open",
    "snapshot.chunk.read",
    "snapshot.chunk.due",
    "snapshot.chunk.written",
    "snapshot.progress.written",
    "snapshot.end",
)
BYTES_PER_S = 150_000
"""Of a connection to the source: the snapshot then takes longer than the lives of the worker."""
PAUSE_S = 0.02
"""Between two transactions of the writer: their binlog must fit through such a connection too."""


def offsets_of(kafka: KafkaBroker, topic: str) -> list[dict[str, Any]]:
    with TopicReader(kafka.bootstrap) as reader:
        return [json.loads(record.value) for record in reader.read_new([topic]) if record.value]


def is_over(kafka: KafkaBroker, topic: str) -> bool:
    offsets = offsets_of(kafka, topic)
    return bool(offsets) and "snapshot" not in offsets[-1]


def test_a_snapshot_goes_on_where_it_was(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rnd = random.Random(SEED)
    prefix = f"snap{rnd.randrange(10**6)}{int(time.time())}"
    fill(mysql, mysql_database, ("a", "b"), ROWS)
    group, topics = f"g-{prefix}", [f"{prefix}.{mysql_database}.{table}" for table in ("a", "b")]
    worker = WorkerProcess(tmp_path, kafka.bootstrap, group)
    config = connector_config(mysql, mysql_database, prefix, snapshot__locking__mode="watermark")
    config["snapshot.chunk.size"] = "700"
    killed = in_snapshot = 0
    with (
        SlowLink(mysql.port, BYTES_PER_S) as link,
        RandomWriter(mysql, mysql_database, ["a", "b"], ROWS, SEED, PAUSE_S) as writer,
    ):
        config["database.port"] = str(link.port)
        try:
            worker.start().wait_ready()
            worker.rest("POST", "/connectors", {"name": "snap", "config": config})
            for number in range(KILLS):
                time.sleep(rnd.uniform(0.5, 3))
                worker.kill()
                killed += 1
                in_snapshot += not is_over(kafka, f"{group}-offsets")
                place = PLACES[number % len(PLACES)]
                monkeypatch.setenv("FAUST_CDC_FAILPOINT", f"{place}:{rnd.randrange(1, 4)}")
                worker.start()
                killed += worker.ends_with(KILLED, 6)
                worker.kill()
                monkeypatch.delenv("FAUST_CDC_FAILPOINT")
                worker.start()
            worker.until(lambda: is_over(kafka, f"{group}-offsets"), 120, "the end of the snapshot")
            writer.stop()
            mysql.execute("INSERT INTO a (id, v) VALUES (-1, 0); INSERT INTO b (id, v) VALUES (-1, 0)", mysql_database)
            decoder = AvroDecoder(worker.registry_url)
            found: list[tuple[RawRecord, Any, Any]] = []
            with TopicReader(kafka.bootstrap) as reader:

                def at_end() -> bool:
                    found.extend(changes(reader.read_new(topics), decoder))
                    return [key for _, key, _ in found].count({"id": -1}) == 2

                worker.until(at_end, 90, "the last rows")
        finally:
            worker.stop()
    assert in_snapshot > KILLS // 2, "most kills are in the snapshot"
    assert not stale_rows(found)
    assert not duplicates(found)
    assert not order_faults(found)
    marks = Counter(value["source"]["snapshot"] for _, _, value in found if value and value["op"] == "r")
    assert marks["first"] == 1
    for table, topic in zip(("a", "b"), topics, strict=True):
        assert final(found, topic) == dict(mysql.query(f"SELECT id, v FROM {table}", mysql_database)), table
    print(f"{killed} kills, {in_snapshot} of them in the snapshot; {writer.operations} changes, {len(found)} records")
