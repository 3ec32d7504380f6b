"""Custom converters cell by cell: a row image's bytes and the snapshot's text give one value, and the schema around it.

Schemas and values are those of real Debezium 3.6.1 in tests/parity/test_custom_parity.py.
"""

import math
import struct
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.config.custom_converters import CustomConverter, custom_converters
from faust_cdc.errors import UnsupportedColumn
from faust_cdc.transcode.custom_converters import nearest_float
from faust_cdc.transcode.java_text import double_text, float_text, shown_float
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import build_plan
from tests.transcode.ddl import column_from_ddl
from tests.transcode.images import TOPIC, table, transcoder
from tests.transcode.test_modes import date_image, datetime_image

BINLOG = "io.debezium.connector.binlog.converters."


def made(class_name: str, **options: str) -> tuple[CustomConverter, ...]:
    keys = {f"x.{key.replace('__', '.')}": value for key, value in options.items()}
    found, problems = custom_converters({"converters": "x", "x.type": BINLOG + class_name, **keys})
    assert not problems
    return found


TINY = made("TinyIntOneToBooleanConverter")
ANY_TINY = made("TinyIntOneToBooleanConverter", length__checker="false", selector=r"shop\.t\.c")
FLAG = made("JdbcSinkDataTypesConverter", selector__boolean=".*")
REAL = made("JdbcSinkDataTypesConverter", selector__real=".*")
FLOAT = made("JdbcSinkDataTypesConverter", selector__real=".*", treat__real__as__double="false")
STRING = made("JdbcSinkDataTypesConverter", selector__string=".*")
NULL = made("ZeroDateFallbackConverter")
ZERO = made(
    "ZeroDateFallbackConverter",
    fallback__date="1900-01-01",
    fallback__datetime="1900-01-01 00:00:01",
    fallback__timestamp="1970-01-01T01:00:00.50+01:00",
)
OWN = made("ZeroDateFallbackConverter", fallback__date="1900-01-01", **{"column.shop.t.c.fallback": "1970-01-02"})


def options(converters: tuple[CustomConverter, ...]) -> TranscodeOptions:
    return TranscodeOptions(custom_converters=converters, time_precision_mode="isostring")


def field(ddl: str, converters: tuple[CustomConverter, ...], key: tuple[str, ...] = ()) -> dict[str, Any]:
    plan = build_plan(table(column_from_ddl("c", 0, ddl), key=key), TOPIC, options(converters))
    return plan.columns[0].avro_field


def both_paths(
    ddl: str, converters: tuple[CustomConverter, ...], code: int, metadata: int, image: bytes, text: bytes
) -> list[Any]:
    column = column_from_ddl("c", 0, ddl)
    reader = transcoder(table(column), TableMapColumn(code, metadata, column.nullable), options=options(converters))
    row, end = reader.read_row(memoryview(b"\x00" + image), 0, b"\x01")
    assert end == 1 + len(image)
    return [row[0], reader.read_text_row([text])[0]]


LATIN = "varchar(9) CHARACTER SET latin1 COLLATE latin1_bin"
DECIMAL = b"\x80\x01\x32"  # decimal(6,2) 1.50
STAMP = struct.pack(">i", 1_709_210_096)

CELLS: list[tuple[str, tuple[CustomConverter, ...], int, int, bytes, bytes, Any]] = [
    ("tinyint(1)", TINY, 1, 0, b"\x01", b"1", True),
    ("tinyint(1)", TINY, 1, 0, b"\x00", b"0", False),
    ("tinyint(1)", TINY, 1, 0, b"\xff", b"-1", False),
    ("tinyint(1) unsigned", TINY, 1, 0, b"\xc8", b"200", True),
    ("tinyint", ANY_TINY, 1, 0, b"\x05", b"5", True),
    ("tinyint", TINY, 1, 0, b"\x05", b"5", 5),
    ("int", FLAG, 3, 0, b"\xff\xff\xff\xff", b"-1", 0),
    ("bigint", FLAG, 8, 0, struct.pack("<q", 1 << 32), b"4294967296", 0),
    ("bigint", FLAG, 8, 0, struct.pack("<q", (1 << 32) + 1), b"4294967297", 1),
    ("float", FLAG, 4, 4, struct.pack("<f", 0.5), b"0.5", 0),
    ("double", FLAG, 5, 8, struct.pack("<d", 1.5), b"1.5", 1),
    ("decimal(6,2)", FLAG, 246, 6 << 8 | 2, DECIMAL, b"1.50", 1),
    ("bit(1)", FLAG, 16, 1, b"\x01", b"\x01", 1),
    ("int unsigned", REAL, 3, 0, b"\xff\xff\xff\xff", b"4294967295", 4294967295.0),
    ("bigint unsigned", REAL, 8, 0, b"\xff" * 8, b"18446744073709551615", 2.0**64),
    ("decimal(6,2)", REAL, 246, 6 << 8 | 2, DECIMAL, b"1.50", 1.5),
    ("float", REAL, 4, 4, struct.pack("<f", 3.14), b"3.140000104904175", 3.140000104904175),
    ("double", FLOAT, 5, 8, struct.pack("<d", 0.1), b"0.1", 0.10000000149011612),
    ("double", FLOAT, 5, 8, struct.pack("<d", -1e300), b"-1e300", -math.inf),
    ("int", FLOAT, 3, 0, struct.pack("<i", 16777217), b"16777217", 16777216.0),
    (LATIN, STRING, 15, 9, b"\x01\xe9", "é".encode(), "é"),
    ("int", STRING, 3, 0, struct.pack("<i", -5), b"-5", "-5"),
    ("decimal(6,2)", STRING, 246, 6 << 8 | 2, DECIMAL, b"1.50", "1.50"),
    ("double", STRING, 5, 8, struct.pack("<d", 1e7), b"1e7", "1.0E7"),
    ("float", STRING, 4, 4, struct.pack("<f", 3.14), b"3.140000104904175", "3.14"),
    ("enum('x','y')", STRING, 247, 1, b"\x02", b"2", "y"),
    ("blob", STRING, 252, 2, b"\x02\x00\xff\x41", b"\xff\x41", "\ufffdA"),
    ("date", NULL, 10, 0, date_image(2024, 2, 29), b"2024-02-29", 19782),
    ("date", NULL, 10, 0, date_image(24, 2, 29), b"0024-02-29", -710703),
    ("date NOT NULL", NULL, 10, 0, date_image(0, 0, 0), b"0000-00-00", None),
    ("date", ZERO, 10, 0, date_image(2024, 0, 1), b"2024-00-01", -25567),
    ("date NOT NULL", OWN, 10, 0, date_image(0, 0, 0), b"0000-00-00", 1),
    ("datetime(6) NOT NULL", ZERO, 18, 6, datetime_image(0, 0, 0), b"0000-00-00 00:00:00.000000", -2208988799000000),
    ("datetime(6)", NULL, 18, 6, datetime_image(1970, 1, 1, 0, 5), b"1970-01-01 00:00:00.000005", 5),
    ("timestamp(2)", NULL, 17, 2, STAMP + b"\x0a", b"2024-02-29 12:34:56.10", "2024-02-29T12:34:56.1Z"),
    ("timestamp(2)", NULL, 17, 2, STAMP + b"\x00", b"2024-02-29 12:34:56.00", "2024-02-29T12:34:56Z"),
    ("timestamp", ZERO, 17, 0, bytes(4), b"0000-00-00 00:00:00", "1970-01-01T00:00:00.5Z"),
    ("timestamp", NULL, 17, 0, bytes(4), b"0000-00-00 00:00:00", None),
]


@pytest.mark.parametrize(("ddl", "converters", "code", "metadata", "image", "text", "expected"), CELLS)
def test_both_paths_convert_alike(
    ddl: str,
    converters: tuple[CustomConverter, ...],
    code: int,
    metadata: int,
    image: bytes,
    text: bytes,
    expected: Any,
) -> None:
    assert [repr(value) for value in both_paths(ddl, converters, code, metadata, image, text)] == [repr(expected)] * 2


SCHEMAS: list[tuple[str, tuple[CustomConverter, ...], Any]] = [
    ("tinyint(1) NOT NULL DEFAULT '1'", TINY, {"type": "boolean", "connect.default": True}),
    ("int NOT NULL DEFAULT '7'", FLAG, {"type": "int", "connect.default": 1, "connect.type": "int16"}),
    ("bit(1) NOT NULL DEFAULT b'1'", FLAG, {"type": "int", "connect.default": 1, "connect.type": "int16"}),
    ("decimal(6,2) NOT NULL DEFAULT '0.30'", REAL, {"type": "double", "connect.default": 0.3}),
    ("float NOT NULL DEFAULT '1.1'", REAL, {"type": "double", "connect.default": 1.100000023841858}),
    ("double NOT NULL DEFAULT '1.1'", FLOAT, {"type": "float", "connect.default": 1.1}),
    (f"{LATIN} NOT NULL", STRING,
     {"type": "string", "connect.parameters": {"__debezium.source.column.character_set": "latin1"}}),
    ("decimal(20,10) NOT NULL DEFAULT '0.0000000001'", STRING,
     {"type": "string", "connect.parameters": {"__debezium.source.column.character_set": None},
      "connect.default": "1E-10"}),
    ("date NOT NULL DEFAULT '2001-02-03'", ZERO,
     {"type": "int", "connect.version": 1, "connect.default": -25567, "connect.name": "io.debezium.time.Date"}),
    ("datetime(3) NOT NULL", ZERO,
     {"type": "long", "connect.version": 1, "connect.name": "io.debezium.time.Timestamp"}),
    ("time NOT NULL", ZERO, {"type": "string", "connect.version": 1, "connect.name": "io.debezium.time.IsoTime"}),
]  # fmt: skip


@pytest.mark.parametrize(("ddl", "converters", "expected"), SCHEMAS)
def test_the_schema_is_debeziums(ddl: str, converters: tuple[CustomConverter, ...], expected: Any) -> None:
    assert field(ddl, converters)["type"] == expected


def test_zero_dates_that_become_null_make_the_field_optional_and_take_its_default() -> None:
    expected = {"type": "int", "connect.version": 1, "connect.name": "io.debezium.time.Date"}
    for key in ((), ("c",)):
        found = field("date NOT NULL DEFAULT '2001-02-03'", NULL, key)
        assert found == {"name": "c", "type": ["null", expected], "default": None}


def test_debeziums_tinyint_family_has_no_zerofill() -> None:
    column = replace(column_from_ddl("c", 0, "tinyint(1) unsigned"), type_expression="tinyint(1) unsigned zerofill")
    assert build_plan(table(column), TOPIC, options(ANY_TINY)).columns[0].mapping.avro == "int"


def test_the_first_converter_that_takes_a_column_wins() -> None:
    assert field("tinyint(1) NOT NULL", FLAG + TINY)["type"] == {"type": "int", "connect.type": "int16"}
    assert field("tinyint(1) NOT NULL", TINY + FLAG)["type"] == "boolean"
    assert field("int NOT NULL", TINY + NULL)["type"] == "int"


@pytest.mark.parametrize(
    ("ddl", "converters", "option"),
    [
        ("varchar(5)", FLAG, "selector.boolean"),
        ("bit(2)", FLAG, "selector.boolean"),
        ("year", REAL, "selector.real"),
        ("date", STRING, "selector.string"),
        ("bit(1)", STRING, "selector.string"),
    ],
)
def test_columns_of_which_nothing_would_be_left_are_refused(
    ddl: str, converters: tuple[CustomConverter, ...], option: str
) -> None:
    with pytest.raises(UnsupportedColumn, match=rf"shop\.t\.c: {option} of the Jdbc.*no such value of {ddl[:3]}"):
        field(ddl, converters)


def test_a_fallback_of_the_wrong_kind_for_its_column_is_named() -> None:
    with pytest.raises(UnsupportedColumn, match=r"shop\.t\.c: .*'1970-01-02' is not a date and time .*column\.shop"):
        field("datetime", OWN)


def test_columns_that_no_converter_takes_have_the_plan_they_had() -> None:
    columns = [column_from_ddl("c", 0, "int NOT NULL"), column_from_ddl("d", 1, "date")]
    with_tiny = build_plan(table(*columns), TOPIC, options(TINY))
    without = build_plan(table(*columns), TOPIC, options(()))
    assert with_tiny.columns == without.columns


@given(st.fractions(min_value=-(2**70), max_value=2**70))
def test_the_nearest_float_has_no_nearer_neighbour(value: Fraction) -> None:
    found = nearest_float(value)
    bits = struct.unpack("<i", struct.pack("<f", found))[0]
    for near in (bits - 1, bits + 1):
        other = struct.unpack("<f", struct.pack("<i", near))[0] if -(2**31) <= near < 2**31 else math.inf
        if math.isfinite(other):
            assert abs(Fraction(found) - value) <= abs(Fraction(other) - value)


def digits(value: float) -> int:
    """How many digits the shortest text of a number has, without the zeros at either end."""
    return len(Decimal(repr(value)).normalize().as_tuple().digits)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shortest_text_reads_as_the_same_float(value: float) -> None:
    shown = shown_float(value)
    assert struct.pack("<f", shown) == struct.pack("<f", value)
    assert digits(shown) <= digits(value)


@pytest.mark.parametrize(
    ("value", "narrow", "text"),
    [
        (0.0, False, "0.0"),
        (-0.0, True, "-0.0"),
        (5e-324, False, "4.9E-324"),
        (2e23, False, "2.0E23"),
        (0.001, False, "0.001"),
        (0.00099, False, "9.9E-4"),
        (9999999.0, False, "9999999.0"),
        (-12345678.5, False, "-1.23456785E7"),
        (0.1 + 0.2, False, "0.30000000000000004"),
        (100.0, True, "100.0"),
        (1.1, True, "1.1"),
        (16777216.0, True, "1.6777216E7"),
        (3.4028234663852886e38, True, "3.4028235E38"),
        (1.401298464324817e-45, True, "1.4E-45"),
    ],
)
def test_numbers_are_printed_as_java_prints_them(value: float, narrow: bool, text: str) -> None:
    assert (float_text if narrow else double_text)(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_double_reads_as_itself(value: float) -> None:
    assert repr(float(double_text(value))) == repr(value)
