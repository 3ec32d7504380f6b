"""A consistent read at a known binlog position, with the shortest lock the server allows.

MariaDB needs no lock: `START TRANSACTION WITH CONSISTENT SNAPSHOT` itself records the binlog position it stands at
(status variables `binlog_snapshot_file`/`binlog_snapshot_position`).

MySQL: `FLUSH TABLES WITH READ LOCK` is held only while the snapshot transaction is opened and the position is read
(two statements). Why that is consistent: under the lock no commit can happen, so the read view and the position
describe the same set of transactions; the view then outlives the lock. Where the lock is refused (managed servers
do not grant RELOAD), `LOCK TABLES … READ` on the captured tables from a second connection gives the same for them:
transactions that commit meanwhile touch other tables, and those are not captured.

Source: MySQL Reference Manual, "START TRANSACTION"; MariaDB KB, "Enhancements for START TRANSACTION WITH CONSISTENT
SNAPSHOT"; Debezium BinlogSnapshotChangeEventSource (locking mode `minimal`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.cursors import Cursor, SSCursor

from faust_cdc.errors import CdcError, ServerMisconfigured, SourceRefused, TransientError
from faust_cdc.mysql.connection import ServerInfo, SourceAddress, close_quietly, connect, translate_mysql_error
from faust_cdc.mysql.names import quote
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.prepared_query import PreparedQuery
from faust_cdc.relational.model import TableId

log = logging.getLogger(__name__)

ACCESS_DENIED_CODES = frozenset({1044, 1045, 1142, 1227, 1290})

TABLE_CHANGED_CODES = frozenset({1146, 1412, 1932})
"""No such table; definition changed since the read view; not in the engine."""

NET_WRITE_TIMEOUT_S = 3600
"""How long the server waits for us to read on while Kafka holds us back; its default is 60 s."""

TextRow = tuple[bytes | None, ...]


class SnapshotOvertaken(TransientError):
    """A DDL statement changed a table while the snapshot read it; a new snapshot sees the new structure."""


@dataclass(frozen=True, slots=True)
class SnapshotPoint:
    """The binlog position and executed GTIDs that a consistent read stands at."""

    position: BinlogPosition
    gtids: str | None
    lock_held_ms: float


class SnapshotSession:
    """One connection inside one consistent read-only transaction."""

    def __init__(self, address: SourceAddress, info: ServerInfo, lock_timeout_s: int) -> None:
        self._address = address
        self._info = info
        self._lock_timeout_s = lock_timeout_s
        self.connection: pymysql.connections.Connection[Cursor] = connect(address, purpose="snapshot")

    def __enter__(self) -> SnapshotSession:
        return self

    def __exit__(self, *exc: object) -> None:
        # Ends the transaction on the server too, also in the middle of a result set.
        close_quietly(self.connection)

    def open(self, tables: Sequence[TableId]) -> SnapshotPoint:
        """Open the consistent read and say where it stands.

        Raises SourceRefused when neither the global lock nor table locks are granted, SourceConnectionLost when the
        lock is not had within the lock timeout.
        """
        self._run(f"SET SESSION lock_wait_timeout={self._lock_timeout_s}")
        self._run(f"SET SESSION net_write_timeout={NET_WRITE_TIMEOUT_S}")
        self._run(f"SET SESSION innodb_lock_wait_timeout={self._lock_timeout_s}")
        self._run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        if self._info.flavor == "mariadb":
            return self._open_mariadb()
        try:
            self._run("FLUSH TABLES WITH READ LOCK")
        except SourceRefused as refused:
            log.info("Global read lock refused (%s); locking the captured tables instead", refused.message)
            return self._open_with_table_locks(tables)
        try:
            return self._open_transaction()
        finally:
            # With the global lock UNLOCK TABLES does not commit the open transaction.
            self._run("UNLOCK TABLES")

    def stream(self, sql: str) -> Iterator[TextRow]:
        """Yield the rows of `sql` as raw text-protocol cells, one in memory at a time, whatever their size.

        Raises SnapshotOvertaken when a DDL statement changed the table since the read began. A caller that does not
        read to the end loses the connection: the rest of a large table would take minutes to read and throw away.
        """
        connection = self.connection
        decoders, connection.decoders = connection.decoders, {}
        use_unicode, connection.use_unicode = connection.use_unicode, False
        cursor = SSCursor(connection)
        complete = False
        try:
            cursor.execute(sql)
            yield from cursor.fetchall_unbuffered()
            complete = True
        except (pymysql.MySQLError, OSError) as error:
            raise self._meaning(error) or translate_mysql_error(error, "Reading snapshot rows") from error
        finally:
            connection.decoders, connection.use_unicode = decoders, use_unicode
            if not complete:
                _abandon(cursor, connection)

    def prepared(self, sql: str, should_stop: Callable[[], bool]) -> PreparedQuery:
        """Return `sql` as a query in the binary protocol, to be entered.

        Its errors are those of `stream`; `NotPrepared` when the server wants it in the text protocol.
        """
        return PreparedQuery(self.connection, sql, self._meaning, should_stop, self._address.read_timeout_ms)

    def _meaning(self, error: Exception) -> CdcError | None:
        """Say what a server's error means for the read of rows; None: what it means everywhere."""
        return _overtaken(error)

    def _open_transaction(self) -> SnapshotPoint:
        self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        position = self.current_position()
        gtids = None
        if self._info.gtid_mode:
            gtids = str(self._run("SELECT @@global.gtid_executed")[0][0]).replace("\n", "")
        return SnapshotPoint(position, gtids, 0.0)

    def _open_mariadb(self) -> SnapshotPoint:
        self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        status = {str(k).lower(): str(v) for k, v in self._run("SHOW STATUS LIKE 'binlog_snapshot_%'")}
        file, pos = status.get("binlog_snapshot_file"), status.get("binlog_snapshot_position")
        if not file or not pos:
            raise ServerMisconfigured(
                "The server reports no binlog_snapshot_file: its binary log is off.", remedy="set log_bin and restart"
            )
        gtids = self._run(f"SELECT BINLOG_GTID_POS('{file}', {int(pos)})")[0][0]
        return SnapshotPoint(BinlogPosition(file, int(pos)), _text(gtids), 0.0)

    def _open_with_table_locks(self, tables: Sequence[TableId]) -> SnapshotPoint:
        names = ", ".join(f"{quote(t.database)}.{quote(t.table)} READ" for t in tables)
        with connect(self._address, purpose="snapshot locks") as locks, locks.cursor() as cursor:
            try:
                cursor.execute(f"SET SESSION lock_wait_timeout={self._lock_timeout_s}")
                if names:
                    cursor.execute(f"LOCK TABLES {names}")
                return self._open_transaction()
            except pymysql.MySQLError as error:
                if overtaken := _overtaken(error):
                    raise overtaken from error
                translated = translate_mysql_error(error, "Locking the captured tables for the snapshot's position")
                if isinstance(translated, SourceRefused):
                    translated.remedy = "grant RELOAD on *.* or LOCK TABLES on the captured databases"
                raise translated from error

    def current_position(self) -> BinlogPosition:
        """Return the end of the binlog."""
        # SHOW MASTER STATUS went away in MySQL 8.4; its successor came in 8.2.
        statement = "SHOW BINARY LOG STATUS" if self._info.version >= (8, 2, 0) else "SHOW MASTER STATUS"
        rows = self._run(statement)
        if not rows:
            raise ServerMisconfigured(
                f"{statement} is empty: the server's binary log is off.", remedy="set log_bin and restart the server"
            )
        return BinlogPosition(str(rows[0][0]), int(rows[0][1]))

    def _run(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
                return tuple(cursor.fetchall())
        except pymysql.MySQLError as error:
            if error.args and error.args[0] in ACCESS_DENIED_CODES:
                raise SourceRefused(
                    f"{sql}: the server refused it: {error.args[-1]}.",
                    remedy="grant RELOAD and SELECT to the connector's user",
                ) from error
            raise translate_mysql_error(error, sql) from error


def _overtaken(error: Exception) -> SnapshotOvertaken | None:
    """Return the error when `error` says that a table is no longer what the consistent read began with."""
    if error.args and error.args[0] in TABLE_CHANGED_CODES:
        return SnapshotOvertaken(f"A table was changed or dropped while its snapshot was taken: {error.args[-1]}.")
    return None


def _abandon(cursor: SSCursor, connection: pymysql.connections.Connection[Cursor]) -> None:
    """Close the connection in the middle of a result. PyMySQL's own closing reads all rows that are left."""
    result = cursor._result  # type: ignore[attr-defined]
    if result is not None:
        result.unbuffered_active = False
    cursor.connection = None  # type: ignore[assignment]  # what marks a cursor as closed
    close_quietly(connection)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.decode() if isinstance(value, bytes) else str(value)
