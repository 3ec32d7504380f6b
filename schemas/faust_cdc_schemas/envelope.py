"""The schemas of a change event: key, row, `source`, `transaction`, envelope.

Source: Debezium 3.6.1 `io.debezium.data.Envelope`, `io.debezium.schema.SchemaFactory`,
`io.debezium.connector.mysql.Source`; property order as recorded from AvroData (see `connect_avro`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from faust_cdc_schemas import names
from faust_cdc_schemas.connect_avro import field, primitive, record

ENVELOPE_VERSION: Final = 2
SOURCE_VERSION: Final = 1

SNAPSHOT_VALUES: Final = (
    "true",
    "first",
    "first_in_data_collection",
    "last_in_data_collection",
    "last",
    "false",
    "incremental",
)
"""What `source.snapshot` may say; "false" is its default and what streamed events carry."""

SOURCE_FIELDS: Final = (
    "version",
    "connector",
    "name",
    "ts_ms",
    "snapshot",
    "db",
    "sequence",
    "ts_us",
    "ts_ns",
    "table",
    "server_id",
    "gtid",
    "file",
    "pos",
    "row",
    "thread",
    "query",
)
"""The seventeen fields of `source`, in order."""

ENVELOPE_FIELDS: Final = ("before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns")
"""The eight fields of the envelope, in order."""

CONNECTORS: Final = ("mysql", "mariadb")


def source_name(connector: str) -> str:
    """Return the full name of the `source` record of `connector` ("mysql" or "mariadb")."""
    return f"io.debezium.connector.{connector}.Source"


def source_schema(connector: str) -> dict[str, Any]:
    """Return the Avro schema of the `source` block. Raises ValueError for an unknown connector."""
    if connector not in CONNECTORS:
        raise ValueError(f"connector {connector!r} is not one of {CONNECTORS}")
    snapshot = primitive(
        "string",
        name=names.ENUM,
        version=1,
        parameters={"allowed": ",".join(SNAPSHOT_VALUES)},
        default="false",
    )
    fields = [
        field("version", "string"),
        field("connector", "string"),
        field("name", "string"),
        field("ts_ms", "long"),
        field("snapshot", snapshot, optional=True, default="false"),
        field("db", "string"),
        field("sequence", "string", optional=True),
        field("ts_us", "long", optional=True),
        field("ts_ns", "long", optional=True),
        field("table", "string", optional=True),
        field("server_id", "long"),
        field("gtid", "string", optional=True),
        field("file", "string"),
        field("pos", "long"),
        field("row", "int"),
        field("thread", "long", optional=True),
        field("query", "string", optional=True),
    ]
    return record(source_name(connector), fields, version=SOURCE_VERSION)


def transaction_schema() -> dict[str, Any]:
    """Return the Avro schema of the envelope's `transaction` block."""
    fields = [field("id", "string"), field("total_order", "long"), field("data_collection_order", "long")]
    return record("event.block", fields, version=1)


def key_schema(full_name: str, fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the Avro schema of a record key called `full_name`."""
    return record(full_name, fields)


def envelope_schema(
    envelope_full_name: str, value_full_name: str, fields: Sequence[Mapping[str, Any]], connector: str
) -> dict[str, Any]:
    """Return the Avro schema of a change event whose rows have `fields`.

    The row record is defined once, under `before`, and named under `after`.
    """
    namespace, _ = names.split_full_name(envelope_full_name)
    row = record(value_full_name, fields, enclosing_namespace=namespace)
    row_namespace, row_name = names.split_full_name(value_full_name)
    envelope_fields = [
        field("before", row, optional=True),
        field("after", row_name if row_namespace == namespace else value_full_name, optional=True),
        field("source", source_schema(connector)),
        field("transaction", transaction_schema(), optional=True),
        field("op", "string"),
        field("ts_ms", "long", optional=True),
        field("ts_us", "long", optional=True),
        field("ts_ns", "long", optional=True),
    ]
    return record(envelope_full_name, envelope_fields, version=ENVELOPE_VERSION)
