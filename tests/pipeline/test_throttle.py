"""What a limit lets the stream do next, with time as it is set; on a real stream see `test_throttle_live`."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.config.rate_limit import parse_rate_limit
from faust_cdc.pipeline.rate_limiter import CREDIT_S, WAIT_MAX_S, RateLimiter
from faust_cdc.pipeline.throttle import HOLD_MIN_S, READ_ON_EVENTS_MAX, Allowance, Turn
from tests.pipeline.test_rate_limiter import MIDNIGHT, Clock

BATCH_EVENTS = 40
EVENT_S = 0.0001


@dataclass(frozen=True)
class Transaction:
    """Of so many events, each with so many records."""

    events: int
    records: int


class Reader:
    """Reads transactions as the stream does: in batches that end anywhere, as its allowance lets it."""

    def __init__(self, limit: str, transactions: list[Transaction], clock: Clock) -> None:
        self.clock = clock
        self.allowance = Allowance(RateLimiter(parse_rate_limit(limit), clock))
        self.events = [
            (each.records, number == each.events - 1) for each in transactions for number in range(each.events)
        ]
        self.at = 0
        self.open_events = 0
        self.written: list[tuple[float, int]] = []
        self.held: list[int] = []
        """Of each time that it was held: events of the open transaction that were read."""

    def _read(self, count: int) -> None:
        for records, is_last in self.events[self.at : self.at + count]:
            self.clock.now += EVENT_S
            self.at += 1
            self.open_events += 1
            self.written.append((self.clock.now, records))
            self.allowance.note(records, records * 10)
            if is_last:
                self.allowance.ended()
                self.open_events = 0

    def turn(self, *, must_end: bool = False) -> Turn:
        turn = self.allowance.turn(in_transaction=self.open_events > 0, must_end=must_end)
        if turn is Turn.HOLD:
            self.held.append(self.open_events)
            self.clock.now += min(self.allowance.wait_s, 0.1)
        else:
            self._read(1 if turn is Turn.EVENT else BATCH_EVENTS)
        return turn

    def to_the_end(self) -> None:
        while self.at < len(self.events):
            self.turn()


def test_without_debt_it_reads_batches() -> None:
    reader = Reader("rows=1000000", [Transaction(3, 1)] * 100, Clock())
    reader.to_the_end()
    assert reader.held == []
    assert len(reader.written) == 300


def test_it_is_held_behind_a_transaction_that_is_read_to_its_end_first() -> None:
    clock = Clock()
    reader = Reader("rows=100", [Transaction(BATCH_EVENTS + READ_ON_EVENTS_MAX, 1)] * 3, clock)
    assert reader.turn() is Turn.BATCH
    assert [reader.turn() for _ in range(READ_ON_EVENTS_MAX)] == [Turn.EVENT] * READ_ON_EVENTS_MAX
    assert reader.turn() is Turn.HOLD
    assert reader.held == [0]
    assert reader.allowance.wait_s == pytest.approx(1.4 - 140 * EVENT_S, abs=1e-3)


def test_inside_a_large_transaction_it_is_held_and_goes_on_in_batches() -> None:
    reader = Reader("rows=1000", [Transaction(1000, 1)], Clock())
    reader.to_the_end()
    assert reader.held
    assert min(reader.held) == BATCH_EVENTS + READ_ON_EVENTS_MAX
    later = [one for one in reader.held if one > BATCH_EVENTS + READ_ON_EVENTS_MAX]
    assert all((one - READ_ON_EVENTS_MAX) % BATCH_EVENTS == 0 for one in later), "once a transaction"


def test_a_transaction_that_must_stay_whole_is_read_to_its_end_and_paid_for_after() -> None:
    clock = Clock()
    reader = Reader("paused", [Transaction(1000, 5), Transaction(1, 1)], clock)
    assert reader.turn() is Turn.HOLD, "not begun"
    while reader.at < 1000:
        assert reader.turn(must_end=True) is Turn.BATCH
    assert reader.turn() is Turn.HOLD
    assert reader.allowance.wait_s == WAIT_MAX_S


def test_a_pause_by_the_time_of_day_is_over_when_it_is() -> None:
    clock = Clock(MIDNIGHT + 7 * 3600 - 1)
    reader = Reader("07:00-07:01 paused", [Transaction(2, 1)] * 1000, clock)
    assert reader.turn() is Turn.BATCH
    clock.now += 1
    held_at = clock.now
    while reader.turn() is Turn.HOLD:
        pass
    assert clock.now - held_at == pytest.approx(60, abs=0.2)
    held = len(reader.held)
    reader.to_the_end()
    assert len(reader.held) == held


def test_bytes_count_too() -> None:
    reader = Reader("bytes=1kB", [Transaction(1, 1)] * 1000, Clock())
    began = reader.clock.now
    reader.to_the_end()
    assert reader.clock.now - began == pytest.approx(10, abs=1)


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 20)), min_size=1, max_size=40), st.integers(50, 5000))
def test_the_rate_is_kept_and_all_is_read(shapes: list[tuple[int, int]], rate: int) -> None:
    clock = Clock()
    reader = Reader(f"rows={rate}", [Transaction(*shape) for shape in shapes], clock)
    began = clock.now
    reader.to_the_end()
    total = sum(records for _, records in reader.written)
    assert total == sum(events * records for events, records in shapes)
    at_a_time = 20 * (BATCH_EVENTS + READ_ON_EVENTS_MAX)
    assert total <= rate * (clock.now - began + CREDIT_S + HOLD_MIN_S) + at_a_time
