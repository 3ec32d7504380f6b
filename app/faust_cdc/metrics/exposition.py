"""Prometheus' text format 0.0.4, the part a worker needs.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/. A library would do it too; this is a page, costs
no import at start, and reads histograms that the hot path fills without locks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from faust_cdc.metrics.histogram import BOUNDS_S, Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Kind = Literal["counter", "gauge", "histogram", "untyped"]


class Exposition:
    """Collects samples; those of one metric stay together whatever the order they came in."""

    def __init__(self) -> None:
        self._families: dict[str, list[str]] = {}

    def add(self, name: str, kind: Kind, text: str, value: float, labels: Labels | None = None) -> None:
        """Add a sample of the metric `name`, which `text` explains in a line."""
        self._family(name, kind, text).append(f"{name}{_braces(labels or {})} {_number(value)}")

    def add_histogram(self, name: str, text: str, histogram: Histogram, labels: Labels) -> None:
        """Add a histogram of seconds."""
        lines = self._family(name, "histogram", text)
        cumulative = histogram.cumulative()
        bounds: Iterable[str] = (*map(_number, BOUNDS_S), "+Inf")
        for bound, count in zip(bounds, cumulative, strict=True):
            lines.append(f"{name}_bucket{_braces({**labels, 'le': bound})} {count}")
        lines.append(f"{name}_sum{_braces(labels)} {_number(histogram.sum_s)}")
        lines.append(f"{name}_count{_braces(labels)} {cumulative[-1]}")

    def page(self) -> bytes:
        """Return the page in UTF-8; half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes `?`."""
        text = "".join(f"{line}\n" for lines in self._families.values() for line in lines)
        return text.encode(errors="replace")

    def _family(self, name: str, kind: Kind, text: str) -> list[str]:
        if name not in self._families:
            explained = text.replace("\\", "\\\\").replace("\n", "\\n")
            self._families[name] = [f"# HELP {name} {explained}", f"# TYPE {name} {kind}"]
        return self._families[name]


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items()) + "}"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else '+'}Inf"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
