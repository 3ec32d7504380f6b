"""Target states and shown states of connectors, in Connect's words (kafka-connect: TargetState, AbstractStatus).

`TargetState` is what somebody asked for (config topic); `ConnectorState` is what is shown (status topic). A
task's shown state is `faust_cdc.pipeline.state.TaskState`. They are different types on purpose.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class TargetState(enum.StrEnum):
    """What a connector is asked to be."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class ConnectorState(enum.Enum):
    """What REST shows of a connector. STOPPED exists for connectors only: a stopped one has no tasks."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    RESTARTING = "RESTARTING"


INITIAL_STATES: Final[Mapping[str, TargetState]] = {
    "RUNNING": TargetState.STARTED,
    "PAUSED": TargetState.PAUSED,
    "STOPPED": TargetState.STOPPED,
}
"""The values of `initial_state` in a create request (KIP-980), and the target state each one means."""

SHOWN: Final[Mapping[TargetState, ConnectorState]] = {
    TargetState.STARTED: ConnectorState.RUNNING,
    TargetState.PAUSED: ConnectorState.PAUSED,
    TargetState.STOPPED: ConnectorState.STOPPED,
}
"""What a healthy connector shows under each target state."""
