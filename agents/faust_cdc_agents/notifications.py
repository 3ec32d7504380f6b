"""The notifications agent: what the tasks of this worker tell, onto the board that REST shows and streams.

Two of the sinks are not here. The record on the user's topic is written by the task, in the Kafka transaction of what
it tells of: an agent could write it only before or after that, and so tell of rows that are never seen, or twice. The
line in the log is written by the task, too, among its own lines and before anything else can go wrong. What is left is
what a client of this worker sees: in the loop's thread, where those clients are, and not in a task's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from faust_cdc.notifications.notification import Notification
from faust_cdc.worker import app


@app.agent(app.told, name="notifications")  # type: ignore[untyped-decorator]
async def notifications(told: AsyncIterator[tuple[str, Notification]]) -> None:
    """Post them, in the order in which each task tells them."""
    async for connector, notification in told:
        app.notifications.post(connector, notification)
