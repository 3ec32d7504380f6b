"""The stream on the fast lane: batches of records where the lane knows the way, single events where it does not.

The state of the stream has one owner at a time. Before an event goes the long way, what the lane has read is told to
the decoder and to the `StreamingSource`; after it, where that way ended is told to the lane. A row that is for the
reference transcoder (its key changes, its bytes are broken) is handled between two batches of its own event, so the
order of records stays that of the binlog.
"""

from __future__ import annotations

import time

from faust_cdc.binlog.events import BinlogEvent, QueryEvent, RowsEvent, TableMapEvent
from faust_cdc.binlog.reader import BinlogReader
from faust_cdc.errors import InternalError
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline import lane as lanes
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.dispatcher import NEW_KEY_HEADER, OLD_KEY_HEADER, DispatchRules
from faust_cdc.pipeline.lane import Lane, LaneTable
from faust_cdc.pipeline.lane_metadata import LaneMetadata
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.source_transaction import SourceTransaction
from faust_cdc.pipeline.streaming import StreamingSource, handle_next
from faust_cdc.pipeline.transaction_metadata import OpenTransaction, TransactionTopic
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.transcode.compiled.program import row_encoder
from faust_cdc.transcode.compiled.source import SourceHead
from faust_cdc.transcode.source_block import SourceInfo

_NO_DDL = ("BEGIN", "COMMIT", "SAVEPOINT", "ROLLBACK", "XA ")
"""Statements that leave every table as it is."""


class FastStream:
    """Feeds one dump to the lane and to the long way; same result as `StreamingSource` alone, event for event."""

    def __init__(
        self,
        stream: StreamingSource,
        reader: BinlogReader,
        cache: TranscoderCache,
        writer: TransactionWriter,
        rules: DispatchRules,
        block: SourceInfo,
        headers: Headers,
        metadata: TransactionTopic | None = None,
        include_query: bool = False,
    ) -> None:
        """With `metadata` and `include_query` as the options of these names; see `StreamingSource`."""
        self._stream = stream
        self._reader = reader
        self._cache = cache
        self._writer = writer
        self._stages = writer.stages
        self._headers = headers
        self._skip_unchanged = rules.skip_unchanged
        head = SourceHead(block.version, block.connector, block.name)
        mariadb = block.connector == "mariadb"
        self._metadata = None if metadata is None else LaneMetadata(metadata, writer.write)
        places = None
        if self._metadata is not None:
            places = self._metadata.places
        skipped = "".join(sorted(rules.skipped))
        self._lane = Lane(head, skipped, rules.tombstones_on_delete, mariadb, include_query, places)
        self._maps: dict[bytes, TableMapEvent] = {}
        self._awaited = stream.awaited
        stream.relearn = cache.on_forgotten = self._lane.known.clear
        self._to_lane()

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""
        return self._lane.open != lanes.CLOSED

    @property
    def position(self) -> BinlogPosition:
        """The end of the last event."""
        return BinlogPosition(self._lane.file.decode(), int(self._lane.pos))

    def step(self, timeout_ms: int) -> bool:
        """Handle what lies in the buffer, or wait up to `timeout_ms` for more; False when nothing came."""
        if not self._reader.is_between_packets:
            return self._long_way(timeout_ms)
        self._stages.asked()
        window = self._reader.window(timeout_ms)
        if window is None:
            return False
        self._stages.began()
        data, at, sequence = window
        lane = self._lane
        lane.now_ns = time.time_ns()
        stopped = lane.feed(data, at, sequence)
        self._write()
        while stopped and lane.row_table is not None:
            self._reference_row(data)
            stopped = lane.feed(data, lane.at, lane.sequence)
            self._write()
        self._reader.passed(lane.at, lane.sequence)
        self._stages.done(lane.encode_s)
        lane.encode_s = 0.0
        del data, window  # a packet of 16 MB, where what follows is a larger row
        return self._long_way(timeout_ms) if stopped else True

    def step_one(self, timeout_ms: int) -> bool:
        """Handle one event, the long way, or wait up to `timeout_ms` for it; False when none came."""
        return self._long_way(timeout_ms)

    def split(self) -> SourceOffset | None:
        """Return the offset of this place inside the open transaction; see `EventSource.split`."""
        if self._lane.open != lanes.FOREIGN:
            self._stream.open = self._open_transaction()
        return self._stream.split()

    def _write(self) -> None:
        """Produce the lane's records; those of complete source transactions are covered before the rest begins."""
        lane, writer = self._lane, self._writer
        count = len(lane.out)
        if not count and not lane.ended:
            return
        covered = int(lane.covered)
        if lane.ended:
            self._produce(0, covered)
            self._to_stream()
            writer.end_source_transaction(self._stream.offset, int(lane.ended), int(lane.end_ts_us))
            lane.ended = 0
            self._stream.at_edge()
            if covered < count and writer.is_full():
                writer.commit()
        self._produce(covered, count)
        lane.out = []
        lane.marks = []
        lane.covered = 0

    def _produce(self, start: int, stop: int) -> None:
        """Write some of the lane's records: alike ones together, those with headers of their own one by one."""
        lane, out = self._lane, self._lane.out
        if lane.held:
            self._hold(start, stop)
            return
        at = start
        for place, kind, text in lane.marks:
            if start <= place < stop:
                self._writer.write_rows(out, at, place, self._headers)
                self._writer.write(self._marked(out[place], kind, text))
                at = place + 1
        self._writer.write_rows(out, at, stop, self._headers)

    def _hold(self, start: int, stop: int) -> None:
        """Keep the rows of a transaction that is not decided; its BEGIN is written whatever becomes of them."""
        lane, transaction = self._lane, self._stream.open
        assert transaction is not None
        assert transaction.held is not None
        marks = {place: (kind, text) for place, kind, text in lane.marks}
        for place in range(start, stop):
            mark = marks.get(place)
            if mark is None:
                transaction.held.write(self._writer.record_of(lane.out[place], self._headers))
            elif mark[0] == lanes.BOUNDARY:
                self._writer.write(self._marked(lane.out[place], *mark))
            else:
                transaction.held.write(self._marked(lane.out[place], *mark))

    def _marked(self, produced: lanes.Produced, kind: int, text: bytes) -> ChangeRecord:
        if kind == lanes.BOUNDARY:
            assert self._metadata is not None
            _, key, value = produced
            return ChangeRecord(self._metadata.topic.topic, key, value, [])
        headers = [(NEW_KEY_HEADER if kind == lanes.NEW_KEY else OLD_KEY_HEADER, text), *self._headers]
        return self._writer.record_of(produced, headers)

    def _reference_row(self, data: bytes) -> None:
        """Handle the one row at which the lane stopped, then let it go on behind it."""
        lane = self._lane
        self._to_decoder()
        event = self._reader.peek_event(data, int(lane.at))
        if not isinstance(event, RowsEvent):
            raise InternalError(f"The fast lane stopped in a row of {type(event).__name__} at {lane.pos}.")
        lane.row_offset = self._stream.one_row(event, int(lane.row_offset), int(lane.row_index))
        lane.row_index += 1
        if self._metadata is not None and self._stream.open is not None:
            self._metadata.to_lane(self._stream.open.metadata)

    def _long_way(self, timeout_ms: int) -> bool:
        """Take one event as the `StreamingSource` does."""
        self._to_decoder()
        event = handle_next(self._stream, self._reader, self._stages, timeout_ms)
        if event is not None:
            self._learn(event)
        self._to_lane()
        return event is not None

    def _learn(self, event: BinlogEvent) -> None:
        """Let the lane handle what it may from now on."""
        if isinstance(event, RowsEvent):
            body = event.table_map.body
            if body not in self._lane.known:
                self._lane.known[body] = self._lane_table(event.table_map)
                self._maps[body] = event.table_map
        elif isinstance(event, QueryEvent) and not event.query.upper().startswith(_NO_DDL):
            self._lane.known.clear()
            self._maps.clear()

    def _lane_table(self, event: TableMapEvent) -> LaneTable:
        captured, columns = self._cache.for_table_map(event), len(event.columns)
        if captured is None:
            return LaneTable(-1, event.body, None, columns, b"", b"")
        topic = self._writer.topic_number(captured.topic, captured.id)
        encoder = row_encoder(captured.transcoder, event, self._skip_unchanged)
        database, table = captured.id.database.encode(), captured.id.table.encode()
        count = None if self._metadata is None else self._metadata.count_of(captured.id)
        signals = self._stream.signals
        is_foreign = (
            encoder is None
            or captured.is_row_wise
            or captured.id in self._awaited
            or (signals is not None and signals.is_signal_table(event))
        )
        return LaneTable(topic, event.body, encoder, columns, database, table, is_foreign, count)

    def _to_decoder(self) -> None:
        """Tell the long way what the lane has read."""
        lane = self._lane
        if lane.open == lanes.FOREIGN:
            return
        self._reader.decoder.passed(int(lane.pos), {i: self._maps[table.body] for i, table in lane.tables.items()})
        self._stream.open = self._open_transaction()

    def _open_transaction(self) -> SourceTransaction | None:
        lane = self._lane
        if lane.open == lanes.CLOSED:
            return None
        thread = None if lane.thread < 0 else int(lane.thread)
        query = None if lane.query is None else lane.query.decode()
        is_group = lane.open == lanes.GROUP
        events = int(lane.events) if is_group else 0
        known = self._stream.open
        if lane.adopted and known is not None:
            known.thread_id, known.query, known.is_group = thread, query, is_group
            known.written, known.events = lane.wrote, events
            known.metadata = self._metadata_of_lane(known.metadata)
            return known
        gtid = None if lane.gtid is None else lane.gtid.decode()
        commit_us = None if lane.commit_us < 0 else int(lane.commit_us)
        begin = (lane.file.decode(), int(lane.begin_pos))
        metadata, wrote = self._metadata_of_lane(None), lane.wrote
        return SourceTransaction(
            gtid, commit_us, thread, is_group, query, metadata, begin=begin, written=wrote, events=events
        )

    def _metadata_of_lane(self, known: OpenTransaction | None) -> OpenTransaction | None:
        return None if self._metadata is None else self._metadata.of_lane(known)

    def _to_stream(self) -> None:
        """Tell the long way which source transactions the lane has ended."""
        lane = self._lane
        gtids = [(source.decode(), first, last) for source, first, last in lane.ranges]
        lane.ranges = []
        self._stream.passed(
            int(lane.end_pos), int(lane.end_timestamp), int(lane.end_server_id), int(lane.end_ts_us) // 1000, gtids
        )

    def _to_lane(self) -> None:
        """Tell the lane where the long way ended."""
        lane, decoder, transaction = self._lane, self._reader.decoder, self._stream.open
        position = decoder.position
        lane.file, lane.pos = position.file.encode(), position.pos
        lane.checksum = bool(decoder.verifies_checksums)
        lane.tables = {}
        whole = True
        for number, event in decoder.table_maps.items():
            known = lane.known.get(event.body)
            if known is None:
                whole = False
            else:
                lane.tables[number] = known
        lane.is_wary = not self._stream.lane_may_begin
        if transaction is None:
            lane.open, lane.adopted, lane.held = lanes.CLOSED, False, False
            return
        # A transaction with signals ends on the long way, so that they are taken before the position moves on.
        has_signals = self._stream.signals is not None and self._stream.signals.is_open
        if not whole or has_signals or self._stream.is_resuming or decoder.verifies_checksums is None:
            lane.open = lanes.FOREIGN
            return
        lane.adopted, lane.held = True, transaction.held is not None
        lane.query = None if transaction.query is None else transaction.query.encode()
        if self._metadata is not None:
            self._metadata.to_lane(transaction.metadata)
        lane.open = lanes.GROUP if transaction.is_group else lanes.ANNOUNCED
        lane.begin_pos, lane.wrote, lane.events = transaction.begin[1], transaction.written, transaction.events
        lane.commit_us = -1 if transaction.commit_us is None else transaction.commit_us
        lane.thread = -1 if transaction.thread_id is None else transaction.thread_id
        lane.set_gtid(None if transaction.gtid is None else transaction.gtid.encode())
