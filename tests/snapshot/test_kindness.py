"""A rate is kept whatever the schedule does meanwhile; a server in distress is left alone, as far as rights go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql.connections import Connection

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.rate_limit import PAUSED, UNLIMITED, Rate, parse_rate_limit
from faust_cdc.mysql.connection import SourceAddress, connect
from faust_cdc.snapshot.kindness import CREDIT_S, WAIT_LOOK_S, WAIT_MAX_S, Pace, RateLimiter, SourcePressure
from tests.connect.memory import MYSQL_CONFIG
from tests.lab.process import wait_until
from tests.lab.sql_servers import MariaDbServer, MySqlServer, SqlServer

MIDNIGHT = 1_790_000_000 // 86_400 * 86_400.0


class Clock:
    """Seconds since the epoch, as they are set."""

    def __init__(self, now: float = MIDNIGHT) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def limiter(text: str | None, clock: Clock) -> RateLimiter:
    return RateLimiter(parse_rate_limit(text), clock)


def test_no_limit_never_waits() -> None:
    free = limiter(None, Clock())
    assert (free.take(10**9, 10**12), free.rate) == (0.0, UNLIMITED)


def test_what_was_taken_is_waited_for() -> None:
    clock = Clock()
    slow = limiter("rows=100,bytes=1kB", clock)
    assert slow.wait_s() == 0
    assert slow.take(50, 0) == pytest.approx(0.5)
    assert slow.take(0, 2000) == pytest.approx(2)
    clock.now += 1.5
    assert slow.wait_s() == pytest.approx(0.5)
    clock.now += 3600
    assert slow.wait_s() == 0
    assert slow.take(150, 0) == pytest.approx(0.5), "a second's credit, no more"
    assert slow.rate == Rate(100, 1000)


def test_the_time_of_day_is_waited_through() -> None:
    clock = Clock(MIDNIGHT + 8 * 3600 - 2)
    slow = limiter("rows=100; 08:00-09:00 rows=10; 09:00-10:00 paused", clock)
    assert slow.take(300, 0) == pytest.approx(2 + 10)
    assert slow.take(36_000, 0) == pytest.approx(2 + 2 * 3600 + 1), "100 rows are left at ten"
    clock.now = MIDNIGHT + 9.5 * 3600
    assert slow.rate == PAUSED
    assert slow.wait_s() == pytest.approx(1800 + 1)
    clock.now = MIDNIGHT + 10 * 3600 + 4
    assert slow.wait_s() == 0


def test_a_pause_is_waited_for_before_anything_is_read() -> None:
    clock = Clock()
    assert limiter("00:00-06:30 paused", clock).wait_s() == pytest.approx(6.5 * 3600)
    assert limiter("paused", clock).wait_s() == WAIT_MAX_S


def test_a_clock_that_is_set_back_pays_nothing_and_stops_nothing() -> None:
    clock = Clock()
    slow = limiter("rows=10", clock)
    assert slow.take(100, 0) == pytest.approx(10)
    clock.now -= 3600
    assert slow.wait_s() == pytest.approx(10)
    clock.now += 4
    assert slow.wait_s() == pytest.approx(6)


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 3)), min_size=1, max_size=60))
def test_in_no_span_more_than_the_rate_a_second_and_a_chunk(chunks: list[tuple[int, float]]) -> None:
    """A reader that waits as told; each chunk takes some time to read."""
    clock = Clock()
    rate = 100
    slow = limiter(f"rows={rate}", clock)
    done: list[tuple[float, int]] = []
    for rows, takes_s in chunks:
        clock.now += slow.wait_s() + takes_s
        done.append((clock.now, rows))
        clock.now += slow.take(rows, 0)
    for first, (began, _) in enumerate(done):
        total = 0
        for ended, rows in done[first:]:
            total += rows
            assert total <= rate * (ended - began + CREDIT_S) + rows + 500 + 1e-6


def test_threads_share_a_rate() -> None:
    clock = Clock()
    slow = limiter("rows=1000", clock)
    threads = [threading.Thread(target=lambda: [slow.take(1, 1) for _ in range(500)]) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert slow.wait_s() == pytest.approx(2)


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
    clock = Clock()

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
