"""Plots of a run, as SVG: throughput, CPU, memory, the distribution of latency, the growth curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench.plan import DEBEZIUM, NAIVE, OURS
from tests.bench.results import Results

SIDES = (OURS, DEBEZIUM, NAIVE, "limit: librdkafka", "limit: socket")
COLOURS = ("#1b6ca8", "#c0392b", "#7f8c8d", "#c9a227", "#4f8a5b")
BARS = (
    ("throughput", "rate", "rows per second", ("catchup-", "snapshot-")),
    ("cpu", "cpu", "µs of CPU per row", ("catchup-", "snapshot-")),
    ("memory", "memory", "resident MB", ("catchup-", "snapshot-")),
)
CURVES = (
    ("growth-columns", "columns"),
    ("growth-bytes", "bytes per row"),
    ("growth-tables", "tables"),
    ("lag-catchup-orders", "rows behind"),
)


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw what was measured into `folder`; returns the files."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "bench", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [_bars(results, folder, *bars) for bars in BARS]
    drawn += [_curve(results, folder, work, label) for work, label in CURVES]
    drawn.append(_latency(results, folder))
    return [path for path in drawn if path is not None]


def _bars(results: Results, folder: Path, name: str, metric: str, label: str, prefixes: tuple[str, ...]) -> Path | None:
    from matplotlib import pyplot

    found = [one for one in results.series if one.metric == metric and one.x is None and one.work.startswith(prefixes)]
    works = list(dict.fromkeys(one.work for one in found))
    if not works:
        return None
    figure, axes = pyplot.subplots(figsize=(9, 4))
    for place, side in enumerate(SIDES):
        mine = [(works.index(one.work), one) for one in found if one.side == side]
        if not mine:
            continue
        middles = [one.median for _, one in mine]
        errors = [[one.median - min(one.rounds) for _, one in mine], [max(one.rounds) - one.median for _, one in mine]]
        at = [number + (place - 2) * 0.16 for number, _ in mine]
        axes.bar(at, middles, 0.15, yerr=errors, capsize=2, label=side, color=COLOURS[place])
    axes.set_xticks(range(len(works)), works)
    axes.set_yscale("log")
    axes.set_ylabel(f"{label} (log)")
    axes.legend()
    return _save(results, figure, folder / f"{name}.svg", label)


def _curve(results: Results, folder: Path, work: str, label: str) -> Path | None:
    from matplotlib import pyplot

    figure, both = pyplot.subplots(1, 2, figsize=(9, 3.6))
    drawn = False
    for axes, (metric, unit) in zip(both, (("cpu", "µs of CPU per row"), ("memory", "resident MB")), strict=True):
        for place, side in enumerate(SIDES[:2]):
            points = results.curve(work, side, metric)
            if points:
                drawn = True
                axes.plot([p.x for p in points], [p.median for p in points], "o-", label=side, color=COLOURS[place])
        axes.set_xlabel(label)
        axes.set_ylabel(unit)
        axes.set_xscale("log")
        axes.set_yscale("log")
    if not drawn:
        pyplot.close(figure)
        return None
    both[0].legend()
    return _save(results, figure, folder / f"{work}.svg", work)


def _latency(results: Results, folder: Path) -> Path | None:
    from matplotlib import pyplot

    if not results.distributions:
        return None
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for place, one in enumerate(results.distributions):
        axes.plot(
            [value for _, value in one["percentiles"]],
            [at for at, _ in one["percentiles"]],
            label=one["side"],
            color=COLOURS[place],
        )
    axes.set_xscale("log")
    axes.set_xlabel("ms from commit to reader (log)")
    axes.set_ylabel("% of records")
    axes.legend()
    return _save(results, figure, folder / "latency.svg", "latency at 800 transactions/s")


def _save(results: Results, figure: Any, path: Path, title: str) -> Path:
    from matplotlib import pyplot

    figure.suptitle(f"{title} · commit {results.about['commit'][:8]}, {results.about['machine']['cores']} cores")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
