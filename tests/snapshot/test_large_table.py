"""A large table through a real worker, killed on its way: every row once, in memory that does not grow with the table.

What the end of a life costs is a chunk for each reader at most, counted by the server.

Of 500,000 rows; `FAUST_CDC_ROWS=5000000` for more.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.crash.test_signalled_places_kill import rows_sent
from tests.harness.connectors import connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.topics import at_the_end

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(3600)]

ROWS = int(os.environ.get("FAUST_CDC_ROWS", "500000"))
RSS_MAX_MB = 150
READERS, CHUNK = 2, 20_000
TIMEOUT_S = 300 + ROWS / 2_000


def fill(mysql: MySqlServer, database: str) -> None:
    """Fill by doubling, outside of the binlog."""
    with mysql.admin(database) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        cursor.execute("CREATE TABLE big (id INT PRIMARY KEY, v BIGINT NOT NULL, t VARCHAR(60), d DATETIME(6))")
        cursor.execute("INSERT INTO big VALUES (0, 0, REPEAT('x', 40), NOW(6))")
        count = 1
        while count < ROWS:
            cursor.execute(
                f"INSERT INTO big SELECT id + {count}, v - {count}, t, d FROM big WHERE id < {min(count, ROWS - count)}"
            )
            count += min(count, ROWS - count)


def number_of(key: bytes) -> int:
    """Return the `id` of a key in the wire format: a zigzag varint behind five bytes."""
    found, shift = 0, 0
    for octet in key[5:]:
        found |= (octet & 0x7F) << shift
        shift += 7
    return found >> 1 ^ -(found & 1)


class Tally:
    """Counts the rows of a topic of one partition as they come, keeping none."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.seen = bytearray(ROWS)
        self.count = 0
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "tally",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, 0)])

    def close(self) -> None:
        self._consumer.close()

    def read(self) -> int:
        """Take what is there; return how many rows there were in all."""
        for message in self._consumer.consume(20_000, 0.5):
            if message.error() is not None:
                at_the_end(message)
                continue
            key = message.key()
            assert isinstance(key, bytes)
            self.seen[number_of(key)] += 1
            self.count += 1
        return self.count

    def drain(self) -> int:
        """Take all that comes without a pause."""
        before = -1
        while before < self.count:
            before = self.count
            self.read()
        return self.count


def rows_done(worker: WorkerProcess) -> int:
    """Return how many rows are read and written, by the worker's own account."""
    return int((worker.rest("GET", "/connectors/big/snapshot")["snapshot"] or {"rows": 0})["rows"])


def test_every_row_once_in_bounded_memory(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path
) -> None:
    fill(mysql, mysql_database)
    prefix = f"big{uuid4().hex[:8]}"
    config = connector_config(mysql, mysql_database, prefix, snapshot__locking__mode="watermark")
    config["snapshot.max.threads"] = str(READERS)
    slow = config | {"snapshot.rate.limit": f"rows={ROWS // 10}"}  # so that the kill does not come behind its end
    with (
        WorkerProcess(tmp_path, kafka.bootstrap, f"g-{prefix}") as worker,
        closing(Tally(kafka.bootstrap, f"{prefix}.{mysql_database}.big")) as tally,
    ):
        worker.wait_ready()
        idle_mb = worker.rss_mb()
        worker.rest("POST", "/connectors", {"name": "big", "config": slow})
        worker.until(lambda: rows_done(worker) >= ROWS // 5, TIMEOUT_S, "some of the rows")
        peaks_mb = [worker.rss_mb("VmHWM")]
        worker.kill()
        at_kill = tally.drain()
        worker.start().wait_ready()
        worker.rest("PUT", "/connectors/big/config", config)
        worker.until(lambda: rows_done(worker) > at_kill, TIMEOUT_S, "more rows")
        before, began = rows_done(worker), time.monotonic()
        worker.until(lambda: rows_done(worker) == ROWS, TIMEOUT_S, "all rows")
        rate = (ROWS - before) / (time.monotonic() - began)
        peaks_mb.append(worker.rss_mb("VmHWM"))
        worker.until(lambda: tally.read() >= ROWS, TIMEOUT_S, "all rows in the topic")
        tally.drain()
    again = rows_sent(mysql, mysql_database, "big") - ROWS
    print(
        f"\n{ROWS} rows, killed at {at_kill}, {again} read again, then {rate:.0f} rows/s; "
        f"{idle_mb:.0f} MB without a connector, {max(peaks_mb):.0f} MB at most"
    )
    assert at_kill < ROWS
    assert set(tally.seen) == {1}, "every row once"
    assert 0 <= again <= 2 * READERS * CHUNK, "the kill, and the new configuration, which begins a life too"
    assert max(peaks_mb) < RSS_MAX_MB
