"""The file channel: a file of signals, one JSON object per line, emptied when its signals are carried out.

As Debezium's `FileSignalChannel`, with less to lose: a file in which no line is a signal is left as it is (the name may
be wrong, and every file that the process may write could be named), while a line between signals that is none is
refused by a notification; lines that are added while others are read are
read before the file is emptied; signals that the task does not take now stay in it, and those of a task that is killed
before they are durable are read again. A line that is added in the very moment of the emptying is lost: whoever
signals often should take another channel.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from faust_cdc.signals.signal import RefusedSignal, Signal, unreadable

log = logging.getLogger(__name__)

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
"""A larger file is no file of signals."""

REFUSED_MAX: Final = 100
"""Lines ahead of the first signal of a file that are told of if they are none."""

HandOver = Callable[[Signal | RefusedSignal], bool]
"""Gives a signal to its task; False when that does not take it now."""


class FileChannel:
    """Looks at one file when it is told to."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._left: tuple[int, int] | None = None
        """Size and time of change of a file that was left as it is."""
        self._handed = b""
        """What the file begins with and was handed over."""

    @property
    def is_handed(self) -> bool:
        """True while signals are in the file that were handed over."""
        return bool(self._handed)

    def look(self, hand_over: HandOver) -> int:
        """Hand over the signals in the file behind those of the last look, which are removed; return their number.

        Never raises for what is in it.
        """
        self.empty()
        if self._handed:
            return 0
        try:
            with self.path.open("r+b", buffering=0) as file:  # what cannot be emptied is not taken
                state = os.fstat(file.fileno())
                version = (state.st_size, state.st_mtime_ns)
                if state.st_size == 0 or version == self._left:
                    return 0
                taken, handed, is_ours = self._take(file.read, hand_over)
                if is_ours:
                    self._handed, self._left = handed, None
                else:
                    log.warning("%s has no signal, or more than %d bytes: it stays as it is", self.path, FILE_BYTES_MAX)
                    self._left = version
                return taken
        except (FileNotFoundError, IsADirectoryError):
            return 0
        except OSError as error:
            log.warning("Signals in %s cannot be read: %s", self.path, error)
            return 0

    def empty(self) -> None:
        """Remove what was handed over: it need not come again. A file that was written anew meanwhile stays."""
        if not self._handed:
            return
        try:
            with self.path.open("r+b", buffering=0) as file:
                content = file.read()
                if content.startswith(self._handed):
                    file.seek(0)
                    file.write(content[len(self._handed) :])
                    file.truncate()
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("Signals in %s are carried out and cannot be removed: %s", self.path, error)
            return
        self._handed = b""

    def _take(self, read: Callable[[int], bytes], hand_over: HandOver) -> tuple[int, bytes, bool]:
        """Return how many were taken, the lines before the first that was not, and whether one was a signal at all."""
        content, taken, at, is_ours = b"", 0, 0, False
        found: list[tuple[int, Signal | RefusedSignal]] = []
        while more := read(FILE_BYTES_MAX + 1 - len(content)):
            content += more
            if len(content) > FILE_BYTES_MAX:
                return taken, b"", False
            for line in content[at:].splitlines(keepends=True):
                signal = self._signal(line)
                is_ours |= isinstance(signal, Signal)
                if signal is not None and (is_ours or len(found) < REFUSED_MAX):
                    found.append((at, signal))
                while is_ours and found:
                    if not hand_over(found[0][1]):
                        return taken, content[: found[0][0]], is_ours
                    taken += isinstance(found.pop(0)[1], Signal)
                at += len(line)
        for _, refused in found[:1]:
            assert isinstance(refused, RefusedSignal)
            log.warning("Not taken: %s", refused.reason)
        return taken, content, is_ours

    def _signal(self, line: bytes) -> Signal | RefusedSignal | None:
        if not line.strip():
            return None
        try:
            return Signal.from_json(line)
        except ValueError as error:
            return unreadable(f"a line of {self.path}", error)
