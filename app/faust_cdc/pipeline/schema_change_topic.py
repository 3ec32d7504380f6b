"""The schema change topic `<topic.prefix>` (`include.schema.changes`): a record for each change of structure.

Source: Debezium 3.6.1 `SchemaFactory` and the records that it was seen to write. Records are in the Kafka transaction
of the offset that covers them, among the row records in the order of the source; all go to partition 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from faust_cdc.history.changes import SchemaChange
from faust_cdc.history.table_changes import TableChange
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.pipeline.captured import EnsureTopic
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.transcode.encoding import EncodeStruct
from faust_cdc.transcode.source_block import SourceInfo
from faust_cdc_schemas.metadata import schema_change_key_schema, schema_change_value_schema

PARTITION = 0
UNPARSED: Final = ("faust_cdc.unparsed", b"true")
"""Header of a record whose statement nobody could read. Key and value keep Debezium's schemas, as all others do."""
_SOMETIMES = ("nativeType", "length", "scale", "defaultValueExpression")
"""Members of a column that the history leaves out where there is nothing to say."""


class SchemaChangeTopic:
    """Makes the records. Topic and schemas are made with the first.

    Raises RegistryUnavailable, IncompatibleSchemaChange, and what `ensure_topic` raises.
    """

    def __init__(
        self, topic: str, converters: Converters, ensure_topic: EnsureTopic, headers: Headers, *, comments: bool
    ) -> None:
        self.topic = topic
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._headers = headers
        self._comments = comments
        self._encoders: tuple[EncodeStruct, EncodeStruct] | None = None

    def record(self, change: SchemaChange, source: SourceInfo, ts_ms: int) -> ChangeRecord:
        """Return the record of a change; `source` is the block of its place, `ts_ms` the time of now."""
        key, value = self._encoders or self._open(source.connector)
        fields = value_fields(change, change.as_json(comments=self._comments), source, ts_ms)
        headers = [*self._headers, UNPARSED] if change.unparsed else self._headers
        return ChangeRecord(self.topic, key({"databaseName": change.database}), value(fields), headers, PARTITION)

    def _open(self, connector: str) -> tuple[EncodeStruct, EncodeStruct]:
        self._ensure_topic(self.topic)
        key = self._converters.of_keys.struct(self.topic, schema_change_key_schema(connector))
        value = self._converters.of_values.struct(self.topic, schema_change_value_schema(connector))
        self._encoders = (key, value)
        return self._encoders


def value_fields(
    change: SchemaChange, table_changes: list[TableChange], source: SourceInfo, ts_ms: int
) -> dict[str, Any]:
    """Return the fields of a record's value; `table_changes` are those of the history's line."""
    named = [table.table for table in change.tables if table.database == change.database]
    tables = None if change.about_database else ",".join(named)
    block = replace(source, db=change.database, table=tables)
    return {
        "source": block.as_record(),
        "ts_ms": ts_ms,
        "databaseName": change.database,
        "schemaName": change.schema,
        "ddl": change.ddl,
        "tableChanges": [_change(one) for one in table_changes],
    }


def _change(change: Mapping[str, Any]) -> dict[str, Any]:
    described = change.get("table")
    table = None
    if described is not None:
        table = {
            "defaultCharsetName": described["defaultCharsetName"],
            "primaryKeyColumnNames": described["primaryKeyColumnNames"],
            "columns": [_column(one) for one in described["columns"]],
            "comment": change["comment"],
        }
    return {"type": change["type"], "id": change["id"], "table": table}


def _column(described: Mapping[str, Any]) -> dict[str, Any]:
    column = {name: member for name, member in described.items() if name != "hasDefaultValue"}
    for name in _SOMETIMES:
        column.setdefault(name, None)
    column["enumValues"] = described["enumValues"] or None
    return column
