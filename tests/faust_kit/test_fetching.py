"""Which topics a fetch asks for, and how long the broker may hold it."""

from __future__ import annotations

from faust_cdc_schemas.faust_kit.fetching import (
    BUSY_MAX_WAIT_MS,
    BUSY_MIN_BYTES,
    QUIET_MAX_WAIT_MS,
    RECOVERY_MAX_WAIT_MS,
    FetchPlan,
)

STATUS, OFFSETS = ("status", [(0, 7, 1)]), ("offsets", [(0, 9, 1), (1, 3, 1)])
ALL = [STATUS, OFFSETS]
LONG_S = QUIET_MAX_WAIT_MS / 1000


def plan() -> FetchPlan:
    made = FetchPlan({"offsets"})
    made.is_recovering = False
    return made


def test_recovery_asks_for_everything_at_once() -> None:
    assert FetchPlan({"offsets"}).ask(1, ALL, 0.0) == (ALL, RECOVERY_MAX_WAIT_MS, 1)


def test_topics_written_often_are_in_one_fetch_of_the_time_that_the_others_may_be_held() -> None:
    asked = plan()
    assert asked.ask(1, ALL, 10.0) == (ALL, QUIET_MAX_WAIT_MS, 1)
    asked.came("offsets", 10.001)
    assert asked.ask(1, ALL, 10.0 + LONG_S / 4) == ([STATUS], QUIET_MAX_WAIT_MS * 3 // 4, 1)
    assert asked.ask(1, ALL, 10.0 + LONG_S) == (ALL, QUIET_MAX_WAIT_MS, 1)


def test_each_node_has_its_own_time_and_one_that_has_nothing_else_is_asked_for_them() -> None:
    asked = plan()
    asked.ask(1, ALL, 10.0)
    assert asked.ask(2, ALL, 10.01)[0] == ALL
    assert asked.ask(2, [OFFSETS], 10.02) == ([OFFSETS], QUIET_MAX_WAIT_MS, 1)


def test_behind_news_everything_is_asked_for_and_gathered() -> None:
    asked = plan()
    asked.ask(1, ALL, 10.0)
    asked.came("status", 10.1)
    assert asked.ask(1, ALL, 10.11) == (ALL, BUSY_MAX_WAIT_MS, BUSY_MIN_BYTES)
    later = 10.1 + BUSY_MAX_WAIT_MS / 1000 + 0.05
    assert asked.ask(1, ALL, later)[::2] == ([STATUS], 1)


def test_what_aiokafka_has_planned_goes_out_with_this() -> None:
    """Requests of the real class; the fetcher's own plan is kept for what else it says."""
    from aiokafka.protocol.fetch import FetchRequest  # type: ignore[import-untyped]

    class Fetcher:
        def _get_actions_per_node(self, assignment: str) -> tuple[object, ...]:
            request = FetchRequest(10, 1, 100, 1, list(ALL))
            return [(1, request)], {}, 0.2, assignment == "lost", []

    fetcher, asked = Fetcher(), plan()
    for _ in range(2):
        asked.lay_over(fetcher)
    first = fetcher._get_actions_per_node("there")
    second = fetcher._get_actions_per_node("there")
    assert first[0][0][1].topics == ALL  # type: ignore[index]
    assert second[0][0][1].topics == [STATUS]  # type: ignore[index]
    assert first[1:] == second[1:] == ({}, 0.2, False, [])
