"""Reselected columns on real servers: which, by which key, and what happens when the row is gone."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.config.custom_converters import Reselect, custom_converters, post_processors
from faust_cdc.errors import CdcError, SourceConnectionLost, TableError
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.pipeline.reselect import Reselector
from faust_cdc.pipeline.task import ConnectorTask
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import build_plan
from faust_cdc.transcode.reference import UNAVAILABLE, ReferenceTranscoder, Row
from tests.lab import Apicurio, KafkaBroker, MySqlServer, SqlServer
from tests.mysql.test_schema_live import database, server
from tests.pipeline.test_task import Bench
from tests.transcode.both_paths import address, snapshot, tables_from_server

pytestmark = pytest.mark.integration

__all__ = ["database", "server"]

PLACEHOLDER = "__debezium_unavailable_value"
CLASS = "io.debezium.processors.reselect.ReselectColumnsPostProcessor"


def rules(**options: str) -> Reselect:
    keys = {f"x.reselect.{key.replace('__', '.')}": value for key, value in options.items()}
    made, problems = post_processors({"post.processors": "x", "x.type": CLASS, **keys})
    assert not problems
    return made[0]


class Scene:
    """A table with one row whose columns a row image may lack."""

    def __init__(self, server: SqlServer, database: str, ddl: str, insert: str, options: TranscodeOptions) -> None:
        self.server, self.database = server, database
        server.execute(f"SET sql_mode=''; CREATE TABLE `a%s` {ddl}; INSERT INTO `a%s` VALUES {insert}", database)
        (table,) = tables_from_server(server, database, "a%s")
        plan = build_plan(table, "p.d.t", options)
        self.captured = CapturedTable(table.id, plan.topic, ReferenceTranscoder(plan, 1, 2))
        (self.row,) = snapshot(server, self.captured.transcoder)

    def without(self, missing: Any, *columns: str) -> Row:
        names = [one.column.name for one in self.captured.transcoder.plan.columns]
        shown = zip(names, self.row[: len(names)], strict=True)
        return (*(missing if name in columns else cell for name, cell in shown), *self.row[len(names) :])

    def reselect(self, chosen: Reselect, row: Row) -> Row:
        reselector = Reselector(chosen, PLACEHOLDER, address(self.server))
        try:
            return reselector(self.captured, row)
        finally:
            reselector.close()


def text_scene(server: SqlServer, database: str) -> Scene:
    ddl = "(id INT PRIMARY KEY, `v%s` TEXT, b BLOB, n INT, t TINYINT(1))"
    tiny = {"converters": "c", "c.type": "io.debezium.connector.binlog.converters.TinyIntOneToBooleanConverter"}
    options = TranscodeOptions(custom_converters=custom_converters(tiny)[0], field_name_adjustment="avro")
    return Scene(server, database, ddl, "(1, 'größe', x'00ff', 7, 1)", options)


def test_missing_values_become_those_of_a_snapshot(server: SqlServer, database: str) -> None:
    scene = text_scene(server, database)
    for missing in (None, UNAVAILABLE):
        row = scene.without(missing, "v%s", "b", "n", "t")
        assert scene.reselect(rules(), row) == scene.row == (1, "größe", b"\x00\xff", 7, True)
    assert scene.reselect(rules(), scene.without(PLACEHOLDER, "v%s")) == scene.row
    assert scene.reselect(rules(), scene.without(PLACEHOLDER.encode(), "b")) == scene.row


def test_the_lists_and_switches_choose(server: SqlServer, database: str) -> None:
    scene = text_scene(server, database)
    nulls, absent = scene.without(None, "v%s", "n"), scene.without(PLACEHOLDER, "v%s")
    only_n = rules(columns__include__list=rf"{database}\.A.*:N")
    assert scene.reselect(only_n, nulls) == scene.without(None, "v%s")
    assert scene.reselect(rules(columns__exclude__list=".*:n"), nulls) == scene.without(None, "n")
    assert scene.reselect(rules(null__values="false"), nulls) == nulls
    assert scene.reselect(rules(unavailable__values="false"), absent) == absent


KEYS = [
    ("BIGINT UNSIGNED", "18446744073709551615"),
    ("DECIMAL(20,3)", "-12345.678"),
    ("VARCHAR(20)", "'it''s \\\\ 50%'"),
    ("VARCHAR(20) CHARACTER SET latin1", "'größe'"),
    ("VARBINARY(9)", "x'00ff27'"),
    ("BINARY(4)", "x'00ff'"),
    ("DATE", "'2024-02-29'"),
    ("TIME(3)", "'-01:02:03.456'"),
    ("DATETIME(6)", "'1969-12-31 23:59:59.999999'"),
    ("DATETIME", "'2024-02-29 12:34:56'"),
    ("TIMESTAMP(2)", "'2024-02-29 12:34:56.78'"),
    ("ENUM('x','y')", "'y'"),
    ("YEAR", "2024"),
    ("BIT(9)", "b'101010101'"),
    ("BIT(1)", "b'1'"),
    ("DOUBLE", "0.1"),
]
MODES = (
    TranscodeOptions(),
    TranscodeOptions(
        time_precision_mode="isostring",
        decimal_handling_mode="string",
        bigint_unsigned_handling_mode="precise",
        binary_handling_mode="base64",
    ),
    TranscodeOptions(time_precision_mode="nanoseconds", binary_handling_mode="hex"),
)


@pytest.mark.parametrize("options", MODES, ids=lambda options: options.time_precision_mode)
def test_rows_are_found_by_keys_of_every_type(server: SqlServer, database: str, options: TranscodeOptions) -> None:
    types = [
        f"k{n} {kind} NOT NULL" for n, (kind, _) in enumerate(KEYS) if "TIME(3)" not in kind or options == MODES[0]
    ]
    values = [literal for kind, literal in KEYS if "TIME(3)" not in kind or options == MODES[0]]
    key = ", ".join(one.partition(" ")[0] for one in types)
    ddl = f"({', '.join(types)}, v INT, PRIMARY KEY ({key}))"
    scene = Scene(server, database, ddl, f"({', '.join(values)}, 5)", options)
    assert scene.reselect(rules(error__handling__mode="fail"), scene.without(None, "v")) == scene.row


def test_a_row_that_is_gone_is_left_alone_or_stops_the_task(
    server: SqlServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene = text_scene(server, database)
    scene.server.execute("DELETE FROM `a%s`", database)
    row = scene.without(None, "n")
    with caplog.at_level(logging.WARNING):
        assert scene.reselect(rules(), row) == row
    assert f"{database}.a%s, row id=1: n cannot be reselected, the row is not in the table any more" in caplog.text
    with pytest.raises(TableError, match="id=1: n cannot be reselected, the row is not in the table"):
        scene.reselect(rules(error__handling__mode="fail"), row)
    scene.server.execute("DROP TABLE `a%s`", database)
    assert scene.reselect(rules(), row) == row
    with pytest.raises(TableError, match=r"id=1: n cannot be reselected: .*1146"):
        scene.reselect(rules(error__handling__mode="fail"), row)


def test_a_lost_connection_is_opened_again_and_one_that_cannot_be_is_an_error(
    server: SqlServer, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    scene = text_scene(server, database)
    reselector = Reselector(rules(error__handling__mode="fail"), PLACEHOLDER, address(server))
    row = scene.without(None, "n")
    assert reselector(scene.captured, row) == scene.row
    (number,) = server.query(
        f"SELECT id FROM information_schema.processlist WHERE user = '{server.user}' AND command = 'Sleep' "
        "ORDER BY time, id DESC LIMIT 1"
    )[0]
    server.execute(f"KILL {number}")
    assert reselector(scene.captured, row) == scene.row
    reselector.close()
    nowhere = replace(address(server), port=1)
    with pytest.raises(SourceConnectionLost):
        Reselector(rules(error__handling__mode="fail"), PLACEHOLDER, nowhere)(scene.captured, row)
    with caplog.at_level(logging.WARNING):
        assert Reselector(rules(), PLACEHOLDER, nowhere)(scene.captured, row) == row
    assert "The columns stay as the row image has them" in caplog.text


@pytest.mark.parametrize("kind", ["FLOAT", "TINYINT(1)"])
def test_a_key_that_its_record_does_not_hold_is_an_error(server: SqlServer, database: str, kind: str) -> None:
    tiny = {"converters": "c", "c.type": "io.debezium.connector.binlog.converters.TinyIntOneToBooleanConverter"}
    options = TranscodeOptions(custom_converters=custom_converters(tiny)[0])
    scene = Scene(server, database, f"(k {kind} PRIMARY KEY, v INT)", "(1, 2)", options)
    with pytest.raises(CdcError, match="v cannot be reselected by the key"):
        scene.reselect(rules(error__handling__mode="fail"), scene.without(None, "v"))


def test_tables_without_a_key_are_left_alone(server: SqlServer, database: str) -> None:
    scene = Scene(server, database, "(id INT, v INT)", "(1, 2)", TranscodeOptions())
    row = scene.without(None, "v")
    assert scene.reselect(rules(error__handling__mode="fail"), row) == row


def test_fail_stops_the_task_before_the_offset_passes(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str
) -> None:
    more = {"post.processors.x.type": CLASS, "post.processors.x.reselect.error.handling.mode": "fail"}
    bench = Bench(mysql, kafka, apicurio, mysql_database, post__processors="x", **more)
    mysql.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, NULL)", mysql_database)
    states: list[Any] = []
    task = ConnectorTask(bench.spec, states.append)
    task.start()
    bench.events("t", 1, task)
    mysql.execute("BEGIN; INSERT INTO t VALUES (2, NULL); UPDATE t SET v = 5 WHERE id = 2; COMMIT", mysql_database)
    events = bench.events("t", 3, task)
    assert [(one["op"], one["after"]) for one in events] == [
        ("r", {"id": 1, "v": None}),
        ("c", {"id": 2, "v": 5}),
        ("u", {"id": 2, "v": 5}),
    ]
    before = bench.stored_offset()
    mysql.execute("BEGIN; INSERT INTO t VALUES (3, NULL); DELETE FROM t WHERE id = 3; COMMIT", mysql_database)
    assert task.join(120)
    assert "id=3: v cannot be reselected" in str(task.state.cause)
    assert bench.stored_offset()["pos"] == before["pos"]
