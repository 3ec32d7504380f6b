"""What is inside a built wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_wheel_holds_the_three_packages_and_nothing_generic(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=240,
    )
    (wheel,) = tmp_path.glob("faust_cdc-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "faust-cdc = faust_cdc.cli:main" in archive.read(entry_points).decode()
    top = {name.split("/")[0] for name in names}
    packages = {name for name in top if not name.endswith(".dist-info")}
    assert packages == {"faust_cdc", "faust_cdc_agents", "faust_cdc_schemas"}
    assert "faust_cdc/py.typed" in names
    assert "faust_cdc/mysql/charset_tables.zip" in names
    assert "Requires-Dist: faust-streaming==0.15.3" in text
    assert not [name for name in names if name.startswith("tests/")]
