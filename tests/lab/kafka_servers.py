"""Kafka brokers (the real one and Tansu), Kafka Connect with Debezium, and a schema registry."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from tests.lab.commands import run
from tests.lab.install import (
    install_apicurio,
    install_connect_plugins,
    install_java,
    install_kafka,
    install_tansu,
)
from tests.lab.ports import free_port, release_port
from tests.lab.process import LabError, LabProcess, wait_until
from tests.lab.sql_servers import SqlServer
from tests.oracle.topics import RawRecord, TopicReader

ASK_TIMEOUT_S = 60.0
"""How long a server may take over one question; a busy machine's often take long."""
REBALANCED_S = 180.0
"""How long Connect may take to rebalance for the connector before."""
# One compiler and one collector thread: these JVMs live for minutes on few cores.
JVM_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData")


# Of two readers with one id the server ends the older, also when that belongs to a connector deleted a moment ago.
_server_ids = count(5_000_000)


class Broker(LabProcess):
    """What a test asks any broker."""

    @property
    def bootstrap(self) -> str:
        """Value for `bootstrap.servers`."""
        return f"{self.host}:{self.port}"

    def admin(self) -> AdminClient:
        """An admin client that keeps quiet about brokers that are not there."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 500})

    def ready(self) -> bool:
        """Whether metadata names a broker and a topic can be asked for."""
        try:
            return bool(self.admin().list_topics(timeout=10).brokers)
        except KafkaException:
            return False

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Create a topic and wait until it has a leader."""
        admin = self.admin()
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(config or {}))
        admin.create_topics([topic])[name].result(ASK_TIMEOUT_S)

        def led() -> bool:
            found = admin.list_topics(name, timeout=ASK_TIMEOUT_S).topics[name].partitions.values()
            return len(found) == partitions and all(one.leader >= 0 for one in found)

        wait_until(led, timeout_s=ASK_TIMEOUT_S, what=f"topic {name} with {partitions} partitions")

    def topics(self) -> list[str]:
        """Names of all topics, sorted."""
        return sorted(self.admin().list_topics(timeout=ASK_TIMEOUT_S).topics)

    def read_topic(self, topic: str, *, committed: bool = True) -> list[RawRecord]:
        """All records to the end of every partition; aborted ones too when not `committed`.

        A commit returns before its markers stand in the partitions, so that its records may be seen a moment later:
        what is written but not decided yet is waited for, as by the oracle's reader.
        """
        wait_until(lambda: topic in self.topics(), timeout_s=ASK_TIMEOUT_S, what=f"topic {topic}")
        with TopicReader(self.bootstrap, "read_committed" if committed else "read_uncommitted") as reader:
            return reader.read_new([topic])

    def wait_records(self, topic: str, count: int, timeout_s: float = 180) -> list[RawRecord]:
        """Wait until `topic` exists and holds at least `count` committed records; return all of them."""
        records: list[RawRecord] = []

        def enough() -> bool:
            records.extend(reader.read_new([topic]))
            return len(records) >= count

        with TopicReader(self.bootstrap) as reader:
            wait_until(enough, timeout_s=timeout_s, what=f"{count} records in {topic}")
        return records


class KafkaBroker(Broker):
    """Kafka as one KRaft node, controller and broker in one."""

    name = "kafka"

    def __init__(self, *, auto_create_topics: bool = True, properties: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.auto_create_topics = auto_create_topics
        self.extra_properties = dict(properties or {})
        self._controller_port = free_port()
        self._libs = install_kafka()
        self._java = install_java()

    def properties(self) -> dict[str, str]:
        """The broker's configuration; `properties` given to the constructor win."""
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{self.host}:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{self.host}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": str(self.auto_create_topics).lower(),
            "num.partitions": "1",
            "default.replication.factor": "1",
            "min.insync.replicas": "1",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "5",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "5",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "6000",
            "log.cleaner.dedupe.buffer.size": "16777216",
            "num.network.threads": "2",
            "num.io.threads": "2",
            # A restarted node must wait until its former self's session has ended; the default is 9 s.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            **self.extra_properties,
        }

    def prepare(self) -> None:
        """Write the configuration and format the storage."""
        path = self.folder / "server.properties"
        path.write_text(_properties(self.properties()))
        command = [*self._jvm("-Xmx128m"), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        run([*command, "-t", "bGFiLWxhYi1sYWItbGFiLQ", "-c", str(path)], what="formatting Kafka's storage")

    def command(self) -> list[str]:
        """The broker."""
        return [*self._jvm("-Xmx512m", "-Xms128m"), "kafka.Kafka", str(self.folder / "server.properties")]

    def close(self) -> None:
        """Give the controller's port back too."""
        super().close()
        release_port(self._controller_port)

    def _jvm(self, *options: str) -> list[str]:
        return [str(self._java), *JVM_OPTIONS, *options, *_LOG_OPTIONS, "-cp", f"{self._libs}/*"]


_LOG_OPTIONS = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


def _properties(values: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in values.items())


class Tansu(Broker):
    """A Kafka-compatible broker in memory; starts at once, forgets everything when stopped.

    It shows aborted records to read_committed consumers (open transactions it does hide), so that nothing that depends
    on an abort can be proved on it: use KafkaBroker for that.
    """

    name = "tansu"

    def __init__(self) -> None:
        super().__init__()
        self._program = install_tansu()

    def command(self) -> list[str]:
        """The broker."""
        url = f"tcp://{self.bootstrap}"
        command = [str(self._program), "broker", "--storage-engine", "memory://tansu/"]
        return [*command, "--listener-url", url, "--advertised-listener-url", url]


class Apicurio(LabProcess):
    """Apicurio registry in memory, with the Confluent API."""

    name = "apicurio"

    def __init__(self) -> None:
        super().__init__()
        self._jar = install_apicurio()
        self._java = install_java()

    @property
    def ccompat_url(self) -> str:
        """Value for `schema.registry.url`."""
        return f"http://{self.host}:{self.port}/apis/ccompat/v7"

    @property
    def registry_url(self) -> str:
        """Apicurio's own API, for its converter."""
        return f"http://{self.host}:{self.port}/apis/registry/v2"

    def command(self) -> list[str]:
        """The registry."""
        # By default it lists the 1,000 oldest subjects: fewer than a run of tests registers.
        subjects = "-Dregistry.ccompat.max-subjects=1000000"
        options = [*JVM_OPTIONS, "-Xmx512m", f"-Dquarkus.http.host={self.host}", subjects]
        return [str(self._java), *options, "-jar", str(self._jar)]

    def environment(self) -> dict[str, str]:
        """Its port."""
        return {"HTTP_PORT": str(self.port), "LOG_LEVEL": "WARN"}

    def ready(self) -> bool:
        """Whether subjects can be listed."""
        try:
            return isinstance(http_json("GET", f"{self.ccompat_url}/subjects", timeout_s=10), list)
        except OSError:
            return False


class ConnectWorker(LabProcess):
    """A distributed Kafka Connect worker with the Debezium MySQL connector, writing Avro as Confluent does."""

    name = "connect"
    start_timeout_s = 300.0

    def __init__(
        self,
        kafka: KafkaBroker,
        apicurio: Apicurio,
        *,
        properties: Mapping[str, str] | None = None,
        heap: str = "512m",
    ) -> None:
        super().__init__()
        self.kafka = kafka
        self.apicurio = apicurio
        self.group_id = f"connect-{uuid4().hex[:8]}"
        self.extra_properties = dict(properties or {})
        self._heap = heap
        self._plugins = install_connect_plugins()
        self._libs = install_kafka()
        self._java = install_java()

    @property
    def url(self) -> str:
        """Address of the REST API."""
        return f"http://{self.host}:{self.port}"

    def properties(self) -> dict[str, str]:
        """The worker's configuration; `properties` given to the constructor win."""
        return {
            "bootstrap.servers": self.kafka.bootstrap,
            "group.id": self.group_id,
            "config.storage.topic": f"{self.group_id}-configs",
            "offset.storage.topic": f"{self.group_id}-offsets",
            "status.storage.topic": f"{self.group_id}-statuses",
            "config.storage.replication.factor": "1",
            "offset.storage.replication.factor": "1",
            "status.storage.replication.factor": "1",
            "offset.storage.partitions": "5",
            "status.storage.partitions": "2",
            "listeners": self.url,
            "rest.advertised.host.name": self.host,
            "plugin.path": str(self._plugins),
            "exactly.once.source.support": "enabled",
            "offset.flush.interval.ms": "1000",
            "scheduled.rebalance.max.delay.ms": "0",
            **avro_converter("key", self.apicurio),
            **avro_converter("value", self.apicurio),
            **self.extra_properties,
        }

    def prepare(self) -> None:
        """Write the configuration."""
        (self.folder / "connect.properties").write_text(_properties(self.properties()))

    def command(self) -> list[str]:
        """The worker."""
        jvm = [str(self._java), *JVM_OPTIONS, f"-Xmx{self._heap}", *_LOG_OPTIONS, "-cp", f"{self._libs}/*"]
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        return [*jvm, main, str(self.folder / "connect.properties")]

    def ready(self) -> bool:
        """Whether the worker has joined its group: connectors can be listed, not only the root asked."""
        try:
            return isinstance(http_json("GET", f"{self.url}/connectors", timeout_s=10), list)
        except OSError:
            return False

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Call the REST API; returns the decoded body, raises urllib's HTTPError on an error status."""
        return http_json(method, self.url + path, body)

    def change(self, method: str, path: str, body: object = None) -> None:
        """As `request`, again while Connect answers 409 or 500: it rebalances for the connector before.

        Raises LabError with the answer's text.
        """
        deadline = time.monotonic() + REBALANCED_S
        while True:
            try:
                self.request(method, path, body)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code == 404 and method == "DELETE":
                        return  # an answer of 500 came before, and it was deleted all the same
                    if error.code not in (409, 500) or time.monotonic() > deadline:
                        raise LabError(f"{method} {path}: {error.code} {error.read().decode()}") from error
            else:
                return
            time.sleep(1)

    def create(self, name: str, config: Mapping[str, object], timeout_s: float = 240) -> None:
        """Create or change a connector and wait until its task runs."""
        self.change("PUT", f"/connectors/{name}/config", {key: str(value) for key, value in config.items()})
        self.wait_running(name, timeout_s)

    def status(self, name: str) -> Any:
        """Status of a connector, None while there is none."""
        try:
            return self.request("GET", f"/connectors/{name}/status")
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            error.close()
            return None

    def wait_running(self, name: str, timeout_s: float = 240) -> None:
        """Wait until the connector and its task are RUNNING; a FAILED one raises with its trace."""

        def running() -> bool:
            status = self.status(name)
            if status is None:
                return False
            parts = [status["connector"], *status["tasks"]]
            for part in parts:
                if part["state"] == "FAILED":
                    raise LabError(f"connector {name} failed: {part.get('trace', '')}\n{self.log_tail()}")
            return len(parts) > 1 and all(part["state"] == "RUNNING" for part in parts)

        wait_until(running, timeout_s=timeout_s, what=f"connector {name} RUNNING", interval_s=0.3)

    def delete(self, name: str) -> None:
        """Delete a connector."""
        self.change("DELETE", f"/connectors/{name}")

    def schema_history(self) -> dict[str, str]:
        """Where Debezium keeps its schema history. A question that takes more than its 3 s fails the task."""
        return {
            "schema.history.internal.kafka.bootstrap.servers": self.kafka.bootstrap,
            "schema.history.internal.kafka.query.timeout.ms": "120000",
            "schema.history.internal.kafka.create.timeout.ms": "120000",
        }

    def debezium_config(self, source: SqlServer, topic_prefix: str, **overrides: object) -> dict[str, object]:
        """Debezium's defaults for `source`; overrides use `__` for a dot in the name."""
        config: dict[str, object] = {
            "connector.class": "io.debezium.connector.mysql.MySqlConnector",
            "tasks.max": 1,
            **source.address(),
            "database.server.id": next(_server_ids),
            "topic.prefix": topic_prefix,
            **self.schema_history(),
            "schema.history.internal.kafka.topic": f"schema-history-{topic_prefix}",
        }
        config.update({name.replace("__", "."): value for name, value in overrides.items()})
        return config


def avro_converter(which: str, apicurio: Apicurio) -> dict[str, str]:
    """Settings of Apicurio's converter that give Confluent's wire format: 0x00, 4-byte schema id, Avro."""
    prefix = f"{which}.converter"
    return {
        prefix: "io.apicurio.registry.utils.converter.AvroConverter",
        f"{prefix}.apicurio.registry.url": apicurio.registry_url,
        f"{prefix}.apicurio.registry.auto-register": "true",
        f"{prefix}.apicurio.registry.find-latest": "true",
        f"{prefix}.apicurio.registry.as-confluent": "true",
        f"{prefix}.apicurio.registry.headers.enabled": "false",
        # Without it the id is the "global" one, which the Confluent API does not know.
        f"{prefix}.apicurio.registry.use-id": "contentId",
    }


def http_json(method: str, url: str, body: object = None, timeout_s: float = 120) -> Any:
    """One request with JSON both ways; None for an empty answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        content = answer.read()
    return json.loads(content) if content else None
