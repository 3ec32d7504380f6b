"""Commit to reader at 800 transactions a second, and what 8,000 events a second cost.

The clock starts when the server has answered the commit and stops when a read_committed consumer in another process
holds the record; both processes read the machine's monotonic clock.
"""

from __future__ import annotations

import time

from tests.bench import bystander, catchup, stages, traffic
from tests.bench.plan import DEBEZIUM, OURS
from tests.bench.run import Run, alternating
from tests.bench.sides import Position
from tests.bench.tables import orders
from tests.bench.verify import WrongOutput, read_written, require
from tests.bench.watch import EndOffsets, Watch
from tests.lab import LabError

PER_SECOND = 800
WARM_S = 2.0
TUNED = "debezium tuned"
EVENTS = 10
"""Rows of a transaction in the load of 8,000 events a second."""
LATENCY, LOAD = orders("latency"), orders("load_8000")
DISTRIBUTION = (*range(1, 100), 99.5, 99.9, 100)
IDS = 10_000_000
"""Rounds use ids apart from each other."""


def measure(run: Run) -> None:
    """Every side in turn, Debezium also with `poll.interval.ms=5`."""
    kept: dict[str, list[float]] = {}
    warm = run.warm_rounds(always=False)
    for number in range(-warm, run.plan.rounds):
        for place, variant in enumerate(alternating([OURS, DEBEZIUM, TUNED], number)):
            found = one_round(run, variant, IDS * (3 * (number + warm) + place), counted=number >= 0)
            middle, late = percentile(found, 50), percentile(found, 99)
            run.say(f"latency {variant} round {number + 1}: P50 {middle:.1f} ms, P99 {late:.1f} ms")
            if number >= 0:
                kept.setdefault(variant, []).extend(found)
                for metric, at in (("p50", 50), ("p99", 99), ("max", 100)):
                    run.results.add("latency", variant, metric, "ms", percentile(found, at))
    for variant, found in kept.items():
        points = [[at, round(percentile(found, at), 3)] for at in DISTRIBUTION]
        run.results.distributions.append({"work": "latency", "side": variant, "unit": "ms", "percentiles": points})


def one_round(run: Run, variant: str, first: int, *, counted: bool) -> list[float]:
    """Return the milliseconds of every record written after the warm-up seconds."""
    connector = run.captured[DEBEZIUM if variant == TUNED else variant]
    connector.set_position(Position.now(run.mysql))
    if variant == TUNED:
        connector.create(poll__interval__ms="5")
    connector.resume()
    connector.await_running()
    run.await_streaming(connector)
    seconds = run.plan.latency_s + WARM_S
    topic = connector.topic(LATENCY.name)
    ends = EndOffsets(run.bootstrap, topic)
    base, count = ends.read(), round(seconds * PER_SECOND)
    ends.close()
    if base == 0:  # the topic must be there before the reader is
        base = _first_record(run, variant, first + IDS - 1)
    counted_ours = counted and variant == OURS
    before = stages.page(run) if counted_ours else ""
    with (
        bystander.beside(run, "latency", counted=counted_ours),
        traffic.reader(run.bootstrap, topic, base, count) as reads,
        traffic.writer(run.mysql, connector.database, LATENCY, first, PER_SECOND, 1, seconds) as writes,
    ):
        reads.go()
        writes.go()
        wrote = writes.answer(seconds * 3 + 60)
        arrived = dict(reads.answer(180)["arrivals"])
    if counted_ours:
        stages.note(run, "latency", connector, before)
    connector.stop()
    if variant == TUNED:
        connector.create()
    if len(arrived) != count:
        raise WrongOutput(f"{topic}: {count} rows written, {len(arrived)} different ids arrived")
    pace = count / (wrote["ended"] - wrote["began"])
    if pace < 0.95 * PER_SECOND:
        run.results.notes.append(f"latency, {variant}: the writer made only {pace:.0f} transactions/s in a round")
    return [(arrived[at] - commit) * 1000 for at, commit in wrote["commits"] if commit > wrote["began"] + WARM_S]


def _first_record(run: Run, variant: str, row: int) -> int:
    connector = run.captured[DEBEZIUM if variant == TUNED else variant]
    ends = EndOffsets(run.bootstrap, connector.topic(LATENCY.name))
    watch = Watch(ends, {variant: connector.side.meter()}).start()
    LATENCY.fill(run.mysql, row, 1, 1)
    watch.await_records(1, 60, connector.check)
    watch.finish()
    base = ends.read()
    ends.close()
    return base


def percentile(values: list[float], at: float) -> float:
    """The value below which `at` percent lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * at / 100))]


def measure_load(run: Run) -> None:
    """CPU of each side while 8,000 events a second are written."""
    warm = run.warm_rounds(always=False)
    for number in range(-warm, run.plan.rounds):
        for place, name in enumerate(alternating([OURS, DEBEZIUM], number)):
            cores, rate = load_round(run, name, IDS * (2 * (number + warm) + place))
            run.say(f"load {name} round {number + 1}: {cores:.3f} cores at {rate:,.0f} events/s")
            if number >= 0:
                run.results.add("load", name, "cores", "cores", cores)
                run.results.add("load", name, "rate", "rows/s", rate)


def load_round(run: Run, name: str, first: int) -> tuple[float, float]:
    """Return cores used and events per second that became visible, both after the warm-up second."""
    connector = run.captured[name]
    connector.set_position(Position.now(run.mysql))
    connector.resume()
    connector.await_running()
    run.await_streaming(connector)
    seconds = run.plan.load_s + 1
    rows = round(seconds * PER_SECOND) * EVENTS
    topic = connector.topic(LOAD.name)
    ends = EndOffsets(run.bootstrap, topic)
    with traffic.writer(run.mysql, connector.database, LOAD, first, PER_SECOND, EVENTS, seconds) as writes:
        watch = Watch(ends, run.meters(connector.side)).start()
        writes.go()
        wrote = writes.answer(seconds * 3 + 60)
        at_end = time.monotonic()
        watch.await_records(rows, catchup.ROUND_TIMEOUT_S, connector.check)
        samples = watch.finish()
    ends.close()
    connector.stop()
    require(topic, read_written(run.bootstrap, topic, watch.base), rows)
    within = [sample for sample in samples if wrote["began"] + 1 <= sample.at <= at_end]
    if len(within) < 2:
        raise LabError("load: no samples")
    spent = within[-1].at - within[0].at
    cores = (within[-1].cpu_s[name] - within[0].cpu_s[name]) / spent
    return cores, (within[-1].end - within[0].end) / spent
