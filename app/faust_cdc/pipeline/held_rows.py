"""Change records that wait: for the decision of an XA transaction, or for a rollback to a savepoint that may come.

Memory is bounded: above `MEMORY_BYTES_MAX` a transaction's records go to a temporary file.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Final, NamedTuple

from faust_cdc.errors import FatalError
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.relational.model import TableId

MEMORY_BYTES_MAX: Final = 1 << 20
"""Of one transaction's records; more goes to a temporary file."""


class Mark(NamedTuple):
    """How far held rows had come at a savepoint."""

    records: int
    size_bytes: int


class HeldRows:
    """The change records of one source transaction, in order, in memory or on disk."""

    def __init__(self, memory_bytes_max: int = MEMORY_BYTES_MAX) -> None:
        self._file = SpooledTemporaryFile(max_size=memory_bytes_max, prefix="faust-cdc-rows-")  # noqa: SIM115
        self._at = Mark(0, 0)

    @property
    def count(self) -> int:
        """Records held."""
        return self._at.records

    def write(self, record: ChangeRecord) -> None:
        """Hold one record. Raises FatalError when there is no room on the disk."""
        table = None if record.table is None else tuple(record.table)
        plain = (record.topic, record.key, record.value, tuple(map(tuple, record.headers)), record.partition, table)
        data = marshal.dumps(plain)
        try:
            self._file.write(data)
        except OSError as error:
            raise FatalError(
                f"The rows of an undecided transaction ({self.count} so far) cannot be held: {error}.",
                remedy="make room in the folder for temporary files (TMPDIR), or decide large XA transactions sooner",
            ) from error
        self._at = Mark(self._at.records + 1, self._at.size_bytes + len(data))

    def mark(self) -> Mark:
        """Return a mark for `cut`."""
        return self._at

    def cut(self, mark: Mark) -> None:
        """Drop what was written after `mark`."""
        self._file.seek(mark.size_bytes)
        self._file.truncate()
        self._at = mark

    def records(self) -> Iterator[ChangeRecord]:
        """Yield the records in the order they were written."""
        self._file.seek(0)
        for _ in range(self.count):
            topic, key, value, headers, partition, table = marshal.load(self._file)
            yield ChangeRecord(topic, key, value, list(headers), partition, None if table is None else TableId(*table))

    def close(self) -> None:
        """Free memory and disk."""
        self._file.close()
