"""Rows in the binlog that were rolled back all the same: behind `ROLLBACK TO`, and in groups that end with `ROLLBACK`.

A server takes undone rows out of its transaction cache before it writes the binlog, except where it thinks that a
replica must repeat the transaction as it went: MariaDB when the transaction also changed a table without transactions
behind the savepoint, or made or dropped a temporary table; MySQL when it dropped a temporary one that is in the binlog.
Then the rows stand there, with `SAVEPOINT`, `ROLLBACK TO` and `ROLLBACK` among them (seen on MariaDB 10.11). Rows of
tables without transactions never do: they have a group of their own that ends with COMMIT (MySQL 5.5, MariaDB 5.3).

So rows behind a SAVEPOINT are held until the group's end, and ROLLBACK TO drops some of them. A final ROLLBACK cannot
be foreseen, and holding all rows back for it would cost every transaction. It is rare: where rows of its group were
written, the Kafka transaction is aborted, as after a crash, and the group, known now, is held in the repeat.
Source: mysql-server `sql/binlog.cc` (`trans_cannot_safely_rollback`), MariaDB `sql/log.cc` (`binlog_rollback`).
"""

from __future__ import annotations

import re

from faust_cdc.errors import AbortableError, FatalError
from faust_cdc.pipeline.held_rows import HeldRows, Mark
from faust_cdc.pipeline.transaction_metadata import OpenTransaction
from faust_cdc.relational.model import TableId

_NAME = re.compile(r"\s*(?:rollback\s+to\s+)?(?:savepoint\s+)?(`(?:[^`]|``)+`|\S+?)\s*;?\s*$", re.IGNORECASE)

_Counts = tuple[int, dict[TableId, int]]


class Savepoints:
    """The savepoints of one transaction, by name as the server compares them: without regard to case."""

    def __init__(self, held: HeldRows, metadata: OpenTransaction | None) -> None:
        self._held = held
        self._metadata = metadata
        self._marks: dict[str, tuple[Mark, _Counts | None]] = {}

    def set(self, statement: str) -> None:
        """Take note of a SAVEPOINT."""
        counts = None if self._metadata is None else self._metadata.counts()
        self._marks[_name(statement)] = (self._held.mark(), counts)

    def roll_back_to(self, statement: str, where: str) -> None:
        """Drop the rows behind the savepoint. Raises FatalError when the binlog has none of that name."""
        found = self._marks.get(_name(statement))
        if found is None:
            raise FatalError(
                f"{where}: {statement[:120]!r} goes back to a savepoint that is not in this transaction; which of its "
                "rows are undone cannot be said.",
                remedy="take a new snapshot (delete the connector's offsets), and report this to us",
            )
        mark, counts = found
        self._held.cut(mark)
        if self._metadata is not None and counts is not None:
            self._metadata.count_again_from(counts)


class Rollbacks:
    """The groups of events that end with ROLLBACK, by file and position, as far as they were met."""

    def __init__(self) -> None:
        self._known: set[tuple[str, int]] = set()

    def __contains__(self, begin: object) -> bool:
        return begin in self._known

    def __len__(self) -> int:
        return len(self._known)

    def drop_all(self, begin: tuple[str, int], held: HeldRows | None, written: bool) -> None:
        """Drop a group's rows. Raises AbortableError when some are written: the repeat holds them."""
        if written:
            self._known.add(begin)
            raise AbortableError(
                f"The transaction at {begin[0]}:{begin[1]} ends with ROLLBACK behind rows that are written already: "
                "the Kafka transaction is aborted and repeated without them."
            )
        self._known.discard(begin)
        if held is not None:
            held.cut(Mark(0, 0))


def _name(statement: str) -> str:
    found = _NAME.match(statement)
    return (found[1] if found else statement).strip("`").replace("``", "`").casefold()
