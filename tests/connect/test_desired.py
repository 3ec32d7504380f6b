from __future__ import annotations

import pytest

from faust_cdc.connect import records
from faust_cdc.connect.desired import TaskDesired, desired_tasks, task_config
from faust_cdc.connect.states import TargetState
from tests.connect.memory import MYSQL_CONFIG, MemoryView


def view(*, state: TargetState | None = None, commit: int | None = None) -> MemoryView:
    found = MemoryView()
    found.put(b"connector-shop", records.encode_properties(MYSQL_CONFIG))
    if state is not None:
        found.put(b"target-state-shop", records.encode_target_state(state))
    if commit is not None:
        found.put(b"commit-shop", records.encode_commit(commit))
    return found


@pytest.mark.parametrize(
    ("state", "commit", "tasks"),
    [
        (None, None, 1),
        (TargetState.STARTED, None, 1),
        (TargetState.STARTED, 0, 1),
        (TargetState.STARTED, 1, 1),
        (TargetState.PAUSED, None, 0),
        (TargetState.PAUSED, 0, 0),
        (TargetState.PAUSED, 1, 1),
        (TargetState.STOPPED, None, 0),
        (TargetState.STOPPED, 0, 0),
        (TargetState.STOPPED, 1, 0),
    ],
)
def test_how_many_tasks(state: TargetState | None, commit: int | None, tasks: int) -> None:
    desired = desired_tasks(view(state=state, commit=commit))
    assert len(desired) == tasks
    if tasks:
        assert desired == {"shop-0": TaskDesired("shop", 0, MYSQL_CONFIG, state or TargetState.STARTED)}


def test_a_stale_task_record_is_not_what_runs() -> None:
    found = view(commit=1)
    found.put(b"task-shop-0", records.encode_properties({**MYSQL_CONFIG, "topic.prefix": "old"}))
    assert desired_tasks(found)["shop-0"].config["topic.prefix"] == "shop"


def test_a_deleted_connector_has_no_task_whatever_stays_behind() -> None:
    found = view(commit=1)
    found.put(b"connector-shop", None)
    assert desired_tasks(found) == {}


def test_target_states_compare_with_their_names() -> None:
    assert desired_tasks(view())["shop-0"].target_state == "STARTED"


def test_task_configuration_names_the_task_class() -> None:
    assert task_config({"connector.class": "MySql"})["task.class"] == "io.debezium.connector.mysql.MySqlConnectorTask"
    maria = task_config({"connector.class": "io.debezium.connector.mariadb.MariaDbConnector"})
    assert maria["task.class"] == "io.debezium.connector.mariadb.MariaDbConnectorTask"
