"""What the embedded registry asks of the log that keeps its records, and that log in memory.

The one promise everything rests on: **`append` succeeds only if no other writer claimed the log since this
one's `claim`**. So `claim`, read to the end, decide, `append` is a compare-and-set on the whole log, and two
workers that race for the next id cannot both get it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from faust_cdc.registry.records import LogRecord


class WriterFenced(Exception):
    """Another writer claimed the log since; nothing was appended. Claim, read and decide again."""


class RecordTooLarge(Exception):
    """The log refuses a record for its size; nothing was appended."""


class SchemaLog(Protocol):
    """An ordered log with one writer at a time. Calls come from one thread at a time."""

    def read_new(self, *, all_written: bool = False) -> list[LogRecord]:
        """All records after the last call's that were acknowledged when this call began.

        With `all_written`, which a writer needs between `claim` and its decision and after `append`, nothing may
        be left undecided in the log: waits for that.
        """

    def claim(self) -> None:
        """Become the only writer; cheap if no one else was heard of since the last claim."""

    def append(self, records: Sequence[LogRecord]) -> None:
        """Append all or nothing; raises WriterFenced if another writer claimed since `claim`."""

    def close(self) -> None:
        """Let go of connections; the log stays."""


class MemorySchemaTopic:
    """A log in memory that several `MemorySchemaLog` handles share, like workers share a topic."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.records: list[LogRecord] = []
        self.epoch = 0


class MemorySchemaLog:
    """A `SchemaLog` that forgets everything with the process: for trying things out and for tests."""

    def __init__(self, topic: MemorySchemaTopic | None = None) -> None:
        self._topic = topic if topic is not None else MemorySchemaTopic()
        self._position = 0
        self._epoch: int | None = None

    def read_new(self, *, all_written: bool = False) -> list[LogRecord]:
        """See `SchemaLog`; nothing is ever undecided here."""
        with self._topic.lock:
            records = self._topic.records[self._position :]
            self._position = len(self._topic.records)
        return records

    def claim(self) -> None:
        """See `SchemaLog`."""
        if self._epoch is None:
            with self._topic.lock:
                self._topic.epoch += 1
                self._epoch = self._topic.epoch

    def append(self, records: Sequence[LogRecord]) -> None:
        """See `SchemaLog`."""
        with self._topic.lock:
            if self._epoch != self._topic.epoch:
                self._epoch = None
                raise WriterFenced("another handle claimed the log in memory")
            self._topic.records.extend(records)

    def close(self) -> None:
        """See `SchemaLog`."""
