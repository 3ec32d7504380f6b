"""Topic names as Debezium's DefaultTopicNamingStrategy makes them; the other strategies: `naming`.

Kafka allows `[A-Za-z0-9._-]` and 249 characters. Everything else becomes `_`; a longer name is cut. Two tables whose
names differ only in such characters share a topic, in Debezium too: `collisions` finds them so that callers can say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from faust_cdc.relational.model import TableId

TOPIC_LENGTH_MAX: Final = 249
_ILLEGAL = re.compile(r"[^A-Za-z0-9._-]")


def sanitise_topic(name: str) -> str:
    """Return `name` with each illegal character replaced by `_`, cut to 249 characters.

    A character outside the BMP becomes two underscores, because Java counts UTF-16 units. `.` and `..`, which Kafka
    refuses, become underscores.
    """
    topic = _ILLEGAL.sub(lambda match: "__" if ord(match[0]) > 0xFFFF else "_", name)[:TOPIC_LENGTH_MAX]
    return "_" * len(topic) if topic in (".", "..") else topic


def topic_for(prefix: str, table: TableId) -> str:
    """Return the topic of `table`'s change events: `<prefix>.<database>.<table>`, sanitised."""
    return sanitise_topic(f"{prefix}.{table.database}.{table.table}")


def versioned_topic(topic: str, generation: int) -> str:
    """Return a table's topic of a generation: its own, then `<topic>.v2`, `<topic>.v3` …, of 249 characters at most."""
    if generation <= 1:
        return topic
    suffix = f".v{generation}"
    return topic[: TOPIC_LENGTH_MAX - len(suffix)] + suffix


def schema_change_topic(prefix: str) -> str:
    """Return the topic of schema change events: the prefix itself, sanitised."""
    return sanitise_topic(prefix)


def transaction_topic(prefix: str, name: str = "transaction") -> str:
    """Return the topic of transaction metadata: `<prefix>.transaction` unless `topic.transaction` says otherwise."""
    return sanitise_topic(f"{prefix}.{name}")


def quarantine_topic(prefix: str) -> str:
    """Return the topic of rows that could not be read: `<prefix>.quarantine`."""
    return sanitise_topic(f"{prefix}.quarantine")


def heartbeat_topic(prefix: str, heartbeat_prefix: str = "__debezium-heartbeat") -> str:
    """Return the topic of heartbeats: `__debezium-heartbeat.<prefix>` unless configured otherwise."""
    return sanitise_topic(f"{heartbeat_prefix}.{prefix}")


def collisions(prefix: str, tables: Iterable[TableId]) -> dict[str, tuple[TableId, ...]]:
    """Return the topics that more than one of `tables` would share, with those tables in order."""
    by_topic: dict[str, list[TableId]] = {}
    for table in tables:
        by_topic.setdefault(topic_for(prefix, table), []).append(table)
    return {topic: tuple(sharing) for topic, sharing in by_topic.items() if len(sharing) > 1}
