"""A connector task: one thread that runs attempts until it is stopped or fails for good.

Transient and abortable errors end an attempt; the next begins after a back-off from the last committed offset, and
the task stays RUNNING, marked degraded; after a connection that a limit let grow old the next begins at once,
unmarked. Everything else ends the thread as FAILED with its cause.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace

from faust_cdc.errors import CdcError, Disposition, InternalError, SourceConnectionOutwaited
from faust_cdc.notifications.notification import Notification
from faust_cdc.pipeline.control import ControlLinks, unseen
from faust_cdc.pipeline.coordinator import Coordinator, Progress
from faust_cdc.pipeline.phase import Phase
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.state import TaskState, TaskStateMachine
from faust_cdc.signals.queue import CommandQueue
from faust_cdc.signals.signal import TaskCommand

log = logging.getLogger(__name__)

RETRIED = frozenset({Disposition.RETRY, Disposition.ABORT_TXN})
HEALTHY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class TaskSnapshot:
    """What a task shows to the control plane at one moment."""

    state: TaskState
    cause: str | None = None
    """One line: what failed and what to do."""
    trace: str | None = None
    error: CdcError | None = None
    degraded: bool = False
    """True while transient errors are being retried."""
    retries: int = 0


class ConnectorTask:
    """Runs one task in a thread of its own; every public member may be used from any thread."""

    def __init__(
        self,
        spec: TaskSpec,
        on_state: Callable[[TaskSnapshot], None] | None = None,
        show: Callable[[Notification], None] = unseen,
    ) -> None:
        """`on_state` and `show` are called in the task's thread, with a new state and with every notification."""
        self.spec = spec
        self._links = ControlLinks(CommandQueue(), show)
        self.progress = Progress()
        self._on_state = on_state
        self._machine = TaskStateMachine()
        self._snapshot = TaskSnapshot(self._machine.state)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"task-{spec.connector}-{spec.task_id}", daemon=True)

    @property
    def state(self) -> TaskSnapshot:
        """The task's state now."""
        return self._snapshot

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, command: TaskCommand) -> int | None:
        """Hand over a command, taken between source transactions; return its number, as `commands_taken` counts.

        None: it is not taken, as the task has failed, or too many wait.
        """
        return None if self._snapshot.state is TaskState.FAILED else self._links.commands.submit(command)

    @property
    def commands_taken(self) -> int:
        """How many of the submitted commands the task's thread has taken."""
        return self._links.commands.taken

    def request_stop(self) -> None:
        """Ask the thread to end after the source transaction it is in."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; True when it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._show(TaskState.RUNNING)
        run_id = uuid7()
        delay_ms = self.spec.retry_delay_min_ms
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                Coordinator(self.spec, run_id, self._stop, self.progress, self._healthy, self._links).run()
            except SourceConnectionOutwaited as waited:  # as the configuration has it: no reason to be degraded
                log.info("Task %s: %s Connecting again.", self._name, waited)
            except CdcError as error:
                if self._stop.is_set():
                    log.info("Task %s stopped while: %s", self._name, error)
                    break
                if error.disposition not in RETRIED:
                    self._fail(error)
                    return
                if time.monotonic() - began > HEALTHY_AFTER_S or self.progress.phase is Phase.STREAMING:
                    delay_ms = self.spec.retry_delay_min_ms
                log.warning("Task %s: %s Retrying in %d ms.", self._name, error, delay_ms)
                retries = self._snapshot.retries + 1
                self._update(replace(self._snapshot, degraded=True, cause=str(error), error=error, retries=retries))
                self._stop.wait(delay_ms / 1000)
                delay_ms = min(delay_ms * 2, self.spec.retry_delay_max_ms)
            except Exception as error:
                self._fail(InternalError(f"{type(error).__name__}: {error}"))
                return
        self._show(TaskState.UNASSIGNED)

    def _healthy(self) -> None:
        if self._snapshot.degraded:
            self._update(replace(self._snapshot, degraded=False, cause=None, error=None))

    @property
    def _name(self) -> str:
        return f"{self.spec.connector}-{self.spec.task_id}"

    def _fail(self, error: CdcError) -> None:
        log.error("Task %s failed: %s", self._name, error, exc_info=True)
        self._machine.move(TaskState.FAILED)
        cause = f"{type(error).__name__}: {error}"
        self._update(TaskSnapshot(TaskState.FAILED, cause, f"{cause}\n{traceback.format_exc()}", error))

    def _show(self, state: TaskState) -> None:
        self._machine.move(state)
        self._update(TaskSnapshot(state))

    def _update(self, snapshot: TaskSnapshot) -> None:
        self._snapshot = snapshot
        if self._on_state is not None:
            self._on_state(snapshot)


def uuid7() -> str:
    """Return a time-ordered UUID (RFC 9562, version 7), as Debezium's run id is one."""
    value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
