"""Routes that change while the task runs: taken at the edge of a source transaction, with no restart and no new copy.

What is promised, and why it holds:

- *Nothing is lost, nothing comes twice.* The task's thread takes other routes between two source transactions, never
  inside one. Every row is therefore written by the routes before the edge or by those behind it, and by one of them
  only; both kinds of records lie in the same sequence of Kafka transactions with the offsets that cover them.
- *A restart needs no memory of which routes were in force.* The offset does not name them: what was committed stays as
  it was written, and what was not committed was never visible to a read_committed reader. It is read and written again
  by the newest routes, so each row is seen once, before or behind the change. The change may thereby seem to have come
  some source transactions earlier than where the task that died had taken it; it is never undone, because the topic of
  routes is read strongly after `init_transactions`, and a route that was acknowledged is below its high watermark.
- *A transaction in parts* (`transaction_writer`) whose first part was committed before a crash may have its rest
  written by newer routes. The offset counts events and rows of the source, not records, so the rest is what it would
  have been, elsewhere.
- *Order per key.* All records of a key go to one partition of a topic, in binlog order, before the edge and behind it.
  A change by which a table would go on in the same topic with another key or partitioner would break that, as readers
  see partitions in any order; it is refused where it is asked for (`routed.order_problem`). Into another topic a
  record of a key goes behind all those of the old one.
- *Rows that wait.* Rows of a prepared XA transaction, or behind a savepoint, are records already; they go where the
  routes sent them when they were read. Their locks keep others from changing those rows until they are decided.
- *A snapshot under way* gives up the chunks of rerouted tables that are read and not written, and reads them again by
  the new routes; what was written stays where it is. Keys noted by a window are bytes of the old route's records, so
  the chunk that they were noted for has to go with them.

A signal of the database sets a route in the Kafka transaction of the offset behind it. All signals of a source
transaction are carried out before any other command, so the commit that lets the topic be read again covers them.

A change comes as the bare news that there is one (`RoutesChanged`); the task then reads the topic itself. So news may
be lost with a task that ends, doubled, or come late: what is applied is always the newest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.routes import Route
from faust_cdc.errors import CdcError
from faust_cdc.kafka.topics import BROKER_DEFAULT, TopicCreator, TopicSpec
from faust_cdc.pipeline.assembly import topic_spec
from faust_cdc.pipeline.captured import TranscoderCache
from faust_cdc.pipeline.ddl_reading import KnownTables
from faust_cdc.pipeline.route_log import RouteLog
from faust_cdc.pipeline.spec import TaskSpec
from faust_cdc.pipeline.streaming import StreamingSource
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.relational.model import Table, TableId
from faust_cdc.routing import RouteMap, TopicNaming, quarantine_topic
from faust_cdc.routing.changes import RouteChange
from faust_cdc.signals.routing import RouteCommand, SetRoute

log = logging.getLogger(__name__)


class Known(Protocol):
    """What is known of tables (`StructureLedger`)."""

    @property
    def captures(self) -> Callable[[TableId], bool]:
        """Says which tables are captured."""

    @property
    def known(self) -> Mapping[TableId, Table]:
        """Tables as they stand where the stream is."""

    @property
    def is_whole(self) -> bool:
        """Whether these are all."""


class Through(Protocol):
    """What records go through."""

    @property
    def cache(self) -> TranscoderCache:
        """From table maps to transcoders."""

    @property
    def writer(self) -> TransactionWriter:
        """To Kafka."""

    @property
    def ledger(self) -> Known:
        """Structures."""


class Rerouting:
    """The routes that are in force in one attempt of a task. For the task's thread only."""

    def __init__(
        self,
        route_log: RouteLog | None,
        naming: TopicNaming,
        config: MySqlConnectorConfig,
        internal_topics: Iterable[str],
        topics: TopicCreator,
    ) -> None:
        """Reads the routes; `route_log` None: there are those of the configuration only."""
        self._log = route_log
        self._naming = naming
        self._config = config
        self._internal_topics = tuple(internal_topics)
        self._reserved = reserved_topics(config, naming, self._internal_topics)
        self._topics = topics
        self._written_in = -1
        """The number of the Kafka transaction in which a signal's route was written last."""
        self.routes = self._map(config.routes if route_log is None else route_log.read())

    def ensure(self, topic: str, route: Route) -> int:
        """Make sure of a topic that a route names; return its partitions."""
        spec = topic_spec(self._config, topic)
        spec = TopicSpec(
            topic,
            route.partitions or spec.partitions,
            route.replication_factor or spec.replication_factor,
            {**spec.config, **dict(route.topic_config)},
        )
        count = self._topics.ensure([spec])[topic]
        if spec.partitions not in (BROKER_DEFAULT, count):
            log.warning("Topic %s has %d partitions and keeps them; %d were asked for", topic, count, spec.partitions)
        return count

    def obey(self, way: Through, stream: StreamingSource, command: RouteCommand) -> str | None:
        """Carry out a command at an edge of `stream`; return why not. What is written for it the caller covers."""
        if self._log is None:
            return "routes are kept by workers, and this task has none"
        writer = way.writer
        if isinstance(command, SetRoute):
            wanted = self._map(self._log.with_command(command, is_read=not self._is_unread(writer)))
            if problem := way.cache.problem_of(wanted) or self._problem_of(wanted, way.ledger):
                return problem
            self._written_in = writer.counters.kafka_transactions
            writer.write_own(self._log.record_of(command))
        else:
            if self._is_unread(writer):
                writer.cover(stream.offset)
                writer.commit()
            wanted = self._map(self._log.read())
        self._apply(wanted, way.cache, stream)
        return None

    def _problem_of(self, wanted: RouteMap, ledger: Known) -> str | None:
        """Say what REST would say of other routes: the rows of this attempt have not shown every table yet.

        The stream waits for it. The tables are those of the history, as they stand where the stream is; where that does
        not tell of all, the server is asked for a few seconds (`route_check.SIGNAL_MAX_S`).
        """
        # Imported here: only a signal asks, and the check brings the registry's reader of schemas.
        from faust_cdc.pipeline.route_check import check_within

        known = None
        if ledger.is_whole:
            known = KnownTables(ledger.known.get, lambda: filter(ledger.captures, ledger.known))
        change = RouteChange(self.routes.routes, wanted.routes, self._internal_topics)
        try:
            return "; ".join(check_within(self._config, change, known).problems) or None
        except CdcError as error:
            return f"its tables could not be looked at: {error.message.removesuffix('.')}"

    def _is_unread(self, writer: TransactionWriter) -> bool:
        """Return whether a route of a signal is in the open Kafka transaction: a strong read would wait for its end."""
        return self._written_in == writer.counters.kafka_transactions

    def _apply(self, routes: RouteMap, cache: TranscoderCache, stream: StreamingSource) -> None:
        if routes.routes == self.routes.routes:
            return
        self.routes = routes
        is_rerouted = cache.reroute(routes)
        stream.relearn()
        stream.on_rerouted(is_rerouted)
        log.info("Routes in force from here on: %s", ", ".join(one.tables for one in routes.routes) or "none")

    def _map(self, routes: Iterable[Route]) -> RouteMap:
        return RouteMap(self._naming, routes, self._reserved)


def rerouting_of(spec: TaskSpec, naming: TopicNaming, topics: TopicCreator) -> Rerouting:
    """Read the routes of a task whose older owners are fenced; see `Rerouting`."""
    topic, route_log = spec.route_topic, None
    if topic is not None:
        count = topics.ensure([topic])[topic.name]
        route_log = RouteLog(spec.client_config, topic.name, count, spec.connector, spec.config.routes)
    return Rerouting(route_log, naming, spec.config, spec.internal_topics, topics)


def reserved_topics(
    config: MySqlConnectorConfig, naming: TopicNaming, internal_topics: Iterable[str] = ()
) -> Mapping[str, str]:
    """Return the topics that are no table's, each with what it is."""
    reserved = {
        naming.schema_change_topic(): "the topic of schema changes",
        naming.heartbeat_topic(): "the topic of heartbeats",
        naming.transaction_topic(): "the topic of transaction metadata",
        quarantine_topic(config.topic_prefix): "the quarantine",
        config.signals.kafka_topic or f"{config.topic_prefix}-signal": "the topic of signals",
        config.notifications.sink_topic: "the topic of notifications",
        config.history.topic: "the topic of the schema history",
    }
    reserved |= dict.fromkeys(internal_topics, "a topic of the workers' own")
    return {topic: what for topic, what in reserved.items() if topic}
