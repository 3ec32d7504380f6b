"""How far every snapshot is, from the records of the snapshots topic as they come by.

Every worker follows the whole topic, so any of them answers for any connector; speeds are of late, from the times that
stand in the records, and therefore the same on all workers, also on one that has just read the topic from its start.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from faust_cdc.errors import FatalError
from faust_cdc.offsets import SourcePartition
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import (
    ENDED,
    SnapshotProgress,
    SnapshotState,
    TableProgress,
    TableState,
    read_key,
)
from faust_cdc.snapshot.wording import duration_text, number_text

log = logging.getLogger(__name__)

WINDOW_MS: Final = 30_000
"""Over which a speed is taken; one without any news for so long stands still."""
STEP_MS: Final = 1_000
AVERAGE_AFTER_MS: Final = 1_000
TABLES_NAMED_MAX: Final = 3


class RowRate:
    """Rows per second of late, from counts with their times."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque()

    def note(self, at_ms: int, rows: int) -> None:
        """Take note of how many rows there were at a time; fewer than before, or an earlier time, begins anew."""
        samples = self._samples
        if samples and (rows < samples[-1][1] or at_ms < samples[-1][0] - STEP_MS):
            samples.clear()
        if samples:
            at_ms = max(at_ms, samples[-1][0])
        if len(samples) > 1 and samples[-1][0] - samples[-2][0] < STEP_MS:
            samples.pop()
        samples.append((at_ms, rows))
        while len(samples) > 2 and at_ms - samples[0][0] > WINDOW_MS:
            samples.popleft()

    def per_s(self, now_ms: int) -> float | None:
        """Return the speed now: 0 when nothing was heard for WINDOW_MS, None when it is not known yet."""
        if not self._samples:
            return None
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        if now_ms - last_at > WINDOW_MS:
            return 0.0
        return (last - first) * 1000 / (last_at - first_at) if last_at > first_at else None


@dataclass(frozen=True, slots=True)
class TableReport:
    """How far one table is."""

    progress: TableProgress
    rows_per_s: float | None = None
    """Of late; None when not known. Of a table that is done: from its start to its end."""

    @property
    def eta_s(self) -> float | None:
        """Seconds that are left by estimate and speed; None when one of them is not known or the estimate passed."""
        progress = self.progress
        if progress.state is not TableState.RUNNING or not self.rows_per_s or progress.estimated_rows is None:
            return None
        left = progress.estimated_rows - progress.rows
        return left / self.rows_per_s if left > 0 else None

    def words(self) -> str:
        """Name the table and say how far it is, as far as that is known."""
        percent, left = self.progress.percent, self.eta_s
        known = ([] if percent is None else [f"{percent:.1f} %"]) + (
            [] if left is None else [f"{duration_text(left)} left"]
        )
        return str(self.progress.table) + (f" ({', '.join(known)})" if known else "")

    def to_json(self) -> dict[str, Any]:
        """Return the table's entry in `GET /connectors/{c}/snapshot`."""
        progress = self.progress
        entry: dict[str, Any] = {
            "database": progress.table.database,
            "table": progress.table.table,
            "state": progress.state.value,
            "rows": progress.rows,
            "estimated_rows": progress.estimated_rows,
            "percent": _rounded(progress.percent),
            "rows_per_s": _rounded(self.rows_per_s),
            "eta_s": _rounded(self.eta_s),
            "started_ms": progress.started_ms or None,
            "updated_ms": progress.updated_ms or None,
        }
        for name in ("reason", "condition", "surrogate_key", "statement"):
            if getattr(progress, name):
                entry[name] = getattr(progress, name)
        return entry


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """How far a snapshot is."""

    snapshot: SnapshotProgress
    tables: Sequence[TableReport]
    """All of the snapshot's, in its order, and behind them those that wait to be read by another."""
    at_ms: int
    """When it was asked for."""
    rows_per_s: float | None = None

    @property
    def rows(self) -> int:
        """Rows done, of all tables."""
        return sum(each.progress.rows for each in self.tables)

    @property
    def tables_done(self) -> int:
        """Tables for which nothing is done any more."""
        return sum(each.progress.state in ENDED for each in self.tables)

    @property
    def estimated_rows(self) -> int | None:
        """Rows of all tables: counted where done, else estimated; None when a table has no estimate."""
        total = 0
        for each in self.tables:
            progress = each.progress
            if progress.state in ENDED:
                total += progress.rows
            elif progress.estimated_rows is None:
                return None
            else:
                total += max(progress.rows, progress.estimated_rows)
        return total

    @property
    def percent(self) -> float | None:
        """Rows done of those estimated, 100 when complete; None when not known."""
        if self.snapshot.state is SnapshotState.COMPLETED:
            return 100.0
        total = self.estimated_rows
        if total is None:
            return None
        return min(99.9, 100 * self.rows / total) if total else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds that are left; None when not known, and while it does not run."""
        total = self.estimated_rows
        if self.snapshot.state is not SnapshotState.RUNNING or not self.rows_per_s or total is None:
            return None
        left = total - self.rows
        return left / self.rows_per_s if left > 0 else None

    @property
    def duration_s(self) -> float:
        """Seconds from its beginning to its end, or to now."""
        running = self.snapshot.state in (SnapshotState.RUNNING, SnapshotState.PAUSED)
        return max(0, (self.at_ms if running else self.snapshot.updated_ms) - self.snapshot.started_ms) / 1000

    def to_json(self) -> dict[str, Any]:
        """Return the member `snapshot` of `GET /connectors/{c}/snapshot`."""
        snapshot = self.snapshot
        return {
            "id": snapshot.id,
            "kind": snapshot.kind.value,
            "state": snapshot.state.value,
            "started_ms": snapshot.started_ms,
            "updated_ms": max((snapshot.updated_ms, *(each.progress.updated_ms for each in self.tables))),
            "duration_s": _rounded(self.duration_s),
            "tables": len(self.tables),
            "tables_done": self.tables_done,
            "rows": self.rows,
            "estimated_rows": self.estimated_rows,
            "percent": _rounded(self.percent),
            "rows_per_s": _rounded(self.rows_per_s),
            "eta_s": _rounded(self.eta_s),
            "waiting": [one.to_value() for one in snapshot.waiting],
        }

    def sentence(self) -> str:
        """Say in a line how far it is."""
        of, percent = self.estimated_rows, self.percent
        parts = [number_text(self.rows) + (" rows" if of is None else f" of about {number_text(of)} rows")]
        if percent is not None:
            parts[0] += f" ({percent:.1f} %)"
        if self.rows_per_s is not None:
            parts.append(f"{number_text(self.rows_per_s)} rows/s")
        if self.eta_s is not None:
            parts.append(f"{duration_text(self.eta_s)} left")
        parts.append(f"{self.tables_done} of {len(self.tables)} tables done")
        running = [each.words() for each in self.tables if each.progress.state is TableState.RUNNING]
        if running:
            more = len(running) - TABLES_NAMED_MAX
            parts.append(f"now in {', '.join(running[:TABLES_NAMED_MAX])}" + (f" and {more} more" if more > 0 else ""))
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Turn:
    """A snapshot, or a table of one, is in another state than it was."""

    partition: SourcePartition
    progress: SnapshotProgress | TableProgress


@dataclass(slots=True)
class _Page:
    """What is known of one connector's snapshot."""

    snapshot: SnapshotProgress | None = None
    tables: dict[TableId, TableProgress] = field(default_factory=dict)
    rates: dict[TableId, RowRate] = field(default_factory=dict)
    """Of the tables that are being read."""
    rows: int = 0
    """Of all tables that have a record."""
    rate: RowRate = field(default_factory=RowRate)


class SnapshotBook:
    """The progress of all snapshots. Not for several threads."""

    def __init__(self, on_turn: Callable[[Turn], None] = lambda turn: None) -> None:
        """`on_turn` is called when a record says of a snapshot or table another state than the one before it."""
        self._pages: dict[SourcePartition, _Page] = {}
        self._on_turn = on_turn

    def note(self, key: bytes, value: bytes | None) -> None:
        """Take note of a record of the topic; one that cannot be read is logged and passed over."""
        known = read_key(key)
        if known is None:
            return
        partition, table = known
        page = self._pages.setdefault(partition, _Page())
        try:
            if table is not None:
                self._note_table(
                    partition, page, None if value is None else TableProgress.from_json(table, value), table
                )
            elif value is None:
                page.snapshot = None
            else:
                self._note_snapshot(partition, page, SnapshotProgress.from_json(value))
        except FatalError as error:
            log.warning("Connector %s: %s", partition.connector, error)
        if page.snapshot is None and not page.tables:
            del self._pages[partition]

    def _note_table(
        self, partition: SourcePartition, page: _Page, progress: TableProgress | None, table: TableId
    ) -> None:
        before = page.tables.get(table)
        _note_table(page, table, progress)
        if progress is not None and (before is None or before.state is not progress.state):
            self._on_turn(Turn(partition, progress))

    def _note_snapshot(self, partition: SourcePartition, page: _Page, snapshot: SnapshotProgress) -> None:
        before = page.snapshot
        _note_snapshot(page, snapshot)
        if before is None or (before.id, before.state) != (snapshot.id, snapshot.state):
            self._on_turn(Turn(partition, snapshot))

    def report(self, partition: SourcePartition, now_ms: int) -> SnapshotReport | None:
        """Return how far a connector's snapshot is; None when none is known."""
        page = self._pages.get(partition)
        if page is None or page.snapshot is None:
            return None
        behind = [table for table, one in page.tables.items() if one.state is TableState.BEHIND]
        tables = [_table_report(page, table, now_ms) for table in dict.fromkeys((*page.snapshot.tables, *behind))]
        speed = page.rate.per_s(now_ms) if page.snapshot.state is SnapshotState.RUNNING else None
        return SnapshotReport(page.snapshot, tables, now_ms, speed)

    def running(self) -> list[SourcePartition]:
        """Return whose snapshots run, by their records: nobody may be working at them."""
        return [
            partition
            for partition, page in self._pages.items()
            if page.snapshot is not None and page.snapshot.state is SnapshotState.RUNNING
        ]


def _note_snapshot(page: _Page, snapshot: SnapshotProgress) -> None:
    if page.snapshot is None or page.snapshot.id != snapshot.id:
        page.rate = RowRate()
    page.snapshot = snapshot


def _note_table(page: _Page, table: TableId, progress: TableProgress | None) -> None:
    before = page.tables.pop(table, None)
    page.rows -= 0 if before is None else before.rows
    if progress is None:
        page.rates.pop(table, None)
        return
    page.tables[table] = progress
    page.rows += progress.rows
    if progress.started_ms:
        page.rate.note(progress.updated_ms, page.rows)
    if progress.state is TableState.RUNNING:
        page.rates.setdefault(table, RowRate()).note(progress.updated_ms, progress.rows)
    else:
        page.rates.pop(table, None)


def _table_report(page: _Page, table: TableId, now_ms: int) -> TableReport:
    progress = page.tables.get(table) or TableProgress(table)
    took_ms = progress.updated_ms - progress.started_ms
    average = progress.rows * 1000 / took_ms if progress.started_ms and took_ms >= AVERAGE_AFTER_MS else None
    if progress.state is not TableState.RUNNING:
        return TableReport(progress, average if progress.state is TableState.COMPLETED else None)
    rate = page.rates[table].per_s(now_ms) if table in page.rates else None
    return TableReport(progress, average if rate is None else rate)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
