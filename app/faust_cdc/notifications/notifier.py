"""The notifier: one call in the task's thread, and every channel that is enabled has the notification.

The sink channel writes a record through the task's own `TransactionWriter`: it is part of the open Kafka transaction,
so that it is seen with what it tells of, or not at all. The caller covers it (`TransactionWriter.cover`, or the end of
the source transaction) as it does its own records. The other channels have it at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from faust_cdc.config.signalling import NotificationSettings
from faust_cdc.notifications.notification import Notification
from faust_cdc.pipeline.captured import EnsureTopic
from faust_cdc.pipeline.converters import Converters
from faust_cdc.pipeline.records import ChangeRecord
from faust_cdc.transcode.encoding import EncodeStruct
from faust_cdc_schemas.metadata import notification_key_schema, notification_value_schema

log = logging.getLogger(__name__)

Channel = Callable[[Notification], None]


class SinkChannel:
    """Records on a topic of the user's; topic and schemas are made with the first.

    A call raises RegistryUnavailable, IncompatibleSchemaChange, and what writing a record raises.
    """

    def __init__(
        self, topic: str, converters: Converters, ensure_topic: EnsureTopic, write: Callable[[ChangeRecord], None]
    ) -> None:
        self._topic = topic
        self._converters = converters
        self._ensure_topic = ensure_topic
        self._write = write
        self._encoders: tuple[EncodeStruct, EncodeStruct] | None = None

    def __call__(self, notification: Notification) -> None:
        """Write the record, to the partition of its key."""
        key, value = self._encoders or self._open()
        self._write(ChangeRecord(self._topic, key({"id": notification.id}), value(notification.as_record()), []))

    def _open(self) -> tuple[EncodeStruct, EncodeStruct]:
        self._ensure_topic(self._topic)
        key = self._converters.of_keys.struct(self._topic, notification_key_schema())
        value = self._converters.of_values.struct(self._topic, notification_value_schema())
        self._encoders = (key, value)
        return self._encoders


def to_log(notification: Notification) -> None:
    """Write a notification to the log, in Debezium's words (channel `log`)."""
    log.info("[Notification Service]  %s", notification)


class Notifier:
    """Passes notifications to channels, in their order. Not thread-safe: of the task's thread."""

    def __init__(self, channels: Sequence[Channel] = ()) -> None:
        self._channels = tuple(channels)

    def notify(self, notification: Notification) -> None:
        """Pass it on. Raises what the sink channel raises; see the module for what becomes of its record."""
        for channel in self._channels:
            channel(notification)


def notifier_of(
    settings: NotificationSettings,
    converters: Converters,
    ensure_topic: EnsureTopic,
    write: Callable[[ChangeRecord], None],
    show: Channel,
) -> Notifier:
    """Return the notifier of a connector's options; `show` is always told (REST, which stands for JMX here too)."""
    channels: list[Channel] = [show]
    if "log" in settings.channels:
        channels.append(to_log)
    if "sink" in settings.channels:
        channels.append(SinkChannel(settings.sink_topic, converters, ensure_topic, write))
    return Notifier(channels)
