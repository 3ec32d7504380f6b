"""Chains that look at no value are run once for each form of record, and come to what they come to on each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from faust_cdc.config.connector import parse_connector_config
from faust_cdc.config.converter_settings import JsonOptions
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.pipeline.assembly import outlet_of
from faust_cdc.pipeline.converters import Converters, JsonConverter, avro_converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.transformed import TransformedRecords
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc_schemas.metadata import heartbeat_key_schema, heartbeat_value_schema
from tests.connect.memory import MYSQL_CONFIG

K, D = "org.apache.kafka.connect.transforms.", "io.debezium.transforms."

SPENT = {
    "logical table": {"type": f"{D}ByLogicalTableRouter", "topic.regex": r"(.*)\.t\d", "topic.replacement": "$1.t"},
    "logical table without its name": {
        "type": f"{D}ByLogicalTableRouter", "topic.regex": r"(.*)\.t\d", "topic.replacement": "$1.t",
        "key.enforce.uniqueness": "false",
    },
    "fixed text": {"type": f"{K}InsertField$Value", "static.field": "who", "static.value": "me"},
    "fixed text in keys": {"type": f"{K}InsertField$Key", "static.field": "who!", "static.value": "me"},
    "topic": {"type": f"{K}InsertField$Value", "topic.field": "came"},
    "name": {"type": f"{K}SetSchemaMetadata$Value", "schema.name": "other.Name", "schema.version": "3"},
    "names of fields": {"type": f"{K}ReplaceField$Value", "renames": "op:kind,source:origin"},
    "header": {"type": f"{K}InsertHeader", "header": "a", "value.literal": "7"},
    "no header": {"type": f"{K}DropHeaders", "headers": "h"},
    "no structures": {"type": f"{D}SchemaChangeEventFilter", "schema.change.event.exclude.list": "DROP"},
    "nothing": {"type": f"{K}Filter"},
}  # fmt: skip
NOT_SPENT = {
    "fields left out": {"type": f"{K}ReplaceField$Value", "exclude": "ts_ns"},
    "defaults": {
        "type": f"{K}InsertField$Value", "static.field": "a", "static.value": "b", "replace.null.with.default": "true",
    },
    "row": {"type": f"{D}ExtractNewRecordState"},
    "partition": {"type": f"{K}InsertField$Value", "partition.field": "p"},
    "key's field": {"type": f"{K}ExtractField$Key", "field": "id"},
    "mask": {"type": f"{K}MaskField$Value", "fields": "op"},
}  # fmt: skip
PREDICATES = {
    "all": {},
    "tombstones": {"type": f"{K}predicates.RecordIsTombstone"},
    "a topic": {"type": f"{K}predicates.TopicNameMatches", "pattern": ".*t1"},
    "a header": {"type": f"{K}predicates.HasHeaderKey", "name": "odd"},
}


class Watched(TransformedRecords):
    """Counts how often the chain is run."""

    runs = 0

    def _through(self, record: ChangeRecord) -> Any:
        self.runs += 1
        return super()._through(record)


def outlets(
    monkeypatch: pytest.MonkeyPatch, transform: dict[str, str], predicate: dict[str, str], **more: str
) -> tuple[Watched, Watched]:
    """Two that do the same, of which the second runs its chain on each record."""
    monkeypatch.setattr("faust_cdc.pipeline.assembly.TransformedRecords", Watched)
    given = {f"transforms.x.{name}": value for name, value in transform.items()}
    given |= {f"predicates.p.{name}": value for name, value in predicate.items()}
    if predicate:
        given |= {"transforms.x.predicate": "p", "predicates": "p"}
    config = parse_connector_config(MYSQL_CONFIG | {"name": "c", "transforms": "x"} | given | more)
    made = []
    for _ in range(2):
        subjects: dict[tuple[str, str], int] = {}
        ids = avro_converters(lambda subject, schema, seen=subjects: seen.setdefault((subject, schema), len(seen)))  # type: ignore[misc]
        if "value.converter" in more:
            ids = Converters(ids.of_keys, JsonConverter(JsonOptions()))
        records = outlet_of(config, ids, lambda _: None).records
        assert isinstance(records, Watched)
        made.append(records)
    made[1]._forms = None
    return made[0], made[1]


def written(converters: Converters, seed: int) -> Iterator[ChangeRecord]:
    """Rows of three tables, of two versions each, heartbeats and tombstones, in an order of their own."""
    chance, found = random.Random(seed), list[ChangeRecord]()
    for name in ("t1", "t2", "u"):
        for columns in (("id", "v"), ("id", "v", "w")):
            table_id = TableId("shop", name)
            shaped = tuple(
                Column(one, "int" if one == "id" else "varchar", place, one != "id", length=9, charset="utf8mb4")
                for place, one in enumerate(columns)
            )
            plan = build_plan(Table(table_id, shaped, ("id",)), f"p.shop.{name}", TranscodeOptions())
            assert plan.key_schema is not None
            key_of = converters.of_keys.struct(plan.target, plan.key_schema)
            value_of = converters.of_values.struct(plan.target, plan.value_schema)
            for number in range(6):
                key = key_of({"id": chance.randrange(1 << 30)})
                headers: Headers = [("h", b"x"), *([("odd", b"%d" % number)] if number % 2 else [])]
                row = {one: None if chance.random() < 0.3 else str(chance.random()) for one in columns[1:]}
                value = value_of(envelope(plan.value_schema, {"id": number, **row}, number))
                found.append(ChangeRecord(plan.target, key, value, headers, None, table_id))
                found.append(ChangeRecord(plan.target, key, None, headers, None, table_id))
                found.append(ChangeRecord(plan.target, None, value, headers, 3, table_id))
    for number in range(4):
        key = converters.of_keys.struct("beat", heartbeat_key_schema())({"serverName": "s"})
        value = converters.of_values.struct("beat", heartbeat_value_schema())({"ts_ms": number})
        found.append(ChangeRecord("beat", key, value, [("h", b"x")], 0))
    chance.shuffle(found)
    return iter(found)


def envelope(schema: Any, row: dict[str, Any], number: int) -> dict[str, Any]:
    """An event of a schema, with what is required of its blocks."""

    def made(one: Any) -> Any:
        if isinstance(one, list):
            return None if "null" in one else made(one[0])
        kind = one["type"] if isinstance(one, dict) else one
        if kind == "record":
            return {field["name"]: made(field["type"]) for field in one["fields"]}
        return {"string": f"s{number}", "boolean": False, "bytes": b"", "array": []}.get(kind, number)

    event = made(schema)
    assert isinstance(event, dict)
    return event | {"before": None, "after": row}


@pytest.mark.parametrize("predicate", PREDICATES)
@pytest.mark.parametrize("transform", SPENT)
def test_what_is_known_of_a_form_is_what_the_chain_makes_of_each_record(
    monkeypatch: pytest.MonkeyPatch, transform: str, predicate: str
) -> None:
    spent, each = outlets(monkeypatch, SPENT[transform], PREDICATES[predicate])
    records = list(written(spent.converters, 7))
    assert list(written(each.converters, 7)) == records
    expected = [each.outgoing(one) for one in records]
    assert [spent.outgoing(one) for one in records] == expected
    assert each.runs == len(records)
    forms = len({spent._forms.key_of(one) for one in records}) if spent._forms else len(records)
    assert spent.runs == forms < len(records)


@pytest.mark.parametrize("predicate", PREDICATES)
@pytest.mark.parametrize("transform", ["header", "no header", "fixed text"])
def test_what_headers_say_is_no_form_of_its_own(
    monkeypatch: pytest.MonkeyPatch, transform: str, predicate: str
) -> None:
    """A row whose key changes says in a header which one it had: no two of them are alike."""
    spent, each = outlets(monkeypatch, SPENT[transform], PREDICATES[predicate])
    records = list(written(spent.converters, 5))
    list(written(each.converters, 5))  # so that both know the schemas
    names = ("__debezium.newkey", "__debezium.oldkey")
    changed = [
        one._replace(headers=[(names[number % 2], b"row %d %d" % (turn, number)), *one.headers, ("odd", b"%d" % turn)])
        for turn in range(4)
        for number, one in enumerate(records)
    ]
    assert [spent.outgoing(one) for one in changed] == [each.outgoing(one) for one in changed]
    forms = spent._forms
    assert forms is not None
    of_topic = len({(one.topic, one.key and one.key[:5], one.value and one.value[:5]) for one in records})
    assert spent.runs == len(forms._found) <= of_topic * 2 * 2, "two names, with one header or two behind them"
    assert "row " not in str(list(forms._found)), "what is kept of a form has nothing of its rows"


def assert_run_on_each(spent: Watched, each: Watched) -> None:
    records = [one for one in written(spent.converters, 3) if one.key is not None and one.value is not None]
    again = [one for one in written(each.converters, 3) if one.key is not None and one.value is not None]
    assert [each.outgoing(one) for one in again] == [spent.outgoing(one) for one in records]
    assert spent.runs == len(records)


@pytest.mark.parametrize("transform", NOT_SPENT)
def test_chains_that_look_at_values_are_run_on_each_record(monkeypatch: pytest.MonkeyPatch, transform: str) -> None:
    predicate = {"type": f"{K}predicates.TopicNameMatches", "pattern": "p.*"}
    spent, each = outlets(monkeypatch, NOT_SPENT[transform], predicate)
    assert_run_on_each(spent, each)


@pytest.mark.parametrize(
    "option", [{"compatibility.mode": "debezium"}, {"value.converter": "org.apache.kafka.connect.json.JsonConverter"}]
)
def test_values_that_are_written_anew_are_written_each_time(
    monkeypatch: pytest.MonkeyPatch, option: dict[str, str]
) -> None:
    spent, each = outlets(monkeypatch, SPENT["fixed text"], {}, **option)
    assert_run_on_each(spent, each)
