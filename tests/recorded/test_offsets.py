"""Every offset that Debezium recorded: read by us and written again, it is the same map; ours read as theirs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from faust_cdc.errors import FatalError
from faust_cdc.offsets import SourceOffset, SourcePartition
from faust_cdc.offsets.incremental import IncrementalMembers
from faust_cdc.snapshot.taken_over import bound_of, members_of, progress_of
from tests.recorded import runs

OFFSETS = 774
USED = ("file", "pos", "gtids", "ts_sec", "server_id", "event", "row", "snapshot")


def records() -> list[Any]:
    """All recorded records that carry an offset."""
    return [line for line in runs.lines("offsets") if line.get("offset")]


def test_every_recorded_offset_is_read_and_written_alike() -> None:
    forms: Counter[tuple[str, ...]] = Counter()
    for line in records():
        theirs = line["offset"]
        offset = SourceOffset.from_json(json.dumps(theirs).encode(), "recorded")
        assert offset.to_map() == theirs
        assert json.loads(offset.to_json()) == theirs
        assert SourceOffset.from_json(offset.to_json(), "ours") == offset
        for name in USED:
            assert getattr(offset, name) == theirs.get(
                name, 0 if name in ("ts_sec", "server_id", "event", "row") else None
            )
        forms[tuple(sorted(name.partition("order_")[0] for name in theirs))] += 1
    print(f"\nrecorded offsets: {forms.total()} equal in both directions, 0 failing, {len(forms)} forms")
    assert forms.total() == OFFSETS


def test_a_snapshot_in_progress_is_known_by_its_marker() -> None:
    markers = Counter(
        SourceOffset.from_json(json.dumps(line["offset"]).encode(), "recorded").snapshot for line in records()
    )
    assert markers == Counter({None: 407, "INITIAL": 361, "INCREMENTAL": 6})


def test_every_recorded_incremental_snapshot_is_gone_on_with_and_told_alike() -> None:
    taken = 0
    for line in records():
        offset = SourceOffset.from_json(json.dumps(line["offset"]).encode(), "recorded")
        members = IncrementalMembers.parse(offset.extra, "recorded")
        if members is None:
            continue
        snapshot, tables = progress_of(members, "recorded", 5)
        last = None if members.maximum_key is None else bound_of(members.maximum_key)
        assert (last is None) == (members.maximum_key is None)
        states = {one.table: one for one in (replace(tables[0], last_key=last), *tables[1:])}
        theirs = {name: text for name, text in offset.extra.items() if name.startswith("incremental_")}
        assert members_of(snapshot, states) == theirs
        taken += 1
    assert taken > 0
    print(f"\nrecorded incremental snapshots under way: {taken}, all told alike")


def test_the_recorded_partition_gives_connects_key() -> None:
    partitions = {json.dumps(line["partition"]) for line in records()}
    assert partitions == {'{"server": "gp"}'}
    assert SourcePartition("gold-connector", "gp").key() == b'["gold-connector",{"server":"gp"}]'


@pytest.mark.parametrize(
    ("stored", "snapshot", "extra"),
    [
        (
            '{"ts_sec":1,"file":"f.1","pos":4,"snapshot":true,"transaction_id":null}',
            "INITIAL",
            {"transaction_id": None},
        ),
        ('{"file":"f.1","pos":4,"snapshot":"BLOCKING"}', "BLOCKING", {}),
        ('{"file":"f.1","pos":4,"snapshot_completed":true}', None, {"snapshot_completed": True}),
        ('{"file":"f.1","pos":4,"gtids":"0-1-270","server_id":1}', None, {}),
    ],
)
def test_forms_of_older_versions_and_of_mariadb(stored: str, snapshot: str | None, extra: dict[str, Any]) -> None:
    """What 2.x wrote, what a blocking snapshot writes, and MariaDB's GTIDs."""
    offset = SourceOffset.from_json(stored.encode(), "c")
    assert (offset.file, offset.pos, offset.snapshot, offset.extra) == ("f.1", 4, snapshot, extra)
    assert offset.to_map() == json.loads(stored) | ({"snapshot": snapshot} if snapshot else {})


def test_the_one_empty_offset_is_refused_by_name() -> None:
    """A notification that was sent before there was any position: nothing to start from."""
    empty = [line for line in runs.lines("offsets") if line.get("offset") == {}]
    assert [line["topic"] for line in empty] == ["gp-notif"]
    with pytest.raises(FatalError, match="the offset needs the member 'file' as text"):
        SourceOffset.from_json(b"{}", "c")
