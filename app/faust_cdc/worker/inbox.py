"""An in-memory channel of an agent, fed by the worker itself: task threads, tables.

Why not Faust's own: its queues are emptied at each rebalance, when what a topic brought is going to be read again. What
comes from a thread of ours comes once, so this queue is left alone. It is bounded, and of a full one the oldest goes:
whoever posts is a task in the midst of its work, or the loop, and neither may wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from faust.channels import Channel
from mode.utils.queues import ThrowableQueue

if TYPE_CHECKING:
    from faust_cdc_schemas.faust_kit import App

log = logging.getLogger(__name__)

WAITING_MAX: Final = 10_000
TOLD_EVERY_S: Final = 10.0
"""How often it is said that messages were dropped."""


class Inbox(Channel):  # type: ignore[misc]
    """What one agent is told, in order; it goes on with the same queue when Faust starts it anew."""

    def __init__(self, app: App, *, queue: Any = None, maxsize: int | None = WAITING_MAX, **kwargs: Any) -> None:
        own = queue or ThrowableQueue(maxsize or WAITING_MAX, flow_control=app.flow_control, clear_on_resume=False)
        super().__init__(app, queue=own, maxsize=maxsize, **kwargs)
        self._reading: asyncio.AbstractEventLoop | None = None
        self._dropped, self._told_at = 0, 0.0

    def _clone_args(self) -> dict[str, Any]:
        return {**super()._clone_args(), "queue": self.queue}

    def open(self) -> None:
        """Take note of the running loop; until then nothing may be posted from another thread."""
        self._reading = asyncio.get_running_loop()

    def post(self, message: Any) -> None:
        """Put a message behind the others. For the loop's thread."""
        if self.queue.full():
            self.queue.get_nowait()
            self._dropped += 1
            if time.monotonic() - self._told_at > TOLD_EVERY_S:
                log.warning("%d messages waited for an agent: the oldest are dropped, %d so far", self.queue.maxsize,
                            self._dropped)  # fmt: skip
                self._told_at = time.monotonic()
        self.queue.put_nowait(message)

    def post_from_thread(self, message: Any) -> None:
        """Put a message behind the others, from any thread; when the loop is closed nobody reads it any more."""
        loop = self._reading
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.post, message)
