"""From a plan's column to a cell of `shapes`, or to a field that Python writes; run once per table version."""

from __future__ import annotations

import io
import struct
from binascii import b2a_base64, hexlify
from collections.abc import Callable
from typing import Any, Final

import fastavro

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.transcode.avro_encoding import bare_record
from faust_cdc.transcode.compiled.cells import Cell
from faust_cdc.transcode.compiled.octets import avro_bytes
from faust_cdc.transcode.compiled.shapes import (
    ISO,
    ISO_WRAPPED,
    MILLIS_OF_DAY,
    Converted,
    DebeziumYear,
    DecimalText,
    IsoDate,
    ShapedDateTime,
    ShapedTime,
    Spatial,
    UnsignedDecimal,
    Vector,
    WideDecimal,
    avro_long,
)
from faust_cdc.transcode.forms import Form, encoder
from faust_cdc.transcode.mapping import Kind
from faust_cdc.transcode.mariadb_cells import inet4_text, inet6_text, uuid_text
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.shaping import TextTruncation, truncated
from faust_cdc.transcode.temporal import FRACTION_SIZE, FRACTION_UNIT_US
from faust_cdc.transcode.wire_skip import length_size

DECIMAL_DIGITS_MAX: Final = 18
"""The most that 64 bits hold whatever the digits are."""

EncodeField = Callable[[Any], bytes]
MakePlain = Callable[[ColumnPlan, TableMapColumn], Cell | None]
"""The cell of a column in its common form, without a union's tag."""

_INT_LIMITS = {"int": 1 << 31, "long": 1 << 63}


def field_encoder(plan: ColumnPlan) -> EncodeField:
    """Return what writes an Avro-ready value of a column as its field, union tag and all. Raises ValueError.

    Texts, bytes and whole numbers are written here, what is rare or does not fit by fastavro.
    """
    any_field = _any_field(plan)
    avro = plan.mapping.avro
    tag = b"" if not plan.optional else b"\x02" if plan.avro_field["type"][0] == "null" else b"\x00"
    if avro == "string":
        return lambda value: tag + avro_bytes(value.encode()) if type(value) is str else any_field(value)
    if avro == "bytes":
        return lambda value: tag + avro_bytes(value) if type(value) is bytes else any_field(value)
    limit = _INT_LIMITS.get(avro)
    if limit is None:
        return any_field
    return lambda value: (
        tag + avro_long(value) if type(value) is int and -limit <= value < limit else any_field(value)
    )


def _any_field(plan: ColumnPlan) -> EncodeField:
    schema = fastavro.parse_schema(bare_record("Field", [plan]))
    name = schema["fields"][0]["name"]

    def encode(value: Any) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, {name: value})
        return out.getvalue()

    return encode


def shaped_cell(plan: ColumnPlan, column: TableMapColumn, plain: MakePlain) -> Cell | None:
    """Return the cell of a column whose values take another form; None when only Python has it."""
    mapping = plan.mapping
    if mapping.convert is not None or mapping.literal_years:
        return None
    if plan.change is not None:
        return _changed(plan, column, plain)
    make = _SHAPES.get(mapping.kind)
    return None if make is None else make(plan, column)


def _changed(plan: ColumnPlan, column: TableMapColumn, plain: MakePlain) -> Cell | None:
    """A masked, hashed or truncated column: its plain cell, changed."""
    change, mapping = plan.change, plan.mapping
    assert change is not None
    if mapping.form is not Form.AS_IS or mapping.kind not in _CHANGEABLE:
        return None
    inner = plain(plan, column)
    if inner is None:
        return None
    if mapping.avro == "bytes":
        return Converted(inner, change)
    if isinstance(change, TextTruncation):
        return Converted(inner, _cut(change.length))
    return Converted(inner, lambda text: change(text.decode()).encode())


def _cut(length: int) -> Callable[[bytes], bytes]:
    def cut(text: bytes) -> bytes:
        if len(text) <= length:
            return text
        return text[:length] if text.isascii() else truncated(text.decode(), length).encode()

    return cut


_CHANGEABLE = {Kind.STRING, Kind.ENUM, Kind.SET, Kind.JSON, Kind.BYTES, Kind.FIXED_BYTES}


def _decimal(plan: ColumnPlan, column: TableMapColumn) -> Cell | None:
    precision, scale, form = column.metadata >> 8, column.metadata & 255, plan.mapping.form
    if scale != plan.mapping.scale or form not in (Form.UNSCALED, Form.PLAIN_TEXT, Form.NEAREST_DOUBLE):
        return None
    if form is not Form.UNSCALED and precision <= DECIMAL_DIGITS_MAX:
        return DecimalText(precision, scale, form is Form.NEAREST_DOUBLE)
    encode = encoder(form, scale)
    assert encode is not None
    if form is Form.NEAREST_DOUBLE:
        pack = struct.Struct("<d").pack
        return WideDecimal(precision, scale, lambda unscaled: pack(encode(unscaled)))
    if form is Form.PLAIN_TEXT:
        return WideDecimal(precision, scale, lambda unscaled: avro_bytes(encode(unscaled).encode()))
    return WideDecimal(precision, scale, lambda unscaled: avro_bytes(encode(unscaled)))


def _date(plan: ColumnPlan, _column: TableMapColumn) -> Cell | None:
    return IsoDate(3) if plan.mapping.form is Form.ISO_DATE else None


def _datetime(plan: ColumnPlan, column: TableMapColumn) -> Cell | None:
    form = plan.mapping.form
    if column.type_code != codes.DATETIME2 or form not in (Form.NANOS, Form.ISO_DATETIME):
        return None
    digits = column.metadata
    as_text = form is Form.ISO_DATETIME
    return ShapedDateTime(FRACTION_SIZE[digits], FRACTION_UNIT_US[digits], as_text, plan.null_outside)


_TIME_FORMS = {Form.TIME_MILLIS: MILLIS_OF_DAY, Form.ISO_TIME: ISO, Form.ISO_TIME_WRAPPED: ISO_WRAPPED}


def _time(plan: ColumnPlan, column: TableMapColumn) -> Cell | None:
    form = _TIME_FORMS.get(plan.mapping.form)
    if column.type_code != codes.TIME2 or form is None:
        return None
    digits = column.metadata
    return ShapedTime(FRACTION_SIZE[digits], FRACTION_UNIT_US[digits], form, plan.null_outside)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BINARY_TEXT: dict[Form, Callable[[bytes], bytes]] = {
    Form.BASE64: lambda data: b2a_base64(data, newline=False),
    Form.BASE64_URL_SAFE: lambda data: b2a_base64(data, newline=False).translate(_URL_SAFE),
    Form.HEX: hexlify,
}


def binary_text(plan: ColumnPlan, inner: Cell | None) -> Cell | None:
    """Return the cell of bytes as text, `inner` being that of the bytes."""
    convert = _BINARY_TEXT.get(plan.mapping.form)
    return None if inner is None or convert is None else Converted(inner, convert)


def _spatial(plan: ColumnPlan, column: TableMapColumn) -> Cell | None:
    size = length_size(column)
    return None if size is None else Spatial(size, plan.mapping.kind is Kind.POINT)


def _vector(_plan: ColumnPlan, column: TableMapColumn) -> Cell | None:
    size = length_size(column)
    return None if size is None else Vector(size)


def _year(plan: ColumnPlan, _column: TableMapColumn) -> Cell | None:
    return DebeziumYear(1) if plan.mapping.form is Form.DEBEZIUM_YEAR else None


def _unsigned(_plan: ColumnPlan, _column: TableMapColumn) -> Cell | None:
    return UnsignedDecimal(8)


_SHAPES: dict[Kind, Callable[[ColumnPlan, TableMapColumn], Cell | None]] = {
    Kind.DECIMAL: _decimal,
    Kind.UNSIGNED_DECIMAL: _unsigned,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.TIME: _time,
    Kind.YEAR: _year,
    Kind.POINT: _spatial,
    Kind.GEOMETRY: _spatial,
    Kind.VECTOR: _vector,
}

OTHER_TEXTS: dict[Kind, Callable[[bytes], str]] = {
    Kind.UUID: uuid_text,
    Kind.INET4: inet4_text,
    Kind.INET6: inet6_text,
}
"""MariaDB's types of stored bytes whose text Python makes."""
