"""One attempt of a task, from connecting to the end: preflight, offset, snapshot, stream.

The order matters: the producer is initialised (older owners are fenced, their transaction is decided) before the
offset is read, so that what is read can no longer change (see `faust_cdc.kafka.strong_read`).
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from faust_cdc.binlog.reader import BinlogReader, DumpStart
from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.converter_settings import ConverterSettings
from faust_cdc.kafka.producer import TransactionalProducer
from faust_cdc.kafka.strong_read import read_last
from faust_cdc.kafka.topics import TopicCreator, TopicSpec
from faust_cdc.mysql.connection import ServerInfo, SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet
from faust_cdc.mysql.preflight import run_preflight
from faust_cdc.mysql.schema import captured_tables, read_tables
from faust_cdc.mysql.snapshot_session import SnapshotSession
from faust_cdc.offsets import SourceOffset, SourcePartition, murmur2_partition
from faust_cdc.pipeline.bad_rows import BadRows, QuarantineTopic
from faust_cdc.pipeline.captured import EnsureTopic, TranscoderCache
from faust_cdc.pipeline.converters import Converters, RegisterSchema, converter_of
from faust_cdc.pipeline.dispatcher import ContextHeaders, Dispatcher, DispatchRules
from faust_cdc.pipeline.heartbeat import ACTION_TIMEOUT_MS, Heartbeat, HeartbeatAction
from faust_cdc.pipeline.phase import Phase, PhaseMachine
from faust_cdc.pipeline.prepared_search import PreparedSearch
from faust_cdc.pipeline.reselect import SELECT_TIMEOUT_MS, Reselector
from faust_cdc.pipeline.resume import check_server
from faust_cdc.pipeline.savepoints import Rollbacks
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.stages import Stages
from faust_cdc.pipeline.streaming import EventSource, SingleEvents, StreamingSource
from faust_cdc.pipeline.structures import Structures
from faust_cdc.pipeline.transaction_metadata import TransactionTopic
from faust_cdc.pipeline.transaction_writer import CommitLimits, TransactionWriter
from faust_cdc.registry.client import RegistryClient, RegistryConfig
from faust_cdc.registry.schema_ids import SchemaIds
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing import topic_naming
from faust_cdc.snapshot.initial import InitialSnapshot
from faust_cdc.transcode.compiled import is_compiled
from faust_cdc.transcode.plan import TranscodeOptions
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

SNAPSHOT_PART_AFTER = 0.6
"""The part of the Kafka transaction's time after which a snapshot commits what it has."""
PART_AFTER = 0.5
"""The same for a source transaction, which is then committed in parts."""
IDLE_WAIT_MS = 100
GATHERED_MS, NAP_MAX_MS = 2, 5
"""In front of a commit that is due in so long the wait is slept, at most so much at a time: what comes meanwhile is
then read at once, not piece by piece. Longer, and the socket's buffer would fill and hold a server back that is read
from as fast as it sends."""
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
    source_ts_ms: int = 0
    """Commit time of the last source transaction committed to Kafka, ms since the epoch."""
    offset: SourceOffset | None = None
    committed_at: float = field(default=0.0)
    stages: Stages = field(default_factory=Stages)
    """Where the time goes, in this attempt like the counts above."""
    waiting_bytes: Callable[[], int] = int
    """Bytes produced that wait for a commit."""
    rollbacks: Rollbacks = field(default_factory=Rollbacks)
    """What attempts before found to be rolled back; no business of the control plane."""


@dataclass(frozen=True, slots=True)
class _Way:
    """What rows go through, in a snapshot and in the stream: to a transcoder, to records, to Kafka."""

    cache: TranscoderCache
    dispatcher: Dispatcher
    writer: TransactionWriter


class Coordinator:
    """Owns the connections of one attempt and drives it in the calling thread."""

    def __init__(
        self,
        spec: TaskSpec,
        run_id: str,
        stop: threading.Event,
        progress: Progress,
        on_streaming: Callable[[], None],
    ) -> None:
        self._spec = spec
        self._config = spec.config
        self._stop = stop
        self._should_stop = stop.is_set
        self._progress = progress
        self._on_streaming = on_streaming
        self._machine = PhaseMachine()
        self._filter = TableFilter(
            self._config.database_include_list,
            self._config.database_exclude_list,
            self._config.table_include_list,
            self._config.table_exclude_list,
        )
        self._partition = SourcePartition(spec.connector, self._config.topic_prefix)
        self._address = SourceAddress.of(spec.config)
        self._headers = ContextHeaders(self._config.topic_prefix, spec.task_id, self._config.flavor, run_id)
        self._naming = topic_naming(spec.config)
        progress.phase = self._machine.phase

    def run(self) -> None:
        """Run until asked to stop. Raises CdcError by what happens next; everything opened here is closed."""
        with contextlib.ExitStack() as stack:
            info = self._preflight_server()
            kafka = self._spec.client_config
            topics = TopicCreator(kafka)
            ensure_topic = partial(self._ensure_data_topic, topics)
            offset_topic = self._spec.offset_topic
            count = topics.ensure([offset_topic])[offset_topic.name]
            producer = self._producer()
            stack.callback(producer.close)
            producer.init()
            key = self._partition.key()
            offset_partition = murmur2_partition(key, count)
            raw = read_last(kafka, offset_topic.name, offset_partition, key)
            offset = None if raw is None else SourceOffset.from_json(raw, f"Connector {self._spec.connector}")
            converters = self._converters(stack)
            cache = TranscoderCache(
                self._naming,
                replace(transcode_options(self._config), avro_names=self._spec.needs_avro_names),
                self._filter.accepts,
                Structures(self._list_tables, self._read_tables),
                converters,
                ensure_topic,
            )
            reselectors = self._reselectors()
            for reselector in reselectors:
                stack.callback(reselector.close)
            bad_rows = self._bad_rows(converters, ensure_topic)
            dispatcher = Dispatcher(
                cache, self._headers.as_headers(), dispatch_rules(self._config), bad_rows, reselectors
            )
            limits = CommitLimits(
                part_bytes_max=self._config.transaction_part_max_bytes,
                part_age_max_ms=PART_AFTER * self._spec.transaction_timeout_ms,
            )
            stages = self._progress.stages = Stages()
            writer = TransactionWriter(producer, self._partition, offset_topic.name, offset_partition, limits, stages)
            self._progress.waiting_bytes = lambda: writer.waiting_bytes
            stack.callback(setattr, self._progress, "waiting_bytes", int)
            way = _Way(cache, dispatcher, writer)
            if offset is None or offset.snapshot is not None:
                offset = self._snapshot(info, way)
            else:
                self._ensure_readable(offset)
            if offset is not None and not self._should_stop():
                metadata = self._transaction_topic(converters, ensure_topic)
                self._stream(info, offset, way, metadata, self._heartbeat(converters, ensure_topic))
            self._move(Phase.STOPPED)

    def _ensure_data_topic(self, topics: TopicCreator, name: str) -> None:
        rule = self._config.topic_creation
        if rule is None:
            topics.ensure([TopicSpec(name)])
        else:
            topics.ensure([TopicSpec(name, rule.partitions, rule.replication_factor, rule.config)])

    def _bad_rows(self, converters: Converters, ensure_topic: EnsureTopic) -> BadRows:
        mode = self._config.event_converting_failure_handling_mode
        if mode != "quarantine":
            return BadRows(mode)
        prefix, headers = self._config.topic_prefix, self._headers.as_headers()
        return BadRows(mode, QuarantineTopic(prefix, headers, converters, ensure_topic))

    def _converters(self, stack: contextlib.ExitStack) -> Converters:
        """Make the converters; a registry that both sides use has one client, closed with the stack."""
        clients: dict[RegistryConfig, RegistryClient] = {}

        def ids(settings: ConverterSettings, config: RegistryConfig) -> RegisterSchema:
            if config not in clients:
                clients[config] = RegistryClient(config, stop=self._stop)
                stack.callback(clients[config].close)
            return SchemaIds(clients[config], settings.avro.id_from, normalize=settings.avro.normalize)

        spec = self._spec
        return Converters(
            converter_of(spec.key_converter, lambda: ids(spec.key_converter, spec.registry_of_keys), is_key=True),
            converter_of(spec.value_converter, lambda: ids(spec.value_converter, spec.registry), is_key=False),
        )

    def _transaction_topic(self, converters: Converters, ensure_topic: EnsureTopic) -> TransactionTopic | None:
        if not self._config.provide_transaction_metadata:
            return None
        return TransactionTopic(self._naming.transaction_topic(), converters, ensure_topic)

    def _heartbeat(self, converters: Converters, ensure_topic: EnsureTopic) -> Heartbeat:
        config = self._config
        return Heartbeat(
            self._naming.heartbeat_topic(),
            config.topic_prefix,
            config.heartbeat_interval_ms,
            converters,
            ensure_topic,
        )

    def _heartbeat_action(self) -> HeartbeatAction:
        address = SourceAddress.of(self._config, ACTION_TIMEOUT_MS)
        return HeartbeatAction(address, self._config.heartbeat_action_query)

    def _reselectors(self) -> list[Reselector]:
        address = SourceAddress.of(self._config, SELECT_TIMEOUT_MS)
        placeholder = self._config.unavailable_value_placeholder
        return [Reselector(rules, placeholder, address) for rules in self._config.post_processors]

    def _producer(self) -> TransactionalProducer:
        spec = self._spec
        timeout = {"transaction.timeout.ms": str(spec.transaction_timeout_ms)}
        config = {**spec.client_config, **spec.producer_config, **timeout}
        queue_max_bytes = self._config.max_queue_size_in_bytes or spec.producer_queue_max_bytes
        return TransactionalProducer(config, spec.transactional_id, queue_max_bytes, self._should_stop)

    def _preflight_server(self) -> ServerInfo:
        with connect(self._address, purpose="preflight") as connection:
            info = inspect_server(connection)
            run_preflight(connection, info, self._config.database_server_id, None)
            return info

    def _ensure_readable(self, offset: SourceOffset) -> None:
        with connect(self._address, purpose="preflight") as connection:
            info = inspect_server(connection)
            check_server(offset, info.identity)
            start = dump_start(info, offset)
            wanted = start.position if start.gtid_set is None else start.gtid_set
            run_preflight(connection, info, self._config.database_server_id, wanted)

    def _list_tables(self) -> list[TableId]:
        with connect(self._address, purpose="table list") as connection:
            return captured_tables(connection, self._filter.accepts)

    def _read_tables(self, ids: Iterable[TableId]) -> dict[TableId, Table]:
        with connect(self._address, purpose="table structures") as connection:
            return read_tables(connection, list(ids))

    def _source_block(self) -> SourceInfo:
        return SourceInfo.for_server(connector=self._config.flavor, name=self._config.topic_prefix)

    def _snapshot(self, info: ServerInfo, way: _Way) -> SourceOffset | None:
        self._move(Phase.SNAPSHOTTING)
        part_after_ms = SNAPSHOT_PART_AFTER * self._spec.transaction_timeout_ms
        with SnapshotSession(self._address, info, max(1, self._config.snapshot_lock_timeout_ms // 1000)) as session:
            snapshot = InitialSnapshot(
                session,
                self._source_block(),
                way.cache,
                way.dispatcher,
                way.writer,
                self._should_stop,
                part_after_ms,
                is_compiled=self._spec.hot_path and is_compiled(),
            )
            offset = snapshot.run(
                self._list_tables, self._read_tables, with_data=self._config.snapshot_mode == "initial"
            )
        self._progress.snapshot_rows = snapshot.rows
        self._report(way.writer, int(time.time() * 1000))
        return offset

    def _stream(
        self,
        info: ServerInfo,
        offset: SourceOffset,
        way: _Way,
        metadata: TransactionTopic | None,
        heartbeat: Heartbeat,
    ) -> None:
        start, writer = dump_start(info, offset), way.writer
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
        )
        reader = BinlogReader(self._address, server_id, start, info, heartbeat_ms=heartbeat_ms)
        last_commit = time.monotonic()
        with contextlib.closing(self._heartbeat_action()) as action, contextlib.closing(stream), reader:
            source = self._events(stream, reader, way, metadata)
            self._move(Phase.STREAMING)
            self._on_streaming()
            some = False
            while not self._should_stop():
                some = source.step(0 if some else self._rest(writer))
                if heartbeat.is_due and not source.in_transaction:
                    action.run()
                    writer.write(heartbeat.record())
                    writer.cover(stream.offset)
                due = (not some and writer.wait_ms == 0) or writer.is_full()
                if not writer.has_records:
                    due = time.monotonic() - last_commit > OFFSET_ONLY_COMMIT_EVERY_S
                if due and writer.has_complete_work:
                    writer.commit()
                    last_commit = time.monotonic()
                    if not some:  # what comes in the pause is in the next transaction; a full socket need not wait
                        writer.pause()
                    self._report(writer, stream.source_ts_ms)
                elif writer.needs_split():
                    writer.commit_part(source.split())
                    self._report(writer, stream.source_ts_ms)
            # Whole source transactions that wait for their commit are worth the few milliseconds.
            writer.commit()
            self._report(writer, stream.source_ts_ms)

    def _rest(self, writer: TransactionWriter) -> int:
        """Return how long to wait for events, none being there; in front of a commit the wait may be over by then."""
        if not writer.has_complete_work or not writer.has_records:
            return IDLE_WAIT_MS
        wait_ms = writer.wait_ms
        if wait_ms < GATHERED_MS:
            return wait_ms
        self._stop.wait(min(wait_ms, NAP_MAX_MS) / 1000)
        return 0

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

    def _report(self, writer: TransactionWriter, source_ts_ms: int) -> None:
        progress, counters = self._progress, writer.counters
        progress.records = counters.records
        progress.source_transactions = counters.source_transactions
        progress.kafka_transactions = counters.kafka_transactions
        progress.bytes = counters.bytes
        progress.source_ts_ms = source_ts_ms
        progress.offset = writer.committed
        progress.committed_at = time.time()

    def _move(self, to: Phase) -> None:
        self._machine.move(to)
        self._progress.phase = to


def dump_start(info: ServerInfo, offset: SourceOffset) -> DumpStart:
    """Say how to ask for the binlog: by GTID set where both sides have one, else by file and position."""
    position = BinlogPosition(offset.file, offset.pos)
    if offset.gtids is not None and info.gtid_mode:
        parse = MariaDbGtidSet.parse if info.flavor == "mariadb" else GtidSet.parse
        return DumpStart(position, parse(offset.gtids))
    return DumpStart(position, None)


def dispatch_rules(config: MySqlConnectorConfig) -> DispatchRules:
    """Return the options that say which changes become records."""
    return DispatchRules(config.tombstones_on_delete, config.skipped_operations, config.skip_messages_without_change)


def transcode_options(config: MySqlConnectorConfig) -> TranscodeOptions:
    """Return the options that shape records."""
    return TranscodeOptions(
        connector=config.flavor,
        time_precision_mode=config.time_precision_mode,
        decimal_handling_mode=config.decimal_handling_mode,
        bigint_unsigned_handling_mode=config.bigint_unsigned_handling_mode,
        binary_handling_mode=config.binary_handling_mode,
        enable_time_adjuster=config.enable_time_adjuster,
        schema_name_adjustment=config.schema_name_adjustment_mode,
        field_name_adjustment=config.field_name_adjustment_mode,
        compatible=config.compatible,
        custom_converters=config.custom_converters,
        columns=column_selection(config),
    )


def column_selection(config: MySqlConnectorConfig) -> ColumnSelection:
    """Return the options that choose columns and keys and shape values."""
    return ColumnSelection.parse(
        config.column_include_list,
        config.column_exclude_list,
        config.message_key_columns,
        config.column_rules,
        config.column_propagate_source_type,
        config.datatype_propagate_source_type,
        config.include_schema_comments,
    )
