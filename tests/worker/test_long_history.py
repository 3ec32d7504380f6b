"""A start with a long schema history in a real topic: what it costs is the tables, not the statements of years.

In CI some thousand tables; `./dev soak history` has 10,000 tables and 100,000 records. The bounds are taken from a
start of the same worker without them, measured before: a slow or busy machine takes longer for both. Where the time of
a start goes is printed.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from faust_cdc.history.table_changes import altered, created, history_json, history_record
from faust_cdc.kafka.history_topic import BATCH, MARK, QUEUE_BYTES, READ_AHEAD_KB
from faust_cdc.relational.model import Column, Table, TableId
from tests.bench.watch import EndOffsets
from tests.harness.connectors import apicurio_converters, connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import Apicurio, KafkaBroker, MySqlServer
from tests.oracle.topics import TopicReader

pytestmark = pytest.mark.integration

LINES = int(os.environ.get("FAUST_CDC_LINES", "20000"))
VERSIONS = 10
"""Records of each table."""
TABLES = LINES // VERSIONS
OF_A_TABLE = 512
"""Bytes that a table takes in memory beside its line: its names, their place in a dict, objects around them."""
OF_A_MESSAGE = 1024
"""Bytes that a record takes beside its line while it waits: librdkafka's and Python's objects, with the header."""
SLACK = 1.25
"""What the allocator takes beside what it is asked for."""
READ_WITHIN_S = LINES / 4000
"""100,000 are read in a second; librdkafka waits one each time that its queue is full, if it is not told otherwise."""
CPU_TIMES = 2 + 2 * LINES / 100_000
"""CPU time of the start in that of one without a history."""
EVENT_WITHIN_S = 180.0
_STAMP = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3})\]")


def earlier(gtids: str) -> Iterator[str]:
    """Yield sets that the given one holds, over and over: each with fewer of its longest run of transactions.

    The server is shared: other tests leave GTIDs with tags and of other sources in what it has executed.
    """
    runs = [(found, int(found[1]), int(found[2])) for found in re.finditer(r":(\d+)-(\d+)", gtids)]
    assert runs, f"no two transactions in a row in {gtids}, though this test has made more"
    run, first, last = max(runs, key=lambda one: one[2] - one[1])
    while True:
        for end in range(last, first - 1, -1):
            yield f"{gtids[: run.start()]}:{first}-{end}{gtids[run.end() :]}"


def long_history(server: str, position: dict[str, Any], database: str) -> Iterator[bytes]:
    """Yield what Debezium writes of tables that are created and then altered once after another."""
    columns = [
        Column("id", "bigint", 0, False, auto_increment=True),
        Column("c@", "decimal", 1, True, length=12, scale=2),
    ]
    columns += [Column(f"name{n}", "varchar", n + 2, True, length=200, charset="utf8mb4") for n in range(4)]
    shown = ",\n".join(f"  `name{n}` varchar(200) COLLATE utf8mb4_unicode_ci DEFAULT NULL" for n in range(4))
    create = "CREATE TABLE `t@table` (\n  `id` bigint NOT NULL AUTO_INCREMENT,\n  `c0` decimal(12,2) DEFAULT NULL,"
    create += f"\n{shown},\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci"
    places = list(islice(earlier(position["gtids"]), TABLES))  # no two are the same in a history of years
    for version in range(VERSIONS):
        table = Table(TableId(database, "t@table"), tuple(columns), ("id",), "utf8mb4")
        change = altered(table) if version else created(table)
        ddl = f"ALTER TABLE `t@table` CHANGE c{version - 1} c{version} DECIMAL(12,2)" if version else create
        record = history_record(server, position, 1_795_230_262_000 + version, database, ddl, [change])
        text = history_json(record).replace('"c@"', f'"c{version}"')
        for number, place in enumerate(places):
            yield text.replace("t@table", f"t{number:06}").replace(position["gtids"], place).encode()


def write(kafka: KafkaBroker, topic: str, lines: Iterator[bytes], mark: str | None) -> int:
    """Append lines; with `mark` as ours. Returns the bytes of the last one."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 20, "enable.idempotence": True})
    headers: list[tuple[str, str | bytes | None]] = [(MARK, mark.encode())] if mark else []
    line = b""
    for line in lines:
        while True:
            try:
                producer.produce(topic, line, None, 0, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(120) == 0
    return len(line)


def cpu_s(worker: WorkerProcess) -> float:
    assert worker.process is not None
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Start:
    """From the process's start to the first event."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    log: tuple[str, ...]
    parts: str
    """When the parts were over, in seconds."""

    def read_s(self, lines: int) -> float:
        """Return how long the history was read; it has `lines` lines at least."""
        found = self._told()
        assert int(found[1]) >= lines, found
        return float(found[3])

    @property
    def tables(self) -> int:
        """How many the history told of: those of other databases on the server too, whoever left them there."""
        return int(self._told()[2])

    def _told(self) -> re.Match[str]:
        found = re.search(r"Schema history in topic .*?: (\d+) lines, (\d+) tables, in ([\d.]+) s", "\n".join(self.log))
        assert found is not None, self.log
        return found


def first_event(worker: WorkerProcess, events: EndOffsets) -> Start:
    """Start until the topic is longer, and stop."""
    said_before = len(worker.log_file.read_text().splitlines())
    end, began, began_at = events.read(), time.monotonic(), time.time()
    worker.start()
    while events.read() == end:
        assert time.monotonic() - began < EVENT_WITHIN_S, worker.log_tail()
        assert worker.process is not None, "started above"
        assert worker.process.poll() is None, worker.log_tail()
        time.sleep(0.02)
    wall_s, used_s, peak_mb = time.monotonic() - began, cpu_s(worker), worker.rss_mb("VmHWM")
    worker.stop()
    log = tuple(worker.log_file.read_text().splitlines()[said_before:])
    words = {"offset read": "then the stream", "history read": "Schema history in", "written anew": "is shortened"}
    parts = [f"{part} {at:.2f}" for part, word in words.items() for at in _told_at(log, word, began_at)]
    return Start(wall_s, used_s, peak_mb, log, ", ".join([*parts, f"first event {wall_s:.2f}"]))


def _told_at(log: tuple[str, ...], words: str, began_at: float) -> Iterator[float]:
    for line in log:
        stamp = _STAMP.match(line)
        if words in line and stamp is not None:
            yield datetime.fromisoformat(f"{stamp[1]}.{stamp[2]}").timestamp() - began_at


def size_of(kafka: KafkaBroker, topic: str) -> int:
    with TopicReader(kafka.bootstrap) as reader:
        return len(reader.read_new([topic]))


def bound_mb(plain: Start, line_bytes: int) -> float:
    """Return what a start may take: that of a plain one, the last line of each table, and what waits on its way."""
    tables = TABLES * (line_bytes + OF_A_TABLE)
    waiting = READ_AHEAD_KB * 1024 + BATCH * line_bytes + QUEUE_BYTES
    waiting += (READ_AHEAD_KB * 1024 // line_bytes + BATCH + QUEUE_BYTES // line_bytes) * OF_A_MESSAGE
    return plain.peak_mb + SLACK * (tables + waiting) / 2**20


def test_a_start_costs_the_tables_not_the_records(
    mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, tmp_path: Path
) -> None:
    """A history of ours is written anew at the start; one with records of Debezium's is read, and left as it is."""
    name = f"h{uuid4().hex[:8]}"
    topic, history = f"{name}.{mysql_database}.marker", f"history-{name}"
    insert = "INSERT INTO marker VALUES ()"
    mysql.execute(f"CREATE TABLE marker (id INT AUTO_INCREMENT PRIMARY KEY); {insert}", mysql_database)
    worker = WorkerProcess(
        tmp_path / "worker", kafka.bootstrap, f"g-{name}", properties=apicurio_converters(apicurio.registry_url)
    )
    starts: dict[str, Start] = {}
    with TopicReader(kafka.bootstrap) as reader, closing(EndOffsets(kafka.bootstrap, topic)) as events, worker:
        worker.wait_ready()
        worker.rest("POST", "/connectors", {"name": name, "config": connector_config(mysql, mysql_database, name)})
        worker.wait_running(name)
        worker.until(lambda: events.read() > 0, 120, "the row is copied")
        copied = events.read()
        mysql.execute(insert, mysql_database)
        worker.until(lambda: events.read() > copied, 120, "it streams")
        worker.stop()
        position = json.loads(reader.read_new([history])[0].value or b"")["position"]

        def start(kind: str) -> Start:
            mysql.execute(insert, mysql_database)
            starts[kind] = first_event(worker, events)
            return starts[kind]

        plain = start("plain")
        line_bytes = write(kafka, history, long_history(name, position, mysql_database), name)
        long = start("long")
        assert TABLES < size_of(kafka, history) < 2 * TABLES
        start("again").read_s(TABLES)
        write(kafka, history, long_history(name, position, mysql_database), None)
        mixed = start("with Debezium's")
        assert size_of(kafka, history) > LINES + TABLES
    most_mb = bound_mb(plain, line_bytes)
    print(f"\n{LINES} records of some {line_bytes} bytes, {TABLES} tables; at most {most_mb:.0f} MB")
    for kind, one in starts.items():
        print(f"{kind}: {one.cpu_s:.2f} s CPU, peak {one.peak_mb:.0f} MB; {one.parts}")
    for one in (long, mixed):
        assert one.tables == plain.tables + TABLES, one.log
        assert one.read_s(LINES) < READ_WITHIN_S
    for one in starts.values():
        assert one.cpu_s < CPU_TIMES * plain.cpu_s
        assert one.peak_mb < most_mb
