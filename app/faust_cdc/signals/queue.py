"""Commands on their way to a task's thread, which takes them between source transactions."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from faust_cdc.signals.signal import TaskCommand

WAITING_MAX: Final = 1000
"""Commands that may wait: a task that cannot reach its source takes none."""


class CommandQueue:
    """From any thread to one. What waits outlives attempts of the task, not the task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[TaskCommand] = deque()
        self._submitted = 0
        self.taken = 0
        """How many were taken so far: those up to the number that `submit` gave."""

    def __bool__(self) -> bool:
        """True when commands wait; costs no lock."""
        return bool(self._waiting)

    def submit(self, command: TaskCommand) -> int | None:
        """Add a command; return its number, None when too many wait already."""
        with self._lock:
            if len(self._waiting) >= WAITING_MAX:
                return None
            self._waiting.append(command)
            self._submitted += 1
            return self._submitted

    def take(self) -> list[TaskCommand]:
        """Remove and return what waits, in order."""
        with self._lock:
            commands = list(self._waiting)
            self._waiting.clear()
            self.taken += len(commands)
            return commands
