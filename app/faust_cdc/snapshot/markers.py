"""`source.snapshot` of every row: first, last, first and last of a table, or just `true`.

Only the row after it says whether a row is a last one, so one row is always held back. Rows of an incremental snapshot
are all marked alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from faust_cdc.kafka.direct import Row
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.pipeline.captured import CapturedTable

MakeRecord = Callable[[str], Row]
"""Marker → the record of a row."""


class WriteRows(Protocol):
    """`TransactionWriter.write_rows`."""

    def __call__(self, rows: list[Row], at: int, stop: int, headers: Headers) -> None:
        """Produce `rows[at:stop]` in order."""


def ends(is_first_of_table: bool, is_last_of_table: bool, is_first: bool, is_last: bool, last: int) -> dict[int, str]:
    """Return the markers of the rows at both ends of a chunk, by place, the last being at `last`.

    Each row has one, for what is marked is the row as it was read; the later of these win, as Debezium has it.
    """
    marks: dict[int, str] = {}
    for is_so, place, marker in (
        (is_first_of_table, 0, "first_in_data_collection"),
        (is_last_of_table, last, "last_in_data_collection"),
        (is_first, 0, "first"),
        (is_last, last, "last"),
    ):
        if is_so:
            marks[place] = marker
    return marks


class MarkedRows:
    """Writes rows in order, each with its marker."""

    def __init__(
        self, write: WriteRows, headers: Headers, *, is_first: bool = True, is_incremental: bool = False
    ) -> None:
        """`is_first`: no row of the snapshot was written before."""
        self.plain = "incremental" if is_incremental else "true"
        """The marker of a row that is nothing special."""
        self._is_incremental = is_incremental
        self._write = write
        self._headers = headers
        self._is_first = is_first
        self._held: tuple[CapturedTable, MakeRecord, bool] | None = None
        """The last row: its table, how to make its record, and whether it is the first of the table."""
        self.rows = 0
        """Rows written."""

    @property
    def taken(self) -> int:
        """Rows taken, the held one among them."""
        return self.rows + (self._held is not None)

    def add(self, captured: CapturedTable, make: MakeRecord) -> None:
        """Take the next row."""
        is_first_of_table = self._held is None or self._held[0] is not captured
        if self._held is not None:
            self._release(is_last_of_table=is_first_of_table, is_last=False)
        self._held = (captured, make, is_first_of_table)

    def add_batch(self, captured: CapturedTable, records: list[Row], remake: Callable[[Row, str], Row]) -> None:
        """Take the next rows of a table as records marked `plain`; `remake` gives one of them another marker."""
        first, last = records[0], records[-1]
        self.add(captured, lambda marker: remake(first, marker))
        if len(records) > 1:
            self._release(is_last_of_table=False, is_last=False)
            self._write(records, 1, len(records) - 1, self._headers)
            self.rows += len(records) - 2
            self._held = (captured, lambda marker: remake(last, marker), False)

    def end(self, *, is_last: bool = True) -> None:
        """Write the row that is held, the last one of its table, and of all unless said otherwise."""
        if self._held is not None:
            self._release(is_last_of_table=True, is_last=is_last)
            self._held = None

    def _release(self, *, is_last_of_table: bool, is_last: bool) -> None:
        assert self._held is not None
        _, make, is_first_of_table = self._held
        if self._is_incremental:
            marker = self.plain
        elif is_last:
            marker = "last"
        elif self._is_first and self.rows == 0:
            marker = "first"
        elif is_last_of_table:
            marker = "last_in_data_collection"
        elif is_first_of_table:
            marker = "first_in_data_collection"
        else:
            marker = self.plain
        self._write([make(marker)], 0, 1, self._headers)
        self.rows += 1
