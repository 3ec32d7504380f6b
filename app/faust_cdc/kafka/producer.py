"""The transactional producer of one task on librdkafka.

Source: KIP-98; librdkafka INTRODUCTION.md, "Transactional producer".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from faust_cdc.errors import AbortableError, CdcError, InternalError, ProducerFenced
from faust_cdc.kafka.direct import PLUGINS, DirectRows, Row, with_plugin
from faust_cdc.kafka.errors import translate_kafka_error
from faust_cdc.kafka.queue_bounds import CONNECTION, RECORD_BYTES_MAX, queue_bounds, topic_limit
from faust_cdc.kafka.task_producer import (
    ABORT_TIMEOUT_S,
    COMMIT_TIMEOUT_S,
    INIT_TIMEOUT_S,
    Headers,
    ProducerState,
    Transactional,
)

log = logging.getLogger(__name__)

ANY_PARTITION = -1
"""librdkafka's word for: by the key."""
FLUSH_ALONE_S = 1.0
"""How long a commit may take over its records alone; a broken transaction shows only in the commit itself."""
SERVING_FAILED = (KafkaException, SystemError)
"""What a call that serves callbacks raises. When the client finds within one that the producer is fatal, it leaves its
exception set and serves the next delivery report, which Python calls a SystemError."""


class Refused(NamedTuple):
    """A record that could not be delivered: the error's code, topic, bytes of key and value."""

    code: int
    topic: str
    size: int


class TransactionalProducer(Transactional):
    """`TaskProducer` on librdkafka: a client with threads of its own."""

    def __init__(
        self,
        client_config: Mapping[str, str],
        transactional_id: str,
        queue_max_bytes: int,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(transactional_id, should_stop)
        self._refused: Refused | None = None
        self._connection = {name: value for name, value in client_config.items() if name.startswith(CONNECTION)}
        self._record_max_bytes = int(client_config.get("message.max.bytes", RECORD_BYTES_MAX))
        defaults: dict[str, str | int | bool] = {
            # Connect's and Debezium's records are partitioned by Java's murmur2; null keys go anywhere.
            "partitioner": "murmur2_random",
            "linger.ms": 1,
            "batch.size": 1_000_000,
            "compression.type": "lz4",
            **queue_bounds(queue_max_bytes, self._record_max_bytes),
        }
        plugins = with_plugin(client_config.get(PLUGINS, ""))
        self._producer = Producer(
            {
                **defaults,
                **client_config,
                "transactional.id": transactional_id,
                "enable.idempotence": True,
                "acks": "all",
                "delivery.report.only.error": True,
                "on_delivery": self._on_delivery,
                **({PLUGINS: plugins} if plugins else {}),
            },
            logger=log,
        )
        self._direct = DirectRows.of(self._producer)

    def init(self) -> None:
        """Fence older owners of the transactional id and have their open transaction decided."""
        try:
            self._producer.init_transactions(INIT_TIMEOUT_S)
        except KafkaException as error:
            raise self._failed(error, f"Initialising transactional id {self.transactional_id}") from error
        self._move(ProducerState.READY)

    def begin(self) -> None:
        """Open a Kafka transaction."""
        self._take_refused()
        try:
            self._producer.begin_transaction()
        except KafkaException as error:
            raise self._failed(error, "Beginning a Kafka transaction") from error
        self._move(ProducerState.IN_TRANSACTION)

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Queue one record of the open transaction; blocks while the queue is full (back-pressure by bytes).

        Its timestamp is now unless `timestamp_ms` (since the epoch) says otherwise.

        Raises AbortableError when the queue stays full while the task is to stop: Kafka may be away for minutes.
        """
        while True:
            try:
                if partition is None and timestamp_ms is None:
                    self._producer.produce(topic, value, key, headers=headers)  # type: ignore[arg-type]
                else:
                    place, moment = ANY_PARTITION if partition is None else partition, timestamp_ms or 0
                    self._producer.produce(topic, value, key, place, timestamp=moment, headers=headers)  # type: ignore[arg-type]
                return
            except BufferError:
                if self._should_stop():
                    raise AbortableError(f"Stopped while Kafka took no more records for {topic}.") from None
                self._poll(0.05)
            except KafkaException as error:
                size = len(key or b"") + len(value or b"")
                limit = f"max.request.size is {self._record_max_bytes}"
                raise self._failed(error, f"Producing a record of {size} bytes to {topic} ({limit})") from error

    def produce_rows(self, rows: list[Row], at: int, stop: int, headers: Headers) -> int:
        """Queue `rows[at:stop]` of the open transaction, all with the same headers; return bytes of keys and values.

        Like `produce`, without its call per record.
        """
        direct, size = self._direct, 0
        if direct is not None:
            direct.use(self._topics, headers)
        while at < stop:
            if direct is not None:
                at, some = direct.produce(rows, at, stop)
                size += some
                if at == stop:
                    break
            # Without the extension, or refused: this one waits for room in the queue, or raises what is wrong with it.
            number, key, value = rows[at]
            self.produce(self._topics[number], key, value, headers)
            size += len(key or b"") + len(value or b"")
            at += 1
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
        except SERVING_FAILED as error:
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
        except SERVING_FAILED as error:
            raise self._failed(error, "Aborting a Kafka transaction") from error
        self._move(ProducerState.READY)

    def ensure_newest(self) -> None:
        """Abort what is open, and raise ProducerFenced if another producer has taken the transactional id over."""
        self.abort()

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
        except SERVING_FAILED as error:  # a fenced producer says so again on every call
            log.debug("Closing %s: %s", self.transactional_id, error)
        self._direct = None
        self._move(ProducerState.CLOSED)

    def _poll(self, timeout_s: float) -> None:
        try:
            self._producer.poll(timeout_s)
        except SERVING_FAILED as error:
            raise self._failed(error, "Serving deliveries") from error
        self._raise_failure()

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        # A purge at abort reports every dropped record; that is no failure.
        if error is None or error.code() in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
            return
        size = len(message.key() or b"") + len(message.value() or b"")
        found, so_far = Refused(error.code(), str(message.topic()), size), self._refused
        # A whole batch is refused for one record that is too large.
        if so_far is None or (so_far.code == found.code and so_far.size < size):
            self._refused = found

    def _raise_failure(self) -> None:
        failure = self._take_failure()
        if failure is not None:
            raise failure

    def _take_failure(self) -> CdcError | None:
        """Return the first failed delivery since the last time it was asked for."""
        refused = self._take_refused()
        if refused is None:
            return None
        where = f"Delivering to {refused.topic}"
        if refused.code == KafkaError.MSG_SIZE_TOO_LARGE:
            limit = topic_limit(self._connection, refused.topic)
            where = f"Delivering a record of {refused.size} bytes to {refused.topic} (max.message.bytes is {limit})"
        return translate_kafka_error(KafkaError(refused.code), where)

    def _take_refused(self) -> Refused | None:
        refused, self._refused = self._refused, None
        # librdkafka tells the extension of all records, those of `produce` too, and earlier.
        found = None if self._direct is None else self._direct.take_failure()
        return refused if found is None else Refused(*found)

    def _failed(self, error: KafkaException | SystemError, where: str) -> CdcError:
        # A failed delivery is the cause; the commit's error only says that there was one.
        cause = self._cause(error)
        if isinstance(cause, SystemError):
            return InternalError(f"{where}: {cause}.")
        translated = self._take_failure() or translate_kafka_error(cause, where)
        # Refused otherwise (a record too large, say), the transaction is still ours to abort; left open it would hide
        # everything behind it from read_committed readers until its timeout.
        if isinstance(translated, ProducerFenced) or cause.args[0].fatal():
            self._move(ProducerState.FATAL)
        return translated

    def _cause(self, error: KafkaException | SystemError) -> KafkaException | SystemError:
        """Return what made the producer fatal: `produce` only says that it is, an abort says why (_FENCED)."""
        if isinstance(error, KafkaException) and error.args[0].code() != KafkaError._FATAL:
            return error
        try:
            self._producer.abort_transaction(0.1)
        except KafkaException as cause:
            return cause
        return error
