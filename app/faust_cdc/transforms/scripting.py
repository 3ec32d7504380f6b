"""Debezium's Filter and ContentBasedRouter (debezium-scripting, 3.6.1), by expressions of our own (`expressions`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faust_cdc.config.java_regex import java_pattern
from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms.expressions import Expression, Scope
from faust_cdc.transforms.record import Apply, Record, TransformError
from faust_cdc.transforms.values import decimal_value
from faust_cdc_schemas.connect_schema import ConnectSchema


class _Struct(dict[str, Any]):
    """A struct's fields as expressions see them, made when they are asked for."""

    def __init__(self, schema: ConnectSchema, value: dict[str, Any]) -> None:
        super().__init__(value)
        self._schemas = {one.name: one.schema for one in schema.fields}

    def __getitem__(self, name: str) -> Any:
        return _seen(self._schemas.get(name), super().__getitem__(name))


class _Headers(dict[str, Any]):
    """Headers by name, the last of each; one that is not there is null."""

    open = True


def _seen(schema: ConnectSchema | None, value: Any) -> Any:
    if schema is None or value is None:
        return value
    if schema.type == "struct":
        return _Struct(schema, value)
    if schema.decimal_scale is not None:
        return decimal_value(schema, value)
    if schema.items is not None and isinstance(value, list):
        return [_seen(schema.items, one) for one in value]
    return value


def _schema(schema: ConnectSchema | None) -> dict[str, Any] | None:
    return None if schema is None else {"name": schema.name, "version": schema.version, "type": schema.type}


def scope_of(record: Record) -> Scope:
    """Return what an expression's names stand for."""
    headers = _Headers(
        (one.name, {"value": _seen(one.schema, one.value), "schema": _schema(one.schema)}) for one in record.headers
    )
    return {
        "key": _seen(record.key_schema, record.key),
        "value": _seen(record.value_schema, record.value),
        "topic": record.topic,
        "header": headers,
        "headers": headers,
        "keySchema": _schema(record.key_schema),
        "valueSchema": _schema(record.value_schema),
    }


def _scripting(plugin: PluginSettings, option: str, act: Callable[[Record, Any], Record | None]) -> Apply:
    expression = Expression(plugin.text(option) or "")
    topics = plugin.text("topic.regex")
    pattern = java_pattern(topics) if topics else None
    nulls = (plugin.text("null.handling.mode") or "keep").lower()

    def apply(record: Record) -> Record | None:
        if pattern is not None and pattern.fullmatch(record.topic) is None:
            return record
        if record.value is None and nulls != "evaluate":
            return record if nulls == "keep" else None
        return act(record, expression(scope_of(record)))

    return apply


def expression_filter(plugin: PluginSettings) -> Apply:
    """`Filter`: keeps the records for which the condition is true."""

    def act(record: Record, result: Any) -> Record | None:
        if not isinstance(result, bool):
            raise TransformError(f"Value of type {type(result).__name__} returned by the expression is not a Boolean")
        return record if result else None

    return _scripting(plugin, "condition", act)


def content_based_router(plugin: PluginSettings) -> Apply:
    """`ContentBasedRouter`: the expression's text is the topic, null leaves it."""

    def act(record: Record, result: Any) -> Record | None:
        if result is None:
            return record
        if not isinstance(result, str):
            raise TransformError(f"Value of type {type(result).__name__} returned by the expression is not a String")
        return record._replace(topic=result)

    return _scripting(plugin, "topic.expression", act)
