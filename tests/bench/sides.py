"""What is compared: our worker and Debezium on Connect. Both are driven over the REST API that they share."""

from __future__ import annotations

import json
import random
import time
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.bench.meters import Meter
from tests.bench.servers import Servers, explain
from tests.harness.connectors import connector_config
from tests.lab import LabError, MySqlServer
from tests.lab.process import wait_until

STATE_TIMEOUT_S = 120.0


class Worker(Protocol):
    """A process with Connect's REST API."""

    @property
    def pid(self) -> int: ...

    def request(self, method: str, path: str, body: object = None) -> Any: ...

    def log_tail(self, lines: int = 30) -> str: ...


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the binlog, as both connectors keep it in their offset."""

    file: str
    pos: int
    gtids: str

    @classmethod
    def now(cls, mysql: MySqlServer) -> Position:
        """Where the binlog ends now."""
        file, pos, _, _, gtids = mysql.query("SHOW BINARY LOG STATUS")[0]
        return cls(file, int(pos), str(gtids).replace("\n", ""))

    def offset(self) -> bytes:
        """The offset record's value."""
        return json.dumps({"ts_sec": 0, "file": self.file, "pos": self.pos, "gtids": self.gtids}).encode()


@dataclass
class Side:
    """One of the two workers, and how it is fed."""

    name: str
    """`faust-cdc` or `debezium`: the name in the results."""
    worker: Worker
    offsets_topic: str
    servers: Servers
    extra: Mapping[str, str] = field(default_factory=dict)
    """Options that every connector of this side gets."""

    def meter(self) -> Meter:
        """Of the worker's process."""
        return Meter(self.worker.pid)

    def connector(self, database: str, **options: str) -> Connector:
        """A connector that is not created yet; double underscores in option names stand for dots."""
        return Connector(self, f"{self.name[0]}{random.randrange(10**9):09}", database, options)


def both_sides(servers: Servers) -> tuple[Side, Side]:
    """Our worker and Debezium."""
    history = {
        "schema.history.internal.kafka.bootstrap.servers": servers.kafka.bootstrap,
        "driver.allowPublicKeyRetrieval": "true",
    }
    ours, connect = servers.ours, servers.connect
    return (
        Side("faust-cdc", ours, ours.settings["offset.storage.topic"], servers),
        Side("debezium", connect, connect.properties()["offset.storage.topic"], servers, history),
    )


class Connector:
    """One connector of a side; its name is its topic prefix. Prefixes of both sides are equally long."""

    def __init__(self, side: Side, prefix: str, database: str, options: Mapping[str, str]) -> None:
        self.side, self.prefix, self.database = side, prefix, database
        mysql = side.servers.mysql
        self.config = connector_config(mysql, database, prefix, **options) | dict(side.extra)
        self._offset_place: tuple[int, bytes] | None = None

    def topic(self, table: str) -> str:
        """Topic of a table."""
        return f"{self.prefix}.{self.database}.{table}"

    def create(self, **options: str) -> Connector:
        """Create it; further options as in `Side.connector`."""
        more = {name.replace("__", "."): value for name, value in options.items()}
        self._call("PUT", f"/connectors/{self.prefix}/config", self.config | more)
        return self

    def stop(self) -> None:
        """End its task and keep its offset; returns when the task is gone."""
        self._call("PUT", f"/connectors/{self.prefix}/stop")
        self._await(
            "STOPPED, no task", lambda status: status["connector"]["state"] == "STOPPED" and not status["tasks"]
        )

    def resume(self) -> None:
        """Let it run; returns at once."""
        self._call("PUT", f"/connectors/{self.prefix}/resume")

    def delete(self) -> None:
        """Take it away."""
        self._call("DELETE", f"/connectors/{self.prefix}")

    def await_running(self) -> None:
        """Wait for a running task."""
        self._await("RUNNING", lambda status: bool(status["tasks"]) and status["tasks"][0]["state"] == "RUNNING")

    def check(self) -> None:
        """Raise LabError with the trace of a task that failed."""
        for task in self._status()["tasks"]:
            if task["state"] == "FAILED":
                raise LabError(f"{self.side.name}'s task failed: {task.get('trace', '')}")

    def set_position(self, position: Position) -> None:
        """Write the offset from which a stopped connector goes on, where it keeps its own."""
        if self._offset_place is None:
            self._offset_place = self._find_offset()
        partition, key = self._offset_place
        producer = Producer({"bootstrap.servers": self.side.servers.kafka.bootstrap, "acks": "all"})
        producer.produce(self.side.offsets_topic, position.offset(), key, partition)
        if producer.flush(30):
            raise LabError(f"the offset of {self.prefix} was not written within 30 s")

    def _find_offset(self) -> tuple[int, bytes]:
        """Return partition and key of the offset record that the stopped connector left."""
        wanted = [self.prefix, {"server": self.prefix}]
        found: list[tuple[int, bytes]] = []

        def written() -> bool:
            records = self._all_offsets()
            found.extend((part, key) for part, key in records if json.loads(key) == wanted)
            return bool(found)

        wait_until(written, timeout_s=30, what=f"an offset of {self.prefix}", interval_s=0.3)
        return found[-1]

    def _all_offsets(self) -> list[tuple[int, bytes]]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.side.servers.kafka.bootstrap,
                "group.id": f"bench-{uuid4()}",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        topic = self.side.offsets_topic
        records: list[tuple[int, bytes]] = []
        ended: set[int | None] = set()
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
            while len(ended) < len(partitions):
                message = consumer.poll(10)
                if message is None:
                    raise LabError(f"{topic}: nothing read for 10 s")
                error = message.error()
                if error is None:
                    records.append((int(message.partition() or 0), _bytes(message.key())))
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
        finally:
            consumer.close()
        return records

    def _status(self) -> Any:
        try:
            return self.side.worker.request("GET", f"/connectors/{self.prefix}/status")
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 409, 500, 503):  # not known yet, or a rebalance goes on
                return {"connector": {"state": ""}, "tasks": []}
            raise

    def _await(self, what: str, condition: Any) -> None:
        deadline = time.monotonic() + STATE_TIMEOUT_S
        while not condition(self._status()):
            self.check()
            if time.monotonic() > deadline:
                raise LabError(f"{self.side.name}: connector not {what} after {STATE_TIMEOUT_S:g} s: {self._status()}")
            time.sleep(0.1)

    def _call(self, method: str, path: str, body: object = None) -> None:
        deadline = time.monotonic() + STATE_TIMEOUT_S
        while True:
            try:
                self.side.worker.request(method, path, body)
                return
            except urllib.error.HTTPError as error:
                if error.code not in (409, 500) or time.monotonic() > deadline:
                    raise LabError(f"{self.side.name}: {method} {path}: {explain(error)}") from error
                error.close()
                time.sleep(0.5)


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
