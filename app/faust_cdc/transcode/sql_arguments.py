"""From a row's Avro-ready value back to what SQL compares a column with, to find the row again by its key."""

from __future__ import annotations

import base64
from datetime import date
from decimal import Decimal
from typing import Any, Final

from faust_cdc.transcode.forms import DAY_US, Form, plain_decimal
from faust_cdc.transcode.mapping import Kind
from faust_cdc.transcode.plan import ColumnPlan
from faust_cdc.transcode.temporal import EPOCH_ORDINAL

_TO_MICROS: Final = {
    Form.AS_IS: (1, 1),
    Form.MILLIS: (1000, 1),
    Form.NANOS: (1, 1000),
    Form.TIME_MILLIS: (1000, 1),
    Form.TIME_NANOS: (1, 1000),
}
"""(factor, divisor) by form."""


def sql_argument(one: ColumnPlan, value: Any) -> int | float | str | bytes | Decimal:
    """Return `value`, the column's value in a row, as an argument of `column = %s` in a session in UTC.

    Raises ValueError where the form does not keep the whole value: decimals as doubles, floats, custom converters.
    """
    mapping, kind = one.mapping, one.mapping.kind
    if mapping.convert is not None and mapping.avro != "string":
        raise ValueError(f"{one.column.name}: its converter does not keep the value that the row is found by")
    if kind is Kind.FLOAT or mapping.form is Form.NEAREST_DOUBLE:
        raise ValueError(f"{one.column.name}: a rounded number does not say which row it is of")
    if kind is Kind.UNSIGNED_LONG:
        return int(value) % (1 << 64)
    if kind is Kind.BITS:
        return int.from_bytes(value, "little")
    if kind is Kind.BOOLEAN:
        return int(value)
    if mapping.form is Form.UNSCALED:
        return Decimal(plain_decimal(int.from_bytes(value, "big", signed=True), mapping.scale))
    if kind in (Kind.BYTES, Kind.FIXED_BYTES):
        return _bytes(mapping.form, value)
    if kind in (Kind.DATE, Kind.DATETIME, Kind.TIMESTAMP, Kind.TIME):
        return _temporal(kind, mapping.form, value)
    if isinstance(value, int | float | str):
        return value
    raise ValueError(f"{one.column.name}: rows are not found by a {kind.value}")


def _bytes(form: Form, value: Any) -> bytes:
    if form is Form.BASE64:
        return base64.b64decode(value)
    if form is Form.BASE64_URL_SAFE:
        return base64.urlsafe_b64decode(value)
    return bytes.fromhex(value) if form is Form.HEX else bytes(value)


def _temporal(kind: Kind, form: Form, value: Any) -> str:
    if isinstance(value, str):  # ISO 8601 in UTC
        return value.removesuffix("Z").replace("T", " ")
    if kind is Kind.DATE:
        return _day(value)
    times, divided = _TO_MICROS[form]
    micros = value * times // divided
    if kind is Kind.TIME:
        return ("-" if micros < 0 else "") + _clock(abs(micros))
    days, rest = divmod(micros, DAY_US)
    return f"{_day(days)} {_clock(rest)}"


def _day(days: int) -> str:
    return str(date.fromordinal(days + EPOCH_ORDINAL))


def _clock(micros: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"
