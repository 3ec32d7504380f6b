"""The value modes cell by cell: bytes of a row image and the snapshot's text of the same value give one value."""

import struct
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.errors import ConfigError, ValueConversionError
from faust_cdc.transcode import forms
from faust_cdc.transcode.options import TranscodeOptions
from faust_cdc.transcode.plan import build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc_schemas.connect_avro import MISSING
from tests.transcode.ddl import column_from_ddl
from tests.transcode.images import TOPIC, columns, table, transcoder

CONNECT = TranscodeOptions(time_precision_mode="connect")
ISO = TranscodeOptions(time_precision_mode="isostring", enable_time_adjuster=False)
ISO_COMPATIBLE = replace(ISO, compatible=True)
MICROS = TranscodeOptions(time_precision_mode="microseconds")
NANOS = TranscodeOptions(time_precision_mode="nanoseconds")
TEXT = TranscodeOptions(decimal_handling_mode="string")
DOUBLE = TranscodeOptions(decimal_handling_mode="double")
PRECISE = TranscodeOptions(bigint_unsigned_handling_mode="precise")
BASE64 = TranscodeOptions(binary_handling_mode="base64")
URL_SAFE = TranscodeOptions(binary_handling_mode="base64-url-safe")
HEX = TranscodeOptions(binary_handling_mode="hex")


def both_paths(ddl: str, options: TranscodeOptions, code: int, metadata: int, image: bytes, text: bytes) -> list[Any]:
    column = column_from_ddl("c", 0, ddl)
    made = transcoder(table(column), TableMapColumn(code, metadata, column.nullable), options=options)
    row, end = made.read_row(memoryview(b"\x00" + image), 0, b"\x01")
    assert end == 1 + len(image)
    return [row[0], made.read_text_row([text])[0]]


def date_image(year: int, month: int, day: int) -> bytes:
    return (year << 9 | month << 5 | day).to_bytes(3, "little")


def datetime_image(year: int, month: int, day: int, hour: int = 0, micros: int = 0) -> bytes:
    packed = (year * 13 + month) << 22 | day << 17 | hour << 12
    return (packed + 0x8000000000).to_bytes(5, "big") + micros.to_bytes(3, "big")


def time_image(hours: int, micros: int = 0) -> bytes:
    return ((abs(hours) << 12) + 0x800000).to_bytes(3, "big") + micros.to_bytes(3, "big")


LAST, LAST_TEXT = datetime_image(9999, 12, 31, 23, 999999), b"9999-12-31 23:00:00.999999"
BINARY = b"\x03\xde\xfb\xff", b"\xde\xfb\xff"

CELLS: list[tuple[str, TranscodeOptions, int, int, bytes, bytes, Any]] = [
    ("date", CONNECT, 10, 0, date_image(2024, 2, 29), b"2024-02-29", 19782),
    ("date", ISO, 10, 0, date_image(24, 2, 29), b"0024-02-29", "0024-02-29Z"),
    ("date NOT NULL", ISO, 10, 0, date_image(0, 0, 0), b"0000-00-00", "1970-01-01Z"),
    ("date", ISO, 10, 0, date_image(2024, 0, 1), b"2024-00-01", None),
    ("datetime(6)", CONNECT, 18, 6, LAST, LAST_TEXT, 253402297200999),
    ("datetime(6)", ISO, 18, 6, LAST, LAST_TEXT, "9999-12-31T23:00:00.999999Z"),
    ("datetime(6)", replace(NANOS, compatible=True), 18, 6, LAST, LAST_TEXT, None),
    ("datetime(6) NOT NULL", ISO, 18, 6, b"\x80" + b"\x00" * 7, b"0000-00-00 00:00:00.000000", "1970-01-01T00:00:00Z"),
    ("datetime(6)", ISO, 18, 6, datetime_image(1000, 1, 1, 0, 100), b"1000-01-01 00:00:00.000100",
     "1000-01-01T00:00:00.0001Z"),
    ("datetime", MICROS, 12, 0, (20240229123456).to_bytes(8, "little"), b"2024-02-29 12:34:56", 1709210096000000),
    ("datetime", NANOS, 12, 0, (20240229123456).to_bytes(8, "little"), b"2024-02-29 12:34:56", 1709210096000000000),
    ("time(6)", CONNECT, 19, 6, time_image(24), b"24:00:00.000000", 86_400_000),
    ("time(6)", replace(CONNECT, compatible=True), 19, 6, time_image(24, 1), b"24:00:00.000001", None),
    ("time(6)", ISO, 19, 6, time_image(24), b"24:00:00.000000", "24:00:00Z"),
    ("time(6)", ISO_COMPATIBLE, 19, 6, time_image(24), b"24:00:00.000000", "00:00:00Z"),
    ("time(6)", ISO, 19, 6, time_image(23, 500000), b"23:00:00.500000", "23:00:00.5Z"),
    ("time(6)", NANOS, 19, 6, time_image(838, 1), b"838:00:00.000001", 3016800000001000),
    ("time", replace(CONNECT, compatible=True), 11, 0, (-100).to_bytes(3, "little", signed=True), b"-00:01:00", None),
    ("time", NANOS, 11, 0, (-100).to_bytes(3, "little", signed=True), b"-00:01:00", -60_000_000_000),
    ("timestamp NULL", CONNECT, 17, 0, b"e\xe0yp", b"2024-02-29 12:32:48", "2024-02-29T12:32:48Z"),
    ("decimal(5,2)", TEXT, 246, 5 << 8 | 2, b"\x7f\xff\xfe", b"-0.01", "-0.01"),
    ("decimal(5,2)", TEXT, 246, 5 << 8 | 2, b"\x80\x01\x32", b"1.50", "1.50"),
    ("decimal(5,0)", TEXT, 246, 5 << 8, b"\x80\x00\x00", b"0", "0"),
    ("decimal(5,2)", DOUBLE, 246, 5 << 8 | 2, b"\x80\x7b\x2d", b"123.45", 123.45),
    ("bigint unsigned", PRECISE, 8, 0, b"\xff" * 8, b"18446744073709551615", b"\x00" + b"\xff" * 8),
    ("bigint", PRECISE, 8, 0, b"\xff" * 8, b"-1", -1),
    ("varbinary(4)", BASE64, 15, 4, *BINARY, "3vv/"),
    ("varbinary(4)", URL_SAFE, 15, 4, *BINARY, "3vv_"),
    ("varbinary(4)", HEX, 15, 4, *BINARY, "defbff"),
    ("blob", HEX, 252, 2, b"\x02\x00\xde\xad", b"\xde\xad", "dead"),
    ("binary(3)", BASE64, 254, 3, b"\x01\xff", b"\xff\x00\x00", "/wAA"),
    ("bit(12)", HEX, 16, 1 << 8 | 4, b"\x08\x01", b"\x08\x01", b"\x01\x08"),
]  # fmt: skip


@pytest.mark.parametrize(("ddl", "options", "code", "metadata", "image", "text", "value"), CELLS)
def test_a_cell_is_the_same_on_both_paths(
    ddl: str, options: TranscodeOptions, code: int, metadata: int, image: bytes, text: bytes, value: Any
) -> None:
    found = both_paths(ddl, options, code, metadata, image, text)
    assert [repr(one) for one in found] == [repr(value)] * 2


REQUIRED = [
    ("datetime(6) NOT NULL", NANOS, 18, LAST, LAST_TEXT, "9999-12-31T23:00:00.999999Z does not fit into ns"),
    ("time(6) NOT NULL", CONNECT, 19, time_image(25), b"25:00:00.000000", "25:00:00 does not fit into ms of the day"),
    ("time(6) NOT NULL", ISO, 19, time_image(838), b"838:00:00.000000", "choose another time.precision.mode"),
]


@pytest.mark.parametrize(("ddl", "options", "code", "image", "text", "message"), REQUIRED)
def test_a_value_that_neither_fits_nor_may_be_null_stops_with_its_name(
    ddl: str, options: TranscodeOptions, code: int, image: bytes, text: bytes, message: str
) -> None:
    made = transcoder(table(column_from_ddl("c", 0, ddl)), TableMapColumn(code, 6, False), options=options)
    with pytest.raises(ValueConversionError, match=f"shop.t, column 'c'.*{message}"):
        made.read_row(memoryview(b"\x00" + image), 0, b"\x01")
    with pytest.raises(ValueConversionError, match=f"shop.t, column 'c'.*{message}"):
        made.read_text_row([text])


DEFAULTS = [
    ("datetime DEFAULT '9999-12-31 23:59:59'", NANOS, MISSING),
    ("datetime(6) DEFAULT '2020-01-02 03:04:05.123456'", NANOS, 1577934245123456000),
    ("datetime DEFAULT CURRENT_TIMESTAMP", ISO, "1970-01-01T00:00:00Z"),
    ("date NOT NULL DEFAULT '0000-00-00'", ISO, "1970-01-01Z"),
    ("time DEFAULT '-10:11:12'", CONNECT, MISSING),
    ("time DEFAULT '10:11:12'", ISO, "10:11:12Z"),
    ("decimal(5,2) DEFAULT '3.455'", TEXT, "3.46"),
    ("decimal(5,2) DEFAULT '-3.455'", DOUBLE, -3.46),
    ("bigint unsigned DEFAULT '18446744073709551615'", PRECISE, b"\x00" + b"\xff" * 8),
    ("varbinary(5) DEFAULT '0xff27'", HEX, "ff27"),
    ("bit(4) DEFAULT b'1010'", HEX, b"\x0a"),
]


@pytest.mark.parametrize(("ddl", "options", "expected"), DEFAULTS)
def test_defaults_take_the_form_of_the_mode(ddl: str, options: TranscodeOptions, expected: object) -> None:
    assert build_plan(table(*columns(ddl)), TOPIC, options).columns[0].default == expected


KEYS = [
    ("date NOT NULL", CONNECT, b"2024-02-29", "2024-02-29"),
    ("datetime(6) NOT NULL", CONNECT, b"2024-02-29 01:02:03.004005", "2024-02-29T01:02:03.004Z"),
    ("time NOT NULL", CONNECT, b"01:02:03", "01:02:03.000Z"),
    ("decimal(5,2) NOT NULL", TEXT, b"-0.50", '"-0.50"'),
    ("decimal(5,2) NOT NULL", DOUBLE, b"-0.50", "-0.5"),
    ("decimal(5,2) NOT NULL", PRECISE, b"-0.50", "-0.50"),
    ("bigint unsigned NOT NULL", PRECISE, b"18446744073709551615", "18446744073709551615"),
    ("binary(2) NOT NULL", HEX, b"\xde\xad", '"dead"'),
]


@pytest.mark.parametrize(("ddl", "options", "cell", "shown"), KEYS)
def test_keys_in_headers_print_as_connect_prints_them(
    ddl: str, options: TranscodeOptions, cell: bytes, shown: str
) -> None:
    made = transcoder(table(column_from_ddl("c", 0, ddl), key=("c",)), options=options)
    assert made.key_struct_json(made.read_text_row([cell])) == f'{{"c":{shown}}}'


@given(st.integers(-(10**30), 10**30), st.integers(0, 30))
def test_decimal_forms_are_those_of_the_digits(unscaled: int, scale: int) -> None:
    text = forms.plain_decimal(unscaled, scale)
    assert int(text.replace(".", "")) == unscaled
    assert len(text.partition(".")[2]) == scale
    encode = forms.encoder(forms.Form.NEAREST_DOUBLE, scale)
    assert encode is not None
    assert struct.pack(">d", encode(unscaled)) == struct.pack(">d", float(text) if unscaled else 0.0)


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_iso_datetimes_read_back(micros: int) -> None:
    day, rest = micros // forms.DAY_US, micros % forms.DAY_US
    assert forms.iso_datetime(micros) == f"{forms.iso_date(day)[:-1]}T{forms.iso_time(rest)}"


def test_the_rejected_mode_stays_rejected() -> None:
    with pytest.raises(ConfigError, match="expected one of adaptive_time_microseconds, connect"):
        TranscodeOptions(time_precision_mode="adaptive")


@pytest.mark.parametrize(
    ("ddl", "options", "cell", "shown"),
    [
        ("datetime(6)", NANOS, b"9999-12-31 23:00:00.999999", "9999-12-31T23:00:00.999999Z"),
        ("time(6)", CONNECT, b"24:00:00.000001", "24:00:00.000001"),
        ("time", ISO, b"-00:01:00", "-00:01:00"),
    ],
)
def test_what_a_mode_cannot_hold_is_refused_unless_debeziums_null_is_wanted(
    ddl: str, options: TranscodeOptions, cell: bytes, shown: str
) -> None:
    described = table(*columns(ddl))
    strict = ReferenceTranscoder(build_plan(described, TOPIC, options), None, 2)
    with pytest.raises(ValueConversionError, match=f"{shown} does not fit into .*: choose another time.precision.mode"):
        strict.read_text_row([cell])
    compatible = build_plan(described, TOPIC, replace(options, compatible=True))
    assert ReferenceTranscoder(compatible, None, 2).read_text_row([cell]) == (None,)
