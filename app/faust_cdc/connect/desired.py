"""Which tasks should exist: the one function that decides it, for the lease agent and for REST.

A connector's own record and its target state decide; task and commit records are only written, for Connect and
for people to read. So a connector that another program put into the config topic runs at once, and one whose
task records were compacted away from their commit (KAFKA-17719) keeps its task.

- STARTED: one task, with the connector's configuration.
- PAUSED: the task it had when it was paused, or none when it was created PAUSED.
- STOPPED: none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faust_cdc.config import catalogue
from faust_cdc.connect.records import ConnectorEntry, decode_config
from faust_cdc.connect.states import TargetState
from faust_cdc.connect.views import ConfigView

TASK_ID = 0
"""A binlog is one ordered stream: the only task of a connector has this number."""

_TASK_CLASSES: Mapping[str, str] = {
    "io.debezium.connector.mysql.MySqlConnector": "io.debezium.connector.mysql.MySqlConnectorTask",
    "io.debezium.connector.mariadb.MariaDbConnector": "io.debezium.connector.mariadb.MariaDbConnectorTask",
}


@dataclass(frozen=True)
class TaskDesired:
    """One task that should exist. `config` is the connector's configuration, with its secrets."""

    connector: str
    task_id: int
    config: Mapping[str, str | None]
    target_state: TargetState


def task_name(connector: str, task_id: int) -> str:
    """Connect's name of a task: `<connector>-<number>`."""
    return f"{connector}-{task_id}"


def desired_tasks(config_view: ConfigView) -> dict[str, TaskDesired]:
    """The tasks that should exist, by task name."""
    desired = [task for entry in decode_config(config_view.items()).values() for task in tasks_of(entry)]
    return {task_name(task.connector, task.task_id): task for task in desired}


def tasks_of(entry: ConnectorEntry) -> list[TaskDesired]:
    """The tasks that one connector should have."""
    if entry.config is None or entry.target_state is TargetState.STOPPED:
        return []
    if entry.target_state is TargetState.PAUSED and entry.task_count == 0:
        return []
    return [TaskDesired(entry.name, TASK_ID, entry.config, entry.target_state)]


def task_config(config: Mapping[str, str | None]) -> dict[str, str | None]:
    """The configuration of a connector's task as Connect writes it: the connector's own and the task's class."""
    full_class = catalogue.resolve_class(config.get("connector.class") or "") or ""
    return {**config, "task.class": _TASK_CLASSES.get(full_class, "")}
