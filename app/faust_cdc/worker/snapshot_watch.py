"""What the worker says of the snapshots of its connectors, from the table that every worker has: the progress topic.

The table holds what is committed, and only that: a table is said to be level when its last rows, and the position of
the stream that they are level with, can be read by everyone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.state import TaskState
from faust_cdc.snapshot.book import SnapshotBook, SnapshotReport, Turn
from faust_cdc.snapshot.progress import SnapshotState, TableProgress, TableState
from faust_cdc.snapshot.wording import duration_text, number_text
from faust_cdc.worker.manager import Supervision

log = logging.getLogger(__name__)

EVERY_S = 5.0
"""How often the progress of what runs is said."""


class SnapshotWatch:
    """Follows the snapshots that are taken here."""

    def __init__(
        self, book: SnapshotBook, tasks: Callable[[], Iterable[Supervision]], held: Callable[[str], bool]
    ) -> None:
        self._book = book
        self._tasks = tasks
        self._held = held

    def tell(self) -> None:
        """Write a line for each snapshot that a task of this worker is taking."""
        if not self._book.running():
            return
        working = [each for each in self._tasks() if each.task is not None and each.state is TaskState.RUNNING]
        for connector, report in held_reports(self._book, working).items():
            if report.snapshot.state is SnapshotState.RUNNING:
                log.info("Connector %s: %s snapshot: %s", connector, report.snapshot.kind.value, report.sentence())

    def turn(self, turn: Turn) -> None:
        """Say that a table is level, or that a snapshot is over, where its connector's lease is here."""
        connector = turn.partition.connector
        if not self._held(connector):
            return
        progress = turn.progress
        if isinstance(progress, TableProgress):
            if progress.state is TableState.COMPLETED:
                log.info("Connector %s: %s is level with the stream: %s", connector, progress.table, _rows_of(progress))
        elif progress.state in (SnapshotState.COMPLETED, SnapshotState.ABORTED):
            report = self._book.report(turn.partition, int(time.time() * 1000))
            if report is not None and report.snapshot.id == progress.id:
                ended = "is complete" if progress.state is SnapshotState.COMPLETED else "was stopped"
                waiting = f"; {len(progress.waiting)} wait behind it" if progress.waiting else ""
                log.info(
                    "Connector %s: %s snapshot %s %s: %s rows of %d tables in %s%s",
                    connector, progress.kind.value, progress.id, ended,
                    number_text(report.rows), len(report.tables), duration_text(report.duration_s), waiting,
                )  # fmt: skip


def _rows_of(progress: TableProgress) -> str:
    took_s = max(0, progress.updated_ms - progress.started_ms) / 1000 if progress.started_ms else 0.0
    return f"{number_text(progress.rows)} rows" + (f" in {duration_text(took_s)}" if took_s >= 1 else "")


def partition_of(task: Supervision) -> SourcePartition:
    """Return what the offset and the progress of a task are kept under."""
    return SourcePartition(task.desired.connector, task.desired.config.get("topic.prefix") or "")


def held_reports(book: SnapshotBook, tasks: Iterable[Supervision]) -> dict[str, SnapshotReport]:
    """Return how far the snapshots of these tasks are, by connector; those that have one."""
    now_ms = int(time.time() * 1000)
    found = {each.desired.connector: book.report(partition_of(each), now_ms) for each in tasks}
    return {connector: report for connector, report in found.items() if report is not None}
