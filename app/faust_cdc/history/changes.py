"""What a statement, a snapshot or a signal does to tables: the values that history and schema change topic are made of.

A statement that drops or renames several tables is several changes, each with a statement of its own, as in Debezium.
"""

from __future__ import annotations

import enum
import logging
from dataclasses import dataclass, replace
from typing import Any

from faust_cdc.history import table_changes
from faust_cdc.relational.model import Table, TableId

log = logging.getLogger(__name__)

DDL_BYTES_MAX = 300_000
"""Of a statement's text in a record: as JSON it may be twice as long, and `tableChanges` stand beside it."""
_CUT = " /* cut here, the statement has "
_CUT_MAX = 100
"""Characters at the end among which that is."""


class ChangeKind(enum.Enum):
    """Debezium's `TableChangeType`, by the names in its records."""

    CREATE = "CREATE"
    ALTER = "ALTER"
    DROP = "DROP"


@dataclass(frozen=True, slots=True)
class StructureChange:
    """What becomes of one table."""

    kind: ChangeKind
    id: TableId
    table: Table | None = None
    """As the change leaves it; None for a table that is dropped."""
    previous: TableId | None = None
    """The name before a RENAME TABLE."""
    gone: TableId | None = None
    """The name before an ALTER TABLE … RENAME, of which Debezium's records say nothing."""

    def as_json(self, *, comments: bool) -> table_changes.TableChange:
        """Return the change as history and schema change topic have it."""
        if self.table is None:
            return table_changes.dropped(self.id)
        if self.kind is ChangeKind.CREATE:
            return table_changes.created(self.table, comments=comments)
        return table_changes.altered(self.table, previous=self.previous, comments=comments)


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One record: a statement and what it does to one table, or to a database."""

    database: str
    """Of the table, or the one that the statement is about; empty for the server as a whole."""
    ddl: str | None
    changes: tuple[StructureChange, ...] = ()
    tables: tuple[TableId, ...] = ()
    """All that the whole statement names; `source.table` has those of `database`."""
    about_database: bool = False
    """It creates, drops or chooses a database, or sets something: `source.table` is absent, not empty."""
    drops_database: bool = False
    """It drops a database with all that is in it, or replaces it by an empty one."""
    schema: str | None = None
    """What a signal calls the schema; no statement of these servers has one."""
    unparsed: bool = False
    """Nobody could read the statement: the tables are those that it names, as they are now."""

    def as_json(self, *, comments: bool) -> list[dict[str, Any]]:
        """Return the member `tableChanges`."""
        return [one.as_json(comments=comments) for one in self.changes]


def shortened(change: SchemaChange) -> SchemaChange:
    """Return a change whose statement fits a record of Kafka's usual size; `tableChanges` tell the same in any case."""
    octets = b"" if change.ddl is None else change.ddl.encode()
    if len(octets) <= DDL_BYTES_MAX:
        return change
    # Imported where it is used: agents know changes before any task has brought the reader of statements.
    from faust_cdc.relational.ddl import beginning

    log.warning("A statement of %d bytes is written down without its end: %s", len(octets), beginning(change.ddl or ""))
    kept = octets[:DDL_BYTES_MAX].decode(errors="ignore")
    return replace(change, ddl=f"{kept}{_CUT}{len(octets)} bytes */")


def is_shortened(statement: str) -> bool:
    """Return whether a line's statement is without its end: it may name more tables than it shows."""
    return _CUT in statement[-_CUT_MAX:] and len(statement.encode()) > DDL_BYTES_MAX
