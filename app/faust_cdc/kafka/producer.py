"""The transactional producer of one task, with its life cycle as a state machine.

    UNINITIALIZED ─init→ READY ─begin→ IN_TRANSACTION ─commit→ COMMITTING → READY
                           ↑                 │ abort                │ abortable error
                           └──── ABORTING ←──┴──────────────────────┘
    any ─fenced or fatal→ FATAL          any ─close→ CLOSED

Source: KIP-98; librdkafka INTRODUCTION.md, "Transactional producer".
"""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from faust_cdc.errors import AbortableError, CdcError, InternalError, ProducerFenced
from faust_cdc.kafka.errors import translate_kafka_error

log = logging.getLogger(__name__)

Headers = list[tuple[str, bytes | None]]
BatchRecord = tuple[str, bytes | None, bytes | None]
"""(topic, key, value)."""

INIT_TIMEOUT_S = 30.0
COMMIT_TIMEOUT_S = 60.0
FLUSH_ALONE_S = 1.0
"""How long a commit may take over its records alone; a broken transaction shows only in the commit itself."""
ABORT_TIMEOUT_S = 10.0


class ProducerState(enum.Enum):
    """Where a producer's transaction stands."""

    UNINITIALIZED = "uninitialized"
    READY = "ready"
    IN_TRANSACTION = "in_transaction"
    COMMITTING = "committing"
    ABORTING = "aborting"
    FATAL = "fatal"
    CLOSED = "closed"


S = ProducerState
MOVES: Mapping[ProducerState, frozenset[ProducerState]] = {
    S.UNINITIALIZED: frozenset({S.READY, S.FATAL, S.CLOSED}),
    S.READY: frozenset({S.IN_TRANSACTION, S.FATAL, S.CLOSED}),
    S.IN_TRANSACTION: frozenset({S.COMMITTING, S.ABORTING, S.FATAL, S.CLOSED}),
    S.COMMITTING: frozenset({S.READY, S.ABORTING, S.FATAL, S.CLOSED}),
    S.ABORTING: frozenset({S.READY, S.FATAL, S.CLOSED}),
    S.FATAL: frozenset({S.CLOSED}),
    S.CLOSED: frozenset(),
}


class TransactionalProducer:
    """Begin, produce, commit or abort: every failure surfaces as an error of our tree, none is lost."""

    def __init__(
        self,
        client_config: Mapping[str, str],
        transactional_id: str,
        queue_max_bytes: int,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.transactional_id = transactional_id
        self._should_stop = should_stop
        self._state = ProducerState.UNINITIALIZED
        self._failure: CdcError | None = None
        self.acknowledged_at = 0.0
        """When the broker had acknowledged all records of the last transaction committed (`time.perf_counter`)."""
        defaults: dict[str, str | int | bool] = {
            # Connect's and Debezium's records are partitioned by Java's murmur2; null keys go anywhere.
            "partitioner": "murmur2_random",
            "linger.ms": 1,
            "batch.size": 1_000_000,
            "compression.type": "lz4",
            "queue.buffering.max.kbytes": max(1024, queue_max_bytes // 1024),
            "queue.buffering.max.messages": 200_000,
        }
        self._producer = Producer(
            {
                **defaults,
                **client_config,
                "transactional.id": transactional_id,
                "enable.idempotence": True,
                "acks": "all",
                "delivery.report.only.error": True,
                "on_delivery": self._on_delivery,
            },
            logger=log,
        )

    @property
    def state(self) -> ProducerState:
        """Where the transaction stands."""
        return self._state

    def init(self) -> None:
        """Fence older owners of the transactional id and have their open transaction decided."""
        try:
            self._producer.init_transactions(INIT_TIMEOUT_S)
        except KafkaException as error:
            raise self._failed(error, f"Initialising transactional id {self.transactional_id}") from error
        self._move(ProducerState.READY)

    def begin(self) -> None:
        """Open a Kafka transaction."""
        self._failure = None
        try:
            self._producer.begin_transaction()
        except KafkaException as error:
            raise self._failed(error, "Beginning a Kafka transaction") from error
        self._move(ProducerState.IN_TRANSACTION)

    def produce(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers, partition: int | None = None
    ) -> None:
        """Queue one record of the open transaction; blocks while the queue is full (back-pressure by bytes).

        Raises AbortableError when the queue stays full while the task is to stop: Kafka may be away for minutes.
        """
        while True:
            try:
                if partition is None:
                    self._producer.produce(topic, value, key, headers=headers)  # type: ignore[arg-type]
                else:
                    self._producer.produce(topic, value, key, partition, headers=headers)  # type: ignore[arg-type]
                return
            except BufferError:
                if self._should_stop():
                    raise AbortableError(f"Stopped while Kafka took no more records for {topic}.") from None
                self._poll(0.05)
            except KafkaException as error:
                size = len(key or b"") + len(value or b"")
                raise self._failed(error, f"Producing a record of {size} bytes to {topic}") from error

    def produce_all(self, records: Iterable[BatchRecord], headers: Headers) -> int:
        """Queue records of the open transaction, all with the same headers; return the bytes of keys and values.

        Like `produce`, without its call per record.
        """
        produce, size = self._producer.produce, 0
        for topic, key, value in records:
            try:
                produce(topic, value, key, headers=headers)  # type: ignore[arg-type]
            except (BufferError, KafkaException):
                self.produce(topic, key, value, headers)
            if value is not None:
                size += len(value)
            if key is not None:
                size += len(key)
        return size

    def serve(self) -> None:
        """Serve delivery reports; raises the first failed delivery."""
        self._poll(0)

    def commit(self) -> None:
        """Commit the open transaction. On an error the transaction's fate is an abort, or FATAL when fenced."""
        self._move(ProducerState.COMMITTING)
        try:
            # The commit would do it too, but not say how long it took.
            self._producer.flush(FLUSH_ALONE_S)
            self.acknowledged_at = time.perf_counter()
            self._producer.commit_transaction(COMMIT_TIMEOUT_S)
        except KafkaException as error:
            raise self._failed(error, "Committing a Kafka transaction") from error
        self._raise_failure()
        self._move(ProducerState.READY)

    def abort(self) -> None:
        """Abort the open transaction, if there is one; read_committed readers never see its records."""
        if self._state not in (ProducerState.IN_TRANSACTION, ProducerState.COMMITTING):
            return
        self._move(ProducerState.ABORTING)
        try:
            self._producer.abort_transaction(ABORT_TIMEOUT_S)
        except KafkaException as error:
            raise self._failed(error, "Aborting a Kafka transaction") from error
        self._move(ProducerState.READY)

    def close(self) -> None:
        """Abort what is open and drop the producer; never raises, the broker aborts what we could not."""
        if self._state is ProducerState.CLOSED:
            return
        try:
            self.abort()
        except CdcError as error:
            log.warning(
                "Closing %s: %s; the broker aborts the transaction at its timeout", self.transactional_id, error
            )
        try:
            self._producer.purge()
            self._producer.poll(0)
        except KafkaException as error:  # a fenced producer says so again on every call
            log.debug("Closing %s: %s", self.transactional_id, error)
        self._move(ProducerState.CLOSED)

    def _poll(self, timeout_s: float) -> None:
        try:
            self._producer.poll(timeout_s)
        except KafkaException as error:
            raise self._failed(error, "Serving deliveries") from error
        self._raise_failure()

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        # A purge at abort reports every dropped record; that is no failure.
        if error is None or error.code() in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
            return
        if self._failure is None:
            self._failure = translate_kafka_error(error, f"Delivering to {message.topic()}")

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _failed(self, error: KafkaException, where: str) -> CdcError:
        # A failed delivery is the cause; the commit's error only says that there was one.
        translated = self._failure or translate_kafka_error(self._cause(error), where)
        self._failure = None
        # Refused otherwise (a record too large, say), the transaction is still ours to abort; left open it would hide
        # everything behind it from read_committed readers until its timeout.
        if isinstance(translated, ProducerFenced) or error.args[0].fatal():
            self._move(ProducerState.FATAL)
        return translated

    def _cause(self, error: KafkaException) -> KafkaException:
        """Return what made the producer fatal: `produce` only says that it is, an abort says why (_FENCED)."""
        if error.args[0].code() != KafkaError._FATAL:
            return error
        try:
            self._producer.abort_transaction(0.1)
        except KafkaException as cause:
            return cause
        return error

    def _move(self, to: ProducerState) -> None:
        if to not in MOVES[self._state]:
            raise InternalError(f"Producer {self.transactional_id}: illegal move {self._state.value} → {to.value}.")
        self._state = to
