"""How far a snapshot is, seen on real workers: REST on any of them, metrics and log where it runs, the command."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from faust_cdc.errors import ProducerFenced
from faust_cdc.kafka.strong_read import read_all
from faust_cdc.offsets import SourcePartition, murmur2_partition
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import SnapshotState, TableProgress, TableState, belongs_to
from tests.harness.worker import RestError, WorkerProcess
from tests.lab import KafkaBroker
from tests.snapshot.progress_writer import PARTITIONS, ProgressWriter
from tests.worker.records import TopicWriter, connector_records
from tests.worker.test_metrics import Page

pytestmark = pytest.mark.integration

NAME = "c"
PARTITION = SourcePartition(NAME, NAME)
ORDERS, ITEMS = TableId("db", "orders"), TableId("db", "items")
NEVER_SEEN = TableProgress(ORDERS, TableState.COMPLETED, 99, started_ms=1000, updated_ms=2000)
"""What is written and never committed."""
AHEAD_MS = 3_600_000
"""Records are dated so far ahead, that speeds do not age while the test runs."""
WIDTH = 100


class Group:
    """Workers of one group, and the connector `c`, whose task waits for its database."""

    def __init__(self, folder: Path, bootstrap: str, stack: ExitStack) -> None:
        self.bootstrap, self.group, self._stack, self._folder = bootstrap, f"g{uuid4().hex[:8]}", stack, folder
        self.workers: list[WorkerProcess] = []
        self.add()
        self.configs = TopicWriter(bootstrap, f"{self.group}-configs")
        self.configs.put(*connector_records(NAME))
        self.workers[0].wait_running(NAME)

    def add(self) -> WorkerProcess:
        """Start one more worker and wait until it answers."""
        process = WorkerProcess(self._folder / str(len(self.workers)), self.bootstrap, self.group)
        self.workers.append(self._stack.enter_context(process))
        process.wait_ready()
        return process

    def task(self) -> ProgressWriter:
        """What writes as the connector's task does, in its place."""
        return ProgressWriter(self.bootstrap, self.group, PARTITION)

    def begin(self, task: ProgressWriter) -> None:
        """Write a snapshot of two tables: 30 of 40 rows in two seconds, the other one waits with 60."""
        now_ms = int(time.time() * 1000) + AHEAD_MS
        task.tell_whole((ORDERS, ITEMS), SnapshotState.RUNNING, now_ms)
        task.tell(ORDERS, TableState.RUNNING, 10, now_ms - 2000, 40)
        task.tell(ORDERS, TableState.RUNNING, 30, now_ms, 40)
        task.tell(ITEMS, TableState.PENDING, 0, now_ms, 60)

    def until_seen(self, worker: WorkerProcess, **members: Any) -> dict[str, Any]:
        """Wait until a worker shows these members of the snapshot; return all of the answer."""

        def seen() -> bool:
            whole = self.answer(worker)["snapshot"] or {}
            return members.items() <= whole.items()

        worker.until(seen, 60, f"a snapshot with {members}")
        return self.answer(worker)

    def answer(self, worker: WorkerProcess) -> dict[str, Any]:
        """The resource."""
        found: dict[str, Any] = worker.rest("GET", f"/connectors/{NAME}/snapshot")
        return found

    def stored(self) -> dict[bytes, bytes]:
        """The progress records that are in the topic."""
        number = murmur2_partition(PARTITION.key(), PARTITIONS)
        config = {"bootstrap.servers": self.bootstrap}
        return read_all(config, f"{self.group}-snapshots", number, belongs_to(PARTITION))


@pytest.fixture
def group(kafka: KafkaBroker, tmp_path: Path) -> Iterator[Group]:
    with ExitStack() as stack:
        yield Group(tmp_path, kafka.bootstrap, stack)


def command(worker: WorkerProcess, *words: str) -> list[str]:
    return [sys.executable, "-m", "faust_cdc.cli", "snapshot", *words, "--url", worker.url]


def on_a_terminal(words: list[str]) -> str:
    """Run a program on a terminal of its own; return what it shows."""
    ours, its = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "LINES": "24"}
    process = subprocess.Popen(words, stdout=its, stderr=subprocess.STDOUT, stdin=its, env=environment)
    os.close(its)
    shown = bytearray()
    try:
        while some := os.read(ours, 65536):
            shown += some
    except OSError:  # Linux says so of a terminal that the last program has left
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0, shown.decode()
    return shown.decode()


def test_any_worker_answers_and_one_that_comes_later_too(group: Group) -> None:
    first = group.workers[0]
    assert group.answer(first) == {
        "connector": NAME, "server": NAME, "task": "RUNNING", "snapshot": None, "tables": []
    }  # fmt: skip
    with group.task() as task:
        group.begin(task)
        task.log.write_table(NEVER_SEEN)
    found = group.until_seen(first, rows=30, estimated_rows=100)
    assert (found["snapshot"]["percent"], found["snapshot"]["tables"], found["snapshot"]["tables_done"]) == (30.0, 2, 0)
    orders, items = found["tables"]
    assert (orders["table"], orders["state"], orders["percent"], orders["rows_per_s"]) == ("orders", "running", 75, 10)
    assert orders["eta_s"] == 1.0
    assert (items["table"], items["state"], items["estimated_rows"], items["eta_s"]) == ("items", "pending", 60, None)
    second = group.add()
    same = group.until_seen(second, rows=30, estimated_rows=100)
    assert same["tables"] == found["tables"]
    assert same["snapshot"]["rows_per_s"] == found["snapshot"]["rows_per_s"]
    with pytest.raises(RestError, match="Connector none not found"):
        second.rest("GET", "/connectors/none/snapshot")


def test_metrics_and_log_of_the_worker_that_runs_it(group: Group) -> None:
    worker = group.workers[0]
    ours = {"connector": NAME, "task": "0", "context": "snapshot", "plugin": "mysql", "name": NAME}
    assert Page(worker).value("debezium_metrics_snapshot_running", **ours) == 0
    with group.task() as task:
        group.begin(task)
        group.until_seen(worker, rows=30, estimated_rows=100)
        page = Page(worker)
        for name, value in (
            ("snapshot_running", 1),
            ("snapshot_completed", 0),
            ("snapshot_paused", 0),
            ("snapshot_aborted", 0),
            ("total_table_count", 2),
            ("remaining_table_count", 2),
        ):
            assert page.value(f"debezium_metrics_{name}", **ours) == value, name
        assert page.value("debezium_metrics_rows_scanned", table="db.orders", **ours) == 30
        assert page.value("faust_cdc_snapshot_rows_estimated", connector=NAME) == 100
        assert page.value("faust_cdc_snapshot_rows_per_second", connector=NAME) == 10
        assert page.value("faust_cdc_snapshot_table_rows_estimated", table="db.orders") == 40
        assert page.value("faust_cdc_snapshot_table_seconds_left", table="db.orders") == 1
        line = "Connector c: initial snapshot: 30 of about 100 rows (30.0 %)"
        worker.until(lambda: line in worker.log_file.read_text(), 60, "a line in the log")
        assert "0 of 2 tables done, now in db.orders (75.0 %, 1 s left)" in worker.log_file.read_text()
        now_ms = int(time.time() * 1000) + 2 * AHEAD_MS
        for table, rows in ((ORDERS, 41), (ITEMS, 60)):
            task.tell(table, TableState.COMPLETED, rows, now_ms, rows)
        task.tell_whole((ORDERS, ITEMS), SnapshotState.COMPLETED, now_ms)
        group.until_seen(worker, state="completed", rows=101, percent=100.0)
        page = Page(worker)
        assert page.value("debezium_metrics_snapshot_completed", **ours) == 1
        assert page.value("debezium_metrics_remaining_table_count", **ours) == 0
        assert page.value("debezium_metrics_rows_scanned", table="db.orders", **ours) == 41
        assert page.value("debezium_metrics_snapshot_duration_in_seconds", **ours) == pytest.approx(
            (now_ms - 1000) / 1000
        )


def test_the_command_shows_a_bar_on_a_terminal_and_plain_lines_elsewhere(group: Group) -> None:
    worker = group.workers[0]
    assert "c: no snapshot is known" in on_a_terminal(command(worker, "status", NAME))
    with group.task() as task:
        group.begin(task)
        group.until_seen(worker, rows=30, estimated_rows=100)
        bar = on_a_terminal(command(worker, "status", NAME))
        assert "c: initial snapshot running" in bar
        assert "█░" in bar
        assert all(len(line) <= WIDTH for line in bar.splitlines()[1:])
        asked = subprocess.run(command(worker, "status", NAME), capture_output=True, text=True, check=True, timeout=60)
        assert "█" not in asked.stdout
        assert "db.orders    75.0 %, 30 of ~40 rows" in asked.stdout
        words = command(worker, "status", NAME, "--json")
        told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
        assert json.loads(told)["snapshot"]["rows"] == 30
        watching = subprocess.Popen(
            command(worker, "status", NAME, "--watch", "--every", "0.1"), stdout=subprocess.PIPE, text=True
        )
        try:
            assert watching.stdout is not None
            assert "30 of ~100 rows" in watching.stdout.readline()
            task.tell(ORDERS, TableState.COMPLETED, 40, 60_000, 40)
            task.tell_whole((ORDERS, ITEMS), SnapshotState.COMPLETED, 60_000)
            rest, _ = watching.communicate(timeout=60)
        finally:
            watching.kill()
        assert watching.returncode == 0
        assert "initial snapshot completed after" in rest.splitlines()[-1]
        task.tell_whole((ORDERS, ITEMS), SnapshotState.ABORTED, 60_000)
        group.until_seen(worker, state="aborted")
        assert (
            subprocess.run(command(worker, "status", NAME, "--watch"), capture_output=True, timeout=60).returncode == 1
        )


def test_the_command_says_what_is_wrong(group: Group) -> None:
    worker = group.workers[0]
    for words, said in (
        (command(worker, "status", "none"), "Error: Connector none not found"),
        ([*command(worker, "status", NAME)[:-1], "http://127.0.0.1:9"], "No worker answers at http://127.0.0.1:9"),
        ([*command(worker, "status", NAME)[:-1], "nonsense"], "No worker answers at nonsense"),
    ):
        found = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert (found.returncode, found.stdout) == (1, "")
        assert said in found.stderr
        assert "Traceback" not in found.stderr


def test_deleting_offsets_deletes_the_progress_and_fences_a_task_that_thaws(group: Group) -> None:
    worker = group.add()
    neighbour = SourcePartition("neighbour", NAME)
    with group.task() as zombie, ProgressWriter(group.bootstrap, group.group, neighbour) as other:
        group.begin(zombie)
        group.begin(other)
        group.until_seen(worker, rows=30)
        with pytest.raises(RestError, match="must be in the STOPPED state"):
            worker.rest("DELETE", f"/connectors/{NAME}/offsets")
        worker.rest("PUT", f"/connectors/{NAME}/stop")
        assert group.answer(worker)["snapshot"]["rows"] == 30, "stopping keeps it"
        zombie.log.write_table(NEVER_SEEN)
        expected = {"message": "The offsets for this connector have been reset successfully"}
        assert worker.rest("DELETE", f"/connectors/{NAME}/offsets") == expected
        assert worker.rest("GET", f"/connectors/{NAME}/offsets") == {"offsets": []}
        assert group.answer(worker)["snapshot"] is None
        with pytest.raises(ProducerFenced):
            zombie.commit()
        assert group.stored() == {}
        group.configs.put(*connector_records(neighbour.connector))
        group.workers[0].until(lambda: "neighbour" in group.workers[0].rest("GET", "/connectors"), 60, "neighbour")
        assert group.workers[0].rest("GET", "/connectors/neighbour/offsets")["offsets"]
    assert worker.rest("DELETE", f"/connectors/{NAME}/offsets") == expected
