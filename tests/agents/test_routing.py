"""Routes of a running connector: set, changed and deleted on real workers while rows come in."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from faust_cdc.offsets import murmur2_partition
from tests.harness.connectors import connector_config
from tests.harness.worker import RestError, WorkerProcess
from tests.lab import KafkaBroker, MySqlServer
from tests.oracle.topics import AvroDecoder, RawRecord, TopicReader, changes

pytestmark = pytest.mark.integration

KEYS = 7


class Writer:
    """Changes rows of a table one by one, each change with the next number, until it is stopped."""

    def __init__(self, server: MySqlServer, database: str, table: str) -> None:
        self._server, self._database, self._table = server, database, table
        self._stop = threading.Event()
        self.numbers: list[int] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        with self._server.admin(self._database) as connection, connection.cursor() as cursor:
            number = 0
            while not self._stop.wait(0.002):
                number += 1
                cursor.execute(
                    f"INSERT INTO {self._table} VALUES (%s, %s) ON DUPLICATE KEY UPDATE n = VALUES(n)",
                    (number % KEYS, number),
                )
                self.numbers.append(number)


def records_of(kafka: KafkaBroker, topics: list[str]) -> dict[str, list[RawRecord]]:
    found: dict[str, list[RawRecord]] = defaultdict(list)
    with TopicReader(kafka.bootstrap) as reader:
        for record in reader.read_new(topics):
            found[record.topic].append(record)
    return found


def values_of(worker: WorkerProcess, records: list[RawRecord]) -> list[tuple[RawRecord, Any, Any]]:
    return list(changes(records, AvroDecoder(worker.registry_url)))


def runs_task(workers: list[WorkerProcess], name: str) -> tuple[WorkerProcess, WorkerProcess]:
    """Return the worker that runs the connector's task, and the other one."""
    owner = workers[0].rest("GET", f"/connectors/{name}/status")["tasks"][0]["worker_id"]
    here = next(one for one in workers if owner.endswith(f":{one.port}"))
    return here, next(one for one in workers if one is not here)


def test_routes_change_under_load_and_outlive_a_killed_worker(
    tmp_path: Path, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)", mysql_database)
    name, table = f"r{uuid4().hex[:8]}", f"{mysql_database}.t"
    topics = [f"{name}.{table}", *(f"{name}.{one}" for one in ("second", "third", "fourth"))]
    path = f"/connectors/{name}/routes/{table}"
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(tmp_path / str(number), kafka.bootstrap, f"g{name}"))
            for number in range(2)
        ]
        for worker in workers:
            worker.wait_ready()
        config: dict[str, Any] = connector_config(mysql, mysql_database, name, snapshot__mode="no_data")
        workers[0].rest("POST", "/connectors", {"name": name, "config": config})
        workers[0].wait_running(name)
        workers[0].until(lambda: workers[0].rest("GET", f"/connectors/{name}/offsets")["offsets"], 120, "it streams")
        here, other = runs_task(workers, name)

        def reached(topic: str) -> bool:
            return bool(records_of(kafka, [topic])[topic])

        with Writer(mysql, mysql_database, "t") as writer:
            other.until(lambda: reached(topics[0]), 120, "records in the first topic")
            other.rest("PUT", path, {"topic": topics[1]})
            here.until(lambda: here.rest("GET", path)["route"] == {"topic": topics[1]}, 60, "the other worker shows it")
            other.until(lambda: reached(topics[1]), 120, "records in the second topic")
            here.rest("PUT", path, {"topic": "${prefix}.third"})
            here.kill()
            other.until(lambda: reached(topics[2]), 180, "records in the third topic")
            other.rest("PUT", path, {"topic": topics[3]})
            other.until(lambda: reached(topics[3]), 120, "records in the fourth topic")
            count = len(records_of(kafka, topics[:1])[topics[0]])
            other.rest("DELETE", path)
            other.until(lambda: len(records_of(kafka, topics[:1])[topics[0]]) > count, 120, "the first topic again")
        end = writer.numbers[-1]

        def numbers() -> list[tuple[str, list[int]]]:
            found = records_of(kafka, topics)
            return [(one, [value["after"]["n"] for _, _, value in values_of(other, found[one])]) for one in topics]

        other.until(lambda: end in [n for _, one in numbers() for n in one], 120, "the last change")
        read = dict(numbers())
        every = sorted(n for one in read.values() for n in one)
        assert every == writer.numbers, "each change once, in one topic"
        assert all(one == sorted(one) for one in read.values()), "in order"
        first, second, third, fourth = (read[one] for one in topics)
        assert min(first) < min(second) <= max(second) < min(third) <= max(third) < min(fourth)
        assert max(first) == end > max(fourth), "deleted, the table goes where it went before"
        with pytest.raises(RestError, match=r"no route"):
            other.rest("GET", path)


SCRIPT = """
CREATE TABLE shard_1 (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TABLE shard_2 LIKE shard_1;
INSERT INTO shard_1 VALUES (1, 'a'), (2, 'b'); INSERT INTO shard_2 VALUES (1, 'c');
CREATE TABLE orders (id INT PRIMARY KEY, country CHAR(2) NOT NULL, total DECIMAL(10,2), email VARCHAR(40));
INSERT INTO orders VALUES (1, 'DE', 200, 'a@x'), (2, 'DE', 50, 'b@x'), (3, 'FR', 300, 'c@x');
CREATE TABLE items (order_id INT, line INT, v INT, PRIMARY KEY (order_id, line));
INSERT INTO items VALUES (1, 1, 0), (1, 2, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0), (5, 1, 0);
CREATE TABLE everywhere (id INT PRIMARY KEY, v INT); INSERT INTO everywhere VALUES (1, 1), (2, 2)
"""
CHANGES = """
UPDATE shard_1 SET v = 'A' WHERE id = 1; DELETE FROM shard_2 WHERE id = 1;
UPDATE orders SET total = 60 WHERE id = 2; UPDATE orders SET total = 150 WHERE id = 2;
UPDATE orders SET total = 160 WHERE id = 2; UPDATE orders SET total = 10 WHERE id = 1; DELETE FROM orders WHERE id = 1;
DELETE FROM orders WHERE id = 2; INSERT INTO orders VALUES (4, 'FR', 500, 'd@x'), (5, 'DE', 500, 'e@x');
UPDATE items SET v = 1; INSERT INTO items VALUES (6, 1, 0), (6, 2, 0); DELETE FROM items WHERE order_id = 1;
UPDATE everywhere SET v = 3 WHERE id = 1; UPDATE everywhere SET id = 7 WHERE id = 2;
DELETE FROM everywhere WHERE id = 7; TRUNCATE everywhere;
CREATE TABLE the_end (id INT PRIMARY KEY); INSERT INTO the_end VALUES (1)
"""


def routes_of_all_kinds(database: str) -> dict[str, Any]:
    return {
        rf"{database}\.shard_\d": {"topic": "${prefix}.shards", "key_source": "${database}.${table}"},
        f"{database}.orders": {
            "topic": "${prefix}.${table}",
            "filter": "total > 100.5 AND country IN ('DE', 'AT')",
            "mask_columns": {"email": 3},
        },
        f"{database}.items": {
            "topic": "${prefix}.items",
            "partitioner": {"columns": ["order_id"]},
            "partitions": 5,
        },
        f"{database}.(every)where": {
            "topic": ["${prefix}.${1}.one", "${prefix}.${1}.two"],
            "partitioner": "table",
            "partitions": 4,
            "operations": ["c", "r", "u", "d"],
        },
    }


def test_merged_filtered_partitioned_and_copied_in_snapshot_and_stream(
    tmp_path: Path, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str
) -> None:
    mysql.execute(SCRIPT, mysql_database)
    name = f"r{uuid4().hex[:8]}"
    config: dict[str, Any] = connector_config(
        mysql, mysql_database, name, routes=json.dumps(routes_of_all_kinds(mysql_database)), skipped__operations="none"
    )
    shards, orders, items = (f"{name}.{one}" for one in ("shards", "orders", "items"))
    copies = [f"{name}.every.{one}" for one in ("one", "two")]
    end = f"{name}.{mysql_database}.the_end"
    with WorkerProcess(tmp_path, kafka.bootstrap, f"g{name}") as worker:
        worker.wait_ready()
        worker.rest("POST", "/connectors", {"name": name, "config": config})
        worker.wait_running(name)

        def is_copied() -> bool:
            snapshot = worker.rest("GET", f"/connectors/{name}/snapshot")["snapshot"]
            return snapshot is not None and snapshot["state"] == "completed"

        worker.until(is_copied, 120, "the snapshot")
        mysql.execute(CHANGES, mysql_database)
        worker.until(lambda: bool(records_of(kafka, [end])[end]), 120, "the last change")
        found = records_of(kafka, [shards, orders, items, *copies])

        merged = [(key, value) for _, key, value in values_of(worker, found[shards])]
        field = "__dbz__physicalTableIdentifier"
        one, two = (f"{mysql_database}.shard_{n}" for n in (1, 2))
        assert sorted((key["id"], key[field], value["op"]) for key, value in merged if value is not None) == sorted(
            [(1, one, "r"), (2, one, "r"), (1, two, "r"), (1, one, "u"), (1, two, "d")]
        )
        assert merged[-1] == ({"id": 1, field: two}, None), "its tombstone"

        seen = [(key["id"], value and value["op"]) for _, key, value in values_of(worker, found[orders])]
        assert seen == [(1, "r"), (2, "c"), (2, "u"), (1, "d"), (1, None), (2, "d"), (2, None), (5, "c")]
        rows = [value["after"] for _, _, value in values_of(worker, found[orders]) if value and value["after"]]
        assert {one["email"] for one in rows} == {"***"}

        where: dict[int, set[int]] = defaultdict(set)
        for record, key, _ in values_of(worker, found[items]):
            where[key["order_id"]].add(record.partition)
        expected = {n: {murmur2_partition(str(n).encode(), 5)} for n in (1, 2, 3, 4, 5, 6)}
        assert where == expected, "all lines of an order in one partition"

        read = [
            [(r.partition, key["id"], value and value["op"]) for r, key, value in values_of(worker, found[topic])]
            for topic in copies
        ]
        number = murmur2_partition(f"{mysql_database}.everywhere".encode(), 4)
        changed = [(1, "r"), (2, "r"), (1, "u"), (2, "d"), (2, None), (7, "c"), (7, "d"), (7, None)]
        assert read == [[(number, *one) for one in changed]] * 2, "the same in both, without the TRUNCATE"


def test_refused_routes_name_the_place_and_the_reason(
    tmp_path: Path, kafka: KafkaBroker, mysql: MySqlServer, mysql_database: str
) -> None:
    mysql.execute(
        "CREATE TABLE a (id INT PRIMARY KEY, v INT); CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(9)); "
        "CREATE TABLE c (id BIGINT PRIMARY KEY)",
        mysql_database,
    )
    name = f"r{uuid4().hex[:8]}"
    config: dict[str, Any] = connector_config(mysql, mysql_database, name, snapshot__mode="no_data")
    source = {"key_source": "${table}"}
    with WorkerProcess(tmp_path, kafka.bootstrap, f"g{name}") as worker:
        worker.wait_ready()
        worker.rest("POST", "/connectors", {"name": name, "config": config})
        worker.wait_running(name)

        def put(table: str, route: dict[str, Any], query: str = "") -> Any:
            tables = quote(f"{mysql_database}.{table}", safe="")
            return worker.rest("PUT", f"/connectors/{name}/routes/{tables}{query}", route)

        wrong_ones: list[tuple[str, dict[str, Any], int, str]] = [
            ("a", {"topic": "x.${tabel}"}, 400, r"character 3: no field is called \$\{tabel\}"),
            ("a", {"topic": "x y"}, 400, "character 2: Kafka takes no ' '"),
            ("a", {"topic": "x", "filter": "v >"}, 400, "character 4: a column, a number or a text is expected"),
            ("a", {"topic": "x", "partitioner": "dice"}, 400, "'partitioner' is"),
            ("(a", {"topic": "x"}, 400, "no regular expression"),
            ("a", {"topic": "x", "filter": "nothing = 1"}, 409, "character 1: there is no column 'nothing'"),
            ("a", {"topic": "x", "filter": "v = 'text'"}, 409, "character 5: a number is compared with a text"),
            ("a", {"topic": "x", "key_columns": ["nope"]}, 409, "which is no column of the table"),
            ("a", {"topic": "x", "partitioner": {"columns": ["v"]}}, 409, "'v', which is not in its key"),
            ("a", {"topic": f"{name}-signal"}, 409, "the topic of signals"),
            ("a", {"topic": f"g{name}-offsets"}, 409, "of the workers' own"),
            ("a", {"topic": f"{name}.{mysql_database}.b"}, 409, "equal keys would be taken for one row"),
            ("[ab]", {"topic": "x"}, 409, "equal keys would be taken for one row"),
            ("[ab]", {"topic": "x", **source}, 409, "their schemas are not compatible"),
            ("[ac]", {"topic": "x", **source}, 409, "their keys are not alike"),
            ("a", {"topic": f"{name}.{mysql_database}.a", "key_columns": ["v"]}, 409, "another key"),
            ("a", {"topic": f"{name}.{mysql_database}.a", "partitioner": "table"}, 409, "another partitioner"),
        ]
        for table, route, status, reason in wrong_ones:
            with pytest.raises(RestError, match=reason) as refused:
                put(table, route)
            assert refused.value.status == status, (table, route)
        reordered = {"topic": f"{name}.{mysql_database}.a", "partitioner": "table"}
        by_config = {**config, "routes": json.dumps({f"{mysql_database}.a": reordered})}
        with pytest.raises(RestError, match=r"another partitioner.*REST with .reorder=true") as refused:
            worker.rest("PUT", f"/connectors/{name}/config", by_config)
        assert refused.value.status == 400
        assert put("a", reordered, "?reorder=true")["serves"]
        worker.rest("PUT", f"/connectors/{name}/config", by_config)
        worker.rest("PUT", f"/connectors/{name}/config", config)
        put("[ab]", {"topic": "${prefix}.${table}"})
        with pytest.raises(RestError, match="both match"):
            put("[b]", {"topic": "x"})
        assert len(worker.rest("GET", f"/connectors/{name}/routes")["routes"]) == 2
        wrong = {**config, "name": name, "routes": '{"a.b": {"topic": "${c}"}}'}
        found = worker.rest("PUT", "/connector-plugins/MySqlConnector/config/validate", wrong)
        errors = [error for one in found["configs"] if one["value"] for error in one["value"]["errors"]]
        assert errors == [
            "The 'routes' value is invalid: route 'a.b': topic '${c}', character 1: no field is called ${c}; there are "
            "${database}, ${table}, ${prefix}"
        ]
        worker.rest("DELETE", f"/connectors/{name}")
        worker.rest("POST", "/connectors", {"name": name, "config": config})
        assert worker.rest("GET", f"/connectors/{name}/routes") == {"connector": name, "routes": []}
