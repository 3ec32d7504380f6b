"""Binlog events into source transactions: what is a row, what is an end, where we stand.

The position moves only at the end of a source transaction: XID or COMMIT of a transactional engine, ROLLBACK of a
non-transactional one, XA PREPARE, DDL. An event outside these that we do not know is an error of the decoder, never
a step forward.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Protocol

from faust_cdc.binlog.events import (
    BinlogEvent,
    FormatDescriptionEvent,
    GtidEvent,
    HeartbeatEvent,
    IgnorableEvent,
    IncidentEvent,
    PreviousGtidsEvent,
    QueryEvent,
    RotateEvent,
    RowsEvent,
    RowsQueryEvent,
    TableMapEvent,
    TransactionPayloadEvent,
    XaPrepareEvent,
    XidEvent,
)
from faust_cdc.binlog.reader import BinlogReader
from faust_cdc.errors import FatalError, InternalError
from faust_cdc.mysql.positions import GtidSet, MariaDbGtidSet
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.statements import changes_system_table, first_words, is_change, readable, truncated_table
from faust_cdc.pipeline.transaction_metadata import OpenTransaction, TransactionTopic
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

NO_BEARING = (FormatDescriptionEvent, HeartbeatEvent, IgnorableEvent, PreviousGtidsEvent, TableMapEvent,
              TransactionPayloadEvent)  # fmt: skip


@dataclass(slots=True)
class SourceTransaction:
    """The MySQL transaction being read."""

    gtid: str | None
    commit_us: int | None
    """Original commit time in microseconds since the epoch, where the server says so."""
    thread_id: int | None = None
    is_group: bool = False
    """More events follow until an end; else DDL ends it. BEGIN says so, or MariaDB's GTID, which stands for BEGIN."""
    query: str | None = None
    """With `include.query`: the SQL text of the rows that follow, until their statement ends."""
    metadata: OpenTransaction | None = None
    """With `provide.transaction.metadata`; None for XA and for single DDL statements, as in Debezium."""


class EventSource(Protocol):
    """Where the events of a dump go, some at a time."""

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""

    def step(self, timeout_ms: int) -> bool:
        """Handle what has come, or wait up to `timeout_ms` for it; False when nothing came."""


class StreamingSource:
    """Feeds rows to the writer and the position to the offset."""

    def __init__(
        self,
        server_block: SourceInfo,
        start: SourceOffset,
        gtids: GtidSet | MariaDbGtidSet | None,
        dispatcher: Dispatcher,
        cache: TranscoderCache,
        writer: TransactionWriter,
        transaction_topic: TransactionTopic | None = None,
        include_query: bool = False,
    ) -> None:
        self._block = server_block
        self._dispatcher = dispatcher
        self._cache = cache
        self._writer = writer
        self._transaction_topic = transaction_topic
        self._include_query = include_query
        self._gtids = gtids
        self._file, self._pos = start.file, start.pos
        self._ts_sec, self._server_id = start.ts_sec, start.server_id
        self.open: SourceTransaction | None = None
        """The source transaction being read."""
        self.source_ts_ms = 0
        """Commit time of the last complete source transaction, in milliseconds since the epoch."""

    def passed(
        self, pos: int, ts_sec: int, server_id: int, source_ts_ms: int, gtids: list[tuple[str, int, int]]
    ) -> None:
        """Note that source transactions were handled elsewhere, the last one up to `pos` of the present file.

        `gtids` are theirs: (source, first, last), a source being what stands before a GTID's number.
        """
        self._pos, self._ts_sec, self._server_id, self.source_ts_ms = pos, ts_sec, server_id, source_ts_ms
        if isinstance(self._gtids, GtidSet):
            for source, first, last in gtids:
                self._gtids = self._gtids.union(GtidSet.parse(f"{source}:{first}-{last}"))
        elif self._gtids is not None:
            for source, _, last in gtids:
                self._gtids = self._gtids.add(f"{source}-{last}")

    def one_row(self, event: RowsEvent, offset: int, index: int) -> tuple[list[ChangeRecord], int]:
        """Return the records of one row of an event, and where the next row begins."""
        transaction = self.open
        if transaction is None:
            raise InternalError(f"{event.header.file}:{event.header.pos}: a row outside a transaction.")
        return self._dispatcher.one_row(event, self._source_block(event, transaction), offset, index)

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""
        return self.open is not None

    def offset(self) -> SourceOffset:
        """Return where a restart would go on: the end of the last complete source transaction."""
        gtids = None if self._gtids is None else str(self._gtids)
        return SourceOffset(self._file, self._pos, gtids, self._ts_sec, self._server_id)

    def handle(self, event: BinlogEvent) -> None:
        """Take one event. Raises TableError for rows that cannot be written, FatalError when events are lost."""
        if isinstance(event, RowsEvent):
            self._rows(event)
        elif isinstance(event, GtidEvent):
            group = self._block.connector == "mariadb" and not event.standalone
            self.open = SourceTransaction(event.gtid, event.original_commit_us, is_group=group)
            if group:
                self._announce(event, self.open)
        elif isinstance(event, QueryEvent):
            self._query(event)
        elif isinstance(event, XidEvent | XaPrepareEvent):
            self._end(event)
        elif isinstance(event, RowsQueryEvent):
            if self.open is not None and self._include_query:
                self.open.query = event.query
        elif isinstance(event, RotateEvent):
            self._rotate(event)
        elif isinstance(event, IncidentEvent):
            raise FatalError(
                f"{event.header.file}:{event.header.pos}: the server reports lost events (INCIDENT "
                f"{event.incident}: {event.message}); changes are missing from its binlog.",
                remedy="take a new snapshot: stop the connector, delete its offset, resume",
            )
        elif not isinstance(event, NO_BEARING):
            raise InternalError(f"No rule for {type(event).__name__} at {event.header.file}:{event.header.pos}.")

    def _rotate(self, event: RotateEvent) -> None:
        if event.artificial and event.next_pos <= 4 and event.next_file == self._file:
            return  # the dump's opening: we know better where in this file we stand
        if self.open is None:
            self._file, self._pos = event.next_file, event.next_pos

    def _rows(self, event: RowsEvent) -> None:
        transaction = self.open
        if transaction is None:
            # Non-transactional rows of old servers come without GTID event; they end with COMMIT all the same.
            transaction = self.open = SourceTransaction(None, None)
        block = self._source_block(event, transaction)
        for record in self._dispatcher.records(event, block, transaction.metadata):
            self._writer.write(record)
        if event.end_of_statement:
            transaction.query = None

    def _source_block(self, event: BinlogEvent, transaction: SourceTransaction) -> SourceInfo:
        return self._block.at(
            ts_us=source_time_us(event, transaction),
            server_id=event.header.server_id,
            gtid=transaction.gtid,
            file=event.header.file,
            pos=event.header.pos,
            thread=transaction.thread_id,
            query=transaction.query,
        )

    def _query(self, event: QueryEvent) -> None:
        statement = readable(event.query)
        word, second = first_words(statement)
        if word == "begin" or (word, second) in (("start", "transaction"), ("xa", "start")):
            if self.open is None:
                self.open = SourceTransaction(None, None)
            self.open.is_group = True
            if word == "xa":  # rows of XA transactions have neither thread nor metadata, in Debezium's events too
                self.open.metadata = None
            else:
                self.open.thread_id = event.thread_id
                self._announce(event, self.open)
        elif word in ("commit", "rollback") and second != "to":
            self._end(event)
        elif word in ("savepoint", "rollback") or (word == "xa" and second == "end"):
            return
        elif word == "xa":  # XA COMMIT / XA ROLLBACK are transactions of their own
            if self.open is not None:
                self.open.metadata = None
            self._end(event)
        elif is_change(word, self.open is not None and self.open.is_group):
            self._statement_rows(event, statement, word)
        else:
            # Never the text: MariaDB writes the password of CREATE USER into its binlog in clear.
            log.info("DDL at %s:%s: %s %s …", event.header.file, event.header.pos, word.upper(), second.upper())
            table_id = truncated_table(statement, event.database)
            if table_id is None:
                self._cache.invalidate(event.query)
            else:
                self._truncate(event, table_id)  # the structure stays
            # Inside a transaction (CREATE TABLE … SELECT) the rows and the XID are still to come.
            if self.open is None or not self.open.is_group:
                self._end(event)

    def _announce(self, event: BinlogEvent, transaction: SourceTransaction) -> None:
        """Let the transaction that begins with `event` have metadata."""
        if self._transaction_topic is None or transaction.metadata is not None:
            return
        name = transaction.gtid or f"file={event.header.file},pos={event.header.pos}"
        ts_ms = source_time_us(event, transaction) // 1000
        transaction.metadata = OpenTransaction(self._transaction_topic, name, ts_ms, self._writer.write)

    def _truncate(self, event: QueryEvent, table_id: TableId) -> None:
        transaction = self.open or SourceTransaction(None, None)
        source = self._source_block(event, transaction)
        # A statement's time is good to the millisecond in Debezium's events, whatever the GTID event says.
        record = self._dispatcher.truncation(
            table_id, replace(source, ts_us=source.ts_ms * 1000, ts_ns=source.ts_ms * 1_000_000)
        )
        if record is not None:
            self._writer.write(record)

    def _statement_rows(self, event: QueryEvent, statement: str, word: str) -> None:
        if changes_system_table(statement, event.database):
            log.debug("Change of a system table at %s:%s", event.header.file, event.header.pos)
            return
        raise FatalError(
            f"{event.header.file}:{event.header.pos}: a change ({word.upper()} …) in database {event.database!r} was "
            "logged as a statement, expected row images.",
            remedy="set binlog_format=ROW globally and for all sessions, then take a new snapshot of the table",
        )

    def _end(self, event: BinlogEvent) -> None:
        transaction, self.open = self.open, None
        header = event.header
        self._file, self._pos = header.file, header.end_pos
        self._server_id = header.server_id
        self._ts_sec = header.timestamp
        self.source_ts_ms = header.timestamp * 1000
        if transaction is not None:
            if transaction.commit_us is not None:
                self.source_ts_ms = transaction.commit_us // 1000
            if transaction.gtid is not None and self._gtids is not None:
                self._gtids = self._gtids.add(transaction.gtid)
            if transaction.metadata is not None:
                transaction.metadata.end(source_time_us(event, transaction) // 1000)
        self._writer.end_source_transaction(self.offset)


class SingleEvents:
    """One event at a time, all of them the long way."""

    def __init__(self, stream: StreamingSource, reader: BinlogReader) -> None:
        self._stream = stream
        self._reader = reader

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""
        return self._stream.in_transaction

    def step(self, timeout_ms: int) -> bool:
        """Handle one event, or wait up to `timeout_ms` for it; False when none came."""
        event = self._reader.next_event(timeout_ms)
        if event is not None:
            self._stream.handle(event)
        return event is not None


def source_time_us(event: BinlogEvent, transaction: SourceTransaction) -> int:
    """Return when the source committed, µs since the epoch; without GTIDs the event's own time, good to a second."""
    if transaction.commit_us is None or transaction.gtid is None:
        return event.header.timestamp * 1_000_000
    return transaction.commit_us
