"""Numbers and durations as people read them."""

from __future__ import annotations

from itertools import pairwise


def number_text(value: float) -> str:
    """Return a count with a comma between thousands: `1,234,567`."""
    return f"{round(value):,}"


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    left, names = round(seconds), (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    for (name, size), (finer, finer_size) in pairwise(names):
        if left >= size:
            rest = left % size // finer_size
            return f"{left // size} {name}" + (f" {rest} {finer}" if rest else "")
    return f"{left} s"
