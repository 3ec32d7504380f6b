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
from faust_cdc.kafka.producer import BatchRecord, Headers
from faust_cdc.pipeline import lane as lanes
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.dispatcher import DispatchRules
from faust_cdc.pipeline.lane import Lane, LaneTable
from faust_cdc.pipeline.streaming import SourceTransaction, StreamingSource, handle_next
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
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._cache = cache
        self._writer = writer
        self._stages = writer.stages
        self._headers = headers
        self._skip_unchanged = rules.skip_unchanged
        head = SourceHead(block.version, block.connector, block.name)
        mariadb = block.connector == "mariadb"
        self._lane = Lane(head, "".join(sorted(rules.skipped)), rules.tombstones_on_delete, mariadb)
        self._topics: list[str] = []
        self._indexes: dict[str, int] = {}
        self._maps: dict[bytes, TableMapEvent] = {}
        self._to_lane()

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""
        return self._lane.open != lanes.CLOSED

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
        return self._long_way(timeout_ms) if stopped else True

    def _write(self) -> None:
        """Produce the lane's records; those of complete source transactions are covered before the rest begins."""
        lane, writer = self._lane, self._writer
        out = lane.out
        if not out and not lane.ended:
            return
        covered = lane.covered
        if lane.ended:
            writer.write_batch(self._records(out[:covered]), self._headers)
            self._to_stream()
            writer.end_source_transaction(self._stream.offset, lane.ended, int(lane.end_ts_us))
            lane.ended = 0
            if covered < len(out) and writer.is_full():
                writer.commit()
        writer.write_batch(self._records(out[covered:] if covered else out), self._headers)
        lane.out = []
        lane.covered = 0

    def _records(self, produced: list[lanes.Produced]) -> list[BatchRecord]:
        topics = self._topics
        return [(topics[index], key, value) for index, key, value in produced]

    def _reference_row(self, data: bytes) -> None:
        """Handle the one row at which the lane stopped, then let it go on behind it."""
        lane = self._lane
        self._to_decoder()
        event = self._reader.peek_event(data, int(lane.at))
        if not isinstance(event, RowsEvent):
            raise InternalError(f"The fast lane stopped in a row of {type(event).__name__} at {lane.pos}.")
        lane.row_offset = self._stream.one_row(event, int(lane.row_offset), int(lane.row_index))
        lane.row_index += 1

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
        index = self._indexes.setdefault(captured.topic, len(self._topics))
        if index == len(self._topics):
            self._topics.append(captured.topic)
        encoder = row_encoder(captured.transcoder, event, self._skip_unchanged)
        database, table = captured.id.database.encode(), captured.id.table.encode()
        return LaneTable(index, event.body, encoder, columns, database, table, encoder is None)

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
        gtid = None if lane.gtid is None else lane.gtid.decode()
        commit_us = None if lane.commit_us < 0 else int(lane.commit_us)
        thread = None if lane.thread < 0 else int(lane.thread)
        begin = (lane.file.decode(), int(lane.begin_pos))
        return SourceTransaction(gtid, commit_us, thread, lane.open == lanes.GROUP, begin=begin, written=lane.wrote)

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
            lane.open = lanes.CLOSED
            return
        plain = transaction.metadata is None and transaction.query is None and transaction.held is None
        if not plain or not whole or decoder.verifies_checksums is None:
            lane.open = lanes.FOREIGN
            return
        lane.open = lanes.GROUP if transaction.is_group else lanes.ANNOUNCED
        lane.begin_pos, lane.wrote = transaction.begin[1], transaction.written
        lane.commit_us = -1 if transaction.commit_us is None else transaction.commit_us
        lane.thread = -1 if transaction.thread_id is None else transaction.thread_id
        lane.set_gtid(None if transaction.gtid is None else transaction.gtid.encode())
