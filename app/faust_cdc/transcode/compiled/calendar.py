"""Days, dates and their ISO text in 64-bit arithmetic. Algorithms: H. Hinnant, "chrono-Compatible Date Algorithms"."""

from __future__ import annotations

from librt.strings import BytesWriter
from mypy_extensions import i64

from faust_cdc.transcode.compiled.octets import put_digits, put_two

DAY_S: i64 = 86_400


def days_in_month(year: i64, month: i64) -> i64:
    """Return the days of a month, 1 to 12, in the proleptic Gregorian calendar."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


def epoch_day(year: i64, month: i64, day: i64) -> i64:
    """Return days since 1970-01-01. Raises ValueError for a day that does not exist, or a year outside 1…9999."""
    if year < 1 or year > 9999 or month < 1 or month > 12 or day < 1 or day > days_in_month(year, month):
        raise ValueError("no such day")
    shifted: i64 = year - 1 if month <= 2 else year
    era: i64 = shifted // 400
    year_of_era: i64 = shifted - era * 400
    month_from_march: i64 = month - 3 if month > 2 else month + 9
    day_of_year: i64 = (153 * month_from_march + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def adjusted(year: i64) -> i64:
    """Return a year below 100 in the century that MySQL gives two-digit years."""
    if year < 70:
        return year + 2000
    return year + 1900 if year < 100 else year


def put_instant(out: BytesWriter, seconds: i64, micros: i64, digits: i64) -> None:
    """Write an instant (seconds since the epoch, not negative) as `2024-02-29T12:34:56.7Z` with `digits` digits."""
    shifted: i64 = seconds // DAY_S + 719_468
    clock: i64 = seconds % DAY_S
    era: i64 = shifted // 146_097
    day_of_era: i64 = shifted - era * 146_097
    year_of_era: i64 = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year: i64 = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march: i64 = (5 * day_of_year + 2) // 153
    year: i64 = year_of_era + era * 400
    month: i64 = from_march + 3
    if from_march >= 10:
        year += 1
        month = from_march - 9
    put_digits(out, year, 4)
    out.append(45)
    put_two(out, month)
    out.append(45)
    put_two(out, day_of_year - (153 * from_march + 2) // 5 + 1)
    out.append(84)
    put_two(out, clock // 3600)
    out.append(58)
    put_two(out, clock // 60 % 60)
    out.append(58)
    put_two(out, clock % 60)
    if digits:
        out.append(46)
        fraction: i64 = micros
        place: i64 = digits
        while place < 6:
            fraction //= 10
            place += 1
        put_digits(out, fraction, digits)
    out.append(90)
