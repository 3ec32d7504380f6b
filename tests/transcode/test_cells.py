"""One cell of each type: bytes of a row image, and the text of the same value, into the value of the event."""

import struct
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faust_cdc.errors import ValueConversionError
from faust_cdc.transcode.numbers import decimal_groups, signed_bytes
from tests.transcode.images import one_cell, one_text

UTF8 = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

# DDL, type code, metadata, bytes in the row image, text of the snapshot, value
CELLS: list[tuple[str, int, int, bytes, bytes, Any]] = [
    ("tinyint", 1, 0, b"\x80", b"-128", -128),
    ("tinyint unsigned", 1, 0, b"\xff", b"255", 255),
    ("tinyint(1)", 1, 0, b"\x01", b"1", 1),
    ("smallint", 2, 0, b"\x00\x80", b"-32768", -32768),
    ("smallint unsigned", 2, 0, b"\xff\xff", b"65535", 65535),
    ("mediumint", 9, 0, b"\x00\x00\x80", b"-8388608", -8388608),
    ("mediumint unsigned", 9, 0, b"\xff\xff\xff", b"16777215", 16777215),
    ("int", 3, 0, b"\x00\x00\x00\x80", b"-2147483648", -(2**31)),
    ("int unsigned", 3, 0, b"\xff\xff\xff\xff", b"4294967295", 2**32 - 1),
    ("bigint", 8, 0, b"\x00" * 7 + b"\x80", b"-9223372036854775808", -(2**63)),
    ("bigint unsigned", 8, 0, b"\xff" * 8, b"18446744073709551615", -1),
    ("float", 4, 4, struct.pack("<f", 1.1), b"1.100000023841858", 1.100000023841858),
    ("float(5,2)", 4, 4, struct.pack("<f", 4.44), b"4.440000057220459", 4.440000057220459),
    ("double", 5, 8, struct.pack("<d", -0.0), b"-0", -0.0),
    ("decimal(5,2)", 246, 5 << 8 | 2, b"\x80\x7b\x2d", b"123.45", b"\x30\x39"),
    ("decimal(5,2)", 246, 5 << 8 | 2, b"\x7c\x18\x9c", b"-999.99", b"\xfe\x79\x61"),
    ("decimal(10,0)", 246, 10 << 8, b"\x80\x00\x00\x00\x00", b"0", b"\x00"),
    ("bit(1)", 16, 1, b"\x01", b"\x01", True),
    ("bit(8)", 16, 1 << 8, b"\x81", b"\x81", b"\x81"),
    ("bit(12)", 16, 1 << 8 | 4, b"\x08\x01", b"\x08\x01", b"\x01\x08"),
    ("year", 13, 0, b"\x00", b"0000", 0),
    ("year", 13, 0, b"\xff", b"2155", 2155),
    ("date", 10, 0, (2024 << 9 | 2 << 5 | 29).to_bytes(3, "little"), b"2024-02-29", 19782),
    ("date", 10, 0, b"\x00\x00\x00", b"0000-00-00", None),
    ("date", 10, 0, (2024 << 9).to_bytes(3, "little"), b"2024-00-00", None),
    ("date", 10, 0, (24 << 9 | 1 << 5 | 1).to_bytes(3, "little"), b"0024-01-01", 19723),
    ("date NOT NULL", 10, 0, b"\x00\x00\x00", b"0000-00-00", 0),
    ("time", 19, 0, b"\x80\xc8\xb8", b"12:34:56", 45_296_000_000),
    ("time(1)", 19, 1, b"\x7f\xff\xff\xf6", b"-00:00:00.1", -100_000),
    ("time(6)", 19, 6, b"\x80\xc8\xb8\x0c\x0a\x14", b"12:34:56.789012", 45_296_789_012),
    ("time", 11, 0, (-8385959).to_bytes(3, "little", signed=True), b"-838:59:59", -3_020_399_000_000),
    ("datetime", 18, 0, b"\x99\xb2\xba\xc8\xb8", b"2024-02-29 12:34:56", 1_709_210_096_000),
    ("datetime(6)", 18, 6, b"\x99\xb2\xba\xc8\xb8\x0c\x0a\x14", b"2024-02-29 12:34:56.789012", 1_709_210_096_789_012),
    ("datetime", 12, 0, (20240229123456).to_bytes(8, "little"), b"2024-02-29 12:34:56", 1_709_210_096_000),
    ("datetime", 18, 0, b"\x80\x00\x00\x00\x00", b"0000-00-00 00:00:00", None),
    ("timestamp NULL", 17, 0, b"e\xe0yp", b"2024-02-29 12:32:48", "2024-02-29T12:32:48Z"),
    ("timestamp(3) NULL", 17, 3, b"\x7f\xff\xff\xff\x00\x0a", b"2038-01-19 03:14:07.001", "2038-01-19T03:14:07.001Z"),
    ("timestamp NULL", 7, 0, b"\x01\x00\x00\x00", b"1970-01-01 00:00:01", "1970-01-01T00:00:01Z"),
    ("timestamp NULL", 17, 0, b"\x00" * 4, b"0000-00-00 00:00:00", None),
    ("timestamp NOT NULL", 17, 0, b"\x00" * 4, b"0000-00-00 00:00:00", "1970-01-01T00:00:00Z"),
    ("char(10)", 254, 40, b"\x02ab", b"ab", "ab"),
    ("char(100)", 254, 400, b"\x02\x00ab", b"ab", "ab"),
    (f"varchar(20) {UTF8}", 15, 80, "\x03€".encode(), "€".encode(), "€"),
    ("varchar(20) CHARACTER SET latin1 COLLATE latin1_bin", 15, 20, b"\x02\x80\x81", "€\x81".encode(), "€\x81"),
    ("varchar(20) CHARACTER SET ascii COLLATE ascii_bin", 15, 20, b"\x01x", b"x", "x"),
    ("varchar(255)", 15, 1020, b"\x00\x00", b"", ""),
    ("text", 252, 2, b"\x04\x00" + "😀".encode(), "😀".encode(), "😀"),
    ("binary(6)", 254, 6, b"\x02\x01\x02", b"\x01\x02\x00\x00\x00\x00", b"\x01\x02\x00\x00\x00\x00"),
    ("varbinary(10)", 15, 10, b"\x03\x00\xff\x10", b"\x00\xff\x10", b"\x00\xff\x10"),
    ("longblob", 252, 4, b"\x00\x00\x00\x00", b"", b""),
    ("enum('a','b,c')", 247, 1, b"\x02", b"2", "b,c"),
    ("enum('a','b,c')", 247, 1, b"\x00", b"0", ""),
    ("set('x','y','z w')", 248, 1, b"\x05", b"5", "x,z w"),
    ("set('x','y','z w')", 248, 1, b"\x00", b"0", ""),
    ("json", 245, 4, b"\x03\x00\x00\x00\x04\x01\x00", b"true", "true"),
]


@pytest.mark.parametrize(("ddl", "code", "metadata", "cell", "text", "expected"), CELLS)
def test_both_paths_give_the_value(
    ddl: str, code: int, metadata: int, cell: bytes, text: bytes, expected: object
) -> None:
    from_image, from_text = one_cell(ddl, code, metadata, cell), one_text(ddl, text)
    assert (from_image, type(from_image)) == (expected, type(expected))
    assert (from_text, type(from_text)) == (expected, type(expected))
    assert str(from_image) == str(from_text), "-0.0 equals 0.0, its text does not"


@pytest.mark.parametrize(
    ("ddl", "code", "metadata", "cell", "word"),
    [
        ("date", 10, 0, (2024 << 9 | 2 << 5 | 31).to_bytes(3, "little"), "day is out of range"),
        ("enum('a')", 247, 1, b"\x02", "ENUM index 2"),
        ("set('a')", 248, 1, b"\x02", "SET bits 0x2"),
        (f"varchar(20) {UTF8}", 15, 80, b"\x01\xff", "can't decode"),
        ("varchar(20)", 15, 80, b"\x05a", "overruns"),
        ("int", 3, 0, b"\x00", "unpack_from requires"),
        ("mediumint", 9, 0, b"\x00", "the row ends at byte 4"),
        ("json", 245, 4, b"\x01\x00\x00\x00\x63", "unknown binary JSON type 99"),
        ("decimal(5,2)", 246, 5 << 8 | 2, b"\x80\x7b\x7f", "not below 100"),
    ],
)
def test_bytes_that_are_no_value_name_their_place(ddl: str, code: int, metadata: int, cell: bytes, word: str) -> None:
    with pytest.raises(ValueConversionError, match=word) as caught:
        one_cell(ddl, code, metadata, cell)
    message = str(caught.value)
    assert message.startswith("shop.t, column 'c' (")
    assert "of the event's rows" in message


@pytest.mark.parametrize(
    ("ddl", "cell"), [("date", b"2024-02-31"), ("int", b"x"), ("decimal(5,2)", b"1.5"), ("time", b"1")]
)
def test_text_that_is_no_value_names_its_place(ddl: str, cell: bytes) -> None:
    with pytest.raises(ValueConversionError, match=r"shop\.t, column 'c' .* snapshot read"):
        one_text(ddl, cell)


def packed_decimal(unscaled: int, precision: int, scale: int) -> bytes:
    """MySQL's decimal2bin, written the slow way round."""
    digits = str(abs(unscaled)).rjust(precision, "0")
    data = bytearray()
    for size, count in decimal_groups(precision, scale):
        data += int(digits[:count]).to_bytes(size, "big")
        digits = digits[count:]
    assert not digits
    data[0] ^= 0x80
    return bytes(byte ^ 0xFF for byte in data) if unscaled < 0 else bytes(data)


@given(st.data())
def test_any_decimal_survives_both_paths(data: st.DataObject) -> None:
    precision = data.draw(st.integers(1, 65))
    scale = data.draw(st.integers(0, min(30, precision)))
    unscaled = data.draw(st.integers(-(10**precision) + 1, 10**precision - 1))
    ddl = f"decimal({precision},{scale})"
    text = format(Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale)), "f")
    cell = packed_decimal(unscaled, precision, scale)
    expected = signed_bytes(unscaled)
    assert one_cell(ddl, 246, precision << 8 | scale, cell) == expected
    assert one_text(ddl, text.encode()) == expected
    assert int.from_bytes(expected, "big", signed=True) == unscaled


@given(st.integers(-3_020_399_000_000, 3_020_399_000_000), st.integers(0, 6))
def test_any_time_survives_both_paths(micros: int, digits: int) -> None:
    unit = 10 ** (6 - digits)
    value = micros // unit * unit
    sign, absolute = ("-" if value < 0 else ""), abs(value)
    seconds, fraction = divmod(absolute, 1_000_000)
    packed = (seconds // 3600 << 12 | seconds // 60 % 60 << 6 | seconds % 60) << 24 | fraction
    if value < 0:
        packed = -packed
    # The server keeps as many bytes as the digits need, from the top of a 48-bit number.
    whole, low = packed >> 24, packed & 0xFFFFFF
    cell = (whole + 0x800000).to_bytes(3, "big")
    size, step = ((0, 1), (1, 10_000), (1, 10_000), (2, 100), (2, 100), (3, 1), (3, 1))[digits]
    if size:
        if value < 0 and low:
            low -= 1 << 24
        cell += (low // step % (1 << 8 * size)).to_bytes(size, "big")
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    text = f"{sign}{clock}" + (f".{fraction:06}"[: 1 + digits] if digits else "")
    assert one_cell(f"time({digits})", 19, digits, cell) == value
    assert one_text(f"time({digits})", text.encode()) == value
