"""The file of signals: read, emptied, and left alone when it is no such file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from faust_cdc.signals.file_channel import FILE_BYTES_MAX, FileChannel
from faust_cdc.signals.signal import Signal

LOG = '{"id": "%s", "type": "log", "data": {"message": "m"}}\n'


class Task:
    """Takes so many signals."""

    def __init__(self, takes: int = 1000) -> None:
        self.takes = takes
        self.signals: list[Signal] = []

    def __call__(self, signal: Signal) -> bool:
        if len(self.signals) >= self.takes:
            return False
        self.signals.append(signal)
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
    assert path.read_bytes() == b""
    assert channel.look(task) == 0
    path.write_text(LOG % "c")
    assert channel.look(task) == 1
    assert task.ids == ["a", "b", "c"]


def test_a_line_added_while_others_are_read_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "signals.txt"
    path.write_text(LOG % "a")
    task = Task()

    def hand_over(signal: Signal) -> bool:
        if signal.id == "a":
            with path.open("a") as file:
                file.write(LOG % "b")
        return task(signal)

    assert FileChannel(str(path)).look(hand_over) == 2
    assert task.ids == ["a", "b"]
    assert path.read_bytes() == b""


def test_what_the_task_does_not_take_stays(tmp_path: Path) -> None:
    path, task = tmp_path / "signals.txt", Task(takes=1)
    channel = FileChannel(str(path))
    path.write_text(LOG % "a" + LOG % "b" + LOG % "c")
    assert channel.look(task) == 1
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
    assert path.read_text() == ""


def test_a_huge_file_and_a_folder_stay(tmp_path: Path) -> None:
    path, task = tmp_path / "huge", Task()
    path.write_bytes(b"x" * (FILE_BYTES_MAX + 1))
    assert FileChannel(str(path)).look(task) == 0
    assert path.stat().st_size == FILE_BYTES_MAX + 1
    assert FileChannel(str(tmp_path)).look(task) == 0
