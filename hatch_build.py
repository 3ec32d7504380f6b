"""Compiles the hot path with mypyc: for wheels as a build hook, in the source tree as `python hatch_build.py`.

Without a C compiler the package is built without it and runs on the reference transcoder, several times slower; that
is said here, and once by the worker. FAUST_CDC_PURE=1 leaves it out on purpose.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
MODULES = (
    "faust_cdc/transcode/compiled/octets.py",
    "faust_cdc/transcode/compiled/calendar.py",
    "faust_cdc/transcode/compiled/document.py",
    "faust_cdc/transcode/compiled/cells.py",
    "faust_cdc/transcode/compiled/shapes.py",
    "faust_cdc/transcode/compiled/source.py",
    "faust_cdc/transcode/compiled/places.py",
    "faust_cdc/transcode/compiled/rows.py",
    "faust_cdc/transcode/compiled/printed_json.py",
    "faust_cdc/transcode/compiled/result_cells.py",
    "faust_cdc/transcode/compiled/result_rows.py",
    "faust_cdc/pipeline/lane.py",
)
"""The compiled modules, relative to app/; all of them in one extension, so that they call each other directly."""
C_EXTENSIONS = ("faust_cdc/kafka/_direct.c", "faust_cdc/kafka/_batches.c", "faust_cdc/binlog/_checksum.c")
"""Written in C: what hands rows to librdkafka, what makes Kafka's record batches, and the checksum of binlog events;
their Python parts say why."""
C_HEADERS = ("faust_cdc/kafka/_batches_octets.h", "faust_cdc/kafka/_row.h")
GROUP = "faust_cdc_hot_path"
STAMP = ROOT / "app" / "build" / "compiled.sha256"


def compile_hot_path(into: Path) -> list[Path]:
    """Compile `MODULES` and put the extensions under `into`, laid out as below app/; return them.

    Raises whatever mypyc and the C compiler fail with, SystemExit included.
    """
    from mypyc.build import mypycify
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    sources = ROOT / "app"
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(sources):
        extensions = mypycify(
            ["--config-file=", f"--cache-dir={scratch}/mypy", *MODULES],
            opt_level="3",
            debug_level="0",
            target_dir=f"{scratch}/c",
            group_name=GROUP,
        )
        if sys.platform != "win32":
            extensions += [Extension(one.removesuffix(".c").replace("/", "."), [one]) for one in C_EXTENSIONS]
        command = build_ext(Distribution({"name": "faust-cdc", "ext_modules": extensions}))
        command.build_lib, command.build_temp = f"{scratch}/lib", f"{scratch}/temp"
        command.ensure_finalized()
        command.run()
        built = sorted(Path(scratch, "lib").rglob("*" + str(sysconfig.get_config_var("EXT_SUFFIX"))))
        placed = []
        for one in built:
            target = into / one.relative_to(Path(scratch, "lib"))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one, target)
            placed.append(target)
    return placed


def fingerprint() -> str:
    """Return what the extensions in the source tree depend on, hashed: sources, this file, the Python."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (Path(__file__), *(ROOT / "app" / name for name in (*MODULES, *C_EXTENSIONS, *C_HEADERS))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class CompileHotPath(BuildHookInterface[Any]):
    """Adds the compiled modules to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless for an editable install (`./dev` compiles in the source tree) or told not to."""
        if self.target_name != "wheel" or version == "editable" or os.environ.get("FAUST_CDC_PURE") == "1":
            return
        self._scratch = tempfile.TemporaryDirectory()
        into = Path(self._scratch.name)
        try:
            built = compile_hot_path(into)
        except (Exception, SystemExit) as error:
            self.app.display_warning(
                f"The hot path was not compiled ({error}): the package works, several times slower. "
                "Install a C compiler and Python's headers (Debian: gcc python3-dev), then build again."
            )
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"].update({str(path): str(path.relative_to(into)) for path in built})


def main() -> None:
    """Compile in the source tree unless what is there is up to date."""
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    for stale in (ROOT / "app").rglob("*.so"):
        stale.unlink()
    compile_hot_path(ROOT / "app")
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
