"""Where one attempt of a task stands.

CONNECTING ─→ SNAPSHOTTING ─→ STREAMING
     ├─────────────────┼─────────↑
     └─────────────────┴────→ IDLE
any ─→ STOPPED
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from faust_cdc.errors import InternalError


class Phase(enum.Enum):
    """What the coordinator is doing."""

    CONNECTING = "connecting"
    SNAPSHOTTING = "snapshotting"
    STREAMING = "streaming"
    IDLE = "idle"
    """Everything is done that `snapshot.mode` asks for, and that is no stream."""
    STOPPED = "stopped"


MOVES: Mapping[Phase, frozenset[Phase]] = {
    Phase.CONNECTING: frozenset({Phase.SNAPSHOTTING, Phase.STREAMING, Phase.IDLE, Phase.STOPPED}),
    Phase.SNAPSHOTTING: frozenset({Phase.STREAMING, Phase.IDLE, Phase.STOPPED}),
    Phase.STREAMING: frozenset({Phase.IDLE, Phase.STOPPED}),
    Phase.IDLE: frozenset({Phase.STOPPED}),
    Phase.STOPPED: frozenset(),
}


class PhaseMachine:
    """Holds the phase and refuses illegal moves."""

    def __init__(self) -> None:
        self._phase = Phase.CONNECTING

    @property
    def phase(self) -> Phase:
        """The phase now."""
        return self._phase

    def move(self, to: Phase) -> None:
        """Go to `to`. Raises InternalError for a move that is not in the table."""
        if to not in MOVES[self._phase]:
            raise InternalError(f"Illegal phase move {self._phase.value} → {to.value}.")
        self._phase = to
