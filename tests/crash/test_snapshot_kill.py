"""kill -9 in the lock-free snapshot, at its named places and at random moments: it goes on, and no row comes twice."""

from __future__ import annotations

import http.client
import json
import os
import random
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from faust_cdc.failpoints import KILLED
from faust_cdc.pipeline.transaction_writer import CommitLimits
from tests.harness.connectors import connector_config
from tests.harness.slow_link import SlowLink
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.invariants import duplicates, order_faults
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, changes
from tests.snapshot.test_merged_live import fill, final, stale_rows
from tests.snapshot.writers import RandomWriter

pytestmark = [pytest.mark.integration, pytest.mark.crash]

FRESH = ("snapshot.begin", "snapshot.begun", "snapshot.view.open")
"""Places that a snapshot comes to once, when it begins."""
PLACES = (
    "snapshot.window.open",
    "snapshot.chunk.read",
    "snapshot.chunk.due",
    "snapshot.chunk.written",
    "snapshot.progress.written",
)
END = "snapshot.end"
FULL = "snapshot.chunk.committed"
"""Comes with chunks that fill a Kafka transaction, or leave no room for reading ahead."""
KILLS = int(os.environ.get("FAUST_CDC_KILLS", "12"))
"""At random moments and at `PLACES` in turn; those of `FRESH` and `END` come on top."""
SEED = int(os.environ.get("FAUST_CDC_SEED", "20"))
LIFE_ROWS = 1_500
"""A life that ends with a kill reads fewer rows by far."""
ROWS = max(10_000, KILLS * LIFE_ROWS // 2)
"""Of each of the two tables."""
RATE = "rows=200"
"""As long as the worker is to be killed on the way: the rows would take minutes."""
FAST = {"snapshot.rate.limit": "rows=2000"}
BYTES_PER_S = 300_000
"""Of a connection to the source: kills then meet chunks half read."""
PAUSE_S = 0.02
"""Between two transactions of the writer: their binlog must fit through such a connection too."""
REACHED_S = 120
"""A life may take so long to come to a place."""
END_S = 180 + 2 * ROWS // 200
"""And so long to come to the end."""


def offsets_of(kafka: KafkaBroker, topic: str) -> list[dict[str, Any]]:
    with TopicReader(kafka.bootstrap) as reader:
        return [json.loads(record.value) for record in reader.read_new([topic]) if record.value]


def is_over(kafka: KafkaBroker, topic: str) -> bool:
    offsets = offsets_of(kafka, topic)
    return bool(offsets) and "snapshot" not in offsets[-1]


def await_progress(worker: WorkerProcess, kafka: KafkaBroker, topic: str) -> None:
    """Wait until another offset is committed."""
    before = len(offsets_of(kafka, topic))
    worker.until(lambda: len(offsets_of(kafka, topic)) > before, 180, "another offset committed")


def snapshot_config(source: MySqlServer, database: str, prefix: str, **more: str) -> dict[str, str]:
    config = connector_config(source, database, prefix, snapshot__locking__mode="watermark", **more)
    return config | {"snapshot.chunk.size": "100", "snapshot.rate.limit": RATE, "snapshot.max.threads": "2"}


class Lives:
    """The lives and deaths of one worker."""

    def __init__(self, worker: WorkerProcess, kafka: KafkaBroker, offsets: str, patch: pytest.MonkeyPatch) -> None:
        self.worker = worker
        self.kills: Counter[str] = Counter()
        """By place."""
        self.in_snapshot = 0
        self._kafka, self._offsets, self._patch = kafka, offsets, patch

    def end_at(self, place: str, times: int = 1, after: tuple[str, dict[str, Any]] | None = None) -> None:
        """Start the worker, have the connector `after` configured when one is given, let it come to a place and die."""
        self._patch.setenv("FAUST_CDC_FAILPOINT", f"{place}:{times}")
        self.worker.start()
        self._patch.delenv("FAUST_CDC_FAILPOINT")
        if after is not None:
            self.worker.wait_ready()
            with suppress(OSError, http.client.HTTPException):  # it may die over its answer
                self.worker.rest("PUT", f"/connectors/{after[0]}/config", after[1])
        within_s = END_S if place == END else REACHED_S
        assert self.worker.ends_with(KILLED, within_s), f"{place} is not reached:\n{self.worker.log_tail()}"
        self._note(place)

    def end_within(self, seconds: float) -> None:
        """Start the worker, and kill it some time after it goes on."""
        self.worker.start()
        await_progress(self.worker, self._kafka, self._offsets)
        time.sleep(seconds)
        self.worker.kill()
        self._note("at random")

    def _note(self, place: str) -> None:
        self.kills[place] += 1
        self.in_snapshot += not is_over(self._kafka, self._offsets)


def read_to_the_end(worker: WorkerProcess, kafka: KafkaBroker, topics: list[str]) -> list[tuple[RawRecord, Any, Any]]:
    """Return all records once those of the rows -1 are there."""
    decoder, found = AvroDecoder(worker.registry_url), list[tuple[RawRecord, Any, Any]]()
    with TopicReader(kafka.bootstrap) as reader:

        def at_end() -> bool:
            found.extend(changes(reader.read_new(topics), decoder))
            return [key for _, key, _ in found].count({"id": -1}) == 2

        worker.until(at_end, 120, "the last rows")
    return found


def judge(mysql: MySqlServer, database: str, topics: list[str], found: list[tuple[RawRecord, Any, Any]]) -> None:
    assert not stale_rows(found)
    assert not duplicates(found)
    assert not order_faults(found)
    marks = Counter(value["source"]["snapshot"] for _, _, value in found if value and value["op"] == "r")
    assert marks["first"] == 1
    for table, topic in zip(("a", "b"), topics, strict=False):
        assert final(found, topic) == dict(mysql.query(f"SELECT id, v FROM {table}", database)), table


LAST_ROWS = "INSERT INTO a (id, v) VALUES (-1, 0); INSERT INTO b (id, v) VALUES (-1, 0)"


def test_a_snapshot_goes_on_where_it_was(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rnd = random.Random(SEED)
    prefix = f"snap{rnd.randrange(10**6)}{int(time.time())}"
    fill(mysql, mysql_database, ("a", "b"), ROWS)
    mysql.execute("CREATE TABLE c (id ENUM('x','y') PRIMARY KEY, v INT); INSERT INTO c VALUES (1, 1)", mysql_database)
    group, topics = f"g-{prefix}", [f"{prefix}.{mysql_database}.{table}" for table in ("a", "b", "c")]
    worker = WorkerProcess(tmp_path, kafka.bootstrap, group)
    lives = Lives(worker, kafka, f"{group}-offsets", monkeypatch)
    with (
        SlowLink(mysql.port, BYTES_PER_S) as link,
        RandomWriter(mysql, mysql_database, ["a", "b"], ROWS, SEED, PAUSE_S) as writer,
    ):
        config = snapshot_config(mysql, mysql_database, prefix) | {"database.port": str(link.port)}
        # The table that is read in one piece comes first: tables are read in their order.
        config["table.include.list"] = ",".join(f"{mysql_database}.{table}" for table in "cab")
        try:
            for place in FRESH:
                lives.end_at(place, after=("snap", config) if place == FRESH[0] else None)
            for number in range(KILLS):
                if number % 3 == 2:
                    lives.end_within(rnd.uniform(0, 0.5))
                else:
                    lives.end_at(PLACES[(number - number // 3) % len(PLACES)], rnd.randrange(1, 4))
            lives.end_at(END, after=("snap", config | FAST))
            worker.start()
            worker.until(lambda: is_over(kafka, f"{group}-offsets"), 180, "the end of the snapshot")
            writer.stop()
            mysql.execute(LAST_ROWS, mysql_database)
            found = read_to_the_end(worker, kafka, topics)
        finally:
            worker.stop()
    print(f"\n{lives.kills}, {lives.in_snapshot} in the snapshot; {writer.operations} changes, {len(found)} records")
    assert lives.in_snapshot == sum(lives.kills.values()), "every life ended in the snapshot"
    assert set(lives.kills) == {*FRESH, *PLACES, END, "at random"}
    judge(mysql, mysql_database, topics, found)


def test_without_gtids(kafka: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows in the signal table say what a read shows: those of windows that were never closed harm nothing."""
    prefix = f"wndw{random.randrange(10**9)}"
    group, topics = f"g-{prefix}", [f"{prefix}.d.{table}" for table in ("a", "b")]
    worker = WorkerProcess(tmp_path, kafka.bootstrap, group)
    lives = Lives(worker, kafka, f"{group}-offsets", monkeypatch)
    with MySqlServer(gtid_mode=False) as mysql:
        mysql.create_database("d")
        fill(mysql, "d", ("a", "b"), 3 * LIFE_ROWS)
        mysql.execute("CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32), data VARCHAR(2048))", "d")
        mysql.execute(f"GRANT INSERT ON d.sig TO {mysql.user}")
        config = snapshot_config(mysql, "d", prefix, signal__data__collection="d.sig")
        with RandomWriter(mysql, "d", ["a", "b"], 6 * LIFE_ROWS, SEED, PAUSE_S) as writer:
            try:
                lives.end_at("snapshot.begun", after=("snap", config))
                for number, place in enumerate(PLACES, 1):
                    lives.end_at(place, number)
                lives.end_within(0.3)
                lives.end_at(END)
                worker.start()
                worker.until(lambda: is_over(kafka, f"{group}-offsets"), END_S, "the end of the snapshot")
                writer.stop()
                mysql.execute(LAST_ROWS, "d")
                found = read_to_the_end(worker, kafka, topics)
            finally:
                worker.stop()
        assert lives.in_snapshot == sum(lives.kills.values()), "every life ended in the snapshot"
        judge(mysql, "d", topics, found)
        types = Counter(type_ for (type_,) in mysql.query("SELECT type FROM sig", "d"))
    left_open = types["snapshot-window-open"] - types["snapshot-window-close"]
    print(f"\n{lives.kills}; {writer.operations} changes, {len(found)} records; {types}")
    assert 0 <= left_open <= 2 * sum(lives.kills.values()), "a life has two readers, each in one window"
    assert types["snapshot-window-close"] > 0


def test_chunks_that_fill_a_transaction(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed behind such a commit: nothing of the chunk comes again, and nothing of the next one is missing."""
    prefix = f"full{random.randrange(10**9)}"
    group, topics = f"g-{prefix}", [f"{prefix}.{mysql_database}.{table}" for table in ("a", "b")]
    fill(mysql, mysql_database, ("a", "b"), 45_000)
    worker = WorkerProcess(tmp_path, kafka.bootstrap, group)
    lives = Lives(worker, kafka, f"{group}-offsets", monkeypatch)
    config = snapshot_config(mysql, mysql_database, prefix)
    # Half a chunk is a range: as many rows as a Kafka transaction has at most.
    config |= {"snapshot.chunk.size": str(2 * CommitLimits().records_max), "snapshot.rate.limit": "rows=60000"}
    with RandomWriter(mysql, mysql_database, ["a", "b"], 90_000, SEED, PAUSE_S) as writer:
        try:
            lives.end_at(FULL, after=("snap", config))
            lives.end_at(FULL)
            worker.start()
            worker.until(lambda: is_over(kafka, f"{group}-offsets"), 180, "the end of the snapshot")
            writer.stop()
            mysql.execute(LAST_ROWS, mysql_database)
            found = read_to_the_end(worker, kafka, topics)
        finally:
            worker.stop()
    assert lives.in_snapshot == 2
    judge(mysql, mysql_database, topics, found)


def test_another_worker_goes_on_with_it(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path
) -> None:
    prefix = f"handed{random.randrange(10**9)}"
    group, topics = f"g-{prefix}", [f"{prefix}.{mysql_database}.{table}" for table in ("a", "b")]
    fill(mysql, mysql_database, ("a", "b"), 10_000)
    workers = [WorkerProcess(tmp_path / name, kafka.bootstrap, group) for name in ("one", "other")]
    with RandomWriter(mysql, mysql_database, ["a", "b"], 10_000, SEED, PAUSE_S) as writer:
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.wait_ready()
            config = snapshot_config(mysql, mysql_database, prefix)
            workers[0].rest("POST", "/connectors", {"name": "snap", "config": config})
            workers[0].wait_running("snap")
            workers[0].until(lambda: rows_done(workers[0]) > 500, 120, "some rows of the snapshot")
            owner_id = workers[0].rest("GET", "/connectors/snap/status")["tasks"][0]["worker_id"]
            owner, standby = sorted(workers, key=lambda one: not owner_id.endswith(f":{one.port}"))
            owner.kill()
            at_kill = rows_done(standby)
            assert not is_over(kafka, f"{group}-offsets"), "killed in its snapshot"
            standby.until(lambda: rows_done(standby) > at_kill + 500, 120, "more rows, by the other worker")
            standby.rest("PUT", "/connectors/snap/config", config | FAST)
            standby.until(lambda: is_over(kafka, f"{group}-offsets"), 180, "the end of the snapshot")
            writer.stop()
            mysql.execute(LAST_ROWS, mysql_database)
            found = read_to_the_end(standby, kafka, topics)
        finally:
            for worker in workers:
                worker.stop()
    print(f"\nkilled after {at_kill} rows; {writer.operations} changes, {len(found)} records")
    judge(mysql, mysql_database, topics, found)


def rows_done(worker: WorkerProcess) -> int:
    """Return how many rows a worker says are read; any of the group answers."""
    return int((worker.rest("GET", "/connectors/snap/snapshot")["snapshot"] or {"rows": 0})["rows"])
