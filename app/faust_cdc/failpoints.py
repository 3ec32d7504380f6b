"""Places at which a test has the process die, as if killed: `FAUST_CDC_FAILPOINT=<name>:<n>`, at the n-th time there.

Without the variable a place costs a comparison. None is in a path that is taken per row.
"""

from __future__ import annotations

import os
from typing import Final

KILLED: Final = 137
"""Exit status, that of a process ended with SIGKILL."""

_name, _, _count = os.environ.get("FAUST_CDC_FAILPOINT", "").partition(":")
_left = int(_count or "1") if _name else 0


def reach(name: str) -> None:
    """Die here when this is the place and the time."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os._exit(KILLED)
