"""The worker's numbers as Prometheus metrics.

What Debezium shows over JMX has Debezium's name, as the JMX exporter writes it with `attrNameSnakeCase`
(`MilliSecondsBehindSource` → `debezium_metrics_milli_seconds_behind_source`, untyped, with the labels `plugin`, `name`
and `context`), so that dashboards find it; the rest is `faust_cdc_…`, and `process_…` as every Prometheus client names
it. Counts are since the task's present attempt began: Prometheus takes their return to 0 as what it is.

Only numbers and names are shown: no configuration, no error text.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mode import Service

from faust_cdc import __version__
from faust_cdc.config import catalogue
from faust_cdc.config.checks import metric_tags, metric_tags_of
from faust_cdc.connect.desired import TaskDesired
from faust_cdc.metrics.exposition import Exposition
from faust_cdc.metrics.histogram import Histogram, RecentMaximum
from faust_cdc.metrics.labels import tag_labels
from faust_cdc.pipeline.phase import Phase
from faust_cdc.pipeline.state import TaskState
from faust_cdc.snapshot.book import SnapshotReport, TableReport
from faust_cdc.snapshot.progress import SnapshotState
from faust_cdc.transcode.compiled import is_compiled

if TYPE_CHECKING:
    from faust_cdc.pipeline.task import ConnectorTask
    from faust_cdc.worker.manager import Supervision

PROC = Path("/proc/self")
RUNNING = SnapshotState.RUNNING


class LoopWatch(Service):  # type: ignore[misc]
    """Measures how late the event loop is with what is due."""

    EVERY_S = 0.1

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pause_max = RecentMaximum()
        self.late = Histogram()

    @Service.task  # type: ignore[untyped-decorator]
    async def _watch(self) -> None:
        while not self.should_stop:
            due = time.monotonic() + self.EVERY_S
            await asyncio.sleep(self.EVERY_S)
            late_s = time.monotonic() - due
            self.pause_max.observe(late_s)
            self.late.observe(late_s)


@dataclass(frozen=True)
class WorkerNumbers:
    """What the page is written from, collected on the event loop."""

    tasks: tuple[Supervision, ...]
    loop: LoopWatch
    snapshots: Mapping[str, SnapshotReport] = field(default_factory=dict)
    """By connector; of those that have one."""

    def page(self) -> bytes:
        """Return the page in Prometheus' text format."""
        out = Exposition()
        self._process(out)
        for each in self.tasks:
            desired = each.desired
            labels = {"connector": desired.connector, "task": str(desired.task_id), **_tags(desired)}
            _state(out, each, labels)
            _snapshot(out, desired, self.snapshots.get(desired.connector), labels)
            if each.task is not None:
                _counts(out, each.task, labels)
                _as_debezium(out, each.task, labels)
                _stages(out, each.task, labels)
        return out.page()

    def _process(self, out: Exposition) -> None:
        labels = {"version": __version__, "compiled": str(is_compiled()).lower()}
        out.add("faust_cdc_info", "gauge", "The version, and whether the hot path is compiled.", 1, labels)
        for name, value in process_numbers():
            out.add(name, "counter" if name.endswith("_total") else "gauge", "Of the worker's process.", value)
        for thread, seconds in sorted(thread_cpu_s().items()):
            text = "CPU by kind of thread: loop (Faust, REST), task (connectors), kafka (librdkafka), other."
            out.add("faust_cdc_thread_cpu_seconds_total", "counter", text, seconds, {"thread": thread})
        text = "The longest the event loop was late within the last minute or two."
        out.add("faust_cdc_event_loop_pause_seconds_max", "gauge", text, self.loop.pause_max.value())
        text = "How late the event loop was with what was due, ten looks a second."
        out.add_histogram("faust_cdc_event_loop_late_seconds", text, self.loop.late, {})


def _tags(desired: TaskDesired) -> dict[str, str]:
    # Of the configuration as posted: a task that is paused or cannot be made has its labels too. Tags that the check
    # refuses (another program can write a configuration) are why the task is FAILED, and no reason to break the page.
    text = desired.config.get("custom.metric.tags") or ""
    return {} if metric_tags(text) else tag_labels(metric_tags_of(text))


def _state(out: Exposition, each: Supervision, labels: dict[str, str]) -> None:
    for state in TaskState:
        text = "1 for the state the task is in, 0 for the others."
        out.add("faust_cdc_task_state", "gauge", text, state is each.state, {**labels, "state": state.value})
    out.add("faust_cdc_task_restarts_total", "counter", "Starts after the first.", each.restarts, labels)
    if each.task is not None:
        view = each.task.state
        text = "1 while errors that pass are being retried."
        out.add("faust_cdc_task_degraded", "gauge", text, view.degraded, labels)
        out.add("faust_cdc_task_retries_total", "counter", "Attempts that ended so.", view.retries, labels)


def _counts(out: Exposition, task: ConnectorTask, labels: dict[str, str]) -> None:
    progress = task.progress
    for name, text, value in (
        ("records", "Records committed to Kafka, but for offsets.", progress.records),
        ("record_bytes", "Their keys and values.", progress.bytes),
        ("source_transactions", "Transactions of the source committed to Kafka.", progress.source_transactions),
        ("kafka_transactions", "Kafka transactions committed.", progress.kafka_transactions),
    ):
        out.add(f"faust_cdc_{name}_total", "counter", text, value, labels)
    for result in ("told", "read_again", "unparsed", "failed"):
        text = "DDL statements, by whether they told what they do, or tables were read again, and why."
        value = getattr(progress.ddl, result)
        out.add("faust_cdc_ddl_statements_total", "counter", text, value, {**labels, "result": result})
    out.add("faust_cdc_snapshot_rows", "gauge", "Rows of the last snapshot.", progress.snapshot_rows, labels)
    text = "Seconds for which streaming.rate.limit kept the stream from being read."
    out.add("faust_cdc_throttled_seconds_total", "counter", text, progress.stages.throttled_s, labels)
    text = "The longest the task's thread did not get on while transcoding, within the last minute or two."
    out.add("faust_cdc_task_pause_seconds_max", "gauge", text, progress.stages.pause_max.value(), labels)


def _as_debezium(out: Exposition, task: ConnectorTask, labels: dict[str, str]) -> None:
    config, progress = task.spec.config, task.progress
    view, now_ms = task.state, time.time() * 1000
    streaming = progress.phase is Phase.STREAMING and view.state is TaskState.RUNNING and not view.degraded
    stages = progress.stages
    behind = stages.behind_s * 1000 if stages.last_at else -1
    oldest_us = stages.oldest_source_us
    if oldest_us:  # Kafka may be away for long, and the last commit says nothing of it
        behind = max(behind, now_ms - oldest_us / 1000)
    since = max(0.0, now_ms - stages.last_at * 1000) if stages.last_at else -1
    labels = {"plugin": config.flavor, "name": config.topic_prefix, "context": "streaming", **labels}
    for name, text, value in (
        ("milli_seconds_behind_source", "From the last transaction's commit there to that in Kafka, or to now while it "
         "waits; -1: none.", behind),
        ("milli_seconds_since_last_event", "Since the last source transaction's commit to Kafka; -1: none.", since),
        ("total_number_of_events_seen", "Records committed to Kafka, but for offsets.", progress.records),
        ("number_of_committed_transactions", "Source transactions committed to Kafka.", progress.source_transactions),
        ("connected", "1 while the binlog is being read.", streaming),
        ("current_queue_size_in_bytes", "Keys and values that wait for a commit.", progress.waiting_bytes()),
        ("max_queue_size_in_bytes", "What librdkafka's queue may hold.", task.spec.producer_queue_max_bytes),
    ):  # fmt: skip
        out.add(f"debezium_metrics_{name}", "untyped", text, value, labels)


def _snapshot(out: Exposition, desired: TaskDesired, report: SnapshotReport | None, labels: dict[str, str]) -> None:
    """Write how far the snapshot is; all 0 where none is known, as Debezium shows one that was not taken."""
    plugin = catalogue.flavor_of(desired.config.get("connector.class") or "")
    of = {"plugin": plugin, "name": desired.config.get("topic.prefix") or "", "context": "snapshot", **labels}
    state = None if report is None else report.snapshot.state
    done, tables = (0, ()) if report is None else (report.tables_done, report.tables)
    for name, text, value in (
        ("total_table_count", "Tables of the snapshot.", len(tables)),
        ("remaining_table_count", "Tables of it that are not done yet.", len(tables) - done),
        ("snapshot_running", "1 while it runs; whether a task works at it is the task's state.", state is RUNNING),
        ("snapshot_paused", "1 while it is paused by a signal.", state is SnapshotState.PAUSED),
        ("snapshot_aborted", "1 when it was stopped by a signal.", state is SnapshotState.ABORTED),
        ("snapshot_completed", "1 when it is complete.", state is SnapshotState.COMPLETED),
        (
            "snapshot_duration_in_seconds",
            "From its beginning to its end, or to now.",
            report.duration_s if report else 0,
        ),
    ):
        out.add(f"debezium_metrics_{name}", "untyped", text, value, of)
    if report is None:
        return
    for name, text, known in (
        (
            "rows_estimated",
            "Rows of all tables, by the server's estimates where not counted yet.",
            report.estimated_rows,
        ),
        ("rows_per_second", "Rows read of late.", report.rows_per_s),
        ("seconds_left", "By estimate and speed.", report.eta_s),
    ):
        if known is not None:
            out.add(f"faust_cdc_snapshot_{name}", "gauge", text, known, labels)
    for each in tables:
        if each.progress.started_ms:
            _snapshot_table(out, each, of, labels)


def _snapshot_table(out: Exposition, each: TableReport, of: dict[str, str], labels: dict[str, str]) -> None:
    table, progress = {"table": str(each.progress.table)}, each.progress
    text = "Rows of a table that are written, or were found to be overtaken by the stream."
    out.add("debezium_metrics_rows_scanned", "untyped", text, progress.rows, {**of, **table})
    for name, text, known in (
        ("rows_estimated", "Rows of a table, by the server's estimate.", progress.estimated_rows),
        ("rows_per_second", "Rows of a table read of late; of one that is done, in all its time.", each.rows_per_s),
        ("seconds_left", "Of a table, by estimate and speed.", each.eta_s),
    ):
        if known is not None:
            out.add(f"faust_cdc_snapshot_table_{name}", "gauge", text, known, {**labels, **table})


def _stages(out: Exposition, task: ConnectorTask, labels: dict[str, str]) -> None:
    stages = task.progress.stages
    for stage, histogram in stages.latency.items():
        text = "From the source's commit to the commit in Kafka, per source transaction; the stages add up to total."
        out.add_histogram("faust_cdc_stage_seconds", text, histogram, {**labels, "stage": stage})
    for stage, histogram in stages.cpu.items():
        text = "CPU of the task's thread, per batch read and per commit."
        out.add_histogram("faust_cdc_stage_cpu_seconds", text, histogram, {**labels, "stage": stage})


def process_numbers() -> Iterator[tuple[str, float]]:
    """Yield the process's memory, CPU and start, by the names that Prometheus clients use."""
    times = os.times()
    yield "process_cpu_seconds_total", times.user + times.system
    try:
        fields = _after_name((PROC / "stat").read_text())
        uptime_s = float((PROC.parent / "uptime").read_text().split()[0])
        status = (PROC / "status").read_text()
    except OSError:
        return  # not Linux
    yield "process_start_time_seconds", time.time() - uptime_s + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    for line in status.splitlines():
        for label, name in (
            ("VmRSS:", "process_resident_memory_bytes"),
            ("VmHWM:", "process_resident_memory_max_bytes"),
        ):
            if line.startswith(label):
                yield name, int(line.split()[1]) * 1024


def thread_cpu_s() -> dict[str, float]:
    """Return the CPU seconds of this process's living threads by kind; empty where /proc is not Linux's."""
    tasks = {thread.native_id for thread in threading.enumerate() if thread.name.startswith("task-")}
    tick_s, seconds = 1 / os.sysconf("SC_CLK_TCK"), dict.fromkeys(("kafka", "loop", "other", "task"), 0.0)
    try:
        folders = list((PROC / "task").iterdir())
    except OSError:
        return {}
    for folder in folders:
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue  # ended meanwhile
        number, fields = int(folder.name), _after_name(text)
        if number in tasks:
            kind = "task"
        elif number == os.getpid():
            kind = "loop"
        else:
            kind = "kafka" if text[text.index("(") + 1 :].startswith("rdk:") else "other"
        seconds[kind] += (int(fields[11]) + int(fields[12])) * tick_s
    return seconds


def _after_name(stat: str) -> list[str]:
    """The fields of a `stat` file from the third on; the second is a name that may hold anything."""
    return stat[stat.rindex(")") + 2 :].split()
