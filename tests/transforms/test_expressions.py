"""The expressions of Filter and ContentBasedRouter: what they give, and what is said of those that cannot be."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms.expressions import DEPTH_MAX, TEXT_MAX, Expression
from faust_cdc.transforms.record import Header, Record, TransformError
from faust_cdc.transforms.schemas import STRING, struct
from faust_cdc.transforms.scripting import content_based_router, expression_filter, scope_of
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_schema import ConnectSchema

AMOUNT = ConnectSchema("bytes", name=names.DECIMAL, version=1, parameters={"scale": "2"}, optional=True)
ROW = struct(
    [
        ("id", ConnectSchema("int32")),
        ("name", ConnectSchema("string", optional=True)),
        ("amount", AMOUNT),
        ("ratio", ConnectSchema("double")),
        ("flag", ConnectSchema("boolean")),
    ],
    name="t.Value",
    optional=True,
)
ENVELOPE = struct(
    [("before", ROW), ("after", ROW), ("source", struct([("table", STRING)], name="Source")), ("op", STRING)],
    name="t.Envelope",
    version=2,
)
BEFORE = {"id": 2, "name": None, "amount": (1230).to_bytes(2, "big"), "ratio": 0.5, "flag": True}
AFTER = BEFORE | {"name": "It's"}
UPDATE = Record(
    "shop.orders",
    struct([("id", ConnectSchema("int32"))], name="t.Key"),
    {"id": 2},
    ENVELOPE,
    {"before": BEFORE, "after": AFTER, "source": {"table": "orders"}, "op": "u"},
    (Header("kind", STRING, "a"),),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("value.op == 'u' && value.before.id == 2", True),
        ('value.op == "u" || value.nothing.at.all', True),
        ("value.op != 'u'", False),
        ("value.op === 'u' && !(value.before.id !== 2)", True),
        ("value.get('op').equals('u')", True),
        ("value.getStruct('before').getInt32('id') >= 2", True),
        ("value.before['id'] + 1", 3),
        ("value.after.amount > 12.29 && value.after.amount < 12.31", True),
        ("value.after.amount == 12.3", True),
        ("value.before.amount * 2", Decimal("24.60")),
        ("value.before.ratio * 4 == 2", True),
        ("value.before.name == null ? 'none' : value.before.name", "none"),
        ("value.before.name?.length()", None),
        ("value.before.name ?: 'other'", "other"),
        ("value.after.name == 'It\\'s'", True),
        ("value.before.id in [1, 2, 3]", True),
        ("value.before.id !in [1, 2, 3]", False),
        ("[1, 'x'].includes('x')", True),
        ("value.source.table.startsWith('ord') && value.source.table ==~ /*any*/ '[a-z]+'", True),
        ("value.source.table =~ 'rde'", True),
        ("value.source.table.matches('rde')", False),
        ("topic + '.' + value.op.toUpperCase()", "shop.orders.U"),
        ('"${topic}-${value.before.id + 1}"', "shop.orders-3"),
        ("topic.substring(0, 4) + topic.length()", "shop11"),
        ("header.kind.value == 'a' && header.other == null", True),
        ("header['kind'].value", "a"),
        ("key.id == 2", True),
        ("valueSchema.name", "t.Envelope"),
        ("keySchema.name()", "t.Key"),
        ("value.before.flag ? 1 : 2", 1),
        ("return value.op == 'u';", True),
        ("-value.before.id - -1", -1),
        ("7 / 2", 3.5),
        ("6 / 2", 3),
        ("-7 % 3", -1),
        ("7 % -3", 1),
        ("1234567890123456789 % 10", 9),
        ("-1234567890123456789 % 10", -9),
        ("' a\u00a0'.trim()", "a\u00a0"),
        ("'abc'.substring(1)", "bc"),
        ("null < 1", True),
        ("1 == '1'", False),
        ("true == 1", False),
        ("'a' < 'b'", True),
        ("1L + 2", 3),
        ("value.op == 'u' // the rest is a remark", True),
    ],
)
def test_an_expression_gives(text: str, expected: Any) -> None:
    found = Expression(text)(scope_of(UPDATE))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("value.op ==", "the expression ends too early at character 12"),
        ("value.op = 'u'", "unexpected '=' at character 10"),
        ("(value.op", "expected ')', found 'the end' at character 10"),
        ("java.lang.Runtime", "there is no 'java'"),
        ("value.getClass()", "there is no method getClass"),
        ("value.op.execute()", "there is no method execute"),
        ("__import__('os')", "there is no '__import__'"),
        ("value.op == 'u' value", "unexpected 'value' at character 17"),
        ("topic.substring()", "substring takes 1 or 2 arguments"),
        ("'open", 'unexpected "\'" at character 1'),
        ("value.", "expected the name of a field or method at character 7"),
        ("(" * (DEPTH_MAX + 1), "nested deeper"),
        ("!" * (DEPTH_MAX + 1) + "true", "nested deeper"),
        ("1" * (TEXT_MAX + 1), "characters"),
        ("", "ends too early"),
    ],
)
def test_what_cannot_be_parsed_is_told_with_its_place(text: str, place: str) -> None:
    with pytest.raises(TransformError) as caught:
        Expression(text)
    assert place in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("value.before.name.length()", "Cannot invoke method length() on null object"),
        ("value.after.nothing", "nothing is not a valid field name"),
        ("value.before.name.x", "Cannot get property 'x' on null object"),
        ("value.before > 1", "Cannot compare a struct with a number"),
        ("value.op * 2", "Cannot compute with a text and a number"),
        ("1 in 2", "'in' needs a list"),
        ("value.before.id =~ 'a'", "a pattern is matched with a text"),
        ("value.before.id.startsWith('a')", "was called on a number"),
        ("'abc'.substring(-1)", "substring(-1, 3) of a text of 3 characters"),
        ("'abc'.substring(2, 1)", "substring(2, 1) of a text of 3 characters"),
    ],
)
def test_what_cannot_be_computed_is_an_error(text: str, message: str) -> None:
    with pytest.raises(TransformError) as caught:
        Expression(text)(scope_of(UPDATE))
    assert message in str(caught.value)


def filtered(record: Record, **options: str) -> Record | None:
    return expression_filter(PluginSettings("f", "io.debezium.transforms.Filter", options))(record)


def test_the_filter_keeps_what_is_true_and_takes_no_other_answer() -> None:
    assert filtered(UPDATE, condition="value.op == 'u'") is UPDATE
    assert filtered(UPDATE, condition="value.op == 'c'") is None
    with pytest.raises(TransformError, match="is not a Boolean"):
        filtered(UPDATE, condition="value.op")


def test_topics_and_records_without_value_have_their_own_rules() -> None:
    tombstone = UPDATE.with_value(None, None)
    assert filtered(UPDATE, **{"condition": "false", "topic.regex": "shop"}) is UPDATE
    assert filtered(UPDATE, **{"condition": "false", "topic.regex": r"shop\..*"}) is None
    assert filtered(tombstone, condition="false") is tombstone
    assert filtered(tombstone, **{"condition": "true", "null.handling.mode": "drop"}) is None
    evaluated = {"condition": "value == null && key.id == 2", "null.handling.mode": "evaluate"}
    assert filtered(tombstone, **evaluated) is tombstone


def test_the_router_takes_a_text_or_null() -> None:
    def routed(text: str) -> str:
        plugin = PluginSettings("r", "io.debezium.transforms.ContentBasedRouter", {"topic.expression": text})
        made = content_based_router(plugin)(UPDATE)
        assert made is not None
        return made.topic

    assert routed("value.op == 'u' ? 'updates' : null") == "updates"
    assert routed("value.op == 'c' ? 'creates' : null") == "shop.orders"
    with pytest.raises(TransformError, match="is not a String"):
        routed("1")
