"""Avro documents under connect.meta.data=false and scrub.invalid.names=true."""

from __future__ import annotations

import json

import fastavro
import pytest

from faust_cdc.routing import topic_for
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc_schemas.avro_variants import full_name, scrubbed, scrubbed_name, without_connect_metadata
from faust_cdc_schemas.connect_schema import connect_schema
from faust_cdc_schemas.names import is_avro_name
from tests.transcode import golden


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain_1", "plain_1"),
        ("1st col", "x1st_col"),
        ("we-ird$tab", "we_ird_24tab"),
        ("ü", "_C3_BC"),
        ("a*b~", "a_b_7E"),
        ("", ""),
    ],
)
def test_names_are_scrubbed_as_confluents_converter_does(name: str, expected: str) -> None:
    assert scrubbed_name(name) == expected


def test_a_scrubbed_schema_is_one_that_avro_takes() -> None:
    table = golden.tables()["we-ird$tab"]
    plan = build_plan(table, topic_for("gp", table.id), TranscodeOptions(avro_names=False))
    assert not any(is_avro_name(one.field_name) for one in plan.columns)
    made = scrubbed(plan.value_schema)
    fastavro.parse_schema(made)
    assert full_name(made) == "gp.gold.we_ird_tab.Envelope"
    assert made["connect.name"] == "gp.gold.we-ird_tab.Envelope"
    row = made["fields"][0]["type"][1]
    assert [one["name"] for one in row["fields"]] == ["x1st_col", "a_b", "c_d", "_C3_B1"]
    assert made["fields"][1]["type"][1] == "Value"


def test_without_metadata_only_avros_own_properties_are_left() -> None:
    for table in golden.tables().values():
        plan = build_plan(table, topic_for("gp", table.id), TranscodeOptions(field_name_adjustment="avro"))
        assert "connect." in plan.value_schema_json
        bare = without_connect_metadata(plan.value_schema)
        text = json.dumps(bare)
        for name in ("name", "version", "default", "type", "doc"):
            assert f'"connect.{name}"' not in text
        assert '"connect.parameters"' not in text
        described = connect_schema(bare)
        assert [one.name for one in described.fields] == [one["name"] for one in plan.value_schema["fields"]]
    nums = golden.tables()["nums"]
    bare = without_connect_metadata(build_plan(nums, "t", TranscodeOptions()).value_schema)
    decimals = [
        one["type"][1]
        for one in bare["fields"][0]["type"][1]["fields"]
        if isinstance(one["type"], list) and isinstance(one["type"][1], dict)
    ]
    assert decimals[0] == {"type": "bytes", "scale": 0, "precision": 10, "logicalType": "decimal"}
