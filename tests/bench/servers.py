"""The servers of a run: MySQL, Kafka, a registry, Connect with Debezium, and our worker, each with a user's settings.

The lab's JVMs are tuned for tests that live for a minute (C1 compiler only, serial collector, small heaps). Here they
get what Kafka's own start scripts give them (`kafka-run-class.sh`, KAFKA_JVM_PERFORMANCE_OPTS): the full compiler and
G1; and the broker the heap of `kafka-server-start.sh` (KAFKA_HEAP_OPTS). With the lab's it stood still for its
collector every second or two, 10 to 25 ms each time, which was much of the P99 of the latency measured through it.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.connectors import apicurio_converters
from tests.lab import Apicurio, ConnectWorker, KafkaBroker, LabProcess, MySqlServer
from tests.lab.commands import run
from tests.lab.kafka_servers import JVM_OPTIONS, http_json

ROOT = Path(__file__).parents[2]
SERVER_JVM = (
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
)
BROKER_HEAP = ("-Xmx1G", "-Xms1G")
MODULES = (
    "aiohttp, faust.cli.worker, faust_cdc.cli, faust_cdc.worker.application, faust_cdc.worker.tasks, "
    "faust_cdc.connect.source_check, faust_cdc.pipeline.fast_stream, httpx, httpcore"
)
"""What brings nearly all that a worker with a connector imports."""
MESSAGE_BYTES_MAX = 128 << 20
"""Kafka must take the row of 64 MB."""


def server_jvm(command: list[str]) -> list[str]:
    """Return a lab command with the options of Kafka's start scripts in place of the lab's."""
    return [command[0], *SERVER_JVM, *(part for part in command[1:] if part not in JVM_OPTIONS)]


class BenchKafka(KafkaBroker):
    """A broker as its start script runs it."""

    def command(self) -> list[str]:
        command = [part for part in server_jvm(super().command()) if not part.startswith(("-Xmx", "-Xms"))]
        return [command[0], *BROKER_HEAP, *command[1:]]


class BenchConnect(ConnectWorker):
    """Connect with Debezium as its start script runs it, defaults where the lab has something else."""

    def command(self) -> list[str]:
        return server_jvm(super().command())


class OurWorker(LabProcess):
    """Our worker: the console command with a properties file, as in the README."""

    name = "faust-cdc"
    start_timeout_s = 90.0

    def __init__(self, bootstrap: str, registry_url: str, properties: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.group_id = f"bench-{self.port}"
        self.settings = {
            "bootstrap.servers": bootstrap,
            "group.id": self.group_id,
            "config.storage.topic": f"{self.group_id}-configs",
            "offset.storage.topic": f"{self.group_id}-offsets",
            "status.storage.topic": f"{self.group_id}-status",
            "listeners": self.url,
            "rest.advertised.host.name": self.host,
            "rest.advertised.port": str(self.port),
            "data.dir": str(self.folder / "data"),
            **apicurio_converters(registry_url),
            **(properties or {}),
        }

    @property
    def url(self) -> str:
        """Address of the REST API."""
        return f"http://{self.host}:{self.port}"

    def prepare(self) -> None:
        text = "".join(f"{name}={value}\n" for name, value in self.settings.items())
        (self.folder / "worker.properties").write_text(text)
        environment = {**os.environ, **self.environment()}
        run([sys.executable, "-c", f"import {MODULES}"], what="compiling our modules to bytecode", env=environment)

    def command(self) -> list[str]:
        program = Path(sys.executable).with_name("faust-cdc")
        return [str(program), "worker", "--properties", str(self.folder / "worker.properties")]

    def environment(self) -> dict[str, str]:
        """The code of this tree, whose commit the results name.

        Compiled to bytecode as pip leaves what it installs, before the first start: a process that compiles its modules
        keeps some MB of what that took. `./dev` has Python write none into the tree.
        """
        return {
            "PYTHONPATH": ":".join(str(ROOT / folder) for folder in ("app", "agents", "schemas")),
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
        }

    def hot_path(self) -> str:
        """File of the hot path as the worker imports it: an extension module where it is compiled."""
        command = [sys.executable, "-c", "import faust_cdc.pipeline.lane as lane; print(lane.__file__)"]
        return run(command, what="finding the hot path", env={**os.environ, **self.environment()}).strip()

    def ready(self) -> bool:
        try:
            return bool(self.request("GET", "/health")["status"] == "healthy")
        except OSError:
            return False

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Call the REST API; raises urllib's HTTPError on an error status."""
        return http_json(method, self.url + path, body)


@dataclass
class Servers:
    """What runs."""

    mysql: MySqlServer
    kafka: KafkaBroker
    apicurio: Apicurio
    connect: ConnectWorker
    ours: OurWorker


@contextmanager
def servers(producer_client: str) -> Iterator[Servers]:
    """Start everything, what can at the same time; stop it whatever happens. Our worker writes with this client."""
    limits = {"message.max.bytes": str(MESSAGE_BYTES_MAX), "replica.fetch.max.bytes": str(MESSAGE_BYTES_MAX)}
    mysql = MySqlServer(
        extra_args=[
            "--innodb-buffer-pool-size=256M",
            "--innodb-redo-log-capacity=512M",
            "--max-allowed-packet=1G",
            "--innodb-flush-log-at-trx-commit=0",
        ]
    )
    kafka, apicurio = BenchKafka(properties=limits), Apicurio()
    with ExitStack() as stack:
        first: tuple[LabProcess, ...] = (mysql, kafka, apicurio)
        for server in first:
            stack.callback(server.close)
        with ThreadPoolExecutor(3) as pool:
            for starting in [pool.submit(server.start) for server in first]:
                starting.result()
        connect = BenchConnect(
            kafka,
            apicurio,
            heap="1g",
            properties={
                "exactly.once.source.support": "disabled",
                "offset.flush.interval.ms": "60000",
                "connector.client.config.override.policy": "All",
            },
        )
        ours = OurWorker(kafka.bootstrap, apicurio.registry_url, {"producer.client": producer_client})
        workers: tuple[LabProcess, ...] = (connect, ours)
        for worker in workers:
            stack.callback(worker.close)
        with ThreadPoolExecutor(2) as pool:
            for starting in [pool.submit(worker.start) for worker in workers]:
                starting.result()
        yield Servers(mysql, kafka, apicurio, connect, ours)


def explain(error: urllib.error.HTTPError) -> str:
    """Return an error answer's own message."""
    with error:
        text = error.read().decode(errors="replace")
    try:
        return f"{error.code}: {json.loads(text)['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code}: {text[:400]}"
