"""How long an open Kafka transaction waits for more, by what comes."""

from __future__ import annotations

import pytest

from faust_cdc.pipeline.pace import CommitPace, nap_ms

SENT_S = 0.004


def commits(pace: CommitPace, records: int, every_s: float, seconds: float, start: float = 100.0) -> float:
    """Commit `records` each `every_s` for a while; return when the last ended."""
    now = start
    while now < start + seconds:
        now += every_s
        pace.committed(records, SENT_S, now)
    return now


def test_the_first_records_of_an_idle_stream_wait_for_nothing() -> None:
    pace = CommitPace(100)
    assert pace.wait_ms == 0
    assert pace.pause_s(0.0) == 0
    after_load = commits(pace, 20_000, 0.1, 5)
    assert pace.wait_ms == 100
    pace.committed(1, SENT_S, after_load + 10)
    assert pace.wait_ms == 0


@pytest.mark.parametrize(
    ("records", "every_s", "wait_ms"),
    [(4, 0.005, 0), (10, 0.01, 0), (100, 0.0125, 35), (1_000, 0.05, 95), (40_000, 0.1, 100)],
)
def test_the_wait_grows_with_the_rate_of_records(records: int, every_s: float, wait_ms: int) -> None:
    pace = CommitPace(100)
    commits(pace, records, every_s, 5)
    assert abs(pace.wait_ms - wait_ms) <= 1


def test_a_transaction_under_load_ends_when_its_time_is_over_and_one_without_when_nothing_more_is_there() -> None:
    pace = CommitPace(100)
    commits(pace, 100, 0.0125, 5)
    assert not pace.is_over(pace.wait_ms - 1, 5)
    assert pace.is_over(pace.wait_ms, 5)
    assert not pace.is_over(99.0, 60_000), "in a catch-up more would only make it slower"
    commits(pace, 4, 0.005, 5, start=200.0)
    assert pace.wait_ms == 0
    assert not pace.is_over(99.0, 5)


def test_a_rate_is_forgotten_while_nothing_comes() -> None:
    pace, now = CommitPace(100), 100.0
    for _ in range(50):
        now += 0.1
        pace.committed(3_500, 0.004, now)
    assert pace.wait_ms == 100
    pace.begun(now + 0.05)
    assert pace.wait_ms == 100, "the next transaction of the same load"
    pace.begun(now + 2)
    assert pace.wait_ms == 0, "the first row after a pause leaves at once"


def test_a_burst_is_noticed_within_a_few_commits() -> None:
    pace = CommitPace(100)
    now = commits(pace, 1, 1.0, 5)
    commits(pace, 2_000, 0.01, 0.05, start=now)
    assert pace.wait_ms >= 20


def test_short_transactions_do_not_follow_each_other_at_once() -> None:
    pace = CommitPace(100)
    now = commits(pace, 3, 0.01, 1)
    pause = pace.pause_s(now)
    assert 0.001 <= pause < SENT_S
    assert pace.pause_s(now + pause / 2) == pytest.approx(pause / 2)
    assert pace.pause_s(now + pause) == 0


def test_a_transaction_that_gathers_records_has_no_pause_in_front_of_it() -> None:
    pace = CommitPace(100)
    now = commits(pace, 20_000, 0.1, 5)
    assert pace.pause_s(now) == 0


def test_the_pause_grows_with_each_refusal_and_shrinks_slowly_without() -> None:
    pace = CommitPace(100)
    now = commits(pace, 3, 0.01, 1)
    usual = pace.pause_s(now)
    pace.committed(3, SENT_S + 0.020, now)
    longer = pace.pause_s(now)
    assert longer == pytest.approx(1.5 * usual)
    now = commits(pace, 3, 0.01, 3, start=now)
    assert usual < pace.pause_s(now) < longer


@pytest.mark.parametrize("needed_s", [0.001, 0.002, 0.004])
def test_the_pause_finds_what_the_broker_needs(needed_s: float) -> None:
    pace = CommitPace(100)
    refusals = 0
    pace.committed(3, SENT_S, 0.0)
    for number in range(20_000):
        at = number / 100
        is_refused = pace.pause_s(at) < needed_s
        refusals += is_refused and number >= 10_000
        pace.committed(3, SENT_S + (0.021 if is_refused else 0.0), at + 0.01)
    assert 1 <= refusals <= 20
    assert needed_s * 0.8 < pace.pause_s(200.0) < needed_s * 1.6


def test_what_a_busy_machine_delays_is_no_refusal() -> None:
    pace = CommitPace(100)
    now = commits(pace, 3, 0.01, 1)
    usual = pace.pause_s(now)
    for more_s in (0.010, 0.050, 0.200):
        pace.committed(3, SENT_S + more_s, now)
    assert pace.pause_s(now) <= usual


def test_a_slow_broker_is_not_one_that_refuses() -> None:
    pace = CommitPace(100)
    now = commits(pace, 3, 0.1, 10)
    for number in range(1, 1000):
        pace.committed(3, min(0.004 * 1.005**number, 0.060), now + number)
    assert pace.pause_s(now + 999) < 0.003


@pytest.mark.parametrize(
    ("wait_ms", "gathered_bytes", "age_ms", "slept_ms"),
    [
        (20, 1_000, 0.0, 20),  # little came: all of the wait
        (20, 280_000, 10.0, 9),  # so much that 256 KiB more are there in 9 ms
        (100, 5_000_000, 10.0, 5),
        (3, 5_000_000, 10.0, 3),
    ],
)
def test_a_wait_is_slept_as_long_as_the_socket_has_room(
    wait_ms: int, gathered_bytes: int, age_ms: float, slept_ms: int
) -> None:
    assert nap_ms(wait_ms, gathered_bytes, age_ms) == slept_ms
