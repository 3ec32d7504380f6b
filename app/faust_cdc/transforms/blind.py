"""Transforms that look at no value and change none: they name topics and schemas, add fixed fields and headers.

What such a chain makes of a record depends on its topic, its schemas, its headers and on whether it has a key and a
value: on its form. So it need be run once for each form, not for each row (`pipeline.spent_chain`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from faust_cdc.config.transform_settings import REGEX_ROUTER, PluginSettings
from faust_cdc.transforms.chain import Chain
from faust_cdc.transforms.predicates import PREFIX
from faust_cdc_schemas.connect_schema import ConnectSchema

_CONNECT: Final = "org.apache.kafka.connect.transforms."
_DEBEZIUM: Final = "io.debezium.transforms."
_SCHEMA_CHANGES: Final = f"{_DEBEZIUM}SchemaChangeEventFilter"


def _always(_plugin: PluginSettings) -> bool:
    return True


def _never(_plugin: PluginSettings) -> bool:
    return False


def _keeps_nulls(plugin: PluginSettings) -> bool:
    return not plugin.flag("replace.null.with.default")


def _only_renames(plugin: PluginSettings) -> bool:
    return _keeps_nulls(plugin) and not plugin.words("exclude") and not plugin.words("include")


def _inserts_what_is_fixed(plugin: PluginSettings) -> bool:
    changing = ("partition.field", "offset.field", "timestamp.field")
    return _keeps_nulls(plugin) and all(plugin.text(one) is None for one in changing)


_BLIND: Final[dict[str, Callable[[PluginSettings], bool]]] = {
    f"{_CONNECT}DropHeaders": _always,
    f"{_CONNECT}Filter": _always,
    f"{_CONNECT}InsertField": _inserts_what_is_fixed,
    f"{_CONNECT}InsertHeader": _always,
    REGEX_ROUTER: _always,
    f"{_CONNECT}ReplaceField": _only_renames,
    f"{_CONNECT}SetSchemaMetadata": _always,
    f"{_DEBEZIUM}ByLogicalTableRouter": _always,
    _SCHEMA_CHANGES: _always,
}
"""Class → whether one with these options looks at no value. InsertField and ByLogicalTableRouter put theirs last."""
_WITH_HEADERS: Final = (f"{_CONNECT}DropHeaders", f"{_CONNECT}InsertHeader")


def is_blind(chain: Chain) -> bool:
    """Return whether all transforms of a chain are such ones. Predicates look at no value, either."""
    return all(
        _BLIND.get(one.plugin.base_name, _never)(one.plugin) for one in chain.stages
    ) and not _may_take_rows_for_schema_changes(chain)


def _may_take_rows_for_schema_changes(chain: Chain) -> bool:
    """SchemaChangeEventFilter goes by the name of the value's schema, which others give."""
    names = {one.plugin.base_name for one in chain.stages}
    return _SCHEMA_CHANGES in names and f"{_CONNECT}SetSchemaMetadata" in names


def looks_at_headers(chain: Chain) -> bool:
    """Return whether what a chain makes of a record depends on its headers."""
    return any(
        one.plugin.base_name in _WITH_HEADERS
        or (one.predicate is not None and one.predicate.class_name == f"{PREFIX}HasHeaderKey")
        for one in chain.stages
    )


def is_blind_to(chain: Chain, schema: ConnectSchema | None) -> bool:
    """Return whether such a chain looks at no value of records whose value has this schema."""
    is_schema_change = schema is not None and (schema.name or "").endswith(".SchemaChangeValue")
    return not is_schema_change or all(one.plugin.base_name != _SCHEMA_CHANGES for one in chain.stages)
