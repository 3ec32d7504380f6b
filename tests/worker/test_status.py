"""Which status records are ours, and which describe nothing any more."""

import pytest

from faust_cdc.worker.status import Status, connector_of, stale_keys


@pytest.mark.parametrize(
    ("key", "connector"),
    [
        ("status-connector-a", "a"),
        ("status-connector-a-0", "a-0"),
        ("status-task-a-0", "a"),
        ("status-task-a-b-12", "a-b"),
        ("status-task-a", None),
        ("status-topic-t:connector-a", None),
        ("something", None),
    ],
)
def test_connector_of_a_status_key(key: str, connector: str | None) -> None:
    assert connector_of(key) == connector


def test_stale_keys_are_those_of_our_connectors_that_nothing_wants() -> None:
    present = [
        "status-connector-a",
        "status-task-a-0",
        "status-task-a-1",
        "status-task-b-0",
        "status-topic-t:connector-a",
    ]
    wanted = {"status-connector-a": Status("RUNNING"), "status-task-a-0": Status("RUNNING")}
    assert stale_keys(present, wanted, frozenset({"a"})) == ["status-task-a-1"]
