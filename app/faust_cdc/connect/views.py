"""What the herder reads: Connect's three internal topics as mappings, as far as this worker has read them.

A view maps raw record keys to raw record values, newest value per key, deleted keys absent. The worker
implements them with Faust global tables; tests with dictionaries. Nothing here decodes (see `records`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class View(Protocol):
    """A compacted topic as a mapping of raw bytes."""

    @property
    def ready(self) -> bool:
        """Whether the topic has been read to where it ended when the worker started."""

    def get(self, key: bytes) -> bytes | None:
        """The newest value of a key; None when absent or deleted."""

    def items(self) -> Iterable[tuple[bytes, bytes]]:
        """All keys and values; a snapshot that does not change while it is walked."""


class ConfigView(View, Protocol):
    """`config.storage.topic`: connectors, target states, task configurations."""


class StatusView(View, Protocol):
    """`status.storage.topic`: states of connectors and tasks."""


class OffsetView(View, Protocol):
    """`offset.storage.topic`: source offsets, committed ones only."""
