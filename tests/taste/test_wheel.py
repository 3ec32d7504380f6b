"""What is inside a built wheel."""

from __future__ import annotations

import os
import sys
import sysconfig
import zipfile
from pathlib import Path

from tests.lab.commands import download

ROOT = Path(__file__).parents[2]


def built(folder: Path, **environment: str) -> tuple[str, zipfile.Path, list[str]]:
    """Build a wheel; return its file name, its content and the names in it."""
    # Its build environment comes from a package registry, which may refuse for a moment.
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    download(command, what="building the wheel", env=os.environ | environment, attempts=3)
    (wheel,) = folder.glob("faust_cdc-*.whl")
    content = zipfile.Path(wheel)
    return wheel.name, content, zipfile.ZipFile(wheel).namelist()


def test_wheel_holds_the_three_packages_and_nothing_generic(tmp_path: Path) -> None:
    name, content, names = built(tmp_path)
    (info,) = {one.split("/")[0] for one in names if ".dist-info/" in one}
    assert "faust-cdc = faust_cdc.cli:main" in (content / info / "entry_points.txt").read_text()
    assert "Requires-Dist: faust-streaming==0.15.3" in (content / info / "METADATA").read_text()
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    top = {one.split("/")[0] for one in names} - {info}
    assert top == {"faust_cdc", "faust_cdc_agents", "faust_cdc_schemas", f"faust_cdc_hot_path__mypyc{suffix}"}
    assert "faust_cdc/py.typed" in names
    assert "faust_cdc/mysql/charset_tables.zip" in names
    compiled = ("pipeline/lane", "transcode/compiled/rows", "kafka/_direct", "kafka/_batches", "binlog/_checksum")
    assert {f"faust_cdc/{one}{suffix}" for one in compiled} <= set(names)
    assert not name.endswith("-any.whl")
    assert not [one for one in names if one.startswith("tests/")]


def test_a_wheel_without_the_compiled_hot_path(tmp_path: Path) -> None:
    """What is built without a compiler: for any platform, the reference transcoder alone."""
    name, _, names = built(tmp_path, FAUST_CDC_PURE="1")
    assert name.endswith("-py3-none-any.whl")
    assert not [one for one in names if one.endswith(".so")]
    assert "faust_cdc/transcode/compiled/rows.py" in names
