"""Forms of a value: what the modes make of one and the same day, time, number or byte string.

Both paths read a cell into its canonical value (epoch day, µs, unscaled number, bytes); the form chosen by
`time.precision.mode`, `decimal.handling.mode` or `binary.handling.mode` is the last step, so equal rows stay equal
bytes whatever the mode. Source of the forms: records of Debezium 3.6.1 with each mode.

Some forms cannot hold every value: nanoseconds in 64 bits end in 2262, Connect's and the ISO time of day end at 24:00.
Encoders answer None for those, which Debezium writes as null; `required` turns that None into an error, as a null that
no row holds would be a lie.
"""

from __future__ import annotations

import base64
import enum
from collections.abc import Callable
from datetime import date
from typing import Any

from faust_cdc.transcode.numbers import signed_bytes
from faust_cdc.transcode.temporal import DAY_S, EPOCH_ORDINAL

Encode = Callable[[Any], Any]
"""Canonical value → Avro-ready value; None when the form has no such value."""

DAY_US = DAY_S * 1_000_000
_LONG_MIN, _LONG_END = -(1 << 63), 1 << 63


class Form(enum.Enum):
    """The last step of a value, after it is read."""

    AS_IS = "as is"
    """Days, microseconds or raw bytes: the canonical value itself."""
    MILLIS = "ms"
    NANOS = "ns"
    TIME_MILLIS = "ms of the day"
    TIME_NANOS = "ns of time"
    """Durations always fit into 64 bits."""
    ISO_DATE = "ISO date"
    ISO_TIME = "ISO time of day"
    ISO_TIME_WRAPPED = "ISO time of day, 24:00 as 00:00"
    DEBEZIUM_YEAR = "year, 0000 as 1900"
    ISO_DATETIME = "ISO date and time"
    UNSCALED = "unscaled"
    PLAIN_TEXT = "plain text"
    NEAREST_DOUBLE = "nearest double"
    BASE64 = "base64"
    BASE64_URL_SAFE = "base64, URL-safe"
    HEX = "hexadecimal"


def nanos(micros: int) -> int | None:
    """Return ns since the epoch, None outside 1677-09-21…2262-04-11, where 64 bits end."""
    value = micros * 1000
    return value if _LONG_MIN <= value < _LONG_END else None


def time_millis(micros: int) -> int | None:
    """Return ms since midnight; None outside 00:00…24:00, both included as Connect's `Time` has them."""
    return micros // 1000 if 0 <= micros <= DAY_US else None


def iso_date(day: int) -> str:
    """Return an epoch day as `2024-02-29Z`."""
    return f"{date.fromordinal(day + EPOCH_ORDINAL)}Z"


def iso_time(micros: int) -> str | None:
    """Return a time of day as `12:34:56.7Z`, its fraction without trailing zeros; None outside 00:00…24:00.

    24:00 is `24:00:00Z`, ISO 8601's end of a day.
    """
    return f"{_clock(micros)}Z" if 0 <= micros <= DAY_US else None


def iso_time_wrapped(micros: int) -> str | None:
    """Return what `iso_time` does, but 24:00 as `00:00:00Z`, which is what Debezium makes of it."""
    return f"{_clock(micros % DAY_US)}Z" if 0 <= micros <= DAY_US else None


def iso_datetime(micros: int) -> str:
    """Return µs since the epoch as `2024-02-29T12:34:56.7Z`, the fraction without trailing zeros."""
    days, rest = divmod(micros, DAY_US)
    return f"{date.fromordinal(days + EPOCH_ORDINAL)}T{_clock(rest)}Z"


def _clock(micros: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}".rstrip("0") if fraction else text


def plain_decimal(unscaled: int, scale: int) -> str:
    """Return a decimal in plain digits with exactly `scale` fraction digits (Java's `toPlainString`)."""
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"-{text}" if unscaled < 0 else text


def _plain_text(scale: int) -> Encode:
    return lambda unscaled: plain_decimal(unscaled, scale)


def _nearest_double(scale: int) -> Encode:
    # Python's division of integers rounds correctly, as BigDecimal.doubleValue does.
    divisor: int = 10**scale
    return lambda unscaled: unscaled / divisor


_ENCODERS: dict[Form, Encode] = {
    Form.MILLIS: lambda micros: micros // 1000,
    Form.NANOS: nanos,
    Form.TIME_MILLIS: time_millis,
    Form.TIME_NANOS: lambda micros: micros * 1000,
    Form.ISO_DATE: iso_date,
    Form.ISO_TIME: iso_time,
    Form.ISO_TIME_WRAPPED: iso_time_wrapped,
    Form.DEBEZIUM_YEAR: lambda year: year or 1900,
    Form.ISO_DATETIME: iso_datetime,
    Form.UNSCALED: signed_bytes,
    Form.BASE64: lambda data: base64.b64encode(data).decode("ascii"),
    Form.BASE64_URL_SAFE: lambda data: base64.urlsafe_b64encode(data).decode("ascii"),
    Form.HEX: bytes.hex,
}
_SCALED: dict[Form, Callable[[int], Encode]] = {
    Form.PLAIN_TEXT: _plain_text,
    Form.NEAREST_DOUBLE: _nearest_double,
}
_PARTIAL = frozenset({Form.NANOS, Form.TIME_MILLIS, Form.ISO_TIME, Form.ISO_TIME_WRAPPED})
"""Forms without a value for some values."""


def encoder(form: Form, scale: int = 0) -> Encode | None:
    """Return the encoder of `form`, None for `AS_IS`; `scale` counts for decimals only."""
    scaled = _SCALED.get(form)
    return _ENCODERS.get(form) if scaled is None else scaled(scale)


def required(form: Form, encode: Encode | None) -> Encode | None:
    """Return the encoder that raises ValueError where `form` has no value, in place of giving None."""
    if encode is None or form not in _PARTIAL:
        return encode

    def checked(value: Any) -> Any:
        encoded = encode(value)
        if encoded is None:
            raise ValueError(
                f"{_shown(form, value)} does not fit into {form.value}: choose another time.precision.mode"
            )
        return encoded

    return checked


def _shown(form: Form, micros: int) -> str:
    if form is Form.NANOS:
        return iso_datetime(micros)
    return ("-" if micros < 0 else "") + _clock(abs(micros))
