"""Every `snapshot.mode` under a writer that never rests: at the first start, while stopped, and at the second start.

Where the second start reads rows again, what it writes is the whole table by itself; else it goes on with the stream of
the first one, and both together are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from faust_cdc.pipeline.phase import Phase
from faust_cdc.pipeline.task import ConnectorTask
from tests.lab import Apicurio, KafkaBroker, MariaDbServer
from tests.oracle.invariants import duplicates, order_faults
from tests.oracle.topics import RawRecord, TopicReader, changes
from tests.pipeline.test_snapshot_modes import BASED, put_offset
from tests.pipeline.test_task import Bench
from tests.snapshot.test_merged_live import fill, final, stale_rows
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

Found = list[tuple[RawRecord, Any, Any]]
ROWS = 600
MORE = 60
"""Operations of the writer that are waited for."""
LAST = 1_000_000


def nothing(bench: Bench) -> None:
    """Leave all as it is."""


def lose(bench: Bench) -> None:
    """Have the stored offset name a file that the server never had, on MariaDB also a GTID."""
    gtids = {"gtids": "0-1-1000000000"} if isinstance(bench.source, MariaDbServer) else {}
    put_offset(bench, {"file": "binlog.000000", "pos": 4} | gtids)


def without_binlogs(bench: Bench) -> None:
    """Drop the binlogs, and the rows that they brought."""
    bench.source.execute("DELETE FROM a", bench.database)
    bench.source.purge_binlogs()


@dataclass(frozen=True)
class Case:
    """Options of the two starts, and whether each of them reads rows."""

    first: dict[str, str]
    second: dict[str, str]
    reads: tuple[bool, bool]
    before: Callable[[Bench], None] = nothing
    between: Callable[[Bench], None] = nothing
    idle: bool = False
    """The first start ends without a stream."""
    quiet: bool = False
    """Nothing is written before the first start has its place: it would be left out."""


def mode(name: str) -> dict[str, str]:
    return {"snapshot.mode": name}


BY_SWITCHES = mode("configuration_based") | {
    f"{BASED}snapshot.data": "true", f"{BASED}snapshot.schema": "true", f"{BASED}start.stream": "true"
}  # fmt: skip
CASES = {
    "always": Case(mode("always"), mode("always"), (True, True)),
    "initial_only": Case(mode("initial_only"), mode("initial"), (True, False), idle=True),
    "no_data": Case(mode("no_data"), mode("no_data"), (False, False), without_binlogs, quiet=True),
    "never": Case(mode("never"), mode("never"), (False, False), without_binlogs),
    "recovery": Case(mode("initial"), mode("recovery"), (True, False)),
    "when_needed": Case(mode("when_needed"), mode("when_needed"), (True, False)),
    "when_needed, lost": Case(mode("when_needed"), mode("when_needed"), (True, True), between=lose),
    "configuration_based": Case(BY_SWITCHES, BY_SWITCHES, (True, True)),
}


def wait(task: ConnectorTask, condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert task.state.error is None, task.state.trace
        assert time.monotonic() < deadline, f"{what}: {task.progress}"
        time.sleep(0.05)


def is_beside(task: ConnectorTask) -> bool:
    offset = task.progress.offset
    return task.progress.phase is Phase.STREAMING and offset is not None and not offset.snapshot


def write_more(task: ConnectorTask, writer: RandomWriter) -> None:
    there = writer.operations
    wait(task, lambda: writer.operations >= there + MORE, "the writer")


ON_MARIADB = ("always", "initial_only", "recovery", "when_needed, lost")
"""Those in which a read and the stream, or two reads, meet at a place that MariaDB tells by other means than MySQL."""


@pytest.mark.parametrize(
    ("flavor", "name"), [("mysql", name) for name in CASES] + [("mariadb", name) for name in ON_MARIADB]
)
def test_mode(request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio, flavor: str, name: str) -> None:
    source, database = request.getfixturevalue(flavor), request.getfixturevalue(f"{flavor}_database")
    case, options = CASES[name], {"snapshot__locking__mode": "watermark", "snapshot__chunk__size": "60"}
    bench = Bench(source, kafka, apicurio, database, **options)
    fill(source, database, ("a",), ROWS)
    case.before(bench)
    topic, parts = f"{bench.prefix}.{database}.a", list[Found]()
    writer, quiet = RandomWriter(source, database, ["a"], ROWS * 2, 11, 0.001), ExitStack()
    if case.quiet:
        quiet.enter_context(writer.held())
    with TopicReader(kafka.bootstrap) as reader, writer:
        bench.spec = replace(bench.spec, config=bench.parse(case.first))
        with bench.running() as task:
            wait(task, lambda: task.progress.phase is Phase.IDLE if case.idle else is_beside(task), "the first start")
            quiet.close()
            write_more(task, writer)
        write_more(task, writer)
        parts.append(list(changes(reader.read_new([topic]), bench.decoder)))
        case.between(bench)
        bench.spec = replace(bench.spec, config=bench.parse(case.second))
        with bench.running() as task:
            wait(task, lambda: is_beside(task), "the second start")
            write_more(task, writer)
            writer.stop()
            source.execute(f"INSERT INTO a (id, v) VALUES ({LAST}, 0)", database)
            parts.append(Found())

            def is_there() -> bool:
                parts[1] += changes(reader.read_new([topic]), bench.decoder)
                return {"id": LAST} in [key for _, key, _ in parts[1]]

            wait(task, is_there, "the last row")
    ops = [{value["op"] for _, _, value in part if value} for part in parts]
    assert tuple("r" in one for one in ops) == case.reads
    assert "u" in ops[1], "the stream"
    found = parts[1] if case.reads[1] else parts[0] + parts[1]
    assert final(found, topic) == dict(source.query("SELECT id, v FROM a", database))
    for one in (parts[0], found):
        assert not stale_rows(one)
        assert not duplicates(one)
        assert not order_faults(one)
    print(f"{flavor}, {name}: {writer.operations} changes, {[len(part) for part in parts]} records")
