"""Kindness to the source: when a snapshot should wait for it. How fast one may read: `pipeline.rate_limiter`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.errors import SourceRefused
from faust_cdc.mysql.connection import SourceConnection
from faust_cdc.mysql.pressure import history_list_length, replica_lag_ms
from faust_cdc.pipeline.rate_limiter import RateLimiter

log = logging.getLogger(__name__)

WAIT_LOOK_S = 0.25
"""Between two looks at whether more may be read: what a schedule says is long in finding out."""
LOOK_EVERY_S = 1.0
"""The server is asked no more often."""


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
