"""Rows as a whole: null bitmaps, absent columns, table map checks, keys, envelopes, exact consumption."""

import io
import json
import struct
from dataclasses import replace

import fastavro
import pytest

from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.errors import InternalError, SchemaOutOfSync, TableError, UnsupportedColumn, ValueConversionError
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc.transcode.reference import UNAVAILABLE, ReferenceTranscoder, Row
from faust_cdc.transcode.rescue import rescue_image
from tests.transcode.images import SOURCE, TOPIC, columns, table, table_map, transcoder

INT = TableMapColumn(3, 0, False)
NULL_INT = TableMapColumn(3, 0, True)
VARCHAR = TableMapColumn(15, 40, True)


def two_columns() -> ReferenceTranscoder:
    return transcoder(table(*columns("int NOT NULL", "varchar(10)"), key=("c0",)), INT, VARCHAR)


def decoded(made: ReferenceTranscoder, value: bytes) -> dict[str, object]:
    assert value[0] == 0
    assert struct.unpack(">i", value[1:5]) == (2,)
    payload = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(payload, fastavro.parse_schema(json.loads(made.plan.value_schema_json)))
    assert payload.read() == b"", "bytes left over"
    assert isinstance(record, dict)
    return record


def test_null_and_the_empty_string_stay_different() -> None:
    made = two_columns()
    rows = memoryview(b"\x02" + b"\x01\0\0\0" + b"\x00" + b"\x02\0\0\0" + b"\x00")
    first, offset = made.read_row(rows, 0, b"\x03")
    second, end = made.read_row(rows, offset, b"\x03")
    assert (first, second) == ((1, None), (2, ""))
    assert end == len(rows)
    assert made.read_text_row([b"1", None]) == (1, None)
    assert made.read_text_row([b"2", b""]) == (2, "")
    after = [decoded(made, made.value("c", None, row, SOURCE, 0))["after"] for row in (first, second)]
    assert after == [{"c0": 1, "c1": None}, {"c0": 2, "c1": ""}]


def test_null_bitmap_counts_present_columns_only() -> None:
    definitions = columns("int NOT NULL", *["int"] * 9)
    made = transcoder(table(*definitions, key=("c0",)), INT, *[NULL_INT] * 9)
    # Present: c0, c8, c9. Of these three bits the second is set: c8 is null.
    row, end = made.read_row(memoryview(b"\x02" + b"\x07\0\0\0" + b"\x09\0\0\0"), 0, b"\x01\x03")
    assert row == (7, *[UNAVAILABLE] * 7, None, 9)
    assert end == 9
    with pytest.raises(TableError, match=r"leaves out c1, .*binlog_row_image=FULL"):
        made.value("u", None, row, SOURCE, 0)


def test_envelope_of_each_operation() -> None:
    made = two_columns()
    old: Row = (1, "a")
    new: Row = (1, "b")
    expected_source = {**SOURCE.as_record()}
    for op, before, after in (("c", None, new), ("u", old, new), ("d", old, None), ("r", None, new), ("t", None, None)):
        record = decoded(made, made.value(op, before, after, SOURCE, 1_795_230_302_263_968_080))
        assert record == {
            "before": None if before is None else {"c0": 1, "c1": before[1]},
            "after": None if after is None else {"c0": 1, "c1": after[1]},
            "source": expected_source,
            "transaction": None,
            "op": op,
            "ts_ms": 1_795_230_302_263,
            "ts_us": 1_795_230_302_263_968,
            "ts_ns": 1_795_230_302_263_968_080,
        }


def test_source_block_times_follow_from_microseconds() -> None:
    record = SOURCE.as_record()
    assert list(record) == [field["name"] for field in two_columns().plan.value_schema["fields"][2]["type"]["fields"]]
    assert (record["ts_ms"], record["ts_us"], record["ts_ns"]) == (
        1_795_230_302_246,
        1_795_230_302_246_980,
        1_795_230_302_246_980_000,
    )
    assert (record["version"], record["connector"], record["snapshot"]) == ("3.6.1.Final", "mysql", "false")


def test_mariadb_names_its_own_source_record() -> None:
    plan = build_plan(table(*columns("int")), TOPIC, TranscodeOptions(connector="mariadb"))
    source = plan.value_schema["fields"][2]["type"]
    assert (source["namespace"], source["connect.name"]) == (
        "io.debezium.connector.mariadb",
        "io.debezium.connector.mariadb.Source",
    )


def test_key_has_the_key_columns_in_key_order() -> None:
    definitions = columns("int NOT NULL", "varchar(10) NOT NULL", "int")
    made = transcoder(table(*definitions, key=("c1", "c0")))
    key = made.key((7, "x", None))
    assert key == b"\x00\x00\x00\x00\x01" + b"\x02x" + b"\x0e"
    assert made.key_struct_json((7, "x", None)) == '{"c1":"x","c0":7}'
    assert made.key_changed((7, "x", 1), (7, "y", 1))
    assert not made.key_changed((7, "x", 1), (7, "x", 2))


def test_table_without_a_key_has_no_key_and_never_changes_it() -> None:
    made = transcoder(table(*columns("int")))
    assert made.key((1,)) is None
    assert not made.key_changed((1,), (2,))
    assert made.plan.key_schema is None


def test_key_struct_prints_decimals_as_numbers_and_bytes_in_base64() -> None:
    made = transcoder(table(*columns("decimal(5,2) NOT NULL", "binary(2) NOT NULL"), key=("c0", "c1")))
    row = made.read_text_row([b"-0.05", b"\x00\xff"])
    assert made.key_struct_json(row) == '{"c0":-0.05,"c1":"AP8="}'


def test_null_in_an_optional_field_with_a_default_is_written_as_null() -> None:
    made = transcoder(table(*columns("int DEFAULT '5'")))
    assert made.plan.value_schema["fields"][0]["type"][1]["fields"][0]["type"][1] == "null"
    for row in (made.read_text_row([None]), made.read_text_row([b"5"])):
        after = decoded(made, made.value("c", None, row, SOURCE, 0))["after"]
        assert after == {"c0": row[0]}


@pytest.mark.parametrize(
    ("wire", "word"),
    [
        ((INT,), "1 columns in the table map, expected 2"),
        ((INT, TableMapColumn(252, 2, True)), "type code 252 in the table map, expected varchar"),
        ((NULL_INT, VARCHAR), "nullable in the table map, expected NOT NULL"),
        ((replace(INT, unsigned=True), VARCHAR), "unsigned=True in the table map, expected False"),
        ((replace(INT, name="other"), VARCHAR), "called 'other' in the table map"),
    ],
)
def test_table_map_that_contradicts_the_plan_is_out_of_sync(wire: tuple[TableMapColumn, ...], word: str) -> None:
    with pytest.raises(SchemaOutOfSync, match=r"shop\.t at binlog\.000001:4.*") as caught:
        two_columns().bind(table_map(*wire))
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("ddl", "wire"),
    [
        ("decimal(10,2)", TableMapColumn(246, 10 << 8 | 3, True)),
        ("bit(9)", TableMapColumn(16, 1 << 8, True)),
        ("datetime(3)", TableMapColumn(18, 6, True)),
        ("mediumtext", TableMapColumn(252, 2, True)),
        ("binary(5)", TableMapColumn(254, 6, True)),
        ("varbinary(5)", TableMapColumn(15, 6, True)),
        ("enum('a','b')", TableMapColumn(247, 1, True, enum_values=(b"a",))),
    ],
)
def test_sizes_in_the_table_map_are_compared(ddl: str, wire: TableMapColumn) -> None:
    with pytest.raises(SchemaOutOfSync):
        transcoder(table(*columns(ddl)), wire)


def test_row_that_ends_outside_the_event_is_an_error() -> None:
    with pytest.raises(ValueConversionError, match="unpack_from"):
        two_columns().read_row(memoryview(b"\x00\x01\x00"), 0, b"\x03")


def test_null_where_null_cannot_be_is_an_error() -> None:
    with pytest.raises(ValueConversionError, match="NULL in a NOT NULL column"):
        two_columns().read_row(memoryview(b"\x01\x00"), 0, b"\x03")


def test_reading_before_binding_is_our_bug() -> None:
    made = ReferenceTranscoder(build_plan(table(*columns("int")), TOPIC, TranscodeOptions()), None, 2)
    with pytest.raises(InternalError, match="before it was bound"):
        made.read_row(memoryview(b"\x00"), 0, b"\x01")


def test_wrong_number_of_cells_is_out_of_sync() -> None:
    with pytest.raises(SchemaOutOfSync, match="1 cells, expected 2"):
        two_columns().read_text_row([b"1"])


@pytest.mark.parametrize("ddl", ["xmltype", "char(3) CHARACTER SET klingon COLLATE klingon_bin"])
def test_types_without_an_operation_are_refused_by_name(ddl: str) -> None:
    with pytest.raises(UnsupportedColumn, match=r"shop\.t, column 'c0': .*not supported"):
        build_plan(table(*columns(ddl)), TOPIC, TranscodeOptions())


def test_names_that_avro_cannot_hold_are_refused_with_the_option_that_helps() -> None:
    odd = replace(columns("int")[0], name="1st col")
    with pytest.raises(UnsupportedColumn, match=r"field\.name\.adjustment\.mode=avro"):
        build_plan(table(odd), TOPIC, TranscodeOptions())
    twin = replace(odd, name="1st-col")
    with pytest.raises(UnsupportedColumn, match="both become field '_1st_col'"):
        build_plan(table(odd, twin), TOPIC, TranscodeOptions(field_name_adjustment="avro"))


def test_years_below_100_stay_when_the_time_adjuster_is_off() -> None:
    described = table(*columns("date", "datetime"))
    on = transcoder(described)
    off = transcoder(described, options=TranscodeOptions(enable_time_adjuster=False))
    cells = [b"0099-01-01", b"0024-01-01 00:00:00"]
    assert on.read_text_row(cells) == (10592, 1_704_067_200_000)
    assert off.read_text_row(cells) == (-683368, -61_409_836_800_000)


def test_a_plan_prints_itself() -> None:
    described = table(*columns("int NOT NULL", "varchar(10) DEFAULT 'x'", "datetime(6)"), key=("c0",))
    text = build_plan(described, TOPIC, TranscodeOptions()).describe()
    assert text.splitlines() == [
        "shop.t -> p.shop.t (mysql)",
        "    0 c0: int -> integer int key 1",
        "    1 c1: varchar(10) -> string string optional default 'x'",
        "    2 c2: datetime(6) -> datetime long io.debezium.time.MicroTimestamp optional",
    ]


def test_snapshot_asks_for_what_text_would_lose() -> None:
    described = table(*columns("enum('a')", "set('a')", "float", "double", "bit(3)", "int"))
    assert build_plan(described, TOPIC, TranscodeOptions()).select_list() == [
        "CAST(`c0` AS UNSIGNED)",
        "CAST(`c1` AS UNSIGNED)",
        "`c2` * 1e0",
        "`c3` * 1e0",
        "`c4`",
        "`c5`",
    ]


HASH = TableMapColumn(8, 0, True)
"""MariaDB's hidden column behind the others, for a unique key whose values are too long for an index."""


def test_hidden_columns_behind_the_others_are_passed_over() -> None:
    made = transcoder(table(*columns("int NOT NULL", "varchar(10)"), key=("c0",)), INT, VARCHAR, HASH, HASH)
    hash_of_a, hash_of_b = b"\xb9\xbb\x02\0\0\0\0\0", b"\x01\0\0\0\0\0\0\0"
    rows = memoryview(
        (b"\x00" + b"\x01\0\0\0" + b"\x01a" + hash_of_a + hash_of_b)
        + (b"\x0e" + b"\x02\0\0\0")
        + (b"\x00" + b"\x03\0\0\0" + b"\x01b" + hash_of_a + hash_of_b)
    )
    offset, found = 0, []
    while offset < len(rows):
        row, offset = made.read_row(rows, offset, b"\x0f")
        found.append(row)
    assert found == [(1, "a"), (2, None), (3, "b")]
    rescued = rescue_image(made, table_map(INT, VARCHAR, HASH, HASH), rows, 0, b"\x0f")
    assert (rescued.values, rescued.end, rescued.bad) == ([1, "a"], 23, ())


@pytest.mark.parametrize("behind", [NULL_INT, replace(HASH, name="total")])
def test_other_columns_behind_them_are_none_of_the_servers_own(behind: TableMapColumn) -> None:
    with pytest.raises(SchemaOutOfSync, match="3 columns in the table map, expected 2"):
        transcoder(table(*columns("int NOT NULL", "varchar(10)"), key=("c0",)), INT, VARCHAR, behind)
