"""One server process: started, awaited until ready, paused, killed, restarted on the same data, and never left behind.

Why nothing outlives us: the process gets the kernel's parent-death signal (`setpriv --pdeathsig`). That signal follows
the *thread* that started the child, so all children are started from one thread that lives as long as this process.
A server may have children of its own; it leads a process group, and signals go to the group, by the pid we started.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.ports import free_port, release_port

LOG_LINES_SHOWN = 30
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-spawner")


class LabError(RuntimeError):
    """A server did not do what it was told; the message ends with the last lines of its log."""


def wait_until(condition: Callable[[], bool], *, timeout_s: float, what: str, interval_s: float = 0.1) -> None:
    """Poll `condition` until it is true; raise LabError naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout_s:g} s")
        time.sleep(interval_s)


class LabProcess:
    """A server on 127.0.0.1 in a temporary folder. Use as a context manager, or call start() and stop()."""

    name = "server"
    start_timeout_s = 240.0
    stop_timeout_s = 60.0
    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"lab-{self.name}-"))
        self.log_path = self.folder / "server.log"
        self.start_seconds = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._prepared = False

    # What a server says about itself

    def command(self) -> list[str]:
        """The command line, without a shell."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Variables for the server on top of the inherited ones."""
        return {}

    def prepare(self) -> None:
        """Initialise the data folder; called once, before the first start."""

    def ready(self) -> bool:
        """Whether the server answers a real request now."""
        raise NotImplementedError

    def first_started(self) -> None:
        """Called once, when the server is ready for the first time."""

    # Life

    def start(self) -> Self:
        """Start and return when the server answers."""
        if self.running:
            raise LabError(f"{self.name} runs already as pid {self.pid}")
        started = time.monotonic()
        if not self._prepared:
            self.prepare()
        self._spawn()
        try:
            self._await_ready(started + self.start_timeout_s)
            if not self._prepared:
                self._prepared = True
                self.first_started()
        except BaseException:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - started
        return self

    def _spawn(self) -> None:
        setpriv = shutil.which("setpriv")
        command = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        command += self.command()
        environment = {**os.environ, "TZ": "UTC", **self.environment()}
        with self.log_path.open("ab") as log:
            self._process = _spawner.submit(
                lambda: subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            ).result()

    def _await_ready(self, deadline: float) -> None:
        while not self.ready():
            if self._process is None or self._process.poll() is not None:
                code = self._process.returncode if self._process else "none"
                raise LabError(f"{self.name} ended while starting (exit {code})\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise LabError(f"{self.name} not ready within {self.start_timeout_s:g} s\n{self.log_tail()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server in its own way, by force when it takes too long. Data stays for the next start()."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(self.stop_signal)
            try:
                self._process.wait(self.stop_timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL: no goodbye to anyone."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self.signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def restart(self) -> Self:
        """Stop and start on the same port and data."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after pause()."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Signal the server's process group."""
        if self._process is None or self._process.poll() is not None:
            raise LabError(f"{self.name} is not running\n{self.log_tail()}")
        os.killpg(self._process.pid, number)

    def close(self) -> None:
        """End the server by force, for its data goes with it; give the port back and delete the folder."""
        self.kill()
        release_port(self.port)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Looking at it

    @property
    def running(self) -> bool:
        """Whether the process exists."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise LabError(f"{self.name} is not running")
        return self._process.pid

    def log_tail(self, lines: int = LOG_LINES_SHOWN) -> str:
        """The last lines of the server's log."""
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return f"--- last lines of {self.name}'s log:\n" + "\n".join(text.splitlines()[-lines:])
