"""The life cycle of a connector task, in Connect's words.

                 ┌──────────────▶ PAUSED ◀──────────────┐
                 │                │ ▲  │                │
                 │                ▼ │  ▼                │
    UNASSIGNED ──┼────────────▶ RUNNING ──▶ RESTARTING ─┤
        ▲        │                │            │  ▲     │
        │        └──────────────▶ FAILED ◀─────┘  │     │
        │                           └─────────────┘     │
        └── from every state, when the task is stopped or its worker loses it

A failed task leaves FAILED only through RESTARTING (somebody asked) or UNASSIGNED (it moved or its
configuration changed). A deleted task has no state: its status record is a tombstone.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Mapping
from typing import Final

from faust_cdc.errors import InternalError

log = logging.getLogger(__name__)


class TaskState(enum.Enum):
    """What REST shows of a task; the values are those of Connect's status topic."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FAILED = "FAILED"
    RESTARTING = "RESTARTING"


MOVES: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    TaskState.UNASSIGNED: frozenset({TaskState.RUNNING, TaskState.PAUSED, TaskState.FAILED}),
    TaskState.RUNNING: frozenset({TaskState.PAUSED, TaskState.FAILED, TaskState.RESTARTING, TaskState.UNASSIGNED}),
    TaskState.PAUSED: frozenset({TaskState.RUNNING, TaskState.FAILED, TaskState.RESTARTING, TaskState.UNASSIGNED}),
    TaskState.FAILED: frozenset({TaskState.RESTARTING, TaskState.UNASSIGNED}),
    TaskState.RESTARTING: frozenset({TaskState.RUNNING, TaskState.PAUSED, TaskState.FAILED, TaskState.UNASSIGNED}),
}
"""Where each state may go; staying is not a move."""


class TaskStateMachine:
    """Holds one task's state and refuses every move that is not in `MOVES`."""

    def __init__(self, name: str = "task") -> None:
        self._name = name
        self._state = TaskState.UNASSIGNED

    @property
    def state(self) -> TaskState:
        """The state now."""
        return self._state

    def move(self, to: TaskState) -> None:
        """Go to `to`. Raises `InternalError` for a move that is not in the table."""
        self._set(to)

    def _set(self, to: TaskState) -> None:
        """The only place that changes the state."""
        if to not in MOVES[self._state]:
            legal = ", ".join(sorted(state.value for state in MOVES[self._state]))
            raise InternalError(f"{self._name}: illegal move {self._state.value} → {to.value}; legal are {legal}.")
        log.debug("%s: %s → %s", self._name, self._state.value, to.value)
        self._state = to
