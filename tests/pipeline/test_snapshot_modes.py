"""One task under each snapshot mode, and with each option that says what a snapshot reads and when."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer

from faust_cdc.offsets import SourcePartition, murmur2_partition
from faust_cdc.pipeline.phase import Phase
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from tests.lab import Apicurio, KafkaBroker, SqlServer
from tests.pipeline.test_task import Bench, images
from tests.pipeline.test_task_edge import failure, wait_until_streaming

pytestmark = pytest.mark.integration

BASED = "snapshot.mode.configuration.based."
OVERRIDES = "snapshot.select.statement.overrides"


@pytest.fixture(params=["mysql", "mariadb"])
def bench(request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio) -> Bench:
    source: SqlServer = request.getfixturevalue(request.param)
    source.execute(
        "CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)",
        request.getfixturevalue(f"{request.param}_database"),
    )
    return Bench(source, kafka, apicurio, request.getfixturevalue(f"{request.param}_database"))


def configure(bench: Bench, **options: str) -> None:
    bench.spec = replace(bench.spec, config=bench.parse({name.replace("__", "."): v for name, v in options.items()}))


def until(condition: Callable[[], bool], task: ConnectorTask, what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, f"{what}: {task.state}, {task.progress.phase}"
        time.sleep(0.05)


def await_phase(task: ConnectorTask, phase: Phase) -> None:
    until(lambda: task.progress.phase is phase, task, phase.value)


def insert(bench: Bench, number: int, table: str = "t") -> None:
    bench.source.execute(f"INSERT INTO {table} VALUES ({number})", bench.database)


def rows(bench: Bench, task: ConnectorTask, count: int, table: str = "t") -> list[tuple[Any, Any]]:
    """(operation, id) of the first `count` records, once there are so many."""
    return [(op, after and after["id"]) for op, _, after in images(bench.events(table, count, task))]  # type: ignore[index]


def put_offset(bench: Bench, offset: dict[str, object]) -> None:
    """Store an offset as an operator does through the REST API of a stopped connector."""
    key = SourcePartition("c", bench.prefix).key()
    producer = Producer({"bootstrap.servers": bench.kafka.bootstrap})
    producer.produce(bench.offsets, json.dumps(offset).encode(), key, murmur2_partition(key, 5))
    assert producer.flush(60) == 0


BOTH = [("r", 1), ("r", 2)]


def test_initial_only_stays_idle_and_its_end_is_where_another_mode_goes_on(bench: Bench) -> None:
    configure(bench, snapshot__mode="initial_only")
    for _ in range(2):  # the second start finds everything done
        with bench.running() as task:
            await_phase(task, Phase.IDLE)
            assert rows(bench, task, 2) == BOTH
            assert "snapshot" not in bench.stored_offset()
            assert task.state.state is TaskState.RUNNING
    insert(bench, 3)
    with bench.running() as task:
        await_phase(task, Phase.IDLE)
        time.sleep(1)  # what would be streamed
        assert rows(bench, task, 2) == BOTH
    configure(bench, snapshot__mode="initial")
    with bench.running() as task:
        assert rows(bench, task, 3) == [*BOTH, ("c", 3)]


def test_always_takes_a_snapshot_at_a_start_and_not_when_a_connection_was_lost(bench: Bench) -> None:
    configure(bench, snapshot__mode="always")
    ((last,),) = bench.source.query("SELECT CONNECTION_ID()")
    with bench.running() as task:
        await_phase(task, Phase.STREAMING)
        assert rows(bench, task, 2) == BOTH
        # Dumps of tests before may not have noticed yet that nobody reads them.
        ours = f"SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND id > {last}"
        until(lambda: len(bench.source.query(ours)) == 1, task, "our dump")
        bench.source.kill_connection(bench.source.query(ours)[0][0])
        until(lambda: task.state.retries > 0, task, "a lost connection")
        insert(bench, 3)
        assert rows(bench, task, 3) == [*BOTH, ("c", 3)]
    insert(bench, 4)
    put_offset(bench, {"file": "binlog.000000", "pos": 4})  # not needed, so not looked at
    with bench.running() as task:
        assert rows(bench, task, 7) == [*BOTH, ("c", 3), *BOTH, ("r", 3), ("r", 4)]
        insert(bench, 5)
        assert rows(bench, task, 8)[-1] == ("c", 5)


def test_recovery_goes_on_at_the_stored_offset_and_needs_one(bench: Bench) -> None:
    configure(bench, snapshot__mode="recovery")
    assert "snapshot.mode=recovery goes on from a stored offset" in str(failure(bench).cause)
    configure(bench, snapshot__mode="no_data")
    with bench.running() as task:
        await_phase(task, Phase.STREAMING)
    insert(bench, 3)
    configure(bench, snapshot__mode="schema_only_recovery")
    unfinished = {**bench.stored_offset(), "snapshot": "INITIAL"}
    put_offset(bench, unfinished)
    with bench.running() as task:
        assert rows(bench, task, 1) == [("c", 3)]
    assert "snapshot" not in bench.stored_offset()


def test_when_needed_takes_a_new_snapshot_when_the_changes_are_purged(bench: Bench) -> None:
    with bench.running() as task:
        assert rows(bench, task, 2) == BOTH
    insert(bench, 3)
    bench.source.purge_binlogs()
    failed = failure(bench)
    assert "purged" in str(failed.cause)
    assert "snapshot.mode=when_needed" in str(failed.cause)
    configure(bench, snapshot__mode="when_needed")
    with bench.running() as task:
        assert rows(bench, task, 5) == [*BOTH, *BOTH, ("r", 3)]
        insert(bench, 4)
        assert rows(bench, task, 6)[-1] == ("c", 4)
    insert(bench, 5)
    with bench.running() as task:  # not needed: nothing is read again
        assert rows(bench, task, 7)[-1] == ("c", 5)


@pytest.mark.parametrize("kind", ["file", "gtids"])
def test_when_needed_sees_a_position_that_the_server_never_had(bench: Bench, kind: str) -> None:
    ahead = "0-1-99999999999" if bench.source.name == "mariadb" else "e0000000-0000-0000-0000-000000000001:1-5"
    configure(bench, snapshot__mode="no_data")
    with bench.running() as task:
        await_phase(task, Phase.STREAMING)
    lost: dict[str, object] = {"file": "binlog.000000", "pos": 4}
    put_offset(bench, lost if kind == "file" else {**bench.stored_offset(), "gtids": ahead})
    for mode in ("no_data", "initial", "recovery"):
        configure(bench, snapshot__mode=mode)
        assert failure(bench).cause is not None
    configure(bench, snapshot__mode="when_needed")
    with bench.running() as task:
        assert rows(bench, task, 2) == BOTH


def test_configuration_based_does_what_its_switches_say(bench: Bench) -> None:
    configure(bench, snapshot__mode="configuration_based")
    with bench.running() as task:
        await_phase(task, Phase.IDLE)
    data = {f"{BASED}snapshot.data": "true", "snapshot.mode": "configuration_based"}
    configure(bench, **data)
    for count in (2, 4):
        with bench.running() as task:
            await_phase(task, Phase.IDLE)
            assert rows(bench, task, count) == BOTH * (count // 2)
    insert(bench, 3)
    stream = {f"{BASED}start.stream": "true", f"{BASED}snapshot.schema": "true", "snapshot.mode": "configuration_based"}
    configure(bench, **stream)
    with bench.running() as task:  # what was changed since the offset is not left out
        assert rows(bench, task, 5) == [*BOTH, *BOTH, ("c", 3)]
    configure(bench, **{f"{BASED}snapshot.on.schema.error": "true", **stream})
    with bench.running() as task:
        await_phase(task, Phase.STREAMING)


def test_never_reads_the_binlog_from_its_beginning(bench: Bench) -> None:
    bench.source.purge_binlogs()
    insert(bench, 3)
    bench.source.execute("CREATE TABLE u (id INT PRIMARY KEY); INSERT INTO u VALUES (7)", bench.database)
    # A history that has no table yet is none that is lost.
    configure(bench, snapshot__mode="never", schema__history__on__loss="fail")
    with bench.running() as task:
        assert rows(bench, task, 1) == [("c", 3)]
        assert rows(bench, task, 1, "u") == [("c", 7)]
    lines = [json.loads(one.value or b"") for one in bench.kafka.read_topic(f"history-{bench.prefix}")]
    assert [(line["ddl"].split()[0], "snapshot" in line["position"]) for line in lines] == [
        ("SET", True),
        ("CREATE", False),
    ]
    insert(bench, 4)
    with bench.running() as task:
        assert rows(bench, task, 2) == [("c", 3), ("c", 4)]


def test_lists_of_tables_say_which_and_in_which_order(bench: Bench) -> None:
    for name in ("a", "b", "z"):
        bench.source.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY); INSERT INTO {name} VALUES (1)", bench.database)
    chosen = {"snapshot.include.collection.list": r".*\.[AT],.*\.z", "table.include.list": r".*\.z,.*"}
    configure(bench, **chosen)
    with bench.running() as task:
        wait_until_streaming(task)
        markers = {}
        for table, count in (("z", 1), ("a", 1), ("t", 2)):
            events = bench.events(table, count, task)
            markers[table] = [event["source"]["snapshot"] for event in events]  # type: ignore[index]
        assert markers == {
            "z": ["first"],
            "a": ["last_in_data_collection"],
            "t": ["first_in_data_collection", "last"],
        }
        insert(bench, 2, "b")  # streamed, and its rows before that are not there
        assert rows(bench, task, 1, "b") == [("c", 2)]


def test_the_order_of_row_counts(bench: Bench) -> None:
    many = ", ".join(f"({number})" for number in range(500))
    bench.source.execute(
        f"CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES {many}; CREATE TABLE z (id INT PRIMARY KEY); "
        "ANALYZE TABLE a, t, z",
        bench.database,
    )
    configure(bench, snapshot__tables__order__by__row__count="ascending")
    with bench.running() as task:
        wait_until_streaming(task)
        assert bench.events("t", 2, task)[0]["source"]["snapshot"] == "first"  # type: ignore[index]
        assert bench.events("a", 500, task)[-1]["source"]["snapshot"] == "last"  # type: ignore[index]


TYPES = (
    "CREATE TABLE o (id INT PRIMARY KEY, e ENUM('x','y','z') NOT NULL, s SET('p','q','r'), "
    "c VARCHAR(20) CHARACTER SET koi8r, b BIT(9), f FLOAT, d DECIMAL(8,2), j JSON, at DATETIME(3), gone INT NULL); "
    "INSERT INTO o VALUES (1, 'z', 'p,r', 'ёж', b'100000001', 1.1, 3.5, '{\"a\": 1}', '2024-02-29 12:34:56.789', 5), "
    "(2, 'y', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, 'x', '', '', 0, 0, 0, '[]', '2000-01-01', 6)"
)


@pytest.mark.parametrize("hot_path", [True, False], ids=["compiled", "reference"])
def test_a_statement_of_ones_own(bench: Bench, apicurio: Apicurio, hot_path: bool) -> None:
    bench.source.execute(TYPES, bench.database)
    table = f"{bench.database}.o"
    with bench.running() as task:
        whole = [event["after"] for event in bench.events("o", 3, task)]
    statement = (
        f"SELECT id, e, s, CONVERT(c USING utf8mb4) AS C, b, f, d, j, at, id AS more FROM {table} WHERE id < 3 -- ;"
    )
    bench = Bench(bench.source, bench.kafka, apicurio, bench.database)
    bench.spec = replace(bench.spec, hot_path=hot_path)
    other = f"{bench.database}.t"
    filtered = {f"{OVERRIDES}.o": statement, f"{OVERRIDES}.{other}": f"SELECT * FROM {other} WHERE id = 2;"}
    configure(bench, **{OVERRIDES: f"o, {other}", **filtered})
    with bench.running() as task:
        wait_until_streaming(task)
        found = [event["after"] for event in bench.events("o", 2, task)]
        assert rows(bench, task, 1) == [("r", 2)]
        insert(bench, 1000)  # the stream is not filtered
        assert rows(bench, task, 2) == [("r", 2), ("c", 1000)]
    assert found == [row | {"gone": None} for row in whole[:2]]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("statement", "expected", "in_one_piece"),
    [
        ("SELECT * FROM {t} WHERE id % 3 = 1", [*range(1, 60, 3)], False),
        ("SELECT * FROM {t} ORDER BY id LIMIT 5", [1, 2, 3, 4, 5], True),
    ],
)
def test_a_statement_is_read_by_ranges_where_the_server_can(
    bench: Bench, statement: str, expected: list[int], in_one_piece: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bench.source.execute(f"INSERT INTO t VALUES {', '.join(f'({n})' for n in range(3, 61))}", bench.database)
    table = f"{bench.database}.t"
    chunks = {"snapshot.chunk.size": "7", "snapshot.max.threads": "2", "snapshot.locking.mode": "watermark"}
    configure(bench, **{OVERRIDES: table, f"{OVERRIDES}.{table}": statement.format(t=table)}, **chunks)
    with caplog.at_level("INFO"), bench.running() as task:
        wait_until_streaming(task)
        assert sorted(number for _, number in rows(bench, task, len(expected))) == expected
        insert(bench, 99)
        assert rows(bench, task, len(expected) + 1)[-1] == ("c", 99)
    assert ("is read in one piece" in caplog.text) == in_one_piece


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("SELECT * FROM {t} WHERE nonsense = 1", "nonsense"),
        ("SELEKT * FROM {t}", "syntax"),
        ("SELECT * FROM {t}_missing", "_missing"),
        ("SELECT e FROM {t}", "column 'id' may not be null, and the statement leaves it out"),
        ("SELECT id, NULL AS e FROM {t}", "column 'e' may not be null, and the statement gives NULL for it"),
        ("SELECT id, e FROM {t} UNION SELECT 9, 'x'", "column 'e' is of type ENUM in the table and of another"),
        ("SELECT id, e, CONCAT(s, '') AS s FROM {t}", "column 's' is of type SET in the table and of another"),
        ("SELECT id, e, b + 0 AS b FROM {t}", "column 'b' is of type BIT in the table and of another"),
    ],
)
def test_a_statement_that_is_none_for_its_table_is_named(bench: Bench, statement: str, cause: str) -> None:
    bench.source.execute(TYPES, bench.database)
    table = f"{bench.database}.o"
    configure(bench, **{OVERRIDES: table, f"{OVERRIDES}.{table}": statement.format(t=table)})
    failed = str(failure(bench).cause)
    assert f"{OVERRIDES}.{table}" in failed
    assert cause in failed


def test_delays_are_kept_and_end_at_a_stop(bench: Bench) -> None:
    began = time.monotonic()
    configure(bench, snapshot__delay__ms="2000", streaming__delay__ms="3000")
    with bench.running() as task:
        wait_until_streaming(task)
        assert time.monotonic() - began >= 2
        await_phase(task, Phase.STREAMING)
        assert time.monotonic() - began >= 5
    began = time.monotonic()
    with bench.running() as task:  # nothing is taken, so nothing is waited for
        await_phase(task, Phase.STREAMING)
    configure(bench, snapshot__mode="always", snapshot__delay__ms="3600000")
    with bench.running() as task:
        time.sleep(1)
        assert task.progress.phase is Phase.CONNECTING
    configure(bench, snapshot__mode="always", snapshot__locking__mode="minimal", streaming__delay__ms="3600000")
    with bench.running() as task:
        assert len(rows(bench, task, 4)) == 4
        assert task.progress.phase is Phase.SNAPSHOTTING
