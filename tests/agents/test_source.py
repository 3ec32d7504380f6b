"""The lease agent with real workers: leases are shared, handed over, and commands find their holder."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.harness.groups import member_count
from tests.harness.worker import WorkerProcess
from tests.lab import KafkaBroker
from tests.worker.records import TopicWriter, connector_records

pytestmark = pytest.mark.integration

NAMES = [f"c{number}" for number in range(8)]
TAKEOVER_MAX_S = 180.0  # ten on a free machine; other tests may be busy on the same


class Pair:
    """Two workers of one group, and eight connectors."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.group = f"g{uuid4().hex[:8]}"
        self.workers = [WorkerProcess(folder / str(number), bootstrap, self.group) for number in range(2)]

    def start(self) -> "Pair":
        """Start both, create the connectors, wait until both run some."""
        for worker in self.workers:
            worker.start()
        for worker in self.workers:
            worker.wait_ready()
        writer = TopicWriter(self.bootstrap, f"{self.group}-configs")
        writer.put(*[record for name in NAMES for record in connector_records(name)])
        # Both see the same: each of them has read the statuses the other wrote.
        for number, worker in enumerate(self.workers):
            worker.until(lambda seen_by=number: self.are_shared(seen_by), 180, "both workers run tasks, all run")  # type: ignore[misc]
        return self

    def statuses(self, seen_by: int = 0) -> dict[str, Any]:
        """The status of every connector's task 0, as one worker shows it."""
        expanded = self.workers[seen_by].rest("GET", "/connectors?expand=status")
        found = {name: each["status"]["tasks"] for name, each in expanded.items() if "status" in each}
        return {name: tasks[0] for name, tasks in found.items() if tasks}

    def owners(self, seen_by: int = 0) -> dict[str, str]:
        """Who runs what: connector → worker id."""
        return {name: task["worker_id"] for name, task in self.statuses(seen_by).items() if task["state"] == "RUNNING"}

    def are_shared(self, seen_by: int) -> bool:
        """Whether all the connectors run, as this worker shows it, each worker has some, and no status will change.

        It changes once while a task runs: when the task has found that nobody serves its database, and says so.
        """
        owners = self.owners(seen_by)
        told = all(task.get("trace") for task in self.statuses(seen_by).values())
        return told and set(owners) == set(NAMES) and len(set(owners.values())) == len(self.workers)

    def all_run_on(self, number: int) -> bool:
        """Whether this worker runs them all, as it shows it itself."""
        owners = self.owners(number)
        return set(owners) == set(NAMES) and set(owners.values()) == {f"127.0.0.1:{self.workers[number].port}"}

    def status_record_count(self) -> int:
        """Records ever written to the status topic."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "count"})
        try:
            topic = f"{self.group}-status"
            partitions = consumer.list_topics(topic, timeout=60).topics[topic].partitions
            return sum(
                consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=60)[1] for number in partitions
            )
        finally:
            consumer.close()

    def close(self) -> None:
        """End both."""
        for worker in self.workers:
            worker.kill()


@pytest.fixture
def pair(tmp_path: Path, kafka: KafkaBroker) -> Iterator[Pair]:
    workers = Pair(tmp_path, kafka.bootstrap)
    try:
        yield workers.start()
    finally:
        workers.close()


def test_a_killed_workers_leases_go_to_the_other(pair: Pair) -> None:
    untouched = {name for name, owner in pair.owners().items() if owner.endswith(str(pair.workers[0].port))}
    before = {name: pair.statuses()[name] for name in untouched}
    began = time.monotonic()
    pair.workers[1].kill()
    pair.workers[0].until(lambda: pair.all_run_on(0), TAKEOVER_MAX_S, "takeover")
    print(f"leases: takeover after kill -9 in {time.monotonic() - began:.1f} s")
    # Tasks that were not concerned have not been touched.
    assert {name: pair.statuses()[name] for name in untouched} == before


def test_a_stopped_workers_leases_go_over_at_once(pair: Pair) -> None:
    assert member_count(pair.bootstrap, pair.group) == 2
    began = time.monotonic()
    assert pair.workers[1].stop() == 0
    assert member_count(pair.bootstrap, pair.group) == 1, "it left the group, so that the other need not wait"
    pair.workers[0].until(lambda: pair.all_run_on(0), TAKEOVER_MAX_S, "handover")
    print(f"leases: handover after SIGTERM in {time.monotonic() - began:.1f} s")


def command(pair: Pair, asked: WorkerProcess, name: str) -> None:
    """Restart, pause and resume a connector through the worker `asked`."""
    before = pair.status_record_count()
    asked.rest("POST", f"/connectors/{name}/tasks/0/restart")
    asked.until(lambda: pair.status_record_count() > before, 60, f"{name} restarted")
    asked.rest("PUT", f"/connectors/{name}/pause")
    asked.until(lambda: asked.task_state(name) == "PAUSED", 60, f"{name} paused")
    asked.rest("PUT", f"/connectors/{name}/resume")
    asked.until(lambda: asked.task_state(name) == "RUNNING", 60, f"{name} resumed")


def test_commands_reach_the_holder_whoever_was_asked(pair: Pair) -> None:
    """Each connector is restarted through the worker that does not run it; paused and resumed through the other."""
    owners = pair.owners()
    ports = {f"127.0.0.1:{worker.port}": worker for worker in pair.workers}
    for name, owner in owners.items():
        command(pair, next(worker for worker_id, worker in ports.items() if worker_id != owner), name)
    pair.workers[0].until(lambda: pair.owners() == owners, 60, "the same holders as before")


def test_what_is_no_command_is_refused_and_the_agent_lives(pair: Pair) -> None:
    writer = TopicWriter(pair.bootstrap, f"{pair.group}-leases")
    for value in (b"not json", b"[]", b'{"type":"restart"}', b'{"type":"dance","connector":"c0"}', None):
        writer.put(("c0", value))
    test_commands_reach_the_holder_whoever_was_asked(pair)
