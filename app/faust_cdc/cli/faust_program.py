"""Faust's command line with nothing but its `worker`, imported in three quarters of the time.

What is left out, and why a worker does not miss it:

- Faust's other commands, which `faust -A faust_cdc.worker …` has: each brings modules of its own.
- The system's certificate authorities: aiohttp loads them when its client is imported, and Faust imports it beside
  the server, which is all that we use of it. A client made of aiohttp's default context would trust nobody.
- The collector's work while modules are imported: it goes over ever more that stays. `WorkerProgram` puts it on.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

AUTHORITIES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Where OpenSSL looks for the system's authorities, if set (SSL_CTX_set_default_verify_paths)."""


@contextmanager
def without_authorities() -> Iterator[None]:
    """Let contexts that are made meanwhile find no authorities."""
    before = {name: os.environ.get(name) for name in AUTHORITIES}
    os.environ.update(dict.fromkeys(AUTHORITIES, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def faust_worker_command() -> Any:
    """Return Faust's click group, which knows the command `worker` only. The collector is off afterwards."""
    gc.disable()
    with without_authorities():
        import aiohttp  # noqa: F401
    import faust.cli.worker  # noqa: F401 - the import declares the command
    from faust.cli.base import cli

    return cli
