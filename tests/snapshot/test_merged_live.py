"""The lock-free snapshot under random writers: every topic equals its table, and no row comes behind a later state."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest

from faust_cdc.pipeline.phase import Phase
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot import merged, windows
from faust_cdc.snapshot.chunk_reader import Chunk, ChunkReaders
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.lab.process import wait_until
from tests.oracle.invariants import duplicates, order_faults
from tests.oracle.topics import RawRecord, TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.pipeline.test_task_edge import failure
from tests.snapshot.writers import RandomWriter

pytestmark = pytest.mark.integration

ROWS = 4_000


def fill(source: SqlServer, database: str, tables: Iterable[str], rows: int = ROWS) -> None:
    for table in tables:
        source.execute(
            f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT NOT NULL, t VARCHAR(30) DEFAULT 'x'); "
            f"SET SESSION cte_max_recursion_depth = {rows}; INSERT INTO {table} (id, v) WITH RECURSIVE n (i) AS "
            f"(SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {rows - 1}) SELECT i * 2, -i FROM n"
            if not isinstance(source, MariaDbServer)
            else f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT NOT NULL, t VARCHAR(30) DEFAULT 'x'); "
            f"INSERT INTO {table} (id, v) SELECT seq * 2, -seq FROM seq_0_to_{rows - 1}",
            database,
        )


def stale_rows(found: list[tuple[RawRecord, Any, Any]]) -> list[str]:
    """Return snapshot rows that are not what the stream had said of their key by then."""
    state: dict[tuple[str, int], Any] = {}
    faults = []
    for record, key, value in found:
        name = (record.topic, key["id"])
        if value is None:
            continue
        if value["op"] == "r" and name in state and state[name] != value["after"]:
            faults.append(f"{name} at {record.kafka_offset}: {value['after']} behind {state[name]}")
        state[name] = value["after"]
    return faults


def final(found: list[tuple[RawRecord, Any, Any]], topic: str) -> dict[int, int]:
    state: dict[int, int] = {}
    for record, key, value in found:
        if record.topic != topic or value is None:
            continue
        if value["after"] is None:
            state.pop(key["id"], None)
        else:
            state[key["id"]] = value["after"]["v"]
    return state


def wait_for_the_end(task: ConnectorTask) -> None:
    """Wait until the snapshot is complete and the stream alone goes on."""
    deadline = time.monotonic() + 90
    while task.progress.phase is not Phase.STREAMING or task.progress.offset is None or task.progress.offset.snapshot:
        assert task.state.error is None, task.state.cause
        assert time.monotonic() < deadline, task.progress
        time.sleep(0.1)


def under_writers(bench: Bench, seed: int, pause_s: float = 0.0) -> None:
    source, database = bench.source, bench.database
    fill(source, database, ("a", "b"))
    topics = [f"{bench.prefix}.{database}.{table}" for table in ("a", "b")]
    with RandomWriter(source, database, ["a", "b"], ROWS * 2, seed, pause_s) as writer, bench.running() as task:
        wait_for_the_end(task)
        time.sleep(0.5)
        during = writer.operations
    with bench.running() as task:
        source.execute("INSERT INTO a (id, v) VALUES (1000000, 0); INSERT INTO b (id, v) VALUES (1000000, 0)", database)
        deadline = time.monotonic() + 120
        with TopicReader(bench.kafka.bootstrap) as reader:
            found: list[tuple[RawRecord, Any, Any]] = []
            while sum(key == {"id": 1000000} for _, key, _ in found) < 2:
                found += changes(reader.read_new(topics), bench.decoder)
                assert time.monotonic() < deadline
    assert during > 50
    assert not stale_rows(found)
    assert not duplicates(found)
    assert not order_faults(found)
    for table, topic in zip(("a", "b"), topics, strict=True):
        assert final(found, topic) == dict(source.query(f"SELECT id, v FROM {table}", database)), table
    marks = [value["source"]["snapshot"] for _, _, value in found if value and value["op"] == "r"]
    assert marks.count("first") == 1
    assert set(marks) <= {"first", "true", "last", "first_in_data_collection", "last_in_data_collection"}


def have_a_chunk_overrun(patch: pytest.MonkeyPatch) -> None:
    """Have a reader begin with its first chunk only when the stream has delivered too much for its window."""
    fill_plainly, is_first = ChunkReaders._fill, iter([True])

    def fill_late(readers: ChunkReaders, session: Any, chunk: Chunk) -> None:
        if next(is_first, False):
            wait_until(lambda: chunk.request.window.is_overrun, timeout_s=90, what="too many keys noted")
        fill_plainly(readers, session, chunk)

    patch.setattr(ChunkReaders, "_fill", fill_late)


def test_windows_with_room_for_few_keys(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What was noted in vain is read again, in parts that take less time; nothing is lost or stale by it."""
    # Room for what the writer changes in half a second: a chunk is read in less, but for the first.
    monkeypatch.setattr(windows, "TOUCHED_BYTES_MAX", 400 * windows.KEY_BYTES)
    have_a_chunk_overrun(monkeypatch)
    caplog.set_level("INFO")
    config = {"snapshot__chunk__size": "1500", "snapshot__max__threads": "2"}
    under_writers(
        Bench(mysql, kafka, apicurio, mysql_database, snapshot__locking__mode="watermark", **config), 3, 0.005
    )
    assert "changes too fast for a chunk" in caplog.text


def test_not_even_one_row_can_be_read_between_its_changes(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again, and then said with a remedy that fits."""
    monkeypatch.setattr(windows, "TOUCHED_BYTES_MAX", 0)
    fill_plainly, tried = ChunkReaders._fill, [0]

    def fill_late(readers: ChunkReaders, session: Any, chunk: Chunk) -> None:
        tried[0] += 1
        wait_until(
            lambda: chunk.request.window.is_overrun or readers._should_stop(), timeout_s=90, what="too many keys noted"
        )
        fill_plainly(readers, session, chunk)

    monkeypatch.setattr(ChunkReaders, "_fill", fill_late)
    fill(mysql, mysql_database, ("a",), 4)
    bench = Bench(mysql, kafka, apicurio, mysql_database, snapshot__locking__mode="watermark")
    with RandomWriter(mysql, mysql_database, ["a"], 8, 4, 0.005):
        cause = str(failure(bench).cause)
    assert "each time that the rows of one key were read, more of its keys changed" in cause
    assert "have it read while it is written less; or leave it out" in cause
    assert "GRANT" not in cause
    assert tried[0] > merged.VAIN_OVERRUNS_MAX
