"""What follows from an error code of a broker: passing, the transaction's end, or the task's.

The numbers are the protocol's, the same that confluent_kafka has, so that names, texts and remedies are those of
`faust_cdc.kafka.errors`. Source: kafka.apache.org/protocol, "Error Codes"; KIP-360, KIP-588, KIP-890.
"""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError

from faust_cdc.errors import AbortableError, CdcError
from faust_cdc.kafka.errors import FENCED_CODES, translate_kafka_error

NONE: Final = 0
UNKNOWN_TOPIC: Final = 3
TOO_LARGE: Final = 10
OUT_OF_ORDER: Final = 45
DUPLICATE: Final = 46
INVALID_TXN_STATE: Final = 48
CONCURRENT_TRANSACTIONS: Final = 51
FENCED: Final = FENCED_CODES

COORDINATOR_MOVED: Final = frozenset({15, 16})
"""COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: it is to be looked up again."""

LEADER_MOVED: Final = frozenset({UNKNOWN_TOPIC, 5, 6, 9, 56, 74, 75, 76, 100})
"""Metadata is to be asked for again: no leader, not the leader, its disk is broken, an epoch that is not the leader's,
an unknown topic or topic id (a broker that was just told of it may not know it yet)."""

PASSING: Final = frozenset(
    {
        -1,  # UNKNOWN_SERVER_ERROR: the same request again finds out what became of it
        2,  # CORRUPT_MESSAGE: on its way
        7,  # REQUEST_TIMED_OUT
        8,  # BROKER_NOT_AVAILABLE
        13,  # NETWORK_EXCEPTION
        14,  # COORDINATOR_LOAD_IN_PROGRESS
        19,  # NOT_ENOUGH_REPLICAS
        20,  # NOT_ENOUGH_REPLICAS_AFTER_APPEND
        CONCURRENT_TRANSACTIONS,
        89,  # THROTTLING_QUOTA_EXCEEDED
        *COORDINATOR_MOVED,
        *LEADER_MOVED,
    }
)

ENDS_TRANSACTION: Final = frozenset(
    {
        OUT_OF_ORDER,
        INVALID_TXN_STATE,
        49,  # INVALID_PRODUCER_ID_MAPPING: the id expired
        55,  # OPERATION_NOT_ATTEMPTED: with another partition's error
        59,  # UNKNOWN_PRODUCER_ID
        120,  # TRANSACTION_ABORTABLE
    }
)
"""The transaction is to be aborted and what it held replayed; nothing lasting is wrong."""


def outcome(code: int, where: str, text: str = "") -> CdcError:
    """Return the error of our tree for a code; `text` is what the broker says beside it."""
    what = f"{where} ({text})" if text else where
    error = KafkaError(code)
    if code in ENDS_TRANSACTION:
        return AbortableError(f"{what}: {error.str()} ({error.name()})")
    return translate_kafka_error(error, what)
