"""Both connectors on one server: started with the same options, fed with one scenario, awaited, read.

Topic prefixes differ (`theirs…`, `ours…`) and are taken out by the comparison. Both are level when the marker table,
which the history changes last, has arrived and no topic grows any more.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from pymysql import MySQLError

from tests.harness.connectors import apicurio_converters, connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import Apicurio, ConnectWorker, KafkaBroker, LabError, MySqlServer
from tests.oracle.topics import RawRecord, TopicReader, topics_with_prefix_in
from tests.parity.comparison import snapshot_is_complete
from tests.parity.faker.fixed import ANCHOR, ANCHOR_HISTORY, ANCHOR_SETUP, MISSING_RECORDS
from tests.parity.faker.histories import SESSION, Scenario
from tests.parity.judge import Explain, Judge, Tables, Verdict
from tests.parity.option_sets import OPTION_SETS
from tests.parity.wires import WIRES

MARKER = "zz_marker"
"""Table whose changes come last; it sorts behind the others, as snapshots read tables in this order."""
SETTLE_S = 1.5
"""How long no topic may grow until both are taken to be level."""
UNEQUAL_SETTLE_S = 60.0
"""The same, while they differ in their numbers of records where they should not: the marker's record says of its own
topic only that all is there, and on a busy machine the end of a transaction may come later than a moment."""
LEVEL_TIMEOUT_S = 420.0
_numbers = count(1)


class StatementRefused(AssertionError):
    """The faker made SQL that the server does not take: a fault of the faker."""


class DebeziumFailed(LabError):
    """Debezium's own task gave up on the scenario, so there is nothing to compare."""


class Sides:
    """The servers, Debezium on Connect, and our worker; all comparisons of a session share them."""

    def __init__(self, mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, connect: ConnectWorker) -> None:
        self.mysql, self.kafka, self.apicurio, self.connect = mysql, kafka, apicurio, connect
        self._stack = ExitStack()
        self._folder = Path(tempfile.mkdtemp(prefix="parity-"))
        properties = apicurio_converters(apicurio.registry_url)
        group = f"parity-{random.randrange(10**9)}"
        self.worker = WorkerProcess(self._folder, kafka.bootstrap, group, properties=properties)

    def __enter__(self) -> Sides:
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._stack.enter_context(self.worker)
        self.worker.wait_ready()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def run(self, scenario: Scenario, sets: Sequence[str], explain: Explain) -> dict[str, Verdict]:
        """Run `scenario` in a database of its own under every named option set; return a verdict per set.

        Raises StatementRefused, LabError when a connector fails, AssertionError when one does not become level.
        """
        number = next(_numbers)
        database = f"fake{number}"
        self.mysql.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        self._execute(database, [*scenario.setup, f"CREATE TABLE {MARKER} (id INT PRIMARY KEY)"])
        self._execute(database, ANCHOR_SETUP)
        self._execute(database, [f"INSERT INTO {MARKER} VALUES (1)"])
        prefixes = {name: (f"theirs{number}{name}", f"ours{number}{name}") for name in sets}
        with ExitStack() as connectors:
            for name, (theirs, ours) in prefixes.items():
                connectors.enter_context(self._theirs(database, name, theirs))
                connectors.enter_context(self._ours(database, name, ours))
            for name, pair in prefixes.items():
                self._await_snapshot(database, name, pair, scenario.rows + 2)
            marks = [f"INSERT INTO {MARKER} VALUES (2)", f"UPDATE {MARKER} SET id = 3 WHERE id = 2"]
            self._execute(database, [*scenario.history, *ANCHOR_HISTORY, *marks])
            written = self._await_level(database, prefixes)
        self.mysql.drop_database(database)
        verdicts = {}
        for name, pair in prefixes.items():
            wire = WIRES[OPTION_SETS[name].wire](self.apicurio.ccompat_url)
            judge = Judge(wire, name, pair, [ANCHOR, *scenario.tables], explain)
            verdicts[name] = judge.compare(*(written[prefix] for prefix in pair))
        return verdicts

    def _execute(self, database: str, statements: Sequence[str]) -> None:
        with self.mysql.admin(database) as connection, connection.cursor() as cursor:
            cursor.execute(SESSION)
            for statement in statements:
                try:
                    cursor.execute(statement)
                except MySQLError as error:
                    raise StatementRefused(f"{error}\n{statement[:4000]}") from error

    @contextmanager
    def _theirs(self, database: str, name: str, prefix: str) -> Iterator[None]:
        options = OPTION_SETS[name]
        config = connector_config(self.mysql, database, prefix) | {
            "driver.allowPublicKeyRetrieval": "true",
            **self.connect.schema_history(),
            **options.for_theirs,
        }
        self.connect.create(prefix, config)
        yield
        self.connect.delete(prefix)

    @contextmanager
    def _ours(self, database: str, name: str, prefix: str) -> Iterator[None]:
        options = OPTION_SETS[name]
        # Rows are compared by their places: Debezium reads a table as it lies, and so do we under its locking mode.
        config = connector_config(self.mysql, database, prefix, snapshot__locking__mode="minimal") | options.for_ours
        self.worker.rest("POST", "/connectors", {"name": prefix, "config": config})
        yield
        self.worker.rest("DELETE", f"/connectors/{prefix}")

    def _await_snapshot(self, database: str, name: str, pair: tuple[str, str], rows: int) -> None:
        theirs, ours = pair
        self.worker.wait_running(ours)
        self.worker.until(partial(snapshot_is_complete, self.worker, ours), 180, f"our snapshot of {name} complete")
        deadline, seen = time.monotonic() + LEVEL_TIMEOUT_S, 0
        with TopicReader(self.kafka.bootstrap) as reader:
            while (seen := seen + len(reader.read_new(self._topics(theirs)))) < rows:
                self._check_theirs(theirs)
                assert time.monotonic() < deadline, (
                    f"{theirs}: {seen} of {rows} snapshot rows\n{self.connect.log_tail()}"
                )
                time.sleep(0.3)

    def _check_theirs(self, prefix: str) -> None:
        status = self.connect.status(prefix)
        for task in (status or {}).get("tasks", []):
            if task["state"] == "FAILED":
                raise DebeziumFailed(f"Debezium's task {prefix} failed: {task.get('trace', '')}")

    def _await_level(self, database: str, prefixes: Mapping[str, tuple[str, str]]) -> dict[str, Tables]:
        """Read all topics until the marker's last change is there on both sides and nothing grows."""
        wanted = [prefix for pair in prefixes.values() for prefix in pair]
        records: dict[str, Tables] = {prefix: {} for prefix in wanted}
        sides = {prefix: options for name, pair in prefixes.items() for prefix, options in _each(name, pair)}
        deadline, grew_at = time.monotonic() + LEVEL_TIMEOUT_S, time.monotonic()
        with TopicReader(self.kafka.bootstrap) as reader:
            while True:
                new = reader.read_new([topic for prefix in wanted for topic in self._topics(prefix)])
                for record in new:
                    _file(records, record)
                now = time.monotonic()
                grew_at = now if new else grew_at
                lagging = [prefix for prefix, options in sides.items() if not _marked(records[prefix], options)]
                settle_s = SETTLE_S if all(_as_many(records, *pair) for pair in prefixes.values()) else UNEQUAL_SETTLE_S
                if not lagging and now - grew_at > settle_s:
                    return records
                for theirs, ours in prefixes.values():
                    self._check_theirs(theirs)
                    self._check_ours(ours)
                assert now < deadline, f"not level after {LEVEL_TIMEOUT_S} s: {lagging}\n{self.connect.log_tail()}"
                time.sleep(0.3)

    def _check_ours(self, prefix: str) -> None:
        try:
            state = self.worker.task_state(prefix)
        except OSError as error:
            raise AssertionError(f"our worker does not answer: {error}\n{self.worker.log_tail()}") from error
        if state == "FAILED":
            status = self.worker.rest("GET", f"/connectors/{prefix}/status")
            raise AssertionError(f"our task {prefix} failed: {status['tasks'][0]['trace']}")

    def _topics(self, prefix: str) -> list[str]:
        names = self.kafka.topics()
        return [
            *topics_with_prefix_in(names, prefix),
            *([f"{prefix}.transaction"] * (f"{prefix}.transaction" in names)),
        ]


def _as_many(records: Mapping[str, Tables], theirs: str, ours: str) -> bool:
    """Whether both sides have as many records in each topic, but for those that one side lacks on purpose."""
    tables = (records[theirs].keys() | records[ours].keys()) - MISSING_RECORDS.keys()
    return all(len(records[theirs].get(table, [])) == len(records[ours].get(table, [])) for table in tables)


def _file(records: dict[str, Tables], record: RawRecord) -> None:
    assert record.partition == 0, record.topic
    prefix, table = record.topic.partition(".")[0], record.topic.rpartition(".")[2]
    records[prefix].setdefault(table, []).append(record)


def _each(name: str, pair: tuple[str, str]) -> list[tuple[str, dict[str, str]]]:
    """Return the option set's two prefixes, each with the options of its side."""
    one = OPTION_SETS[name]
    return [(pair[0], one.for_theirs), (pair[1], one.for_ours)]


def _marked(tables: Tables, options: Mapping[str, str]) -> bool:
    """Whether the marker's changes have all arrived: insert, then the change of its key as d, tombstone, c."""
    skipped = options.get("skipped.operations", "t")
    made = {"c": 1, "u": 1 + 1 + (options.get("tombstones.on.delete") != "false")}
    expected = 1 + sum(n for op, n in made.items() if op not in skipped)
    return len(tables.get(MARKER, [])) >= expected
