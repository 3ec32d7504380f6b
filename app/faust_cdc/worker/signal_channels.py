"""The signal channels of the tasks that run on this worker: opened and closed with them, looked at in a thread."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faust_cdc.config.signalling import DEFAULT_SIGNAL_GROUP, SignalSettings
from faust_cdc.config.worker import WorkerConfig
from faust_cdc.errors import CdcError
from faust_cdc.kafka.signal_topic import SignalTopic
from faust_cdc.signals.channels import ConnectorChannels
from faust_cdc.worker.settings import client_settings

log = logging.getLogger(__name__)

NEEDED = frozenset({"kafka", "file"})
"""Channels that are looked at here; the others come to the task by themselves."""


@dataclass
class _Open:
    task: Any
    channels: ConnectorChannels | None
    """None: they could not be made, as was said."""


@dataclass
class SignalChannels:
    """Level triggered as the task manager is: `look` is given what runs and makes its channels equal to that."""

    worker: WorkerConfig
    _open: dict[str, _Open] = field(default_factory=dict)

    def look(self, running: Mapping[str, Any]) -> None:
        """Look for signals of `running`, the task threads by task key. Blocks; one call at a time."""
        for key in [key for key, one in self._open.items() if running.get(key) is not one.task]:
            self._close(self._open.pop(key))
        for key, task in running.items():
            if key not in self._open and task.spec.config.signals.channels & NEEDED:
                self._open[key] = _Open(task, self._channels_of(task))
        for one in self._open.values():
            if one.channels is not None and one.channels.is_due:
                one.channels.look()

    def close(self) -> None:
        """Close all."""
        for one in self._open.values():
            self._close(one)
        self._open.clear()

    def _close(self, one: _Open) -> None:
        if one.channels is not None:
            one.channels.close()

    def _channels_of(self, task: Any) -> ConnectorChannels | None:
        spec = task.spec
        signals: SignalSettings = spec.config.signals
        try:
            return ConnectorChannels(
                spec.connector,
                spec.config.topic_prefix,
                task,
                signals,
                lambda: self._topic(spec.connector, spec.config.topic_prefix, signals),
            )
        except CdcError as error:
            log.warning("The signal channels of connector %r cannot be opened: %s", spec.connector, error)
            return None

    def _topic(self, connector: str, server: str, signals: SignalSettings) -> SignalTopic:
        java = {**self.worker.consumer_config, **signals.consumer}
        client = client_settings(self.worker, java)
        if signals.kafka_bootstrap_servers:
            client["bootstrap.servers"] = signals.kafka_bootstrap_servers
        topic = signals.kafka_topic or f"{server}-signal"
        if signals.kafka_group_id:
            return SignalTopic(client, topic, signals.kafka_group_id)
        own = f"{DEFAULT_SIGNAL_GROUP}-{connector}"
        return SignalTopic(client, topic, own, predecessor_group_id=DEFAULT_SIGNAL_GROUP)
