"""The lease agent: which tasks this worker runs, and the commands that reach them.

Partitions of the leases topic are lease slots (`faust_cdc.worker.leases`). What the group assigns to this worker goes
to the task manager, all of it, after every assignment; nothing happens on revoke. Commands are records on the slot of
their connector, so they arrive where the lease is.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from faust_cdc.errors import CdcError
from faust_cdc.worker import app
from faust_cdc.worker.world import execute

log = logging.getLogger(__name__)

leases = app.leases_topic


@app.on_partitions_assigned.connect  # type: ignore[untyped-decorator]
async def take_leases(sender: Any, assigned: set[Any], **kwargs: Any) -> None:
    """Tell the task manager all slots this worker holds now."""
    app.manager.assigned(tp.partition for tp in assigned if tp.topic == app.worker_config.leases_topic)


@app.agent(leases, name="source")  # type: ignore[untyped-decorator]
async def source(commands: AsyncIterator[bytes | None]) -> None:
    """Carry out commands. Never raises: Faust restarts a crashed agent late and does not deliver the record again."""
    async for command in commands:
        try:
            execute(app.manager, command)
        except CdcError as error:
            log.warning("Command refused: %s", error)
        except Exception:
            log.exception("Command failed: %r", command)
