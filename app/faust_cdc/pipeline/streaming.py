"""Binlog events into source transactions: what is a row, what is an end, where we stand.

The position moves only at the end of a source transaction: XID or COMMIT of a transactional engine, ROLLBACK of a
non-transactional one, XA PREPARE (its rows wait for XA COMMIT, see `prepared`), DDL. An event outside these that we do
not know is an error of the decoder, never a step forward.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

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
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.ddl_reading import Reading
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.held_rows import HeldRows
from faust_cdc.pipeline.prepared import PreparedTransactions, Xid
from faust_cdc.pipeline.resume import ALL_ROWS, NEVER_SPLIT, SERVER, TRANSACTION_ID, Resume
from faust_cdc.pipeline.savepoints import Rollbacks, Savepoints
from faust_cdc.pipeline.source_transaction import SourceTransaction
from faust_cdc.pipeline.stages import Stages
from faust_cdc.pipeline.statements import changes_system_table, first_words, is_change, readable
from faust_cdc.pipeline.transaction_metadata import OpenTransaction, TransactionTopic
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import TableId
from faust_cdc.signals.source_channel import SourceChannel
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

NO_BEARING = (FormatDescriptionEvent, HeartbeatEvent, IgnorableEvent, PreviousGtidsEvent, TableMapEvent,
              TransactionPayloadEvent)  # fmt: skip

FindPrepared = Callable[[Xid, BinlogPosition], Iterator[BinlogEvent]]
"""(xid, place of its XA COMMIT) → the events that prepared it, read again. See `PreparedSearch.events`."""


def nowhere(xid: Xid, decision: BinlogPosition) -> Iterator[BinlogEvent]:
    """Find no prepared transaction: for streams that begin where none is undecided. Raises FatalError."""
    raise FatalError(f"XA COMMIT {xid} at {decision}: its rows were prepared before the stream began.")


class EventSource(Protocol):
    """Where the events of a dump go, some at a time."""

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""

    @property
    def position(self) -> BinlogPosition:
        """The end of the last event."""

    def step(self, timeout_ms: int) -> bool:
        """Handle what has come, or wait up to `timeout_ms` for it; False when nothing came."""

    def step_one(self, timeout_ms: int) -> bool:
        """Handle one event, or wait up to `timeout_ms` for it; False when none came."""

    def split(self) -> SourceOffset | None:
        """Return the offset of the place inside the open transaction up to which all is written, to be committed.

        None where the transaction must stay whole.
        """


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
        find_prepared: FindPrepared = nowhere,
        publish_at_prepare: bool = False,
        rollbacks: Rollbacks | None = None,
        server: str = "",
        signals: SourceChannel | None = None,
    ) -> None:
        """`server` names the source in offsets inside a transaction."""
        self.signals = signals
        """Takes the rows of signal tables as they pass."""
        self._block = server_block
        self._dispatcher = dispatcher
        self._cache = cache
        self._writer = writer
        self._transaction_topic = transaction_topic
        self._include_query = include_query
        self._find_prepared = find_prepared
        self._publish_at_prepare = publish_at_prepare
        """Rows of XA transactions as Debezium has them: written at PREPARE, whatever the decision."""
        self._prepared = PreparedTransactions()
        self._rollbacks = Rollbacks() if rollbacks is None else rollbacks
        self._gtids = gtids
        self._file, self._pos = start.file, start.pos
        self._ts_sec, self._server_id = start.ts_sec, start.server_id
        self._server = server
        self.snapshot: str | None = None
        """The mark of an unfinished snapshot in offsets."""
        self.about_snapshot: Callable[[], Mapping[str, str]] = dict
        """What offsets tell of an incremental snapshot under way."""
        self.edge: Callable[[BinlogPosition], None] = _ignore
        """Called at the end of every source transaction, or of the last one of some that were read together."""
        self.on_signals: Callable[[], None] = _nothing
        """Called where signals are due, before the edge, where their transaction's end may be committed."""
        self.awaited = dispatcher.awaited
        """See `Dispatcher.awaited`."""
        self.relearn: Callable[[], None] = _nothing
        """Called when `awaited` is another."""
        self.on_rerouted: Callable[[Callable[[TableId], bool]], None] = _ignore
        """Called with what says of a table that its records go another way from this edge on."""
        self.on_ddl: Callable[[str, Reading], None] = _ignore
        """Called with a statement that may change a table, and what it does, before the edge behind it."""
        self.on_statement: Callable[[QueryEvent, str, Reading, Mapping[str, Any], SourceInfo], None] = _ignore
        """Called before that: (event, statement, what it does, map of its history line's offset, its source block)."""
        self._resume = Resume(start) if start.event or start.row else None
        self._is_in_parts = False
        """A part of the open transaction is committed."""
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
        self._is_in_parts = False
        if isinstance(self._gtids, GtidSet):
            for source, first, last in gtids:
                self._gtids = self._gtids.add_range(source, first, last)
        elif self._gtids is not None:
            for source, _, last in gtids:
                self._gtids = self._gtids.add(f"{source}-{last}")

    def one_row(self, event: RowsEvent, offset: int, index: int) -> int:
        """Write the records of the row `index` of an event, which begins at `offset`; return where the next begins."""
        transaction = self.open
        if transaction is None:
            raise InternalError(f"{event.header.file}:{event.header.pos}: a row outside a transaction.")
        block = self._source_block(event, transaction)
        records, after = self._dispatcher.one_row(event, block, offset, index, transaction.metadata)
        write = self._writer.write if transaction.held is None else transaction.held.write
        for record in records:
            write(record)
        return after

    def at_edge(self) -> None:
        """Tell that the stream stands behind the last complete source transaction."""
        self.edge(BinlogPosition(self._file, self._pos))

    @property
    def lane_may_begin(self) -> bool:
        """False while groups are known that end with ROLLBACK, whose rows must be held, or are partly written."""
        return not self._rollbacks and self._resume is None

    @property
    def is_resuming(self) -> bool:
        """True while a transaction that is partly written is to come, or its written part is being passed over."""
        return self._resume is not None

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""
        return self.open is not None

    def offset(self) -> SourceOffset:
        """Return where a restart would go on: the end of the last complete source transaction."""
        gtids = None if self._gtids is None else str(self._gtids)
        offset = SourceOffset(
            self._file,
            self._pos,
            gtids,
            self._ts_sec,
            self._server_id,
            snapshot=self.snapshot,
            extra=dict(self.about_snapshot()),
        )
        resume = self._resume
        if resume is None:
            return offset
        return replace(offset, event=resume.event, row=resume.row, extra=offset.extra | resume.extra)

    def split(self) -> SourceOffset | None:
        """Return the offset of this place inside the open transaction; see `EventSource.split`."""
        transaction = self.open
        if transaction is None or transaction.held is not None or transaction.events <= 0 or self.is_resuming:
            return None
        if not self._is_in_parts:
            log.info("The transaction at %s:%d is large: committing it in parts", *transaction.begin)
        self._is_in_parts = True
        offset = self.offset()
        extra = offset.extra | {SERVER: self._server}
        if transaction.gtid is not None and self._gtids is not None:
            extra[TRANSACTION_ID] = transaction.gtid
        return replace(offset, event=transaction.events, extra=extra)

    def close(self) -> None:
        """Let go of what is kept of undecided XA transactions; it is read again when it is needed."""
        self._prepared.close()
        self._close_open()

    def _close_open(self) -> None:
        if self.open is not None and self.open.held is not None:
            self.open.held.close()

    def handle(self, event: BinlogEvent) -> None:
        """Take one event. Raises TableError for rows that cannot be written, FatalError when events are lost."""
        self._take(event)
        if self.open is not None and self.open.is_group:
            self._count(self.open)

    def _count(self, transaction: SourceTransaction) -> None:
        transaction.events += 1
        if self._resume is None:
            return
        if transaction.events in (1, NEVER_SPLIT + 1) and self._resume.enter(transaction.gtid):
            self._is_in_parts = True
            if transaction.metadata is not None:
                transaction.metadata.begun = True
        self._resume.pass_event()
        if self._resume.is_done:
            self._resume = None

    def _take(self, event: BinlogEvent) -> None:
        if isinstance(event, RowsEvent):
            self._rows(event)
        elif isinstance(event, GtidEvent):
            group = self._block.connector == "mariadb" and not event.standalone
            begin = (event.header.file, event.header.pos)
            self.open = SourceTransaction(
                event.gtid, event.original_commit_us, is_group=group, begin=begin, is_undone=event.is_undone
            )
            if begin in self._rollbacks:
                self.open.held = HeldRows()
            if event.xa_prepared:
                self._hold_xa(self.open)
            elif group:
                self._announce(event, self.open)
        elif isinstance(event, QueryEvent):
            self._query(event)
        elif isinstance(event, XidEvent):
            self._end(event)
        elif isinstance(event, XaPrepareEvent):
            self._prepare(event)
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
        if self.signals is not None:
            self.signals.read(event, is_held=transaction.held is not None)
        block = self._source_block(event, transaction)
        if transaction.held is None:
            write, transaction.written = self._writer.write, True
        else:
            write = transaction.held.write
        first = 0 if self._resume is None else self._resume.first_row()
        if first != ALL_ROWS or transaction.metadata is not None:  # rows passed over have their places all the same
            for record in self._dispatcher.records(event, block, transaction.metadata, first, is_xa=transaction.is_xa):
                write(record)
        if event.end_of_statement:
            transaction.query = None

    def _source_block(self, event: BinlogEvent, transaction: SourceTransaction | None) -> SourceInfo:
        transaction = transaction or SourceTransaction(None, None)
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
                self.open = SourceTransaction(None, None, begin=(event.header.file, event.header.pos))
            self.open.is_group = True
            if word == "xa":  # rows of XA transactions have neither thread nor metadata, in Debezium's events too
                self.open.metadata = None
                self.open.events = NEVER_SPLIT
                self._hold_xa(self.open)
            else:
                self.open.thread_id = event.thread_id
                self._announce(event, self.open)
        elif word == "commit" or (self.open is not None and self.open.is_undone):
            self._end(event)
        elif word in ("savepoint", "rollback"):
            self._roll_back(event, statement, word, second)
        elif word == "xa" and second == "end":
            return
        elif word == "xa":  # XA COMMIT / XA ROLLBACK are transactions of their own
            if self.open is not None:
                self.open.metadata = None
            self._decide(event, statement, committed=second == "commit")
            self._end(event)
        elif is_change(word, self.open is not None and self.open.is_group):
            self._statement_rows(event, statement, word)
        else:
            # Never the text: MariaDB writes the password of CREATE USER into its binlog in clear.
            log.info("DDL at %s:%s: %s %s …", event.header.file, event.header.pos, word.upper(), second.upper())
            reading = self._cache.read(event)
            table_id = None if reading.parsed is None else reading.parsed.truncated()
            if table_id is None:  # before it is written down anywhere
                self._cache.foresee(event, reading, f"{word.upper()} {second.upper()}", self._writer.commit)
            block = self._source_block(event, self.open)
            self.on_statement(event, statement, reading, self._place_of(event), block)
            if table_id is not None:
                self._truncate(event, table_id)  # the structure stays
            self.on_ddl(statement, reading)
            # Inside a transaction (CREATE TABLE … SELECT) the rows and the XID are still to come.
            if self.open is None or not self.open.is_group:
                self._end(event)

    def _place_of(self, event: QueryEvent) -> dict[str, Any]:
        """Return the offset of a statement's line in the history: the GTIDs before it, the position behind it."""
        header = event.header
        gtids = None if self._gtids is None else str(self._gtids)
        transaction = self.open
        if transaction is not None and transaction.is_group:  # as inside any transaction: its beginning and a count
            file, pos = self._file, self._pos
            count = max(transaction.events, 1)
            return SourceOffset(file, pos, gtids, header.timestamp, header.server_id, event=count).to_map()
        return SourceOffset(header.file, header.end_pos, gtids, header.timestamp, header.server_id).to_map()

    def _roll_back(self, event: QueryEvent, statement: str, word: str, second: str) -> None:
        """SAVEPOINT, ROLLBACK TO and ROLLBACK of a group: see `savepoints`."""
        transaction = self.open
        if word == "rollback" and second != "to":
            if transaction is not None:
                self._check_whole(event, transaction)
                if self.signals is not None:
                    self.signals.forget_transaction()
                self._rollbacks.drop_all(transaction.begin, transaction.held, transaction.written)
                if transaction.metadata is not None:
                    transaction.metadata.count_again_from((0, {}))
            self._end(event)
            return
        if transaction is None:
            return
        if transaction.savepoints is None:
            transaction.held = transaction.held or HeldRows()
            transaction.savepoints = Savepoints(transaction.held, transaction.metadata)
        if word == "savepoint":
            transaction.savepoints.set(statement)
        else:
            transaction.savepoints.roll_back_to(statement, f"{event.header.file}:{event.header.pos}")

    def _check_whole(self, event: QueryEvent, transaction: SourceTransaction) -> None:
        if self._is_in_parts:
            raise FatalError(
                f"The transaction at {transaction.begin[0]}:{transaction.begin[1]} ends with ROLLBACK at "
                f"{event.header.file}:{event.header.pos}, and rows of it are committed: it was too large to be "
                "committed whole.",
                remedy="raise transaction.part.max.bytes above its size and take a new snapshot of its tables",
            )

    def _hold_xa(self, transaction: SourceTransaction) -> None:
        if not self._publish_at_prepare:
            transaction.held, transaction.is_xa = transaction.held or HeldRows(), True

    def _prepare(self, event: XaPrepareEvent) -> None:
        """XA PREPARE, and XA COMMIT … ONE PHASE, which MySQL logs as a PREPARE that is a commit."""
        transaction = self.open
        if transaction is not None and transaction.held is not None and not event.one_phase:
            self._prepared.keep(Xid(event.format_id, event.gtrid, event.bqual), transaction.held)
            transaction.held = None
        self._end(event)

    def _decide(self, event: QueryEvent, statement: str, *, committed: bool) -> None:
        """XA COMMIT writes the rows that its PREPARE left, XA ROLLBACK drops them."""
        transaction = self.open
        if self._publish_at_prepare or transaction is None:
            return
        xid = Xid.of_statement(statement)
        if not committed:
            self._prepared.drop(xid)
            if transaction.held is not None:  # decided where it was begun: never prepared
                transaction.held.close()
                transaction.held = None
        elif transaction.held is None:
            place = BinlogPosition(event.header.file, event.header.pos)
            transaction.held = self._prepared.take(xid) or self._read_again(xid, self._find_prepared(xid, place))
            transaction.is_xa = True

    def _read_again(self, xid: Xid, events: Iterator[BinlogEvent]) -> HeldRows:
        # The search may take long; what is complete need not wait, and a Kafka transaction must not grow old.
        self._writer.commit()
        outer, self.open = self.open, None
        resume, self._resume = self._resume, None  # it counts events of what is to come, not of what was before
        try:
            for event in events:
                if isinstance(event, XaPrepareEvent):
                    break
                self.handle(event)
            found, self.open = self.open, None
        finally:
            self._close_open()
            self.open, self._resume = outer, resume
        if found is None or found.held is None:
            raise InternalError(f"The events that prepared XA transaction {xid} are no such transaction.")
        log.info("XA transaction %s: %d records read again", xid, found.held.count)
        return found.held

    def _announce(self, event: BinlogEvent, transaction: SourceTransaction) -> None:
        """Let the transaction that begins with `event` have metadata."""
        if self._transaction_topic is None or transaction.metadata is not None:
            return
        name = transaction.gtid or f"file={event.header.file},pos={event.header.pos}"
        ts_ms = source_time_us(event, transaction) // 1000
        transaction.metadata = OpenTransaction(self._transaction_topic, name, ts_ms, self._writer.write)

    def _truncate(self, event: QueryEvent, table_id: TableId) -> None:
        source = self._source_block(event, self.open)
        # A statement's time is good to the millisecond in Debezium's events, whatever the GTID event says.
        at_statement = replace(source, ts_us=source.ts_ms * 1000, ts_ns=source.ts_ms * 1_000_000)
        for record in self._dispatcher.truncation(table_id, at_statement):
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
        self._is_in_parts = False
        if self._resume is not None and self._resume.leave(f"{event.header.file}:{event.header.pos}"):
            self._resume = None
        if transaction is not None and transaction.held is not None:
            held = transaction.held.records()
            for record in self._dispatcher.decided(held) if transaction.is_xa else held:
                self._writer.write(record)
            transaction.held.close()
        if self.signals is not None:
            self.signals.end_transaction()
        header = event.header
        self._file, self._pos = header.file, header.end_pos
        self._server_id, self._ts_sec = header.server_id, header.timestamp
        self.source_ts_ms = header.timestamp * 1000
        source_us = header.timestamp * 1_000_000
        if transaction is not None:
            source_us = source_time_us(event, transaction)
            if transaction.commit_us is not None:
                self.source_ts_ms = transaction.commit_us // 1000
            if transaction.gtid is not None and self._gtids is not None:
                self._gtids = self._gtids.add(transaction.gtid)
            if transaction.metadata is not None:
                transaction.metadata.end(source_us // 1000)
        self._writer.end_source_transaction(self.offset, source_us=source_us)
        if self.signals:
            self.on_signals()
        self.at_edge()


def _ignore(*_: object) -> None:
    """Do nothing."""


def _nothing() -> None:
    """Do nothing."""


class SingleEvents:
    """One event at a time, all of them the long way."""

    def __init__(self, stream: StreamingSource, reader: BinlogReader, stages: Stages) -> None:
        self._stream = stream
        self._reader = reader
        self._stages = stages

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""
        return self._stream.in_transaction

    @property
    def position(self) -> BinlogPosition:
        """The end of the last event."""
        return self._reader.decoder.position

    def step(self, timeout_ms: int) -> bool:
        """Handle one event, or wait up to `timeout_ms` for it; False when none came."""
        return handle_next(self._stream, self._reader, self._stages, timeout_ms) is not None

    step_one = step

    def split(self) -> SourceOffset | None:
        """Return the offset of this place inside the open transaction; see `EventSource.split`."""
        return self._stream.split()


def handle_next(stream: StreamingSource, reader: BinlogReader, stages: Stages, timeout_ms: int) -> BinlogEvent | None:
    """Handle one event the long way and return it; None when none came within `timeout_ms`."""
    stages.asked()
    if reader.is_between_packets and reader.window(timeout_ms) is None:
        return None
    stages.began()
    received = reader.received_bytes
    event = reader.next_event(timeout_ms)
    stages.decoded(waited=reader.received_bytes != received)
    if event is not None:
        stream.handle(event)
    stages.done()
    return event


def source_time_us(event: BinlogEvent, transaction: SourceTransaction) -> int:
    """Return when the source committed, µs since the epoch; without GTIDs the event's own time, good to a second."""
    if transaction.commit_us is None or transaction.gtid is None:
        return event.header.timestamp * 1_000_000
    return transaction.commit_us
