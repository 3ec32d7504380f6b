"""Every `KafkaError` sorted into the error tree by what happens next.

Source: librdkafka's INTRODUCTION.md, "Transactional error handling"; Kafka protocol error codes.
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from faust_cdc.errors import AbortableError, BrokerRefused, BrokerUnavailable, CdcError, ProducerFenced

FENCED_CODES = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})

TRANSIENT_CODES = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._WAIT_COORD,
        KafkaError._WAIT_CACHE,
        KafkaError._IN_PROGRESS,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.CONCURRENT_TRANSACTIONS,
        KafkaError.NOT_CONTROLLER,
        # "The server experienced an unexpected error": a new attempt finds out what became of the transaction.
        KafkaError.UNKNOWN,
    }
)

REMEDIES = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "grant the worker's principal WRITE, DESCRIBE and CREATE on the topic; if "
    "it is named by topic.prefix alone, it has changes of structure, include.schema.changes=false does without it",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "grant the worker's principal WRITE on the transactional id",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "grant the worker's principal IDEMPOTENT_WRITE on the cluster",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "grant the worker's principal READ on the group",
    KafkaError.MSG_SIZE_TOO_LARGE: "raise max.request.size (producer.max.request.size of the worker or "
    "producer.override.max.request.size of the connector) and the topic's max.message.bytes, then restart the task",
    KafkaError.INVALID_TRANSACTION_TIMEOUT: "lower producer.transaction.timeout.ms to the broker's "
    "transaction.max.timeout.ms or below",
    KafkaError._AUTHENTICATION: "check the sasl.* options of the worker",
    KafkaError._SSL: "check the ssl.* options of the worker",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "create the topic, or allow the worker to create topics",
    KafkaError._UNKNOWN_TOPIC: "create the topic, or allow the worker to create topics",
}


def translate_kafka_error(error: KafkaError | KafkaException, where: str) -> CdcError:
    """Return the error of our tree for `error`; `where` says what was being done and to what."""
    if isinstance(error, KafkaException):
        first = error.args[0] if error.args else None
        if not isinstance(first, KafkaError):
            return BrokerUnavailable(f"{where}: {error}")
        error = first
    text = f"{where}: {error.str()} ({error.name()})"
    code = error.code()
    if code in FENCED_CODES:
        return ProducerFenced(
            f"{text}. Another producer took over this transactional id.",
            remedy="nothing, if another worker runs the task now; else restart the task",
        )
    if error.txn_requires_abort():
        return AbortableError(text, remedy=REMEDIES.get(code))
    if code in TRANSIENT_CODES or error.retriable():
        return BrokerUnavailable(text)
    return BrokerRefused(text, remedy=REMEDIES.get(code))
