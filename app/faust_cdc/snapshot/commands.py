"""What a running task can be asked about snapshots, whoever asks: a signal, REST, a changed configuration.

Values only. They reach the task's thread through a queue that is read between source transactions.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from faust_cdc.relational.model import TableId


class SnapshotKind(enum.Enum):
    """Debezium's three."""

    INITIAL = "initial"
    INCREMENTAL = "incremental"
    BLOCKING = "blocking"


def matcher(patterns: Iterable[str]) -> Callable[[TableId], bool]:
    """Return what says whether a table is named by one of these regular expressions over `database.table`."""
    compiled = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
    return lambda table: any(one.fullmatch(str(table)) for one in compiled)


@dataclass(frozen=True, slots=True)
class AdditionalCondition:
    """SQL that rows of some tables must meet."""

    data_collection: str
    """A regular expression over `database.table`, as everywhere in Debezium."""
    filter: str


@dataclass(frozen=True, slots=True)
class ExecuteSnapshot:
    """Read these tables (again)."""

    id: str
    """The signal's."""
    data_collections: tuple[str, ...]
    """Regular expressions over `database.table`."""
    kind: SnapshotKind = SnapshotKind.INCREMENTAL
    conditions: tuple[AdditionalCondition, ...] = ()
    surrogate_key: str | None = None
    but_not: tuple[str, ...] = ()
    """Regular expressions of tables that were taken out of it while it waited."""
    is_new: bool = False
    """They are captured from now on and nothing was written of them: one without a key is copied in one piece."""

    def tables_of(self, captured: Iterable[TableId]) -> list[TableId]:
        """Return which of these tables it has read."""
        named, left_out = matcher(self.data_collections), matcher(self.but_not)
        return [table for table in captured if named(table) and not left_out(table)]

    def to_value(self) -> dict[str, Any]:
        """Return the object of which `from_value` makes an equal command; what is empty is left out."""
        value: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind.value,
            "data_collections": list(self.data_collections),
            "conditions": [{"data_collection": one.data_collection, "filter": one.filter} for one in self.conditions],
            "surrogate_key": self.surrogate_key,
            "but_not": list(self.but_not),
            "is_new": self.is_new,
        }
        return {name: member for name, member in value.items() if member}

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> ExecuteSnapshot:
        """Read the object again. Raises KeyError, TypeError and ValueError for one that is none."""
        return cls(
            str(value["id"]),
            tuple(str(one) for one in value["data_collections"]),
            SnapshotKind(value["kind"]),
            tuple(AdditionalCondition(one["data_collection"], one["filter"]) for one in value.get("conditions", ())),
            value.get("surrogate_key"),
            tuple(str(one) for one in value.get("but_not", ())),
            bool(value.get("is_new")),
        )


@dataclass(frozen=True, slots=True)
class StopSnapshot:
    """Give up the snapshot of a kind that runs and those that wait, or these tables of them."""

    id: str
    data_collections: tuple[str, ...] = ()
    """None given: all of them."""
    kind: SnapshotKind = SnapshotKind.INCREMENTAL


@dataclass(frozen=True, slots=True)
class PauseSnapshot:
    """Read no further chunk until resumed."""

    id: str
    kind: SnapshotKind = SnapshotKind.INCREMENTAL


@dataclass(frozen=True, slots=True)
class ResumeSnapshot:
    """Go on reading."""

    id: str
    kind: SnapshotKind = SnapshotKind.INCREMENTAL


SnapshotCommand = ExecuteSnapshot | StopSnapshot | PauseSnapshot | ResumeSnapshot
