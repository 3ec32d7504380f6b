"""Connect's transforms of fields: ExtractField, HoistField, InsertField, ReplaceField, MaskField, ValueToKey, Flatten,
SetSchemaMetadata (`org.apache.kafka.connect.transforms`, 4.3.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms import schemas
from faust_cdc.transforms.paths import field_path
from faust_cdc.transforms.record import Apply, Record, TransformError
from faust_cdc.transforms.schemas import Remembered, field_of, filled, like, pairs, require_struct, struct
from faust_cdc.transforms.sides import Side, side_of
from faust_cdc.transforms.values import mask_replacement, masked_null
from faust_cdc_schemas.connect_schema import ConnectSchema


def extract_field(plugin: PluginSettings) -> Apply:
    """`ExtractField$Key`, `$Value`: a field in place of the struct."""
    side, path = side_of(plugin), plugin.text("field") or ""
    steps = field_path(path, plugin.text("field.syntax.version") or "V1")
    with_defaults = plugin.flag("replace.null.with.default")

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        if schema is None:
            return (
                record if value is None else side.put(record, None, require_struct(value, schema, "field extraction"))
            )
        inner: ConnectSchema | None = schema
        for step in steps:
            inner = None if inner is None else field_of(inner, step)
        if inner is None:
            raise TransformError(f"Unknown field: {path}")
        found = value
        for step in steps:
            found = None if found is None else found[step]
        return side.put(record, inner, filled(inner, found) if with_defaults and value is not None else found)

    return apply


def hoist_field(plugin: PluginSettings) -> Apply:
    """`HoistField$Key`, `$Value`: a struct around what is there."""
    side, name = side_of(plugin), plugin.text("field") or ""
    made = Remembered(lambda schema: struct([(name, schema)]))

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        return side.put(record, None if schema is None else made.of(schema), {name: value})

    return apply


def _spec(text: str | None) -> tuple[str, bool] | None:
    """Return the name of a field to insert and whether it is optional."""
    if text is None:
        return None
    if text.endswith(("?", "!")):
        return text[:-1], text.endswith("?")
    return text, True


def insert_field(plugin: PluginSettings) -> Apply:
    """`InsertField$Key`, `$Value`: topic, partition, timestamp or a fixed text as a field."""
    side, static_value = side_of(plugin), plugin.text("static.value")
    wanted: list[tuple[str, str, ConnectSchema]] = []
    for what, schema in (
        ("topic", schemas.STRING),
        ("partition", schemas.INT32),
        ("offset", schemas.INT64),
        ("timestamp", schemas.TIMESTAMP),
        ("static", schemas.STRING),
    ):
        spec = _spec(plugin.text(f"{what}.field"))
        if spec is not None:
            wanted.append((what, spec[0], replace(schema, optional=spec[1])))
    if not wanted:
        raise TransformError("No field insertion configured")
    if any(what == "static" for what, _, _ in wanted) and static_value is None:
        raise TransformError("Invalid value null for configuration static.value: No value specified for static field")
    made = Remembered(lambda one: like(one, [*pairs(one), *((name, schema) for _, name, schema in wanted)]))
    with_defaults = plugin.flag("replace.null.with.default")

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        if value is None:
            return record
        fields = dict(require_struct(value, schema, "field insertion"))
        assert schema is not None, "a struct has a schema"
        if with_defaults:
            fields = with_default_values(schema, fields)
        for what, name, _ in wanted:
            if what == "offset":
                raise TransformError("Only SinkRecord supported for [field insertion], found: SourceRecord")
            fields[name] = {
                "topic": record.topic,
                "partition": record.partition,
                "timestamp": record.timestamp_ms,
                "static": static_value,
            }[what]
        return side.put(record, made.of(schema), fields)

    return apply


def with_default_values(schema: ConnectSchema, value: dict[str, Any]) -> dict[str, Any]:
    """Return a struct with the defaults of its fields for nulls, as Java's `Struct.get` gives them."""
    return {one.name: filled(one.schema, value[one.name]) for one in schema.fields}


def replace_field(plugin: PluginSettings) -> Apply:
    """`ReplaceField$Key`, `$Value`: fields left out or renamed."""
    return replacing(
        side_of(plugin),
        frozenset(plugin.words("exclude")),
        frozenset(plugin.words("include")),
        dict(one.split(":") for one in plugin.words("renames")),
        with_defaults=plugin.flag("replace.null.with.default"),
    )


def replacing(
    side: Side,
    exclude: frozenset[str],
    include: frozenset[str] = frozenset(),
    renames: dict[str, str] | None = None,
    *,
    with_defaults: bool = False,
) -> Apply:
    """Return the transform that leaves out `exclude` and what is not in `include`, and renames the rest."""
    new_names = renames or {}
    old_names = {new: old for old, new in new_names.items()}

    def kept(name: str) -> bool:
        return name not in exclude and (not include or name in include)

    made = Remembered(
        lambda one: like(one, [(new_names.get(name, name), schema) for name, schema in pairs(one) if kept(name)])
    )

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        if value is None:
            return record
        fields = require_struct(value, schema, "field replacement")
        assert schema is not None, "a struct has a schema"
        if with_defaults:
            fields = with_default_values(schema, fields)
        updated = made.of(schema)
        return side.put(
            record, updated, {one.name: fields[old_names.get(one.name, one.name)] for one in updated.fields}
        )

    return apply


def mask_field(plugin: PluginSettings) -> Apply:
    """`MaskField$Key`, `$Value`: empty values, or a replacement, for values that are not null."""
    side, masked = side_of(plugin), frozenset(plugin.words("fields"))
    replacement, with_defaults = plugin.text("replacement"), plugin.flag("replace.null.with.default")

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        fields = require_struct(value, schema, "mask fields")
        assert schema is not None, "a struct has a schema"
        if with_defaults:
            fields = with_default_values(schema, fields)
        made = dict(fields)
        for one in schema.fields:
            if one.name in masked and fields[one.name] is not None:
                made[one.name] = (
                    masked_null(one.schema) if replacement is None else mask_replacement(one.schema, replacement)
                )
        return side.put(record, schema, made)

    return apply


def value_to_key(plugin: PluginSettings) -> Apply:
    """`ValueToKey`: a new key of fields of the value."""
    names, with_defaults = plugin.words("fields"), plugin.flag("replace.null.with.default")

    def key_schema(schema: ConnectSchema) -> ConnectSchema:
        found = []
        for name in names:
            inner = field_of(schema, name)
            if inner is None:
                raise TransformError(f"Field does not exist: {name}")
            found.append((name, inner))
        return struct(found)

    made = Remembered(key_schema)

    def apply(record: Record) -> Record:
        value = require_struct(record.value, record.value_schema, "copying fields from value to key")
        assert record.value_schema is not None, "a struct has a schema"
        schema = made.of(record.value_schema)
        key = {name: value[name] for name in names}
        return record.with_key(schema, with_default_values(schema, key) if with_defaults else key)

    return apply


def flatten(plugin: PluginSettings) -> Apply:
    """`Flatten$Key`, `$Value`: the fields of nested structs, under names put together."""
    side, delimiter = side_of(plugin), plugin.text("delimiter") or ""

    def fields(schema: ConnectSchema, prefix: str, is_optional: bool) -> list[tuple[str, ConnectSchema]]:
        found: list[tuple[str, ConnectSchema]] = []
        for one in schema.fields:
            name = f"{prefix}{delimiter}{one.name}" if prefix else one.name
            nullable = is_optional or one.schema.optional
            if one.schema.type == "struct":
                found += fields(one.schema, name, nullable)
            elif one.schema.type == "map":
                raise TransformError(
                    f"Flatten transformation does not support MAP for record with schemas (for field {name})."
                )
            else:
                found.append((name, replace(one.schema, optional=True) if nullable else one.schema))
        return found

    def values(schema: ConnectSchema, value: dict[str, Any] | None, prefix: str, into: dict[str, Any]) -> None:
        for one in schema.fields:
            name = f"{prefix}{delimiter}{one.name}" if prefix else one.name
            inner = None if value is None else value[one.name]
            if plugin.compatible and value is not None:
                inner = filled(one.schema, inner)
            if one.schema.type == "struct":
                values(one.schema, inner, name, into)
            else:
                into[name] = inner

    made = Remembered(lambda schema: like(schema, fields(schema, "", schema.optional)))

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        if value is None:
            return record
        require_struct(value, schema, "flattening")
        assert schema is not None, "a struct has a schema"
        flat: dict[str, Any] = {}
        values(schema, value, "", flat)
        return side.put(record, made.of(schema), flat)

    return apply


def set_schema_metadata(plugin: PluginSettings) -> Apply:
    """`SetSchemaMetadata$Key`, `$Value`: another name or version of the schema."""
    side, name, version = side_of(plugin), plugin.text("schema.name"), plugin.text("schema.version")
    if name is None and version is None:
        raise TransformError("Neither schema name nor version configured")

    def renamed(schema: ConnectSchema) -> ConnectSchema:
        chosen = schema.version if version is None else int(version)
        return replace(schema, name=schema.name if name is None else name, version=chosen)

    made = Remembered(renamed)

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        if schema is None and value is None:
            return record
        if schema is None:
            raise TransformError("Schema required for [updating schema metadata]")
        return side.put(record, made.of(schema), value)

    return apply
