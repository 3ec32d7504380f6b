"""What is known of tables' structures along the binlog, and the two places where it is written down.

A statement is resolved against the tables as they stood, the changes are written to the history and to the schema
change topic, and then they hold: maxwell's four words. The records of the topic are in the Kafka transaction; the
history is written outside of it, and is safe before the offset behind a statement is committed (`before_commit`). So a
crash repeats lines of the history, which say again what held, and never loses one that an offset relies on.

Where a structure comes from, in this order: the table map itself where the server sends full metadata; the history, as
far as the stream has come; the server as of now, where the history says the same or nothing (`tables`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from faust_cdc.binlog.events import QueryEvent
from faust_cdc.config.history_settings import HistorySettings, OnLoss
from faust_cdc.errors import CdcError, FatalError, TransientError
from faust_cdc.failpoints import reach
from faust_cdc.history.changes import ChangeKind, SchemaChange, StructureChange, shortened
from faust_cdc.history.place import is_at_or_before
from faust_cdc.history.recovered import REBUILDING, REBUILT, REBUILT_LATER, RecoveredHistory
from faust_cdc.history.table_changes import history_json, history_record
from faust_cdc.history.table_reading import as_told
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.notifications.notification import Notification, statement_unparsed
from faust_cdc.offsets import SourceOffset
from faust_cdc.offsets.model import INITIAL_SNAPSHOT
from faust_cdc.pipeline.ddl_reading import KnownTables, NotTold, Outcome, Reading
from faust_cdc.pipeline.history_loss import ON_LOSS_REMEDY, doubt, loss, named
from faust_cdc.pipeline.ledger_sides import HistoryStore, StructureSource
from faust_cdc.pipeline.parsed import Parsed
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.pipeline.schema_change_topic import SchemaChangeTopic
from faust_cdc.pipeline.statement_changes import ResolveStatement, StatementContext, backticks, quoted
from faust_cdc.pipeline.statements import is_about_account
from faust_cdc.pipeline.unread import changes_by_words
from faust_cdc.relational.ddl import beginning
from faust_cdc.relational.filters import TableFilter
from faust_cdc.relational.model import Column, Table, TableId
from faust_cdc.relational.origin import Origin
from faust_cdc.signals.signal import ChangeStructures
from faust_cdc.transcode.source_block import SourceInfo

log = logging.getLogger(__name__)

TOGETHER = 500
"""Tables that are read from the server at once."""
WHOLE_MAX = 1_000
"""Tables of a snapshot that are kept with all that the server says of them; of others what the history tells."""
LONG_LINES, LONG_LINES_PER_TABLE = 10_000, 4
"""A history of ours that has more lines than this, and so many for each table, is written anew."""


@dataclass(frozen=True, slots=True)
class LedgerRules:
    """What goes where."""

    settings: HistorySettings
    server: str
    """The `topic.prefix`."""
    is_mariadb: bool
    comments: bool
    """`include.schema.comments`."""


class StructureLedger:
    """Knows structures along the stream and writes them down. For the task's thread."""

    def __init__(
        self,
        rules: LedgerRules,
        source: StructureSource,
        filters: TableFilter,
        resolvers: Sequence[ResolveStatement],
        store: HistoryStore | None,
        topic: SchemaChangeTopic | None,
        write: Callable[[ChangeRecord], None],
        block: SourceInfo,
    ) -> None:
        """`resolvers` are asked in their order; `write` takes records into the open Kafka transaction."""
        self._rules = rules
        self._settings = rules.settings
        self._source = source
        self._filters = filters
        self.captures = filters.accepts
        self._resolvers = resolvers
        self._store = store
        self._topic = topic
        self._write = write
        self._block = block
        self._history = RecoveredHistory(rules.server, lambda _: True)
        self._changed: dict[TableId, Table] = {}
        """Tables that statements changed since the start, with all that is known of them."""
        self._has_statement = False
        """A statement was taken since the last commit."""
        self._databases: dict[str, tuple[str, str] | None] = {}
        """Defaults; None: there is no such database now, and no statement told of it."""
        self.known: Mapping[TableId, Table] = KnownTables(self.table, lambda: iter({*self._history, *self._changed}))
        """Tables as `table` returns them."""
        self.notify: Callable[[Notification], None] = lambda _: None
        """Called with what users are told."""
        self.on_change: Callable[[TableId], None] = lambda _: None
        """Called with a table whose structure a signal changed, so that what is built for it is built anew."""

    # What is known.

    def table(self, table_id: TableId) -> Table | None:
        """Return a table as it stands where the stream is, as far as the history says.

        Raises FatalError for one whose line cannot be read, where the configuration says that a loss is to fail.
        """
        found = self._changed.get(table_id) or self._history.table(table_id)
        if found is None and self._settings.on_loss is OnLoss.FAIL and table_id in self._history.doubted:
            where = "history" if self._store is None else self._store.where
            raise FatalError(
                f"What the schema history in {where} tells of {table_id} cannot be read: {self._history.first_damage}.",
                remedy=ON_LOSS_REMEDY,
            )
        return found

    def tables(self, ids: Iterable[TableId]) -> dict[TableId, Table]:
        """Return structures as they stand where the stream is; tables of which nothing is known are absent."""
        wanted = list(ids)
        now = self._source.read_tables(wanted)
        found = {table_id: self._completed(table) for table_id, table in now.items()}
        for table_id in wanted:
            if table_id not in found and (told := self.table(table_id)) is not None:
                found[table_id] = told
        return found

    def origin(self, table_id: TableId) -> Origin:
        """Return where `tables` has a structure from."""
        return Origin.HISTORY if table_id in self._changed or table_id in self._history else Origin.SERVER

    def _completed(self, now: Table) -> Table:
        """Return a table as the history has it; a column that is the same now with all that the server says of it."""
        told = self.table(now.id)
        if told is None or told.is_told_in_full:  # with keys, which a server that is further on may have no more
            return told or now
        shown = {column.name: (column, _plain(column)) for column in now.columns}
        as_history = {column.name: _plain(column) for column in as_told(now, comments=False).columns}
        columns = tuple(
            replace(shown[column.name][0], position=column.position)
            if as_history.get(column.name) == _plain(column)
            else column
            for column in told.columns
        )
        if columns == now.columns and told.primary_key == now.primary_key and told.charset in (None, now.charset):
            self._changed[now.id] = now  # the same, and all of it
            return now
        charset = told.charset or now.charset
        # Not told in full either: collation and keys are not those of later on.
        return replace(told, columns=columns, charset=charset, comment=now.comment)

    def charset(self, database: str) -> tuple[str, str] | None:
        """Return a database's charset and collation, None for one that is not known."""
        if database not in self._databases:
            found = {one.name: (one.charset, one.collation) for one in self._source.databases([database])}
            self._databases[database] = found.get(database)
        return self._databases[database]

    # The start.

    def recover(self, offset: SourceOffset) -> None:
        """Read the history up to `offset`; one that is lost or damaged is rebuilt.

        Raises FatalError where the configuration says that a loss is to fail, BrokerUnavailable.
        """
        store = self._store
        if store is None:
            return
        began = time.monotonic()
        history = RecoveredHistory(
            self._rules.server, is_at_or_before(offset.to_map(), is_mariadb=self._rules.is_mariadb)
        )
        for line in store.lines():
            history.add(line)
        self._history = history
        if untold := history.unread - history.doubted:
            log.info("Read from the server, a statement in the history being all: %s", named(untold))
        log.info(
            "Schema history in %s: %d lines, %d tables, in %.1f s",
            store.where, history.lines, len(history), time.monotonic() - began,
        )  # fmt: skip
        problem = loss(history, store, self._rules.server)
        if problem is None:
            store.prepare()
            self._shorten(offset)
        else:
            self._rebuild(offset, problem)

    def _rebuild(self, offset: SourceOffset, problem: str) -> None:
        assert self._store is not None
        text = f"The schema history in {self._store.where} {problem}."
        if self._settings.on_loss is OnLoss.FAIL:
            raise FatalError(text, remedy=ON_LOSS_REMEDY)
        known, doubted = len(self._history), frozenset(self._history.doubted)
        self._store.prepare()
        self._mark(REBUILDING, offset)
        count = self._write_all(offset)
        is_current = self._source.ends_at(BinlogPosition(offset.file, offset.pos))
        self._mark(REBUILT if is_current else REBUILT_LATER, offset)
        self.before_commit()
        log.warning(
            "%s It is rebuilt: %d tables are written to it, %d of them as it still told, the others as the server has "
            "them now. Rows that come from before a change of structure are read by their table maps, which tell all "
            "with binlog_row_metadata=FULL.",
            text, count, known,
        )  # fmt: skip
        if doubted and not is_current:
            log.warning(doubt(doubted, self._store.where, offset))

    def _mark(self, comment: str, offset: SourceOffset) -> None:
        """Write where a rebuilding begins or ends, in the statement that a snapshot begins with."""
        assert self._store is not None, "there is one that is rebuilt"
        line = self._line(self._server_charset(comment), _as_snapshot(offset).to_map())
        self._store.append(line)
        self._history.add(line.encode())

    def _shorten(self, offset: SourceOffset) -> None:
        """Write a history of our own anew when it has many more lines than tables."""
        shorten = getattr(self._store, "shorten", None)
        limit = LONG_LINES + LONG_LINES_PER_TABLE * len(self._history)
        lines = self._history.lines
        if shorten is None or self._store is None or not self._store.is_ours or lines <= limit:
            return
        if shorten(lambda: self._write_again(offset)):
            log.info("The schema history in %s is shortened: it had %d lines", self._store.where, lines)

    def _write_again(self, offset: SourceOffset) -> None:
        """Write the last line of each table anew, as of `offset`: to make lines of tables takes a second a thousand."""
        assert self._store is not None, "there is one that is shortened"
        place = _as_snapshot(offset)
        position, rest = history_json(place.to_map()).encode(), list[TableId]()
        for table_id in self._history:
            line = self._history.line_at(table_id, position)
            if line is None:
                rest.append(table_id)
            else:
                self._store.append(line.decode().rstrip())
        rest += [one for one in self._source.all_tables() if self._is_snapshotted(one) and one not in self._history]
        self._write_tables(rest, place)

    def _write_all(self, offset: SourceOffset) -> int:
        """Write the structures of all tables as they stand at `offset`; return of how many."""
        told = [one for one in self._history if one not in self._changed]
        listed = [one for one in self._source.all_tables() if self._is_snapshotted(one)]
        missing = set(told).difference(listed)
        return self._write_tables([*listed, *sorted(missing)], _as_snapshot(offset))

    def _write_tables(self, tables: Sequence[TableId], place: SourceOffset) -> int:
        count = 0
        for some in _some(tables):
            for table in self.tables(some).values():
                change = StructureChange(ChangeKind.CREATE, table.id, table)
                line = self._line(SchemaChange(table.id.database, None, (change,), (table.id,)), place.to_map())
                assert self._store is not None, "there is one that is written anew"
                self._store.append(line)
                if table.id not in self._history:  # it holds, as behind the next start: the server may go on
                    self._history.add(line.encode())
                count += 1
        return count

    def begin(self, place: SourceOffset) -> SourceOffset:
        """Begin the history of a stream that begins at `place` without any structures; return the place.

        With its first line, the one that a snapshot's begins with, a history of no table is none that is lost.
        """
        if self._store is not None:
            self._store.prepare()
            self._keep(self._server_charset(), replace(place, snapshot=INITIAL_SNAPSHOT).to_map())
            self.before_commit()
        return place

    def _server_charset(self, comment: str = "") -> SchemaChange:
        charset, collation = self._source.server_defaults()
        ddl = f"SET character_set_server={charset}, collation_server={collation}{comment}"
        return SchemaChange("", ddl, about_database=True)

    # A snapshot of structures.

    def snapshot(
        self, place: SourceOffset, rows_follow: bool = False, placed_tables: Mapping[TableId, Table] | None = None
    ) -> None:
        """Write the structures of now, as those of `place`: to the history and the topic, as Debezium's snapshot.

        `placed_tables` are written instead where they are given. Unless `rows_follow`, the last record is marked as
        that of the whole snapshot.
        """
        if not self.tells:
            return
        if self._store is not None:
            self._store.prepare()
        began, marked = time.monotonic(), replace(place, snapshot=INITIAL_SNAPSHOT)
        self._changed = {}
        # Lines that cannot be read stay: without the marks they would be a loss behind this snapshot too.
        is_lost = self._is_damaged()
        self._history = RecoveredHistory(self._rules.server, lambda _: True)
        if is_lost:
            self._mark(REBUILDING, place)
        tables = self.to_be_told() if placed_tables is None else list(placed_tables)
        self._tell(self._server_charset(), marked, is_captured=True)
        for one in tables:
            dropped = SchemaChange(
                one.database, f"DROP TABLE IF EXISTS {quoted(one)}", (StructureChange(ChangeKind.DROP, one),), (one,)
            )
            self._tell(dropped, marked, is_captured=self._filters.accepts(one))
        by_database: dict[str, list[TableId]] = {}
        for one in tables:
            by_database.setdefault(one.database, []).append(one)
        for database in self._source.databases(by_database):
            name = backticks(database.name)
            for ddl in (
                f"DROP DATABASE IF EXISTS {name}",
                f"CREATE DATABASE {name} CHARSET {database.charset} COLLATE {database.collation}",
                f"USE {name}",
            ):
                self._tell(SchemaChange(database.name, ddl, about_database=True), marked, is_captured=False)
            self._databases[database.name] = database.charset, database.collation
            last = None if rows_follow else tables[-1]
            self._snapshot_tables(by_database[database.name], marked, last, placed_tables)
        if is_lost:
            self._mark(REBUILT, place)
        self.before_commit()
        log.info("Structures of %d tables written down in %.1f s", len(tables), time.monotonic() - began)

    def _is_damaged(self) -> bool:
        history = RecoveredHistory(self._rules.server, lambda _: True)
        for line in () if self._store is None else self._store.lines():
            history.add(line)
        return history.damaged > 0 or history.is_rebuilding

    @property
    def tells(self) -> bool:
        """Whether structures are written anywhere."""
        return self._store is not None or self._topic is not None

    def to_be_told(self) -> list[TableId]:
        """Return the tables that there are now and of which a snapshot tells."""
        return [one for one in self._source.all_tables() if self._is_snapshotted(one)]

    def _snapshot_tables(
        self, tables: Sequence[TableId], at: SourceOffset, last: TableId | None, known: Mapping[TableId, Table] | None
    ) -> None:
        for some in _some(tables):
            structures = self._source.read_tables(some) if known is None else known
            texts = dict(self._source.create_statements([one for one in some if one in structures]))
            for table_id in some:
                ddl = texts.get(table_id)
                if ddl is None and known is None:
                    continue  # it is gone; that a known one is gone, behind the place, the stream tells
                change = StructureChange(ChangeKind.CREATE, table_id, structures[table_id])
                told = SchemaChange(table_id.database, ddl, (change,), (table_id,))
                marker = "last" if table_id == last else "true"
                self._tell(told, at, is_captured=self._filters.accepts(table_id), marker=marker)
                if len(self._changed) < WHOLE_MAX:
                    self._changed[table_id] = structures[table_id]

    def _is_snapshotted(self, table_id: TableId) -> bool:
        if self._settings.only_captured_tables:
            return self._filters.accepts(table_id)
        return not self._settings.only_captured_databases or self._filters.accepts_database(table_id.database)

    # Statements and signals.

    def statement(
        self, event: QueryEvent, statement: str, reading: Reading, place: Mapping[str, Any], block: SourceInfo
    ) -> None:
        """Take a statement of the stream, and what was read of it, against the tables before it.

        `place` is the offset's map that its line has, `block` its source block.
        """
        found = reading if isinstance(reading, Outcome) else None
        self._note_databases(reading)
        if any(pattern.fullmatch(statement) for pattern in self._settings.left_out):
            return
        after = None if found is None else self._after(found)
        changes = None
        if reading.parsed is not None:
            changes = self._resolve(reading.parsed, StatementContext(self.table, after), event)
        if isinstance(reading, NotTold) and reading.is_unread:
            changes = self._unread(event, statement, changes)
        if changes:
            self._write_down(changes, place, block)
        if found is not None and after is not None:  # it holds, whatever was written down of it
            for table_id in found.gone:
                self._forget(table_id)
            for table_id, table in after.items():  # also what no record tells of: keys
                self._forget(table_id)
                self._changed[table_id] = table
        self._has_statement = True
        reach("ddl.written")

    def _after(self, found: Outcome) -> Mapping[TableId, Table]:
        """Return the tables behind a statement, without those of which its text may not be true.

        CREATE TABLE IF NOT EXISTS leaves a table as it is that is there, and its text may be years old. Where a history
        that tells of all tables tells of none, there is none; else the server says what the table is.
        """
        return {
            one: table
            for one, table in found.tables.items()
            if one not in found.unsure or self._tells_that_there_is_none(one)
        }

    def _tells_that_there_is_none(self, table_id: TableId) -> bool:
        """Return whether a table is not there for certain. With a part of the tables kept, the lists may have grown."""
        history = self._history
        if not self._has_all or history.damaged or history.may_lack_dropped or table_id in history.unread:
            return False
        return self.table(table_id) is None

    @property
    def _has_all(self) -> bool:
        is_part = self._settings.only_captured_tables or self._settings.only_captured_databases
        return self._history.is_of_snapshot and not is_part

    @property
    def is_whole(self) -> bool:
        """Whether `known` has all captured tables that there are where the stream stands, as they are there."""
        # A rebuilt history may lack tables that were dropped where the stream has not come yet.
        history = self._history
        return self._has_all and not history.may_lack_dropped and not any(map(self.captures, history.unread))

    def _unread(
        self, event: QueryEvent, statement: str, changes: Sequence[SchemaChange] | None
    ) -> Sequence[SchemaChange]:
        """Return the changes of a statement that nobody can read, flagged, and tell of it.

        Where its first words do not tell what it is about (`changes` None), those are all tables that it names; none
        for a statement about accounts, which has passwords: `user` and `host` may be tables too.
        """
        if changes is None:
            is_secret, tables = is_about_account(statement), {*self.known, *self._source.all_tables()}
            read = self._source.read_tables
            changes = () if is_secret else changes_by_words(event, self._rules.is_mariadb, tables, read)
        named = {table for change in changes for table in change.tables}
        where = f"{event.header.file}:{event.header.pos}"
        self.notify(statement_unparsed(self._rules.server, where, beginning(statement), sorted(named)))
        return [replace(change, unparsed=True) for change in changes]

    def _note_databases(self, reading: Reading) -> None:
        """Let a statement's words about databases hold; what it does not tell is asked for when it is needed."""
        if not isinstance(reading, Outcome):
            self._databases = {} if reading.is_unread else self._databases
            return
        for database, charset in reading.databases.items():
            self._databases.pop(database, None)
            if charset is not None:
                self._databases[database] = charset

    def _write_down(self, changes: Sequence[SchemaChange], place: Mapping[str, Any], block: SourceInfo) -> None:
        """Publish and keep what is to be, and let it hold."""
        if self._settings.only_captured_tables and not self._concerns_captured(changes):
            self._hold(changes)
            return
        # A statement's time is good to the millisecond in Debezium's records, whatever the GTID event says.
        block = replace(block, ts_us=block.ts_ms * 1000, ts_ns=block.ts_ms * 1_000_000)
        for change in changes:
            if self._is_skipped(change):
                continue
            told = shortened(change)
            self._publish(told, block)
            if self._is_stored(change):
                self._keep(told, place)
        self._hold(changes)

    def _resolve(self, parsed: Parsed, context: StatementContext, event: QueryEvent) -> Sequence[SchemaChange] | None:
        where = f"{event.header.file}:{event.header.pos}"
        for resolve in self._resolvers:
            try:
                changes = resolve(parsed, context)
            except TransientError:
                raise
            except CdcError as error:
                log.warning("The statement at %s is not understood (%s); what it names is read again", where, error)
                continue
            except Exception:  # a bug of ours stops nothing
                log.exception("Looking for what the statement at %s: %s names failed", where, beginning(event.query))
                continue
            if changes is not None:
                return changes
        return None

    def signal(self, command: ChangeStructures, offset: SourceOffset) -> None:
        """Take what a signal says of tables; the caller covers what is written."""
        now_us = time.time_ns() // 1000
        block = self._block.at(
            ts_us=now_us // 1000 * 1000, server_id=offset.server_id, gtid=None, file=offset.file, pos=offset.pos,
            thread=None,
        )  # fmt: skip
        for one in command.changes:
            change = SchemaChange(command.database, None, (one,), (one.id,), schema=command.schema)
            log.info("Structure of %s by signal %r: %s", one.id, command.id, one.kind.value)
            self._publish(change, block)
            if self._is_stored(change):
                self._keep(change, offset.to_map())
            self._hold([change])
            self.on_change(one.id)

    def before_commit(self) -> None:
        """Make the history safe. To be called before an offset is committed that is behind what it tells."""
        if self._store is not None:
            self._store.flush()
        if self._has_statement:
            self._has_statement = False
            reach("ddl.safe")

    def _hold(self, changes: Iterable[SchemaChange]) -> None:
        """Let changes hold from here on."""
        for change in changes:
            for one in change.changes:
                for before in (one.previous, one.gone):
                    if before is not None:
                        self._forget(before)
                self._forget(one.id)
                if one.table is not None:
                    self._changed[one.id] = one.table
            if change.drops_database:
                self._history.forget(lambda one, name=change.database: one.database == name)  # type: ignore[misc]
                self._changed = {i: t for i, t in self._changed.items() if i.database != change.database}
            if not change.changes:
                for table_id in change.tables:  # changed, and nobody knows how
                    self._forget(table_id)
                    self._history.unread.add(table_id)

    def _forget(self, table_id: TableId) -> None:
        self._changed.pop(table_id, None)
        self._history.discard(table_id)
        self._history.unread.discard(table_id)

    def _tell(self, change: SchemaChange, place: SourceOffset, *, is_captured: bool, marker: str = "true") -> None:
        """Write a change of a snapshot down; it holds."""
        now_ns = time.time_ns()
        block = self._block.at(
            ts_us=now_ns // 1000, server_id=0, gtid=None, file=place.file, pos=place.pos, thread=None, snapshot=marker
        )
        self._publish(change, replace(block, ts_ns=now_ns))
        line = self._line(change, replace(place, ts_sec=now_ns // 1_000_000_000).to_map())
        if change.changes:
            self._history.add(line.encode())
        if self._store is not None and (is_captured or not self._settings.only_captured_tables):
            self._store.append(line)

    def _publish(self, change: SchemaChange, block: SourceInfo) -> None:
        if self._topic is not None:
            self._write(self._topic.record(change, block, time.time_ns() // 1_000_000))

    def _keep(self, change: SchemaChange, place: Mapping[str, Any]) -> None:
        if self._store is not None:
            self._store.append(self._line(change, place))

    def _line(self, change: SchemaChange, place: Mapping[str, Any]) -> str:
        changes = change.as_json(comments=self._rules.comments)
        now_ms = time.time_ns() // 1_000_000
        record = history_record(self._rules.server, place, now_ms, change.database, change.ddl, changes, change.schema)
        return history_json(record)

    def _is_skipped(self, change: SchemaChange) -> bool:
        """Neither kept nor published: of a database that is not captured, where only those are asked for."""
        only = self._settings.only_captured_databases or self._settings.only_captured_tables
        return only and bool(change.database) and not self._filters.accepts_database(change.database)

    def _is_stored(self, change: SchemaChange) -> bool:
        if not self._settings.only_captured_tables or not change.database:
            return True
        return any(self._filters.accepts(one.id) for one in change.changes)

    def _concerns_captured(self, changes: Iterable[SchemaChange]) -> bool:
        for change in changes:
            if change.about_database:
                if not change.database or self._filters.accepts_database(change.database):
                    return True
            elif any(self._filters.accepts(table) for table in change.tables):
                return True
        return False


def _as_snapshot(offset: SourceOffset) -> SourceOffset:
    """Return an offset as a snapshot of structures has it there."""
    return replace(offset, snapshot=INITIAL_SNAPSHOT, event=0, row=0, extra={})


def _some(tables: Sequence[TableId]) -> Iterator[Sequence[TableId]]:
    return (tables[first : first + TOGETHER] for first in range(0, len(tables), TOGETHER))


def _plain(column: Column) -> Column:
    return replace(column, comment="", position=0)
