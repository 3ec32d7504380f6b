"""Our own worker as a process, driven over its REST API as an operator would."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.lab.ports import free_port, release_port

READY_TIMEOUT_S = 180.0
"""Wide, as all waits here: other programs may be busy on the same machine."""


class RestError(Exception):
    """The worker answered 4xx or 5xx."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class WorkerProcess:
    """`faust-cdc worker` in a process group of its own."""

    program: tuple[str, ...] = ("-m", "faust_cdc.cli")
    """What Python is to run."""

    def __init__(
        self,
        folder: Path,
        bootstrap: str,
        group_id: str,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        # Held as those of the lab's servers: of the ephemeral ones any client may take it, also while a killed worker
        # waits to be started again.
        self._held_port = free_port() if port is None else None
        self.port = port or self._held_port or 0
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.log_file = folder / "worker.log"
        self._properties = folder / "worker.properties"
        settings = {
            "bootstrap.servers": bootstrap,
            "group.id": group_id,
            "config.storage.topic": f"{group_id}-configs",
            "offset.storage.topic": f"{group_id}-offsets",
            "status.storage.topic": f"{group_id}-status",
            "listeners": f"http://127.0.0.1:{self.port}",
            "rest.advertised.host.name": "127.0.0.1",
            "rest.advertised.port": str(self.port),
            "data.dir": str(folder / "data"),
            **(properties or {}),
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def registry_url(self) -> str:
        """The embedded registry."""
        return f"{self.url}/registry"

    def start(self) -> WorkerProcess:
        """Start the process; returns at once."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "worker", "--properties", str(self._properties)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        return self

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> float:
        """Wait until /health says healthy; return the seconds it took."""
        began = time.monotonic()
        self.until(lambda: self.rest("GET", "/health")["status"] == "healthy", timeout_s, "worker healthy")
        return time.monotonic() - began

    def until(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Wait for a condition; that nobody answers it, or with an error, is no more than a no. Fails with the log."""
        deadline = time.monotonic() + timeout_s
        last: object = None
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except (RestError, OSError, http.client.HTTPException) as error:
                last = error
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"worker ended with {self.process.returncode}:\n{self.log_tail()}")
            time.sleep(0.05)
        raise AssertionError(f"not within {timeout_s} s: {what}; last: {last}\n{self.log_tail()}")

    def rest(self, method: str, path: str, body: object = None) -> Any:
        """Call the REST API. Raises RestError for 4xx/5xx, OSError when nobody listens."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise RestError(error.code, error.read().decode()) from None
        return json.loads(raw) if raw else None

    def task_state(self, connector: str) -> str:
        """Return the state of task 0, or what stands in its place."""
        try:
            status = self.rest("GET", f"/connectors/{connector}/status")
        except RestError as error:
            return str(error.status)
        tasks = status["tasks"]
        return str(tasks[0]["state"]) if tasks else f"connector {status['connector']['state']}"

    def wait_running(self, connector: str, timeout_s: float = 180.0) -> None:
        """Wait until task 0 runs; a FAILED task fails at once with its trace."""

        def running() -> bool:
            state = self.task_state(connector)
            if state == "FAILED":
                raise AssertionError(json.dumps(self.rest("GET", f"/connectors/{connector}/status"), indent=1))
            return state == "RUNNING"

        self.until(running, timeout_s, f"{connector} RUNNING")

    def log_tail(self, lines: int = 60) -> str:
        """Return the end of the log."""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def rss_mb(self, name: str = "VmRSS") -> float:
        """Resident memory in MB; of `VmHWM` the most that there was."""
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def ends_with(self, code: int, within_s: float) -> bool:
        """Whether the process ends by itself with `code` in that time."""
        assert self.process is not None
        try:
            return self.process.wait(within_s) == code
        except subprocess.TimeoutExpired:
            return False

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(60)

    def stop(self, timeout_s: float = 90.0) -> int:
        """SIGTERM and wait; returns the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return int(self.process.returncode)

    def __enter__(self) -> WorkerProcess:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            if exc[0] is None:
                raise
        finally:
            if self._held_port is not None:
                release_port(self._held_port)
