"""The coordinator's phases: every pair of states."""

from __future__ import annotations

import itertools

import pytest

from faust_cdc.errors import InternalError
from faust_cdc.pipeline.phase import MOVES, Phase, PhaseMachine


@pytest.mark.parametrize(("start", "to"), itertools.product(Phase, Phase))
def test_every_pair(start: Phase, to: Phase) -> None:
    machine = PhaseMachine()
    machine._phase = start
    if to in MOVES[start]:
        machine.move(to)
        assert machine.phase is to
    else:
        with pytest.raises(InternalError):
            machine.move(to)
