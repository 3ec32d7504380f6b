"""`snapshot.rate.limit`, `streaming.rate.limit`: a rate by time of day, kept over all that read by it.

The rate is kept as debt. What was read is owed and paid off as time passes, at the rate that holds at each moment of
the schedule; while anything is owed, a reader waits. Time in which little was read counts for the next second at most,
so in any span the rows are at most the rate times the span, and a second's and what is read at a time more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from faust_cdc.config.rate_limit import Rate, RateSchedule

CREDIT_S = 1.0
"""Unused time that is not lost: what takes long to read is paid for while it is read."""
WAIT_MAX_S = 7 * 86_400.0


@dataclass(slots=True)
class _Debt:
    """Of one measure, in rows or bytes: what it is in seconds changes with the rate."""

    owed: float = 0.0
    """Below 0: credit."""

    def pass_time(self, seconds: float, rate: int | None) -> None:
        """Pay off what `seconds` at `rate` allow."""
        if rate is None:
            self.owed = 0.0
        else:
            self.owed = max(self.owed - seconds * rate, -CREDIT_S * rate)

    def seconds(self, rate: int | None) -> float:
        """Return how long it takes to pay off at `rate`."""
        if rate is None or self.owed <= 0:
            return 0.0
        return self.owed / rate if rate else WAIT_MAX_S


@dataclass(slots=True)
class _Debts:
    """Of rows and of bytes."""

    rows: _Debt = field(default_factory=_Debt)
    size_bytes: _Debt = field(default_factory=_Debt)

    def pass_time(self, seconds: float, rate: Rate) -> None:
        if not rate.is_pause:
            self.rows.pass_time(seconds, rate.rows)
            self.size_bytes.pass_time(seconds, rate.size_bytes)

    def seconds(self, rate: Rate) -> float:
        if rate.is_pause:
            return WAIT_MAX_S
        return max(self.rows.seconds(rate.rows), self.size_bytes.seconds(rate.size_bytes))

    def copy(self) -> _Debts:
        return _Debts(_Debt(self.rows.owed), _Debt(self.size_bytes.owed))


class RateLimiter:
    """One for all that share a limit; may be used by several threads."""

    def __init__(self, schedule: RateSchedule | None, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since the epoch, for a schedule is of the time of day."""
        self._schedule = schedule
        self._clock = clock
        self._debts = _Debts()
        self._settled_at = clock()
        self._lock = threading.Lock()

    @property
    def rate(self) -> Rate:
        """What holds now."""
        return self._schedule.at(self._clock()) if self._schedule is not None else Rate()

    def take(self, rows: int, size_bytes: int) -> float:
        """Note what was read; return how many seconds to wait before reading more, 0 when not at all."""
        if self._schedule is None:
            return 0.0
        with self._lock:
            now = self._settle(self._schedule)
            self._debts.rows.owed += rows
            self._debts.size_bytes.owed += size_bytes
            return self._wait_s(self._schedule, now)

    def wait_s(self) -> float:
        """Return how many seconds to wait before reading more; at most a week, then ask again."""
        return self.take(0, 0)

    def _settle(self, schedule: RateSchedule) -> float:
        """Pay off what the time since the last call allows; return the time."""
        now = self._clock()
        # A clock that was set back pays nothing, one that was set forward at most a week.
        at = max(self._settled_at, now - WAIT_MAX_S)
        while at < now:
            until = min(schedule.until(at), now)
            self._debts.pass_time(until - at, schedule.at(at))
            at = until
        self._settled_at = now
        return now

    def _wait_s(self, schedule: RateSchedule, now: float) -> float:
        debts, at = self._debts.copy(), now
        while at < now + WAIT_MAX_S:
            rate, until = schedule.at(at), schedule.until(at)
            due = at + debts.seconds(rate)
            if due <= until:
                return due - now
            debts.pass_time(until - at, rate)
            at = until
        return WAIT_MAX_S
