"""How much a task's producer may hold, and what Kafka says when one record is too large.

librdkafka counts keys and values of records that were not acknowledged yet, not what it keeps beside each (about half a
kilobyte with our four headers). So the number of records is bounded with the bytes: small ones cost more than they say.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

log = logging.getLogger(__name__)

QUEUE_BYTES: Final = 32 * 1024 * 1024
"""Our default of `max.queue.size.in.bytes`, for which Debezium has no limit."""
CONNECTION: Final = ("bootstrap.servers", "security.", "sasl.", "ssl.", "client.id")
"""How the options of any client begin."""
RECORD_BYTES_MAX: Final = 1_000_000
"""librdkafka's default of `message.max.bytes`."""

_BYTES_PER_RECORD: Final = 640
_RECORDS_MIN: Final = 10_000
_ROOM_BYTES: Final = 64 * 1024
_ANSWER_TIMEOUT_S: Final = 5.0


def queue_bounds(queue_max_bytes: int, record_max_bytes: int) -> dict[str, int]:
    """Return librdkafka's options for a queue of so many bytes; one record of the largest size has room in any case.

    Without that room a record that is larger than the queue would wait for ever: librdkafka refuses what would exceed
    its limit, even when it holds nothing else. So with a larger `message.max.bytes` as many bytes may be held.
    """
    held = max(queue_max_bytes, record_max_bytes + _ROOM_BYTES)
    return {
        "queue.buffering.max.kbytes": held // 1024 + 1,
        "queue.buffering.max.messages": max(_RECORDS_MIN, held // _BYTES_PER_RECORD),
    }


def topic_limit(client_config: Mapping[str, str], topic: str) -> str:
    """Return what the broker says of the topic's `max.message.bytes`, "unknown" when it does not say."""
    admin = AdminClient(dict(client_config), logger=log)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        answers = admin.describe_configs([resource], request_timeout=_ANSWER_TIMEOUT_S)
        return str(answers[resource].result(_ANSWER_TIMEOUT_S)["max.message.bytes"].value)
    except (KafkaException, KeyError, TimeoutError) as error:
        log.debug("max.message.bytes of %s: %s", topic, error)
        return "unknown"
