"""Says in the log which versions the tables of this worker's connectors come to have."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from faust_cdc.errors import FatalError
from faust_cdc.pipeline.table_schemas import read_line_key, versions_of
from faust_cdc.worker.manager import Supervision
from faust_cdc.worker.snapshot_watch import partition_of

log = logging.getLogger(__name__)

WAITING_MAX: Final = 1000
"""Lines that wait to be told of, the newest ones; the topic has all."""


class SchemaWatch:
    """Follows the topic of table schemas."""

    def __init__(self, tasks: Callable[[], Iterable[Supervision]]) -> None:
        self._tasks = tasks
        self._since_ms = time.time_ns() // 1_000_000
        self._told: dict[tuple[bytes, int], None] = {}
        self._waiting: deque[tuple[bytes, bytes]] = deque(maxlen=WAITING_MAX)

    def note(self, key: bytes, value: bytes | None) -> None:
        """Keep a record until it is told of."""
        if value is not None:
            self._waiting.append((key, value))

    def tell(self) -> None:
        """Write a line for each version behind a table's first one that a task of this worker met."""
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        ours = {partition_of(each) for each in self._tasks() if each.task is not None} if waiting else set()
        for key, value in waiting:
            found = read_line_key(key)
            if found is None or found[0] not in ours:
                continue
            try:
                newest = versions_of(value, str(found[1]))[-1]
            except (FatalError, IndexError) as error:
                log.warning("Connector %s: %s", found[0].connector, error)
                continue
            if newest.version > 1 and newest.ts_ms >= self._since_ms and self._is_news(key, newest.version):
                log.info(
                    "Connector %s: %s has version %d of its schema (%s, from the %s), on topic %s, schema id %s",
                    found[0].connector,
                    found[1],
                    newest.version,
                    newest.decision,
                    newest.origin,
                    newest.topic,
                    newest.value_schema_id or "with its first record",
                )

    def _is_news(self, key: bytes, version: int) -> bool:
        """A version's line comes a second time when its first record gives it ids."""
        if (key, version) in self._told:
            return False
        self._told[key, version] = None
        if len(self._told) > WAITING_MAX:
            del self._told[next(iter(self._told))]
        return True
