"""Where the time of a task goes: of each source transaction on its way to Kafka, and of the CPU in each batch.

A source transaction's way, from its commit on the source server to the commit in Kafka, is cut into stages that add up
to `total`:

- `read`: from the source's commit until its last bytes are at hand: the server, the network, waiting in the socket
  while we were busy or committing;
- `decode`, `encode`: packets, events and row images are cut; keys and values are written;
- `produce`: the records go into librdkafka's queue, waiting for room there included;
- `wait`: for others to share the commit, and for the broker to be ready for the next one (`pace`);
- `broker`: from the begin of the commit until the broker has acknowledged all records;
- `commit`: until it has answered EndTxn, when a read_committed reader may have them.

All source transactions that end in one batch (what lay in the socket, up to 256 KiB) are counted with that batch's
times, `read` with the last one's: exact where it matters, with few of them in a batch, at the price of some twenty
additions per batch. Transactions of which nothing is written are not counted. Commit times are those of the source's
clock, and whole seconds where the source has no GTIDs.

CPU is that of the task's thread, per batch and per commit; librdkafka compresses and sends in threads of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter, thread_time, time, time_ns
from typing import Final

from faust_cdc.metrics.histogram import Histogram, RecentMaximum

WAY: Final = ("read", "decode", "encode", "produce", "wait", "broker", "commit")
TOTAL: Final = "total"
CPU: Final = ("read", "decode", "encode", "produce", "commit")

ENCODE_SHARE_FIRST_GUESS = 0.7
SHARE_MEMORY_S = 1.0
"""After so much transcoding its older half counts half, for the encoder's share in it."""


@dataclass(slots=True)
class _Spent:
    """Seconds that passed for source transactions which have not ended yet, by stage."""

    decode_s: float = 0.0
    encode_s: float = 0.0
    produce_s: float = 0.0
    wait_s: float = 0.0


@dataclass(slots=True)
class _Ended:
    """Source transactions that ended in one batch and wait for their commit."""

    count: int
    age_s: float
    """Since the source's commit, when they ended here."""
    spent: _Spent
    at: float


class Stages:
    """Called by the task thread: `asked`, `began`, (`decoded`), then `done` per batch. Others may read."""

    def __init__(self) -> None:
        self.latency = {stage: Histogram() for stage in (*WAY, TOTAL)}
        self.cpu = {stage: Histogram() for stage in CPU}
        self.pause_max = RecentMaximum()
        """Seconds for which the thread did not get on while it transcoded: other threads, other programs.

        Of an event that goes the long way only until it is decoded: what is done with it then may ask servers, for the
        structure of a table or the ids of its schemas, and what waits for an answer is not held up by anybody."""
        self.oldest_source_us = 0
        """When the source committed the oldest transactions that wait for their commit to Kafka; 0 without any."""
        self.behind_s = -1.0
        """From the source's commit of the last transaction to its commit in Kafka; negative before the first."""
        self.last_at = 0.0
        """When that was, in seconds since the epoch."""
        self.throttled_s = 0.0
        """For so long `streaming.rate.limit` kept the stream from being read; `read` of what waited contains it."""
        self._spent = _Spent()
        self._ended: list[_Ended] = []
        self._mark = 0.0
        self._cpu_mark = 0.0
        self._aside_s = self._aside_cpu_s = 0.0
        self._apart = False
        self._encode_share = ENCODE_SHARE_FIRST_GUESS
        self._encode_sum_s = self._transcode_sum_s = 0.0
        self._batch = _Spent()

    def asked(self) -> None:
        """The next batch is asked for."""
        self._cpu_mark = thread_time()

    def began(self) -> None:
        """Its bytes are at hand."""
        cpu = thread_time()
        self.cpu["read"].observe(cpu - self._cpu_mark)
        self._cpu_mark = cpu
        self._mark = perf_counter()
        self._aside_s = self._aside_cpu_s = 0.0
        self._apart = False
        self._batch = _Spent()

    def decoded(self, *, waited: bool = False) -> None:
        """Its event is decoded: what follows is encoding, for where the two are done one after the other.

        `waited`: the rest of it had to come from the server first.
        """
        now = perf_counter()
        decode_s = now - self._mark
        self._spent.decode_s += decode_s
        self._batch.decode_s += decode_s
        self._mark = now
        self._apart = True
        if not waited:
            self.pause_max.observe(decode_s - (thread_time() - self._cpu_mark))

    def produced(self, seconds: float, cpu_s: float) -> None:
        """So long it took to put records into the producer's queue."""
        self._spent.produce_s += seconds
        self._batch.produce_s += cpu_s
        self._aside_s += seconds
        self._aside_cpu_s += cpu_s

    def paused(self, seconds: float) -> None:
        """So long the next Kafka transaction could not begin."""
        self._spent.wait_s += seconds
        self._aside_s += seconds

    def ended(self, count: int, source_us: int) -> None:
        """Here ended `count` source transactions, the last one committed at `source_us` (µs since the epoch)."""
        age_s = (time_ns() // 1000 - source_us) / 1e6
        self._cut()
        spent = self._spent
        # The source's clock may be ahead of ours, and what is before a transaction (a heartbeat) is counted with it.
        age_s = max(age_s, spent.decode_s + spent.encode_s + spent.produce_s + spent.wait_s)
        self._ended.append(_Ended(count, age_s, spent, self._mark))
        self.oldest_source_us = self.oldest_source_us or source_us
        self._spent = _Spent()

    def passed(self, source_us: int) -> None:
        """Here ended source transactions of which nothing is written: their offset may wait, their readers do not."""
        self.forget()
        self.last_at = time()
        self.behind_s = max(0.0, self.last_at - source_us / 1e6)

    def forget(self) -> None:
        """Count what passed so far for no source transaction: it was for a snapshot or for the stream itself."""
        self._spent = _Spent()

    def done(self, encode_s: float = 0.0) -> None:
        """The batch is handled; `encode_s` is what the encoder is thought to have taken of it, where it is sampled."""
        self._cut()
        cpu_s = thread_time() - self._cpu_mark - self._aside_cpu_s
        batch = self._batch
        wall_s = batch.decode_s + batch.encode_s
        share = batch.encode_s / wall_s if wall_s > 0 else 0.0
        self.cpu["decode"].observe(cpu_s * (1 - share))
        self.cpu["encode"].observe(cpu_s * share)
        self.cpu["produce"].observe(batch.produce_s)
        if not self._apart:
            self.pause_max.observe(wall_s - cpu_s)
            self._learn(encode_s, wall_s)

    def committed(self, began: float, acknowledged: float, ended: float, cpu_s: float) -> None:
        """Note a commit: when it began, when all records were acknowledged, when it ended (`perf_counter`)."""
        self.cpu["commit"].observe(cpu_s)
        latency = self.latency
        for each in self._ended:
            count, spent = each.count, each.spent
            here_s = spent.decode_s + spent.encode_s + spent.produce_s + spent.wait_s
            latency["read"].observe(each.age_s - here_s, count)
            latency["decode"].observe(spent.decode_s, count)
            latency["encode"].observe(spent.encode_s, count)
            latency["produce"].observe(spent.produce_s, count)
            latency["wait"].observe(spent.wait_s + began - each.at, count)
            latency["broker"].observe(acknowledged - began, count)
            latency["commit"].observe(ended - acknowledged, count)
            latency[TOTAL].observe(each.age_s + ended - each.at, count)
        if self._ended:
            self.behind_s = self._ended[-1].age_s + ended - self._ended[-1].at
            self.last_at = time()
        self._ended.clear()
        self.oldest_source_us = 0
        # A commit in the midst of a batch is none of the batch's time.
        self._aside_s += ended - began
        self._aside_cpu_s += cpu_s

    def _cut(self) -> None:
        """Count the time since the last mark, less what went aside, as decoding and encoding."""
        now = perf_counter()
        spent_s = max(0.0, now - self._mark - self._aside_s)
        self._mark, self._aside_s = now, 0.0
        encode_s = spent_s if self._apart else spent_s * self._encode_share
        self._spent.encode_s += encode_s
        self._spent.decode_s += spent_s - encode_s
        self._batch.encode_s += encode_s
        self._batch.decode_s += spent_s - encode_s

    def _learn(self, encode_s: float, transcode_s: float) -> None:
        self._encode_sum_s += encode_s
        self._transcode_sum_s += transcode_s
        if self._encode_sum_s > 0:
            self._encode_share = min(1.0, self._encode_sum_s / max(self._transcode_sum_s, 1e-9))
        if self._transcode_sum_s > SHARE_MEMORY_S:
            self._encode_sum_s /= 2
            self._transcode_sum_s /= 2
