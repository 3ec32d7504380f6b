"""The transforms there are, by their Java classes without the side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from faust_cdc.config.transform_settings import REGEX_ROUTER, PluginSettings
from faust_cdc.transforms import (
    casts,
    fields,
    headers,
    outbox,
    record_state,
    routers,
    scripting,
    timestamps,
    timezones,
)
from faust_cdc.transforms.record import Apply

_CONNECT: Final = "org.apache.kafka.connect.transforms."
_DEBEZIUM: Final = "io.debezium.transforms."


def _drop(_plugin: PluginSettings) -> Apply:
    """Connect's `Filter`: drops every record that its predicate lets come."""
    return lambda _record: None


TRANSFORMS: Final[dict[str, Callable[[PluginSettings], Apply]]] = {
    f"{_CONNECT}Cast": casts.cast,
    f"{_CONNECT}DropHeaders": headers.drop_headers,
    f"{_CONNECT}ExtractField": fields.extract_field,
    f"{_CONNECT}Filter": _drop,
    f"{_CONNECT}Flatten": fields.flatten,
    f"{_CONNECT}HeaderFrom": headers.header_from,
    f"{_CONNECT}HoistField": fields.hoist_field,
    f"{_CONNECT}InsertField": fields.insert_field,
    f"{_CONNECT}InsertHeader": headers.insert_header,
    f"{_CONNECT}MaskField": fields.mask_field,
    REGEX_ROUTER: routers.regex_router,
    f"{_CONNECT}ReplaceField": fields.replace_field,
    f"{_CONNECT}SetSchemaMetadata": fields.set_schema_metadata,
    f"{_CONNECT}TimestampConverter": timestamps.timestamp_converter,
    f"{_CONNECT}TimestampRouter": timestamps.timestamp_router,
    f"{_CONNECT}ValueToKey": fields.value_to_key,
    f"{_DEBEZIUM}ByLogicalTableRouter": routers.by_logical_table,
    f"{_DEBEZIUM}ContentBasedRouter": scripting.content_based_router,
    f"{_DEBEZIUM}ExtractChangedRecordState": record_state.extract_changed_record_state,
    f"{_DEBEZIUM}ExtractNewRecordState": record_state.extract_new_record_state,
    f"{_DEBEZIUM}Filter": scripting.expression_filter,
    f"{_DEBEZIUM}HeaderToValue": headers.header_to_value,
    f"{_DEBEZIUM}SchemaChangeEventFilter": record_state.schema_change_filter,
    f"{_DEBEZIUM}TimezoneConverter": timezones.timezone_converter,
    f"{_DEBEZIUM}outbox.EventRouter": outbox.event_router,
    f"{_DEBEZIUM}partitions.PartitionRouting": routers.partition_routing,
    "io.debezium.connector.mysql.transforms.ReadToInsertEvent": record_state.read_to_insert,
}
