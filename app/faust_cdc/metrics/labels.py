"""The labels of a connector's series: ours, and those that the user gives with `custom.metric.tags`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

OWN_LABELS: Final = frozenset(
    {"connector", "task", "state", "stage", "plugin", "name", "context", "table", "le", "quantile"}
)
"""Labels that series of a connector have already, or that the format keeps for histograms and summaries."""
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9_]")


def label_name(text: str) -> str:
    """Return `text` as a label may be named: letters, digits and underscores, no digit first."""
    name = _NOT_IN_LABELS.sub("_", text)
    return f"_{name}" if name[:1].isdigit() or not name else name


def tag_labels(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags in which `tag_collision` found none as labels."""
    return {label_name(tag): value for tag, value in tags.items()}


def tag_collision(tags: Iterable[str]) -> str | None:
    """Say in words which of these names of tags would take another label's place; None when none does."""
    by_label: dict[str, str] = {}
    for tag in tags:
        label = label_name(tag)
        if label in OWN_LABELS:
            return f"The label '{label}' is one of faust-cdc's own, name the tag otherwise, found '{tag}'"
        if label.startswith("__"):
            return f"Labels that begin with __ are Prometheus' own, name the tag otherwise, found '{tag}'"
        if label in by_label:
            return f"Two tags may not be one label '{label}', found '{by_label[label]}' and '{tag}'"
        by_label[label] = tag
    return None
