"""A Faust global table over one of Connect's internal topics, as bytes.

The topic *is* the table's changelog, in Connect's own format, and is written by others (Herder, task threads, a Connect
cluster that was here before): the table only follows it, read_committed. Every worker holds all of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from faust_cdc.errors import BrokerUnavailable

if TYPE_CHECKING:
    from faust_cdc_schemas.faust_kit import App

log = logging.getLogger(__name__)

Listener = Callable[[bytes, bytes | None], None]
EMPTY: Mapping[bytes, bytes] = {}


class TopicView:
    """The newest committed value of every key of a compacted topic: `faust_cdc.connect.views.View`.

    It exists, empty, before Kafka was reached; `declare` makes the table once the topic is known to exist.
    """

    def __init__(self, name: str, topic: str, is_ready: Callable[[], bool], *, newest_only: bool = False) -> None:
        """With `newest_only` listeners and `expect` may miss a record that another of its key follows at once."""
        self._newest_only = newest_only
        self.name = name
        self.topic = topic
        self._is_ready = is_ready
        self.partition_count = 0
        """Of the topic; 0 until it is known."""
        self._table: Any = None
        self._waiting: dict[tuple[bytes, bytes | None], list[asyncio.Future[None]]] = {}
        self._coming: list[tuple[bytes, bytes | None]] = []
        """Records that are being applied: told of in the loop's next turn."""
        self._listeners: list[Listener] = []
        self._wake: Callable[[], None] = lambda: None

    def declare(self, app: App, partitions: int) -> None:
        """Add the table to the app; must happen before the app's table manager starts."""
        self.partition_count, self._wake = partitions, app.wake
        if self._newest_only:
            app.newest_only.add(self.topic)
        changelog = app.topic(
            self.topic,
            key_serializer="raw",
            value_serializer="raw",
            partitions=partitions,
            internal=True,
            acks=False,
            allow_empty=True,
        )
        self._table = app.GlobalTable(
            self.name,
            partitions=partitions,
            changelog_topic=changelog,
            key_type=bytes,
            value_type=bytes,
            recovery_buffer_size=1,
            synchronize_all_active_partitions=True,
            on_changelog_event=self._on_changelog_event,
        )

    @property
    def ready(self) -> bool:
        """Whether the topic has been read to where it ended when the worker joined."""
        return self._is_ready()

    def get(self, key: bytes) -> bytes | None:
        """The newest value of a key; None when absent or deleted."""
        return self._records.get(key)

    def items(self) -> list[tuple[bytes, bytes]]:
        """All keys and values, as they are now."""
        return list(self._records.items())

    @property
    def _records(self) -> Mapping[bytes, bytes]:
        if self._table is None:
            return EMPTY
        # Past Faust's table interface, which would encode keys and note reads for its sensors: the store's dict.
        data: Mapping[bytes, bytes] = self._table.data.data
        return data

    def listen(self, listener: Listener) -> None:
        """Call `listener(key, value)` on the loop after each record has become visible; value None is a deletion."""
        self._listeners.append(listener)

    def expect(self, key: bytes, value: bytes | None) -> asyncio.Future[None]:
        """Return a future that is done when this very record has become visible. Ask before writing it."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((key, value), []).append(future)
        future.add_done_callback(lambda done: self._forget((key, value), done))
        self._wake()
        return future

    async def seen(self, future: asyncio.Future[None], within_s: float) -> None:
        """Wait for an `expect`ed record. Raises BrokerUnavailable when it does not show within `within_s`."""
        try:
            await asyncio.wait_for(future, within_s)
        except TimeoutError:
            raise BrokerUnavailable(
                f"A record written to {self.topic} was not seen in the table {self.name!r} within {within_s:g} s.",
                remedy="see whether Kafka answers and whether a foreign transaction is open on the topic",
            ) from None

    def _forget(self, record: tuple[bytes, bytes | None], future: asyncio.Future[None]) -> None:
        futures = self._waiting.get(record, [])
        if future in futures:
            futures.remove(future)
        if not futures:
            self._waiting.pop(record, None)

    async def _on_changelog_event(self, event: Any) -> None:
        # Called just before the events of a batch are applied, without giving up the loop in between.
        if not self._coming:
            asyncio.get_running_loop().call_soon(self._announce)
        self._coming.append((event.message.key, event.message.value))

    def _announce(self) -> None:
        came, self._coming = self._coming, []
        for record in came:
            for future in self._waiting.pop(record, []):
                if not future.done():
                    future.set_result(None)
        for key, value in came:
            for listener in self._listeners:
                try:
                    listener(key, value)
                except Exception:  # a record that only this listener cannot take: the others have come too
                    log.exception("Record %r of %s", key, self.topic)
