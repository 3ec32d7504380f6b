"""read_committed Faust: tables and agents that are right over topics written by transactional producers.

Why this exists. `processing_guarantee="exactly_once"` is the only stock way to read committed records; it costs a
transactional aiokafka producer per partition and 11 s of recovery, and it is tied to *consumed* partitions. With the
default guarantee Faust 0.15.3 reads aborted records, and a table over a topic with transaction markers never finishes
its recovery. Eight defects, each stepped round by the smallest override of a subclass, none by patching a module:

    1  isolation          consumers read uncommitted                         `ConsumerThread._create_worker_consumer`
    2  recovery target    waits for the offset before the high watermark,
                          which may be a commit marker no application sees   `Recovery._finish_on_position`
    3  high watermark     taken from a cached last stable offset             `ConsumerThread._highwaters`
    4  standbys           read again from offset 0 on every rebalance, and
                          what was fetched meanwhile is thrown away          `Recovery._seek_offsets`, `TableManager`
    5  foreign changelog  the assignor looks up the default topic name and
                          the worker hangs in the join                       `GlobalTable._changelog_topic_name`
    6  dropped records    an empty set of active partitions means "all" to
                          aiokafka: paused partitions lose records           `_LiveSet`
    7  long poll          a rebalance waits for a fetch of 1.5 s             `fetching.FetchPlan`
    8  tasks per record   three tasks, a queue and two sums over all
                          partitions for each: 0.17 ms                       `Recovery.take`

Defect 6 also is what makes an idle standby leave the group for good after `broker_max_poll_interval`
(https://github.com/robinhood/faust/issues/517): a worker without active partitions never polls.

How recovery ends (2). aiokafka's *position* passes markers and aborted records; the offset of the last event applied
does not. So recovery of a partition is over when its position is beyond the high watermark taken after the rebalance
*and* nothing is on its way: every batch that left the fetcher was put on the queues (`Consumer.quiet`), the changelog
queue is empty, and no event was applied during one more turn of the loop. The position and the batch count change in
the same step of the consumer's loop, so a batch cannot hide between them.

How records get into tables (8). What a fetch brought for a table goes into it in the fetcher's own task, up to
`TAKEN_AT_ONCE` records between two turns of the loop, under the conditions under which Faust would have put each on
the queue: the flow is on, the generation is the same, the partition is not paused. The rest of such a batch is dropped,
as Faust does; the next round seeks what was applied last. A topic that an agent reads too takes Faust's way.

It rests on private attributes: the versions are checked at import.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

import aiokafka  # type: ignore[import-untyped]
import faust
from faust.exceptions import KeyDecodeError, ValueDecodeError
from faust.tables.manager import TableManager as FaustTableManager
from faust.tables.recovery import Recovery as FaustRecovery
from faust.transport.drivers import aiokafka as driver
from mode import Service

from faust_cdc_schemas.faust_kit.fetching import RECOVERY_MAX_WAIT_MS, RECOVERY_MIN_BYTES, FetchPlan

FAUST_VERSION = "0.15.3"
AIOKAFKA_VERSION_PREFIX = "0.14."
POLL_S = 0.02
SETTLE_S = 0.005
QUIET_POLLS_MAX = 200
TAKEN_AT_ONCE = 100
"""Records of a changelog that are applied without giving others a turn: a millisecond or two."""


def ensure_supported_versions(faust_version: str, aiokafka_version: str) -> None:
    """Raise ImportError unless these are the versions whose private parts this module was written for."""
    if faust_version != FAUST_VERSION or not aiokafka_version.startswith(AIOKAFKA_VERSION_PREFIX):
        raise ImportError(
            f"faust_kit rests on private parts of faust-streaming=={FAUST_VERSION} and aiokafka "
            f"{AIOKAFKA_VERSION_PREFIX}x; found faust-streaming {faust_version} and aiokafka {aiokafka_version}. "
            "Install the versions faust-cdc pins, or run the churn test against the new ones and change this check."
        )


ensure_supported_versions(faust.__version__, aiokafka.__version__)


def newest_of_each_key(records: Sequence[Any]) -> list[Any]:
    """Return those records of a partition behind which none of the same key follows, in their order."""
    last = {record.key: record.offset for record in records}
    return [record for record in records if last[record.key] == record.offset]


class _LiveSet(set[Any]):
    """A set that is true even when empty: defect 6.

    Faust shares its set of active partitions with `fetched_records()`, which tests `if partitions and ...`; an empty
    one must stay a filter that lets nothing through.
    """

    def __bool__(self) -> bool:
        return True


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns the aiokafka consumer: committed records only, real high watermarks, short fetches."""

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        self.plan = FetchPlan(consumer.app.newest_only)
        super().__init__(consumer, **kwargs)

    def _create_worker_consumer(self, transport: Any) -> Any:
        # The constructor's arguments are fixed in the driver; the consumer is not started yet, so they still count.
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms, consumer._fetch_min_bytes = RECOVERY_MAX_WAIT_MS, RECOVERY_MIN_BYTES
        return consumer

    def hurry(self, is_recovering: bool) -> None:
        """Fetch at once while tables are recovered, from the next fetch on. May be called from any thread."""
        self.plan.wake(monotonic())
        self.plan.is_recovering = is_recovering
        self.plan.lay_over(self._ensure_consumer()._fetcher)

    async def _highwaters(self, partitions: Iterable[Any]) -> Mapping[Any, int]:
        # ListOffsets asks the broker; the cached last_stable_offset is as old as the last fetch, or absent. The answer
        # is the last stable offset (isolation is read_committed), which is as far as a table can get.
        watermarks: Mapping[Any, int] = await self._ensure_consumer().end_offsets(partitions)
        return watermarks

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        records = await super()._fetch_records(*args, **kwargs)
        newest_only = self.consumer.app.newest_only
        for tp in records:
            self.plan.came(tp.topic, monotonic())
            if tp.topic in newest_only:
                records[tp] = newest_of_each_key(records[tp])
        if records:
            # No await since aiokafka moved the position: whoever sees the new position sees this count too.
            self.consumer.handed_count += 1
        return records


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Counts batches on their way from the fetcher to the queues, so that recovery knows when nothing is in flight."""

    handed_count = 0
    """Batches that left the fetcher (written in the consumer's thread)."""
    received_count = 0
    """Batches that arrived in the main thread."""
    delivered_count = 0
    """Batches of which every record was put on its queues."""

    def _reset_state(self) -> None:
        super()._reset_state()
        self._active_partitions = _LiveSet()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:  # noqa: ASYNC109 - the driver's name
        records, active = await super()._wait_next_records(timeout)
        if records:
            self.received_count += 1
            await self.app.tables.recovery.take(records, active)
        return records, active

    async def getmany(self, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109 - the driver's name
        """Yield (partition, message) pairs; the batch is delivered when the caller asks for what follows its last."""
        try:
            async for item in super().getmany(timeout):
                yield item
        finally:
            self.delivered_count = self.received_count

    def hurry(self, is_recovering: bool) -> None:
        """Fetch at once while tables are recovered, and as `FetchPlan` says afterwards."""
        self._thread.hurry(is_recovering)

    def wake(self) -> None:
        """Fetch often for a while: somebody waits for what comes."""
        self._thread.plan.wake(monotonic())

    @property
    def quiet(self) -> bool:
        """Whether no fetched batch is between the fetcher and the queues."""
        return self.handed_count == self.delivered_count


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with our consumer."""

    Consumer = Consumer


class Recovery(FaustRecovery):  # type: ignore[misc]
    """Recovery that ends by position instead of by last event, and whose standbys go on where it stopped."""

    _sought = False
    """Whether this round has sought its partitions: before that, positions belong to the round before."""
    _round = 0
    """Counts rebalances, so that a check that was suspended during one is thrown away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._recovering = asyncio.Event()
        self.taken_count = 0
        """Records applied in batches, the others took Faust's way."""

    def _set_recovery_started(self) -> None:
        super()._set_recovery_started()
        self._recovering.set()

    def _set_recovery_ended(self) -> None:
        super()._set_recovery_ended()
        self._recovering.clear()

    def _new_round(self) -> None:
        self._sought = False
        self._round += 1
        self.signal_recovery_end.clear()
        self.app.consumer.hurry(True)

    def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Start a new round: what was being checked belongs to the old assignment."""
        self._new_round()
        super().on_partitions_revoked(revoked)

    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        """Start a new round."""
        self._new_round()
        await super().on_rebalance(*args, **kwargs)

    async def _build_highwaters(self, consumer: Any, tps: Any, destination: Any, title: str) -> None:
        if title == "active":
            self._new_round()
        await super()._build_highwaters(consumer, tps, destination, title)

    @Service.task  # type: ignore[untyped-decorator]
    async def _finish_on_position(self) -> None:
        while not self.should_stop:
            await self.wait(self._recovering)  # fifty looks a second for ever would cost a hundredth of a core
            await self.sleep(POLL_S)
            if self._sought and self.in_recovery and not self.signal_recovery_end.is_set() and self.need_recovery():
                await self._try_to_finish()

    async def _try_to_finish(self) -> None:
        """End the recovery if every position is beyond its high watermark and nothing is on its way."""
        consumer, this_round = self.app.consumer, self._round
        try:
            positions = {
                tp: await consumer.position(tp) for tp, missing in self.active_remaining().items() if missing > 0
            }
        except Exception:
            # A rebalance took the partition away between the two lines: the next round asks again.
            return
        if not self._nothing_in_flight():
            return
        before = dict(self.active_offsets)
        # An event already taken from the queue is applied within a turn or two of the loop.
        await asyncio.sleep(SETTLE_S)
        if not self._nothing_in_flight() or before != dict(self.active_offsets):
            return
        if not self.in_recovery or this_round != self._round:
            return
        for tp, position in positions.items():
            highwater = self.active_highwaters.get(tp)
            if position is not None and highwater is not None and position > highwater:
                # Only markers and aborted records are between the last event and the high watermark.
                self.active_offsets[tp] = max(highwater, self.active_offsets[tp])
        self._end_if_done()

    def _end_if_done(self) -> None:
        if not self.need_recovery():
            self.flush_buffers()
            self._set_recovery_ended()
            self.signal_recovery_end.set()

    async def take(self, records: dict[Any, Sequence[Any]], active: Collection[Any] | None) -> None:
        """Apply the records of tables' changelogs among those that a fetch brought, and take them out of it.

        `active` are the partitions that may be read now; None for all. It changes while this runs.
        """
        generation = self.app.consumer_generation_id
        for tp in [tp for tp in records if self._is_mine_alone(tp)]:
            fetched = records.pop(tp)
            for first in range(0, len(fetched), TAKEN_AT_ONCE):
                if (
                    not self.app.consumer.flow_active
                    or self.app.consumer_generation_id != generation
                    or (active is not None and tp not in active)
                    or (tp not in self.active_tps and tp not in self.standby_tps)
                ):
                    break
                await self._apply(tp, fetched[first : first + TAKEN_AT_ONCE])
                await asyncio.sleep(0)

    def _is_mine_alone(self, tp: Any) -> bool:
        """Whether the partition is a table's changelog that nobody else here reads."""
        if tp not in self.active_tps and tp not in self.standby_tps:
            return False
        channel = self.tables._channels.get(self.tp_to_table[tp])
        return channel is not None and self.app.topics._tp_index.get(tp) == {channel}

    async def _apply(self, tp: Any, fetched: Sequence[Any]) -> None:
        """Do to these records of a partition what Faust does to each, and what it does behind each once."""
        table, consumer = self.tp_to_table[tp], self.app.consumer
        decode, buffer = self.tables._channels[table].decode, self.buffers[table]
        offsets = self.active_offsets if tp in self.active_tps else self.standby_offsets
        seen = offsets.get(tp)
        for record in fetched:
            if seen is not None and record.offset <= seen:
                continue
            message = consumer._to_message(tp, record)
            offsets[tp] = record.offset
            try:
                event = await decode(message, propagate=True)
                buffer.append(event)
                await table.on_changelog_event(event)
            except KeyDecodeError as error:
                await self.tables._channels[table].on_key_decode_error(error, message)
            except ValueDecodeError as error:
                await self.tables._channels[table].on_value_decode_error(error, message)
            except Exception:
                self.log.exception("Record %d of %s", record.offset, tp)
        self.taken_count += len(buffer)
        table.apply_changelog_batch(buffer)
        buffer.clear()
        self._note_applied(tp)

    def _note_applied(self, tp: Any) -> None:
        now = monotonic()
        self._last_flush_at = now
        if tp in self.active_tps:
            self._active_events_received_at[tp] = self._last_active_event_processed_at = now
        if not self._sought:  # offsets and high watermarks are still those of the round before
            return
        if self.in_recovery and not self.signal_recovery_end.is_set():
            self._end_if_done()
        if not self.tables.standbys_ready and not self.standby_remaining_total():
            self.tables.on_standbys_ready()

    def _nothing_in_flight(self) -> bool:
        return bool(self.app.consumer.quiet and self.tables.changelog_queue.empty())

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Resume the streams; what the tables follow from now on may come a little later."""
        await super().on_recovery_completed(generation_id)
        self.app.consumer.hurry(False)

    async def _resume_streams(self, generation_id: int = 0) -> None:
        await super()._resume_streams(generation_id)
        self.app.consumer.hurry(False)

    async def _seek_offsets(self, consumer: Any, tps: Any, offsets: Any, title: str) -> None:
        # A batch that straddles pause, seek and resume would be applied to the wrong round: let it through first.
        for _ in range(QUIET_POLLS_MAX):
            if self._nothing_in_flight():
                break
            await asyncio.sleep(SETTLE_S)
        await asyncio.sleep(SETTLE_S)
        if title == "standby":
            for tp in tps:
                reached, start = self.active_offsets.get(tp), offsets[tp]
                if reached is not None and reached > (start if start is not None else -1):
                    offsets[tp] = reached
        await super()._seek_offsets(consumer, tps, offsets, title)
        if title == "active":
            self._sought = True


class TableManager(FaustTableManager):  # type: ignore[misc]
    """Table manager with our recovery and a changelog queue that keeps what was fetched before a resume."""

    _changelog_queue: Any = None
    _recovery: Recovery | None = None

    @property
    def changelog_queue(self) -> Any:
        """The queue of changelog events; stock Faust clears it on resume, and with it events of standbys (4)."""
        if self._changelog_queue is None:
            self._changelog_queue = self.app.FlowControlQueue(
                maxsize=self.app.conf.stream_buffer_maxsize, clear_on_resume=False
            )
        return self._changelog_queue

    @property
    def recovery(self) -> Recovery:
        """The recovery service."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class GlobalTable(faust.GlobalTable):  # type: ignore[misc]
    """A global table that may have any topic as its changelog (5)."""

    def _changelog_topic_name(self) -> str:
        own = self._changelog_topic
        name: str = own.get_topic_name() if own is not None else super()._changelog_topic_name()
        return name


class App(faust.App):  # type: ignore[misc]
    """A Faust app whose agents and tables see committed records only. Takes the arguments of `faust.App`.

    A table over a topic that others write wants `recovery_buffer_size=1` (a record is visible at once) and
    `synchronize_all_active_partitions=True` (the partitions are followed after recovery as well).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("TableManager", TableManager)
        kwargs.setdefault("GlobalTable", GlobalTable)
        self.newest_only: set[str] = set()
        """Topics of which a table is shown only the newest record of each key that a fetch brought: where a key is
        written often, the others would be work for nothing. What comes of them wakes nobody (`FetchPlan`)."""
        super().__init__(*args, **kwargs)

    def wake(self) -> None:
        """Let tables be as little behind as they can be, for a while: somebody waits for what comes (`FetchPlan`)."""
        if self._consumer is not None:
            self._consumer.wake()

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)
