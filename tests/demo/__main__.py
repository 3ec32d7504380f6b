"""`python -m tests.demo [--once] [--bootstrap HOST:PORT] [--rate N]`: the main job on real servers, visibly."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql

from tests.demo import shop
from tests.demo.watch import Watcher
from tests.harness.connectors import connector_config
from tests.harness.worker import WorkerProcess
from tests.lab import MariaDbServer, MySqlServer, SqlServer, Tansu
from tests.lab.install import find_program
from tests.oracle.invariants import duplicates, order_faults, replay, table_state
from tests.oracle.topics import AvroDecoder, TopicReader, changes, topics_with_prefix

CONNECTOR = "shop"
PREFIX = f"demo{int(time.time())}"
"""New at each run: a Kafka given by --bootstrap keeps the topics of the last."""
STREAMED_CHANGES = 200
ONCE_TIMEOUT_S = 300.0


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Print what is being done, a dot per second while it lasts, and how long it took."""
    print(f"  {text} ", end="", flush=True)
    began, done = time.monotonic(), threading.Event()

    def tick() -> None:
        while not done.wait(1):
            print(".", end="", flush=True)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    print(f" {time.monotonic() - began:.1f} s", flush=True)


def source_server() -> SqlServer:
    """Return the server that the machine has: MariaDB, else MySQL, else MariaDB to be installed."""
    mysqld = find_program("mysqld")
    if mysqld is not None and find_program("mariadbd") is None:
        return MySqlServer(mysqld=mysqld)
    return MariaDbServer()


def main() -> int:
    """Run the demo; return the exit code."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faust-cdc-demo-")))
        try:
            return _run(options, stack, folder, began)
        except KeyboardInterrupt:
            print("\nStopping everything that was started.")
            return 0


def _run(options: argparse.Namespace, stack: contextlib.ExitStack, folder: Path, began: float) -> int:
    print("faust-cdc demo: a database, a broker, one worker; every part is real")
    server = source_server()
    with step(type(server).__name__.removesuffix("Server")):
        database = stack.enter_context(server)
    if options.bootstrap:
        bootstrap = options.bootstrap
    else:
        with step("Tansu, a Kafka-compatible broker in memory"):
            bootstrap = stack.enter_context(Tansu()).bootstrap
    with step("a shop database"):
        database.execute("CREATE DATABASE shop")
        connection = database.admin("shop")
        stack.callback(connection.close)
        with connection.cursor() as cursor:
            shop.load(cursor.execute)
    worker = WorkerProcess(folder, bootstrap, PREFIX)
    with step("the worker with its embedded schema registry"):
        stack.enter_context(worker)
        worker.wait_ready()
    print(f"  REST API {worker.url}, registry {worker.registry_url}")
    with step("POST /connectors"):
        worker.rest("POST", "/connectors", {"name": CONNECTOR, "config": connector_config(database, "shop", PREFIX)})
        worker.wait_running(CONNECTOR)
    with step("the snapshot"):
        worker.until(lambda: _has_offset(worker), 180, "the snapshot complete")
    writer = database.admin("shop")
    writer.autocommit(False)
    clerk = shop.Clerk(writer, options.rate)
    watcher = Watcher(bootstrap, worker.registry_url, PREFIX, quiet=options.quiet)
    stack.callback(watcher.close)
    clerk.start()
    stack.callback(clerk.stop)
    print(f"\nLive: {options.rate:g} orders/s; each line is a record read back from Kafka (read_committed)\n")
    limit = STREAMED_CHANGES if options.once else None
    watcher.watch(limit, ONCE_TIMEOUT_S if options.once else None, lambda: _still_fine(worker, clerk))
    clerk.stop()
    return _verdict(bootstrap, worker, connection, watcher, began)


def _has_offset(worker: WorkerProcess) -> bool:
    if worker.task_state(CONNECTOR) == "FAILED":
        raise SystemExit(f"The task failed:\n{worker.rest('GET', f'/connectors/{CONNECTOR}/status')}")
    return bool(worker.rest("GET", f"/connectors/{CONNECTOR}/offsets")["offsets"])


def _still_fine(worker: WorkerProcess, clerk: shop.Clerk) -> None:
    if clerk.failure is not None:
        raise SystemExit(f"The clerk could not write: {clerk.failure}")
    if worker.process is not None and worker.process.poll() is not None:
        raise SystemExit(f"The worker ended with {worker.process.returncode}:\n{worker.log_tail()}")


def _verdict(bootstrap: str, worker: WorkerProcess, connection: Any, watcher: Watcher, began: float) -> int:
    """Hold the topics against the tables; the reader starts anew, from the first record."""
    faults: list[str] = []
    deadline = time.monotonic() + 120
    while True:
        faults = _compare(bootstrap, worker.registry_url, connection)
        if not faults or time.monotonic() > deadline:
            break
        time.sleep(0.3)
    print(f"\n{watcher.summary()}; worker {worker.rss_mb():.0f} MB; whole demo {time.monotonic() - began:.1f} s")
    if faults:
        print("VERDICT: topics do NOT equal tables:")
        for fault in faults[:20]:
            print(f"  {fault}")
        print(f"The worker's last words:\n{worker.log_tail(15)}")
        return 1
    print("VERDICT: topics equal tables; no record twice, none out of order")
    return 0


def _compare(bootstrap: str, registry_url: str, connection: Any) -> list[str]:
    decoder = AvroDecoder(registry_url)
    with TopicReader(bootstrap) as reader:
        records = reader.read_new(topics_with_prefix(bootstrap, PREFIX))
    decoded = list(changes(records, decoder))
    schemas = {r.value[:5]: decoder.schema(r.value) for r, _, _ in decoded if r.value is not None}
    seen = replay(decoded, schemas)
    faults = [f"twice: {name}" for name in duplicates(decoded)] + order_faults(decoded)
    for table, key in shop.TABLES.items():
        with connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            rows = cursor.fetchall()
        expected = table_state(rows, key)
        found = seen.get(f"{PREFIX}.shop.{table}", {})
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                faults.append(f"{table} {name}: table {expected.get(name)}, topic {found.get(name)}")
    return faults


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the snapshot and 200 changes, verify, exit")
    parser.add_argument("--bootstrap", help="a running Kafka instead of the built-in broker")
    parser.add_argument("--rate", type=float, default=25.0, help="orders per second (default 25)")
    parser.add_argument("--quiet", action="store_true", help="only the summary lines")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
