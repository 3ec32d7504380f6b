"""The same binlog on the compiled lane and the long way, event by event: equal records, equal offsets."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer

from faust_cdc.kafka.topics import TopicCreator
from faust_cdc.pipeline import fast_stream
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.streaming import StreamingSource
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.transcode.compiled import is_compiled
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.oracle.topics import RawRecord, TopicReader, changes, topics_with_prefix
from tests.pipeline.test_task import Bench

pytestmark = pytest.mark.integration

NO_DATA = {"snapshot.mode": "no_data"}
OWN_FIELDS = ("ts_ms", "ts_us", "ts_ns")
"""When a run handled the event."""
RUN_ID = "__debezium.context.runId"


def history(server: SqlServer, dice: random.Random) -> list[str]:
    """Statements of many kinds; each item is run in a session of its own."""
    rows = [f"({key}, {dice.randrange(1 << 31)}, 'note {key}', '{dice.choice('abcé')}')" for key in range(400)]
    sql = [
        "CREATE TABLE t (id INT PRIMARY KEY, n BIGINT UNSIGNED, v VARCHAR(20), l CHAR(3) CHARACTER SET latin1)",
        "CREATE TABLE u (a INT, b INT, j JSON, d DATETIME(3), PRIMARY KEY (b, a)); CREATE TABLE plain (x INT)",
        "CREATE TABLE elsewhere (id INT PRIMARY KEY)",
        f"INSERT INTO t VALUES {', '.join(rows)}",
        f"CREATE TABLE wide (id INT PRIMARY KEY, {', '.join(f'c{n} INT' for n in range(300))}); "
        f"INSERT INTO wide (id, c0, c249, c299) VALUES (1, 1, 2, 3); "
        f"INSERT INTO wide (id, c7, c255) VALUES {', '.join(f'({n}, {n}, {-n})' for n in range(2, 40))}; "
        "UPDATE wide SET c299 = id WHERE id > 20; DELETE FROM wide WHERE id = 39",
    ]
    for key in range(60):
        sql.append(f"INSERT INTO u VALUES ({key}, {key % 7}, '{json.dumps({'k': key, 'l': [1, 2.5, None]})}', NOW(3))")
    sql += [
        "BEGIN; UPDATE t SET n = n + 1 WHERE id < 50; DELETE FROM t WHERE id BETWEEN 50 AND 60; "
        "INSERT INTO elsewhere VALUES (1); UPDATE u SET d = NULL WHERE a < 9; COMMIT",
        "UPDATE t SET id = id + 10000 WHERE id % 10 = 3; UPDATE u SET b = b + 100, j = '[]' WHERE a % 5 = 0",
        "BEGIN; INSERT INTO plain VALUES (1), (1), (2); SAVEPOINT s; INSERT INTO plain VALUES (3); ROLLBACK TO s; "
        "COMMIT",
        "ALTER TABLE t ADD COLUMN extra VARCHAR(10) DEFAULT 'x' AFTER n; INSERT INTO t (id, n) VALUES (20000, 1)",
        "XA START 'x1'; INSERT INTO plain VALUES (7); INSERT INTO t (id, n) VALUES (7001, 1), (7002, 2); "
        "UPDATE t SET id = id + 100 WHERE id BETWEEN 7001 AND 7002; XA END 'x1'; XA PREPARE 'x1'; XA COMMIT 'x1'",
        "BEGIN; INSERT INTO t (id, n) VALUES (7301, 1); SAVEPOINT a; UPDATE t SET id = 7302 WHERE id = 7301; "
        "SAVEPOINT b; DELETE FROM t WHERE id = 7101; INSERT INTO plain VALUES (4); COMMIT",
        "INSERT INTO plain VALUES (8); TRUNCATE TABLE plain; INSERT INTO plain VALUES (9)",
        "CREATE TABLE copied AS SELECT * FROM t LIMIT 5; DROP TABLE elsewhere; RENAME TABLE copied TO again",
        "INSERT INTO again SELECT id + 1, n, extra, v, l FROM t WHERE id > 5000; DELETE FROM t WHERE id < 300",
    ]
    return sql


def run(bench: Bench, *, hot_path: bool, expected: int) -> str:
    """Read to the end with one of the two paths; return the offset that was committed last."""
    offsets = f"{bench.offsets}-{'lane' if hot_path else 'long'}"
    spec = replace(bench.spec, hot_path=hot_path, offset_topic=replace(bench.spec.offset_topic, name=offsets))
    task = ConnectorTask(spec)
    task.start()
    deadline = time.monotonic() + 120
    try:
        while len(records_of(bench).get(f"{bench.prefix}.{bench.database}.the_end", [])) < expected:
            assert task.state.state is not TaskState.FAILED, task.state.trace
            assert time.monotonic() < deadline, task.state
            time.sleep(0.3)
    finally:
        task.request_stop()
        assert task.join(90)
    with TopicReader(bench.kafka.bootstrap) as reader:
        return (reader.read_new([offsets])[-1].value or b"").decode()


def records_of(bench: Bench) -> dict[str, list[tuple[RawRecord, Any, Any]]]:
    topics = topics_with_prefix(bench.kafka.bootstrap, bench.prefix)
    if bench.spec.config.provide_transaction_metadata:
        topics.append(f"{bench.prefix}.transaction")
    with TopicReader(bench.kafka.bootstrap) as reader:
        found: dict[str, list[tuple[RawRecord, Any, Any]]] = {topic: [] for topic in topics}
        for change in changes(reader.read_new(topics), bench.decoder):
            found[change[0].topic].append(change)
        return found


def start_both_where(bench: Bench) -> None:
    """Give both offset topics the offset of a short first run."""
    with bench.running() as task:
        deadline = time.monotonic() + 120
        while task.progress.offset is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with TopicReader(bench.kafka.bootstrap) as reader:
        last = reader.read_new([bench.offsets])[-1]
    producer = Producer({"bootstrap.servers": bench.kafka.bootstrap, "partitioner": "murmur2_random"})
    for name in ("lane", "long"):
        spec = replace(bench.spec.offset_topic, name=f"{bench.offsets}-{name}")
        TopicCreator(bench.spec.client_config).ensure([spec])
        producer.produce(spec.name, last.value, last.key, last.partition)
    assert producer.flush(60) == 0


def shown(change: tuple[RawRecord, Any, Any]) -> tuple[object, ...]:
    record, key, value = change
    headers = [(name, text) for name, text in record.headers if name != RUN_ID]
    own = OWN_FIELDS if value is not None and "op" in value else ()
    rest = value if value is None else {name: one for name, one in value.items() if name not in own}
    return record.key, key, rest, len(record.value or b""), headers


def counting(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count what leaves the lane: events, rows events among them, and single rows of events that stay."""
    count = {"events": 0, "rows events": 0, "single rows": 0}

    def count_calls(owner: type, method: str, name: str) -> None:
        plain = getattr(owner, method)

        def counted(*arguments: Any) -> Any:
            handled = plain(*arguments)
            count[name] += handled is not False  # not the waits for the rest of a packet
            return handled

        monkeypatch.setattr(owner, method, counted)

    count_calls(fast_stream.FastStream, "_long_way", "events")
    count_calls(StreamingSource, "_rows", "rows events")
    count_calls(fast_stream.FastStream, "_reference_row", "single rows")
    return count


def exercise(bench: Bench, monkeypatch: pytest.MonkeyPatch, session: str = "") -> dict[str, int]:
    """Run the history on both paths; return what left the lane. `session` begins each session of the source."""
    assert is_compiled(), "the hot path is not compiled: run hatch_build.py"
    start_both_where(bench)
    for statements in history(bench.source, random.Random(7)):
        bench.source.execute(session + statements, bench.database)
    bench.source.execute("CREATE TABLE the_end (x INT); INSERT INTO the_end VALUES (1)", bench.database)
    count = counting(monkeypatch)
    lane = run(bench, hot_path=True, expected=1)
    seen = dict(count)
    assert 0 < seen["events"] < 130, "most events stay in the lane"
    assert seen["rows events"] < 40, "of each table version the first, and those of truncated or unknown ones"
    first = records_of(bench)
    long = run(bench, hot_path=False, expected=2)
    assert json.loads(lane) == json.loads(long), "the offsets at the end"
    both, compared = records_of(bench), 0
    for topic, records in both.items():
        half = len(first[topic])
        assert len(records) == 2 * half, topic
        for left, right in zip(records[:half], records[half:], strict=True):
            assert shown(left) == shown(right), topic
            compared += 1
    print(f"{bench.source.name}: {compared} records equal on both paths; the long way: {seen}")
    assert compared > 900
    return seen


def test_both_paths_agree_on_mysql(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {
        "table.exclude.list": f"{mysql_database}.elsewhere",
        "skipped.operations": "none",
    }
    exercise(Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA, **config), monkeypatch)


def test_both_paths_agree_on_mariadb(
    mariadb: MariaDbServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mariadb_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {"table.exclude.list": f"{mariadb_database}.elsewhere"}
    exercise(Bench(mariadb, kafka, apicurio, mariadb_database, **NO_DATA, **config), monkeypatch)


def test_both_paths_agree_with_rules_and_masks(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {
        "table.exclude.list": f"{mysql_database}.elsewhere",
        "column.exclude.list": r".*\.u\.d",
        "column.mask.with.4.chars": r".*\.t\.v",
        "skip.messages.without.change": "true",
        "tombstones.on.delete": "false",
        "compatibility.mode": "debezium",
    }
    exercise(Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA, **config), monkeypatch)


METADATA = {"provide.transaction.metadata": "true", "include.query": "true"}


def test_both_paths_agree_with_metadata_and_statements_on_mysql(
    mysql: MySqlServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {"table.exclude.list": f"{mysql_database}.elsewhere", **METADATA}
    bench = Bench(mysql, kafka, apicurio, mysql_database, **NO_DATA, **config)
    seen = exercise(bench, monkeypatch, "SET SESSION binlog_rows_query_log_events = 1; ")
    assert seen["single rows"] == 0
    found = records_of(bench)
    assert any(value and value["source"]["query"] for _, _, value in found[f"{bench.prefix}.{bench.database}.t"])
    assert len(found[f"{bench.prefix}.transaction"]) > 120


def test_both_paths_agree_with_metadata_and_statements_on_mariadb(
    mariadb: MariaDbServer,
    kafka: KafkaBroker,
    apicurio: Apicurio,
    mariadb_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {"table.exclude.list": f"{mariadb_database}.elsewhere", **METADATA}
    bench = Bench(mariadb, kafka, apicurio, mariadb_database, **NO_DATA, **config)
    assert exercise(bench, monkeypatch)["single rows"] == 0
