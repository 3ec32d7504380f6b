"""Bounding the heaps of the C library, in a process of its own: it cannot be undone."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

ASK = "from faust_cdc.worker.memory import bound_heaps; print(bound_heaps())"


def answer(**environment: str) -> str:
    plain = {n: v for n, v in os.environ.items() if not n.startswith("MALLOC_") and n != "GLIBC_TUNABLES"}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=plain | environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_glibc_takes_the_bounds() -> None:
    assert answer() == str(platform.libc_ver()[0] == "glibc")


def test_an_environment_that_says_something_itself_is_left_alone() -> None:
    assert answer(MALLOC_ARENA_MAX="4") == "False"
