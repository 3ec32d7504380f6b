"""The life of one process, with a small server of Python's own."""

import os
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest

from tests.lab.process import LabError, LabProcess, wait_until


class TinyServer(LabProcess):
    name = "tiny"
    start_timeout_s = 60.0

    def command(self) -> list[str]:
        return [sys.executable, "-m", "http.server", str(self.port), "--bind", self.host]

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.port}/", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class BrokenServer(TinyServer):
    def command(self) -> list[str]:
        return [sys.executable, "-c", "print('no such disk'); raise SystemExit(4)"]


def test_start_kill_restart_pause_and_stop() -> None:
    with TinyServer() as server:
        port, folder, first = server.port, server.folder, server.pid
        server.kill()
        assert not server.running
        assert server.start().port == port
        assert server.pid != first
        server.pause()
        wait_until(lambda: _state(server.pid) == "T", timeout_s=30, what="stopped state")
        server.resume()
        assert server.restart().ready()
        last = server.pid
    assert not Path(f"/proc/{last}").exists()
    assert not folder.exists()


def test_a_server_that_ends_while_starting_shows_its_log() -> None:
    server = BrokenServer()
    with pytest.raises(LabError, match=r"(?s)tiny ended while starting \(exit 4\).*no such disk"), server:
        pass
    assert not server.folder.exists()


def test_stopping_twice_is_no_error_and_signalling_a_stopped_server_is() -> None:
    with TinyServer() as server:
        server.stop()
        server.stop()
        with pytest.raises(LabError, match="not running"):
            server.pause()


def test_a_server_dies_with_a_killed_test_run(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import time
        from tests.lab_tests.test_processes import TinyServer
        server = TinyServer().start()
        print(server.pid, flush=True)
        time.sleep(60)
        """
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
    assert run.stdout is not None
    with run.stdout:
        pid = int(run.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        run.kill()
        run.wait()
    deadline = time.monotonic() + 30
    while _state(pid) not in ("", "Z"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _state(pid: int) -> str:
    """The kernel's letter of a process's state; empty when there is none, which may be found while it is read."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.rsplit(")", 1)[1].split()[0]
