"""What goes to Kafka for one row change."""

from __future__ import annotations

from typing import NamedTuple

from faust_cdc.kafka.task_producer import Headers
from faust_cdc.relational.model import TableId


class ChangeRecord(NamedTuple):
    """One Kafka record: bytes with the registry's wire prefix; `value` None is a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None
    """None: by the key, as Kafka's own partitioner."""
    table: TableId | None = None
    """Of whose row it is; None: of none."""
    timestamp_ms: int | None = None
    """None: when it is produced."""

    @property
    def size_bytes(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")
