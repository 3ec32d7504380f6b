"""Connect's TimestampConverter and TimestampRouter, and as much of Java's SimpleDateFormat as they need.

Times are in UTC, as both transforms have them; names of days and months are English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms import schemas
from faust_cdc.transforms.fields import with_default_values
from faust_cdc.transforms.record import Apply, Record, TransformError
from faust_cdc.transforms.schemas import Remembered, like, require_struct, type_name
from faust_cdc.transforms.sides import side_of
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_schema import ConnectSchema

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS: Final = 86_400_000
_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""
_CYCLE_YEARS, _CYCLE_MS = 400, 146_097 * _DAY_MS
"""After which the calendar repeats, weekdays too."""
_TARGETS: Final = {
    "string": schemas.STRING,
    "unix": schemas.INT64,
    "Date": schemas.DATE,
    "Time": schemas.TIME,
    "Timestamp": schemas.TIMESTAMP,
}
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                  "November", "December")  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKEN: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


class DateFormat:
    """A `java.text.SimpleDateFormat` in UTC. Raises TransformError for a pattern that it cannot take."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._parts: list[tuple[str, int] | str] = []
        at = 0
        for match in _TOKEN.finditer(pattern):
            if match.start() != at:
                break
            at = match.end()
            text = match[0]
            if match[1] is not None:
                self._parts.append(match[1].replace("''", "'") or "'")
            elif match[2] is not None:
                if match[2] not in _LETTERS:
                    raise TransformError(f"Illegal pattern character '{match[2]}' in the date format {pattern!r}")
                self._parts.append((match[2], len(text)))
            else:
                self._parts.append(text)
        if at != len(pattern):
            raise TransformError(f"Unterminated quote in the date format {pattern!r}")

    def format(self, milliseconds: int) -> str:
        """Return the text of a moment, ms since the epoch. Raises TransformError for one before the year 1."""
        cycles = max(0, -(-(milliseconds - _LAST_MS) // _CYCLE_MS))
        try:
            moment = _EPOCH + timedelta(milliseconds=milliseconds - cycles * _CYCLE_MS)
        except OverflowError as error:
            raise TransformError("a time before the year 1 is not shown as a text") from error
        made = []
        for one in self._parts:
            if isinstance(one, str):
                made.append(one)
            elif one[0] == "y":
                made.append(_year(moment.year + cycles * _CYCLE_YEARS, one[1]))
            else:
                made.append(_LETTERS[one[0]](moment, one[1]))
        return "".join(made)

    def parse(self, text: str) -> int:
        """Return the moment of a text, ms since the epoch. Raises TransformError."""
        found: dict[str, int] = {}
        at = 0
        for index, one in enumerate(self._parts):
            if isinstance(one, str):
                if not text.startswith(one, at):
                    raise self._unparsed(text)
                at += len(one)
                continue
            follows_number = index + 1 < len(self._parts) and not isinstance(self._parts[index + 1], str)
            value, at = self._number(text, at, one, follows_number)
            found[one[0]] = value
        return _moment(found)

    def _number(self, text: str, at: int, part: tuple[str, int], follows_number: bool) -> tuple[int, int]:
        letter, count = part
        if letter in ("M", "L") and count >= 3:
            return self._name(text, at, _MONTHS)
        if letter == "E":
            return self._name(text, at, _DAYS)
        if letter == "a":
            word = text[at : at + 2].upper()
            if word not in ("AM", "PM"):
                raise self._unparsed(text)
            return int(word == "PM"), at + 2
        if letter in ("Z", "X", "z"):
            return self._zone(text, at)
        width = f"{{1,{count}}}" if follows_number else "+"
        match = re.compile(rf"\s*(-?\d{width})").match(text, at)
        if match is None:
            raise self._unparsed(text)
        value = int(match[1])
        if letter == "y" and count <= 2 and len(match[1]) == 2:
            value = _full_year(value)
        return value, match.end()

    def _name(self, text: str, at: int, candidates: tuple[str, ...]) -> tuple[int, int]:
        for number, name in enumerate((*candidates, *(one[:3] for one in candidates))):
            if text[at : at + len(name)].lower() == name.lower():
                return number % len(candidates) + 1, at + len(name)
        raise self._unparsed(text)

    def _zone(self, text: str, at: int) -> tuple[int, int]:
        match = re.compile(r"Z|UTC|GMT|([+-])(\d\d):?(\d\d)?").match(text, at)
        if match is None:
            raise self._unparsed(text)
        minutes = 0 if match[1] is None else int(match[2]) * 60 + int(match[3] or 0)
        return -minutes if match[1] == "-" else minutes, match.end()

    def _unparsed(self, text: str) -> TransformError:
        return TransformError(
            f"Could not parse timestamp: a value of {len(text)} characters does not match pattern ({self.pattern})"
        )


def _year(year: int, count: int) -> str:
    return f"{year % 100:02d}" if count == 2 else f"{year:0{count}d}"


def _full_year(value: int) -> int:
    """Return a year of two digits as Java reads it: within 80 years before and 20 after today."""
    today = datetime.now(UTC).year
    year = today // 100 * 100 + value
    return year - 100 if year > today + 20 else year + 100 if year <= today - 80 else year


def _moment(found: dict[str, int]) -> int:
    hour = found.get("H", found.get("k", 0) % 24)
    if "h" in found or "K" in found:
        hour = found.get("h", found.get("K", 0)) % 12 + 12 * found.get("a", 0)
    month = found.get("M", found.get("L", 1)) - 1
    start = datetime(found.get("y", 1970) + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    day = found["D"] - 1 if "D" in found else found.get("d", 1) - 1
    moment = start + timedelta(
        days=day, hours=hour, minutes=found.get("m", 0), seconds=found.get("s", 0), milliseconds=found.get("S", 0)
    )  # lenient as Java: the 31st of a shorter month is the next one's first
    zone = next((found[letter] for letter in "ZXz" if letter in found), 0)
    return (moment - _EPOCH) // timedelta(milliseconds=1) - zone * 60_000


def _padded(value: Callable[[datetime], int]) -> Callable[[datetime, int], str]:
    return lambda moment, count: f"{value(moment):0{count}d}"


def _named(number: Callable[[datetime], int], candidates: tuple[str, ...]) -> Callable[[datetime, int], str]:
    return lambda moment, count: candidates[number(moment)] if count >= 4 else candidates[number(moment)][:3]


def _month(moment: datetime, count: int) -> str:
    return f"{moment.month:0{count}d}" if count < 3 else _named(lambda one: one.month - 1, _MONTHS)(moment, count)


def _zone_iso(_moment: datetime, _count: int) -> str:
    return "Z"


_LETTERS: Final[dict[str, Callable[[datetime, int], str]]] = {
    "G": lambda _moment, _count: "AD",
    "y": lambda moment, count: _year(moment.year, count),
    "M": _month,
    "L": _month,
    "d": _padded(lambda moment: moment.day),
    "D": _padded(lambda moment: moment.timetuple().tm_yday),
    "E": _named(lambda moment: moment.weekday(), _DAYS),
    "u": _padded(lambda moment: moment.isoweekday()),
    "a": lambda moment, _count: "PM" if moment.hour >= 12 else "AM",
    "H": _padded(lambda moment: moment.hour),
    "k": _padded(lambda moment: moment.hour or 24),
    "K": _padded(lambda moment: moment.hour % 12),
    "h": _padded(lambda moment: moment.hour % 12 or 12),
    "m": _padded(lambda moment: moment.minute),
    "s": _padded(lambda moment: moment.second),
    "S": _padded(lambda moment: moment.microsecond // 1000),
    "z": lambda _moment, _count: "UTC",
    "Z": lambda _moment, _count: "+0000",
    "X": _zone_iso,
}
"""Pattern letters; those of weeks (w, W, F, Y) depend on a locale and are refused."""

_PER_MS: Final = {
    "seconds": (1, 1000),
    "milliseconds": (1, 1),
    "microseconds": (1000, 1),
    "nanoseconds": (1_000_000, 1),
}


class _Conversion:
    """From one way of writing a moment to another."""

    def __init__(self, plugin: PluginSettings) -> None:
        self.target = plugin.text("target.type") or ""
        pattern = (plugin.text("format") or "").strip()
        if self.target == "string" and not pattern:
            raise TransformError(
                "TimestampConverter requires format option to be specified when using string timestamps"
            )
        self._format = DateFormat(pattern) if pattern else None
        self._factor, self._divisor = _PER_MS[plugin.text("unix.precision") or "milliseconds"]

    def schema(self, schema: ConnectSchema) -> ConnectSchema:
        """Return the schema of what becomes of `schema`."""
        return replace(_TARGETS[self.target], optional=schema.optional)

    def of(self, schema: ConnectSchema, value: Any) -> Any:
        """Return the converted value. Raises TransformError."""
        kind = self._kind(schema)  # first: also for null a type that has no time is an error
        if value is None:
            return None
        return self._written(self._milliseconds(kind, value))

    def _kind(self, schema: ConnectSchema) -> str:
        if schema.name in (names.CONNECT_TIMESTAMP, names.CONNECT_DATE, names.CONNECT_TIME):
            return schema.name
        if schema.type in ("string", "int64"):
            return schema.type
        raise TransformError(
            f"Schema Schema{{{schema.name or type_name(schema)}:{type_name(schema)}}} does not correspond to a known "
            "timestamp type format"
        )

    def _milliseconds(self, kind: str, value: Any) -> int:
        if kind == "string":
            if self._format is None:
                raise TransformError("TimestampConverter has no format to read a string with")
            return self._format.parse(value)
        if kind == "int64":
            scaled = int(value) * self._divisor
            return int(abs(scaled) // self._factor * (1 if scaled >= 0 else -1))
        return int(value) * (_DAY_MS if kind == names.CONNECT_DATE else 1)

    def _written(self, milliseconds: int) -> Any:
        if self.target == "string":
            assert self._format is not None, "asked for above"
            return self._format.format(milliseconds)
        if self.target == "unix":
            scaled = milliseconds * self._factor
            return abs(scaled) // self._divisor * (1 if scaled >= 0 else -1)
        if self.target == "Date":
            return milliseconds // _DAY_MS
        return milliseconds % _DAY_MS if self.target == "Time" else milliseconds


def timestamp_converter(plugin: PluginSettings) -> Apply:
    """`TimestampConverter$Key`, `$Value`: a field, or all of it, in another of the ways to write a moment."""
    side, name, conversion = side_of(plugin), plugin.text("field") or "", _Conversion(plugin)
    with_defaults = plugin.flag("replace.null.with.default")

    def updated(schema: ConnectSchema) -> ConnectSchema:
        fields = [
            (one.name, conversion.schema(one.schema) if one.name == name else one.schema) for one in schema.fields
        ]
        return like(schema, fields, optional=schema.optional)

    made = Remembered(updated)

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        if schema is None:
            if value is None:
                return record
            raise TransformError("TimestampConverter needs a schema")
        if not name:
            return side.put(record, conversion.schema(schema), conversion.of(schema, value))
        if value is None:
            return side.put(record, made.of(schema), None)
        fields = dict(require_struct(value, schema, "converting timestamp formats"))
        if with_defaults:
            fields = with_default_values(schema, fields)
        for one in schema.fields:
            if one.name == name:
                fields[name] = conversion.of(one.schema, fields[name])
        return side.put(record, made.of(schema), fields)

    return apply


def timestamp_router(plugin: PluginSettings) -> Apply:
    """`TimestampRouter`: the record's timestamp in the topic's name. Debezium's records have none, and it fails."""
    topic_format = plugin.text("topic.format") or ""
    shown = DateFormat(plugin.text("timestamp.format") or "")

    def apply(record: Record) -> Record:
        if record.timestamp_ms is None:
            raise TransformError(f"Timestamp missing on record of {record.topic}")
        text = topic_format.replace("${topic}", record.topic)
        return record._replace(topic=text.replace("${timestamp}", shown.format(record.timestamp_ms)))

    return apply
