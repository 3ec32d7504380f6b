"""XA transactions between PREPARE and their decision: rows are written at XA COMMIT, dropped at XA ROLLBACK.

The server writes the rows into the binlog at XA PREPARE and the decision later, as a transaction of its own without
rows. What is prepared is not committed: no reader of the database sees it, so no reader of the topics may (Debezium
writes rows at PREPARE and cannot take them back).

Why nothing is lost: the offset may pass a PREPARE whose decision is not there yet, for its rows are kept here, and
what is kept here need not survive a crash. Where a COMMIT comes for a transaction that is not kept, because the task
was started again in between, or the snapshot or another connector's offset stands between the two, the rows are read
once more from the binlog (`prepared_search`); its server keeps them as long as any other row. Are they purged, the
task fails and says so, before the offset passes the COMMIT. A ROLLBACK of a transaction that is not kept drops nothing.

Why nothing comes twice: rows go into the Kafka transaction of their COMMIT with the offset behind it, and from nowhere
else. Of a table that a snapshot waits to copy nothing is written before, for the copy shows it: that is decided at the
COMMIT too, from which on a copy shows the rows. Why the order per key holds: a prepared transaction keeps its row
locks, so nobody else changes those rows, and no DDL their tables, until the decision.

Source: mysql-server `sql/xa.cc`, `XA_prepare_log_event`; MariaDB 10.5+ `Gtid_log_event` (FL_PREPARED_XA).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from faust_cdc.errors import FatalError
from faust_cdc.pipeline.held_rows import HeldRows

_XID = re.compile(r"\s*xa\s+\w+\s+X'([0-9a-f]*)'\s*,\s*X'([0-9a-f]*)'\s*,\s*(-?\d+)", re.IGNORECASE)


class Xid(NamedTuple):
    """What names an XA transaction branch."""

    format_id: int
    gtrid: bytes
    bqual: bytes

    def __str__(self) -> str:
        return f"X'{self.gtrid.hex()}',X'{self.bqual.hex()}',{self.format_id}"

    @classmethod
    def of_statement(cls, statement: str) -> Xid:
        """Return the xid of an `XA START|END|COMMIT|ROLLBACK` as a server writes it. Raises FatalError."""
        found = _XID.match(statement)
        if found is None:
            raise FatalError(f"{statement[:120]!r} names no xid as X'…',X'…',n.", remedy="report this to us")
        return cls(int(found[3]), bytes.fromhex(found[1]), bytes.fromhex(found[2]))


class PreparedTransactions:
    """The XA transactions that are prepared and not decided, by xid."""

    def __init__(self) -> None:
        self._rows: dict[Xid, HeldRows] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def keep(self, xid: Xid, rows: HeldRows) -> None:
        """Keep the rows of a PREPARE until its decision."""
        self.drop(xid)
        self._rows[xid] = rows

    def take(self, xid: Xid) -> HeldRows | None:
        """Return the rows of a transaction that is committed now, None when its PREPARE was not seen."""
        return self._rows.pop(xid, None)

    def drop(self, xid: Xid) -> None:
        """Forget a transaction that is rolled back now."""
        rows = self._rows.pop(xid, None)
        if rows is not None:
            rows.close()

    def close(self) -> None:
        """Forget all."""
        for xid in list(self._rows):
            self.drop(xid)
