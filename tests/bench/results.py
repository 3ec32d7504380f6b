"""What was measured: every figure of every round, with where and when, as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.bench.servers import ROOT, Servers
from tests.lab.install import DEBEZIUM_VERSION, KAFKA_VERSION


@dataclass
class Series:
    """One figure, once a round."""

    work: str
    """`catchup-orders`, …: the part of the bench."""
    side: str
    """`faust-cdc`, `debezium`, `naive`, `limit …`."""
    metric: str
    unit: str
    x: float | None = None
    """The place on a growth curve."""
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.rounds)

    def as_json(self) -> dict[str, Any]:
        """With median and spread."""
        place = {} if self.x is None else {"x": self.x}
        spread = {"median": self.median, "min": min(self.rounds), "max": max(self.rounds)}
        named = {"work": self.work, "side": self.side, "metric": self.metric, "unit": self.unit}
        return {**named, **place, **spread, "rounds": self.rounds}


@dataclass
class Results:
    """All series of a run, and what else belongs into its file."""

    about: dict[str, Any]
    series: list[Series] = field(default_factory=list)
    distributions: list[dict[str, Any]] = field(default_factory=list)
    """Latency: all percentiles of a side's rounds together."""
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each part took."""

    def add(self, work: str, side: str, metric: str, unit: str, value: float, x: float | None = None) -> None:
        """Add a round's figure."""
        found = self.find(work, side, metric, x)
        if found is None:
            found = Series(work, side, metric, unit, x)
            self.series.append(found)
        found.rounds.append(round(value, 4))

    def find(self, work: str, side: str, metric: str, x: float | None = None) -> Series | None:
        """Return a series, None when it was not measured."""
        wanted = (work, side, metric, x)
        return next((one for one in self.series if (one.work, one.side, one.metric, one.x) == wanted), None)

    def curve(self, work: str, side: str, metric: str) -> list[Series]:
        """Return the points of a curve by x."""
        points = [one for one in self.series if (one.work, one.side, one.metric) == (work, side, metric)]
        return sorted((one for one in points if one.x is not None), key=lambda one: one.x or 0)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        document = {
            **self.about,
            "finished": _now(),
            "part_seconds": self.seconds,
            "notes": self.notes,
            "series": [one.as_json() for one in self.series],
            "distributions": self.distributions,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what `write` wrote."""
        document = json.loads(path.read_text())
        series = [
            Series(one["work"], one["side"], one["metric"], one["unit"], one.get("x"), one["rounds"])
            for one in document.pop("series")
        ]
        return cls(
            about=document,
            series=series,
            distributions=document.pop("distributions"),
            notes=document.pop("notes"),
            seconds=document.pop("part_seconds"),
        )


def about(mode: str, parts: Sequence[str]) -> dict[str, Any]:
    """What every figure hangs on: commit, machine, versions. Versions of servers are added once they run."""
    return {
        "commit": _git("rev-parse", "HEAD"),
        "commit_time": _git("show", "-s", "--format=%cI", "HEAD"),
        "changed_files": [line[3:] for line in _git("status", "--porcelain").splitlines()],
        "mode": mode,
        "parts": list(parts),
        "started": _now(),
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
            "processor": _processor(),
            "kernel": platform.release(),
            "load_average_at_start": os.getloadavg()[0],
        },
        "versions": {
            "python": platform.python_version(),
            "kafka": KAFKA_VERSION,
            "debezium": DEBEZIUM_VERSION,
            **{name: metadata.version(name) for name in ("confluent-kafka", "fastavro", "mysql-replication")},
        },
    }


def add_versions(about: dict[str, Any], servers: Servers) -> None:
    """Add what only a running server can tell."""
    about["versions"]["mysql"] = servers.mysql.query("SELECT VERSION()")[0][0]
    about["hot_path_compiled"] = servers.ours.hot_path().endswith(".so")
    about["versions"]["connect"] = servers.connect.request("GET", "/")["version"]


def _git(*command: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *command], capture_output=True, text=True, check=False)
    return done.stdout.rstrip("\n") if done.returncode == 0 else "unknown"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
