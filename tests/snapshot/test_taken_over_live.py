"""A Debezium incremental snapshot under way in the offset is gone on with, and ours stands there as Debezium's."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from confluent_kafka import Producer

from faust_cdc.offsets import SourcePartition, murmur2_partition
from faust_cdc.offsets.incremental import CollectionMember, IncrementalMembers
from faust_cdc.offsets.java_objects import JavaValue, Key
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.snapshot.commands import ExecuteSnapshot, PauseSnapshot, ResumeSnapshot
from tests.lab import Apicurio, KafkaBroker, MySqlServer, SqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold
from tests.snapshot.test_commands_live import Found, bench_of, marks, read_until
from tests.snapshot.test_merged_live import ROWS, fill, wait_for_the_end
from tests.snapshot.test_refusals_live import await_told

pytestmark = pytest.mark.integration


def offset_with(bench: Bench, **members: object) -> None:
    """Store the connector's offset with what Debezium adds to it of an incremental snapshot."""
    key = SourcePartition("c", bench.prefix).key()
    offset = bench.stored_offset() | members
    producer = Producer({"bootstrap.servers": bench.kafka.bootstrap})
    producer.produce(bench.offsets, json.dumps(offset).encode(), key, murmur2_partition(key, 5))
    assert producer.flush(60) == 0


def members_in(offset: dict[str, Any]) -> IncrementalMembers | None:
    return IncrementalMembers.parse(offset, "stored")


def await_offset(bench: Bench, has_members: bool) -> dict[str, Any]:
    """Wait for a committed offset with or without them."""
    deadline = time.monotonic() + 90
    while (members_in(offset := bench.stored_offset()) is not None) != has_members:
        assert time.monotonic() < deadline, offset
        time.sleep(0.2)
    return offset


def read_now(bench: Bench, tables: tuple[str, ...]) -> Found:
    """Return all that is there."""
    with TopicReader(bench.kafka.bootstrap) as reader:
        return list(
            changes(reader.read_new([f"{bench.prefix}.{bench.database}.{one}" for one in tables]), bench.decoder)
        )


def first_offset(bench: Bench) -> None:
    with bench.running() as task:
        wait_for_the_end(task)


KEYS: dict[str, tuple[str, str, Key, list[tuple[Any, ...]]]] = {
    "latin1": (
        "name VARCHAR(9) CHARACTER SET latin1, id INT, PRIMARY KEY (name, id)",
        "('a', 1), ('é', 1), ('é', 7), ('é', 8), ('f', 0)",
        (JavaValue("String", "é"), JavaValue("Integer", 7)),
        [("é", 8), ("f", 0)],
    ),
    "not in the charset": (
        "name VARCHAR(9) CHARACTER SET latin1 PRIMARY KEY",
        "('a'), ('b')",
        (JavaValue("String", "あ"),),
        [("a",), ("b",)],
    ),
    "from high to low": (
        "id INT, PRIMARY KEY (id DESC)",
        "(1), (2), (3)",
        (JavaValue("Integer", 2),),
        [(1,), (2,), (3,)],
    ),
    "dates of a JVM's zone": (
        "id TIMESTAMP(3) PRIMARY KEY",
        "('2024-01-01 00:00:00'), ('2024-01-02 00:00:00')",
        (JavaValue("java.sql.Timestamp", (1704067200000, 0)),),
        [("2024-01-01T00:00:00.000Z",), ("2024-01-02T00:00:00.000Z",)],
    ),
}
"""Name → columns, rows, the key up to which Debezium has read, the keys that are to come."""


@pytest.mark.parametrize(("name", "flavor"), [*((name, "mysql") for name in KEYS), ("latin1", "mariadb")])
def test_theirs_is_gone_on_with(
    name: str, flavor: str, request: pytest.FixtureRequest, kafka: KafkaBroker, apicurio: Apicurio
) -> None:
    source: SqlServer = request.getfixturevalue(flavor)
    database = request.getfixturevalue(f"{flavor}_database")
    columns, rows, done, expected = KEYS[name]
    source.execute(
        f"CREATE TABLE a ({columns}); INSERT INTO a VALUES {rows}; "
        "CREATE TABLE b (id INT PRIMARY KEY); INSERT INTO b VALUES (1), (2), (3)",
        database,
    )
    bench = Bench(source, kafka, apicurio, database, snapshot__locking__mode="watermark", snapshot__mode="no_data")
    first_offset(bench)
    tables = (CollectionMember(f"{database}.a"), CollectionMember(f"{database}.b", "id > 1"))
    offset_with(bench, **IncrementalMembers(tables, done, done, "theirs").members())
    with bench.running():
        found = read_until(bench, ("a", "b"), lambda found: len(found) >= len(expected) + 2, "what was to come")
        await_offset(bench, has_members=False)
        time.sleep(1)
        found = read_now(bench, ("a", "b"))
    keys = [(record.topic[-1], *key.values()) for record, key, _ in found]
    assert sorted(keys) == sorted([("a", *one) for one in expected] + [("b", 2), ("b", 3)])
    assert marks(found) == {"incremental": len(keys)}
    assert {one.id for one in bench.told if one.aggregate_type == "Incremental Snapshot"} == {"theirs"}


def test_what_is_not_understood_is_refused(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a",), 3)
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    first_offset(bench)
    good = IncrementalMembers((CollectionMember(f"{mysql_database}.a"),), None, None, "theirs").members()
    offset_with(bench, **good | {"incremental_snapshot_primary_key": "aced0005"})
    task = ConnectorTask(bench.spec)
    task.start()
    assert task.join(90)
    assert task.state.state is TaskState.FAILED
    assert "incremental_snapshot_primary_key" in str(task.state.cause)
    assert "signal the snapshot again" in str(task.state.error)


def test_ours_stands_in_the_offset_until_it_is_complete(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(mysql, mysql_database, ("a", "b"))
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data", snapshot__chunk__size="50")
    first_offset(bench)
    hold = Hold(monkeypatch, 4)
    with bench.running() as task:
        task.submit(ExecuteSnapshot("s-1", (f"{mysql_database}.[ab]",)))
        read_until(bench, ("a",), lambda found: len(found) >= 100, "the first rows")
        task.submit(PauseSnapshot("s-2"))
        await_told(bench, "PAUSED", task)
        members = members_in(await_offset(bench, has_members=True))
    hold.let_go()
    assert members is not None
    assert [one.id for one in members.collections] == [f"{mysql_database}.a", f"{mysql_database}.b"]
    assert (members.correlation_id, members.maximum_key) == ("s-1", (JavaValue("Integer", ROWS * 2 - 2),))
    found = read_now(bench, ("a",))
    written = sorted(key["id"] for _, key, _ in found)
    assert members.primary_key is not None
    (reached,) = members.primary_key
    assert reached is not None
    assert written[: reached.value // 2 + 1] == list(range(0, reached.value + 2, 2)), "all rows up to the key are there"
    with bench.running() as task:
        task.submit(ResumeSnapshot("s-3"))
        found = read_until(bench, ("a", "b"), lambda found: len(found) == 2 * ROWS, "all rows, each once")
        await_offset(bench, has_members=False)
    assert marks(found) == {"incremental": 2 * ROWS}


def test_a_signal_that_comes_twice_is_carried_out_once(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    fill(mysql, mysql_database, ("a", "b"), 10)
    bench = bench_of(mysql, kafka, apicurio, mysql_database, snapshot__mode="no_data")
    first, second = (ExecuteSnapshot(f"s-{table}", (f"{mysql_database}.{table}",)) for table in "ab")
    with bench.running() as task:
        wait_for_the_end(task)
        for command in (first, second):
            task.submit(command)
            task.submit(command)
            read_until(bench, (command.id[-1],), lambda found: len(found) >= 10, "the rows")
        await_offset(bench, has_members=False)
    with bench.running() as task:
        task.submit(second)
        mysql.execute("INSERT INTO b (id, v) VALUES (1000, 0)", mysql_database)
        found = read_until(bench, ("a", "b"), lambda found: {"id": 1000} in [key for _, key, _ in found], "row 1000")
        time.sleep(2)
        assert len(read_now(bench, ("a", "b"))) == len(found) == 21
