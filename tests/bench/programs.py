"""Programs of the bench that run as processes of their own, so that their CPU is their own too.

Each is a module of this package whose `main` gets one JSON document. It says `ready` by making a file, begins when the
file `go` is there, and leaves its answer as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.servers import ROOT
from tests.lab import LabError, LabProcess


class Program(LabProcess):
    """`python -m tests.bench.MODULE FOLDER`."""

    start_timeout_s = 60.0

    def __init__(self, module: str, **parameters: object) -> None:
        self.name = module
        super().__init__()
        self._parameters = parameters

    def prepare(self) -> None:
        (self.folder / "parameters.json").write_text(json.dumps(self._parameters))

    def command(self) -> list[str]:
        return [sys.executable, "-m", f"tests.bench.{self.name}", str(self.folder)]

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": ":".join([str(ROOT), *filter(None, sys.path)])}

    def ready(self) -> bool:
        return (self.folder / "ready").exists()

    def go(self) -> None:
        """Let it begin."""
        (self.folder / "go").touch()

    def check(self) -> None:
        """Raise LabError with its log when it has failed."""
        if self._process is not None and self._process.poll() not in (None, 0):
            raise LabError(f"{self.name} failed\n{self.log_tail()}")

    def answer(self, timeout_s: float) -> Any:
        """Wait for its end and return what it found."""
        path, deadline = self.folder / "answer.json", time.monotonic() + timeout_s
        while not path.exists():
            self.check()
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: no answer after {timeout_s:g} s\n{self.log_tail()}")
            time.sleep(0.05)
        return json.loads(path.read_text())


class Here:
    """The program's own side of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parameters: dict[str, Any] = json.loads((folder / "parameters.json").read_text())

    def await_go(self) -> None:
        """Say that everything is ready and wait for the word."""
        (self.folder / "ready").touch()
        while not (self.folder / "go").exists():
            time.sleep(0.002)

    def asked_to_end(self) -> bool:
        """Whether `Program.end` was called."""
        return (self.folder / "end").exists()

    def answer(self, found: object) -> None:
        """Leave the answer; it appears whole or not at all."""
        unfinished = self.folder / "answer.part"
        unfinished.write_text(json.dumps(found))
        unfinished.rename(self.folder / "answer.json")


def run_as_program(main: Callable[[Here], None]) -> None:
    """Call `main` as the process that `Program` started."""
    main(Here(Path(sys.argv[1])))
