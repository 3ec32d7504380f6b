"""The schemas of records that are about the stream and not a row: transactions, heartbeats, notifications, structures.

Source: Debezium 3.6.1 `io.debezium.connector.common` (`TransactionMetadataKey`, `TransactionMetadataValue`,
`ServerNameKey`, `Heartbeat`, `NotificationKey`, `Notification`) and `io.debezium.schema.SchemaFactory`; property order
as recorded from AvroData (see `connect_avro`).
"""

from __future__ import annotations

from typing import Any

from faust_cdc_schemas.connect_avro import field, record
from faust_cdc_schemas.envelope import source_schema

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


def schema_change_key_schema(connector: str) -> dict[str, Any]:
    """Return the Avro schema of keys on the schema change topic of `connector` ("mysql" or "mariadb")."""
    return record(f"io.debezium.connector.{connector}.SchemaChangeKey", [field("databaseName", "string")], version=1)


def schema_change_value_schema(connector: str) -> dict[str, Any]:
    """Return the Avro schema of values on the schema change topic: a statement and what it does to tables."""
    texts = {"type": "array", "items": "string"}
    inside = "io.debezium.connector.schema"
    column = record(
        f"{inside}.Column",
        [
            field("name", "string"),
            field("jdbcType", "int"),
            field("nativeType", "int", optional=True),
            field("typeName", "string"),
            field("typeExpression", "string", optional=True),
            field("charsetName", "string", optional=True),
            field("length", "int", optional=True),
            field("scale", "int", optional=True),
            field("position", "int"),
            *(field(name, "boolean", optional=True) for name in ("optional", "autoIncremented", "generated")),
            field("comment", "string", optional=True),
            field("defaultValueExpression", "string", optional=True),
            field("enumValues", texts, optional=True),
        ],
        version=1,
        enclosing_namespace=inside,
    )
    table = record(
        f"{inside}.Table",
        [
            field("defaultCharsetName", "string", optional=True),
            field("primaryKeyColumnNames", texts, optional=True),
            field("columns", {"type": "array", "items": column}),
            field("comment", "string", optional=True),
        ],
        version=1,
        enclosing_namespace=inside,
    )
    change = record(
        f"{inside}.Change",
        [field("type", "string"), field("id", "string"), field("table", table, optional=True)],
        version=1,
    )
    source = {name: member for name, member in source_schema(connector).items() if name != "namespace"}
    fields = [
        field("source", source),
        field("ts_ms", "long"),
        field("databaseName", "string", optional=True),
        field("schemaName", "string", optional=True),
        field("ddl", "string", optional=True),
        field("tableChanges", {"type": "array", "items": change}),
    ]
    return record(f"io.debezium.connector.{connector}.SchemaChangeValue", fields, version=1)
