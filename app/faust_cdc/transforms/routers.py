"""Transforms of topics and partitions: Connect's RegexRouter, Debezium's ByLogicalTableRouter and PartitionRouting."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from faust_cdc.config.java_regex import expand_replacement, java_pattern
from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transcode.java_text import double_text, float_text
from faust_cdc.transforms import schemas
from faust_cdc.transforms.record import Apply, Record, TransformError
from faust_cdc.transforms.schemas import is_envelope, pairs, require_struct, struct
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_schema import ConnectSchema

TopicRoute = Callable[[str], str]
"""A topic → the topic in its place."""


def replace_whole(pattern: re.Pattern[str], replacement: str, text: str) -> str | None:
    """Return Java's `matcher.replaceFirst` of a text that matches as a whole, None for one that does not."""
    if pattern.fullmatch(text) is None:
        return None
    return pattern.sub(lambda match: expand_replacement(replacement, match), text, count=1)


def regex_route(plugin: PluginSettings) -> TopicRoute:
    """Return RegexRouter's rule for topics."""
    pattern, replacement = java_pattern(plugin.text("regex") or ""), plugin.text("replacement") or ""

    def route(topic: str) -> str:
        routed = replace_whole(pattern, replacement, topic)
        return topic if routed is None else routed

    return route


def by_route(route: TopicRoute) -> Apply:
    """Return the transform that routes by the topic alone."""

    def apply(record: Record) -> Record:
        return record._replace(topic=route(record.topic))

    return apply


def regex_router(plugin: PluginSettings) -> Apply:
    """`RegexRouter`."""
    return by_route(regex_route(plugin))


class _LogicalTables:
    """`ByLogicalTableRouter`: many tables' records in one topic, their keys told apart."""

    def __init__(self, plugin: PluginSettings) -> None:
        self._pattern = java_pattern(plugin.text("topic.regex") or "")
        self._replacement = plugin.text("topic.replacement") or ""
        self._adjustment = (plugin.text("schema.name.adjustment.mode") or "none").lower()
        self._unique = plugin.flag("key.enforce.uniqueness")
        self._field = plugin.text("key.field.name") or ""
        key_regex = (plugin.text("key.field.regex") or "").strip()
        self._key_pattern = java_pattern(key_regex) if key_regex else None
        self._key_replacement = plugin.text("key.field.replacement") or ""
        # As Debezium caches them, by the old schema alone: a table's records all go to one topic.
        self._topic = ""
        self._keys = schemas.Remembered(self._key_schema)
        self._envelopes = schemas.Remembered(self._envelope_schema)

    def __call__(self, record: Record) -> Record:
        old = record.topic
        topic = replace_whole(self._pattern, self._replacement, old)
        if not topic:
            return record
        self._topic = topic
        key_schema, key = None, None
        if record.key is not None:
            key = dict(require_struct(record.key, record.key_schema, "Updating schema"))
            assert record.key_schema is not None, "a struct has a schema"
            key_schema = self._keys.of(record.key_schema)
            if self._unique:
                key[self._field] = self._identifier(old)
        record = record._replace(topic=topic, key_schema=key_schema, key=key)
        if record.value is None or not is_envelope(record.value_schema):
            return record
        assert record.value_schema is not None, "an envelope is a schema"
        return record.with_value(self._envelopes.of(record.value_schema), record.value)

    def _identifier(self, topic: str) -> str:
        if self._key_pattern is None:
            return topic
        found = replace_whole(self._key_pattern, self._key_replacement, topic)
        return topic if found is None else found

    def _named(self, suffix: str) -> str:
        return names.adjust_schema_name(f"{self._topic}.{suffix}", self._adjustment)

    def _key_schema(self, schema: ConnectSchema) -> ConnectSchema:
        fields = pairs(schema)
        if self._unique:
            fields.append((self._field, schemas.STRING))
        return replace(schema, name=self._named("Key"), fields=struct(fields).fields)

    def _envelope_schema(self, schema: ConnectSchema) -> ConnectSchema:
        row = replace(schema.field("before"), name=self._named("Value"))
        fields = [(name, row if name in ("before", "after") else one) for name, one in pairs(schema)]
        return replace(schema, name=self._named("Envelope"), fields=struct(fields).fields)


def by_logical_table(plugin: PluginSettings) -> Apply:
    """`ByLogicalTableRouter`."""
    return _LogicalTables(plugin)


_INT: Final = 1 << 32


def _as_int(value: int) -> int:
    value %= _INT
    return value - _INT if value >= _INT // 2 else value


def java_hash(schema: ConnectSchema, value: Any) -> int:
    """Return `Object.hashCode` of a value as Java has it, as a signed number of 32 bits. Raises TransformError."""
    if isinstance(value, bool):
        return 1231 if value else 1237
    if schema.decimal_scale is not None:
        unscaled = int.from_bytes(value, "big", signed=True)
        return _as_int(31 * _big_integer_hash(unscaled) + schema.decimal_scale)
    if schema.name in (names.CONNECT_DATE, names.CONNECT_TIME, names.CONNECT_TIMESTAMP):
        milliseconds = value * (86_400_000 if schema.name == names.CONNECT_DATE else 1)
        return _long_hash(milliseconds)
    if isinstance(value, str):
        return _string_hash(value)
    if schema.type in ("int8", "int16", "int32"):
        return int(value)
    if schema.type == "int64":
        return _long_hash(value)
    if schema.type in ("float", "double"):
        return _float_hash(schema.type, value)
    raise TransformError(f"PartitionRouting cannot compute the hash of a field of type {schemas.type_name(schema)}")


def _string_hash(text: str) -> int:
    result = 0
    data = text.encode("utf-16-be", "surrogatepass")
    for place in range(0, len(data), 2):
        result = (31 * result + int.from_bytes(data[place : place + 2], "big")) % _INT
    return _as_int(result)


def _long_hash(value: int) -> int:
    bits = value % (1 << 64)
    return _as_int(bits ^ (bits >> 32))


def _big_integer_hash(value: int) -> int:
    result, magnitude = 0, abs(value)
    words = []
    while magnitude:
        words.append(magnitude % _INT)
        magnitude //= _INT
    for word in reversed(words):
        result = (31 * result + word) % _INT
    return _as_int(result * (-1 if value < 0 else 1))


def _float_hash(kind: str, value: float) -> int:
    import struct as packing

    if kind == "float":
        return int(packing.unpack(">i", packing.pack(">f", value))[0])
    return _long_hash(packing.unpack(">q", packing.pack(">d", value))[0])


def murmur_hash(data: bytes) -> int:
    """Return Kafka's murmur2 of some bytes, signed."""
    length, mask = len(data), _INT - 1
    value = (0x9747B28C ^ length) & mask
    for place in range(0, length - length % 4, 4):
        part = int.from_bytes(data[place : place + 4], "little") * 0x5BD1E995 & mask
        part = (part ^ (part >> 24)) * 0x5BD1E995 & mask
        value = (value * 0x5BD1E995 & mask) ^ part
    rest = data[length - length % 4 :]
    if rest:
        value = (value ^ int.from_bytes(rest, "little")) * 0x5BD1E995 & mask
    value = (value ^ (value >> 13)) * 0x5BD1E995 & mask
    return _as_int(value ^ (value >> 15))


def _text(schema: ConnectSchema, value: Any) -> str:
    if schema.type == "float":
        return float_text(value)
    if schema.type == "double":
        return double_text(value)
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def partition_routing(plugin: PluginSettings) -> Apply:
    """`PartitionRouting`: the partition by the hash of some fields of the change event."""
    paths = [[step.strip() for step in one.split(".")] for one in plugin.words("partition.payload.fields")]
    count = int(plugin.text("partition.topic.num") or 0)
    murmur = (plugin.text("partition.hash.function") or "java").lower() == "murmur"

    def found(record: Record, path: list[str]) -> int | None:
        value, schema = record.value, record.value_schema
        for step in path:
            name = ("before" if record.value["op"] == "d" else "after") if step == "change" else step
            inner = None if schema is None else schemas.field_of(schema, name)
            if inner is None or value is None:
                return None
            value, schema = value[name], inner
        if value is None or schema is None:
            return None
        return murmur_hash(_text(schema, value).encode()) if murmur else java_hash(schema, value)

    def apply(record: Record) -> Record:
        if record.value is None or not is_envelope(record.value_schema) or record.value["op"] in ("t", "m"):
            return record
        hashes = [one for path in paths if (one := found(record, path)) is not None]
        if not hashes:
            return record
        total = _as_int(sum(hashes)) & (_INT // 2 - 1)
        return record._replace(partition=(0 if total == _INT // 2 - 1 else total) % count)

    return apply
