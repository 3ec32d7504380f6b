"""Where our records differ from Debezium's on purpose: what, why, and how to see it.

Read by the parity test both ways: a difference that no entry explains fails, and so does an entry that no record
shows any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One intended difference of a single value."""

    name: str
    why: str
    explains: Callable[[str, str, Any, Any], bool]
    """(table.column, op, Debezium's value, ours) → whether this entry accounts for it."""


def _timestamp_fraction(column: str, op: str, theirs: Any, ours: Any) -> bool:
    return False


DIFFERENCES: tuple[Difference, ...] = ()
