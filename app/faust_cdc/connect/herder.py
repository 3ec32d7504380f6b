"""The herder: what Connect's REST API means, without HTTP and without Kafka.

It reads the internal topics through views and writes them through logs, so that any worker can answer any
request; there is no leader. Writes of one herder go one after the other, and each returns only when this
worker's own view shows it: a client reads what it wrote. Two workers that change the same connector at the
same moment: the later record wins, whole, as with two clients of one worker.

Order of records, as Connect writes them: create with an initial state: target state, then connector; stop: a
commit of no tasks, then the target state; delete: null for connector and target state (task and commit records
stay behind and mean nothing without them).

Secrets never leave through REST: answers show `MASK` for every option of type PASSWORD and every key that
`custom.sanitize.pattern` matches. Tools that read a configuration, change one option and write all of it back
keep working, because `MASK` in a PUT or PATCH means "keep the stored value". Connect shows secrets in clear.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from faust_cdc.config import catalogue
from faust_cdc.config.connector import MySqlConnectorConfig, class_problem, invalid_text, parse_connector_config
from faust_cdc.config.secret import keep_masked, mask_secrets
from faust_cdc.config.validation import ConfigValueInfo, groups_of, validate
from faust_cdc.config.versions import COMMIT, CONNECT_VERSION, DEBEZIUM_VERSION
from faust_cdc.config.worker import WorkerConfig
from faust_cdc.connect import plugins, records
from faust_cdc.connect.desired import TASK_ID, task_config, task_name, tasks_of
from faust_cdc.connect.entities import ConnectError, CreateRequest, connector_info, status_entity
from faust_cdc.connect.records import ConnectorEntry, StatusRecord, decode_config, decode_status
from faust_cdc.connect.snapshots import snapshot_entity
from faust_cdc.connect.states import SHOWN, ConnectorState, TargetState
from faust_cdc.connect.store import (
    CommandBus,
    ConfigLog,
    OffsetLog,
    Record,
    restart_command,
    restart_task_command,
    signal_command,
)
from faust_cdc.connect.validation import SourceCheck, check_source, with_findings
from faust_cdc.connect.views import ConfigView, OffsetView, StatusView
from faust_cdc.offsets import SourcePartition
from faust_cdc.routing.changes import RouteChange
from faust_cdc.signals.signal import RefusedSignal, Signal, command_of
from faust_cdc.snapshot.book import SnapshotBook
from faust_cdc.transforms.chain import checked

log = logging.getLogger(__name__)

NOT_READY: Final = (
    "Cannot complete request momentarily: the worker is still starting up and has not read its internal topics "
    "from Kafka yet. Try again in a moment; GET /health says when it is ready."
)

STALE: Final = (
    "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"
)

NOT_STOPPED: Final = (
    "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified "
    "connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
)
STILL_STOPPING: Final = (
    "Cannot complete request momentarily: the task of connector {name} has not stopped yet. Try again in a moment."
)
TASKS_GONE_WITHIN_S: Final = 30.0
RESET: Final = "The offsets for this connector have been reset successfully"


def _same_routes(config: MySqlConnectorConfig) -> RouteChange:
    return RouteChange(config.routes, config.routes)


class Herder:
    """The operations of Connect's REST API. Methods raise `ConnectError` with Connect's status and text."""

    def __init__(
        self,
        config_view: ConfigView,
        status_view: StatusView,
        offset_view: OffsetView,
        snapshots: SnapshotBook,
        config_log: ConfigLog,
        offset_log: OffsetLog,
        command_bus: CommandBus,
        worker: WorkerConfig,
        source_check: SourceCheck | None = None,
    ) -> None:
        self._configs = config_view
        self._statuses = status_view
        self._offsets = offset_view
        self._snapshots = snapshots
        self._config_log = config_log
        self._offset_log = offset_log
        self._commands = command_bus
        self._worker = worker
        self._source_check = source_check
        self._writing = asyncio.Lock()
        self.on_delete: Callable[[str], Awaitable[None]] = _nothing
        """Called with the name of a connector that was deleted."""
        self.route_change: Callable[[MySqlConnectorConfig], RouteChange] = _same_routes
        """Says what a configuration would make of its connector's routes."""
        self.kafka_cluster_id: str | None = None
        """Told by the worker once Kafka answered; shown by `GET /`."""
        self.startup_stage = "Waiting for Kafka."
        """Told by the worker while it starts; shown by `GET /health`."""

    # ---- worker

    @property
    def ready(self) -> bool:
        """Whether all three internal topics are read."""
        return self._configs.ready and self._statuses.ready and self._offsets.ready

    def server_info(self) -> dict[str, Any]:
        """`GET /`: the version whose API is spoken; who really answers is in `commit`."""
        return {"version": CONNECT_VERSION, "commit": COMMIT, "kafka_cluster_id": self.kafka_cluster_id}

    def health(self) -> tuple[int, dict[str, str]]:
        """`GET /health`: status and body."""
        if self.ready:
            message = "Worker has completed startup and is ready to handle requests."
            return 200, {"status": "healthy", "message": message}
        return 503, {"status": "starting", "message": f"Worker is still starting up. {self.startup_stage}"}

    # ---- reading

    def connectors(self) -> list[str]:
        """`GET /connectors`, sorted."""
        return sorted(self._entries())

    def expand(self, what: set[str]) -> dict[str, Any]:
        """`GET /connectors?expand=…`: `info` and `status` per connector; unknown words are ignored."""
        entries = self._entries()
        expanded: dict[str, Any] = {}
        for name in sorted(entries):
            members: dict[str, Any] = {}
            if "info" in what:
                members["info"] = self._info(entries[name])
            if "status" in what and (status := self._status(name)) is not None:
                members["status"] = status
            expanded[name] = members
        return expanded

    def connector_info(self, name: str) -> dict[str, Any]:
        """`GET /connectors/{c}`."""
        return self._info(self._entry(name))

    def config(self, name: str) -> dict[str, str | None]:
        """`GET /connectors/{c}/config`, secrets masked."""
        return mask_secrets(self._entry(name).config or {})

    def config_with_secrets(self, name: str) -> Mapping[str, str | None]:
        """Return the configuration as it is stored, never to be shown."""
        return self._entry(name).config or {}

    def partition(self, name: str) -> SourcePartition:
        """Return what the offset, the snapshot and the table schemas of a connector are kept under. 404 for none."""
        return SourcePartition(name, (self._entry(name).config or {}).get("topic.prefix") or "")

    def tasks(self, name: str) -> list[dict[str, Any]]:
        """`GET /connectors/{c}/tasks`, secrets masked."""
        return [
            {
                "id": {"connector": name, "task": task.task_id},
                "config": mask_secrets(task_config(task.config)),
            }
            for task in tasks_of(self._entry(name))
        ]

    def status(self, name: str) -> dict[str, Any]:
        """`GET /connectors/{c}/status`. 404 while nobody wrote a status yet, as in Connect."""
        self._ensure_ready_to_read()
        status = self._status(name)
        if status is None:
            raise ConnectError(404, f"No status found for connector {name}")
        return status

    def task_status(self, name: str, task_id: int) -> dict[str, Any]:
        """`GET /connectors/{c}/tasks/{n}/status`."""
        self._ensure_ready_to_read()
        key = records.status_task_key(name, task_id).encode()
        value = self._statuses.get(key)
        status = decode_status(key, value) if value is not None else None
        if status is None:
            raise ConnectError(404, f"No status found for task {task_name(name, task_id)}")
        return status_entity(status, task_id)

    def offsets(self, name: str) -> dict[str, Any]:
        """`GET /connectors/{c}/offsets`: committed source offsets."""
        self._entry(name)
        return {"offsets": records.connector_offsets(self._offsets.items(), name)}

    def snapshot(self, name: str) -> dict[str, Any]:
        """`GET /connectors/{c}/snapshot`: how far its snapshot is (`faust_cdc.connect.snapshots`)."""
        partition = self.partition(name)
        tasks = records.task_statuses(self._statuses.items(), name)
        state = tasks[TASK_ID].state if TASK_ID in tasks else None
        return snapshot_entity(self._snapshots, partition, state, int(time.time() * 1000))

    def plugins(self, connectors_only: bool = True) -> list[dict[str, str]]:
        """`GET /connector-plugins`."""
        return plugins.plugins(connectors_only)

    def plugin_config(self, plugin: str) -> list[dict[str, Any]]:
        """`GET /connector-plugins/{p}/config`."""
        return plugins.plugin_config(plugin, self._worker.converter_defaults)

    async def validate(self, plugin: str, config: Mapping[str, str | None]) -> dict[str, Any]:
        """`PUT /connector-plugins/{p}/config/validate`: Connect's `ConfigInfos`, errors within.

        A masked secret is filled in from the stored connector of the same name, so that a configuration that
        was read here can be validated here.
        """
        sent_class = config.get("connector.class")
        full_class = catalogue.resolve_class(sent_class or "")
        if sent_class is None or full_class is None:
            raise ConnectError(400, class_problem(config))
        if catalogue.resolve_class(plugin) != full_class:
            raise ConnectError(400, f"Included connector type {sent_class} does not match request type {plugin}")
        stored = self._stored_config(config.get("name") or "")
        infos = await self._validated(keep_masked(config, stored))
        return {
            "name": sent_class,
            "error_count": sum(len(info.errors) for info in infos),
            "groups": groups_of(infos),
            "configs": [info.to_json() for info in infos],
        }

    # ---- writing

    async def create(self, request: CreateRequest) -> dict[str, Any]:
        """`POST /connectors`: the new connector's info, without tasks yet, as Connect answers."""
        self._ensure_ready_to_write()
        config = self._named(request.name, request.config)
        if request.name in self._entries():
            raise ConnectError(409, f"Connector {request.name} already exists")
        await self._ensure_valid(config)
        async with self._writing:
            if request.name in self._entries():
                raise ConnectError(409, f"Connector {request.name} already exists")
            state = request.initial_state or TargetState.STARTED
            written: list[Record] = []
            if request.initial_state is not None:
                key = records.target_state_key(request.name)
                written.append((key, records.encode_target_state(state)))
            await self._config_log.append([*written, *self._config_records(request.name, config, state)])
        log.info("Created connector %r in state %s", request.name, state.value)
        return connector_info(request.name, mask_secrets(config), [], "source")

    async def put_config(self, name: str, config: Mapping[str, str | None]) -> tuple[bool, dict[str, Any]]:
        """`PUT …/config`: whether the connector is new, and its info."""
        self._ensure_ready_to_write()
        return await self._store(name, keep_masked(self._named(name, config), self._stored_config(name)), None)

    async def patch_config(self, name: str, patch: Mapping[str, str | None]) -> dict[str, Any]:
        """`PATCH …/config` (KIP-477): null removes an option; the rest is laid over the stored configuration.

        Unlike Connect 4.3.1, which stores it, a `name` that is not the connector's is refused. Answers 409 when
        somebody else changed the configuration meanwhile: the patch was made for another one.
        """
        self._ensure_ready_to_write()
        stored = self._entry(name).config or {}
        kept = keep_masked(self._named(name, patch), stored)
        merged = {key: value for key, value in {**stored, **kept}.items() if key not in patch or value is not None}
        return (await self._store(name, merged, stored))[1]

    async def _store(
        self, name: str, config: Mapping[str, str | None], base: Mapping[str, str | None] | None
    ) -> tuple[bool, dict[str, Any]]:
        """Validate and write a configuration; `base` is the stored one it was made from, None when it is whole."""
        await self._ensure_valid(config)
        async with self._writing:
            entry = self._entries().get(name)
            if base is not None and (entry is None or entry.config != base):
                raise ConnectError(409, STALE)
            state = entry.target_state if entry else TargetState.STARTED
            await self._config_log.append(self._config_records(name, config, state))
        log.info("%s connector %r", "Created" if entry is None else "Reconfigured", name)
        if entry is None:
            return True, connector_info(name, mask_secrets(config), [], "source")
        return False, self.connector_info(name)

    async def delete(self, name: str) -> None:
        """`DELETE /connectors/{c}`."""
        self._ensure_ready_to_write()
        async with self._writing:
            self._entry(name)
            await self._config_log.append([(records.connector_key(name), None), (records.target_state_key(name), None)])
        await self.on_delete(name)
        log.info("Deleted connector %r", name)

    async def reset_offsets(self, name: str) -> dict[str, str]:
        """`DELETE …/offsets` (KIP-875): the next start is the first one. The progress of its snapshot goes too.

        Raises `ConnectError` 400 unless the connector is stopped, 409 while its task is still ending.
        """
        self._ensure_ready_to_write()
        self._ensure_stopped(name)
        await self.tasks_gone(name)
        async with self._writing:
            entry = self._ensure_stopped(name)
            keys = records.connector_offset_keys(self._offsets.items(), name)
            prefix = (entry.config or {}).get("topic.prefix")
            if prefix:
                keys.setdefault(SourcePartition(name, prefix).key(), prefix)
            await self._offset_log.erase(name, keys)
        log.info("Reset the offsets of connector %r", name)
        return {"message": RESET}

    async def pause(self, name: str) -> None:
        """`PUT …/pause`: tasks stay, and do nothing."""
        await self._retarget(name, TargetState.PAUSED)

    async def resume(self, name: str) -> None:
        """`PUT …/resume`: tasks run; a connector that had none gets one."""
        await self._retarget(name, TargetState.STARTED)

    async def stop(self, name: str) -> None:
        """`PUT …/stop` (KIP-875): tasks go, configuration and offsets stay."""
        await self._retarget(name, TargetState.STOPPED)

    async def restart(self, name: str, *, include_tasks: bool, only_failed: bool) -> dict[str, Any] | None:
        """`POST …/restart` (KIP-745): the state with RESTARTING on what will be restarted; None: nothing to show.

        Without any flag Connect restarts its connector instance, which here is nothing: the command is sent all
        the same, and the worker takes it as a wish to look at the configuration again.
        """
        self._ensure_ready_to_write()
        if name not in self._entries():
            raise ConnectError(404, f"Unknown connector: {name}")
        planned = self._restart_plan(name, include_tasks, only_failed)
        await self._commands.send(name, restart_command(include_tasks=include_tasks, only_failed=only_failed))
        return planned if include_tasks or only_failed else None

    async def restart_task(self, name: str, task_id: int) -> None:
        """`POST …/tasks/{n}/restart`."""
        self._ensure_ready_to_write()
        entry = self._entries().get(name)
        if entry is None:
            raise ConnectError(404, f"Unknown connector: {name}")
        if task_id not in [task.task_id for task in tasks_of(entry)]:
            raise ConnectError(404, f"Unknown task: {task_name(name, task_id)}")
        await self._commands.send(name, restart_task_command(task_id))

    async def signal(self, name: str, body: Any) -> dict[str, Any]:
        """`POST …/signals`, ours: `{"id"?, "type", "data"?}` to the connector's task; returns the signal's id.

        What the task would refuse is refused here with 400, and 409 is for a connector that does not run.
        """
        self._ensure_ready_to_write()
        entry = self._entries().get(name)
        if entry is None:
            raise ConnectError(404, f"Unknown connector: {name}")
        try:
            signal = Signal.from_value(body)
        except ValueError as error:
            raise ConnectError(400, f"The body is no signal: {error}.") from None
        command = command_of(signal)
        if command is None or isinstance(command, RefusedSignal):
            reason = "it is one of the connector's own" if command is None else command.reason
            raise ConnectError(400, f"Signal '{signal.type}' is not taken: {reason}.")
        if entry.target_state is not TargetState.STARTED:
            state = SHOWN[entry.target_state].value
            raise ConnectError(409, f"Connector {name} is {state}: it takes signals while it runs. Resume it first.")
        await self._commands.send(name, signal_command(signal.to_value()))
        log.info("Signal %r for connector %r: %s", signal.id, name, signal.type)
        return {"id": signal.id}

    def parsed(self, name: str) -> MySqlConnectorConfig:
        """The configuration of a connector as a value. 404 for no connector; raises ConfigError for one with errors."""
        return parse_connector_config(self._entry(name).config or {})

    def owner(self, name: str) -> str | None:
        """The worker that runs the connector's task, as `host:port`; None while none does. 404 for no connector."""
        self._entry(name)
        tasks = records.task_statuses(self._statuses.items(), name)
        task = tasks.get(TASK_ID)
        return None if task is None or task.state == ConnectorState.UNASSIGNED.value else task.worker_id

    # ---- below

    def _ensure_ready_to_read(self) -> None:
        if not self.ready:
            raise ConnectError(503, NOT_READY)

    def _ensure_ready_to_write(self) -> None:
        # 409 is what Connect answers while it cannot take a change, and what its clients try again.
        if not self.ready:
            raise ConnectError(409, NOT_READY)

    def _entries(self) -> dict[str, ConnectorEntry]:
        self._ensure_ready_to_read()
        return decode_config(self._configs.items())

    def _entry(self, name: str) -> ConnectorEntry:
        entry = self._entries().get(name)
        if entry is None:
            raise ConnectError(404, f"Connector {name} not found")
        return entry

    def _ensure_stopped(self, name: str) -> ConnectorEntry:
        entry = self._entry(name)
        if entry.target_state is not TargetState.STOPPED:
            raise ConnectError(400, NOT_STOPPED.format(name=name))
        return entry

    async def tasks_gone(self, name: str) -> None:
        """Wait until the owner has taken back the status of its last task: that one has ended then.

        Raises `ConnectError` 409 when it takes too long.
        """
        deadline = time.monotonic() + TASKS_GONE_WITHIN_S
        while records.task_statuses(self._statuses.items(), name):
            if time.monotonic() > deadline:
                raise ConnectError(409, STILL_STOPPING.format(name=name))
            await asyncio.sleep(0.02)

    def _stored_config(self, name: str) -> Mapping[str, str | None]:
        entry = decode_config(self._configs.items()).get(name)
        return (entry.config or {}) if entry else {}

    def _target_state(self, name: str) -> TargetState:
        entry = self._entries().get(name)
        return entry.target_state if entry else TargetState.STARTED

    def _info(self, entry: ConnectorEntry) -> dict[str, Any]:
        task_ids = [task.task_id for task in tasks_of(entry)]
        return connector_info(entry.name, mask_secrets(entry.config or {}), task_ids, _type_of(entry.config))

    def _status(self, name: str) -> dict[str, Any] | None:
        key = records.status_connector_key(name).encode()
        value = self._statuses.get(key)
        status = decode_status(key, value) if value is not None else None
        if status is None:
            return None
        entry = self._entries().get(name)
        tasks = records.task_statuses(self._statuses.items(), name)
        return {
            "name": name,
            "connector": status_entity(status),
            "tasks": [status_entity(task, number) for number, task in tasks.items()],
            "type": _type_of(entry.config if entry else None),
        }

    def _named(self, name: str, config: Mapping[str, str | None]) -> dict[str, str | None]:
        """The configuration with its name in it. Raises `ConnectError` 400 when it has another one."""
        within = config.get("name")
        if within is not None and within != name:
            text = f"Connector name configuration ({within}) doesn't match connector name in the URL ({name})"
            raise ConnectError(400, text)
        return {**config, "name": name}

    async def _ensure_valid(self, config: Mapping[str, str | None]) -> None:
        if catalogue.resolve_class(config.get("connector.class") or "") is None:
            raise ConnectError(400, class_problem(config))
        infos = await self._validated(config)
        errors = [error for info in infos for error in info.errors]
        if errors:
            raise ConnectError(400, invalid_text(errors))
        for note in (note for info in infos for note in info.notes):
            log.info("Connector %r: %s", config.get("name"), note)

    async def _validated(self, config: Mapping[str, str | None]) -> list[ConfigValueInfo]:
        """Every option's value and errors; the database is asked only about a configuration without errors."""
        infos = validate(config, self._worker.converter_defaults, checked)
        if self._source_check is None or any(info.errors for info in infos):
            return infos
        parsed: MySqlConnectorConfig = parse_connector_config(config)
        return with_findings(infos, await check_source(self._source_check, parsed, self.route_change(parsed)))

    def _config_records(self, name: str, config: Mapping[str, str | None], state: TargetState) -> list[Record]:
        """The connector's record and, when it is to run, its task's and the commit."""
        written: list[Record] = [(records.connector_key(name), records.encode_properties(config))]
        return written + self._task_records(name, config) if state is TargetState.STARTED else written

    def _task_records(self, name: str, config: Mapping[str, str | None]) -> list[Record]:
        return [
            (records.task_key(name, TASK_ID), records.encode_properties(task_config(config))),
            (records.commit_key(name), records.encode_commit(1)),
        ]

    async def _retarget(self, name: str, state: TargetState) -> None:
        self._ensure_ready_to_write()
        async with self._writing:
            entry = self._entries().get(name)
            if entry is None or entry.config is None:
                raise ConnectError(404, f"Unknown connector {name}")
            target: Record = (records.target_state_key(name), records.encode_target_state(state))
            written = [target]
            if state is TargetState.STOPPED:
                written = [(records.commit_key(name), records.encode_commit(0)), target]
            elif state is TargetState.STARTED and self._needs_task_records(entry):
                written = [target, *self._task_records(name, entry.config)]
            await self._config_log.append(written)
        log.info("Connector %r is to be %s", name, state.value)

    def _needs_task_records(self, entry: ConnectorEntry) -> bool:
        wanted = task_config(entry.config or {})
        return entry.task_count != 1 or dict(entry.task_configs.get(TASK_ID, {})) != wanted

    def _restart_plan(self, name: str, include_tasks: bool, only_failed: bool) -> dict[str, Any]:
        """The connector's state as it will be shown: RESTARTING on what the flags choose."""
        status = self._status(name)
        if status is None:
            shown = SHOWN[self._target_state(name)].value
            record = StatusRecord(shown, self._worker.worker_id, version=DEBEZIUM_VERSION)
            status = {"name": name, "connector": status_entity(record), "tasks": [], "type": "source"}
        chosen = [status["connector"], *(status["tasks"] if include_tasks else [])]
        for entity in chosen:
            if not only_failed or entity["state"] == ConnectorState.FAILED.value:
                entity["state"] = ConnectorState.RESTARTING.value
                entity.pop("trace", None)
        return status


async def _nothing(_: str) -> None:
    """Do nothing."""


def _type_of(config: Mapping[str, str | None] | None) -> str:
    """`source` for the classes that are implemented, else `unknown`, as Connect says of what it cannot load."""
    known = config is not None and catalogue.resolve_class(config.get("connector.class") or "") is not None
    return "source" if known else "unknown"
