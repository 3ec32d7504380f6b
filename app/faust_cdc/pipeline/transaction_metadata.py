"""`provide.transaction.metadata`: BEGIN and END records, and each row's place in its transaction.

Source: Debezium 3.6.1 `io.debezium.pipeline.txmetadata` (`TransactionMonitor`, `TransactionContext`), and what it was
seen to write: every transaction counts, also one without captured rows; XA and single DDL statements do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from faust_cdc.pipeline.captured import EnsureTopic
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.relational.model import TableId
from faust_cdc.transcode.avro_encoding import AvroStruct
from faust_cdc.transcode.encoding import EncodeStruct
from faust_cdc_schemas.metadata import transaction_key_schema, transaction_value_schema


class TransactionTopic:
    """Makes the records of the transaction topic. Topic and schemas are made with the first record.

    Raises RegistryUnavailable, IncompatibleSchemaChange, and what `ensure_topic` raises.
    """

    def __init__(self, topic: str, converters: Converters, ensure_topic: EnsureTopic) -> None:
        self.topic = topic
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._encoders: tuple[EncodeStruct, EncodeStruct] | None = None

    @property
    def avro_prefixes(self) -> tuple[bytes, bytes] | None:
        """What keys and values begin with, once there was a record; None where one of them is not Avro."""
        key, value = self._encoders or (None, None)
        if isinstance(key, AvroStruct) and isinstance(value, AvroStruct):
            return key.prefix, value.prefix
        return None

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
        return ChangeRecord(self.topic, key({"id": transaction_id}), value(fields), [])

    def _open(self) -> tuple[EncodeStruct, EncodeStruct]:
        self._ensure_topic(self.topic)
        key = self._converters.of_keys.struct(self.topic, transaction_key_schema())
        value = self._converters.of_values.struct(self.topic, transaction_value_schema())
        self._encoders = (key, value)
        return self._encoders


class OpenTransaction:
    """One source transaction being read: gives its rows their places, writes BEGIN before the first and END."""

    def __init__(
        self, topic: TransactionTopic, transaction_id: str, begin_ts_ms: int, write: Callable[[ChangeRecord], None]
    ) -> None:
        self.id = transaction_id
        self._topic = topic
        self.begin_ts_ms = begin_ts_ms
        """When it began on the source, ms since the epoch."""
        self._write = write
        self._total = 0
        self._by_table: dict[TableId, int] = {}
        self.begun = False
        """BEGIN is written."""

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
        if not self.begun:
            self.begun = True
            self._write(self._topic.begin(self.id, self.begin_ts_ms))
