"""JSON records and schemas against those that Connect's JsonConverter made of Debezium 3.6.1's records, as text."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from faust_cdc.errors import TableError
from faust_cdc.routing import topic_for
from faust_cdc.transcode.encoding import Encoding
from faust_cdc.transcode.jackson import document_text
from faust_cdc.transcode.json_encoding import JsonOptions, json_key, json_struct, json_value
from faust_cdc.transcode.numbers import signed_bytes
from faust_cdc.transcode.plan import ColumnPlan, KeyConstant, TranscodeOptions, TranscodePlan, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc.transcode.row import UNAVAILABLE, Row
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.connect_schema import connect_schema, json_form
from faust_cdc_schemas.metadata import heartbeat_key_schema, transaction_value_schema
from tests.transcode import golden, golden_modes
from tests.transcode.images import SOURCE, TOPIC, columns, table

OPTIONS = {
    "r1": TranscodeOptions(field_name_adjustment="avro", compatible=True),
    "r2": replace(golden_modes.RUNS["r2"], compatible=True),
}
AS_CONNECT = JsonOptions(schemas=False, null_is_default=True)
RECORDS = golden.lines("golden_json_records.jsonl")


def plan_of(run: str, name: str) -> TranscodePlan:
    described = golden.tables()[name]
    return build_plan(described, topic_for("gp", described.id), OPTIONS[run])


def avro_ready(value: Any, one: ColumnPlan) -> Any:
    """What a row holds where JsonConverter printed `value`."""
    if isinstance(value, dict):
        return {name: base64.b64decode(part) if name == "wkb" else part for name, part in value.items()}
    return base64.b64decode(value) if one.mapping.avro == "bytes" and value is not None else value


def row_of(plan: TranscodePlan, after: dict[str, Any]) -> Row | None:
    """The row of a recorded record; None when the table had other columns then."""
    if list(after) != [one.field_name for one in plan.columns]:
        return None
    return tuple(avro_ready(after[one.field_name], one) for one in plan.columns)


def test_records_are_the_bytes_that_connect_wrote() -> None:
    compared = 0
    for record in RECORDS:
        plan, value = plan_of(record["run"], record["table"]), json.loads(record["value"])
        row = row_of(plan, value["after"])
        if row is None:
            continue
        source = SourceInfo(**{one.name: value["source"][one.name] for one in fields(SourceInfo)})
        made = json_value(plan, AS_CONNECT)("c", None, row, source, value["ts_ns"], value["transaction"])
        assert made.decode() == record["value"]
        if record["key"] is not None and record["table"] != "pk2" and record["table"] != "nopk":  # r2 chose other keys
            assert json_key(plan, AS_CONNECT)(row).decode() == record["key"]
        compared += 1
    assert (compared, len(RECORDS)) == (116, 121)


@pytest.mark.parametrize("line", golden.lines("golden_connect_schemas.jsonl"), ids=lambda line: str(line["topic"]))
def test_schemas_are_those_that_connect_wrote(line: dict[str, Any]) -> None:
    name = "we-ird$tab" if line["topic"].endswith("we-ird_tab") else line["topic"].rsplit(".", 1)[1]
    if name in ("nopk", "pk2") and line["part"] == "key":
        return  # r2 chose other keys
    plan = plan_of("r2", name)
    form = json_form(connect_schema(plan.value_schema if line["part"] == "value" else plan.key_schema))
    if line["part"] == "value" and name != "defs":
        before, after = form["fields"][:2]
        assert {**before, "field": "after"} == after
        form = before
    assert document_text(form) == document_text(line["connect"])


def encodings(options: JsonOptions, *definitions: str) -> tuple[TranscodePlan, Encoding]:
    plan = build_plan(table(*columns(*definitions), key=("c0",)), TOPIC, TranscodeOptions())
    return plan, Encoding(json_key(plan, options), json_value(plan, options))


def after(encoding: Encoding, row: Row) -> str:
    text = encoding.value("c", None, row, SOURCE, 1, None).decode()
    return text[text.index('"after":') + 8 : text.index(',"source"')]


def test_null_stays_null_unless_the_default_is_asked_for() -> None:
    definitions = ("int NOT NULL", "varchar(9) DEFAULT 'x'", "decimal(3,1) DEFAULT '1.5'", "int DEFAULT NULL")
    row = (1, None, None, None)
    _, ours = encodings(JsonOptions(schemas=False), *definitions)
    assert after(ours, row) == '{"c0":1,"c1":null,"c2":null,"c3":null}'
    _, theirs = encodings(AS_CONNECT, *definitions)
    assert after(theirs, row) == '{"c0":1,"c1":"x","c2":"Dw==","c3":null}'


def test_decimals_as_numbers_keep_their_digits_in_values_and_defaults() -> None:
    options = JsonOptions(schemas=True, numeric_decimals=True)
    plan, encoding = encodings(options, "decimal(12,4) NOT NULL", "decimal(30,10) DEFAULT '0.0000000001'")
    row = (signed_bytes(-1_500_000), signed_bytes(1))
    payload = encoding.value("c", None, row, SOURCE, 1, None).decode().partition('"payload":')[2]
    assert '"after":{"c0":-150.0000,"c1":1E-10}' in payload
    assert encoding.key is not None
    assert encoding.key(row).decode().endswith('"payload":{"c0":-150.0000}}')
    form = json_form(connect_schema(plan.value_schema).field("after"), numeric_decimals=True)
    assert form["fields"][1]["default"] == Decimal("1E-10")
    assert '"default":1E-10' in document_text(form)


def test_texts_are_escaped_as_jackson_does() -> None:
    _, encoding = encodings(JsonOptions(schemas=False), "int NOT NULL", "text")
    text = 'a"b\\c/\b\f\n\r\t\x00\x1f\x0b\x7f\u2028é😀\\u001f'
    expected = '"a\\"b\\\\c/\\b\\f\\n\\r\\t\\u0000\\u001F\\u000B\x7f\u2028é\\uD83D\\uDE00\\\\u001f"'
    assert after(encoding, (1, text)) == f'{{"c0":1,"c1":{expected}}}'


def test_records_with_schemas_are_an_envelope_that_reads_back() -> None:
    _, encoding = encodings(JsonOptions(), "int NOT NULL", "bit(1)", "double", "float")
    record = json.loads(encoding.value("u", (1, True, 1e7, 0.1), (1, False, 1e-4, 3e10), SOURCE, 1, None))
    assert list(record) == ["schema", "payload"]
    assert record["payload"]["before"] == {"c0": 1, "c1": True, "c2": 1e7, "c3": 0.1}
    assert record["schema"]["name"] == f"{TOPIC}.Envelope"
    assert record["payload"]["source"] == SOURCE.as_record()


def test_a_column_that_is_not_there_is_an_error() -> None:
    plan, encoding = encodings(JsonOptions(), "int NOT NULL", "bit(1)", "text", "blob", "double")
    whole: Row = (1, True, "a", b"", 1.0)
    transcoder = ReferenceTranscoder(plan, encoding=encoding)
    for index in range(len(whole)):
        row = (*whole[:index], UNAVAILABLE, *whole[index + 1 :])
        with pytest.raises(TableError, match=f"leaves out c{index}"):
            transcoder.value("c", None, row, SOURCE, 1)


def test_a_key_constant_is_the_last_field_of_every_key() -> None:
    constant = KeyConstant("__dbz__physicalTableIdentifier", "p.shop.t")
    plan = build_plan(table(*columns("int NOT NULL")), TOPIC, TranscodeOptions(), constant)
    made = json_key(plan, JsonOptions())((1,)).decode()
    assert made.endswith('"payload":{"__dbz__physicalTableIdentifier":"p.shop.t"}}')
    assert '"fields":[{"type":"string","optional":false,"field":"__dbz__physicalTableIdentifier"}]' in made


def test_records_about_the_stream() -> None:
    key = json_struct(heartbeat_key_schema(), JsonOptions())({"serverName": "p"})
    assert key.decode() == (
        '{"schema":{"type":"struct","fields":[{"type":"string","optional":false,"field":"serverName"}],'
        '"optional":false,"name":"io.debezium.connector.common.ServerNameKey","version":1},"payload":{"serverName":"p"}}'
    )
    end = {"status": "END", "id": "u:1", "event_count": 1, "ts_ms": 5}
    counts = [{"data_collection": "d.t", "event_count": 1}]
    value = json_struct(transaction_value_schema(), JsonOptions(schemas=False))({**end, "data_collections": counts})
    assert value.decode() == (
        '{"status":"END","id":"u:1","event_count":1,"data_collections":[{"data_collection":"d.t","event_count":1}],'
        '"ts_ms":5}'
    )


def test_numbers_in_avro_schemas_are_javas_because_registries_compare_texts() -> None:
    definitions = (
        "double DEFAULT '1e20'",
        "double DEFAULT '0.0001'",
        "float DEFAULT '1234567.891'",
        "double DEFAULT '0'",
    )
    plan = build_plan(table(*columns(*definitions)), TOPIC, TranscodeOptions())
    written = [part.split("}")[0] for part in plan.value_schema_json.split('"connect.default":')[1:5]]
    assert written == ["1.0E20", "1.0E-4", "1234567.9", "0.0"]


def test_numbers_in_key_headers_are_javas() -> None:
    plan = build_plan(table(*columns("double NOT NULL", "float NOT NULL"), key=("c0", "c1")), TOPIC, TranscodeOptions())
    single = struct.unpack("<f", struct.pack("<f", 0.1))[0]
    assert ReferenceTranscoder(plan, 1, 2).key_struct_json((1e-5, single)) == '{"c0":1.0E-5,"c1":0.1}'
