"""Routes of one task: changed in the midst of a snapshot, and by signals of a table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer

from faust_cdc.config.routes import parse_route
from faust_cdc.kafka.topics import TopicSpec, ensure_topics
from faust_cdc.pipeline.phase import Phase
from faust_cdc.pipeline.route_log import RouteLog, kept_now, route_key
from faust_cdc.pipeline.state import TaskState
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.signals.routing import RoutesChanged
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.holding import Hold

pytestmark = pytest.mark.integration

ROWS = 100


class Routed:
    """A bench whose task keeps its routes in a topic."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        topic = TopicSpec(f"{bench.offsets}-routes", 3, 1, {"cleanup.policy": "compact"}, must_be_compacted=True)
        ensure_topics(bench.spec.client_config, [topic])
        bench.spec = replace(bench.spec, route_topic=topic)
        self.log = RouteLog(bench.spec.client_config, topic.name, 3, "c", ())

    def put(self, tables: str, route: dict[str, Any]) -> None:
        producer = Producer({"bootstrap.servers": self.bench.kafka.bootstrap})
        value = kept_now(parse_route(tables, route), "rest").to_json()
        producer.produce(self.log.topic, value, route_key("c", tables), self.log.partition)
        assert producer.flush(60) == 0

    def read(self, topic: str) -> list[tuple[Any, Any]]:
        """Return (id, value) of the records."""
        with TopicReader(self.bench.kafka.bootstrap) as reader:
            records = reader.read_new([topic])
        return [(key["id"], value) for _, key, value in changes(records, self.bench.decoder)]


def wait(task: ConnectorTask, condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert task.state.state is not TaskState.FAILED, task.state.trace
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def state_of(records: list[tuple[Any, Any]]) -> dict[int, int]:
    state: dict[int, int] = {}
    for key, value in records:
        if value is None or value["after"] is None:
            state.pop(key, None)
        else:
            state[key] = value["after"]["n"]
    return state


def told(records: list[tuple[Any, Any]]) -> list[tuple[Any, ...]]:
    return [(key, None if value is None else (value["op"], value["after"])) for key, value in records]


@pytest.mark.parametrize(
    "route",
    [
        {"topic": "${prefix}.behind"},
        {"topic": ["${prefix}.behind", "${prefix}.copy"], "filter": "n < 1000", "partitioner": "table"},
    ],
    ids=["renamed", "row by row"],
)
def test_a_route_changes_in_the_midst_of_a_snapshot(
    kafka: KafkaBroker,
    mysql: MySqlServer,
    apicurio: Apicurio,
    mysql_database: str,
    monkeypatch: pytest.MonkeyPatch,
    route: dict[str, Any],
) -> None:
    rows = ", ".join(f"({n}, {n})" for n in range(1, ROWS + 1))
    mysql.execute(f"CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES {rows}", mysql_database)
    hold = Hold(monkeypatch, 3)
    bench = Bench(mysql, kafka, apicurio, mysql_database, snapshot__chunk__size="10", snapshot__max__threads="2")
    routed = Routed(bench)
    before, behind = f"{bench.prefix}.{mysql_database}.t", f"{bench.prefix}.behind"
    with bench.running() as task:
        hold.wait()
        mysql.execute("UPDATE t SET n = n + 100 WHERE id % 3 = 0", mysql_database)
        wait(task, lambda: (99, 199) in state_of(routed.read(before)).items(), "the changes by the old route")
        routed.put(f"{mysql_database}.t", route)
        number = task.submit(RoutesChanged())
        assert number is not None
        mysql.execute("UPDATE t SET n = n + 200 WHERE id % 7 = 0; DELETE FROM t WHERE id = 98", mysql_database)
        wait(task, lambda: task.commands_taken >= number, "the route is taken")
        mysql.execute("UPDATE t SET n = n + 400 WHERE id % 9 = 0; INSERT INTO t VALUES (1000, 0)", mysql_database)
        hold.let_go()
        wait(task, lambda: 1000 in state_of(routed.read(behind)), "the last change")
        wait(task, lambda: len(state_of(routed.read(before) + routed.read(behind))) == ROWS, "all rows")
    old, new = routed.read(before), routed.read(behind)
    expected = dict(mysql.query("SELECT id, n FROM t", mysql_database))
    assert state_of(old + new) == expected
    copied = [key for key, value in old + new if value is not None and value["op"] == "r"]
    assert len(copied) == len(set(copied)), "each row is copied once at most, whatever the route"
    if "filter" in route:
        assert told(routed.read(f"{bench.prefix}.copy")) == told(new), "the same in both"


def test_signals_set_and_delete_routes(
    kafka: KafkaBroker, mysql: MySqlServer, apicurio: Apicurio, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("the history tells of the tables, and rows wait")

    monkeypatch.setattr("faust_cdc.pipeline.route_check.connect", asked)
    mysql.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, n INT); CREATE TABLE u (id INT PRIMARY KEY, n INT); "
        "CREATE TABLE v LIKE t; CREATE TABLE w LIKE t; "
        "CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)",
        mysql_database,
    )
    bench = Bench(
        mysql,
        kafka,
        apicurio,
        mysql_database,
        snapshot__mode="no_data",
        signal__data__collection=f"{mysql_database}.sig",
    )
    routed, table = Routed(bench), f"{mysql_database}.t"
    first, second = f"{bench.prefix}.{table}", f"{bench.prefix}.second"

    def signal(number: int, kind: str, tables: str, route: dict[str, Any] | None = None) -> str:
        data = json.dumps({"tables": tables} if route is None else {"tables": tables, "route": route})
        return f"INSERT INTO sig VALUES ('{number}', '{kind}', '{data}')"

    set_route = signal(1, "set-route", table, {"topic": "${prefix}.second"})
    also = signal(5, "set-route", f"{mysql_database}.u", {"topic": "${prefix}.third"})
    with bench.running() as task:
        wait(task, lambda: task.progress.phase is Phase.STREAMING, "it streams")
        mysql.execute("INSERT INTO t VALUES (1, 1), (2, 1); INSERT INTO u VALUES (1, 1)", mysql_database)
        mysql.execute(
            f"BEGIN; INSERT INTO t VALUES (3, 1); {set_route}; {also}; UPDATE t SET n = 2; COMMIT", mysql_database
        )
        mysql.execute("UPDATE t SET n = 3; UPDATE u SET n = 3", mysql_database)
        told_at = task.submit(RoutesChanged())
        assert told_at is not None
        wait(task, lambda: task.commands_taken >= told_at, "as a worker tells it that the topic has them")
        wait(task, lambda: len(routed.read(second)) == 3, "records behind the signal")
        assert [(key, value["op"]) for key, value in routed.read(first)] == [
            *((key, "c") for key in (1, 2, 3)),
            *((key, "u") for key in (1, 2, 3)),
        ], "what stands in the signal's own transaction goes as before it"
        assert [one.tables for one in routed.log.read()] == [table, f"{mysql_database}.u"]
        wait(task, lambda: [key for key, _ in routed.read(f"{bench.prefix}.third")] == [1], "the other signal too")

        refused = signal(2, "set-route", table, {"topic": "${prefix}.x", "filter": "nothing = 1"})
        mixed = signal(3, "set-route", f"{mysql_database}.u", {"topic": second})
        mysql.execute(f"{refused}; {mixed}", mysql_database)
        unseen = signal(6, "set-route", f"{mysql_database}.[vw]", {"topic": "${prefix}.vw"})
        mysql.execute(unseen, mysql_database)
        wait(task, lambda: sum(one.type == "REFUSED" for one in bench.told) == 3, "all are refused")
        reasons = [one.additional_data["reason"] for one in bench.told if one.type == "REFUSED"]
        assert "no column 'nothing'" in reasons[0]
        assert "equal keys would be taken for one row" in reasons[1]
        assert "equal keys would be taken for one row" in reasons[2], "of tables that no row has shown yet"
    mysql.execute("UPDATE t SET n = 4", mysql_database)
    with bench.running() as task:
        wait(task, lambda: len(routed.read(second)) == 6, "by the same route after a restart")
        mysql.execute(f"{signal(4, 'delete-route', table)}; UPDATE t SET n = 5", mysql_database)
        wait(task, lambda: len(routed.read(first)) == 9, "where it went before")
    assert len(routed.read(second)) == 6
    assert [one.tables for one in routed.log.read()] == [f"{mysql_database}.u"]
