"""Says in the log how far the snapshots of this worker's connectors are, every few seconds while they run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from mode import Service

from faust_cdc.offsets import SourcePartition
from faust_cdc.pipeline.state import TaskState
from faust_cdc.snapshot.book import SnapshotBook, SnapshotReport
from faust_cdc.snapshot.progress import SnapshotState
from faust_cdc.worker.manager import Supervision

log = logging.getLogger(__name__)


class SnapshotWatch(Service):  # type: ignore[misc]
    """Follows the progress of the snapshots that are taken here."""

    EVERY_S = 5.0

    def __init__(self, book: SnapshotBook, tasks: Callable[[], Iterable[Supervision]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._book = book
        self._tasks = tasks

    @Service.task  # type: ignore[untyped-decorator]
    async def _watch(self) -> None:
        while not self.should_stop:
            await self.sleep(self.EVERY_S)
            if not self.should_stop and self._book.running():
                self.tell()

    def tell(self) -> None:
        """Write a line for each snapshot that a task of this worker is taking."""
        working = [each for each in self._tasks() if each.task is not None and each.state is TaskState.RUNNING]
        for connector, report in held_reports(self._book, working).items():
            if report.snapshot.state is SnapshotState.RUNNING:
                log.info("Connector %s: %s snapshot: %s", connector, report.snapshot.kind.value, report.sentence())


def partition_of(task: Supervision) -> SourcePartition:
    """Return what the offset and the progress of a task are kept under."""
    return SourcePartition(task.desired.connector, task.desired.config.get("topic.prefix") or "")


def held_reports(book: SnapshotBook, tasks: Iterable[Supervision]) -> dict[str, SnapshotReport]:
    """Return how far the snapshots of these tasks are, by connector; those that have one."""
    now_ms = int(time.time() * 1000)
    found = {each.desired.connector: book.report(partition_of(each), now_ms) for each in tasks}
    return {connector: report for connector, report in found.items() if report is not None}
