"""The `source` block of a change event: where and when the change happened.

Source of the fields: Debezium 3.6.1 `io.debezium.connector.mysql.Source`, version 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from faust_cdc_schemas.names import DEBEZIUM_VERSION


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """The seventeen fields of `source`, in the order of the schema.

    The times are those of the commit on the source (of the read, for snapshot rows), as ms, µs and ns since the epoch.
    """

    version: str
    connector: str
    """"mysql" or "mariadb"."""
    name: str
    """`topic.prefix`."""
    ts_ms: int
    snapshot: str
    """One of `faust_cdc_schemas.envelope.SNAPSHOT_VALUES`; "false" for streamed rows."""
    db: str
    sequence: str | None
    """Always None for MySQL."""
    ts_us: int | None
    ts_ns: int | None
    table: str | None
    server_id: int
    """0 during a snapshot."""
    gtid: str | None
    file: str
    pos: int
    """Start of the rows event, bytes from the start of the file."""
    row: int
    """Index of the row within its event."""
    thread: int | None
    query: str | None

    @classmethod
    def for_server(cls, *, connector: str, name: str) -> SourceInfo:
        """Return the block with only the parts that never change for one source filled in."""
        return cls(DEBEZIUM_VERSION, connector, name, 0, "false", "", None, 0, 0, None, 0, None, "", 0, 0, None, None)

    def at(
        self,
        *,
        ts_us: int,
        server_id: int,
        gtid: str | None,
        file: str,
        pos: int,
        thread: int | None,
        row: int = 0,
        snapshot: str = "false",
        db: str = "",
        table: str | None = None,
        query: str | None = None,
    ) -> SourceInfo:
        """Return the block at a place and time; `ts_us` is µs since the epoch, the other times follow from it."""
        return SourceInfo(
            self.version,
            self.connector,
            self.name,
            ts_us // 1000,
            snapshot,
            db,
            None,
            ts_us,
            ts_us * 1000,
            table,
            server_id,
            gtid,
            file,
            pos,
            row,
            thread,
            query,
        )

    def as_record(self) -> dict[str, Any]:
        """Return the block as an Avro record."""
        return {
            "version": self.version,
            "connector": self.connector,
            "name": self.name,
            "ts_ms": self.ts_ms,
            "snapshot": self.snapshot,
            "db": self.db,
            "sequence": self.sequence,
            "ts_us": self.ts_us,
            "ts_ns": self.ts_ns,
            "table": self.table,
            "server_id": self.server_id,
            "gtid": self.gtid,
            "file": self.file,
            "pos": self.pos,
            "row": self.row,
            "thread": self.thread,
            "query": self.query,
        }
