"""The words of snapshots by their kind, in the order that was recorded of Debezium 3.6.1."""

from __future__ import annotations

import pytest

from faust_cdc.notifications.notification import Notification, ScanStatus
from faust_cdc.notifications.notifier import Notifier
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.progress import SnapshotKind
from faust_cdc.snapshot.told import MergedTold

A, B = TableId("gold", "pk2"), TableId("gold", "defs")
NAME = {"connector_name": "gp"}


def run(kind: SnapshotKind) -> list[Notification]:
    """Tell of a snapshot of two tables, the first of one chunk, the second of two."""
    found: list[Notification] = []
    told = MergedTold(Notifier([found.append]), "gp", kind, "sig-1")
    told.started([A, B])
    told.table_begins(A, [A, B])
    told.chunk_written(A, [A, B], ("_utf8mb4 0x78", "101"), ("_utf8mb4 0x78", "101"))
    told.table_ends(A, 2, [A, B])
    told.table_begins(B, [A, B])
    told.chunk_written(B, [B], ("2",), ("102",))
    told.chunk_written(B, [B], ("102",), ("102",))
    told.table_ends(B, 4, [B] if kind is SnapshotKind.INCREMENTAL else [A, B])
    told.completed()
    return found


def test_an_incremental_one_as_recorded() -> None:
    found = run(SnapshotKind.INCREMENTAL)
    assert {(one.id, one.aggregate_type) for one in found} == {("sig-1", "Incremental Snapshot")}
    both, second = {"data_collections": "gold.pk2,gold.defs", **NAME}, {"data_collections": "gold.defs", **NAME}
    chunk = {"current_collection_in_progress": "gold.defs", "maximum_key": "102", **second}
    assert [(one.type, one.additional_data) for one in found] == [
        ("STARTED", both),
        (
            "IN_PROGRESS",
            {
                "current_collection_in_progress": "gold.pk2",
                "maximum_key": "x,101",
                "last_processed_key": "x,101",
                **both,
            },
        ),
        (
            "TABLE_SCAN_COMPLETED",
            {"scanned_collection": "gold.pk2", "total_rows_scanned": "2", "status": "SUCCEEDED", **both},
        ),
        ("IN_PROGRESS", {"last_processed_key": "2", **chunk}),
        ("IN_PROGRESS", {"last_processed_key": "102", **chunk}),
        (
            "TABLE_SCAN_COMPLETED",
            {"scanned_collection": "gold.defs", "total_rows_scanned": "4", "status": "SUCCEEDED", **second},
        ),
        ("COMPLETED", NAME),
    ]


@pytest.mark.parametrize("kind", [SnapshotKind.INITIAL, SnapshotKind.BLOCKING])
def test_the_others_by_the_table(kind: SnapshotKind) -> None:
    found = run(kind)
    assert {one.aggregate_type for one in found} == {"Initial Snapshot"}
    assert [one.type for one in found] == [
        "STARTED",
        "IN_PROGRESS",
        "TABLE_SCAN_COMPLETED",
        "IN_PROGRESS",
        "TABLE_SCAN_COMPLETED",
        "COMPLETED",
    ]


@pytest.mark.parametrize("kind", list(SnapshotKind))
def test_what_else_may_become_of_it(kind: SnapshotKind) -> None:
    found: list[Notification] = []
    told = MergedTold(Notifier([found.append]), "gp", kind, "sig-1")
    told.paused([A])
    told.resumed([A])
    told.table_ends(A, 0, [A, B], is_empty=True)
    told.table_passed_over(B, [B], ScanStatus.NO_PRIMARY_KEY)
    told.aborted([B])
    told.aborted()
    is_incremental = kind is SnapshotKind.INCREMENTAL
    assert [one.type for one in found] == ["PAUSED", "RESUMED", *["TABLE_SCAN_COMPLETED"] * 2, *["ABORTED"] * 2]
    statuses = [one.additional_data.get("status") for one in found[2:4]]
    assert statuses == (["EMPTY", "NO_PRIMARY_KEY"] if is_incremental else ["SUCCEEDED", "SQL_EXCEPTION"])
