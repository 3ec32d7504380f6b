"""What `faust-cdc worker` imports before it serves, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

STARTED = """
import gc, os, ssl, sys
before = dict(os.environ)
from faust_cdc.cli.faust_program import faust_worker_command
assert sorted(faust_worker_command().commands) == ["worker"]
assert dict(os.environ) == before
import aiohttp.connector
context = aiohttp.connector._SSL_CONTEXT_VERIFIED
assert context.cert_store_stats()["x509_ca"] == 0
assert context.verify_mode is ssl.CERT_REQUIRED, "without authorities it trusts nobody"
assert not gc.isenabled()
from faust_cdc.worker.pauses import collect_from_now_on
collect_from_now_on()
assert gc.isenabled()
assert gc.get_freeze_count() > 10_000
"""
CLOSURE = """
import faust_cdc.cli, sys
from faust_cdc.cli.faust_program import faust_worker_command
faust_worker_command()
import faust_cdc.worker
faust_cdc.worker.load_app()
import faust_cdc_agents.signals, faust_cdc_agents.source
print(*sys.modules)
"""
LATER = ("httpx", "fastavro", "pymysql", "pymysqlreplication", "cryptography", "zstandard", "avro", "faust.cli.send")
"""What comes with the first task, or is never needed."""
SETTINGS = {
    "CONNECT_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "CONNECT_GROUP_ID": "g",
    "CONNECT_CONFIG_STORAGE_TOPIC": "c",
    "CONNECT_OFFSET_STORAGE_TOPIC": "o",
    "CONNECT_STATUS_STORAGE_TOPIC": "s",
}


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_only_what_a_worker_needs() -> None:
    run(STARTED)


def test_an_environment_that_names_authorities_keeps_them() -> None:
    run(STARTED, SSL_CERT_FILE="/of/the/user.pem")


def test_what_comes_with_the_first_task_is_not_imported_before_the_first_answer() -> None:
    imported = run(CLOSURE, **SETTINGS).split()
    assert "faust_cdc_agents.source" in imported
    assert [name for name in LATER if name in imported] == []
