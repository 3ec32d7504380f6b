"""Batches on their way: in order within each partition, several requests under way, each batch until it is answered.

Why nothing is lost, doubled or out of order within a partition:

- A batch gets its sequence when it is sent first, and keeps it, with the same bytes, however often it is sent again. A
  broker that has it already says so (DUPLICATE), which is as good as a yes.
- After a batch that has to be sent again, the partition sends nothing until all its batches under way were answered
  (the broker refuses what follows a gap); then they go again in their order. A partition whose leader moved waits for
  the old leader's answers likewise.
- A batch that can not be delivered is a `failure`, which no commit gets past.

`drain` is what an abort without KIP-890 needs: the end marker of a transaction does not stop a batch of it that is
still under way, which would land behind the marker and so in the next transaction. So every batch that was ever sent
is sent again until its fate is known; then only may the transaction end. With KIP-890 the end raises the epoch, and
the broker itself refuses what comes late.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError

from faust_cdc.errors import BrokerUnavailable, CdcError
from faust_cdc.kafka.wire import messages
from faust_cdc.kafka.wire.cluster import ASK_AGAIN_S, Cluster
from faust_cdc.kafka.wire.connection import Connection
from faust_cdc.kafka.wire.outcomes import (
    CONCURRENT_TRANSACTIONS,
    DUPLICATE,
    LEADER_MOVED,
    NONE,
    OUT_OF_ORDER,
    PASSING,
    TOO_LARGE,
    UNKNOWN_TOPIC,
    outcome,
)
from faust_cdc.kafka.wire.packing import pack
from faust_cdc.kafka.wire.primitives import MalformedAnswer, Reader, Writer

if TYPE_CHECKING:
    from faust_cdc.kafka._batches import Batch

REQUESTS_MAX: Final = 5
"""Under way to one broker: of so many batches a broker remembers the sequences."""
REQUEST_BYTES: Final = 1_000_000
"""After which a request takes no further batch."""
SEQUENCE_MASK: Final = 0x7FFF_FFFF
NEVER_SENT: Final = -1
DECIDING_S: Final = 0.002
"""How long to wait when the transaction before is still being decided."""
WAKE_MIN_S, WAKE_MAX_S = 0.001, 0.2
TOPIC_KNOWN_WITHIN_S: Final = 30.0
"""How long a topic may be unknown to its broker; a new one is for a moment."""
WITHOUT_IMPLICIT: Final = 11
"""The last version of Produce that leaves it to AddPartitionsToTxn to say what a transaction writes to."""


@dataclass(slots=True)
class Identity:
    """Who produces: what each batch carries."""

    producer_id: int = -1
    epoch: int = -1
    bumps_epoch: bool = False
    """Transactions as of KIP-890: Produce adds partitions, the end of each transaction raises the epoch."""


class Parcel:
    """One batch on its way."""

    __slots__ = ("batch", "held_bytes", "is_given_up", "is_uncertain", "order", "sends", "sequence", "since")

    def __init__(self, batch: Batch, order: int, held_bytes: int) -> None:
        self.batch = batch
        self.order = order
        self.held_bytes = held_bytes
        """Before it was packed: its memory stays as large."""
        self.since = time.monotonic()
        self.sequence = NEVER_SENT
        self.sends = 0
        self.is_uncertain = False
        """Its last request was not answered: it may be in the log, or still get there."""
        self.is_given_up = False


@dataclass(slots=True, eq=False)
class PartitionQueue:
    """What is to go to one partition."""

    topic: str
    partition: int
    waiting: deque[Parcel] = field(default_factory=deque)
    under_way: list[Parcel] = field(default_factory=list)
    again: list[Parcel] = field(default_factory=list)
    """Sent before, to be sent again once nothing is under way."""
    node: int = -1
    """Where `under_way` went."""
    hold_until: float = 0.0
    missing_since: float | None = None
    last_code: int = NONE
    """Of the last answer that was an error."""

    @property
    def is_busy(self) -> bool:
        """Whether anything was not acknowledged yet."""
        return bool(self.waiting or self.under_way or self.again)

    def may_send(self, now: float) -> bool:
        """Whether something waits, and for nothing else than to be sent."""
        return bool(self.waiting) and not self.again and self.hold_until <= now


@dataclass(frozen=True, slots=True)
class Oversized:
    """A batch that its topic does not take, for its largest record of so many bytes of key and value."""

    topic: str
    size: int


Add = Callable[[list[PartitionQueue]], bool]
"""Says of queues that the open transaction writes to them; False: not now."""


class Deliveries:
    """All partitions of one producer. Not thread-safe."""

    def __init__(self, cluster: Cluster, transactional_id: str, identity: Identity, add: Add) -> None:
        self.failure: CdcError | Oversized | None = None
        self.bytes = 0
        """What all batches hold that were not acknowledged yet."""
        self.has_sent = False
        """Whether the open transaction may have anything at a broker."""
        self.needs_new_epoch = False
        """Whether a sequence was used for a batch that did not get into its partition, or a request is lost that may
        still arrive: a broker that refuses it then takes no higher sequence of the same epoch, and a coordinator takes
        it for the open transaction's."""
        self.added: set[PartitionQueue] = set()
        """To the open transaction."""
        self.sequences: dict[PartitionQueue, int] = {}
        """Of each partition's next record, where it is not 0."""
        self._cluster = cluster
        self._transactional_id = transactional_id
        self._identity = identity
        self._add = add
        self._queues: dict[tuple[str, int], PartitionQueue] = {}
        self._busy: dict[PartitionQueue, None] = {}
        self._order = 0
        self._is_stale = False
        self._is_draining = False

    @property
    def is_busy(self) -> bool:
        """Whether anything was not acknowledged yet."""
        return bool(self._busy)

    def add(self, topic: str, batch: Batch) -> None:
        """Queue a batch, packed as configured."""
        held_bytes = batch.size
        pack(batch, self._cluster.settings.compression)
        place = (topic, batch.partition)
        queue = self._queues.get(place) or self._queues.setdefault(place, PartitionQueue(*place))
        self._order += 1
        parcel = Parcel(batch, self._order, held_bytes)
        self.bytes += held_bytes
        queue.waiting.append(parcel)
        self._busy[queue] = None

    def wake_s(self) -> float:
        """Return how long to wait at most before `send` has something to do that no answer tells."""
        now, wake_s = time.monotonic(), WAKE_MAX_S
        for queue in self._busy:
            if queue.waiting:
                wake_s = min(wake_s, queue.hold_until - now)
        return max(WAKE_MIN_S, wake_s)

    # ---- sending ----

    def send(self) -> None:
        """Send what may go now. What cannot be delivered becomes the `failure`."""
        now = time.monotonic()
        self._give_up_late_ones(now)
        if self.failure is not None and not self._is_draining:
            return
        ready = [queue for queue in self._busy if queue.may_send(now)]
        if not ready:
            return
        if self._is_stale and now - self._cluster.asked_at >= ASK_AGAIN_S:
            topics = dict.fromkeys(queue.topic for queue in self._busy)
            self._is_stale = not self._cluster.refresh(
                topics, now + self._cluster.settings.request_timeout_s, creates=True
            )
        if not self._identity.bumps_epoch:
            new = [queue for queue in ready if queue not in self.added]
            if new and not self._add(new):
                return
        by_node: dict[int, list[PartitionQueue]] = {}
        for queue in ready:
            leader = self._leader(queue)
            if not queue.may_send(now):
                continue  # answers came while others were awaited
            if leader < 0:
                self._is_stale = True
                queue.hold_until = now + ASK_AGAIN_S
            elif not queue.under_way or queue.node == leader:
                by_node.setdefault(leader, []).append(queue)
        for node, queues in by_node.items():
            self._send_to(node, queues)

    def _leader(self, queue: PartitionQueue) -> int:
        topic = self._cluster.topics.get(queue.topic)
        return topic.leaders[queue.partition] if topic and queue.partition < len(topic.leaders) else -1

    def _send_to(self, node: int, queues: list[PartitionQueue]) -> None:
        now = time.monotonic()
        connection = self._cluster.connection(node, now + self._cluster.settings.connect_timeout_s)
        if connection is None:
            self._is_stale = True
            for queue in queues:
                queue.hold_until = now + ASK_AGAIN_S / 2
            return
        if connection.mute_until > now:
            for queue in queues:
                queue.hold_until = connection.mute_until
            return
        under_way = sum(one.api is messages.PRODUCE for one in connection.pending)
        while queues and under_way < REQUESTS_MAX:
            parcels: list[tuple[PartitionQueue, Parcel]] = []
            size = 0
            for queue in queues:
                if size < REQUEST_BYTES:
                    parcels.append((queue, queue.waiting.popleft()))
                    size += parcels[-1][1].batch.size
            for queue, parcel in parcels:
                self._seal(queue, parcel)
                queue.node = node
            self._request(connection, parcels)
            under_way += 1
            # Those that the request had no room for come first.
            queues = [one for one in (*queues[len(parcels) :], *queues[: len(parcels)]) if one.waiting]

    def _seal(self, queue: PartitionQueue, parcel: Parcel) -> None:
        if parcel.sequence == NEVER_SENT:
            parcel.sequence = self.sequences.get(queue, 0)
            self.sequences[queue] = (parcel.sequence + parcel.batch.count) & SEQUENCE_MASK
            parcel.batch.seal(self._identity.producer_id, self._identity.epoch, parcel.sequence)
        parcel.sends += 1
        queue.under_way.append(parcel)

    def _request(self, connection: Connection, parcels: list[tuple[PartitionQueue, Parcel]]) -> None:
        by_topic: dict[str, list[tuple[int, Batch]]] = {}
        for queue, parcel in parcels:
            by_topic.setdefault(queue.topic, []).append((queue.partition, parcel.batch))
        timeout_ms = round(self._cluster.settings.request_timeout_s * 1000)
        out = messages.produce_start(self._transactional_id, timeout_ms, len(by_topic))
        body: list[memoryview] = []
        for topic, batches in by_topic.items():
            out.text(topic)
            out.count(len(batches))
            for partition, batch in batches:
                out.int32(partition)
                out.count(batch.size)
                body += (memoryview(out.data), memoryview(batch))
                out = Writer()
                out.no_tags()
            out.no_tags()
        out.no_tags()
        body.append(memoryview(out.data))
        self.has_sent = True
        version = connection.version_of(messages.PRODUCE) or messages.PRODUCE.lowest
        if not self._identity.bumps_epoch:
            version = min(version, WITHOUT_IMPLICIT)
        answered = partial(self._answered, connection, parcels)
        connection.send(messages.PRODUCE, version, body, answered, partial(self._lost, parcels))

    # ---- answers ----

    def _answered(
        self, connection: Connection, parcels: list[tuple[PartitionQueue, Parcel]], found: Reader, _: int
    ) -> None:
        throttle_ms, outcomes = messages.read_produce(found)
        if throttle_ms > 0:
            connection.mute_until = time.monotonic() + throttle_ms / 1000
        if any((queue.topic, queue.partition) not in outcomes for queue, _ in parcels):
            raise MalformedAnswer("a partition is missing")
        for queue, parcel in parcels:
            code, text = outcomes[queue.topic, queue.partition]
            if not parcel.is_given_up:
                self._settle(queue, parcel, code, text)

    def _settle(self, queue: PartitionQueue, parcel: Parcel, code: int, text: str) -> None:
        queue.under_way.remove(parcel)
        if code in (NONE, DUPLICATE):
            queue.missing_since = None
            self._done(parcel)
        elif code in PASSING or (code == OUT_OF_ORDER and queue.again):
            parcel.is_uncertain = False
            queue.last_code = code
            self._note_missing(queue, code)
            queue.again.append(parcel)
            self._is_stale = self._is_stale or code in LEADER_MOVED
            wait_s = DECIDING_S if code == CONCURRENT_TRANSACTIONS else self._cluster.settings.retry_backoff_s
            queue.hold_until = time.monotonic() + wait_s
            if parcel.sends > self._cluster.settings.retries:
                self._fail(outcome(code, f"Delivering to {queue.topic}, {parcel.sends} times", text))
        else:
            self._done(parcel)
            self.needs_new_epoch = True
            if code == TOO_LARGE:
                self._fail(Oversized(queue.topic, parcel.batch.largest))
            else:
                self._fail(outcome(code, f"Delivering to {queue.topic}", text))
        self._after_answer(queue)

    def _lost(self, parcels: list[tuple[PartitionQueue, Parcel]], reason: str) -> None:
        self._is_stale = self.needs_new_epoch = True
        for queue, parcel in parcels:
            if parcel.is_given_up or parcel not in queue.under_way:
                continue
            parcel.is_uncertain = True
            queue.under_way.remove(parcel)
            queue.again.append(parcel)
            queue.hold_until = time.monotonic() + self._cluster.settings.reconnect_min_s
            if parcel.sends > self._cluster.settings.retries:
                self._fail(BrokerUnavailable(f"Delivering to {queue.topic}, {parcel.sends} times: {reason}."))
            self._after_answer(queue)

    def _note_missing(self, queue: PartitionQueue, code: int) -> None:
        if code != UNKNOWN_TOPIC:
            queue.missing_since = None
        elif queue.missing_since is None:
            queue.missing_since = time.monotonic()
        elif time.monotonic() - queue.missing_since > TOPIC_KNOWN_WITHIN_S:
            self._fail(outcome(code, f"Delivering to {queue.topic}-{queue.partition}"))

    def _after_answer(self, queue: PartitionQueue) -> None:
        if queue.again and not queue.under_way:
            queue.again.sort(key=lambda parcel: parcel.order, reverse=True)
            queue.waiting.extendleft(queue.again)
            queue.again.clear()
            if self._is_draining:
                self._keep_uncertain(queue)
        if not queue.is_busy:
            self._busy.pop(queue, None)

    def _done(self, parcel: Parcel) -> None:
        self.bytes -= parcel.held_bytes

    def _fail(self, failure: CdcError | Oversized) -> None:
        self.failure = self.failure or failure

    def _give_up_late_ones(self, now: float) -> None:
        if self._late_one(now) is None:
            return
        self._cluster.pump(0)  # the answer may be here since long: nobody looked
        queue = self._late_one(now)
        if queue is not None:
            reason = KafkaError(queue.last_code).name() if queue.last_code else self._cluster.problem
            where = f"Delivering to {queue.topic}-{queue.partition}"
            limit_s = self._cluster.settings.delivery_timeout_s
            self._fail(BrokerUnavailable(f"{where}: not acknowledged within {limit_s:g} s ({reason})."))

    def _late_one(self, now: float) -> PartitionQueue | None:
        for queue in self._busy:
            firsts = (*queue.under_way[:1], *queue.again[:1], *([queue.waiting[0]] if queue.waiting else ()))
            oldest = min((one.since for one in firsts), default=now)
            if now - oldest > self._cluster.settings.delivery_timeout_s:
                return queue
        return None

    # ---- the end of a transaction ----

    def next_transaction(self, *, resets_sequences: bool) -> None:
        """Forget what belonged to the last one."""
        self.failure, self.has_sent = None, False
        self.added.clear()  # of the few that it wrote to: there may be many thousands of partitions
        if resets_sequences:
            self.sequences.clear()
            self.needs_new_epoch = False

    def give_up(self) -> None:
        """Forget all batches; answers to those under way change nothing any more."""
        for queue in self._busy:
            for parcel in (*queue.under_way, *queue.again, *queue.waiting):
                parcel.is_given_up = True
            queue.under_way.clear()
            queue.again.clear()
            queue.waiting.clear()
            queue.hold_until = 0.0
        self._busy.clear()
        self.bytes = 0

    def drain(self, deadline: float) -> bool:
        """Find out what became of every batch that was ever sent; False: it could not be, in time."""
        self._is_draining = True
        try:
            for queue in list(self._busy):
                self._keep_uncertain(queue)
                self._after_answer(queue)
            while self._busy:
                if time.monotonic() >= deadline:
                    return False
                self.send()
                self._cluster.pump(self.wake_s())
        finally:
            self._is_draining = False
        return True

    def _keep_uncertain(self, queue: PartitionQueue) -> None:
        """Of what waits, keep what may be at a broker still."""
        kept = [one for one in queue.waiting if one.is_uncertain]
        for parcel in queue.waiting:
            if not parcel.is_uncertain:
                self._done(parcel)
                self.needs_new_epoch = self.needs_new_epoch or parcel.sequence != NEVER_SENT
        queue.waiting = deque(kept)
