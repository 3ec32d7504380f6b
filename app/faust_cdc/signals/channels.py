"""The file and Kafka channels of one connector, as long as its task runs here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from faust_cdc.config.signalling import SignalSettings
from faust_cdc.kafka.signal_topic import SignalRecord, SignalTopic
from faust_cdc.signals.file_channel import FileChannel
from faust_cdc.signals.signal import RefusedSignal, Signal, TaskCommand, command_of, unreadable

log = logging.getLogger(__name__)


class SignalledTask(Protocol):
    """What takes the commands (`faust_cdc.pipeline.task.ConnectorTask`)."""

    @property
    def commands_taken(self) -> int:
        """How many submitted commands were taken."""

    def submit(self, command: TaskCommand) -> int | None:
        """Hand a command over; its number, None when it is not taken."""


class ConnectorChannels:
    """Looks for signals when it is time, and hands them to the task. Blocks; not thread-safe."""

    def __init__(
        self,
        connector: str,
        server: str,
        task: SignalledTask,
        settings: SignalSettings,
        open_topic: Callable[[], SignalTopic],
    ) -> None:
        """`server` is the `topic.prefix`, the key of signals for us on a topic."""
        self._connector = connector
        self._server = server.encode()
        self._task = task
        self._interval_s = settings.poll_interval_ms / 1000
        self._poll_s = settings.kafka_poll_timeout_ms / 1000
        self._file = FileChannel(settings.file) if "file" in settings.channels else None
        self._file_handed = 0
        """Number of the last command of the file: it is emptied when the task has taken that."""
        self._topic = open_topic() if "kafka" in settings.channels else None
        self._unread: list[SignalRecord] = []
        """Read and not handed over yet."""
        self._handed: list[tuple[int, int]] = []
        """(number of the command, Kafka offset behind its record) of what the task has not taken yet."""
        self._done = 0
        """Kafka offset below which nothing is to be read again."""
        self._due_at = time.monotonic()

    @property
    def is_due(self) -> bool:
        """True when it is time to look, or to empty the file."""
        return time.monotonic() >= self._due_at or (
            self._file is not None and self._file.is_handed and self._is_file_taken
        )

    @property
    def _is_file_taken(self) -> bool:
        return self._file_handed <= self._task.commands_taken

    def look(self) -> None:
        """Hand over the signals that came since the last look."""
        self._due_at = time.monotonic() + self._interval_s
        if self._file is not None and self._is_file_taken:
            self._file.look(self._hand_over_line)
        if self._topic is not None:
            if not self._unread:
                self._unread = self._topic.read(self._poll_s)
            self._hand_over_records()
            self._commit(self._topic)

    def close(self) -> None:
        """End; what the task has taken is committed, and removed from the file."""
        if self._file is not None and self._is_file_taken:
            self._file.empty()
        if self._topic is not None:
            self._commit(self._topic)
            self._topic.close()

    def _hand_over(self, signal: Signal | RefusedSignal, where: str) -> int | None:
        """Return the command's number, 0 when there is nothing to do, None when the task does not take it now."""
        if isinstance(signal, RefusedSignal):
            return self._task.submit(signal)
        command = command_of(signal)
        if command is None:
            return 0
        number = self._task.submit(command)
        if number is not None:
            log.info("Signal %r for connector %r in %s: %s", signal.id, self._connector, where, signal.type)
        return number

    def _hand_over_line(self, signal: Signal | RefusedSignal) -> bool:
        assert self._file is not None
        number = self._hand_over(signal, str(self._file.path))
        self._file_handed = max(self._file_handed, number or 0)
        return number is not None

    def _hand_over_records(self) -> None:
        assert self._topic is not None
        while self._unread:
            record = self._unread[0]
            signal = self._signal_of(record)
            number = 0 if signal is None else self._hand_over(signal, self._topic.topic)
            if number is None:
                return
            self._handed.append((number, record.kafka_offset + 1))
            del self._unread[0]

    def _signal_of(self, record: SignalRecord) -> Signal | RefusedSignal | None:
        topic = "" if self._topic is None else self._topic.topic
        if record.key != self._server:
            log.info(
                "Record %d of %s is not for connector %r: its key is %.200r, expected the topic.prefix %r",
                record.kafka_offset, topic, self._connector, record.key, self._server.decode(),
            )  # fmt: skip
            return None
        if not record.value:
            return None
        try:
            return Signal.from_json(record.value)
        except ValueError as error:
            return unreadable(f"record {record.kafka_offset} of {topic}", error)

    def _commit(self, topic: SignalTopic) -> None:
        taken = self._task.commands_taken
        while self._handed and self._handed[0][0] <= taken:
            self._done = self._handed.pop(0)[1]
        if self._done:
            topic.commit(self._done)
