"""Answers of prepared queries written by hand: a column of each kind with its cells, for tests without a server."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from functools import cache

from faust_cdc.mysql.binary_rows import ResultColumn
from faust_cdc.transcode.plan import TranscodeOptions
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.transcode.images import columns, table, transcoder


def counted(data: bytes) -> bytes:
    """Bytes behind their length."""
    if len(data) < 251:
        return bytes([len(data)]) + data
    return b"\xfc" + len(data).to_bytes(2, "little") + data


@dataclass(frozen=True)
class Kind:
    """A column and two of its cells: in the binary protocol, and as the text protocol shows them."""

    ddl: str
    column: ResultColumn
    cells: tuple[tuple[bytes, bytes], ...]


def _number(ddl: str, code: int, size: int, *values: int, unsigned: bool = False) -> Kind:
    cells = tuple((one.to_bytes(size, "little", signed=not unsigned), b"%d" % one) for one in values)
    return Kind(ddl, ResultColumn(code, unsigned, 0), cells)


def _bytes(ddl: str, code: int, *values: bytes) -> Kind:
    return Kind(ddl, ResultColumn(code, False, 0), tuple((counted(one), one) for one in values))


def _moment(ddl: str, code: int, digits: int, *cells: tuple[bytes, str]) -> Kind:
    behind_size = tuple((bytes([len(cell)]) + cell, text.encode()) for cell, text in cells)
    return Kind(ddl, ResultColumn(code, False, digits), behind_size)


def _parts(year: int, month: int, day: int, *clock: int, micros: int | None = None) -> bytes:
    whole = struct.pack("<HBB", year, month, day) + bytes(clock)
    return whole if micros is None else whole + struct.pack("<I", micros)


KINDS = (
    _number("tinyint", 1, 1, -128, 127),
    _number("smallint unsigned", 2, 2, 0, 65535, unsigned=True),
    _number("mediumint", 9, 4, -(1 << 23), (1 << 23) - 1),
    _number("int", 3, 4, -(1 << 31), (1 << 31) - 1),
    _number("int unsigned", 3, 4, 1 << 31, (1 << 32) - 1, unsigned=True),
    _number("bigint", 8, 8, -(1 << 63), (1 << 63) - 1),
    _number("bigint unsigned", 8, 8, 1 << 63, (1 << 64) - 1, unsigned=True),
    _number("year", 13, 2, 2155, 1901, unsigned=True),
    _bytes("decimal(18,4)", 246, b"-99999999999999.9999", b"0.0001"),
    _bytes("decimal(9)", 246, b"-1", b"2147483648"[:9]),
    _bytes("decimal(65,30)", 246, b"-12345678901234567890.123456789012345678901234567890", b"0." + b"0" * 30),
    Kind("float", ResultColumn(4, False, 31), ((struct.pack("<f", 1.5), b"1.5"), (struct.pack("<f", -0.0), b"-0"))),
    Kind("float(7,2)", ResultColumn(4, False, 2), ((struct.pack("<f", 2.25), b"2.25"), (struct.pack("<f", 0), b"0"))),
    Kind(
        "double",
        ResultColumn(5, False, 31),
        ((struct.pack("<d", -1e300), b"-1e300"), (struct.pack("<d", 5e-324), b"5e-324")),
    ),
    _bytes("bit(1)", 16, b"\0", b"\1"),
    _bytes("bit(12)", 16, b"\x0a\x5a", b"\0\0"),
    _moment("date", 10, 0, (_parts(2024, 2, 29), "2024-02-29"), (b"", "0000-00-00")),
    _moment(
        "datetime(3)",
        12,
        3,
        (_parts(9999, 12, 31, 23, 59, 59, micros=999_000), "9999-12-31 23:59:59.999"),
        (_parts(69, 1, 2), "0069-01-02 00:00:00.000"),
    ),
    _moment(
        "datetime(6)",
        12,
        6,
        (_parts(1000, 1, 1, 0, 0, 1), "1000-01-01 00:00:01.000000"),
        (_parts(2024, 0, 1), "2024-00-01 00:00:00.000000"),
    ),
    _moment(
        "timestamp NULL", 7, 0, (_parts(2038, 1, 19, 3, 14, 7), "2038-01-19 03:14:07"), (b"", "0000-00-00 00:00:00")
    ),
    _moment(
        "timestamp(6) NULL",
        7,
        6,
        (_parts(1970, 1, 1, 0, 0, 1, micros=1), "1970-01-01 00:00:01.000001"),
        (_parts(2000, 1, 1), "2000-01-01 00:00:00.000000"),
    ),
    _moment(
        "time(2)",
        11,
        2,
        (struct.pack("<BIBBBI", 1, 34, 22, 59, 59, 990_000), "-838:59:59.99"),
        (struct.pack("<BIBBB", 0, 0, 1, 2, 3), "01:02:03.00"),
    ),
    _bytes("varchar(300)", 253, "漢字 é".encode(), b"x" * 260),
    _bytes("varchar(20) CHARACTER SET cp1251", 253, b"\xdf\xff", b"ascii"),
    _bytes("binary(4)", 254, b"\0\xff\0\0", b"abcd"),
    _bytes("blob", 252, b"\xfb\xfe\xff", b""),
    _number("enum('a','b')", 8, 8, 0, 2, unsigned=True),
    _number("set('a','b','c')", 3, 4, 0, 5, unsigned=True),
    _bytes("json", 245, b'{"a": [1, 2.50, 1e20, -7, "x\\u0001y", "\\\\"], "b": null}', b'["\xc3\xa9", true, 0.1, {}]'),
    _bytes("point", 255, b"\0\0\0\0\1\1\0\0\0" + bytes(16), b"\0\0\0\0\1\1\0\0\0" + bytes(16)),
    _bytes("vector(3)", 242, bytes(12), bytes(12)),
)
"""Every operation of the compiled transcoder, and columns that it leaves to Python."""


@dataclass(frozen=True)
class Crafted:
    """A result set of the tests and what reads it."""

    transcoder: ReferenceTranscoder
    columns: list[ResultColumn]
    packets: list[bytes]
    texts: list[tuple[bytes | None, ...]]


def packet(cells: list[bytes | None]) -> bytes:
    """A row."""
    nulls = sum(1 << index + 2 for index, cell in enumerate(cells) if cell is None)
    return b"\0" + nulls.to_bytes((len(cells) + 9) // 8, "little") + b"".join(cell or b"" for cell in cells)


@cache
def crafted(first: int, count: int, options: TranscodeOptions) -> Crafted:
    """A table of `count` kinds from `first` on: rows of their cells, and one of NULLs; the first column is the key."""
    chosen = KINDS[first : first + count]
    ddls = ["int NOT NULL", *(kind.ddl for kind in chosen)]
    # A key may not be null: the table gets a number of its own.
    described = [
        replace(column, charset="cp1251") if "cp1251" in ddl else column
        for ddl, column in zip(ddls, columns(*ddls), strict=True)
    ]
    made = transcoder(table(*described, key=("c0",)), options=options)
    rows: list[list[tuple[bytes | None, bytes | None]]] = [[kind.cells[n] for kind in chosen] for n in (0, 1)]
    rows.append([(None, None)] * len(chosen))
    packets = [packet([bytes([n, 0, 0, 0]), *(cell for cell, _ in row)]) for n, row in enumerate(rows)]
    texts = [(b"%d" % n, *(text for _, text in row)) for n, row in enumerate(rows)]
    return Crafted(made, [ResultColumn(3, False, 0), *(kind.column for kind in chosen)], packets, texts)
