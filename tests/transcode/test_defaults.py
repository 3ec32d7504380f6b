"""Column defaults as they stand in schemas; the recorded ones are in test_golden_schemas."""

from dataclasses import replace

import pytest

from faust_cdc.errors import UnsupportedColumn
from faust_cdc.transcode.plan import TranscodeOptions, build_plan
from faust_cdc_schemas.connect_avro import MISSING
from tests.transcode.images import TOPIC, columns, table


def default_of(ddl: str, *, compatible: bool = False) -> object:
    return build_plan(table(*columns(ddl)), TOPIC, TranscodeOptions(compatible=compatible)).columns[0].default


@pytest.mark.parametrize(
    ("ddl", "expected"),
    [
        ("int DEFAULT NULL", MISSING),
        ("int", MISSING),
        ("int DEFAULT '-5'", -5),
        ("bigint unsigned DEFAULT '7'", 7),
        ("double DEFAULT '1e20'", 1e20),
        ("bit(12) DEFAULT b'100000000001'", b"\x01\x08"),
        ("bit(1) DEFAULT b'0'", False),
        ("decimal(5,2) DEFAULT '-3.455'", b"\xfe\xa6"),
        ("varchar(9) DEFAULT 'it''s'", "it's"),
        ("enum('a','b,c') DEFAULT 'b,c'", "b,c"),
        ("time(3) DEFAULT '-10:11:12.500'", -36_672_500_000),
        ("datetime(6) DEFAULT '2020-01-02 03:04:05.123456'", 1_577_934_245_123_456),
        ("date DEFAULT '0000-00-00'", MISSING),
        ("date NOT NULL DEFAULT '0000-00-00'", 0),
        ("timestamp NOT NULL DEFAULT '0000-00-00 00:00:00'", "1970-01-01T00:00:00Z"),
        ("timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP", "1970-01-01T00:00:00Z"),
        ("timestamp NULL DEFAULT CURRENT_TIMESTAMP", MISSING),
        ("datetime DEFAULT CURRENT_TIMESTAMP", 0),
        ("date DEFAULT (curdate())", MISSING),
        ("varbinary(4) DEFAULT '0xFF27'", b"\xff'"),
    ],
)
def test_default(ddl: str, expected: object) -> None:
    assert default_of(ddl) == expected


@pytest.mark.parametrize(
    ("ddl", "right", "debeziums"),
    [
        ("bigint unsigned DEFAULT '18446744073709551615'", -1, 9223372036854775807),
        ("bigint unsigned DEFAULT '9223372036854775808'", -9223372036854775808, 9223372036854775807),
        ("binary(3) DEFAULT '0x6162'", b"ab\0", b"ab\\0"),
        ("varbinary(4) DEFAULT '0x0A27'", b"\n'", b"\\n''"),
        ("varchar(9) DEFAULT 'it''s'", "it's", "it''s"),
        ("enum('a','b,c') DEFAULT 'b,c'", "b,c", "b,c"),
        ("year DEFAULT '0000'", 0, 2000),
        ("year DEFAULT '2020'", 2020, 2020),
    ],
)
def test_default_in_both_compatibility_modes(ddl: str, right: object, debeziums: object) -> None:
    assert default_of(ddl) == right
    assert default_of(ddl, compatible=True) == debeziums


def test_default_of_a_required_date_replaces_the_zero_date() -> None:
    plan = build_plan(table(*columns("date NOT NULL DEFAULT '2020-01-02'")), TOPIC, TranscodeOptions())
    assert plan.columns[0].zero == 18263


def test_generated_columns_have_no_default() -> None:
    generated = replace(columns("int DEFAULT '5'")[0], generated=True)
    assert build_plan(table(generated), TOPIC, TranscodeOptions()).columns[0].default is MISSING


def test_default_that_is_no_value_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedColumn, match=r"shop\.t, column 'c0': default 'x' is no integer"):
        default_of("int DEFAULT 'x'")
