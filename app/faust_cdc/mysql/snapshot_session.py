"""A consistent read at a known binlog position, under the lock that `snapshot.locking.mode` asks for.

`minimal`, with the shortest lock the server allows (and `watermark`, where there is nothing to take it with):
MariaDB needs no lock: `START TRANSACTION WITH CONSISTENT SNAPSHOT` itself records the binlog position it stands at
(status variables `binlog_snapshot_file`/`binlog_snapshot_position`).

MySQL: `FLUSH TABLES WITH READ LOCK` is held only while the snapshot transaction is opened and the position is read
(two statements). Why that is consistent: under the lock no commit can happen, so the read view and the position
describe the same set of transactions; the view then outlives the lock. Where the lock is refused (managed servers
do not grant RELOAD), `LOCK TABLES … READ` on the captured tables from a second connection gives the same for them:
transactions that commit meanwhile touch other tables, and those are not captured.

`extended`: the same lock, also on MariaDB, held until the session ends: nothing is written while the copy is made. Only
so is a table of an engine without transactions (MyISAM) as of the position too.

`none`: no lock. On MariaDB, and on Percona Server, which reports `binlog_snapshot_file` as MariaDB does, nothing is
lost by that but DDL that comes in between. On MySQL the executed GTIDs are read first and the read is opened
then; gtid_executed has a transaction only once the engine has committed it, so the rows hold all that the stream leaves
out, and what is committed in between is in both and comes twice. Without GTIDs the file's position is all there is,
and it runs ahead of the engine: a transaction just being committed may be in neither. Debezium has both gaps always.

`minimal_percona…`: Percona Server's `LOCK TABLES FOR BACKUP`, which keeps out DDL and MyISAM's writes and lets InnoDB
work, around the opening of the read.

Source: MySQL Reference Manual, "START TRANSACTION"; MariaDB KB, "Enhancements for START TRANSACTION WITH CONSISTENT
SNAPSHOT"; Percona Server, "Backup locks", "Start transaction with consistent snapshot"; Debezium's
BinlogSnapshotChangeEventSource.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pymysql
from pymysql.constants import FIELD_TYPE, FLAG
from pymysql.cursors import Cursor, SSCursor

from faust_cdc.config.snapshot_settings import LockingMode
from faust_cdc.errors import CdcError, ConfigError, ServerMisconfigured, SourceRefused, TransientError
from faust_cdc.mysql.connection import (
    ServerInfo,
    SourceAddress,
    close_quietly,
    connect,
    query,
    translate_mysql_error,
)
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

KEEP_LOCKS_EVERY_S = 30.0
"""How often the connection that holds table locks says something, as Debezium's does, lest a firewall forget it."""

NO_SUCH_STATEMENT = 1064
"""A syntax error: the server has no such statement."""

TextRow = tuple[bytes | None, ...]


class SnapshotOvertaken(TransientError):
    """A DDL statement changed a table while the snapshot read it; a new snapshot sees the new structure."""


@dataclass(frozen=True, slots=True)
class SnapshotPoint:
    """The binlog position and executed GTIDs that a consistent read stands at."""

    position: BinlogPosition
    gtids: str | None
    lock_held_ms: float


@dataclass(frozen=True, slots=True)
class QueryColumn:
    """A column of a query's answer: its name, and the protocol's type and flags (`FIELD_TYPE`, `FLAG` of PyMySQL)."""

    name: str
    type_code: int
    flags: int

    @property
    def is_enum(self) -> bool:
        """Whether it is an ENUM of a table, and not its label as text."""
        return bool(self.flags & FLAG.ENUM)

    @property
    def is_set(self) -> bool:
        """Whether it is a SET of a table."""
        return bool(self.flags & FLAG.SET)

    @property
    def is_bit(self) -> bool:
        """Whether it is a BIT."""
        return self.type_code == FIELD_TYPE.BIT

    @property
    def is_null(self) -> bool:
        """Whether it is a bare NULL."""
        return self.type_code == FIELD_TYPE.NULL


class SnapshotSession:
    """One connection inside one consistent read-only transaction."""

    def __init__(
        self, address: SourceAddress, info: ServerInfo, lock_timeout_s: int, locking: LockingMode = LockingMode.MINIMAL
    ) -> None:
        self._address = address
        self._info = info
        self._lock_timeout_s = lock_timeout_s
        self._locking = locking
        self._locks: pymysql.connections.Connection[Cursor] | None = None
        """What holds table locks; a global one belongs to the snapshot's own connection."""
        self._locks_kept_at = 0.0
        self.connection: pymysql.connections.Connection[Cursor] = connect(address, purpose="snapshot")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        # Ends the transaction and the locks on the server too, also in the middle of a result set.
        close_quietly(self.connection)
        self._release_table_locks()

    def open(self, tables: Sequence[TableId]) -> SnapshotPoint:
        """Open the consistent read and say where it stands.

        Raises SourceRefused when neither the global lock nor table locks are granted, or the server has no such lock,
        SourceConnectionLost when the lock is not had within the lock timeout.
        """
        self._run(f"SET SESSION lock_wait_timeout={self._lock_timeout_s}")
        self._run(f"SET SESSION net_write_timeout={NET_WRITE_TIMEOUT_S}")
        self._run(f"SET SESSION innodb_lock_wait_timeout={self._lock_timeout_s}")
        self._run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        if self._locking is LockingMode.NONE:
            return self._open_without_lock()
        if self._locking in (LockingMode.MINIMAL_PERCONA, LockingMode.MINIMAL_PERCONA_NO_TABLE_LOCKS):
            return self._open_with_backup_lock()
        is_extended = self._locking is LockingMode.EXTENDED
        if self._info.flavor == "mariadb" and not is_extended:
            return self._open_mariadb()
        try:
            self._run("FLUSH TABLES WITH READ LOCK")
        except SourceRefused as refused:
            log.info("Global read lock refused (%s); locking the captured tables instead", refused.message)
            return self._open_with_table_locks(tables)
        try:
            return self._open_transaction()
        finally:
            if not is_extended:
                # With the global lock UNLOCK TABLES does not commit the open transaction.
                self._run("UNLOCK TABLES")

    def keep_locks(self) -> None:
        """Say something on the connection that holds table locks, now and then; for between the rows of a copy.

        Raises SourceConnectionLost when the locks are gone.
        """
        if self._locks is None or time.monotonic() - self._locks_kept_at < KEEP_LOCKS_EVERY_S:
            return
        self._locks_kept_at = time.monotonic()
        query(self._locks, "SELECT 1", doing="keeping the snapshot's table locks")

    def columns_of(self, sql: str) -> list[QueryColumn]:
        """Return the columns of a SELECT of the user's; reads no row. Raises ConfigError with the refusal."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM ({sql}\n) AS t LIMIT 0")
                fields = cursor._result.fields  # type: ignore[attr-defined]
        except (pymysql.MySQLError, OSError) as error:
            meaning = translate_mysql_error(error, "Trying a statement of snapshot.select.statement.overrides")
            if isinstance(meaning, TransientError):
                raise meaning from error
            raise ConfigError(f"The server refuses it: {error.args[-1]}.") from error
        return [QueryColumn(one.name, one.type_code, one.flags) for one in fields]

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
        if self._info.flavor == "mariadb":
            return self._open_mariadb()
        self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        return SnapshotPoint(self.current_position(), self._executed(), 0.0)

    def _executed(self) -> str | None:
        if not self._info.gtid_mode:
            return None
        return str(self._run("SELECT @@global.gtid_executed")[0][0]).replace("\n", "")

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

    def _open_without_lock(self) -> SnapshotPoint:
        if self._info.flavor == "mariadb":
            return self._open_mariadb()
        if not self._info.gtid_mode:
            log.warning(
                "%s and the server has no GTIDs: a change that is being committed just now may be missing in the "
                "snapshot and in the stream. Remedy: snapshot.locking.mode=minimal",
                f"snapshot.locking.mode={self._locking.value}",
            )
        # In this order: see the module's text.
        gtids = self._executed()
        position = self.current_position()
        self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        status = self._reported_position()
        if status is None:
            return SnapshotPoint(position, gtids, 0.0)
        position, exact = status
        return SnapshotPoint(position, exact if self._info.gtid_mode else None, 0.0)

    def _open_with_backup_lock(self) -> SnapshotPoint:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute("LOCK TABLES FOR BACKUP")
        except pymysql.MySQLError as error:
            if error.args and error.args[0] == NO_SUCH_STATEMENT:
                raise SourceRefused(
                    f"snapshot.locking.mode={self._locking.value} is for Percona Server: {self._info.version_text} has "
                    "no LOCK TABLES FOR BACKUP.",
                    remedy="set snapshot.locking.mode=watermark or minimal",
                ) from error
            raise translate_mysql_error(error, "Taking Percona's backup lock for the snapshot's position") from error
        try:
            return self._open_without_lock()
        finally:
            self._run("UNLOCK TABLES")

    def _reported_position(self) -> tuple[BinlogPosition, str | None] | None:
        """Where the open consistent read stands by the server's own account: Percona Server; None elsewhere."""
        status = {str(k).lower(): str(v) for k, v in self._run("SHOW STATUS LIKE 'binlog_snapshot_%'")}
        file, pos = status.get("binlog_snapshot_file"), status.get("binlog_snapshot_position")
        if not file or not pos or "binlog_snapshot_gtid_executed" not in status:
            return None
        return BinlogPosition(file, int(pos)), status["binlog_snapshot_gtid_executed"].replace("\n", "")

    def _open_with_table_locks(self, tables: Sequence[TableId]) -> SnapshotPoint:
        names = ", ".join(f"{quote(t.database)}.{quote(t.table)} READ" for t in tables)
        self._locks = connect(self._address, purpose="snapshot locks")
        try:
            with self._locks.cursor() as cursor:
                cursor.execute(f"SET SESSION lock_wait_timeout={self._lock_timeout_s}")
                if names:
                    cursor.execute(f"LOCK TABLES {names}")
            self._locks_kept_at = time.monotonic()
            return self._open_transaction()
        except pymysql.MySQLError as error:
            if overtaken := _overtaken(error):
                raise overtaken from error
            translated = translate_mysql_error(error, "Locking the captured tables for the snapshot's position")
            if isinstance(translated, SourceRefused):
                translated.remedy = "grant RELOAD on *.* or LOCK TABLES on the captured databases"
            raise translated from error
        finally:
            if self._locking is not LockingMode.EXTENDED:
                self._release_table_locks()

    def _release_table_locks(self) -> None:
        locks, self._locks = self._locks, None
        if locks is not None:
            close_quietly(locks)

    def current_position(self) -> BinlogPosition:
        """Return the end of the binlog."""
        status = self.binlog_status()
        return BinlogPosition(str(status[0]), int(status[1]))

    def binlog_status(self) -> tuple[Any, ...]:
        """Return the server's row about its binlog: file, position, Binlog_Do_DB, Binlog_Ignore_DB, and others."""
        statement = self._info.binlog_status_statement
        rows = self._run(statement)
        if not rows:
            raise ServerMisconfigured(
                f"{statement} is empty: the server's binary log is off.", remedy="set log_bin and restart the server"
            )
        return rows[0]

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
