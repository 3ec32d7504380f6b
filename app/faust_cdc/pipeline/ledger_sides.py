"""What the ledger of structures asks of its two sides: the history that it keeps, and the server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.mysql.structure_text import DatabaseText
from faust_cdc.relational.model import Table, TableId


class HistoryStore(Protocol):
    """Where lines are kept (`HistoryTopic`, `HistoryFile`)."""

    begins_at: int
    is_ours: bool

    @property
    def where(self) -> str:
        """For messages."""

    def prepare(self) -> None:
        """Make it."""

    def lines(self) -> Iterable[bytes]:
        """Read it."""

    def append(self, line: str) -> None:
        """Add a line."""

    def flush(self) -> None:
        """Make what was added safe."""


class StructureSource(Protocol):
    """What the ledger asks the server."""

    def all_tables(self) -> list[TableId]:
        """Name all tables but the server's own."""

    def read_tables(self, ids: Iterable[TableId]) -> dict[TableId, Table]:
        """Return structures as of now."""

    def create_statements(self, ids: Iterable[TableId]) -> Iterable[tuple[TableId, str]]:
        """Return SHOW CREATE TABLE of each."""

    def databases(self, names: Iterable[str]) -> list[DatabaseText]:
        """Return databases with their charsets."""

    def server_defaults(self) -> tuple[str, str]:
        """Return the server's charset and collation."""

    def ends_at(self, position: BinlogPosition) -> bool:
        """Return whether nothing is in the binlog behind a position."""
