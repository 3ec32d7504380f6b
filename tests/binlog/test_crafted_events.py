"""What a healthy server does not send: huge positions, incidents, unknown and broken events."""

import struct
import zlib

import pytest
import zstandard

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import (
    GtidEvent,
    HeartbeatEvent,
    IgnorableEvent,
    IncidentEvent,
    PreviousGtidsEvent,
    QueryEvent,
    RotateEvent,
    RowsEvent,
    TableMapEvent,
    TransactionPayloadEvent,
)
from faust_cdc.errors import BinlogCorrupt, ServerMisconfigured
from faust_cdc.mysql.positions import BinlogPosition
from tests.binlog.crafted import decoder, event, one, table_map, write_rows

_4G = 1 << 32


def test_positions_are_counted_beyond_four_gib() -> None:
    reader = decoder(pos=_4G - 30)
    first = one(event(16, bytes(8), log_pos=_4G - 30 + 27), reader)
    second = one(event(16, bytes(8), log_pos=24), reader)
    assert (first.header.pos, first.header.end_pos) == (_4G - 30, _4G - 3)
    assert (second.header.pos, second.header.end_pos) == (_4G - 3, _4G + 24)
    assert reader.position == BinlogPosition("binlog.000001", _4G + 24)


def test_a_position_jumps_over_transactions_that_the_server_leaves_out() -> None:
    reader = decoder(pos=4)
    assert one(event(16, bytes(8), log_pos=5000), reader).header.pos == 5000 - 27
    assert one(event(16, bytes(8), log_pos=100), reader).header.end_pos == _4G + 100


def test_artificial_events_do_not_move_the_position() -> None:
    reader = decoder(pos=500)
    rotate = one(event(4, struct.pack("<Q", 500) + b"binlog.000001", flags=0x20, timestamp=0), reader)
    assert isinstance(rotate, RotateEvent)
    assert rotate.artificial
    assert (rotate.header.pos, rotate.header.end_pos) == (500, 500)
    assert reader.position == BinlogPosition("binlog.000001", 500)


def test_heartbeats_move_the_position_of_their_own_file_only() -> None:
    reader = decoder(pos=100)
    beat = one(event(27, b"binlog.000001", log_pos=900, timestamp=0), reader)
    assert beat == HeartbeatEvent(beat.header, "binlog.000001", 900)
    fields = b"\x01\x0dbinlog.000001" + b"\x02\x09\xfe" + struct.pack("<Q", 3 * _4G) + b"\x00"
    long_beat = one(event(41, fields, timestamp=0), reader)
    assert isinstance(long_beat, HeartbeatEvent)
    assert long_beat.log_pos == 3 * _4G
    assert reader.position.pos == 3 * _4G
    one(event(41, b"\x01\x0dbinlog.000009\x02\x01\x04\x00", timestamp=0), reader)
    assert reader.position == BinlogPosition("binlog.000001", 3 * _4G)


def test_an_incident_is_told() -> None:
    assert one(event(26, b"\x01\x00\x04lost")) == IncidentEvent(one(event(26, b"\x01\x00\x04lost")).header, 1, "lost")


def test_an_unknown_event_stops_unless_the_server_calls_it_ignorable() -> None:
    with pytest.raises(BinlogCorrupt, match=r"type 99 at binlog.000001:\d+ cannot be read: event type 99 is unknown"):
        one(event(99, b"??", log_pos=400))
    ignored = one(event(99, b"??", flags=0x80))
    assert isinstance(ignored, IgnorableEvent)
    assert "99" in ignored.name


@pytest.mark.parametrize("kind", sorted(codes.STATEMENT_EVENTS))
def test_statement_based_load_data_stops(kind: int) -> None:
    with pytest.raises(ServerMisconfigured, match="binlog_format=ROW"):
        one(event(kind, b""))


def test_rows_without_table_map_stop() -> None:
    with pytest.raises(BinlogCorrupt, match="no table map for table id 7"):
        one(event(30, write_rows(b"\x00\x01\x00\x00\x00")))


def test_rows_after_the_end_of_their_statement_stop() -> None:
    reader = decoder()
    one(event(19, table_map()), reader)
    rows = one(event(30, write_rows(b"\x00\x01\x00\x00\x00")), reader)
    assert isinstance(rows, RowsEvent)
    assert rows.end_of_statement
    assert bytes(rows.rows) == b"\x00\x01\x00\x00\x00"
    with pytest.raises(BinlogCorrupt, match="no table map"):
        one(event(30, write_rows(b"\x00\x01\x00\x00\x00")), reader)


def test_a_rows_event_that_only_ends_the_statement_is_no_error() -> None:
    assert isinstance(one(event(30, write_rows(b"", table_id=0x00FFFFFF))), IgnorableEvent)


def test_rows_and_table_map_must_agree_on_the_number_of_columns() -> None:
    reader = decoder()
    one(event(19, table_map()), reader)
    with pytest.raises(BinlogCorrupt, match="rows of 2 columns, the table map has 1"):
        one(event(30, write_rows(b"", columns=2)), reader)


def test_unknown_optional_metadata_is_passed_over() -> None:
    seen = one(event(19, table_map(b"\xc8\x03abc\x01\x01\x80")))
    assert isinstance(seen, TableMapEvent)
    assert seen.columns[0].unsigned is True


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        (b"\x01\x01\x80\x01\x01\x80", "comes twice"),
        (b"\x01\x02\x80\x00", "left over"),
        (b"\x01\x05\x80", "needs 5 bytes"),
        (b"\x08\x01\x05", "names column 5 of 1"),
        (b"\x04\x02\x01\xff", "not UTF-8"),
        (b"\x04\x01\xff", "no length-encoded integer"),
    ],
)
def test_known_optional_metadata_must_fit(extra: bytes, why: str) -> None:
    with pytest.raises(BinlogCorrupt, match=why):
        one(event(19, table_map(extra)))


def test_an_unknown_column_type_stops() -> None:
    with pytest.raises(BinlogCorrupt, match="column type 200 is unknown"):
        one(event(19, table_map(types=b"\xc8")))


def test_the_checksum_is_verified() -> None:
    reader = decoder()
    good = event(15, b"\x04\x00" + b"9.7.4".ljust(50, b"\0") + bytes(4) + b"\x13" + bytes(42) + b"\x01", crc=True)
    one(good, reader)
    one(event(16, bytes(8), crc=True), reader)
    broken = bytearray(event(16, bytes(8), crc=True))
    broken[22] ^= 1
    with pytest.raises(BinlogCorrupt, match="checksum 0x"):
        one(bytes(broken), reader)


def test_the_size_in_the_header_must_be_the_packets() -> None:
    with pytest.raises(BinlogCorrupt, match="the header says 27 bytes, the packet has 28"):
        one(event(16, bytes(8)) + b"\0")
    with pytest.raises(BinlogCorrupt, match="less than an event header"):
        one(b"\0" * 18)


def payload(inner: bytes, *, size: int | None = None, compression: int = 0) -> bytes:
    """Body of a transaction payload event."""
    data = zstandard.compress(inner) if compression == 0 else inner

    def number(kind: int, value: int) -> bytes:
        return bytes([kind, 9, 0xFE]) + struct.pack("<Q", value)

    declared = len(inner) if size is None else size
    return number(1, len(data)) + number(2, compression) + number(3, declared) + b"\x00" + data


def test_a_payload_may_be_uncompressed() -> None:
    events = list(decoder().feed(event(40, payload(event(16, struct.pack("<Q", 5)), compression=255))))
    assert [type(e).__name__ for e in events] == ["TransactionPayloadEvent", "XidEvent"]


def test_a_payload_above_the_cap_stops_before_it_is_unpacked() -> None:
    with pytest.raises(BinlogCorrupt, match="more than the limit of 1000"):
        decoder(payload_size_max_bytes=1000).feed(event(40, payload(bytes(2000))))


@pytest.mark.parametrize("size", [1, 26, 28, 5000, 1 << 31])
def test_a_payload_that_lies_about_its_size_stops(size: int) -> None:
    events = decoder().feed(event(40, payload(event(16, bytes(8)), size=size)))
    assert isinstance(next(events), TransactionPayloadEvent)
    with pytest.raises(BinlogCorrupt, match="inside the compressed transaction"):
        list(events)


def test_an_inner_event_is_not_believed_about_its_size() -> None:
    """A gigabyte is declared and not there: the answer is an error, not a gigabyte of memory."""
    bomb = bytearray(event(16, bytes(8)))
    bomb[9:13] = struct.pack("<I", 1 << 30)
    events = decoder().feed(event(40, payload(bytes(bomb), size=1 << 30)))
    next(events)
    with pytest.raises(BinlogCorrupt, match="ends"):
        next(events)


def test_a_payload_with_an_unknown_compression_stops() -> None:
    with pytest.raises(BinlogCorrupt, match="compression type 3"):
        decoder().feed(event(40, payload(b"x" * 30, compression=3)))


def test_payloads_do_not_nest() -> None:
    events = decoder().feed(event(40, payload(event(40, payload(event(16, bytes(8)))))))
    next(events)
    with pytest.raises(BinlogCorrupt, match="cannot stand inside"):
        next(events)


def test_gtids_of_older_servers_are_shorter() -> None:
    raw = b"\x01" + bytes(range(16)) + struct.pack("<q", 77)
    old = one(event(33, raw))
    assert isinstance(old, GtidEvent)
    assert old.gtid == "00010203-0405-0607-0809-0a0b0c0d0e0f:77"
    assert old.transaction_length is None
    newer = one(event(33, raw + b"\x02" + struct.pack("<qq", 1, 2)))
    assert isinstance(newer, GtidEvent)
    assert (newer.last_committed, newer.sequence_number, newer.immediate_commit_us) == (1, 2, None)


def test_a_replicated_gtid_has_two_commit_times() -> None:
    times = ((1 << 55) | 2000).to_bytes(7, "little") + (1000).to_bytes(7, "little")
    name = b"\x01" + bytes(16) + struct.pack("<q", 5)
    both = one(event(33, name + b"\x02" + bytes(16) + times + b"\xfc\x00\x01" + bytes(4)))
    assert isinstance(both, GtidEvent)
    assert (both.immediate_commit_us, both.original_commit_us, both.transaction_length) == (2000, 1000, 256)


def test_status_variables_after_an_unknown_one_are_left_alone() -> None:
    status = b"\x01" + struct.pack("<Q", 3) + b"\xc8whatever"
    fixed = struct.pack("<IIBHH", 9, 0, 1, 0, len(status))
    query = one(event(2, fixed + status + b"d\0SELECT \xe4"))
    assert isinstance(query, QueryEvent)
    assert (query.thread_id, query.database, query.sql_mode, query.query) == (9, "d", 3, "SELECT \ufffd")


def test_a_statement_tells_the_sessions_defaults() -> None:
    status = b"\x01" + struct.pack("<Q", 3) + b"\x10\x00" + b"\x12\x2d\x00"
    query = one(event(2, struct.pack("<IIBHH", 9, 0, 1, 0, len(status)) + status + b"d\0CREATE TABLE t (a INT)"))
    assert isinstance(query, QueryEvent)
    assert (query.explicit_defaults_for_timestamp, query.utf8mb4_collation) == (False, 45)


def test_mariadbs_inflated_size_must_be_true() -> None:
    fixed = struct.pack("<IIBHH", 9, 0, 1, 0, 0) + b"d\0"
    good = b"\x82\x00\x04" + zlib.compress(b"text")
    assert isinstance(one(event(165, fixed + good)), QueryEvent)
    for bad in (b"\x82\x00\x03", b"\x82\x00\x05", b"\x84\xff\xff\xff\xff", b"\x02\x00\x04", b"\x92\x00\x04", b"\x80"):
        with pytest.raises(BinlogCorrupt):
            one(event(165, fixed + bad + zlib.compress(b"text")))


def test_mariadbs_gtid_list() -> None:
    body = struct.pack("<I", 2 | 1 << 28) + struct.pack("<IIQ", 0, 1, 5) + struct.pack("<IIQ", 9, 8, 7)
    listed = one(event(163, body))
    assert isinstance(listed, PreviousGtidsEvent)
    assert listed.gtids == "0-1-5,9-8-7"
