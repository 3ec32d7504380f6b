"""Waits for Kafka and for the internal topics, before the worker subscribes to anything."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from mode import Service

from faust_cdc.errors import BrokerUnavailable, CdcError
from faust_cdc.kafka.topics import TopicCreator
from faust_cdc.worker import EXIT_BAD_CONFIG
from faust_cdc.worker.settings import client_settings, internal_topics

if TYPE_CHECKING:
    from faust_cdc.worker.application import CdcApp

log = logging.getLogger(__name__)

RETRY_DELAY_S = 1.0
T = TypeVar("T")


class KafkaGate(Service):  # type: ignore[misc]
    """Starts when Kafka answered and the internal topics exist. A broker that is away is waited for without end.

    A refusal (no right to create topics, a configuration topic that is not compacted) ends the worker with one line
    and exit code 2: waiting would not change it.
    """

    def __init__(self, app: CdcApp, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.app = app

    async def on_start(self) -> None:
        """Wait; returns early when the worker is being stopped."""
        while not self.should_stop:
            try:
                # A thread of its own, and a daemon: the broker may be silent for 10 s, SIGTERM must not wait for it.
                counts, cluster_id = await in_daemon_thread(self._find_topics)
            except BrokerUnavailable as error:
                self.app.startup.still_connecting(str(error))
                await self.sleep(RETRY_DELAY_S)
            except CdcError as error:
                sys.stderr.write(f"faust-cdc: {error}\n")
                raise SystemExit(EXIT_BAD_CONFIG) from error
            else:
                if not self.should_stop:
                    self.app.topics_exist(counts, cluster_id)
                return

    def _find_topics(self) -> tuple[dict[str, int], str]:
        config = self.app.worker_config
        topics = TopicCreator(client_settings(config, config.admin_config))
        return topics.ensure(internal_topics(config)), topics.cluster_id


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Run blocking `work` in a thread that does not keep the process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(set_it: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            set_it(value)

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            outcome: tuple[Callable[[Any], None], Any] = (future.set_exception, error)
        else:
            outcome = (future.set_result, result)
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, *outcome)

    threading.Thread(target=run, name="kafka-gate", daemon=True).start()
    return await future
