"""The loss test of `faust_kit`: every key is written once, workers come and go, what was committed is in the table.

A dropped changelog event shows as a missing key for good, because nobody writes the key again; an aborted
transaction shows as a key too many. The same for the agent's topic.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from faust_cdc_schemas.faust_kit.read_committed import TAKEN_AT_ONCE
from tests.faust_kit.churn_worker import PARTITIONS, SLOTS
from tests.lab import KafkaBroker

KEYS_PER_TRANSACTION = 5
ABORTED_EVERY = 7


class Writer(threading.Thread):
    """Writes transactions of new keys until told to stop; every seventh is aborted after it reached the broker."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        super().__init__(daemon=True)
        self.prefix = prefix
        self.committed: set[str] = set()
        self.aborted: set[str] = set()
        self.ended = threading.Event()
        self.producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"{prefix}-x", "linger.ms": 1})
        self.failure: Exception | None = None

    def run(self) -> None:
        """Write until told to stop."""
        try:
            self.producer.init_transactions(120)
            number = 0
            while not self.ended.is_set():
                number += 1
                self._transaction(number)
                time.sleep(0.03)
        except Exception as error:
            self.failure = error

    def _transaction(self, number: int, size: int = KEYS_PER_TRANSACTION) -> None:
        keys = [f"k{number}-{index}" for index in range(size)]
        self.producer.begin_transaction()
        for key in keys:
            self.producer.produce(f"{self.prefix}-offsets", key=key.encode(), value=str(number).encode())
        self.producer.produce(f"{self.prefix}-leases", value=f"c{number}".encode())
        if number % ABORTED_EVERY == 0:
            self.producer.flush()
            self.producer.abort_transaction()
            self.aborted.update(keys)
        else:
            self.producer.commit_transaction()
            self.committed.update(keys)


class Churn:
    """Workers, their files and logs."""

    def __init__(self, folder: Path, bootstrap: str, prefix: str) -> None:
        self.folder, self.bootstrap, self.prefix = folder, bootstrap, prefix
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        arguments = [self.bootstrap, self.prefix, name, str(self.folder / f"{name}.json")]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faust_kit.churn_worker", *arguments], stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def table(self, name: str) -> dict[str, str]:
        """What the worker's table held a moment ago."""
        path = self.folder / f"{name}.json"
        return dict(json.loads(path.read_text())["table"]) if path.exists() else {}

    def taken(self, name: str) -> int:
        """How many records went into the worker's table in batches."""
        return int(json.loads((self.folder / f"{name}.json").read_text())["taken"])

    def received(self, name: str) -> list[str]:
        """What the worker's agent received."""
        path = self.folder / f"{name}.json"
        return list(json.loads(path.read_text())["received"]) if path.exists() else []

    def log(self, name: str) -> str:
        """The end of the worker's log."""
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-40:])

    def close(self) -> None:
        """End all workers."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(60)


def churn_on(folder: Path, bootstrap: str) -> Iterator[Churn]:
    prefix = f"churn-{uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = [
        NewTopic(f"{prefix}-offsets", PARTITIONS, 1, config={"cleanup.policy": "compact"}),
        NewTopic(f"{prefix}-leases", SLOTS, 1),
    ]
    for future in admin.create_topics(topics).values():
        future.result()
    churn = Churn(folder, bootstrap, prefix)
    try:
        yield churn
    finally:
        churn.close()


@pytest.fixture
def churn(tmp_path: Path, kafka: KafkaBroker) -> Iterator[Churn]:
    yield from churn_on(tmp_path, kafka.bootstrap)


def wait_until_equal(churn: Churn, name: str, writer: Writer, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and set(churn.table(name)) != writer.committed:
        time.sleep(0.1)
    table = set(churn.table(name))
    assert writer.failure is None
    assert not table & writer.aborted, f"{name} shows aborted records"
    missing = writer.committed - table
    assert not missing, f"{name} misses {len(missing)} of {len(writer.committed)}:\n{churn.log(name)}"
    assert table == writer.committed


@pytest.mark.integration
def test_no_committed_record_is_lost_and_no_aborted_one_shown_while_workers_come_and_go(churn: Churn) -> None:
    """One worker stays; another joins, and leaves in the three ways there are, four times over."""
    writer = Writer(churn.bootstrap, churn.prefix)
    churn.start("stays")
    writer.start()
    rebalances = 1
    for turn in range(4):
        second = churn.start(f"comes{turn}")
        time.sleep(5.0)
        rebalances += 2
        if turn == 3:
            wait_for_table = f"comes{turn}"
            break
        if turn == 1:
            second.kill()
            time.sleep(6.5)
        else:
            second.terminate()
        second.wait(60)
    writer.ended.set()
    writer.join(60)
    assert not writer.is_alive(), "the writer did not end"
    wait_until_equal(churn, "stays", writer)
    wait_until_equal(churn, wait_for_table, writer)
    print(f"churn: {rebalances} rebalances, {len(writer.committed)} keys, 0 lost, {len(writer.aborted)} aborted unseen")
    got = {value for name in ("stays", *(f"comes{turn}" for turn in range(4))) for value in churn.received(name)}
    assert not {value for value in got if int(value[1:]) % ABORTED_EVERY == 0}


@pytest.mark.integration
def test_a_table_over_a_topic_that_ends_in_transaction_markers_recovers(churn: Churn) -> None:
    """Stock Faust waits for ever for the offset before the high watermark, which is a marker nobody ever sees."""
    writer = Writer(churn.bootstrap, churn.prefix)
    writer.producer.init_transactions(120)
    for number in range(1, 2 * ABORTED_EVERY + 1):
        writer._transaction(number, 3 * TAKEN_AT_ONCE)
    churn.start("late")
    wait_until_equal(churn, "late", writer)
    assert churn.taken("late") >= len(writer.committed), "a table's own topic goes by Faust's queues again"


@pytest.mark.integration
def test_workers_that_join_while_a_long_topic_is_read_have_all_of_it(churn: Churn) -> None:
    """What a rebalance cuts off of a batch is read again."""
    writer = Writer(churn.bootstrap, churn.prefix)
    writer.producer.init_transactions(120)
    for number in range(1, ABORTED_EVERY):
        writer._transaction(number, 5_000)
    for name in ("first", "second", "third"):
        churn.start(name)
        time.sleep(0.7)
    for name in ("first", "second", "third"):
        wait_until_equal(churn, name, writer)
