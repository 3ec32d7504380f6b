"""A rate is kept whatever the schedule does meanwhile."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.config.rate_limit import PAUSED, UNLIMITED, Rate, parse_rate_limit
from faust_cdc.pipeline.rate_limiter import CREDIT_S, WAIT_MAX_S, RateLimiter

MIDNIGHT = 1_790_000_000 // 86_400 * 86_400.0


class Clock:
    """Seconds since the epoch, as they are set."""

    def __init__(self, now: float = MIDNIGHT) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def limiter(text: str | None, clock: Clock) -> RateLimiter:
    return RateLimiter(parse_rate_limit(text), clock)


def test_no_limit_never_waits() -> None:
    free = limiter(None, Clock())
    assert (free.take(10**9, 10**12), free.rate) == (0.0, UNLIMITED)


def test_what_was_taken_is_waited_for() -> None:
    clock = Clock()
    slow = limiter("rows=100,bytes=1kB", clock)
    assert slow.wait_s() == 0
    assert slow.take(50, 0) == pytest.approx(0.5)
    assert slow.take(0, 2000) == pytest.approx(2)
    clock.now += 1.5
    assert slow.wait_s() == pytest.approx(0.5)
    clock.now += 3600
    assert slow.wait_s() == 0
    assert slow.take(150, 0) == pytest.approx(0.5), "a second's credit, no more"
    assert slow.rate == Rate(100, 1000)


def test_the_time_of_day_is_waited_through() -> None:
    clock = Clock(MIDNIGHT + 8 * 3600 - 2)
    slow = limiter("rows=100; 08:00-09:00 rows=10; 09:00-10:00 paused", clock)
    assert slow.take(300, 0) == pytest.approx(2 + 10)
    assert slow.take(36_000, 0) == pytest.approx(2 + 2 * 3600 + 1), "100 rows are left at ten"
    clock.now = MIDNIGHT + 9.5 * 3600
    assert slow.rate == PAUSED
    assert slow.wait_s() == pytest.approx(1800 + 1)
    clock.now = MIDNIGHT + 10 * 3600 + 4
    assert slow.wait_s() == 0


def test_a_pause_is_waited_for_before_anything_is_read() -> None:
    clock = Clock()
    assert limiter("00:00-06:30 paused", clock).wait_s() == pytest.approx(6.5 * 3600)
    assert limiter("paused", clock).wait_s() == WAIT_MAX_S


def test_a_clock_that_is_set_back_pays_nothing_and_stops_nothing() -> None:
    clock = Clock()
    slow = limiter("rows=10", clock)
    assert slow.take(100, 0) == pytest.approx(10)
    clock.now -= 3600
    assert slow.wait_s() == pytest.approx(10)
    clock.now += 4
    assert slow.wait_s() == pytest.approx(6)


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 3)), min_size=1, max_size=60))
def test_in_no_span_more_than_the_rate_a_second_and_a_chunk(chunks: list[tuple[int, float]]) -> None:
    """A reader that waits as told; each chunk takes some time to read."""
    clock = Clock()
    rate = 100
    slow = limiter(f"rows={rate}", clock)
    done: list[tuple[float, int]] = []
    for rows, takes_s in chunks:
        clock.now += slow.wait_s() + takes_s
        done.append((clock.now, rows))
        clock.now += slow.take(rows, 0)
    for first, (began, _) in enumerate(done):
        total = 0
        for ended, rows in done[first:]:
            total += rows
            assert total <= rate * (ended - began + CREDIT_S) + rows + 500 + 1e-6


def test_threads_share_a_rate() -> None:
    clock = Clock()
    slow = limiter("rows=1000", clock)
    threads = [threading.Thread(target=lambda: [slow.take(1, 1) for _ in range(500)]) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert slow.wait_s() == pytest.approx(2)
