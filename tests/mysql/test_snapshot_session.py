"""The locking modes of a snapshot on real servers: who is held up, and where the read stands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import pymysql
import pytest

from faust_cdc.config.snapshot_settings import LockingMode
from faust_cdc.errors import ConfigError, SourceConnectionLost, SourceRefused
from faust_cdc.mysql import snapshot_session
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import GtidSet, MariaDbGtidSet
from faust_cdc.mysql.snapshot_session import SnapshotPoint, SnapshotSession
from faust_cdc.relational.model import TableId
from tests.lab import MySqlServer, SqlServer

pytestmark = pytest.mark.integration

LOCK_TIMEOUT_S = 20
LOCK_WAIT_TIMEOUT = 1205


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    found: SqlServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database(request: pytest.FixtureRequest, server: SqlServer) -> str:
    found: str = request.getfixturevalue(f"{server.name}_database")
    server.execute("CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE other (id INT PRIMARY KEY)", found)
    return found


@contextmanager
def opened(
    server: SqlServer, locking: LockingMode, tables: Sequence[TableId] = (), user: str | None = None
) -> Iterator[tuple[SnapshotSession, SnapshotPoint]]:
    address = SourceAddress(server.host, server.port, user or server.user, "p" if user else server.password)
    with connect(address, purpose="a test") as connection:
        info = inspect_server(connection)
    with SnapshotSession(address, info, LOCK_TIMEOUT_S, locking) as session:
        yield session, session.open(tables)


def can_write(server: SqlServer, database: str, table: str = "t") -> bool:
    """Whether somebody else gets a row in; asks for a second."""
    with server.admin(database) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION lock_wait_timeout = 1")
        try:
            cursor.execute(f"INSERT INTO {table} SELECT COUNT(*) FROM {table}")
        except pymysql.OperationalError as error:
            if error.args[0] == LOCK_WAIT_TIMEOUT:
                return False
            raise
        return True


def user_without_reload(server: SqlServer) -> str:
    user = f"u{uuid4().hex[:8]}"
    server.execute(
        f"CREATE USER {user} IDENTIFIED BY 'p'; "
        f"GRANT SELECT, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT, SHOW DATABASES ON *.* TO {user}"
    )
    return user


@pytest.mark.parametrize("locking", [LockingMode.WATERMARK, LockingMode.MINIMAL, LockingMode.NONE])
def test_nobody_is_held_up_once_the_read_is_open(server: SqlServer, database: str, locking: LockingMode) -> None:
    with opened(server, locking, [TableId(database, "t")]) as (session, _):
        assert can_write(server, database)
        assert list(session.stream(f"SELECT COUNT(*) FROM {database}.t")) == [(b"0",)]


def test_extended_keeps_writers_out_until_the_end(server: SqlServer, database: str) -> None:
    with opened(server, LockingMode.EXTENDED, [TableId(database, "t")]) as (session, _):
        assert not can_write(server, database)
        assert not can_write(server, database, "other"), "the lock is global"
        assert list(session.stream(f"SELECT COUNT(*) FROM {database}.t")) == [(b"0",)]
        assert not can_write(server, database)
        session.keep_locks()  # has nothing to do: the lock is the connection's own
    assert can_write(server, database)


def test_extended_without_the_right_to_lock_all_locks_the_tables(
    server: SqlServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_session, "KEEP_LOCKS_EVERY_S", 0.0)
    user = user_without_reload(server)
    with opened(server, LockingMode.EXTENDED, [TableId(database, "t")], user) as (session, point):
        assert point.position.pos > 4
        assert not can_write(server, database)
        assert can_write(server, database, "other")
        session.keep_locks()
        assert not can_write(server, database)
        holders = server.query(
            f"SELECT id FROM information_schema.processlist WHERE user = '{user}' AND id != "
            f"{session.connection.thread_id()}"  # type: ignore[no-untyped-call]
        )
        server.execute("; ".join(f"KILL {number}" for (number,) in holders))
        with pytest.raises(SourceConnectionLost):
            session.keep_locks()
    assert can_write(server, database)


def test_minimal_without_the_right_to_lock_all_lets_the_tables_go(server: SqlServer, database: str) -> None:
    with opened(server, LockingMode.MINIMAL, [TableId(database, "t")], user_without_reload(server)):
        assert can_write(server, database)


def gtids_of(server: SqlServer, text: str | None) -> int:
    """The transactions in a set, of all servers and domains together."""
    if server.name == "mariadb":
        return sum(int(member.rpartition("-")[2]) for member in str(MariaDbGtidSet.parse(text or "")).split(","))
    return sum(
        int(last or first) - int(first) + 1
        for member in str(GtidSet.parse(text or "")).split(",")
        for first, _, last in (part.partition("-") for part in member.split(":")[1:] if part[0].isdigit())
    )


@contextmanager
def writers(server: SqlServer, database: str, count: int) -> Iterator[Callable[[], None]]:
    """Some sessions insert one row a transaction, with nothing else written meanwhile."""
    stop, numbers, lock = threading.Event(), iter(range(1, 10**9)), threading.Lock()

    def write() -> None:
        with server.admin(database) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                with lock:
                    number = next(numbers)
                cursor.execute(f"INSERT INTO t VALUES ({number})")

    threads = [threading.Thread(target=write) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield stop.set
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


@pytest.mark.parametrize("locking", [LockingMode.MINIMAL, LockingMode.NONE])
def test_the_read_has_every_transaction_before_its_position(
    server: SqlServer, database: str, locking: LockingMode
) -> None:
    """While transactions commit: with a lock exactly those, without one on MySQL at least those."""
    name = "@@global.gtid_binlog_pos" if server.name == "mariadb" else "@@global.gtid_executed"
    base = gtids_of(server, server.query(f"SELECT {name}")[0][0])
    exact, more = 0, 0
    with writers(server, database, 4):
        for _ in range(40):
            with opened(server, locking, [TableId(database, "t")]) as (session, point):
                ((cell,),) = session.stream(f"SELECT COUNT(*) FROM {database}.t")
                rows, transactions = int(cell or 0), gtids_of(server, point.gtids) - base
                assert rows >= transactions, "a change is in neither"
                exact += rows == transactions
                more += rows > transactions
    assert exact + more == 40
    if locking is LockingMode.MINIMAL or server.name == "mariadb":
        assert more == 0, "a change is in both"


@pytest.mark.parametrize("locking", [LockingMode.MINIMAL_PERCONA, LockingMode.MINIMAL_PERCONA_NO_TABLE_LOCKS])
def test_perconas_lock_is_refused_where_the_server_has_none(mysql: MySqlServer, locking: LockingMode) -> None:
    with (
        pytest.raises(SourceRefused, match=rf"{locking.value} is for Percona Server: 9\..*watermark or minimal"),
        opened(mysql, locking),
    ):
        pass


def test_without_lock_and_gtids_the_gap_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with MySqlServer(gtid_mode=False) as server, opened(server, LockingMode.NONE) as (_, point):
        assert point.gtids is None
    assert "may be missing in the snapshot and in the stream" in caplog.text


def test_the_columns_of_a_statement(server: SqlServer, database: str) -> None:
    server.execute("CREATE TABLE k (e ENUM('a'), s SET('a'), b BIT(3), v TEXT)", database)
    with opened(server, LockingMode.NONE) as (session, _):
        e, s, b, v, n = session.columns_of(f"SELECT k.*, NULL AS n FROM {database}.k -- all")
        assert (e.is_enum, s.is_set, b.is_bit, n.is_null) == (True, True, True, True)
        assert [(one.is_enum, one.is_set, one.is_bit, one.is_null) for one in (v,)] == [(False,) * 4]
        assert [one.name for one in (e, s, b, v, n)] == ["e", "s", "b", "v", "n"]
        with pytest.raises(ConfigError, match="nobody"):
            session.columns_of(f"SELECT nobody FROM {database}.k")


def test_the_end_of_the_binlog_is_asked_for_in_the_servers_own_words(server: SqlServer, database: str) -> None:
    """MariaDB's version is above that of which MySQL calls the statement otherwise."""
    with opened(server, LockingMode.MINIMAL) as (session, point):
        assert session.current_position() >= point.position
