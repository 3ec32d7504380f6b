"""A test that fails is run once more and named; more than two are not."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as tree
from pathlib import Path

import pytest

from tests.harness.again import FAILED_MAX, failed_tests, main, settle

TESTS = """
import pathlib
def test_good(): pass
def test_bad(): assert pathlib.Path("now").exists()
"""


def run(folder: Path, report: str, *more: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", f"--junitxml={report}", "-o", "cache_dir=c"]
    return subprocess.run([*command, *more], cwd=folder, check=False, capture_output=True, timeout=120).returncode


def test_what_failed_is_run_again_alone(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    assert run(tmp_path, "first.xml") == 1
    assert failed_tests(tmp_path / "c") == ["test_some.py::test_bad"]
    again = ("--last-failed", "--last-failed-no-failures", "none")
    assert run(tmp_path, "again.xml", *again) == 1, "a fault fails twice"
    (tmp_path / "now").touch()
    assert run(tmp_path, "again.xml", *again) == 0
    settle(tmp_path / "first.xml")
    counts = [
        {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors")}
        for report in ("first.xml", "again.xml")
        for suite in tree.parse(tmp_path / report).getroot().iter("testsuite")
    ]
    assert counts == [{"tests": 1, "failures": 0, "errors": 0}] * 2


@pytest.mark.parametrize(("failed", "code"), [(1, 0), (FAILED_MAX, 0), (FAILED_MAX + 1, 1)])
def test_many_failures_are_no_accident(tmp_path: Path, failed: int, code: int) -> None:
    folder = tmp_path / "v" / "cache"
    folder.mkdir(parents=True)
    (folder / "lastfailed").write_text(json.dumps({f"t.py::test_{n}": True for n in range(failed)}))
    assert main("list", str(tmp_path)) == code
