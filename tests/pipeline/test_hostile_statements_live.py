"""Statements of a real server that are huge, or nested deeply: the pipe goes on behind them, with what they made."""

from __future__ import annotations

import resource

import pytest

from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.pipeline.test_task import Bench, images

pytestmark = pytest.mark.integration

MEGABYTES = 10
COLUMNS = 900
"""InnoDB takes 1,017."""
DEPTH = 300
"""Of MySQL's own stack for a generated column; the reader's limit is far behind it."""
MEMORY_MAX_MB = 400


def test_the_pipe_goes_on_behind_statements_of_ten_megabytes_of_many_columns_and_of_deep_nesting(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    bench = Bench(mysql, kafka, apicurio, mysql_database)
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", mysql_database)
    text = "x" * (MEGABYTES << 20)
    with bench.running() as task:
        bench.events("t", 1, task)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        mysql.execute(f"ALTER TABLE t ADD a INT /* {text} */", mysql_database)
        mysql.execute("INSERT INTO t VALUES (2, 2)", mysql_database)
        nested = "(" * DEPTH + "1" + ")" * DEPTH
        mysql.execute(f"ALTER TABLE t ADD b INT AS ({nested}) STORED", mysql_database)
        mysql.execute("INSERT INTO t (id, a) VALUES (3, 3)", mysql_database)
        mysql.execute(f"ALTER TABLE t {', '.join(f'ADD c{one} TINYINT' for one in range(COLUMNS))}", mysql_database)
        mysql.execute("INSERT INTO t (id, a, c899) VALUES (4, 4, 9)", mysql_database)
        found = images(bench.events("t", 4, task))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert found[1][2] == {"id": 2, "a": 2}
    assert found[2][2] == {"id": 3, "a": 3, "b": 1}
    last = found[3][2]
    assert isinstance(last, dict)
    assert (len(last), last["c899"], last["c0"]) == (3 + COLUMNS, 9, None)
    assert grown < MEMORY_MAX_MB
