"""`heartbeat.interval.ms`: a record on the heartbeat topic and, if wanted, a statement on the source.

Both let a position advance that would stand still while nothing captured changes. Source: Debezium 3.6.1
`io.debezium.heartbeat` (`HeartbeatImpl`, `DatabaseHeartbeatImpl`). A heartbeat is written between source transactions,
with the offset that covers all before it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Any

from faust_cdc.errors import CdcError, FatalError, SchemaOutOfSync, TransientError
from faust_cdc.mysql.connection import SourceAddress, close_quietly, connect, query
from faust_cdc.pipeline.captured import EnsureTopic
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.transcode.encoding import EncodeStruct
from faust_cdc_schemas.metadata import heartbeat_key_schema, heartbeat_value_schema

log = logging.getLogger(__name__)

ACTION_TIMEOUT_MS = 10_000
"""The task waits for the statement: longer than this is a fault of the statement or of the server."""


class Heartbeat:
    """Says when a heartbeat is due and makes it. The first is due at once; topic and schemas are made with it."""

    def __init__(
        self, topic: str, server_name: str, interval_ms: int, converters: Converters, ensure_topic: EnsureTopic
    ) -> None:
        self._topic = topic
        self._server_name = server_name
        self._interval_s = interval_ms / 1000
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._due_at = time.monotonic()
        self._key = b""
        self._value: EncodeStruct | None = None

    @property
    def is_due(self) -> bool:
        """True when the interval has passed since the last record."""
        return self._interval_s > 0 and time.monotonic() >= self._due_at

    def record(self) -> ChangeRecord:
        """Return the record of now, for partition 0. Raises RegistryUnavailable, IncompatibleSchemaChange."""
        if self._value is None:
            self._ensure_topic(self._topic)
            key = self._converters.of_keys.struct(self._topic, heartbeat_key_schema())
            self._key = key({"serverName": self._server_name})
            self._value = self._converters.of_values.struct(self._topic, heartbeat_value_schema())
        self._due_at = time.monotonic() + self._interval_s
        return ChangeRecord(self._topic, self._key, self._value({"ts_ms": time.time_ns() // 1_000_000}), [], 0)


class HeartbeatAction:
    """`heartbeat.action.query`: runs a statement on a connection of its own, kept open."""

    def __init__(self, address: SourceAddress, statement: str) -> None:
        self._address = address
        self._statement = statement
        self._connection: Any = None

    def run(self) -> None:
        """Run the statement; a lost connection or a missing table is logged and tried again with the next heartbeat.

        Raises FatalError for a statement that the server cannot or must not run.
        """
        if not self._statement:
            return
        try:
            if self._connection is None:
                self._connection = connect(self._address, purpose="heartbeat.action.query")
            query(self._connection, self._statement, doing="running heartbeat.action.query")
        except (TransientError, SchemaOutOfSync) as error:
            log.warning("The heartbeat's statement did not run: %s", error)
            self.close()
        except CdcError as error:
            raise FatalError(
                f"heartbeat.action.query cannot be run: {error}",
                remedy="correct heartbeat.action.query, or grant the connector's user what it needs",
            ) from error

    def close(self) -> None:
        """Close the connection, if any."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                close_quietly(connection)
