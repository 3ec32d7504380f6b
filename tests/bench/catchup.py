"""Catching up: the rows are in the binlog already, the connector starts before them.

Each side reads the end of the same stretch of binlog: the slower it is, the shorter its part, so that a round takes
seconds on every side. A round's rate is that between the first and the last record that a read_committed reader could
see; the start of the task is left out, and so is what was visible first. CPU is the process' own in the same window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from tests.bench import bystander, limits, naive, stages
from tests.bench.meters import Meter
from tests.bench.plan import DEBEZIUM, NAIVE, OURS
from tests.bench.run import Run, alternating
from tests.bench.sides import Position
from tests.bench.tables import Table
from tests.bench.verify import Written, compare, read_written, require
from tests.bench.watch import EndOffsets, Sample, Watch, Window, window
from tests.lab import LabError

ROUND_TIMEOUT_S = 300.0
LAG_SLICES = 6


@dataclass
class Stretch:
    """Rows in the binlog, and where each side begins to read."""

    work: str
    table: Table
    rows: Mapping[str, int]
    start: dict[str, Position] = field(default_factory=dict)
    end: Position | None = None
    last: dict[str, Written] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    """Of each side's last round, as is `base`, the topic's end before it."""
    base: dict[str, int] = field(default_factory=dict)


def write(run: Run, work: str, table: Table, rows: Mapping[str, int], per_transaction: int) -> Stretch:
    """Write the rows of the longest reader, in a binlog file of their own, noting where the others begin."""
    run.mysql.execute("FLUSH BINARY LOGS")
    stretch = Stretch(work, table, rows)
    total = done = max(rows.values())
    done = 0
    for side in sorted(rows, key=lambda side: -rows[side]):
        begins = total - rows[side]
        table.fill(run.mysql, done, begins - done, per_transaction)
        done = begins
        stretch.start[side] = Position.now(run.mysql)
    table.fill(run.mysql, done, total - done, per_transaction)
    stretch.end = Position.now(run.mysql)
    return stretch


def measure(run: Run, work: str, table: Table, rows: Mapping[str, int], per_transaction: int) -> Stretch:
    """Write, let every side catch up in turn, check and note every round."""
    stretch = write(run, work, table, rows, per_transaction)
    for number in range(-run.warm_rounds(always=True), run.plan.rounds):
        for side in alternating([OURS, DEBEZIUM], number):
            found = one_round(run, stretch, side, counted=number >= 0)
            if number >= 0:
                note(run, work, side, found)
            say_round(run, work, side, number, found)
    compared = compare(run.servers.apicurio.ccompat_url, table.name, stretch.last[DEBEZIUM], stretch.last[OURS])
    run.say(f"{work}: {compared} records equal Debezium's, all counts right")
    run.results.add(work, OURS, "records compared with Debezium's", "records", compared)
    for number in range(run.plan.peer_rounds):
        found = naive_round(run, stretch)
        note(run, work, NAIVE, found)
        say_round(run, work, NAIVE, number, found)
        limits.socket_round(run, work, stretch.start[OURS], rows[OURS])
        limits.produce_round(run, work, run.captured[OURS].topic(table.name), stretch.base[OURS], rows[OURS])
    for side in (OURS, DEBEZIUM):
        note_lag(run, work, stretch, side)
    return stretch


def note_lag(run: Run, work: str, stretch: Stretch, side: str) -> None:
    """Cost per row by rows still behind: slices of the side's last round."""
    samples, base = stretch.samples[side], stretch.base[side]
    total = samples[-1].end - base
    marks = [base + total * number // LAG_SLICES for number in range(LAG_SLICES + 1)]
    seen = [next(sample for sample in samples if sample.end >= mark and sample.end > base) for mark in marks]
    for early, late in pairwise(seen):
        rows = late.end - early.end
        if rows > 0:
            behind = samples[-1].end - early.end
            cpu = (late.cpu_s[side] - early.cpu_s[side]) * 1e6 / rows
            run.results.add(f"lag-{work}", side, "cpu", "µs/row", cpu, behind)
            run.results.add(f"lag-{work}", side, "memory", "MB", early.rss_mb, behind)


def one_round(run: Run, stretch: Stretch, name: str, *, counted: bool = True) -> Window:
    """Start one side before its rows and wait until all are visible; raises when they are not exactly those."""
    connector, rows = run.captured[name], stretch.rows[name]
    connector.set_position(stretch.start[name])
    topic = connector.topic(stretch.table.name)
    ends = EndOffsets(run.bootstrap, topic)
    watch = Watch(ends, run.meters(connector.side)).start()
    counted_ours = counted and name == OURS
    before = stages.page(run) if counted_ours else ""
    try:
        with bystander.beside(run, stretch.work, counted=counted_ours):
            connector.resume()
            watch.await_records(rows, ROUND_TIMEOUT_S, connector.check)
    finally:
        samples = watch.finish()
        ends.close()
    if counted_ours:
        stages.note(run, stretch.work, connector, before)
    connector.stop()
    written = read_written(run.bootstrap, topic, watch.base, stretch.rows[DEBEZIUM])
    require(topic, written, rows)
    stretch.last[name], stretch.samples[name], stretch.base[name] = written, samples, watch.base
    return window(samples, watch.base, surplus=samples[-1].end - watch.base - rows)


def naive_round(run: Run, stretch: Stretch) -> Window:
    """The same with mysql-replication, fastavro and a plain producer."""
    rows, start, end = stretch.rows[NAIVE], stretch.start[NAIVE], stretch.end
    if end is None:
        raise LabError("nothing is written yet")
    topic = f"naive.bench.{stretch.table.name}"
    program = naive.program(run.mysql, run.bootstrap, topic, stretch.table.name, start, end)
    with program:
        ends = EndOffsets(run.bootstrap, topic)
        watch = Watch(ends, {NAIVE: Meter(program.pid)}).start()
        try:
            program.go()
            watch.await_records(rows, ROUND_TIMEOUT_S, program.check)
        finally:
            samples = watch.finish()
            ends.close()
    require(topic, read_written(run.bootstrap, topic, watch.base), rows)
    return window(samples, watch.base)


def note(run: Run, work: str, side: str, found: Window, x: float | None = None) -> None:
    """Put a round's figures into the results."""
    add = run.results.add
    add(work, side, "rate", "rows/s", found.rate, x)
    for process in found.cpu_s:
        metric = "cpu" if process == side else f"cpu of {process}"
        add(work, side, metric, "µs/row", found.cpu_us(process), x)
    records, seconds, cpu_s = found.with_start
    add(work, side, "rate with start", "rows/s", records / seconds, x)
    add(work, side, "cpu with start", "µs/row", cpu_s * 1e6 / records, x)
    add(work, side, "memory", "MB", found.rss_max_mb, x)
    if found.whole:
        run.results.notes.append(f"{work}, {side}: nearly all records came at once, so its start is in the rate")


def say_round(run: Run, work: str, side: str, number: int, found: Window) -> None:
    """Tell what a round gave."""
    which = f"round {number + 1}" if number >= 0 else "warm-up"
    run.say(
        f"{work} {side} {which}: {found.rate:,.0f} rows/s, {found.cpu_us(side):.2f} µs CPU per row, "
        f"{found.rss_max_mb:.0f} MB, {found.seconds:.1f} s"
    )
