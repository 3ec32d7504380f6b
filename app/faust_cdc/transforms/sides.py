"""Keys or values: what a class of Connect's with `$Key` and `$Value` works on."""

from __future__ import annotations

from typing import Any, Final

from faust_cdc.config.transform_settings import PluginSettings
from faust_cdc.transforms.record import Record
from faust_cdc_schemas.connect_schema import ConnectSchema


class Side:
    """One side of records."""

    def __init__(self, *, is_key: bool) -> None:
        self.is_key = is_key

    def of(self, record: Record) -> tuple[ConnectSchema | None, Any]:
        """Return schema and value."""
        if self.is_key:
            return record.key_schema, record.key
        return record.value_schema, record.value

    def put(self, record: Record, schema: ConnectSchema | None, value: Any) -> Record:
        """Return the record with another schema and value."""
        return record.with_key(schema, value) if self.is_key else record.with_value(schema, value)


KEY: Final = Side(is_key=True)
VALUE: Final = Side(is_key=False)


def side_of(plugin: PluginSettings) -> Side:
    """Return the side that a class names."""
    return KEY if plugin.is_key else VALUE
