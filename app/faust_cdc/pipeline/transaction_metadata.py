"""`provide.transaction.metadata`: BEGIN and END records, and each row's place in its transaction.

Source: Debezium 3.6.1 `io.debezium.pipeline.txmetadata` (`TransactionMonitor`, `TransactionContext`), and what it was
seen to write: every transaction counts, also one without captured rows; XA and single DDL statements do not.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

import fastavro

from faust_cdc.pipeline.captured import EnsureTopic, RegisterSchema
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.relational.model import TableId
from faust_cdc.routing import subject_for_key, subject_for_value, transaction_topic
from faust_cdc.transcode.plan import schema_json
from faust_cdc_schemas.metadata import transaction_key_schema, transaction_value_schema

_PREFIX: Final = struct.Struct(">bi")
"""Confluent's wire format: a zero byte and the schema id."""


class AvroWriter:
    """Writes values of one registered schema in wire format."""

    def __init__(self, schema: dict[str, Any], subject: str, register: RegisterSchema) -> None:
        self._schema = fastavro.parse_schema(schema)
        self._prefix = _PREFIX.pack(0, register(subject, schema_json(schema)))

    def encode(self, value: dict[str, Any]) -> bytes:
        """Return the value's bytes."""
        out = BytesIO()
        out.write(self._prefix)
        fastavro.schemaless_writer(out, self._schema, value)
        return out.getvalue()


class TransactionTopic:
    """Makes the records of `<prefix>.<topic.transaction>`. Topic and schemas are made with the first record.

    Raises RegistryUnavailable, IncompatibleSchemaChange, and what `ensure_topic` raises.
    """

    def __init__(self, prefix: str, name: str, register: RegisterSchema, ensure_topic: EnsureTopic) -> None:
        self.topic = transaction_topic(prefix, name)
        self._register = register
        self._ensure_topic = ensure_topic
        self._encoders: tuple[AvroWriter, AvroWriter] | None = None

    def begin(self, transaction_id: str, ts_ms: int) -> ChangeRecord:
        """Return the BEGIN record; `ts_ms` is the transaction's time on the source, ms since the epoch."""
        return self._record(transaction_id, "BEGIN", None, None, ts_ms)

    def end(self, transaction_id: str, by_table: Mapping[TableId, int], ts_ms: int) -> ChangeRecord:
        """Return the END record with the counts of `by_table`, in its order."""
        tables = [{"data_collection": str(table), "event_count": count} for table, count in by_table.items()]
        return self._record(transaction_id, "END", sum(by_table.values()), tables, ts_ms)

    def _record(
        self, transaction_id: str, status: str, rows: int | None, tables: list[dict[str, Any]] | None, ts_ms: int
    ) -> ChangeRecord:
        key, value = self._encoders or self._open()
        fields = {
            "status": status,
            "id": transaction_id,
            "event_count": rows,
            "data_collections": tables,
            "ts_ms": ts_ms,
        }
        return ChangeRecord(self.topic, key.encode({"id": transaction_id}), value.encode(fields), [])

    def _open(self) -> tuple[AvroWriter, AvroWriter]:
        self._ensure_topic(self.topic)
        key = AvroWriter(transaction_key_schema(), subject_for_key(self.topic), self._register)
        value = AvroWriter(transaction_value_schema(), subject_for_value(self.topic), self._register)
        self._encoders = (key, value)
        return self._encoders


class OpenTransaction:
    """One source transaction being read: gives its rows their places, writes BEGIN before the first and END."""

    def __init__(
        self, topic: TransactionTopic, transaction_id: str, begin_ts_ms: int, write: Callable[[ChangeRecord], None]
    ) -> None:
        self.id = transaction_id
        self._topic = topic
        self._begin_ts_ms = begin_ts_ms
        self._write = write
        self._total = 0
        self._by_table: dict[TableId, int] = {}
        self._begun = False

    def next(self, table: TableId) -> dict[str, Any]:
        """Return the `transaction` block of the next record, which is one of `table`."""
        self._begin()
        self._total += 1
        order = self._by_table[table] = self._by_table.get(table, 0) + 1
        return {"id": self.id, "total_order": self._total, "data_collection_order": order}

    def counts(self) -> tuple[int, dict[TableId, int]]:
        """Return what was counted so far, for `count_again_from`."""
        return self._total, dict(self._by_table)

    def count_again_from(self, counts: tuple[int, dict[TableId, int]]) -> None:
        """Forget the records that came after `counts` was asked for: they are rolled back."""
        self._total, self._by_table = counts[0], dict(counts[1])

    def end(self, ts_ms: int) -> None:
        """Write END, and BEGIN before it when there were no rows."""
        self._begin()
        self._write(self._topic.end(self.id, self._by_table, ts_ms))

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._write(self._topic.begin(self.id, self._begin_ts_ms))
