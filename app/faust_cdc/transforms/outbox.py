"""Debezium's outbox EventRouter (`io.debezium.transforms.outbox`, 3.6.1): rows of an outbox table as events.

Only OpenTelemetry's spans are missing, which Debezium makes only where its agent is loaded.
"""

from __future__ import annotations

import logging
from typing import Any, Final, NamedTuple

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms import schemas
from faust_cdc.transforms.json_payload import JsonPayloads
from faust_cdc.transforms.record import Apply, Header, Record, TransformError
from faust_cdc.transforms.routers import regex_route
from faust_cdc.transforms.schemas import field_of, filled, is_envelope, struct
from faust_cdc_schemas import names
from faust_cdc_schemas.connect_schema import ConnectSchema

log = logging.getLogger(__name__)

_PER_MS: Final = {names.TIMESTAMP: 1, names.MICRO_TIMESTAMP: 1_000, names.NANO_TIMESTAMP: 1_000_000}
_PLACEMENTS: Final = ("header", "envelope", "partition")


class _Additional(NamedTuple):
    """A column that goes along with the event."""

    name: str
    placement: str
    alias: str


def _additional(text: str) -> _Additional:
    parts = [one.strip() for one in text.split(":")]
    if len(parts) not in (2, 3) or parts[1].lower() not in _PLACEMENTS:
        raise TransformError(
            f"{text} is not a valid placement of an additional field: column:header, column:envelope or "
            "column:partition is expected, with an alias as in column:header:alias"
        )
    return _Additional(parts[0], parts[1].lower(), parts[2] if len(parts) == 3 else parts[0])


class _EventRouter:
    """`EventRouter`."""

    def __init__(self, plugin: PluginSettings) -> None:
        text = plugin.text
        self._id, self._key = text("table.field.event.id") or "", text("table.field.event.key")
        self._payload, self._moment = text("table.field.event.payload") or "", text("table.field.event.timestamp")
        self._version = text("table.field.event.schema.version")
        self._route_by = text("route.by.field") or ""
        self._compatible = plugin.compatible
        self._tombstones = plugin.flag("route.tombstone.on.empty.payload")
        self._on_update = (text("table.op.invalid.behavior") or "warn").lower()
        self._ignores_missing = (text("table.field.additional.missing") or "").lower() == "ignore"
        self._additional = [_additional(one) for one in plugin.words("table.fields.additional.placement")]
        self._in_envelope = [one for one in self._additional if one.placement == "envelope"]
        routed = {
            "regex": text("route.topic.regex") or "",
            "replacement": text("route.topic.replacement") or "",
        }
        self._route = regex_route(PluginSettings(plugin.alias, "RegexRouter", routed))
        self._json = None
        if plugin.flag("table.expand.json.payload"):
            self._json = JsonPayloads((text("table.json.payload.null.behavior") or "").lower() == "optional_bytes")
        self._made: dict[Any, tuple[ConnectSchema, ConnectSchema]] = {}

    def __call__(self, record: Record) -> Record | None:
        if record.value is None:
            return None
        if not is_envelope(record.value_schema):
            return record
        assert record.value_schema is not None, "an envelope is a schema"
        op = record.value["op"]
        if op == "d":
            return None
        if op == "u":
            self._updated(record)
            return None
        row, row_schema = record.value["after"], record.value_schema.field("after")
        if row is None:
            raise TransformError("Only Struct objects supported for [Read Outbox Event], found: null")
        payload_schema, payload = self._field(row_schema, row, self._payload, "payload")
        timestamp_ms = self._timestamp(row_schema, row, record.value["ts_ms"])
        id_schema, event_id = self._field(row_schema, row, self._id, "event-id")
        headers = [*record.headers, Header("id", id_schema, event_id)]
        payload_schema, payload = self._expanded(payload_schema, payload)
        topic = self._text(row_schema, row, self._route_by)
        value_schema: ConnectSchema | None = payload_schema
        value: Any = payload
        if self._in_envelope:
            value_schema = self._envelope(payload_schema, row_schema, row, topic)
            value = {"payload": payload}
        partition = None
        for one in self._additional:
            schema = field_of(row_schema, one.name)
            if schema is None:
                if self._ignores_missing:
                    continue
                raise TransformError(f"Unable to find field {one.name} in event")
            found = self._value(schema, row[one.name])
            if one.placement == "envelope":
                value[one.alias] = found
            elif one.placement == "header":
                headers.append(Header(one.alias, schema, found))
            else:
                partition = found
        if self._tombstones and (payload is None or (isinstance(payload, str) and not payload.strip())):
            value_schema, value = None, None
        key_schema, key = self._event_key(row_schema, row)
        made = Record(topic or "", key_schema, key, value_schema, value, tuple(headers), partition, timestamp_ms)
        return made._replace(topic=self._route(made.topic))

    def _updated(self, record: Record) -> None:
        message = f"Unexpected update message received on {record.topic} and ignored"
        if self._on_update == "fatal":
            raise TransformError(f"Unexpected update message received on {record.topic}, fail.")
        log.log(logging.ERROR if self._on_update == "error" else logging.WARNING, message)

    def _value(self, schema: ConnectSchema, value: Any) -> Any:
        return filled(schema, value) if self._compatible else value

    def _field(self, schema: ConnectSchema, row: dict[str, Any], name: str, what: str) -> tuple[ConnectSchema, Any]:
        found = field_of(schema, name)
        if found is None:
            raise TransformError(f"Unable to find {what} field {name} in event")
        return found, self._value(found, row[name])

    def _text(self, schema: ConnectSchema, row: dict[str, Any], name: str) -> str | None:
        found = field_of(schema, name)
        if found is None:
            raise TransformError(f"{name} is not a valid field name")
        if found.type != "string":
            raise TransformError(f"Field '{name}' is not of type STRING")
        text: str | None = row[name]
        return text

    def _event_key(self, schema: ConnectSchema, row: dict[str, Any]) -> tuple[ConnectSchema, Any]:
        if self._key is None:
            return schemas.STRING, None
        found = field_of(schema, self._key)
        if found is None:
            raise TransformError(f"{self._key} is not a valid field name")
        return found, self._value(found, row[self._key])

    def _timestamp(self, schema: ConnectSchema, row: dict[str, Any], processed_ms: int | None) -> int | None:
        if self._moment is None:
            return processed_ms
        found = field_of(schema, self._moment)
        if found is None:
            raise TransformError(f"Unable to find timestamp field {self._moment} in event")
        if row[self._moment] is None:
            return processed_ms
        if found.name not in _PER_MS:
            raise TransformError(f"Unsupported field type {found.name or schemas.type_name(found)} for event timestamp")
        value = int(row[self._moment])
        divisor = _PER_MS[found.name]
        return abs(value) // divisor * (1 if value >= 0 else -1)

    def _expanded(self, schema: ConnectSchema, payload: Any) -> tuple[ConnectSchema, Any]:
        if self._json is None or not isinstance(payload, str):
            return schema, payload
        try:
            return self._json.expanded(self._payload, payload)
        except (TransformError, ValueError) as error:
            log.warning("JSON expansion failed: %s", error)
            return schema, payload

    def _envelope(
        self, payload: ConnectSchema, row_schema: ConnectSchema, row: dict[str, Any], topic: str | None
    ) -> ConnectSchema:
        # As Debezium caches it: by the payload's schema, or by the version alone; whichever topic came first.
        version = None if self._version is None else row[self._version]
        key = id(payload) if self._version is None else ("version", version)
        found = self._made.get(key)
        if found is not None:
            return found[1]
        fields = [("payload", payload)]
        for one in self._in_envelope:
            schema = field_of(row_schema, one.name)
            if schema is not None:
                fields.append((one.alias, schema))
            elif not self._ignores_missing:
                raise TransformError(f"Unable to find field {one.name} in event")
        if len(self._made) >= schemas.CACHE_MAX:
            self._made.clear()
        made = struct(fields, name=_named(row_schema, topic), version=version)
        self._made[key] = (payload, made)
        return made


def _named(row: ConnectSchema, topic: str | None) -> str:
    before, dot, last = (row.name or "").rpartition(".")
    return f"{before}{dot}{topic}.{last}" if row.name else str(topic)


def event_router(plugin: PluginSettings) -> Apply:
    """`EventRouter`."""
    return _EventRouter(plugin)
