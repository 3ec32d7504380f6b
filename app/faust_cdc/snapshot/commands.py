"""What a running task can be asked about snapshots, whoever asks: a signal, REST, a changed configuration.

Values only. They reach the task's thread through a queue that is read between source transactions.
"""

from __future__ import annotations

from dataclasses import dataclass

from faust_cdc.snapshot.progress import SnapshotKind


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


@dataclass(frozen=True, slots=True)
class StopSnapshot:
    """Give up the snapshot that runs, or these tables of it."""

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
