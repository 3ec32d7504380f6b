"""From a plan and the columns of a prepared SELECT to the `Cell`s of `result_rows`: what `program` is to row images.

A column has an operation only where that gives the bytes of the reference transcoder; every other one is `COLD`: its
cell as text through the reference's reader, without slowing the columns beside it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from faust_cdc.mysql import binary_rows
from faust_cdc.mysql.binary_rows import ReadText, ResultColumn
from faust_cdc.mysql.charsets import Decode, decoder, reads_as_utf8
from faust_cdc.transcode.avro_encoding import AvroKey, AvroValue
from faust_cdc.transcode.compiled import cells as ops
from faust_cdc.transcode.compiled.cells import Cell
from faust_cdc.transcode.compiled.octets import avro_bytes
from faust_cdc.transcode.compiled.program import finisher, has_own_rule, keeps_ascii
from faust_cdc.transcode.compiled.result_rows import ResultRows
from faust_cdc.transcode.compiled.shaped import DECIMAL_DIGITS_MAX, EncodeField
from faust_cdc.transcode.forms import Form
from faust_cdc.transcode.mapping import Kind
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc.transcode.text import CellReader


def writes_results(transcoder: ReferenceTranscoder) -> bool:
    """Return whether `result_rows` is for this table.

    Not when only the reference transcoder writes such records: another format than Avro, keys of columns whose values
    a rule changes, defaults for the nulls of keys; nor when no column is read at all.
    """
    plan, value, key = transcoder.plan, transcoder.encoding.value, transcoder.encoding.key
    if not isinstance(value, AvroValue) or not isinstance(key, AvroKey | None) or not plan.columns:
        return False
    if any(one.index >= len(plan.columns) for one in plan.key_columns):
        return False
    return not (_null_is_default(transcoder, value) and any(one.optional for one in plan.key_columns))


def result_rows(transcoder: ReferenceTranscoder, columns: Sequence[ResultColumn], topic: int = 0) -> ResultRows:
    """Return what encodes the answer to `plan.select_list(as_text=False)`, whose columns the server said.

    `topic` is the number of the records' topic.

    Only where `writes_results`. Raises ValueError for a column of a type that no answer has.
    """
    plan, value, key = transcoder.plan, transcoder.encoding.value, transcoder.encoding.key
    assert isinstance(value, AvroValue), "asked before: writes_results"
    assert isinstance(key, AvroKey | None), "asked before: writes_results"
    null_is_default = _null_is_default(transcoder, value)
    in_key = {one.column.name for one in plan.key_columns}
    made = []
    for one, column, read in zip(plan.columns, columns, transcoder.text_readers, strict=True):
        cell = result_cell(one, column, read, plan.options.enable_time_adjuster, null_is_default=null_is_default)
        cell.is_key, cell.in_value = one.column.name in in_key, one.column.name not in plan.key_only
        made.append(cell)
    suffix = b"" if plan.key_constant is None else avro_bytes(plan.key_constant.value.encode())
    places = [one.index for one in plan.key_columns]
    return ResultRows(topic, made, places, None if key is None else key.prefix, suffix, value.prefix)


def _null_is_default(transcoder: ReferenceTranscoder, value: AvroValue) -> bool:
    return value.null_is_default or transcoder.plan.options.compatible


def result_cell(
    plan: ColumnPlan, column: ResultColumn, read: CellReader, adjust_years: bool, *, null_is_default: bool = False
) -> Cell:
    """Return how the cells of one column are written; `read` is the reference's reader of their text."""
    finish = finisher(plan, null_is_default)
    make = None if has_own_rule(plan) else _MAKERS.get(plan.mapping.kind)
    made = None if make is None else make(plan, column)
    if made is None:
        made = Cell(ops.COLD, cold=_cold(binary_rows.text_reader(column), read, finish))
    elif made.code in (ops.DATE, ops.DATETIME, ops.TIMESTAMP):
        made.zero, made.adjust = finish(plan.zero), adjust_years and made.code != ops.TIMESTAMP
    if plan.optional:
        made.value_tag = 2 if plan.avro_field["type"][0] == "null" else 0
        made.null_field = finish(None)
    return made


def _cold(text: ReadText, read: CellReader, finish: EncodeField) -> Callable[[bytes, int], tuple[bytes, int]]:
    def cold(data: bytes, pos: int) -> tuple[bytes, int]:
        try:
            shown, after = text(data, pos)
            return finish(read(shown)), after
        except (struct.error, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error

    return cold


def _integer(plan: ColumnPlan, column: ResultColumn) -> Cell | None:
    size = binary_rows.INTEGER_SIZES.get(column.type_code)
    if size is None or (size == 8 and column.unsigned and plan.mapping.kind is not Kind.UNSIGNED_LONG):
        return None
    return Cell(ops.UINT if column.unsigned and size < 8 else ops.INT, size)


def _text(plan: ColumnPlan, column: ResultColumn) -> Cell | None:
    if not column.is_counted:
        return None
    charset = plan.column.charset
    if charset is None or reads_as_utf8(charset):
        return Cell(ops.TEXT)
    return _coded(decoder("latin1" if charset == "binary" else charset))


def _ascii(_plan: ColumnPlan, column: ResultColumn) -> Cell | None:
    return _coded(decoder("ascii")) if column.is_counted else None


def _coded(decode: Decode | None) -> Cell:
    assert decode is not None, "the plan was built only because the character set is known"
    return Cell(ops.CODED_TEXT, 0, int(keeps_ascii(decode)), decode=decode)


def _counted(code: int) -> Callable[[ColumnPlan, ResultColumn], Cell | None]:
    return lambda _plan, column: Cell(code) if column.is_counted else None


def _double(_plan: ColumnPlan, column: ResultColumn) -> Cell | None:
    return Cell(ops.DOUBLE, 8) if column.type_code == binary_rows.DOUBLE else None


def _float(plan: ColumnPlan, column: ResultColumn) -> Cell | None:
    if column.type_code != binary_rows.FLOAT:
        return None
    return Cell(ops.FLOAT if plan.mapping.avro == "float" else ops.FLOAT_AS_DOUBLE, 4)


def _decimal(plan: ColumnPlan, column: ResultColumn) -> Cell | None:
    if not column.is_counted or (plan.column.length or 10) > DECIMAL_DIGITS_MAX:
        return None
    return Cell(ops.DECIMAL, 0, plan.mapping.scale)


def _moment(code: int, type_code: int) -> Callable[[ColumnPlan, ResultColumn], Cell | None]:
    def make(plan: ColumnPlan, column: ResultColumn) -> Cell | None:
        if column.type_code != type_code or column.decimals > 6:
            return None
        scale = {Form.MILLIS: 1000, Form.TIME_NANOS: 1000}.get(plan.mapping.form, 1)
        return Cell(code, column.decimals, 10 ** (6 - column.decimals), scale)

    return make


def _bits(plan: ColumnPlan, column: ResultColumn) -> Cell | None:
    length = plan.column.length or 1
    return Cell(ops.BITS, (length + 7) // 8, (1 << (length % 8 or 8)) - 1) if column.is_counted else None


def _members(plan: ColumnPlan, column: ResultColumn) -> Cell | None:
    size = binary_rows.INTEGER_SIZES.get(column.type_code)
    if size is None:
        return None  # asked for as text, as a number would not tell all
    labels = [label.encode() for label in plan.mapping.labels]
    if plan.mapping.kind is Kind.ENUM:
        return Cell(ops.ENUM, size, labels=[b"", *labels])
    return Cell(ops.SET, size, labels=labels)


_MAKERS: dict[Kind, Callable[[ColumnPlan, ResultColumn], Cell | None]] = {
    Kind.INTEGER: _integer,
    Kind.UNSIGNED_LONG: _integer,
    Kind.YEAR: _integer,
    Kind.STRING: _text,
    Kind.UUID: _ascii,
    Kind.INET4: _ascii,
    Kind.INET6: _ascii,
    Kind.BYTES: _counted(ops.OCTETS),
    Kind.FIXED_BYTES: _counted(ops.OCTETS),
    Kind.BOOLEAN: _counted(ops.BOOLEAN),
    Kind.JSON: _counted(ops.JSON),
    Kind.DOUBLE: _double,
    Kind.FLOAT: _float,
    Kind.DECIMAL: _decimal,
    Kind.DATE: _moment(ops.DATE, binary_rows.DATE),
    Kind.DATETIME: _moment(ops.DATETIME, binary_rows.DATETIME),
    Kind.TIMESTAMP: _moment(ops.TIMESTAMP, binary_rows.TIMESTAMP),
    Kind.TIME: _moment(ops.TIME, binary_rows.TIME),
    Kind.BITS: _bits,
    Kind.ENUM: _members,
    Kind.SET: _members,
}
