"""The one place that begins, produces, writes the source offset and commits.

Why nothing is lost and nothing comes twice for a read_committed reader:

- Records and the offset that covers them are in one Kafka transaction, so both become visible or neither does.
- `commit` is called only at the end of a source transaction, with the offset of that end, or inside one that is too
  large for one Kafka transaction, with an offset that counts what of it is written (`resume`). A crash before it leaves
  an open Kafka transaction that the next owner's `init_transactions` aborts; the offset read after that is the
  last commit's, and the source transactions since then are read and written again, for the first visible time.
- The offset record is produced after the records. Any failed delivery fails the commit.
- The transactional id belongs to the task, so a second owner fences the first before it reads the offset.

Several source transactions share a Kafka transaction: under load until a size or an age is reached; when nothing
more is waiting, at once or soon (`faust_cdc.pipeline.pace`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from faust_cdc.kafka.direct import Row
from faust_cdc.kafka.task_producer import Headers, ProducerState, TaskProducer
from faust_cdc.offsets import SourceOffset, SourcePartition
from faust_cdc.pipeline.pace import CommitPace, nap_ms
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.stages import Stages
from faust_cdc.pipeline.transformed import TransformedRecords
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.windows import KeyWatch


@dataclass(frozen=True, slots=True)
class CommitLimits:
    """When an open Kafka transaction is committed at the next source transaction's end."""

    bytes_max: int = 16 * 1024 * 1024
    records_max: int = 20_000
    age_max_ms: float = 100.0
    part_bytes_max: int = 64 * 1024 * 1024
    """Of one source transaction: a larger one is committed in parts of about this size."""
    part_age_max_ms: float = 300_000.0
    """As old may a Kafka transaction become for the sake of one source transaction."""


@dataclass(slots=True)
class WriterCounters:
    """What the writer has committed since the task started."""

    records: int = 0
    source_transactions: int = 0
    kafka_transactions: int = 0
    bytes: int = 0


class TransactionWriter:
    """Writes change records and source offsets in Kafka transactions."""

    def __init__(
        self,
        producer: TaskProducer,
        partition: SourcePartition,
        offset_topic: str,
        offset_partition: int,
        limits: CommitLimits,
        stages: Stages | None = None,
        transformed: TransformedRecords | None = None,
    ) -> None:
        """`transformed` is what records go through before they are produced."""
        self._transformed = transformed
        self._places: list[tuple[str, TableId, int]] = []
        """Partitions that rows name, by the numbers -1, -2, …"""
        self._place_numbers: dict[tuple[str, TableId, int], int] = {}
        self._producer = producer
        self._offset_key = partition.key()
        self._offset_topic = offset_topic
        self._offset_partition = offset_partition
        self._limits = limits
        self.stages = stages or Stages()
        """Where the time goes."""
        self._pace = CommitPace(limits.age_max_ms)
        self._records = 0
        self._bytes = 0
        self._own_records = 0
        self._own_bytes = 0
        self._source_transactions = 0
        self._began_at = 0.0
        self._covered: Callable[[], SourceOffset] | None = None
        self.counters = WriterCounters()
        self.watch = KeyWatch()
        """Windows of a snapshot that are told what the stream delivers."""
        self.committed: SourceOffset | None = None
        self.with_commit: Callable[[], Iterable[ChangeRecord]] = tuple
        """Asked at each commit for records that are to be in its Kafka transaction whatever rows are; not counted."""
        self.before_commit: Callable[[], None] = _nothing
        """Called before an offset is written: makes safe what is outside the Kafka transaction and behind it."""

    @property
    def has_complete_work(self) -> bool:
        """True when a commit would make something durable: an offset is due and no source transaction is open."""
        return self._covered is not None

    @property
    def age_ms(self) -> float:
        """Milliseconds since the open Kafka transaction began; 0 without one."""
        if self._producer.state is not ProducerState.IN_TRANSACTION:
            return 0.0
        return (time.monotonic() - self._began_at) * 1000

    def write(self, record: ChangeRecord) -> None:
        """Produce one record, or what transforms make of it; opens the Kafka transaction when there is none."""
        self._write(record)
        if self.watch:
            self.watch.record(self._producer.topic_number(record.topic, record.table), record.key)

    def _write(self, record: ChangeRecord) -> None:
        outgoing = record if self._transformed is None else self._transformed.outgoing(record)
        if outgoing is not None:  # one that is dropped needs no commit; what follows covers it
            self._produce(outgoing)

    def _produce(self, record: ChangeRecord) -> None:
        self._begin()
        self._covered = None
        began = time.perf_counter()
        self._producer.produce(*record[:5], timestamp_ms=record.timestamp_ms)
        seconds = time.perf_counter() - began
        self.stages.produced(seconds, seconds)
        self._records += 1
        self._bytes += record.size_bytes
        if self._records % 256 == 0:
            self._producer.serve()

    def write_own(self, record: ChangeRecord) -> None:
        """Produce a record about our own work, as the offset is one: `counters` leave it out.

        As with any record, the open Kafka transaction waits after it for an offset that covers it.
        """
        self._produce(record)
        self._own_records += 1
        self._own_bytes += record.size_bytes

    def write_about(self, record: ChangeRecord) -> None:
        """Produce a record about structures, or what transforms make of it; `counters` leave it out."""
        outgoing = record if self._transformed is None else self._transformed.outgoing(record)
        if outgoing is not None:
            self.write_own(outgoing)

    def topic_number(self, topic: str, table: TableId, partition: int | None = None) -> int:
        """Return by which number rows of a table name its topic, always the same and no other table's.

        With `partition` they go into that one; windows of snapshots know the number without it.
        """
        if partition is None:
            return self._producer.topic_number(topic, table)
        place = (topic, table, partition)
        number = self._place_numbers.setdefault(place, -1 - len(self._places))
        if number == -1 - len(self._places):
            self._places.append(place)
        return number

    def record_of(self, row: Row, headers: Headers) -> ChangeRecord:
        """Return a row as a record."""
        number, key, value = row
        if number < 0:
            topic, table_id, partition = self._places[-1 - number]
            return ChangeRecord(topic, key, value, headers, partition, table_id)
        topic, table = self._producer.target_of(number)
        return ChangeRecord(topic, key, value, headers, table=None if table is None else TableId(*table))

    def write_rows(
        self,
        rows: list[Row],
        at: int,
        stop: int,
        headers: Headers,
        *,
        is_streamed: bool = True,
        is_used_up: bool = False,
    ) -> None:
        """Produce `rows[at:stop]` in order, all with the same headers; opens the Kafka transaction if there is none.

        `is_streamed` is False for rows of a snapshot: its windows are not told of them. With `is_used_up` the list is
        emptied once they are produced: what packs and sends a large row needs memory of its own.
        """
        if at == stop:
            return
        if self._transformed is not None:
            self._write_each(rows, at, stop, headers, is_streamed=is_streamed)
            return
        self._begin()
        self._covered = None
        began, cpu = time.perf_counter(), time.thread_time()
        self._bytes += self._produce_rows(rows, at, stop, headers)
        if is_streamed and self.watch:
            self.watch.rows(rows, at, stop)
        self._records += stop - at
        if is_used_up:
            rows.clear()
        self._producer.serve()
        self.stages.produced(time.perf_counter() - began, time.thread_time() - cpu)

    def _produce_rows(self, rows: list[Row], at: int, stop: int, headers: Headers) -> int:
        """Produce rows, those with a partition one by one; return bytes of keys and values."""
        size = 0
        while self._places and at < stop:
            alike = next((place for place in range(at, stop) if rows[place][0] < 0), stop)
            if at < alike:
                size += self._producer.produce_rows(rows, at, alike, headers)
            if alike < stop:
                record = self.record_of(rows[alike], headers)
                self._producer.produce(record.topic, record.key, record.value, headers, record.partition)
                size += record.size_bytes
            at = alike + 1
        return size + self._producer.produce_rows(rows, at, stop, headers) if at < stop else size

    def _write_each(self, rows: list[Row], at: int, stop: int, headers: Headers, *, is_streamed: bool) -> None:
        for row in rows[at:stop]:
            self._write(self.record_of(row, headers))
        if is_streamed and self.watch:
            self.watch.rows(rows, at, stop)

    def end_source_transaction(
        self, offset: Callable[[], SourceOffset], count: int = 1, source_us: int | None = None
    ) -> None:
        """Note that everything written so far is covered by what `offset` returns, the end of the last of `count`.

        `source_us` is when the source committed it, in microseconds since the epoch; None for a snapshot.
        It is asked at the commit only: many source transactions share one, and the text of a large GTID set costs.
        """
        self._covered = offset
        if source_us is None:
            self.stages.forget()
            return
        self._source_transactions += count
        if self._records:
            self.stages.ended(count, source_us)
        else:
            self.stages.passed(source_us)

    def cover(self, offset: Callable[[], SourceOffset]) -> None:
        """Note the same between source transactions, for records that are about the stream itself."""
        self._covered = offset
        self.stages.forget()

    def is_full(self) -> bool:
        """True when the open Kafka transaction should be committed now."""
        limits = self._limits
        return self._records > 0 and (
            self._bytes >= limits.bytes_max or self._records >= limits.records_max or self.age_ms >= limits.age_max_ms
        )

    def needs_split(self) -> bool:
        """True when the open Kafka transaction grew so large or old that the open source transaction is to be split."""
        limits = self._limits
        return (
            self._covered is None
            and self._records > 0
            and (self._bytes >= limits.part_bytes_max or self.age_ms >= limits.part_age_max_ms)
        )

    @property
    def wait_ms(self) -> int:
        """How long to wait for more before the commit; 0 when it is due as soon as nothing more is there."""
        return max(0, self._pace.wait_ms - int(self.age_ms))

    def has_gathered(self, source_ts_ms: int) -> bool:
        """Whether a transaction that gathers records under load ends now; `source_ts_ms` is its last one's."""
        return self._pace.is_over(self.age_ms, time.time() * 1000 - source_ts_ms)

    def nap_ms(self, wait_ms: int) -> int:
        """Return how much of a wait for more may pass before the source is read again, by what has come so far."""
        return nap_ms(wait_ms, self._bytes, self.age_ms)

    def pause(self) -> float:
        """Wait until the next Kafka transaction may begin, some milliseconds after the last; return the seconds."""
        rest_s = self._pace.pause_s(time.monotonic())
        if rest_s > 0:
            time.sleep(rest_s)
        return rest_s

    @property
    def waiting_bytes(self) -> int:
        """Bytes of keys and values that wait for a commit."""
        return self._bytes

    @property
    def written(self) -> tuple[int, int]:
        """Records and their bytes (keys and values) written so far, committed or not, less those of `write_own`."""
        counters = self.counters
        return counters.records + self._records - self._own_records, counters.bytes + self._bytes - self._own_bytes

    @property
    def has_records(self) -> bool:
        """True when records wait for a commit."""
        return self._records > 0

    def commit(self) -> None:
        """Write the covering offset and commit; does nothing when nothing is covered."""
        if self._covered is None:
            return
        offset = self._covered()
        self.before_commit()
        self._begin()
        mark, cpu = time.perf_counter(), time.thread_time()
        for record in self.with_commit():
            self._producer.produce(record.topic, record.key, record.value, record.headers, record.partition)
        self._producer.produce(self._offset_topic, self._offset_key, offset.to_json(), [], self._offset_partition)
        self._producer.commit()
        self._pace.committed(self._records, self._producer.acknowledged_at - mark, time.monotonic())
        self.stages.committed(mark, self._producer.acknowledged_at, time.perf_counter(), time.thread_time() - cpu)
        self.committed = offset
        counters = self.counters
        counters.records += self._records - self._own_records
        counters.bytes += self._bytes - self._own_bytes
        counters.source_transactions += self._source_transactions
        counters.kafka_transactions += 1
        self._reset()

    def commit_part(self, offset: SourceOffset | None) -> None:
        """Commit inside a source transaction, at `offset`; does nothing when there is none."""
        if offset is not None:
            self._covered = lambda: offset
            self.commit()

    def abandon(self) -> None:
        """Abort what is open, where there is no offset that could cover it."""
        self._producer.abort()
        self._reset()

    def _begin(self) -> None:
        if self._producer.state is ProducerState.READY:
            self.stages.paused(self.pause())
            self._producer.begin()
            self._began_at = time.monotonic()
            self._pace.begun(self._began_at)

    def _reset(self) -> None:
        self._records = self._bytes = self._source_transactions = 0
        self._own_records = self._own_bytes = 0
        self._covered = None


def _nothing() -> None:
    """Do nothing."""
