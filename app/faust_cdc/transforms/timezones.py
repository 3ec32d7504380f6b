"""Debezium's TimezoneConverter (3.6.1): times of change events in another zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms.record import Apply, Record, TransformError
from faust_cdc.transforms.schemas import field_of, filled, is_envelope
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_schema import ConnectSchema

_OFFSET: Final = re.compile(r"([+-])(\d{2}):(\d{2})(?::(\d{2}))?")
_RULES: Final = re.compile(r'\[(source|topic|[".\w\s_]+):([".\w\s_]+(?::[".\w\s_]+)?(?:,|\]))+')
"""A list as Java prints it; a prefix stands before the first rule only and holds for all of them."""
_UNITS: Final = {
    names.TIMESTAMP: 1_000,
    names.MICRO_TIMESTAMP: 1_000_000,
    names.NANO_TIMESTAMP: 1_000_000_000,
    names.CONNECT_TIMESTAMP: 1_000,
}
"""Per second."""
_EPOCH_UNITS: Final = {"ts_ms": 1_000, "ts_us": 1_000_000, "ts_ns": 1_000_000_000}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE: Final = 146_097 * 86_400
"""Seconds in 400 years, after which the calendar, and with it a zone's yearly rule, repeats."""
_EARLIEST: Final = int((datetime(2, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_LATEST: Final = int((datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_ZONED: Final = re.compile(r"(\d{4,})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d(?::\d\d)?)")

_ALL, _INCLUDE, _EXCLUDE = "all", "include", "exclude"


def _zone(text: str) -> tzinfo:
    match = _OFFSET.fullmatch(text)
    if match is not None:
        seconds = int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)
        return timezone(timedelta(seconds=-seconds if match[1] == "-" else seconds))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TransformError(
            "Invalid timezone format. Please specify either a geographic timezone (e.g. America/Los_Angeles) or a UTC "
            "offset in the format of +/-hh:mm, (e.g. +08:00)."
        ) from error


class _TimezoneConverter:
    """`TimezoneConverter`."""

    def __init__(self, plugin: PluginSettings) -> None:
        self._zone = _zone(plugin.text("converted.timezone") or "")
        included, excluded = plugin.words("include.list"), plugin.words("exclude.list")
        if included and excluded:
            raise TransformError("Both include and exclude lists are specified. Please specify only one.")
        self._mode = _INCLUDE if included else _EXCLUDE if excluded else _ALL
        self._rules: dict[str, dict[str, set[str]]] = {"topic": {}, "source": {}, "": {}}
        common = ""
        listed = included or excluded
        if listed and _RULES.fullmatch(f"[{', '.join(listed)}]") is None:
            raise TransformError(
                f"Invalid {self._mode} list format. Please specify a list of rules in the format of "
                '"source:<tablename>:<fieldnames>", "topic:<topicname>:<fieldnames>", "<matchname>:<fieldnames>"'
            )
        for one in listed:
            parts = one.split(":")
            if parts[0].lower() in ("source", "topic"):
                common, parts = parts[0], parts[1:]
            fields = self._rules[common if common in self._rules else ""].setdefault(parts[0], set())
            fields.update(parts[1:2])

    def __call__(self, record: Record) -> Record:
        schema, value = record.value_schema, record.value
        if value is None or not is_envelope(schema):
            return record
        assert schema is not None, "an envelope is a schema"
        source = value.get("source")
        table = None if source is None else source.get("table")
        found = self._rule(record.topic, table)
        mode, fields = self._mode, found or set()
        if mode == _INCLUDE:
            if found is None:
                return record
            mode = _INCLUDE if fields else _ALL
        elif mode == _EXCLUDE:
            if found is not None and not fields:
                return record
            mode = _ALL if found is None else _EXCLUDE
        return record.with_value(schema, self._converted(schema, value, mode, fields))

    def _rule(self, topic: str, table: str | None) -> set[str] | None:
        for kind, name in (("topic", topic), ("source", table), ("", topic), ("", table)):
            if name is not None and name in self._rules[kind]:
                return self._rules[kind][name]
        return None

    def _converted(self, schema: ConnectSchema, value: dict[str, Any], mode: str, fields: set[str]) -> dict[str, Any]:
        by_block: dict[str, set[str]] = {"before": set(), "after": set(), "source": set()}
        for name in fields:
            block, dot, rest = name.partition(".")
            if dot and block in by_block:
                by_block[block].add(rest)
            else:
                by_block["before"].add(name)
                by_block["after"].add(name)
        made = dict(value)
        for block, chosen in by_block.items():
            inner = field_of(schema, block)
            if value.get(block) is None or inner is None or (block == "source" and not chosen):
                continue
            made[block] = self._block(block, inner, value[block], mode, chosen)
        return made

    def _block(
        self, block: str, schema: ConnectSchema, value: dict[str, Any], mode: str, chosen: set[str]
    ) -> dict[str, Any]:
        made = dict(value)
        for one in schema.fields:
            is_epoch = block == "source" and one.name in _EPOCH_UNITS
            wanted = mode == _ALL or (mode == _INCLUDE) == (one.name in chosen)
            found = filled(one.schema, value[one.name]) if value[one.name] is None else value[one.name]
            if not wanted or value[one.name] is None or found is None:
                continue
            if one.schema.name in _UNITS:
                made[one.name] = self._local(found, _UNITS[one.schema.name])
            elif one.schema.name == names.ZONED_TIMESTAMP:
                made[one.name] = self._zoned(found)
            elif one.schema.name is None and is_epoch:
                made[one.name] = found + self._offset_at(found // _EPOCH_UNITS[one.name]) * _EPOCH_UNITS[one.name]
        return made

    def _offset_at(self, seconds: int) -> int:
        """Return the zone's offset at a moment, in seconds."""
        found = _moment(seconds).astimezone(self._zone).utcoffset()
        return 0 if found is None else int(found.total_seconds())

    def _offset_of_local(self, seconds: int) -> int:
        """Return the zone's offset where the clock shows so many seconds since 1970."""
        local = _moment(seconds).replace(tzinfo=self._zone)
        if local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            local = local.replace(fold=0)  # in a gap Java takes the offset before it, as the first fold does
        found = local.utcoffset()
        return 0 if found is None else int(found.total_seconds())

    def _local(self, value: int, unit: int) -> int:
        """Return the moment at which a clock of the zone shows what `value` shows in UTC."""
        return value - self._offset_of_local(value // unit) * unit

    def _zoned(self, text: str) -> str:
        match = _ZONED.fullmatch(text)
        if match is None:
            raise TransformError("a time with zone is not of ISO 8601, as Debezium writes it")
        parts = [int(match[place] or 0) for place in range(1, 7)]
        offset = UTC if match[8] == "Z" else _zone(match[8])
        year, month, day, hour, minute, second = parts
        there = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        local_seconds = int((there - _EPOCH).total_seconds())
        # Debezium asks for the zone's offset by the clock of the text's own zone.
        shift = self._offset_of_local(local_seconds)
        moment = there.replace(tzinfo=offset).astimezone(timezone(timedelta(seconds=shift)))
        return f"{moment:%Y-%m-%dT%H:%M:%S}{_fraction(match[7])}{_offset_text(shift)}"


def _moment(seconds: int) -> datetime:
    """Return the moment so many seconds after 1970, or one with the same offset that `datetime` can shift.

    '9999-12-31 23:59:59' as "for ever" is common in tables, and Java has years beyond 9999 and before 1.
    """
    if seconds >= _LATEST:
        seconds -= (seconds - _LATEST + _CYCLE) // _CYCLE * _CYCLE
    elif seconds < _EARLIEST:
        seconds += (_EARLIEST - seconds + _CYCLE - 1) // _CYCLE * _CYCLE
    return _EPOCH + timedelta(seconds=seconds)


def _fraction(text: str | None) -> str:
    digits = (text or "").lstrip(".").rstrip("0")
    return f".{digits}" if digits else ""


def _offset_text(seconds: int) -> str:
    if seconds == 0:
        return "Z"
    sign, rest = ("-", -seconds) if seconds < 0 else ("+", seconds)
    shown = f"{sign}{rest // 3600:02d}:{rest // 60 % 60:02d}"
    return f"{shown}:{rest % 60:02d}" if rest % 60 else shown


def timezone_converter(plugin: PluginSettings) -> Apply:
    """`TimezoneConverter`."""
    return _TimezoneConverter(plugin)
