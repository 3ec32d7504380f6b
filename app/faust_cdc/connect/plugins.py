"""The plugins that REST lists: two connector classes, and transforms, predicates and converters that can be named."""

from __future__ import annotations

from typing import Any

from faust_cdc.config import catalogue, transforms
from faust_cdc.config.converters import CONVERTER_CLASSES
from faust_cdc.config.validation import ConverterDefaults, config_keys
from faust_cdc.config.versions import CONNECT_VERSION, DEBEZIUM_VERSION
from faust_cdc.connect.entities import ConnectError


def plugins(connectors_only: bool) -> list[dict[str, str]]:
    """`GET /connector-plugins`: connectors first, then, if asked for, transforms, predicates and converters."""
    listed = [
        {"class": name, "type": "source", "version": DEBEZIUM_VERSION} for name in sorted(catalogue.CONNECTOR_CLASSES)
    ]
    if not connectors_only:
        for kind in ("transformation", "predicate"):
            listed += [
                {"class": name, "type": kind, "version": transforms.class_version(name)}
                for name in transforms.classes(kind)
            ]
        listed += [{"class": name, "type": "converter", "version": CONNECT_VERSION} for name in CONVERTER_CLASSES]
    return listed


def plugin_config(plugin: str, defaults: ConverterDefaults) -> list[dict[str, Any]]:
    """`GET /connector-plugins/{p}/config`. Raises `ConnectError` 404 for an unknown plugin."""
    name = catalogue.resolve_class(plugin)
    if name is None:
        found = transforms.resolve(plugin, "transformation") or transforms.resolve(plugin, "predicate")
        if found is not None:
            return transforms.class_keys(found)
        raise ConnectError(404, f"Unknown plugin {plugin}.")
    return config_keys(catalogue.flavor_of(name), defaults)
