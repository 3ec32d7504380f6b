"""When a Kafka transaction ends: at once while there is little to do, later the more there is.

A commit costs the same however much it covers: four round trips to the broker (3 to 4 ms beside it) and about as much
CPU as 150 rows. So

- the first records of an idle stream, and of one with a few hundred records a second, are committed as soon as the
  server has sent nothing more; what comes meanwhile is the next transaction;
- under load an open transaction first waits for more, a millisecond for each 200 records a second beyond the first
  1,000: commits then cost a bounded part of the work (at 8,000 records a second it is 35 ms, some 25 commits a second),
  and from 21,000 records a second on they are `CommitLimits.age_max_ms` apart;
- between two short transactions lies a pause. The broker answers EndTxn before it has written the markers, and until it
  has, the next transaction's AddPartitionsToTxn is refused with CONCURRENT_TRANSACTIONS, upon which librdkafka waits
  20 ms (`rdkafka_txnmgr.c`). How long the broker needs depends on it and on what else its machine does, so the pause is
  found by trying: each such wait lengthens it by half, each commit without one shortens it by a little, which comes to
  about one wait in a thousand commits. What arrives in the pause is in the next transaction. A transaction that gathers
  records for as long as librdkafka would wait loses nothing by the wait, and has no pause in front of it.
"""

from __future__ import annotations

import math

UNHURRIED_RECORDS_PER_S = 1000.0
"""Up to so many records a second each commit is made as soon as it can be."""
RECORDS_PER_S_AND_MS = 200.0
"""Records per second beyond these for which a transaction waits a millisecond longer."""
KEEPS_UP_MS = 3000.0
"""A stream that is less behind its source, whose clock may count whole seconds, keeps up with it."""
MEMORY_S = 0.2
"""Over how long the rate of records is averaged."""
PAUSE_MIN_S, PAUSE_FIRST_S, PAUSE_MAX_S = 0.0005, 0.002, 0.006
PAUSE_LONGER, PAUSE_SHORTER = 1.5, 0.9995
REFUSED_WAIT_MS = 20
"""librdkafka's, upon CONCURRENT_TRANSACTIONS."""
REFUSED_FROM_S, REFUSED_TO_S = 0.017, 0.032
"""So much longer than usual the records of a commit take when it was refused once; a busy machine has other delays."""
SENT_FIRST_GUESS_S = 0.004
NAP_MIN_MS, NAP_BYTES = 5, 256 * 1024
"""Of a wait for more so much is slept at a time, or until about so many bytes of records have come: with more the
socket would have no room, and hold a server back that is read from as fast as it sends."""


def nap_ms(wait_ms: int, gathered_bytes: int, age_ms: float) -> int:
    """Return how much of a wait may be slept, after `gathered_bytes` of records came in `age_ms`; whole ms."""
    bytes_per_ms = gathered_bytes / max(age_ms, 1.0)
    return min(wait_ms, max(NAP_MIN_MS, int(NAP_BYTES / max(bytes_per_ms, 1.0))))


class CommitPace:
    """Knows how fast records come and what commits cost. Times are monotonic seconds."""

    def __init__(self, wait_max_ms: float) -> None:
        self._wait_max_ms = wait_max_ms
        self._rate = 0.0
        self._sent_s = SENT_FIRST_GUESS_S
        self._pause_s = PAUSE_FIRST_S
        self._committed_at = -math.inf

    @property
    def wait_ms(self) -> int:
        """How old a transaction becomes before it ends although nothing more is waiting; whole milliseconds."""
        hurried = max(0.0, self._rate - UNHURRIED_RECORDS_PER_S)
        return int(min(hurried / RECORDS_PER_S_AND_MS, self._wait_max_ms))

    def is_over(self, age_ms: float, lag_ms: float) -> bool:
        """Whether a transaction that gathers records under load ends now, be there more or not.

        Never far behind the source: nobody waits for these records, each commit makes the catch-up slower, and a slower
        one would be given shorter transactions yet.
        """
        wait_ms = self.wait_ms
        return wait_ms > 0 and age_ms >= wait_ms and lag_ms < KEEPS_UP_MS

    def pause_s(self, now: float) -> float:
        """How long the next transaction should still not begin; 0 when it may."""
        if self.wait_ms >= REFUSED_WAIT_MS:
            return 0.0
        return max(0.0, self._committed_at + self._pause_s - now)

    def begun(self, now: float) -> None:
        """Note that a transaction begins: the longer the gap before it, the less the load before says of what comes."""
        gap_s = now - self._committed_at - self._wait_max_ms / 1000
        if gap_s > 0:
            self._rate *= math.exp(-gap_s / MEMORY_S)

    def committed(self, records: int, sent_s: float, now: float) -> None:
        """Note a commit of `records` records; from its beginning until they were acknowledged it took `sent_s`."""
        more_s = sent_s - self._sent_s
        if REFUSED_FROM_S < more_s < REFUSED_TO_S and self.wait_ms < REFUSED_WAIT_MS:
            self._pause_s = min(self._pause_s * PAUSE_LONGER, PAUSE_MAX_S)
        else:
            self._pause_s = max(self._pause_s * PAUSE_SHORTER, PAUSE_MIN_S)
        # One that had to wait for something else (a refusal, a busy machine) is not the rule.
        self._sent_s += 0.1 * (min(sent_s, 2 * self._sent_s) - self._sent_s)
        since_s = max(now - self._committed_at, 1e-6)
        weight = -math.expm1(-since_s / MEMORY_S)
        self._rate += weight * (records / since_s - self._rate)
        self._committed_at = now
