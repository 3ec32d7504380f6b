"""The last committed records of keys, read strongly.

Why it is right: the caller has run `init_transactions` first, so no older owner of the task can add to the
partition any more and the dead owner's open transaction is decided. The partition is then read read_committed up
to its *high watermark*, taken with a read_uncommitted query. The last stable offset is not enough: a neighbour's
open transaction below our record hides it (the same fault as KAFKA-10167), and reading to it would resume from an
older offset, that is, write records twice. Reading to the high watermark waits for the neighbour instead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from faust_cdc.errors import BrokerUnavailable
from faust_cdc.kafka.errors import translate_kafka_error

log = logging.getLogger(__name__)

READ_TIMEOUT_S: Final = 90.0
LEADERLESS_S: Final = 5.0
"""How long a partition may be without a leader, as one of a topic made a moment ago is."""
_LEADERLESS: Final = frozenset(
    {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART}
)


def read_last(
    client_config: Mapping[str, str], topic: str, partition: int, key: bytes, timeout_s: float = READ_TIMEOUT_S
) -> bytes | None:
    """Return the last committed value of `key` (raw bytes) in the partition, or None when absent or a tombstone.

    Raises BrokerUnavailable when the high watermark is not reached within `timeout_s`.
    """
    return read_all(client_config, topic, partition, key.__eq__, timeout_s).get(key)


def read_all(
    client_config: Mapping[str, str],
    topic: str,
    partition: int,
    wants: Callable[[bytes], bool],
    timeout_s: float = READ_TIMEOUT_S,
) -> dict[bytes, bytes]:
    """Return the last committed values of the keys in the partition that `wants` chooses, without tombstones.

    In the order in which the keys first came. Raises BrokerUnavailable when the high watermark is not reached within
    `timeout_s`.
    """
    values: dict[bytes, bytes] = {}
    for key, value in _committed(client_config, topic, partition, timeout_s):
        if key is None or not wants(key):
            continue
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
    return values


def holds_records(client_config: Mapping[str, str], topic: str, timeout_s: float = READ_TIMEOUT_S) -> bool:
    """Return whether a topic has any committed record; one that does not exist has none.

    Raises BrokerUnavailable when a partition's high watermark is not reached within `timeout_s`.
    """
    consumer = _consumer(client_config, "read_committed")
    try:
        found = consumer.list_topics(topic, timeout=10).topics[topic]
    except KafkaException as error:
        raise translate_kafka_error(error, f"Asking for the partitions of {topic}") from error
    finally:
        consumer.close()
    if found.error is not None and found.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise translate_kafka_error(found.error, f"Asking for the partitions of {topic}")
    return any(
        next(_committed(client_config, topic, number, timeout_s), None) is not None for number in found.partitions
    )


def _committed(
    client_config: Mapping[str, str], topic: str, partition: int, timeout_s: float
) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Yield keys and values of the committed records up to the partition's high watermark as it is now."""
    target = _high_watermark(client_config, topic, partition)
    if target <= 0:
        return
    consumer = _consumer(client_config, "read_committed")
    deadline = time.monotonic() + timeout_s
    try:
        consumer.assign([TopicPartition(topic, partition, 0)])
        while True:
            message = consumer.poll(0.1)
            if message is not None:
                error = message.error()
                if error is None:
                    yield message.key(), message.value()
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise translate_kafka_error(error, f"Reading {topic}-{partition}")
                elif (message.offset() or 0) >= target:  # all before it was deleted
                    return
            if consumer.position([TopicPartition(topic, partition)])[0].offset >= target:
                return
            if time.monotonic() > deadline:
                raise BrokerUnavailable(
                    f"Reading {topic}-{partition}: high watermark {target} not reached in {timeout_s:g} s; another "
                    "task's transaction is open in this partition.",
                    remedy="it ends with that task's transaction.timeout.ms; more partitions of this topic make it "
                    "rarer",
                )
    except KafkaException as error:
        raise translate_kafka_error(error, f"Reading {topic}-{partition}") from error
    finally:
        consumer.close()


def _high_watermark(client_config: Mapping[str, str], topic: str, partition: int) -> int:
    consumer = _consumer(client_config, "read_uncommitted")
    deadline = time.monotonic() + LEADERLESS_S
    try:
        while True:
            try:
                _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10, cached=False)
                return int(high)
            except KafkaException as error:
                if error.args[0].code() not in _LEADERLESS or time.monotonic() > deadline:
                    raise translate_kafka_error(
                        error, f"Asking for the high watermark of {topic}-{partition}"
                    ) from error
            time.sleep(0.1)
    finally:
        consumer.close()


def _consumer(client_config: Mapping[str, str], isolation: str) -> Consumer:
    return Consumer(
        {
            **client_config,
            # Never joined and never committed: librdkafka only wants the property set.
            "group.id": "faust-cdc-strong-read",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
        },
        logger=log,
    )
