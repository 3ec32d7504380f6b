"""What is mutated: the packets of `tests.binlog.recordings`, each with the decoder's state before it.

Events that a healthy server does not send (INCIDENT, LOAD, the row events' other versions) are made by hand or from
recorded ones.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from dataclasses import dataclass
from functools import cache

from faust_cdc.binlog import codes
from faust_cdc.binlog.decoder import EventDecoder
from faust_cdc.binlog.events import FormatDescriptionEvent, RowsEvent, TableMapEvent
from faust_cdc.errors import UnsupportedColumn
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.relational.model import Table, TableId
from faust_cdc.relational.table_map import reconcile
from tests.binlog.recordings import NAMES, load

PAYLOAD_BYTES_MAX = 1 << 22
"""The cap on a compressed transaction while fuzzing: memory is measured against it."""


@dataclass(frozen=True)
class Packet:
    """One packet and what the decoder knew when it came."""

    recording: str
    data: bytes
    flavor: str
    checksum: bool
    position: BinlogPosition
    tables: tuple[TableMapEvent, ...]

    def decoder(self) -> EventDecoder:
        """A decoder that stands before this packet."""
        made = EventDecoder(
            self.flavor,
            self.position.file or "binlog.000001",
            pos=self.position.pos,
            checksum=self.checksum,
            payload_size_max_bytes=PAYLOAD_BYTES_MAX,
        )
        made._tables = {event.table_id: event for event in self.tables}
        return made


def sealed(packet: bytes, checksum: bool) -> bytes:
    """Make size and checksum right, so that the damage reaches the parsers; 19 bytes or more."""
    size = len(packet) + 4 if checksum else len(packet)
    whole = packet[:9] + struct.pack("<I", size) + packet[13:]
    return whole + struct.pack("<I", zlib.crc32(whole)) if checksum else whole


def bare(packet: Packet) -> bytes:
    """The packet's bytes without checksum."""
    has_checksum = packet.checksum or packet.data[4] == codes.FORMAT_DESCRIPTION
    return packet.data[:-4] if has_checksum else packet.data


def _crafted() -> list[bytes]:
    """Events without checksum that no recording holds."""
    bodies = {
        codes.INCIDENT: b"\x01\x00\x09lost them",
        codes.HEARTBEAT: b"binlog.000001",
        codes.HEARTBEAT_V2: b"\x01\x0dbinlog.000001\x02\x08\xfc\x00\x10\x00\x00\x00\x00\x00\x00",
        17: b"\x01\x00\x00\x00data",
        18: b"\x01\x00\x00\x00load",
        28: b"",
        37: bytes(52),
        164: b"\x01\x01\x00\x00\x00" + bytes(12),
        99: b"unknown",
    }
    return [struct.pack("<IBIIIH", 1, kind, 1, 0, 5000, 0) + body for kind, body in bodies.items()]


def _other_versions(packet: Packet) -> list[bytes]:
    """A recorded rows event as its sibling of the other version, without checksum."""
    data = bare(packet)
    kind = data[4]
    if kind in (30, 31, 32) and data[27:29] == b"\x02\x00":
        return [data[:4] + bytes([kind - 7]) + data[5:27] + data[29:]]
    if kind in (166, 167, 168):
        return [data[:4] + bytes([kind + 3]) + data[5:27] + b"\x02\x00" + data[27:]]
    return []


@cache
def packets() -> tuple[Packet, ...]:
    """All packets of the corpus; one that comes again byte for byte (but for time and place) counts once."""
    found: dict[tuple[str, bytes], Packet] = {}
    for name in NAMES:
        recording = load(name)
        decoder = EventDecoder(recording.flavor, "binlog.000001")
        checksum = True
        for data in recording.packets:
            before = tuple(decoder._tables.values())
            packet = Packet(name, data, recording.flavor, checksum, decoder.position, before)
            for event in decoder.feed(data):
                if isinstance(event, FormatDescriptionEvent):
                    checksum = event.checksum_algorithm == 1
            for one in (bare(packet), *_other_versions(packet)):
                made = Packet(name, sealed(one, checksum), packet.flavor, checksum, packet.position, before)
                keep = packet if one[4] == codes.FORMAT_DESCRIPTION else made
                found.setdefault((recording.flavor, one[4:5] + one[19:]), keep)
    start = BinlogPosition("binlog.000001", 4)
    for one in _crafted():
        for flavor in ("mysql", "mariadb"):
            found[flavor, one] = Packet("crafted", sealed(one, True), flavor, True, start, ())
    return tuple(found.values())


@cache
def rows_events() -> tuple[tuple[Packet, RowsEvent], ...]:
    """All rows events of the corpus, those inside compressed transactions too."""
    found = []
    for packet in packets():
        if packet.data[4] in codes.ROWS_KINDS or packet.data[4] == codes.TRANSACTION_PAYLOAD:
            found += [(packet, event) for event in packet.decoder().feed(packet.data) if isinstance(event, RowsEvent)]
    return tuple(found)


@cache
def known_tables() -> dict[TableId, Table]:
    """The tables of the recordings with full metadata: what information_schema would say to those with minimal."""
    found: dict[TableId, Table] = {}
    for _, event in rows_events():
        sent = event.table_map
        if sent.has_full_metadata:
            with contextlib.suppress(UnsupportedColumn):  # MariaDB's COMPRESSED columns
                found[TableId(sent.database, sent.table)] = reconcile(sent, None)
    return found


def rows_of(table: str) -> list[bytes]:
    """The inserted rows, as one byte string per event, of a table of the recordings `*_values`."""
    return [
        bytes(event.rows)
        for packet, event in rows_events()
        if packet.recording.endswith("_values") and event.table_map.table == table and event.kind == "write"
    ]
