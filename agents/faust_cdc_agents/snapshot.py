"""The snapshot agents: orders to the task that carries them out, and what is told of the snapshots of all connectors.

Chunks are not planned here but in the connector's task, on purpose. A chunk ends where its rows end (keyset paging),
its window is an interval of the stream in which only the task's thread stands, and its rows, its progress and the
offset are one Kafka transaction of the task's producer. A plan made by an agent would cost a way over the loop for each
chunk, would be a second owner of the progress, and its writes would not be covered by the fence that keeps a frozen
worker from writing: what makes a snapshot resumable by another worker would be lost for nothing.

What is control is here. `snapshot` takes orders (execute, stop, pause, resume) from the slot of their connector,
whichever worker was asked over REST, and hands them to the task through its command queue; signals of Kafka and file
come to the same queue (`signals`), those of a signal table with the stream, and a changed table list with the task's
restart. `snapshot_turns` follows the `snapshots` table and says when a table is level and when a snapshot is over. The
table is on every worker, so any of them answers for any connector, and the one that has the lease after the owner died
goes on with the snapshot where the table says it is (`faust_cdc.snapshot.snapshots`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from faust_cdc.snapshot.book import Turn
from faust_cdc.worker import app
from faust_cdc.worker.orders import order_of
from faust_cdc.worker.snapshot_watch import EVERY_S

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""The record of an order is done with when a task has taken it, so that a killed worker's successor has it again; but
for so long at most, as the orders of other connectors come behind it. It is kept here all the same."""


@app.agent(app.leases_topic, name="snapshot")  # type: ignore[untyped-decorator]
async def snapshot(commands: AsyncIterator[bytes | None]) -> None:
    """Hand orders to tasks. Never raises: Faust restarts a crashed agent late."""
    async for command in commands:
        try:
            if (order := order_of(command)) is not None:
                log.info("Order for connector %r: %s %r", order[0], type(order[1]).__name__, order[1].id)
                delivery = app.add_future(app.orders.deliver(*order))
                await asyncio.wait({delivery}, timeout=PATIENCE_S)
        except ValueError as error:
            log.warning("Order refused: %s", error)
        except Exception:
            log.exception("Order failed: %r", command)


@app.agent(app.snapshot_turns, name="snapshot_turns")  # type: ignore[untyped-decorator]
async def snapshot_turns(turns: AsyncIterator[Turn]) -> None:
    """Say what became of snapshots."""
    async for turn in turns:
        app.snapshot_watch.turn(turn)


@app.task  # type: ignore[untyped-decorator]
async def tell_progress() -> None:
    """Say every few seconds how far the snapshots are that run here."""
    while not app.should_stop:
        await app.sleep(EVERY_S)
        if not app.should_stop:
            app.snapshot_watch.tell()
