"""Keys as Java's Struct.toString, and numbers as Java prints them."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

import pytest

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.transcode.java_text import date_text, decimal_text, double_text, float_text
from faust_cdc.transcode.numbers import signed_bytes
from faust_cdc.transcode.plan import KeyConstant, TranscodeOptions, build_plan
from faust_cdc.transcode.string_encoding import string_key, string_struct
from faust_cdc_schemas.metadata import transaction_key_schema
from tests.transcode.images import TOPIC, columns, table


def key_text(ddl: str, value: Any, options: TranscodeOptions | None = None) -> str:
    plan = build_plan(table(*columns(f"{ddl} NOT NULL"), key=("c0",)), TOPIC, options or TranscodeOptions())
    return string_key(plan)((value,)).decode()


@pytest.mark.parametrize(
    ("ddl", "value", "text"),
    [
        ("int", -5, "-5"),
        ("bigint", 1 << 40, "1099511627776"),
        ("varchar(9)", "a,b=ü}", "a,b=ü}"),
        ("decimal(9,2)", signed_bytes(-150), "-1.50"),
        ("bit(1)", True, "true"),
        ("double", 1e7, "1.0E7"),
        ("float", struct.unpack("<f", struct.pack("<f", 0.1))[0], "0.1"),
    ],
)
def test_key_fields(ddl: str, value: Any, text: str) -> None:
    assert key_text(ddl, value) == f"Struct{{c0={text}}}"


def test_several_fields_and_the_constant_of_a_shared_topic() -> None:
    described = table(*columns("int NOT NULL", "varchar(3) NOT NULL"), key=("c1", "c0"))
    plan = build_plan(described, TOPIC, TranscodeOptions(), KeyConstant("k", "p.shop.t"))
    assert string_key(plan)((1, "a")) == b"Struct{c1=a,c0=1,k=p.shop.t}"
    assert string_struct(transaction_key_schema())({"id": "u:1"}) == b"Struct{id=u:1}"


def test_connects_dates_are_javas() -> None:
    connect = TranscodeOptions(time_precision_mode="connect")
    assert key_text("date", 19782, connect) == "Struct{c0=Thu Feb 29 00:00:00 UTC 2024}"
    assert key_text("datetime", 1_709_210_096_000, connect) == "Struct{c0=Thu Feb 29 12:34:56 UTC 2024}"


@pytest.mark.parametrize("ddl", ["binary(3)", "bit(9)", "varbinary(5)"])
def test_bytes_have_no_text(ddl: str) -> None:
    with pytest.raises(UnsupportedColumn, match="column 'c0': bytes in a key"):
        key_text(ddl, b"abc")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (123456.789, "123456.789"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1.25e21, "1.25E21"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (-1e-10, "-1.0E-10"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (5e-324, "4.9E-324"),
        (100.0, "100.0"),
    ],
)
def test_doubles(number: float, text: str) -> None:
    assert double_text(number) == text
    assert float(text) == number


@pytest.mark.parametrize(
    ("number", "text"), [(3.4028234663852886e38, "3.4028235E38"), (1e10, "1.0E10"), (16777216.0, "1.6777216E7")]
)
def test_floats(number: float, text: str) -> None:
    assert float_text(number) == text


def test_decimals_and_dates() -> None:
    assert [decimal_text(Decimal(one)) for one in ("0.000001", "0.0000001", "1.50", "0E-30")] == [
        "0.000001",
        "1E-7",
        "1.50",
        "0E-30",
    ]
    assert date_text(-1000) == "Wed Dec 31 23:59:59 UTC 1969"
