"""The threads that read chunks: they end when they are told to, connect to one server only, and rest when told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.errors import SourceConnectionLost
from faust_cdc.mysql.chunk_session import WAIT_TIMEOUT_S, ChunkSession
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.schema import read_tables
from faust_cdc.mysql.structure_text import structure_text
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot import chunk_reader
from faust_cdc.snapshot.chunk_reader import Chunk, ChunkReaders, ChunkRequest
from faust_cdc.snapshot.kindness import SourcePressure
from faust_cdc.snapshot.progress import TableProgress
from faust_cdc.snapshot.ranges import TableRanges
from faust_cdc.snapshot.windows import SnapshotWindow
from tests.lab import MySqlServer, SqlServer
from tests.mysql.chunks.walking import some_key_of

pytestmark = pytest.mark.integration


class Pressed(SourcePressure):
    """A source that is under pressure while `reason` says so."""

    reason: str | None = None

    def look(self, connection: Any) -> str | None:
        return self.reason


class Rig:
    """Readers of one table `t` of a server; nothing encodes its rows."""

    def __init__(self, server: MySqlServer, database: str, count: int) -> None:
        self.address = SourceAddress(server.host, server.port, server.user, server.password)
        server.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)", database)
        with closing(connect(self.address, purpose="a test")) as connection:
            self.info = inspect_server(connection)
            table = TableId(database, "t")
            key = some_key_of(connection, table)
            self.ranges = TableRanges(read_tables(connection, [table])[table], key, TableProgress(table), 100)
        self.pressure = Pressed()
        self.readers = ChunkReaders(self.connect, count, False, lambda: False, self.pressure)

    def connect(self) -> ChunkSession:
        return ChunkSession(self.address, self.info, 50)

    def ask(self) -> SnapshotWindow:
        window = SnapshotWindow(0)
        captured: Any = type("Named", (), {"id": self.ranges.table.id})
        nothing: Any = None
        place = BinlogPosition("", 0)
        self.readers.ask(ChunkRequest(window, captured, self.ranges, None, place, nothing, 0))
        return window

    def chunk(self) -> Chunk:
        """Wait for one."""
        deadline = time.monotonic() + 60
        while True:
            for chunk in self.readers.read():
                return chunk
            assert time.monotonic() < deadline
            time.sleep(0.01)


@contextmanager
def threads_end() -> Iterator[None]:
    """Threads of readers that begin inside end by themselves soon behind it."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 25
    while left := [one for one in set(threading.enumerate()) - before if one.name.startswith("snapshot-")]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def test_readers_end_in_the_midst_of_statements(mysql: MySqlServer, mysql_database: str) -> None:
    """One waits for a lock for fifty seconds to plan, the others for it; nobody waits for them."""
    rig = Rig(mysql, mysql_database, 4)
    with mysql.admin(mysql_database) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLES t WRITE")
        with threads_end():
            for _ in range(4):
                rig.ask()
            waits = f"SELECT COUNT(*) FROM performance_schema.metadata_locks WHERE object_schema = '{mysql_database}'"
            deadline = time.monotonic() + 60
            while not mysql.query(f"{waits} AND lock_status = 'PENDING'")[0][0]:
                assert time.monotonic() < deadline
            rig.readers.close()
        assert list(rig.readers.read()) == []


def test_under_pressure_a_chunk_is_handed_back_unread(mysql: MySqlServer, mysql_database: str) -> None:
    """Its window can be closed: keys are not noted for as long as the source is to be left alone."""
    rig = Rig(mysql, mysql_database, 1)
    assert rig.readers.is_calm
    rig.pressure.reason = "the history list of the source server is long"
    rig.ask()
    chunk = rig.chunk()
    assert (chunk.range, chunk.error, chunk.refused) == (None, None, None)
    assert chunk.high_watermark == chunk.request.position, "due at once"
    assert not rig.readers.is_calm
    assert rig.ranges.has_more
    rig.pressure.reason = None
    deadline = time.monotonic() + 60
    while not rig.readers.is_calm:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    rig.readers.close()


def test_silent_connections_are_closed_and_opened_again(
    mysql: MySqlServer, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A night's pause outlasts what servers and firewalls leave open."""
    monkeypatch.setattr(chunk_reader, "IDLE_MAX_S", 0.5)
    ((last,),) = mysql.query("SELECT CONNECTION_ID()")  # those of tests before may still be there, or end meanwhile
    rig = Rig(mysql, mysql_database, 2)
    rig.pressure.reason = "a long history"
    opened = f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{mysql.user}' AND id > {last}"
    for _ in range(2):
        rig.ask()
        assert rig.chunk().error is None
        deadline = time.monotonic() + 60
        while mysql.query(opened)[0][0]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    rig.readers.close()


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_a_session_is_of_the_server_that_is_streamed_from(request: pytest.FixtureRequest, name: str) -> None:
    server: SqlServer = request.getfixturevalue(name)
    address = SourceAddress(server.host, server.port, server.user, server.password)
    with closing(connect(address, purpose="a test")) as connection:
        info = inspect_server(connection)
    with closing(ChunkSession(address, info, 5)) as session, session.connection.cursor() as cursor:
        cursor.execute("SELECT @@SESSION.wait_timeout")
        assert cursor.fetchone() == (WAIT_TIMEOUT_S,)
    other = replace(info, server_id=info.server_id + 1, server_uuid=info.server_uuid and "another")
    with pytest.raises(SourceConnectionLost, match="another server"):
        ChunkSession(address, other, 5)


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_a_tables_text_shows_every_change_of_its_structure(request: pytest.FixtureRequest, name: str) -> None:
    server: SqlServer = request.getfixturevalue(name)
    sql_database: str = request.getfixturevalue(f"{name}_database")
    table = TableId(sql_database, "t")
    server.execute(
        "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(9) COMMENT ') ENGINE=x AUTO_INCREMENT=1')",
        sql_database,
    )
    address = SourceAddress(server.host, server.port, server.user, server.password)
    with closing(connect(address, purpose="a test")) as connection:
        texts = [structure_text(connection, table)]
        assert texts[0] is not None
        server.execute("INSERT INTO t (a) VALUES ('x'), ('y')", sql_database)
        assert structure_text(connection, table) == texts[0], "rows move its counter only"
        for change in (
            "ADD b INT",
            "MODIFY b BIGINT",
            "MODIFY b BIGINT DEFAULT 7",
            "MODIFY a VARCHAR(9) COMMENT ') ENGINE=x AUTO_INCREMENT=2'",
            "MODIFY a VARCHAR(9) COLLATE utf8mb4_bin",
            "ADD UNIQUE KEY u (b)",
            "DEFAULT COLLATE latin1_swedish_ci",
            "COMMENT 'of tests'",
            "DROP PRIMARY KEY, ADD PRIMARY KEY (id, a)",
        ):
            server.execute(f"ALTER TABLE t {change}", sql_database)
            texts.append(structure_text(connection, table))
        assert None not in texts
        assert len(set(texts)) == len(texts)
        server.execute("DROP TABLE t", sql_database)
        assert structure_text(connection, table) is None


def test_a_change_is_noticed_behind_chunks_that_met_none(mysql: MySqlServer, mysql_database: str) -> None:
    rig = Rig(mysql, mysql_database, 1)
    nothing: Any = None
    captured: Any = type("Named", (), {"id": rig.ranges.table.id})
    place = BinlogPosition("", 0)
    with closing(rig.connect()) as session:
        for _ in range(4):
            chunk = Chunk(ChunkRequest(SnapshotWindow(0), captured, rig.ranges, None, place, nothing, 0))
            rig.readers._check_structure(session, chunk)
            assert chunk.changed is None
        mysql.execute("ALTER TABLE t ADD a INT", mysql_database)
        rig.readers._check_structure(session, chunk)
        assert chunk.changed is not None
        assert chunk.changed_how == "it has other columns"
    rig.readers.close()
