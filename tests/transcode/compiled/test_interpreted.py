"""Without the extension: the same sources run interpreted with the same result, and the worker says that it is slow."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faust_cdc.worker.startup import Startup

ROOT = Path(__file__).parents[3]
INPUTS = 2_000


@pytest.fixture
def without_extension(tmp_path: Path) -> dict[str, str]:
    """An environment in which the product's sources are found, and nothing that was compiled of them."""
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "build")
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=ignored)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "app"), *sys.path])}


def test_interpreted_sources_agree_with_the_reference_transcoder(without_extension: dict[str, str]) -> None:
    code = (
        "from faust_cdc.transcode.compiled import is_compiled; import faust_cdc.transcode.compiled.rows as rows; "
        "assert not is_compiled() and rows.__file__.endswith('.py'); from tests.fuzz.__main__ import main; "
        f"import sys; sys.argv = ['fuzz', '--inputs', '{INPUTS}', '--seed', '11']; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=without_extension, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "encoder" in done.stdout


def test_the_worker_says_so_loudly(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Startup("kafka:9092", lambda _stage: None).without_hot_path()
    assert "several times the CPU" in caplog.text
