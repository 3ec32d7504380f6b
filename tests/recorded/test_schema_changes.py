"""Every recorded record of Debezium's schema change topic, made by us of the history's line for the same change."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro

from faust_cdc.history.changes import ChangeKind, SchemaChange, StructureChange
from faust_cdc.history.table_reading import as_told, table_id_of, table_of
from faust_cdc.pipeline.schema_change_topic import value_fields
from faust_cdc.transcode.json_encoding import JsonOptions, json_struct
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.metadata import schema_change_key_schema, schema_change_value_schema
from tests.recorded import runs

RECORDS = 179
SPELLED_OTHERWISE = ("BOOL", "BOOLEAN", "REAL", "NCHAR", "GEOMCOLLECTION")
"""Types that a history keeps as a statement spelt them, and that are read as what the server shows."""


def line_of(record: Any) -> Any:
    """The line of the history for the same change; none where a run keeps captured tables alone."""
    value = record["value"]
    return next(
        (
            line
            for line in runs.lines("history")
            if (line["run"], line["ts_ms"], line["ddl"]) == (record["run"], value["ts_ms"], value["ddl"])
        ),
        None,
    )


def test_the_schemas_are_those_recorded_as_text() -> None:
    ours = {"key": schema_change_key_schema("mysql"), "value": schema_change_value_schema("mysql")}
    for recorded in runs.lines("schema_change_schemas"):
        assert json.dumps(ours[recorded["part"]]) == json.dumps(recorded["avro"])


def test_every_recorded_record() -> None:
    as_json = json_struct(schema_change_value_schema("mysql"), JsonOptions(schemas=False))
    avro = fastavro.parse_schema(schema_change_value_schema("mysql"))
    compared = with_tables = 0
    for record in runs.lines("schema_changes"):
        line, recorded = line_of(record), record["value"]
        source = SourceInfo(**recorded["source"])
        named = recorded["source"]["table"]
        tables = (
            () if not named else tuple(table_id_of(f'"{recorded["databaseName"]}"."{t}"') for t in named.split(","))
        )
        change = SchemaChange(recorded["databaseName"], recorded["ddl"], (), tables, about_database=named is None)
        table_changes = [] if line is None else line["tableChanges"]
        assert line is not None or not recorded["tableChanges"]
        fields = value_fields(change, table_changes, source, recorded["ts_ms"])
        assert json.loads(as_json(fields)) == recorded
        out = io.BytesIO()
        fastavro.schemaless_writer(out, avro, fields)
        out.seek(0)
        assert fastavro.schemaless_reader(out, avro, None) == recorded
        assert record["key"] == {"databaseName": change.database}
        compared += 1
        with_tables += bool(table_changes)
    print(f"\n{compared} schema change records equal, {with_tables} of them with tables")
    assert compared == RECORDS


def test_every_recorded_table_is_read_and_written_again() -> None:
    columns = spelled = 0
    for line in runs.lines("history"):
        comments = runs.OPTIONS[line["run"]].get("include.schema.comments") == "true"
        for change in line["tableChanges"]:
            if "table" not in change:
                continue
            table = table_of(change)
            assert as_told(table, comments=comments) == table
            again = StructureChange(ChangeKind(change["type"]), table.id, table).as_json(comments=comments)
            assert again["table"]["primaryKeyColumnNames"] == change["table"]["primaryKeyColumnNames"]
            for theirs, ours in zip(change["table"]["columns"], again["table"]["columns"], strict=True):
                if theirs["typeName"] in SPELLED_OTHERWISE:
                    spelled += 1
                else:
                    assert ours == theirs
                columns += 1
    print(
        f"\n{columns} columns of the recorded history read and written again, {spelled} by another name of their type"
    )
    assert columns > 800
