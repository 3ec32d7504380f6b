"""Snapshots: a fresh connector reads a table that is there.

The rate is that from the first record written (visible or not: a snapshot may be one Kafka transaction) to the moment
when a read_committed reader sees the last one; connecting, locking and reading the structure come before.
"""

from __future__ import annotations

from tests.bench import catchup, tables
from tests.bench.plan import DEBEZIUM, OURS
from tests.bench.run import Run, alternating
from tests.bench.tables import Table
from tests.bench.verify import Written, compare, read_written, require
from tests.bench.watch import EndOffsets, Watch, Window, window

FILL_ROWS = 1000
SLOWEST_RATE = 4000
"""Rows per second that are waited for."""


def measure(run: Run, work: str, table: Table, rows: int, *, once: bool = False) -> None:
    """Fill the table outside of the binlog, let every side take its snapshot in turn; `once`: with no warm-up.

    A large table needs none: it is read for minutes.
    """
    table.fill(run.mysql, 0, rows, FILL_ROWS, logged=False)
    last: dict[str, Written] = {}
    numbers = range(1) if once else range(-run.warm_rounds(always=True), run.plan.rounds)
    for number in numbers:
        for side in alternating([OURS, DEBEZIUM], number):
            found, last[side], whole_s = one_round(run, table, side, rows)
            if number >= 0:
                catchup.note(run, work, side, found)
                run.results.add(work, side, "from creation to last record", "s", whole_s)
            catchup.say_round(run, work, side, number, found)
    registry = run.servers.apicurio.ccompat_url
    compared = compare(registry, table.name, last[DEBEZIUM], last[OURS], snapshot=True)
    run.say(f"{work}: {compared} records equal Debezium's, all counts right")
    run.results.add(work, OURS, "records compared with Debezium's", "records", compared)


def one_round(run: Run, table: Table, name: str, rows: int) -> tuple[Window, Written, float]:
    """One connector's snapshot; also the seconds from its creation."""
    side = run.side(name)
    listed = {"table__include__list": f"{tables.DATABASE}.{table.name}", "snapshot__mode": "initial"}
    connector = side.connector(tables.DATABASE, **listed)
    topic = connector.topic(table.name)
    ends, written = EndOffsets(run.bootstrap, topic), EndOffsets(run.bootstrap, topic, committed=False)
    watch = Watch(ends, run.meters(side), written).start()
    try:
        connector.create()
        watch.await_records(rows, catchup.ROUND_TIMEOUT_S + rows / SLOWEST_RATE, connector.check)
    finally:
        samples = watch.finish()
        ends.close()
        written.close()
    connector.stop()
    connector.delete()
    content = read_written(run.bootstrap, topic, watch.base, rows)
    require(topic, content, rows)
    found = window(samples, watch.base, surplus=samples[-1].end - watch.base - rows)
    return found, content, found.last_at - samples[0].at
