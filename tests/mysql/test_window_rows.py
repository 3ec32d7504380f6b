"""Rows of ours in the signal table: how they look, what a read shows behind them, and when there can be none."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from faust_cdc.errors import SourceRefused
from faust_cdc.mysql.chunk_statements import ChunkLocked
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.window_rows import WindowRows, WindowSession, instant
from faust_cdc.relational.model import TableId
from tests.lab import MySqlServer

SIG = "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
START = BinlogPosition("", 0)


@pytest.fixture(scope="module")
def server() -> Iterator[MySqlServer]:
    """A MySQL without GTIDs whose commits can be held up between the binlog and the engine."""
    with MySqlServer(gtid_mode=False, extra_args=["--binlog-ignore-db=unseen"]) as mysql:
        mysql.execute("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
        for database in ("d", "unseen"):
            mysql.create_database(database)
            mysql.execute(f"{SIG}; GRANT INSERT, DELETE ON {database}.sig TO {mysql.user}", database)
        mysql.execute("CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE narrow (id INT)", "d")
        yield mysql


@contextmanager
def opened(server: MySqlServer, rows: WindowRows) -> Iterator[WindowSession]:
    address = SourceAddress(server.host, server.port, server.user, server.password)
    with connect(address, purpose="a test") as connection:
        info = inspect_server(connection)
    with WindowSession(address, info, 20, rows) as session:
        yield session


def rows_of(table: str = "sig", *, database: str = "d", deletes: bool = False) -> WindowRows:
    return WindowRows(TableId(database, table), deletes=deletes)


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_700_000_000_000_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000_120_000_000, "2023-11-14T22:13:20.120Z"),
        (1_700_000_000_000_120_000, "2023-11-14T22:13:20.000120Z"),
        (1_700_000_000_000_000_120, "2023-11-14T22:13:20.000000120Z"),
    ],
)
def test_times_as_java_writes_them(time_ns: int, text: str) -> None:
    assert instant(time_ns) == text


def test_a_window_is_confirmed_by_its_row_only_and_once() -> None:
    rows = rows_of()
    one, other = rows.opened(), rows.opened()
    rows.note(f"{one}-open")
    rows.note("of-another-open")
    rows.confirm(one)
    for window in (one, other):
        with pytest.raises(SourceRefused, match=rf"{window}-open was written into d\.sig, and the stream did not"):
            rows.confirm(window)


def test_windows_are_remembered_until_they_are_confirmed_or_forgotten() -> None:
    """However many wait: the first of them is as good as the last."""
    rows = rows_of()
    windows = [rows.opened() for _ in range(20_000)]
    for window in windows:
        rows.note(f"{window}-open")
    for window in windows[1:]:
        rows.forget(window)
    assert len(rows) == 1
    rows.confirm(windows[0])
    assert not rows


@pytest.mark.integration
def test_a_window_that_cannot_be_opened_is_not_remembered(server: MySqlServer) -> None:
    rows = rows_of()
    with opened(server, rows) as session, server.admin("d") as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES sig WRITE")
        session._run("SET SESSION lock_wait_timeout = 1")
        with pytest.raises(ChunkLocked):
            session.begin(None, START, lambda: False)
        assert session.problem() is None, "it passes"
        assert not rows
        cursor.execute("UNLOCK TABLES")
        session.begin(None, START, lambda: False)
        assert len(rows) == 1
        session.forget()
    assert not rows


@pytest.mark.integration
def test_a_source_that_is_read_only_has_another_remedy_than_rights(server: MySqlServer) -> None:
    server.execute("SET GLOBAL read_only = ON")
    try:
        with opened(server, rows_of()) as session:
            problem = session.problem()
            assert problem is not None
            with pytest.raises(SourceRefused) as refused:
                session.begin(None, START, lambda: False)
    finally:
        server.execute("SET GLOBAL read_only = OFF")
    assert re.search(r"d\.sig cannot be written to, as .* is read-only", problem)
    assert "turn GTIDs on" in (refused.value.remedy or "")
    assert "GRANT" not in (refused.value.remedy or "")


@pytest.mark.integration
def test_a_row_opens_a_window_and_another_closes_it(server: MySqlServer) -> None:
    server.execute("DELETE FROM sig", "d")
    with opened(server, rows_of()) as session:
        assert session.begin(None, START, lambda: False)
        ((row, type_, data),) = server.query("SELECT * FROM sig", "d")
        assert re.fullmatch(UUID, session.window)
        assert (row, type_) == (f"{session.window}-open", "snapshot-window-open")
        assert re.fullmatch(r'\{"openWindowTimestamp": "[-0-9]{10}T[:0-9]{8}(\.\d{3,9})?Z"\}', data)
        session.end()
        close, open_ = sorted(server.query("SELECT * FROM sig", "d"))
    assert open_ == (row, type_, data)
    assert close[:2] == (f"{session.window}-close", "snapshot-window-close")
    times = json.loads(close[2])
    assert list(times) == ["openWindowTimestamp", "closeWindowTimestamp"]
    assert times["openWindowTimestamp"] == json.loads(data)["openWindowTimestamp"]
    assert close[2].startswith(data[:-1] + ', "closeWindowTimestamp": "')


@pytest.mark.integration
def test_a_window_is_closed_by_deleting_its_row(server: MySqlServer) -> None:
    server.execute("DELETE FROM sig; INSERT INTO sig VALUES ('of-another-open', 'snapshot-window-open', NULL)", "d")
    with opened(server, rows_of(deletes=True)) as session:
        session.begin(None, START, lambda: False)
        assert len(server.query("SELECT * FROM sig", "d")) == 2
        session.end()
    assert server.query("SELECT id FROM sig", "d") == [("of-another-open",)]


@pytest.mark.integration
def test_what_was_sent_before_the_engine_shows_it_is_visible_behind_our_row(server: MySqlServer) -> None:
    """With semi-sync AFTER_SYNC replicas have it while its session waits for one of them to say so."""
    server.execute("SET GLOBAL rpl_semi_sync_source_timeout = 600000; SET GLOBAL rpl_semi_sync_source_enabled = 1")
    before = server.query("SHOW BINARY LOG STATUS")[0][1]
    begun: list[bool] = []
    with opened(server, rows_of()) as session:
        writer = threading.Thread(target=lambda: server.execute("INSERT INTO t VALUES (1)", "d"))
        reader = threading.Thread(target=lambda: begun.append(session.begin(None, START, lambda: False)))
        writer.start()
        try:
            until(lambda: server.query("SHOW BINARY LOG STATUS")[0][1] > before, "the row in the binlog")
            assert server.query("SELECT COUNT(*) FROM t", "d") == [(0,)], "the engine has not committed it"
            reader.start()
            reader.join(0.5)
            assert not begun
        finally:
            server.execute("SET GLOBAL rpl_semi_sync_source_enabled = 0")
            writer.join(60)
            reader.join(60)
        assert begun == [True]
        assert list(session.stream("SELECT COUNT(*) FROM d.t")) == [(b"1",)]


@pytest.mark.integration
def test_a_place_is_before_what_its_reads_may_not_show(server: MySqlServer) -> None:
    with opened(server, rows_of()) as session:
        before = session.current_position()
        point = session.place()
        assert (point.position, point.gtids) == (before, None)
        assert session.current_position() > before


@pytest.mark.integration
def test_commits_in_no_order_are_refused(server: MySqlServer) -> None:
    server.execute("SET GLOBAL binlog_order_commits = OFF; DELETE FROM d.sig")
    try:
        with opened(server, rows_of()) as session:
            with pytest.raises(SourceRefused, match="binlog_order_commits") as refused:
                session.begin(None, START, lambda: False)
            assert "SET GLOBAL binlog_order_commits = ON" in (refused.value.remedy or "")
            assert "binlog_order_commits" in (session.problem() or "")
    finally:
        server.execute("SET GLOBAL binlog_order_commits = ON")
    assert not server.query("SELECT * FROM sig", "d")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (rows_of(), None),
        (rows_of(deletes=True), None),
        (rows_of("none"), "The signal table d.none cannot be written to: .*denied"),
        (rows_of("narrow"), "The signal table d.narrow cannot be written to: .*Column count"),
        (rows_of(database="unseen"), "unseen.sig is not written into the server's binlog"),
    ],
)
def test_why_no_window_can_be_opened(server: MySqlServer, rows: WindowRows, said: str | None) -> None:
    server.execute(f"GRANT INSERT ON d.narrow TO {server.user}")
    with opened(server, rows) as session:
        problem = session.problem()
    assert problem is None if said is None else re.match(said, problem or ""), problem


@pytest.mark.integration
def test_a_table_that_goes_away_is_no_matter_of_the_table_that_is_read(server: MySqlServer) -> None:
    server.execute(f"CREATE TABLE gone LIKE sig; GRANT INSERT ON d.gone TO {server.user}; DROP TABLE gone", "d")
    with opened(server, rows_of("gone")) as session, pytest.raises(SourceRefused, match="doesn't exist"):
        session.begin(None, START, lambda: False)


@pytest.mark.integration
def test_a_locked_table_is_no_problem_which_is_known_soon(server: MySqlServer) -> None:
    with server.admin("d") as connection, connection.cursor() as cursor, opened(server, rows_of()) as session:
        cursor.execute("LOCK TABLES sig WRITE")
        before = time.monotonic()
        assert session.problem() is None, "it passes, and nothing else is known of the table by then"
        assert time.monotonic() - before < 20, "the session's own limit"
