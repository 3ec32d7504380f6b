"""The routing service: follows the table `routes` and tells the tasks of this worker that theirs have changed.

Every worker holds the whole table, so a change that any worker took in (REST), or a task (a signal), comes here by the
table itself; the task then reads its routes from the topic (`faust_cdc.pipeline.rerouting` says why that is safe). A
connector whose task is elsewhere, or has failed, is passed over: a task reads its routes when it starts.
"""

from __future__ import annotations

import logging

from faust_cdc.signals.routing import RoutesChanged
from faust_cdc.worker import app

log = logging.getLogger(__name__)


@app.task  # type: ignore[untyped-decorator]
async def tell_tasks_of_routes() -> None:
    """Tell them until the worker stops. Never raises: a task that fails takes the worker with it."""
    while not app.should_stop:
        for connector in sorted(await app.route_watch.changed()):
            try:
                task = app.manager.task_of(connector)
                if task is not None and task.submit(RoutesChanged()) is not None:
                    log.info("Routes of connector %r have changed", connector)
            except Exception:
                log.exception("Routes of connector %r have changed, and its task was not told", connector)
