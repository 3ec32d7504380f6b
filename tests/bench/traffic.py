"""A writer with a steady pace and a reader that notes arrivals, as processes of their own."""

from __future__ import annotations

import os
import threading
import time
from itertools import chain
from typing import Any

import pymysql
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.bench.programs import Here, Program, run_as_program
from tests.bench.tables import SEED, Table
from tests.lab import MySqlServer

WRITERS = 2
"""Connections of the writer, which take turns."""
PREFIX_BYTES = 5


def writer(
    mysql: MySqlServer, database: str, table: Table, first: int, per_second: int, rows: int, seconds: float
) -> Program:
    """Return a program that commits `per_second` transactions of `rows` rows each for `seconds`."""
    return Program(
        "traffic", what="write", socket=str(mysql.socket_path), procedure=f"{SEED}.fill_{database}_{table.name}",
        first=first, per_second=per_second, rows=rows, transactions=round(per_second * seconds),
    )  # fmt: skip


def reader(bootstrap: str, topic: str, base: int, count: int) -> Program:
    """Return a program that notes when each of `count` records from offset `base` on arrives, read_committed."""
    return Program("traffic", what="read", bootstrap=bootstrap, topic=topic, base=base, count=count)


def write(given: dict[str, Any], here: Here) -> dict[str, Any]:
    """Commit at the given pace; answers with (first id, monotonic seconds when the commit was answered)."""
    threads: list[threading.Thread] = []
    commits: list[list[tuple[int, float]]] = [[] for _ in range(WRITERS)]
    failures: list[BaseException] = []
    begins: list[float] = []
    started = threading.Event()

    def work(number: int, connection: Any) -> None:
        started.wait()
        try:
            with connection.cursor() as cursor:
                for turn in range(number, given["transactions"], WRITERS):
                    time.sleep(max(0.0, begins[0] + turn / given["per_second"] - time.monotonic()))
                    first = given["first"] + turn * given["rows"]
                    cursor.execute(f"CALL {given['procedure']}({first}, 1, {given['rows']})")
                    commits[number].append((first, time.monotonic()))
        except Exception as error:
            failures.append(error)

    for number in range(WRITERS):
        connection = pymysql.connect(unix_socket=given["socket"], user="root", autocommit=True)
        threads.append(threading.Thread(target=work, args=(number, connection)))
        threads[-1].start()
    here.await_go()
    begins.append(time.monotonic())
    started.set()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return {"began": begins[0], "ended": time.monotonic(), "commits": sorted(chain.from_iterable(commits))}


def read(given: dict[str, Any], here: Here) -> dict[str, Any]:
    """Note (id, monotonic seconds) of each arrival."""
    consumer = Consumer(
        {
            "bootstrap.servers": given["bootstrap"],
            "group.id": f"reader-{os.getpid()}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(given["topic"], 0, given["base"])])
    consumer.poll(0.5)  # connected and fetching before the first record comes
    arrivals: list[tuple[int, float]] = []
    here.await_go()
    deadline = time.monotonic() + 180
    while len(arrivals) < given["count"]:
        message = consumer.poll(1)
        now = time.monotonic()
        if now > deadline:
            raise RuntimeError(f"{len(arrivals)} of {given['count']} records arrived")
        if message is None:
            continue
        if message.error() is not None:
            raise KafkaException(message.error())
        arrivals.append((zigzag(bytes(message.key() or b"")[PREFIX_BYTES:]), now))
    consumer.close()
    return {"arrivals": arrivals}


def zigzag(raw: bytes) -> int:
    """Avro's int or long."""
    value = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(raw))
    return (value >> 1) ^ -(value & 1)


def main(here: Here) -> None:
    """Write or read."""
    here.answer({"write": write, "read": read}[here.parameters["what"]](here.parameters, here))


if __name__ == "__main__":
    run_as_program(main)
