"""The schema evolution service: says in the log what versions tables' schemas come to have, on the worker concerned.

The table `table_schemas` is written by the tasks, in the Kafka transactions of their offsets, and followed by every
worker (`worker.application`), which answers REST from it. What is new is told here once, by the worker that runs the
connector's task; the notification of it is written by the task itself, with the same transaction.
"""

from __future__ import annotations

import logging

from faust_cdc.worker import app
from faust_cdc.worker.schema_watch import SchemaWatch

log = logging.getLogger(__name__)

TELL_EVERY_S = 1.0

watch = SchemaWatch(lambda: app.manager.supervised)
app.table_schemas.listen(watch.note)


@app.task  # type: ignore[untyped-decorator]
async def tell_versions() -> None:
    """Tell what came, until the worker stops. Never raises: a task that fails takes the worker with it."""
    while not app.should_stop:
        await app.sleep(TELL_EVERY_S)
        try:
            watch.tell()
        except Exception:
            log.exception("Telling of new schemas failed")
