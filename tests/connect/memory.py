"""The herder's protocols over memory: views are dictionaries, logs write into them, the bus keeps what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from faust_cdc.config.versions import DEBEZIUM_VERSION
from faust_cdc.config.worker import WorkerConfig
from faust_cdc.connect import records
from faust_cdc.connect.desired import desired_tasks
from faust_cdc.connect.herder import Herder
from faust_cdc.connect.records import StatusRecord, decode_config
from faust_cdc.connect.states import SHOWN
from faust_cdc.connect.store import Command, Record
from faust_cdc.connect.validation import SourceCheck
from faust_cdc.snapshot.book import SnapshotBook

WORKER_ID = "127.0.0.1:8083"

MYSQL_CONFIG: dict[str, str | None] = {
    "connector.class": "io.debezium.connector.mysql.MySqlConnector",
    "database.hostname": "db.example",
    "database.user": "cdc",
    "database.password": "s3cret",
    "database.server.id": "5401",
    "topic.prefix": "shop",
    "tasks.max": "1",
}
"""A legal configuration without its name."""


class MemoryView:
    """A compacted topic in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.ready = True

    def get(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def items(self) -> Iterable[tuple[bytes, bytes]]:
        return list(self.values.items())

    def put(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value


class MemoryConfigLog:
    """Appends are shown by the view at once; every record is kept in order."""

    def __init__(self, view: MemoryView) -> None:
        self._view = view
        self.written: list[Record] = []

    async def append(self, records: Sequence[Record]) -> None:
        for key, value in records:
            self.written.append((key, value))
            self._view.put(key.encode(), value)


class MemoryOffsetLog:
    """Erases what the views show; keeps of which connector which keys with which server were erased."""

    def __init__(self, *views: MemoryView) -> None:
        self._views = views
        self.erased: list[tuple[str, dict[bytes, str]]] = []

    async def erase(self, connector: str, keys: Mapping[bytes, str]) -> None:
        self.erased.append((connector, dict(keys)))
        for view in self._views:
            for key in keys:
                view.put(key, None)


class MemoryBus:
    """Keeps the commands."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Command]] = []

    async def send(self, connector: str, command: Command) -> None:
        self.sent.append((connector, command))


class Cluster:
    """A herder over memory, and what stands in for the workers: `settle` reports what they would report."""

    def __init__(self, source_check: SourceCheck | None = None, **worker: Any) -> None:
        self.configs, self.statuses, self.offsets = MemoryView(), MemoryView(), MemoryView()
        self.log, self.bus, self.offset_log = MemoryConfigLog(self.configs), MemoryBus(), MemoryOffsetLog(self.offsets)
        self.book = SnapshotBook()
        self.worker = WorkerConfig(bootstrap_servers="broker.example:9092", **worker)
        self.herder = Herder(
            self.configs,
            self.statuses,
            self.offsets,
            self.book,
            self.log,
            self.offset_log,
            self.bus,
            self.worker,
            source_check,
        )

    def set_ready(self, ready: bool) -> None:
        """Let all views be read, or not yet."""
        for view in (self.configs, self.statuses, self.offsets):
            view.ready = ready

    def report(self, key: str, state: str, trace: str | None = None) -> None:
        """Write one status."""
        status = StatusRecord(state, WORKER_ID, generation=1, trace=trace, version=DEBEZIUM_VERSION)
        self.statuses.put(key.encode(), status.encode())

    def settle(self) -> None:
        """Write the statuses of healthy workers that did all that the config topic asks for."""
        self.statuses.values.clear()
        for name, entry in decode_config(self.configs.items()).items():
            self.report(records.status_connector_key(name), SHOWN[entry.target_state].value)
        for task in desired_tasks(self.configs).values():
            key = records.status_task_key(task.connector, task.task_id)
            self.report(key, SHOWN[task.target_state].value)
