"""Cells of binlog row images: one reader per column, chosen once from the plan and the table map.

A reader takes (row image bytes, position) and returns (Avro-ready value, position after the cell). Readers of fixed
size do not look whether the image is long enough: who walks the row checks that it ends inside the image.
Source of the layouts: mysql-server `libs/mysql/binlog/event/binary_log_funcs.cpp`, `sql/field.cc`, `my_time.cc`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.mysql.charsets import decoder
from faust_cdc.relational.model import Column
from faust_cdc.relational.table_map import MARIA_FIXED, labels_of_map
from faust_cdc.transcode.forms import Encode
from faust_cdc.transcode.json_binary import json_text
from faust_cdc.transcode.mapping import Kind, escape_label
from faust_cdc.transcode.mariadb_cells import (
    inet4_text,
    inet6_text,
    old_datetime_reader,
    old_time_reader,
    old_timestamp_reader,
    uncompressed,
    uuid_text,
)
from faust_cdc.transcode.numbers import bits_little_endian, decimal_reader, decimal_size
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.spatial import geometry_or_none, point_of, point_or_none, vector_of
from faust_cdc.transcode.temporal import (
    DATETIME_BIAS,
    FRACTION_SIZE,
    FRACTION_UNIT_US,
    datetime_us_from_packed,
    day_from_packed,
    epoch_day,
    iso_utc,
    time_us_from_packed,
)
from faust_cdc.transcode.text import label_of, labels_of
from faust_cdc.transcode.wire_skip import Read, length_size

WIRE_TYPES: dict[str, frozenset[int]] = {
    "tinyint": frozenset({codes.TINY}),
    "smallint": frozenset({codes.SHORT}),
    "mediumint": frozenset({codes.INT24}),
    "int": frozenset({codes.LONG}),
    "bigint": frozenset({codes.LONGLONG}),
    "float": frozenset({codes.FLOAT}),
    "double": frozenset({codes.DOUBLE}),
    "decimal": frozenset({codes.NEWDECIMAL}),
    "bit": frozenset({codes.BIT}),
    "year": frozenset({codes.YEAR}),
    "date": frozenset({codes.DATE, codes.NEWDATE}),
    "time": frozenset({codes.TIME, codes.TIME2}),
    "datetime": frozenset({codes.DATETIME, codes.DATETIME2}),
    "timestamp": frozenset({codes.TIMESTAMP, codes.TIMESTAMP2}),
    "char": frozenset({codes.STRING}),
    "binary": frozenset({codes.STRING}),
    "varchar": frozenset({codes.VARCHAR, codes.VAR_STRING, codes.MARIA_VARCHAR_COMPRESSED}),
    "varbinary": frozenset({codes.VARCHAR, codes.VAR_STRING, codes.MARIA_VARCHAR_COMPRESSED}),
    **dict.fromkeys(
        ("tinytext", "text", "mediumtext", "longtext"), frozenset({codes.BLOB, codes.MARIA_BLOB_COMPRESSED})
    ),
    **dict.fromkeys(
        ("tinyblob", "blob", "mediumblob", "longblob"), frozenset({codes.BLOB, codes.MARIA_BLOB_COMPRESSED})
    ),
    "enum": frozenset({codes.ENUM}),
    "set": frozenset({codes.SET}),
    "json": frozenset({codes.JSON}),
    **dict.fromkeys(("geometry", "point", "linestring", "polygon"), frozenset({codes.GEOMETRY})),
    **dict.fromkeys(("multipoint", "multilinestring", "multipolygon"), frozenset({codes.GEOMETRY})),
    "geometrycollection": frozenset({codes.GEOMETRY}),
    "vector": frozenset({codes.VECTOR, codes.VARCHAR}),  # VARCHAR on MariaDB
    **dict.fromkeys(("uuid", "inet4", "inet6"), frozenset({codes.STRING})),
}
"""Table map type codes that carry a MySQL type."""

_INTEGERS = {
    (codes.TINY, False): "<b",
    (codes.TINY, True): "<B",
    (codes.SHORT, False): "<h",
    (codes.SHORT, True): "<H",
    (codes.LONG, False): "<i",
    (codes.LONG, True): "<I",
    (codes.LONGLONG, False): "<q",
    (codes.LONGLONG, True): "<q",
}
"""BIGINT UNSIGNED is read as signed: two's complement is what Debezium's `long` mode writes."""

_BLOB_LENGTHS = {"tiny": 1, "medium": 3, "long": 4}


def mismatch(column: Column, wire: TableMapColumn) -> str | None:
    """Return in words how the table map's column contradicts `column`, or None when they agree."""
    if wire.type_code not in WIRE_TYPES.get(column.type_name, frozenset()):
        return f"type code {wire.type_code} in the table map, expected {column.type_expression or column.type_name}"
    if wire.nullable != column.nullable:
        words = {True: "nullable", False: "NOT NULL"}
        return f"{words[wire.nullable]} in the table map, expected {words[column.nullable]}"
    if wire.name is not None and wire.name != column.name:
        return f"called {wire.name!r} in the table map"
    if wire.unsigned is not None and column.type_name in _SIGNED_OR_NOT and wire.unsigned != column.unsigned:
        return f"unsigned={wire.unsigned} in the table map, expected {column.unsigned}"
    if wire.enum_values is not None and len(wire.enum_values) != len(column.enum_values):
        return f"{len(wire.enum_values)} labels in the table map, expected {len(column.enum_values)}"
    return _metadata_mismatch(column, wire)


_SIGNED_OR_NOT = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})


def _metadata_mismatch(column: Column, wire: TableMapColumn) -> str | None:
    code, metadata = wire.type_code, wire.metadata
    expected: int | None = None
    if code == codes.NEWDECIMAL:
        expected = (column.length or 10) << 8 | (column.scale or 0)
    elif code == codes.BIT:
        length = column.length or 1
        expected = length // 8 << 8 | length % 8
    elif code in (codes.TIMESTAMP2, codes.DATETIME2, codes.TIME2):
        expected = column.length or 0
    elif code in (codes.BLOB, codes.MARIA_BLOB_COMPRESSED):
        expected = next((n for word, n in _BLOB_LENGTHS.items() if column.type_name.startswith(word)), 2)
    elif code == codes.STRING and column.type_name == "binary":
        expected = column.length if column.length is not None else 1
    elif code in (codes.VARCHAR, codes.VAR_STRING) and column.type_name == "varbinary":
        expected = column.length
    elif code == codes.MARIA_VARCHAR_COMPRESSED and column.type_name == "varbinary" and column.length is not None:
        expected = column.length + 1
    elif column.type_name in MARIA_FIXED:
        expected = MARIA_FIXED[column.type_name]
    if expected is not None and metadata != expected:
        declared = column.type_expression or column.type_name
        return f"type metadata {metadata} in the table map, expected {expected} for {declared}"
    return None


def cell_reader(plan: ColumnPlan, wire: TableMapColumn, adjust_years: bool) -> Read:
    """Return the reader of one column's non-null cells."""
    if plan.mapping.convert is not None:
        plain = replace(plan, mapping=replace(plan.mapping, convert=None))
        return _encoded(cell_reader(plain, wire, adjust_years), plan.mapping.convert)
    adjust_years = adjust_years and not plan.mapping.literal_years
    kind, code = plan.mapping.kind, wire.type_code
    if kind in (Kind.INTEGER, Kind.UNSIGNED_LONG):
        return _int24(plan.column.unsigned) if code == codes.INT24 else _unpack(_INTEGERS[code, plan.column.unsigned])
    if kind is Kind.UNSIGNED_DECIMAL:
        return _encoded(_unpack("<Q"), plan.encode)
    if kind is Kind.FLOAT:
        return _unpack("<f")
    if kind is Kind.DOUBLE:
        return _unpack("<d")
    if kind is Kind.YEAR:
        return _encoded(lambda data, pos: (data[pos] + 1900 if data[pos] else 0, pos + 1), plan.encode)
    if kind in _TEMPORAL:
        return _TEMPORAL[kind](plan, wire, adjust_years)
    if kind is Kind.DECIMAL:
        return _encoded(_decimal(wire.metadata >> 8, wire.metadata & 255), plan.encode)
    if kind in (Kind.BOOLEAN, Kind.BITS):
        return _bits(kind, plan.column.length or 1)
    if kind in (Kind.ENUM, Kind.SET):
        return _labelled(plan, wire)
    convert = _conversion(plan)
    size = length_size(wire)
    assert size is not None, "the types of the other kinds, which mismatch() has compared, begin with a length"
    if code in (codes.MARIA_BLOB_COMPRESSED, codes.MARIA_VARCHAR_COMPRESSED):
        return _variable(size, lambda cell: convert(uncompressed(cell)))
    return _variable(size, convert)


def _encoded(read: Read, encode: Encode | None) -> Read:
    """Return `read` followed by the last step of its values."""
    if encode is None:
        return read

    def read_encoded(data: bytes, pos: int) -> tuple[Any, int]:
        value, end = read(data, pos)
        return encode(value), end

    return read_encoded


def _unpack(layout: str) -> Read:
    unpacker = struct.Struct(layout)
    unpack_from, size = unpacker.unpack_from, unpacker.size
    return lambda data, pos: (unpack_from(data, pos)[0], pos + size)


def _int24(unsigned: bool) -> Read:
    signed = not unsigned
    return lambda data, pos: (int.from_bytes(data[pos : pos + 3], "little", signed=signed), pos + 3)


def _decimal(precision: int, scale: int) -> Read:
    read, size = decimal_reader(precision, scale), decimal_size(precision, scale)
    return lambda data, pos: (read(data, pos), pos + size)


def _bits(kind: Kind, length: int) -> Read:
    size = (length + 7) // 8
    if kind is Kind.BOOLEAN:
        return lambda data, pos: (data[pos] != 0, pos + 1)
    return lambda data, pos: (
        bits_little_endian(int.from_bytes(data[pos : pos + size], "big"), length),
        pos + size,
    )


def labels_written(plan: ColumnPlan, wire: TableMapColumn) -> tuple[str, ...]:
    """Return what each label of an ENUM or SET is written as, in definition order."""
    # The server's own table map has what its information_schema replaces by a question mark.
    sent, written = labels_of_map(wire, plan.column.enum_values), plan.mapping.labels
    is_escaped = written != plan.column.enum_values
    return tuple(map(escape_label, sent)) if is_escaped else sent


def _labelled(plan: ColumnPlan, wire: TableMapColumn) -> Read:
    size, labels = wire.metadata, labels_written(plan, wire)
    of = label_of if plan.mapping.kind is Kind.ENUM else labels_of
    return lambda data, pos: (of(labels, int.from_bytes(data[pos : pos + size], "little")), pos + size)


def _conversion(plan: ColumnPlan) -> Callable[[bytes], Any]:
    kind = plan.mapping.kind
    if kind is Kind.STRING:
        decode = decoder(plan.column.charset or "utf8mb4")
        assert decode is not None, "the plan was built only because the character set is known"
        return decode
    if kind is Kind.FIXED_BYTES:
        return _padded(plan.column.length if plan.column.length is not None else 1, plan.encode)
    if kind is Kind.POINT and plan.column.nullable:
        return point_or_none
    return _WHOLE_CELLS.get(kind) or plan.encode or bytes


_WHOLE_CELLS: dict[Kind, Callable[[bytes], Any]] = {
    Kind.JSON: json_text,
    Kind.POINT: point_of,
    Kind.GEOMETRY: geometry_or_none,
    Kind.VECTOR: vector_of,
    Kind.UUID: uuid_text,
    Kind.INET4: inet4_text,
    Kind.INET6: inet6_text,
}


def _padded(length: int, encode: Encode | None) -> Callable[[bytes], Any]:
    if encode is None:
        return lambda cell: cell.ljust(length, b"\x00")
    return lambda cell: encode(cell.ljust(length, b"\x00"))


def _variable(length_size: int, convert: Callable[[bytes], Any]) -> Read:
    def read(data: bytes, pos: int) -> tuple[Any, int]:
        start = pos + length_size
        end = start + int.from_bytes(data[pos:start], "little")
        if end > len(data):
            raise ValueError(f"a cell of {end - start} bytes at {start} overruns the {len(data)} bytes of rows")
        return convert(data[start:end]), end

    return read


def _unless_zero(plan: ColumnPlan) -> Callable[[int | None], Any]:
    """Return the last step of dates: `zero` for the zero and partial dates, else the encoded value."""
    zero, encode = plan.zero, plan.encode
    if encode is None:
        return lambda value: zero if value is None else value
    return lambda value: zero if value is None else encode(value)


def _date(plan: ColumnPlan, _wire: TableMapColumn, adjust: bool) -> Read:
    finish = _unless_zero(plan)

    def read(data: bytes, pos: int) -> tuple[Any, int]:
        day = day_from_packed(data[pos] | data[pos + 1] << 8 | data[pos + 2] << 16, adjust)
        return finish(day), pos + 3

    return read


def _time(plan: ColumnPlan, wire: TableMapColumn, _adjust: bool) -> Read:
    if wire.type_code == codes.TIME:
        digits = plan.column.length or 0  # the old formats do not say it
        return _encoded(old_time_reader(digits) if digits else _old_time, plan.encode)
    digits = wire.metadata
    size = 3 + FRACTION_SIZE[digits]

    def read(data: bytes, pos: int) -> tuple[int, int]:
        whole = int.from_bytes(data[pos : pos + 3], "big") - 0x800000
        fraction = int.from_bytes(data[pos + 3 : pos + size], "big")
        return time_us_from_packed(whole, fraction, digits), pos + size

    return _encoded(read, plan.encode)


def _old_time(data: bytes, pos: int) -> tuple[int, int]:
    number = int.from_bytes(data[pos : pos + 3], "little", signed=True)
    hours, rest = divmod(abs(number), 10_000)
    value = (hours * 3600 + rest // 100 * 60 + rest % 100) * 1_000_000
    return (-value if number < 0 else value), pos + 3


def _datetime(plan: ColumnPlan, wire: TableMapColumn, adjust: bool) -> Read:
    finish = _unless_zero(plan)
    if wire.type_code == codes.DATETIME:
        digits = plan.column.length or 0
        return old_datetime_reader(digits, finish, adjust) if digits else _old_datetime(finish, adjust)
    scale, size = FRACTION_UNIT_US[wire.metadata], 5 + FRACTION_SIZE[wire.metadata]

    def read(data: bytes, pos: int) -> tuple[Any, int]:
        packed = int.from_bytes(data[pos : pos + 5], "big") - DATETIME_BIAS
        fraction = int.from_bytes(data[pos + 5 : pos + size], "big") * scale
        return finish(datetime_us_from_packed(packed, fraction, adjust)), pos + size

    return read


def _old_datetime(finish: Callable[[int | None], Any], adjust: bool) -> Read:
    def read(data: bytes, pos: int) -> tuple[Any, int]:
        number = int.from_bytes(data[pos : pos + 8], "little")
        day_number, clock = divmod(number, 1_000_000)
        days = epoch_day(day_number // 10_000, day_number // 100 % 100, day_number % 100, adjust)
        if days is None:
            return finish(None), pos + 8
        seconds = days * 86_400 + clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100
        return finish(seconds * 1_000_000), pos + 8

    return read


def _timestamp(plan: ColumnPlan, wire: TableMapColumn, _adjust: bool) -> Read:
    zero = plan.zero
    if wire.type_code == codes.TIMESTAMP:
        if plan.column.length:
            return old_timestamp_reader(plan.column.length, zero)

        def read_old(data: bytes, pos: int) -> tuple[Any, int]:
            seconds = int.from_bytes(data[pos : pos + 4], "little")
            return (iso_utc(seconds, 0, 0) if seconds else zero), pos + 4

        return read_old
    digits = wire.metadata
    scale, size = FRACTION_UNIT_US[digits], 4 + FRACTION_SIZE[digits]

    def read(data: bytes, pos: int) -> tuple[Any, int]:
        seconds = int.from_bytes(data[pos : pos + 4], "big")
        if not seconds:
            return zero, pos + size
        return iso_utc(seconds, int.from_bytes(data[pos + 4 : pos + size], "big") * scale, digits), pos + size

    return read


_TEMPORAL: dict[Kind, Callable[[ColumnPlan, TableMapColumn, bool], Read]] = {
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.DATETIME: _datetime,
    Kind.TIMESTAMP: _timestamp,
}
