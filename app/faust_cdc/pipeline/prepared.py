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
else. Why the order per key holds: a prepared transaction keeps its row locks, so nobody else changes those rows, and
no DDL their tables, until the decision.

Memory is bounded: above `MEMORY_BYTES_MAX` a transaction's records go to a temporary file.
Source: mysql-server `sql/xa.cc`, `XA_prepare_log_event`; MariaDB 10.5+ `Gtid_log_event` (FL_PREPARED_XA).
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Final, NamedTuple

from faust_cdc.errors import FatalError
from faust_cdc.pipeline.records import ChangeRecord

MEMORY_BYTES_MAX: Final = 1 << 20
"""Of one transaction's records; more goes to a temporary file."""

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


class PreparedRows:
    """The change records of one XA transaction, in order, in memory or on disk."""

    def __init__(self, memory_bytes_max: int = MEMORY_BYTES_MAX) -> None:
        self._file = SpooledTemporaryFile(max_size=memory_bytes_max, prefix="faust-cdc-xa-")  # noqa: SIM115
        self.count = 0

    def write(self, record: ChangeRecord) -> None:
        """Keep one record. Raises FatalError when there is no room on the disk."""
        plain = (record.topic, record.key, record.value, tuple(map(tuple, record.headers)), record.partition)
        try:
            self._file.write(marshal.dumps(plain))
        except OSError as error:
            raise FatalError(
                f"The rows of a prepared XA transaction ({self.count} so far) cannot be kept: {error}.",
                remedy="make room in the folder for temporary files (TMPDIR), or decide large XA transactions sooner",
            ) from error
        self.count += 1

    def records(self) -> Iterator[ChangeRecord]:
        """Yield the records in the order they were kept."""
        self._file.seek(0)
        for _ in range(self.count):
            topic, key, value, headers, partition = marshal.load(self._file)
            yield ChangeRecord(topic, key, value, list(headers), partition)

    def close(self) -> None:
        """Free memory and disk."""
        self._file.close()


class PreparedTransactions:
    """The XA transactions that are prepared and not decided, by xid."""

    def __init__(self) -> None:
        self._rows: dict[Xid, PreparedRows] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def keep(self, xid: Xid, rows: PreparedRows) -> None:
        """Keep the rows of a PREPARE until its decision."""
        self.drop(xid)
        self._rows[xid] = rows

    def take(self, xid: Xid) -> PreparedRows | None:
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
