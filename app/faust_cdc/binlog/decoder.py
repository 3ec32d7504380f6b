"""Events from packets: header, checksum, position, then the typed event.

Three promises:

* Nothing is skipped. Every packet gives an event or an error with its position; what has no bearing on rows comes
  out as `IgnorableEvent`, by name.
* Positions are the server's own (Debezium's `source.pos`): an event starts at its log_pos less its size. log_pos has
  32 bits; `_end_of` counts on in 64, so files above 4 GiB are right. Artificial events (log_pos 0) do not move it.
* A rows event is decoded only with the table map of its own statement. The maps are dropped at the end of each
  statement, so a stream that begins inside one is noticed (`BinlogCorrupt`) instead of read with a stale map.
"""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Iterator
from itertools import chain

import zstandard

from faust_cdc.binlog import codes
from faust_cdc.binlog.bodies import BODIES, inflate
from faust_cdc.binlog.events import (
    BinlogEvent,
    EventHeader,
    FormatDescriptionEvent,
    HeartbeatEvent,
    IgnorableEvent,
    RotateEvent,
    RowsEvent,
    TableMapEvent,
    TransactionPayloadEvent,
)
from faust_cdc.binlog.metadata import TableMapBody, parse_table_map
from faust_cdc.binlog.payload import Payload
from faust_cdc.binlog.wire import Cursor, Malformed
from faust_cdc.errors import BinlogCorrupt, ServerMisconfigured
from faust_cdc.mysql.positions import BinlogPosition

_HEADER = struct.Struct("<IBIIIH")
_LOW32 = (1 << 32) - 1
_WRAP = 1 << 32
_TABLE_MAPS_CACHED = 4096
PAYLOAD_SIZE_MAX_BYTES = 4 << 30
"""Default cap on the uncompressed bytes of one compressed transaction."""

_BROKEN = (Malformed, struct.error, IndexError, ValueError, OverflowError, zlib.error, zstandard.ZstdError)
_HEARTBEATS = (codes.HEARTBEAT, codes.HEARTBEAT_V2)


class EventDecoder:
    """Turns the packets of one dump into events; one decoder per connection.

    `flavor` is `mysql` or `mariadb`; `file` and `pos` are where the dump starts ("" when the server chooses, as with
    GTIDs: its opening rotate event says). `checksum` tells whether events end in a CRC32; None: found out from
    the first event, as the artificial rotate event comes before the format description that says it.
    """

    def __init__(
        self,
        flavor: str,
        file: str,
        *,
        pos: int = codes.FIRST_POS,
        checksum: bool | None = None,
        payload_size_max_bytes: int = PAYLOAD_SIZE_MAX_BYTES,
    ) -> None:
        self._flavor = flavor
        self._file = file
        self._pos = pos
        self._checksum = checksum
        self._payload_size_max_bytes = payload_size_max_bytes
        self._tables: dict[int, TableMapEvent] = {}
        self._parsed_maps: dict[bytes, TableMapBody] = {}

    @property
    def position(self) -> BinlogPosition:
        """The end of the last event: where the next one starts."""
        return BinlogPosition(self._file, self._pos)

    @property
    def verifies_checksums(self) -> bool | None:
        """Whether events end in a CRC32; None before the first event."""
        return self._checksum

    @property
    def table_maps(self) -> dict[int, TableMapEvent]:
        """The table maps of the statement being read, by table id."""
        return self._tables

    def passed(self, pos: int, table_maps: dict[int, TableMapEvent]) -> None:
        """Note that events up to `pos` of the present file were read elsewhere, `table_maps` among them."""
        self._pos = pos
        self._tables = table_maps

    def peek(self, packet: bytes) -> BinlogEvent:
        """Decode a rows event without moving on; the table maps stay."""
        header, _ = self._header(packet)
        maps = dict(self._tables)
        try:
            return self._event(header, packet, self._body_end(packet, header))
        except _BROKEN as error:
            raise self._corrupt(header, str(error)) from error
        finally:
            self._tables = maps

    def feed(self, packet: bytes) -> Iterator[BinlogEvent]:
        """Decode one event (the packet without its status byte).

        A transaction payload yields itself, then its inner events, unpacked as they are asked for: exhaust the
        iterator before the next packet. Raises BinlogCorrupt, ServerMisconfigured.
        """
        header, end = self._header(packet)
        try:
            body_end = self._body_end(packet, header)
            if header.event_type == codes.TRANSACTION_PAYLOAD:
                return self._payload(header, packet[codes.HEADER_BYTES : body_end])
            event = self._event(header, packet, body_end)
            self._advance(event, end)
        except _BROKEN as error:
            raise self._corrupt(header, str(error)) from error
        return iter((event,))

    def _header(self, packet: bytes) -> tuple[EventHeader, int]:
        """Return the header and the position after the event."""
        if len(packet) < codes.HEADER_BYTES:
            raise BinlogCorrupt(
                f"The packet after {self.position} has {len(packet)} bytes, less than an event header's 19."
            )
        timestamp, event_type, server_id, size, log_pos, flags = _HEADER.unpack_from(packet)
        if event_type in _HEARTBEATS:
            # Its log_pos is where the server stands, not where this event ends: it is not in any file.
            end = start = self._end_of(log_pos, 0)
        elif log_pos == 0 or size != len(packet):
            end = start = self._pos
        else:
            end = self._end_of(log_pos, size)
            start = end - size
        header = EventHeader(timestamp, event_type, server_id, size, flags, self._file, start, end)
        if size != len(packet):
            raise self._corrupt(header, f"the header says {size} bytes, the packet has {len(packet)}")
        if start < 0:
            header = dataclasses.replace(header, pos=self._pos)
            raise self._corrupt(header, f"it ends at {log_pos}, which is less than its {size} bytes")
        return header, end

    def _end_of(self, log_pos: int, size: int) -> int:
        """Return the 64-bit position whose low half is `log_pos`, at or after the current one.

        Usually it is just `size` further; the dump jumps ahead over transactions we already have.
        """
        if log_pos == 0:
            return self._pos
        end = (self._pos + size) & ~_LOW32 | log_pos
        return end if end >= self._pos else end + _WRAP

    def _body_end(self, packet: bytes, header: EventHeader) -> int:
        """Verify the checksum and return where the body between header and checksum ends."""
        if header.event_type == codes.FORMAT_DESCRIPTION:
            return self._end_of_format_description(packet)
        if self._checksum is None:
            self._checksum = len(packet) >= 23 and _crc_matches(packet)
        if not self._checksum:
            return len(packet)
        if len(packet) < codes.HEADER_BYTES + codes.CHECKSUM_BYTES:
            raise Malformed("the event is too short for its checksum")
        if not _crc_matches(packet):
            found = zlib.crc32(memoryview(packet)[:-4])
            stored = int.from_bytes(packet[-4:], "little")
            raise Malformed(f"checksum {stored:#010x} is stored, the bytes give {found:#010x}")
        return len(packet) - codes.CHECKSUM_BYTES

    def _end_of_format_description(self, packet: bytes) -> int:
        """Cut off the checksum field that this event always has; it counts only when the algorithm is CRC32."""
        if len(packet) < codes.HEADER_BYTES + 57 + codes.GTID + 5:
            raise Malformed(f"a format description of {len(packet)} bytes is too short")
        algorithm = packet[-5]
        if algorithm not in (0, 1):
            raise Malformed(f"checksum algorithm {algorithm} is neither none (0) nor CRC32 (1)")
        if algorithm == 1 and not _crc_matches(packet):
            raise Malformed("the format description's checksum does not match its bytes")
        return len(packet) - codes.CHECKSUM_BYTES

    def _event(self, header: EventHeader, packet: bytes, body_end: int) -> BinlogEvent:
        """Decode an event that may also stand inside a payload."""
        kind = header.event_type
        if kind in codes.ROWS_KINDS:
            return self._rows(header, Cursor(packet, codes.HEADER_BYTES, body_end))
        body = packet[codes.HEADER_BYTES : body_end]
        if kind == codes.TABLE_MAP:
            return self._table_map(header, body)
        parser = BODIES.get(kind)
        if parser is not None:
            return parser(header, body)
        name = codes.IGNORABLE_NAMES.get(kind)
        if name is not None:
            return IgnorableEvent(header, name)
        if kind in codes.STATEMENT_EVENTS:
            raise ServerMisconfigured(
                f"The {codes.STATEMENT_EVENTS[kind]} event at {self._where(header)} is statement-based: "
                "its rows are not in the binlog.",
                remedy="set binlog_format=ROW on the source and take a new snapshot of the tables it loaded.",
            )
        if header.flags & codes.FLAG_IGNORABLE:
            return IgnorableEvent(header, f"type {kind}, flagged ignorable by the server")
        raise Malformed(f"event type {kind} is unknown")

    def _advance(self, event: BinlogEvent, end: int) -> None:
        """Move the position over an event of the outer stream."""
        self._pos = end
        if isinstance(event, RotateEvent):
            self._file, self._pos = event.next_file, event.next_pos
        elif isinstance(event, FormatDescriptionEvent):
            self._checksum = event.checksum_algorithm == 1
            self._tables.clear()
        elif isinstance(event, HeartbeatEvent) and event.log_file == self._file:
            self._pos = max(self._pos, event.log_pos)

    def _table_map(self, header: EventHeader, body: bytes) -> TableMapEvent:
        if len(body) < 8:
            raise Malformed("a table map without table id")
        table_id = int.from_bytes(body[:6], "little")
        rest = body[8:]
        parsed = self._parsed_maps.get(rest)
        if parsed is None:
            parsed = parse_table_map(rest, self._flavor)
            if len(self._parsed_maps) >= _TABLE_MAPS_CACHED:
                self._parsed_maps.clear()
            self._parsed_maps[rest] = parsed
        event = TableMapEvent(header, table_id, parsed.database, parsed.table, parsed.columns, parsed.primary_key, rest)
        self._tables[table_id] = event
        return event

    def _rows(self, header: EventHeader, cursor: Cursor) -> BinlogEvent:
        kind, version, compressed = codes.ROWS_KINDS[header.event_type]
        table_id = cursor.uint(6, "table id")
        flags = cursor.uint(2, "rows flags")
        if version == 2:
            extra_size = cursor.uint(2, "length of extra row data")
            cursor.take(extra_size - 2, "extra row data")
        end_of_statement = flags & 1 != 0
        table_map = self._tables.get(table_id)
        if table_map is None:
            if table_id == codes.DUMMY_TABLE_ID and end_of_statement:
                self._tables.clear()
                return IgnorableEvent(header, "rows event without rows that ends the statement")
            raise Malformed(
                f"no table map for table id {table_id} came before these rows; the stream began inside a statement?"
            )
        count = cursor.lenenc("column count")
        if count != len(table_map.columns):
            raise Malformed(f"rows of {count} columns, the table map has {len(table_map.columns)}")
        bitmap_bytes = (count + 7) // 8
        bitmaps = [cursor.take(bitmap_bytes, "columns bitmap")]
        if kind in ("update", "partial_update"):
            bitmaps.append(cursor.take(bitmap_bytes, "columns bitmap of the after image"))
        if compressed:
            rows = memoryview(inflate(cursor.rest(), self._payload_size_max_bytes))
        else:
            rows = memoryview(cursor.rest())  # all of its bytes, so that a transcoder need not copy them
        if end_of_statement:
            self._tables.clear()
        return RowsEvent(header, kind, table_id, flags, count, tuple(bitmaps), rows, table_map)

    def _payload(self, header: EventHeader, body: bytes) -> Iterator[BinlogEvent]:
        payload = Payload(body)
        if payload.uncompressed_size > self._payload_size_max_bytes:
            raise Malformed(
                f"its compressed transaction unpacks to {payload.uncompressed_size} bytes, "
                f"more than the limit of {self._payload_size_max_bytes}"
            )
        self._pos = header.end_pos
        event = TransactionPayloadEvent(header, payload.uncompressed_size, len(payload.compressed))
        return chain((event,), self._inner_events(header, payload))

    def _inner_events(self, outer: EventHeader, payload: Payload) -> Iterator[BinlogEvent]:
        """Decode what the payload holds; position and file are those of the outer event."""
        events = payload.events()
        while True:
            try:
                inner = next(events, None)
                if inner is None:
                    return
                timestamp, kind, server_id, size, _, flags = _HEADER.unpack_from(inner)
                header = dataclasses.replace(
                    outer, timestamp=timestamp, event_type=kind, server_id=server_id, event_size=size, flags=flags
                )
                if kind in (codes.ROTATE, codes.FORMAT_DESCRIPTION, codes.TRANSACTION_PAYLOAD):
                    raise Malformed(f"event type {kind} cannot stand inside a compressed transaction")
                event = self._event(header, inner, len(inner))
            except _BROKEN as error:
                raise self._corrupt(outer, f"inside the compressed transaction: {error}") from error
            yield event

    def _where(self, header: EventHeader) -> str:
        return f"{header.file or '(first binlog file)'}:{header.pos}"

    def _corrupt(self, header: EventHeader, why: str) -> BinlogCorrupt:
        reader = "mariadb-binlog" if self._flavor == "mariadb" else "mysqlbinlog"
        return BinlogCorrupt(
            f"The binlog event of type {header.event_type} at {self._where(header)} cannot be read: {why}.",
            remedy=f"check it on the source with {reader} --verify-binlog-checksum --start-position={header.pos}; "
            "if the file is sound, report this event to us.",
        )


def _crc_matches(packet: bytes) -> bool:
    return zlib.crc32(memoryview(packet)[:-4]) == int.from_bytes(packet[-4:], "little")
