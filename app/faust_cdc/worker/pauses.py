"""How long threads of this process may hold one another up.

A task's thread shares the interpreter with the event loop. Two things made it wait for tens of milliseconds:

- A full garbage collection goes through everything that was ever imported, 400,000 objects, 30 to 45 ms in which no
  thread runs Python. What is there once the worker has started is there until it ends, so collections leave it out
  from then on (`gc.freeze`); one that goes through the rest takes less than a millisecond. The first connector brings
  the data plane, 8 to 17 ms more: it is left out as soon as it is imported (`lasting_imports`).
- A thread that wants the interpreter asks for it every `sys.getswitchinterval()`, 5 ms unless told otherwise, and a
  batch of rows gives it back and asks for it again several times.

Compiled code never looks whether a thread asks: a large rows event is encoded in turns (`transcode.compiled.rows`).
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from faust_cdc.worker.memory import give_back

SWITCH_INTERVAL_S: Final = 0.001


def bound_turns() -> None:
    """Bound how long a thread computes while another one waits for the interpreter."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def collect_from_now_on() -> None:
    """Put the collector on, and keep it from what is there already: modules, which stay until the process ends."""
    gc.freeze()
    gc.enable()


def settle() -> None:
    """Leave what is there now out of garbage collections; call it when the worker has started."""
    gc.collect()
    gc.freeze()
    give_back()


@contextmanager
def lasting_imports(module: str) -> Iterator[None]:
    """Where `module` is imported within for the first time, leave it, and what it brings, out of garbage collections.

    None runs meanwhile: each would go over what has been imported so far, and find nothing. Frozen without a
    collection, which would be the pause: of what else is alive at this moment only cycles stay for good, once.
    """
    if module in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        give_back()
