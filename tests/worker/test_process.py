"""The worker as a process on a real Kafka: start, tables, signals, and what it says when it cannot start."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from faust_cdc.worker.program import STOP_MAX_S
from tests.harness.groups import member_count
from tests.harness.worker import RestError, WorkerProcess
from tests.lab import KafkaBroker, Tansu
from tests.lab.ports import free_port
from tests.worker.records import TopicWriter, connector_config, connector_records

pytestmark = pytest.mark.integration

FIRST_ANSWER_MAX_S = 60.0  # a second on a free machine; other tests may be busy on the same
DRAIN_MAX_S = STOP_MAX_S
"""It is a second on a free machine; after so long the worker leaves by force, and says so by its exit code."""


@pytest.fixture
def group() -> str:
    return f"g{uuid4().hex[:8]}"


@pytest.fixture
def worker(kafka: KafkaBroker, tmp_path: Path, group: str) -> Iterator[WorkerProcess]:
    with WorkerProcess(tmp_path / "worker", kafka.bootstrap, group) as process:
        process.wait_ready()
        yield process


def first_answer_s(worker: WorkerProcess, began: float) -> float:
    """Seconds from `began` to the first answer of `GET /`."""
    while True:
        try:
            worker.rest("GET", "/")
            return time.monotonic() - began
        except OSError:
            assert time.monotonic() - began < 60, worker.log_tail()
            time.sleep(0.01)


def test_answers_soon_after_its_start_and_says_which_cluster(kafka: KafkaBroker, tmp_path: Path, group: str) -> None:
    """How soon on a free machine is for the bench to say."""
    began = time.monotonic()
    with WorkerProcess(tmp_path / "worker", kafka.bootstrap, group) as worker:
        answered = first_answer_s(worker, began)
        worker.wait_ready()
        print(f"worker: first answer {answered:.2f} s, {worker.rss_mb():.0f} MB")
        assert answered < FIRST_ANSWER_MAX_S
        assert worker.rest("GET", "/")["kafka_cluster_id"]


def test_fausts_own_command_is_the_same_program(kafka: KafkaBroker, tmp_path: Path, group: str) -> None:
    worker = WorkerProcess(tmp_path / "unused", kafka.bootstrap, group)
    environment = {
        **os.environ,
        "CONNECT_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "CONNECT_GROUP_ID": group,
        "CONNECT_LISTENERS": worker.url,
    }
    command = [sys.executable, "-m", "faust", "-A", "faust_cdc.worker", "worker", "-l", "info"]
    with worker.log_file.open("ab") as log:
        worker.process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
    worker.wait_ready()
    assert worker.rest("GET", "/connectors") == []
    assert worker.stop() == 0
    assert not [path for path in tmp_path.iterdir() if path.name != "unused"]


def test_tansu_will_do(tansu: Tansu, tmp_path: Path, group: str) -> None:
    with WorkerProcess(tmp_path / "worker", tansu.bootstrap, group) as worker:
        worker.wait_ready()
        assert worker.rest("GET", "/connectors") == []


def test_tables_follow_committed_records_only(worker: WorkerProcess, kafka: KafkaBroker, group: str) -> None:
    """Another program writes the topics: a commit shows within moments, an abort never, a null deletes."""
    writer = TopicWriter(kafka.bootstrap, f"{group}-configs")
    delays = []
    for number in range(5):
        writer.put(*connector_records(f"no{number}"), commit=False)
        began = time.monotonic()
        writer.put(*connector_records(f"yes{number}"))
        worker.until(lambda number=number: f"yes{number}" in worker.rest("GET", "/connectors"), 60, "visible")  # type: ignore[misc]
        delays.append(time.monotonic() - began)
    assert worker.rest("GET", "/connectors") == [f"yes{number}" for number in range(5)]
    print(f"tables: commit to visible {min(delays) * 1000:.0f}-{max(delays) * 1000:.0f} ms")
    writer.put(*[(f"connector-yes{number}", None) for number in range(5)])
    worker.until(lambda: worker.rest("GET", "/connectors") == [], 60, "deleted")
    worker.until(lambda: worker.task_state("yes0") == "404", 60, "status gone")


def test_offsets_in_the_topic_are_shown(worker: WorkerProcess, kafka: KafkaBroker, group: str) -> None:
    TopicWriter(kafka.bootstrap, f"{group}-configs").put(*connector_records("c"))
    offsets = TopicWriter(kafka.bootstrap, f"{group}-offsets")
    offsets.put(('["c",{"server":"c"}]', b'{"file":"binlog.000001","pos":4}'))
    offsets.put(('["c",{"server":"c"}]', b'{"file":"binlog.000001","pos":9999}'), commit=False)
    expected = [{"partition": {"server": "c"}, "offset": {"file": "binlog.000001", "pos": 4}}]
    worker.until(lambda: worker.rest("GET", "/connectors/c/offsets")["offsets"] == expected, 60, "offset visible")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_tasks_leaves_the_group_and_ends_with_0(
    worker: WorkerProcess, kafka: KafkaBroker, group: str, tmp_path: Path, how: signal.Signals
) -> None:
    writer = TopicWriter(kafka.bootstrap, f"{group}-configs")
    writer.put(*[record for number in range(3) for record in connector_records(f"c{number}")])
    for number in range(3):
        worker.wait_running(f"c{number}")
    assert worker.process is not None
    began = time.monotonic()
    worker.process.send_signal(how)
    assert worker.process.wait(90) == 0, worker.log_tail()
    drained = time.monotonic() - began
    print(f"worker: {how.name} to exit {drained:.2f} s")
    assert drained < DRAIN_MAX_S
    assert member_count(kafka.bootstrap, group) == 0, "it left the group, so that the next one need not wait"
    # Which gets the leases, and finds what the first one said last.
    with WorkerProcess(tmp_path / "next", kafka.bootstrap, group) as following:
        following.wait_ready()
        assert member_count(kafka.bootstrap, group) == 1
        following.wait_running("c0")


def test_a_broker_that_comes_up_later(tmp_path: Path, group: str) -> None:
    broker = KafkaBroker()
    try:
        with WorkerProcess(tmp_path / "worker", broker.bootstrap, group) as worker:
            first_answer_s(worker, time.monotonic())
            with pytest.raises(RestError) as refused:
                worker.rest("GET", "/health")
            assert refused.value.status == 503
            assert '"starting"' in refused.value.body
            assert broker.bootstrap in refused.value.body
            with pytest.raises(RestError) as too_early:
                worker.rest("POST", "/connectors", {"name": "c", "config": connector_config("c")})
            assert too_early.value.status in (409, 503)
            broker.start()
            worker.wait_ready()
            assert worker.rest("GET", "/connectors") == []
    finally:
        broker.stop()
        broker.close()


def test_a_broker_that_never_comes_does_not_delay_the_end(tmp_path: Path, group: str) -> None:
    with WorkerProcess(tmp_path / "worker", f"127.0.0.1:{free_port()}", group) as worker:
        first_answer_s(worker, time.monotonic())
        began = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - began < DRAIN_MAX_S


class ImpatientWorker(WorkerProcess):
    """Leaves by force as any worker does, but is not given as long."""

    program = (
        "-c",
        "from faust_cdc.worker import program; program.STOP_MAX_S = 8.0; "
        "from faust_cdc.cli.commands import main; main()",
    )


def test_a_broker_that_hangs_does_not_hold_up_the_end(tmp_path: Path, group: str) -> None:
    with KafkaBroker() as broker, ImpatientWorker(tmp_path / "worker", broker.bootstrap, group) as worker:
        worker.wait_ready()
        broker.pause()
        try:
            time.sleep(2)
            began = time.monotonic()
            code = worker.stop(STOP_MAX_S + DRAIN_MAX_S)
        finally:
            broker.resume()
        print(f"exit code {code} after {time.monotonic() - began:.1f} s")
        assert code in (0, 1)
        assert code == 0 or "Not stopped within 8 s" in worker.log_tail()


def run_to_its_end(worker: WorkerProcess) -> tuple[int, str]:
    worker.start()
    assert worker.process is not None
    try:
        return worker.process.wait(120), worker.log_file.read_text()
    finally:
        worker.kill()


def test_a_taken_port_is_one_line_and_exit_code_2(worker: WorkerProcess, kafka: KafkaBroker, tmp_path: Path) -> None:
    second = WorkerProcess(tmp_path / "second", kafka.bootstrap, "other", port=worker.port)
    code, said = run_to_its_end(second)
    lines = [line for line in said.splitlines() if line.startswith("faust-cdc:")]
    assert code == 2
    assert len(lines) == 1
    assert f"Port {worker.port}" in lines[0]
    assert "'listeners'" in lines[0]
    assert "Traceback" not in said


def test_a_misspelt_setting_is_named_with_the_nearest_one(kafka: KafkaBroker, tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path / "w", kafka.bootstrap, "g", properties={"group.ids": "x"})
    code, said = run_to_its_end(worker)
    assert code == 2
    assert "Unknown worker setting 'group.ids': did you mean 'group.id'?" in said
    assert "Traceback" not in said


def test_a_config_topic_that_forgets_is_refused(kafka: KafkaBroker, tmp_path: Path, group: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    topic = NewTopic(f"{group}-configs", 1, 1, config={"cleanup.policy": "delete"})
    admin.create_topics([topic])[topic.topic].result()
    code, said = run_to_its_end(WorkerProcess(tmp_path / "w", kafka.bootstrap, group))
    assert code == 2
    assert f"{group}-configs has cleanup.policy=delete, expected compact" in said
