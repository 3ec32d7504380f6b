"""The promises I1 to I7 from the topics alone, of every snapshot under writers that never rest, for keys of every kind.

A combination (`matrix`) is two lives of one task over tables of all kinds (`key_kinds`). In the end

- I1: every topic leads to its table's rows, as SELECT has them at the GTID (or position) of the stored offset;
- I2: nothing of a transaction that was rolled back is there;
- I3: of each key every change starts from what was said last, nothing follows what is newer, no position steps back;
- I4: no change comes twice, and no row twice from one snapshot;
- I5: source transactions are whole, by the topic of transactions;
- I6: the stored offset is the end of all that was written, and a life goes on there without loss or repetition;
- I7: all decodes to its last byte, and equal rows are equal bytes, from whichever snapshot or the stream.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from faust_cdc.pipeline.phase import Phase
from faust_cdc.pipeline.task import ConnectorTask
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.oracle.invariants import duplicates, encoding_faults, order_faults, torn_transactions
from tests.oracle.topics import RawRecord, TopicReader, changes
from tests.pipeline.test_snapshot_modes import put_offset
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.key_kinds import MARKS, WHOLE, KeyWriter, create, kinds_of, mark, rows_of, told_by
from tests.snapshot.matrix import LOCKINGS, PLANS, SERVERS, SWITCHES, Combination, all_of_them

pytestmark = pytest.mark.integration

COMBINATIONS = int(os.environ.get("FAUST_CDC_COMBINATIONS", "14"))
"""How many are run; see `all_of_them` for which."""
SEED = int(os.environ.get("FAUST_CDC_SEED", "6"))
WRITERS = 2
PATIENCE_S = 240
"""A step takes seconds, on a slow machine some tens of them."""
MORE = 60
"""Operations of each writer that are waited for."""
SIG = "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)"
JOINED = ("pairs", "octets", "keyless", "labels")
"""Tables that join later where some do."""


@pytest.fixture(scope="module")
def mysql_without_gtids() -> Iterator[MySqlServer]:
    with MySqlServer(gtid_mode=False) as server:
        yield server


@pytest.fixture(scope="module")
def totals() -> Iterator[Counter[str]]:
    """What is counted over all combinations."""
    found = Counter[str]()
    yield found
    print(f"\nall: {', '.join(f'{count:,} {what}' for what, count in found.items())}")


@contextmanager
def database_on(source: SqlServer, row_metadata: str) -> Iterator[str]:
    name = f"m{uuid4().hex[:8]}"
    source.create_database(name)
    source.execute(
        f"{SIG}; GRANT INSERT, DELETE ON {name}.sig TO {source.user}; SET GLOBAL binlog_row_metadata = {row_metadata}",
        name,
    )
    try:
        yield name
    finally:
        source.execute("SET GLOBAL binlog_row_metadata = FULL")
        source.drop_database(name)


def end_of(source: SqlServer) -> dict[str, object]:
    """Return what an offset at the end of the server's binlog says."""
    if isinstance(source, MariaDbServer):
        return {"gtids": source.query("SELECT @@global.gtid_binlog_pos")[0][0]}
    assert isinstance(source, MySqlServer)
    if source.gtid_mode:
        return {"gtids": source.query("SELECT @@global.gtid_executed")[0][0].replace("\n", "")}
    file, pos = source.query(source.position_statement)[0][:2]
    return {"file": file, "pos": pos}


class Run:
    """One combination."""

    def __init__(self, bench: Bench, one: Combination, hold: Hold) -> None:
        self.bench, self.one, self.plan, self.hold = bench, one, PLANS[one.plan], hold
        self.source, self.database = bench.source, bench.database
        self.kinds = kinds_of(bench.source)
        self.topic_of = {table: f"{bench.prefix}.{bench.database}.{table}" for table in self.kinds}
        self.told = told_by(self.kinds, self.topic_of)
        self.writers = [KeyWriter(self.source, self.database, self.kinds, SEED * 10 + lane, lane, WRITERS)
                        for lane in range(WRITERS)]  # fmt: skip
        self.found: list[tuple[RawRecord, Any, Any]] = []
        self.transactions: list[Any] = []
        self.marked = MARKS
        self.reader = TopicReader(bench.kafka.bootstrap)

    def both_lives(self) -> None:
        create(self.source, self.database, self.kinds)
        if self.plan.is_emptied:
            self.source.execute("; ".join(f"DELETE FROM {table}" for table in self.kinds), self.database)
            self.source.purge_binlogs()
        with ExitStack() as stack:
            stack.enter_context(self.reader)
            quiet = self.quiet(self.one.is_quiet or self.plan.is_quiet)
            for writer in self.writers:
                stack.enter_context(writer)
            self.first_life(quiet)
            self.wait_for_more()
            self.read()
            if self.plan.is_read_anew:
                for told in self.told.values():
                    told.anew()
            if self.plan.is_lost:
                gtids = {"gtids": "0-1-1000000000"} if isinstance(self.source, MariaDbServer) else {}
                put_offset(self.bench, {"file": "binlog.000000", "pos": 4} | gtids)
            self.second_life(self.quiet(self.one.is_quiet))
            self.read()

    def quiet(self, is_so: bool) -> ExitStack:
        """Hold the writers until what is returned is closed."""
        held = ExitStack()
        for writer in self.writers if is_so else ():
            held.enter_context(writer.held())
        return held

    def first_life(self, quiet: ExitStack) -> None:
        is_idle = self.plan.modes[0] == "initial_only"
        if self.plan.is_cut and not self.plan.signal:
            self.hold.after(1)
        with quiet, self.life(0) as task:
            if self.plan.is_cut and not self.plan.signal:
                self.hold.wait()
                return
            self.wait(task, lambda: task.progress.phase is Phase.IDLE if is_idle else is_beside(task), "the first life")
            quiet.close()
            self.wait_for_more()
            if self.plan.signal:
                self.signal(task, self.plan.signal, 1)
                self.wait_for_more()

    def second_life(self, quiet: ExitStack) -> None:
        self.hold.let_go()
        with quiet, self.life(1) as task:
            self.wait(task, lambda: is_beside(task), "the second life")
            quiet.close()
            self.wait_for_more()
            if self.plan.has_chunks:
                self.wait(task, lambda: self.completed() >= 2, "the snapshot of the signal, or of what joined")
            for writer in self.writers:
                writer.stop()
            if self.plan.signal:
                self.signal(task, {"BLOCKING": "INCREMENTAL"}.get(self.plan.signal, "BLOCKING"), 2)
            self.mark()
            self.wait(task, self.is_marked, "the last rows")

    @contextmanager
    def life(self, number: int) -> Iterator[ConnectorTask]:
        more = {"snapshot.mode": self.plan.modes[number]}
        if more["snapshot.mode"] == "configuration_based":
            more |= SWITCHES
        if self.plan.is_joined and not number:
            early = "|".join(table for table in self.kinds if table not in JOINED)
            more["table.include.list"] = rf"{self.database}\.({early})"
        self.bench.spec = replace(self.bench.spec, config=self.bench.parse(more))
        with self.bench.running() as task:
            yield task

    def signal(self, task: ConnectorTask, type_: str, number: int) -> None:
        """Have all tables read by a row of the signal table, behind a mark in each; wait for the end."""
        is_cut = self.plan.is_cut and number == 1
        self.mark()
        if is_cut:
            self.hold.after(1)
        data = json.dumps({"data-collections": [f"{self.database}[.]{table}" for table in self.kinds], "type": type_})
        self.source.execute(f"INSERT INTO sig VALUES ('s-{number}', 'execute-snapshot', '{data}')", self.database)
        if is_cut:
            self.hold.wait()
            return
        self.wait(task, lambda: self.completed() > number, f"the {type_} snapshot")
        if type_ == "INCREMENTAL":
            assert {self.status(f"s-{number}", table) for table in WHOLE} == {"NO_PRIMARY_KEY"}, "refused by name"

    def status(self, identity: str, table: str) -> str | None:
        """Return how the scan of a table ended."""
        scans = [one.additional_data for one in list(self.bench.told) if one.id == identity]
        name = f"{self.database}.{table}"
        return next((one["status"] for one in scans if one.get("scanned_collection") == name), None)

    def completed(self) -> int:
        """Return how many snapshots are told to be complete."""
        return [one.type for one in list(self.bench.told)].count("COMPLETED")

    def mark(self) -> None:
        with self.quiet(True):  # whose locks could deadlock with it
            mark(self.source, self.database, self.kinds, self.marked)
        self.marked += 1

    def is_marked(self) -> bool:
        """Whether the last mark is there; takes what is new."""
        self.read()
        return {told.mark for told in self.told.values()} == {self.marked - 1}

    def wait(self, task: ConnectorTask, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert task.state.error is None, task.state.trace
            assert time.monotonic() < deadline, f"{what}: {task.progress}"
            time.sleep(0.02)

    def wait_for_more(self) -> None:
        """Wait until each writer has gone on."""
        wanted, deadline = [writer.operations + MORE for writer in self.writers], time.monotonic() + PATIENCE_S
        while any(writer.operations < least for writer, least in zip(self.writers, wanted, strict=True)):
            assert not [writer.error for writer in self.writers if writer.error]
            assert time.monotonic() < deadline, "the writers"
            time.sleep(0.01)

    def read(self) -> None:
        """Take what is new in the topics."""
        others = [f"{self.bench.prefix}.transaction", f"{self.bench.prefix}.{self.database}.sig"]
        for one in changes(self.reader.read_new([*self.topic_of.values(), *others]), self.bench.decoder):
            record, key, value = one
            if record.topic == others[0]:
                self.transactions.append(value)
                continue
            self.found.append(one)
            if value is not None and record.topic != others[1]:
                self.told[record.topic].take(record, key, value)

    def judge(self) -> Counter[str]:
        """Hold all that was found against the promises; return what is counted."""
        streamed = [one for one in self.found if one[2] is not None and one[2]["op"] != "r"]
        end, offset = end_of(self.source), self.bench.stored_offset()
        tables = rows_of(self.source, self.database, self.kinds)
        assert end_of(self.source) == end, "nobody else writes"
        assert offset | end == offset, "I6"
        assert {table: self.told[topic].rows() for table, topic in self.topic_of.items()} == tables, "I1"
        taken_back = set[int]().union(*(writer.taken_back() for writer in self.writers))
        told = [value[side] for record, _, value in self.found if value and record.topic in self.told
                for side in ("before", "after") if value[side]]  # fmt: skip
        assert not taken_back & {row["v"] for row in told}, "I2"
        assert not [fault for one in self.told.values() for fault in one.faults], "I3, I4"
        assert not order_faults(self.found), "I3"
        assert not duplicates(streamed), "I4"
        assert not torn_transactions(streamed, self.transactions), "I5"
        faults, both = encoding_faults(self.found, self.bench.decoder.schema)
        assert not faults, "I7"
        wanted = dict.fromkeys(self.told, self.plan.snapshots)
        if self.plan.signal:
            assert both >= len(self.kinds), "rows that both snapshot and stream have said"
            for table in WHOLE:  # which the incremental one of both refuses
                wanted[self.topic_of[table]] -= 1
        wanted[self.topic_of["keyless"]] *= 2  # its rows are there twice
        assert {topic: told.snapshots for topic, told in self.told.items()} == wanted, "snapshots, by topic"
        return Counter(
            {
                "combinations": 1,
                "operations of writers": sum(writer.operations for writer in self.writers),
                "of them rolled back": len(taken_back),
                "records": len(self.found),
                "of them of snapshots": len([value for _, _, value in self.found if value]) - len(streamed),
                "source transactions": len(self.transactions) // 2,
                "rows compared with SELECT": sum(map(Counter.total, tables.values())),
                "rows that snapshot and stream have said in equal bytes": both,
            }
        )


def is_beside(task: ConnectorTask) -> bool:
    """Whether no initial snapshot is under way any more, and the stream goes on."""
    offset = task.progress.offset
    return task.progress.phase is Phase.STREAMING and offset is not None and not offset.snapshot


@pytest.mark.parametrize("one", all_of_them(SEED)[:COMBINATIONS], ids=str)
def test_combination(
    request: pytest.FixtureRequest,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    monkeypatch: pytest.MonkeyPatch,
    totals: Counter[str],
    one: Combination,
) -> None:
    source: SqlServer = request.getfixturevalue(one.server)
    with database_on(source, one.row_metadata) as database:
        config = {
            "snapshot__locking__mode": one.locking.value,
            "snapshot__chunk__size": "30",
            "incremental__snapshot__chunk__size": "30",
            "snapshot__max__threads": str(one.readers),
            "incremental__snapshot__watermarking__strategy": f"insert_{'insert' if one.readers == 1 else 'delete'}",
            "signal__data__collection": f"{database}.sig",
            "provide__transaction__metadata": "true",
            "include__schema__changes": "false",
        }
        run = Run(Bench(source, kafka, apicurio, database, **config), one, Hold(monkeypatch))
        run.both_lives()
        counted = run.judge()
    totals.update(counted)
    print(f"{one}: {', '.join(f'{count:,} {what}' for what, count in counted.items())}")


def test_few_combinations_have_every_value() -> None:
    """What CI runs has each plan, server and lock; all of them are as many with any seed."""
    every = all_of_them(SEED)
    few = every[:COMBINATIONS]
    assert len({*every}) == len(every) == len(all_of_them(SEED + 1))
    assert {one.plan for one in few} == PLANS.keys()
    assert {one.server for one in few} == {*SERVERS}
    assert {one.locking for one in few} == {*LOCKINGS}
