"""The topic of the Kafka signal channel, read by one connector: its partition 0, as Debezium's `KafkaSignalChannel`.

Where it goes on is committed under the consumer group of `signal.kafka.groupId`. Debezium's default group is one for
all connectors, so that two of them on one topic would commit over each other's signals; here the default is a group of
the connector's own, which at its first start takes over where Debezium's stood. Without either it begins at the start
of the topic, as there. A signal is committed when its task has taken it: a crash before that brings it again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from faust_cdc.errors import CdcError
from faust_cdc.kafka.errors import translate_kafka_error

log = logging.getLogger(__name__)

PARTITION: Final = 0
"""Debezium reads no other, as the order of signals matters."""
REQUEST_TIMEOUT_S: Final = 10.0
RECORDS_MAX: Final = 100
"""Records of one reading."""
_ABSENT: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC})


class SignalRecord(NamedTuple):
    """One record: raw key and value, and its place in the topic."""

    key: bytes | None
    value: bytes | None
    kafka_offset: int


class SignalTopic:
    """Reads the topic. Methods block; they are called from one thread at a time.

    None raises for a broker that is away: what cannot be read now is read later.
    """

    def __init__(
        self, client_config: Mapping[str, str], topic: str, group_id: str, predecessor_group_id: str | None = None
    ) -> None:
        """`client_config` is librdkafka's. `predecessor_group_id`: the group whose place is taken over, if any."""
        self.topic = topic
        self._config = dict(client_config)
        self._group_id = group_id
        self._predecessor = predecessor_group_id
        self._consumer: Consumer | None = None
        self._committed: int | None = None
        self._last_problem = ""

    def read(self, timeout_s: float) -> list[SignalRecord]:
        """Return the next records, waiting `timeout_s` for the first."""
        try:
            consumer = self._consumer or self._open()
            messages = consumer.consume(RECORDS_MAX, timeout_s)
        except (KafkaException, CdcError) as error:
            self._tell(str(error))
            self.close()
            return []
        found = []
        for message in messages:
            problem = message.error()
            offset = message.offset()
            if problem is not None and problem.code() in _ABSENT:
                self._tell("it does not exist yet")
            elif problem is not None:
                self._tell(str(problem))
            elif offset is not None:
                self._last_problem = ""
                found.append(SignalRecord(_raw(message.key()), _raw(message.value()), offset))
        return found

    def commit(self, kafka_offset: int) -> None:
        """Note that everything below `kafka_offset` is done; tried again with the next when it cannot be written."""
        if self._consumer is None or self._committed == kafka_offset:
            return
        place = TopicPartition(self.topic, PARTITION, kafka_offset)
        try:
            self._consumer.commit(offsets=[place], asynchronous=False)
            self._committed = kafka_offset
        except KafkaException as error:
            self._tell(f"its place cannot be committed in group {self._group_id}: {error}")

    def close(self) -> None:
        """Close the consumer; `read` opens another."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _open(self) -> Consumer:
        consumer = self._make(self._group_id)
        try:
            start = self._place_of(consumer)
            if start < 0 and self._predecessor is not None:
                predecessor = self._make(self._predecessor)
                try:
                    start = self._place_of(predecessor)
                finally:
                    predecessor.close()
        except KafkaException as error:
            consumer.close()
            raise translate_kafka_error(error, f"Asking where to read {self.topic}") from error
        log.info("Signals are read from %s-%d, %s", self.topic, PARTITION, f"at {start}" if start >= 0 else "all of it")
        consumer.assign([TopicPartition(self.topic, PARTITION, max(start, 0))])
        self._consumer = consumer
        return consumer

    def _place_of(self, consumer: Consumer) -> int:
        """Return the committed offset, negative when there is none."""
        found = consumer.committed([TopicPartition(self.topic, PARTITION)], timeout=REQUEST_TIMEOUT_S)[0]
        if found.error is not None:
            raise KafkaException(found.error)
        return int(found.offset)

    def _make(self, group_id: str) -> Consumer:
        settings = {
            **self._config,
            "group.id": group_id,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": False,
        }
        return Consumer(settings, logger=log)

    def _tell(self, problem: str) -> None:
        if problem != self._last_problem:
            log.warning("Signal topic %s: %s. It is looked at again.", self.topic, problem)
            self._last_problem = problem


def _raw(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
