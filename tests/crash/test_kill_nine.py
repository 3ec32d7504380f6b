"""kill -9 at random moments under writes; the promises are then read off the topics alone."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pymysql
import pytest
from confluent_kafka import Producer

from faust_cdc.config.definitions.own import PRODUCER_CLIENTS
from faust_cdc.mysql.positions import GtidSet
from tests.crash.workload import SCHEMA, Workload
from tests.harness.connectors import connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.invariants import duplicates, order_faults, replay, table_state
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, changes

pytestmark = [pytest.mark.integration, pytest.mark.crash]

KILLS = int(os.environ.get("FAUST_CDC_KILLS", "20"))
STREAMING_EVERY = 3
"""Of so many lives one is killed while it streams, the others while they start."""
SEED = int(os.environ.get("FAUST_CDC_SEED", "20"))
KEYS = {"ledger": ("id",), "accounts": ("id",)}


def prepare(mysql: MySqlServer, database: str) -> list[Workload]:
    for statement in SCHEMA.split(";"):
        if statement.strip():
            mysql.execute(statement, database)
    writers = []
    for seed in (1, 2):
        connection = mysql.admin(database)
        connection.autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        writers.append(Workload(connection, seed, pause_s=0.02))
    return writers


def select(mysql: MySqlServer, database: str, table: str) -> list[dict[str, Any]]:
    with mysql.admin(database) as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return list(cursor.fetchall())


class Verdict:
    """Reads the topics until they equal the tables, then judges all invariants."""

    def __init__(self, kafka: KafkaBroker, worker: WorkerProcess, prefix: str, database: str) -> None:
        self._bootstrap = kafka.bootstrap
        self._decoder = AvroDecoder(worker.registry_url)
        self._topics = {table: f"{prefix}.{database}.{table}" for table in KEYS}
        self.changes: list[tuple[RawRecord, Any, Any]] = []

    def level_with(self, expected: dict[str, dict[str, Any]], timeout_s: float) -> None:
        """I1: wait until the last value per key equals the tables; fails with the difference."""
        deadline = time.monotonic() + timeout_s
        with TopicReader(self._bootstrap) as reader:
            while True:
                records = reader.read_new(list(self._topics.values()))
                self.changes += changes(records, self._decoder)
                schemas = {r.value[:5]: self._decoder.schema(r.value) for r, _, _ in self.changes if r.value}
                seen = replay(self.changes, schemas)
                found = {table: seen.get(topic, {}) for table, topic in self._topics.items()}
                if found == expected:
                    return
                if time.monotonic() > deadline:
                    assert found == expected
                time.sleep(0.5)

    def ledger_rows(self) -> list[tuple[int, int]]:
        return [
            (value["after"]["txn"], value["after"]["seq"])
            for record, _, value in self.changes
            if value is not None and record.topic == self._topics["ledger"]
        ]


def offsets_of(kafka: KafkaBroker, topic: str) -> list[dict[str, Any]]:
    with TopicReader(kafka.bootstrap) as reader:
        return [json.loads(record.value) for record in reader.read_new([topic]) if record.value]


def await_progress(worker: WorkerProcess, kafka: KafkaBroker, topic: str) -> None:
    """Wait until the worker commits another offset: however slow the machine, it streams now."""
    before = len(offsets_of(kafka, topic))
    worker.until(lambda: len(offsets_of(kafka, topic)) > before, 180, "another offset committed")


def test_nothing_lost_nothing_twice_through_kills(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path
) -> None:
    rnd = random.Random(SEED)
    prefix = f"crash{rnd.randrange(10**6)}{int(time.time())}"
    writers = prepare(mysql, mysql_database)
    group = f"g-{prefix}"
    # Each life has the other client, so that each is fenced off by, and goes on after, a killed one of either kind.
    lives = [
        WorkerProcess(tmp_path / client, kafka.bootstrap, group, properties={"producer.client": client})
        for client in PRODUCER_CLIENTS
    ]
    worker = lives[0]
    for writer in writers:
        writer.start()
    try:
        worker.start().wait_ready()
        config = connector_config(mysql, mysql_database, prefix)
        worker.rest("POST", "/connectors", {"name": "crash", "config": config})
        stored_topic = f"{group}-offsets"
        for number in range(KILLS):
            if number % STREAMING_EVERY == 0:
                await_progress(worker, kafka, stored_topic)
                time.sleep(rnd.uniform(0, 1))
            else:
                time.sleep(rnd.uniform(0, 3))
            worker.kill()
            worker = lives[(number + 1) % len(lives)].start()
        await_progress(worker, kafka, stored_topic)
        for writer in writers:
            writer.stop()
        expected = {t: table_state(select(mysql, mysql_database, t), key) for t, key in KEYS.items()}
        verdict = Verdict(kafka, worker, prefix, mysql_database)
        verdict.level_with(expected, 180)
    finally:
        for writer in writers:
            writer.stop()
        worker.stop()
    committed = set().union(*(writer.committed for writer in writers))
    rolled_back = set().union(*(writer.rolled_back for writer in writers))
    rows = verdict.ledger_rows()
    assert len(committed) > 100
    assert set(rows) == committed, "I1/I2: ledger rows seen and rows committed differ"
    assert not {txn for txn, _ in rows} & rolled_back, "I2: a rolled-back transaction is visible"
    assert order_faults(verdict.changes) == [], "I3"
    assert duplicates(verdict.changes) == [], "I4"
    stored = offsets_of(kafka, stored_topic)
    unfinished = ["snapshot" in offset for offset in stored]
    assert unfinished == sorted(unfinished, reverse=True), "I6: a snapshot that was complete is one no more"
    assert not unfinished[-1], "I6: the snapshot came to its end"
    executed = [GtidSet.parse(offset["gtids"]) for offset in stored]
    assert all(new.contains(old) for old, new in pairwise(executed)), "I6: the offset never steps back"
    streamed = [v["source"]["gtid"] for _, _, v in verdict.changes if v is not None and v["source"]["gtid"]]
    assert streamed
    assert all(gtid in executed[-1] for gtid in set(streamed)), "I6: every visible record is covered by the offset"
    print(f"\n{KILLS} kills, {len(verdict.changes)} records, {len(committed)} ledger rows, {len(stored)} offsets")


class Pair:
    """Two workers of one group with one connector under writes."""

    def __init__(self, mysql: MySqlServer, kafka: KafkaBroker, database: str, folder: Path) -> None:
        self.prefix = f"ha{random.randrange(10**9)}"
        self.writers = prepare(mysql, database)
        self.workers = [WorkerProcess(folder / name, kafka.bootstrap, f"g-{self.prefix}") for name in ("a", "b")]
        self._mysql, self._kafka, self._database = mysql, kafka, database

    def __enter__(self) -> Pair:
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.wait_ready()
        config = connector_config(self._mysql, self._database, self.prefix)
        self.workers[0].rest("POST", "/connectors", {"name": "ha", "config": config})
        self.workers[0].wait_running("ha")
        for writer in self.writers:
            writer.start()
        time.sleep(2)
        return self

    def __exit__(self, *exc: object) -> None:
        for writer in self.writers:
            writer.stop()
        for worker in self.workers:
            worker.stop()

    def owner_and_standby(self) -> tuple[WorkerProcess, WorkerProcess]:
        owner_id = self.workers[0].rest("GET", "/connectors/ha/status")["tasks"][0]["worker_id"]
        owner = next(w for w in self.workers if owner_id.endswith(f":{w.port}"))
        return owner, next(w for w in self.workers if w is not owner)

    def await_take_over(self, standby: WorkerProcess) -> float:
        began = time.monotonic()

        def taken_over() -> bool:
            (task,) = standby.rest("GET", "/connectors/ha/status")["tasks"]
            return bool(task["state"] == "RUNNING" and task["worker_id"].endswith(f":{standby.port}"))

        standby.until(taken_over, 180, "the standby has taken over")
        return time.monotonic() - began

    def judge(self, through: WorkerProcess) -> None:
        for writer in self.writers:
            writer.stop()
        expected = {t: table_state(select(self._mysql, self._database, t), key) for t, key in KEYS.items()}
        verdict = Verdict(self._kafka, through, self.prefix, self._database)
        verdict.level_with(expected, 180)
        assert duplicates(verdict.changes) == []
        assert order_faults(verdict.changes) == []


def test_a_standby_takes_over(mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path) -> None:
    with Pair(mysql, kafka, mysql_database, tmp_path) as pair:
        owner, standby = pair.owner_and_standby()
        owner.kill()
        print(f"\ntake-over after kill -9: {pair.await_take_over(standby):.1f} s")
        time.sleep(2)
        pair.judge(standby)


def test_a_frozen_worker_that_thaws_writes_nothing(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, tmp_path: Path
) -> None:
    """I11: the zombie is fenced, hears of it, and neither its records nor its status stand."""
    with Pair(mysql, kafka, mysql_database, tmp_path) as pair:
        owner, standby = pair.owner_and_standby()
        assert owner.process is not None
        os.killpg(owner.process.pid, signal.SIGSTOP)
        try:
            pair.await_take_over(standby)
            time.sleep(1)
        finally:
            os.killpg(owner.process.pid, signal.SIGCONT)
        time.sleep(8)
        standby.until(lambda: standby.task_state("ha") == "RUNNING", 240, "RUNNING after the thaw")
        says_again_what_a_stale_owner_wrote_over(kafka, pair)
        pair.judge(standby)


def says_again_what_a_stale_owner_wrote_over(kafka: KafkaBroker, pair: Pair) -> None:
    """Write what a frozen worker would have if its status had been under way when it lost the lease."""
    owner, stale = pair.owner_and_standby()
    topic, key = f"g-{pair.prefix}-status", b"status-task-ha-0"
    with TopicReader(kafka.bootstrap) as reader:
        last = [record for record in reader.read_new([topic]) if record.key == key][-1]
        said = json.loads(last.value or b"")
        generation = said["generation"] - 1
        forged = said | {"state": "FAILED", "worker_id": f"127.0.0.1:{stale.port}", "generation": generation}
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        producer.produce(topic, json.dumps(forged).encode(), key, last.partition)
        assert producer.flush(60) == 0

        states = [forged]

        def newest() -> Any:
            states.extend(json.loads(one.value or b"") for one in reader.read_new([topic]) if one.key == key)
            return states[-1]

        # Whoever owns it by then: the group may only now give the lease back to the worker that was frozen.
        owner.until(
            lambda: newest()["state"] == "RUNNING" and owner.task_state("ha") == "RUNNING",
            60,
            "what the owner says of its task stands",
        )
