"""Notifications: what Debezium 3.6.1 was recorded to write, and what its sources say of those that were not seen."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from faust_cdc.notifications.keys import shown_key
from faust_cdc.notifications.notification import (
    IncrementalNotices,
    InitialNotices,
    Notification,
    ScanStatus,
    signal_refused,
)
from faust_cdc.relational.model import TableId

T, U = TableId("gold", "pk2"), TableId("gold", "defs")
INITIAL, ONE = InitialNotices("gp"), IncrementalNotices("gp", "sig-1")
NAME = {"connector_name": "gp"}
BOTH = {"data_collections": "gold.pk2,gold.defs", **NAME}


@pytest.mark.parametrize(
    ("made", "type_", "data"),
    [
        # Recorded.
        (INITIAL.started, "STARTED", NAME),
        (INITIAL.skipped, "SKIPPED", NAME),
        (INITIAL.completed, "COMPLETED", NAME),
        (
            lambda: INITIAL.in_progress(U, [T, U]),
            "IN_PROGRESS",
            {"current_collection_in_progress": "gold.defs", **BOTH},
        ),
        (
            lambda: INITIAL.table_completed(U, 2, [T, U]),
            "TABLE_SCAN_COMPLETED",
            {"scanned_collection": "gold.defs", "total_rows_scanned": "2", "status": "SUCCEEDED", **BOTH},
        ),
        # From the sources.
        (INITIAL.aborted, "ABORTED", NAME),
        (
            lambda: INITIAL.table_failed(T),
            "TABLE_SCAN_COMPLETED",
            {"scanned_collection": "gold.pk2", "status": "SQL_EXCEPTION", **NAME},
        ),
        (
            lambda: INITIAL.chunk_in_progress(T, 1, 4, 99),
            "TABLE_CHUNK_IN_PROGRESS",
            {
                "current_collection_in_progress": "gold.pk2",
                "chunk_index": "1",
                "total_chunks": "4",
                "total_rows_scanned": "99",
                **NAME,
            },
        ),
        (
            lambda: INITIAL.chunk_completed(T, 1, 4, [T, U]),
            "TABLE_CHUNK_COMPLETED",
            {"scanned_collection": "gold.pk2", "chunk_index": "1", "total_chunks": "4", "status": "SUCCEEDED", **BOTH},
        ),
    ],
)
def test_of_initial_snapshots(made: Callable[[], Notification], type_: str, data: dict[str, str]) -> None:
    notification = made()
    assert (notification.aggregate_type, notification.type) == ("Initial Snapshot", type_)
    assert notification.additional_data == data
    uuid.UUID(notification.id)
    assert made().id != notification.id


@pytest.mark.parametrize(
    ("made", "type_", "data"),
    [
        # Recorded.
        (lambda: ONE.started([T, U]), "STARTED", BOTH),
        (
            lambda: ONE.in_progress(T, [T, U], ("x", "101"), shown_key(("_utf8mb4 0x78", "101"))),
            "IN_PROGRESS",
            {
                "current_collection_in_progress": "gold.pk2",
                "maximum_key": "x,101",
                "last_processed_key": "x,101",
                **BOTH,
            },
        ),
        (
            lambda: ONE.table_completed(T, 2, [T, U]),
            "TABLE_SCAN_COMPLETED",
            {"scanned_collection": "gold.pk2", "total_rows_scanned": "2", "status": "SUCCEEDED", **BOTH},
        ),
        (ONE.completed, "COMPLETED", NAME),
        # From the sources.
        (lambda: ONE.paused([T, U]), "PAUSED", BOTH),
        (lambda: ONE.resumed([T, U]), "RESUMED", BOTH),
        (ONE.aborted, "ABORTED", NAME),
        (lambda: ONE.aborted(["gold.pk2", "gold.defs"]), "ABORTED", BOTH),
        (
            lambda: ONE.table_completed(T, 0, [T, U], ScanStatus.NO_PRIMARY_KEY),
            "TABLE_SCAN_COMPLETED",
            {"scanned_collection": "gold.pk2", "total_rows_scanned": "0", "status": "NO_PRIMARY_KEY", **BOTH},
        ),
    ],
)
def test_of_incremental_snapshots(made: Callable[[], Notification], type_: str, data: dict[str, str]) -> None:
    notification = made()
    assert (notification.id, notification.aggregate_type, notification.type) == ("sig-1", "Incremental Snapshot", type_)
    assert notification.additional_data == data


def test_its_forms() -> None:
    one = Notification("i", "Initial Snapshot", "STARTED", {"connector_name": "gp"}, 1795230262624)
    expected: dict[str, Any] = {
        "id": "i",
        "type": "STARTED",
        "aggregate_type": "Initial Snapshot",
        "additional_data": {"connector_name": "gp"},
        "timestamp": 1795230262624,
    }
    assert one.as_record() == expected
    assert str(one) == (
        "{id='i', aggregateType='Initial Snapshot', type='STARTED', additionalData={connector_name=gp}, "
        "timestamp=1795230262624}"
    )
    refused = signal_refused("gp", "s", "dance", "no such type")
    assert (refused.aggregate_type, refused.type) == ("Signal", "REFUSED")
    assert refused.additional_data == {"signal_type": "dance", "reason": "no such type", "connector_name": "gp"}


@pytest.mark.parametrize(
    ("literal", "shown"),
    [
        ("42", "42"),
        ("-1.50", "-1.50"),
        ("NULL", "<null>"),
        ("'2024-01-01'", "2024-01-01"),
        ("'it''s'", "it's"),
        ("_latin1 0x61e9 COLLATE latin1_swedish_ci", "aé"),
        ("_utf8mb4 0xF09F9880", "😀"),
        ("_binary 0x00FF", "00ff"),
        ("0x00ff", "00ff"),
        ("x'61'", "61"),
        ("_utf8mb4 0xff", "ff"),
    ],
)
def test_a_key_as_it_is_shown(literal: str, shown: str) -> None:
    assert shown_key((literal, "1")) == (shown, "1")
    assert shown_key(None) == ("<null>",)
