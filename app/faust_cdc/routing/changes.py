"""A change of routes as a value, and what is found about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from faust_cdc.config.routes import Route


@dataclass(frozen=True, slots=True)
class RouteChange:
    """What is asked about."""

    before: Sequence[Route]
    after: Sequence[Route]
    internal_topics: Iterable[str] = ()
    may_reorder: bool = False
    """A table may go on in its topic under another key or partitioner."""


@dataclass(frozen=True, slots=True)
class RouteFindings:
    """What was found."""

    problems: tuple[str, ...]
    tables: Mapping[str, tuple[str, ...]]
    """The captured tables that each route serves, by its pattern."""
