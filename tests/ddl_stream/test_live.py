"""Generated DDL under live connectors: outages, kills, snapshots and the binlog's metadata change between statements.

What each statement makes of a table is compared with information_schema; every record is held against what the server
itself said of its row; nothing is lost, nothing comes twice, and no task fails.

`./dev soak ddl-stream` is the long form. Without FAUST_CDC_DDL it is short: two kinds of server and few statements,
always the same.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from faust_cdc.relational.model import TableId
from tests.ddl_stream.evolving import MARK, Streamed
from tests.ddl_stream.judging import OPTIONS, Judge
from tests.harness.connectors import connector_config
from tests.harness.worker import RestError, WorkerProcess
from tests.lab import KafkaBroker, SqlServer
from tests.oracle.topics import AvroDecoder, TopicReader, topics_with_prefix

pytestmark = pytest.mark.integration

SEED = int(os.environ.get("FAUST_CDC_SEED") or 20)
STATEMENTS = int(os.environ.get("FAUST_CDC_DDL") or 0)
"""0 for the short form."""
BEFORE, AT_ONCE = (20, 15) if STATEMENTS else (12, 4)
"""Statements before any connector is there, and between two of the things that happen to the connectors."""
HAPPENINGS = (
    ("incremental", "kill", "another", "incremental", "stop", "blocking", "kill")
    if STATEMENTS
    else ("another", "incremental", "kill")
)
SERVERS = [("mysql", "MINIMAL"), ("mariadb", "FULL"), *([("mysql", "FULL")] if STATEMENTS else [])]
PAUSE_S = 0.2
LEVEL_S = 240.0


class Follower:
    """One connector and the judge of its records."""

    def __init__(self, run: Run, name: str) -> None:
        self.name = name
        self.prefix = f"{name}{uuid4().hex[:8]}"
        self._run = run
        self._reader = TopicReader(run.kafka.bootstrap)
        self.judge = Judge(AvroDecoder(run.worker.registry_url), run.databases)
        self._marks: set[int] = set()
        included = ",".join([*run.databases, run.control])
        config = connector_config(run.server, included, self.prefix, signal__data__collection=f"{run.control}.sig")
        run.worker.rest("POST", "/connectors", {"name": name, "config": config | OPTIONS})

    def close(self) -> None:
        self._reader.close()

    def read(self) -> dict[TableId, list[Any]]:
        """Take what is new; return the rows of snapshots among it."""
        records = self._reader.read_new(topics_with_prefix(self._run.kafka.bootstrap, self.prefix))
        mine = f"{self.prefix}.{self._run.control}."
        for one in records:
            if one.topic == mine + MARK and one.value is not None:
                value = self.judge.decoder.decode(one.value)
                if value["op"] == "c":  # a snapshot may read the row before the stream comes to it
                    self._marks.add(value["after"]["id"])
        return self.judge.take(one for one in records if not one.topic.startswith(mine))

    def await_mark(self, number: int) -> dict[TableId, list[Any]]:
        """Read until that row has come, and once more: other topics of its transaction may be seen a moment later."""
        found: dict[TableId, list[Any]] = {}

        def has_come() -> bool:
            self.check()
            _add(found, self.read())
            return number in self._marks

        self._run.worker.until(has_come, LEVEL_S, f"{self.name} has come to mark {number}")
        _add(found, self.read())
        return found

    def has_place(self) -> bool:
        """Whether it has stored an offset; fails when its task has."""
        assert self._run.worker.task_state(self.name) != "FAILED", self._run.worker.log_tail()
        try:
            return bool(self._run.worker.rest("GET", f"/connectors/{self.name}/offsets")["offsets"])
        except RestError:  # not taken up yet
            return False

    def check(self) -> None:
        """Fail with the trace of a task that failed."""
        self._run.worker.wait_running(self.name)

    def await_initial(self) -> None:
        """Wait until its initial snapshot is over; it streams beside that, so that no row of the stream says so."""

        def over() -> bool:
            self.check()
            found = self._run.worker.rest("GET", f"/connectors/{self.name}/snapshot")["snapshot"] or {}
            return (found.get("kind"), found.get("state")) == ("initial", "completed")

        self._run.worker.until(over, LEVEL_S, f"{self.name}: initial snapshot complete")

    def await_blocking(self, last: str) -> None:
        """Wait until the blocking snapshot that was asked for last is over, and none waits or runs.

        One of another kind may be taken up into one that runs, and is told of by that one's name only.
        """
        line = f"Connector {self.name}: blocking snapshot {last} is complete"

        def over() -> bool:
            self.check()
            found = self._run.worker.rest("GET", f"/connectors/{self.name}/snapshot")["snapshot"] or {}
            is_idle = (found.get("state"), found.get("waiting")) == ("completed", [])
            return is_idle and line in self._run.worker.log_file.read_text(errors="replace")

        self._run.worker.until(over, LEVEL_S, f"{self.name}: snapshot {last} complete")


class Run:
    """One server's tables, one worker, its connectors."""

    def __init__(self, server: SqlServer, metadata: str, kafka: KafkaBroker, folder: Path) -> None:
        self.server, self.kafka = server, kafka
        server.execute(f"SET GLOBAL binlog_row_metadata = {metadata}")
        mine = uuid4().hex[:8]
        self.databases, self.control = (f"ddl one {mine}", f"ddl_two_{mine}"), f"control_{mine}"
        for database in (*self.databases, self.control):
            server.create_database(database)
        told_by_text = metadata != "FULL"
        self.evolving = Streamed(server, SEED, self.databases, self.control, told_by_text=told_by_text)
        self.worker = WorkerProcess(folder, kafka.bootstrap, f"ddl-{mine}")
        self.followers: list[Follower] = []
        self._snapshots = 0
        self.happened: list[str] = []

    def close(self) -> None:
        for one in self.followers:
            one.close()
        self.worker.stop()
        self.evolving.close()
        self.server.execute("SET GLOBAL binlog_row_metadata = FULL")
        for database in (*self.databases, self.control):
            self.server.drop_database(database)

    def more(self, statements: int = AT_ONCE) -> None:
        """Run statements, each with rows behind it."""
        self.evolving.run(self.evolving.accepted + statements)

    def follow(self, name: str) -> Follower:
        self.followers.append(Follower(self, name))
        return self.followers[-1]

    def first_snapshot(self) -> None:
        """A connector's initial snapshot, while nothing is written, is the rows."""
        self.worker.start().wait_ready()
        rows, tables = self.evolving.rows(), self.evolving.tables
        first = self.follow("first")
        first.await_initial()
        found = first.await_mark(self.evolving.mark())
        first.judge.exactly(self.evolving.writer.journal, found, rows, tables)

    def last_snapshot(self) -> None:
        """A blocking snapshot of everything, while nothing is written, is the rows."""
        # One of the control tables, behind all those that were asked for or that tables took that joined.
        self.signal("BLOCKING", self.control)
        for one in self.followers:
            one.await_blocking(f"s{self._snapshots}")
            one.read()
        rows, tables = self.evolving.rows(), self.evolving.tables
        for one in self.followers:
            one.judge.complete(self.evolving.writer.journal, rows, tables)
        self.signal("BLOCKING")
        mark = self.evolving.mark()
        for one in self.followers:
            one.await_blocking(f"s{self._snapshots}")
            one.judge.exactly(self.evolving.writer.journal, one.await_mark(mark), rows, tables)

    def signal(self, kind: str, *databases: str) -> None:
        self._snapshots += 1
        self.evolving.signal(f"s{self._snapshots}", kind, databases or self.databases)

    def kill(self) -> None:
        """An outage by kill -9, with statements in it and while it is caught up with."""
        self.worker.kill()
        self.more(AT_ONCE // 2)
        self.worker.start()

    def stop(self) -> None:
        """A planned outage with statements in it."""
        self.worker.wait_ready()
        self.worker.stop()
        self.more(AT_ONCE // 2)
        self.worker.start()

    def another(self) -> None:
        """A second connector, whose start and initial snapshot meet statements and rows.

        They go on until it has its place: what it is asked for later it sees then.
        """
        if len(self.followers) < 2:
            self.worker.wait_ready()
            second = self.follow("second")
            self.more()
            deadline = time.monotonic() + LEVEL_S
            while not second.has_place():
                assert time.monotonic() < deadline, self.worker.log_tail()
                self.more(1 if STATEMENTS else 0)  # the short form's are always the same
                time.sleep(PAUSE_S)

    def happenings(self) -> Iterator[str]:
        """What happens, over and over."""
        return itertools.cycle(HAPPENINGS)

    def happen(self, what: str) -> None:
        if what in ("incremental", "blocking"):
            self.signal(what.upper())
        else:
            getattr(self, what)()


def _add(found: dict[TableId, list[Any]], new: dict[TableId, list[Any]]) -> None:
    for table, records in new.items():
        found.setdefault(table, []).extend(records)


@pytest.mark.parametrize(("name", "metadata"), SERVERS)
def test_generated_ddl_under_live_connectors(
    request: pytest.FixtureRequest, name: str, metadata: str, kafka: KafkaBroker, tmp_path: Path
) -> None:
    server = request.getfixturevalue(name)
    assert isinstance(server, SqlServer)
    began = time.monotonic()
    run = Run(server, metadata, kafka, tmp_path)
    print(f"\n{name}, {metadata}, seed {SEED}", flush=True)
    try:
        run.more(BEFORE)
        run.first_snapshot()
        for what in run.happenings():
            run.happen(what)
            run.happened.append(what)
            run.more()
            if run.evolving.accepted >= STATEMENTS and len(run.happened) >= len(HAPPENINGS):
                break
        run.worker.wait_ready()
        mark = run.evolving.mark()
        for one in run.followers:
            one.await_mark(mark)
        run.last_snapshot()
        journal = run.evolving.writer.journal
        for one in run.followers:
            one.judge.streamed(journal)
            one.judge.read(journal)
    finally:
        (tmp_path / "statements.sql").write_text(";\n".join(run.evolving.ran))
        run.close()
    counts = run.evolving.counts
    print(f"{counts}; {journal.count} changes, {journal.refused.total()} refused; {run.happened}")
    for one in run.followers:
        written = one.judge.tables.values()
        print(
            f"{one.name}: {one.judge.records} records of {len(one.judge.tables)} tables, "
            f"{sum(len(w.streamed) for w in written)} streamed, {sum(len(w.read) for w in written)} of snapshots, "
            f"{len(one.judge.schema_ids)} schema ids, "
            f"{one.judge.cells} cells compared; {one.judge.copies} tables copied whole meanwhile, "
            f"{len(one.judge.gone)} gone before that, {one.judge.rows_told} rows looked for, "
            f"{one.judge.former_keys} former keys; {len(one.judge.faults)} faults"
        )
    print(f"{time.monotonic() - began:.0f} s")
    faults = [f"{one.name}: {fault}" for one in run.followers for fault in one.judge.faults]
    (tmp_path / "faults.txt").write_text("\n".join(faults))
    assert not faults, "\n".join(faults[:20])
    assert not counts.unequal, "\n".join(counts.unequal[:5])
    assert sum(len(w.streamed) for w in run.followers[0].judge.tables.values()) > STATEMENTS
    assert all(w.judge.cells > 0 for w in run.followers)
