"""Transforms of topics and partitions: Connect's RegexRouter, Debezium's ByLogicalTableRouter and PartitionRouting."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from faust_cdc.config.java_regex import expand_replacement, java_pattern
from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms import schemas
from faust_cdc.transforms.hashes import INT_MAX, debezium_hash, java_hash
from faust_cdc.transforms.record import Apply, Record
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
        return debezium_hash(schema, value) if murmur else java_hash(schema, value)

    def apply(record: Record) -> Record:
        if record.value is None or not is_envelope(record.value_schema) or record.value["op"] in ("t", "m"):
            return record
        hashes = [one for path in paths if (one := found(record, path)) is not None]
        if not hashes:
            return record
        total = sum(hashes) & INT_MAX
        return record._replace(partition=(0 if total == INT_MAX else total) % count)

    return apply
