"""The transactional producer of one task as the pipeline sees it, whichever client is beneath.

    UNINITIALIZED ─init→ READY ─begin→ IN_TRANSACTION ─commit→ COMMITTING → READY
                           ↑                 │ abort                │ abortable error
                           └──── ABORTING ←──┴──────────────────────┘
    any ─fenced or fatal→ FATAL          any ─close→ CLOSED

Two clients implement `TaskProducer`: librdkafka (`faust_cdc.kafka.producer`) and our own on Kafka's wire protocol
(`faust_cdc.kafka.wire.producer`). `producer.client` names one; it is looked at when a task starts, never per row.
Source: KIP-98; librdkafka INTRODUCTION.md, "Transactional producer".
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from faust_cdc.errors import BrokerUnavailable, CdcError, InternalError, ProducerFenced
from faust_cdc.kafka.direct import Row

log = logging.getLogger(__name__)

Headers = list[tuple[str, bytes | None]]
TableName = tuple[str, str]
"""Database and table."""

INIT_TIMEOUT_S: Final = 30.0
COMMIT_TIMEOUT_S: Final = 60.0
ABORT_TIMEOUT_S: Final = 10.0


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


class TaskProducer(Protocol):
    """Begin, produce, commit or abort: every failure surfaces as an error of our tree, none is lost.

    One thread uses it. Bytes that wait for Kafka are bounded: who produces waits.
    """

    transactional_id: str
    acknowledged_at: float
    """When the broker had acknowledged all records of the last transaction committed (`time.perf_counter`)."""

    @property
    def state(self) -> ProducerState:
        """Where the transaction stands."""

    def init(self) -> None:
        """Fence older owners of the transactional id and have their open transaction decided."""

    def begin(self) -> None:
        """Open a Kafka transaction."""

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Queue one record of the open transaction; waits while the queue is full (back-pressure by bytes).

        Its timestamp is now unless `timestamp_ms` (since the epoch) says otherwise.

        Raises AbortableError when the queue stays full while the task is to stop: Kafka may be away for minutes.
        """

    def produce_rows(self, rows: list[Row], at: int, stop: int, headers: Headers) -> int:
        """Queue `rows[at:stop]` of the open transaction, all with the same headers; return bytes of keys and values.

        Like `produce`, without its call per record.
        """

    def topic_number(self, topic: str, table: TableName | None = None) -> int:
        """Return by which number rows name the topic, always the same; each table in it has one of its own."""

    def target_of(self, number: int) -> tuple[str, TableName | None]:
        """Return the topic and the table with this number."""

    def serve(self) -> None:
        """Take answers that have come; raises the first failed delivery."""

    def commit(self) -> None:
        """Commit the open transaction. On an error the transaction's fate is an abort, or FATAL when fenced."""

    def abort(self) -> None:
        """Abort the open transaction, if there is one; read_committed readers never see its records."""

    def ensure_newest(self) -> None:
        """Abort what is open, and raise ProducerFenced if another producer has taken the transactional id over.

        Raises CdcError where the broker cannot say. librdkafka asks only if something is open.
        """

    def close(self) -> None:
        """Abort what is open and drop the producer; never raises, the broker aborts what we could not."""


@contextmanager
def owned(producer: TaskProducer, should_stop: Callable[[], bool] = lambda: False) -> Iterator[TaskProducer]:
    """Close the producer at the end; an error of an owner that another one has followed becomes ProducerFenced.

    The new owner takes more than the transactional id: with its server id it ends the old one's binlog dump, which
    hears of that first when it thaws. What ends the old owner is then no failure of the task, and nobody's to repair.
    An error of Kafka's own (BrokerUnavailable) is left as it is: the same broker would have to be asked.
    """
    try:
        yield producer
    except (ProducerFenced, BrokerUnavailable):
        raise
    except CdcError as error:
        if not should_stop():
            _ensure_newest(producer, error)
        raise
    finally:
        producer.close()


def _ensure_newest(producer: TaskProducer, cause: CdcError) -> None:
    try:
        producer.ensure_newest()
    except ProducerFenced as fenced:
        raise ProducerFenced(f"{fenced.message} Found out after: {cause}", remedy=fenced.remedy) from cause
    except CdcError as unknown:
        log.debug("%s: %s", producer.transactional_id, unknown)


class Transactional:
    """What both clients have in common: the state machine, and topics by number."""

    def __init__(self, transactional_id: str, should_stop: Callable[[], bool]) -> None:
        self.transactional_id = transactional_id
        self.acknowledged_at = 0.0
        """When the broker had acknowledged all records of the last transaction committed (`time.perf_counter`)."""
        self._should_stop = should_stop
        self._state = ProducerState.UNINITIALIZED
        self._topics: list[str] = []
        self._targets: list[tuple[str, TableName | None]] = []
        self._topic_numbers: dict[tuple[str, TableName | None], int] = {}

    @property
    def state(self) -> ProducerState:
        """Where the transaction stands."""
        return self._state

    def topic_number(self, topic: str, table: TableName | None = None) -> int:
        """Return by which number rows name the topic, always the same; each table in it has one of its own."""
        target = (topic, table)
        number = self._topic_numbers.setdefault(target, len(self._topics))
        if number == len(self._topics):
            self._topics.append(topic)
            self._targets.append(target)
        return number

    def target_of(self, number: int) -> tuple[str, TableName | None]:
        """Return the topic and the table with this number."""
        return self._targets[number]

    def _move(self, to: ProducerState) -> None:
        if to not in MOVES[self._state]:
            raise InternalError(f"Producer {self.transactional_id}: illegal move {self._state.value} → {to.value}.")
        self._state = to


def task_transactional_id(group_id: str, connector: str, task_id: int) -> str:
    """Return Connect's own form, so that our start fences a Connect worker's task and the other way round."""
    return f"{group_id}-{connector}-{task_id}"
