"""What the parts of a run share: servers, both sides, sizes, results, and connectors that wait at a place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.bench import tables
from tests.bench.meters import Meter
from tests.bench.plan import DEBEZIUM, OURS, Plan
from tests.bench.results import Results
from tests.bench.servers import Servers
from tests.bench.sides import Connector, Side, both_sides
from tests.bench.tables import Table
from tests.bench.watch import EndOffsets
from tests.lab import LabError, MySqlServer

MARKER = "marker"
MARKER_TIMEOUT_S = 120.0
MARKER_PAUSE_S = 0.5
IDLE_SETTLE_S = 2.0


@dataclass
class Run:
    """One run of the bench."""

    servers: Servers
    plan: Plan
    results: Results
    say: Callable[[str], None]
    captured: dict[str, Connector] = field(default_factory=dict)
    """By side: the stopped connector of the database `bench`."""
    begun: int = 0
    """Parts with rounds that have begun."""

    def __post_init__(self) -> None:
        self.ours, self.debezium = both_sides(self.servers)

    @property
    def mysql(self) -> MySqlServer:
        """The source."""
        return self.servers.mysql

    @property
    def bootstrap(self) -> str:
        """Kafka's address."""
        return self.servers.kafka.bootstrap

    def side(self, name: str) -> Side:
        """A side by its name in the results."""
        return {OURS: self.ours, DEBEZIUM: self.debezium}[name]

    def meters(self, side: Side) -> dict[str, Meter]:
        """The side's process first, then the servers that work for both."""
        others = {"mysqld": Meter(self.mysql.pid), "kafka": Meter(self.servers.kafka.pid)}
        return {side.name: side.meter(), **others}

    def warm_rounds(self, always: bool) -> int:
        """How many rounds of the part that begins shall not count.

        `always`: work that is new to a JVM, which compiles it while it runs; else only the first part of a run warms.
        """
        self.begun += 1
        return self.plan.warm if self.begun == 1 or (always and self.plan.warm_each) else 0

    def note_idle(self) -> None:
        """Resident memory of both workers before the first connector."""
        time.sleep(IDLE_SETTLE_S)
        for side in (self.ours, self.debezium):
            self.results.add("memory", side.name, "idle", "MB", side.meter().rss_mb())

    def capture(self, wanted: Iterable[Table]) -> None:
        """Create tables in `bench` and one connector of each side that has seen them, stopped."""
        tables.prepare(self.mysql)
        self.mysql.execute(f"CREATE DATABASE IF NOT EXISTS {tables.DATABASE} CHARACTER SET utf8mb4")  # of parts without
        for table in wanted:
            table.create(self.mysql)
        self.mysql.execute(f"CREATE TABLE {tables.DATABASE}.{MARKER} (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY)")
        sides = (self.ours, self.debezium)
        with ThreadPoolExecutor(2) as pool:
            for side, connector in zip(sides, pool.map(lambda side: self.waiting(side), sides), strict=True):
                self.captured[side.name] = connector

    def waiting(self, side: Side, **options: str) -> Connector:
        """Create a connector of `bench`, wait until it streams, stop it."""
        connector = side.connector(tables.DATABASE, snapshot__mode="no_data", **options).create()
        connector.await_running()
        self.await_streaming(connector)
        connector.stop()
        return connector

    def await_streaming(self, connector: Connector) -> None:
        """Return when a row that is written now arrives."""
        ends = EndOffsets(self.bootstrap, connector.topic(MARKER))
        self.await_arrival(connector, ends, f"INSERT INTO {tables.DATABASE}.{MARKER} VALUES ()")

    def await_arrival(self, connector: Connector, ends: EndOffsets, statement: str) -> None:
        """Run `statement` again and again until the topic grows; closes `ends`."""
        deadline, base = time.monotonic() + MARKER_TIMEOUT_S, ends.read()
        try:
            while ends.read() <= base:
                connector.check()
                if time.monotonic() > deadline:
                    raise LabError(f"{connector.side.name} streams nothing\n{connector.side.worker.log_tail()}")
                self.mysql.execute(statement)
                time.sleep(MARKER_PAUSE_S)
        finally:
            ends.close()


def alternating(names: Iterable[str], number: int) -> list[str]:
    """The sides' order in a round: every second one backwards."""
    order = list(names)
    return order[::-1] if number % 2 else order
