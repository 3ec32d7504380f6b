"""How long threads of this process may hold one another up.

A task's thread shares the interpreter with the event loop. Two things made it wait for tens of milliseconds:

- A full garbage collection goes through everything that was ever imported, 400,000 objects, 30 to 45 ms in which no
  thread runs Python. What is there once the worker has started is there until it ends, so collections leave it out
  from then on (`gc.freeze`); one that goes through the rest takes less than a millisecond.
- A thread that wants the interpreter asks for it every `sys.getswitchinterval()`, 5 ms unless told otherwise, and a
  batch of rows gives it back and asks for it again several times.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

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
