"""Running installation commands: quiet when they work, their last lines when they fail."""

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path

from tests.lab.cache import say

PAUSE_S = 5.0
"""Before the second attempt of a download; as much more before each that follows."""


class InstallError(RuntimeError):
    """A server could not be installed; the message says what to do by hand."""


def run(
    command: Sequence[str],
    *,
    what: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    typed: str = "",
) -> str:
    """Run `command`, `typed` on its standard input, and return what it printed, or raise with its last lines."""
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env=dict(env if env is not None else os.environ),
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise InstallError(f"{what}: cannot run {command[0]}: {error}") from error
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise InstallError(f"{what} failed (exit {done.returncode}): {' '.join(command)}\n{tail}")
    return done.stdout


def download(
    command: Sequence[str],
    *,
    what: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    attempts: int = 5,
) -> str:
    """As `run`, again after ever longer pauses when it fails: what a registry refuses now it gives a moment later."""
    for attempt in range(1, attempts):
        try:
            return run(command, what=what, cwd=cwd, env=env)
        except InstallError as error:
            say(f"{what}: attempt {attempt} of {attempts} failed: {str(error).splitlines()[-1]}")
            time.sleep(PAUSE_S * attempt)
    return run(command, what=what, cwd=cwd, env=env)


_made: dict[Hashable, Path] = {}


def made_once(folder: Path, kind: Hashable, make: Callable[[Path], None]) -> None:
    """Have `make` fill a folder that is not there yet, or copy what it made of the first one of this `kind`.

    Servers of one kind begin with the same files, and an initialiser takes seconds for them.
    """
    if kind in _made:
        shutil.copytree(_made[kind], folder)
        return
    make(folder)
    kept = Path(tempfile.mkdtemp(prefix="lab-made-"))
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    shutil.copytree(folder, kept / "folder")
    _made[kind] = kept / "folder"
