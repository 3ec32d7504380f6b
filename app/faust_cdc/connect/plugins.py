"""The plugins that REST lists: two connector classes and the converters that configurations may name."""

from __future__ import annotations

from typing import Any

from faust_cdc.config import catalogue
from faust_cdc.config.converters import CONVERTER_CLASSES
from faust_cdc.config.validation import ConverterDefaults, config_keys
from faust_cdc.config.versions import CONNECT_VERSION, DEBEZIUM_VERSION
from faust_cdc.connect.entities import ConnectError


def plugins(connectors_only: bool) -> list[dict[str, str]]:
    """`GET /connector-plugins`: connectors first, then, if asked for, converters."""
    listed = [
        {"class": name, "type": "source", "version": DEBEZIUM_VERSION} for name in sorted(catalogue.CONNECTOR_CLASSES)
    ]
    if not connectors_only:
        listed += [{"class": name, "type": "converter", "version": CONNECT_VERSION} for name in CONVERTER_CLASSES]
    return listed


def plugin_config(plugin: str, defaults: ConverterDefaults) -> list[dict[str, Any]]:
    """`GET /connector-plugins/{p}/config`. Raises `ConnectError` 404 for an unknown plugin."""
    name = catalogue.resolve_class(plugin)
    if name is None:
        raise ConnectError(404, f"Unknown plugin {plugin}.")
    return config_keys(catalogue.flavor_of(name), defaults)
