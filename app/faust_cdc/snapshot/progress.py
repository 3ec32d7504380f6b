"""How far a snapshot is: what is kept in the snapshots topic, shown by REST, metrics and CLI, and resumed from.

A snapshot has one record of its own and one for each of its tables, so that a chunk's end costs a record of its
table and not of ten thousand. They are written in the Kafka transaction of the rows that they count, and therefore
are never ahead of the rows nor behind them.

    key   ["<connector>",{"server":"<topic.prefix>"}]                    the snapshot
          ["<connector>",{"server":"<topic.prefix>"},"<db>","<table>"]   one of its tables
    value a JSON object; absent: there is none (any more)
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from faust_cdc.errors import FatalError
from faust_cdc.offsets import SourcePartition
from faust_cdc.relational.key_range import Bound as Bound
from faust_cdc.relational.key_range import KeyRange as KeyRange
from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.commands import ExecuteSnapshot
from faust_cdc.snapshot.commands import SnapshotKind as SnapshotKind


class SnapshotState(enum.Enum):
    """Where a snapshot stands."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    ABORTED = "aborted"
    """Stopped by a signal."""


class TableState(enum.Enum):
    """Where a table of a snapshot stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    """Not read; the reason says why."""
    BEHIND = "behind"
    """Captured, and what it held before that is not read: it will be, by a signal or at the next start, unless a signal
    stopped it."""


ENDED = frozenset({TableState.COMPLETED, TableState.SKIPPED, TableState.BEHIND})
"""A snapshot does nothing for a table any more that stands so."""


@dataclass(frozen=True, slots=True)
class TableProgress:
    """One table of a snapshot."""

    table: TableId
    state: TableState = TableState.PENDING
    rows: int = 0
    """Rows read and written, or found to be overtaken by the stream."""
    estimated_rows: int | None = None
    """As the server estimates them; None when unknown."""
    planned_to: Bound | None = None
    """The end of the last range that was begun; None: none was, or the last one has no end."""
    is_planned: bool = False
    """The last range was begun."""
    open_ranges: tuple[KeyRange, ...] = ()
    """Ranges begun whose rows are not written yet: read again after a restart."""
    started_ms: int = 0
    updated_ms: int = 0
    reason: str = ""
    condition: str | None = None
    """SQL that the rows meet, of a signal's additional condition."""
    surrogate_key: str | None = None
    """The column by which the rows are read, of a signal."""
    statement: str | None = None
    """A SELECT that gives the rows, of a blocking snapshot's signal."""
    key: str = ""
    """All that the order of the bounds depends on; they are worth nothing under another key."""
    last_key: Bound | None = None
    """Of an incremental snapshot: the table's last key when its reading began; None: not known."""
    is_new: bool = False
    """It joined: the stream had passed changes of it by then, and did not write them."""
    is_muted: bool = False
    """It joined, and has no key: nothing of it is written until it is copied, in one piece."""

    @property
    def percent(self) -> float | None:
        """Rows done of the rows estimated, 100 when complete; None when unknown."""
        if self.state is TableState.COMPLETED:
            return 100.0
        if not self.estimated_rows:
            return None
        return min(99.9, 100 * self.rows / self.estimated_rows)

    def from_beginning(self) -> TableProgress:
        """Return that of the same rows when none of them is read."""
        return TableProgress(
            self.table,
            condition=self.condition,
            surrogate_key=self.surrogate_key,
            statement=self.statement,
            is_new=self.is_new,
            is_muted=self.is_muted,
        )

    def as_behind(self, reason: str) -> TableProgress:
        """Return that of a joined table of which nothing is read, and why."""
        return TableProgress(self.table, TableState.BEHIND, reason=reason, is_new=self.is_new, is_muted=self.is_muted)

    def to_json(self) -> bytes:
        """Return the record value."""
        value: dict[str, Any] = {"state": self.state.value, "rows": self.rows}
        if self.estimated_rows is not None:
            value["estimated_rows"] = self.estimated_rows
        if self.planned_to is not None:
            value["planned_to"] = list(self.planned_to)
        if self.is_planned:
            value["is_planned"] = True
        if self.open_ranges:
            value["open_ranges"] = [[_list(one.low), _list(one.high)] for one in self.open_ranges]
        value["started_ms"], value["updated_ms"] = self.started_ms, self.updated_ms
        for name in ("reason", "condition", "surrogate_key", "statement", "key"):
            if getattr(self, name):
                value[name] = getattr(self, name)
        if self.last_key is not None:
            value["last_key"] = list(self.last_key)
        for name in ("is_new", "is_muted"):
            if getattr(self, name):
                value[name] = True
        return _compact(value)

    @classmethod
    def from_json(cls, table: TableId, raw: bytes) -> TableProgress:
        """Read a record's value. Raises FatalError for one that is none."""
        try:
            value = json.loads(raw)
            return cls(
                table,
                TableState(value["state"]),
                int(value["rows"]),
                value.get("estimated_rows"),
                _tuple(value.get("planned_to")),
                bool(value.get("is_planned")),
                tuple(KeyRange(_tuple(low), _tuple(high)) for low, high in value.get("open_ranges", ())),
                int(value["started_ms"]),
                int(value["updated_ms"]),
                value.get("reason", ""),
                value.get("condition"),
                value.get("surrogate_key"),
                value.get("statement"),
                value.get("key", ""),
                _tuple(value.get("last_key")),
                bool(value.get("is_new")),
                bool(value.get("is_muted")),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _unreadable(str(table), raw, error) from error


@dataclass(frozen=True, slots=True)
class SnapshotProgress:
    """A snapshot as a whole."""

    id: str
    """A UUID; of incremental and blocking ones the signal's id."""
    kind: SnapshotKind
    state: SnapshotState = SnapshotState.RUNNING
    started_ms: int = 0
    updated_ms: int = 0
    tables: tuple[TableId, ...] = ()
    """In the order in which they are read."""
    lists: tuple[str, ...] = ()
    """The four lists that said what was captured; a table that they leave out is behind when it is captured later."""
    joined: tuple[str, ...] = ()
    """Ids of further signals whose tables joined it."""
    waiting: tuple[ExecuteSnapshot, ...] = ()
    """What begins behind it, in order; `ProgressLog` puts it into the record."""

    def to_json(self) -> bytes:
        """Return the record value."""
        value: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind.value,
            "state": self.state.value,
            "started_ms": self.started_ms,
            "updated_ms": self.updated_ms,
            "tables": [list(table) for table in self.tables],
            "lists": list(self.lists),
        }
        if self.joined:
            value["joined"] = list(self.joined)
        if self.waiting:
            value["waiting"] = [one.to_value() for one in self.waiting]
        return _compact(value)

    @classmethod
    def from_json(cls, raw: bytes) -> SnapshotProgress:
        """Read a record's value. Raises FatalError for one that is none."""
        try:
            value = json.loads(raw)
            return cls(
                str(value["id"]),
                SnapshotKind(value["kind"]),
                SnapshotState(value["state"]),
                int(value["started_ms"]),
                int(value["updated_ms"]),
                tuple(TableId(database, table) for database, table in value["tables"]),
                tuple(str(one) for one in value.get("lists", ())),
                tuple(str(one) for one in value.get("joined", ())),
                tuple(ExecuteSnapshot.from_value(one) for one in value.get("waiting", ())),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _unreadable("the snapshot", raw, error) from error


def snapshot_key(partition: SourcePartition) -> bytes:
    """Return the key of the record of a snapshot."""
    return partition.key()


def table_key(partition: SourcePartition, table: TableId) -> bytes:
    """Return the key of the record of one of its tables."""
    return _compact([partition.connector, {"server": partition.server}, table.database, table.table])


def belongs_to(partition: SourcePartition) -> Callable[[bytes], bool]:
    """Return what tells whether a key is that of a snapshot or of one of its tables."""
    own = snapshot_key(partition)
    # A table's key goes on where the snapshot's ends, and both are written without blanks.
    prefix = own[:-1] + b","
    return lambda key: key == own or key.startswith(prefix)


def read_key(key: bytes) -> tuple[SourcePartition, TableId | None] | None:
    """Return whose record it is; None for a foreign key."""
    try:
        connector, server, *rest = json.loads(key)
        partition = SourcePartition(connector, server["server"])
        return partition, TableId(*rest) if rest else None
    except (ValueError, KeyError, TypeError):
        return None


def _list(bound: Bound | None) -> list[str] | None:
    return None if bound is None else list(bound)


def _tuple(bound: list[str] | None) -> Bound | None:
    return None if bound is None else tuple(bound)


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _unreadable(what: str, raw: bytes, error: Exception) -> FatalError:
    return FatalError(
        f"The stored progress of {what} cannot be read ({type(error).__name__}: {error}); found {raw[:80]!r}.",
        remedy="delete the record (a null value for its key) to take the snapshot from its beginning",
    )
