"""What the status topic should say of the connectors whose leases are ours (format: `faust_cdc.connect.records`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from faust_cdc.connect.records import STATUS_CONNECTOR, STATUS_TASK, split_task


@dataclass(frozen=True, slots=True)
class Status:
    """What a connector or task shows: Connect's word for the state, and a cause with its trace."""

    state: str
    trace: str | None = None


def connector_of(key: str) -> str | None:
    """Return the connector a status key belongs to, None for keys of another kind (topics in use)."""
    if key.startswith(STATUS_CONNECTOR):
        return key[len(STATUS_CONNECTOR) :]
    if key.startswith(STATUS_TASK):
        name, number = split_task(key[len(STATUS_TASK) :])
        return None if number is None else name
    return None


def stale_keys(present: Iterable[str], wanted: Mapping[str, Status], connectors: frozenset[str]) -> list[str]:
    """Return the status keys of `connectors` that are in the topic but describe nothing that exists any more."""
    return sorted(key for key in present if connector_of(key) in connectors and key not in wanted)
