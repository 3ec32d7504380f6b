"""The cache folder of installed servers: a folder is complete or absent, also when two installers run at once.

An installer writes into `NAME.building` under a file lock and the folder is renamed when it is whole, so a killed
download never passes for an installation.
"""

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_root() -> Path:
    """The folder that keeps installed servers between runs, created on first use."""
    explicit = os.environ.get("FAUST_CDC_CACHE")
    if explicit:
        root = Path(explicit)
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        root = Path(base) / "faust-cdc"
    root.mkdir(parents=True, exist_ok=True)
    return root


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock file `name` of the cache; another process waits here."""
    with (cache_root() / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def ensure_folder(name: str, build: Callable[[Path], None]) -> Path:
    """Return the complete cache folder `name`, calling `build(empty folder)` when it is not there yet."""
    folder = cache_root() / name
    if folder.is_dir():
        return folder
    with locked(name):
        if folder.is_dir():
            return folder
        building = cache_root() / f"{name}.building"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        started = time.monotonic()
        say(f"installing {name} ...")
        build(building)
        building.rename(folder)
        say(f"installed {name} in {time.monotonic() - started:.0f} s")
    return folder


def say(message: str) -> None:
    """Progress for a person, on stderr so that stdout stays for results."""
    print(f"[lab] {message}", file=sys.stderr, flush=True)
