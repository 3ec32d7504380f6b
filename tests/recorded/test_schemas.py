"""Every recorded schema: Avro text that Debezium 3.6.1 and AvroData made, against ours of the same tables.

Tables are read from a live MySQL after the recorded SQL. In the compatible mode texts are equal; in the right one only
defaults differ, each on the list.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.pipeline.coordinator import transcode_options
from faust_cdc.relational.model import Table
from faust_cdc.routing import topic_for
from faust_cdc.transcode.plan import TranscodePlan, build_plan, schema_json
from faust_cdc_schemas import metadata
from tests.lab import MySqlServer
from tests.parity.differences import Cell, Tally
from tests.recorded import runs
from tests.recorded.avro_fields import row_fields, with_default
from tests.transcode import golden
from tests.transcode.both_paths import tables_from_server

pytestmark = pytest.mark.integration

SCHEMAS = 175
WAITING_FOR_OPTIONS = 10
"""Schemas that an option shaped which this version refuses (`SHAPED_BY`); 0 when all are accepted."""
WAITING_FOR_TOPICS = 22
"""Schemas of the schema change topic and of notifications, which are not written yet."""

SHAPED_BY: dict[tuple[str, str], tuple[str, ...]] = {
    ("r1", "column.propagate.source.type"): ("ints",),
    ("r1", "include.schema.comments"): ("empty_t",),
    ("r4", "column.exclude.list"): ("strs",),
    ("r4", "column.mask.with.5.chars"): ("strs", "ints"),
    ("r4", "column.propagate.source.type"): ("nums",),
    ("r4", "message.key.columns"): ("nopk", "pk2"),
    ("r5", "datatype.propagate.source.type"): ("temps", "tempsnn"),
}
"""Run and option → the tables whose schemas show it (keys only where the option is about keys)."""
ABOUT_KEYS = ("message.key.columns",)

LATER_TABLES = """
CREATE TABLE debezium_signal (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048) NULL);
CREATE TABLE newt (id serial, flag bool default true, r real, n nchar(3)) COMMENT 'new';
"""
"""Tables that the recording made while it streamed, and its signal table."""

OF_THE_STREAM: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
    ("gp.transaction", "key"): metadata.transaction_key_schema,
    ("gp.transaction", "value"): metadata.transaction_value_schema,
    ("__debezium-heartbeat.gp", "key"): metadata.heartbeat_key_schema,
    ("__debezium-heartbeat.gp", "value"): metadata.heartbeat_value_schema,
}
NOT_YET = ("gp", "gp-notif")


@pytest.fixture(scope="module")
def tables(mysql: MySqlServer) -> dict[str, Table]:
    """The recorded tables by topic, and `empty_t` as it was after its ALTER."""
    mysql.execute("DROP DATABASE IF EXISTS gold; CREATE DATABASE gold CHARACTER SET utf8mb4")
    ddl = (golden.DATA / "golden_tables.sql").read_text(encoding="utf-8")
    mysql.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; {ddl}", "gold")
    mysql.execute(LATER_TABLES, "gold")
    names = [*golden.PRIMARY_KEYS, "newt", "debezium_signal"]
    found = {topic_for("gp", one.id): one for one in tables_from_server(mysql, "gold", *names)}
    mysql.execute(
        "ALTER TABLE empty_t ADD COLUMN w varchar(5) NOT NULL DEFAULT 'q' COMMENT 'wcol', ADD COLUMN bo boolean", "gold"
    )
    return found | {"altered": tables_from_server(mysql, "gold", "empty_t")[0]}


def waits(line: Any) -> bool:
    """Whether a refused option of the run shaped the schema."""
    table, refused = line["topic"].rpartition(".")[2], runs.refused(line["run"])
    for (run, option), names in SHAPED_BY.items():
        if run == line["run"] and option in refused and table in names:
            if option in ABOUT_KEYS and line["part"] == "key":
                return True
            if option not in ABOUT_KEYS and line["part"] == "value":
                return option != "include.schema.comments" or "connect.doc" in json.dumps(line["avro"])
    return False


def plan_for(line: Any, tables: dict[str, Table], mode: str) -> TranscodePlan:
    """Our plan of the line's table. Raises UnsupportedColumn."""
    altered = line["topic"].endswith(".empty_t") and '"bo"' in json.dumps(line["avro"])
    table = tables["altered" if altered else line["topic"]]
    return build_plan(table, line["topic"], transcode_options(runs.parsed(line["run"], compatibility__mode=mode)))


def compare_table(line: Any, plan: TranscodePlan, tally: Tally) -> None:
    """Compare one key or value schema: the fields' types and defaults, then the whole text."""
    theirs = json.loads(json.dumps(line["avro"]))
    if line["part"] == "key":
        tally.compare(Cell(f"{line['topic']} key", schema_json(theirs), plan.key_schema_json), line["run"])
        return
    for index, ours in enumerate(row_fields(plan.value_schema)):
        field = row_fields(theirs)[index]
        name = f"{plan.table.id.table}.{ours['name']}"
        left, right = field.get("default"), ours.get("default")
        if left != right:
            tally.compare(Cell(name, left, right), f"{line['run']} default")
            field = row_fields(theirs)[index] = with_default(field, right)
        if json.dumps(field) != json.dumps(ours):
            tally.compare(Cell(name, json.dumps(field), json.dumps(ours)), f"{line['run']} type")
            row_fields(theirs)[index] = ours
    tally.compare(Cell(f"{line['topic']} value", schema_json(theirs), plan.value_schema_json), line["run"])


@pytest.mark.parametrize("mode", ["right", "debezium"])
def test_all_recorded_schemas(tables: dict[str, Table], mode: str) -> None:
    tally, seen = Tally("recorded-schemas", compatible=mode == "debezium"), Counter[str]()
    for line in runs.lines("schemas"):
        place = line["topic"], line["part"]
        if line["topic"] in NOT_YET:
            seen["topics not written"] += 1
        elif place in OF_THE_STREAM:
            text = schema_json(OF_THE_STREAM[place]())
            tally.compare(Cell(" ".join(place), schema_json(line["avro"]), text), line["run"])
        elif isinstance(line["avro"], str):
            assert line["avro"].startswith("org.apache.avro.SchemaParseException")
            with pytest.raises(UnsupportedColumn, match="not an Avro name"):
                plan_for(line, tables, mode)
            seen["refused by both"] += 1
        elif waits(line):
            seen["need options"] += 1
        else:
            compare_table(line, plan_for(line, tables, mode), tally)
            seen["compared"] += 1
    print(f"\n{mode}: {len(runs.lines('schemas'))} schemas, {dict(seen)}")
    tally.check()
    assert len(runs.lines("schemas")) == SCHEMAS
    assert (seen["need options"], seen["topics not written"]) == (WAITING_FOR_OPTIONS, WAITING_FOR_TOPICS)
