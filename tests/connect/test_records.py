"""The internal records, against bytes that a real Connect 4.3.1 wrote."""

from __future__ import annotations

import json

import pytest

from faust_cdc.connect import records
from faust_cdc.connect.records import StatusRecord, decode_config, decode_status
from faust_cdc.connect.states import TargetState

RECORDED = [
    (b"session-key", b'{"key":"oSQ3BSeq8ADD","algorithm":"HmacSHA256","creation-timestamp":1795228621276}'),
    (b"logger-cluster-org.foo", b'{"level":"WARN"}'),
    (b"connector-fs-1", b'{"properties":{"connector.class":"FileStreamSource","tasks.max":"1","name":"fs-1"}}'),
    (b"task-fs-1-0", b'{"properties":{"connector.class":"FileStreamSource","task.class":"T","name":"fs-1"}}'),
    (b"commit-fs-1", b'{"tasks":1}'),
    (b"target-state-a/b c%d", b'{"state":"PAUSED","state.v2":"STOPPED"}'),
    (b"connector-a/b c%d", b'{"properties":{"topic":null,"name":"a/b c%d"}}'),
    (b"tasks-fencing-fs-1", b'{"task-count":1}'),
    (b"restart-connector-fs-1", b'{"include-tasks":true,"only-failed":false}'),
    (b"target-state-gone", b'{"state":"PAUSED","state.v2":"PAUSED"}'),
]


def test_recorded_config_topic() -> None:
    entries = decode_config(RECORDED)
    assert sorted(entries) == ["a/b c%d", "fs-1"]
    assert entries["fs-1"].target_state is TargetState.STARTED
    assert (entries["fs-1"].task_count, list(entries["fs-1"].task_configs)) == (1, [0])
    assert entries["a/b c%d"].target_state is TargetState.STOPPED
    assert entries["a/b c%d"].config == {"topic": None, "name": "a/b c%d"}


@pytest.mark.parametrize(
    ("state", "recorded"),
    [
        (TargetState.STARTED, b'{"state":"STARTED","state.v2":"STARTED"}'),
        (TargetState.PAUSED, b'{"state":"PAUSED","state.v2":"PAUSED"}'),
        (TargetState.STOPPED, b'{"state":"PAUSED","state.v2":"STOPPED"}'),
    ],
)
def test_target_states_are_written_as_recorded(state: TargetState, recorded: bytes) -> None:
    assert records.encode_target_state(state) == recorded
    entries = decode_config([(b"connector-x", b'{"properties":{}}'), (b"target-state-x", recorded)])
    assert entries["x"].target_state is state


def test_target_state_of_connect_before_stopped_existed() -> None:
    entries = decode_config([(b"connector-x", b'{"properties":{}}'), (b"target-state-x", b'{"state":"PAUSED"}')])
    assert entries["x"].target_state is TargetState.PAUSED


def test_values_are_written_as_recorded() -> None:
    config = {"connector.class": "FileStreamSource", "tasks.max": "1", "name": "fs-1"}
    assert records.encode_properties(config) == RECORDED[2][1]
    assert records.encode_commit(1) == b'{"tasks":1}'
    assert records.encode_restart(include_tasks=True, only_failed=False) == RECORDED[8][1]
    recorded = b'{"state":"RUNNING","trace":null,"worker_id":"127.0.0.1:38083","generation":2,"version":"4.3.1"}'
    status = StatusRecord("RUNNING", "127.0.0.1:38083", 2, None, "4.3.1")
    assert status.encode() == recorded
    assert decode_status(b"status-connector-fs-1", recorded) == status


def test_status_of_connect_without_version() -> None:
    old = b'{"state":"FAILED","trace":"x","worker_id":"h:1","generation":3}'
    assert decode_status(b"k", old) == StatusRecord("FAILED", "h:1", 3, "x", None)


@pytest.mark.parametrize("name", ["shop", "shop-1", "a-0", "a/b c%d", "größe-π", "-"])
def test_task_keys_survive_any_name(name: str) -> None:
    key = records.task_key(name, 12)
    assert records.split_task(key[len(records.TASK) :]) == (name, 12)
    statuses = {records.status_task_key(name, 3).encode(): StatusRecord("RUNNING", "w").encode()}
    assert list(records.task_statuses(statuses.items(), name)) == [3]
    assert records.task_statuses(statuses.items(), name + "-3") == {}


@pytest.mark.parametrize(
    "broken",
    [(b"connector-x", b"{"), (b"connector-x", b"[]"), (b"connector-x", b'{"properties":7}'), (b"\xff\xfe", b"{}")],
)
def test_a_broken_record_hides_no_other(broken: tuple[bytes, bytes]) -> None:
    assert sorted(decode_config([broken, *RECORDED])) == ["a/b c%d", "fs-1"]
    assert decode_status(*broken) is None


def test_offsets_of_one_connector() -> None:
    key = records.offset_key("ext/1", {"server": "größe"})
    assert key == '["ext/1",{"server":"größe"}]'.encode()
    items = [
        (key, b'{"file":"binlog.000001","pos":154}'),
        (b'["other",{"server":"p"}]', b'{"pos":1}'),
        (b"not json", b"{}"),
        (b'{"a":1}', b"{}"),
    ]
    assert records.connector_offsets(items, "ext/1") == [
        {"partition": {"server": "größe"}, "offset": {"file": "binlog.000001", "pos": 154}}
    ]
    assert json.loads(records.to_json({"a": "/"})) == {"a": "/"}
