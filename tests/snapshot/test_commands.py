"""Snapshots that wait: which tables they have, and what is kept of them."""

from __future__ import annotations

import json

import pytest

from faust_cdc.errors import FatalError
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import AdditionalCondition, ExecuteSnapshot, SnapshotKind
from faust_cdc.snapshot.progress import SnapshotProgress

A, B, C = TableId("shop", "a"), TableId("shop", "b"), TableId("other.db", "c")
FULL = ExecuteSnapshot(
    "größe",
    (r"shop\..*", r"other\.db\.c"),
    SnapshotKind.BLOCKING,
    (AdditionalCondition("shop.a", "t < '10:00'"), AdditionalCondition("shop.b", "id > 5")),
    "n",
    ("shop.b",),
    is_new=True,
)
PLAIN = ExecuteSnapshot("2", ("shop.a",))


def test_tables_are_those_named_without_those_taken_out() -> None:
    assert FULL.tables_of([C, B, A]) == [C, A]
    assert PLAIN.tables_of([C, B, A]) == [A]
    assert ExecuteSnapshot("3", ("SHOP.A", "shop.b.+")).tables_of([A, B]) == [A], "whole names, as in Debezium"


@pytest.mark.parametrize("command", [FULL, PLAIN], ids=["full", "plain"])
def test_a_command_is_the_same_when_it_is_read_again(command: ExecuteSnapshot) -> None:
    assert ExecuteSnapshot.from_value(json.loads(json.dumps(command.to_value()))) == command


def test_what_is_empty_is_left_out() -> None:
    assert PLAIN.to_value() == {"id": "2", "kind": "incremental", "data_collections": ["shop.a"]}


def test_the_record_of_a_snapshot_says_what_waits_in_order() -> None:
    progress = SnapshotProgress("1", SnapshotKind.INITIAL, tables=(A,), waiting=(FULL, PLAIN))
    assert SnapshotProgress.from_json(progress.to_json()) == progress
    none = SnapshotProgress("1", SnapshotKind.INITIAL, tables=(A,))
    assert "waiting" not in json.loads(none.to_json()), "as in records of before"


@pytest.mark.parametrize("waiting", ["[{}]", "[5]", "5", '[{"id":"2","kind":"odd","data_collections":[]}]'])
def test_a_queue_that_cannot_be_read_stops_the_task(waiting: str) -> None:
    raw = SnapshotProgress("1", SnapshotKind.INITIAL).to_json()
    with pytest.raises(FatalError, match="progress of the snapshot cannot be read"):
        SnapshotProgress.from_json(raw[:-1] + f',"waiting":{waiting}}}'.encode())
