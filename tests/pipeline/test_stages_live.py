"""What a task shows of itself after a real run, on both ways through it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faust_cdc.metrics.histogram import BOUNDS_S
from faust_cdc.pipeline.stages import TOTAL, WAY
from faust_cdc.pipeline.task import ConnectorTask
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.lab.process import wait_until
from tests.pipeline.test_task import Bench
from tests.pipeline.test_task_edge import wait_until_streaming

pytestmark = pytest.mark.integration

TRANSACTIONS = 60
LATENCY_MEDIAN_MAX_S = 2.5
"""It is some milliseconds; this notices a wait that somebody put in, not a busy machine."""


def wait_for_transactions(task: ConnectorTask, count: int) -> None:
    wait_until(lambda: task.progress.source_transactions >= count, timeout_s=60, what=f"{count} source transactions")


@pytest.mark.parametrize("hot_path", [True, False])
def test_stages_of_a_real_run(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, hot_path: bool
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))", mysql_database)
    bench = Bench(mysql, kafka, apicurio, mysql_database)
    bench.spec = replace(bench.spec, hot_path=hot_path)
    with bench.running() as task:
        wait_until_streaming(task)
        for number in range(TRANSACTIONS):
            mysql.execute(f"INSERT INTO t VALUES ({number}, 'x'), ({number + 1000}, 'y')", mysql_database)
        wait_for_transactions(task, TRANSACTIONS)
        progress = task.progress
        latency, cpu = progress.stages.latency, progress.stages.cpu
        counts = {stage: histogram.count for stage, histogram in latency.items()}
        assert set(counts.values()) == {progress.source_transactions}, counts
        assert progress.records == 2 * TRANSACTIONS
        assert progress.source_transactions == TRANSACTIONS
        total_s = latency[TOTAL].sum_s
        assert sum(latency[stage].sum_s for stage in WAY) == pytest.approx(total_s, rel=0.05, abs=0.01)
        assert all(latency[stage].sum_s > 0 for stage in ("decode", "encode", "produce", "broker", "commit"))
        assert cpu["commit"].count >= progress.kafka_transactions - 1
        assert all(histogram.sum_s >= 0 for histogram in cpu.values())
        assert cpu["encode"].count == cpu["decode"].count == cpu["read"].count
        within = latency[TOTAL].cumulative()[BOUNDS_S.index(LATENCY_MEDIAN_MAX_S)]
        assert within >= TRANSACTIONS / 2
        assert progress.waiting_bytes() == 0
    assert progress.stages.pause_max.value() >= 0


def test_an_idle_stream_with_heartbeats_is_not_behind(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", mysql_database)
    bench = Bench(mysql, kafka, apicurio, mysql_database, heartbeat__interval__ms="100")
    with bench.running() as task:
        wait_until_streaming(task)
        progress = task.progress
        assert progress.stages.last_at == 0, "a snapshot is no source transaction"
        mysql.execute("INSERT INTO t VALUES (2)", mysql_database)
        wait_for_transactions(task, 1)
        last_at, commits = progress.stages.last_at, progress.kafka_transactions
        assert last_at > 0
        behind_s = progress.stages.behind_s
        assert behind_s >= 0
        wait_until(lambda: progress.kafka_transactions >= commits + 5, timeout_s=60, what="heartbeats committed")
        assert (progress.stages.last_at, progress.stages.behind_s) == (last_at, behind_s)
        assert progress.source_transactions == 1
