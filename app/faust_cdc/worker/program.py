"""The process: binds the port first, says in one line why it cannot start, and ends quickly when asked."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn, cast

from faust.worker import Worker as FaustWorker

from faust_cdc.errors import ConfigError
from faust_cdc.worker import EXIT_BAD_CONFIG
from faust_cdc.worker.memory import bound_heaps
from faust_cdc.worker.pauses import bound_turns, collect_from_now_on, settle
from faust_cdc.worker.web import ConnectWeb, bind_listener

if TYPE_CHECKING:
    from faust_cdc.worker.application import CdcApp

log = logging.getLogger(__name__)

LAST_TURN_S = 0.05
STOP_MAX_S = 25.0
"""So long everything may take to stop; Kubernetes kills after 30 s. While Kafka hangs, or has been away for long,
Faust's consumer waits for more: for an answer, or for its own thread, which has ended (aiokafka's `Fetcher.close`
raises CancelledError in it)."""


class WorkerProgram(FaustWorker):  # type: ignore[misc]
    """Faust's worker program. Signals: SIGTERM and SIGINT stop the tasks, leave the group and exit 0."""

    def __init__(self, app: CdcApp, *args: Any, **kwargs: Any) -> None:
        super().__init__(app, *args, **kwargs)
        # No progress spinner: it mangles lines when the output is a file.
        self.spinner = None

    def execute_from_commandline(self) -> NoReturn:
        """Run until stopped. Exit code 2 when the port cannot be bound."""
        bound_heaps()
        bound_turns()
        collect_from_now_on()
        conf = self.app.conf
        if conf.web_enabled:
            try:
                cast(ConnectWeb, self.app.web).listener = bind_listener(conf.web_bind, conf.web_port)
            except ConfigError as error:
                sys.stderr.write(f"faust-cdc: {error}\n")
                sys.exit(EXIT_BAD_CONFIG)
        try:
            super().execute_from_commandline()
        except SystemExit as ending:
            leave_blocked_threads(ending.code if isinstance(ending.code, int) else 1)
            raise
        raise SystemExit(0)

    async def on_startup_finished(self) -> None:
        """Called by Faust once everything is started."""
        await super().on_startup_finished()
        settle()

    def _schedule_shutdown(self, received: signal.Signals) -> None:
        if not self._signal_stop_time:
            timer = threading.Timer(STOP_MAX_S, leave_now)
            timer.daemon = True
            timer.start()
        super()._schedule_shutdown(received)

    def _on_sigint(self) -> None:
        # mode prints a row of -INT- to stderr; the log line it writes next says it better.
        self._flag_as_shutdown_by_signal()
        self._schedule_shutdown(signal.SIGINT)

    async def _sentinel_task(self) -> None:
        # mode sleeps a whole second before it closes the loop, so that callbacks already scheduled may run.
        await asyncio.sleep(LAST_TURN_S)


def leave_now() -> None:
    """End the process although not everything has stopped: no more is lost by it than by a kill."""
    log.error("Not stopped within %g s; leaving. What is open is decided when the tasks start again.", STOP_MAX_S)
    logging.shutdown()
    os._exit(1)


def leave_blocked_threads(exit_code: int) -> None:
    """End the process now if threads would keep it alive: one that waits for Kafka or MySQL may do so for long.

    Everything that matters is done by then: tasks are stopped or will be fenced, the group is left.
    """
    blocked = [each.name for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    if blocked:
        log.info("Not waiting for %s.", ", ".join(sorted(blocked)))
        logging.shutdown()
        os._exit(exit_code)
