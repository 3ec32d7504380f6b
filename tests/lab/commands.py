"""Running installation commands: quiet when they work, their last lines when they fail."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


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


def download(command: Sequence[str], *, what: str, cwd: Path | None = None, attempts: int = 3) -> str:
    """As `run`, again after a pause when it fails: what a registry refuses now it often gives a moment later."""
    for attempt in range(1, attempts):
        try:
            return run(command, what=what, cwd=cwd)
        except InstallError:
            time.sleep(5 * attempt)
    return run(command, what=what, cwd=cwd)
