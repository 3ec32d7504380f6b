"""Records put straight into the internal topics, as another program (a Connect worker) would."""

from __future__ import annotations

import json

from confluent_kafka import Producer

UNREACHABLE_PORT = "1"


def connector_config(name: str, **changes: str) -> dict[str, str]:
    """A valid configuration of a database that nobody serves: its task runs, degraded, and retries."""
    return {
        "name": name,
        "connector.class": "io.debezium.connector.mysql.MySqlConnector",
        "database.hostname": "127.0.0.1",
        "database.port": UNREACHABLE_PORT,
        "database.user": "cdc",
        "database.password": "cdc-secret",
        "database.server.id": "5401",
        "topic.prefix": name,
        "schema.history.internal.kafka.topic": "history",
        **{key.replace("__", "."): value for key, value in changes.items()},
    }


def connector_records(name: str) -> list[tuple[str, bytes | None]]:
    """The config topic's records of a running connector with its one task, in Connect's order."""
    properties = json.dumps({"properties": connector_config(name)}).encode()
    return [(f"connector-{name}", properties), (f"task-{name}-0", properties), (f"commit-{name}", b'{"tasks":1}')]


class TopicWriter:
    """Writes transactions to one topic, partition 0."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.topic = topic
        self.producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"writer-{topic}"})
        self.producer.init_transactions(120)

    def put(self, *records: tuple[str, bytes | None], commit: bool = True) -> None:
        """Write the records in one transaction, then commit or abort it (after the broker has them)."""
        self.producer.begin_transaction()
        for key, value in records:
            self.producer.produce(self.topic, key=key.encode(), value=value, partition=0)
        if commit:
            self.producer.commit_transaction()
        else:
            self.producer.flush()
            self.producer.abort_transaction()
