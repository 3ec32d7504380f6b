"""The topic of a schema history, as Debezium's `KafkaSchemaHistory` has it: partition 0, no key, one JSON a record.

Lines are written outside the Kafka transaction of the task: Debezium counts on consecutive offsets when it reads to the
end, and commit markers have it wait for records that never come. They are acknowledged before the offset that is behind
them is committed (`flush`), so a crash repeats lines and loses none. The producer is idempotent and keeps their order.

A record of ours carries the header `MARK`. Only a topic whose records all carry it and are of one server may be
shortened: others may be read by Debezium, or belong to several connectors.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from faust_cdc.errors import BrokerUnavailable
from faust_cdc.kafka.errors import translate_kafka_error
from faust_cdc.kafka.queue_bounds import RECORD_BYTES_MAX, queue_bounds
from faust_cdc.kafka.topics import TopicCreator, TopicSpec

log = logging.getLogger(__name__)

PARTITION: Final = 0
MARK: Final = "faust-cdc.server"
"""Header of our lines; its value is the `topic.prefix`."""
DEBEZIUM_CONFIG: Final = {
    "cleanup.policy": "delete",
    "retention.ms": "9223372036854775807",
    "retention.bytes": "-1",
}
"""As Debezium makes the topic."""
_ABSENT: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC})
_OURS_ALONE: Final = frozenset({"enable.idempotence", "transactional.id", "acks", "delivery.report.only.error"})
FLUSH_S: Final = 60.0
QUEUE_BYTES: Final = 8 * 1024 * 1024
"""Of lines that are not acknowledged yet: 10,000 structures are far more. Options of the producer may say otherwise."""
BATCH: Final = 1000
"""Records that are taken from librdkafka at once."""
READ_AHEAD_KB: Final = 4 * 1024
"""What librdkafka fetches before it is asked for it."""
FULL_QUEUE_WAIT_MS: Final = 5
"""librdkafka's own is a second each time that this much is there: most of the time that 100,000 lines took."""


class HistoryTopic:
    """Reads and writes the topic. For the task's thread."""

    def __init__(
        self,
        client_config: Mapping[str, str],
        topic: str,
        server: str,
        *,
        consumer: Mapping[str, str] | None = None,
        producer: Mapping[str, str] | None = None,
        quiet_s: float = 10.0,
        query_timeout_s: float = 10.0,
    ) -> None:
        """`consumer` and `producer` are librdkafka's settings beside `client_config`; `quiet_s` is how long a read
        waits for the next record before it gives up (attempts times interval of Debezium's options)."""
        self.topic = topic
        self._server = server.encode()
        self._consumer_config = {**client_config, **(consumer or {})}
        self._producer_config = {**client_config, **(producer or {})}
        self._quiet_s = quiet_s
        self._query_timeout_s = query_timeout_s
        self._producer: Producer | None = None
        self._refused: KafkaError | None = None
        self._written = 0
        self._exists = False
        """It was seen."""
        self.begins_at = 0
        """Kafka offset of the first record that is kept, as of the last reading."""
        self.is_ours = False
        """All records were written by us for this server, as of the last reading."""

    @property
    def where(self) -> str:
        """For messages."""
        return f"topic {self.topic}"

    def prepare(self) -> None:
        """Create the topic unless it is there. Raises BrokerUnavailable, BrokerRefused."""
        if not self._exists:
            TopicCreator(self._producer_config).ensure([TopicSpec(self.topic, 1, config=DEBEZIUM_CONFIG)])
            self._exists = True

    def lines(self) -> Iterator[bytes]:
        """Yield the lines up to the end as it is now; none where there is no topic.

        Raises BrokerUnavailable when nothing comes for too long.
        """
        self.is_ours = True
        consumer = Consumer(self._reading(), logger=log)
        try:
            bounds = self._bounds(consumer)
            if bounds is None:
                return
            self._exists = True
            position, end = bounds
            self.begins_at = position
            if position >= end:
                return
            consumer.assign([TopicPartition(self.topic, PARTITION, position)])
            heard_at = time.monotonic()
            while True:
                # No more than there are: it would wait for them.
                messages = consumer.consume(min(BATCH, end - position), 0.1)
                for message in messages:
                    if self._is_record(message):
                        yield self._line(message)
                if messages:
                    heard_at = time.monotonic()
                position = max(position, consumer.position([TopicPartition(self.topic, PARTITION)])[0].offset)
                if position >= end:
                    return
                if time.monotonic() - heard_at > self._quiet_s:
                    raise BrokerUnavailable(
                        f"Reading the schema history from {self.topic}-{PARTITION}: nothing came for "
                        f"{self._quiet_s:g} s at offset {position}, expected records up to {end}.",
                        remedy="see whether the broker is well; schema.history.internal.kafka.recovery.attempts times "
                        "schema.history.internal.kafka.recovery.poll.interval.ms is how long is waited",
                    )
        except KafkaException as error:
            raise translate_kafka_error(error, f"Reading the schema history from {self.topic}") from error
        finally:
            consumer.close()

    def _reading(self) -> dict[str, str | int | bool]:
        return {
            "fetch.wait.max.ms": 20,
            "fetch.queue.backoff.ms": FULL_QUEUE_WAIT_MS,
            "fetch.message.max.bytes": 1024 * 1024,
            "queued.max.messages.kbytes": READ_AHEAD_KB,
            **self._consumer_config,
            # Never joined and never committed: librdkafka only wants the property set.
            "group.id": "faust-cdc-schema-history",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
        }

    def _bounds(self, consumer: Consumer) -> tuple[int, int] | None:
        partition = TopicPartition(self.topic, PARTITION)
        try:
            found = consumer.get_watermark_offsets(partition, timeout=self._query_timeout_s, cached=False)
        except KafkaException as error:
            if error.args[0].code() in _ABSENT:
                return None
            raise
        return None if found is None else (int(found[0]), int(found[1]))

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return message.value() is not None
        if error.code() == KafkaError._PARTITION_EOF:
            return False
        raise translate_kafka_error(error, f"Reading the schema history from {self.topic}")

    def _line(self, message: Message) -> bytes:
        if self.is_ours and (MARK, self._server) not in (message.headers() or ()):
            self.is_ours = False
        value = message.value()
        return value.encode() if isinstance(value, str) else value or b""

    def append(self, line: str) -> None:
        """Write a line; it is safe after `flush`. Waits for room among those that are not acknowledged yet.

        Raises what the broker refuses, BrokerUnavailable when there is no room for too long.
        """
        producer = self._producer or self._open()
        began = time.monotonic()
        while True:
            try:
                producer.produce(self.topic, line.encode(), None, PARTITION, headers=[(MARK, self._server)])
                break
            except BufferError:
                producer.poll(0.1)
                self._raise_refused()
                if time.monotonic() - began > FLUSH_S:
                    raise BrokerUnavailable(
                        f"The schema history waits for room in its queue: {len(producer)} lines were not acknowledged "
                        f"by {self.topic} in {FLUSH_S:g} s."
                    ) from None
            except KafkaException as error:
                raise translate_kafka_error(error, f"Writing the schema history to {self.topic}") from error
        self._written += 1
        producer.poll(0)

    def flush(self) -> None:
        """Wait until all lines are acknowledged. Raises BrokerUnavailable, BrokerRefused."""
        if self._producer is None or not self._written:
            return
        left = self._producer.flush(FLUSH_S)
        self._raise_refused()
        if left:
            raise BrokerUnavailable(
                f"{left} lines of the schema history were not acknowledged by {self.topic} in {FLUSH_S:g} s."
            )
        self._written = 0

    def _raise_refused(self) -> None:
        if self._refused is not None:
            error, self._refused = self._refused, None
            raise translate_kafka_error(error, f"Writing the schema history to {self.topic}")

    def _open(self) -> Producer:
        settings = {name: value for name, value in self._producer_config.items() if name not in _OURS_ALONE}
        bounds = queue_bounds(QUEUE_BYTES, int(settings.get("message.max.bytes", RECORD_BYTES_MAX)))
        self._producer = Producer(
            {
                "linger.ms": 1,
                **bounds,
                **settings,
                "enable.idempotence": True,
                "acks": "all",
                "delivery.report.only.error": True,
                "on_delivery": self._on_delivery,
            },
            logger=log,
        )
        return self._producer

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._refused = self._refused or error

    def end(self) -> int:
        """Return the offset behind the last record."""
        consumer = Consumer(self._reading(), logger=log)
        try:
            bounds = self._bounds(consumer)
        except KafkaException as error:
            raise translate_kafka_error(error, f"Asking for the end of {self.topic}") from error
        finally:
            consumer.close()
        return 0 if bounds is None else bounds[1]

    def shorten(self, write_all: Callable[[], None]) -> bool:
        """Write everything anew by `write_all` and delete what was before; only for a topic that `is_ours`.

        False where the broker does not delete records: then the topic is longer, and as good.
        """
        end = self.end()
        write_all()
        self.flush()
        place = TopicPartition(self.topic, PARTITION, end)
        admin = AdminClient(dict(self._producer_config), logger=log)
        try:
            for future in admin.delete_records([place], request_timeout=self._query_timeout_s).values():
                future.result(2 * self._query_timeout_s)
        except (KafkaException, TimeoutError) as error:
            log.warning("The schema history in %s is not shortened: %s", self.topic, error or "no answer")
            return False
        return True

    def close(self) -> None:
        """Let go of the producer."""
        producer, self._producer = self._producer, None
        if producer is not None and self._written:
            try:
                producer.flush(1.0)
            except KafkaException as error:
                log.debug("Closing the schema history: %s", error)
