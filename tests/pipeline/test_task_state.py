from __future__ import annotations

import itertools

import pytest

from faust_cdc.errors import InternalError
from faust_cdc.pipeline import state as module
from faust_cdc.pipeline.state import MOVES, TaskState, TaskStateMachine

PATHS = {
    TaskState.UNASSIGNED: [],
    TaskState.RUNNING: [TaskState.RUNNING],
    TaskState.PAUSED: [TaskState.PAUSED],
    TaskState.FAILED: [TaskState.FAILED],
    TaskState.RESTARTING: [TaskState.RUNNING, TaskState.RESTARTING],
}
LEGAL = {
    ("UNASSIGNED", "RUNNING"),
    ("UNASSIGNED", "PAUSED"),
    ("UNASSIGNED", "FAILED"),
    ("RUNNING", "PAUSED"),
    ("RUNNING", "FAILED"),
    ("RUNNING", "RESTARTING"),
    ("RUNNING", "UNASSIGNED"),
    ("PAUSED", "RUNNING"),
    ("PAUSED", "FAILED"),
    ("PAUSED", "RESTARTING"),
    ("PAUSED", "UNASSIGNED"),
    ("FAILED", "RESTARTING"),
    ("FAILED", "UNASSIGNED"),
    ("RESTARTING", "RUNNING"),
    ("RESTARTING", "PAUSED"),
    ("RESTARTING", "FAILED"),
    ("RESTARTING", "UNASSIGNED"),
}


@pytest.mark.parametrize(("start", "to"), list(itertools.product(TaskState, TaskState)))
def test_every_pair_of_states(start: TaskState, to: TaskState) -> None:
    machine = TaskStateMachine("shop-0")
    for step in PATHS[start]:
        machine.move(step)
    if (start.value, to.value) in LEGAL:
        machine.move(to)
        assert machine.state is to
    else:
        with pytest.raises(InternalError, match=f"shop-0: illegal move {start.value} → {to.value}"):
            machine.move(to)
        assert machine.state is start


def test_the_table_names_every_state_and_the_drawing_too() -> None:
    assert set(MOVES) == set(TaskState)
    assert all(state.value in (module.__doc__ or "") for state in TaskState)
