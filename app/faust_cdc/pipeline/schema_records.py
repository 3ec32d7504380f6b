"""What a commit takes along of schema evolution: the lines of `table_schemas`, and a notification per new version.

The first version of a table is no news to tell; REST and the topic have it.
"""

from __future__ import annotations

from collections.abc import Callable

from faust_cdc.notifications.notification import Notification, schema_version
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.table_schemas import TableSchemas


class SchemaRecords:
    """Asked by `TransactionWriter.commit`."""

    def __init__(
        self,
        schemas: TableSchemas,
        topic: str,
        partition_number: int,
        notify: Callable[[Notification], None],
        server: str,
    ) -> None:
        """Lines go to `topic`; `server` is the `topic.prefix`."""
        self._schemas = schemas
        self._topic = topic
        self._number = partition_number
        self._notify = notify
        self._server = server

    def __call__(self) -> list[ChangeRecord]:
        """Return the lines that are due, and tell of the versions that are new. Raises what the sink channel raises."""
        lines = self._schemas.take()
        for table, one in self._schemas.take_news():
            data = {
                "version": str(one.version),
                "topic": one.topic,
                "decision": one.decision,
                "origin": one.origin,
                "position": "" if one.file is None else f"{one.file}:{one.pos}",
                "key_subject": one.key_subject or "",
                "value_subject": one.value_subject or "",
            }
            self._notify(schema_version(self._server, table, {name: text for name, text in data.items() if text}))
        return [ChangeRecord(self._topic, key, value, [], self._number) for key, value in lines]
