"""The signals service: looks into the file and Kafka channels of the connectors whose tasks run on this worker.

Their topics come and go with connectors, which no agent's topic can, so a task looks at them, each look in a thread: it
may take a moment, and the loop has none. Signals of REST come as commands on the leases topic (`source`), those of a
signal table with the stream, in the connector's task itself.
"""

from __future__ import annotations

import asyncio
import logging

from faust_cdc.worker import app
from faust_cdc.worker.signal_channels import SignalChannels

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
"""How exactly `signal.poll.interval.ms` is kept."""


@app.task  # type: ignore[untyped-decorator]
async def look_for_signals() -> None:
    """Look where it is time, until the worker stops. Never raises: a task that fails takes the worker with it."""
    channels = SignalChannels(app.worker_config)
    try:
        while not app.should_stop:
            try:
                await asyncio.to_thread(channels.look, app.manager.running)
            except Exception:
                log.exception("Looking for signals failed")
            await app.sleep(LOOK_EVERY_S)
    finally:
        channels.close()
