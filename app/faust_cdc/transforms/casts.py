"""Cast: fields, or a whole key or value, as another type (`org.apache.kafka.connect.transforms.Cast`, 4.3.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms.fields import with_default_values
from faust_cdc.transforms.record import Apply, Record
from faust_cdc.transforms.schemas import Remembered, like, require_struct
from faust_cdc.transforms.sides import side_of
from faust_cdc.transforms.values import CAST_TARGETS
from faust_cdc.transforms.values import cast as cast_value
from faust_cdc_schemas.connect_avro import MISSING
from faust_cdc_schemas.connect_schema import ConnectSchema


def cast(plugin: PluginSettings) -> Apply:
    """`Cast$Key`, `$Value`."""
    side, with_defaults = side_of(plugin), plugin.flag("replace.null.with.default")
    targets: dict[str, str] = {}
    whole: str | None = None
    for one in plugin.words("spec"):
        name, colon, target = one.partition(":")
        if colon:
            targets[name.strip()] = CAST_TARGETS[target.strip().upper()]
        else:
            whole = CAST_TARGETS[name.strip().upper()]

    def cast_schema(schema: ConnectSchema, target: str) -> ConnectSchema:
        default = schema.default
        if default is not MISSING and default is not None:
            default = cast_value(schema, default, target)
        return ConnectSchema(target, optional=schema.optional, default=default)

    def updated(schema: ConnectSchema) -> ConnectSchema:
        if whole is not None:
            made = cast_schema(schema, whole)
            return replace(made, name=schema.name, version=schema.version, doc=schema.doc, parameters=schema.parameters)
        fields = [
            (one.name, cast_schema(one.schema, targets[one.name]) if one.name in targets else one.schema)
            for one in schema.fields
        ]
        return like(schema, fields, optional=schema.optional)

    made = Remembered(updated)

    def apply(record: Record) -> Record:
        schema, value = side.of(record)
        if value is None:
            return record
        if whole is not None:
            assert schema is not None, "what a connector writes has a schema"
            return side.put(record, made.of(schema), cast_value(schema, value, whole))
        fields: dict[str, Any] = dict(require_struct(value, schema, "cast types"))
        assert schema is not None, "a struct has a schema"
        if with_defaults:
            fields = with_default_values(schema, fields)
        for one in schema.fields:
            if one.name in targets and fields[one.name] is not None:
                fields[one.name] = cast_value(one.schema, fields[one.name], targets[one.name])
        return side.put(record, made.of(schema), fields)

    return apply
