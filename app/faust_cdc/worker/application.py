"""The composition root: the Faust app of a worker, with everything it is made of.

    port bound ─▶ HTTP answers ─▶ topics exist ─▶ group joined, tables read ─▶ tasks of our leases run
     program.py     ConnectWeb      KafkaGate        Faust, faust_kit             TaskManager

Services start in that order and stop in the reverse one; a worker whose broker is away sits at `KafkaGate`, answers
`/health` with what it waits for, and goes on when Kafka is back. The agents (`faust_cdc_agents`) are found through
Faust's autodiscover; nothing here imports them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp.web import RouteDef
from faust.app.base import BootStrategy
from mode.types import ServiceT

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.worker import REGISTRY_PATH, WorkerConfig
from faust_cdc.connect.desired import TASK_ID, TaskDesired
from faust_cdc.connect.entities import ConnectError
from faust_cdc.connect.herder import Herder
from faust_cdc.connect.records import CONNECTOR, decode_status
from faust_cdc.connect.routes import ConnectorRoutes
from faust_cdc.connect.states import TargetState
from faust_cdc.connect.validation import SourceFinding
from faust_cdc.errors import BrokerUnavailable, CdcError
from faust_cdc.kafka.control import ControlProducer
from faust_cdc.notifications.board import WAITING_MAX, NotificationBoard
from faust_cdc.notifications.notification import Notification, signal_refused
from faust_cdc.pipeline.schema_book import SchemaBook
from faust_cdc.rest.metrics_api import metrics_routes
from faust_cdc.rest.notifications_api import notification_routes
from faust_cdc.rest.routes_api import table_routes
from faust_cdc.rest.server import BODY_BYTES_MAX, connect_routes, error_middleware
from faust_cdc.rest.tables_api import SchemaQuestion, tables_routes
from faust_cdc.routing.changes import RouteChange, RouteFindings
from faust_cdc.signals.signal import TaskCommand, signal_type
from faust_cdc.snapshot.book import SnapshotBook, Turn
from faust_cdc.transcode.compiled import is_compiled
from faust_cdc.worker.gate import KafkaGate
from faust_cdc.worker.inbox import Inbox
from faust_cdc.worker.logs import LeaseCommandBus, StatusWriter, TopicConfigLog, TopicRouteRecords, TopicSchemaLines
from faust_cdc.worker.manager import RunningTask, TaskManager
from faust_cdc.worker.metrics import LoopWatch, WorkerNumbers
from faust_cdc.worker.offset_log import FencedOffsetLog
from faust_cdc.worker.orders import Orders
from faust_cdc.worker.pauses import lasting_imports
from faust_cdc.worker.program import WorkerProgram
from faust_cdc.worker.route_watch import RouteWatch
from faust_cdc.worker.settings import client_settings, ensure_clients_can_be_made, faust_settings, internal_topics
from faust_cdc.worker.snapshot_watch import SnapshotWatch, held_reports
from faust_cdc.worker.startup import Startup, StartupStage
from faust_cdc.worker.topic_view import TopicView
from faust_cdc.worker.web import ConnectWeb, waking
from faust_cdc.worker.world import ClusterWorld
from faust_cdc_schemas.faust_kit.read_committed import App, TableManager

log = logging.getLogger(__name__)

FLUSH_TIMEOUT_S = 2.0


class WorkerBoot(BootStrategy):  # type: ignore[misc]
    """Order of start: HTTP first, then the wait for Kafka, then Faust's own services.

    The task manager is there before the tables are, so that the first task starts the moment they are read; Faust would
    start it once everything else has.

    There is no Faust producer: what the control plane writes goes through `ControlProducer`, what tasks write through
    their own transactional producers.
    """

    enable_kafka_producer = False

    def server(self) -> Iterable[ServiceT]:
        """Return the services in order of start."""
        services: Iterable[ServiceT] = self._chain(
            self.sensors(),
            self.web_server(),
            [self.app.gate, self.app.manager],
            self.kafka_consumer(),
            self.agents(),
            self.kafka_conductor(),
            self.tables(),
        )
        return services


class PromptTableManager(TableManager):
    """Registers the tables at once. Faust sleeps a second first, for tables that an agent might declare late."""

    async def on_start(self) -> None:
        """Declare the tables' topics and start the recovery service; all tables are known by now (`KafkaGate`)."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class CdcApp(App):
    """The worker's Faust app. Agents use its public members, which are made here."""

    BootStrategy = WorkerBoot

    def __init__(self, config: WorkerConfig) -> None:
        """Raises ConfigError for a setting that cannot be followed."""
        ensure_clients_can_be_made(config)
        self.worker_config = config
        self._control: ControlProducer | None = None
        self.connectors = self._view("connectors", config.config_storage_topic)
        self.offsets = self._view("offsets", config.offset_storage_topic, newest_only=True)  # one with each commit
        self.statuses = self._view("statuses", config.status_storage_topic)
        self.snapshots = self._view("snapshots", config.snapshots_topic)
        self.routes = self._view("routes", config.routes_topic)
        self.route_watch = RouteWatch(self.routes)
        self.snapshot_book = SnapshotBook(self._snapshot_turned)
        self.snapshots.listen(self.snapshot_book.note)
        self.table_schemas = self._view("table_schemas", config.table_schemas_topic)
        self.schema_book = SchemaBook()
        self.table_schemas.listen(self.schema_book.note)
        self.slot_count = config.leases_partitions
        self.notifications = NotificationBoard()
        self.herder = self._new_herder()
        self.connector_routes = self._new_routes()
        self.startup = Startup(config.bootstrap_servers, self._tell_stage)
        super().__init__(
            config.group_id,
            **faust_settings(config),
            Worker=WorkerProgram,
            TableManager=PromptTableManager,
            web_application_options={
                "middlewares": [waking(self.wake), error_middleware],
                "client_max_size": BODY_BYTES_MAX,
            },
        )
        self.gate = KafkaGate(self, loop=self.loop, beacon=self.beacon)
        self.manager = self._new_manager()
        self.loop_watch = LoopWatch(loop=self.loop, beacon=self.beacon)
        self.snapshot_watch = SnapshotWatch(self.snapshot_book, lambda: self.manager.supervised, self.manager.held)
        self.orders = Orders(self.manager, self._refuse_order)
        self.told = Inbox(self, maxsize=WAITING_MAX)  # one of many tables names them all
        self.snapshot_turns = Inbox(self)
        self._extra_services += [self.loop_watch]
        self.connectors.listen(self._configuration_changed)
        self.statuses.listen(self._status_written)
        self.on_rebalance_complete.connect(self._on_rebalance_complete)

    def _configuration_changed(self, key: bytes, value: bytes | None) -> None:
        self.manager.configuration_changed()
        if value is None and key.startswith(CONNECTOR.encode()):
            self.notifications.forget(key.decode("utf-8", "replace").removeprefix(CONNECTOR))

    def _status_written(self, key: bytes, value: bytes | None) -> None:
        """A worker that was frozen and does not know yet that it has lost its leases may write over our status.

        It is of an older generation of the group, and so are we if it is not: then we are the one that has lost.
        """
        found = None if value is None else decode_status(key, value)
        if found is None or found.worker_id == self.worker_config.worker_id:
            return
        if found.generation <= self.consumer_generation_id:
            self.manager.overwritten(key.decode("utf-8", "replace"))

    def _tell_stage(self, message: str) -> None:
        self.herder.startup_stage = message

    def _new_herder(self) -> Herder:
        config = self.worker_config
        return Herder(
            self.connectors,
            self.statuses,
            self.offsets,
            self.snapshot_book,
            TopicConfigLog(self.control, self.connectors),
            FencedOffsetLog(config, self.offsets, self.snapshots, self.table_schemas),
            LeaseCommandBus(self.control, config.leases_topic, lambda: self.slot_count),
            config,
            _check_source,
        )

    def _new_routes(self) -> ConnectorRoutes:
        config = self.worker_config
        own_topics = (config.schemas_topic, *(one.name for one in internal_topics(config)))
        records = TopicRouteRecords(self.control, self.routes)
        routes = ConnectorRoutes(self.herder, self.routes, records, _check_routes, own_topics)
        lines = TopicSchemaLines(self.control, self.table_schemas)

        async def forget(connector: str) -> None:
            await routes.forget(connector, self.herder.tasks_gone)
            await lines.forget(connector, self.herder.tasks_gone)

        self.herder.on_delete = forget
        self.herder.route_change = routes.change_by
        return routes

    def _new_manager(self) -> TaskManager:
        config = self.worker_config
        return TaskManager(
            ClusterWorld(self.connectors, self.statuses, lambda: self.slot_count),
            self._new_task,
            StatusWriter(
                self.control, config.status_storage_topic, config.worker_id, lambda: self.consumer_generation_id
            ),
        )

    def _new_task(self, desired: TaskDesired, on_state: Callable[[Any], None]) -> RunningTask:
        # The MySQL driver, the transcoder and the HTTP client come with the first task, not before the first answer.
        with lasting_imports("faust_cdc.worker.tasks"):
            from faust_cdc.worker.tasks import make_task

        def show(notification: Notification) -> None:
            self.told.post_from_thread((desired.connector, notification))

        return make_task(desired, self.worker_config, on_state, show)

    def _snapshot_turned(self, turn: Turn) -> None:
        # What is read at the start was told when it happened.
        if self.startup.ready:
            self.snapshot_turns.post(turn)

    def _refuse_order(self, connector: str, order: TaskCommand, reason: str) -> None:
        with suppress(ConnectError):  # it is deleted: nobody can ask for its notifications
            server = self.herder.config(connector).get("topic.prefix") or ""
            self.notifications.post(connector, signal_refused(server, order.id, signal_type(order), reason))

    def _view(self, name: str, topic: str, *, newest_only: bool = False) -> TopicView:
        return TopicView(name, topic, lambda: self.startup.ready, newest_only=newest_only)

    @property
    def leases_topic(self) -> Any:
        """The topic of leases and commands, for the lease agent."""
        return self.topic(
            self.worker_config.leases_topic,
            key_serializer="raw",
            value_serializer="raw",
            partitions=self.slot_count,
            allow_empty=True,
        )

    def control(self) -> ControlProducer:
        """Return the control plane's producer, made when first used. Raises BrokerUnavailable before Kafka answered.

        Not made earlier: librdkafka would log every failed attempt to connect.
        """
        if self._control is None:
            if self.startup.stage is StartupStage.CONNECTING:
                raise BrokerUnavailable("Kafka has not answered this worker yet.")
            self._control = ControlProducer(client_settings(self.worker_config, self.worker_config.producer_config))
        return self._control

    def topics_exist(self, partition_counts: dict[str, int], cluster_id: str) -> None:
        """Declare the tables over the topics that were found or made."""
        views = (self.connectors, self.offsets, self.statuses, self.snapshots, self.table_schemas, self.routes)
        for view in views:
            view.declare(self, partition_counts[view.topic])
        self.slot_count = partition_counts[self.worker_config.leases_topic]
        self.herder.kafka_cluster_id = cluster_id
        if not is_compiled():
            self.startup.without_hot_path()
        self.told.open()
        self.startup.joining(self.worker_config.group_id)

    async def _on_rebalance_complete(self, app: Any, **kwargs: Any) -> None:
        # The first one: recovery is over, the views hold what was committed. Later ones change nothing.
        self.startup.finished()
        self.manager.configuration_changed()

    async def on_stop(self) -> None:
        """Stop the tasks while we are still a member of the group, then the rest."""
        await self.manager.stop()
        await super().on_stop()
        if self._control is not None:
            try:
                self._control.flush(FLUSH_TIMEOUT_S)
            except CdcError as error:
                log.warning("Last status records: %s", error)

    def _create_directories(self) -> None:
        """Make none: tables are kept in memory and read again from their topics at each start."""

    def _new_web(self) -> ConnectWeb:
        return ConnectWeb(self)

    def on_webserver_init(self, web: ConnectWeb) -> None:
        """Add our routes to Faust's web server."""
        web.add_routes_once(self._routes)

    def _routes(self) -> list[RouteDef]:
        routes = connect_routes(lambda: self.herder) + metrics_routes(lambda: self._numbers().page)
        routes += notification_routes(lambda: self.herder, self.notifications, self.worker_config.worker_id)
        here = lambda: self.connector_routes if self.routes.ready else None  # noqa: E731
        check = partial(_check_schemas, self.worker_config)
        routes += tables_routes(lambda: self.herder, here, self.schema_book, check) + table_routes(here)
        if self.worker_config.registry is None:
            routes += self._registry_routes()
        return routes

    def _numbers(self) -> WorkerNumbers:
        tasks = self.manager.supervised
        return WorkerNumbers(tasks, self.loop_watch, held_reports(self.snapshot_book, tasks))

    def _registry_routes(self) -> list[RouteDef]:
        # Imported only where it is served: the Avro library costs a quarter of a second.
        from faust_cdc.registry.embedded import EmbeddedRegistry
        from faust_cdc.registry.schemas_topic import KafkaSchemaLog
        from faust_cdc.rest.registry_api import registry_routes

        config = self.worker_config
        schema_log = KafkaSchemaLog(
            client_settings(config, config.client_config),
            config.group_id,
            topic=config.schemas_topic,
            replication_factor=config.schemas_replication_factor,
        )
        self.registry = EmbeddedRegistry(schema_log)
        return registry_routes(self.registry, prefix=REGISTRY_PATH)


def _check_routes(config: MySqlConnectorConfig, change: RouteChange) -> RouteFindings:
    # As below: the MySQL driver comes with the first check.
    from faust_cdc.pipeline.route_check import check_route_change

    return check_route_change(config, change)


def _check_source(config: MySqlConnectorConfig, change: RouteChange) -> list[SourceFinding]:
    # Called in a thread; imports the MySQL driver with the first check, not before the first HTTP answer.
    with lasting_imports("faust_cdc.connect.source_check"):
        from faust_cdc.connect.source_check import check_source_server

    return check_source_server(config, change)


def _check_schemas(worker: WorkerConfig, question: SchemaQuestion) -> dict[str, Any]:
    # Called in a thread; imports driver, transcoder and registry client with the first question.
    from faust_cdc.pipeline.schema_check import check_statement
    from faust_cdc.worker.tasks import task_spec

    desired = TaskDesired(question.connector, TASK_ID, question.config, TargetState.STARTED)
    spec = task_spec(desired, worker)
    return check_statement(spec, question.sql, question.database, question.latest, question.routes)
