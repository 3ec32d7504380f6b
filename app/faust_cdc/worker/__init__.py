"""The worker: `faust -A faust_cdc.worker worker -l info`, which `faust-cdc worker` also runs.

`app` is built when it is first asked for, from the worker's properties file and the environment
(`faust_cdc.config.worker`), so that importing this package costs and needs nothing. A configuration that cannot be
used ends the program with one line and exit code 2: a traceback would hide the one line that helps.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faust_cdc.worker.application import CdcApp

__all__ = ["app", "load_app"]

EXIT_BAD_CONFIG = 2
"""Exit code when nothing was started because of a setting: bad option, port taken, topic of the wrong kind."""

_loaded: CdcApp | None = None

if TYPE_CHECKING:
    app: CdcApp


def load_app() -> CdcApp:
    """Return the process's Faust app, built from the environment at the first call.

    Raises ConfigError naming the option, the value found and what is legal.
    """
    global _loaded
    if _loaded is None:
        from faust_cdc.config.worker import load_worker_config
        from faust_cdc.worker.application import CdcApp

        _loaded = CdcApp(load_worker_config(None, os.environ))
    return _loaded


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from faust_cdc.errors import ConfigError

    try:
        return load_app()
    except ConfigError as error:
        sys.stderr.write(f"faust-cdc: {error}\n")
        raise SystemExit(EXIT_BAD_CONFIG) from error
