"""DDL statements of the binlog, each read once: `relational.ddl` with what the task knows at its place.

`StatementReader` makes a `Reading` of a Query event, and whoever asks what the statement does is handed that one: the
foreseeing of schemas (`captured`), and the history (`structure_ledger`). It is an `Outcome`, which has no tables where
the statement changes none, or it is `NotTold`, and the tables concerned are read again.

The tables before a statement are those that the history tells, as far as the last rows show the same columns
(`stood`): table maps rule over what is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from faust_cdc.binlog.events import QueryEvent
from faust_cdc.errors import CdcError
from faust_cdc.pipeline.parsed import Parsed, headed, parsed
from faust_cdc.pipeline.renamed_columns import RenamedColumns, renamed_columns
from faust_cdc.relational.ddl import (
    ChangeKind,
    CharsetPair,
    DdlContext,
    DdlSyntaxError,
    Statement,
    TableChange,
    Unresolvable,
    beginning,
    named_tables,
    resolve,
)
from faust_cdc.relational.ddl.statements import AlterDatabase, CreateDatabase, CreateTable
from faust_cdc.relational.model import Column, Table, TableId

log = logging.getLogger(__name__)

_UTF8MB4_DEFAULTS: Final[Mapping[int | None, str]] = {45: "utf8mb4_general_ci", 255: "utf8mb4_0900_ai_ci"}
"""The two that MySQL's default_collation_for_utf8mb4 can be."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement leaves of the tables that it changes; it may change none."""

    tables: Mapping[TableId, Table] = field(default_factory=dict)
    """As they are behind it."""
    gone: frozenset[TableId] = frozenset()
    """Dropped, or under another name."""
    unsure: frozenset[TableId] = frozenset()
    """Of `tables`: made IF NOT EXISTS and not known before, so they may have been there, and be others."""
    databases: Mapping[str, CharsetPair | None] = field(default_factory=dict)
    """Databases that it makes, changes or drops, with the defaults that its text names; None: it names none."""
    named: frozenset[TableId] = field(default=frozenset(), compare=False)
    """Tables that it may change, also where it is nothing to those that are known: IF EXISTS of one that is not."""
    untold: Mapping[TableId, frozenset[str]] = field(default_factory=dict, compare=False)
    """Columns of `tables` whose default its text does not tell."""
    renamed: tuple[RenamedColumns, ...] = field(default=(), compare=False)
    """Columns that it renames."""
    parsed: Parsed | None = field(default=None, compare=False)
    """What its text says; None where no text was read."""

    @property
    def concerned(self) -> frozenset[TableId]:
        """All tables that are not what they were."""
        return self.gone | self.tables.keys()


@dataclass(frozen=True, slots=True)
class NotTold:
    """The statement's text does not tell what it does."""

    reason: str
    tables: tuple[TableId, ...] = ()
    """Those that it is about; empty: whichever it names."""
    is_unread: bool = False
    """It is not even known what kind of statement it is: nobody can read it."""
    renamed: tuple[RenamedColumns, ...] = field(default=(), compare=False)
    """Columns that it renames, as far as its text tells that."""
    parsed: Parsed | None = field(default=None, compare=False)
    """What its text says, as far as it was read."""


Reading: TypeAlias = Outcome | NotTold


@dataclass(slots=True)
class DdlCounts:
    """How many statements were read, and what came of it. Each is counted once."""

    told: int = 0
    read_again: int = 0
    """Their text does not tell what they do."""
    unparsed: int = 0
    """Nobody can read them."""
    failed: int = 0
    """Our reader failed at them."""


ReadStatement = Callable[[QueryEvent, Mapping[TableId, Table]], Reading]
"""(DDL statement, tables before it) → what it does."""


class KnownTables(Mapping[TableId, Table]):
    """Tables by name, made when they are asked for."""

    def __init__(self, table: Callable[[TableId], Table | None], ids: Callable[[], Iterator[TableId]]) -> None:
        self._table = table
        self._ids = ids

    def __getitem__(self, table_id: TableId) -> Table:
        found = self._table(table_id)
        if found is None:
            raise KeyError(table_id)
        return found

    def __iter__(self) -> Iterator[TableId]:
        return self._ids()

    def __len__(self) -> int:
        return sum(1 for _ in self._ids())


class KnownCharsets(Mapping[str, CharsetPair]):
    """The defaults of databases, asked for one by one."""

    def __init__(self, charset: Callable[[str], tuple[str, str] | None]) -> None:
        self._charset = charset

    def __getitem__(self, database: str) -> CharsetPair:
        found = self._charset(database)
        if found is None:
            raise KeyError(database)
        return CharsetPair(*found)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class StatementReader:
    """Reads the statements of one server."""

    def __init__(
        self,
        read_context: Callable[[], DdlContext],
        charset: Callable[[str], tuple[str, str] | None],
        counts: DdlCounts | None = None,
        read_tables: Callable[[Iterable[TableId]], dict[TableId, Table]] = lambda _: {},
    ) -> None:
        """`read_context` asks the server, when the first statement comes; `charset` gives a database's defaults.

        `read_tables` gives structures as of now, for the defaults that a text does not tell.
        """
        self._read_tables = read_tables
        self.counts = DdlCounts() if counts is None else counts
        self._read_context = read_context
        self._databases = KnownCharsets(charset)
        self._context: DdlContext | None = None

    def __call__(self, event: QueryEvent, tables: Mapping[TableId, Table]) -> Reading:
        """Return what a statement of the binlog does to `tables`. Raises what asking the server raises.

        A bug of our own stops nothing: a statement at which the reader fails is one that nobody can read.
        """
        where = f"{event.header.file}:{event.header.pos}: {beginning(event.query)}"
        try:
            context = self._context_of(event)
            said = parsed(event, context)
            found = resolved(said.statements, tables, context)
            renamed = renamed_columns(said.statements, tables, context)
        except DdlSyntaxError as error:
            self.counts.unparsed += 1
            log.warning(
                "The statement at %s cannot be read at character %d, expected %s; the tables that it names are read "
                "again", where, error.offset, error.expected,
            )  # fmt: skip
            why = f"at character {error.offset} {error.expected} is expected"
            return NotTold(why, is_unread=True, parsed=self._headed(event))
        except (CdcError, MemoryError):
            raise
        except Exception as bug:
            self.counts.failed += 1
            log.exception(
                "Our reader failed at the statement at %s; the tables that it names are read again. Please report this "
                "with the whole statement", where,
            )  # fmt: skip
            why = f"our reader failed ({type(bug).__name__})"
            return NotTold(why, is_unread=True, parsed=self._headed(event))
        if isinstance(found, Outcome):
            found = replace(found, renamed=renamed) if renamed else found
            if not found.untold:
                self.counts.told += 1
                return replace(found, parsed=said)
            self.counts.read_again += 1
            return self._with_defaults(replace(found, parsed=said), where)
        self.counts.read_again += 1
        log.info("What the statement at %s does is read again: %s", where, found.reason)
        return NotTold(found.reason, found.tables, renamed=renamed, parsed=said)

    def _with_defaults(self, outcome: Outcome, where: str) -> Outcome:
        """Return the outcome with the defaults that the server shows now, of columns that are there as they were made.

        Nothing else is taken from the server: it is ahead of the stream, and the names of now are not those of the rows
        that come next. A default that cannot be had stays an expression that nobody knows, and no schema tells it.
        """
        now, tables = self._read_tables(outcome.untold), dict(outcome.tables)
        for table_id, names in outcome.untold.items():
            shown = {} if table_id not in now else {one.name: one for one in now[table_id].columns}
            tables[table_id] = replace(
                tables[table_id],
                columns=tuple(
                    _with_default_of(one, shown.get(one.name)) if one.name in names else one
                    for one in tables[table_id].columns
                ),
            )
            log.info("Defaults that the statement at %s does not tell are read again: %s", where, sorted(names))
        return replace(outcome, tables=tables)

    def _headed(self, event: QueryEvent) -> Parsed | None:
        """Return what the first words of a statement tell that nobody can read."""
        try:
            return headed(event, self._context_of(event))
        except (CdcError, MemoryError):
            raise
        except Exception:
            log.exception("Our reader failed at the first words of the statement, too")
            return None

    def _context_of(self, event: QueryEvent) -> DdlContext:
        if self._context is None:
            self._context = self._read_context()
        context = replace(
            self._context, database=event.database, databases=self._databases, sql_mode=event.sql_mode or 0
        )
        if event.explicit_defaults_for_timestamp is not None:
            context = replace(context, explicit_defaults_for_timestamp=event.explicit_defaults_for_timestamp)
        if event.server_collation != context.server_collation_id:
            context = replace(context, server_collation_id=None)
        if event.utf8mb4_collation in _UTF8MB4_DEFAULTS:
            collations = {**context.default_collations, "utf8mb4": _UTF8MB4_DEFAULTS[event.utf8mb4_collation]}
            context = replace(context, default_collations=collations)
        return context


def read_nothing(_event: QueryEvent, _tables: Mapping[TableId, Table]) -> Reading:
    """Tell nothing of a statement: for streams whose DDL is not read."""
    return NotTold("statements are not read here")


def resolved(
    statements: Iterable[Statement], known: Mapping[TableId, Table], context: DdlContext
) -> Outcome | Unresolvable:
    """Return what statements make of tables, one after another."""
    tables: dict[TableId, Table] = {}
    gone: set[TableId] = set()
    unsure: set[TableId] = set()
    named: set[TableId] = set()
    databases: dict[str, CharsetPair | None] = {}
    untold: dict[TableId, frozenset[str]] = {}
    before = known
    for statement in statements:
        if tables or gone:  # never with the one statement of an event: `known` may be large, and slow to list
            before = {one: table for one, table in {**known, **tables}.items() if one not in gone}
        changes = resolve(statement, before, context)
        if isinstance(changes, Unresolvable):
            # All else that the text tells holds, and reading it from the server may be reading a later time.
            without = replace(context, untold=set())
            again = resolve(statement, before, without)
            if isinstance(again, Unresolvable):
                return changes
            changes = again
            for one in changes:
                if one.table is not None:
                    untold[one.id] = untold.get(one.id, frozenset()).union(without.untold or ())
        if any(_is_twice(one) for one in changes):
            return Unresolvable("the table that is known has it already", tuple(one.id for one in changes))
        if changes or not isinstance(statement, CreateTable):  # a CREATE of nothing is of a table that is known
            named.update(named_tables(statement, context))
        if isinstance(statement, CreateTable) and statement.if_not_exists:
            unsure.update(one.id for one in changes if one.id not in before)
        for change in changes:
            if not change.id.table:
                databases[change.id.database] = change.charset if _tells_charset(statement, context) else None
            elif change.kind is not ChangeKind.TRUNCATE:
                left = {one for one in (change.previous, change.id if change.table is None else None) if one}
                gone |= left
                tables = {one: table for one, table in tables.items() if one not in left}
        made = {one.id: one.table for one in changes if one.table and one.kind is not ChangeKind.TRUNCATE}
        tables |= made
        gone -= made.keys()
    untold = {one: columns for one, columns in untold.items() if columns and one in tables}
    return Outcome(tables, frozenset(gone), frozenset(unsure), databases, frozenset(named), untold)


def _with_default_of(column: Column, now: Column | None) -> Column:
    if now is None or now.type_expression != column.type_expression:
        return column
    return replace(
        column, has_default=now.has_default, default=now.default, default_is_expression=now.default_is_expression
    )


def _tells_charset(statement: Statement, context: DdlContext) -> bool:
    """Return whether a statement about a database names its defaults, or its session's are known to be the server's."""
    if not isinstance(statement, CreateDatabase | AlterDatabase):
        return False
    is_default = isinstance(statement, CreateDatabase) and context.server_collation_id is not None
    return bool(statement.options.charset or statement.options.collation) or is_default


def _is_twice(change: TableChange) -> bool:
    """Return whether a column is there twice: the structure that the statement met was that of later on."""
    if change.table is None:
        return False
    names = [column.name.lower() for column in change.table.columns]
    return len(names) != len(set(names))


def stood(told: Table | None, seen: Table | None) -> Table | None:
    """Return a table as it stood before a statement; None: that is not known.

    `told` is what the history says, `seen` what the last rows were. Other columns than it tells show that the history
    is wrong there: it has the structure of a later time. Of `seen` only what has all that the server says is taken: a
    table map tells neither defaults nor keys.
    """
    if told is None or (seen is not None and _columns(seen) != _columns(told)):
        return seen if seen is not None and _is_whole(seen) else None
    return told


def _columns(table: Table) -> list[tuple[str, str]]:
    return [(column.name, column.type_name) for column in table.columns]


def _is_whole(table: Table) -> bool:
    """Return whether a table has all that the server says of it, and of one time.

    A table map tells columns and primary key, and the keys beside them may be those of the server as of now.
    """
    names = {column.name for column in table.columns}
    if not all(column.type_expression for column in table.columns):
        return False
    if any(column is not None and column not in names for key in table.keys for column in key.columns):
        return False
    primary = next((key.columns for key in table.keys if key.name == "PRIMARY"), None)
    if primary is not None or not table.primary_key:
        return (primary or ()) == table.primary_key
    return any(key.unique and key.columns == table.primary_key for key in table.keys)
