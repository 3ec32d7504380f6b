"""From a plan and a table map to the `Cell`s of the compiled transcoder; run once per table version.

A column is written by an operation of `cells` only where that operation gives the bytes of the reference transcoder;
every other one (rare types, modes and character sets) is `COLD`: the reference reader of that one cell and a small
Python encoder of its field, without slowing the columns beside it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import TableMapColumn, TableMapEvent
from faust_cdc.mysql.charsets import decoder
from faust_cdc.transcode import wire
from faust_cdc.transcode.avro_encoding import AvroKey, AvroValue
from faust_cdc.transcode.compiled import cells as ops
from faust_cdc.transcode.compiled.cells import Cell
from faust_cdc.transcode.compiled.octets import avro_bytes
from faust_cdc.transcode.compiled.rows import RowEncoder
from faust_cdc.transcode.compiled.shaped import (
    DECIMAL_DIGITS_MAX,
    OTHER_TEXTS,
    EncodeField,
    binary_text,
    field_encoder,
    shaped_cell,
)
from faust_cdc.transcode.compiled.shapes import Converted, IsoDate, ShapedDateTime
from faust_cdc.transcode.forms import Form
from faust_cdc.transcode.mapping import Kind
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc.transcode.temporal import FRACTION_SIZE, FRACTION_UNIT_US
from faust_cdc.transcode.wire_skip import cell_size, length_size
from faust_cdc_schemas.connect_avro import MISSING

_COMPRESSED = (codes.MARIA_BLOB_COMPRESSED, codes.MARIA_VARCHAR_COMPRESSED)


def row_encoder(transcoder: ReferenceTranscoder, event: TableMapEvent, skip_unchanged: bool) -> RowEncoder | None:
    """Return the encoder of the rows that a table map announces, of the plan and the schema ids of `transcoder`.

    None when only the reference transcoder writes such records: another format than Avro, keys of columns whose
    values a rule changes, defaults for the nulls of keys.
    """
    plan, encoding = transcoder.plan, transcoder.encoding
    value, key = encoding.value, encoding.key
    if not isinstance(value, AvroValue) or not isinstance(key, AvroKey | None):
        return None
    if any(one.index >= len(plan.columns) for one in plan.key_columns):
        return None
    null_is_default = value.null_is_default or plan.options.compatible
    if null_is_default and any(one.optional for one in plan.key_columns):
        return None
    by_name = {one.column.name: one for one in plan.columns}
    in_key = {one.column.name for one in plan.key_columns}
    cells, places = [], {}
    for place, (column, wired) in enumerate(zip(plan.table.columns, event.columns, strict=False)):
        one = by_name.get(column.name)
        if one is None:
            cells.append(_skip(wired, column.length or 0))
            continue
        cell = cell_of(one, wired, plan.options.enable_time_adjuster, null_is_default=null_is_default)
        cell.is_key, cell.in_value = column.name in in_key, column.name not in plan.key_only
        cells.append(cell)
        places[one.index] = place
    cells += [_skip(hidden, 0) for hidden in event.columns[len(plan.table.columns) :]]
    suffix = b"" if plan.key_constant is None else avro_bytes(plan.key_constant.value.encode())
    return RowEncoder(
        cells,
        [places[one.index] for one in plan.key_columns],
        None if key is None else key.prefix,
        suffix,
        value.prefix,
        skip_unchanged,
        _key_text(transcoder, key, skip_unchanged),
        null_is_default,
    )


def _key_text(
    transcoder: ReferenceTranscoder, key: AvroKey | None, skip_unchanged: bool
) -> Callable[[bytes], bytes] | None:
    """Return what makes a header's text of a key's fields; None where bytes do not say whether a key changed.

    Zeros of either sign are equal numbers in different bytes. With `skip_unchanged` Debezium may skip a changed key.
    """
    plan = transcoder.plan
    if key is None or (skip_unchanged and plan.options.compatible):
        return None
    if any(one.mapping.avro in ("float", "double") for one in plan.key_columns):
        return None
    return lambda body: transcoder.key_struct_json(key.fields(body)).encode()


def cell_of(plan: ColumnPlan, column: TableMapColumn, adjust_years: bool, *, null_is_default: bool = False) -> Cell:
    """Return how the cells of one column are written."""
    finish = finisher(plan, null_is_default)
    made = None
    if not has_own_rule(plan):
        make = _MAKERS.get(plan.mapping.kind)
        made = None if make is None else make(plan, column, adjust_years)
    if made is None:
        made = _shaped(plan, column, adjust_years)
    if made is None:
        made = _cold(plan, column, adjust_years, finish)
    elif made.code in (ops.DATE, ops.DATETIME, ops.TIMESTAMP) or isinstance(made, IsoDate | ShapedDateTime):
        made.zero = finish(plan.zero)
    if plan.optional:
        made.value_tag = 2 if plan.avro_field["type"][0] == "null" else 0
        made.null_field = finish(None)
    return made


def _shaped(plan: ColumnPlan, column: TableMapColumn, adjust_years: bool) -> Cell | None:
    """Return the cell of a column whose values take another form than the common one, None when Python makes it."""

    def plain(plan: ColumnPlan, column: TableMapColumn) -> Cell | None:
        make = _MAKERS.get(plan.mapping.kind)
        return None if make is None else make(plan, column, adjust_years)

    if plan.mapping.kind in (Kind.BYTES, Kind.FIXED_BYTES) and plan.change is None and plan.mapping.convert is None:
        return binary_text(plan, plain(plan, column))
    text_of = OTHER_TEXTS.get(plan.mapping.kind)
    if text_of is not None and plan.change is None and plan.mapping.convert is None:
        return Converted(Cell(ops.OCTETS, _counted(column)), lambda stored: text_of(stored).encode())
    made = shaped_cell(plan, column, plain)
    if made is not None:
        made.adjust = adjust_years
    return made


def finisher(plan: ColumnPlan, null_is_default: bool) -> EncodeField:
    """Return what makes of a value that was read its field: column rules, defaults for nulls, Avro."""
    encode, change, default = field_encoder(plan), plan.change, plan.default

    def finish(value: Any) -> bytes:
        if change is not None:
            value = change(value)
        if value is None and null_is_default and plan.optional and default is not MISSING:
            value = default
        return encode(value)

    return finish


_FORMS = {
    Kind.DECIMAL: {Form.UNSCALED},
    Kind.DATETIME: {Form.AS_IS, Form.MILLIS},
    Kind.TIME: {Form.AS_IS, Form.TIME_NANOS},
}
"""The forms that operations carry out, where it is not `AS_IS` alone."""


def has_own_rule(plan: ColumnPlan) -> bool:
    """Return whether a value is made in steps that no operation has."""
    mapping = plan.mapping
    is_converted = mapping.convert is not None or mapping.zero is not MISSING or mapping.literal_years
    return is_converted or plan.change is not None or mapping.form not in _FORMS.get(mapping.kind, {Form.AS_IS})


def _skip(column: TableMapColumn, digits: int) -> Cell:
    counted = length_size(column)
    if counted is not None:
        return Cell(ops.SKIP_COUNTED, counted, null_field=b"")
    return Cell(ops.SKIP, _fixed(column, digits), null_field=b"")


def _fixed(column: TableMapColumn, digits: int = 0) -> int:
    size = cell_size(column, digits)
    assert size is not None, "the reference transcoder, bound to this table map before, knows the size too"
    return size


def _counted(column: TableMapColumn) -> int:
    size = length_size(column)
    assert size is not None, "cells of this kind begin with a length"
    return size


def _cold(plan: ColumnPlan, column: TableMapColumn, adjust_years: bool, finish: EncodeField) -> Cell:
    read = wire.cell_reader(plan, column, adjust_years)

    def cold(data: bytes, pos: int) -> tuple[bytes, int]:
        try:
            value, after = read(data, pos)
            return finish(value), after
        except (struct.error, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error

    return Cell(ops.COLD, cold=cold)


def _integer(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    size = _fixed(column)
    return Cell(ops.UINT if plan.column.unsigned and size < 8 else ops.INT, size)


def _text(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    charset = plan.column.charset or "utf8mb4"
    size = _counted(column)
    if column.type_code in _COMPRESSED:
        return None
    if charset in ("utf8mb4", "utf8mb3", "utf8"):
        return Cell(ops.TEXT, size)
    decode = decoder(charset)
    assert decode is not None, "the plan was built only because the character set is known"
    return Cell(ops.CODED_TEXT, size, int(keeps_ascii(decode)), decode=decode)


def keeps_ascii(decode: Callable[[bytes], str]) -> bool:
    """Return whether a character set writes ASCII's characters as ASCII does."""
    try:
        return all(decode(bytes([code])) == chr(code) for code in range(128))
    except ValueError:
        return False


def _octets(_plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    if column.type_code in _COMPRESSED:
        return None
    return Cell(ops.OCTETS, _counted(column))


def _padded(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.PADDED, _counted(column), 1 if plan.column.length is None else plan.column.length)


def _double(_plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.DOUBLE, 8)


def _float(plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.FLOAT if plan.mapping.avro == "float" else ops.FLOAT_AS_DOUBLE, 4)


def _decimal(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    precision, scale = column.metadata >> 8, column.metadata & 255
    if precision > DECIMAL_DIGITS_MAX:
        return None
    return Cell(ops.DECIMAL, 0, precision, scale)


def _date(plan: ColumnPlan, _column: TableMapColumn, adjust: bool) -> Cell | None:
    return Cell(ops.DATE, 3, adjust=adjust)


def _datetime(plan: ColumnPlan, column: TableMapColumn, adjust: bool) -> Cell | None:
    if column.type_code != codes.DATETIME2:
        return None
    digits = column.metadata
    unit, scale = FRACTION_UNIT_US[digits], 1000 if plan.mapping.form is Form.MILLIS else 1
    return Cell(ops.DATETIME, 5 + FRACTION_SIZE[digits], unit, scale, adjust=adjust)


def _timestamp(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    if column.type_code != codes.TIMESTAMP2:
        return None
    digits = column.metadata
    return Cell(ops.TIMESTAMP, 4 + FRACTION_SIZE[digits], FRACTION_UNIT_US[digits], digits)


def _time(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    if column.type_code != codes.TIME2:
        return None
    digits, scale = column.metadata, 1000 if plan.mapping.form is Form.TIME_NANOS else 1
    return Cell(ops.TIME, 3 + FRACTION_SIZE[digits], FRACTION_UNIT_US[digits], scale)


def _year(_plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.YEAR, 1)


def _boolean(_plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.BOOLEAN, 1)


def _bits(plan: ColumnPlan, _column: TableMapColumn, _adjust: bool) -> Cell | None:
    length = plan.column.length or 1
    return Cell(ops.BITS, (length + 7) // 8, (1 << (length % 8 or 8)) - 1)


def _enum(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    labels = wire.labels_written(plan, column)
    return Cell(ops.ENUM, column.metadata, labels=[b"", *(label.encode() for label in labels)])


def _set(plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    labels = wire.labels_written(plan, column)
    return Cell(ops.SET, column.metadata, labels=[label.encode() for label in labels])


def _json(_plan: ColumnPlan, column: TableMapColumn, _adjust: bool) -> Cell | None:
    return Cell(ops.JSON, _counted(column))


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
