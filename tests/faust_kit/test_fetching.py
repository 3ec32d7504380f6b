"""How long the broker may hold a fetch."""

from __future__ import annotations

import pytest

from faust_cdc_schemas.faust_kit.fetching import (
    ASLEEP_MAX_WAIT_MS,
    AWAKE_MAX_WAIT_MS,
    MIN_BYTES,
    RECOVERY_MAX_WAIT_MS,
    RECOVERY_MIN_BYTES,
    STAYS_AWAKE_S,
    FetchPlan,
)


def plan() -> FetchPlan:
    made = FetchPlan({"offsets"})
    made.is_recovering = False
    return made


def test_a_recovering_worker_waits_for_every_fetch() -> None:
    assert FetchPlan(()).limits(0.0) == (RECOVERY_MAX_WAIT_MS, RECOVERY_MIN_BYTES)


def test_fetches_are_long_while_only_offsets_come() -> None:
    asked = plan()
    asked.came("offsets", 10.0)
    assert asked.limits(10.0) == (ASLEEP_MAX_WAIT_MS, MIN_BYTES)


@pytest.mark.parametrize("is_request", [True, False])
def test_fetches_are_short_for_a_while_behind_a_request_and_behind_news(is_request: bool) -> None:
    asked = plan()
    if is_request:
        asked.wake(10.0)
    else:
        asked.came("status", 10.0)
    assert asked.limits(10.0) == (AWAKE_MAX_WAIT_MS, MIN_BYTES)
    assert asked.limits(10.0 + STAYS_AWAKE_S * 0.9) == (AWAKE_MAX_WAIT_MS, MIN_BYTES)
    assert asked.limits(10.0 + STAYS_AWAKE_S * 1.1) == (ASLEEP_MAX_WAIT_MS, MIN_BYTES)


def test_aiokafka_asks_by_it_and_its_own_plan_is_kept() -> None:
    class Fetcher:
        _fetch_max_wait_ms = _fetch_min_bytes = 0

        def _get_actions_per_node(self, assignment: str) -> tuple[str, int, int]:
            return assignment, self._fetch_max_wait_ms, self._fetch_min_bytes

    fetcher, asked = Fetcher(), plan()
    for _ in range(2):
        asked.lay_over(fetcher)
    assert fetcher._get_actions_per_node("there") == ("there", ASLEEP_MAX_WAIT_MS, MIN_BYTES)
    asked.is_recovering = True
    assert fetcher._get_actions_per_node("there") == ("there", RECOVERY_MAX_WAIT_MS, RECOVERY_MIN_BYTES)
