"""Options that add to or take from the records, on real servers where Debezium was not asked: MariaDB above all."""

from __future__ import annotations

import time
from typing import Any

import pytest

from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask, TaskSnapshot
from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer
from tests.oracle.topics import RawRecord, TopicReader, changes
from tests.pipeline.test_task import Bench

pytestmark = pytest.mark.integration


def transactions(bench: Bench) -> list[dict[str, Any]]:
    with TopicReader(bench.kafka.bootstrap) as reader:
        records = list(changes(reader.read_new([f"{bench.prefix}.transaction"]), bench.decoder))
    assert all(key == {"id": value["id"]} and record.headers == () for record, key, value in records)
    return [value for _, _, value in records]


def test_mariadb_with_metadata_query_and_truncate(
    mariadb: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, mariadb_database: str
) -> None:
    bench = Bench(
        mariadb,
        kafka,
        apicurio,
        mariadb_database,
        provide__transaction__metadata="true",
        include__query="true",
        skipped__operations="none",
    )
    mariadb.execute("CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE u (id INT PRIMARY KEY)", mariadb_database)
    mariadb.execute("INSERT INTO t VALUES (1)", mariadb_database)
    with bench.running() as task:
        bench.events("t", 1, task)
        mariadb.execute(
            "BEGIN; INSERT INTO t VALUES (2); INSERT INTO u VALUES (1); UPDATE t SET id = 3 WHERE id = 2;"
            "SET SESSION binlog_annotate_row_events = OFF; DELETE FROM u; COMMIT; TRUNCATE t",
            mariadb_database,
        )
        t: list[dict[str, Any]] = bench.events("t", 6, task)
        u: list[dict[str, Any]] = bench.events("u", 3, task)
    assert [event.get("op") for event in t] == ["r", "c", "d", None, "c", "t"]
    assert (t[5]["before"], t[5]["after"], t[5]["source"]["table"]) == (None, None, "t")
    begin, end = transactions(bench)
    name = t[1]["source"]["gtid"]
    assert begin | {"ts_ms": 0} == {
        "status": "BEGIN",
        "id": name,
        "event_count": None,
        "data_collections": None,
        "ts_ms": 0,
    }
    assert (end["status"], end["id"], end["event_count"], end["ts_ms"]) == ("END", name, 5, t[1]["source"]["ts_ms"])
    assert end["data_collections"] == [
        {"data_collection": f"{mariadb_database}.{table}", "event_count": count}
        for table, count in (("t", 3), ("u", 2))
    ]
    placed = [event for event in (*t, *u) if event.get("transaction")]
    assert {event["transaction"]["id"] for event in placed} == {name}
    orders = [(e["transaction"]["total_order"], e["transaction"]["data_collection_order"]) for e in placed]
    assert orders == [(1, 1), (3, 2), (4, 3), (2, 1), (5, 2)]
    assert [event["source"]["query"] for event in placed] == [
        "INSERT INTO t VALUES (2)",
        "UPDATE t SET id = 3 WHERE id = 2",
        "UPDATE t SET id = 3 WHERE id = 2",
        "INSERT INTO u VALUES (1)",
        None,
    ]


def heartbeats(bench: Bench) -> list[tuple[RawRecord, Any, Any]]:
    with TopicReader(bench.kafka.bootstrap) as reader:
        return list(changes(reader.read_new([f"__debezium-heartbeat.{bench.prefix}"]), bench.decoder))


def test_heartbeats_run_their_statement_and_move_the_offset(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    mysql.execute("CREATE TABLE beat (id INT PRIMARY KEY, n INT); INSERT INTO beat VALUES (1, 0)", mysql_database)
    mysql.execute(f"GRANT UPDATE ON {mysql_database}.beat TO 'cdc'@'%'")
    bench = Bench(
        mysql,
        kafka,
        apicurio,
        mysql_database,
        heartbeat__interval__ms="200",
        heartbeat__action__query=f"UPDATE {mysql_database}.beat SET n = n + 1",
    )
    with bench.running() as task:
        rows: list[dict[str, Any]] = bench.events("beat", 4, task)
        deadline = time.monotonic() + 60
        while len(beats := heartbeats(bench)) < 3:
            assert time.monotonic() < deadline, f"{len(beats)} heartbeats"
            time.sleep(0.2)
    counts = [row["after"]["n"] for row in rows][:4]
    # The statement may run before the snapshot's row is due, which then is the stream's.
    assert counts[0] in (0, 1)
    assert counts == list(range(counts[0], counts[0] + 4))
    assert {key["serverName"] for _, key, _ in beats} == {bench.prefix}


def test_a_heartbeat_statement_that_is_no_sql_fails_the_task_by_name(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    bench = Bench(
        mysql, kafka, apicurio, mysql_database, heartbeat__interval__ms="200", heartbeat__action__query="SELEKT 1"
    )
    states: list[TaskSnapshot] = []
    task = ConnectorTask(bench.spec, states.append)
    task.start()
    deadline = time.monotonic() + 120
    while task.state.state is not TaskState.FAILED and time.monotonic() < deadline:
        time.sleep(0.1)
    task.request_stop()
    assert task.join(90)
    assert any("heartbeat.action.query cannot be run" in (state.cause or "") for state in states)
