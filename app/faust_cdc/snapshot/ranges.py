"""Which ranges of a table's keys were begun, which are written, which come next, and of how many rows.

The number of rows of a range follows what is found in the table: some megabytes, and less than half of the time that a
statement may take. It begins low, grows fast until a chunk was too much, and slowly then, so that few are thrown away.

A range that was too much is cut: its first part is what is known to fit, and from what is left a part is cut off each
time one is taken. So a range costs as many cuts as it has chunks, and what is open stays short. What cannot be cut, the
rows of a single key, is read as it is.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

from faust_cdc.mysql.key_ranges import ChunkKey
from faust_cdc.mysql.range_planner import RangePlanner
from faust_cdc.relational.model import Table
from faust_cdc.snapshot.progress import Bound, KeyRange, TableProgress

log = logging.getLogger(__name__)

STATEMENT_MAX_MS = 60_000
"""Of one statement on the source: one that takes longer is given up and its range cut."""
FIRST_ROWS = 1_000
"""Of the first ranges of a table, as long as nothing is known of its rows."""
FILLED = 0.7
"""The part of what a chunk may have, in bytes, that is aimed at."""
GROWTH_FIRST = 4.0
GROWTH = 1.25
"""By which a range is larger than the one before, once one was too much: in a dozen steps fourteen times."""
KILLS_MAX = 2
"""So often a range is read again as it is when somebody kills its statement."""


class _Large(NamedTuple):
    """A range of which no more than the first `rows` are to be read at once; None: as many as fit by now."""

    range: KeyRange
    rows: int | None = None


class TableRanges:
    """Hands out the ranges of one table, each to one reader; may be used from any thread, `take` from one at a time.

    What was begun and not written is kept in order, so that progress names exactly what a restart must read again.
    No member but `take` waits for the server or for somebody who does.
    """

    def __init__(
        self,
        table: Table,
        key: ChunkKey,
        progress: TableProgress,
        rows_max: int,
        override: str | None = None,
        *,
        asks_last_key: bool = False,
    ) -> None:
        """`rows_max` is the most that a range is planned with.

        `override`: a SELECT that gives the rows in place of the table (`snapshot.select.statement.overrides`).
        `asks_last_key`: the server is asked for the table's last key before the first range, unless it is known.
        """
        self.override = override
        self.asks_last_key = asks_last_key
        self.table = table
        self.key = key
        self.rows_max = rows_max
        self.rows_per_chunk = min(rows_max, FIRST_ROWS)
        """Of the next range that is planned or cut."""
        self.is_known = False
        """True once a range was read, or was too much: before, a second one is asked for in vain if the first was."""
        self._progress = self._resumed(progress)
        self._last_key_is_due = asks_last_key and self._progress.last_key is None
        self._again: list[KeyRange] = []
        self._open: list[KeyRange] = list(self._progress.open_ranges)
        # What was open before a restart may be what was left of a range that was too much.
        self._large = [_Large(one) for one in self._open]
        self._rows_of: dict[KeyRange, int] = {}
        """With how many rows an open range was planned."""
        self._one_key: set[KeyRange] = set()
        self._kills: Counter[KeyRange] = Counter()
        self._was_too_much = False
        self._row_bytes: float | None = None
        self._planner: RangePlanner | None = None
        self._planned_on: Any = None
        self._lock = threading.Lock()

    def other(self, progress: TableProgress, table: Table | None = None, key: ChunkKey | None = None) -> TableRanges:
        """Return ranges that are handed out as these are, and go on from `progress`; None: of the same table, key."""
        return TableRanges(
            table or self.table,
            key or self.key,
            progress,
            self.rows_max,
            self.override,
            asks_last_key=self.asks_last_key,
        )

    def take(self, connection: Any) -> KeyRange | None:
        """Return a range to read, asking the server where it ends; None when all are taken.

        Raises what `RangePlanner.next` raises; nothing is lost by it.
        """
        if self._last_key_is_due:
            last_key = self._planner_on(connection).last_key()
            self._last_key_is_due = False
            with self._lock:
                self._progress = replace(self._progress, last_key=last_key)
        with self._lock:
            if self._again:
                return self._again.pop(0)
            large = self._large.pop(0) if self._large else None
            is_planned = self._progress.is_planned
        if large is not None:
            return self._cut(connection, large)
        return None if is_planned else self._next(connection)

    def _next(self, connection: Any) -> KeyRange | None:
        planner = self._planner_on(connection)
        found = planner.next()
        with self._lock:
            if found is None:
                self._progress = replace(self._progress, is_planned=True, planned_to=None)
                return None
            self._progress = replace(self._progress, planned_to=found.high, is_planned=found.high is None)
            self._open.append(found)
            self._rows_of[found] = planner.rows_per_chunk
        return found

    def _cut(self, connection: Any, large: _Large) -> KeyRange:
        """Return the first part of a range; the rest is for later."""
        planner = self._planner_on(connection)
        rows = planner.rows_per_chunk if large.rows is None else large.rows
        try:
            parts = planner.split(large.range, rows, is_too_much=large.rows is not None)
        except BaseException:
            with self._lock:
                self._large.insert(0, large)
            raise
        first = parts[0] if parts else large.range
        with self._lock:
            place = self._open.index(large.range)
            self._open[place : place + 1] = parts or (large.range,)
            self._forget(large.range)
            self._large[:0] = [_Large(rest) for rest in parts[1:]]
            self._rows_of[first] = rows
            if not parts:
                self._one_key.add(first)
        return first

    def give_back(self, taken: KeyRange) -> None:
        """Let a range be read again."""
        with self._lock:
            self._again.append(taken)

    def killed(self, taken: KeyRange) -> None:
        """Let a range be read again whose statement somebody has ended; in parts when that goes on."""
        with self._lock:
            self._kills[taken] += 1
            again = self._kills[taken] <= KILLS_MAX
            if again:
                self._again.append(taken)
        if not again:
            self.too_slow(taken)

    def too_slow(self, taken: KeyRange) -> None:
        """Let a range that took too long be read again in halves."""
        with self._lock:
            self._shrink(taken, max(1, self._rows_of.get(taken, self.rows_max) // 2), None)

    def too_large(self, taken: KeyRange, rows: int, rows_at_half: int) -> None:
        """Let a range that had too many bytes be read again in parts.

        It was too much by the `rows`-th row; at `rows_at_half` it was half of that. The first part ends there, and the
        following ones have as many rows as made the second half.
        """
        with self._lock:
            first = max(1, min(rows_at_half or rows // 2, rows - 1))
            self._shrink(taken, max(1, rows - first), first)

    def _shrink(self, taken: KeyRange, rows: int, first: int | None) -> None:
        # Of several chunks that are too much at the same time none makes ranges smaller than it needs.
        self.rows_per_chunk = min(self.rows_per_chunk, rows)
        self._was_too_much = self.is_known = True
        self._large.append(_Large(taken, first or rows))

    def was_read(self, taken: KeyRange, rows: int, size_bytes: int, bytes_max: int, seconds: float) -> None:
        """Take note of what was in a range: the next ones are planned to fit into `bytes_max` and the time."""
        with self._lock:
            self.is_known = True
            aim = float(self.rows_max)
            if rows and size_bytes:
                self._row_bytes = size_bytes / rows
                aim = min(aim, FILLED * bytes_max / self._row_bytes)
            used = seconds * 1000 / STATEMENT_MAX_MS
            if used > 1 / 4:
                aim = min(aim, self._rows_of.get(taken, self.rows_per_chunk) / (2 * used))
            if size_bytes > FILLED * bytes_max or used > 1 / 2:
                self.rows_per_chunk = max(1, min(self.rows_per_chunk, int(aim)))
                return
            grown = self.rows_per_chunk * (GROWTH if self._was_too_much else GROWTH_FIRST) + 1
            self.rows_per_chunk = max(self.rows_per_chunk, int(min(grown, aim)))

    def is_one_key(self, taken: KeyRange) -> bool:
        """Return whether a range is known to be of a single key, so that it must be read as it is."""
        with self._lock:
            return taken in self._one_key

    @property
    def next_rows_max(self) -> int:
        """Rows that the next range has at most."""
        return self.rows_max if self.is_known else min(self.rows_max, FIRST_ROWS)

    def expected_bytes(self, bytes_max: int) -> int:
        """Return how large the next chunk is likely to be, when none has more than `bytes_max`."""
        row_bytes = self._row_bytes
        return bytes_max if row_bytes is None else min(bytes_max, int(row_bytes * self.rows_per_chunk))

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
        self._planner.rows_per_chunk = self.rows_per_chunk
        return self._planner

    def written(self, taken: KeyRange) -> None:
        """Note that a range's rows are written."""
        with self._lock:
            self._open.remove(taken)
            self._forget(taken)

    def _forget(self, key_range: KeyRange) -> None:
        self._rows_of.pop(key_range, None)
        self._kills.pop(key_range, None)
        self._one_key.discard(key_range)

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
            return bool(self._again or self._large) or not self._progress.is_planned

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
