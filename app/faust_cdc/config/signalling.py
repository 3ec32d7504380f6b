"""The options of signals and notifications: which ways in and out a connector has, and what is wrong with them.

Ways in (`signal.enabled.channels`): `source`, rows of a table of the database; `kafka`, a topic; `file`; `jmx`, which
is here the REST resource `/connectors/{c}/signals` and needs no leave. Ways out (`notification.enabled.channels`):
`sink`, a topic; `log`; `jmx`, which is here `/connectors/{c}/notifications`, always there too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from faust_cdc.config.checks import split_words
from faust_cdc.config.options import Check

SIGNAL_CHANNELS: Final = ("source", "kafka", "file", "jmx")
NOTIFICATION_CHANNELS: Final = ("sink", "log", "jmx")
DEFAULT_SIGNAL_GROUP: Final = "kafka-signal"
CONSUMER_PREFIX: Final = "signal.consumer."
_TABLE: Final = re.compile(r"(`[^`]*`|\"[^\"]*\"|[^.`\"]*)\.(`[^`]*`|\"[^\"]*\"|[^`\"]*)")


@dataclass(frozen=True)
class SignalSettings:
    """Which ways in a connector has."""

    channels: frozenset[str] = frozenset({"source"})
    data_collections: tuple[tuple[str, str], ...] = ()
    """Signal tables as (database, table); none: there is no source channel."""
    poll_interval_ms: int = 5000
    kafka_topic: str = ""
    """Empty: `<topic.prefix>-signal`."""
    kafka_bootstrap_servers: str = ""
    """Empty: the worker's own cluster."""
    kafka_group_id: str = ""
    """Empty: one of the connector's own, see `faust_cdc.kafka.signal_topic`."""
    kafka_poll_timeout_ms: int = 0
    consumer: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Java's consumer settings of `signal.consumer.*`, without the prefix."""
    file: str = "file-signals.txt"
    read_only: bool = False
    """Nothing is written into a signal table."""
    deletes_windows: bool = False
    """`insert_delete`: a row that opens a window is deleted to close it; else another row closes it."""

    @property
    def window_table(self) -> tuple[str, str] | None:
        """The (database, table) that windows of snapshots may be written to, where the server makes that needed."""
        return None if self.read_only or not self.data_collections else self.data_collections[0]


@dataclass(frozen=True)
class NotificationSettings:
    """Which ways out a connector has."""

    channels: frozenset[str] = frozenset()
    sink_topic: str = ""


def one_of(legal: tuple[str, ...], refused: Mapping[str, str]) -> Check:
    """Return the check of a list whose words are `legal` ones; `refused` says of others why they are not."""

    def check(text: str) -> str | None:
        for word in split_words(text):
            if word in refused:
                return f"'{word}' is not supported: {refused[word]}; channels are {', '.join(legal)}"
            if word not in legal:
                return f"Channels are {', '.join(legal)}, found '{word}'"
        return None

    return check


signal_channels: Final = one_of(
    SIGNAL_CHANNELS, {"in-process": "it is of engines embedded in Java programs; use jmx, which is REST here"}
)
notification_channels: Final = one_of(NOTIFICATION_CHANNELS, {})


def table_names(text: str) -> str | None:
    """A list of tables, each with its database; backticks may stand around names."""
    for word in split_words(text):
        if table_name(word) is None:
            return f"Tables are expected as database.table, found '{word}'"
    return None


def table_name(text: str) -> tuple[str, str] | None:
    """Return (database, table) of `database.table`; None when it is none.

    As in Debezium's `TableId.parse` names may stand in backticks or quotes; here the first dot outside parts them.
    """
    found = _TABLE.fullmatch(text)
    if found is None:
        return None
    database, table = (part.strip('`"') for part in found.groups())
    return (database, table) if database and table else None


def signal_settings(config: Mapping[str, str | None]) -> SignalSettings:
    """Return the settings of a configuration that has passed its checks."""

    def text(name: str, default: str = "") -> str:
        return (config.get(name) or "").strip() or default

    consumer = {
        name.removeprefix(CONSUMER_PREFIX): value or ""
        for name, value in config.items()
        if name.startswith(CONSUMER_PREFIX)
    }
    return SignalSettings(
        channels=frozenset(split_words(text("signal.enabled.channels", "source"))),
        data_collections=tuple(
            table for table in map(table_name, split_words(text("signal.data.collection"))) if table is not None
        ),
        poll_interval_ms=int(text("signal.poll.interval.ms", "5000")),
        kafka_topic=text("signal.kafka.topic"),
        kafka_bootstrap_servers=text("signal.kafka.bootstrap.servers"),
        kafka_group_id=text("signal.kafka.groupId"),
        kafka_poll_timeout_ms=int(text("signal.kafka.poll.timeout.ms", "0")),
        consumer=consumer,
        file=text("signal.file", "file-signals.txt"),
        read_only=text("read.only").lower() == "true",
        deletes_windows=text("incremental.snapshot.watermarking.strategy").lower() == "insert_delete",
    )


def notification_settings(config: Mapping[str, str | None]) -> NotificationSettings:
    """Return the settings of a configuration that has passed its checks."""
    return NotificationSettings(
        frozenset(split_words(config.get("notification.enabled.channels") or "")),
        (config.get("notification.sink.topic.name") or "").strip(),
    )


def problems(config: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """Return what no option alone can be blamed for: (option, problem)."""
    found: list[tuple[str, str]] = []
    settings = notification_settings(config)
    if "sink" in settings.channels and not settings.sink_topic:
        # Debezium's own words, which call the channel by its former name.
        text = "Notification topic name must be provided when kafka notification channel is enabled"
        found.append(("notification.sink.topic.name", text))
    return found
