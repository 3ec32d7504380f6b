"""What a thread counts while others read it: no locks, a few additions per batch.

One thread writes an instance, any may read it. A reader can see an observation in the buckets and not yet in the sum:
the next scrape has both.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from itertools import accumulate

BOUNDS_S = (
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 7.5e-3, 0.01, 0.015, 0.02, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0,
)  # fmt: skip
"""Upper bounds of the buckets, in seconds."""


class Histogram:
    """Seconds by bucket, with their sum."""

    __slots__ = ("_counts", "sum_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float, count: int = 1) -> None:
        """Count `count` observations of `seconds`; less than nothing (two clocks differ) counts as nothing."""
        if seconds < 0:
            seconds = 0.0
        self._counts[bisect_left(BOUNDS_S, seconds)] += count
        self.sum_s += seconds * count

    @property
    def count(self) -> int:
        """How many were observed."""
        return sum(self._counts)

    def cumulative(self) -> list[int]:
        """Observations up to each of `BOUNDS_S`, and all of them last."""
        return list(accumulate(self._counts))


class RecentMaximum:
    """The largest value of the last minute or two (one or two times `window_s`); 0 when there was none."""

    __slots__ = ("_before", "_began", "_now", "_window_s")

    def __init__(self, window_s: float = 60.0) -> None:
        self._window_s = window_s
        self._began = time.monotonic()
        self._before = self._now = 0.0

    def observe(self, value: float) -> None:
        """Take note of a value."""
        windows = self._windows_over()
        if windows:
            self._before = self._now if windows == 1 else 0.0
            self._now = value
            self._began = time.monotonic()
        elif value > self._now:
            self._now = value

    def value(self) -> float:
        """The maximum now."""
        windows = self._windows_over()
        if windows == 0:
            return max(self._before, self._now)
        return self._now if windows == 1 else 0.0

    def _windows_over(self) -> int:
        return int((time.monotonic() - self._began) / self._window_s)
