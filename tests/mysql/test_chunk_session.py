"""When a read may begin that is to show all that the stream delivered, where the stream knows positions only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest

from faust_cdc.mysql.chunk_session import ChunkSession
from faust_cdc.mysql.connection import SourceAddress, connect, inspect_server
from tests.lab import MySqlServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[MySqlServer]:
    """A MySQL whose commits can be held up between the binlog and the engine."""
    with MySqlServer() as mysql:
        mysql.execute("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
        mysql.create_database("d")
        mysql.execute("CREATE TABLE t (id INT PRIMARY KEY)", "d")
        yield mysql


@contextmanager
def opened(server: MySqlServer) -> Iterator[ChunkSession]:
    address = SourceAddress(server.host, server.port, server.user, server.password)
    with connect(address, purpose="a test") as connection:
        info = inspect_server(connection)
    session = ChunkSession(address, info, 20)
    try:
        yield session
    finally:
        session.close()


def rows(session: ChunkSession) -> Any:
    ((count,),) = session.stream("SELECT COUNT(*) FROM d.t")
    return count


def for_ms(limit_ms: int) -> Callable[[], bool]:
    end = time.monotonic() + limit_ms / 1000
    return lambda: time.monotonic() > end


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_a_transaction_that_was_sent_before_the_engine_shows_it(server: MySqlServer) -> None:
    """With semi-sync AFTER_SYNC replicas have it while its session waits for one of them to say so."""
    server.execute("SET GLOBAL rpl_semi_sync_source_timeout = 600000; SET GLOBAL rpl_semi_sync_source_enabled = 1")
    before = server.query("SHOW BINARY LOG STATUS")[0][1]
    writer = threading.Thread(target=lambda: server.execute("INSERT INTO t VALUES (1)", "d"))
    writer.start()
    try:
        with opened(server) as session:
            until(lambda: server.query("SHOW BINARY LOG STATUS")[0][1] > before, "the row in the binlog")
            position = session.current_position()
            assert rows(session) == b"0", "the engine has not committed it"
            assert not session.begin(None, position, for_ms(500))
            server.execute("SET GLOBAL rpl_semi_sync_source_enabled = 0")
            assert session.begin(None, position, for_ms(60_000))
            assert rows(session) == b"1"
    finally:
        server.execute("SET GLOBAL rpl_semi_sync_source_enabled = 0")
        writer.join(60)


def test_transactions_that_are_given_up_are_not_waited_for(server: MySqlServer) -> None:
    """Of several sources, with a tag and without."""
    with opened(server) as session, ExitStack() as stack:
        cursors = []
        for number, gtid in enumerate((f"{uuid4()}:7", f"{uuid4()}:7", f"{uuid4()}:blue:7"), 2):
            cursors.append(stack.enter_context(stack.enter_context(server.admin("d")).cursor()))
            for statement in (f"SET gtid_next = '{gtid}'", "BEGIN", f"INSERT INTO t VALUES ({number})"):
                cursors[-1].execute(statement)
        position = session.current_position()
        for cursor in cursors:
            assert not session.begin(None, position, for_ms(300))
            cursor.execute("ROLLBACK")
            cursor.execute("SET gtid_next = AUTOMATIC")
        assert session.begin(None, position, for_ms(60_000))
