"""The schemas of records that are about the stream and not about a row: transactions, heartbeats, notifications.

Source: Debezium 3.6.1 `io.debezium.connector.common` (`TransactionMetadataKey`, `TransactionMetadataValue`,
`ServerNameKey`, `Heartbeat`, `NotificationKey`, `Notification`); property order as recorded from AvroData (see
`connect_avro`).
"""

from __future__ import annotations

from typing import Any

from faust_cdc_schemas.connect_avro import field, record

COMMON = "io.debezium.connector.common"


def transaction_key_schema() -> dict[str, Any]:
    """Return the Avro schema of keys on the transaction topic."""
    return record(f"{COMMON}.TransactionMetadataKey", [field("id", "string")], version=1)


def transaction_value_schema() -> dict[str, Any]:
    """Return the Avro schema of values on the transaction topic: BEGIN, and END with the counts."""
    counts = [field("data_collection", "string"), field("event_count", "long")]
    collections = {"type": "array", "items": ["null", record("event.collection", counts, version=1)]}
    fields = [
        field("status", "string"),
        field("id", "string"),
        field("event_count", "long", optional=True),
        field("data_collections", collections, optional=True),
        field("ts_ms", "long"),
    ]
    return record(f"{COMMON}.TransactionMetadataValue", fields, version=1)


def heartbeat_key_schema() -> dict[str, Any]:
    """Return the Avro schema of keys on the heartbeat topic."""
    return record(f"{COMMON}.ServerNameKey", [field("serverName", "string")], version=1)


def heartbeat_value_schema() -> dict[str, Any]:
    """Return the Avro schema of values on the heartbeat topic."""
    return record(f"{COMMON}.Heartbeat", [field("ts_ms", "long")], version=1)


def notification_key_schema() -> dict[str, Any]:
    """Return the Avro schema of keys on the notification topic."""
    return record(f"{COMMON}.NotificationKey", [field("id", "string")], version=1)


def notification_value_schema() -> dict[str, Any]:
    """Return the Avro schema of values on the notification topic."""
    fields = [
        field("id", "string"),
        field("type", "string"),
        field("aggregate_type", "string"),
        field("additional_data", {"type": "map", "values": "string"}, optional=True),
        field("timestamp", "long"),
    ]
    return record(f"{COMMON}.Notification", fields, version=1)
