"""The source transaction that is being read."""

from __future__ import annotations

from dataclasses import dataclass

from faust_cdc.pipeline.held_rows import HeldRows
from faust_cdc.pipeline.savepoints import Savepoints
from faust_cdc.pipeline.transaction_metadata import OpenTransaction


@dataclass(slots=True)
class SourceTransaction:
    """The MySQL transaction being read."""

    gtid: str | None
    commit_us: int | None
    """Original commit time in microseconds since the epoch, where the server says so."""
    thread_id: int | None = None
    is_group: bool = False
    """More events follow until an end; else DDL ends it. BEGIN says so, or MariaDB's GTID, which stands for BEGIN."""
    query: str | None = None
    """With `include.query`: the SQL text of the rows that follow, until their statement ends."""
    metadata: OpenTransaction | None = None
    """With `provide.transaction.metadata`; None for XA and for single DDL statements, as in Debezium."""
    held: HeldRows | None = None
    """Where rows wait for the decision of an XA transaction, or behind a savepoint; others are written at once."""
    is_xa: bool = False
    """`held` waits for the decision of an XA transaction, or has it now."""
    savepoints: Savepoints | None = None
    begin: tuple[str, int] = ("", 0)
    """File and position of its first event."""
    written: bool = False
    """Some of its rows were written at once."""
    events: int = 0
    """Its events so far, from the one that began the group; negative: it is never committed in parts."""
    is_undone: bool = False
    """Its statement is not done; see `GtidEvent.is_undone`."""
