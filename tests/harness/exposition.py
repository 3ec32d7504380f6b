"""A strict reader of Prometheus' text format 0.0.4, of its specification and of nothing in the product.

It refuses what a lenient one lets pass: a metric in two places or without its TYPE, a series or a label twice, an
unknown escape, a counter that is not called `…_total`, a histogram whose buckets do not add up.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN")
_KINDS = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
_ESCAPED = {"\\n": "\n", "\\\\": "\\", '\\"': '"'}


@dataclass(frozen=True)
class Sample:
    """One line: name, labels, value."""

    name: str
    labels: dict[str, str]
    value: float


@dataclass
class Family:
    """One metric with its samples."""

    name: str
    help: str
    kind: str = ""
    samples: list[Sample] = field(default_factory=list)


def read_page(page: bytes) -> dict[str, Family]:
    """Return the page's metrics by name. Raises ValueError with the line for what the format does not allow."""
    text = page.decode("utf-8")
    if text and not text.endswith("\n"):
        raise ValueError("The last line has no end.")
    families: dict[str, Family] = {}
    last: Family | None = None
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            name, _, told = line.removeprefix("# HELP ").partition(" ")
            if name in families or not _NAME.fullmatch(name):
                raise ValueError(f"A metric in two places, or of no name: {line!r}")
            last = families[name] = Family(name, _unescaped(told, line, quote=False))
        elif line.startswith("# TYPE "):
            name, _, kind = line.removeprefix("# TYPE ").partition(" ")
            if last is None or name != last.name or last.kind or kind not in _KINDS:
                raise ValueError(f"A TYPE in the wrong place, or of no kind: {line!r}")
            last.kind = kind
        else:
            sample = _sample(line)
            series = (sample.name, frozenset(sample.labels.items()))
            if last is None or sample.name not in _names(last) or series in seen:
                raise ValueError(f"A sample outside of its metric, or twice: {line!r}")
            seen.add(series)
            last.samples.append(sample)
    for family in families.values():
        _check(family)
    return families


def _names(family: Family) -> set[str]:
    return {family.name + suffix for suffix in _SUFFIXES.get(family.kind, ("",))}


def _sample(line: str) -> Sample:
    name = _NAME.match(line)
    if name is None:
        raise ValueError(f"No name: {line!r}")
    at, labels = name.end(), {}
    if line[at : at + 1] == "{":
        at += 1
        while line[at : at + 1] != "}":
            found = _LABEL.match(line, at)
            if found is None or found[1] in labels:
                raise ValueError(f"No label, or the same again, at character {at}: {line!r}")
            labels[found[1]] = _unescaped(found[2], line, quote=True)
            at = found.end()
            if line[at : at + 1] == ",":
                at += 1
            elif line[at : at + 1] != "}":
                raise ValueError(f"Neither , nor }} at character {at}: {line!r}")
        at += 1
    if line[at : at + 1] != " " or not _NUMBER.fullmatch(line, at + 1):
        raise ValueError(f"No value after one blank: {line!r}")
    return Sample(name[0], labels, float(line[at + 1 :]))


def _unescaped(text: str, line: str, *, quote: bool) -> str:
    out = re.sub(r"\\.", lambda found: _ESCAPED.get(found[0], "\0"), text)
    if (
        "\0" in out
        or re.fullmatch(r"(?:.*[^\\])?(?:\\\\)*\\", text)
        or (not quote and '\\"' in text.replace("\\\\", ""))
    ):
        raise ValueError(f"An unknown escape: {line!r}")
    return out


def _check(family: Family) -> None:
    if not family.kind or not family.samples:
        raise ValueError(f"{family.name} has no TYPE or no samples.")
    if family.kind == "counter" and not family.name.endswith("_total"):
        raise ValueError(f"The counter {family.name} is not called …_total.")
    if any(label.startswith("__") for sample in family.samples for label in sample.labels):
        raise ValueError(f"{family.name} has a label that is Prometheus' own.")
    if family.kind == "histogram":
        _check_histograms(family)


def _check_histograms(family: Family) -> None:
    buckets: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = defaultdict(list)
    single: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for sample in family.samples:
        rest = frozenset((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            buckets[rest].append((float(sample.labels["le"]), sample.value))
        else:
            single[sample.name.removeprefix(family.name), rest] = sample.value
    for labels, found in buckets.items():
        bounds, counts = [bound for bound, _ in found], [count for _, count in found]
        if bounds != sorted(set(bounds)) or bounds[-1] != math.inf or counts != sorted(counts):
            raise ValueError(f"The buckets of {family.name} {dict(labels)} do not add up: {found}")
        if single.pop(("_count", labels), None) != counts[-1] or ("_sum", labels) not in single:
            raise ValueError(f"{family.name} {dict(labels)} has another count than its last bucket, or no sum.")
        del single["_sum", labels]
    if single:
        raise ValueError(f"{family.name} has counts or sums without buckets: {single}")
