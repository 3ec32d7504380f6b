"""Which ranges of a table's keys were begun, which are written, which come next."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Any

from faust_cdc.mysql.key_ranges import ChunkKey
from faust_cdc.mysql.range_planner import RangePlanner
from faust_cdc.relational.model import Table
from faust_cdc.snapshot.progress import Bound, KeyRange, TableProgress

log = logging.getLogger(__name__)

STATEMENT_MAX_MS = 60_000
"""Of one statement on the source: one that takes longer is given up and its range halved."""


class TableRanges:
    """Hands out the ranges of one table, each to one reader; every member may be used from any thread.

    What was begun and not written is kept in order, so that progress names exactly what a restart must read again.
    """

    def __init__(
        self,
        table: Table,
        key: ChunkKey,
        progress: TableProgress,
        rows_per_chunk: int,
        override: str | None = None,
        *,
        asks_last_key: bool = False,
    ) -> None:
        """`override`: a SELECT that gives the rows in place of the table (`snapshot.select.statement.overrides`).

        `asks_last_key`: the server is asked for the table's last key before the first range, unless it is known.
        """
        self.override = override
        self.asks_last_key = asks_last_key
        self.table = table
        self.key = key
        self.rows_per_chunk = rows_per_chunk
        self._progress = self._resumed(progress)
        self._last_key_is_due = asks_last_key and self._progress.last_key is None
        self._again: list[KeyRange] = list(self._progress.open_ranges)
        self._open: list[KeyRange] = list(self._progress.open_ranges)
        self._planner: RangePlanner | None = None
        self._planned_on: Any = None
        self._lock = threading.Lock()

    def other(self, progress: TableProgress, table: Table | None = None, key: ChunkKey | None = None) -> TableRanges:
        """Return ranges that are handed out as these are, and go on from `progress`; None: of the same table, key."""
        return TableRanges(
            table or self.table,
            key or self.key,
            progress,
            self.rows_per_chunk,
            self.override,
            asks_last_key=self.asks_last_key,
        )

    def take(self, connection: Any) -> KeyRange | None:
        """Return a range to read, asking the server where it ends; None when all are taken."""
        with self._lock:
            if self._last_key_is_due:
                self._last_key_is_due = False
                self._progress = replace(self._progress, last_key=self._planner_on(connection).last_key())
            if self._again:
                return self._again.pop(0)
            progress = self._progress
            if progress.is_planned:
                return None
            found = self._planner_on(connection).next()
            if found is None:
                self._progress = replace(progress, is_planned=True, planned_to=None)
                return None
            self._progress = replace(progress, planned_to=found.high, is_planned=found.high is None)
            self._open.append(found)
            return found

    def give_back(self, taken: KeyRange) -> None:
        """Let a range be read again."""
        with self._lock:
            self._again.append(taken)

    def halve(self, connection: Any, taken: KeyRange) -> None:
        """Let a range that was too much for one statement be read again in two halves."""
        with self._lock:
            halves = self._planner_on(connection).split(taken)
            place = self._open.index(taken)
            self._open[place : place + 1] = halves
            self._again.extend(halves)
            self.rows_per_chunk = max(1, self.rows_per_chunk // 2)
            self._planner_on(connection).rows_per_chunk = self.rows_per_chunk

    def _resumed(self, progress: TableProgress) -> TableProgress:
        """Return progress that can be gone on with: of this key, and the range without an end planned anew."""
        bounds = [bound for one in progress.open_ranges for bound in (one.low, one.high)]
        bounds += [progress.planned_to, progress.last_key]
        known = progress.key in ("", self.key.describe())
        if not known or not all(bound is None or self.key.accepts(bound) for bound in bounds):
            log.warning(
                "Snapshot: %s has another key than when it was begun, and is read from its beginning", self.table.id
            )
            progress = replace(progress, rows=0, planned_to=None, is_planned=False, open_ranges=(), last_key=None)
        progress = replace(progress, key=self.key.describe())
        last = next((one for one in progress.open_ranges if one.high is None), None)
        if last is None:
            return progress
        others = tuple(one for one in progress.open_ranges if one is not last)
        return replace(progress, open_ranges=others, is_planned=False, planned_to=last.low)

    def _planner_on(self, connection: Any) -> RangePlanner:
        """Return the planner; of another connection than before it goes on where the last one was."""
        if self._planner is None or self._planned_on is not connection:
            progress = self._progress
            self._planner = RangePlanner(
                connection,
                self.table.id,
                self.key,
                self.rows_per_chunk,
                progress.condition,
                progress.planned_to,
                limit_ms=STATEMENT_MAX_MS,
            )
            self._planned_on = connection
        return self._planner

    def written(self, taken: KeyRange) -> None:
        """Note that a range's rows are written."""
        with self._lock:
            self._open.remove(taken)

    @property
    def condition(self) -> str | None:
        """SQL that the rows meet."""
        return self._progress.condition

    @property
    def last_key(self) -> Bound | None:
        """The table's last key when its reading began; None when it was not asked for, or is not known."""
        with self._lock:
            return self._progress.last_key

    @property
    def is_finished(self) -> bool:
        """True when every range is written."""
        with self._lock:
            return self._progress.is_planned and not self._open

    @property
    def has_more(self) -> bool:
        """True while there may be a range that no reader has."""
        with self._lock:
            return bool(self._again) or not self._progress.is_planned

    def progress(self, shown: TableProgress) -> TableProgress:
        """Return `shown` with the ranges as they are now."""
        with self._lock:
            return replace(
                shown,
                planned_to=self._progress.planned_to,
                is_planned=self._progress.is_planned,
                open_ranges=tuple(self._open),
                key=self._progress.key,
                last_key=self._progress.last_key,
            )
