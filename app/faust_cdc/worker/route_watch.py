"""Which connectors have another route than before: from the table `routes` to whoever asks."""

from __future__ import annotations

import asyncio

from faust_cdc.pipeline.route_log import read_route_key
from faust_cdc.worker.topic_view import TopicView


class RouteWatch:
    """Collects names of connectors; a connector whose routes change several times in a moment is named once."""

    def __init__(self, view: TopicView) -> None:
        self._changed: set[str] = set()
        self._some = asyncio.Event()
        view.listen(self._note)

    def _note(self, key: bytes, _: bytes | None) -> None:
        known = read_route_key(key)
        if known is not None:
            self._changed.add(known[0])
            self._some.set()

    async def changed(self) -> set[str]:
        """Return the connectors whose routes have changed since this was asked last; wait until there are some."""
        await self._some.wait()
        self._some.clear()
        changed, self._changed = self._changed, set()
        return changed
