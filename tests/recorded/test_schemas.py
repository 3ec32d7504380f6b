"""Every recorded schema: Avro text that Debezium 3.6.1 and AvroData made, against ours of the same tables.

Tables are read from a live MySQL after the recorded SQL. In the compatible mode texts are equal; in the right one only
defaults, and the mask of a number, differ, each on the list. Connect's form of each is compared as text too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.pipeline.connector_options import transcode_options
from faust_cdc.relational.model import Table
from faust_cdc.routing import topic_for
from faust_cdc.transcode.plan import TranscodePlan, build_plan, schema_json
from faust_cdc_schemas import metadata
from faust_cdc_schemas.connect_schema import connect_schema, json_form
from tests.lab import MySqlServer
from tests.parity.differences import REFUSED, Cell, Tally
from tests.recorded import runs
from tests.recorded.avro_fields import row_fields, with_default
from tests.transcode import golden
from tests.transcode.both_paths import tables_from_server

pytestmark = pytest.mark.integration

SCHEMAS = 175
NOT_WRITTEN_YET = {"gp": 16}
"""Schemas by topic that are not written yet: of the schema change topic."""

LATER_TABLES = """
CREATE TABLE debezium_signal (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048) NULL);
CREATE TABLE newt (id serial, flag bool default true, r real, n nchar(3)) COMMENT 'new';
"""
"""Tables that the recording made while it streamed, and its signal table."""

OF_THE_STREAM: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
    ("gp.transaction", "key"): metadata.transaction_key_schema,
    ("gp.transaction", "value"): metadata.transaction_value_schema,
    ("gp-notif", "key"): metadata.notification_key_schema,
    ("gp-notif", "value"): metadata.notification_value_schema,
    ("__debezium-heartbeat.gp", "key"): metadata.heartbeat_key_schema,
    ("__debezium-heartbeat.gp", "value"): metadata.heartbeat_value_schema,
}


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


def plan_for(line: Any, tables: dict[str, Table], mode: str) -> TranscodePlan:
    """Our plan of the line's table. Raises UnsupportedColumn."""
    altered = line["topic"].endswith(".empty_t") and '"bo"' in json.dumps(line["avro"])
    table = tables["altered" if altered else line["topic"]]
    return build_plan(table, line["topic"], transcode_options(runs.parsed(line["run"], mode)))


def compare_table(line: Any, plan: TranscodePlan, mode: str, tally: Tally) -> None:
    """Compare one key or value schema of Avro: the fields' types and defaults, then the whole text."""
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
            refused = runs.masked_number(line["run"], mode, name)
            tally.compare(
                Cell(name, json.dumps(field), REFUSED if refused else json.dumps(ours)), f"{line['run']} type"
            )
            row_fields(theirs)[index] = ours
    tally.compare(Cell(f"{line['topic']} value", schema_json(theirs), plan.value_schema_json), line["run"])


def compare_connect(line: Any, avro: dict[str, Any], tally: Tally, mode: str) -> None:
    """Compare Connect's form of the schema, made of our Avro schema, as text: JsonConverter's.

    Where the two Avro schemas differ by an entry of the list, which `compare_table` checked, Connect's forms may too,
    in those fields alone.
    """
    theirs, ours = json.loads(json.dumps(line["connect"])), json_form(connect_schema(avro))
    if line["part"] == "value" and json.dumps(line["avro"]) != json.dumps(avro):
        pairs = zip(line["avro"]["fields"][0]["type"][1]["fields"], row_fields(avro), strict=True)
        for index, (left, right) in enumerate(pairs):
            if json.dumps(left) != json.dumps(right):
                for image in (0, 1):
                    theirs["fields"][image]["fields"][index] = ours["fields"][image]["fields"][index]
    tally.compare(Cell(f"{line['topic']} {line['part']} of Connect", json.dumps(theirs), json.dumps(ours)), mode)


def test_connects_form_of_every_recorded_schema_is_read_back_from_avro() -> None:
    """What `connect_schema` knows of Debezium's schemas; a notification's map of metadata is not written yet."""
    seen = Counter[str]()
    for line in runs.lines("schemas"):
        if isinstance(line["avro"], str):
            seen["no Avro schema"] += 1
        elif (line["topic"], line["part"]) == ("gp-notif", "value"):
            seen["not written yet"] += 1
        else:
            assert json.dumps(json_form(connect_schema(line["avro"]))) == json.dumps(line["connect"])
            seen["equal"] += 1
    assert seen == {"equal": 166, "no Avro schema": 6, "not written yet": 3}


@pytest.mark.parametrize("mode", ["right", "debezium"])
def test_all_recorded_schemas(tables: dict[str, Table], mode: str) -> None:
    tally, seen = Tally("recorded-schemas", compatible=mode == "debezium"), Counter[str]()
    not_yet = Counter[str]()
    for line in runs.lines("schemas"):
        place = line["topic"], line["part"]
        if line["topic"] in NOT_WRITTEN_YET:
            not_yet[line["topic"]] += 1
        elif place in OF_THE_STREAM:
            ours = OF_THE_STREAM[place]()
            tally.compare(Cell(" ".join(place), schema_json(line["avro"]), schema_json(ours)), line["run"])
            compare_connect(line, ours, tally, mode)
            seen["compared"] += 1
        elif isinstance(line["avro"], str):
            assert line["avro"].startswith("org.apache.avro.SchemaParseException")
            with pytest.raises(UnsupportedColumn, match="not an Avro name"):
                plan_for(line, tables, mode)
            seen["refused by both"] += 1
        else:
            plan = plan_for(line, tables, mode)
            compare_table(line, plan, mode, tally)
            avro = plan.value_schema if line["part"] == "value" else plan.key_schema
            assert avro is not None
            compare_connect(line, avro, tally, mode)
            seen["compared"] += 1
    print(f"\n{mode}: {len(runs.lines('schemas'))} schemas, {dict(seen)}, not written yet {dict(not_yet)}", end="")
    tally.check()
    assert seen.total() + not_yet.total() == SCHEMAS
    assert not_yet == NOT_WRITTEN_YET
