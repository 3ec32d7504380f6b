"""A record on its way through transforms: what `org.apache.kafka.connect.source.SourceRecord` is in Connect.

A struct is a dict of all its fields by name, in the order of its schema; what a schema says stands beside the value, in
`faust_cdc_schemas.connect_schema.ConnectSchema`. Values are Avro-ready: bytes of a Decimal, days of a Date, ms of a
Timestamp. Records and values are never changed in place: transforms return new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from faust_cdc_schemas.connect_schema import ConnectSchema


class TransformError(Exception):
    """A transform cannot take a record, or its options; the message is Connect's or Debezium's where they have one."""


class Header(NamedTuple):
    """A header; `raw` is its text as it came, where nobody has looked at its value."""

    name: str
    schema: ConnectSchema | None
    value: Any
    raw: bytes | None = None


class Record(NamedTuple):
    """One record."""

    topic: str
    key_schema: ConnectSchema | None
    key: Any
    value_schema: ConnectSchema | None
    value: Any
    headers: tuple[Header, ...] = ()
    partition: int | None = None
    """None: by the key."""
    timestamp_ms: int | None = None
    """None, as Debezium leaves it: the producer's clock."""

    def with_key(self, schema: ConnectSchema | None, key: Any) -> Record:
        """Return the record with another key."""
        return self._replace(key_schema=schema, key=key)

    def with_value(self, schema: ConnectSchema | None, value: Any) -> Record:
        """Return the record with another value."""
        return self._replace(value_schema=schema, value=value)


Apply: TypeAlias = Callable[[Record], Record | None]
"""What a transform does: a record → a record, or None to drop it. Raises TransformError."""
