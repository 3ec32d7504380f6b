"""The last notifications of each connector that runs on this worker, and who listens to the next ones.

All of it in the event loop: the notifications agent posts, REST reads. Bounded on all sides: notifications per
connector, listeners, and what waits for a listener, of which the oldest is dropped when it is slow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final, NamedTuple

from faust_cdc.notifications.notification import Notification

KEPT_MAX: Final = 200
"""Notifications kept per connector."""
LISTENERS_MAX: Final = 64
WAITING_MAX: Final = 1000
"""Notifications that wait for one listener."""


class Posted(NamedTuple):
    """A notification and its number, which rises with time on one worker."""

    number: int
    notification: Notification


class TooManyListeners(Exception):
    """`LISTENERS_MAX` listen already."""


class Listener:
    """The notifications of one connector as they come."""

    def __init__(self, connector: str) -> None:
        self.connector = connector
        self._waiting: asyncio.Queue[Posted] = asyncio.Queue(WAITING_MAX)

    def tell(self, posted: Posted) -> None:
        """Pass one on."""
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(posted)

    async def next(self, within_s: float) -> Posted | None:
        """Return the next, None when none came `within_s`."""
        try:
            return await asyncio.wait_for(self._waiting.get(), within_s)
        except TimeoutError:
            return None


class NotificationBoard:
    """See the module."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._kept: dict[str, deque[Posted]] = {}
        self._listeners: list[Listener] = []

    def post(self, connector: str, notification: Notification) -> None:
        """Keep a notification and tell it to who listens."""
        posted = Posted(next(self._numbers), notification)
        self._kept.setdefault(connector, deque(maxlen=KEPT_MAX)).append(posted)
        for listener in self._listeners:
            if listener.connector == connector:
                listener.tell(posted)

    def recent(self, connector: str, after: int = 0) -> list[Posted]:
        """Return what is kept of a connector, oldest first, behind the number `after`."""
        return [posted for posted in self._kept.get(connector, ()) if posted.number > after]

    def forget(self, connector: str) -> None:
        """Drop what is kept of a connector that is deleted."""
        self._kept.pop(connector, None)

    @contextmanager
    def listening(self, connector: str, after: int | None = None) -> Iterator[tuple[list[Posted], Listener]]:
        """Listen: give what is kept behind the number `after` (None: nothing), and all that comes from now on.

        Raises TooManyListeners.
        """
        listener = Listener(connector)
        if len(self._listeners) >= LISTENERS_MAX:
            raise TooManyListeners(f"{LISTENERS_MAX} listen already")
        self._listeners.append(listener)
        try:
            yield [] if after is None else self.recent(connector, after), listener
        finally:
            self._listeners.remove(listener)
