"""Free ports on 127.0.0.1 that two labs on one machine do not both take.

Ports below the kernel's ephemeral range, so that no client connection takes a stopped server's port before it starts
again, and each is held by a file lock for the life of this process.
"""

import errno
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

FIRST_PORT, LAST_PORT = 20_000, 32_000
_held: dict[int, IO[str]] = {}


def free_port() -> int:
    """Reserve a port for the life of this process; nobody listens on it now."""
    folder = Path(tempfile.gettempdir()) / f"faust-cdc-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    chooser = random.SystemRandom()  # not the seeded generator: parallel runs would walk the same ports
    for _ in range(1000):
        port = chooser.randrange(FIRST_PORT, LAST_PORT)
        handle = (folder / str(port)).open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            continue
        if _bindable(port):
            _held[port] = handle
            return port
        handle.close()
    raise RuntimeError(f"no free port between {FIRST_PORT} and {LAST_PORT}")


def release_port(port: int) -> None:
    """Give a reserved port back."""
    handle = _held.pop(port, None)
    if handle is not None:
        handle.close()


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True
