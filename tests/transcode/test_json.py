"""JSON documents: the binary form of the binlog and the server's text give one canonical text."""

import struct

import pytest

from faust_cdc.transcode.json_binary import json_text
from faust_cdc.transcode.json_text import canonical_json
from faust_cdc.transcode.numbers import java_double


def scalar(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + data


def small_array(*entries: tuple[int, bytes]) -> bytes:
    """A small array of scalars that all stand outside their entry."""
    body, table = b"", b""
    start = 4 + 3 * len(entries)
    for kind, data in entries:
        table += bytes([kind]) + (start + len(body)).to_bytes(2, "little")
        body += data
    return b"\x02" + struct.pack("<HH", len(entries), start + len(body)) + table + body


def double(number: float) -> tuple[int, bytes]:
    return 11, struct.pack("<d", number)


def opaque(field_type: int, data: bytes) -> tuple[int, bytes]:
    return 15, bytes([field_type, len(data)]) + data


def text_value(text: str) -> tuple[int, bytes]:
    raw = text.encode()
    return 12, bytes([len(raw)]) + raw


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"", "null"),
        (scalar(4, b"\x00"), "null"),
        (scalar(4, b"\x02"), "false"),
        (scalar(5, b"\xff\xff"), "-1"),
        (scalar(6, b"\xff\xff"), "65535"),
        (scalar(7, b"\xff\xff\xff\xff"), "-1"),
        (scalar(8, b"\xff\xff\xff\xff"), "4294967295"),
        (scalar(9, b"\x00" * 7 + b"\x80"), "-9223372036854775808"),
        (scalar(10, b"\xff" * 8), "18446744073709551615"),
        (b"\x00\x00\x00\x04\x00", "{}"),
        (b"\x02\x00\x00\x04\x00", "[]"),
        # {"a": 1, "bb": "x"}: an inlined int16 and a string
        (b"\x00\x02\x00\x19\x00\x12\x00\x01\x00\x13\x00\x02\x00\x05\x01\x00\x0c\x15\x00abb\x01x", '{"a":1,"bb":"x"}'),
        (small_array(text_value('q"\\\n\t\x01\x1f/é😀')), '["q\\"\\\\\\n\\t\\u0001\\u001F/é😀"]'),
        (small_array(double(1e20), double(0.1), double(1.0), double(-0.0)), "[100000000000000000000,0.1,1.0,-0.0]"),
        (small_array(opaque(246, b"\x05\x02\x80\x01\x32")), "[1.50]"),
        (small_array(opaque(15, b"\x01\x02")), '["base64:type15:AQI="]'),
    ],
)
def test_binary_documents(document: bytes, expected: str) -> None:
    assert json_text(document) == expected


def packed(year: int, month: int, day: int, hour: int, minute: int, second: int, micros: int) -> bytes:
    date = (year * 13 + month) << 5 | day
    return ((date << 17 | hour << 12 | minute << 6 | second) << 24 | micros).to_bytes(8, "little", signed=True)


def test_temporal_values_print_as_the_server_prints_them() -> None:
    moment = packed(2024, 2, 29, 12, 34, 56, 789012)
    eleven_hours = -((11 << 12 | 12 << 6 | 13) << 24 | 500_000)
    document = small_array(
        opaque(12, moment),
        opaque(7, moment),
        opaque(10, packed(2024, 2, 29, 0, 0, 0, 0)),
        opaque(11, eleven_hours.to_bytes(8, "little", signed=True)),
    )
    assert json_text(document) == (
        '["2024-02-29 12:34:56.789012","2024-02-29 12:34:56.789012","2024-02-29","-11:12:13.500000"]'
    )


def nested(depth: int) -> bytes:
    document = b"\x00\x00\x04\x00"
    for _ in range(depth):
        inner = document
        document = struct.pack("<HH", 1, 7 + len(inner)) + b"\x02" + b"\x07\x00" + inner
    return b"\x02" + document


def test_nesting_is_limited_as_in_the_server() -> None:
    assert json_text(nested(99)) == "[" * 100 + "]" * 100
    with pytest.raises(ValueError, match="deeper than 100"):
        json_text(nested(100))


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (b"\x63", "unknown binary JSON type"),
        (b"\x07\x00", "ends in the middle"),
        (b"\x02\xff\xff\x04\x00", "claims 65535 elements"),
        (b"\x02\x01\x00\x07\x00\x02\x00\x00", "overlaps its container"),
        (b"\x0c\x05ab", "a value needs"),
        (b"\x0c\xff\xff\xff\xff\xff\xff\x01", "more than five bytes"),
    ],
)
def test_broken_documents_are_errors(document: bytes, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        json_text(document)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (
            '{"a": 1, "b": [true, null, 1.5, "x\\"y"], "c": {"d": "2020-01-01"}}',
            '{"a":1,"b":[true,null,1.5,"x\\"y"],"c":{"d":"2020-01-01"}}',
        ),
        ('"a: b, c"', '"a: b, c"'),
        ('"\\u001f\\b / é"', '"\\u001F\\b / é"'),
        ("[1e20, 1.5e300, 1e15]", f"[100000000000000000000,{int(1.5e300)},1000000000000000]"),
        (
            "[0.0001, 12345678.0, 123456789.125]",
            "[0.000100000000000000004792173602385929598312941379845142364501953125,12345678,123456789.125]",
        ),
        ("[1.50, 12345678.90, 12345678901234567890.123]", "[1.50,12345678.90,12345678901234567890.123]"),
        ("[-0.0, -1.5]", "[-0.0,-1.5]"),
        (
            "[18446744073709551615, 123456789012345678901234567890]",
            "[18446744073709551615,123456789012345678901234567890]",
        ),
    ],
)
def test_server_text(server: str, expected: str) -> None:
    assert canonical_json(server) == expected


def test_doubles_print_as_java_prints_their_exact_value() -> None:
    assert java_double(1e-4) == "0.000100000000000000004792173602385929598312941379845142364501953125"
    assert java_double(1e-3) == "0.001"
    assert java_double(9999999.0) == "9999999.0"
    assert java_double(1e7) == "10000000"
