"""Numbers and dates as Java prints them: `Double.toString`, `Float.toString`, `BigDecimal.toString`, `Date.toString`.

Doubles and floats are the shortest digits that read back as the same number, at least two of them and of those the
nearest, which Java prints since 19; older versions print a digit more for a few numbers (JDK-4511638).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from faust_cdc_schemas.names import CONNECT_DATE, CONNECT_TIME, CONNECT_TIMESTAMP

_FLOAT = struct.Struct("<f")
DATE_UNITS_MS: Final = {CONNECT_DATE: 86_400_000, CONNECT_TIME: 1, CONNECT_TIMESTAMP: 1}
"""Connect's logical types that are a `java.util.Date` → ms of one unit of the number in Avro."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def double_text(number: float) -> str:
    """Return `Double.toString`: plain digits from 1e-3 up to 1e7, else computerised scientific notation."""
    return _java_notation(number, _shortest_double)


def float_text(number: float) -> str:
    """Return `Float.toString` of the float nearest to `number`."""
    return _java_notation(narrowed(number), _shortest_float)


def shown_float(number: float) -> float:
    """Return the double that a float's text reads as, which is how a schema's default shows it: 1.1."""
    return float(float_text(number))


def narrowed(number: float) -> float:
    """Return the float nearest to a double, as a double; infinite beyond the greatest float."""
    try:
        return float(_FLOAT.unpack(_FLOAT.pack(number))[0])
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _shortest_float(number: float) -> str:
    packed = _FLOAT.pack(number)
    for digits in range(2, 9):  # Java never takes fewer than two: 1.4E-45, not 1.0E-45
        text = f"{number:.{digits}g}"
        try:
            if _FLOAT.pack(float(text)) == packed:
                return text
        except OverflowError:
            pass  # rounded up beyond the greatest number of four bytes
    return f"{number:.9g}"


def _shortest_double(number: float) -> str:
    text = repr(number)
    # Java never takes fewer than two digits, and of those that read back the nearest: 4.9E-324, not 5E-324.
    two = f"{number:.1e}"
    return two if len(text.partition("e")[0].strip("-")) == 1 and float(two) == number else text


def _java_notation(number: float, shortest: Callable[[float], str]) -> str:
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    sign, digits, exponent = Decimal(shortest(number)).as_tuple()
    minus = "-" if sign else ""
    if not any(digits):
        return f"{minus}0.0"
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).rstrip("0")
    power = len(digits) + exponent - 1
    """Of the first digit."""
    if not -3 <= power < 7:
        return f"{minus}{text[0]}.{text[1:] or '0'}E{power}"
    if power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{text}"
    whole = text[: power + 1].ljust(power + 1, "0")
    return f"{minus}{whole}.{text[power + 1 :] or '0'}"


def decimal_text(number: Decimal) -> str:
    """Return `BigDecimal.toString`, whose rule is Python's: an exponent below 1e-6."""
    return str(number)


def date_text(millis: int) -> str:
    """Return `java.util.Date.toString` in UTC: `Thu Feb 29 12:34:56 UTC 2024`; `millis` since the epoch."""
    moment = _EPOCH + timedelta(milliseconds=millis)
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    day = f"{names[moment.weekday()]} {months[moment.month - 1]} {moment.day:02}"
    return f"{day} {moment:%H:%M:%S} UTC {moment.year:04}"
