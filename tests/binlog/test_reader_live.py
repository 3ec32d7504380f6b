"""The reader against real MySQL and MariaDB: starts, ends, refusals. The server's own listing is the oracle."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from faust_cdc.binlog.events import (
    BinlogEvent,
    GtidEvent,
    HeartbeatEvent,
    QueryEvent,
    RotateEvent,
    RowsEvent,
    TransactionPayloadEvent,
    XidEvent,
)
from faust_cdc.binlog.reader import BinlogReader, DumpStart
from faust_cdc.errors import (
    BinlogNotAvailable,
    CdcError,
    GtidGap,
    SourceConnectionLost,
    SourceRefused,
)
from faust_cdc.mysql.connection import ServerInfo, SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition, GtidSet, MariaDbGtidSet
from tests.lab.install import install_mysql
from tests.lab.process import wait_until
from tests.lab.sql_servers import MariaDbServer, MySqlServer, SqlServer

pytestmark = pytest.mark.integration

_SERVER_IDS = iter(range(8100, 8999))


@pytest.fixture(params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> SqlServer:
    """Each of the two servers in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, SqlServer)
    return found


@pytest.fixture
def database(request: pytest.FixtureRequest, server: SqlServer) -> str:
    """A database of this test's own on `server`."""
    return str(request.getfixturevalue(f"{server.name}_database"))


def address_of(server: SqlServer) -> SourceAddress:
    return SourceAddress(server.host, server.port, server.user, server.password)


def info_of(server: SqlServer) -> ServerInfo:
    with closing(connect(address_of(server), purpose="a test")) as connection:
        return inspect_server(connection)


def current_position(server: SqlServer) -> BinlogPosition:
    status = "SHOW MASTER STATUS" if isinstance(server, MariaDbServer) else "SHOW BINARY LOG STATUS"
    row = server.query(status)[0]
    return BinlogPosition(row[0], row[1])


def current_gtids(server: SqlServer) -> GtidSet | MariaDbGtidSet:
    if isinstance(server, MariaDbServer):
        return MariaDbGtidSet.parse(server.query("SELECT @@gtid_binlog_pos")[0][0])
    return GtidSet.parse(server.query("SELECT @@GLOBAL.gtid_executed")[0][0])


def read_for(reader: BinlogReader, seconds: float) -> None:
    """Read on for at most so long; errors of the reader come out."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reader.next_event(200)


def start_now(server: SqlServer, by: str) -> DumpStart:
    if by == "gtid":
        return DumpStart(None, current_gtids(server))
    return DumpStart(current_position(server), None)


@contextmanager
def reading(server: SqlServer, start: DumpStart, *, heartbeat_ms: int = 1000) -> Iterator[BinlogReader]:
    reader = BinlogReader(address_of(server), next(_SERVER_IDS), start, info_of(server), heartbeat_ms=heartbeat_ms)
    with reader:
        yield reader


def until_heartbeat(reader: BinlogReader) -> list[BinlogEvent]:
    """Everything up to the moment when the server has nothing more to send: two heartbeats of one place in a row.

    Others may stand for the transactions that MySQL leaves out before the first it sends: it says how far it is.
    """
    events: list[BinlogEvent] = []
    last: tuple[str, int] | None = None
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        event = reader.next_event(1000)
        if isinstance(event, HeartbeatEvent):
            place = (event.log_file, event.log_pos)
            if place == last:
                return events
            last = place
        elif event is not None:
            last = None
            events.append(event)
    raise AssertionError(f"no heartbeat came; {len(events)} events")


@pytest.mark.parametrize("by", ["gtid", "position"])
def test_a_dump_gives_what_happened_after_its_start(server: SqlServer, database: str, by: str) -> None:
    server.execute("CREATE TABLE t (id INT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'before')", database)
    start = start_now(server, by)
    server.execute("INSERT INTO t VALUES (2, 'two'); UPDATE t SET v = 'x'; DELETE FROM t WHERE id = 1", database)
    expected = current_gtids(server)
    with reading(server, start, heartbeat_ms=500) as reader:
        events = until_heartbeat(reader)
        assert reader.position == current_position(server)
    rows = [event for event in events if isinstance(event, RowsEvent)]
    assert [event.kind for event in rows] == ["write", "update", "delete"]
    assert {event.table_map.table for event in rows} == {"t"}
    assert sum(isinstance(event, XidEvent) for event in events) == 3
    seen = start.gtid_set
    for event in events:
        if isinstance(event, GtidEvent) and event.gtid is not None and seen is not None:
            seen = seen.add(event.gtid)
    assert seen is None or seen == expected


@pytest.mark.parametrize("by", ["gtid", "position"])
def test_positions_are_those_of_show_binlog_events(server: SqlServer, database: str, by: str) -> None:
    # A file of its own: MariaDB lists none with an event larger than max_allowed_packet, as another test writes them.
    server.execute("FLUSH BINARY LOGS; CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", database)
    position, start = current_position(server), start_now(server, by)
    server.execute("FLUSH BINARY LOGS; INSERT INTO t VALUES (1, 'x'), (2, 'y'); ALTER TABLE t ADD w INT", database)
    with reading(server, start, heartbeat_ms=500) as reader:
        events = [e for e in until_heartbeat(reader) if not (isinstance(e, RotateEvent) and e.artificial)]
    ours = [(e.header.file, e.header.pos, e.header.end_pos) for e in events]
    theirs = [
        (row[0], row[1], row[4])
        for log in server.query("SHOW BINARY LOGS")
        if BinlogPosition(log[0], 0) >= BinlogPosition(position.file, 0)
        for row in server.query(f"SHOW BINLOG EVENTS IN '{log[0]}'")
    ]
    # A dump by GTID begins in the file that holds the next transaction, so the turn of the file may be left out.
    first = next(BinlogPosition(e.header.file, e.header.pos) for e in events if isinstance(e, GtidEvent))
    assert first >= position
    after = [row for row in theirs if BinlogPosition(row[0], row[1]) >= first]
    assert len(after) > 6
    assert [row for row in ours if BinlogPosition(row[0], row[1]) >= first] == after


def test_positions_and_types_are_those_of_mysqlbinlog(mysql: MySqlServer, mysql_database: str) -> None:
    start = current_position(mysql)
    mysql.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'x'); SET gtid_next = 'AUTOMATIC:blue';"
        "UPDATE t SET v = 'y'; SET gtid_next = 'AUTOMATIC'; SET SESSION binlog_transaction_compression = ON;"
        "INSERT INTO t VALUES (2, REPEAT('a', 500))",
        mysql_database,
    )
    with reading(mysql, DumpStart(start, None), heartbeat_ms=500) as reader:
        events = [e for e in until_heartbeat(reader) if e.header.pos >= start.pos and e.header.end_pos > e.header.pos]
    inside = -1
    outer = []
    for event in events:
        if event.header.pos != inside:
            outer.append(event)
        if isinstance(event, TransactionPayloadEvent):
            inside = event.header.pos
    listed = _mysqlbinlog(mysql, start)
    assert [(e.header.pos, e.header.end_pos) for e in outer] == [(pos, end) for pos, end, _ in listed]
    names = {"GtidEvent": "GTID", "QueryEvent": "Query", "TableMapEvent": "Table_map", "XidEvent": "Xid"}
    for event, (_, _, text) in zip(outer, listed, strict=True):
        assert names.get(type(event).__name__, "") in text


def _mysqlbinlog(server: MySqlServer, start: BinlogPosition) -> list[tuple[int, int, str]]:
    """(position, end, first line) of the events that `mysqlbinlog` shows of a file from a position on."""
    base: Path = install_mysql()
    loader = next((base / "usr/lib").glob("*-linux-gnu*/ld-linux-*.so.?"))
    command = [str(loader), "--library-path", str(loader.parent), str(base / "usr/bin/mysqlbinlog")]
    command += ["--no-defaults", f"--start-position={start.pos}", str(server.data_folder / start.file)]
    text = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    found = re.findall(r"^# at (\d+)\n#\d{6} +[\d:]+ server id \d+ +end_log_pos (\d+)(.*)", text, re.MULTILINE)
    listed = {int(pos): (int(end), rest) for pos, end, rest in reversed(found) if int(pos) >= start.pos}
    return [(pos, end, rest) for pos, (end, rest) in sorted(listed.items()) if end > pos]


def test_heartbeats_come_while_nothing_happens(server: SqlServer) -> None:
    start = start_now(server, "position")
    with reading(server, start, heartbeat_ms=200) as reader:
        until_heartbeat(reader)
        beats = [event for _ in range(5) if isinstance(event := reader.next_event(30_000), HeartbeatEvent)]
        assert len(beats) == 5
        assert beats[-1].log_file == current_position(server).file


def test_nothing_within_the_timeout_is_none(server: SqlServer) -> None:
    with reading(server, start_now(server, "position"), heartbeat_ms=60_000) as reader:
        until_quiet(reader)
        started = time.monotonic()
        assert reader.next_event(100) is None
        assert time.monotonic() - started < 20


def until_quiet(reader: BinlogReader) -> None:
    """Read what a dump begins with; it has begun, and for two seconds nothing more has come."""
    assert reader.next_event(60_000) is not None
    while reader.next_event(2000) is not None:
        pass


def _dump_thread(server: SqlServer) -> int:
    sql = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND user='cdc'"
    wait_until(lambda: len(server.query(sql)) == 1, timeout_s=60, what="one dump thread")
    return int(server.query(sql)[0][0])


def _wait_without_dumps(server: SqlServer) -> None:
    deadline = time.monotonic() + 60
    sql = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND user='cdc'"
    while rows := server.query(sql):
        # A dump notices its dead client only when it next writes; do not wait for that.
        for row in rows:
            server.kill_connection(row[0]) if time.monotonic() < deadline else pytest.fail("dump threads stay")
        time.sleep(0.1)


def test_a_killed_dump_is_noticed_long_before_its_timeout(server: SqlServer) -> None:
    _wait_without_dumps(server)
    with reading(server, start_now(server, "gtid"), heartbeat_ms=30_000) as reader:
        until_quiet(reader)
        server.execute(f"KILL {_dump_thread(server)}")
        started = time.monotonic()
        with pytest.raises(SourceConnectionLost):
            read_for(reader, 60)
        assert time.monotonic() - started < 20


def test_a_large_transaction_arrives_whole(server: SqlServer, database: str) -> None:
    server.execute("CREATE TABLE t (id INT PRIMARY KEY, v LONGBLOB)", database)
    start = start_now(server, "gtid")
    with server.global_variables(max_allowed_packet=67108864):
        server.execute("INSERT INTO t VALUES (1, REPEAT('b', 40000000))", database)
        with reading(server, start, heartbeat_ms=2000) as reader:
            (rows,) = [event for event in until_heartbeat(reader) if isinstance(event, RowsEvent)]
    assert len(rows.rows) > 40_000_000
    assert bytes(rows.rows[-1000:]) == b"b" * 1000


def test_of_two_readers_with_one_server_id_the_older_is_refused(server: SqlServer) -> None:
    """MySQL and MariaDB end the older dump. It must not come back and push out the newer one in turn."""
    start, info = start_now(server, "gtid"), info_of(server)
    older = BinlogReader(address_of(server), 7777, start, info, heartbeat_ms=300)
    newer = BinlogReader(address_of(server), 7777, start, info, heartbeat_ms=300)
    with older:
        until_heartbeat(older)
        with newer:
            with pytest.raises(CdcError) as caught:
                read_for(older, 60)
            until_heartbeat(newer)
    assert isinstance(caught.value, SourceRefused)
    assert "database.server.id" in str(caught.value)


def test_a_wrong_password_is_refused(server: SqlServer) -> None:
    address = replace(address_of(server), password="wrong")
    reader = BinlogReader(address, 7002, start_now(server, "gtid"), info_of(server))
    with pytest.raises(SourceRefused, match=r"(?s)1045.*database\.password") as caught:
        reader.open()
    assert "wrong" not in str(caught.value)


def test_a_missing_privilege_is_refused(server: SqlServer) -> None:
    server.execute("CREATE USER 'noreplica'@'%' IDENTIFIED BY 'x1'; GRANT SELECT ON *.* TO 'noreplica'@'%'")
    try:
        address = replace(address_of(server), user="noreplica", password="x1")
        reader = BinlogReader(address, 7003, start_now(server, "gtid"), info_of(server))
        with pytest.raises(SourceRefused, match="GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE"), reader:
            reader.next_event(2000)
    finally:
        server.execute("DROP USER 'noreplica'@'%'")


def test_an_unreachable_server_is_a_passing_trouble(server: SqlServer) -> None:
    for host, port in (("127.0.0.1", 1), ("no-such-host.invalid", 3306)):
        address = replace(address_of(server), host=host, port=port, connect_timeout_ms=2000)
        with pytest.raises(SourceConnectionLost):
            BinlogReader(address, 7004, start_now(server, "gtid"), info_of(server)).open()


@pytest.mark.parametrize("ssl_mode", ["disabled", "preferred", "required", "verify_ca"])
def test_tls_modes(mysql: MySqlServer, mysql_database: str, ssl_mode: str) -> None:
    ca = str(mysql.data_folder / "ca.pem") if ssl_mode == "verify_ca" else None
    address = replace(address_of(mysql), ssl_mode=ssl_mode, ssl_ca=ca)
    with closing(connect(address, purpose="a test")) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
        assert row is not None
        assert bool(row[1]) == (ssl_mode != "disabled")
    start = start_now(mysql, "gtid")
    mysql.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT); INSERT INTO t VALUES (1, REPEAT('t', 300000))", mysql_database
    )
    with BinlogReader(address, next(_SERVER_IDS), start, info_of(mysql), heartbeat_ms=500) as reader:
        (rows,) = [event for event in until_heartbeat(reader) if isinstance(event, RowsEvent)]
    assert bytes(rows.rows).endswith(b"t" * 300_000)


def test_tls_with_a_foreign_authority_is_refused(mysql: MySqlServer, mariadb: MariaDbServer) -> None:
    with pytest.raises(SourceRefused, match=r"database\.ssl"):
        connect(replace(address_of(mysql), ssl_mode="verify_ca"), purpose="a test")
    with pytest.raises((SourceRefused, SourceConnectionLost)):
        connect(replace(address_of(mariadb), ssl_mode="required"), purpose="a test")


@pytest.fixture(params=[MySqlServer, MariaDbServer], ids=["mysql", "mariadb"])
def own_server(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    """A server of this test's own, whose binlogs may be purged and which may be stopped."""
    with request.param() as made:
        yield made


def _drain(server: SqlServer, start: DumpStart, info: ServerInfo) -> None:
    with BinlogReader(address_of(server), next(_SERVER_IDS), start, info, heartbeat_ms=500) as reader:
        until_heartbeat(reader)


def _purged_to(server: SqlServer, position: BinlogPosition) -> bool:
    """Purge; MariaDB keeps files that its storage engine may still need for a moment."""
    server.execute(f"PURGE BINARY LOGS TO '{position.file}'")
    return bool(server.query("SHOW BINARY LOGS")[0][0] == position.file)


def test_what_is_gone_from_the_server(own_server: SqlServer) -> None:
    info = info_of(own_server)
    first, before = current_position(own_server), current_gtids(own_server)
    own_server.execute("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY)")
    own_server.execute("INSERT INTO d.t VALUES (1); FLUSH BINARY LOGS; INSERT INTO d.t VALUES (2); FLUSH BINARY LOGS")
    now, here = current_gtids(own_server), current_position(own_server)
    wait_until(lambda: _purged_to(own_server, here), timeout_s=60, what="purging the binlogs")
    _drain(own_server, DumpStart(None, now), info)
    with pytest.raises(BinlogNotAvailable, match="snapshot"):
        _drain(own_server, DumpStart(first, None), info)
    with pytest.raises(BinlogNotAvailable):
        _drain(own_server, DumpStart(BinlogPosition(here.file, here.pos + 100_000), None), info)
    if isinstance(own_server, MariaDbServer) and not before:
        before = MariaDbGtidSet.parse("0-1-1")
    with pytest.raises(GtidGap, match="snapshot"):
        _drain(own_server, DumpStart(None, before), info)
    ahead: GtidSet | MariaDbGtidSet = now
    ahead = ahead.add(f"{info.server_uuid}:999999" if info.flavor == "mysql" else "0-1-999999")
    with pytest.raises((GtidGap, BinlogNotAvailable)):
        _drain(own_server, DumpStart(None, ahead), info)


def test_a_stopped_server_is_noticed_at_once(own_server: SqlServer) -> None:
    start, info = start_now(own_server, "gtid"), info_of(own_server)
    with BinlogReader(address_of(own_server), 7006, start, info, heartbeat_ms=30_000) as reader:
        until_quiet(reader)
        own_server.kill()
        started = time.monotonic()
        with pytest.raises(SourceConnectionLost):
            read_for(reader, 60)
        assert time.monotonic() - started < 20
    with pytest.raises(SourceConnectionLost):
        BinlogReader(address_of(own_server), 7006, start, info).open()


def test_a_silent_server_is_noticed_after_three_heartbeats(own_server: SqlServer) -> None:
    start, info = start_now(own_server, "gtid"), info_of(own_server)
    with BinlogReader(address_of(own_server), 7007, start, info, heartbeat_ms=300) as reader:
        started = time.monotonic()  # before the last sign of life, whenever that comes
        until_heartbeat(reader)
        own_server.pause()
        try:
            paused = time.monotonic()
            with pytest.raises(SourceConnectionLost, match="silent"):
                read_for(reader, 120)
            assert time.monotonic() - started > 0.9
            assert time.monotonic() - paused < 30
        finally:
            own_server.resume()


def test_ddl_is_a_query_event_with_its_database(server: SqlServer, database: str) -> None:
    start = start_now(server, "gtid")
    server.execute("CREATE TABLE `täbel` (id INT COMMENT 'ünï')", database)
    with reading(server, start, heartbeat_ms=500) as reader:
        (query,) = [e for e in until_heartbeat(reader) if isinstance(e, QueryEvent)]
    assert (query.database, query.query) == (database, "CREATE TABLE `täbel` (id INT COMMENT 'ünï')")


def test_a_server_that_leaves_gtids_is_read_on_by_position() -> None:
    """As long as it is without them the next attempt can; by GTIDs, once they are back, there is no way past it."""
    with MySqlServer() as server:
        server.create_database("d")
        server.execute("CREATE TABLE t (id INT PRIMARY KEY)", "d")
        start = start_now(server, "gtid")
        server.execute("SET GLOBAL gtid_mode = ON_PERMISSIVE; INSERT INTO t VALUES (1)", "d")
        server.execute("SET GLOBAL gtid_mode = OFF_PERMISSIVE; INSERT INTO t VALUES (2)", "d")
        with reading(server, start) as reader, pytest.raises(SourceConnectionLost, match="is OFF_PERMISSIVE now"):
            read_for(reader, 60)
        server.execute("SET GLOBAL gtid_mode = ON_PERMISSIVE; SET GLOBAL gtid_mode = ON")
        with reading(server, start) as reader, pytest.raises(BinlogNotAvailable, match="anonymous transaction"):
            read_for(reader, 60)
