"""Masked, truncated and left-out columns: exact values, rows that still are walked, what counts as a change."""

import hashlib
import io
import struct
from dataclasses import replace
from typing import Any

import fastavro
import pytest

from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.config.column_rules import column_rules
from faust_cdc.errors import UnsupportedColumn, ValueConversionError
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.relational.model import Table, TableId
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc.transcode.shaping import comment_of, java_serialized, truncated
from faust_cdc.transcode.wire_skip import skipper
from tests.transcode.ddl import table_of
from tests.transcode.images import SOURCE

DDL = {"id": "int NOT NULL", "name": "varchar(20)", "note": "text", "tag": "varbinary(4)", "n": "int"}
PEOPLE = table_of("shop", "people", DDL, ("id",))


def selection(rules: dict[str, str] | None = None, **lists: Any) -> ColumnSelection:
    """The selection of rules (option → patterns) and of the lists by the names of `ColumnSelection.parse`."""
    return ColumnSelection.parse(rules=column_rules(rules or {}), **lists)


def made(
    table: Table = PEOPLE, *, compatible: bool = False, rules: dict[str, str] | None = None, **lists: Any
) -> ReferenceTranscoder:
    options = TranscodeOptions(columns=selection(rules, **lists), compatible=compatible)
    plan = build_plan(table, "t.shop.people", options)
    return ReferenceTranscoder(plan, 1 if plan.key_columns else None, 2)


def row_of(transcoder: ReferenceTranscoder, **cells: Any) -> tuple[Any, ...]:
    """A row from the cells of the columns that are read; others are not asked for."""
    return transcoder.read_text_row([cells.get(one.column.name) for one in transcoder.plan.columns] or [None])


def shown(transcoder: ReferenceTranscoder, row: tuple[Any, ...]) -> Any:
    raw = transcoder.value("c", None, row, SOURCE, 1)
    schema = fastavro.parse_schema(transcoder.plan.value_schema)
    return fastavro.schemaless_reader(io.BytesIO(raw[5:]), schema, None)["after"]


def test_java_serialization_of_strings() -> None:
    assert java_serialized("") == bytes.fromhex("aced0005740000")
    assert java_serialized("aé€") == bytes.fromhex("aced0005740006") + "aé€".encode()
    assert java_serialized("\x00😀") == bytes.fromhex("aced0005740008c080eda0bdedb880")
    long = java_serialized("x" * 65_536)
    assert long[:13] == bytes.fromhex("aced00057c0000000000010000")
    assert len(long) == 13 + 65_536


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("abc", 3, "abc"),
        ("abc", 2, "ab"),
        ("é€x", 2, "é€"),
        ("😀b", 2, "😀"),
        ("a😀", 2, "a?"),
        ("😀", 0, ""),
        ("", 0, ""),
    ],
)
def test_truncation_counts_utf16_units(text: str, length: int, expected: str) -> None:
    assert truncated(text, length) == expected


def test_values_under_rules() -> None:
    rules = {
        "column.mask.with.3.chars": "shop.people.note",
        "column.mask.hash.v2.SHA-256.with.salt.s": "shop.people.name",
        "column.truncate.to.2.chars": "shop.people.(tag|id|n)",
    }
    transcoder = made(rules=rules)
    full = row_of(transcoder, id=b"1", name=b"ann", note=b"long", tag=b"\x00\x01\x02", n=b"12345")
    digest = hashlib.sha256(b"sann").hexdigest()
    assert shown(transcoder, full) == {"id": 1, "name": digest[:20], "note": "***", "tag": b"\0\1", "n": 12345}
    null = row_of(transcoder, id=b"1")
    assert shown(transcoder, null) == {"id": 1, "name": None, "note": "***", "tag": None, "n": None}


def test_an_error_does_not_tell_a_masked_value() -> None:
    bad = {"id": b"1", "name": b"secret\xff"}
    with pytest.raises(ValueConversionError, match="the snapshot read b'secret"):
        row_of(made(), **bad)
    with pytest.raises(ValueConversionError, match="the snapshot read a masked cell, which is no value") as caught:
        row_of(made(rules={"column.mask.with.3.chars": ".*name"}), **bad)
    assert "secret" not in str(caught.value)


def test_left_out_columns_are_walked_and_not_kept() -> None:
    transcoder = made(exclude="shop.people.(id|name|tag|n)")
    plan = transcoder.plan
    assert [one.column.name for one in plan.columns] == ["id", "note"]
    assert [one.column.name for one in plan.value_columns] == ["note"]
    assert plan.select_list() == ["`id`", "`note`"]
    assert "id: int -> integer int key 1 not in the value" in plan.describe()
    assert plan.describe().endswith("left out: name, tag, n")
    row = row_of(transcoder, id=b"7", note=b"x")
    assert shown(transcoder, row) == {"note": "x"}
    assert transcoder.key(row) == b"\0\0\0\0\1\x0e"


def test_a_table_without_included_columns_has_empty_rows() -> None:
    nopk = table_of("shop", "people", {"a": "int"})
    transcoder = made(nopk, include="other.*")
    assert transcoder.plan.select_list() == ["NULL"]
    assert shown(transcoder, row_of(transcoder)) == {}


def test_a_key_in_a_header_is_shown_as_connect_shows_structs() -> None:
    table = table_of("shop", "people", {"id": "int NOT NULL", "place": "point"}, ("id",))
    transcoder = made(table, keys=".*:id,place")
    row = row_of(transcoder, id=b"1", place=bytes(4) + struct.pack("<bIdd", 1, 1, 1.0, 2.0))
    nulls = made(table_of("shop", "people", {"d": "decimal(5,2)", "day": "date"}), keys=".*:d,day")
    assert nulls.key_struct_json((None, None)) == '{"d":null,"day":null}'
    tabbed = made(table_of("shop", "people", {"v": "varchar(9) NOT NULL"}, ("v",)))
    assert tabbed.key_struct_json(('a\t"\\',)) == '{"v":"a\t\\"\\\\"}', "only quotes and backslashes are escaped"
    assert transcoder.key_struct_json(row) == (
        '{"id":1,"place":{"x":1.0,"y":2.0,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null}}'
    )


def test_a_truncated_key_column_is_whole_in_the_key() -> None:
    table = table_of("shop", "people", {"code": "varchar(9) NOT NULL", "v": "int"}, ("code",))
    transcoder = made(table, rules={"column.truncate.to.2.chars": ".*code"})
    one, two = row_of(transcoder, code=b"abc", v=b"1"), row_of(transcoder, code=b"abd", v=b"1")
    assert shown(transcoder, one) == shown(transcoder, two) == {"code": "ab", "v": 1}
    assert transcoder.key(one) == b"\0\0\0\0\1\x06abc"
    assert transcoder.key_struct_json(two) == '{"code":"abd"}'
    assert transcoder.key_changed(one, two)
    assert not transcoder.unchanged(one, two)
    assert "truncateLength" not in transcoder.plan.key_schema_json
    compatible = made(table, compatible=True, rules={"column.truncate.to.2.chars": ".*code"})
    assert compatible.unchanged(one, two)


def test_only_included_and_visible_values_make_a_change() -> None:
    transcoder = made(exclude=".*note", rules={"column.mask.with.3.chars": ".*name"})
    base = row_of(transcoder, id=b"1", name=b"a", tag=b"t", n=b"1")
    assert transcoder.unchanged(base, row_of(transcoder, id=b"1", name=b"b", tag=b"t", n=b"1"))
    assert not transcoder.unchanged(base, row_of(transcoder, id=b"1", name=b"a", tag=b"t", n=b"2"))
    keyed = made(exclude=".*id")
    one, two = row_of(keyed, id=b"1", n=b"1"), row_of(keyed, id=b"2", n=b"1")
    assert not keyed.unchanged(one, two)
    assert made(exclude=".*id", compatible=True).unchanged(one, two)


def test_nullable_columns_in_a_chosen_key() -> None:
    transcoder = made(keys="shop.people:n,name")
    schema = transcoder.plan.key_schema
    assert schema is not None
    assert [field["name"] for field in schema["fields"]] == ["n", "name"]
    assert [field["type"][0] for field in schema["fields"]] == ["null", "null"]
    assert transcoder.key(row_of(transcoder, id=b"1")) == b"\0\0\0\0\1\0\0"


def test_source_types_and_comments_stand_in_schemas() -> None:
    column = replace(PEOPLE.columns[1], comment="who")
    table = Table(TableId("shop", "people"), (PEOPLE.columns[0], column), ("id",))
    plan = made(table, comments=True, propagate=".*name").plan
    name = plan.value_schema["fields"][0]["type"][1]["fields"][1]
    assert list(name["type"][1].items()) == [
        ("type", "string"),
        ("connect.doc", "who"),
        (
            "connect.parameters",
            {
                "__debezium.source.column.type": "VARCHAR",
                "__debezium.source.column.length": "20",
                "__debezium.source.column.comment": "who",
                "__debezium.source.column.name": "name",
            },
        ),
    ]


def test_comments_are_the_true_ones_unless_compatible() -> None:
    column = replace(PEOPLE.columns[1], comment="it's a \\ \n")
    assert comment_of(column, compatible=False) == "it's a \\ \n"
    assert comment_of(column, compatible=True) == "it''s a \\\\ \\n"
    assert comment_of(PEOPLE.columns[1], compatible=True) is None


@pytest.mark.parametrize(
    ("code", "metadata", "cell"),
    [
        (3, 0, b"\1\2\3\4"),
        (18, 6, bytes(8)),
        (246, 10 << 8 | 2, bytes(5)),
        (16, 1 << 8 | 3, bytes(2)),
        (248, 2, bytes(2)),
        (252, 2, b"\3\0abc"),
        (15, 255, b"\3abc"),
        (254, 256, b"\3\0abc"),
        (245, 4, struct.pack("<I", 2) + b"{}"),
    ],
)
def test_cells_are_stepped_over(code: int, metadata: int, cell: bytes) -> None:
    assert skipper(TableMapColumn(code, metadata, True), "t")(b"." + cell + b".", 1) == (None, 1 + len(cell))


@pytest.mark.parametrize(("code", "size", "digits"), [(7, 7, 6), (11, 5, 3), (12, 6, 1), (11, 3, 0), (18, 5, 0)])
def test_cells_of_the_old_temporal_formats_are_stepped_over(code: int, size: int, digits: int) -> None:
    assert skipper(TableMapColumn(code, 0, True), "t", digits)(bytes(20), 1) == (None, 1 + size)


def test_a_cell_of_unknown_size_cannot_be_stepped_over() -> None:
    with pytest.raises(UnsupportedColumn, match=r"^t, column 'x': type code 200"):
        skipper(TableMapColumn(200, 0, True), "t, column 'x'")
