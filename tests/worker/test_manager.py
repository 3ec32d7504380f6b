"""The task manager against tasks that do what a test says: who runs, who is stopped, what is reported."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from faust_cdc.connect.desired import TaskDesired
from faust_cdc.connect.states import TargetState
from faust_cdc.errors import CdcError, ConfigError, ProducerFenced
from faust_cdc.pipeline.state import TaskState
from faust_cdc.worker import manager as module
from faust_cdc.worker.leases import slot_of
from faust_cdc.worker.manager import TaskManager
from faust_cdc.worker.status import Status

SLOTS = 8
ALL = range(SLOTS)


@dataclass(frozen=True)
class View:
    state: TaskState
    cause: str | None = None
    trace: str | None = None
    error: CdcError | None = None
    degraded: bool = False


class ScriptedTask:
    """A task thread that shows what it is told and ends when asked."""

    def __init__(self, desired: TaskDesired, on_state: Callable[[Any], None]) -> None:
        self.desired = desired
        self.state: Any = View(TaskState.UNASSIGNED)
        self._on_state = on_state
        self.stop_asked_at: float | None = None
        self.before_end: Callable[[], object] = lambda: None
        self.commands_taken = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        self.show(View(TaskState.RUNNING))
        self._stop.wait()
        self.before_end()
        self.state = View(TaskState.UNASSIGNED)
        self._on_state(self.state)

    def show(self, view: View) -> None:
        self.state = view
        self._on_state(view)

    def request_stop(self) -> None:
        self.stop_asked_at = time.monotonic()
        self._stop.set()

    def submit(self, command: Any) -> int | None:
        return None

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()


@dataclass
class Cluster:
    """A world of dictionaries, and the manager in it."""

    ready: bool = True
    slot_count: int = SLOTS
    configs: dict[str, dict[str, str | None]] = field(default_factory=dict)
    targets: dict[str, TargetState] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    writes: list[tuple[str, Status | None]] = field(default_factory=list)
    made: list[ScriptedTask] = field(default_factory=list)
    refuse: str | None = None

    def connectors(self) -> dict[str, TargetState]:
        return {name: self.targets.get(name, TargetState.STARTED) for name in self.configs}

    def desired(self) -> dict[str, TaskDesired]:
        return {
            f"{name}-0": TaskDesired(name, 0, self.configs[name], state)
            for name, state in self.connectors().items()
            if state is not TargetState.STOPPED
        }

    def status_keys(self) -> list[str]:
        return list(self.statuses)

    def write(self, key: str, status: Status | None) -> None:
        self.writes.append((key, status))
        if status is None:
            self.statuses.pop(key, None)
        else:
            self.statuses[key] = status

    def make(self, desired: TaskDesired, on_state: Callable[[Any], None]) -> ScriptedTask:
        if self.refuse is not None:
            raise ConfigError(self.refuse)
        task = ScriptedTask(desired, on_state)
        self.made.append(task)
        return task

    def state(self, connector: str) -> str | None:
        status = self.statuses.get(f"status-task-{connector}-0")
        return None if status is None else status.state


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "condition not reached"
        await asyncio.sleep(0.005)


def run(test: Callable[[Cluster, TaskManager], Any], **cluster: Any) -> Cluster:
    """Run a test with a started manager; stops it afterwards."""
    world = Cluster(**cluster)

    async def main() -> None:
        manager = TaskManager(world, world.make, world.write)
        await manager.start()
        try:
            await test(world, manager)
        finally:
            await manager.stop()

    asyncio.run(main())
    return world


def test_runs_the_tasks_of_its_slots_only() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned({slot_of("a", SLOTS)})
        await until(lambda: world.state("a") == "RUNNING")
        assert set(manager.running) == {"a-0"}
        assert world.state("b") is None

    configs: dict[str, dict[str, str | None]] = {"a": {}, "b": {}}
    assert slot_of("a", SLOTS) != slot_of("b", SLOTS)
    world = run(test, configs=configs)
    assert world.state("a") == "UNASSIGNED"


def test_starts_nothing_before_the_tables_are_read() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await asyncio.sleep(0.05)
        assert not world.made
        world.ready = True
        manager.configuration_changed()
        await until(lambda: world.state("a") == "RUNNING")

    run(test, configs={"a": {}}, ready=False)


def test_an_assignment_that_changes_nothing_leaves_tasks_alone() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        for _ in range(5):
            manager.assigned(ALL)
            await asyncio.sleep(0.01)
        assert len(world.made) == 1
        assert world.made[0].stop_asked_at is None

    run(test, configs={"a": {}})


def test_a_lost_lease_stops_the_task_and_says_nothing_for_the_new_owner() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        world.writes.clear()
        manager.assigned(set())
        await until(lambda: not manager.running)
        assert world.made[0].stop_asked_at is not None
        assert not world.writes

    run(test, configs={"a": {}})


def test_a_changed_configuration_replaces_the_task() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        world.configs["a"] = {"x": "2"}
        manager.configuration_changed()
        await until(lambda: len(world.made) == 2 and world.made[1].state.state is TaskState.RUNNING)
        assert world.made[0].join(0)
        assert world.made[1].desired.config == {"x": "2"}

    run(test, configs={"a": {"x": "1"}})


def test_pause_stop_resume_and_delete() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        for target, task, connector in (
            (TargetState.PAUSED, "PAUSED", "PAUSED"),
            (TargetState.STOPPED, None, "STOPPED"),
            (TargetState.STARTED, "RUNNING", "RUNNING"),
        ):
            world.targets["a"] = target
            manager.configuration_changed()
            await until(lambda task=task: world.state("a") == task)  # type: ignore[misc]
            assert world.statuses["status-connector-a"].state == connector
            # The status may stand while the thread of the task still ends.
            await until(lambda target=target: bool(manager.running) is (target is TargetState.STARTED))  # type: ignore[misc]
        del world.configs["a"]
        manager.configuration_changed()
        await until(lambda: not world.statuses and not manager.running)

    run(test, configs={"a": {}})


def test_a_failed_task_stays_failed_until_a_restart_is_asked_for() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        world.made[0].show(View(TaskState.FAILED, "cause", "cause\ntrace", ConfigError("cause")))
        await until(lambda: world.state("a") == "FAILED")
        assert world.statuses["status-task-a-0"].trace == "cause\ntrace"
        assert world.statuses["status-connector-a"].state == "RUNNING"
        manager.assigned(ALL)
        manager.configuration_changed()
        manager.restart("b", None, only_failed=False)
        await asyncio.sleep(0.05)
        assert len(world.made) == 1
        manager.restart("a", (0,), only_failed=False)
        await until(lambda: world.state("a") == "RUNNING")
        assert len(world.made) == 2

    run(test, configs={"a": {}})


def test_restart_of_failed_ones_leaves_running_ones_alone() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        manager.restart("a", None, only_failed=True)
        await asyncio.sleep(0.05)
        assert len(world.made) == 1

    run(test, configs={"a": {}})


def test_a_degraded_task_is_running_and_says_what_it_retries() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        world.made[0].show(View(TaskState.RUNNING, "registry down", degraded=True))
        await until(lambda: world.statuses["status-task-a-0"] == Status("RUNNING", "registry down"))
        world.made[0].show(View(TaskState.RUNNING))
        await until(lambda: world.statuses["status-task-a-0"] == Status("RUNNING"))

    run(test, configs={"a": {}})


def test_a_fenced_task_starts_anew_only_while_the_lease_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FENCED_DELAY_MIN_S", 0.05)

    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        fenced = View(TaskState.FAILED, "fenced", "fenced", ProducerFenced("fenced"))
        world.writes.clear()
        world.made[0].show(fenced)
        await until(lambda: len(world.made) == 2 and world.made[1].state.state is TaskState.RUNNING)
        assert all(status is None or status.state != "FAILED" for _, status in world.writes)
        world.made[1].show(fenced)
        manager.assigned(set())
        await asyncio.sleep(0.3)
        assert len(world.made) == 2

    run(test, configs={"a": {}})


def test_a_fenced_task_whose_lease_is_given_again_starts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker's that was frozen, taken for dead, and is back in the group."""
    monkeypatch.setattr(module, "FENCED_DELAY_MIN_S", 3600.0)
    monkeypatch.setattr(module, "FENCED_DELAY_MAX_S", 3600.0)

    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        world.made[0].show(View(TaskState.FAILED, "fenced", "fenced", ProducerFenced("fenced")))
        await asyncio.sleep(0.1)
        assert len(world.made) == 1
        manager.assigned(ALL)
        await until(lambda: len(world.made) == 2 and world.state("a") == "RUNNING")

    run(test, configs={"a": {}})


def test_what_another_worker_wrote_over_our_status_is_said_again() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        for key in ("status-task-a-0", "status-connector-a"):
            said, world.statuses[key] = world.statuses[key], Status("FAILED", "by one that was frozen")
            manager.overwritten(key)
            await until(lambda: world.statuses[key] == said)  # noqa: B023
        manager.overwritten("status-task-b-0")
        fenced = View(TaskState.FAILED, "fenced", "fenced", ProducerFenced("fenced"))
        world.writes.clear()
        world.made[0].show(fenced)
        manager.overwritten("status-task-a-0")
        manager.configuration_changed()
        await asyncio.sleep(0.1)
        assert world.writes == [], "somebody else runs it"
        manager.assigned(set())
        await until(lambda: world.made[0].stop_asked_at is not None)
        world.writes.clear()
        manager.overwritten("status-task-a-0")
        await asyncio.sleep(0.1)
        assert world.writes == [], "it is another worker's by now"

    run(test, configs={"a": {}})


def test_a_configuration_that_cannot_run_fails_its_connector_and_no_other() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "FAILED")
        assert "no such option" in (world.statuses["status-connector-a"].trace or "")
        world.refuse = None
        world.configs["b"] = {}
        manager.configuration_changed()
        await until(lambda: world.state("b") == "RUNNING")
        assert world.state("a") == "FAILED"
        manager.restart("a", (), only_failed=False)
        await until(lambda: world.state("a") == "RUNNING")

    run(test, configs={"a": {}}, refuse="no such option")


def test_supervised_are_the_tasks_of_our_leases_whatever_their_state() -> None:
    def shown(manager: TaskManager) -> list[tuple[str, str, bool, int]]:
        return [
            (each.desired.connector, each.state.value, each.task is not None, each.restarts)
            for each in manager.supervised
        ]

    async def test(world: Cluster, manager: TaskManager) -> None:
        assert shown(manager) == []
        manager.assigned({slot_of("a", SLOTS)})
        await until(lambda: world.state("a") == "RUNNING")
        assert shown(manager) == [("a", "RUNNING", True, 0)]
        manager.restart("a", None, only_failed=False)
        await until(lambda: len(world.made) == 2 and world.state("a") == "RUNNING")
        assert shown(manager) == [("a", "RUNNING", True, 1)]
        world.targets["a"] = TargetState.PAUSED
        manager.configuration_changed()
        await until(lambda: shown(manager) == [("a", "PAUSED", False, 0)])
        world.targets["a"] = TargetState.STARTED
        world.refuse = "no such option"
        manager.configuration_changed()
        await until(lambda: shown(manager) == [("a", "FAILED", False, 0)])
        manager.assigned(set())
        await until(lambda: shown(manager) == [])

    assert slot_of("a", SLOTS) != slot_of("b", SLOTS)
    run(test, configs={"a": {}, "b": {}})


def test_all_tasks_are_drained_at_the_same_time() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned(ALL)
        await until(lambda: all(world.state(name) == "RUNNING" for name in world.configs))
        assert len(world.made) == 6
        together = threading.Barrier(6)  # it breaks when one is waited for before the others are asked to stop
        for task in world.made:
            task.before_end = lambda: together.wait(60)
        await manager.stop()
        assert not together.broken
        assert {world.state(name) for name in world.configs} == {"UNASSIGNED"}

    run(test, configs={name: {} for name in "abcdef"})


def test_statuses_of_what_is_gone_are_destroyed_by_the_lease_holder() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        manager.assigned({slot_of("gone", SLOTS)})
        await until(lambda: "status-task-gone-0" not in world.statuses)
        assert "status-connector-other" in world.statuses

    assert slot_of("gone", SLOTS) != slot_of("other", SLOTS)
    old = {key: Status("RUNNING") for key in ("status-connector-gone", "status-task-gone-0", "status-connector-other")}
    run(test, statuses=old)


def test_a_connectors_task_is_found_where_it_runs() -> None:
    async def test(world: Cluster, manager: TaskManager) -> None:
        assert manager.task_of("a") is None
        manager.assigned(ALL)
        await until(lambda: world.state("a") == "RUNNING")
        assert manager.task_of("a") is world.made[0]
        assert manager.task_of("b") is None
        assert manager.target_of("a") is TargetState.STARTED
        assert manager.target_of("b") is None

    run(test, configs={"a": {}})
