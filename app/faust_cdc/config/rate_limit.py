"""`snapshot.rate.limit` and `streaming.rate.limit`: how fast the source may be read, by time of day.

    limit   = part {";" part}
    part    = "zone=" ZONE | [[DAYS] FROM "-" TO | DAYS] rate
    rate    = "unlimited" | "paused" | "rows=" NUMBER | "bytes=" SIZE | "rows=" NUMBER "," "bytes=" SIZE
    DAYS    = days or spans of days: Mon-Fri or Sat,Sun
    FROM,TO = HH:MM; a TO that is not after FROM is of the next day, 24:00 is the day's end
    SIZE    = a number with B, kB, MB, GB (powers of 1000) or KiB, MiB, GiB (of 1024), per second as the rows are
    ZONE    = UTC, an offset as +02:00, or a name as Europe/Berlin; UTC when not given

The part without a time holds where no other does; without such a part there is no limit there. What a part with a
time does not name, rows or bytes, is as in the one without; 'unlimited' names both. Parts that hold at the same time
are refused: which of them was meant is not ours to guess.

    rows=50000,bytes=20MB; Mon-Fri 08:00-18:00 rows=5000; Sun 02:00-04:00 paused; zone=Europe/Berlin
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MIN: Final = 24 * 60
_WEEK_MIN: Final = 7 * _DAY_MIN
_QUARTER_S: Final = 900
"""Clocks change at quarters of an hour: within one, the local time is the epoch's plus a constant."""

_UNITS: Final = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_SPAN = re.compile(r"(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})(?=\s|$)", re.ASCII)
_DAYS_WORD = re.compile(r"([a-z]+(?:\s*[-,]\s*[a-z]+)*)(?=\s+[^\s=])", re.IGNORECASE | re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """How much may be read in a second; None: as much as there is; 0 rows: nothing."""

    rows: int | None = None
    size_bytes: int | None = None

    @property
    def is_pause(self) -> bool:
        """True when nothing may be read."""
        return self.rows == 0

    def __str__(self) -> str:
        if self.is_pause:
            return "paused"
        parts = [f"rows={self.rows}"] if self.rows is not None else []
        parts += [f"bytes={self.size_bytes}"] if self.size_bytes is not None else []
        return ",".join(parts) or "unlimited"


UNLIMITED: Final = Rate()
PAUSED: Final = Rate(0)


@dataclass(frozen=True, slots=True)
class Window:
    """A rate for some time of some days."""

    text: str
    """As written: `Mon-Fri 08:00-18:00`."""
    days: tuple[int, ...]
    """The days on which it begins, 0 is Monday."""
    start_min: int
    end_min: int
    """Minutes of the day; above a day's: of the next one."""
    rate: Rate

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield its times as minutes of the week, the end not included."""
        for day in self.days:
            start, end = day * _DAY_MIN + self.start_min, day * _DAY_MIN + self.end_min
            yield start, min(end, _WEEK_MIN)
            if end > _WEEK_MIN:
                yield 0, end - _WEEK_MIN


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """The rates of all times."""

    text: str
    """As written."""
    rate: Rate = UNLIMITED
    """Where no window is."""
    windows: tuple[Window, ...] = ()
    zone: str = "UTC"

    def at(self, epoch_s: float) -> Rate:
        """Return the rate that holds at a time."""
        minute, _ = self._local(epoch_s)
        for window in self.windows:
            if any(start <= minute < end for start, end in window.spans()):
                return window.rate
        return self.rate

    def until(self, epoch_s: float) -> float:
        """Return a later time up to which `at(epoch_s)` holds for certain; at most a quarter of an hour later."""
        minute, seconds = self._local(epoch_s)
        edges = {edge % _WEEK_MIN for window in self.windows for span in window.spans() for edge in span}
        next_quarter = (epoch_s // _QUARTER_S + 1) * _QUARTER_S
        wait = min(((edge - minute - 1) % _WEEK_MIN + 1 for edge in edges), default=_WEEK_MIN)
        return min(next_quarter, max(epoch_s + wait * 60 - seconds, epoch_s + 0.001))

    def __str__(self) -> str:
        return f"{self.text} (times are {self.zone})"

    def _local(self, epoch_s: float) -> tuple[int, float]:
        """Return the minute of the week and the seconds in it."""
        local = datetime.fromtimestamp(epoch_s, _zone(self.zone))
        minute = local.weekday() * _DAY_MIN + local.hour * 60 + local.minute
        return minute, local.second + local.microsecond / 1e6


def rate_limit_problem(text: str) -> str | None:
    """Say what is wrong with a limit; None: nothing."""
    try:
        parse_rate_limit(text)
    except ValueError as error:
        return f"{error}. A limit looks like 'rows=50000,bytes=20MB; Mon-Fri 08:00-18:00 rows=5000; zone=Europe/Berlin'"
    return None


def parse_rate_limit(text: str | None) -> RateSchedule | None:
    """Return the schedule that `text` means, None for nothing. Raises ValueError, which names the part at fault."""
    parts = [part.strip() for part in (text or "").split(";") if part.strip()]
    if not parts:
        return None
    rates: list[Rate] = []
    zones: list[str] = []
    windows: list[Window] = []
    for part in parts:
        if part.lower().startswith("zone"):
            zones.append(_zone_name(part))
        elif (window := _window(part)) is not None:
            windows.append(window)
        else:
            rates.append(_rate(part))
    if len(rates) > 1:
        raise ValueError(f"One part may stand without a time, found {len(rates)}")
    if len(zones) > 1:
        raise ValueError("One time zone may be given, found " + ", ".join(zones))
    _ensure_apart(windows)
    rate = rates[0] if rates else UNLIMITED
    shown = "; ".join(part for part in parts if not part.lower().startswith("zone"))
    filled = tuple(replace(one, rate=_filled(one.rate, rate)) for one in windows)
    return RateSchedule(shown, rate, filled, *(zones or ["UTC"]))


def _window(part: str) -> Window | None:
    """Read a part with days or a time; None for one that has neither."""
    rest, days = part, tuple(range(7))
    if named := _DAYS_WORD.match(rest):
        days, rest = _days(named[1]), rest[named.end() :].strip()
    span = _SPAN.match(rest)
    if span is None and named is None:
        return None
    start, end = 0, _DAY_MIN
    if span is not None:
        start, end, rest = _minute(span[1]), _minute(span[2]), rest[span.end() :].strip()
        if start == _DAY_MIN:
            raise ValueError(f"A time begins before 24:00, found '{span[0]}'")
        end += _DAY_MIN if end <= start else 0
    if not rest:
        raise ValueError(f"'{part}' says when, but not how fast")
    when = part[: part.rindex(rest)].strip()
    return Window(when, days, start, end, _rate(rest))


def _filled(rate: Rate, other: Rate) -> Rate:
    """Return a rate with what it does not name as in `other`."""
    if rate in (UNLIMITED, PAUSED) or other == PAUSED:
        return rate
    rows = other.rows if rate.rows is None else rate.rows
    return Rate(rows, other.size_bytes if rate.size_bytes is None else rate.size_bytes)


def _days(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for word in text.split(","):
        first, _, last = (one.strip() for one in word.partition("-"))
        start = _day(first)
        length = (_day(last) - start) % 7 if last else 0
        found.update((start + step) % 7 for step in range(length + 1))
    return tuple(sorted(found))


def _day(word: str) -> int:
    for number, name in enumerate(_DAYS):
        if word.lower() == name.lower():
            return number
    raise ValueError(f"Days are {', '.join(_DAYS)}, found '{word}'")


def _minute(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if minutes > 59 or hours * 60 + minutes > _DAY_MIN:
        raise ValueError(f"A time of day is 00:00 to 24:00, found '{text}'")
    return hours * 60 + minutes


def _rate(text: str) -> Rate:
    if text.lower() == "unlimited":
        return UNLIMITED
    if text.lower() == "paused":
        return PAUSED
    found: dict[str, int] = {}
    for item in text.split(","):
        name, equals, value = (one.strip() for one in item.partition("="))
        name = name.lower()
        if not equals or name not in ("rows", "bytes"):
            raise ValueError(f"A rate is rows=…, bytes=…, both, 'unlimited' or 'paused', found '{item.strip()}'")
        if name in found:
            raise ValueError(f"'{text}' says {name} twice")
        found[name] = _rows(value) if name == "rows" else _bytes(value)
    return Rate(found.get("rows"), found.get("bytes"))


def _rows(text: str) -> int:
    if not re.fullmatch(r"\d+", text, re.ASCII) or int(text) == 0:
        raise ValueError(f"rows= takes a number above zero, found '{text}' (to read nothing, write 'paused')")
    return int(text)


def _bytes(text: str) -> int:
    size = _SIZE.fullmatch(text)
    unit = _UNITS.get(size[2].lower()) if size else None
    if size is None or unit is None:
        raise ValueError(f"bytes= takes a number with B, kB, MB, GB, KiB, MiB or GiB, found '{text}'")
    number = int(float(size[1]) * unit)
    if number == 0:
        raise ValueError(f"bytes= takes a size above zero, found '{text}' (to read nothing, write 'paused')")
    return number


def _zone_name(part: str) -> str:
    name, equals, zone = (one.strip() for one in part.partition("="))
    if name.lower() != "zone" or not equals or not zone:
        raise ValueError(f"A time zone is given as zone=NAME, found '{part}'")
    _zone(zone)
    return zone


def _zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "Z"):
        return UTC
    if offset := _OFFSET.fullmatch(name):
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        if shift >= timedelta(days=1) or int(offset[3]) > 59:
            raise ValueError(f"An offset from UTC is less than a day, found '{name}'")
        return timezone(shift if offset[1] == "+" else -shift)
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            f"This machine knows no time zone '{name}' (names are those of the IANA data base, which the system or the "
            "package tzdata brings; an offset as +02:00 needs none)"
        ) from error


def _ensure_apart(windows: list[Window]) -> None:
    for number, one in enumerate(windows):
        for other in windows[number + 1 :]:
            for start, end in one.spans():
                if any(start < last and first < end for first, last in other.spans()):
                    raise ValueError(f"'{one.text}' and '{other.text}' hold at the same time")
