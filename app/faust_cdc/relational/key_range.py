"""A piece of a table by key: what a snapshot reads at once, and what its progress is counted in."""

from __future__ import annotations

from dataclasses import dataclass

Bound = tuple[str, ...]
"""The key of a row as SQL literals, one per key column (`42`, `_latin1 x'61'`, `'2024-01-01'`)."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The rows of a chunk by key: above `low`, up to and including `high`; None has no end there."""

    low: Bound | None = None
    high: Bound | None = None
