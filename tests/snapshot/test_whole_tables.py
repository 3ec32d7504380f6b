"""Tables that are read in one piece, under a writer that never stops: rows once each, none lost, none stale."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from tests.lab import Apicurio, KafkaBroker, MariaDbServer, MySqlServer, SqlServer
from tests.oracle.topics import TopicReader, changes
from tests.pipeline.test_task import Bench
from tests.snapshot.test_merged_live import wait_for_the_end

pytestmark = pytest.mark.integration


def append_only(source: SqlServer, database: str, stop: threading.Event, pause_s: float) -> int:
    """Append (n) until stopped; return how many there are."""
    number = 1000
    with source.admin(database) as connection, connection.cursor() as cursor:
        while not stop.is_set():
            cursor.execute("INSERT INTO keyless VALUES (%s)", (number,))
            connection.commit()
            number += 1
            time.sleep(pause_s)
    return number


def one_piece(bench: Bench, pause_s: float) -> None:
    source, database = bench.source, bench.database
    source.execute("CREATE TABLE keyless (n INT); CREATE TABLE labels (e ENUM('b','a') PRIMARY KEY, n INT)", database)
    source.execute("INSERT INTO keyless VALUES " + ", ".join(f"({n})" for n in range(1000)), database)
    source.execute("INSERT INTO labels VALUES ('a', 1), ('b', 2)", database)
    stop, ends = threading.Event(), list[int]()
    writer = threading.Thread(target=lambda: ends.append(append_only(source, database, stop, pause_s)))
    writer.start()
    try:
        with bench.running() as task:
            wait_for_the_end(task)
            time.sleep(0.5)
            stop.set()
            writer.join(30)
            (end,) = ends
            topics = [f"{bench.prefix}.{database}.{table}" for table in ("keyless", "labels")]
            found: Counter[int] = Counter()
            labels = []
            deadline = time.monotonic() + 60
            with TopicReader(bench.kafka.bootstrap) as reader:
                while len(found) < end and time.monotonic() < deadline:
                    for record, _, value in changes(reader.read_new(topics), bench.decoder):
                        if record.topic == topics[1]:
                            labels.append(value["after"])
                        else:
                            found[value["after"]["n"]] += 1
    finally:
        stop.set()
        writer.join(30)
    assert sorted(found) == list(range(end))
    assert set(found.values()) == {1}
    assert labels == [{"e": "b", "n": 2}, {"e": "a", "n": 1}] or labels == [{"e": "a", "n": 1}, {"e": "b", "n": 2}]


@pytest.mark.parametrize("pause_s", [0.05, 0.0])
def test_mysql(mysql: MySqlServer, kafka: KafkaBroker, apicurio: Apicurio, mysql_database: str, pause_s: float) -> None:
    one_piece(Bench(mysql, kafka, apicurio, mysql_database, snapshot__locking__mode="watermark"), pause_s)


def test_mariadb(mariadb: MariaDbServer, kafka: KafkaBroker, apicurio: Apicurio, mariadb_database: str) -> None:
    one_piece(Bench(mariadb, kafka, apicurio, mariadb_database, snapshot__locking__mode="watermark"), 0.05)
