"""From a plan and a table map to the `Cell`s of the compiled transcoder; run once per table version.

A column is written by an operation of `cells` only where that operation gives the bytes of the reference transcoder;
every other one (rare types, modes and character sets) is `COLD`: the reference reader of that one cell and a small
Python encoder of its field, without slowing the columns beside it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import fastavro

from faust_cdc.binlog.events import TableMapColumn, TableMapEvent
from faust_cdc.mysql.charsets import decoder
from faust_cdc.transcode import wire
from faust_cdc.transcode.compiled import cells as ops
from faust_cdc.transcode.compiled.cells import Cell
from faust_cdc.transcode.compiled.rows import RowEncoder
from faust_cdc.transcode.forms import Form
from faust_cdc.transcode.mapping import Kind
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.reference import ReferenceTranscoder, bare_record
from faust_cdc.transcode.temporal import FRACTION_SIZE, FRACTION_UNIT_US

DECIMAL_DIGITS_MAX = 18
"""The most that 64 bits hold whatever the digits are."""

_INTEGER_SIZES = {1: 1, 2: 2, 9: 3, 3: 4, 8: 8}
"""Bytes by type code of the table map."""
_TIME2, _DATETIME2, _TIMESTAMP2 = 19, 18, 17

EncodeField = Callable[[Any], bytes]


def field_encoder(plan: ColumnPlan) -> EncodeField:
    """Return what writes an Avro-ready value of a column as its field, union tag and all. Raises ValueError."""
    schema = fastavro.parse_schema(bare_record("Field", [plan]))
    name = schema["fields"][0]["name"]

    def encode(value: Any) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, {name: value})
        return out.getvalue()

    return encode


def cell_of(plan: ColumnPlan, column: TableMapColumn, adjust_years: bool, is_key: bool) -> Cell:
    """Return how the cells of one column are written."""
    make = _MAKERS.get(plan.mapping.kind)
    made = None if make is None else make(plan, column, adjust_years)
    if made is None:
        made = _cold(plan, column, adjust_years)
    if plan.optional:
        null_first = plan.avro_field["type"][0] == "null"
        made.null_tag, made.value_tag = (0, 2) if null_first else (2, 0)
    made.is_key = is_key
    return made


def row_encoder(transcoder: ReferenceTranscoder, event: TableMapEvent, skip_unchanged: bool) -> RowEncoder:
    """Return the encoder of the rows that a table map announces, with the plan and schema ids of `transcoder`."""
    plan = transcoder.plan
    key = [one.index for one in plan.key_columns]
    adjust = plan.options.enable_time_adjuster
    cells = [
        cell_of(one, column, adjust, one.index in key) for one, column in zip(plan.columns, event.columns, strict=True)
    ]
    key_prefix = transcoder.key_prefix if key else None
    return RowEncoder(cells, key, key_prefix, transcoder.value_prefix, skip_unchanged)


def _cold(plan: ColumnPlan, column: TableMapColumn, adjust_years: bool) -> Cell:
    read, encode = wire.cell_reader(plan, column, adjust_years), field_encoder(plan)

    def cold(data: bytes, pos: int) -> tuple[bytes, int]:
        try:
            value, after = read(data, pos)
            return encode(value), after
        except (struct.error, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error

    return Cell(ops.COLD, cold=cold)


def _integer(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    size = _INTEGER_SIZES[column.type_code]
    return Cell(ops.UINT if plan.column.unsigned and size < 8 else ops.INT, size)


def _text(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    charset = plan.column.charset or "utf8mb4"
    size = wire.length_size(column)
    if charset in ("utf8mb4", "utf8mb3", "utf8"):
        return Cell(ops.TEXT, size)
    decode = decoder(charset)
    assert decode is not None, "the plan was built only because the character set is known"
    return Cell(ops.CODED_TEXT, size, int(_keeps_ascii(decode)), decode=decode)


def _keeps_ascii(decode: Callable[[bytes], str]) -> bool:
    try:
        return all(decode(bytes([code])) == chr(code) for code in range(128))
    except ValueError:
        return False


def _octets(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    if plan.mapping.form is not Form.AS_IS:
        return None
    return Cell(ops.OCTETS, wire.length_size(column))


def _padded(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    if plan.mapping.form is not Form.AS_IS:
        return None
    return Cell(ops.PADDED, wire.length_size(column), 1 if plan.column.length is None else plan.column.length)


def _double(_plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.DOUBLE, 8)


def _float(plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.FLOAT if plan.mapping.avro == "float" else ops.FLOAT_AS_DOUBLE, 4)


def _decimal(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    precision, scale = column.metadata >> 8, column.metadata & 255
    if plan.mapping.form is not Form.UNSCALED or precision > DECIMAL_DIGITS_MAX:
        return None
    return Cell(ops.DECIMAL, 0, precision, scale)


def _date(plan: ColumnPlan, _column: TableMapColumn, adjust: bool) -> Cell | None:
    if plan.mapping.form is not Form.AS_IS:
        return None
    return Cell(ops.DATE, 3, adjust=adjust, zero=field_encoder(plan)(plan.zero))


def _datetime(plan: ColumnPlan, column: TableMapColumn, adjust: bool) -> Cell | None:
    units = {Form.AS_IS: 1, Form.MILLIS: 1000}
    if column.type_code != _DATETIME2 or plan.mapping.form not in units:
        return None
    digits, zero = column.metadata, field_encoder(plan)(plan.zero)
    unit, scale = FRACTION_UNIT_US[digits], units[plan.mapping.form]
    return Cell(ops.DATETIME, 5 + FRACTION_SIZE[digits], unit, scale, adjust=adjust, zero=zero)


def _timestamp(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    if column.type_code != _TIMESTAMP2 or plan.mapping.form is not Form.AS_IS:
        return None
    digits, zero = column.metadata, field_encoder(plan)(plan.zero)
    return Cell(ops.TIMESTAMP, 4 + FRACTION_SIZE[digits], FRACTION_UNIT_US[digits], digits, zero=zero)


def _time(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    units = {Form.AS_IS: 1, Form.TIME_NANOS: 1000}
    if column.type_code != _TIME2 or plan.mapping.form not in units:
        return None
    digits = column.metadata
    return Cell(ops.TIME, 3 + FRACTION_SIZE[digits], FRACTION_UNIT_US[digits], units[plan.mapping.form])


def _year(_plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.YEAR, 1)


def _boolean(_plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.BOOLEAN, 1)


def _bits(plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    length = plan.column.length or 1
    return Cell(ops.BITS, (length + 7) // 8)


def _enum(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.ENUM, column.metadata, labels=[b"", *(label.encode() for label in plan.column.enum_values)])


def _set(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.SET, column.metadata, labels=[label.encode() for label in plan.column.enum_values])


def _json(_plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.JSON, wire.length_size(column))


_MAKERS: dict[Kind, Callable[[ColumnPlan, TableMapColumn, bool], Cell | None]] = {
    Kind.INTEGER: _integer,
    Kind.UNSIGNED_LONG: _integer,
    Kind.STRING: _text,
    Kind.BYTES: _octets,
    Kind.FIXED_BYTES: _padded,
    Kind.DOUBLE: _double,
    Kind.FLOAT: _float,
    Kind.DECIMAL: _decimal,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.TIMESTAMP: _timestamp,
    Kind.TIME: _time,
    Kind.YEAR: _year,
    Kind.BOOLEAN: _boolean,
    Kind.BITS: _bits,
    Kind.ENUM: _enum,
    Kind.SET: _set,
    Kind.JSON: _json,
}
