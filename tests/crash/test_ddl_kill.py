"""kill -9 around the commit of a DDL statement: its line of the history is there or not yet, the offset is before it.

The statement is read again then. Done twice, these would be undone: columns and tables swap their names. Table maps
have no names here, so what rows are is known from the history and the statements alone.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter

import pytest

from faust_cdc.failpoints import KILLED
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.registry.embedded import EmbeddedRegistry, MemorySchemaLog
from tests.lab import KafkaBroker, MySqlServer
from tests.pipeline.test_schema_history import lines, names_left_out, published
from tests.pipeline.test_task import Bench, images
from tests.registry.support import served

pytestmark = [pytest.mark.integration, pytest.mark.crash]

PLACES = ("ddl.written", "ddl.safe")
"""The record is in the open Kafka transaction; the line of the history is safe, too."""
REACHED_S = 180
SWAP_COLUMNS = "ALTER TABLE a RENAME COLUMN v TO w, RENAME COLUMN w TO v"
SWAP_TABLES = "RENAME TABLE a TO tmp, b TO a, tmp TO b"


def live(spec: TaskSpec) -> None:
    """Be a process that runs a task until it dies."""
    task = ConnectorTask(spec)
    task.start()
    task.join(REACHED_S)


def die_at(place: str, spec: TaskSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a task run in a process that dies at a place."""
    with monkeypatch.context() as patch:
        patch.setenv("FAUST_CDC_FAILPOINT", f"{place}:1")
        life = multiprocessing.get_context("spawn").Process(target=live, args=(spec,), daemon=True)
        life.start()
    life.join(2 * REACHED_S)
    assert life.exitcode == KILLED, f"{place} is not reached"


def test_a_statement_whose_commit_was_lost_is_done_once(
    mysql: MySqlServer, kafka: KafkaBroker, mysql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mysql.execute(
        "CREATE TABLE a (id INT PRIMARY KEY, v INT, w INT); CREATE TABLE b (id INT PRIMARY KEY, x INT, y INT); "
        "INSERT INTO a VALUES (1, 10, 20); INSERT INTO b VALUES (1, 30, 40)",
        mysql_database,
    )
    registry = EmbeddedRegistry(MemorySchemaLog())
    with served(registry) as url, names_left_out(mysql):
        bench = Bench(mysql, kafka, url, mysql_database)
        with bench.running() as task:
            bench.events("a", 1, task)
            bench.events("b", 1, task)
            mysql.execute(
                "INSERT INTO a VALUES (2, 11, 21)", mysql_database
            )  # the offset is right before the statement
            bench.events("a", 2, task)
        mysql.execute(
            f"{SWAP_COLUMNS}; INSERT INTO a VALUES (3, 12, 22); "
            f"{SWAP_TABLES}; INSERT INTO a VALUES (4, 13, 23); INSERT INTO b VALUES (5, 14, 24)",
            mysql_database,
        )
        for place in PLACES:
            die_at(place, bench.spec, monkeypatch)
        with bench.running() as task:
            a, b = bench.events("a", 4, task), bench.events("b", 2, task)
        statements = Counter(str(one["ddl"]) for one in published(bench))
        history = lines(bench)
    registry.close()
    assert images(a)[1:] == [
        ("c", None, {"id": 2, "v": 11, "w": 21}),
        ("c", None, {"id": 3, "w": 12, "v": 22}),
        ("c", None, {"id": 4, "x": 13, "y": 23}),
    ]
    assert images(b)[1:] == [("c", None, {"id": 5, "w": 14, "v": 24})]
    renamed = ("RENAME TABLE a TO tmp", "RENAME TABLE b TO a", "RENAME TABLE tmp TO b")
    assert {one: statements[one] for one in (SWAP_COLUMNS, *renamed)} == dict.fromkeys((SWAP_COLUMNS, *renamed), 1)
    told = [
        tuple(column["name"] for column in change["table"]["columns"])
        for line in history
        if line.get("ddl") == SWAP_COLUMNS
        for change in line["tableChanges"]
    ]
    assert len(told) >= 2, "a crash repeats lines"
    assert set(told) == {("id", "w", "v")}
