"""Routes with transforms behind them that make other records: where rows end, and that no other topic is made."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from faust_cdc.errors import TableError
from faust_cdc.offsets import murmur2_partition
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench

pytestmark = pytest.mark.integration

K = "org.apache.kafka.connect.transforms."
D = "io.debezium.transforms."
SOURCE = "__dbz__physicalTableIdentifier"
RENAMED = {
    "transforms": "unwrap,fields,topic",
    "transforms__unwrap__type": f"{D}ExtractNewRecordState",
    "transforms__fields__type": f"{K}ReplaceField$Value",
    "transforms__fields__renames": "mail:email",
    "transforms__topic__type": f"{K}RegexRouter",
    "transforms__topic__regex": r"([^.]+)\.(all|one|two)",
    "transforms__topic__replacement": "$1.to.$2",
}


def bench_of(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, database: str, routes: dict[str, Any], **more: str
) -> Bench:
    named = {pattern.replace("DB", database): route for pattern, route in routes.items()}
    return Bench(mysql, kafka, apicurio, database, routes=json.dumps(named), **more)


def read(bench: Bench, task: ConnectorTask, topic: str, count: int) -> list[tuple[int, Any, Any]]:
    """Return (partition, key, value) of a topic's records, once it has so many."""
    deadline = time.monotonic() + 120
    while True:
        with TopicReader(bench.kafka.bootstrap) as reader:
            found = list(changes(reader.read_new([topic]), bench.decoder))
        if len(found) >= count:
            return [(record.partition, key, value) for record, key, value in found]
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, f"{len(found)} of {count} records of {topic}"
        time.sleep(0.1)


def test_merged_copied_and_masked_rows_end_where_transforms_name_and_nowhere_else(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    """n:1 with the source in the key and partitions by a column, 1:n with a filter; the routes' settings hold there."""
    routes = {
        r"DB\.shard_(\d)": {
            "topic": "${prefix}.all",
            "key_source": "s${1}",
            "mask_columns": {"mail": 3},
            "exclude_columns": ["x"],
            "partitions": 5,
            "partitioner": {"columns": ["id"]},
        },
        r"DB\.orders": {"topic": ["${prefix}.one", "${prefix}.two"], "filter": "n < 10", "partitions": 2},
    }
    columns = "(id INT PRIMARY KEY, mail VARCHAR(20), x INT)"
    mysql.execute(
        f"CREATE TABLE shard_1 {columns}; CREATE TABLE shard_2 {columns};"
        "CREATE TABLE orders (id INT PRIMARY KEY, n INT);"
        "INSERT INTO shard_1 VALUES (1, 'a@b', 1); INSERT INTO orders VALUES (1, 1), (2, 20)",
        mysql_database,
    )
    bench = bench_of(mysql, kafka, apicurio, mysql_database, routes, **RENAMED)
    merged, one, two = (f"{bench.prefix}.to.{name}" for name in ("all", "one", "two"))
    with bench.running() as task:
        read(bench, task, one, 1)
        mysql.execute(
            "INSERT INTO shard_2 VALUES (1, 'c@d', 2), (7, NULL, 3); UPDATE shard_1 SET mail = 'e@f' WHERE id = 1;"
            "DELETE FROM shard_2 WHERE id = 7; UPDATE orders SET n = 2 WHERE id = 2; UPDATE orders SET n = 99",
            mysql_database,
        )
        found = read(bench, task, merged, 5)
        copies = [read(bench, task, topic, 4) for topic in (one, two)]
    shown = [(key[SOURCE], key["id"], value and value["email"]) for _, key, value in found]
    assert sorted(shown, key=str) == [
        ("s1", 1, "***"),
        ("s1", 1, "***"),
        ("s2", 1, "***"),
        ("s2", 7, "***"),
        ("s2", 7, None),
    ]
    assert all(value is None or set(value) == {"id", "email"} for _, _, value in found)
    assert all(partition == murmur2_partition(str(key["id"]).encode(), 5) for partition, key, _ in found)
    for copy in copies:
        by_key = {key: [value and value["n"] for _, found, value in copy if found["id"] == key] for key in (1, 2)}
        assert by_key == {1: [1, None], 2: [2, None]}, "an update that leaves the filter is a delete, here a tombstone"
    own = {name for name in kafka.topics() if name.startswith(f"{bench.prefix}.")}
    assert own == {merged, one, two}
    partitions = {name: len(about.partitions) for name, about in kafka.admin().list_topics(timeout=30).topics.items()}
    assert [partitions[name] for name in (merged, one, two)] == [5, 2, 2]


def test_partitions_of_topics_that_values_decide_are_refused_with_the_transform(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)", mysql_database)
    router = {
        "transforms": "by",
        "transforms__by__type": f"{D}ContentBasedRouter",
        "transforms__by__language": "jsr223.groovy",
        "transforms__by__topic__expression": "topic + '.' + value.op",
        "transforms__by__topic__regex": r".*\.t",
    }
    by_table = {r"DB\.t": {"topic": "${prefix}.t", "partitioner": "table"}}
    bench = bench_of(mysql, kafka, apicurio, mysql_database, by_table, **router)
    task = ConnectorTask(bench.spec)
    task.start()
    assert task.join(120), "it fails by itself"
    error = task.state.error
    assert isinstance(error, TableError), task.state.trace
    assert "by table, and behind the transforms its records are not of one topic" in error.message
    assert "transform 'by' (io.debezium.transforms.ContentBasedRouter) names topics by the expression" in error.message
    by_key = {r"DB\.t": {"topic": "${prefix}.t"}}
    other = bench_of(mysql, kafka, apicurio, mysql_database, by_key, **router)
    with other.running() as running:
        read(other, running, f"{other.prefix}.t.r", 1)
    assert [name for name in kafka.topics() if name.startswith(f"{other.prefix}.")] == [f"{other.prefix}.t.r"]
