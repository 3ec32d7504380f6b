"""What clients send and what they get: requests checked member by member, answers in the real server's order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from faust_cdc.connect.records import StatusRecord
from faust_cdc.connect.states import INITIAL_STATES, TargetState

CREATE_MEMBERS: Final = ("name", "config", "initial_state")


class ConnectError(Exception):
    """A refusal with an HTTP status and the text that the client shows."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class JsonNumber(str):
    """A number of a JSON text as it was written: `1.50` in a configuration means the text `1.50`."""

    __slots__ = ()


def parse_json(body: bytes) -> Any:
    """The JSON value of a request body; numbers stay as written (`JsonNumber`).

    Raises `ConnectError` 400 naming line and column of what is wrong.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConnectError(
            400, f"The request body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}."
        ) from None
    if not text.strip():
        raise ConnectError(400, "The request body is empty: a JSON object is expected.")
    try:
        return json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConnectError(400, f"The request body is not valid JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise ConnectError(400, "The request body is nested too deeply: a flat JSON object is expected.") from None


def plain_numbers(value: Any) -> Any:
    """The same JSON value with numbers in place of `JsonNumber`s."""
    if isinstance(value, JsonNumber):
        return json.loads(value)
    if isinstance(value, list):
        return [plain_numbers(one) for one in value]
    return {name: plain_numbers(one) for name, one in value.items()} if isinstance(value, dict) else value


def _no_constant(text: str) -> Any:
    raise ConnectError(400, f"The request body is not valid JSON: {text} is not a JSON value.")


@dataclass(frozen=True)
class CreateRequest:
    """The body of `POST /connectors`."""

    name: str
    config: Mapping[str, str | None]
    initial_state: TargetState | None = None

    @classmethod
    def parse(cls, value: Any) -> CreateRequest:
        """Check a decoded body. Raises `ConnectError` 400 naming the member, what was found and what is expected."""
        if not isinstance(value, dict):
            raise ConnectError(400, f"A JSON object with name and config is expected, found {kind_of(value)}.")
        for member in value:
            if member not in CREATE_MEMBERS:
                known = ", ".join(CREATE_MEMBERS)
                hint = " Options of the connector go into 'config'." if "." in member else ""
                raise ConnectError(400, f'Unrecognized field "{member}": the known ones are {known}.{hint}')
        name = value.get("name", "")
        if isinstance(name, JsonNumber) or not isinstance(name, str):
            raise ConnectError(400, f"'name' must be a text, found {kind_of(name)}.")
        if "config" not in value:
            raise ConnectError(400, "'config' is missing: give the connector's options as a JSON object.")
        return cls(name, config_map(value["config"]), _initial_state(value.get("initial_state")))


def _initial_state(value: Any) -> TargetState | None:
    if value is None:
        return None
    state = INITIAL_STATES.get(value.strip().upper()) if isinstance(value, str) else None
    if state is None:
        raise ConnectError(400, f"'initial_state' must be one of {', '.join(INITIAL_STATES)}, found {value!r}.")
    return state


def config_map(value: Any) -> dict[str, str | None]:
    """A configuration of a request: option names and texts; numbers and true/false become texts, as in Connect.

    Raises `ConnectError` 400 for a value that is a list or an object, naming the option.
    """
    if not isinstance(value, dict):
        raise ConnectError(400, f"The configuration must be a JSON object of texts, found {kind_of(value)}.")
    config: dict[str, str | None] = {}
    for key, member in value.items():
        if isinstance(member, bool):
            config[key] = "true" if member else "false"
        elif member is None or isinstance(member, str):
            config[key] = None if member is None else str(member)
        else:
            remedy = "write a list as one text with commas" if isinstance(member, list) else "options are flat"
            raise ConnectError(400, f"The value of '{key}' must be a text, found {kind_of(member)}: {remedy}.")
    return config


def kind_of(value: Any) -> str:
    """A JSON value's kind in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, JsonNumber):
        return "a number"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "a text"


def connector_info(
    name: str, config: Mapping[str, str | None], task_ids: list[int], connector_type: str
) -> dict[str, Any]:
    """Connect's `ConnectorInfo`."""
    tasks = [{"connector": name, "task": task_id} for task_id in task_ids]
    return {"name": name, "config": dict(config), "tasks": tasks, "type": connector_type}


def status_entity(status: StatusRecord, task_id: int | None = None) -> dict[str, Any]:
    """One state within `ConnectorStateInfo`: `trace` is absent when there is none."""
    entity: dict[str, Any] = {} if task_id is None else {"id": task_id}
    entity |= {"state": status.state, "worker_id": status.worker_id, "version": status.version}
    if status.trace:
        entity["trace"] = status.trace
    return entity
