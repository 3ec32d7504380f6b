"""Where in the binlog a row is that cannot be written, and images in which there is nothing to read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.errors import TableError
from faust_cdc.relational.model import TableId


@contextmanager
def placed(event: RowsEvent) -> Iterator[None]:
    """Let a TableError that leaves the block name the event's file and position: transcoders know offsets only."""
    try:
        yield
    except TableError as error:
        place = f"{event.header.file}:{event.header.pos}"
        if place not in error.message:
            error.message = f"{error.message} The event is at {place}."
            error.args = (error.message,)
        raise


def check_columns(table_id: TableId, event: RowsEvent) -> None:
    """Refuse images without any column: rows of no bytes cannot be counted, so some would get lost or come for ever.

    binlog_row_image=MINIMAL logs `INSERT INTO t VALUES ()` so. Raises TableError.
    """
    if not int.from_bytes(event.columns_present[0], "little") & ((1 << event.column_count) - 1):
        raise TableError(
            f"{table_id}: the row images leave out all columns, expected every one.",
            remedy="set binlog_row_image=FULL on the server, for sessions too",
        )
