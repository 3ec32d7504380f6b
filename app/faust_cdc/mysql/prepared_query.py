"""A SELECT as a prepared statement: its answer in the binary protocol, read from the socket in large pieces.

Why binary: a cell is nearly what Avro has (integers, doubles, parts of dates), and the server is spared printing what
we would parse again: 1.05 in place of 1.8 µs of its CPU for a row of twelve mixed columns.

PyMySQL sends the commands; from the execution on the socket is ours (`PacketStream`) until the last row, and then
PyMySQL's again. Rows come as fast as they are taken: the server waits while we do.
Source: MySQL Internals, "Prepared Statements"; commands COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_CLOSE.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any, cast

import pymysql
from pymysql.connections import Connection
from pymysql.constants import COMMAND

from faust_cdc.binlog.packets import PacketStream
from faust_cdc.errors import CdcError, SourceConnectionLost
from faust_cdc.mysql.binary_rows import ResultColumn, column_of
from faust_cdc.mysql.connection import close_quietly, describe, translate_mysql_error

NOT_PREPARED_CODES = frozenset({1047, 1235, 1295, 1461})
"""Unknown command, not supported (in prepared statements), no prepared statement is free."""

_WAIT_MS = 500
"""Between two looks at whether to stop."""
_END_SIZE_MAX = 9

Refused = Callable[[Exception], CdcError | None]
"""An error of the server → what it means in the caller's matter, None: what it means everywhere."""


class NotPrepared(Exception):
    """The server takes no prepared statement, or not this one."""


class PreparedQuery:
    """One execution; a context manager. A caller that leaves before the last row loses the connection.

    Entering raises NotPrepared, and what the server's errors mean. Rows: `window` and `passed` for whole packets, and
    `next_row` for the packet at which those cannot go on.
    """

    def __init__(
        self,
        connection: Connection[Any],
        sql: str,
        refused: Refused,
        should_stop: Callable[[], bool],
        silence_max_ms: int,
    ) -> None:
        self._connection = connection
        self._sql = sql
        self._refused = refused
        self._should_stop = should_stop
        self._silence_max_s = silence_max_ms / 1000
        self._where = describe(connection)
        self._packets: PacketStream | None = None
        self._complete = False
        self.columns: list[ResultColumn] = []

    def __enter__(self) -> PreparedQuery:
        connection = self._connection
        try:
            connection._execute_command(COMMAND.COM_STMT_PREPARE, self._sql)  # type: ignore[attr-defined]
            self._statement = self._prepared()
            connection._next_seq_id = 0  # type: ignore[attr-defined]
            connection.write_packet(struct.pack("<BIBI", COMMAND.COM_STMT_EXECUTE, self._statement, 0, 1))
        except (pymysql.MySQLError, OSError) as error:
            if error.args and error.args[0] in NOT_PREPARED_CODES:
                raise NotPrepared(str(error.args[-1])) from error
            raise self._meaning(error) from error
        sock = cast("socket.socket", connection._sock)  # type: ignore[attr-defined]
        self._packets = PacketStream(sock, self._where, carries="snapshot")
        try:
            self._read_columns()
        except BaseException:
            close_quietly(connection)
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        connection = self._connection
        if not self._complete:
            close_quietly(connection)
            return
        sock = cast("socket.socket", connection._sock)  # type: ignore[attr-defined]
        # PyMySQL sets a timeout only when it is another than its last.
        sock.settimeout(connection._current_timeout)  # type: ignore[attr-defined]
        connection._next_seq_id = 0  # type: ignore[attr-defined]
        try:
            connection.write_packet(struct.pack("<BI", COMMAND.COM_STMT_CLOSE, self._statement))
        except (pymysql.MySQLError, OSError) as error:
            raise self._meaning(error) from error

    @property
    def is_complete(self) -> bool:
        """True when the last row was read."""
        return self._complete

    def window(self) -> tuple[bytes, int, int] | None:
        """Return (buffer, place in it, number due) with a whole packet in the buffer; None when asked to stop."""
        packets = self._open_packets()
        while not self._should_stop():
            found = packets.window(_WAIT_MS / 1000)
            if found is not None:
                return found
            self._check_silence(packets)
        return None

    def passed(self, at: int, sequence: int) -> None:
        """Note that the window's packets before `at` were taken; `sequence` is the number due next."""
        self._open_packets().passed(at, sequence)

    def next_row(self) -> bytes | None:
        """Return the next row's packet, joined where it is several; None after the last row or when asked to stop.

        Raises what the server's error means, SourceConnectionLost when the connection ends or is silent too long.
        """
        payload = self._payload()
        if payload is None or payload[:1] == b"\x00":
            return payload
        if payload[:1] == b"\xfe" and len(payload) < _END_SIZE_MAX:
            self._complete = True
            return None
        raise SourceConnectionLost(f"{self._where} sent {payload[:8].hex()} where a row of the snapshot was due.")

    def _prepared(self) -> int:
        """Read the answer to the preparation: (statement id, counts), then definitions that the execution repeats."""
        read: Callable[[], Any] = self._connection._read_packet
        statement, columns, parameters = struct.unpack_from("<IHH", read().get_all_data(), 1)
        for count in (parameters, columns):
            for _ in range(count + 1 if count else 0):
                read()
        return int(statement)

    def _read_columns(self) -> None:
        head = self._payload()
        if head is None:
            return
        count = head[0] if len(head) == 1 else int.from_bytes(head[1:], "little")
        try:
            for _ in range(count):
                packet = self._payload()
                if packet is None:
                    return
                self.columns.append(column_of(packet))
        except (ValueError, IndexError) as error:
            raise SourceConnectionLost(f"{self._where} sent no column definition: {error}.") from error
        end = self._payload()
        if end is not None and end[:1] != b"\xfe":
            raise SourceConnectionLost(f"{self._where} sent {end[:8].hex()} where the columns end.")

    def _payload(self) -> bytes | None:
        """Return the next packet, None when asked to stop; the server's error is raised."""
        packets = self._open_packets()
        while not self._should_stop():
            payload = packets.read(_WAIT_MS / 1000)
            if payload is None:
                self._check_silence(packets)
            elif payload[:1] == b"\xff":
                raise self._error(payload)
            elif not payload:
                raise SourceConnectionLost(f"{self._where} sent an empty packet.")
            else:
                return payload
        return None

    def _error(self, payload: bytes) -> CdcError:
        try:
            pymysql.err.raise_mysql_exception(payload)
        except pymysql.MySQLError as error:
            return self._meaning(error)
        except (struct.error, IndexError, UnicodeDecodeError):
            pass
        return SourceConnectionLost(f"{self._where} sent an error of {len(payload)} bytes that cannot be read.")

    def _meaning(self, error: Exception) -> CdcError:
        return self._refused(error) or translate_mysql_error(error, "Reading snapshot rows")

    def _open_packets(self) -> PacketStream:
        assert self._packets is not None, "entered before"
        return self._packets

    def _check_silence(self, packets: PacketStream) -> None:
        silent_s = time.monotonic() - packets.last_heard_s
        if silent_s > self._silence_max_s:
            raise SourceConnectionLost(
                f"{self._where} has sent nothing of the snapshot for {silent_s:.0f} s "
                f"(database.query.timeout.ms is {self._silence_max_s * 1000:.0f})."
            )
