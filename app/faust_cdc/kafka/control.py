"""The control plane's producer: few records, idempotent, acknowledged by all replicas."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from faust_cdc.errors import BrokerUnavailable, CdcError
from faust_cdc.kafka.errors import translate_kafka_error

log = logging.getLogger(__name__)


class ControlProducer:
    """Sends control records; partitions keys as Kafka's Java clients do (murmur2)."""

    def __init__(self, client_config: Mapping[str, str]) -> None:
        self._producer = Producer(
            {
                **client_config,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0,
                "partitioner": "murmur2_random",
                "message.timeout.ms": 30000,
            },
            logger=log,
        )
        self._lock = threading.Lock()
        self._failure: CdcError | None = None

    def send(
        self,
        topic: str,
        key: bytes | str | None,
        value: bytes | None,
        partition: int | None = None,
        on_delivery: Callable[[CdcError | None], None] | None = None,
    ) -> None:
        """Queue one record. A failed delivery is logged, kept for `flush` and told to `on_delivery`."""

        def delivered(error: KafkaError | None, message: Message) -> None:
            failure = None if error is None else translate_kafka_error(error, f"Writing to {message.topic()}")
            if failure is not None:
                log.error("Control record for %s not written: %s", message.topic(), failure)
                self._failure = failure
            if on_delivery is not None:
                on_delivery(failure)

        raw_key = key.encode() if isinstance(key, str) else key
        try:
            if partition is None:
                self._producer.produce(topic, value=value, key=raw_key, on_delivery=delivered)
            else:
                self._producer.produce(topic, value=value, key=raw_key, partition=partition, on_delivery=delivered)
        except (BufferError, KafkaException) as error:
            if isinstance(error, KafkaException):
                raise translate_kafka_error(error, f"Writing to {topic}") from error
            raise BrokerUnavailable(f"Writing to {topic}: the control queue is full, Kafka does not answer.") from error
        self._producer.poll(0)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Serve delivery callbacks."""
        self._producer.poll(timeout_s)

    def flush(self, timeout_s: float = 10.0) -> None:
        """Wait for everything sent. Raises the first delivery error, or BrokerUnavailable on timeout."""
        with self._lock:
            if self._producer.flush(timeout_s) > 0:
                raise BrokerUnavailable(f"Control records not acknowledged within {timeout_s:g} s.")
            failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
