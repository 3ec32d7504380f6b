"""Our schemas under the value modes against those that Debezium 3.6.1 and AvroData made, as text."""

import json
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.routing import topic_for
from faust_cdc.transcode.plan import TranscodePlan, build_plan
from tests.transcode import golden, golden_modes

CASES = [(run, table) for run in golden_modes.RUNS for table in golden_modes.tables(run)]
NOT_ADJUSTED = ("r4", "we-ird$tab")
"""Names that Avro refuses: AvroData failed on them when r4 was recorded, and we refuse the table."""


def plan_of(run: str, name: str) -> TranscodePlan:
    table = golden.tables()[name]
    return build_plan(table, topic_for("gp", table.id), replace(golden_modes.RUNS[run], compatible=True))


def cut(schema: Any, recorded: Any) -> Any:
    """Our envelope cut as the recording is: no `source`, no `transaction`, no field that r4 masked or excluded."""
    schema = json.loads(json.dumps(schema))
    for field in schema["fields"]:
        if field["name"] in ("source", "transaction"):
            field["type"] = None
    row = schema["fields"][0]["type"][1]
    kept = {field["name"] for field in recorded["fields"][0]["type"][1]["fields"]}
    row["fields"] = [field for field in row["fields"] if field["name"] in kept]
    return schema


@pytest.mark.parametrize(("run", "name"), [case for case in CASES if case != NOT_ADJUSTED])
def test_schemas_equal_the_recorded_ones(run: str, name: str) -> None:
    plan = plan_of(run, name)
    recorded = golden_modes.schemas(run)
    value = recorded[plan.topic, "value"]
    assert golden_modes.as_text(cut(plan.value_schema, value)) == golden_modes.as_text(value)
    if (plan.topic, "key") in recorded:
        assert plan.key_schema_json == golden_modes.as_text(recorded[plan.topic, "key"])
    else:
        assert name in ("nopk", "pk2"), "r4 set message.key.columns for both"


def test_every_recorded_schema_was_compared() -> None:
    assert len(CASES) == 38
