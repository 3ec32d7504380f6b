"""Bodies of the events around the rows: each function takes the header and the body without checksum.

Sources: mysql-server `libs/mysql/binlog/event/*.h` and `sql/log_event.cc`; MariaDB `sql/log_event.cc` and the
Knowledge Base pages per event. All raise `Malformed`, `struct.error`, `IndexError` or `ValueError` on bytes that do
not fit; the decoder turns each into `BinlogCorrupt`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import (
    BinlogEvent,
    EventHeader,
    FormatDescriptionEvent,
    GtidEvent,
    HeartbeatEvent,
    IncidentEvent,
    PreviousGtidsEvent,
    QueryEvent,
    RotateEvent,
    RowsQueryEvent,
    XaPrepareEvent,
    XidEvent,
)
from faust_cdc.binlog.wire import Cursor, Malformed, text, varlen_int, varlen_uint
from faust_cdc.mysql.charsets import decode_statement
from faust_cdc.mysql.positions import GNO_MAX, TAG, GtidSet

_QUERY_FIXED = struct.Struct("<IIBHH")
_GTID_FIXED = struct.Struct("<B16sq")
_LOGICAL_CLOCK = struct.Struct("<Bqq")
_MARIA_GTID_FIXED = struct.Struct("<QIB")
_NOT_DONE = 2 | 8
"""FL_START_ALTER_E1, FL_ROLLBACK_ALTER_E1."""
_INFLATED_MAX = 1 << 30
"""A MariaDB event cannot exceed slave_max_allowed_packet's limit, 1 GiB."""


def format_description(header: EventHeader, body: bytes) -> FormatDescriptionEvent:
    """Parse the body of type 15 with its checksum bytes already cut off; the last byte is the algorithm."""
    cursor = Cursor(body)
    version = cursor.uint(2, "binlog version")
    server_version = text(cursor.take(50, "server version").rstrip(b"\0"), "server version")
    cursor.uint(4, "create time")
    if cursor.uint(1, "header length") != codes.HEADER_BYTES or version != 4:
        raise Malformed(f"binlog version {version} is not 4 with a 19-byte header")
    lengths = cursor.rest()
    if len(lengths) < codes.GTID:
        raise Malformed(f"only {len(lengths)} post-header lengths")
    return FormatDescriptionEvent(header, version, server_version, lengths[-1])


def rotate(header: EventHeader, body: bytes) -> RotateEvent:
    """Parse type 4: position u64, file name to the end."""
    cursor = Cursor(body)
    pos = cursor.uint(8, "rotate position")
    name = text(cursor.rest(), "rotate file name")
    if not name or "\0" in name:
        raise Malformed(f"the next binlog file's name {name!r} is not a file name")
    artificial = header.flags & codes.FLAG_ARTIFICIAL != 0 or header.timestamp == 0
    return RotateEvent(header, name, pos, artificial)


def _uuid_text(raw: bytes) -> str:
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def gtid(header: EventHeader, body: bytes) -> GtidEvent:
    """Parse types 33 and 34: uuid, number, logical clock, commit times, transaction length."""
    _, raw_uuid, number = _GTID_FIXED.unpack_from(body)
    if header.event_type != codes.ANONYMOUS_GTID and not 1 <= number <= GNO_MAX:
        raise Malformed(f"the GTID's number is {number}")
    name = None if header.event_type == codes.ANONYMOUS_GTID else f"{_uuid_text(raw_uuid)}:{number}"
    if len(body) < 42:  # before MySQL 5.7
        return GtidEvent(header, name, None, None, None)
    clock, last_committed, sequence = _LOGICAL_CLOCK.unpack_from(body, 25)
    if clock != 2:
        raise Malformed(f"logical clock type {clock} is not 2")
    if len(body) < 49:  # before MySQL 8.0
        return GtidEvent(header, name, None, None, None, last_committed, sequence)
    cursor = Cursor(body, 42)
    immediate = cursor.uint(7, "immediate commit time")
    original = immediate & ~(1 << 55)
    if immediate >> 55:  # the top bit says that the original server's time differs and follows
        immediate = original
        original = cursor.uint(7, "original commit time")
    length = cursor.lenenc("transaction length") if cursor.left else None
    return GtidEvent(header, name, immediate, original, length, last_committed, sequence)


def gtid_tagged(header: EventHeader, body: bytes) -> GtidEvent:
    """Parse type 42, a field-serialised message (mysql-server `Gtid_event::define_fields`).

    Message: format version, size, last field that must be understood; then (field id, value) pairs in id order.
    """
    cursor = Cursor(body)
    if varlen_uint(cursor, "serialisation version") != 1:
        raise Malformed("the tagged GTID's serialisation version is not 1")
    size = varlen_uint(cursor, "message size")
    if size != len(body):
        raise Malformed(f"the tagged GTID says {size} bytes, the event has {len(body)}")
    last_required = varlen_uint(cursor, "last non-ignorable field")
    found: dict[int, int | bytes] = {}
    while cursor.left:
        number = varlen_uint(cursor, "field id")
        reader = _TAGGED_FIELDS.get(number)
        if reader is None:
            if number < last_required:
                raise Malformed(f"field {number} of the tagged GTID is unknown and must be understood")
            break  # newer servers append fields; without a length the rest cannot be walked, nor is it needed
        found[number] = reader(cursor)
    raw_uuid, gno, tag = found.get(1), found.get(2), found.get(3)
    if not isinstance(raw_uuid, bytes) or not isinstance(gno, int) or not isinstance(tag, bytes):
        raise Malformed("the tagged GTID lacks uuid, number or tag")
    tag_text = text(tag, "tag")
    if not 1 <= gno <= GNO_MAX or (tag_text and not TAG.match(tag_text)):
        raise Malformed(f"the tagged GTID has number {gno} and tag {tag_text!r}")
    middle = f":{tag_text}" if tag_text else ""
    immediate = _whole(found.get(6))
    original = _whole(found.get(7))
    return GtidEvent(
        header,
        f"{_uuid_text(raw_uuid)}{middle}:{gno}",
        immediate,
        immediate if original is None else original,
        _whole(found.get(8)),
        _whole(found.get(4)),
        _whole(found.get(5)),
    )


def _whole(value: int | bytes | None) -> int | None:
    return value if isinstance(value, int) else None


def _serialised_uuid(cursor: Cursor) -> bytes:
    """Sixteen bytes, each written as its own variable-length integer."""
    parts = [varlen_uint(cursor, "uuid") for _ in range(16)]
    if max(parts) > 255:
        raise Malformed("a byte of the tagged GTID's uuid is above 255")
    return bytes(parts)


def _unsigned(cursor: Cursor) -> int:
    return varlen_uint(cursor, "field of the tagged GTID")


def _signed(cursor: Cursor) -> int:
    return varlen_int(cursor, "field of the tagged GTID")


def _string(cursor: Cursor) -> bytes:
    return cursor.take(varlen_uint(cursor, "tag length"), "tag")


_TAGGED_FIELDS: dict[int, Callable[[Cursor], int | bytes]] = {
    0: _unsigned,  # flags
    1: _serialised_uuid,
    2: _signed,  # number
    3: _string,  # tag
    4: _signed,  # last committed
    5: _signed,  # sequence number
    6: _unsigned,  # immediate commit time
    7: _unsigned,  # original commit time, when it differs
    8: _unsigned,  # transaction length
    9: _unsigned,  # immediate server version
    10: _unsigned,  # original server version
    11: _unsigned,  # commit group ticket
}


def maria_gtid(header: EventHeader, body: bytes) -> GtidEvent:
    """Parse type 162: sequence u64, domain u32, flags (FL_STANDALONE 1, FL_DDL 32, FL_PREPARED_XA 64).

    As of 10.8 further flags may follow (`Gtid_log_event::Gtid_log_event` of sql/log_event.cc); not those of XA's group.
    """
    sequence, domain, flags = _MARIA_GTID_FIXED.unpack_from(body)
    name = f"{domain}-{header.server_id}-{sequence}"
    return GtidEvent(
        header,
        name,
        None,
        None,
        None,
        standalone=bool(flags & 1),
        is_ddl=bool(flags & 32),
        xa_prepared=bool(flags & 64),
        is_undone=bool(_maria_extra_flags(body, flags) & _NOT_DONE),
    )


def _maria_extra_flags(body: bytes, flags: int) -> int:
    """Return flags_extra, 0 where there are none."""
    if flags & (64 | 128):  # of XA, whose name stands between
        return 0
    at = 13 + (8 if flags & 2 else 0)  # FL_GROUP_COMMIT_ID; what is short of 19 bytes is filled up with zeros
    return body[at] if len(body) > at else 0


def query(header: EventHeader, body: bytes) -> QueryEvent:
    """Parse type 2, and type 165 whose statement text is deflated."""
    thread_id, _, database_size, error_code, status_size = _QUERY_FIXED.unpack_from(body)
    at = 13
    status = body[at : at + status_size]
    at += status_size
    database = body[at : at + database_size]
    at += database_size
    if len(body) <= at or body[at] != 0:
        raise Malformed("the statement's database name is not ended by a zero byte")
    statement = body[at + 1 :]
    if header.event_type == codes.MARIA_QUERY_COMPRESSED:
        statement = inflate(statement)
    sql_mode, charsets, microseconds, explicit_defaults, utf8mb4_collation = _status_variables(status)
    charset_client, server_collation = charsets
    return QueryEvent(
        header,
        thread_id,
        text(database, "database name"),
        decode_statement(statement, charset_client),
        error_code,
        sql_mode,
        charset_client,
        microseconds,
        explicit_defaults,
        utf8mb4_collation,
        server_collation,
    )


_STATUS_SIZES: dict[int, int] = {0: 4, 1: 8, 3: 4, 4: 6, 7: 2, 8: 2, 9: 8, 10: 4, 13: 3, 16: 1}
_STATUS_SIZES |= {17: 8, 18: 2, 19: 1, 20: 1, 128: 3, 129: 8}
"""Status variable -> bytes of its value, for those of fixed size."""


def _status_variables(
    data: bytes,
) -> tuple[int | None, tuple[int | None, int | None], int | None, bool | None, int | None]:
    """Return (sql_mode, collation ids, microseconds, explicit defaults for timestamp, utf8mb4's collation id).

    The collations are the client's and the session's collation_server. An unknown variable ends the walk, as in the
    server.
    """
    sql_mode: int | None = None
    explicit_defaults: bool | None = None
    utf8mb4_collation: int | None = None
    charsets: tuple[int | None, int | None] = None, None
    microseconds: int | None = None
    cursor = Cursor(data)
    while cursor.left:
        code = cursor.uint(1, "status variable")
        size = _STATUS_SIZES.get(code)
        if size is not None:
            value = cursor.take(size, f"status variable {code}")
            if code == 1:
                sql_mode = int.from_bytes(value, "little")
            elif code == 4:
                charsets = value[0] | value[1] << 8, value[4] | value[5] << 8
            elif code in (13, 128):
                microseconds = int.from_bytes(value, "little")
            elif code == 16:
                explicit_defaults = value != b"\0"
            elif code == 18:
                utf8mb4_collation = int.from_bytes(value, "little")
        elif code in (5, 6):
            cursor.short_bytes(f"status variable {code}")
        elif code == 2:
            cursor.short_bytes("catalog")
            cursor.skip_zero("catalog")
        elif code == 11:
            cursor.short_bytes("invoker's user")
            cursor.short_bytes("invoker's host")
        elif code == 12:
            count = cursor.uint(1, "count of updated databases")
            for _ in range(0 if count == 254 else count):
                end = data.find(b"\0", cursor.at)
                cursor.take(end + 1 - cursor.at, "updated database")
        else:
            break
    return sql_mode, charsets, microseconds, explicit_defaults, utf8mb4_collation


def inflate(data: bytes, size_max_bytes: int = _INFLATED_MAX) -> bytes:
    """Undo MariaDB's event compression: a header byte, the big-endian length, zlib (`binlog_buf_uncompress`).

    Raises Malformed when the algorithm is not zlib, or the length is wrong.
    """
    cursor = Cursor(data)
    head = cursor.uint(1, "compression header")
    length_bytes = head & 0x07
    if not head & 0x80 or head & 0x70 or not 1 <= length_bytes <= 4:
        raise Malformed(f"compression header {head:#x} is not MariaDB's zlib header")
    size = int.from_bytes(cursor.take(length_bytes, "uncompressed length"), "big")
    if size > min(size_max_bytes, _INFLATED_MAX):
        raise Malformed(f"{size} uncompressed bytes are more than the limit, {min(size_max_bytes, _INFLATED_MAX)}")
    machine = zlib.decompressobj()
    try:
        inflated = machine.decompress(cursor.rest(), size + 1)
    except zlib.error as error:
        raise Malformed(f"zlib data is broken: {error}") from error
    if len(inflated) != size or not machine.eof:
        raise Malformed(f"{len(inflated)} uncompressed bytes where the event says {size}")
    return inflated


def xid(header: EventHeader, body: bytes) -> XidEvent:
    """Parse type 16."""
    return XidEvent(header, Cursor(body).uint(8, "transaction id"))


def xa_prepare(header: EventHeader, body: bytes) -> XaPrepareEvent:
    """Parse type 38."""
    cursor = Cursor(body)
    one_phase = cursor.uint(1, "one-phase flag") != 0
    format_id = cursor.uint(4, "XA format id")
    gtrid_size, bqual_size = cursor.uint(4, "gtrid length"), cursor.uint(4, "bqual length")
    gtrid = cursor.take(gtrid_size, "gtrid")
    return XaPrepareEvent(header, one_phase, format_id, gtrid, cursor.take(bqual_size, "bqual"))


def heartbeat(header: EventHeader, body: bytes) -> HeartbeatEvent:
    """Parse type 27: the file name; the position is the header's."""
    return HeartbeatEvent(header, text(body, "heartbeat file name"), header.end_pos)


def heartbeat_v2(header: EventHeader, body: bytes) -> HeartbeatEvent:
    """Parse type 41: (type, length, value) fields; 1 the file name, 2 the 64-bit position, 0 the end."""
    cursor = Cursor(body)
    name, pos = "", header.end_pos
    while cursor.left:
        kind = cursor.lenenc("heartbeat field")
        if kind == 0:
            break
        value = cursor.lenenc_bytes(f"heartbeat field {kind}")
        if kind == 1:
            name = text(value, "heartbeat file name")
        elif kind == 2:
            pos = Cursor(value).lenenc("heartbeat position")
    return HeartbeatEvent(header, name, pos)


def previous_gtids(header: EventHeader, body: bytes) -> PreviousGtidsEvent:
    """Parse type 35."""
    return PreviousGtidsEvent(header, str(GtidSet.decode(body)))


def maria_gtid_list(header: EventHeader, body: bytes) -> PreviousGtidsEvent:
    """Parse type 163: count in the low 28 bits, then (domain u32, server u32, sequence u64)."""
    cursor = Cursor(body)
    count = cursor.uint(4, "GTID count") & 0x0FFFFFFF
    if count * 16 > cursor.left:
        raise Malformed(f"{count} GTIDs do not fit into {cursor.left} bytes")
    parts = []
    for _ in range(count):
        domain, server = cursor.uint(4, "domain"), cursor.uint(4, "server id")
        parts.append(f"{domain}-{server}-{cursor.uint(8, 'sequence')}")
    return PreviousGtidsEvent(header, ",".join(parts))


def rows_query(header: EventHeader, body: bytes) -> RowsQueryEvent:
    """Parse type 29: a length byte that long statements overflow, so the text is simply the rest."""
    return RowsQueryEvent(header, Cursor(body, 1).rest().decode("utf-8", "replace"))


def annotate_rows(header: EventHeader, body: bytes) -> RowsQueryEvent:
    """Parse MariaDB's type 160: the statement text alone."""
    return RowsQueryEvent(header, body.decode("utf-8", "replace"))


def incident(header: EventHeader, body: bytes) -> IncidentEvent:
    """Parse type 26."""
    cursor = Cursor(body)
    number = cursor.uint(2, "incident number")
    message = cursor.short_bytes("incident message") if cursor.left else b""
    return IncidentEvent(header, number, message.decode("utf-8", "replace"))


BODIES: dict[int, Callable[[EventHeader, bytes], BinlogEvent]] = {
    codes.QUERY: query,
    codes.MARIA_QUERY_COMPRESSED: query,
    codes.ROTATE: rotate,
    codes.FORMAT_DESCRIPTION: format_description,
    codes.XID: xid,
    codes.INCIDENT: incident,
    codes.HEARTBEAT: heartbeat,
    codes.HEARTBEAT_V2: heartbeat_v2,
    codes.ROWS_QUERY: rows_query,
    codes.GTID: gtid,
    codes.ANONYMOUS_GTID: gtid,
    codes.GTID_TAGGED: gtid_tagged,
    codes.PREVIOUS_GTIDS: previous_gtids,
    codes.XA_PREPARE: xa_prepare,
    codes.MARIA_ANNOTATE_ROWS: annotate_rows,
    codes.MARIA_GTID: maria_gtid,
    codes.MARIA_GTID_LIST: maria_gtid_list,
}
"""Event type -> parser; table maps, rows and transaction payloads need the decoder's state."""
