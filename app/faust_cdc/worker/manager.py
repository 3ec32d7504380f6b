"""The task manager: makes what runs here equal to what this worker's leases ask for.

Level triggered: every cause (new assignment, changed configuration, command, ended thread) only wakes the one
reconciling loop, which compares what is desired with what runs and acts on the difference. So causes may be lost,
doubled or come out of order. Rules it keeps:

- Nothing is done on *revoke*: eager rebalancing revokes everything each time and gives most of it back. What is no
  longer ours after an *assignment* is stopped.
- Nothing is started before the tables hold what was committed when the worker joined: a half-read configuration topic
  would start connectors that were deleted since.
- A FAILED task stays FAILED until its configuration changes or a restart is asked for. Transient errors are retried
  inside the task. A fenced task is started anew only while the lease is ours: whoever fenced it either has the lease
  (then we will lose it at the next assignment) or had it before us.
- Before the worker leaves the group all tasks are stopped, at the same time, so that the next owner fences nobody.

All tasks of a worker are threads of its process for now; several busy ones share one interpreter.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from mode import Service

from faust_cdc.connect.desired import TaskDesired
from faust_cdc.connect.records import status_connector_key, status_task_key
from faust_cdc.connect.states import SHOWN, TargetState
from faust_cdc.errors import CdcError, ProducerFenced
from faust_cdc.pipeline.state import TaskState
from faust_cdc.worker.leases import slot_of
from faust_cdc.worker.status import Status, connector_of, stale_keys

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 10.0
"""How long a replaced task may take to end before its successor starts and fences it."""
DRAIN_TIMEOUT_S = 4.0
"""The same at shutdown: a thread that is stuck in a system call dies with the process."""
FENCED_DELAY_MIN_S = 1.0
FENCED_DELAY_MAX_S = 60.0


class TaskView(Protocol):
    """What a running task shows (`faust_cdc.pipeline.task.TaskSnapshot`)."""

    state: TaskState
    cause: str | None
    trace: str | None
    error: CdcError | None
    degraded: bool


class RunningTask(Protocol):
    """A task thread (`faust_cdc.pipeline.task.ConnectorTask`)."""

    @property
    def state(self) -> Any:
        """Its `TaskView` now."""

    def start(self) -> None:
        """Start the thread."""

    def request_stop(self) -> None:
        """Ask it to end."""

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; True when it has ended."""

    def submit(self, command: Any) -> int | None:
        """Hand over a `faust_cdc.signals.signal.TaskCommand`; return its number, None when it is not taken."""

    @property
    def commands_taken(self) -> int:
        """How many of the submitted commands have had their effect."""


TaskFactory = Callable[[TaskDesired, Callable[[Any], None]], RunningTask]
StatusWriter = Callable[[str, Status | None], None]
"""Called with a status key and its new status; None destroys it."""


class World(Protocol):
    """What the manager reads of the worker: the views, and its membership."""

    @property
    def ready(self) -> bool:
        """Whether the tables are read."""

    @property
    def slot_count(self) -> int:
        """Partitions of the leases topic."""

    def desired(self) -> dict[str, TaskDesired]:
        """Tasks that should exist, of all connectors, by task key."""

    def connectors(self) -> dict[str, TargetState]:
        """All configured connectors and what they are asked to be."""

    def status_keys(self) -> list[str]:
        """Keys that are in the status topic."""


@dataclass(slots=True)
class _Supervised:
    """One task that runs, or ran and failed."""

    desired: TaskDesired
    task: RunningTask | None = None
    failure: Status | None = None
    """Set when the task could not even be made."""
    fenced_count: int = 0
    restart_at: float | None = None
    """When a fenced task is to be started anew (monotonic seconds)."""
    started_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Supervision:
    """One task of this worker's leases, for those who show it."""

    desired: TaskDesired
    state: TaskState
    """As its status says."""
    task: Any
    """The `faust_cdc.pipeline.task.ConnectorTask`; None while it is paused, and where it could not be made."""
    restarts: int
    """Starts after the first since it came to this worker or was resumed."""


class TaskManager(Service):  # type: ignore[misc]
    """Starts, watches and stops the tasks of this worker's leases, and writes their status."""

    def __init__(self, world: World, factory: TaskFactory, write_status: StatusWriter, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._world = world
        self._factory = factory
        self._write_status = write_status
        self._slots: frozenset[int] = frozenset()
        self._supervised: dict[str, _Supervised] = {}
        self._restarts: set[str] = set()
        self._starts: Counter[str] = Counter()
        self._reported: dict[str, Status] = {}
        self._wake = asyncio.Event()

    # ---- causes

    def assigned(self, slots: Iterable[int]) -> None:
        """Take note of the slots this worker holds now (all of them, after each assignment)."""
        self._slots = frozenset(slots)
        for supervised in self._supervised.values():
            if supervised.restart_at is not None:  # what fenced it was before this: it need not wait any more
                supervised.restart_at = time.monotonic()
        self._wake.set()

    def configuration_changed(self) -> None:
        """Take note that the configuration topic changed."""
        self._wake.set()

    def overwritten(self, key: str) -> None:
        """Take note that another worker wrote this status: what we said of a connector of ours is said again."""
        fenced = (each for each in self._supervised.values() if each.task is not None and _fenced(each.task.state))
        if key in {status_task_key(each.desired.connector, each.desired.task_id) for each in fenced}:
            return  # somebody else runs it, and says how it is
        if self._reported.pop(key, None) is not None:
            self._wake.set()

    def restart(self, connector: str, task_ids: Container[object] | None, only_failed: bool) -> None:
        """Start tasks of a connector anew; None means all of them. Ignored unless its lease is ours.

        A task that could not even be made is part of its connector: restarting that tries again.
        """
        for key, supervised in self._supervised.items():
            if supervised.desired.connector != connector:
                continue
            chosen = task_ids is None or supervised.desired.task_id in task_ids
            if not chosen and supervised.failure is None:
                continue
            if not only_failed or self._status_of(supervised).state == TaskState.FAILED.value:
                self._restarts.add(key)
        self._wake.set()

    def task_of(self, connector: str) -> RunningTask | None:
        """Return the connector's task thread on this worker; None where there is none."""
        for supervised in self._supervised.values():
            if supervised.desired.connector == connector and supervised.task is not None:
                return supervised.task
        return None

    def target_of(self, connector: str) -> TargetState | None:
        """Return what a connector is asked to be; None when there is none of the name."""
        return self._world.connectors().get(connector)

    def held(self, connector: str) -> bool:
        """Whether this worker holds the connector's lease."""
        return slot_of(connector, self._world.slot_count) in self._slots

    @property
    def running(self) -> dict[str, RunningTask]:
        """The task threads of this worker, by task key."""
        return {key: each.task for key, each in self._supervised.items() if each.task is not None}

    @property
    def supervised(self) -> tuple[Supervision, ...]:
        """The tasks of this worker's leases."""
        statuses, found = self._wanted_statuses(), []
        for key, desired in self._world.desired().items():
            if self.held(desired.connector):
                supervised = self._supervised.get(key)
                task = None if supervised is None else supervised.task
                state = TaskState(statuses[status_task_key(desired.connector, desired.task_id)].state)
                found.append(Supervision(desired, state, task, max(0, self._starts[key] - 1)))
        return tuple(found)

    # ---- the loop

    @Service.task  # type: ignore[untyped-decorator]
    async def _reconcile_for_ever(self) -> None:
        while not self.should_stop:
            await self._wait_for_cause()
            if self.should_stop:
                return
            if not self._world.ready:
                continue
            try:
                await self._reconcile()
            except CdcError as error:
                log.warning("Reconciling tasks: %s Trying again.", error)
                await self.sleep(1.0)
                self._wake.set()

    async def _wait_for_cause(self) -> None:
        due = [each.restart_at for each in self._supervised.values() if each.restart_at is not None]
        within_s = max(0.0, min(due) - time.monotonic()) if due else None
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), within_s)
        self._wake.clear()

    async def _reconcile(self) -> None:
        wanted = self._wanted()
        restarts, self._restarts = self._restarts, set()
        now = time.monotonic()
        ending = {
            key: each
            for key, each in self._supervised.items()
            if key not in wanted
            or wanted[key].config != each.desired.config
            or key in restarts
            or (each.restart_at is not None and each.restart_at <= now)
        }
        if ending:
            await self._stop_all(ending.values(), STOP_TIMEOUT_S)
        for key in ending:
            self._supervised.pop(key, None)
            # The successor says so, even if it shows what its predecessor showed.
            self._reported.pop(status_task_key(ending[key].desired.connector, ending[key].desired.task_id), None)
            if key not in wanted:
                del self._starts[key]
        for key, desired in wanted.items():
            if key not in self._supervised and not self.should_stop:
                await self._start(key, desired, 0 if key in restarts or key not in ending else ending[key].fenced_count)
        self._report()

    def _wanted(self) -> dict[str, TaskDesired]:
        return {
            key: desired
            for key, desired in self._world.desired().items()
            if desired.target_state is TargetState.STARTED and self.held(desired.connector)
        }

    async def _start(self, key: str, desired: TaskDesired, fenced_count: int) -> None:
        supervised = _Supervised(desired, fenced_count=fenced_count)
        self._starts[key] += 1
        loop = asyncio.get_running_loop()

        def on_state(snapshot: TaskView) -> None:
            # Called in the task's thread.
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._task_changed, key, supervised, snapshot)

        try:
            # In a thread: the first task imports the whole data plane, and REST shall not wait for that.
            supervised.task = await asyncio.to_thread(self._factory, desired, on_state)
        except Exception as error:
            # A configuration that another program wrote, or our bug: this connector fails, the others go on.
            known = isinstance(error, CdcError)
            cause = f"{type(error).__name__}: {error}"
            log.warning("Task %s cannot start: %s", key, cause, exc_info=not known)
            supervised.failure = Status(
                TaskState.FAILED.value, cause if known else f"{cause}\n{traceback.format_exc()}"
            )
        if self.should_stop:
            return
        self._supervised[key] = supervised
        if supervised.task is not None:
            supervised.task.start()
            log.info("Started task %s", key)

    def _task_changed(self, key: str, supervised: _Supervised, snapshot: TaskView) -> None:
        if self._supervised.get(key) is not supervised:
            return
        if _fenced(snapshot):
            self._plan_restart(key, supervised)
        elif self._world.ready:
            try:
                self._report()
            except CdcError:
                # The loop writes it again, and says so when that fails too.
                self._wake.set()

    def _plan_restart(self, key: str, supervised: _Supervised) -> None:
        if time.monotonic() - supervised.started_at > FENCED_DELAY_MAX_S:
            supervised.fenced_count = 0
        delay_s = min(FENCED_DELAY_MIN_S * 2**supervised.fenced_count, FENCED_DELAY_MAX_S)
        supervised.fenced_count += 1
        supervised.restart_at = time.monotonic() + delay_s
        log.warning("Task %s was fenced by another producer; trying again in %g s if the lease is ours.", key, delay_s)
        self._wake.set()

    # ---- stopping

    async def on_stop(self) -> None:
        """Stop all tasks at the same time and say that nobody runs them."""
        self._wake.set()
        supervised = list(self._supervised.values())
        await self._stop_all(supervised, DRAIN_TIMEOUT_S)
        self._supervised.clear()
        for key, status in list(self._reported.items()):
            if status.state == TaskState.RUNNING.value:
                self._send(key, Status(TaskState.UNASSIGNED.value))

    async def _stop_all(self, ending: Iterable[_Supervised], timeout_s: float) -> None:
        tasks = [each.task for each in ending if each.task is not None]
        for task in tasks:
            task.request_stop()
        ended = await asyncio.gather(*(asyncio.to_thread(task.join, timeout_s) for task in tasks))
        late = ended.count(False)
        if late:
            log.warning("%d task(s) did not end within %g s; their successors fence them.", late, timeout_s)

    # ---- status

    def _report(self) -> None:
        """Write what changed of the status of every connector whose lease is ours."""
        wanted = self._wanted_statuses()
        self._reported = {key: status for key, status in self._reported.items() if key in wanted}
        ours = frozenset(
            name for name in map(connector_of, self._world.status_keys()) if name is not None and self.held(name)
        )
        for key in stale_keys(self._world.status_keys(), wanted, ours):
            self._write_status(key, None)
        for key, status in wanted.items():
            if self._reported.get(key) != status:
                self._send(key, status)

    def _send(self, key: str, status: Status) -> None:
        self._reported[key] = status
        self._write_status(key, status)

    def _wanted_statuses(self) -> dict[str, Status]:
        """The status of every connector whose lease is ours, and of its tasks, by status key."""
        statuses = {
            status_connector_key(name): Status(SHOWN[target].value)
            for name, target in self._world.connectors().items()
            if self.held(name)
        }
        for key, desired in self._world.desired().items():
            if not self.held(desired.connector):
                continue
            supervised = self._supervised.get(key)
            if supervised is not None and supervised.failure is not None:
                statuses[status_connector_key(desired.connector)] = supervised.failure
            status_key = status_task_key(desired.connector, desired.task_id)
            if desired.target_state is TargetState.PAUSED:
                statuses[status_key] = Status(TaskState.PAUSED.value)
            elif supervised is not None and supervised.task is not None and _fenced(supervised.task.state):
                # Somebody else runs it and says how it is; a frozen worker that thaws must not write over that.
                statuses[status_key] = self._reported.get(status_key, Status(TaskState.UNASSIGNED.value))
            else:
                statuses[status_key] = self._status_of(supervised)
        return statuses

    def _status_of(self, supervised: _Supervised | None) -> Status:
        if supervised is None:
            return Status(TaskState.UNASSIGNED.value)
        if supervised.failure is not None or supervised.task is None:
            return supervised.failure or Status(TaskState.UNASSIGNED.value)
        view: TaskView = supervised.task.state
        # A degraded task is RUNNING, as in Connect; the trace says what it retries.
        return Status(view.state.value, view.trace or (view.cause if view.degraded else None))


def _fenced(view: TaskView) -> bool:
    return view.state is TaskState.FAILED and isinstance(view.error, ProducerFenced)
