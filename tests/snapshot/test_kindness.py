"""A server in distress is left alone, as far as rights go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from pymysql.connections import Connection

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.rate_limit import parse_rate_limit
from faust_cdc.mysql.connection import SourceAddress, connect
from faust_cdc.pipeline.rate_limiter import RateLimiter
from faust_cdc.snapshot.kindness import WAIT_LOOK_S, Pace, SourcePressure
from tests.connect.memory import MYSQL_CONFIG
from tests.lab.process import wait_until
from tests.lab.sql_servers import MariaDbServer, MySqlServer, SqlServer
from tests.pipeline.test_rate_limiter import Clock


def connection_to(server: SqlServer, user: str, password: str) -> Connection[Any]:
    return connect(SourceAddress(server.host, server.port, user, password), purpose="a test")


def pressure(lag_max_ms: int = 0, history_max: int = 0) -> SourcePressure:
    """One that asks the server each time."""
    seconds = iter(range(0, 10**9, 10))
    return SourcePressure(lag_max_ms, history_max, lambda: float(next(seconds)))


def replicate(source: SqlServer, replica: SqlServer) -> Callable[[int], None]:
    """Make a replica of what comes from now on; return what sets its delay in seconds."""
    if isinstance(source, MariaDbServer):
        position = source.query("SELECT @@gtid_binlog_pos")[0][0]
        replica.execute(
            f"SET GLOBAL gtid_slave_pos = '{position}'; CHANGE MASTER TO MASTER_HOST = '{source.host}', "
            f"MASTER_PORT = {source.port}, MASTER_USER = '{source.user}', MASTER_PASSWORD = '{source.password}', "
            "MASTER_USE_GTID = slave_pos"
        )
        change = "STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = {}; START SLAVE"
    else:
        executed = str(source.query("SELECT @@GLOBAL.gtid_executed")[0][0]).replace("\n", "")
        replica.execute(
            f"SET GLOBAL gtid_purged = '{executed}'; CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{source.host}', "
            f"SOURCE_PORT = {source.port}, SOURCE_USER = '{source.user}', SOURCE_PASSWORD = '{source.password}', "
            "SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1"
        )
        change = "STOP REPLICA; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {}; START REPLICA"
    return lambda seconds: replica.execute(change.format(seconds))


@pytest.fixture(params=[MySqlServer, MariaDbServer])
def pair(request: pytest.FixtureRequest) -> Any:
    with request.param() as source, request.param(server_id=2) as replica:
        yield source, replica


@pytest.mark.integration
def test_a_replica_that_is_behind_is_left_alone(
    pair: tuple[SqlServer, SqlServer], caplog: pytest.LogCaptureFixture
) -> None:
    source, replica = pair
    delay = replicate(source, replica)
    look = pressure(lag_max_ms=1500)
    with closing(connection_to(replica, "root", "")) as connection:
        assert look.look(connection) is None
        assert "does not say how far behind" in caplog.text
        delay(600)
        source.execute("CREATE DATABASE behind; CREATE TABLE behind.t (id INT)")
        wait_until(lambda: look.look(connection) is not None, timeout_s=60, what="lag")
        assert "behind its own source" in str(look.look(connection))
        delay(0)
        wait_until(lambda: look.look(connection) is None, timeout_s=60, what="no lag")
        wait_until(lambda: len(replica.query("SHOW DATABASES LIKE 'behind'")) == 1, timeout_s=60, what="the database")


@pytest.mark.integration
def test_what_is_no_replica_or_may_not_be_asked_is_said_once(
    mysql: MySqlServer, mariadb: MariaDbServer, caplog: pytest.LogCaptureFixture
) -> None:
    server: SqlServer
    for server, text in ((mysql, "is no replica"), (mariadb, "SLAVE MONITOR")):
        caplog.clear()
        look = pressure(lag_max_ms=1)
        with closing(connection_to(server, server.user, server.password)) as connection:
            assert [look.look(connection) for _ in range(3)] == [None] * 3
        said = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
        assert len(said) == 1
        assert "snapshot.pause.on.replica.lag.ms has no effect" in said[0]
        assert text in said[0]


@pytest.mark.integration
@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_a_long_history_list_is_waited_for(request: pytest.FixtureRequest, name: str) -> None:
    server: SqlServer = request.getfixturevalue(name)
    database = request.getfixturevalue(f"{name}_database")
    server.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0)", database)
    # Else the list becomes shorter only now and then.
    server.execute("SET GLOBAL innodb_purge_rseg_truncate_frequency = 1")
    look = pressure(history_max=400)
    with closing(connection_to(server, "root", "")) as connection:
        wait_until(lambda: look.look(connection) is None, timeout_s=120, what="a short history")
        with server.admin(database) as old, old.cursor() as reader, server.admin(database) as new:
            reader.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            with new.cursor() as writer:
                for _ in range(600):
                    writer.execute("UPDATE t SET v = v + 1")
            wait_until(lambda: look.look(connection) is not None, timeout_s=60, what="a long history")
            assert "the history list of the source server is" in str(look.look(connection))
        wait_until(lambda: look.look(connection) is None, timeout_s=120, what="a short history again")
    server.execute("SET GLOBAL innodb_purge_rseg_truncate_frequency = DEFAULT")


@pytest.mark.integration
def test_the_history_list_needs_a_right_on_mysql(mysql: MySqlServer, caplog: pytest.LogCaptureFixture) -> None:
    options = {"snapshot.pause.on.history.list.length": "1"}
    look = SourcePressure.of(parse_connector_config({**MYSQL_CONFIG, "name": "n", **options}))
    with closing(connection_to(mysql, mysql.user, mysql.password)) as connection:
        assert look.look(connection) is None
        assert look.look(connection) is None
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(said) == 1
    assert "snapshot.pause.on.history.list.length has no effect" in said[0]
    assert "It needs PROCESS." in said[0]


def test_the_server_is_asked_once_a_second() -> None:
    clock = Clock(0)

    class Counting(SourcePressure):
        asked = 0

        def _lag(self, connection: Connection[Any]) -> str | None:
            self.asked += 1
            return f"asked {self.asked} times"

    look = Counting(1, 0, clock)
    nothing: Any = None
    assert [look.look(nothing) for _ in range(3)] == ["asked 1 times"] * 3
    clock.now += 1
    assert look.look(nothing) == "asked 2 times"


def test_one_thread_asks_the_server_at_a_time() -> None:
    began, go_on = threading.Event(), threading.Event()

    class Slow(SourcePressure):
        asked = 0

        def _lag(self, connection: Connection[Any]) -> str | None:
            self.asked += 1
            began.set()
            assert go_on.wait(60)
            return "slow"

    look = Slow(1, 0, Clock())
    nothing: Any = None
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(look.look(nothing))) for _ in range(4)]
    for one in threads:
        one.start()
    assert began.wait(60)
    assert found == []
    go_on.set()
    for one in threads:
        one.join(60)
    assert (found, look.asked) == (["slow"] * 4, 1)


def test_a_pause_is_looked_at_now_and_then() -> None:
    """The stream asks at each of its turns, and a week's schedule is long."""
    clock = Clock(0.0)

    class Counting(RateLimiter):
        asked = 0

        def wait_s(self) -> float:
            self.asked += 1
            return super().wait_s()

    slow = Counting(parse_rate_limit("paused"), clock)
    pace = Pace(slow, clock)
    for _ in range(1000):
        assert not pace.may_ask(is_calm=True)
        assert pace.wait_ms <= WAIT_LOOK_S * 1000
        clock.now += WAIT_LOOK_S / 100
    assert 9 <= slow.asked <= 11


def test_nothing_is_asked_for_of_a_source_that_is_not_calm() -> None:
    clock = Clock(0.0)
    pace = Pace(RateLimiter(None, clock), clock)
    assert pace.may_ask(is_calm=True)
    assert pace.wait_ms == 0
    assert not pace.may_ask(is_calm=False)
    assert pace.wait_ms == WAIT_LOOK_S * 1000
    assert not pace.may_ask(is_calm=True), "not looked at yet"
    clock.now += WAIT_LOOK_S
    assert pace.may_ask(is_calm=True)
