"""MySQL packets from a socket: our own framing, because the dump is the hot path and must notice the end at once.

A packet is a 3-byte length, a sequence number and that many bytes; a payload of 16 MiB - 1 or more goes on in the
next packet (MySQL Internals, "Sending more than 16Mbyte"). Such a one is put together as it comes, in memory that grows
in place: a row of a gigabyte is held once.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
import time

from faust_cdc.errors import BinlogCorrupt, SourceConnectionLost

_FULL = 0xFFFFFF
_RECEIVE_BYTES = 1 << 18
_TLS_RECORD_BYTES = 1 << 14
"""The most that TLS hands out at once (RFC 8446, section 5.1)."""
PACKET_SIZE_MAX_BYTES = (1 << 30) + (1 << 24)
"""Default cap on one joined packet: max_allowed_packet's own limit of 1 GiB, and room for the event's headers."""

_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class PacketStream:
    """Cuts the bytes of a connected socket (plain or TLS) into payloads.

    `where` names the connection in errors, `carries` what comes on it. The socket is not closed here. It is read first
    and waited for only when it has nothing: whoever asks with a timeout of 0 learns at once whether more has come.
    """

    def __init__(
        self,
        sock: socket.socket,
        where: str,
        *,
        packet_size_max_bytes: int = PACKET_SIZE_MAX_BYTES,
        carries: str = "binlog",
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._is_tls = isinstance(sock, ssl.SSLSocket)
        self._broken: OSError | None = None
        self._where = where
        self._carries = carries
        self._packet_size_max_bytes = packet_size_max_bytes
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self._sequence = 1
        self._joined: io.BytesIO | None = None
        """What came of a payload of several packets."""
        self._due = 0
        """Bytes to come of the packet of it that is being received."""
        self._is_last = False
        self.last_heard_s = time.monotonic()
        """Monotonic time at which bytes last came."""
        self.received_bytes = 0

    def read(self, timeout_s: float) -> bytes | None:
        """Return the next payload, or None when it is not complete within `timeout_s` seconds.

        Raises SourceConnectionLost when the connection ends or packets are out of order, BinlogCorrupt when a
        payload exceeds the cap.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            payload = self._cut()
            if payload is not None:
                return payload
            if not self._receive(deadline):
                return None

    @property
    def is_joining(self) -> bool:
        """True when a payload of several packets was begun and its end is due."""
        return self._joined is not None

    def window(self, timeout_s: float) -> tuple[bytes, int, int] | None:
        """Return (buffer, place in it, number due) once a whole packet lies in the buffer, without taking it.

        None when that takes longer than `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            at, buffer = self._at, self._buffer
            held = len(buffer) - at
            if held >= 4 and held - 4 >= buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16:
                if isinstance(buffer, bytearray):
                    self._buffer, self._at = bytes(memoryview(buffer)[at:]), 0
                return self._buffer, self._at, self._sequence  # type: ignore[return-value]
            if not self._receive(deadline):
                return None

    def passed(self, at: int, sequence: int) -> None:
        """Note that the packets of the window before `at` were taken; `sequence` is the number due next."""
        self._at, self._sequence = at, sequence

    def _cut(self) -> bytes | None:
        """Take one whole payload off the buffer."""
        while True:
            joined = self._joined
            if joined is not None and (self._due or self._is_last):
                self._join(joined)
                if self._due:
                    return None
                if self._is_last:
                    self._joined, self._is_last = None, False
                    return joined.getvalue()  # which is what lies in it, not a copy
            at, buffer = self._at, self._buffer
            held = len(buffer) - at - 4
            if held < 0:
                return None
            length = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
            is_part = joined is not None or length == _FULL
            if held < (min(length, 1) if is_part else length):
                return None
            self._check_order(buffer[at + 3], buffer[at + 4] if length else 0)
            self._at = at + 4
            if not is_part:
                self._at += length
                return bytes(buffer[at + 4 : self._at])
            self._begin_part(length)

    def _begin_part(self, length: int) -> None:
        """Note that a packet of so many bytes is due that is a part of a payload."""
        if self._joined is None:
            self._joined = io.BytesIO()
        self._due, self._is_last = length, length < _FULL
        if self._joined.tell() + length > self._packet_size_max_bytes:
            raise BinlogCorrupt(
                f"A {self._carries} packet from {self._where} is longer than {self._packet_size_max_bytes} bytes."
            )

    def _join(self, joined: io.BytesIO) -> None:
        """Take off the buffer what there is of the packet that is being received."""
        with memoryview(self._buffer) as buffer, buffer[self._at : self._at + self._due] as part:
            joined.write(part)
            self._due -= len(part)
            self._at += len(part)
        if self._at == len(self._buffer):
            self._buffer, self._at = b"", 0

    def _check_order(self, sequence: int, first_byte: int) -> None:
        expected = self._sequence
        self._sequence = (expected + 1) & 0xFF
        # MariaDB numbers the error it sends at shutdown 0, whatever the count.
        if sequence != expected and not (sequence == 0 and first_byte == 0xFF):
            raise SourceConnectionLost(
                f"Packets from {self._where} are out of order: number {sequence} where {expected} was due."
            )

    def _receive(self, deadline: float) -> bool:
        """Add bytes to the buffer; False when none came until `deadline` (monotonic seconds)."""
        if self._broken is not None:
            raise self._lost(self._broken) from self._broken
        while True:
            try:
                received = self._sock.recv(_TLS_RECORD_BYTES if self._is_tls else _RECEIVE_BYTES)
                break
            except _NOT_YET as error:
                if not self._wait(deadline, isinstance(error, ssl.SSLWantWriteError)):
                    return False
            except OSError as error:
                raise self._lost(error) from error
        if not received:
            raise SourceConnectionLost(f"The source server closed the {self._carries} connection to {self._where}.")
        if self._is_tls:
            received = self._with_records(received)
        self.last_heard_s = time.monotonic()
        self.received_bytes += len(received)
        if self._at == len(self._buffer):
            self._buffer = received
        elif isinstance(self._buffer, bytes) and len(self._buffer) - self._at < len(received):
            self._buffer = self._buffer[self._at :] + received
        elif isinstance(self._buffer, bytearray) and self._at == 0:
            self._buffer += received  # a large packet grows in place instead of being copied at each arrival
        else:
            self._buffer = bytearray(memoryview(self._buffer)[self._at :])
            self._buffer += received
        self._at = 0
        return True

    def _with_records(self, received: bytes) -> bytes:
        """Return a TLS record with those that have come behind it.

        A server that has sent all it had puts each transaction into a record of its own, and none is larger than
        16 KiB; what is done once for all that has come would be done for each of them.
        """
        parts, size = [received], len(received)
        while size < _RECEIVE_BYTES:
            try:
                more = self._sock.recv(_TLS_RECORD_BYTES)
            except _NOT_YET:
                break
            except OSError as error:  # for the next call: what came before it counts
                self._broken = error
                break
            if not more:
                break
            parts.append(more)
            size += len(more)
        return b"".join(parts)

    def _lost(self, error: OSError) -> SourceConnectionLost:
        return SourceConnectionLost(f"The {self._carries} connection to {self._where} broke: {error}.")

    def _wait(self, deadline: float, to_write: bool) -> bool:
        """Wait until the socket can be read (or written, which TLS may want first); False at `deadline`."""
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False
        try:
            poll = select.poll()
            poll.register(self._sock, select.POLLOUT if to_write else select.POLLIN)
            return bool(poll.poll(left_s * 1000))
        except (OSError, ValueError) as error:  # closed meanwhile
            raise SourceConnectionLost(f"The binlog connection to {self._where} broke: {error}.") from error
