"""Where the time goes inside our worker: the stage histograms that it shows at `/metrics` itself.

Only a worker that has them is asked; percentiles are upper bounds of the histogram's buckets.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from math import isfinite

from tests.bench.run import Run
from tests.bench.sides import Connector

SAMPLE = re.compile(r"(?P<name>\w+)_(?P<kind>bucket|sum|count)\{(?P<labels>.*)\} (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
NAMES = {"faust_cdc_stage_seconds": "stage", "faust_cdc_stage_cpu_seconds": "stage cpu"}
PAUSE = re.compile(r"^faust_cdc_(task|event_loop)_pause_seconds_max(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LATE = re.compile(r'^faust_cdc_event_loop_late_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)
PAUSES = {"task": "worst pause", "event_loop": "worst pause of the loop"}


@dataclass
class Stage:
    """One histogram: counts up to each bound, in seconds."""

    sum_s: float = 0.0
    count: float = 0.0
    buckets: dict[float, float] = field(default_factory=dict)

    def percentile(self, at: float) -> float:
        """The bound of the bucket in which `at` percent are reached, the last finite one at most; seconds."""
        finite = sorted((bound, count) for bound, count in self.buckets.items() if isfinite(bound))
        reached = (bound for bound, count in finite if count >= self.count * at / 100)
        return next(reached, finite[-1][0] if finite else 0.0)


def parse(text: str, connector: str) -> dict[tuple[str, str], Stage]:
    """Return (metric, stage) → histogram of a connector from Prometheus' text."""
    found: dict[tuple[str, str], Stage] = {}
    for line in text.splitlines():
        match = SAMPLE.fullmatch(line)
        if match is None or match["name"] not in NAMES:
            continue
        labels, value = dict(LABEL.findall(match["labels"])), float(match["value"])
        if connector not in labels.values():
            continue
        stage = found.setdefault((NAMES[match["name"]], labels["stage"]), Stage())
        if match["kind"] == "sum":
            stage.sum_s = value
        elif match["kind"] == "count":
            stage.count = value
        else:
            stage.buckets[float(labels["le"])] = value
    return found


def pauses(text: str, connector: str, before: str = "") -> dict[str, float]:
    """Return metric → seconds: the connector's task's, and that of the loop, which has no labels.

    The worker's own maximum of the loop is that of the last minute or two, in which it may have started. What was there
    `before` the round is taken off: its histogram tells the bucket of the worst since.
    """
    matches = (one.groups() for one in PAUSE.finditer(text))
    found = {PAUSES[of]: float(value) for of, labels, value in matches if labels is None or f'"{connector}"' in labels}
    late = late_since(before, text)
    if late is not None:
        found[PAUSES["event_loop"]] = min(found[PAUSES["event_loop"]], late)
    return found


def late_since(before: str, after: str) -> float | None:
    """Return the upper bound of the latest the loop was between two pages, in seconds; None where they do not say."""
    old, new = ({float(le): float(count) for le, count in LATE.findall(text)} for text in (before, after))
    if not old or not new:
        return None
    looks = new[float("inf")] - old[float("inf")]
    return min((bound for bound in new if new[bound] - old[bound] >= looks), default=None) if looks else None


def page(run: Run) -> str:
    """Return our worker's metrics; nothing where it has none."""
    try:
        with urllib.request.urlopen(f"{run.servers.ours.url}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        error.close()
        return ""


def note(run: Run, work: str, connector: Connector, before: str) -> None:
    """Put the running connector's histograms into the results; `before` is the `page` at the round's start."""
    text = page(run)
    for (metric, name), stage in parse(text, connector.prefix).items():
        if stage.count:
            side = f"{connector.side.name}: {name}"
            run.results.add(work, side, f"{metric} mean", "ms", stage.sum_s / stage.count * 1000)
            run.results.add(work, side, f"{metric} p99", "ms", stage.percentile(99) * 1000)
            run.results.add(work, side, f"{metric} sum", "s", stage.sum_s)
    for name, seconds in pauses(text, connector.prefix, before).items():
        run.results.add(work, connector.side.name, name, "ms", seconds * 1000)
