"""Snapshots beside the stream on MySQL without GTIDs: rows of ours in the signal table say what a read shows.

Commits are held up between the binlog and the engine all the while, as semi-synchronous replication does: the stream
has then what no read shows.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from faust_cdc.mysql.window_rows import WindowRows
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import ExecuteSnapshot, SnapshotKind
from faust_cdc.snapshot.progress import SnapshotState, TableState
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.invariants import duplicates
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_commands_live import marks, read_until
from tests.snapshot.test_merged_live import ROWS, fill, final, stale_rows, under_writers, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told, stored_progress, the_stream_goes_on
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

SIG = "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)"
STRATEGIES = ("insert_insert", "insert_delete")
HOLD_UP = "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'"


@pytest.fixture(scope="module")
def server() -> Iterator[MySqlServer]:
    with MySqlServer(gtid_mode=False) as mysql:
        mysql.execute(f"{HOLD_UP}; SET GLOBAL rpl_semi_sync_source_timeout = 600000")
        yield mysql


@pytest.fixture
def database(server: MySqlServer) -> Iterator[str]:
    name = f"w{uuid4().hex[:8]}"
    server.create_database(name)
    server.execute(f"{SIG}; GRANT INSERT, DELETE ON {name}.sig TO {server.user}", name)
    yield name
    server.drop_database(name)


class HeldUp:
    """Holds commits up behind the binlog for a tenth of a second, again and again."""

    def __init__(self, server: MySqlServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.times = 0
        self.error: Exception | None = None

    def __enter__(self) -> HeldUp:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(60)
        self._server.execute("SET GLOBAL rpl_semi_sync_source_enabled = 0")
        assert self.error is None, self.error

    def _run(self) -> None:
        try:
            with self._server.admin() as connection, connection.cursor() as cursor:
                while not self._stop.wait(0.1):
                    cursor.execute("SET GLOBAL rpl_semi_sync_source_enabled = 1")
                    self._stop.wait(0.1)
                    cursor.execute("SET GLOBAL rpl_semi_sync_source_enabled = 0")
                    self.times += 1
        except Exception as error:
            self.error = error


def bench_of(server: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, **more: str) -> Bench:
    config = {
        "snapshot__locking__mode": "watermark",
        "snapshot__chunk__size": "200",
        "signal__data__collection": f"{database}.sig",
        **more,
    }
    return Bench(server, kafka, apicurio, database, **config)


def windows(server: MySqlServer, database: str) -> dict[str, list[str]]:
    """Return, by window, by which rows it was opened and closed; each row is as Debezium writes it."""
    found: dict[str, list[str]] = {}
    for row, type_, data in server.query("SELECT id, type, data FROM sig ORDER BY type DESC", database):
        window, what = re.fullmatch(r"([-0-9a-f]{36})-(open|close)", row).groups()  # type: ignore[union-attr]
        assert type_ == f"snapshot-window-{what}"
        times = ["openWindowTimestamp", *(["closeWindowTimestamp"] if what == "close" else [])]
        assert list(json.loads(data)) == times
        found.setdefault(window, []).append(what)
    return found


@contextmanager
def said(caplog: pytest.LogCaptureFixture, level: str = "INFO") -> Iterator[list[str]]:
    caplog.set_level(level)
    texts: list[str] = []
    yield texts
    texts += [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("chunk", "threads"), [(100, 1), (700, 4)])
def test_an_initial_snapshot(
    server: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    database: str,
    strategy: str,
    chunk: int,
    threads: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = {
        "snapshot__chunk__size": str(chunk),
        "snapshot__max__threads": str(threads),
        "incremental__snapshot__watermarking__strategy": strategy,
    }
    bench = bench_of(server, kafka, apicurio, database, **config)
    with said(caplog) as texts, HeldUp(server) as held:
        under_writers(bench, chunk + threads)
    assert held.times > 5
    assert any("beside the stream" in text for text in texts)
    assert not any("under a lock" in text for text in texts)
    assert not [one for one in bench.told if one.type == "REFUSED"]
    found = windows(server, database)
    if strategy == "insert_delete":
        assert not found
    else:
        assert len(found) >= 2 * ROWS // chunk
        assert set(map(tuple, found.values())) == {("open", "close")}


def test_what_the_stream_has_and_no_read_shows_is_waited_for(
    server: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str
) -> None:
    """Every row is changed by a transaction that is held up behind the binlog when the snapshot is asked for."""
    bench = bench_of(server, kafka, apicurio, database, snapshot__mode="no_data")
    fill(server, database, ("a",))
    with bench.running() as task:
        wait_for_the_end(task)
        server.execute("SET GLOBAL rpl_semi_sync_source_enabled = 1")
        writer = threading.Thread(target=server.execute, args=("UPDATE a SET v = v + 1000000", database))
        writer.start()
        try:
            read_until(bench, ("a",), lambda found: len(found) == ROWS, "what is held up")
            assert server.query("SELECT COUNT(*) FROM a WHERE v > 0", database) == [(0,)]
            task.submit(ExecuteSnapshot("s-1", (f"{database}.a",)))
            time.sleep(3)  # in which chunks would be read
        finally:
            server.execute("SET GLOBAL rpl_semi_sync_source_enabled = 0")
            writer.join(60)
        await_told(bench, "COMPLETED", task)
        found = read_until(bench, ("a",), lambda found: len(found) == 2 * ROWS, "the rows of the snapshot")
    assert marks(found) == {"incremental": ROWS}
    assert not stale_rows(found)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_incremental_snapshot(
    server: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, strategy: str
) -> None:
    """Asked for by a row of the same table that our rows are written to."""
    more = {"snapshot__mode": "no_data", "incremental__snapshot__watermarking__strategy": strategy}
    bench = bench_of(server, kafka, apicurio, database, **more)
    fill(server, database, ("a",))
    data = json.dumps({"data-collections": [f"{database}.a"]})
    with bench.running() as task:
        wait_for_the_end(task)
        with HeldUp(server), RandomWriter(server, database, ["a"], ROWS * 2, 7):
            server.execute(f"INSERT INTO sig VALUES ('s-1', 'execute-snapshot', '{data}')", database)
            (completed,) = await_told(bench, "COMPLETED", task)
        assert completed.id == "s-1"
        found = level_with(bench, task)
    assert set(marks(found)) == {"incremental"}
    assert not stale_rows(found)
    assert not [one for one in bench.told if one.type == "REFUSED"]
    server.execute("DELETE FROM sig WHERE id = 's-1'", database)
    written = windows(server, database)
    if strategy == "insert_delete":
        assert not written
    else:
        assert len(written) >= ROWS // 200
        assert set(map(tuple, written.values())) == {("open", "close")}


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def level_with(
    bench: Bench, task: ConnectorTask, table: str = "a", *, is_retried: bool = False
) -> list[tuple[Any, Any, Any]]:
    """Return the records once the topic equals the table, which nobody writes any more."""
    assert is_retried or task.state.error is None, task.state.cause
    wanted = dict(bench.source.query(f"SELECT id, v FROM {table}", bench.database))
    topic = f"{bench.prefix}.{bench.database}.{table}"
    return read_until(bench, (table,), lambda found: final(found, topic) == wanted, "topic equal to table")


def test_tables_without_a_key_a_blocking_one_and_other_channels(
    server: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str
) -> None:
    """Where the table is no channel of signals our rows are seen in it all the same, and no row of it is a signal."""
    fill(server, database, ("a",), 500)
    server.execute("CREATE TABLE k (id INT, v INT); INSERT INTO k VALUES (1, 1), (1, 1), (2, 3)", database)
    bench = bench_of(server, kafka, apicurio, database, signal__enabled__channels="jmx")
    with bench.running() as task:
        wait_for_the_end(task)
        assert len(bench.events("k", 3, task)) == 3
        level_with(bench, task)
        initial = windows(server, database)
        assert set(map(tuple, initial.values())) == {("open", "close")}
        data = json.dumps({"data-collections": [f"{database}.a"]})
        server.execute(f"INSERT INTO sig VALUES ('of-a-user', 'execute-snapshot', '{data}')", database)
        task.submit(ExecuteSnapshot("s-1", (f"{database}.a", f"{database}.k"), SnapshotKind.BLOCKING))
        assert len(bench.events("a", 1000, task)) == 1000
        assert len(bench.events("k", 6, task)) == 6
        the_stream_goes_on(bench, "a", 1_000_001)
    server.execute("DELETE FROM sig WHERE id = 'of-a-user'", database)
    assert set(map(tuple, windows(server, database).values())) == {("open", "close")}
    assert "of-a-user" not in {one.id for one in bench.told}


def test_a_restart_goes_on_where_it_was(
    server: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    database: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = bench_of(server, kafka, apicurio, database, snapshot__chunk__size="100", snapshot__rate__limit="rows=1000")
    fill(server, database, ("a",))
    hold = Hold(monkeypatch, 10)  # of some eighty
    with said(caplog) as texts, RandomWriter(server, database, ["a"], ROWS * 2, 11, 0.01):
        with bench.running() as task:
            read_until(bench, ("a",), lambda found: len(found) >= 300, "the first rows")
        snapshot, _ = stored_progress(bench)
        assert snapshot.state is SnapshotState.RUNNING
        hold.let_go()
        with bench.running() as task:
            wait_for_the_end(task)
    with bench.running() as task:
        found = level_with(bench, task)
    assert any(f"Going on with snapshot {snapshot.id}" in text for text in texts)
    assert marks(found)["first"] == 1
    assert not stale_rows(found)
    assert not duplicates(found)


def test_gtids_are_lost_midway(
    kafka: KafkaBroker, apicurio: Apicurio, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step on a live server, whose snapshots go on by rows of ours; not one is written before."""
    with MySqlServer() as server:
        server.create_database("lost")
        server.execute(f"{SIG}; GRANT INSERT ON lost.sig TO {server.user}", "lost")
        fill(server, "lost", ("a",))
        slow = {"snapshot__chunk__size": "50", "snapshot__rate__limit": "rows=1000"}
        bench, hold = bench_of(server, kafka, apicurio, "lost", **slow), Hold(monkeypatch, 20)  # of some 160
        with said(caplog) as texts, bench.running() as task:
            with RandomWriter(server, "lost", ["a"], ROWS * 2, 13, 0.01):
                read_until(bench, ("a",), lambda found: len(found) >= 300, "the first rows")
                assert not server.query("SELECT * FROM sig", "lost")
                for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE"):
                    server.execute(f"SET GLOBAL gtid_mode = {mode}")
                # An OFF server sends nothing that was written with GTIDs: replicas are to have it all before.
                file, pos = server.query("SHOW BINARY LOG STATUS")[0][:2]
                until(lambda: place(task) >= (file, pos), "everything that has GTIDs")
                server.execute("SET GLOBAL gtid_mode = OFF")
                hold.let_go()
                until(lambda: bool(windows(server, "lost")), "a row of ours")
                until(lambda: task.progress.offset is not None and not task.progress.offset.snapshot, "the end")
            found = level_with(bench, task, "a", is_retried=True)
            assert task.state.retries
        assert any("Going on with snapshot" in text for text in texts)
        assert marks(found)["first"] == 1
        assert not stale_rows(found)
        assert not duplicates(found)


def place(task: ConnectorTask) -> tuple[str, int]:
    """Return where the stream is, as far as it is committed."""
    offset = task.progress.offset
    return ("", 0) if offset is None else (offset.file, offset.pos)


REFUSALS = {
    "no rights": ({}, "The signal table .* cannot be written to: .*denied.*GRANT INSERT ON"),
    "no table": ({"signal__data__collection": "{0}.none"}, "The signal table .*none cannot be written to"),
    "no signal table": ({"signal__data__collection": ""}, "turn GTIDs on, or name a table .* signal.data.collection"),
    "read only": ({"read__only": "true"}, "turn GTIDs on, or name a table .* without read.only"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_where_no_row_can_be_written(
    server: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    database: str,
    caplog: pytest.LogCaptureFixture,
    case: str,
) -> None:
    """The initial snapshot begins under a lock and says why; an incremental one is refused; the stream goes on."""
    more, reason = REFUSALS[case]
    if case == "no rights":
        server.execute(f"REVOKE INSERT ON {database}.sig FROM {server.user}")
    fill(server, database, ("a",), 20)
    bench = bench_of(
        server, kafka, apicurio, database, **{name: value.format(database) for name, value in more.items()}
    )
    with said(caplog, "WARNING") as texts, bench.running() as task:
        wait_for_the_end(task)
        level_with(bench, task)
        task.submit(ExecuteSnapshot("s-1", (f"{database}.a",)))
        (refused,) = await_told(bench, "REFUSED", task)
        assert refused.id == "s-1"
        assert re.search(reason, refused.additional_data["reason"]), refused.additional_data["reason"]
        the_stream_goes_on(bench, "a", 1001)
        assert task.state.retries == 0
    (locked,) = [text for text in texts if "under a lock" in text]
    assert re.search(reason, locked), locked
    assert any("s-1" in text and re.search(reason, text) for text in texts)
    assert not server.query("SELECT * FROM sig", database)


LARGE = 40_000


@pytest.mark.parametrize(("rows", "rows_per_chunk"), [(20, 300), (2_000, 10)], ids=["one chunk", "chunks due at once"])
def test_rows_that_the_stream_does_not_bring(
    server: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, rows: int, rows_per_chunk: int
) -> None:
    """The connector's sessions write no binlog, for whatever reason: nothing tells then what they show."""
    fill(server, database, ("a",), rows)
    fill(server, database, ("numbers",), LARGE)
    server.execute("CREATE TABLE b (id INT PRIMARY KEY, v INT); UPDATE numbers SET id = id / 2 ORDER BY id", database)
    parallel = {"snapshot__chunk__size": str(rows_per_chunk), "snapshot__max__threads": "4"}
    bench = bench_of(server, kafka, apicurio, database, snapshot__mode="no_data", **parallel)
    server.execute(f"GRANT SESSION_VARIABLES_ADMIN ON *.* TO {server.user}; SET GLOBAL init_connect = "
                   "'SET SESSION sql_log_bin = 0'")  # fmt: skip
    try:
        with bench.running() as task:
            wait_for_the_end(task)
            task.submit(ExecuteSnapshot("s-1", (f"{database}.a",)))
            # While the stream is in the midst of a large transaction, several chunks fall due at its end.
            for first in range(0, 4 * LARGE, LARGE):
                server.execute(f"INSERT INTO b (id, v) SELECT id + {first}, v FROM numbers", database)
            (ended,) = await_told(bench, "TABLE_SCAN_COMPLETED", task)
            assert ended.additional_data["status"] == "SQL_EXCEPTION"
            the_stream_goes_on(bench, "a", 10002)
            assert task.state.retries == 0
        found = read_until(bench, ("a",), lambda found: len(found) >= 1, "the streamed row")
    finally:
        server.execute(f"SET GLOBAL init_connect = ''; REVOKE SESSION_VARIABLES_ADMIN ON *.* FROM {server.user}")
    assert not marks(found)
    _, tables = stored_progress(bench)
    skipped = tables[TableId(database, "a")]
    assert skipped.state is TableState.SKIPPED
    assert "the stream did not bring it" in skipped.reason


def test_the_right_is_taken_away_midway(
    server: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str
) -> None:
    slow = {"snapshot__chunk__size": "50", "snapshot__rate__limit": "rows=100"}
    bench = bench_of(server, kafka, apicurio, database, snapshot__mode="no_data", **slow)
    fill(server, database, ("a",))
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (f"{database}.a",)))
        read_until(bench, ("a",), lambda found: len(found) >= 100, "the first rows")
        server.execute(f"REVOKE INSERT ON {database}.sig FROM {server.user}")
        (ended,) = await_told(bench, "TABLE_SCAN_COMPLETED", task)
        assert ended.additional_data["status"] == "SQL_EXCEPTION"
        the_stream_goes_on(bench, "a", 1_000_001)
        assert task.state.retries == 0
    _, tables = stored_progress(bench)
    assert "GRANT INSERT ON" in tables[TableId(database, "a")].reason


class Locked:
    """Has the signal table locked, so that nobody writes to it."""

    def __init__(self, server: MySqlServer, database: str) -> None:
        self._connection = server.admin(database)
        with self._connection.cursor() as cursor:
            cursor.execute("LOCK TABLES sig WRITE")

    def __enter__(self) -> Locked:
        return self

    def unlock(self) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("UNLOCK TABLES")

    def __exit__(self, *exc: object) -> None:
        self._connection.close()


SOON = {"snapshot__lock__timeout__ms": "1000"}


def test_the_signal_table_is_locked_for_a_while(
    server: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """When an initial snapshot begins, and when it goes on behind a restart: it waits, and is the same one."""
    bench = bench_of(server, kafka, apicurio, database, snapshot__chunk__size="100", **SOON)
    fill(server, database, ("a",), 1000)
    hold = Hold(monkeypatch, 2)
    caplog.set_level("INFO")
    with Locked(server, database) as locked, bench.running() as task:
        until(lambda: "The snapshot waits: " in caplog.text, "it waits to begin")
        locked.unlock()
        hold.wait()
        read_until(bench, ("a",), lambda found: len(found) >= 100, "the first rows")
    hold.let_go()
    begun, _ = stored_progress(bench)
    assert begun.state is SnapshotState.RUNNING
    caplog.clear()
    with Locked(server, database) as locked, bench.running() as task:
        until(lambda: f"{database}.a is locked" in caplog.text, "the readers wait")
        the_stream_goes_on(bench, "a", 100_001)
        locked.unlock()
        wait_for_the_end(task)
        found = level_with(bench, task)
        assert task.state.retries == 0
    assert f"Going on with snapshot {begun.id}" in caplog.text
    assert "under a lock" not in caplog.text
    assert marks(found)["first"] == 1
    assert not stale_rows(found)
    assert not duplicates(found)


def test_the_signal_table_is_locked_when_a_table_without_a_key_is_due(
    server: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The stream goes on while the table waits, which is said once."""
    bench = bench_of(server, kafka, apicurio, database, snapshot__mode="no_data", **SOON)
    fill(server, database, ("a",), 10)
    server.execute("CREATE TABLE k (id INT, v INT); INSERT INTO k VALUES (1, 1), (1, 1), (2, 3)", database)
    caplog.set_level("INFO")
    with bench.running() as task:
        wait_for_the_end(task)
        with Locked(server, database) as locked:
            task.submit(ExecuteSnapshot("s-1", (f"{database}.k",), SnapshotKind.BLOCKING))
            waits = f"Snapshot: {database}.k waits: "
            until(lambda: waits in caplog.text, "it waits")
            for number in range(1001, 1007, 2):
                the_stream_goes_on(bench, "a", number)
                time.sleep(1)  # in which it is tried again
            assert task.state.retries == 0
            locked.unlock()
            assert len(bench.events("k", 3, task)) == 3
        assert task.state.retries == 0
    assert caplog.text.count(waits) == 1


def test_windows_that_wait_are_not_too_many(
    server: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the stream is in the midst of a large transaction no chunk is due, and few are read."""
    most, opened = [0], WindowRows.opened

    def counted(rows: WindowRows) -> str:
        window = opened(rows)
        most[0] = max(most[0], len(rows))
        return window

    monkeypatch.setattr(WindowRows, "opened", counted)
    fill(server, database, ("a",), 1000)
    fill(server, database, ("numbers",), LARGE)
    server.execute("CREATE TABLE b (id INT PRIMARY KEY, v INT)", database)
    bench = bench_of(server, kafka, apicurio, database, snapshot__mode="no_data", snapshot__chunk__size="10")
    with bench.running() as task:
        wait_for_the_end(task)
        task.submit(ExecuteSnapshot("s-1", (f"{database}.a",)))
        for first in range(0, 2 * LARGE, LARGE):
            server.execute(f"INSERT INTO b (id, v) SELECT id / 2 + {first}, v FROM numbers", database)
        await_told(bench, "COMPLETED", task)
        found = level_with(bench, task)
        assert task.state.retries == 0
    assert marks(found) == {"incremental": 1000}
    # Two halves of a chunk for each reader, and one that was just given back.
    assert most[0] <= 2 * bench.spec.config.snapshot_max_threads + 1
