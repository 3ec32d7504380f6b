"""Tables that are copied in one piece: what is kind to the source counts before a copy, which is never halted."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from uuid import uuid4

import pytest

from faust_cdc.pipeline.phase import Phase
from faust_cdc.snapshot.progress import TableProgress, TableState
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.pipeline.test_task import Bench
from tests.snapshot.test_commands_live import Found, bench_of, read_until
from tests.snapshot.test_merged_live import fill, wait_for_the_end
from tests.snapshot.test_refusals_live import stored_progress

pytestmark = pytest.mark.integration

ROWS = 400
PER_S = 100


def has_more_than(count: int, found: Found) -> bool:
    return len(found) > count


def progress_of(bench: Bench, table: str) -> TableProgress:
    return next(one for known, one in stored_progress(bench)[1].items() if known.table == table)


def test_what_a_copy_read_is_paid_for_before_the_next_one(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__rate__limit=f"rows={PER_S}")
    fill(mysql, mysql_database, ("k1", "k2"), ROWS)
    for table in ("k1", "k2"):
        mysql.execute(f"ALTER TABLE {table} DROP PRIMARY KEY", mysql_database)
    with bench.running() as task:
        wait_for_the_end(task)
    first, second = progress_of(bench, "k1"), progress_of(bench, "k2")
    assert (first.rows, second.rows) == (ROWS, ROWS)
    waited_s = (second.started_ms - first.updated_ms) / 1000
    assert waited_s > (ROWS / PER_S) - 1.5, "a second's rows are free"


@pytest.mark.parametrize("option", [{"snapshot.rate.limit": "paused"}, {"snapshot.pause.on.history.list.length": "1"}])
def test_a_copy_does_not_begin_while_the_source_is_to_be_left_alone(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, option: dict[str, str]
) -> None:
    """The stream of others goes on meanwhile."""
    user = f"u{uuid4().hex[:8]}"
    rights = "SELECT, RELOAD, PROCESS, REPLICATION SLAVE, REPLICATION CLIENT"
    mysql.execute(f"CREATE USER {user} IDENTIFIED BY 'p'; GRANT {rights} ON *.* TO {user}", mysql_database)
    config = {"database__user": user, "database__password": "p"}
    listed = {"table__include__list": rf"{mysql_database}\.(a|k)"}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, **config, **listed)
    unhindered = bench.spec
    fill(mysql, mysql_database, ("k", "held"), ROWS)
    mysql.execute("CREATE TABLE a (id INT PRIMARY KEY, v INT); ALTER TABLE k DROP PRIMARY KEY", mysql_database)
    bench.spec = replace(bench.spec, config=bench.parse(option))
    with mysql.admin(mysql_database) as reader, reader.cursor() as cursor:
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")  # so that nothing is purged
        for number in range(50):
            mysql.execute(f"UPDATE held SET v = {number}", mysql_database)
        with bench.running() as task:
            deadline = time.monotonic() + 90
            while task.progress.phase is not Phase.STREAMING:
                assert time.monotonic() < deadline, task.state
                time.sleep(0.05)
            for number in range(3):
                mysql.execute(f"INSERT INTO a VALUES ({number}, 0)", mysql_database)
                read_until(bench, ("a",), partial(has_more_than, number), "the stream")
                time.sleep(1)
            assert progress_of(bench, "k").state is TableState.PENDING
            assert task.state.error is None
    bench.spec = unhindered
    with bench.running() as task:
        wait_for_the_end(task)
    assert progress_of(bench, "k").rows == ROWS
