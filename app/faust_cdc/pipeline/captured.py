"""Captured tables: from a table map to the transcoder that is right for it.

Structure comes from the table map where the server sends full metadata, completed by information_schema (defaults,
comments); with MINIMAL metadata from information_schema alone, and a difference is `SchemaOutOfSync`. One transcoder
per table version, found again by the table map's bytes: equal bytes, equal structure. A DDL statement that may touch
a table drops what is known of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from faust_cdc.binlog.events import TableMapEvent
from faust_cdc.config.routes import Route
from faust_cdc.errors import CdcError, RegistryRefused, SchemaOutOfSync, TableError
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.routed import Use, Way, clash, order_problem, partition_problem, ways_of
from faust_cdc.pipeline.row_shape import RowShape, shape_of
from faust_cdc.relational.model import Table, TableId
from faust_cdc.relational.origin import Origin
from faust_cdc.relational.sequences import has_shape_of_sequence
from faust_cdc.relational.table_map import reconcile
from faust_cdc.routing import RouteMap, TopicNaming
from faust_cdc.transcode.plan import TranscodeOptions, TranscodePlan, build_plan
from faust_cdc.transcode.reference import ReferenceTranscoder
from faust_cdc_schemas.names import is_avro_name

log = logging.getLogger(__name__)

ReadTables = Callable[[Iterable[TableId]], dict[TableId, Table]]
"""Structures from information_schema as of now; absent tables are absent, others may be there too."""

EnsureTopic = Callable[[str], None]
EnsureRouted = Callable[[str, Route], int]
"""(topic, the route to it) → its partitions; the topic is made if it is not there."""


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
        routes: RouteMap | None = None,
        ensure_routed: EnsureRouted | None = None,
    ) -> None:
        """`read_tables` gives structures as they stand in the stream as far as that is known, `origin` says whence;
        `read_now` gives those of the server, for rows that the others do not fit; `route` gives the topic for a
        table's own one, where transforms only name topics. `ensure_routed` in place of `ensure_topic` makes sure of
        topics that a route names."""
        self._read_now = read_now
        self._origin = origin
        self._route = route
        self._routes = routes or RouteMap(naming)
        self._ensure_routed = ensure_routed
        self._in_topic: dict[str, dict[TableId, CapturedTable]] = {}
        self._options = options
        self._accepts = accepts
        self._read_tables = read_tables
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._by_map: dict[tuple[TableId, bytes], CapturedTable] = {}
        self._known: dict[TableId, Table] = {}
        self._latest: dict[TableId, CapturedTable] = {}
        self._sequences: set[TableId] = set()
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
        captured = self.for_table(self._reconciled(event, known), origin)
        for target in captured.targets:
            target.transcoder.bind(event)
        self._by_map[table_id, event.body] = captured
        self._latest[table_id] = captured
        return captured

    def for_truncated(self, table_id: TableId, where: str) -> CapturedTable | None:
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
        found = self._latest[table_id] = self.for_table(table)
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

    def for_table(self, table: Table, origin: Origin = Origin.SNAPSHOT) -> CapturedTable:
        """Plan, register the schemas, make sure of the topic.

        Raises TableError for a route that does not suit the table, or its neighbours in a topic.
        """
        first, *others = (self._captured(table, way, origin) for way in ways_of(self._routes, table, self._options))
        return replace(first, copies=tuple(others)) if others else first

    def _captured(self, table: Table, way: Way, origin: Origin) -> CapturedTable:
        plan = self._plan(table, way)
        log.debug("Plan of %s, whose structure comes from %s:\n%s", table.id, origin.value, plan.describe())
        others = self._in_topic.setdefault(way.topic, {})
        for other in others.values() if self._routes else ():
            problem = clash(Use(plan, way.route), Use(other.transcoder.plan, other.route))
            if problem is not None:
                raise TableError(f"{problem}.", remedy="change or delete a route (PUT, DELETE …/routes/{table})")
        shape = None
        if way.route is None or self._ensure_routed is None:
            self._ensure_topic(plan.target)
        else:
            if (problem := partition_problem(plan, way.route)) is not None:
                raise TableError(f"{problem}.")
            shape = shape_of(plan, way.route, self._ensure_routed(plan.target, way.route))
        found = others[table.id] = CapturedTable(
            table.id, plan.target, self._transcoder(plan), origin, way.route, shape
        )
        return found

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
        before = [Use(self._plan(table, way), way.route) for way in ways_of(self._routes, table, self._options)]
        for way in ways_of(routes, table, self._options):
            use = Use(self._plan(table, way), way.route)
            neighbours = self._in_topic.get(way.topic, {}).values()
            found = [clash(use, Use(one.transcoder.plan, one.route)) for one in neighbours]
            found += [order_problem(one, use) for one in before]
            if way.route is not None:
                found.append(partition_problem(use.plan, way.route))
                shape_of(use.plan, way.route, 1)
            for problem in found:
                if problem is not None:
                    raise TableError(problem)

    def _plan(self, table: Table, way: Way) -> TranscodePlan:
        plan = build_plan(table, way.topic, way.options, way.key_constant)
        return plan if self._route is None else replace(plan, routed=self._route(way.topic))

    def _leave_topics(self, concerned: Callable[[TableId], bool]) -> None:
        for tables in self._in_topic.values():
            for table in [one for one in tables if concerned(one)]:
                del tables[table]

    def remember(self, tables: Iterable[Table]) -> None:
        """Take structures read elsewhere (the snapshot) so that they are not read again."""
        self._known.update({table.id: table for table in tables})

    def invalidate(self, statement: str) -> None:
        """Forget tables that a DDL statement may have changed.

        Forgetting too much (`names_table`) costs one query, too little would falsify defaults.
        """
        self._forget(partial(names_table, statement.lower()))

    def forget(self, table_id: TableId) -> None:
        """Forget one table, whose structure is another from now on."""
        self._forget(table_id.__eq__)

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

    def _transcoder(self, plan: TranscodePlan) -> ReferenceTranscoder:
        try:
            encoding = self._converters.encoding(plan)
        except RegistryRefused as refused:
            raise _explained(refused, plan) from refused
        return ReferenceTranscoder(plan, encoding=encoding)


def names_table(statement: str, table_id: TableId) -> bool:
    """Return whether a DDL statement, in lower case, may change a table.

    Not parsed here: it may when the name occurs in the text, and when the statement is about a database.
    """
    return "database" in statement or "schema" in statement or table_id.table.lower() in statement


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
