"""Kindness to the source: how fast a snapshot may read, and when it should wait.

The rate is kept as debt. What was read is owed and paid off as time passes, at the rate that holds at each moment of
the schedule; while anything is owed, a reader waits. Time in which little was read counts for the next second at most,
so in any span the rows are at most the rate times the span, and a second's and a chunk's more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.rate_limit import Rate, RateSchedule
from faust_cdc.errors import SourceRefused
from faust_cdc.mysql.connection import SourceConnection
from faust_cdc.mysql.pressure import history_list_length, replica_lag_ms

log = logging.getLogger(__name__)

CREDIT_S = 1.0
"""Unused time that is not lost: a chunk that takes long to read is paid for while it is read."""
WAIT_MAX_S = 7 * 86_400.0
WAIT_LOOK_S = 0.25
"""Between two looks at whether more may be read: what a schedule says is long in finding out."""
LOOK_EVERY_S = 1.0
"""The server is asked no more often."""


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
    """One for all readers of a snapshot; may be used by several threads."""

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


class Pace:
    """When more may be read: asked at every turn of the stream, it looks a few times a second. For one thread."""

    def __init__(self, limiter: RateLimiter, clock: Callable[[], float] = time.monotonic) -> None:
        self._limiter = limiter
        self._clock = clock
        self._look_at = 0.0

    def may_ask(self, is_calm: bool) -> bool:
        """Return whether the rate allows more and the source is calm."""
        if self._clock() < self._look_at:
            return False
        wait_s = self._limiter.wait_s() or (0.0 if is_calm else WAIT_LOOK_S)
        self._look_at = self._clock() + min(wait_s, WAIT_LOOK_S)
        return wait_s <= 0

    @property
    def wait_ms(self) -> int:
        """How long there is nothing to look for."""
        return max(0, int((self._look_at - self._clock()) * 1000))


class SourcePressure:
    """Looks whether the source server is in distress, as far as the user's rights go.

    One for all readers of a snapshot; may be used by several threads.
    """

    def __init__(self, lag_max_ms: int = 0, history_max: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        """A threshold of 0 is not looked at."""
        self._lag_max_ms = lag_max_ms
        self._history_max = history_max
        self._clock = clock
        self._looked_at: float | None = None
        self._reason: str | None = None
        self._said: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, config: MySqlConnectorConfig) -> SourcePressure:
        """Return one with a connector's thresholds."""
        return cls(config.snapshot_pause_on_replica_lag_ms, config.snapshot_pause_on_history_list_length)

    def look(self, connection: SourceConnection) -> str | None:
        """Return why to read nothing now, None when nothing stands against it; asks at most once a second.

        What the user may not see or the server does not say is logged once and stands against nothing. Raises
        SourceConnectionLost, and what else `query` raises save SourceRefused.
        """
        with self._lock:
            now = self._clock()
            if self._looked_at is None or now - self._looked_at >= LOOK_EVERY_S:
                self._reason = self._lag(connection) or self._history(connection)
                self._looked_at = now
            return self._reason

    def _lag(self, connection: SourceConnection) -> str | None:
        if not self._lag_max_ms:
            return None
        option = "snapshot.pause.on.replica.lag.ms"
        try:
            lags = replica_lag_ms(connection)
        except SourceRefused as refused:
            self._lag_max_ms = 0
            self._say(
                f"{option} has no effect: {refused.message} It needs REPLICATION CLIENT (MariaDB: SLAVE MONITOR)."
            )
            return None
        known = [lag for lag in lags if lag is not None]
        if not known:
            why = (
                "the source server is no replica" if not lags else "the source server does not say how far behind it is"
            )
            self._say(f"{option} has no effect for now: {why}.")
            return None
        worst = max(known)
        return f"the source server is {worst} ms behind its own source" if worst > self._lag_max_ms else None

    def _history(self, connection: SourceConnection) -> str | None:
        if not self._history_max:
            return None
        option = "snapshot.pause.on.history.list.length"
        try:
            length = history_list_length(connection)
        except SourceRefused as refused:
            self._history_max = 0
            self._say(f"{option} has no effect: {refused.message} It needs PROCESS.")
            return None
        if length is None:
            self._say(f"{option} has no effect for now: the source server does not say the length.")
            return None
        return f"the history list of the source server is {length} long" if length > self._history_max else None

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.warning("%s", text)
