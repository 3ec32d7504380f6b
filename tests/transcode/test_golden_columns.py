"""The column options of the recorded runs r4 and r5: schemas as text, and every masked or truncated value.

The recordings are Debezium's, an INT in clear under a mask included, so plans are made with `compatible`.
"""

from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.config.column_rules import column_rules
from faust_cdc.errors import UnsupportedColumn
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.routing import topic_for
from faust_cdc.transcode.plan import TranscodeOptions, TranscodePlan, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.lab import MySqlServer
from tests.transcode import golden, golden_modes
from tests.transcode.both_paths import captured, differences, snapshot, tables_from_server
from tests.transcode.images import SOURCE
from tests.transcode.test_golden_mode_schemas import cut

RULES = {
    "column.mask.hash.SHA-256.with.salt.abc": "gold.strs.vc",
    "column.mask.hash.v2.SHA-256.with.salt.abc": "gold.strs.latin",
    "column.mask.with.5.chars": "gold.strs.tx,gold.ints.i",
    "column.truncate.to.3.chars": "gold.strs.tt,gold.strs.c",
}
SELECTIONS = {
    "r4": ColumnSelection.parse(
        exclude="gold.strs.(mt|lt|nc|nvc)",
        keys="gold.nopk:b;gold.pk2:c",
        rules=column_rules(RULES),
        propagate="gold.nums.*",
    ),
    "r5": ColumnSelection.parse(include="gold.temps.*,gold.tempsnn.*", propagate_datatypes="gold.DATETIME"),
}
"""As in the runs' properties."""


def options_of(run: str) -> TranscodeOptions:
    return replace(golden_modes.RUNS[run], columns=SELECTIONS[run], compatible=True)


def plan_of(run: str, name: str) -> TranscodePlan:
    table = golden.tables()[name]
    return build_plan(table, topic_for("gp", table.id), options_of(run))


@pytest.mark.parametrize("recorded", golden.lines("golden_column_schemas.jsonl"), ids=lambda one: one["topic"])
def test_schemas_equal_the_recorded_ones(recorded: dict[str, Any]) -> None:
    plan = plan_of(recorded["run"], recorded["topic"].removeprefix("gp.gold."))
    expected = golden_modes.as_text(recorded["avro"])
    if recorded["part"] == "key":
        assert plan.key_schema_json == expected
    else:
        ours = plan.value_schema
        assert golden_modes.as_text(cut(ours, recorded["avro"])) == expected
        assert [field["name"] for field in ours["fields"][0]["type"][1]["fields"]] == [
            field["name"] for field in recorded["avro"]["fields"][0]["type"][1]["fields"]
        ]


def test_the_recorded_integer_under_a_mask_is_refused_by_default() -> None:
    table = golden.tables()["ints"]
    with pytest.raises(UnsupportedColumn) as caught:
        build_plan(table, topic_for("gp", table.id), replace(options_of("r4"), compatible=False))
    assert "gold.ints, column 'i' (int): 'column.mask.with.5.chars' cannot mask it" in str(caught.value)


@pytest.mark.integration
def test_recorded_values(mysql: MySqlServer) -> None:
    mysql.execute("DROP DATABASE IF EXISTS gold; CREATE DATABASE gold CHARACTER SET utf8mb4")
    ddl = (golden.DATA / "golden_tables.sql").read_text(encoding="utf-8")
    mysql.execute(f"SET sql_mode='ALLOW_INVALID_DATES'; {ddl}", "gold")
    tables = tables_from_server(mysql, "gold", "strs", "ints", "pk2", "nopk")
    changes = captured(mysql, tables, golden_modes.rows_sql("r4"), options_of("r4"))
    for name in ("strs", "ints", "nopk"):
        equal_bytes(changes[name].transcoder, changes[name].inserted, snapshot(mysql, changes[name].transcoder))
    rows = {(name, row[0]): row for name in ("strs", "ints") for row in changes[name].inserted}
    vectors = golden.lines("golden_columns.jsonl")
    for one in vectors:
        columns = changes[one["table"]].transcoder.plan.columns
        place = next(place.index for place in columns if place.column.name == one["column"])
        assert rows[one["table"], 100 + one["row"]][place] == one["streaming"], one
    assert len(vectors) == 49
    pk2 = changes["pk2"]
    assert [pk2.transcoder.key_struct_json(row) for row in pk2.inserted] == ['{"c":1}']
    assert [changes["nopk"].transcoder.key_struct_json(row) for row in changes["nopk"].inserted] == ['{"b":"x"}']


def equal_bytes(transcoder: ReferenceTranscoder, streamed: list[Any], read: list[Any]) -> None:
    assert differences(transcoder, streamed, read) == []
    by_first = {row[0]: row for row in read}
    for row in streamed:
        twin = by_first[row[0]]
        assert transcoder.key(row) == transcoder.key(twin)
        assert transcoder.value("c", None, row, SOURCE, 1) == transcoder.value("c", None, twin, SOURCE, 1)
