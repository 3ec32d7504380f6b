"""`GET /metrics` of a worker with a connector, read by a strict parser."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from faust_cdc.connect.desired import TaskDesired
from faust_cdc.connect.states import TargetState
from faust_cdc.pipeline.state import TaskState
from faust_cdc.worker.manager import Supervision
from faust_cdc.worker.metrics import LoopWatch, WorkerNumbers
from tests.harness.connectors import connector_config
from tests.harness.exposition import Family, read_page
from tests.harness.worker import RestError, WorkerProcess
from tests.lab import KafkaBroker, MySqlServer

ROWS = 30


TAGS = r'team=shop,dc.name=eu "1" \ 2'


def page_of(*tasks: Supervision) -> dict[str, Family]:
    return read_page(WorkerNumbers(tasks, LoopWatch()).page())


def supervised(connector: str, state: TaskState = TaskState.FAILED, **config: str) -> Supervision:
    options: dict[str, str | None] = {name.replace("__", "."): value for name, value in config.items()}
    return Supervision(TaskDesired(connector, 0, options, TargetState.STARTED), state, None, 3)


def test_a_task_that_could_not_be_made_shows_its_state_with_its_tags() -> None:
    odd = 'a "b" \\ c\nd'
    families = page_of(
        supervised(odd, custom__metric__tags=f"team={odd},dc.name=eu"),
        supervised("paused", TaskState.PAUSED),
    )
    for connector, state, tags in ((odd, "FAILED", {"team": odd, "dc_name": "eu"}), ("paused", "PAUSED", {})):
        labels = {"connector": connector, "task": "0", **tags}
        states = [
            each
            for each in families["faust_cdc_task_state"].samples
            if {**each.labels, "state": state} == {**labels, "state": state}
        ]
        assert {each.labels["state"] for each in states if each.value} == {state}
        assert len(states) == len(TaskState)
    assert {each.value for each in families["faust_cdc_task_restarts_total"].samples} == {3}


@pytest.mark.parametrize(
    "tags", ["", "team", "connector=x", "task=1,le=2", "a.b=1,a-b=2", "table=x", "__name__=x", "=", ",,"]
)
def test_tags_that_are_refused_break_no_page(tags: str) -> None:
    (sample,) = page_of(supervised("a", custom__metric__tags=tags))["faust_cdc_task_restarts_total"].samples
    assert sample.labels == {"connector": "a", "task": "0"}


def test_a_task_without_a_snapshot_shows_debeziums_numbers_as_0() -> None:
    task = supervised("a", connector__class="io.debezium.connector.mariadb.MariaDbConnector", topic__prefix="p")
    families = page_of(task)
    for name in ("total_table_count", "remaining_table_count", "snapshot_running", "snapshot_completed"):
        (sample,) = families[f"debezium_metrics_{name}"].samples
        labels = {"connector": "a", "task": "0", "plugin": "mariadb", "name": "p", "context": "snapshot"}
        assert (sample.labels, sample.value) == (labels, 0)
    assert "debezium_metrics_rows_scanned" not in families


def test_a_worker_without_tasks_shows_itself() -> None:
    families = page_of()
    assert families["process_cpu_seconds_total"].samples[0].value > 0
    assert families["process_resident_memory_bytes"].samples[0].value > 2**20
    assert not [name for name in families if name.startswith(("faust_cdc_task", "debezium"))]


class Page:
    """One scrape."""

    def __init__(self, worker: WorkerProcess) -> None:
        with urllib.request.urlopen(f"{worker.url}/metrics", timeout=30) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            page = answer.read()
        self.text = page.decode()
        self.families: dict[str, Family] = read_page(page)

    def value(self, sample: str, **labels: str) -> float:
        """Return the one sample of that name with at least these labels."""
        found = [
            each.value
            for family in self.families.values()
            for each in family.samples
            if each.name == sample and labels.items() <= each.labels.items()
        ]
        assert len(found) == 1, f"{len(found)} samples of {sample} {labels} in\n{self.text}"
        return float(found[0])


@pytest.mark.integration
def test_metrics_of_a_running_connector(
    kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str, tmp_path: Path
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY)", mysql_database)
    group = f"g{uuid4().hex[:8]}"
    config = connector_config(mysql, mysql_database, f"p{group}", custom__metric__tags=TAGS)
    with WorkerProcess(tmp_path, kafka.bootstrap, group) as worker:
        worker.until(lambda: Page(worker).value("process_cpu_seconds_total") > 0, 60, "metrics before Kafka answered")
        worker.wait_ready()
        assert "connector=" not in Page(worker).text
        with pytest.raises(RestError, match="'task' is one of faust-cdc's own") as refused:
            worker.rest("POST", "/connectors", {"name": "shop", "config": {**config, "custom.metric.tags": "task=1"}})
        assert refused.value.status == 400
        worker.rest("POST", "/connectors", {"name": "shop", "config": config})
        worker.wait_running("shop")
        connected = "debezium_metrics_connected"
        worker.until(lambda: Page(worker).value(connected, connector="shop") == 1, 60, "streaming")
        for number in range(ROWS):
            mysql.execute(f"INSERT INTO t VALUES ({number})", mysql_database)
        worker.until(lambda: Page(worker).value("faust_cdc_source_transactions_total") == ROWS, 60, "all committed")
        page = Page(worker)
        ours = {"connector": "shop", "task": "0", "team": "shop", "dc_name": r'eu "1" \ 2'}
        assert page.value("faust_cdc_records_total", **ours) == ROWS
        assert page.value("faust_cdc_record_bytes_total", **ours) > ROWS
        assert page.value("faust_cdc_kafka_transactions_total", **ours) > 0
        for stage in ("read", "decode", "encode", "produce", "wait", "broker", "commit", "total"):
            assert page.value("faust_cdc_stage_seconds_count", stage=stage, **ours) == ROWS
            assert page.value("faust_cdc_stage_seconds_bucket", stage=stage, le="+Inf", **ours) == ROWS
        assert page.value("faust_cdc_stage_cpu_seconds_count", stage="commit", **ours) >= 1
        assert page.value("faust_cdc_ddl_statements_total", result="unparsed", **ours) == 0
        assert page.value("faust_cdc_throttled_seconds_total", **ours) == 0
        assert page.value("faust_cdc_task_state", state="RUNNING", **ours) == 1
        assert page.value("faust_cdc_task_state", state="FAILED", **ours) == 0
        assert page.value("faust_cdc_task_restarts_total", **ours) == 0
        assert (
            0 <= page.value("debezium_metrics_milli_seconds_behind_source", plugin="mysql", name=f"p{group}") < 60_000
        )
        assert page.value("debezium_metrics_total_number_of_events_seen", context="streaming", **ours) == ROWS
        assert page.value("debezium_metrics_current_queue_size_in_bytes") == 0
        assert 0.5 < page.value("process_resident_memory_bytes") / 2**20 / worker.rss_mb() < 2
        assert page.value("faust_cdc_thread_cpu_seconds_total", thread="kafka") >= 0
        assert page.value("faust_cdc_event_loop_pause_seconds_max") > 0
        looks = page.value("faust_cdc_event_loop_late_seconds_count")
        assert looks == page.value("faust_cdc_event_loop_late_seconds_bucket", le="+Inf") > 0
        assert mysql.password not in page.text
        worker.rest("POST", "/connectors/shop/tasks/0/restart")
        worker.until(lambda: Page(worker).value("faust_cdc_task_restarts_total", **ours) == 1, 60, "restarted")
        worker.rest("PUT", "/connectors/shop/pause")
        worker.until(lambda: Page(worker).value("faust_cdc_task_state", state="PAUSED", **ours) == 1, 60, "paused")
        worker.rest("DELETE", "/connectors/shop")
        worker.until(lambda: "connector=" not in Page(worker).text, 60, "deleted")
