"""When a worker's consumer asks the broker for news, and for which topics.

A fetch names every partition that the worker follows, some 170, and costs Python 2 ms, so they should be few: ten a
second are a fiftieth of a core. What a worker waits for (a connector's configuration, a command, a status, a route) is
written seldom and wanted at once, offsets are written with each commit of a task and nobody waits for them. So

- as a rule a fetch leaves out the topics that are written often, and the broker holds it until something comes, for
  `QUIET_MAX_WAIT_MS` at most;
- they are in one fetch in that time, which ends at once where there is a byte;
- in the `BUSY_MAX_WAIT_MS` after something came, a fetch asks for everything and waits that long for `BUSY_MIN_BYTES`:
  a snapshot writes its progress with each commit, and a state that is seen has its offset beside it soon;
- while tables are recovered a worker waits for every fetch: a byte ends it, and so do `RECOVERY_MAX_WAIT_MS`.

A rebalance may wait for a fetch that the broker holds, which bounds the first of these times.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from time import monotonic
from typing import Any, Final

QUIET_MAX_WAIT_MS: Final = 500
BUSY_MAX_WAIT_MS: Final = 100
BUSY_MIN_BYTES: Final = 64 * 1024
RECOVERY_MAX_WAIT_MS: Final = 10


class FetchPlan:
    """What the next fetch from each node asks for. For the consumer's thread, but for `is_recovering`."""

    def __init__(self, frequent: Collection[str]) -> None:
        """`frequent` are the topics that are written often; the collection may change."""
        self._frequent = frequent
        self._came_at = -math.inf
        self._asked_at: dict[Any, float] = {}
        self._fetcher: Any = None
        self._actions: Any = None
        self.is_recovering = True
        """Whether tables are recovered; may be set from any thread."""

    def lay_over(self, fetcher: Any) -> None:
        """Let this plan say what an aiokafka fetcher asks for."""
        if fetcher is not self._fetcher:
            self._fetcher, self._actions = fetcher, fetcher._get_actions_per_node
            fetcher._get_actions_per_node = self._planned

    def _planned(self, assignment: Any) -> Any:
        requests, *others = self._actions(assignment)
        now = monotonic()
        for node, request in requests:
            request._topics, request._max_wait_ms, request._min_bytes = self.ask(node, request.topics, now)
        return requests, *others

    def came(self, topic: str, now: float | None = None) -> None:
        """Note that a fetch brought records of a topic."""
        if topic not in self._frequent:
            self._came_at = monotonic() if now is None else now

    def ask(self, node: Any, topics: list[Any], now: float) -> tuple[list[Any], int, int]:
        """Return what to ask a node for: of these (topic, partitions) which, milliseconds to wait, bytes to wait for.

        `now` is the monotonic time, in seconds.
        """
        if self.is_recovering:
            return topics, RECOVERY_MAX_WAIT_MS, 1
        if now - self._came_at < BUSY_MAX_WAIT_MS / 1000:
            self._asked_at[node] = now
            return topics, BUSY_MAX_WAIT_MS, BUSY_MIN_BYTES
        since_ms = (now - self._asked_at.get(node, -math.inf)) * 1000
        seldom = [topic for topic in topics if topic[0] not in self._frequent]
        if since_ms < QUIET_MAX_WAIT_MS and seldom:
            return seldom, math.ceil(QUIET_MAX_WAIT_MS - since_ms), 1
        self._asked_at[node] = now
        return topics, QUIET_MAX_WAIT_MS, 1
