"""Watching a topic grow: how many records a read_committed reader could see, with CPU and memory, every few ms."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.bench.meters import Meter
from tests.lab import LabError

INTERVAL_S = 0.02
SETTLED_S = 1.0
"""How long a topic must not grow until it is taken to be complete: end offsets count transaction markers too."""


class EndOffsets:
    """The end of a topic's only partition as a reader sees it."""

    def __init__(self, bootstrap: str, topic: str, *, committed: bool = True) -> None:
        self.topic = topic
        level = "read_committed" if committed else "read_uncommitted"
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": f"bench-{uuid4()}", "isolation.level": level, "log_level": 0}
        )

    def read(self) -> int:
        """Return the offset that comes next; 0 while there is no such topic."""
        try:
            return int(self._consumer.get_watermark_offsets(TopicPartition(self.topic, 0), 10, cached=False)[1])
        except KafkaException as error:
            if error.args[0].code() in _NOT_YET:
                return 0
            raise

    def close(self) -> None:
        self._consumer.close()


_NOT_YET = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: monotonic seconds, end offset, CPU seconds of each process, resident MB of the watched one."""

    at: float
    end: int
    written: int
    """End offset of what is there, committed or not; where nobody asked for it, `end`."""
    cpu_s: Mapping[str, float]
    rss_mb: float


class Watch:
    """Samples from `start` to `finish`, in a thread of its own."""

    def __init__(self, ends: EndOffsets, meters: Mapping[str, Meter], written: EndOffsets | None = None) -> None:
        """`meters`: by name; the first is the process under test. `written`: looks at uncommitted records too."""
        self._written = written
        self.samples: list[Sample] = []
        self._ends, self._meters = ends, dict(meters)
        self._main = next(iter(self._meters.values()))
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="bench-watch", daemon=True)
        self.base = ends.read()

    def start(self) -> Watch:
        """Begin; the watched process' peak memory begins anew too."""
        for meter in self._meters.values():
            meter.find_members()
        self._main.reset_peak()
        self._thread.start()
        return self

    def await_records(self, count: int, timeout_s: float, check: object = None) -> None:
        """Wait for `count` new records and until the topic stands still; `check` is called now and then."""
        deadline = time.monotonic() + timeout_s
        while True:
            time.sleep(0.1)
            if self._failure is not None:
                raise LabError(f"watching {self._ends.topic}: {self._failure}") from self._failure
            if callable(check):
                check()
            grown, since = self._grown(), self._quiet_s()
            if grown >= count and since > SETTLED_S:
                return
            if time.monotonic() > deadline:
                raise LabError(f"{self._ends.topic}: {grown} of {count} records after {timeout_s:g} s")

    def finish(self) -> list[Sample]:
        """Stop and return the samples."""
        self._stop.set()
        self._thread.join(30)
        return self.samples

    def _grown(self) -> int:
        return self.samples[-1].end - self.base if self.samples else 0

    def _quiet_s(self) -> float:
        if not self.samples:
            return 0.0
        last = self.samples[-1]
        for sample in reversed(self.samples):
            if sample.end != last.end:
                return last.at - sample.at
        return last.at - self.samples[0].at

    def _run(self) -> None:
        looks = 0
        try:
            while not self._stop.is_set():
                written = self._written.read() if self._written else 0
                end = self._ends.read()
                cpu = {name: meter.cpu_s() for name, meter in self._meters.items()}
                self.samples.append(Sample(time.monotonic(), end, written or end, cpu, self._main.rss_mb()))
                looks += 1
                if looks % 50 == 0:
                    self._main.find_members()
                self._stop.wait(INTERVAL_S)
        except Exception as error:
            self._failure = error


@dataclass(frozen=True, slots=True)
class Window:
    """From the first to the last record that became visible."""

    records: int
    seconds: float
    cpu_s: Mapping[str, float]
    rss_max_mb: float
    first_at: float
    last_at: float
    whole: bool
    with_start: tuple[int, float, float]
    """All records, seconds and CPU seconds of the watched process from the first sample on: the task's start too."""

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds

    def cpu_us(self, name: str) -> float:
        """Microseconds of CPU per record of one process."""
        return self.cpu_s[name] * 1e6 / self.records


def window(samples: list[Sample], base: int, *, surplus: int = 0) -> Window:
    """Cut out what lies between the first and the last growth.

    `surplus`: end offsets that are no records (transaction markers), taken off in proportion. What was visible at the
    first growth was worked for before the window, so it is not counted. Where nearly all came at once there is no such
    window: then it begins with the first sample and holds all records and the start of the task (`whole`).
    """
    first = next(sample for sample in samples if sample.written > base)
    last = next(sample for sample in samples if sample.end == samples[-1].end)
    share = (last.end - first.written) / (last.end - base)
    whole = last.at <= first.at or share < MIN_SHARE
    main, everything = next(iter(last.cpu_s)), last.end - base - surplus
    with_start = (everything, last.at - samples[0].at, last.cpu_s[main] - samples[0].cpu_s[main])
    if whole:
        first, share = samples[0], 1.0
    records = round(everything * share)
    cpu = {name: last.cpu_s[name] - first.cpu_s[name] for name in last.cpu_s}
    between = [sample.rss_mb for sample in samples if first.at <= sample.at <= last.at]
    return Window(records, last.at - first.at, cpu, max(between), first.at, last.at, whole, with_start)


MIN_SHARE = 0.2
"""Share of the records that must come after the first visible ones, for the time between them to say anything."""
