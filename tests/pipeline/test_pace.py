"""How long an open Kafka transaction waits for more, by what comes."""

from __future__ import annotations

import pytest

from faust_cdc.pipeline.pace import CommitPace

COMMIT_S = 0.004


def commits(pace: CommitPace, records: int, every_s: float, seconds: float, start: float = 100.0) -> float:
    """Commit `records` each `every_s` for a while; return when the last ended."""
    now = start
    while now < start + seconds:
        now += every_s
        pace.committed(records, now - COMMIT_S, now)
    return now


def test_the_first_records_of_an_idle_stream_wait_for_nothing() -> None:
    pace = CommitPace(100)
    assert pace.wait_ms == 0
    assert pace.pause_s(0.0) == 0
    after_load = commits(pace, 20_000, 0.1, 5)
    assert pace.wait_ms == 100
    pace.committed(1, after_load + 10, after_load + 10 + COMMIT_S)
    assert pace.wait_ms == 0


@pytest.mark.parametrize(
    ("records", "every_s", "wait_ms"), [(4, 0.005, 0), (100, 0.0125, 8), (2_000, 0.05, 40), (40_000, 0.1, 100)]
)
def test_the_wait_grows_with_the_rate_of_records(records: int, every_s: float, wait_ms: int) -> None:
    pace = CommitPace(100)
    commits(pace, records, every_s, 5)
    assert abs(pace.wait_ms - wait_ms) <= 1


def test_a_burst_is_noticed_within_a_few_commits() -> None:
    pace = CommitPace(100)
    now = commits(pace, 1, 1.0, 5)
    commits(pace, 2_000, 0.01, 0.05, start=now)
    assert pace.wait_ms >= 20


def test_transactions_do_not_follow_each_other_at_once() -> None:
    pace = CommitPace(100)
    now = commits(pace, 3, 0.01, 5)
    pause = pace.pause_s(now)
    assert 0.001 <= pause < COMMIT_S
    assert pace.pause_s(now + pause / 2) == pytest.approx(pause / 2)
    assert pace.pause_s(now + pause) == 0


def test_a_slow_broker_has_a_longer_pause_but_one_slow_commit_has_not() -> None:
    pace = CommitPace(100)
    now = commits(pace, 3, 0.01, 5)
    usual = pace.pause_s(now)
    pace.committed(3, now, now + 10.0)
    assert pace.pause_s(now + 10.0) < 1.5 * usual
    for at in range(1, 200):
        pace.committed(3, now + at, now + at + 0.030)
    assert pace.pause_s(now + 199.030) == pytest.approx(0.0075, rel=0.1)
