"""Real Debezium 3.6.1 and we under the same snapshot options: the same rows, markers, positions and offsets.

Each option set is a pair of connectors that read the same database: first into it, then along it, then once more after
a stop in which something was changed.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import partial
from typing import Any

import pytest
from confluent_kafka import Producer

from faust_cdc.offsets import SourcePartition, murmur2_partition
from tests.harness.worker import WorkerProcess
from tests.oracle.topics import AvroDecoder, RawRecord
from tests.parity.beside import Beside
from tests.parity.comparison import Comparison, await_as_many, await_records, read_all
from tests.parity.differences import OPTION_DIFFERENCES

pytestmark = [pytest.mark.integration, pytest.mark.parity]

BASED = "snapshot.mode.configuration.based."
OVERRIDES = "snapshot.select.statement.overrides"
SETUP = (
    "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO a VALUES (1, 'x'), (2, NULL), (3, 'é');"
    "CREATE TABLE b_empty (id INT PRIMARY KEY);"
    "CREATE TABLE big (id INT PRIMARY KEY, v VARCHAR(9) NOT NULL);"
    f"INSERT INTO big VALUES {', '.join(f'({n}, {n % 7})' for n in range(300))};"
    "CREATE TABLE done (id INT PRIMARY KEY); INSERT INTO done VALUES (1);"
    "CREATE TABLE nokey (v INT NULL, w INT NULL); INSERT INTO nokey VALUES (1, 1), (NULL, 2);"
    "ANALYZE TABLE a, b_empty, big, done, nokey"
)
OPTION_SETS: dict[str, tuple[dict[str, str], tuple[int, int, int]]] = {
    "initial": ({}, (1, 2, 3)),
    "level": ({}, (1, 2, 3)),
    "only": ({"snapshot.mode": "initial_only"}, (1, 1, 1)),
    "always": ({"snapshot.mode": "always"}, (1, 2, 5)),
    "nodata": ({"snapshot.mode": "no_data"}, (0, 1, 2)),
    "needed": ({"snapshot.mode": "when_needed"}, (1, 2, 5)),
    "recovery": ({}, (1, 2, 3)),
    "based": (
        {
            "snapshot.mode": "configuration_based",
            f"{BASED}snapshot.data": "true",
            f"{BASED}snapshot.schema": "true",
            f"{BASED}start.stream": "true",
        },
        (1, 2, 5),
    ),
    "chosen": ({"snapshot.include.collection.list": r".*\.big,.*\.A"}, (0, 1, 2)),
    "listed": ({"table.include.list": r".*\.nokey,.*\.done,.*\.A,.*\.b_empty"}, (1, 2, 3)),
    "counted": ({"snapshot.tables.order.by.row.count": "descending"}, (1, 2, 3)),
    "none": ({"snapshot.locking.mode": "none"}, (1, 2, 3)),
    "extended": ({"snapshot.locking.mode": "extended"}, (1, 2, 3)),
    "own": ({OVERRIDES: "DB.big, DB.nokey", f"{OVERRIDES}.DB.big": "SELECT * FROM DB.big WHERE v = '3'",
             f"{OVERRIDES}.DB.nokey": "SELECT w FROM DB.nokey"}, (1, 2, 3)),
}  # fmt: skip
"""Name → options on both sides with DB for the database; how many records `done` has after each of the three parts."""
LOCKED = "initial"
"""The set that is minimal on both sides; where nothing is said of locks, both have their default: ours is watermark."""
AFTER_A_STOP = {"recovery": {"snapshot.mode": "recovery"}}
LOST = {"file": "binlog.000000", "pos": 4}
OFFSET_PARTITIONS = 25
"""Of the worker's offsets topic, unless it is told another number."""


class Pairs:
    """All pairs of connectors, and what is asked of both sides alike."""

    def __init__(self, beside: Beside, worker: WorkerProcess) -> None:
        self.beside, self.worker = beside, worker
        self.theirs: dict[str, str] = {}
        """Option set → the name of Debezium's connector."""

    def options(self, name: str, *, ours: bool = False) -> dict[str, str]:
        """Of one side."""
        locking = "watermark" if ours and name != LOCKED else "minimal"
        given = {"snapshot.locking.mode": locking} | OPTION_SETS[name][0]
        database = self.beside.database
        return {key.replace("DB", database): value.replace("DB", database) for key, value in given.items()}

    def start(self) -> None:
        for name in OPTION_SETS:
            self.theirs[name] = self.beside.start_theirs(f"theirs_m_{name}", self.options(name))
            self.beside.start_ours(self.worker, f"ours__m_{name}", self.options(name, ours=True))

    def change(self, name: str, path: str) -> None:
        """PUT the same on both sides."""
        self.beside.connect.change("PUT", f"/connectors/{self.theirs[name]}{path}")
        self.worker.rest("PUT", f"/connectors/ours__m_{name}{path}")

    def lose_position(self, name: str) -> None:
        """Give both an offset whose file is not on the server: theirs by REST, ours as a record."""
        partition = {"server": f"theirs_m_{name}"}
        body = {"offsets": [{"partition": partition, "offset": LOST}]}
        self.beside.connect.change("PATCH", f"/connectors/{self.theirs[name]}/offsets", body)
        key = SourcePartition(f"ours__m_{name}", f"ours__m_{name}").key()
        producer = Producer({"bootstrap.servers": self.beside.kafka.bootstrap})
        topic = f"parity-{self.beside.stamp}-offsets"
        producer.produce(topic, json.dumps(LOST).encode(), key, murmur2_partition(key, OFFSET_PARTITIONS))
        assert producer.flush(60) == 0

    def offsets(self, name: str) -> tuple[Any, Any]:
        """Both stored offsets without the time; None where there is none."""
        theirs = self.beside.connect.request("GET", f"/connectors/{self.theirs[name]}/offsets")
        ours = self.worker.rest("GET", f"/connectors/ours__m_{name}/offsets")
        left, right = (answer["offsets"][0]["offset"] if answer["offsets"] else None for answer in (theirs, ours))
        return tuple(one and {k: v for k, v in one.items() if k != "ts_sec"} for one in (left, right))  # type: ignore[return-value]

    def stopped(self, name: str) -> bool:
        theirs = self.beside.connect.status(self.theirs[name])
        ours = self.worker.rest("GET", f"/connectors/ours__m_{name}/status")
        return all(one["connector"]["state"] == "STOPPED" and not one["tasks"] for one in (theirs, ours))

    def records(self, name: str) -> tuple[dict[str, list[RawRecord]], dict[str, list[RawRecord]]]:
        """What both have written so far."""
        kafka = self.beside.kafka
        return read_all(kafka, f"theirs_m_{name}"), read_all(kafka, f"ours__m_{name}")

    def await_done(self, part: int) -> None:
        for name, (_, counts) in OPTION_SETS.items():
            self.beside.connect.wait_running(self.theirs[name])
            for side in ("theirs_m", "ours__m"):
                topic = f"{side}_{name}.{self.beside.database}.done"
                if counts[part]:
                    await_records(self.beside.kafka, topic, counts[part], 240)


def test_every_mode_and_option_as_debezium_has_it(beside: Beside) -> None:
    beside.mysql.execute(SETUP, beside.database)
    with beside.worker() as worker:
        worker.wait_ready()
        pairs = Pairs(beside, worker)
        pairs.start()
        for name in OPTION_SETS:
            beside.await_our_snapshot(worker, f"ours__m_{name}")
        pairs.await_done(0)
        beside.await_their_snapshot(pairs.theirs["chosen"])
        complete = {}
        for name in OPTION_SETS:
            if name not in ("nodata", "chosen"):
                beside.await_their_snapshot(pairs.theirs[name])
                complete[name] = pairs.offsets(name)
        beside.await_their_place("theirs_m_nodata")
        beside.mysql.execute("INSERT INTO a VALUES (4, 'new'); INSERT INTO done VALUES (2)", beside.database)
        pairs.await_done(1)
        for name in OPTION_SETS:
            pairs.change(name, "/stop")
        for name in OPTION_SETS:
            worker.until(partial(pairs.stopped, name), 120, f"{name} stopped")
        beside.mysql.execute("DELETE FROM a WHERE id = 1; INSERT INTO done VALUES (3)", beside.database)
        pairs.lose_position("needed")
        change_modes(pairs)
        for name in OPTION_SETS:
            pairs.change(name, "/resume")
        pairs.await_done(2)
        for name in OPTION_SETS:
            await_as_many(partial(pairs.records, name))
        time.sleep(2)  # what would come too much
        compare(beside, complete, pairs.offsets("only"))


def change_modes(pairs: Pairs) -> None:
    """Give the stopped connectors of some sets another mode."""
    beside = pairs.beside
    for name, more in AFTER_A_STOP.items():
        for prefix, put in (
            (
                f"theirs_m_{name}",
                lambda c, n=name: beside.connect.change("PUT", f"/connectors/{pairs.theirs[n]}/config", c),
            ),
            (f"ours__m_{name}", lambda c, n=name: pairs.worker.rest("PUT", f"/connectors/ours__m_{n}/config", c)),
        ):
            history = beside.connect.schema_history() if prefix.startswith("theirs") else {}
            put(beside.config(prefix, {**pairs.options(name), **more}) | history)


def compare(beside: Beside, complete: dict[str, tuple[Any, Any]], idle: tuple[Any, Any]) -> None:
    """Compare all records, and the offsets that closed the snapshots."""
    decoder, faults, explained, count = AvroDecoder(beside.apicurio.ccompat_url), [], Counter[str](), 0
    for name, (_, counts) in OPTION_SETS.items():
        theirs, ours = (read_all(beside.kafka, f"{side}_{name}") for side in ("theirs_m", "ours__m"))
        comparison = Comparison(decoder, f"theirs_m_{name}", f"ours__m_{name}", OPTION_DIFFERENCES)
        comparison.all(theirs, ours)
        for table in ours:
            sides = [sorted(repr(decoder.decode(one.value)["after"]) for one in found.get(table, []) if one.value)
                     for found in (theirs, ours)]  # fmt: skip
            assert sides[0] == sides[1], (name, table)
        assert len(ours.get("done", [])) == counts[2], name
        print(f"\n{name}: {comparison.records} records compared, {len(comparison.faults)} unexplained differences")
        count += comparison.records
        faults += [f"{name}: {fault}" for fault in comparison.faults]
        explained += comparison.explained
    for name, (left, right) in complete.items():
        if left != right or set(left) != {"file", "pos", "gtids"}:
            faults.append(f"{name}: offset at the snapshot's end\n  theirs {left}\n  ours   {right}")
    assert idle == complete["only"]
    print(f"{count} records compared; explained: {dict(explained)}")
    assert not faults, "\n".join(faults)
