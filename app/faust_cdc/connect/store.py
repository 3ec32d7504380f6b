"""Where the herder writes: the config, status and offset topics and the command bus, as protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

Record: TypeAlias = "tuple[str, bytes | None]"
"""Key and value of one record of an internal topic; None deletes the key."""

Command: TypeAlias = Mapping[str, Any]
"""A command to the worker that runs a connector; JSON values only. See the functions below."""


class ConfigLog(Protocol):
    """Appends to `config.storage.topic`."""

    async def append(self, records: Sequence[Record]) -> None:
        """Write the records in order and return when this worker's `ConfigView` shows the last of them.

        Raises `BrokerUnavailable` when Kafka does not take them in time, `BrokerRefused` when it refuses.
        """


class OffsetLog(Protocol):
    """Removes records of `offset.storage.topic`, and what hangs on them."""

    async def erase(self, connector: str, keys: Mapping[bytes, str]) -> None:
        """Write a tombstone for each offset `keys` (each with its logical server) and for the snapshots' progress.

        In one Kafka transaction, after the connector's task was fenced; returns when this worker's views show it.
        Raises `BrokerUnavailable` when Kafka does not take it in time, `BrokerRefused` when it refuses.
        """


class StatusLog(Protocol):
    """Appends to `status.storage.topic`."""

    def append(self, records: Sequence[Record]) -> None:
        """Hand the records to the producer and return at once; a lost status is written again by its owner."""


class CommandBus(Protocol):
    """Brings a command to the worker that owns a connector's lease."""

    async def send(self, connector: str, command: Command) -> None:
        """Write the command to the lease partition of `connector` and return when Kafka has it.

        Raises `BrokerUnavailable` when Kafka does not take it in time.
        """


def restart_command(*, include_tasks: bool, only_failed: bool) -> Command:
    """`POST …/restart`: `{"type": "restart", "include_tasks": bool, "only_failed": bool}`."""
    return {"type": "restart", "include_tasks": include_tasks, "only_failed": only_failed}


def signal_command(signal: Mapping[str, str | None]) -> Command:
    """`POST …/signals`: `{"type": "signal", "signal": {"id": …, "type": …, "data": …}}`."""
    return {"type": "signal", "signal": dict(signal)}


def restart_task_command(task_id: int) -> Command:
    """`POST …/tasks/{n}/restart`: `{"type": "restart_task", "task": n}`."""
    return {"type": "restart_task", "task": task_id}
