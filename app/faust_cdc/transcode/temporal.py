"""Dates and times: MySQL's packed binary forms and its text into the numbers and strings of the events.

Packed forms: mysql-server `my_time.cc` (`my_datetime_packed_from_binary`, `my_time_packed_from_binary`,
`my_timestamp_from_binary`); the old forms without fraction: `field.cc` (Field_timestamp, Field_datetime, Field_time).

Zero and partial dates (a zero year, month or day) are None here; who calls decides between null and a fallback.
A day that no calendar has (2024-02-31 under ALLOW_INVALID_DATES) raises ValueError: it is no point in time.
Debezium's `enable.time.adjuster` (default true) reads the years 1–69 as 2001–2069 and 70–99 as 1970–1999.
"""

from __future__ import annotations

from datetime import date

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
DAY_S = 86_400

DATETIME_BIAS = 0x8000000000
FRACTION_SIZE = (0, 1, 1, 2, 2, 3, 3)
"""Bytes that hold the fraction of a temporal type with 0..6 digits."""
FRACTION_UNIT_US = (0, 10_000, 10_000, 100, 100, 1, 1)
"""Microseconds per unit of the stored fraction."""


def adjust_year(year: int) -> int:
    """Return a year below 100 in the century that MySQL gives two-digit years."""
    if year < 70:
        return year + 2000
    return year + 1900 if year < 100 else year


def epoch_day(year: int, month: int, day: int, adjust: bool) -> int | None:
    """Return days since 1970-01-01, proleptic Gregorian; None for zero and partial dates.

    Raises ValueError for a day that does not exist.
    """
    if not (year and month and day):
        return None
    if adjust and year < 100:
        year = adjust_year(year)
    if year > 9999 or month > 12 or day > 31:  # date() has an error of another kind for very large ones
        raise ValueError(f"{year}-{month}-{day} is no date")
    return date(year, month, day).toordinal() - EPOCH_ORDINAL


def day_from_packed(raw: int, adjust: bool) -> int | None:
    """Return the epoch day of a DATE's three bytes, read as a little-endian number."""
    return epoch_day(raw >> 9, raw >> 5 & 15, raw & 31, adjust)


def datetime_us_from_packed(packed: int, fraction_us: int, adjust: bool) -> int | None:
    """Return µs since the epoch of a DATETIME, its wall clock taken as UTC; `packed` without the bias."""
    year_month, day = packed >> 22, packed >> 17 & 31
    days = epoch_day(year_month // 13, year_month % 13, day, adjust)
    if days is None:
        return None
    hour, minute, second = packed >> 12 & 31, packed >> 6 & 63, packed & 63
    if hour > 23 or minute > 59 or second > 59 or fraction_us > 999_999:
        raise ValueError(f"{hour}:{minute}:{second} and {fraction_us} µs is no time of day")
    return ((days * 24 + hour) * 3600 + minute * 60 + second) * 1_000_000 + fraction_us


def time_us_from_packed(whole: int, fraction: int, digits: int) -> int:
    """Return a TIME in µs. `whole` is its three bytes without the bias, `fraction` the stored fraction.

    Negative values are stored so that bytes compare in order: the fraction counts down from the next lower whole.
    """
    if whole < 0 and fraction:
        whole += 1
        fraction -= 1 << 8 * FRACTION_SIZE[digits]
    negative = whole < 0 or fraction < 0
    whole, fraction = abs(whole), abs(fraction)
    minute, second, fraction_us = whole >> 6 & 63, whole & 63, fraction * FRACTION_UNIT_US[digits]
    if minute > 59 or second > 59 or fraction_us > 999_999:
        raise ValueError(f"{whole >> 12 & 1023}:{minute}:{second} and {fraction_us} µs is no TIME")
    value = ((whole >> 12 & 1023) * 3600 + minute * 60 + second) * 1_000_000 + fraction_us
    return -value if negative else value


def iso_utc(seconds: int, fraction_us: int, digits: int) -> str:
    """Return an instant as ISO 8601 in UTC with exactly `digits` fraction digits: 2024-02-29T12:34:56.7Z."""
    if fraction_us > 999_999:
        raise ValueError(f"{fraction_us} µs are more than a second")
    days, rest = divmod(seconds, DAY_S)
    text = f"{date.fromordinal(days + EPOCH_ORDINAL)}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{text}.{fraction_us:06}"[: 20 + digits] + "Z" if digits else text + "Z"


def day_from_text(text: str, adjust: bool) -> int | None:
    """Return the epoch day of `YYYY-MM-DD`. Raises ValueError."""
    year, month, day = text.split("-")
    return epoch_day(int(year), int(month), int(day), adjust)


def datetime_us_from_text(text: str, adjust: bool) -> int | None:
    """Return µs since the epoch of `YYYY-MM-DD HH:MM:SS[.f]`, taken as UTC. Raises ValueError."""
    day_text, _, time_text = text.partition(" ")
    days = day_from_text(day_text, adjust)
    return None if days is None else days * DAY_S * 1_000_000 + (time_us_from_text(time_text) if time_text else 0)


def time_us_from_text(text: str) -> int:
    """Return `[-]HHH:MM:SS[.f]` in µs. Raises ValueError."""
    hours, minutes, seconds = text.lstrip("-").split(":")
    whole, _, fraction = seconds.partition(".")
    value = (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 1_000_000 + int(fraction.ljust(6, "0"))
    return -value if text.startswith("-") else value


def zoned_from_text(text: str) -> str | None:
    """Return a TIMESTAMP's text, read in a UTC session, as ISO 8601; None for the zero date. Raises ValueError."""
    if text.startswith("0000-00-00"):
        return None
    day_text, _, time_text = text.partition(" ")
    date.fromisoformat(day_text)
    return f"{day_text}T{time_text or '00:00:00'}Z"
