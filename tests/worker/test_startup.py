"""The start's state machine: every pair of stages."""

import itertools

import pytest

from faust_cdc.worker.startup import NEXT_STAGES, Startup, StartupStage


@pytest.mark.parametrize(("source", "target"), list(itertools.product(StartupStage, StartupStage)))
def test_only_drawn_moves_are_made(source: StartupStage, target: StartupStage) -> None:
    startup = Startup("broker:9092", lambda message: None)
    startup._stage = source
    if target in NEXT_STAGES[source]:
        startup._move(target, "")
        assert startup.stage is target
    else:
        with pytest.raises(ValueError, match=f"from {source.name} to {target.name}"):
            startup._move(target, "")


def test_says_what_it_waits_for_naming_the_broker() -> None:
    told: list[str] = []
    startup = Startup("broker:9092", told.append)
    startup.still_connecting("connection refused")
    startup.finished()
    assert not startup.ready
    startup.joining("g")
    startup.finished()
    startup.finished()
    assert startup.ready
    assert "broker:9092" in told[0]
    assert "broker:9092: connection refused" in told[1]
    assert "group g" in told[2]
    assert len(told) == 4
