"""What the task manager sees of the worker: the decoded views, the membership, and commands turned into calls."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from faust_cdc.connect.desired import TaskDesired, desired_tasks
from faust_cdc.connect.records import decode_config
from faust_cdc.connect.states import TargetState
from faust_cdc.errors import ConfigError
from faust_cdc.worker.manager import TaskManager
from faust_cdc.worker.topic_view import TopicView

log = logging.getLogger(__name__)


class ClusterWorld:
    """`faust_cdc.worker.manager.World` over the worker's tables."""

    def __init__(self, connectors: TopicView, statuses: TopicView, slot_count: Callable[[], int]) -> None:
        self._connectors = connectors
        self._statuses = statuses
        self._slot_count = slot_count

    @property
    def ready(self) -> bool:
        """Whether the tables are read."""
        return self._connectors.ready and self._statuses.ready

    @property
    def slot_count(self) -> int:
        """Partitions of the leases topic."""
        return self._slot_count()

    def desired(self) -> dict[str, TaskDesired]:
        """Tasks that should exist, by task name."""
        return desired_tasks(self._connectors)

    def connectors(self) -> dict[str, TargetState]:
        """Configured connectors and what they are asked to be."""
        return {name: entry.target_state for name, entry in decode_config(self._connectors.items()).items()}

    def status_keys(self) -> list[str]:
        """Keys in the status topic."""
        return [key.decode("utf-8", "replace") for key, _ in self._statuses.items()]


def execute(manager: TaskManager, record: bytes | None) -> None:
    """Carry out a command record (`faust_cdc.connect.store.restart_command` and its siblings).

    Raises ConfigError for a record that is no command. A command of a type that only a newer worker knows is logged;
    orders for snapshots and other signals are the snapshot agent's (`faust_cdc.worker.orders`).
    """
    try:
        command: Any = json.loads(record or b"null")
    except ValueError as error:
        raise ConfigError(f"Record on the leases topic is not JSON: {error}.") from error
    if not isinstance(command, dict) or not isinstance(command.get("connector"), str):
        raise ConfigError(f"Record on the leases topic names no connector: {str(command)[:200]}.")
    connector, kind = command["connector"], command.get("type")
    if kind == "signal":
        return
    log.info("Command for connector %r: %s", connector, kind)
    only_failed = command.get("only_failed") is True
    if kind == "restart":
        manager.restart(connector, None if command.get("include_tasks") else (), only_failed=only_failed)
    elif kind == "restart_task":
        manager.restart(connector, (command.get("task"),), only_failed=False)
    else:
        log.warning("Unknown command %r for connector %r; a newer worker may have written it.", kind, connector)
