"""XA transactions that are prepared before a table without a key is copied, and decided around the copy.

Neither the copy nor anybody else sees their rows before XA COMMIT: what counts is where that lies, not the PREPARE.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from faust_cdc.mysql.chunk_session import ChunkSession
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import ExecuteSnapshot, ResumeSnapshot, SnapshotKind
from faust_cdc.snapshot.progress import TableState
from tests.lab import Apicurio, KafkaBroker
from tests.pipeline.test_task import Bench
from tests.pipeline.test_xa import prepared
from tests.snapshot.holding import Hold
from tests.snapshot.test_blocking_live import behind_the_snapshot, rows_of
from tests.snapshot.test_commands_live import bench_of
from tests.snapshot.test_joined_given_up_live import FEW, await_stored, joined_beside_a_paused_snapshot, keyless
from tests.snapshot.test_joining_live import all_of, changes_of_all
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.test_refusals_live import the_stream_goes_on

pytestmark = pytest.mark.integration

LIMIT_S = 90


class HeldView:
    """The first view of a table that is copied whole is open until it is let go, and the stream goes on beside it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.is_open, self.may_go = threading.Event(), threading.Event()
        begin_view = ChunkSession.begin_view

        def held(session: ChunkSession) -> None:
            begin_view(session)
            self.is_open.set()
            assert self.may_go.wait(LIMIT_S)

        patch.setattr(ChunkSession, "begin_view", held)


@contextmanager
def waiting_for_a_copy(bench: Bench, kind: str, patch: pytest.MonkeyPatch) -> Iterator[tuple[ConnectorTask, Hold]]:
    """A task in which table k is to be copied as soon as the hold lets go."""
    if kind == "joined":
        joined_beside_a_paused_snapshot(bench, patch)
        with bench.running() as task:
            await_stored(bench, task, "k", lambda one: one.is_muted)
            yield task, Hold(patch, 0)
        return
    fill(bench.source, bench.database, ("a",), FEW)
    keyless(bench, "k")
    hold = Hold(patch, 1 if kind == "initial" else None)
    with bench.running() as task:
        if kind == "initial":
            hold.wait()
        else:
            wait_for_the_end(task)
        yield task, hold


def copy(bench: Bench, kind: str, task: ConnectorTask, hold: Hold) -> None:
    hold.let_go()
    if kind == "joined":
        task.submit(ResumeSnapshot("r-1"))
    if kind == "blocking":
        task.submit(ExecuteSnapshot("s-1", (rf"{bench.database}\.k",), SnapshotKind.BLOCKING))


@pytest.mark.parametrize(
    ("flavor", "kind"), [("mysql", "joined"), ("mysql", "initial"), ("mysql", "blocking"), ("mariadb", "initial")]
)
def test_rows_are_where_their_commit_is(
    request: pytest.FixtureRequest,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    monkeypatch: pytest.MonkeyPatch,
    flavor: str,
    kind: str,
) -> None:
    source, database = request.getfixturevalue(flavor), request.getfixturevalue(f"{flavor}_database")
    more = {"snapshot__mode": "no_data", "table__include__list": rf"{database}\.a"} if kind == "joined" else {}
    bench = bench_of(source, kafka, apicurio, database, snapshot__chunk__size="5", **more)
    with waiting_for_a_copy(bench, kind, monkeypatch) as (task, hold), ExitStack() as sessions:
        decide = {}
        for number, name in enumerate(("before", "beside", "behind", "never"), 1):
            insert = f"INSERT INTO k (id, v) VALUES (100{number}, {number}), (100{number}, {number})"
            decide[name] = sessions.enter_context(prepared(bench, f"{database}-{name}", insert))
        the_stream_goes_on(bench, "a", 1001)
        decide["before"](f"XA COMMIT '{database}-before'")
        the_stream_goes_on(bench, "a", 1003)
        view = HeldView(monkeypatch)
        copy(bench, kind, task, hold)
        assert view.is_open.wait(LIMIT_S)
        decide["beside"](f"XA COMMIT '{database}-beside'")
        the_stream_goes_on(bench, "a", 1005)
        view.may_go.set()
        await_stored(bench, task, "k", lambda one: one.state is TableState.COMPLETED)
        decide["behind"](f"XA COMMIT '{database}-behind'")
        decide["never"](f"XA ROLLBACK '{database}-never'")
        found = changes_of_all(bench, "k")
        assert task.state.retries == 0
    rows = rows_of(source, database, "k")
    assert sum(rows.values()) == FEW + 7, "all but those that were rolled back"
    assert behind_the_snapshot(found) == rows
    assert kind == "blocking" or all_of(found) == rows, "each row once"
