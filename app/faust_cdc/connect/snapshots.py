"""`GET /connectors/{c}/snapshot`: our own resource, for Connect and Debezium have none.

    {"connector": "shop", "server": "shop", "task": "RUNNING",
     "snapshot": {"id", "kind", "state", "started_ms", "updated_ms", "duration_s", "tables", "tables_done",
                  "rows", "estimated_rows", "percent", "rows_per_s", "eta_s",
                  "waiting": [{"id", "kind", "data_collections", "conditions"?, "surrogate_key"?, "but_not"?}]},
     "tables": [{"database", "table", "state", "rows", "estimated_rows", "percent", "rows_per_s", "eta_s",
                 "started_ms", "updated_ms", "reason"?, "condition"?, "surrogate_key"?}]}

`snapshot` is null, and `tables` empty, when none is known. `task` is the state of the connector's task, null without
one: a snapshot whose record says "running" gets on only while it is RUNNING. What is not known is null.
`waiting` are the signalled snapshots that begin behind it, in order.
"""

from __future__ import annotations

from typing import Any

from faust_cdc.offsets import SourcePartition
from faust_cdc.snapshot.book import SnapshotBook


def snapshot_entity(book: SnapshotBook, partition: SourcePartition, task: str | None, now_ms: int) -> dict[str, Any]:
    """Return the resource."""
    report = book.report(partition, now_ms)
    return {
        "connector": partition.connector,
        "server": partition.server,
        "task": task,
        "snapshot": None if report is None else report.to_json(),
        "tables": [] if report is None else [each.to_json() for each in report.tables],
    }
