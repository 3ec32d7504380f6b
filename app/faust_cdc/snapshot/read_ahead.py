"""How far a snapshot reads ahead of what is committed: what a kill costs, and what waits in memory.

A restart reads again what was read and not committed: ranges that are asked for, those that wait until the stream has
come to their place, and those whose Kafka transaction is open. Together they have a chunk's rows for each reader at
most. Ranges of half a chunk let a reader work on one half while the other is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from faust_cdc.pipeline.transaction_writer import WriterCounters
from faust_cdc.snapshot.chunk_reader import Chunk
from faust_cdc.snapshot.ranges import TableRanges

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""Of chunks that wait for the stream to come to them: no further one is read until there is room."""
CHUNKS_MAX = 1_000
"""That wait for the stream, however small they are."""


class ReadAhead:
    """Says whether another range may be asked for."""

    def __init__(self, rows_max: int, bytes_max: int, counters: WriterCounters) -> None:
        """`rows_max` of all ranges together, `bytes_max` of a single one; `counters` tell of commits."""
        self._rows_max, self._bytes_max, self._counters = rows_max, bytes_max, counters
        self._written, self._open_transaction = 0, 0

    def wrote(self, rows: int) -> None:
        """Take note of rows that are in the open Kafka transaction."""
        self._written = self.uncommitted_rows + rows
        self._open_transaction = self._counters.kafka_transactions

    @property
    def uncommitted_rows(self) -> int:
        """Rows in the open Kafka transaction."""
        return self._written if self._open_transaction == self._counters.kafka_transactions else 0

    def has_room(self, ranges: TableRanges, asked: Iterable[TableRanges], waiting: Collection[Chunk]) -> bool:
        """Return whether the next range of a table may be read beside those that are asked for and those that wait.

        `asked` names a table once for each of its ranges. One range may always be read, however large it is.
        """
        rows, held = self.uncommitted_rows, 0
        for one in asked:
            rows += one.next_rows_max
            held += one.expected_bytes(self._bytes_max)
        for chunk in waiting:
            rows += chunk.rows_read
            held += chunk.bytes
        is_within = not rows or rows + ranges.next_rows_max <= self._rows_max
        return is_within and held < WAITING_BYTES_MAX and len(waiting) < CHUNKS_MAX
