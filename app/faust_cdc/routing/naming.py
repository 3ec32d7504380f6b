"""`topic.naming.strategy`: the strategies shipped with Debezium 3.6.1 (`io.debezium.schema.*TopicNamingStrategy`).

- Default…: `<prefix>.<database>.<table>`. Schema…: the same without the database, because MySQL and MariaDB have no
  schemas in Debezium's sense and blank parts are left out; tables of one name share a topic then.
- …Unicode…: illegal characters, and `_` itself, become `_uXXXX` in place of `_`.
- …Regex…: the name is matched as a whole and replaced by `topic.replacement`, unless the result is empty. Tables may
  share a topic, so every key gets a field that names the table, unless `topic.key.enforce.uniqueness` is false.

Topic names are made once per table; the schemas of its records are named after its topic.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.config.java_regex import expand_replacement, java_pattern
from faust_cdc.relational.model import TableId
from faust_cdc.routing.topics import sanitise_topic

UNICODE_CLASSES: Final = ("DefaultUnicodeTopicNamingStrategy", "SchemaUnicodeTopicNamingStrategy")
REGEX_CLASSES: Final = ("DefaultRegexTopicNamingStrategy", "SchemaRegexTopicNamingStrategy")


@dataclass(frozen=True)
class Replacement:
    """A pattern that names are matched with as a whole, and what becomes of the first match."""

    pattern: re.Pattern[str]
    text: str

    def apply(self, name: str) -> str:
        """Return the new name, `name` itself where the pattern does not match the whole of it."""
        if self.pattern.fullmatch(name) is None:
            return name
        # As Java's replaceFirst: a new search, which may find less than the whole name.
        return self.pattern.sub(lambda match: expand_replacement(self.text, match), name, count=1)


@dataclass(frozen=True)
class TopicNaming:
    """The names of all topics of one connector."""

    prefix: str
    delimiter: str = "."
    with_database: bool = True
    unicode: bool = False
    route: Replacement | None = None
    key_field: str | None = None
    """The field that every key gets, None for no such field."""
    key_route: Replacement | None = None
    """What the field's value is made of the table's own topic name with."""
    heartbeat_prefix: str = "__debezium-heartbeat"
    heartbeat_name: str = ""
    transaction: str = "transaction"
    _sanitise: Callable[[str], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sanitise", sanitise_unicode if self.unicode else sanitise_topic)

    def data_topic(self, table: TableId) -> str:
        """Return the topic of a table's change events."""
        topic = self._sanitise(self._physical(table))
        return (self.route.apply(topic) or topic) if self.route is not None else topic

    def fitting(self, name: str) -> str:
        """Return `name` as Kafka takes it."""
        return self._sanitise(name)

    def key_value(self, table: TableId) -> str | None:
        """Return the value of `key_field` in every key of the table, None when there is no such field."""
        if self.key_field is None:
            return None
        name = self._physical(table)
        return name if self.key_route is None else self.key_route.apply(name)

    def heartbeat_topic(self) -> str:
        """Return the topic of heartbeats."""
        return self.heartbeat_name or self.delimiter.join((self.heartbeat_prefix, self.prefix))

    def transaction_topic(self) -> str:
        """Return the topic of transaction metadata."""
        return self.delimiter.join((self.prefix, self.transaction))

    def schema_change_topic(self) -> str:
        """Return the topic of schema change events."""
        return self.prefix

    def _physical(self, table: TableId) -> str:
        parts = (self.prefix, table.database, table.table) if self.with_database else (self.prefix, table.table)
        return self.delimiter.join(parts)


def sanitise_unicode(name: str) -> str:
    """Return `name` with `_uXXXX` for UTF-16 units but letters, digits, dots and hyphens, cut to 249 characters."""
    topic = _NOT_UNICODE_NAME.sub(_escape, name)[:249]
    return "_u002e" * len(topic) if topic in (".", "..") else topic


_NOT_UNICODE_NAME = re.compile(r"[^A-Za-z0-9.-]")


def _escape(match: re.Match[str]) -> str:
    data = match[0].encode("utf-16-be", "surrogatepass")
    units = (f"{int.from_bytes(data[place : place + 2], 'big'):x}" for place in range(0, len(data), 2))
    # Debezium pads what has two digits or fewer, by two zeros.
    return "".join(f"_u00{text}" if len(text) <= 2 else f"_u{text}" for text in units)


def topic_naming(config: MySqlConnectorConfig) -> TopicNaming:
    """Return the naming that a connector's options ask for."""
    name = config.topic_naming_strategy
    by_regex = name in REGEX_CLASSES
    return TopicNaming(
        config.topic_prefix,
        config.topic_delimiter,
        with_database=name.startswith("Default"),
        unicode=name in UNICODE_CLASSES,
        route=_replacement(config.topic_regex, config.topic_replacement) if by_regex else None,
        key_field=config.topic_key_field_name if by_regex and config.topic_key_enforce_uniqueness else None,
        key_route=_replacement(config.topic_key_field_regex, config.topic_key_field_replacement) if by_regex else None,
        heartbeat_prefix=config.topic_heartbeat_prefix,
        heartbeat_name=config.topic_heartbeat_name,
        transaction=config.topic_transaction,
    )


def _replacement(pattern: str, text: str) -> Replacement | None:
    return Replacement(java_pattern(pattern), text) if pattern else None
