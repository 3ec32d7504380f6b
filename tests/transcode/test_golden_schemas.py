"""Our schemas against those that Debezium 3.6.1 and AvroData made of the same tables, as text."""

import json

import fastavro
import pytest

from faust_cdc.routing import topic_for
from faust_cdc.transcode.plan import TranscodeOptions, TranscodePlan, build_plan
from tests.transcode import golden

DEFAULT_TABLES = sorted(name for name in golden.PRIMARY_KEYS if name != "we-ird$tab")


def as_text(schema: object) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def plan_of(name: str, options: TranscodeOptions | None = None) -> TranscodePlan:
    table = golden.tables()[name]
    return build_plan(table, topic_for("gp", table.id), options or TranscodeOptions(compatible=True))


@pytest.mark.parametrize("name", DEFAULT_TABLES)
def test_value_schema_equals_the_recorded_one(name: str) -> None:
    plan = plan_of(name)
    recorded = golden.without_source_parameters(golden.schemas()[plan.topic, "value"])
    assert plan.value_schema_json == as_text(recorded)
    fastavro.parse_schema(json.loads(plan.value_schema_json))


@pytest.mark.parametrize("name", DEFAULT_TABLES)
def test_key_schema_equals_the_recorded_one(name: str) -> None:
    plan = plan_of(name)
    recorded = golden.schemas().get((plan.topic, "key"))
    if recorded is None:
        assert plan.key_schema is None
    else:
        assert plan.key_schema_json == as_text(golden.without_source_parameters(recorded))


def test_only_the_table_without_a_key_has_no_key_schema() -> None:
    assert [name for name in DEFAULT_TABLES if plan_of(name).key_schema is None] == ["nopk"]


def test_odd_names_are_adjusted_as_recorded() -> None:
    options = TranscodeOptions(schema_name_adjustment="avro", field_name_adjustment="avro")
    plan = plan_of("we-ird$tab", options)
    assert plan.topic == "gp.gold.we-ird_tab"
    assert plan.key_schema_json == as_text(golden.schemas()[plan.topic, "key"])
    assert plan.value_schema_json == as_text(golden.schemas()[plan.topic, "value"])


def test_field_names_alone_are_adjusted_when_the_connector_names_an_avro_converter() -> None:
    plan = plan_of("we-ird$tab", TranscodeOptions(field_name_adjustment="avro"))
    assert [one.field_name for one in plan.columns] == ["_1st_col", "a_b", "c_d", "_"]
    assert plan.value_schema["namespace"] == "gp.gold.we-ird_tab"
