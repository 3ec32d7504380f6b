"""Going on inside a source transaction: Debezium's counters of events and rows that are already written.

A transaction larger than its limit is committed to Kafka in parts. The offset of a part is that of the transaction's
beginning with `event`, the number of its events that are done, counted from BEGIN (on MariaDB: from the GTID event
that stands for it), and `row`, the rows done of the event after these. We split between events, so our `row` is 0.
Source: Debezium 3.6.1 BinlogStreamingChangeEventSource (`handleEvent`, `handleChange`), BinlogOffsetContext.

The counters hold for one server's binlog. A replica writes its own, whose events may be cut otherwise, and after a
change of server another transaction may come first. So the offsets of our parts also name transaction and server.
"""

from __future__ import annotations

import sys
from typing import Final

from faust_cdc.errors import FatalError
from faust_cdc.offsets import SourceOffset

TRANSACTION_ID: Final = "transaction_id"
"""Debezium's name, with its meaning: the transaction's GTID."""
SERVER: Final = "split_on_server"
"""Ours: the server whose events are counted; Debezium passes it over."""

ALL_ROWS: Final = sys.maxsize
NEVER_SPLIT: Final = -(1 << 60)
"""A number of events that stays negative: of transactions that are committed whole, however large."""


class Resume:
    """What is still to be passed over at a start."""

    def __init__(self, start: SourceOffset) -> None:
        self.event, self.row, self.extra = start.event, start.row, start.extra
        """As they stand in the offset, to be written again while nothing of the transaction was read."""
        self._events, self._rows = start.event, start.row
        transaction = start.extra.get(TRANSACTION_ID)
        self._transaction = transaction if isinstance(transaction, str) and "=" not in transaction else None
        self._is_inside = False

    def enter(self, gtid: str | None) -> bool:
        """Note that a transaction begins; return whether it is the one that is partly written."""
        self._is_inside = self._transaction is None or gtid is None or gtid == self._transaction
        return self._is_inside

    def pass_event(self) -> None:
        """Note the end of an event of the open transaction."""
        if self._is_inside and self._events > 0:
            self._events -= 1

    def first_row(self) -> int:
        """Return the first row to write of the rows event at hand; ALL_ROWS when none of it is to be written."""
        if not self._is_inside:
            return 0
        if self._events > 0:
            return ALL_ROWS
        rows, self._rows = self._rows, 0
        return rows

    @property
    def is_done(self) -> bool:
        """True when everything that comes is to be written."""
        return self._is_inside and self._events == 0 and self._rows == 0

    def leave(self, where: str) -> bool:
        """Note a transaction's end; return whether nothing is left to pass over.

        Raises FatalError when the transaction has fewer events than were counted: it is another one.
        """
        if self._is_inside and self._events > 0:
            raise FatalError(
                f"The offset says that {self.event} events of the transaction that ends at {where} are written "
                f"already; it has {self.event - self._events}.",
                remedy="set the offset without 'event' and 'row' to have the whole transaction once more",
            )
        done = self._is_inside or self.event == 0
        self._is_inside = False
        return done


def check_server(offset: SourceOffset, server: str) -> None:
    """Refuse to go on inside a transaction whose events were counted on another server. Raises FatalError."""
    counted = offset.extra.get(SERVER)
    if offset.event and counted is not None and counted != server:
        raise FatalError(
            f"The offset stands inside a transaction, after {offset.event} events as server {counted} wrote them; this "
            f"is server {server}, which may have cut the same transaction otherwise.",
            remedy="connect to the former server until the transaction is done, or set the offset without 'event' and "
            "'row' to have the whole transaction once more",
        )
