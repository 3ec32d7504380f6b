"""Columns that the recorded history does not have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faust_cdc.history.table_changes import altered, created, dropped, history_json, history_record, quoted_id
from faust_cdc.history.table_reading import table_id_of
from faust_cdc.relational.model import Column, Table, TableId

SHOP = TableId("shop", "größe")


def column_of(**members: Any) -> dict[str, Any]:
    column = Column(**{"name": "c", "type_name": "int", "position": 0, "nullable": False, **members})
    (described,) = created(Table(SHOP, (column,)))["table"]["columns"]
    assert isinstance(described, dict)
    return described


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"type_expression": "int(10) unsigned zerofill"}, {"typeName": "INT UNSIGNED ZEROFILL", "jdbcType": 4}),
        ({"type_name": "bigint", "unsigned": True}, {"typeName": "BIGINT UNSIGNED", "jdbcType": -5}),
        ({"type_name": "uuid", "type_expression": "uuid"}, {"typeName": "UUID", "jdbcType": 1111}),
        ({"type_name": "enum", "enum_values": ("a)", "it's")}, {"typeName": "ENUM", "enumValues": ["'a)'", "'it''s'"]}),
        ({"type_name": "set", "enum_values": ()}, {"length": 0}),
        ({"type_name": "datetime", "length": 0}, {"length": None}),
        ({"type_name": "datetime", "type_expression": "datetime /* mariadb-5.3 */"}, {"typeName": "DATETIME"}),
        ({"default": "(1 + 1)", "has_default": True, "default_is_expression": True}, {"hasDefaultValue": False}),
        ({"type_name": "varchar", "default": "CURRENT_TIMESTAMP"}, {"defaultValueExpression": "CURRENT_TIMESTAMP"}),
        ({"type_name": "varbinary", "default": "0xFF27"}, {"defaultValueExpression": "FF2"}),
        ({"type_name": "binary", "length": 3, "default": "0x0A27"}, {"defaultValueExpression": "\\n''\\0"}),
        ({"generated": True, "default": "1", "nullable": True}, {"hasDefaultValue": True, "generated": False}),
    ],
)
def test_a_column(members: dict[str, Any], expected: dict[str, Any]) -> None:
    described = column_of(**members)
    assert {name: described.get(name) for name in expected} == expected


def test_comments_are_there_when_asked_for() -> None:
    table = Table(SHOP, (Column("c", "int", 0, True, comment="of c"),), comment="of t")
    with_comments, without = created(table, comments=True), created(table)
    assert (with_comments["comment"], with_comments["table"]["columns"][0]["comment"]) == ("of t", "of c")
    assert (without["comment"], without["table"]["columns"][0]["comment"]) == (None, None)


def test_a_record_is_one_line_of_compact_json() -> None:
    renamed = altered(Table(SHOP, ()), previous=TableId("shop", "old"))
    assert list(renamed) == ["type", "id", "previousId", "table", "comment"]
    line = history_json(
        history_record("shop", {"file": "f", "pos": 4}, 7, "shop", "DROP …\n", [dropped(SHOP), renamed])
    )
    assert line.startswith(
        '{"source":{"server":"shop"},"position":{"file":"f","pos":4},"ts_ms":7,"databaseName":"shop",'
    )
    assert "\n" not in line
    assert json.loads(line)["tableChanges"][0] == {"type": "DROP", "id": '"shop"."größe"'}


@pytest.mark.parametrize(
    ("table", "theirs"),
    [
        ("plain", '"shop"."plain"'),
        ('a"b', '"shop"."a""b"'),
        ('a""b', '"shop"."a""""b"'),
        ("a`b", '"shop"."a`b"'),
        ("a.b", '"shop"."a.b"'),
        ('a"', '"shop".a"'),
        ('"a', None),  # "shop"."a, which it cannot read
        ('"', None),
        ('"a"', None),  # "shop"."a", which is another table
    ],
)
def test_an_id_is_debeziums_and_read_back(table: str, theirs: str | None) -> None:
    """`theirs` is what `TableId.toDoubleQuotedString` of Debezium 3.6.1 returned."""
    wanted = TableId("shop", table)
    assert table_id_of(quoted_id(wanted)) == wanted
    if theirs is not None:
        assert table_id_of(theirs) == wanted
        assert theirs in (quoted_id(wanted), '"shop".a"')


@pytest.mark.parametrize("text", ['"shop"."a', '"shop"', "shop", '"shop"."a" ', '"shop"."a"."b"."c"', 3, None])
def test_what_is_no_id_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a table's id is"):
        table_id_of(text)
