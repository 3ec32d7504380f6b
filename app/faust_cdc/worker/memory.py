"""What glibc is told so that memory that was needed once goes back.

Untold, glibc gives each of the Kafka clients' threads a heap of its own, up to eight per core, and after the first
large buffer keeps even buffers of 32 MiB for later. Source: mallopt(3), "M_ARENA_MAX", "M_MMAP_THRESHOLD" (which says
how it grows by itself).
"""

from __future__ import annotations

import ctypes
import logging
import os
from typing import Final

log = logging.getLogger(__name__)

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

HEAPS: Final = 2
MAPPED_FROM_BYTES: Final = 2 * 1024 * 1024
KEPT_BYTES: Final = 4 * 1024 * 1024


def give_back() -> None:
    """Return free pages to the system, where the C library can; takes a millisecond.

    Importing a module leaves some, above all one that must be compiled to bytecode first.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError) as error:
        log.debug("No malloc_trim here: %s", error)


def bound_heaps() -> bool:
    """Bound the process's heaps; call it before threads start. Return False where the C library knows no such thing.

    An environment that says something itself (MALLOC_ARENA_MAX, GLIBC_TUNABLES) is left alone.
    """
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError) as error:  # musl, macOS, Windows
        log.debug("No mallopt here: %s", error)
        return False
    options = ((_M_ARENA_MAX, HEAPS), (_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES), (_M_TRIM_THRESHOLD, KEPT_BYTES))
    return all(mallopt(option, value) == 1 for option, value in options)
