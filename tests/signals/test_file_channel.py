"""The file of signals: read, emptied, and left alone when it is no such file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from faust_cdc.config.signalling import SignalSettings
from faust_cdc.kafka.signal_topic import SignalTopic
from faust_cdc.signals.channels import ConnectorChannels
from faust_cdc.signals.file_channel import FILE_BYTES_MAX, FileChannel
from faust_cdc.signals.queue import CommandQueue
from faust_cdc.signals.signal import UNREADABLE, RefusedSignal, Signal, TaskCommand

LOG = '{"id": "%s", "type": "log", "data": {"message": "m"}}\n'


class Task:
    """Takes so many signals."""

    def __init__(self, takes: int = 1000) -> None:
        self.takes = takes
        self.signals: list[Signal] = []
        self.refused: list[RefusedSignal] = []

    def __call__(self, signal: Signal | RefusedSignal) -> bool:
        if len(self.signals) >= self.takes:
            return False
        if isinstance(signal, Signal):
            self.signals.append(signal)
        else:
            self.refused.append(signal)
        return True

    @property
    def ids(self) -> list[str]:
        return [signal.id for signal in self.signals]


def test_signals_are_handed_over_once_and_the_file_is_emptied(tmp_path: Path) -> None:
    path, task = tmp_path / "signals.txt", Task()
    channel = FileChannel(str(path))
    assert channel.look(task) == 0
    path.write_text(LOG % "a" + "\n  \n" + "no signal\n" + (LOG % "b").rstrip())
    assert channel.look(task) == 2
    assert task.ids == ["a", "b"]
    (refused,) = task.refused
    assert refused.type == UNREADABLE
    assert refused.reason.startswith(f"a line of {path} is no signal: a signal is a JSON object, found b'no signal")
    assert channel.is_handed
    assert path.read_text().startswith(LOG % "a"), "until they need not come again"
    assert FileChannel(str(path)).look(Task()) == 2, "as they do when the worker is killed"
    channel.empty()
    assert not channel.is_handed
    assert path.read_bytes() == b""
    assert channel.look(task) == 0
    path.write_text(LOG % "c")
    assert channel.look(task) == 1
    assert task.ids == ["a", "b", "c"]


def test_a_line_added_while_others_are_read_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "signals.txt"
    path.write_text(LOG % "a")
    task = Task()

    def hand_over(signal: Signal | RefusedSignal) -> bool:
        if signal.id == "a":
            with path.open("a") as file:
                file.write(LOG % "b")
        return task(signal)

    channel = FileChannel(str(path))
    assert channel.look(hand_over) == 2
    assert task.ids == ["a", "b"]
    channel.empty()
    assert path.read_bytes() == b""


def test_what_is_added_or_written_anew_before_the_file_is_emptied_is_read(tmp_path: Path) -> None:
    path, task = tmp_path / "signals.txt", Task()
    channel = FileChannel(str(path))
    path.write_text(LOG % "a")
    assert channel.look(task) == 1
    with path.open("a") as file:
        file.write(LOG % "b")
    assert channel.look(task) == 1
    assert path.read_text() == LOG % "b"
    path.write_text(LOG % "c")
    assert channel.look(task) == 1
    path.unlink()
    channel.empty()
    assert channel.look(task) == 0
    assert task.ids == ["a", "b", "c"]


def test_what_the_task_does_not_take_stays(tmp_path: Path) -> None:
    path, task = tmp_path / "signals.txt", Task(takes=1)
    channel = FileChannel(str(path))
    path.write_text(LOG % "a" + LOG % "b" + LOG % "c")
    assert channel.look(task) == 1
    channel.empty()
    assert path.read_text() == LOG % "b" + LOG % "c"
    task.takes = 0
    assert channel.look(task) == 0
    assert path.read_text() == LOG % "b" + LOG % "c"
    task.takes = 10
    assert channel.look(task) == 2
    assert task.ids == ["a", "b", "c"]


def test_a_file_without_a_signal_stays_and_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, task = tmp_path / "important", Task()
    path.write_text("root:x:0:0\n")
    channel = FileChannel(str(path))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert channel.look(task) == 0
    assert path.read_text() == "root:x:0:0\n"
    assert sum("stays as it is" in message for message in caplog.messages) == 1
    path.write_text("root:x:0:0\n" + LOG % "a")
    assert channel.look(task) == 1
    channel.empty()
    assert path.read_text() == ""


def test_a_huge_file_and_a_folder_stay(tmp_path: Path) -> None:
    path, task = tmp_path / "huge", Task()
    path.write_bytes(b"x" * (FILE_BYTES_MAX + 1))
    assert FileChannel(str(path)).look(task) == 0
    assert path.stat().st_size == FILE_BYTES_MAX + 1
    assert FileChannel(str(tmp_path)).look(task) == 0


class Connector:
    """A task's queue without its thread."""

    def __init__(self) -> None:
        self.queue = CommandQueue()

    @property
    def commands_taken(self) -> int:
        return self.queue.taken

    def submit(self, command: TaskCommand) -> int | None:
        return self.queue.submit(command)

    def carry_out(self, count: int) -> None:
        for _ in range(count):
            self.queue.carried_out()
        self.queue.committed()


def no_topic() -> SignalTopic:
    raise AssertionError("the channel is not asked for")


def test_the_file_is_emptied_once_the_task_has_taken_all(tmp_path: Path) -> None:
    path, task = tmp_path / "signals.txt", Connector()
    settings = SignalSettings(channels=frozenset({"file"}), file=str(path), poll_interval_ms=3_600_000)
    path.write_text(LOG % "a" + LOG % "b")
    channels = ConnectorChannels("c", "shop", task, settings, no_topic)
    channels.look()
    task.carry_out(1)
    assert not channels.is_due
    channels.look()
    assert path.read_text() == LOG % "a" + LOG % "b"
    task.carry_out(1)
    assert channels.is_due, "though it is not time to look"
    path.write_text(path.read_text() + LOG % "c")
    channels.look()
    assert path.read_text() == LOG % "c"
    assert not channels.is_due
    channels.close()
    assert path.read_text() == LOG % "c", "comes again: it was not taken"
    task.carry_out(1)
    channels.close()
    assert path.read_text() == ""
