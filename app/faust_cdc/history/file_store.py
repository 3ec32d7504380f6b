"""A schema history in a file, as Debezium's `FileSchemaHistory` has it: a line of JSON a record, appended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from faust_cdc.errors import FatalError


class HistoryFile:
    """Reads and writes the file. For the task's thread."""

    is_ours = False
    """Never shortened: a file does not say who wrote it."""
    begins_at = 0

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._file: BinaryIO | None = None

    @property
    def where(self) -> str:
        """For messages."""
        return f"file {self._path}"

    def prepare(self) -> None:
        """Make sure that the file can be written. Raises FatalError."""
        if self._file is None:
            self._open()

    def lines(self) -> Iterator[bytes]:
        """Yield the lines; none where there is no file. Raises FatalError."""
        try:
            with self._path.open("rb") as file:
                for line in file:
                    if line.strip():
                        yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failed("read", error) from error

    def append(self, line: str) -> None:
        """Write a line; it is safe after `flush`. Raises FatalError."""
        file = self._file or self._open()
        try:
            file.write(line.encode() + b"\n")
        except OSError as error:
            raise self._failed("written", error) from error

    def flush(self) -> None:
        """Bring what was written to the disk. Raises FatalError."""
        if self._file is not None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._failed("written", error) from error

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> BinaryIO:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            torn = self._path.exists() and self._path.stat().st_size > 0 and not self._ends_whole()
            self._file = self._path.open("ab")
            if torn:  # a crash in the middle of a line, ours or Debezium's: the next line is one of its own
                self._file.write(b"\n")
        except OSError as error:
            raise self._failed("written", error) from error
        return self._file

    def _ends_whole(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _failed(self, what: str, error: OSError) -> FatalError:
        return FatalError(
            f"The schema history {self._path} cannot be {what}: {error.strerror or error}.",
            remedy="set schema.history.internal.file.filename to a file that the worker may read and write",
        )
