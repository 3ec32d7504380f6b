"""What nothing can beat: reading the binlog's bytes without looking at them, and producing bytes that are ready."""

from __future__ import annotations

import os
import time
from typing import Any

from tests.bench.programs import Here, Program, run_as_program
from tests.bench.run import Run
from tests.bench.sides import Position

SOCKET, PRODUCE = "limit: socket", "limit: librdkafka"
READ_BYTES = 256 << 10
READY_RECORDS = 20_000
COMMIT_S = 0.1
DUMP_NON_BLOCK = 1
"""Flag of COM_BINLOG_DUMP: the server ends with an EOF packet instead of waiting for more."""


def socket_round(run: Run, work: str, start: Position, rows: int) -> None:
    """Read the binlog from `start` to its end; only bytes are counted."""
    mysql = run.mysql
    connection = {"host": mysql.host, "port": mysql.port, "user": mysql.user, "password": mysql.password}
    with Program("limits", what="socket", connection=connection, file=start.file, pos=start.pos) as program:
        program.go()
        _note(run, work, SOCKET, rows, program.answer(120))


def produce_round(run: Run, work: str, topic: str, base: int, rows: int) -> None:
    """Produce records that are ready, in transactions, from our topic's own bytes."""
    with Program("limits", what="produce", bootstrap=run.bootstrap, topic=topic, base=base, rows=rows) as program:
        program.go()
        _note(run, work, PRODUCE, rows, program.answer(120))


def _note(run: Run, work: str, side: str, rows: int, found: Any) -> None:
    run.results.add(work, side, "rate", "rows/s", rows / found["seconds"])
    run.results.add(work, side, "cpu", "µs/row", found["cpu_s"] * 1e6 / rows)


def read_socket(given: dict[str, Any], here: Here) -> dict[str, float]:
    """Dump the binlog and throw it away."""
    import pymysql
    from pymysql.constants import COMMAND

    connection: Any = pymysql.connect(**given["connection"], ssl_disabled=True)
    with connection.cursor() as cursor:
        cursor.execute("SET @source_binlog_checksum = 'CRC32', @master_binlog_checksum = 'CRC32'")
    body = int(given["pos"]).to_bytes(4, "little") + DUMP_NON_BLOCK.to_bytes(2, "little")
    body += (71_004).to_bytes(4, "little") + given["file"].encode()
    here.await_go()
    began, cpu = time.monotonic(), time.process_time()
    connection._execute_command(COMMAND.COM_BINLOG_DUMP, body)
    sock, buffer = connection._sock, bytearray(READ_BYTES)
    sock.settimeout(30)
    total, tail = 0, b""
    while not _is_eof(tail):
        got = sock.recv_into(buffer)
        if got == 0:
            raise RuntimeError(f"the server closed the dump after {total} bytes")
        total += got
        tail = (tail + buffer[max(0, got - 9) : got])[-9:]
    return {"seconds": time.monotonic() - began, "cpu_s": time.process_time() - cpu, "bytes": total}


def _is_eof(tail: bytes) -> bool:
    """Whether a stream ends with an EOF packet: length 5, any number, 0xFE, warnings and status."""
    return len(tail) == 9 and tail[:3] == b"\x05\x00\x00" and tail[4] == 0xFE


def produce(given: dict[str, Any], here: Here) -> dict[str, float]:
    """Write ready records, a Kafka transaction each 100 ms."""
    from confluent_kafka import Consumer, Producer, TopicPartition

    servers = {"bootstrap.servers": given["bootstrap"]}
    consumer = Consumer({**servers, "group.id": f"limits-{os.getpid()}", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(given["topic"], 0, given["base"])])
    wanted = min(READY_RECORDS, given["rows"])
    ready: list[tuple[Any, Any]] = []
    while len(ready) < wanted:
        message = consumer.poll(30)
        if message is None or message.error() is not None:
            raise RuntimeError(f"{given['topic']}: nothing after {len(ready)} records")
        ready.append((message.key(), message.value()))
    consumer.close()
    producer = Producer(
        {
            **servers, "transactional.id": f"limits-{os.getpid()}", "compression.type": "lz4", "linger.ms": 5,
            "batch.size": 1_000_000, "queue.buffering.max.messages": 200_000, "delivery.report.only.error": True,
        }
    )  # fmt: skip
    producer.init_transactions(30)
    here.await_go()
    began, cpu = time.monotonic(), time.process_time()
    producer.begin_transaction()
    commit_at, topic = began + COMMIT_S, f"limits.{given['topic']}"
    for number in range(given["rows"]):
        key, value = ready[number % wanted]
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.01)
        if number % 1000 == 0 and time.monotonic() > commit_at:
            producer.commit_transaction(60)
            producer.begin_transaction()
            commit_at = time.monotonic() + COMMIT_S
    producer.commit_transaction(60)
    return {"seconds": time.monotonic() - began, "cpu_s": time.process_time() - cpu}


def main(here: Here) -> None:
    """Do one of the two."""
    found = {"socket": read_socket, "produce": produce}[here.parameters["what"]](here.parameters, here)
    here.answer(found)


if __name__ == "__main__":
    run_as_program(main)
