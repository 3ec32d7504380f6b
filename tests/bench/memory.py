"""Resident memory: each further connector, one transaction of a million rows, one row of 64 MB.

Idle memory is noted before the first connector, that under load by the catch-up parts.
"""

from __future__ import annotations

import os
import time

from tests.bench import catchup, tables
from tests.bench.plan import DEBEZIUM, OURS
from tests.bench.run import Run
from tests.bench.sides import Position
from tests.bench.tables import Table, orders
from tests.bench.verify import read_written, require
from tests.bench.watch import EndOffsets, Watch
from tests.lab import LabError

SETTLE_S = 3.0
HUGE = orders("huge")
BLOBS = "blobs"
BLOB_DDL = f"CREATE TABLE {tables.DATABASE}.{BLOBS} (id INT NOT NULL PRIMARY KEY, body LONGBLOB NOT NULL)"
ROWS_PER_STATEMENT = 5_000
REQUEST_BYTES = "134217728"


def measure(run: Run) -> None:
    """All of it."""
    for name in (OURS, DEBEZIUM):
        further(run, name)
    huge_transaction(run)
    run.mysql.execute(BLOB_DDL)
    for name in (OURS, DEBEZIUM):
        try:
            huge_row(run, name)
        except LabError as error:
            if name == OURS:
                raise
            run.results.notes.append(f"memory: debezium and a row of {run.plan.row_mb} MB: {str(error)[:300]}")


def further(run: Run, name: str) -> None:
    """Memory of a worker with one running connector, and with some more, each streaming."""
    first = run.captured[name]
    first.set_position(Position.now(run.mysql))
    first.resume()
    first.await_running()
    run.await_streaming(first)
    time.sleep(SETTLE_S)
    before = first.side.meter().rss_mb()
    more = [first.side.connector(tables.DATABASE, snapshot__mode="no_data") for _ in range(run.plan.further)]
    for connector in more:
        connector.create()
        connector.await_running()
        run.await_streaming(connector)
    time.sleep(SETTLE_S)
    each = (first.side.meter().rss_mb() - before) / len(more)
    for connector in [*more, first]:
        connector.stop()
    for connector in more:
        connector.delete()
    run.say(f"memory {name}: {before:.0f} MB with one connector, {each:.1f} MB for each of {len(more)} more")
    run.results.add("memory", name, "one connector", "MB", before)
    run.results.add("memory", name, "further connector", "MB", each)


def huge_transaction(run: Run) -> None:
    """Our peak while one source transaction of many rows goes through. Debezium would take minutes: not measured."""
    rows = run.plan.huge_rows
    connector = run.captured[OURS]
    connector.set_position(Position.now(run.mysql))
    calls = (
        f"CALL {tables.SEED}.fill_{tables.DATABASE}_{HUGE.name}(0, {rows // ROWS_PER_STATEMENT}, {ROWS_PER_STATEMENT})"
    )
    run.mysql.execute(f"SET autocommit = 0; {calls}; COMMIT")
    peak, seconds = _peak(run, OURS, HUGE, rows)
    run.say(f"memory faust-cdc: peak {peak:.0f} MB during a transaction of {rows:,} rows, {seconds:.1f} s")
    run.results.add("memory", OURS, "huge transaction", "MB", peak)
    run.results.add("memory", OURS, "huge transaction rows", "rows", rows)


def _peak(run: Run, name: str, table: Table, rows: int) -> tuple[float, float]:
    connector = run.captured[name]
    topic = connector.topic(table.name)
    ends = EndOffsets(run.bootstrap, topic)
    watch = Watch(ends, {name: connector.side.meter()}).start()
    began = time.monotonic()
    connector.resume()
    watch.await_records(rows, catchup.ROUND_TIMEOUT_S, connector.check)
    samples = watch.finish()
    ends.close()
    peak = connector.side.meter().peak_mb()
    connector.stop()
    require(topic, read_written(run.bootstrap, topic, watch.base), rows)
    return peak, samples[-1].at - began


def huge_row(run: Run, name: str) -> None:
    """Peak while one row of incompressible bytes goes through."""
    limits = {
        "producer__override__max__request__size": REQUEST_BYTES,
        "producer__override__buffer__memory": REQUEST_BYTES,
    }
    connector = run.waiting(run.side(name), **limits)
    connector.set_position(Position.now(run.mysql))
    with run.mysql.admin(tables.DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute(f"REPLACE INTO {BLOBS} VALUES (%s, %s)", (len(name), os.urandom(run.plan.row_mb << 20)))
    topic = connector.topic(BLOBS)
    ends = EndOffsets(run.bootstrap, topic)
    watch = Watch(ends, {name: connector.side.meter()}).start()
    connector.resume()
    try:
        watch.await_records(1, 120, connector.check)
        peak = connector.side.meter().peak_mb()
    finally:
        watch.finish()
        ends.close()
        connector.delete()
    written = read_written(run.bootstrap, topic, watch.base)
    require(topic, written, 1)
    if written.value_bytes < run.plan.row_mb << 20:
        raise LabError(f"{topic}: a record of {written.value_bytes} bytes for a row of {run.plan.row_mb} MB")
    run.say(f"memory {name}: peak {peak:.0f} MB at a row of {run.plan.row_mb} MB")
    run.results.add("memory", name, "huge row", "MB", peak)
