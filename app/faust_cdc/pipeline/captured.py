"""Captured tables: from a table map to the transcoder that is right for it.

Structure comes from the table map where the server sends full metadata, completed by information_schema (defaults,
comments); with MINIMAL metadata from information_schema alone, and a difference is `SchemaOutOfSync`. One transcoder
per table version, found again by the table map's bytes: equal bytes, equal structure. A DDL statement that may touch
a table drops what is known of it, after the structures that it makes were foreseen (`evolution`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

from faust_cdc.binlog.events import QueryEvent, TableMapEvent
from faust_cdc.config.routes import Route
from faust_cdc.errors import CdcError, IncompatibleSchemaChange, RegistryRefused, SchemaOutOfSync, TableError
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.ddl_reading import KnownTables, Outcome, Reading, ReadStatement, read_nothing, stood
from faust_cdc.pipeline.evolution import Met, ReadCurrent, SchemaEvolution
from faust_cdc.pipeline.routed import Use, Way, clash, order_problem, partition_problem, ways_of
from faust_cdc.pipeline.row_shape import RowShape, shape_of
from faust_cdc.pipeline.statements import is_about_database, readable
from faust_cdc.relational.model import Table, TableId
from faust_cdc.relational.origin import Origin
from faust_cdc.relational.sequences import has_shape_of_sequence
from faust_cdc.relational.table_map import reconcile
from faust_cdc.routing import RouteMap, TopicNaming
from faust_cdc.transcode.plan import TranscodeOptions, TranscodePlan, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc_schemas.names import adjust_field_name, is_avro_name

log = logging.getLogger(__name__)

ReadTables = Callable[[Iterable[TableId]], dict[TableId, Table]]
"""Structures from information_schema as of now; absent tables are absent, others may be there too."""

EnsureTopic = Callable[[str], None]


class EnsureRouted(Protocol):
    """Makes sure of the topic that records of a way end in."""

    def __call__(self, plan: TranscodePlan, route: Route, *, is_made: bool = True) -> int:
        """Return its partitions; it is made if it is not there, unless `is_made` is False.

        Raises TableError where the route counts partitions, and there is no one topic.
        """


BY_SNAPSHOT: Final = Met("snapshot")

FORESEEN_MAX: Final = 50
"""Tables that one statement names; of more the first rows tell."""


NOTHING_TOLD: Final[Mapping[TableId, Table]] = MappingProxyType({})


def nothing_is_current(_tables: Iterable[TableId], _position: BinlogPosition) -> dict[TableId, Table]:
    """Know no structure as of a position."""
    return {}


@dataclass(frozen=True, slots=True)
class CapturedTable:
    """One table version with its topic and its transcoder."""

    id: TableId
    topic: str
    transcoder: ReferenceTranscoder
    origin: Origin = Origin.SNAPSHOT
    """Where its structure comes from."""
    route: Route | None = None
    shape: RowShape | None = None
    """What a route leaves to be done for each row; None: nothing."""
    copies: tuple[CapturedTable, ...] = ()
    """The same table on its way to other topics."""

    @property
    def is_row_wise(self) -> bool:
        """True when its rows go one by one, past the compiled lane."""
        return self.shape is not None or bool(self.copies)

    @property
    def targets(self) -> tuple[CapturedTable, ...]:
        """Itself and its copies."""
        return (self, *self.copies)


class TranscoderCache:
    """Finds or builds the `CapturedTable` of a table map or of a snapshot's `Table`."""

    def __init__(
        self,
        naming: TopicNaming,
        options: TranscodeOptions,
        accepts: Callable[[TableId], bool],
        read_tables: ReadTables,
        converters: Converters,
        ensure_topic: EnsureTopic,
        read_now: ReadTables | None = None,
        origin: Callable[[TableId], Origin] = lambda _: Origin.SERVER,
        route: Callable[[str], str] | None = None,
        evolution: SchemaEvolution | None = None,
        read_statement: ReadStatement = read_nothing,
        read_current: ReadCurrent = nothing_is_current,
        before: Mapping[TableId, Table] = NOTHING_TOLD,
        routes: RouteMap | None = None,
        ensure_routed: EnsureRouted | None = None,
    ) -> None:
        """`read_tables` gives structures as they stand in the stream as far as that is known, `origin` says whence;
        `read_now` gives those of the server, for rows that the others do not fit; `route` gives the
        topic for a table's own one, where transforms only name topics.

        `read_statement` and `read_current` tell the structures behind a DDL statement (see `evolution`), `before` has
        those before it, as far as a history says. `ensure_routed` makes sure of topics that a route names.
        """
        self._read_now = read_now
        self._origin = origin
        self._before = before
        self._route = route
        self._routes = routes or RouteMap(naming)
        self._ensure_routed = ensure_routed
        self._in_topic: dict[str, dict[TableId, CapturedTable]] = {}
        self._options = options
        self._accepts = accepts
        self._read_tables = read_tables
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._evolution = evolution or SchemaEvolution(converters, ensure_topic)
        self._read_statement = read_statement
        self._read_current = read_current
        self._by_map: dict[tuple[TableId, bytes], CapturedTable] = {}
        self._known: dict[TableId, Table] = {}
        self._latest: dict[TableId, CapturedTable] = {}
        self._sequences: set[TableId] = set()
        self.on_forgotten: Callable[[], None] = lambda: None
        """Called when a table was forgotten without a statement in the stream."""
        self.optional: frozenset[TableId] = frozenset()
        """Tables that no list names: not captured while their structure is not known."""

    def for_table_map(self, event: TableMapEvent) -> CapturedTable | None:
        """Return the captured table of a rows event, or None when the table is not captured (now)."""
        table_id = TableId(event.database, event.table)
        found = self._by_map.get((table_id, event.body))
        if found is not None:
            return found
        if table_id in self._sequences or not self._accepts(table_id):
            return None
        known = self._structure(table_id)
        if known is None and has_shape_of_sequence(event):
            self._sequences.add(table_id)
            return None
        if known is None and table_id in self.optional and not event.has_full_metadata:
            log.warning("Rows of %s are passed over: the server does not tell its structure", table_id)
            return None
        origin = Origin.TABLE_MAP if event.has_full_metadata else self._origin(table_id)
        met = Met(_word(origin), BinlogPosition(event.header.file, event.header.pos))
        captured = self.for_table(self._reconciled(event, known), met, origin)
        for target in captured.targets:
            target.transcoder.bind(event)
        self._by_map[table_id, event.body] = captured
        self._latest[table_id] = captured
        return captured

    def for_truncated(self, table_id: TableId, where: BinlogPosition) -> CapturedTable | None:
        """Return the captured table that a TRUNCATE at `where` names, or None when it is not captured.

        The statement has no table map: the structure is that of the last rows seen, else the one of now.
        Raises SchemaOutOfSync when there is none any more.
        """
        if not self._accepts(table_id):
            return None
        found = self._latest.get(table_id)
        if found is not None:
            return found
        table = self._structure(table_id)
        if table is None:
            raise SchemaOutOfSync(
                f"{where}: TRUNCATE of {table_id}, a table that does not exist any more; its schema is needed.",
                remedy="leave 't' in skipped.operations until the stream has passed this place, or exclude the table",
            )
        # A place in the stream, not a snapshot's meeting: the record that follows is the version's first one.
        origin = self._origin(table_id)
        found = self._latest[table_id] = self.for_table(table, Met(_word(origin), where), origin)
        return found

    def _reconciled(self, event: TableMapEvent, known: Table | None) -> Table:
        """Return the structure of a map's rows; where what is known does not fit, what the server has now may."""
        try:
            return reconcile(event, known)
        except SchemaOutOfSync as error:
            table_id = TableId(event.database, event.table)
            now = None if self._read_now is None else self._read_now([table_id]).get(table_id)
            if now is None or now == known:
                raise
            try:
                found = reconcile(event, now)
            except SchemaOutOfSync:
                raise error from None
            log.warning("%s The structure that the server has now fits, and is taken.", error.message)
            return found

    def for_table(self, table: Table, met: Met = BY_SNAPSHOT, origin: Origin = Origin.SNAPSHOT) -> CapturedTable:
        """Plan, register the schemas, make sure of the topic; see `SchemaEvolution.settle`.

        Raises TableError for a route that does not suit the table, or its neighbours in a topic.
        """
        way, *others = ways_of(self._routes, table, self._options)
        first = self._captured(table, way, met, origin)
        return replace(first, copies=tuple(self._captured(table, one, None, origin) for one in others))

    def _captured(self, table: Table, way: Way, met: Met | None, origin: Origin) -> CapturedTable:
        """Return the table on one way; `met` None: of a further topic, in which the version is not noted again."""
        plan_for, shape = partial(self._plan, table, way), None
        if self._routes:
            self._check(plan_for(way.topic), way.route)
        try:
            if met is not None:
                plan, encoding = self._evolution.settle(table.id, way.topic, plan_for, met)
            else:
                plan = plan_for(way.topic)
                self._ensure_topic(plan.target)
                encoding = self._converters.encoding(plan)
        except RegistryRefused as refused:
            raise _explained(refused, plan_for(way.topic)) from refused
        log.debug("Plan of %s, whose structure comes from %s:\n%s", table.id, origin.value, plan.describe())
        if way.route is not None and self._ensure_routed is not None:
            shape = shape_of(plan, way.route, self._ensure_routed(plan, way.route))
        transcoder = ReferenceTranscoder(plan, encoding=encoding)
        found = CapturedTable(table.id, plan.target, transcoder, origin, way.route, shape)
        self._in_topic.setdefault(plan.topic, {})[table.id] = found
        return found

    def _check(self, plan: TranscodePlan, route: Route | None) -> None:
        """See that a plan and its neighbours agree; make sure of its topic as the route has it."""
        for other in self._in_topic.get(plan.topic, {}).values():
            problem = clash(Use(plan, route), Use(other.transcoder.plan, other.route))
            if problem is not None:
                raise TableError(f"{problem}.", remedy="change or delete a route (PUT, DELETE …/routes/{table})")
        if route is None:
            return
        if (problem := partition_problem(plan, route)) is not None:
            raise TableError(f"{problem}.")
        if self._ensure_routed is not None:
            self._ensure_routed(plan, route)

    def read(self, event: QueryEvent) -> Reading:
        """Read a DDL statement of the stream: once, for all who ask what it does. Raises what asking a server raises.

        Must be called before anybody takes note of it.
        """
        return self._read_statement(event, KnownTables(self._stood, lambda: iter({*self._before, *self._latest})))

    def _stood(self, table_id: TableId) -> Table | None:
        latest = self._latest.get(table_id)
        return stood(self._before.get(table_id), None if latest is None else latest.transcoder.plan.table)

    def foresee(self, event: QueryEvent, reading: Reading, words: str, commit: Callable[[], None]) -> None:
        """Ask whether what a DDL statement makes of captured tables can be written; then forget what it changes.

        `words` name the kind of statement; `commit` makes safe what is complete before one that is refused.
        Raises IncompatibleSchemaChange, and what asking a registry raises.
        """
        header, origin = event.header, "statement"
        if isinstance(reading, Outcome) and not reading.unsure:
            tables = {i: table for i, table in reading.tables.items() if self._accepts(i)}
        else:
            end = BinlogPosition(header.file, header.end_pos)
            tables, origin = self._current(self._concerned(event, reading), end), "server"
        take_back = self._evolution.rename(reading.renamed, self._field_of)
        if tables:
            versions = {i: self._versions(table) for i, table in tables.items()}
            try:
                self._evolution.foresee(versions, Met(origin, BinlogPosition(header.file, header.pos), words))
            except IncompatibleSchemaChange as refused:
                if not self._is_undone(tables):
                    take_back()  # the statement is met again
                    commit()
                    raise
                log.warning("%s It was undone since: rows that were written in between are still held to it.", refused)
        self._forget(self._concerned(event, reading))

    def _concerned(self, event: QueryEvent, reading: Reading) -> Callable[[TableId], bool]:
        """Return what says of a table whether a statement may have changed it."""
        if isinstance(reading, Outcome):
            # `named` too: what is known to a reading is less than what was read along from the server (`_structure`).
            tables: Iterable[TableId] = reading.concerned | reading.named
        elif reading.tables:
            tables = reading.tables
        else:
            return tables_named_in(event.query)
        names = {str(one).lower() for one in tables}
        return lambda table_id: str(table_id).lower() in names

    def _is_undone(self, tables: Iterable[TableId]) -> bool:
        """Return whether the server has these tables again with the schemas that their last versions have."""
        ids = list(tables)
        now = {} if self._read_now is None else self._read_now(ids)
        return all(i in now and self._evolution.is_latest(i, *self._versions(now[i])) for i in ids)

    def _current(self, concerned: Callable[[TableId], bool], end: BinlogPosition) -> dict[TableId, Table]:
        """Return the structures that a statement left, of tables with records, if the server is not further on."""
        named = [i for i in {*self._latest, *self._evolution.schemas.tables()} if concerned(i) and self._accepts(i)]
        if not named or len(named) > FORESEEN_MAX:
            return {}
        found = self._read_current(named, end)
        return {i: table for i, table in found.items() if i in named}

    def _versions(self, table: Table) -> tuple[str, Callable[[str], TranscodePlan]]:
        def plan_for(topic: str) -> TranscodePlan:
            return self._plan(table, ways_of(self._routes, table, self._options)[0], topic)

        return self._routes.topics(table.id)[0], plan_for

    def arrived(self, table_id: TableId) -> None:
        """Note that a snapshot writes rows of a table as `for_table` gave it: the stream has come there."""
        self._evolution.arrived(table_id)

    def reroute(self, routes: RouteMap) -> Callable[[TableId], bool]:
        """Take other routes; return what says whether a table's records go another way by them.

        To be called at the edge of a source transaction.
        """
        before, self._routes = self._routes, routes

        def is_rerouted(table: TableId) -> bool:
            return before.of(table) != routes.of(table)

        self._by_map = {key: found for key, found in self._by_map.items() if not is_rerouted(key[0])}
        self._latest = {i: found for i, found in self._latest.items() if not is_rerouted(i)}
        self._leave_topics(is_rerouted)
        return is_rerouted

    def problem_of(self, routes: RouteMap) -> str | None:
        """Say why the tables that are known could not go by other routes, None when they could."""
        try:
            for table in list(self._known.values()):
                if self._accepts(table.id) and routes.of(table.id) != self._routes.of(table.id):
                    self._try(table, routes)
        except CdcError as error:
            return error.message.removesuffix(".")
        return None

    def _try(self, table: Table, routes: RouteMap) -> None:
        ways = ways_of(self._routes, table, self._options)
        before = [Use(self._plan(table, way, way.topic), way.route) for way in ways]
        for way in ways_of(routes, table, self._options):
            use = Use(self._plan(table, way, way.topic), way.route)
            neighbours = self._in_topic.get(way.topic, {}).values()
            found = [clash(use, Use(one.transcoder.plan, one.route)) for one in neighbours]
            found += [order_problem(one, use) for one in before]
            if way.route is not None:
                found.append(partition_problem(use.plan, way.route))
                shape_of(use.plan, way.route, 1)
                if self._ensure_routed is not None:
                    self._ensure_routed(use.plan, way.route, is_made=False)
            for problem in found:
                if problem is not None:
                    raise TableError(problem)

    def _plan(self, table: Table, way: Way, topic: str) -> TranscodePlan:
        plan = build_plan(table, topic, way.options, way.key_constant)
        if aliases := self._evolution.aliases(table):
            plan = replace(plan, aliases=aliases)
        return plan if self._route is None else replace(plan, routed=self._route(topic))

    def _field_of(self, column: str) -> str:
        return adjust_field_name(column, self._options.field_name_adjustment)

    def _leave_topics(self, concerned: Callable[[TableId], bool]) -> None:
        for tables in self._in_topic.values():
            for table in [one for one in tables if concerned(one)]:
                del tables[table]

    def remember(self, tables: Iterable[Table]) -> None:
        """Take structures read elsewhere (the snapshot) so that they are not read again.

        They are those of now. Where the history tells another one, the rows that the stream has yet to bring may be of
        that: with MINIMAL metadata equal types would pass under the names of now.
        """
        for table in tables:
            if self._before.get(table.id) in (None, table):
                self._known[table.id] = table

    def forget(self, table_id: TableId) -> None:
        """Forget one table, whose structure is another from now on, though the next table map may look the same."""
        self._forget(table_id.__eq__)
        self.on_forgotten()

    def _forget(self, concerned: Callable[[TableId], bool]) -> None:
        self._known = {i: table for i, table in self._known.items() if not concerned(i)}
        self._by_map = {key: found for key, found in self._by_map.items() if not concerned(key[0])}
        self._latest = {i: found for i, found in self._latest.items() if not concerned(i)}
        self._sequences = {i for i in self._sequences if not concerned(i)}
        self._leave_topics(concerned)

    def _structure(self, table_id: TableId) -> Table | None:
        """Return the structure as far as it is known, else that of now; None when there is no such table any more."""
        if table_id not in self._known:
            # What is read along with it stands behind what is known already: that may come from a snapshot.
            self._known = {**self._read_tables([table_id]), **self._known}
        return self._known.get(table_id)


def _word(origin: Origin) -> str:
    """Return the source as `table_schemas` names it."""
    return origin.name.lower().replace("_", " ")


def tables_named_in(statement: str) -> Callable[[TableId], bool]:
    """Return what says of a table whether a DDL statement may change it, as far as that is told without reading it.

    It may when the name occurs in the text, as it is or as quotes have it, and when the statement is about a database.
    """
    if is_about_database(readable(statement)):
        return lambda _: True
    text = statement.lower()

    def may_change(table_id: TableId) -> bool:
        name = table_id.table.lower()
        return name in text or any(quote in name and name.replace(quote, 2 * quote) in text for quote in '`"')

    return may_change


def _explained(refused: RegistryRefused, plan: TranscodePlan) -> CdcError:
    """Say so when the table's name is what a registry cannot take: its own words do not (Apicurio: "artifact type")."""
    namespace = str(plan.value_schema.get("namespace", ""))
    illegal = [part for part in namespace.split(".") if part and not is_avro_name(part)]
    if not illegal:
        return refused
    return TableError(
        f"{plan.table.id}: its schemas are named {namespace}.…, and {', '.join(map(repr, illegal))} is not an Avro "
        f"name (letters, digits and _, no digit first). {refused.message}",
        remedy="set schema.name.adjustment.mode=avro (and field.name.adjustment.mode=avro for columns), or leave the "
        "table out with table.exclude.list",
    )
