"""Commands on their way to a task's thread, which takes them between source transactions.

A command leaves the queue when the Kafka transaction is committed in which it had its effect: an attempt that fails
before takes it again, and who must know that it is done (the Kafka channel, before it commits its place) asks `taken`.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from faust_cdc.signals.signal import TaskCommand

WAITING_MAX: Final = 1000
"""Commands that may wait: a task that cannot reach its source takes none."""


class CommandQueue:
    """`submit` is for any thread; what remains is for the task's. It outlives attempts of the task, not the task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._commands: deque[TaskCommand] = deque()
        self._submitted = 0
        self._carried_out = 0
        """The first so many of `_commands` are carried out, and not committed yet."""
        self.taken = 0
        """How many have left the queue: those up to the number that `submit` gave."""

    def submit(self, command: TaskCommand) -> int | None:
        """Add a command; return its number, None when too many wait already."""
        with self._lock:
            if len(self._commands) >= WAITING_MAX:
                return None
            self._commands.append(command)
            self._submitted += 1
            return self._submitted

    def __bool__(self) -> bool:
        """True when commands are to be carried out; costs no lock."""
        return len(self._commands) > self._carried_out

    @property
    def next(self) -> TaskCommand | None:
        """The next command to be carried out."""
        return self._commands[self._carried_out] if self else None

    def carried_out(self) -> None:
        """Note that `next` is carried out."""
        self._carried_out += 1

    def committed(self) -> None:
        """Note that the effects of all that is carried out are durable, or that there are none."""
        if self._carried_out:
            with self._lock:
                for _ in range(self._carried_out):
                    self._commands.popleft()
                self.taken += self._carried_out
                self._carried_out = 0

    def begin_again(self) -> None:
        """Note that an attempt begins: what was carried out and not committed is to be carried out again."""
        self._carried_out = 0
