"""How long the broker may hold the fetches of a worker's consumer.

A fetch names every partition that the worker follows, some 170, and costs Python 3 ms in two threads, so ten a second
are a thirtieth of a core. A byte must not end it: there is one with each commit of a task somewhere. So the broker
holds a fetch

- `AWAKE_MAX_WAIT_MS` while somebody waits for what may come: after a request to the worker, and after a record of a
  topic that is seldom written (a configuration, a command, a status), for `STAYS_AWAKE_S`;
- `ASLEEP_MAX_WAIT_MS` otherwise, by which time a table may be behind, and a rebalance wait;
- `RECOVERY_MAX_WAIT_MS` while tables are recovered, when a worker waits for every fetch; a byte ends the wait then.

Each fetch asks for everything: who sees that a task has ended sees the offsets it left, they came together.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from time import monotonic
from typing import Any, Final

AWAKE_MAX_WAIT_MS: Final = 100
ASLEEP_MAX_WAIT_MS: Final = 400
STAYS_AWAKE_S: Final = 2.0
MIN_BYTES: Final = 64 * 1024
RECOVERY_MAX_WAIT_MS: Final = 10
RECOVERY_MIN_BYTES: Final = 1


class FetchPlan:
    """What ends the next fetch. For any thread."""

    def __init__(self, frequent: Collection[str]) -> None:
        """`frequent` are the topics that are written often; the collection may change."""
        self._frequent = frequent
        self._woken_at = -math.inf
        self._fetcher: Any = None
        self._actions: Any = None
        self.is_recovering = True
        """Whether tables are recovered."""

    def lay_over(self, fetcher: Any) -> None:
        """Let this plan say what ends the fetches of an aiokafka fetcher."""
        if fetcher is not self._fetcher:
            self._fetcher, self._actions = fetcher, fetcher._get_actions_per_node
            fetcher._get_actions_per_node = self._planned

    def _planned(self, assignment: Any) -> Any:
        self._fetcher._fetch_max_wait_ms, self._fetcher._fetch_min_bytes = self.limits(monotonic())
        return self._actions(assignment)

    def came(self, topic: str, now: float) -> None:
        """Note that a fetch brought records of a topic; `now` is the monotonic time, in seconds."""
        if topic not in self._frequent:
            self.wake(now)

    def wake(self, now: float) -> None:
        """Note that somebody waits for what comes."""
        self._woken_at = now

    def limits(self, now: float) -> tuple[int, int]:
        """Return milliseconds and bytes that end a fetch."""
        if self.is_recovering:
            return RECOVERY_MAX_WAIT_MS, RECOVERY_MIN_BYTES
        return (AWAKE_MAX_WAIT_MS if now - self._woken_at < STAYS_AWAKE_S else ASLEEP_MAX_WAIT_MS), MIN_BYTES
