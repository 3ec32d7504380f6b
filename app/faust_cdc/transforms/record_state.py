"""Debezium's transforms of change events: ExtractNewRecordState, ExtractChangedRecordState, ReadToInsertEvent,
SchemaChangeEventFilter (`io.debezium.transforms`, 3.6.1)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms import schemas
from faust_cdc.transforms.fields import replacing, with_default_values
from faust_cdc.transforms.record import Apply, Header, Record, TransformError
from faust_cdc.transforms.schemas import field_of, is_envelope, like, optional, pairs
from faust_cdc.transforms.sides import KEY, VALUE, Side
from faust_cdc_schemas.connect_schema import ConnectSchema

_IN_TRANSACTION: Final = ("id", "data_collection_order", "total_order")
_IN_ENVELOPE: Final = ("op", "ts_ms", "ts_us", "ts_ns")
DELETED: Final = "__deleted"


class _Reference(NamedTuple):
    """A field of the event that is added to the row, or as a header."""

    block: str | None
    """`source`, `transaction` …; None: the envelope itself."""
    name: str
    new_name: str

    def schema_in(self, envelope: ConnectSchema) -> ConnectSchema | None:
        """Return the added field's schema, None where the event has no such field."""
        parent = envelope if self.block is None else field_of(envelope, self.block)
        if parent is None:
            raise TransformError(f"{self.block} is not a field of {envelope.name}")
        found = field_of(parent, self.name) or field_of(envelope, self.name)
        return None if found is None else optional(found)

    def value_in(self, event: dict[str, Any]) -> Any:
        """Return its value; None where its block is missing, as the transaction is in a snapshot."""
        parent = event if self.block is None else event[self.block]
        if parent is None:
            return None
        return event[self.name] if self.name in event else parent[self.name]


def _references(prefix: str, text: str) -> list[_Reference]:
    return [_reference(prefix, one.strip()) for one in text.split(",")] if text else []


def _reference(prefix: str, text: str) -> _Reference:
    parts = text.split(":")
    if len(parts) > 2:
        raise TransformError(f"Unexpected field name: {text}")
    steps = parts[0].split(".")
    name = steps[0] if len(steps) == 1 else steps[1]
    block: str | None = steps[0]
    if len(steps) == 1:
        block = "transaction" if name in _IN_TRANSACTION else None if name in _IN_ENVELOPE else "source"
    if len(parts) == 2:
        return _Reference(block, name, prefix + parts[1])
    return _Reference(block, name, prefix + (name if len(steps) == 1 else f"{block}_{name}"))


class _Widened(NamedTuple):
    """A row's schema with the added fields, and what it was made of, which lives as long as it does."""

    schema: ConnectSchema
    envelope: ConnectSchema
    widened: ConnectSchema
    added: list[_Reference]


class _NewRecordState:
    """`ExtractNewRecordState`: the row in place of the change event."""

    def __init__(self, plugin: PluginSettings) -> None:
        self._mode = (plugin.text("delete.tombstone.handling.mode") or "").strip().lower()
        self._fields = _references(plugin.text("add.fields.prefix") or "", plugin.text("add.fields") or "")
        self._headers = _references(plugin.text("add.headers.prefix") or "", plugin.text("add.headers") or "")
        self._route = plugin.text("route.by.field") or None
        self._drop_header = (plugin.text("drop.fields.header.name") or "").strip() or None
        self._drop_from_key = plugin.flag("drop.fields.from.key")
        self._compatible_schema = plugin.flag("drop.fields.keep.schema.compatible")
        self._with_defaults = plugin.flag("replace.null.with.default")
        self._rewrites = self._mode.startswith("rewrite")
        self._marked = schemas.Remembered(lambda one: like(one, [*pairs(one), (DELETED, schemas.OPTIONAL_STRING)]))
        self._drops: dict[tuple[bool, frozenset[str]], Apply] = {}
        self._made: dict[tuple[int, int], _Widened] = {}

    def __call__(self, record: Record) -> Record | None:
        event, envelope = record.value, record.value_schema
        if event is None:
            record = record._replace(headers=(*record.headers, *self._tombstone_headers()))
            return record if self._mode == "rewrite-with-tombstone" else None
        if not is_envelope(envelope):
            return record
        assert envelope is not None, "an envelope is a schema"
        if self._headers:
            record = record._replace(headers=(*record.headers, *self._added_headers(event, envelope)))
        if event["after"] is None:
            # A truncation has neither; Debezium drops it.
            return None if event["before"] is None else self._deleted(record, event, envelope)
        schema, row = self._row(envelope.field("after"), event["after"], "false")
        made = self._routed(record.with_value(schema, row), row)
        return self._dropped(self._with_fields(made, event, envelope))

    def _deleted(self, record: Record, event: dict[str, Any], envelope: ConnectSchema) -> Record | None:
        if self._mode == "drop":
            return None
        if self._mode == "delete-to-tombstone":
            made = record.with_value(None, None)
        elif self._mode == "tombstone":
            made = record.with_value(envelope.field("after"), None)
        else:
            made = record.with_value(*self._row(envelope.field("before"), event["before"], "true"))
        made = self._routed(made, event["before"])
        if made.value is None:
            return made
        return self._with_fields(self._dropped(made), event, envelope)

    def _row(self, schema: ConnectSchema, row: dict[str, Any], deleted: str) -> tuple[ConnectSchema, dict[str, Any]]:
        if not self._rewrites:
            return schema, row
        if self._with_defaults:
            row = with_default_values(schema, row)
        return self._marked.of(schema), row | {DELETED: deleted}

    def _routed(self, record: Record, row: dict[str, Any]) -> Record:
        if self._route is None:
            return record
        if self._route not in row:
            raise TransformError(f"{self._route} is not a valid field name")
        topic = row[self._route]
        if topic is not None and not isinstance(topic, str):
            raise TransformError(f"Field '{self._route}' is not of type STRING")
        return record._replace(topic=topic) if topic and topic.strip() else record

    def _with_fields(self, record: Record, event: dict[str, Any], envelope: ConnectSchema) -> Record:
        schema = record.value_schema
        assert schema is not None, "a row has a schema"
        key = (id(schema), id(envelope))
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= schemas.CACHE_MAX:
                self._made.clear()
            there = [(one, added) for one in self._fields if (added := one.schema_in(envelope)) is not None]
            widened = like(schema, [*pairs(schema), *((one.new_name, added) for one, added in there)])
            found = self._made[key] = _Widened(schema, envelope, widened, [one for one, _ in there])
        row = dict(record.value)
        for one in found.added:
            row[one.new_name] = one.value_in(event)
        return record.with_value(found.widened, row)

    def _added_headers(self, event: dict[str, Any], envelope: ConnectSchema) -> list[Header]:
        found = [(one, one.schema_in(envelope)) for one in self._headers]
        return [Header(one.new_name, schema, one.value_in(event)) for one, schema in found if schema is not None]

    def _tombstone_headers(self) -> list[Header]:
        return [Header(one.new_name, schemas.STRING, "d") for one in self._headers if one.name == "op"]

    def _dropped(self, record: Record) -> Record:
        """Leave out the fields that a header names."""
        if self._drop_header is None:
            return record
        header = next((one for one in record.headers if one.name == self._drop_header), None)
        if header is None or not header.value:
            return record
        if not isinstance(header.value, list):
            raise TransformError(f"The header {self._drop_header} is no list of field names")
        if self._drop_from_key and record.key is not None and record.key_schema is not None:
            record = self._without(record, record.key_schema, header.value, KEY)
        assert record.value_schema is not None, "a row has a schema"
        return self._without(record, record.value_schema, header.value, VALUE)

    def _without(self, record: Record, schema: ConnectSchema, names: list[str], side: Side) -> Record:
        if self._compatible_schema:
            names = [one.name for one in schema.fields if one.schema.optional and one.name in names]
        if not names:
            return record
        left_out = (side.is_key, frozenset(names))
        drop = self._drops.get(left_out)
        if drop is None:
            if len(self._drops) >= schemas.CACHE_MAX:
                self._drops.clear()
            drop = self._drops[left_out] = replacing(side, left_out[1], with_defaults=self._with_defaults)
        made = drop(record)
        assert made is not None, "fields are left out, not records"
        return made


def extract_new_record_state(plugin: PluginSettings) -> Apply:
    """`ExtractNewRecordState`."""
    return _NewRecordState(plugin)


def extract_changed_record_state(plugin: PluginSettings) -> Apply:
    """`ExtractChangedRecordState`: the names of fields that an update changed, and did not change, as headers."""
    changed_name, unchanged_name = plugin.text("header.changed.name"), plugin.text("header.unchanged.name")

    def listed(name: str | None) -> ConnectSchema:
        return ConnectSchema("array", optional=True, name=name, items=schemas.OPTIONAL_STRING)

    changed_schema, unchanged_schema = listed(changed_name), listed(unchanged_name)

    def apply(record: Record) -> Record:
        if record.value is None or not is_envelope(record.value_schema):
            return record
        before, after = record.value["before"], record.value["after"]
        changed: list[str] = []
        unchanged: list[str] = []
        if before is not None and after is not None:
            for name, value in after.items():
                (unchanged if before[name] == value else changed).append(name)
        added = []
        if changed_name:
            added.append(Header(changed_name, changed_schema, changed))
        if unchanged_name:
            added.append(Header(unchanged_name, unchanged_schema, unchanged))
        return record._replace(headers=(*record.headers, *added))

    return apply


def read_to_insert(_plugin: PluginSettings) -> Apply:
    """`ReadToInsertEvent`: rows of a snapshot as created ones."""

    def apply(record: Record) -> Record:
        if record.value is None or not is_envelope(record.value_schema) or record.value["op"] != "r":
            return record
        return record.with_value(record.value_schema, record.value | {"op": "c"})

    return apply


def schema_change_filter(plugin: PluginSettings) -> Apply:
    """`SchemaChangeEventFilter`: without schema changes of some kinds (ALTER, CREATE, DROP, TRUNCATE, DATABASE)."""
    text = plugin.text("schema.change.event.exclude.list") or ""
    excluded = frozenset(one.strip() for one in text.split(","))

    def apply(record: Record) -> Record | None:
        schema = record.value_schema
        if record.value is None or schema is None or not (schema.name or "").endswith(".SchemaChangeValue"):
            return record
        changes = record.value["tableChanges"]
        if changes is None:
            return None
        kind = changes[0]["type"] if changes else "DATABASE"
        return None if kind in excluded else record

    return apply
