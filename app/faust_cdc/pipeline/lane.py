"""The fast lane: the events that make up nearly all of a binlog, from the packets in a buffer to record bytes.

Compiled by mypyc. It knows GTID, BEGIN, table maps seen before, whole rows events of captured tables and XID, and
stops before everything else; the same event then goes the long way (`EventDecoder`, `StreamingSource`), and the lane
is told where that way ended. So the lane decides nothing: what it does not do exactly as the long way would, it does
not do. Its promises are those of the long way: packets in order, checksums verified, positions in 64 bits, rows only
with a table map of their own statement.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final

from librt.strings import BytesWriter, read_i64_le
from mypy_extensions import i64

from faust_cdc.binlog.checksum import is_sound
from faust_cdc.transcode.compiled.octets import little, put_number
from faust_cdc.transcode.compiled.places import Places, TableCount
from faust_cdc.transcode.compiled.rows import DELETE, INSERT, UPDATE, Encoded, RowEncoder
from faust_cdc.transcode.compiled.source import SourceHead, after_row, after_transaction

CLOSED: Final = 0
ANNOUNCED: Final = 1
"""A GTID was read; BEGIN is due."""
GROUP: Final = 2
FOREIGN: Final = 3
"""A transaction of the long way alone, in which a table map is open that the lane does not know."""

HEADER_BYTES: Final = 19
TIMED_EVERY: Final = 61
LOW32: Final = 0xFFFFFFFF
TWO_BYTES: Final = 0xFC
"""Begins a length-encoded integer of two more bytes."""
ROWS_QUERY: Final = 29
ANNOTATE_ROWS: Final = 160
MARIA_GTID: Final = 162
NOT_A_GROUP: Final = 1 | 64 | 128
"""Flags of a MariaDB GTID: DDL that stands alone, XA PREPARE, XA COMMIT or ROLLBACK."""

Produced = tuple[int, bytes | None, bytes | None]
"""(number of the topic, key, value); the value None is a tombstone."""

BOUNDARY: Final = 0
"""A BEGIN or END record, which has no headers."""
NEW_KEY: Final = 1
OLD_KEY: Final = 2
"""A record of a row whose key changes: its header says the other key."""
Mark = tuple[int, int, bytes]
"""(index in `out`, one of the above, the header's text) of a record that has headers of its own."""


class LaneTable:
    """A table version as the lane knows it: by the bytes of its table map behind the table id."""

    def __init__(
        self,
        index: int,
        body: bytes,
        encoder: RowEncoder | None,
        columns: int,
        database: bytes,
        table: bytes,
        is_foreign: bool = False,
        count: TableCount | None = None,
    ) -> None:
        """`encoder` None: not captured, so that rows are passed over; with `is_foreign`: rows for the long way."""
        self.count = count
        self.index = index
        self.body = body
        self.encoder = encoder
        self.is_foreign = is_foreign
        self.columns: i64 = columns
        self.whole = b"\xff" * (columns // 8)
        self.last: i64 = (1 << columns % 8) - 1
        """The bits of the bitmap's last byte that stand for columns; 0 when whole bytes suffice."""
        self.database = database
        self.table = table


def all_present(table: LaneTable, data: bytes, at: i64) -> bool:
    """Return whether a bitmap of columns has all of them; what its spare bits say differs by server."""
    count: i64 = len(table.whole)
    if data[at : at + count] != table.whole:
        return False
    return table.last == 0 or i64(data[at + count]) & table.last == table.last


class Parts:
    """Those parts of a record that most events have in common with the one before, made when they change."""

    def __init__(self, has_places: bool) -> None:
        """With `has_places` the field `transaction` is not part of the tail."""
        self._has_places = has_places
        self.rest = b""
        """What follows `source.row`."""
        self.tail = b""
        """The envelope's end."""
        self._of_thread: i64 = -2
        self._of_query: bytes | None = None
        self._of_op: i64 = -1
        self._of_ns: i64 = -1

    def refresh(self, op: i64, now_ns: i64, thread: i64, query: bytes | None) -> None:
        """Make them for an event: its operation, when it is handled, its thread (negative: none) and statement."""
        if thread != self._of_thread or query is not self._of_query:
            self.rest = after_row(None if thread < 0 else int(thread), query)
            self._of_thread = thread
            self._of_query = query
        if op != self._of_op or now_ns != self._of_ns:
            letter = b"c" if op == INSERT else (b"d" if op == DELETE else b"u")
            tail = after_transaction(letter, now_ns)
            self.tail = tail if self._has_places else b"\x00" + tail
            self._of_op = op
            self._of_ns = now_ns


class Lane:
    """Reads packets; what it made is in `out`, where it stands in the other attributes. Not thread-safe.

    Of the open transaction: `adopted`, the long way had it first; `held`, its rows wait for a decision, so that it ends
    on the long way; `query`, the text of the statement whose rows follow.
    """

    def __init__(
        self,
        head: SourceHead,
        skipped: str,
        tombstones: bool,
        mariadb: bool,
        include_query: bool = False,
        places: Places | None = None,
    ) -> None:
        """`skipped` holds the operations (c, u, d) that make no record; `tombstones` follow deletes.

        With `include_query` records tell their statement; with `places` their place, and BEGIN and END are records too.
        """
        self._head, self._include_query, self._places = head, include_query, places
        self._skip_insert, self._skip_update, self._skip_delete = "c" in skipped, "u" in skipped, "d" in skipped
        self._tombstones, self._mariadb = tombstones, mariadb
        self.checksum = True
        self.now_ns: i64 = 0
        """When the events at hand are handled, for the envelope's own times."""
        self.file = b""
        self.pos: i64 = 0
        """Where the next event starts."""
        self.event_pos: i64 = 0
        """Where the event at hand starts."""
        self.at: i64 = 0
        self.sequence: i64 = 0
        """Where in the buffer the lane stopped; number of the next packet."""
        self.open: i64 = CLOSED
        self.gtid: bytes | None = None
        self.gtid_source = b""
        self.gtid_number: i64 = 0
        self.commit_us: i64 = -1
        self.thread: i64 = -1
        self.begin_pos: i64 = 0
        """Where the first event of the open transaction starts."""
        self.events: i64 = 0
        """Events of the open transaction that are done, from the one that began it; negative: never to be split."""
        self.wrote = False
        """Rows of the open transaction are in `out`, or were."""
        self.adopted = self.held = False
        self.query: bytes | None = None
        self.is_wary = False
        """Transactions may begin that are to be held: none begins in the lane."""
        self.known: dict[bytes, LaneTable] = {}
        """Every table the lane may handle, by table map body."""
        self.tables: dict[int, LaneTable] = {}
        """The table maps of the statement being read, by table id."""
        self.out: list[Produced] = []
        self.marks: list[Mark] = []
        self.covered: i64 = 0
        """How many of `out` belong to complete source transactions."""
        self.ended: i64 = 0
        """Source transactions ended since `out` was emptied."""
        self.end_pos: i64 = 0
        self.end_timestamp: i64 = 0
        self.end_server_id: i64 = 0
        self.end_ts_us: i64 = 0
        self.ranges: list[tuple[bytes, int, int]] = []
        """GTIDs of ended transactions: (source, first, last), in order."""
        self.row_table: LaneTable | None = None
        """Set when a row of the event at `at` is for the reference transcoder."""
        self.row_offset: i64 = 0
        self.row_index: i64 = 0
        self._untimed: i64 = 0
        self.encode_s = 0.0
        """Seconds the encoder took since this was set to 0, by the one rows event in `TIMED_EVERY` that is timed."""
        self._uuid = self._uuid_text = b""
        self._text = BytesWriter()
        self._recent: LaneTable | None = None  # the table of the last table map
        self._parts = Parts(places is not None)

    def set_gtid(self, gtid: bytes | None) -> None:
        """Take the GTID of an open transaction: `source:number`, or MariaDB's `domain-server-number`."""
        self.gtid = gtid
        if gtid is not None:
            source, _, number = gtid.rpartition(b"-" if self._mariadb else b":")
            self.gtid_source = source
            self.gtid_number = int(number)

    def feed(self, data: bytes, at: i64, sequence: i64) -> bool:
        """Take whole packets from `data[at:]`; return True when it stopped before an event that is not for it.

        A row for the reference transcoder ends it too; see `row_table`. Resuming such an event is `feed` again with
        `row_offset` and `row_index` moved on.
        """
        size_all: i64 = len(data)
        self.at = at
        self.sequence = sequence
        while size_all - self.at >= 4:
            start: i64 = self.at
            size: i64 = little(data, start, 3)
            if size_all - start - 4 < size:
                return False
            if size < HEADER_BYTES + 5 or size == 0xFFFFFF or data[start + 3] != self.sequence or data[start + 4] != 0:
                return True
            if not self._tried(data, start + 5, start + 4 + size):
                return True
            self.at = start + 4 + size
            self.sequence = (self.sequence + 1) & 255
        return False

    def _tried(self, data: bytes, start: i64, end: i64) -> bool:
        """Handle an event; broken ones are for the long way, which says what is wrong with them."""
        try:
            return self._event(data, start, end)
        except (ValueError, IndexError):
            return False

    def _event(self, data: bytes, start: i64, end: i64) -> bool:
        size: i64 = end - start
        if little(data, start + 9, 4) != size:
            return False
        low: i64 = little(data, start + 13, 4)
        if low == 0:
            return False
        after: i64 = (self.pos + size) & ~LOW32 | low
        if after < self.pos:
            after += LOW32 + 1
        self.event_pos = after - size
        body_end: i64 = end
        if self.checksum:
            body_end = end - 4
            if self.row_table is None and not is_sound(data, int(start), int(end)):
                return False
        if not self._body(data, start, start + HEADER_BYTES, body_end, after):
            return False
        self.pos = after
        self.events += 1
        return True

    def _body(self, data: bytes, start: i64, body: i64, end: i64, after: i64) -> bool:
        kind: i64 = i64(data[start + 4])
        if (kind >= 23 and kind <= 25) or (kind >= 30 and kind <= 32):
            return self._rows(data, start, body, end, kind)
        if kind == 19:
            return self._table_map(data, body, end)
        if kind == 33 or kind == 34:
            self.begin_pos = self.event_pos
            return self._gtid(data, body, end, kind == 34)
        if kind == 2:
            return self._begin(data, start, body, end)
        if kind == 16:
            return self._xid(data, start, after)
        if kind == ROWS_QUERY or kind == ANNOTATE_ROWS:
            if self.open == FOREIGN:  # where the long way counts events, it counts this one
                return False
            return not self._include_query or self._statement(data, body + 1 if kind == ROWS_QUERY else body, end)
        if kind == MARIA_GTID:
            self.begin_pos = self.event_pos
            return self._maria_gtid(data, start, body, end)
        return False

    def _statement(self, data: bytes, at: i64, end: i64) -> bool:
        """Keep the SQL text; one that is no UTF-8 is for the long way."""
        if self.open == CLOSED or at > end:
            return False
        text = data[at:end]
        if not text.isascii():
            text.decode()
        self.query = text
        return True

    def _announce(self, data: bytes, start: i64) -> None:
        """Let the transaction that begins with this event have metadata."""
        places = self._places
        if places is None or places.active:
            return
        gtid = self.gtid
        identity = b"file=%s,pos=%d" % (self.file, int(self.event_pos)) if gtid is None else gtid
        places.open(identity, self._time_us(data, start) // 1000)

    def _time_us(self, data: bytes, start: i64) -> i64:
        """When the source committed; without GTIDs the event's own time, good to a second."""
        return self.commit_us if self.commit_us >= 0 and self.gtid is not None else little(data, start, 4) * 1_000_000

    def _boundary(self, is_end: bool, ts_ms: i64) -> None:
        places = self._places
        assert places is not None
        key, value = places.record(is_end, ts_ms)
        self.marks.append((len(self.out), BOUNDARY, b""))
        self.out.append((0, key, value))
        places.begun = True

    def _new_transaction(self) -> None:
        self.thread = -1
        self.wrote = False
        self.adopted = False
        self.held = False
        self.query = None
        places = self._places
        if places is not None:
            places.close()

    def _table_map(self, data: bytes, body: i64, end: i64) -> bool:
        if self.open != GROUP or end - body < 8:
            return False
        table_id = int(little(data, body, 6))
        rest = data[body + 8 : end]
        table = self._recent
        if table is None or table.body != rest or self.known.get(table.body) is not table:  # DDL clears `known`
            table = self.known.get(rest)
            if table is None:
                return False
            self._recent = table
        self.tables[table_id] = table
        return True

    def _gtid(self, data: bytes, body: i64, end: i64, anonymous: bool) -> bool:
        if self.open != CLOSED or self.is_wary or end - body < 49 or data[body + 25] != 2:
            return False
        immediate: i64 = little(data, body + 42, 7)
        if immediate >> 55:
            if end - body < 56:
                return False
            immediate = little(data, body + 49, 7)
        self.commit_us = immediate
        self.open = ANNOUNCED
        self._new_transaction()
        if anonymous:
            self.gtid = None
            return True
        raw = data[body + 1 : body + 17]
        if raw != self._uuid:
            digits = raw.hex()
            self._uuid = raw
            self._uuid_text = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()
        self.gtid_source = self._uuid_text
        self.gtid_number = read_i64_le(data, body + 17)
        text = self._text
        text.truncate(0)
        text.write(self._uuid_text)
        text.append(58)
        put_number(text, self.gtid_number)
        self.gtid = text.getvalue()
        return True

    def _maria_gtid(self, data: bytes, start: i64, body: i64, end: i64) -> bool:
        if (
            not self._mariadb
            or self.is_wary
            or self.open != CLOSED
            or end - body < 13
            or i64(data[body + 12]) & NOT_A_GROUP
        ):
            return False
        domain = int(little(data, body + 8, 4))
        server = int(little(data, start + 5, 4))
        self.gtid_source = b"%d-%d" % (domain, server)
        self.gtid_number = read_i64_le(data, body)
        self.gtid = b"%s-%d" % (self.gtid_source, int(self.gtid_number))
        self.commit_us = -1
        self.open = GROUP
        self.events = 0
        self._new_transaction()
        self._announce(data, start)
        return True

    def _begin(self, data: bytes, start: i64, body: i64, end: i64) -> bool:
        if self.open != ANNOUNCED or end - body < 19:
            return False
        statement: i64 = body + 13 + little(data, body + 11, 2) + i64(data[body + 8]) + 1
        if statement + 5 != end or data[statement - 1] != 0 or data[statement:end] != b"BEGIN":
            return False
        self.thread = little(data, body, 4)
        self.open = GROUP
        self.events = 0
        self._announce(data, start)
        return True

    def _xid(self, data: bytes, start: i64, after: i64) -> bool:
        if self.open != GROUP or self.held:
            return False
        self.open = CLOSED
        places = self._places
        if places is not None and places.active:
            if not places.begun:
                self._boundary(False, places.begin_ts_ms)
            self._boundary(True, self._time_us(data, start) // 1000)
            places.close()
        self.end_pos = after
        self.end_timestamp = little(data, start, 4)
        self.end_server_id = little(data, start + 5, 4)
        self.end_ts_us = self.commit_us if self.commit_us >= 0 else self.end_timestamp * 1_000_000
        if self.gtid is not None:
            self._note_gtid()
        self.ended += 1
        self.covered = len(self.out)
        return True

    def _note_gtid(self) -> None:
        number = int(self.gtid_number)
        ranges = self.ranges
        if ranges:
            source, first, last = ranges[-1]
            if last + 1 == number and source == self.gtid_source:
                ranges[-1] = (source, first, number)
                return
        ranges.append((self.gtid_source, number, number))

    def _rows(self, data: bytes, start: i64, body: i64, end: i64, kind: i64) -> bool:
        if self.open != GROUP or end - body < 10:
            return False
        table = self.tables.get(int(little(data, body, 6)))
        if table is None or table.is_foreign:
            return False
        flags: i64 = little(data, body + 6, 2)
        at: i64 = body + 8
        if kind >= 30:
            at += little(data, at, 2)
        columns: i64 = table.columns
        bitmap: i64 = (columns + 7) >> 3
        operation: i64 = (kind - 23) if kind < 30 else (kind - 30)
        images: i64 = 2 if operation == UPDATE else 1
        if end - at < 3 + images * bitmap:
            return False
        told: i64 = i64(data[at])
        if told == TWO_BYTES:  # a length-encoded integer; of tables with more than 250 columns
            told = little(data, at + 1, 2)
            at += 2
        if told != columns:
            return False
        at += 1
        encoder = table.encoder
        if encoder is not None and not self._is_skipped(operation):
            if not all_present(table, data, at) or (images == 2 and not all_present(table, data, at + bitmap)):
                return False
            at += images * bitmap
            if not self.held:
                self.wrote = True
            if not self._encode(table, encoder, data, start, at, end, operation):
                return False
        if flags & 1:
            self.tables.clear()
            self.query = None
        return True

    def _is_skipped(self, operation: i64) -> bool:
        if operation == INSERT:
            return self._skip_insert
        return self._skip_update if operation == UPDATE else self._skip_delete

    def _encode(
        self, table: LaneTable, encoder: RowEncoder, data: bytes, start: i64, at: i64, end: i64, op: i64
    ) -> bool:
        ts_us: i64 = self._time_us(data, start)
        places = self._places
        if places is not None:
            if places.active and not places.begun:
                self._boundary(False, places.begin_ts_ms)
            encoder.place_in(places, table.count)
        server_id: i64 = little(data, start + 5, 4)
        before = self._head.before_row(
            b"false", table.database, table.table, ts_us, server_id, self.gtid, self.file, self.event_pos
        )
        parts = self._parts
        parts.refresh(op, self.now_ns, self.thread, self.query)
        rows = data[at:end]
        offset: i64 = 0
        row: i64 = 0
        if self.row_table is not None:
            offset = self.row_offset
            row = self.row_index
            self.row_table = None
        index = table.index
        out = self.out
        tombstones = op == DELETE and self._tombstones
        self._untimed += 1
        began = perf_counter() if self._untimed == TIMED_EVERY else 0.0
        encoded = encoder.encode(op, rows, offset, row, before, parts.rest, parts.tail)
        if self._untimed == TIMED_EVERY:
            self._untimed = 0
            self.encode_s += TIMED_EVERY * (perf_counter() - began)
        if encoder.moved:
            self._take_moved(index, encoder, encoded)
        else:
            for key, value in encoded:
                out.append((index, key, value))
                if tombstones:
                    out.append((index, key, None))
        if encoder.next_offset < len(rows):
            self.row_table = table
            self.row_offset = encoder.next_offset
            self.row_index = encoder.next_row
            return False
        return True

    def _take_moved(self, index: int, encoder: RowEncoder, encoded: Encoded) -> None:
        """Take the records of an update that changed keys: of such rows a delete, its tombstone and a create."""
        out = self.out
        marks = self.marks
        at = 0
        for place, old_text, new_text in encoder.moved:
            for key, value in encoded[at:place]:
                out.append((index, key, value))
            key, value = encoded[place]
            marks.append((len(out), NEW_KEY, new_text))
            out.append((index, key, value))
            if self._tombstones:
                marks.append((len(out), NEW_KEY, new_text))
                out.append((index, key, None))
            key, value = encoded[place + 1]
            marks.append((len(out), OLD_KEY, old_text))
            out.append((index, key, value))
            at = place + 2
        for key, value in encoded[at:]:
            out.append((index, key, value))
