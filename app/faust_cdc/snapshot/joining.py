"""Tables that join later: captured from now on by other lists or by a new name, and to be read to be level.

Each is written as `TableState.BEHIND` before the stream brings anything more of it, and stands so until a snapshot
takes it: one of its own that begins at once, one that is under way, or one that waits and names it. What cannot be read
now (`SourceReads.problem`) stays behind, and is tried again at the next start.

With a key, its changes are written as they come, and its rows are read in chunks (`windows`). Without one a row that is
changed before it is read would be there twice. So nothing is written of it until it is copied whole: it is *muted*, and
the copy shows all that went by (`whole_tables`). That is true as long as two things are:

- Nothing of it was written before. The topics that its records end in, behind routes and transforms, have no record
  then, which is looked at with nothing left uncommitted. Where one has any (the table was captured before, another one
  had its name, several tables share the topic), or where transforms decide by values which topics they are, the table
  is not copied, and it is said by name; its changes are written as they come, as Debezium does with such a table.
- The copy comes. When it is given up (a signal stops it, a row cannot be read, the server does not say any more what a
  read shows), the table is behind again, and still muted: better nothing of it than something that is not the table.
  It is said by name. The next start reads it, if it was not stopped, or a signal that names it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from faust_cdc.mysql.key_ranges import Unchunkable
from faust_cdc.pipeline.captured import CapturedTable, TranscoderCache
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.parsed import Parsed
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.launch import SourceReads, key_of
from faust_cdc.snapshot.progress import TableProgress
from faust_cdc.snapshot.progress_log import ProgressLog

log = logging.getLogger(__name__)

STOPPED = "stopped by a signal"


class ReadsAlready(Protocol):
    """A snapshot that is under way."""

    def is_to_come(self, table: TableId) -> bool:
        """Return whether a table is in it and not read yet."""

    def reads_all_of(self, progress: TableProgress) -> bool:
        """Return whether a table is yet to be read from its beginning."""


class Joining:
    """Keeps which tables are behind. For the task's thread only."""

    def __init__(
        self,
        reads: SourceReads,
        progress_log: ProgressLog,
        cache: TranscoderCache,
        dispatcher: Dispatcher,
        list_tables: Callable[[], list[TableId]],
        read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]],
        accepts: Callable[[TableId], bool],
        holding: Callable[[CapturedTable], str | None],
    ) -> None:
        """`holding` says in words why topics of a table may have committed records, None when they have none."""
        self._reads = reads
        self._log = progress_log
        self._cache = cache
        self._awaited = dispatcher.awaited
        self._list_tables = list_tables
        self._read_tables = read_tables
        self._accepts = accepts
        self._holding = holding
        self._by_statement: list[TableId] = []
        """Tables that a statement brought, under a new name or out of a partition."""
        self.before: TableFilter | None = None
        """What was captured before the lists were changed; tables that it leaves out join."""
        self.tries_again = True
        """What is behind from an attempt before is to be read now; False once that was tried."""
        self._muted: set[TableId] = set()
        self._looked_at: set[TableId] = set()
        self._refused: dict[TableId, str] = {}

    @property
    def is_due(self) -> bool:
        """True when tables joined, or are still to be read from an attempt before."""
        return bool(self._by_statement) or self.before is not None or (self.tries_again and bool(self._log.behind))

    def changed(self, statement: Parsed | None, running: ReadsAlready | None) -> set[TableId]:
        """Take note of a DDL statement; return the tables that come into the place of others by it."""
        if statement is None:
            return set()
        renamed = list(statement.renames())
        # The rows of a partition that is a table now are in the topic of the table that they were of, and not here.
        self._by_statement += [made for made in statement.split_off() if self._accepts(made)]
        self._by_statement += [
            new
            for old, new in renamed
            if self._accepts(new)
            # What is not read of a table that is captured goes by its new name from here on.
            and (not self._accepts(old) or old in self._log.behind or (running is not None and running.is_to_come(old)))
        ]
        return {new for _, new in renamed}

    def take(self, running: ReadsAlready | None, commit: Callable[[], None]) -> list[TableId]:
        """Return the tables that are to be read now; each is written as behind, and committed.

        Behind a crash they are found there. `marked` tells the snapshot that takes one how it stands.
        """
        listed = self._list_tables()
        new = set(self._by_statement) & set(listed)
        if self.before is not None:
            new.update(table for table in listed if not self.before.accepts(table))
        owed = {table for table, one in self._log.behind.items() if self.tries_again and one.reason != STOPPED}
        self._by_statement, self.before, self.tries_again = [], None, False
        for table in set(self._log.behind).difference(listed):
            log.info("Not behind any more, as it is not there or not captured any more: %s", table)
            self._log.drop_table(table)
        if running is not None:
            new = {table for table in new if not running.reads_all_of(TableProgress(table))}
        taken = [table for table in listed if table in new or table in owed]
        muted = self._note(taken)
        if taken:
            commit()
        for table, captured in muted.items():
            if self._may_hold(table, captured):
                self._log.write_table(replace(self._log.behind[table], is_muted=False))
        return taken

    def marked(self, progress: TableProgress) -> TableProgress:
        """Return how a table stands when a snapshot takes it: that it joined, and with a reason if it is not copied."""
        behind = self._log.behind.get(progress.table)
        if behind is None:
            return progress
        if behind.is_muted and progress.table not in self._looked_at:
            structures = self._read_tables([progress.table])
            if progress.table in structures:
                self._may_hold(progress.table, self._cache.for_table(structures[progress.table]))
        return TableProgress(
            progress.table,
            estimated_rows=progress.estimated_rows,
            condition=progress.condition,
            statement=progress.statement,
            surrogate_key=None if behind.is_muted else progress.surrogate_key,
            reason=self._refused.get(progress.table, ""),
            is_new=True,
            is_muted=behind.is_muted,
        )

    def why_not(self, captured: CapturedTable) -> str:
        """Return why a table without a key, of which a part is copied, is not copied again."""
        return refusal(captured.id, self._holding(captured) or "a part of it is copied already")

    def refused(self, states: Mapping[TableId, TableProgress]) -> dict[TableId, str]:
        """Return which tables a signal cannot have read as it asks for, and why."""
        refused = self._reads.refused_conditions(states.values())
        some = [table for table, one in states.items() if one.is_muted and (one.condition or one.statement)]
        reason = "it has no key and nothing of it was written yet, so it is copied whole or not at all"
        return refused | dict.fromkeys(some, reason)

    def stay(self, tables: Iterable[TableId], reason: str) -> None:
        """Write why these tables are not read."""
        for one in [self._log.behind[table] for table in tables if table in self._log.behind]:
            self._log.write_table(one.as_behind(reason))

    def mute(self, relearn: Callable[[], None]) -> None:
        """Have nothing written of the tables that are behind and wait for their copy, and of no other for that."""
        if not self._log.behind and not self._muted:
            return  # asked at every edge
        muted = {table for table, one in self._log.behind.items() if one.is_muted}
        new, past = muted.difference(self._awaited), self._muted - muted
        if not new and not past:
            return
        for table in past:
            if self._awaited.get(table) is _is_muted:
                del self._awaited[table]
        self._awaited.update(dict.fromkeys(new, _is_muted))
        self._muted = muted
        relearn()
        for table in new:
            reason = self._log.behind[table].reason or "it waits for a snapshot that was signalled"
            later = "" if reason == STOPPED else ", and so does the next start of the task"
            log.warning(
                "Nothing is written of %s, which has no key, until it is copied, and it is not copied yet: %s. The "
                "signal execute-snapshot has it copied%s",
                table,
                reason,
                later,
            )

    def _note(self, tables: list[TableId]) -> dict[TableId, CapturedTable]:
        """Write that tables are behind; return those without a key of which nothing must be there."""
        structures = self._read_tables(tables) if tables else {}
        self._cache.remember(structures.values())
        known = [structures[table] for table in tables if table in structures]
        keys = self._reads.keys(known) if known else {}
        muted: dict[TableId, CapturedTable] = {}
        for structure in known:
            table, captured = structure.id, self._cache.for_table(structure)
            before = self._log.behind.get(table)
            is_muted = isinstance(key_of(captured, structure, keys[table]), Unchunkable) and (
                before is None or before.is_muted
            )
            if is_muted and (before is None or not before.reason):
                muted[table] = captured
            self._log.write_table(TableProgress(table, is_new=True, is_muted=is_muted).as_behind(""))
        return muted

    def _may_hold(self, table: TableId, captured: CapturedTable) -> bool:
        """Return whether topics may have its records, which are then the reason that the table is not copied."""
        self._looked_at.add(table)
        self._refused.pop(table, None)
        why = self._holding(captured)
        if why is not None:
            self._refused[table] = refusal(table, why)
        return table in self._refused


def refusal(table: TableId, why: str) -> str:
    """Return why a table without a key is not copied, and the remedy."""
    return (
        f"{table} has no key, and {why}: those of the copy would stand there twice, or "
        "beside another table's. To have it copied, delete the topic's records and ask for a blocking snapshot of the "
        "table, or give the table a primary key"
    )


def _is_muted() -> bool:
    return True
