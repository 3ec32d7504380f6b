"""One binlog dump: connect, register as a replica, ask for the dump, hand out events.

PyMySQL logs in and runs the few SET statements, mysql-replication writes the registration; the dump command is written
here (theirs knows no tagged GTIDs), and from it on the socket is ours (`PacketStream`).
Sources: MySQL Internals, "COM_BINLOG_DUMP_GTID"; mysql-server
`sql/rpl_source.cc`; MariaDB Knowledge Base, "Replica Registration".

Why a silent connection is noticed: the server is always asked for heartbeats, so on a healthy connection bytes come
at least once per `heartbeat_ms`. When nothing at all came for three of them (for a minute while the server still looks
for the start in its files), the peer is gone, whatever TCP thinks.
A closed socket ends the wait at once.
"""

from __future__ import annotations

import socket
import struct
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

import pymysql
from pymysql.connections import Connection
from pymysqlreplication.binlogstream import ReportSlave

from faust_cdc.binlog import codes
from faust_cdc.binlog.decoder import PAYLOAD_SIZE_MAX_BYTES, EventDecoder
from faust_cdc.binlog.events import BinlogEvent, TransactionPayloadEvent
from faust_cdc.binlog.packets import PACKET_SIZE_MAX_BYTES, PacketStream
from faust_cdc.binlog.refusals import dump_refused, left_gtids
from faust_cdc.errors import BinlogNotAvailable, CdcError, InternalError, SourceConnectionLost
from faust_cdc.mysql.connection import ServerInfo, SourceAddress, close_quietly, connect, translate_mysql_error
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet

_MISSED_HEARTBEATS_MAX = 3
_SEARCH_MAX_MS = 60_000
_OPENING = frozenset((codes.ROTATE, codes.FORMAT_DESCRIPTION, codes.PREVIOUS_GTIDS, codes.MARIA_GTID_LIST))
"""What a server sends before it looks for the start of the dump in its files."""
_ACCESS_DENIED, _PRIVILEGE_NEEDED = 1045, 1227
_POS_MAX = (1 << 32) - 1
_REPLICA_NAMESPACE = uuid.UUID("7b9c0c5e-4a53-5a0e-9c7b-6f1f2f0f9a11")
"""Any constant: the same server id must always give the same replica uuid, see `replica_uuid`."""


@dataclass(frozen=True)
class DumpStart:
    """Where a dump begins: after a GTID set when there is one, else at a file position."""

    position: BinlogPosition | None
    gtid_set: GtidSet | MariaDbGtidSet | None

    def __str__(self) -> str:
        return f"after GTIDs {str(self.gtid_set)!r}" if self.gtid_set is not None else f"at {self.position}"


def replica_uuid(server_id: int) -> str:
    """Return the uuid we register with.

    MySQL ends the older of two dumps with the same uuid. Derived from the server id, so that two connectors with
    one server id collide visibly, and our own reconnect replaces its dead predecessor on the server.
    """
    return str(uuid.uuid5(_REPLICA_NAMESPACE, str(server_id)))


class BinlogReader:
    """Reads one dump; a context manager. Not thread-safe: one task thread owns it.

    `server_id` is ours, unique among the server's replicas. Entering connects and raises SourceRefused,
    SourceConnectionLost, ServerMisconfigured; the server's refusal of the start position arrives with the first
    `next_event`.
    """

    def __init__(
        self,
        address: SourceAddress,
        server_id: int,
        start: DumpStart,
        info: ServerInfo,
        *,
        heartbeat_ms: int = 10_000,
        payload_size_max_bytes: int = PAYLOAD_SIZE_MAX_BYTES,
        packet_size_max_bytes: int = PACKET_SIZE_MAX_BYTES,
    ) -> None:
        self._address = address
        self._server_id = server_id
        self._start = start
        self._info = info
        self._heartbeat_ms = heartbeat_ms
        self._packet_size_max_bytes = packet_size_max_bytes
        position = start.position if start.gtid_set is None else None
        self._decoder = EventDecoder(
            info.flavor,
            position.file if position else "",
            pos=position.pos if position else codes.FIRST_POS,
            payload_size_max_bytes=payload_size_max_bytes,
        )
        self._pending: Iterator[BinlogEvent] = iter(())
        self._connection: Connection[Any] | None = None
        self._packets: PacketStream | None = None
        self._found_start = False
        self._unpacking = False

    @property
    def position(self) -> BinlogPosition:
        """The end of the last event taken from the wire."""
        return self._decoder.position

    @property
    def received_bytes(self) -> int:
        """Bytes received from the server in this dump."""
        return self._packets.received_bytes if self._packets else 0

    def __enter__(self) -> BinlogReader:
        self.open()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connect, register and start the dump."""
        command = self._dump_command()
        self._connection = connect(self._address, purpose="the binlog dump")
        try:
            self._prepare(self._connection)
            self._command(self._connection, self._registration())
            self._connection._read_ok_packet()  # type: ignore[attr-defined]  # of COM_REGISTER_SLAVE
            self._command(self._connection, command)
        except (pymysql.err.Error, OSError) as error:
            self.close()
            raise self._refused_at_start(error) from error
        sock = cast("socket.socket", self._connection._sock)  # type: ignore[attr-defined]
        self._packets = PacketStream(sock, str(self._address), packet_size_max_bytes=self._packet_size_max_bytes)

    def _refused_at_start(self, error: Exception) -> CdcError:
        """A replica without REPLICATION SLAVE is answered 1045, as if the password that just worked were wrong."""
        number = error.args[0] if error.args else None
        if isinstance(error, pymysql.err.OperationalError) and number == _ACCESS_DENIED:
            error = pymysql.err.OperationalError(_PRIVILEGE_NEEDED, "REPLICATION SLAVE is missing")
        return translate_mysql_error(error, f"starting the binlog dump as {self._address}")

    def close(self) -> None:
        """End the dump by closing its connection; harmless when already closed."""
        if self._connection is not None:
            close_quietly(self._connection)
            self._connection = None
        self._packets = None

    def next_event(self, timeout_ms: int) -> BinlogEvent | None:
        """Return the next event, or None when none came within `timeout_ms`.

        Heartbeats are events too. Raises SourceConnectionLost (ended, silent for three heartbeats), BinlogCorrupt,
        and what a refusal of the server means: BinlogNotAvailable, GtidGap, SourceRefused, ServerMisconfigured.
        """
        event = next(self._pending, None)
        if event is not None:
            return event
        self._unpacking = False
        packet = self.next_packet(timeout_ms)
        if packet is None:
            return None
        self._pending = self._decoder.feed(packet)
        event = next(self._pending, None)
        self._unpacking = isinstance(event, TransactionPayloadEvent)
        return event

    @property
    def decoder(self) -> EventDecoder:
        """What decodes this dump's events."""
        return self._decoder

    @property
    def is_between_packets(self) -> bool:
        """False while a compressed transaction is being unpacked or a payload of several packets joined."""
        return not self._unpacking and self._packets is not None and not self._packets.is_joining

    def window(self, timeout_ms: int) -> tuple[bytes, int, int] | None:
        """Return what `PacketStream.window` does; only between packets.

        Raises SourceConnectionLost as `next_event` does.
        """
        if self._packets is None:
            raise InternalError("The binlog reader is not open.")
        found = self._packets.window(timeout_ms / 1000)
        if found is None:
            self._check_silence(self._packets)
        return found

    def peek_event(self, buffer: bytes, at: int) -> BinlogEvent:
        """Decode the whole packet at `at` of a window without taking it."""
        size = int.from_bytes(buffer[at : at + 3], "little")
        return self._decoder.peek(buffer[at + 5 : at + 4 + size])

    def passed(self, at: int, sequence: int) -> None:
        """Note that the window was read up to `at`; see `PacketStream.passed`."""
        if self._packets is None:
            raise InternalError("The binlog reader is not open.")
        self._found_start = True
        self._packets.passed(at, sequence)

    def next_packet(self, timeout_ms: int) -> bytes | None:
        """Return the next event's bytes undecoded (for recording); see `next_event`."""
        if self._packets is None:
            raise InternalError("The binlog reader is not open.")
        payload = self._packets.read(timeout_ms / 1000)
        if payload is None:
            self._check_silence(self._packets)
            return None
        status = payload[0] if payload else None
        if status == 0:
            self._found_start = self._found_start or (len(payload) > 5 and payload[5] not in _OPENING)
            return payload[1:]
        if status == 0xFF and len(payload) >= 3:
            number = int.from_bytes(payload[1:3], "little")
            text = (payload[9:] if payload[3:4] == b"#" else payload[3:]).decode("utf-8", "replace")
            raise left_gtids(text, self._address) or dump_refused(number, text, self._where())
        if status == 0xFE:
            raise SourceConnectionLost(f"The source server ended the binlog dump {self._where()} (end of file).")
        raise SourceConnectionLost(
            f"The source server sent a packet with status {status} {self._where()}; expected 0, 0xfe or 0xff."
        )

    def _where(self) -> str:
        reached = f", at {self.position}" if self.position.file else ""
        return f"of {self._address}, begun {self._start}{reached}"

    def _check_silence(self, packets: PacketStream) -> None:
        silent_ms = (time.monotonic() - packets.last_heard_s) * 1000
        limit_ms = _MISSED_HEARTBEATS_MAX * self._heartbeat_ms
        if not self._found_start:
            # MariaDB reads through its files for a GTID without a heartbeat; big ones take longer than three.
            limit_ms = max(limit_ms, _SEARCH_MAX_MS)
        if silent_ms > limit_ms:
            raise SourceConnectionLost(
                f"The source server has been silent for {silent_ms / 1000:.1f} s although it was asked for a "
                f"heartbeat every {self._heartbeat_ms / 1000:.1f} s, in the binlog dump {self._where()}."
            )

    def _prepare(self, connection: Connection[Any]) -> None:
        """Set the session variables the dump reads; each under its old and its new name."""
        heartbeat_ns = self._heartbeat_ms * 1_000_000
        statements = [
            "SET @master_binlog_checksum = @@global.binlog_checksum, "
            "@source_binlog_checksum = @@global.binlog_checksum",
            f"SET @master_heartbeat_period = {heartbeat_ns}, @source_heartbeat_period = {heartbeat_ns}",
            # A busy pipeline may leave bytes unread for long; that is back pressure, not a dead client.
            "SET SESSION net_write_timeout = 3600",
        ]
        if self._info.flavor == "mariadb":
            statements.append("SET @mariadb_slave_capability = 4")
            if self._start.gtid_set is not None:
                # The text holds only digits, dashes and commas: MariaDbGtidSet wrote it.
                statements.append(f"SET @slave_connect_state = '{self._start.gtid_set}'")
                statements.append("SET @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0")
        else:
            name = replica_uuid(self._server_id)
            statements.append(f"SET @slave_uuid = '{name}', @replica_uuid = '{name}'")
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _registration(self) -> bytes:
        """COM_REGISTER_SLAVE as mysql-replication writes it, less the packet length that `_command` adds."""
        packet: bytes = ReportSlave(socket.gethostname()[:60]).encoded(self._server_id)
        return packet[4:]

    def _dump_command(self) -> bytes:
        start = self._start
        if self._info.flavor == "mariadb":
            if start.gtid_set is not None:
                return self._dump(BinlogPosition("", codes.FIRST_POS), codes.DUMP_SEND_ANNOTATE_ROWS)
            return self._dump(self._file_position(), codes.DUMP_SEND_ANNOTATE_ROWS)
        if isinstance(start.gtid_set, GtidSet):
            data = start.gtid_set.encode()
            flags = codes.DUMP_THROUGH_GTID | codes.DUMP_USE_HEARTBEAT_V2
            fixed = struct.pack("<BHII", codes.COM_BINLOG_DUMP_GTID, flags, self._server_id, 0)
            return fixed + struct.pack("<QI", codes.FIRST_POS, len(data)) + data
        return self._dump(self._file_position(), codes.DUMP_USE_HEARTBEAT_V2)

    def _file_position(self) -> BinlogPosition:
        position = self._start.position
        if position is None:
            raise InternalError(f"A dump needs a GTID set of {self._info.flavor} or a position: {self._start!r}.")
        if position.pos > _POS_MAX:
            raise BinlogNotAvailable(
                f"A dump cannot start at {position}: its command carries 32 bits of the position.",
                remedy="use GTIDs (gtid_mode=ON), or keep binlog files below 4 GiB (max_binlog_size).",
            )
        return position

    def _dump(self, position: BinlogPosition, flags: int) -> bytes:
        """COM_BINLOG_DUMP: position, flags, server id, file name."""
        fixed = struct.pack("<BIHI", codes.COM_BINLOG_DUMP, position.pos, flags, self._server_id)
        return fixed + position.file.encode("utf-8")

    def _command(self, connection: Connection[Any], payload: bytes) -> None:
        """Write one command packet; the answer's numbering starts at 1."""
        connection._next_seq_id = 0  # type: ignore[attr-defined]
        connection.write_packet(payload)
