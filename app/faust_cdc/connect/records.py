"""Records of Connect's internal topics: keys and values to bytes and back. Pure; formats as real Connect 4.3.1 writes.

    connector-<n>           {"properties":{…}}                       null: deleted
    target-state-<n>        {"state":"PAUSED","state.v2":"STOPPED"}  absent: STARTED
    task-<n>-<i>            {"properties":{…}}
    commit-<n>              {"tasks":1}
    tasks-fencing-<n>       {"task-count":1}
    restart-connector-<n>   {"include-tasks":true,"only-failed":false}
    status-connector-<n>    {"state":…,"trace":…,"worker_id":…,"generation":…,"version":…}
    status-task-<n>-<i>     the same
    ["<n>",{"server":"<p>"}]  →  {"file":…,"pos":…}                  offsets, JSON keys

Names may hold `-`, `/` and anything else, so a task's number is what follows the *last* hyphen. Records of
other kinds (session keys, logger levels, other programs') and unreadable ones are left alone and skipped:
one broken record must not hide the others.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from faust_cdc.connect.states import TargetState

log = logging.getLogger(__name__)

CONNECTOR: Final = "connector-"
TARGET_STATE: Final = "target-state-"
TASK: Final = "task-"
COMMIT: Final = "commit-"
TASKS_FENCING: Final = "tasks-fencing-"
RESTART: Final = "restart-connector-"
STATUS_CONNECTOR: Final = "status-connector-"
STATUS_TASK: Final = "status-task-"


def to_json(value: object) -> bytes:
    """JSON as Java's writers make it: no blanks, other alphabets as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def connector_key(name: str) -> str:
    """Key of a connector's configuration."""
    return CONNECTOR + name


def target_state_key(name: str) -> str:
    """Key of a connector's target state."""
    return TARGET_STATE + name


def task_key(name: str, task_id: int) -> str:
    """Key of a task's configuration."""
    return f"{TASK}{name}-{task_id}"


def commit_key(name: str) -> str:
    """Key of the record that makes the task configurations before it valid."""
    return COMMIT + name


def status_connector_key(name: str) -> str:
    """Key of a connector's status."""
    return STATUS_CONNECTOR + name


def status_task_key(name: str, task_id: int) -> str:
    """Key of a task's status."""
    return f"{STATUS_TASK}{name}-{task_id}"


def encode_properties(config: Mapping[str, str | None]) -> bytes:
    """Value of `connector-*` and `task-*`."""
    return to_json({"properties": dict(config)})


def encode_commit(task_count: int) -> bytes:
    """Value of `commit-*`."""
    return to_json({"tasks": task_count})


def encode_target_state(state: TargetState) -> bytes:
    """Value of `target-state-*`: readers before KIP-875 see PAUSED for STOPPED."""
    old = TargetState.PAUSED if state is TargetState.STOPPED else state
    return to_json({"state": old.value, "state.v2": state.value})


@dataclass(frozen=True)
class ConnectorEntry:
    """What the config topic says of one connector. `task_count` is that of the last commit, 0 without one."""

    name: str
    config: Mapping[str, str | None] | None = None
    target_state: TargetState = TargetState.STARTED
    task_configs: Mapping[int, Mapping[str, str | None]] = field(default_factory=dict)
    task_count: int = 0


def decode_config(items: Iterable[tuple[bytes, bytes]]) -> dict[str, ConnectorEntry]:
    """The connectors of the config topic by name; only those whose own record exists.

    A view has the newest record per key, not their order, so task records that a crash left without their
    commit cannot be told from committed ones. Nothing depends on them: what runs is decided from the
    connector's own record and target state (see `faust_cdc.connect.herder.desired_tasks`).
    """
    entries: dict[str, ConnectorEntry] = {}
    for raw_key, raw_value in items:
        key, value = _text(raw_key), _object(raw_key, raw_value)
        if key is not None and value is not None:
            _apply(entries, key, value)
    return {name: entry for name, entry in entries.items() if entry.config is not None}


def _apply(entries: dict[str, ConnectorEntry], key: str, value: dict[str, Any]) -> None:
    if key.startswith(CONNECTOR):
        name = key[len(CONNECTOR) :]
        entry = entries.get(name, ConnectorEntry(name))
        entries[name] = replace(entry, config=_properties(key, value))
    elif key.startswith(TARGET_STATE):
        name = key[len(TARGET_STATE) :]
        entries[name] = replace(entries.get(name, ConnectorEntry(name)), target_state=_target_state(key, value))
    elif key.startswith(COMMIT):
        name, count = key[len(COMMIT) :], value.get("tasks")
        if isinstance(count, int):
            entries[name] = replace(entries.get(name, ConnectorEntry(name)), task_count=count)
    elif key.startswith(TASK):
        name, number = split_task(key[len(TASK) :])
        properties = _properties(key, value)
        if number is not None and properties is not None:
            entry = entries.get(name, ConnectorEntry(name))
            entries[name] = replace(entry, task_configs={**entry.task_configs, number: properties})


def split_task(text: str) -> tuple[str, int | None]:
    """Connector name and task number of `<name>-<number>`; None when there is no number."""
    name, hyphen, number = text.rpartition("-")
    return (name, int(number)) if hyphen and number.isascii() and number.isdigit() else (text, None)


def _properties(key: str, value: dict[str, Any]) -> dict[str, str | None] | None:
    properties = value.get("properties")
    if not isinstance(properties, dict):
        log.warning("Config record %r has no properties; it is skipped.", key)
        return None
    return {name: text if text is None else str(text) for name, text in properties.items()}


def _target_state(key: str, value: dict[str, Any]) -> TargetState:
    for member in ("state.v2", "state"):
        text = value.get(member)
        if isinstance(text, str) and text in TargetState.__members__:
            return TargetState[text]
    log.warning("Config record %r holds no known target state; STARTED is assumed.", key)
    return TargetState.STARTED


@dataclass(frozen=True)
class StatusRecord:
    """A status of a connector or a task. `state` is a Connect state's name, `trace` a cause and a trace or None."""

    state: str
    worker_id: str
    generation: int = 0
    trace: str | None = None
    version: str | None = None

    def encode(self) -> bytes:
        """The record's value, members in Connect's order."""
        return to_json(
            {
                "state": self.state,
                "trace": self.trace,
                "worker_id": self.worker_id,
                "generation": self.generation,
                "version": self.version,
            }
        )


def decode_status(raw_key: bytes, raw_value: bytes) -> StatusRecord | None:
    """A status record's value; None when it is not one."""
    value = _object(raw_key, raw_value)
    if value is None or not isinstance(value.get("state"), str):
        return None
    return StatusRecord(
        state=value["state"],
        worker_id=str(value.get("worker_id") or ""),
        generation=value["generation"] if isinstance(value.get("generation"), int) else 0,
        trace=value.get("trace"),
        version=value.get("version"),
    )


def task_statuses(items: Iterable[tuple[bytes, bytes]], name: str) -> dict[int, StatusRecord]:
    """The statuses of a connector's tasks by number, in order."""
    found: dict[int, StatusRecord] = {}
    for raw_key, raw_value in items:
        key = _text(raw_key)
        if key is None or not key.startswith(STATUS_TASK):
            continue
        owner, number = split_task(key[len(STATUS_TASK) :])
        status = decode_status(raw_key, raw_value) if owner == name and number is not None else None
        if status is not None and number is not None:
            found[number] = status
    return dict(sorted(found.items()))


def encode_restart(*, include_tasks: bool, only_failed: bool) -> bytes:
    """Value of `restart-connector-*`."""
    return to_json({"include-tasks": include_tasks, "only-failed": only_failed})


def offset_key(connector: str, partition: Mapping[str, Any]) -> bytes:
    """Key of an offset record: compared by bytes, so Java's compact JSON it is."""
    return to_json([connector, dict(partition)])


def connector_offsets(items: Iterable[tuple[bytes, bytes]], name: str) -> list[dict[str, Any]]:
    """`[{"partition": …, "offset": …}]` of one connector, as `GET …/offsets` shows them."""
    found: list[dict[str, Any]] = []
    for raw_key, raw_value in items:
        try:
            key = json.loads(raw_key)
            value = json.loads(raw_value)
        except ValueError:
            continue
        if isinstance(key, list) and len(key) == 2 and key[0] == name:
            found.append({"partition": key[1], "offset": value})
    return sorted(found, key=lambda entry: json.dumps(entry["partition"], sort_keys=True))


def connector_offset_keys(items: Iterable[tuple[bytes, bytes]], name: str) -> dict[bytes, str]:
    """The keys of one connector's offset records, as they are written, with the logical server that each is of."""
    found: dict[bytes, str] = {}
    for raw_key, _ in items:
        try:
            connector, partition = json.loads(raw_key)
            server = partition["server"]
        except (ValueError, TypeError, KeyError):
            continue
        if connector == name and isinstance(server, str):
            found[raw_key] = server
    return found


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _object(raw_key: bytes, raw_value: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw_value)
    except ValueError:
        log.warning("Record %r of an internal topic is not JSON; it is skipped.", raw_key[:80])
        return None
    return value if isinstance(value, dict) else None
