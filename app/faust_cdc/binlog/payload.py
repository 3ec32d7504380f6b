"""Transaction payloads (type 40): a whole transaction's events, zstd-compressed, unpacked as a stream.

Source: mysql-server `libs/mysql/binlog/event/codecs/binary.cpp`: (type, length, value) fields, all length-encoded;
0 end of the fields, 1 payload size, 2 compression (0 zstd, 255 none), 3 uncompressed size; then the payload. The
events inside carry no checksum.

Memory stays at one event: events are taken from the decompressor one by one, and nothing is allocated on the word
of a length field alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

import zstandard

from faust_cdc.binlog import codes
from faust_cdc.binlog.wire import Cursor, Malformed

_ZSTD, _NONE = 0, 255
_READ_BYTES = 1 << 20
_EVENT_BYTES_MAX = (1 << 30) + (1 << 24)
"""As for a packet outside of payloads: max_allowed_packet's own limit of 1 GiB, and room for headers."""


class Payload:
    """The parsed fields of a transaction payload event, and its events."""

    __slots__ = ("compressed", "compression", "uncompressed_size")

    def __init__(self, body: bytes) -> None:
        cursor = Cursor(body)
        fields: dict[int, int] = {}
        while (kind := cursor.lenenc("payload field")) != 0:
            value = Cursor(cursor.lenenc_bytes(f"payload field {kind}"))
            if kind in (1, 2, 3):
                fields[kind] = value.lenenc(f"payload field {kind}")
        self.compressed = cursor.rest()
        if fields.get(1) != len(self.compressed):
            raise Malformed(f"payload size {fields.get(1)} is not the {len(self.compressed)} bytes that are there")
        self.compression = fields.get(2)
        if self.compression not in (_ZSTD, _NONE):
            raise Malformed(f"compression type {self.compression} is neither zstd (0) nor none (255)")
        self.uncompressed_size = fields.get(3, len(self.compressed))

    def events(self) -> Iterator[bytes]:
        """Yield each inner event, header included. Raises Malformed, zstandard.ZstdError."""
        source = io.BytesIO(self.compressed)
        if self.compression == _NONE:
            yield from self._split(source)
            return
        with zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True) as reader:
            yield from self._split(reader)

    def _split(self, stream: IO[bytes]) -> Iterator[bytes]:
        left = self.uncompressed_size
        while left:
            header = _read(stream, codes.HEADER_BYTES)
            size = int.from_bytes(header[9:13], "little")
            if not codes.HEADER_BYTES <= size <= min(left, _EVENT_BYTES_MAX):
                raise Malformed(f"an inner event of {size} bytes where {left} bytes of the payload are left")
            left -= size
            yield header + _read(stream, size - codes.HEADER_BYTES)
        if stream.read(1):
            raise Malformed(f"the payload is longer than the {self.uncompressed_size} bytes it says")


def _read(stream: IO[bytes], size: int) -> bytes:
    """Read exactly `size` bytes in bounded steps."""
    if size == 0:
        return b""
    parts: list[bytes] = []
    missing = size
    while missing:
        part = stream.read(min(missing, _READ_BYTES))
        if not part:
            raise Malformed(f"the payload ends {missing} bytes early")
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
