"""Orders for snapshots on their way to the tasks that carry them out.

They come as records on the slot of their connector (`faust_cdc.worker.leases`), so they arrive where the lease is; the
task, though, may just be restarting, or may not have been started yet. An order is therefore kept until a task of the
connector has taken it: until its effect is durable, or there is none. One that was handed to a task that ended before
is handed to the next. Orders of one connector keep their order.

What is given up, with a line in the log and a notification (`Signal`, `REFUSED`): an order that no task took for
`KEPT_S`, and one beyond `WAITING_MAX`. One whose lease went away is the next owner's, who has the record again unless
it was committed: who asks for a snapshot sees in its status whether it began.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

from faust_cdc.connect.states import TargetState
from faust_cdc.signals.signal import Signal, TaskCommand, command_of
from faust_cdc.worker.manager import RunningTask

log = logging.getLogger(__name__)

KEPT_S: Final = 120.0
"""How long an order waits for a task that takes orders; one that waits for its source does."""
WAITING_MAX: Final = 1000
LOOK_EVERY_S: Final = 0.02

Refuse = Callable[[str, TaskCommand, str], None]
"""Called with connector, order and reason."""


class Tasks(Protocol):
    """What is asked of the task manager (`faust_cdc.worker.manager.TaskManager`)."""

    def held(self, connector: str) -> bool:
        """Whether this worker holds the connector's lease."""

    def task_of(self, connector: str) -> RunningTask | None:
        """The connector's task thread here."""

    def target_of(self, connector: str) -> TargetState | None:
        """What the connector is asked to be; None when there is none."""


def order_of(record: bytes | None) -> tuple[str, TaskCommand] | None:
    """Return connector and order of a record on the leases topic; None for another command, or what is none.

    Raises ValueError for a signal that cannot be read.
    """
    try:
        command: Any = json.loads(record or b"null")
    except ValueError:
        return None  # the lease agent, which reads the same records, says so
    if (
        not isinstance(command, dict)
        or command.get("type") != "signal"
        or not isinstance(command.get("connector"), str)
    ):
        return None
    connector: str = command["connector"]
    try:
        order = command_of(Signal.from_value(command.get("signal")))
    except ValueError as error:
        raise ValueError(f"Record on the leases topic for connector {connector!r}: {error}") from error
    return None if order is None else (connector, order)


class Orders:
    """Hands orders to tasks. For the loop's thread."""

    def __init__(self, tasks: Tasks, refuse: Refuse, kept_s: float = KEPT_S) -> None:
        self._tasks = tasks
        self._refuse = refuse
        self._kept_s = kept_s
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()

    async def deliver(self, connector: str, order: TaskCommand) -> bool:
        """Return when a task has taken the order (True), or it is given up here (False)."""
        if self._waiting.total() >= WAITING_MAX:
            self._give_up(connector, order, f"{WAITING_MAX} orders wait already on this worker; give it again later")
            return False
        since = time.monotonic()
        self._waiting[connector] += 1
        try:
            # Locks are fair: the orders of a connector are handed over as they came.
            async with self._turns.setdefault(connector, asyncio.Lock()):
                return await self._hand_over(connector, order, since)
        finally:
            self._waiting[connector] -= 1
            if not self._waiting[connector]:
                del self._waiting[connector], self._turns[connector]

    async def _hand_over(self, connector: str, order: TaskCommand, since: float) -> bool:
        asked: RunningTask | None = None
        number = 0
        while self._tasks.held(connector):
            if self._tasks.target_of(connector) is not TargetState.STARTED:
                self._give_up(connector, order, "the connector was stopped, paused or deleted before it was taken")
                return False
            task = self._tasks.task_of(connector)
            if task is not None and task is not asked and (given := task.submit(order)) is not None:
                asked, number = task, given
            if task is not None and task is asked:
                if task.commands_taken >= number:
                    return True
                since = time.monotonic()
            elif time.monotonic() - since > self._kept_s:
                self._give_up(connector, order, f"no task of the connector took it within {self._kept_s:g} s")
                return False
            await asyncio.sleep(LOOK_EVERY_S)
        log.info("Order %r for connector %r: the lease is not here any more", order.id, connector)
        return False

    def _give_up(self, connector: str, order: TaskCommand, reason: str) -> None:
        log.warning("Order %r (%s) for connector %r is given up: %s", order.id, type(order).__name__, connector, reason)
        self._refuse(connector, order, reason)
