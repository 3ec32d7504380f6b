"""Events built by hand, for what a healthy server cannot be made to send."""

import struct
import zlib

from faust_cdc.binlog.decoder import EventDecoder
from faust_cdc.binlog.events import BinlogEvent


def event(kind: int, body: bytes, *, log_pos: int = 0, flags: int = 0, timestamp: int = 1, crc: bool = False) -> bytes:
    """One event with its header, and a checksum if asked for."""
    size = 19 + len(body) + (4 if crc else 0)
    data = struct.pack("<IBIIIH", timestamp, kind, 1, size, log_pos, flags) + body
    return data + struct.pack("<I", zlib.crc32(data)) if crc else data


def decoder(**options: int) -> EventDecoder:
    """A decoder of a stream without checksums, at binlog.000001:4."""
    return EventDecoder("mysql", "binlog.000001", checksum=False, **options)


def one(packet: bytes, using: EventDecoder | None = None) -> BinlogEvent:
    """Decode one packet that holds one event."""
    (only,) = (using or decoder()).feed(packet)
    return only


def table_map(extra: bytes = b"", *, table_id: int = 7, types: bytes = b"\x03", metadata: bytes = b"") -> bytes:
    """Body of a table map of `d.t`, nothing nullable."""
    nulls = bytes((len(types) + 7) // 8)
    names = b"\x01d\x00\x01t\x00"
    return (
        table_id.to_bytes(6, "little")
        + b"\x01\x00"
        + names
        + bytes([len(types)])
        + types
        + bytes([len(metadata)])
        + metadata
        + nulls
        + extra
    )


def write_rows(rows: bytes, *, table_id: int = 7, flags: int = 1, columns: int = 1) -> bytes:
    """Body of a WRITE_ROWS v2 event."""
    present = b"\xff" * ((columns + 7) // 8)
    return (
        table_id.to_bytes(6, "little") + flags.to_bytes(2, "little") + b"\x02\x00" + bytes([columns]) + present + rows
    )
