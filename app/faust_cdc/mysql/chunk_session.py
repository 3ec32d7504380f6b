"""Reads beside the stream: what the server must show before, and how far it may have come after.

MySQL: `@@global.gtid_executed` takes a transaction in only after the engine has committed it (mysql-server
`MYSQL_BIN_LOG::process_commit_stage_queue`, then `Gtid_state::update_commit_group`), so whatever it holds is visible
to a statement that begins now. And a transaction is written to the binlog before the engine commits it, so all that a
statement has seen lies before the binlog position that is read after it. No lock, nothing written, no transaction
longer than a statement.

MySQL without GTIDs says nothing of the kind; see `window_rows`.

MariaDB: a consistent snapshot says its own binlog position; what it shows is exactly what is before it.
Source: MariaDB KB, "Enhancements for START TRANSACTION WITH CONSISTENT SNAPSHOT".
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

from faust_cdc.errors import CdcError, SourceConnectionLost
from faust_cdc.mysql.chunk_statements import read_exactly, too_long
from faust_cdc.mysql.connection import ServerInfo, SourceAddress, close_quietly
from faust_cdc.mysql.names import quote
from faust_cdc.mysql.positions import BinlogPosition, GtidSet
from faust_cdc.mysql.snapshot_session import NET_WRITE_TIMEOUT_S, SnapshotPoint, SnapshotSession
from faust_cdc.relational.model import TableId

BEHIND_MAX_S = 60.0
"""So long the server may take until it shows what it has sent us."""
WAIT_TIMEOUT_S = 28_800
"""How long the server leaves a silent connection open: its default, which may be set to seconds."""


def has_visible_set(info: ServerInfo) -> bool:
    """Return whether the server says, without a lock, what a read shows: MySQL with GTIDs does, and MariaDB."""
    return info.flavor == "mariadb" or info.gtid_mode


class ChunkSession(SnapshotSession):
    """One connection that reads ranges of tables, each in a read view of its own."""

    def __init__(self, address: SourceAddress, info: ServerInfo, lock_timeout_s: int) -> None:
        """Connect. Raises SourceConnectionLost when another server than that of `info` answers."""
        super().__init__(address, info, lock_timeout_s)
        self._high: BinlogPosition | None = None
        self.window = ""
        """The id of the last window that `begin` opened, where windows have one (`window_rows`)."""
        try:
            self._check_server()
            self._run(f"SET SESSION wait_timeout={WAIT_TIMEOUT_S}")
            self._run(f"SET SESSION lock_wait_timeout={lock_timeout_s}")
            self._run(f"SET SESSION net_write_timeout={NET_WRITE_TIMEOUT_S}")
            self._run("SET SESSION autocommit=1")
            read_exactly(self.connection)
            self._run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        except BaseException:
            self.close()
            raise

    def _check_server(self) -> None:
        """Behind one address there may be several servers: positions of one say nothing of another's binlog."""
        if self._is_maria:
            expected, found = str(self._info.server_id), str(self._run("SELECT @@global.server_id")[0][0])
        elif self._info.server_uuid is not None:
            expected, found = self._info.server_uuid, str(self._run("SELECT @@global.server_uuid")[0][0])
        else:
            return
        if found != expected:
            raise SourceConnectionLost(
                f"{self._address} is another server now ({found}) than the one that is streamed from ({expected}): "
                "what it shows has no place in that one's binlog."
            )

    def begin(self, gtids: str | None, position: BinlogPosition, should_stop: Callable[[], bool]) -> bool:
        """Wait until a read shows all that the stream delivered: up to `position`, the executed set being `gtids`.

        None on MySQL: the stream goes by positions and knows no set, as with an offset from before the server had
        GTIDs. False when asked to stop. Raises SourceConnectionLost when it takes too long: the server is not the one
        that the stream comes from; and when the server has left GTIDs: its set tells no more what a read shows.
        """
        deadline = time.monotonic() + BEHIND_MAX_S
        if gtids is None and not self._is_maria:
            gtids = self._wait_for_owners(deadline, should_stop)
        while not should_stop():
            if self._is_maria:
                self._high = self._view_position()
                if self._high >= position:
                    return True
                self._run("COMMIT")
            else:
                sql = f"SELECT @@global.gtid_mode, GTID_SUBSET('{gtids}', @@global.gtid_executed)"
                mode, is_shown = self._run(sql)[0]
                if mode != "ON":
                    raise SourceConnectionLost(
                        f"gtid_mode of {self._address} was ON when the snapshot began and is {mode} now: without GTIDs "
                        "the server does not say what a read shows."
                    )
                if is_shown:
                    return True
            if time.monotonic() > deadline:
                raise SourceConnectionLost(
                    f"{self._address} does not show the transactions that it sent in its binlog up to {position} "
                    f"after {BEHIND_MAX_S:.0f} s: another server answers there than the one that is streamed from."
                )
            time.sleep(0.002)
        return False

    def begin_view(self) -> None:
        """Make the read view of what `begin` allowed outlast one statement; it ends with `end`."""
        if not self._is_maria:
            self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT")

    def high_watermark(self) -> BinlogPosition:
        """Return the binlog position before which all lies that a read since `begin` has shown."""
        if self._high is not None:
            return self._high
        return self.current_position()

    def confirm(self) -> None:
        """To be called when the stream is behind the high watermark. Raises SourceRefused when a read said nothing."""

    def forget(self) -> None:
        """To be called in place of `confirm` when what was read is given up."""

    def limit(self, limit_ms: int) -> None:
        """Have the server end every statement of this connection after so long, where it knows no hint that does."""
        if self._is_maria:
            self._run(f"SET SESSION max_statement_time={limit_ms / 1000:.3f}")

    def lock(self, table: TableId) -> None:
        """Let nobody write a table while this connection is open. Raises SourceRefused without the right to."""
        self._run(f"LOCK TABLES {quote(table.database)}.{quote(table.table)} READ")

    def close(self) -> None:
        """Close the connection, also in the middle of an answer."""
        close_quietly(self.connection)

    def interrupt(self) -> None:
        """End what another thread waits for on this connection; it meets SourceConnectionLost."""
        sock: socket.socket | None = self.connection._sock  # type: ignore[attr-defined]
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Let go of the read view."""
        self._high = None
        self._run("COMMIT")

    def place(self) -> SnapshotPoint:
        """Return a place of the binlog before which everything is visible to reads that begin now.

        With GTIDs the set is that place. The position may lie behind transactions that are not in the set yet.
        """
        if self._is_maria:
            point = self._open_mariadb()
            self._run("COMMIT")
            return point
        position = self.current_position()
        return SnapshotPoint(position, str(self._run("SELECT @@global.gtid_executed")[0][0]).replace("\n", ""), 0.0)

    def _wait_for_owners(self, deadline: float, should_stop: Callable[[], bool]) -> str:
        """Wait until a read shows all that is in the binlog now; return a set that it shows.

        A transaction has an owner from before it is written to the binlog until it is in `gtid_executed` (mysql-server
        `Gtid_state::generate_automatic_gtid`, `update_gtids_impl_own_gtid`), so one that has none is visible, or was
        rolled back.
        """
        awaited = self._owned()
        while awaited and not should_stop():
            if time.monotonic() > deadline:
                raise SourceConnectionLost(
                    f"{self._address}: sessions have held the GTIDs {awaited} for {BEHIND_MAX_S:.0f} s, and as the "
                    "connector's offset has no GTIDs, nothing else tells what a read shows.",
                    remedy="end these sessions, or stop the connector and set 'gtids' in its offset",
                )
            time.sleep(0.002)
            awaited = awaited.subtract(awaited.subtract(self._owned()))
        return ""

    def _owned(self) -> GtidSet:
        """Return what sessions own."""
        return GtidSet.parse_owned(str(self._run("SELECT @@global.gtid_owned")[0][0]))

    def _meaning(self, error: Exception) -> CdcError | None:
        return too_long(error) or super()._meaning(error)

    @property
    def _is_maria(self) -> bool:
        return self._info.flavor == "mariadb"

    def _view_position(self) -> BinlogPosition:
        return self._open_mariadb().position
