"""One attempt of a task, from connecting to the end: preflight, offset, snapshot, stream.

The order matters: the producer is initialised (older owners are fenced, their transaction is decided) before the
offset is read, so that what is read can no longer change (see `faust_cdc.kafka.strong_read`).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from faust_cdc.binlog.reader import BinlogReader
from faust_cdc.config.snapshot_settings import LockingMode
from faust_cdc.errors import BinlogNotAvailable, GtidGap
from faust_cdc.kafka.clients import open_producer
from faust_cdc.kafka.strong_read import holds_records, read_last
from faust_cdc.kafka.task_producer import TaskProducer, owned
from faust_cdc.kafka.topics import TopicCreator
from faust_cdc.mysql.binlog_end import current_structures
from faust_cdc.mysql.chunk_session import has_visible_set
from faust_cdc.mysql.connection import ServerInfo, SourceAddress
from faust_cdc.mysql.snapshot_session import SnapshotSession
from faust_cdc.mysql.window_rows import WindowRows
from faust_cdc.notifications.notification import InitialNotices, signal_table_unusable
from faust_cdc.notifications.notifier import Notifier, notifier_of
from faust_cdc.offsets import SourceOffset, SourcePartition, murmur2_partition
from faust_cdc.offsets.incremental import without_incremental
from faust_cdc.pipeline.assembly import (
    Outlet,
    bad_rows_of,
    converters_of,
    ensure_data_topic,
    ledger_of,
    outlet_of,
    reselectors_of,
)
from faust_cdc.pipeline.captured import EnsureTopic, TranscoderCache
from faust_cdc.pipeline.connector_options import dispatch_rules, transcode_options
from faust_cdc.pipeline.control import ControlLinks
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.ddl_reading import DdlCounts, StatementReader
from faust_cdc.pipeline.dispatcher import ContextHeaders, Dispatcher
from faust_cdc.pipeline.evolution_assembly import evolution_of, schema_records_of
from faust_cdc.pipeline.heartbeat import ACTION_TIMEOUT_MS, Heartbeat, HeartbeatAction
from faust_cdc.pipeline.idle import beyond, stay_idle
from faust_cdc.pipeline.phase import Phase, PhaseMachine
from faust_cdc.pipeline.placed_structures import snapshot_at
from faust_cdc.pipeline.prepared_search import PreparedSearch
from faust_cdc.pipeline.rate_limiter import RateLimiter
from faust_cdc.pipeline.rerouting import Rerouting, rerouting_of
from faust_cdc.pipeline.savepoints import Rollbacks
from faust_cdc.pipeline.source_access import SourceAccess, dump_start
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.stages import Stages
from faust_cdc.pipeline.streaming import EventSource, SingleEvents, StreamingSource
from faust_cdc.pipeline.structure_ledger import StructureLedger
from faust_cdc.pipeline.structures import Structures
from faust_cdc.pipeline.throttle import ThrottledEvents
from faust_cdc.pipeline.transaction_metadata import TransactionTopic
from faust_cdc.pipeline.transaction_writer import CommitLimits, TransactionWriter
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import TableId
from faust_cdc.routing import topic_naming
from faust_cdc.signals.desk import CommandDesk
from faust_cdc.signals.source_channel import SourceChannel, unusable
from faust_cdc.snapshot.decision import SnapshotDecision, StartAt, Take, decide, offset_state
from faust_cdc.snapshot.initial import InitialSnapshot
from faust_cdc.snapshot.kindness import SourcePressure
from faust_cdc.snapshot.launch import SourceReads
from faust_cdc.snapshot.progress_log import ProgressLog
from faust_cdc.snapshot.snapshots import Snapshots
from faust_cdc.snapshot.tables import SnapshotTables
from faust_cdc.snapshot.told import SnapshotTold
from faust_cdc.transcode.compiled import is_compiled
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

SNAPSHOT_PART_AFTER = 0.6
"""The part of the Kafka transaction's time after which a snapshot commits what it has."""
PART_AFTER = 0.5
"""The same for a source transaction, which is then committed in parts."""
IDLE_WAIT_MS = 100
GATHERED_MS = 2
"""In front of a commit that is due in so long the wait is slept, or a part of it (`TransactionWriter.nap_ms`): what
comes meanwhile is then read at once, not piece by piece."""
OFFSET_ONLY_COMMIT_EVERY_S = 5.0


@dataclass(slots=True)
class Progress:
    """What the control plane may read while the task runs; written by the task thread only."""

    phase: Phase = Phase.CONNECTING
    records: int = 0
    source_transactions: int = 0
    kafka_transactions: int = 0
    bytes: int = 0
    snapshot_rows: int = 0
    """Of the snapshot that is under way or was the last one."""
    source_ts_ms: int = 0
    """Commit time of the last source transaction committed to Kafka, ms since the epoch."""
    offset: SourceOffset | None = None
    committed_at: float = field(default=0.0)
    ddl: DdlCounts = field(default_factory=DdlCounts)
    stages: Stages = field(default_factory=Stages)
    """Where the time goes, in this attempt like the counts above."""
    waiting_bytes: Callable[[], int] = int
    """Bytes produced that wait for a commit."""
    snapshot_taken: bool = False
    """An attempt has taken the snapshot of this start; `snapshot.mode=always` takes one a start, not one an attempt."""
    start_told: bool = False
    """Something is committed: how the task began is told, and is not told again when it connects again."""
    rollbacks: Rollbacks = field(default_factory=Rollbacks)
    """What attempts before found to be rolled back; no business of the control plane."""


@dataclass(frozen=True, slots=True)
class _Way:
    """What rows go through, in a snapshot and in the stream: to a transcoder, to records, to Kafka."""

    cache: TranscoderCache
    dispatcher: Dispatcher
    writer: TransactionWriter
    notifier: Notifier
    ledger: StructureLedger
    routing: Rerouting


class Coordinator:
    """Owns the connections of one attempt and drives it in the calling thread."""

    def __init__(
        self,
        spec: TaskSpec,
        run_id: str,
        stop: threading.Event,
        progress: Progress,
        on_streaming: Callable[[], None],
        links: ControlLinks | None = None,
    ) -> None:
        self._spec = spec
        self._config = spec.config
        self._stop = stop
        self._should_stop = stop.is_set
        self._progress = progress
        self._on_streaming = on_streaming
        self._links = links or ControlLinks()
        self._signal_tables = [TableId(*names) for names in spec.config.signals.data_collections]
        self._machine = PhaseMachine()
        self._ends_with_snapshot = False
        """The stream is there for the snapshot only, which is merged into it."""
        config = spec.config
        lists = (
            config.database_include_list,
            config.database_exclude_list,
            config.table_include_list,
            config.table_exclude_list,
        )
        self._lists, self._filter_with = tuple(one or "" for one in lists), partial(TableFilter, *lists)
        self._partition = SourcePartition(spec.connector, self._config.topic_prefix)
        self._source = SourceAccess(spec.config)
        self._address = self._source.address
        self._headers = ContextHeaders(self._config.topic_prefix, spec.task_id, self._config.flavor, run_id)
        self._naming = topic_naming(spec.config)
        progress.phase = self._machine.phase

    def run(self) -> None:
        """Run until asked to stop. Raises CdcError by what happens next; everything opened here is closed."""
        with contextlib.ExitStack() as stack:
            info = self._preflight_server()
            kafka = self._spec.client_config
            topics = TopicCreator(kafka)
            ensure_topic = partial(ensure_data_topic, self._config, topics)
            offset_topic = self._spec.offset_topic
            count = topics.ensure([offset_topic])[offset_topic.name]
            producer = stack.enter_context(owned(self._producer(), self._should_stop))
            key = self._partition.key()
            offset_partition = murmur2_partition(key, count)
            raw = read_last(kafka, offset_topic.name, offset_partition, key)
            stored = None if raw is None else SourceOffset.from_json(raw, f"Connector {self._spec.connector}")
            converters = converters_of(self._spec, self._stop, stack)
            headers = self._headers.as_headers()
            bad_rows = bad_rows_of(self._config, headers, converters, ensure_topic)
            outlet = self._outlet = outlet_of(self._config, converters, ensure_topic)
            converters = outlet.converters
            told = self._spec if outlet.records is None else replace(self._spec, table_schemas_topic=None)
            evolution = evolution_of(told, topics, self._partition, converters, outlet.ensure_topic)
            writer = self._writer(producer, offset_topic.name, offset_partition, outlet)
            stack.callback(setattr, self._progress, "waiting_bytes", int)
            ledger = ledger_of(self._spec, self._source, self._filter, outlet, headers, writer, stack)
            routing = rerouting_of(self._spec, self._naming, topics)
            cache = TranscoderCache(
                self._naming,
                replace(transcode_options(self._config), avro_names=self._spec.needs_avro_names),
                self._filter.accepts,
                Structures(self._source.list_tables, ledger.tables),
                converters,
                outlet.ensure_topic,
                self._source.read_tables,
                ledger.origin,
                outlet.route,
                evolution,
                StatementReader(self._source.ddl_context, ledger.charset, self._progress.ddl, self._source.read_tables),
                partial(current_structures, self._address, info),
                ledger.known,
                routing.routes,
                outlet.ensures_routed(routing.ensure),
            )
            ledger.on_change = cache.forget
            reselectors = reselectors_of(self._config)
            for reselector in reselectors:
                stack.callback(reselector.close)
            dispatcher = Dispatcher(cache, headers, dispatch_rules(self._config), bad_rows, reselectors)
            show, settings = self._links.show, outlet.routed_sink(self._config.notifications)
            notifier = notifier_of(settings, converters, outlet.ensure_topic, writer.write, show)
            ledger.notify = notifier.notify
            writer.with_commit = schema_records_of(told, topics, self._partition, evolution.schemas, notifier)
            way = _Way(cache, dispatcher, writer, notifier, ledger, routing)
            snapshots = stack.enter_context(self._snapshots(info, topics, way))
            offset, streams = self._begin(info, way, stored, snapshots)
            if not streams:
                self._stay_idle(way, stored)
            elif offset is not None and not self._should_stop():
                metadata = self._transaction_topic(converters, outlet.ensure_topic)
                self._stream(info, offset, way, metadata, self._heartbeat(converters, outlet.ensure_topic), snapshots)
                if self._ends_with_snapshot:
                    self._stay_idle(way, stored)
            self._move(Phase.STOPPED)

    def _begin(
        self, info: ServerInfo, way: _Way, stored: SourceOffset | None, snapshots: Snapshots
    ) -> tuple[SourceOffset | None, bool]:
        """Do what the snapshot mode asks for; return where the stream begins, and whether there is to be one.

        The place is None when the task was asked to stop, or when there is none.
        """
        settings, decision = self._config.snapshot, self._decide(stored)
        then = "the stream" if decision.stream else "no stream"
        log.info("Snapshot of %s, then %s (%s)", decision.take.value, then, decision.reason)
        if decision.start_at is StartAt.STORED:
            assert stored is not None, "without an offset the stream begins elsewhere"
            return self._begin_stored(way, stored, snapshots, decision), decision.stream
        if decision.start_at is StartAt.OLDEST:
            return way.ledger.begin(self._source.oldest_offset(info)) if decision.stream else None, decision.stream
        if not self._wait(settings.delay_ms, "snapshot.delay.ms"):
            return None, decision.stream
        offset, streams = None, decision.stream
        if settings.locking is LockingMode.WATERMARK:
            if decision.take is Take.DATA:
                offset = snapshots.begin(stored if stored is not None and self._source.is_readable(stored) else None)
                if offset is not None and offset is stored:  # it goes on
                    way.ledger.recover(offset)
                self._ends_with_snapshot, streams = offset is not None and not streams, streams or offset is not None
            else:
                offset = snapshots.place()
        if offset is None:
            offset = self._snapshot(info, way, snapshots, with_data=decision.take is Take.DATA)
        self._progress.snapshot_taken = offset is not None
        if decision.stream and offset is not None:
            self._wait(settings.streaming_delay_ms, "streaming.delay.ms")
        return offset, streams

    def _begin_stored(
        self, way: _Way, stored: SourceOffset, snapshots: Snapshots, decision: SnapshotDecision
    ) -> SourceOffset:
        """Go on at the stored offset; once in the task's life it is told that there is no initial snapshot."""
        if decision.stream:
            snapshots.take_over(stored, f"Connector {self._spec.connector}")
            if decision.take is Take.SCHEMA:
                way.ledger.snapshot(stored)
            else:
                way.ledger.recover(stored)
        if way.writer.has_records:  # structures
            way.writer.cover(lambda: stored)
        if not self._progress.start_told:
            way.notifier.notify(InitialNotices(self._config.topic_prefix).skipped())
            self._progress.start_told = not way.writer.has_records  # else when it is committed
            if not decision.stream and way.writer.has_records:
                way.writer.cover(lambda: stored)
                way.writer.commit()
        return replace(stored, snapshot=None, extra=without_incremental(stored.extra))

    def _decide(self, stored: SourceOffset | None) -> SnapshotDecision:
        settings, is_taken = self._config.snapshot, self._progress.snapshot_taken
        state = offset_state(stored)
        decision = decide(settings, state, is_taken=is_taken)
        if stored is None or not decision.needs_position:
            return decision
        try:
            self._source.ensure_readable(stored)
        except (BinlogNotAvailable, GtidGap) as lost:
            return decide(settings, state, lost, is_taken=is_taken)
        return decision

    def _wait(self, delay_ms: int, option: str) -> bool:
        """Wait as long as an option says; return whether to go on."""
        if delay_ms > 0:
            log.info("Waiting for %d ms (%s)", delay_ms, option)
        return not self._stop.wait(delay_ms / 1000)

    def _stay_idle(self, way: _Way, stored: SourceOffset | None) -> None:
        """Stay as a running task that has nothing to do."""
        self._move(Phase.IDLE)
        self._on_streaming()
        mode, queue = self._config.snapshot.mode.value, self._links.commands
        if not self._should_stop():
            log.info("snapshot.mode=%s asks for no stream: the task stays idle", mode)
        desk = CommandDesk(queue, SourceChannel((), way.cache), self._config.topic_prefix, way.notifier)
        stay_idle(self._stop, desk, queue, way.writer, stored, mode)

    def _transaction_topic(self, converters: Converters, ensure_topic: EnsureTopic) -> TransactionTopic | None:
        if not self._config.provide_transaction_metadata:
            return None
        return TransactionTopic(self._outlet.routed(self._naming.transaction_topic()), converters, ensure_topic)

    def _heartbeat(self, converters: Converters, ensure_topic: EnsureTopic) -> Heartbeat:
        config = self._config
        return Heartbeat(
            self._outlet.routed(self._naming.heartbeat_topic()),
            config.topic_prefix,
            config.heartbeat_interval_ms,
            converters,
            ensure_topic,
        )

    def _heartbeat_action(self) -> HeartbeatAction:
        return HeartbeatAction(SourceAddress.of(self._config, ACTION_TIMEOUT_MS), self._config.heartbeat_action_query)

    def _writer(self, producer: TaskProducer, topic: str, partition: int, outlet: Outlet) -> TransactionWriter:
        limits = CommitLimits(
            part_bytes_max=self._config.transaction_part_max_bytes,
            part_age_max_ms=PART_AFTER * self._spec.transaction_timeout_ms,
        )
        stages = self._progress.stages = Stages()
        writer = TransactionWriter(producer, self._partition, topic, partition, limits, stages, outlet.records)
        self._progress.waiting_bytes = lambda: writer.waiting_bytes
        return writer

    def _producer(self) -> TaskProducer:
        spec = self._spec
        timeout = {"transaction.timeout.ms": str(spec.transaction_timeout_ms)}
        config = {**spec.client_config, **spec.producer_config, **timeout}
        queue_max_bytes = self._config.max_queue_size_in_bytes or spec.producer_queue_max_bytes
        return open_producer(spec.producer_client, config, spec.transactional_id, queue_max_bytes, self._should_stop)

    def _preflight_server(self) -> ServerInfo:
        info, self._signal_tables = self._source.preflight(self._signal_tables)
        self._filter = self._filter_with(always=self._signal_tables)
        self._source.accepts = self._filter.accepts
        return info

    def _source_block(self) -> SourceInfo:
        return SourceInfo.for_server(connector=self._config.flavor, name=self._config.topic_prefix)

    def _snapshot(self, info: ServerInfo, way: _Way, snapshots: Snapshots, *, with_data: bool) -> SourceOffset | None:
        self._move(Phase.SNAPSHOTTING)
        part_after_ms = SNAPSHOT_PART_AFTER * self._spec.transaction_timeout_ms
        settings = self._config.snapshot
        timeout_s = max(1, settings.lock_timeout_ms // 1000)
        with SnapshotSession(self._address, info, timeout_s, settings.locking) as session:
            snapshot = InitialSnapshot(
                session,
                self._source_block(),
                way.cache,
                way.dispatcher,
                way.writer,
                self._should_stop,
                part_after_ms,
                settings,
                self._snapshot_tables(),
                is_compiled=self._spec.hot_path and is_compiled(),
                told=SnapshotTold(way.notifier, self._config.topic_prefix, self._signal_tables),
                on_taken=snapshots.taken,
                on_place=way.ledger.snapshot,
            )
            offset = snapshot.run(self._source.list_tables, self._source.read_tables, with_data)
        self._report(way.writer, int(time.time() * 1000), snapshot.rows)
        return offset

    def _snapshots(self, info: ServerInfo, topics: TopicCreator, way: _Way) -> Snapshots:
        topic = self._spec.snapshot_topic
        progress_log = ProgressLog(way.writer, topic.name, topics.ensure([topic])[topic.name], self._partition)
        reads = SourceReads(
            self._address,
            info,
            max(1, self._config.snapshot.lock_timeout_ms // 1000),
            readers=self._config.snapshot_max_threads,
            rows_per_chunk=self._config.snapshot_chunk_size,
            rows_per_incremental_chunk=self._config.incremental_chunk_size,
            is_compiled=self._spec.hot_path and is_compiled(),
            should_stop=self._should_stop,
            limiter=RateLimiter(self._config.snapshot_rate_limit),
            pressure=SourcePressure.of(self._config),
            windows=self._window_rows(info),
        )
        return Snapshots(
            reads,
            progress_log,
            progress_log.read(self._spec.client_config),
            way.cache,
            way.dispatcher,
            way.writer,
            self._source_block(),
            self._source.list_tables,
            self._source.read_tables,
            self._snapshot_tables(),
            self._config.snapshot,
            SNAPSHOT_PART_AFTER * self._spec.transaction_timeout_ms,
            way.notifier,
            self._lists,
            self._filter.accepts,
            partial(self._outlet.holding, partial(holds_records, self._spec.client_config)),
            partial(snapshot_at, way.ledger, self._source.read_tables, info.row_metadata_full, self._should_stop),
            self._signal_tables,
        )

    def _window_rows(self, info: ServerInfo) -> WindowRows | None:
        table = self._config.signals.window_table
        if table is None or has_visible_set(info):
            return None
        return WindowRows(TableId(*table), deletes=self._config.signals.deletes_windows)

    def _snapshot_tables(self) -> SnapshotTables:
        return SnapshotTables(self._config.snapshot, self._config.table_include_list, self._source.estimated_rows)

    def _stream(
        self,
        info: ServerInfo,
        offset: SourceOffset,
        way: _Way,
        metadata: TransactionTopic | None,
        heartbeat: Heartbeat,
        snapshots: Snapshots,
    ) -> None:
        start, writer = dump_start(info, offset), way.writer
        signals = self._source_channel(way, snapshots.windows)
        if writer.has_records:  # notifications
            writer.cover(lambda: offset)
        server_id, heartbeat_ms = self._config.database_server_id, self._spec.heartbeat_ms
        search = PreparedSearch(self._address, server_id, info, heartbeat_ms, self._should_stop)
        stream = StreamingSource(
            self._source_block(),
            offset,
            start.gtid_set,
            way.dispatcher,
            way.cache,
            writer,
            metadata,
            self._config.include_query,
            search.events,
            publish_at_prepare=self._config.compatible,
            rollbacks=self._progress.rollbacks,
            server=info.identity,
            signals=signals,
        )
        reader = BinlogReader(self._address, server_id, start, info, heartbeat_ms=heartbeat_ms)
        self._links.commands.begin_again()
        desk = self._desk(signals, way, stream)
        some, last_commit = False, time.monotonic()
        with contextlib.closing(self._heartbeat_action()) as action, contextlib.closing(stream), reader:
            source = self._events(stream, reader, way, metadata)
            desk.on_route = partial(way.routing.obey, way, stream)
            snapshots.join(stream)
            source = self._throttled(source, stream, writer, snapshots)
            stream.on_signals = partial(self._obey, desk, stream, writer, snapshots)
            self._progress.snapshot_rows = snapshots.rows
            self._move(Phase.STREAMING)
            self._on_streaming()
            while not self._should_stop() and not self._is_done(snapshots, writer):
                some = source.step(0 if some else self._rest(writer, snapshots.wait_ms))
                if not source.in_transaction:
                    snapshots.at_edge(source.position)
                    if writer.counters.kafka_transactions != self._progress.kafka_transactions:  # it may have committed
                        self._report(writer, stream.source_ts_ms, snapshots.rows)
                if desk and not source.in_transaction:
                    self._obey(desk, stream, writer, snapshots)
                if heartbeat.is_due and not source.in_transaction:
                    action.run()
                    writer.write(heartbeat.record())
                    writer.cover(stream.offset)
                due = (not some and writer.wait_ms == 0) or writer.has_gathered(stream.source_ts_ms) or writer.is_full()
                if not writer.has_records:
                    due = time.monotonic() - last_commit > OFFSET_ONLY_COMMIT_EVERY_S
                if due and writer.has_complete_work:
                    writer.commit()
                    last_commit = time.monotonic()
                    if not some:  # what comes in the pause is in the next transaction; a full socket need not wait
                        writer.pause()
                    self._report(writer, stream.source_ts_ms, snapshots.rows)
                elif writer.needs_split():
                    writer.commit_part(source.split())
                    self._report(writer, stream.source_ts_ms, snapshots.rows)
            # Whole source transactions that wait for their commit are worth the few milliseconds.
            writer.commit()
            self._report(writer, stream.source_ts_ms, snapshots.rows)

    def _desk(self, signals: SourceChannel, way: _Way, stream: StreamingSource) -> CommandDesk:
        stream.on_statement = way.ledger.statement
        return CommandDesk(self._links.commands, signals, self._config.topic_prefix, way.notifier, way.ledger.signal)

    def _is_done(self, snapshots: Snapshots, writer: TransactionWriter) -> bool:
        """Return whether the stream was for a snapshot only, which is complete, and all that is written is covered."""
        is_complete = self._ends_with_snapshot and snapshots.is_idle
        return is_complete and (writer.has_complete_work or not writer.has_records)

    def _rest(self, writer: TransactionWriter, most_ms: int) -> int:
        """Return how long to wait for events, none being there; in front of a commit the wait may be over by then."""
        if not writer.has_complete_work or not writer.has_records:
            return min(IDLE_WAIT_MS, most_ms)
        wait_ms = writer.wait_ms
        if wait_ms < GATHERED_MS or most_ms < wait_ms:  # a snapshot's chunks wait for no nap
            return min(wait_ms, most_ms)
        self._stop.wait(writer.nap_ms(wait_ms) / 1000)
        return 0

    def _source_channel(self, way: _Way, windows: WindowRows | None) -> SourceChannel:
        """Return the channel; a table that cannot be one is told of, and may become one later."""
        takes_signals = "source" in self._config.signals.channels
        tables = self._signal_tables if takes_signals or windows is not None else []
        known = self._source.read_tables(tables) if tables else {}
        for table_id in tables:
            problem = unusable(known.get(table_id))
            if problem is not None:
                log.warning("signal.data.collection: %s %s", table_id, problem)
                way.notifier.notify(signal_table_unusable(self._config.topic_prefix, table_id, problem))
        databases, no_databases, included, excluded = self._lists
        listed = TableFilter(databases, no_databases, included, excluded)
        way.cache.optional = frozenset(one for one in tables if not listed.accepts(one))
        on_window = None if windows is None else windows.note
        return SourceChannel(tables, way.cache, on_window, takes_signals=takes_signals)

    def _obey(
        self, desk: CommandDesk, stream: StreamingSource, writer: TransactionWriter, snapshots: Snapshots
    ) -> None:
        """Carry out the commands that wait; what is written for them is covered by where the stream stands."""
        for command in desk.commands(stream.offset):
            only = beyond(command, self._config.snapshot.mode.value) if self._ends_with_snapshot else None
            if reason := only or snapshots.obey(command):
                desk.refuse(command, reason)
        if writer.has_records:
            writer.cover(stream.offset)
        else:
            self._links.commands.committed()

    def _events(
        self, stream: StreamingSource, reader: BinlogReader, way: _Way, metadata: TransactionTopic | None
    ) -> EventSource:
        config = self._config
        if config.post_processors or not self._spec.hot_path or not is_compiled():
            return SingleEvents(stream, reader, way.writer.stages)
        # Imported here: the module needs the extension's run-time library, which not every platform has.
        from faust_cdc.pipeline.fast_stream import FastStream

        return FastStream(
            stream,
            reader,
            way.cache,
            way.writer,
            dispatch_rules(self._config),
            self._source_block(),
            self._headers.as_headers(),
            metadata,
            config.include_query,
        )

    def _throttled(
        self, source: EventSource, stream: StreamingSource, writer: TransactionWriter, snapshots: Snapshots
    ) -> EventSource:
        """Return `source` as fast as `streaming.rate.limit` allows; itself where there is no limit."""
        limit = self._config.streaming_rate_limit
        if limit is None:
            return source
        report = lambda: self._report(writer, stream.source_ts_ms, snapshots.rows)  # noqa: E731
        wait, limiter = self._stop.wait, RateLimiter(limit)
        return ThrottledEvents(source, stream, writer, limiter, wait, report, self._spec.heartbeat_ms)

    def _report(self, writer: TransactionWriter, source_ts_ms: int, snapshot_rows: int) -> None:
        progress, counters = self._progress, writer.counters
        progress.records, progress.bytes = counters.records, counters.bytes
        progress.source_transactions = counters.source_transactions
        progress.kafka_transactions = counters.kafka_transactions
        progress.source_ts_ms = source_ts_ms
        progress.offset = writer.committed
        progress.committed_at = time.time()
        progress.snapshot_rows = snapshot_rows
        progress.start_told = True
        if not writer.has_records:  # else the end of a source transaction is awaited, and nothing was committed
            self._links.commands.committed()

    def _move(self, to: Phase) -> None:
        self._machine.move(to)
        self._progress.phase = to
