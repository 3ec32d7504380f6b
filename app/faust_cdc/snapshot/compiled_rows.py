"""A table's rows through the compiled transcoder: batches of records from what lies in the socket's buffer.

Imported only where the extension is: it needs its run-time library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faust_cdc.errors import SourceConnectionLost
from faust_cdc.kafka.direct import Row
from faust_cdc.mysql.binary_rows import text_cells, text_reader
from faust_cdc.mysql.prepared_query import PreparedQuery
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.transcode.compiled.result_program import result_rows
from faust_cdc.transcode.compiled.source import SourceHead, after_row, after_transaction
from faust_cdc.transcode.source_block import SourceInfo

TextCells = tuple[bytes | None, ...]
LARGE_BYTES = 1024 * 1024
"""Of a value that is not copied more often than it must; with small ones that takes longer."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows as records, marked alike."""

    records: list[Row]
    suffix: bytes
    """What every value ends with: all that comes after the row."""


class CompiledRows:
    """Reads one table's query to its end."""

    def __init__(
        self,
        query: PreparedQuery,
        captured: CapturedTable,
        topic: int,
        source: Callable[[], SourceInfo],
        marker: str = "true",
    ) -> None:
        """`topic` is the number of the records' topic, `source` gives the block of the rows read now.

        `marker` is `source.snapshot` of all of them; those of a batch can be marked anew (`remarked`).

        Raises SourceConnectionLost for columns unheard of.
        """
        self._query = query
        self._source = source
        self._marker = marker
        try:
            self._readers = [text_reader(column) for column in query.columns]
            self._rows = result_rows(captured.transcoder, query.columns, topic)
        except ValueError as error:
            raise SourceConnectionLost(f"{captured.id}: {error}.") from error
        self._where = captured.id

    def __iter__(self) -> Iterator[Batch | TextCells]:
        """Yield batches, and between them the cells of rows that are for the reference transcoder.

        Ends early when the query was asked to stop.
        """
        query, rows = self._query, self._rows
        while (window := query.window()) is not None:
            suffix = self.suffix(self._marker)
            stopped = rows.feed(*window, suffix)
            query.passed(rows.at, rows.sequence)
            if rows.out:
                yield Batch(rows.out, suffix)
                rows.out = []
            if not stopped:
                continue
            packet = query.next_row()
            if packet is None:
                return
            if not rows.row(packet, 1, len(packet), suffix):
                yield self._as_text(packet)
            elif rows.out:
                packet = b""  # it may be large, and so is its record
                yield Batch(rows.out, suffix)
                rows.out = []

    @property
    def size(self) -> int:
        """Bytes of keys and values of all records so far."""
        return int(self._rows.size)

    def suffix(self, marker: str) -> bytes:
        """Return what follows the row in the value of a row read now."""
        return value_end(self._source(), marker)

    def remarked(self, suffix: bytes, record: Row, marker: str) -> Row:
        """Return a record of a batch with another marker."""
        return ended_by(record, len(suffix), self.suffix(marker))

    def _as_text(self, packet: bytes) -> TextCells:
        try:
            return text_cells(packet, self._readers)
        except ValueError as error:
            raise SourceConnectionLost(
                f"{self._where}: what the server sent as a row of the snapshot is none: {error}."
            ) from error


def ended_by(row: Row, old: int, end: bytes) -> Row:
    """Return a record whose value ends with `end` in place of its last `old` bytes."""
    topic, key, value = row
    assert value is not None, "a row has a value"
    if len(value) > LARGE_BYTES:
        return topic, key, b"".join((memoryview(value)[:-old], end))
    return topic, key, value[:-old] + end


def value_end(block: SourceInfo, marker: str) -> bytes:
    """Return what follows the row in the value of a snapshot's record."""
    assert block.ts_us is not None
    assert block.table is not None
    head = SourceHead(block.version, block.connector, block.name)
    before = head.before_row(
        marker.encode(),
        block.db.encode(),
        block.table.encode(),
        block.ts_us,
        block.server_id,
        None,
        block.file.encode(),
        block.pos,
    )
    row_index = b"\x00"
    no_transaction = b"\x00"
    return before + row_index + after_row(None, None) + no_transaction + after_transaction(b"r", time.time_ns())
