"""The embedded registry's log in Kafka: one compacted partition, written by one worker at a time.

**How writers are kept apart.** Every worker may serve the registry, so two could give the same id to two schemas.
Two ways were weighed:

- *Append and let the first in log order win.* Each worker appends its proposal, reads on until it sees it and
  ignores, by a rule of the state machine, whatever came second; the loser tries again. But the rule lives in our
  code only: Confluent's registry drops a second schema with a known id, yet lets a second record for the same
  (subject, version) overwrite the first, and so does compaction, which keeps the *last* record of a key.
- *Fence.* All workers of a group share one transactional id. `claim` is `init_transactions`: the broker gives this
  producer a higher epoch, has any open transaction of the former owner decided and its markers written, and
  refuses everything the former owner sends afterwards. Only then is the topic read to its high watermark, and the
  new record committed in a transaction. If another worker claimed in between, the broker refuses our record or
  our commit (fenced), nothing of it becomes visible, and the decision is made anew.

The second is what is built: the log never holds a contradiction for a read_committed reader, whoever reads it. It
costs `init_transactions` (tens of ms) only when the writer changes; the owner keeps its epoch and its next write is
one transaction. Registrations are rare, and reading needs no claim.

**How far is read.** A commit is acknowledged before its marker is in the partition, so a writer that read to the
last stable offset could miss even its own last record. A writer reads to the high watermark: it asks for the offset
of the log's end with isolation read_uncommitted and reads, read_committed, until its end-of-partition event is
there; after a claim no transaction of ours is open, so this does not wait. `append` is acknowledged to the client
only after that reading. A reader that only answers questions therefore finds everything acknowledged below the last
stable offset, and a transaction that a dead worker left open does not hold it up.

**Known limit.** Confluent's registry reads its topic read_uncommitted. A write of ours that was aborted (a worker
died or was fenced between producing and committing) would be visible to it, although to none of our workers.
Before handing the topic to a Confluent registry, let it be compacted and check the subjects.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from faust_cdc.errors import BrokerRefused, BrokerUnavailable, CdcError, ConfigError
from faust_cdc.registry.log import RecordTooLarge, WriterFenced
from faust_cdc.registry.records import LogRecord

logger = logging.getLogger(__name__)

_TRANSACTION_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.2
_RECORD_BYTES_MAX: Final = 32 * 1024 * 1024
# Brokers of Kafka 4 also answer UNKNOWN where two writers take over from one another at the same moment.
_FENCED: Final = frozenset(
    {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED, KafkaError.UNKNOWN}
)
_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
# Passing states of a topic that was just made, of an election, and of brokers that are away.
_PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._RESOLVE,
        # "No leaders found": what the admin client says of a topic made a moment ago.
        KafkaError._NOENT,
        KafkaError._WAIT_COORD,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.CONCURRENT_TRANSACTIONS,
        KafkaError.NOT_CONTROLLER,
        KafkaError._PURGE_QUEUE,
        KafkaError._PURGE_INFLIGHT,
    }
)


class _TakeoversAside(logging.Filter):
    """librdkafka calls a fenced producer CRITICAL; here it is everyday, and the next claim follows."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return not any(words in text for words in ("fenced", "fences", "old epoch"))


_client_logger = logger.getChild("librdkafka")
_client_logger.addFilter(_TakeoversAside())


class KafkaSchemaLog:
    """A `SchemaLog` over one compacted topic.

    `client_config` is librdkafka's (bootstrap.servers, security.*); `group_id` is the workers' group, from which
    the transactional id `<group>-schema-registry` is made; `replication_factor` -1 takes the broker's default.
    Nothing is connected before the first call. Raises BrokerUnavailable for what passes, BrokerRefused for what
    does not, ConfigError for a topic that cannot hold the log.
    """

    def __init__(
        self,
        client_config: Mapping[str, str],
        group_id: str,
        *,
        topic: str = "_schemas",
        replication_factor: int = -1,
        timeout_s: float = 15.0,
    ) -> None:
        self._config: dict[str, str | int | float | bool] = dict(client_config)
        self._transactional_id = f"{group_id}-schema-registry"
        self._topic = topic
        self._replication_factor = replication_factor
        self._timeout_s = timeout_s
        self._admin: AdminClient | None = None
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._pending: list[LogRecord] = []
        self._read_offset = 0
        self._topic_seen = False

    def __repr__(self) -> str:
        return f"KafkaSchemaLog(topic={self._topic!r}, transactional_id={self._transactional_id!r})"

    def read_new(self, *, all_written: bool = False) -> list[LogRecord]:
        """See `SchemaLog`; blocks at most `timeout_s`."""
        deadline = time.monotonic() + self._timeout_s
        consumer = self._open_consumer(deadline)
        isolation = IsolationLevel.READ_UNCOMMITTED if all_written else IsolationLevel.READ_COMMITTED
        end = self._end_offset(isolation, deadline)
        while self._read_offset < end:
            if time.monotonic() > deadline:
                raise BrokerUnavailable(
                    f"{self._where()}: read to offset {self._read_offset} of {end} within"
                    f" {self._timeout_s:g} s; brokers are slow, or a transaction on this topic is still open."
                )
            self._take(consumer.poll(_POLL_S))
        # What was read before a failure is kept for the next call: the consumer does not give it again.
        records, self._pending = self._pending, []
        return records

    def claim(self) -> None:
        """See `SchemaLog`: fence every other writer, unless this one holds the newest epoch as far as can be seen."""
        deadline = time.monotonic() + self._timeout_s
        self._ensure_topic(deadline)
        if self._producer is not None and self._nothing_open(deadline):
            return
        self._producer = None
        producer = Producer(
            {
                "linger.ms": "0",
                **self._config,
                "transactional.id": self._transactional_id,
                "transaction.timeout.ms": str(int(_TRANSACTION_TIMEOUT_S * 1000)),
                "message.timeout.ms": str(int(_TRANSACTION_TIMEOUT_S * 1000)),
                "message.max.bytes": str(_RECORD_BYTES_MAX),
            },
            logger=_client_logger,
        )
        try:
            producer.init_transactions(self._timeout_s)
        except KafkaException as exc:
            raise self._failure(exc, "taking over the writing") from exc
        self._producer = producer

    def append(self, records: Sequence[LogRecord]) -> None:
        """See `SchemaLog`: one Kafka transaction."""
        producer = self._producer
        if producer is None:
            raise WriterFenced(f"{self._where()} was not claimed")
        # Any failure gives up the producer: the next claim starts from a clean epoch, and the broker decides
        # what this one left open. If it was committed after all, the next read shows it.
        self._producer = None
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        try:
            producer.begin_transaction()
            for record in records:
                producer.produce(self._topic, record.value, record.key, partition=0, on_delivery=delivered)
            producer.commit_transaction(self._timeout_s)
        except KafkaException as exc:
            self._abort(producer, exc)
            raise self._failure(exc, "writing", failures) from exc
        self._producer = producer

    def close(self) -> None:
        """See `SchemaLog`."""
        if self._consumer is not None:
            self._consumer.close()
        self._consumer = self._producer = self._admin = None

    # ---- reading

    def _open_consumer(self, deadline: float) -> Consumer:
        if self._consumer is None:
            self._ensure_topic(deadline)
            consumer = Consumer(
                {
                    **self._config,
                    "group.id": f"{self._transactional_id}-reader",
                    "enable.auto.commit": "false",
                    "isolation.level": "read_committed",
                    "enable.partition.eof": "true",
                    # A topic made anew under a running worker must not be taken for the old one continued.
                    "auto.offset.reset": "error",
                    "allow.auto.create.topics": "false",
                    "fetch.wait.max.ms": "100",
                },
                logger=_client_logger,
            )
            # A number, asked for here: what OFFSET_BEGINNING means librdkafka finds out half a second later.
            earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
            begin = self._offset(earliest, IsolationLevel.READ_UNCOMMITTED, deadline)
            consumer.assign([TopicPartition(self._topic, 0, begin)])
            self._consumer = consumer
        return self._consumer

    def _nothing_open(self, deadline: float) -> bool:
        """False if some transaction is open: not ours, so another worker claimed since, and perhaps died in it."""
        stable = self._end_offset(IsolationLevel.READ_COMMITTED, deadline)
        return stable == self._end_offset(IsolationLevel.READ_UNCOMMITTED, deadline)

    def _take(self, message: Message | None) -> None:
        if message is None:
            return
        error = message.error()
        offset = message.offset()
        if error is None:
            self._read_offset = (offset or 0) + 1
            key, value = message.key(), message.value()
            self._pending.append(LogRecord(_bytes(key) or b"", _bytes(value)))
        elif error.code() == KafkaError._PARTITION_EOF:
            # The only sign that control markers and aborted records up to here were passed over.
            self._read_offset = max(self._read_offset, offset or 0)
        elif error.code() not in _PASSING:
            raise self._translated(error, "reading")

    def _end_offset(self, isolation: IsolationLevel, deadline: float) -> int:
        return self._offset(OffsetSpec.latest(), isolation, deadline)  # type: ignore[no-untyped-call]

    def _offset(self, place: OffsetSpec, isolation: IsolationLevel, deadline: float) -> int:
        partition = TopicPartition(self._topic, 0)
        while True:
            future = self._open_admin().list_offsets(
                {partition: place},
                isolation_level=isolation,
                request_timeout=max(0.1, deadline - time.monotonic()),
            )[partition]
            try:
                return int(future.result().offset)
            except KafkaException as exc:
                error = exc.args[0]
                if error.code() not in _PASSING or time.monotonic() + _POLL_S > deadline:
                    raise self._translated(error, "asking where it begins or ends") from exc
                if error.code() == KafkaError._NOENT:
                    # librdkafka 2.16 keeps its memory of "no such topic" for long on some brokers (Tansu).
                    self._admin = None
            time.sleep(_POLL_S)

    # ---- the topic

    def _open_admin(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient({**self._config}, logger=_client_logger)
        return self._admin

    def _ensure_topic(self, deadline: float) -> None:
        """Make the topic, or see that it can hold the log: one partition, and compacted. Once."""
        if self._topic_seen:
            return
        admin = self._open_admin()
        left = max(0.1, deadline - time.monotonic())
        try:
            # Not `list_topics(name)`: that makes a broker with auto.create.topics.enable make the topic its way.
            future = admin.describe_topics(TopicCollection([self._topic]), request_timeout=left)[self._topic]
            partition_count = len(future.result().partitions)
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise self._translated(exc.args[0], "looking for it") from exc
            self._create_topic(admin, left)
            self._topic_seen = True
            return
        if partition_count != 1:
            raise ConfigError(
                f"{self._where()} has {partition_count} partitions; the registry's log needs exactly 1.",
                remedy="name another topic for the embedded registry, or make this one anew with 1 partition",
            )
        self._check_policy(admin, left)
        self._topic_seen = True

    def _create_topic(self, admin: AdminClient, timeout_s: float) -> None:
        topic = NewTopic(
            self._topic,
            num_partitions=1,
            replication_factor=self._replication_factor,
            config={"cleanup.policy": "compact"},
        )
        try:
            admin.create_topics([topic], operation_timeout=timeout_s)[self._topic].result()
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise self._translated(exc.args[0], "creating it") from exc

    def _check_policy(self, admin: AdminClient, timeout_s: float) -> None:
        resource = ConfigResource(ResourceType.TOPIC, self._topic)
        try:
            entries = admin.describe_configs([resource], request_timeout=timeout_s)[resource].result()
        except KafkaException as exc:
            logger.warning("%s: its cleanup.policy could not be checked: %s", self._where(), exc)
            return
        policy = entries.get("cleanup.policy")
        if policy is not None and policy.value != "compact":
            raise ConfigError(
                f"{self._where()} has cleanup.policy={policy.value}, which would delete schemas; expected compact.",
                remedy=f"set cleanup.policy=compact on topic {self._topic}",
            )

    # ---- failures

    def _abort(self, producer: Producer, exc: KafkaException) -> None:
        if exc.args[0].txn_requires_abort():
            try:
                producer.abort_transaction(self._timeout_s)
            except KafkaException as second:
                logger.info("%s: abort left to the broker: %s", self._where(), second)

    def _failure(
        self, exc: KafkaException, doing: str, deliveries: Sequence[KafkaError] = ()
    ) -> CdcError | WriterFenced | RecordTooLarge:
        errors = [exc.args[0], *deliveries]
        if any(error.code() in _FENCED for error in errors):
            return WriterFenced(f"{self._where()}: another worker took over the writing ({exc.args[0].name()})")
        for error in errors:
            if error.code() in _TOO_LARGE:
                return RecordTooLarge(f"{self._where()}: {error.str()}")
        if exc.args[0].txn_requires_abort() and deliveries:
            return self._translated(deliveries[0], doing)
        return self._translated(exc.args[0], doing)

    def _translated(self, error: KafkaError, doing: str) -> CdcError:
        text = f"{self._where()}: {doing} failed: {error.str()} ({error.name()})."
        if error.code() in _PASSING or error.retriable():
            return BrokerUnavailable(text)
        return BrokerRefused(
            text,
            remedy="grant the worker READ, WRITE, CREATE and DESCRIBE on this topic and WRITE on the transactional"
            f" id {self._transactional_id}; if the topic was made anew, restart the worker",
        )

    def _where(self) -> str:
        return f"Schemas topic {self._topic!r}"


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
