"""What the worker is waiting for: told to `/health`, to the log, and to whoever waits until it is ready."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


class StartupStage(enum.Enum):
    """The worker's start, in order. A worker never goes back: a later outage is the tasks' degraded state.

    CONNECTING ──▶ JOINING ──▶ READY
    """

    CONNECTING = "connecting"
    JOINING = "joining"
    READY = "ready"


NEXT_STAGES = {
    StartupStage.CONNECTING: frozenset({StartupStage.JOINING}),
    StartupStage.JOINING: frozenset({StartupStage.READY}),
    StartupStage.READY: frozenset[StartupStage](),
}


class Startup:
    """The current stage; `tell` is given a sentence about each."""

    def __init__(self, bootstrap_servers: str, tell: Callable[[str], None]) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._tell = tell
        self._stage = StartupStage.CONNECTING
        self._ready = asyncio.Event()
        tell(f"Connecting to Kafka at {bootstrap_servers}.")

    @property
    def stage(self) -> StartupStage:
        """The current stage."""
        return self._stage

    @property
    def ready(self) -> bool:
        """Whether the tables hold what was committed when the worker joined."""
        return self._stage is StartupStage.READY

    async def wait_ready(self) -> None:
        """Return when the worker is ready."""
        await self._ready.wait()

    def still_connecting(self, problem: str) -> None:
        """Note why Kafka cannot be used yet."""
        message = f"Connecting to Kafka at {self._bootstrap_servers}: {problem}"
        self._tell(message)
        log.warning("%s Retrying.", message)

    def without_hot_path(self) -> None:
        """Say loudly that this installation is several times slower than it could be."""
        log.warning(
            "The compiled hot path is not in this installation: rows go through the reference transcoder, at several "
            "times the CPU. Install a wheel for this platform, or build with a C compiler and Python's headers."
        )

    def joining(self, group_id: str) -> None:
        """Kafka answered and the internal topics are there."""
        self._move(StartupStage.JOINING, f"Joining group {group_id} and reading the internal topics.")

    def finished(self) -> None:
        """The tables are read. Later rebalances call this again, which changes nothing."""
        if self._stage is StartupStage.JOINING:
            self._move(StartupStage.READY, "Worker has completed startup and is ready to handle requests.")
            self._ready.set()

    def _move(self, stage: StartupStage, message: str) -> None:
        if stage not in NEXT_STAGES[self._stage]:
            raise ValueError(f"Startup cannot go from {self._stage.name} to {stage.name}.")
        self._stage = stage
        self._tell(message)
        log.info("%s", message)
