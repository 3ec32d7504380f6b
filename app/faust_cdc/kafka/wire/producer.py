"""`TaskProducer` on Kafka's own protocol: the task's thread does all of it, and no other is needed.

Why not librdkafka: it makes and copies every record a second time, in threads of its own, and asks four times for what
a commit needs; measured, most of the CPU of a row and most of the latency of a commit was its. Here a row is copied
once, into its partition's batch (`_batches.c`); a small transaction takes two round trips (Produce, EndTxn).

Two kinds of transactions, chosen by what the brokers have agreed upon (`transaction.version`):

- as of KIP-890 (Kafka 4): Produce adds its partitions to the transaction by itself, and the answer to EndTxn brings
  the epoch of the next transaction. What is late then is refused by its epoch, so an abort need not wait for it.
- before: AddPartitionsToTxn comes first, the epoch stays, and an abort first finds out what became of every batch that
  was sent (`Deliveries.drain`); after anything that went wrong the next transaction asks for a new epoch of the same
  producer id, as KIP-360 allows. What it cannot find out it leaves to the next owner, whose epoch fences it off.

An EndTxn whose answer is lost is asked again, with the same epoch, until its answer is known: the coordinator answers
a repetition as it did the first (with KIP-890 with the raised epoch). Where that takes too long the producer is FATAL:
the fate is not known, so nothing else may be tried; a new producer's `init` has it decided, and the offset is read
after that. A request that was lost may still arrive: before KIP-890 an EndTxn would end the next transaction, which
therefore asks for a new epoch first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from confluent_kafka import KafkaError

from faust_cdc.errors import AbortableError, BrokerUnavailable, CdcError, ClientUnfit, InternalError, ProducerFenced
from faust_cdc.kafka.direct import Row
from faust_cdc.kafka.errors import translate_kafka_error
from faust_cdc.kafka.queue_bounds import CONNECTION, topic_limit
from faust_cdc.kafka.task_producer import (
    ABORT_TIMEOUT_S,
    COMMIT_TIMEOUT_S,
    INIT_TIMEOUT_S,
    Headers,
    ProducerState,
    Transactional,
)
from faust_cdc.kafka.wire import messages
from faust_cdc.kafka.wire.cluster import Cluster
from faust_cdc.kafka.wire.connection import Connection, Disconnected
from faust_cdc.kafka.wire.deliveries import Deliveries, Identity, Oversized, PartitionQueue
from faust_cdc.kafka.wire.messages import NO_PRODUCER, Api, ProducerAnswer
from faust_cdc.kafka.wire.outcomes import (
    CONCURRENT_TRANSACTIONS,
    COORDINATOR_MOVED,
    FENCED,
    INVALID_TXN_STATE,
    NONE,
    PASSING,
    UNKNOWN_TOPIC,
    outcome,
)
from faust_cdc.kafka.wire.primitives import MalformedAnswer, Reader
from faust_cdc.kafka.wire.settings import wire_settings

log = logging.getLogger(__name__)

NO_ROOM, UNKNOWN_PLACE, TOO_LARGE = 1, 2, 3
"""Why `_batches` took no further row."""
WAIT_S: Final = 0.2
"""How long a wait for room lasts before it is seen that the task is to stop."""
AGAIN_MIN_S, AGAIN_MAX_S = 0.001, 0.1
"""Between two attempts of the same request."""
LEFT_MIN_S = 0.25
"""An attempt with less time left would only be cut off, and say so in place of what is wrong."""
TOPIC_APPEARS_WITHIN_S: Final = 30.0
PARTITION_APPEARS_WITHIN_S: Final = 2.0
"""Of a topic that is known."""
EPOCH_FEATURE: Final = "transaction.version"
EPOCH_FEATURE_LEVEL: Final = 2
EPOCH_PRODUCE, EPOCH_END = 12, 5
"""Versions of Produce and EndTxn that KIP-890 brought."""


class _Answer(Protocol):
    @property
    def throttle_ms(self) -> int: ...
    @property
    def error(self) -> int: ...


A = TypeVar("A", bound=_Answer)


class WireProducer(Transactional):
    """`TaskProducer` without librdkafka; for one thread."""

    def __init__(
        self,
        client_config: Mapping[str, str],
        transactional_id: str,
        queue_max_bytes: int,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Raises ConfigError for values that are none, ClientUnfit for unknown options and without the extension."""
        super().__init__(transactional_id, should_stop)
        try:
            from faust_cdc.kafka._batches import Batches
        except ImportError as error:
            raise ClientUnfit(
                f"producer.client=faust-cdc needs the compiled hot path, which is not built here ({error}).",
                remedy="install with a C compiler, or set producer.client=librdkafka",
            ) from error
        self._settings = settings = wire_settings(client_config)
        self._connection = {name: value for name, value in client_config.items() if name.startswith(CONNECTION)}
        self._queue_max_bytes = queue_max_bytes
        self._batches = Batches(settings.batch_max_bytes, settings.record_max_bytes)
        self._cluster = Cluster(settings, should_stop)
        self._identity = Identity()
        self._deliveries = Deliveries(self._cluster, transactional_id, self._identity, self._add_partitions)
        self._coordinator: int | None = None
        self._headers: Headers | None = None
        self._numbered = 0
        self._names: list[str] = []
        self._indexes: dict[str, int] = {}
        """Topics by name, as `_batches` numbers them."""
        self._counted = (-1, 0)
        """How often metadata had come, and how many topics there were, when partitions were counted."""
        self._open_since: float | None = None

    # ---- life cycle ----

    def init(self) -> None:
        """Fence older owners of the transactional id and have their open transaction decided."""
        self._attempt(lambda: self._init_producer_id(NO_PRODUCER, time.monotonic() + INIT_TIMEOUT_S))
        self._move(ProducerState.READY)

    def begin(self) -> None:
        """Open a Kafka transaction."""
        self._move(ProducerState.IN_TRANSACTION)
        self._cluster.pump(0)  # a connection that the broker has ended meanwhile is noticed here
        if time.monotonic() - self._cluster.asked_at > self._settings.metadata_max_age_s:
            self._cluster.refresh_unawaited()
        self._count_partitions()
        if self._deliveries.needs_new_epoch and not self._identity.bumps_epoch:
            old = (self._identity.producer_id, self._identity.epoch)
            self._attempt(lambda: self._init_producer_id(old, time.monotonic() + INIT_TIMEOUT_S))

    def serve(self) -> None:
        """Take answers that have come, send what has waited long enough; raises the first failed delivery."""
        self._attempt(self._serve)

    def commit(self) -> None:
        """Commit the open transaction. On an error the transaction's fate is an abort, or FATAL when fenced."""
        self._move(ProducerState.COMMITTING)
        self._attempt(self._commit)
        self._move(ProducerState.READY)

    def abort(self) -> None:
        """Abort the open transaction, if there is one; read_committed readers never see its records."""
        if self._state not in (ProducerState.IN_TRANSACTION, ProducerState.COMMITTING):
            return
        self._move(ProducerState.ABORTING)
        try:
            self._abort(time.monotonic() + ABORT_TIMEOUT_S)
        except CdcError:
            self._end_for_good()
            raise
        self._move(ProducerState.READY)

    def ensure_newest(self) -> None:
        """Abort what is open, and raise ProducerFenced if another producer has taken the transactional id over."""
        if self._state is ProducerState.READY:
            self.begin()
        self._deliveries.has_sent = True  # else nothing would be asked
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
        self._deliveries.give_up()
        self._cluster.close()
        self._batches.drop()
        self._move(ProducerState.CLOSED)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except ProducerFenced:
            self._end_for_good()
            raise

    def _end_for_good(self) -> None:
        if self._state is not ProducerState.FATAL:
            self._move(ProducerState.FATAL)

    # ---- records ----

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
        number = self.topic_number(topic)
        self._use(headers)
        place = -1 if partition is None else partition
        moment = -1 if timestamp_ms is None else timestamp_ms

        def add() -> None:
            while True:
                self._await_room()
                why = self._batches.append(number, place, key, value, moment)
                if why == 0:
                    break
                self._make_way(why, number, place, len(key or b"") + len(value or b""))
            self._appended()

        self._attempt(add)

    def produce_rows(self, rows: list[Row], at: int, stop: int, headers: Headers) -> int:
        """Queue `rows[at:stop]` of the open transaction, all with the same headers; return bytes of keys and values.

        Like `produce`, without its call per record.
        """
        self._use(headers)
        size = 0

        def add() -> None:
            nonlocal at, size
            while at < stop:
                room = self._await_room()
                at, some, why = self._batches.append_rows(rows, at, stop, room)
                size += some
                self._appended()
                if why > NO_ROOM:
                    number, key, value = rows[at]
                    self._make_way(why, number, -1, len(key or b"") + len(value or b""))

        self._attempt(add)
        return size

    def _use(self, headers: Headers) -> None:
        if self._state is not ProducerState.IN_TRANSACTION:
            raise InternalError(f"Producer {self.transactional_id}: a record while {self._state.value}.")
        if headers is not self._headers:
            self._batches.set_headers(headers)
            self._headers = headers
        while self._numbered < len(self._topics):
            name = self._topics[self._numbered]
            index = self._indexes.setdefault(name, len(self._names))
            if index == len(self._names):
                self._names.append(name)
            self._batches.number(index)
            self._numbered += 1

    def _await_room(self) -> int:
        """Return how many bytes may be added; waits until there are some. An empty queue takes any record."""
        while True:
            held = self._batches.size + self._deliveries.bytes
            if held == 0 or held < self._queue_max_bytes:
                return max(1, self._queue_max_bytes - held)
            self._dispatch(everything=True)
            if self._should_stop():
                raise AbortableError("Stopped while Kafka took no more records.")
            self._raise_failure()
            self._cluster.pump(min(WAIT_S, self._deliveries.wake_s()))

    def _appended(self) -> None:
        if self._open_since is None:
            self._open_since = time.monotonic()
        if self._batches.closed_count:
            self._dispatch(everything=False)
            self._raise_failure()

    def _make_way(self, why: int, number: int, partition: int, size: int) -> None:
        """Deal with what kept a record from being added. Raises what is wrong with it."""
        topic = self._topics[number]
        if why == TOO_LARGE:
            limit = f"max.request.size is {self._settings.record_max_bytes}"
            code = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
            raise translate_kafka_error(code, f"Producing a record of {size} bytes to {topic} ({limit})")
        self._learn(topic, partition)

    def _learn(self, topic: str, partition: int) -> None:
        """Find out a topic's partitions; a topic just made is waited for."""
        began = time.monotonic()
        deadline = began + TOPIC_APPEARS_WITHIN_S
        where = f"Looking for {topic}" if partition < 0 else f"Looking for partition {partition} of {topic}"
        # Many new tables are asked for at once; only a topic that gets a record is made, where brokers make topics.
        asked, creates = [topic, *(name for name in self._names if name not in self._cluster.topics)], False
        while True:
            answered = self._cluster.refresh(dict.fromkeys(asked), deadline, creates=creates)
            found = self._cluster.topics.get(topic)
            if answered and found is not None:
                if len(found.leaders) > max(partition, 0):
                    self._count_partitions()
                    return
                is_known = found.error == NONE and time.monotonic() > began + PARTITION_APPEARS_WITHIN_S
                if is_known or found.error not in (*PASSING, NONE):
                    raise outcome(found.error or UNKNOWN_TOPIC, where)
            if time.monotonic() >= deadline:
                raise outcome(UNKNOWN_TOPIC, where) if answered else self._cluster.unavailable(where)
            if self._should_stop():
                raise AbortableError(f"Stopped while {topic} was not known to Kafka.")
            if creates:
                self._cluster.pump(AGAIN_MAX_S)
            asked, creates = [topic], True

    def _count_partitions(self) -> None:
        counted = (self._cluster.answers, len(self._names))
        if self._counted == counted:
            return
        self._counted = counted
        for index, name in enumerate(self._names):
            found = self._cluster.topics.get(name)
            if found is not None and found.leaders:
                self._batches.set_partitions(index, len(found.leaders))

    # ---- sending ----

    def _dispatch(self, *, everything: bool) -> None:
        for batch in self._batches.take(everything):
            self._deliveries.add(self._names[batch.topic], batch)
        if everything:
            self._open_since = None
        self._deliveries.send()
        self._cluster.pump(0)

    def _serve(self) -> None:
        if self._open_since is not None and time.monotonic() - self._open_since >= self._settings.linger_s:
            self._dispatch(everything=True)
        elif self._deliveries.is_busy:
            self._deliveries.send()
            self._cluster.pump(0)
        self._raise_failure()

    def _raise_failure(self) -> None:
        failure = self._deliveries.failure
        if isinstance(failure, Oversized):
            limit = topic_limit(self._connection, failure.topic)
            where = f"Delivering a record of {failure.size} bytes to {failure.topic} (max.message.bytes is {limit})"
            failure = self._deliveries.failure = translate_kafka_error(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), where)
        if failure is not None:
            raise failure

    # ---- the end of a transaction ----

    def _commit(self) -> None:
        deadline = time.monotonic() + COMMIT_TIMEOUT_S
        self._dispatch(everything=True)
        while self._deliveries.is_busy:
            self._raise_failure()
            if time.monotonic() >= deadline:
                raise self._cluster.unavailable(f"Committing a Kafka transaction of {self.transactional_id}")
            self._cluster.pump(self._deliveries.wake_s())
            self._deliveries.send()
        self._raise_failure()
        self.acknowledged_at = time.perf_counter()
        self._end(is_commit=True, deadline=deadline)

    def _abort(self, deadline: float) -> None:
        self._batches.drop()
        self._open_since = None
        if not self._identity.bumps_epoch and not self._deliveries.drain(deadline):
            raise self._cluster.unavailable(
                f"Aborting a Kafka transaction of {self.transactional_id}: records under way may still arrive"
            )
        self._deliveries.give_up()
        self._end(is_commit=False, deadline=deadline)

    def _end(self, *, is_commit: bool, deadline: float) -> None:
        where = f"{'Committing' if is_commit else 'Aborting'} a Kafka transaction of {self.transactional_id}"
        identity = self._identity
        if self._deliveries.has_sent:
            body = messages.end_txn(self.transactional_id, identity.producer_id, identity.epoch, is_commit=is_commit)
            version = EPOCH_END if identity.bumps_epoch else EPOCH_END - 1
            try:
                answer = self._coordinate(messages.END_TXN, version, body, messages.read_end_txn, deadline, where)
            except CdcError:
                self._end_for_good()  # its fate is unknown
                raise
            if answer.error == INVALID_TXN_STATE and not is_commit and not identity.bumps_epoch:
                # Nothing was open: the coordinator heard of no partition, nor may it now of one that is under way.
                self._deliveries.needs_new_epoch = True
            elif answer.error != NONE:
                raise outcome(answer.error, where)
            if identity.bumps_epoch:
                identity.producer_id, identity.epoch = answer.producer_id, answer.epoch
        self._deliveries.next_transaction(resets_sequences=identity.bumps_epoch and self._deliveries.has_sent)

    # ---- the coordinator ----

    def _init_producer_id(self, old: tuple[int, int], deadline: float) -> None:
        timeout_ms = round(self._settings.transaction_timeout_s * 1000)
        where = f"Initialising transactional id {self.transactional_id}"
        body = messages.init_producer_id(self.transactional_id, timeout_ms, *old)

        def read(found: Reader, _: int) -> ProducerAnswer:
            return messages.read_init_producer_id(found)

        answer = self._coordinate(messages.INIT_PRODUCER_ID, 99, body, read, deadline, where)
        if answer.error != NONE:
            raise outcome(answer.error, where)
        identity = self._identity
        identity.producer_id, identity.epoch = answer.producer_id, answer.epoch
        self._deliveries.next_transaction(resets_sequences=True)

    def _add_partitions(self, queues: list[PartitionQueue]) -> bool:
        """Add partitions to the open transaction; what is refused becomes the deliveries' failure."""
        places: dict[str, list[int]] = {}
        for queue in queues:
            places.setdefault(queue.topic, []).append(queue.partition)
        where = f"Adding partitions to a Kafka transaction of {self.transactional_id}"
        identity, self._deliveries.has_sent = self._identity, True
        body = messages.add_partitions(self.transactional_id, identity.producer_id, identity.epoch, places)
        deadline = time.monotonic() + COMMIT_TIMEOUT_S
        try:
            answer = self._coordinate(messages.ADD_PARTITIONS, 99, body, _read_added, deadline, where)
        except CdcError as error:
            self._deliveries.failure = self._deliveries.failure or error
            return False
        if answer.error != NONE:
            failure = outcome(answer.error, f"{where}: {answer.place}")
            self._deliveries.failure = self._deliveries.failure or failure
            return False
        self._deliveries.added.update(queues)
        return True

    def _coordinate(
        self,
        api: Api,
        version_max: int,
        body: bytearray,
        read: Callable[[Reader, int], A],
        deadline: float,
        where: str,
    ) -> A:
        """Ask the coordinator, again while what keeps it from answering is passing.

        Raises BrokerUnavailable at the deadline.
        """
        wait_s, last = AGAIN_MIN_S, NONE

        def gives_up() -> bool:
            return self._state is ProducerState.IN_TRANSACTION and self._should_stop()

        while True:
            connection = self._coordinator_connection(deadline)
            if connection is not None:
                try:
                    asked = self._cluster.ask(connection, api, bytearray(body), deadline, version_max, gives_up)
                    answer = read(*asked)
                except (Disconnected, MalformedAnswer) as error:
                    self._cluster.problem = str(error)
                    self._coordinator = None
                    self._deliveries.needs_new_epoch = True  # it may still arrive, in the next transaction
                else:
                    if answer.throttle_ms > 0:
                        connection.mute_until = time.monotonic() + answer.throttle_ms / 1000
                    if answer.error not in PASSING:
                        return answer
                    last = answer.error
                    if last in COORDINATOR_MOVED:
                        self._coordinator = None
            now = time.monotonic()
            if now + wait_s + LEFT_MIN_S >= deadline or gives_up():
                raise self._cluster.unavailable(where) if last == NONE else _still(last, where)
            self._cluster.pump(wait_s)
            wait_s = min(wait_s * (1.2 if last == CONCURRENT_TRANSACTIONS else 2), AGAIN_MAX_S)

    def _coordinator_connection(self, deadline: float) -> Connection | None:
        if self._coordinator is None and (asked := self._cluster.any_connection(deadline)) is not None:
            body = messages.find_coordinator(self.transactional_id)
            try:
                found, _ = self._cluster.ask(asked, messages.FIND_COORDINATOR, body, deadline)
                answer = messages.read_coordinator(found)
            except (Disconnected, MalformedAnswer) as error:
                self._cluster.problem = str(error)
                return None
            if answer.error not in PASSING and answer.error != NONE:
                raise outcome(answer.error, f"Looking for the coordinator of {self.transactional_id}")
            if answer.error == NONE:
                self._cluster.know(answer.broker)
                self._coordinator = answer.broker.node
        if self._coordinator is None:
            return None
        connection = self._cluster.connection(self._coordinator, deadline)
        if connection is None:
            self._coordinator = None
        elif self._state is ProducerState.UNINITIALIZED:
            self._identity.bumps_epoch = _bumps_epoch(connection)
        return connection


class _Added:
    """An answer to AddPartitionsToTxn: the error that says most, and its partition."""

    def __init__(self, throttle_ms: int, errors: Mapping[tuple[str, int], int]) -> None:
        self.throttle_ms = throttle_ms
        ranked = sorted(errors.items(), key=lambda one: (one[1] in FENCED, one[1] not in PASSING, one[1] != 55))
        wrong = [one for one in ranked if one[1] != NONE]
        (name, partition), self.error = wrong[-1] if wrong else (("", 0), NONE)
        self.place = f"{name}-{partition}"


def _read_added(found: Reader, _: int) -> _Added:
    return _Added(*messages.read_add_partitions(found))


def _still(code: int, where: str) -> CdcError:
    """Return the error for what did not pass in time: Kafka is not available, whatever the code means else."""
    error = KafkaError(code)
    return BrokerUnavailable(f"{where}: {error.str()} ({error.name()}), still so at the end of the time for it.")


def _bumps_epoch(connection: Connection) -> bool:
    return (
        connection.versions.features.get(EPOCH_FEATURE, 0) >= EPOCH_FEATURE_LEVEL
        and (connection.version_of(messages.PRODUCE) or 0) >= EPOCH_PRODUCE
        and (connection.version_of(messages.END_TXN) or 0) >= EPOCH_END
    )
