"""Rows of ours in the signal table: what a read shows, on a MySQL server that does not say it by GTIDs.

A position alone does not tell: what is in the binlog may not be visible yet. A row of ours does, for the server commits
in the engine in the order of the binlog (`binlog_order_commits`, mysql-server `MYSQL_BIN_LOG::ordered_commit`: the
commit stage has one leader at a time, and its queue is in the order of the flush stage). What the stream had delivered
before our INSERT began stood in the binlog by then, so our row comes behind it there, and once our COMMIT has returned,
all of it is committed in the engine, whatever semi-synchronous replication makes it wait for. So a window that is
opened before the INSERT, and rows that are read behind it, are what `snapshot.windows` needs, as with a visible set.

That holds as long as our row is in this binlog at all (`binlog-ignore-db`, another server behind the address): only
when the stream has brought it are the rows of its window written. It has by the high watermark, which is taken later.
Before MySQL 8.0.30 an XA transaction that another session commits than the one that prepared it is not part of that
order: its rows may become visible a moment behind their place. Debezium relies on the same order.

Ids, types and data are those of Debezium 3.6.1 (`SignalBasedIncrementalSnapshotChangeEventSource`, `SignalMetadata`,
`InsertWindowCloser`, `DeleteWindowCloser`): `<uuid>-open` before a chunk, and behind it `<uuid>-close`, or the row
deleted, by `incremental.snapshot.watermarking.strategy`.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import Final

import pymysql

from faust_cdc.errors import CdcError, SourceRefused, TransientError
from faust_cdc.mysql.chunk_session import ChunkSession
from faust_cdc.mysql.chunk_statements import ChunkLocked, ChunkTooLong, too_long
from faust_cdc.mysql.connection import ServerInfo, SourceAddress, translate_mysql_error
from faust_cdc.mysql.names import quote
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.snapshot_session import SnapshotPoint
from faust_cdc.relational.model import TableId

log = logging.getLogger(__name__)

OPEN_TYPE: Final = "snapshot-window-open"
CLOSE_TYPE: Final = "snapshot-window-close"
_OPEN, _CLOSE = "-open", "-close"
READ_ONLY_CODES: Final = frozenset({1290, 1792, 1836})
"""The server, or the session, takes no writes."""
PROBE_LOCK_WAIT_S: Final = 1


class WindowRows:
    """The table that is written to, and which of our rows have come by in the stream. For any thread.

    A window is remembered until it is confirmed or forgotten: as many as there are chunks that are read or wait.
    """

    def __init__(self, table: TableId, *, deletes: bool) -> None:
        """`deletes`: a window is closed by deleting its row (`insert_delete`)."""
        self.table = table
        self.deletes = deletes
        self._lock = threading.Lock()
        self._came_by: dict[str, bool] = {}

    def opened(self) -> str:
        """Return the id of a new window, whose row is awaited from now on."""
        window = str(uuid.uuid4())
        with self._lock:
            self._came_by[window] = False
        return window

    def forget(self, window: str) -> None:
        """Await the row of a window no more: what was read in it is given up."""
        with self._lock:
            self._came_by.pop(window, None)

    def __len__(self) -> int:
        return len(self._came_by)

    def note(self, row: str) -> None:
        """Note that the stream brings a row that opens a window, by the row's id; it may be another's."""
        window = row.removesuffix(_OPEN)
        with self._lock:
            if window in self._came_by:
                self._came_by[window] = True

    def confirm(self, window: str) -> None:
        """Take note that the stream is behind what a window shows. Raises SourceRefused when its row did not come."""
        with self._lock:
            came_by = self._came_by.pop(window, False)
        if not came_by:
            raise SourceRefused(
                f"The row {window}{_OPEN} was written into {self.table}, and the stream did not bring it: nothing "
                "tells what the rows show that were read behind it.",
                remedy="let the server write the table into its binlog (binlog-do-db, binlog-ignore-db), and the "
                "connector's user read it (GRANT SELECT); or turn GTIDs on",
            )


class WindowSession(ChunkSession):
    """A session that opens and closes each window by a row of its own."""

    def __init__(self, address: SourceAddress, info: ServerInfo, lock_timeout_s: int, rows: WindowRows) -> None:
        """Connect. Raises what `ChunkSession` does."""
        super().__init__(address, info, lock_timeout_s)
        self._rows = rows
        self._name = f"{quote(rows.table.database)}.{quote(rows.table.table)}"
        self._opened_at = ""

    def begin(self, gtids: str | None, position: BinlogPosition, should_stop: Callable[[], bool]) -> bool:
        """Write the row behind which all is visible that the stream has delivered. False when asked to stop.

        Raises SourceRefused when the row may not be written or the server does not commit in the binlog's order,
        ChunkLocked when the table is locked.
        """
        self._check_order()
        self.window, self._opened_at = self._rows.opened(), instant(time.time_ns())
        try:
            self._insert(_OPEN, OPEN_TYPE, {"openWindowTimestamp": self._opened_at})
            self._check_order()
        except BaseException:
            self.forget()
            raise
        return not should_stop()

    def forget(self) -> None:
        """See `WindowRows.forget`."""
        self._rows.forget(self.window)

    def confirm(self) -> None:
        """See `WindowRows.confirm`."""
        self._rows.confirm(self.window)

    def end(self) -> None:
        """Let go of the read view, and close the window. Raises what `begin` does."""
        super().end()
        if self._rows.deletes:
            self._write(f"DELETE FROM {self._name} WHERE id = '{self.window}{_OPEN}'")
            return
        times = {"openWindowTimestamp": self._opened_at, "closeWindowTimestamp": instant(time.time_ns())}
        self._insert(_CLOSE, CLOSE_TYPE, times)

    def place(self) -> SnapshotPoint:
        """Return a place of the binlog before which everything is visible to reads that begin now."""
        position = self.current_position()
        self.begin(None, position, lambda: False)
        self.forget()
        self.end()
        return SnapshotPoint(position, None, 0.0)

    def problem(self) -> str | None:
        """Return why no window can be opened, None when one of nothing was opened and closed.

        None too when somebody has the table locked, which passes: who opens windows tries again.
        """
        _, _, only, but_not = (str(cell or "") for cell in self.binlog_status()[:4])
        database = self._rows.table.database
        if (only and database not in only.split(",")) or database in but_not.split(","):
            return f"{self._rows.table} is not written into the server's binlog (binlog-do-db, binlog-ignore-db)"
        self._run(f"SET SESSION lock_wait_timeout={PROBE_LOCK_WAIT_S}, innodb_lock_wait_timeout={PROBE_LOCK_WAIT_S}")
        try:
            self.begin(None, BinlogPosition("", 0), lambda: False)
            self.forget()
            self.end()
        except (ChunkLocked, ChunkTooLong) as error:
            log.info("%s cannot be written to now, which is tried again: %s", self._rows.table, error)
        except SourceRefused as error:
            return str(error)
        return None

    def _check_order(self) -> None:
        if not int(self._run("SELECT @@global.binlog_order_commits")[0][0]):
            raise SourceRefused(
                f"binlog_order_commits of {self._address} is OFF: without GTIDs nothing tells then what a read shows.",
                remedy="SET GLOBAL binlog_order_commits = ON, its default; or turn GTIDs on",
            )

    def _insert(self, suffix: str, type_: str, data: dict[str, str]) -> None:
        # Java's JSON with blanks behind colons and commas is Python's default.
        self._write(f"INSERT INTO {self._name} VALUES ('{self.window}{suffix}', '{type_}', '{json.dumps(data)}')")

    def _write(self, sql: str) -> None:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
        except (pymysql.MySQLError, OSError) as error:
            if error.args and error.args[0] in READ_ONLY_CODES:
                raise SourceRefused(
                    f"The signal table {self._rows.table} cannot be written to, as {self._address} is read-only: "
                    f"{error.args[-1]}.",
                    remedy="turn GTIDs on (gtid_mode=ON), with which nothing is written to the source; or connect to a "
                    "server that may be written to (database.hostname)",
                ) from error
            meaning: CdcError = too_long(error) or translate_mysql_error(error, sql)
            if isinstance(meaning, TransientError):
                raise meaning from error
            rights = "INSERT, DELETE" if self._rows.deletes else "INSERT"
            raise SourceRefused(
                f"The signal table {self._rows.table} cannot be written to: {error.args[-1]}.",
                remedy=f"GRANT {rights} ON {self._name} to the connector's user, the table having the columns id "
                "VARCHAR(42), type VARCHAR(32), data VARCHAR(2048); or turn GTIDs on",
            ) from error


def instant(time_ns: int) -> str:
    """Return a time since the epoch as Java's `Instant.toString()`: no digits of a second, or 3, 6 or 9."""
    seconds, nanos = divmod(time_ns, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    digits = f"{nanos:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z" if digits else f"{text}Z"
