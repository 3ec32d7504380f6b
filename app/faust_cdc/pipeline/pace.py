"""When a Kafka transaction ends: at once while there is little to do, later the more there is.

A commit costs the same however much it covers: four round trips to the broker (3 to 4 ms beside it) and about as much
CPU as 150 rows. So

- the first records of an idle stream, and of one with a few hundred records a second, are committed as soon as the
  server has sent nothing more; what comes meanwhile is the next transaction;
- under load an open transaction first waits for more, a millisecond per 1,000 records a second: commits then cost a
  bounded part of the work, and from 100,000 records a second on they are `CommitLimits.age_max_ms` apart;
- between two transactions lies a pause. The broker answers EndTxn before it has written the markers, and until it has,
  the next transaction's AddPartitionsToTxn is refused with CONCURRENT_TRANSACTIONS, upon which librdkafka waits 20 ms
  (`rdkafka_txnmgr.c`). A quarter of what commits take, at least a millisecond, made that rare: 0.3 % of back-to-back
  transactions instead of 7 %. What arrives in the pause is in the next transaction.
"""

from __future__ import annotations

import math

RECORDS_PER_S_AND_MS = 1000.0
"""Records per second for which a transaction waits a millisecond longer."""
MEMORY_S = 0.2
"""Over how long the rate of records is averaged."""
PAUSE_MIN_S, PAUSE_MAX_S = 0.001, 0.010
PAUSE_PART = 0.25
COMMIT_FIRST_GUESS_S = 0.004


class CommitPace:
    """Knows how fast records come and how long commits take. Times are monotonic seconds."""

    def __init__(self, wait_max_ms: float) -> None:
        self._wait_max_ms = wait_max_ms
        self._rate = 0.0
        self._commit_s = COMMIT_FIRST_GUESS_S
        self._committed_at = -math.inf

    @property
    def wait_ms(self) -> int:
        """How old a transaction becomes before it ends although nothing more is waiting; whole milliseconds."""
        return int(min(self._rate / RECORDS_PER_S_AND_MS, self._wait_max_ms))

    def pause_s(self, now: float) -> float:
        """How long the next transaction should still not begin; 0 when it may."""
        pause = min(max(self._commit_s * PAUSE_PART, PAUSE_MIN_S), PAUSE_MAX_S)
        return max(0.0, self._committed_at + pause - now)

    def committed(self, records: int, began: float, now: float) -> None:
        """Note a commit of `records` records that took from `began` to `now`."""
        # One that had to wait for something else (20 ms for the broker, a busy machine) is not the rule.
        self._commit_s += 0.1 * (min(now - began, 2 * self._commit_s) - self._commit_s)
        since_s = max(now - self._committed_at, 1e-6)
        weight = -math.expm1(-since_s / MEMORY_S)
        self._rate += weight * (records / since_s - self._rate)
        self._committed_at = now
