"""Signals: from (id, type, data) to a command for the task, or the reason why there is none.

Source: Debezium 3.6.1 `io.debezium.pipeline.signal.actions`. What is not understood is never an error of the stream: it
becomes a `RefusedSignal`, which the task logs and tells as a notification. Where Debezium is lax in a way that reads
other tables than was asked for, we refuse: a condition without its table, a pattern that cannot be compiled.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from faust_cdc.config.routes import parse_route
from faust_cdc.history.changes import ChangeKind, StructureChange
from faust_cdc.history.table_reading import table_id_of, table_of
from faust_cdc.signals.routing import RouteCommand, RoutesChanged, SetRoute
from faust_cdc.snapshot.commands import (
    AdditionalCondition,
    ExecuteSnapshot,
    PauseSnapshot,
    ResumeSnapshot,
    SnapshotCommand,
    StopSnapshot,
)
from faust_cdc.snapshot.progress import SnapshotKind

WINDOWS: Final = frozenset({"snapshot-window-open", "snapshot-window-close"})
"""What Debezium writes into the signal table for itself; one may be at work beside us, or have been before."""
SHOWN_MAX: Final = 200
"""Characters of a signal that a message shows."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal as it came."""

    id: str
    type: str
    data: str | None = None
    """JSON text; None and empty mean an empty object."""

    @classmethod
    def from_json(cls, text: str | bytes) -> Signal:
        """Read `{"id", "type", "data"}`, as a line of a file or a record of a topic has it; data as object or text.

        A missing id is made up. Raises ValueError saying what is wrong.
        """
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"a signal is a JSON object, found {_shown(text)}: {error}") from None
        return cls.from_value(value)

    @classmethod
    def from_value(cls, value: Any) -> Signal:
        """Read the same of a parsed object."""
        if not isinstance(value, dict):
            raise ValueError(f"a signal is a JSON object with type and data, found {_shown(value)}")  # noqa: TRY004
        type_, identity, data = value.get("type"), value.get("id"), value.get("data")
        if not isinstance(type_, str) or not type_.strip():
            raise ValueError(f"a signal has a 'type' that is a text, found {_shown(type_)}")
        if identity is not None and (isinstance(identity, bool) or not isinstance(identity, str | int)):
            raise ValueError(f"the 'id' of a signal is a text, found {_shown(identity)}")
        if data is not None and not isinstance(data, str | dict):
            raise ValueError(f"the 'data' of a signal is an object, found {_shown(data)}")
        text = data if isinstance(data, str | None) else json.dumps(data, ensure_ascii=False)
        return cls(str(uuid.uuid4()) if identity is None else str(identity), type_.strip(), text)

    def to_value(self) -> dict[str, str | None]:
        """Return the object of which `from_value` makes an equal signal."""
        return {"id": self.id, "type": self.type, "data": self.data}


@dataclass(frozen=True, slots=True)
class LogMessage:
    """Write a message to the log; `{}` in it stands for the offset."""

    id: str
    message: str


@dataclass(frozen=True, slots=True)
class RefusedSignal:
    """A signal that nothing is done about."""

    id: str
    type: str
    reason: str
    """What is wrong with it, and what to do."""


@dataclass(frozen=True, slots=True)
class ChangeStructures:
    """Take these structures of tables for true from here on."""

    id: str
    database: str
    changes: tuple[StructureChange, ...]
    schema: str | None = None


TaskCommand = SnapshotCommand | LogMessage | RefusedSignal | ChangeStructures | RouteCommand

SIGNAL_TYPES: Final[Mapping[type, str]] = {
    ExecuteSnapshot: "execute-snapshot",
    StopSnapshot: "stop-snapshot",
    PauseSnapshot: "pause-snapshot",
    ResumeSnapshot: "resume-snapshot",
    LogMessage: "log",
    ChangeStructures: "schema-changes",
    SetRoute: "set-route",
    RoutesChanged: "set-route",
}
"""Command → type of the signal that asks for it."""


def signal_type(command: TaskCommand) -> str:
    """Return the type of the signal that a command came from."""
    if isinstance(command, SetRoute) and command.route is None:
        return "delete-route"
    return command.type if isinstance(command, RefusedSignal) else SIGNAL_TYPES[type(command)]


UNREADABLE: Final = "unreadable"
"""Type of what came over a channel and is no signal."""


def unreadable(where: str, error: ValueError) -> RefusedSignal:
    """Return what is told of text that is no signal: the id is made up, for it has none that can be relied on."""
    return RefusedSignal(str(uuid.uuid4()), UNREADABLE, f"{where} is no signal: {error}")


def command_of(signal: Signal) -> TaskCommand | None:
    """Return what a signal asks for; None for one that is none of a user's (`WINDOWS`). Never raises."""
    if signal.type in WINDOWS:
        return None
    read = _READERS.get(signal.type)
    if read is None:
        known = ", ".join(sorted(_READERS))
        return _refused(signal, f"its type is not known, expected one of {known}")
    try:
        return read(signal, _data(signal))
    except ValueError as error:
        return _refused(signal, str(error))


def _refused(signal: Signal, reason: str) -> RefusedSignal:
    return RefusedSignal(signal.id, signal.type, reason)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _data(signal: Signal) -> Mapping[str, Any]:
    if signal.data is None or not signal.data.strip():
        return {}
    try:
        value = json.loads(signal.data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its data is not JSON ({error}), found {_shown(signal.data)}") from None
    if not isinstance(value, dict):
        raise ValueError(f"its data is no JSON object, found {_shown(signal.data)}")  # noqa: TRY004
    return value


def _kind(data: Mapping[str, Any], *legal: SnapshotKind) -> SnapshotKind:
    given = data.get("type")
    if given is None:
        return SnapshotKind.INCREMENTAL
    for kind in legal:
        if isinstance(given, str) and given.strip().lower() == kind.value:
            return kind
    words = " or ".join(kind.value.upper() for kind in legal)
    raise ValueError(f"the 'type' in its data is {words}, found {_shown(given)}")


def _texts(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    given = data.get(name)
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(one, str) and one.strip() for one in given):
        raise ValueError(f"'{name}' in its data is a list of texts, found {_shown(given)}")
    return tuple(_pattern(one.strip(), name) for one in given)


def _pattern(text: str, name: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{name}' has {text!r}, which is no regular expression: {error}") from None
    return text


def _text(data: Mapping[str, Any], name: str) -> str | None:
    given = data.get(name)
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    if not isinstance(given, str):
        raise ValueError(f"'{name}' in its data is a text, found {_shown(given)}")  # noqa: TRY004
    return given


def _conditions(data: Mapping[str, Any]) -> tuple[AdditionalCondition, ...]:
    if _text(data, "additional-condition") is not None:
        raise ValueError(
            "'additional-condition' is not read since Debezium 2.5; write 'additional-conditions': "
            '[{"data-collection": "db.table", "filter": "…"}]'
        )
    given = data.get("additional-conditions")
    if given is None:
        return ()
    if not isinstance(given, list):
        raise ValueError(f"'additional-conditions' in its data is a list, found {_shown(given)}")  # noqa: TRY004
    return tuple(_condition(one) for one in given)


def _condition(value: object) -> AdditionalCondition:
    table = _text(value, "data-collection") if isinstance(value, dict) else None
    condition = _text(value, "filter") if isinstance(value, dict) else None
    if table is None or condition is None:
        raise ValueError(f"'additional-conditions' has 'data-collection' and 'filter' in each, found {_shown(value)}")
    return AdditionalCondition(_pattern(table.strip(), "additional-conditions"), condition.strip())


def _execute(signal: Signal, data: Mapping[str, Any]) -> TaskCommand:
    tables = _texts(data, "data-collections")
    if not tables:
        raise ValueError("'data-collections' is missing from its data or empty: name the tables to read")
    kind = _kind(data, SnapshotKind.INCREMENTAL, SnapshotKind.BLOCKING)
    surrogate = _text(data, "surrogate-key")
    return ExecuteSnapshot(signal.id, tables, kind, _conditions(data), None if surrogate is None else surrogate.strip())


def _stop(signal: Signal, data: Mapping[str, Any]) -> TaskCommand:
    kind = _kind(data, SnapshotKind.INCREMENTAL, SnapshotKind.BLOCKING)
    return StopSnapshot(signal.id, _texts(data, "data-collections"), kind)


def _pause(signal: Signal, data: Mapping[str, Any]) -> TaskCommand:
    return PauseSnapshot(signal.id, _kind(data, SnapshotKind.INCREMENTAL, SnapshotKind.BLOCKING))


def _resume(signal: Signal, data: Mapping[str, Any]) -> TaskCommand:
    return ResumeSnapshot(signal.id, _kind(data, SnapshotKind.INCREMENTAL, SnapshotKind.BLOCKING))


def _log(signal: Signal, data: Mapping[str, Any]) -> TaskCommand:
    message = _text(data, "message")
    if message is None:
        raise ValueError("'message' is missing from its data: give the text to be logged")
    return LogMessage(signal.id, message)


def _set_route(signal: Signal, data: Mapping[str, Any]) -> TaskCommand:
    tables = _text(data, "tables")
    if tables is None:
        raise ValueError("'tables' is missing from its data: give the pattern of the tables")
    if "route" not in data:
        raise ValueError("'route' is missing from its data: give the route")
    return SetRoute(signal.id, tables, parse_route(tables, data["route"]))


def _delete_route(signal: Signal, data: Mapping[str, Any]) -> TaskCommand:
    tables = _text(data, "tables")
    if tables is None:
        raise ValueError("'tables' is missing from its data: give the pattern of the route")
    return SetRoute(signal.id, tables, None)


def _schema_changes(signal: Signal, data: Mapping[str, Any]) -> TaskCommand:
    database = _text(data, "database")
    if database is None:
        raise ValueError("'database' is missing from its data: name the database of the tables")
    given = data.get("changes")
    if not isinstance(given, list) or not given:
        raise ValueError(f"'changes' in its data is a list of changes of tables, found {_shown(given)}")
    return ChangeStructures(
        signal.id, database.strip(), tuple(_structure_change(one) for one in given), _text(data, "schema")
    )


def _structure_change(value: object) -> StructureChange:
    kinds = ", ".join(kind.value for kind in ChangeKind)
    if not isinstance(value, dict) or value.get("type") not in {kind.value for kind in ChangeKind}:
        raise ValueError(
            f"each of 'changes' is an object with 'type' ({kinds}), 'id' and 'table', found {_shown(value)}"
        )
    kind, table_id = ChangeKind(value["type"]), table_id_of(value.get("id"))
    if kind is ChangeKind.DROP:
        return StructureChange(kind, table_id)
    previous = value.get("previousId")
    return StructureChange(kind, table_id, table_of(value), None if previous is None else table_id_of(previous))


def _set_binlog_position(signal: Signal, _: Mapping[str, Any]) -> TaskCommand:
    return _refused(
        signal,
        "a position is not changed under a running task, which would write records twice or lose them unseen; stop "
        "the connector, set its offset, resume it",
    )


_READERS: Final[dict[str, Callable[[Signal, Mapping[str, Any]], TaskCommand]]] = {
    "execute-snapshot": _execute,
    "stop-snapshot": _stop,
    "pause-snapshot": _pause,
    "resume-snapshot": _resume,
    "log": _log,
    "set-route": _set_route,
    "delete-route": _delete_route,
    "schema-changes": _schema_changes,
    "set-binlog-position": _set_binlog_position,
}
