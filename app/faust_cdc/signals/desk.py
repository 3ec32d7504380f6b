"""Where a task takes its commands, from wherever they come, in its own thread between source transactions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from faust_cdc.notifications.notification import signal_refused
from faust_cdc.notifications.notifier import Notifier
from faust_cdc.offsets import SourceOffset
from faust_cdc.signals.queue import CommandQueue
from faust_cdc.signals.routing import RouteCommand, RoutesChanged, SetRoute
from faust_cdc.signals.signal import ChangeStructures, LogMessage, RefusedSignal, TaskCommand, signal_type
from faust_cdc.signals.source_channel import SourceChannel
from faust_cdc.snapshot.commands import SnapshotCommand

log = logging.getLogger(__name__)


ChangeOfStructures = Callable[[ChangeStructures, SourceOffset], None]
"""Takes what a signal says of tables; the offset is where the stream stands."""


class CommandDesk:
    """Takes commands of the queue and of the source channel; carries out what is no snapshot's business."""

    def __init__(
        self,
        queue: CommandQueue,
        source: SourceChannel,
        server: str,
        notifier: Notifier,
        change_structures: ChangeOfStructures | None = None,
    ) -> None:
        """`server` is the `topic.prefix`; without `change_structures` there is no stream whose tables could change."""
        self._change_structures = change_structures
        self._queue = queue
        self._source = source
        self._server = server
        self._notifier = notifier
        self.on_route: Callable[[RouteCommand], str | None] = _no_stream
        """Carries out a command about routes, or says why not."""

    def __bool__(self) -> bool:
        """True when commands are there to be taken."""
        return bool(self._queue) or bool(self._source)

    def commands(self, offset: Callable[[], SourceOffset]) -> Iterator[SnapshotCommand]:
        """Carry out what is there, and give the commands about snapshots, in order, for the caller to carry out.

        Called between source transactions. Notifications may be written: the caller covers them. A command is done
        with when the next one is asked for; an error on the way leaves it and the rest to the next attempt.
        """
        for command in self._source.take():
            yield from self._about_snapshots(command, offset)
        while (waiting := self._queue.next) is not None:
            yield from self._about_snapshots(waiting, offset)
            self._queue.carried_out()

    def _about_snapshots(self, command: TaskCommand, offset: Callable[[], SourceOffset]) -> Iterator[SnapshotCommand]:
        if isinstance(command, LogMessage):
            log.info("%s", command.message.replace("{}", _java_map(offset()), 1))
        elif isinstance(command, RefusedSignal):
            self._refuse(command)
        elif isinstance(command, RoutesChanged | SetRoute):
            if reason := self.on_route(command):
                self._refuse(RefusedSignal(command.id, signal_type(command), reason))
        elif isinstance(command, ChangeStructures):
            if self._change_structures is None:
                reason = "the task streams nothing, so no structure is followed"
                self._refuse(RefusedSignal(command.id, signal_type(command), reason))
            else:
                self._change_structures(command, offset())
        else:
            yield command

    def refuse(self, command: SnapshotCommand, reason: str) -> None:
        """Log and tell that a command about a snapshot is not carried out."""
        self._refuse(RefusedSignal(command.id, signal_type(command), reason))

    def _refuse(self, signal: RefusedSignal) -> None:
        log.warning("Signal %r (%s) is not taken: %s.", signal.id, signal.type, signal.reason)
        self._notifier.notify(signal_refused(self._server, signal.id, signal.type, signal.reason))


def _no_stream(command: RouteCommand) -> str | None:
    """Refuse: nothing is streamed that could go another way, and a start reads the routes anyway."""
    return None if isinstance(command, RoutesChanged) else "the connector does not stream"


def _java_map(offset: SourceOffset) -> str:
    """Return an offset as Java prints a map, for `{}` in a message, as Debezium's logger puts it there."""
    return "{" + ", ".join(f"{name}={value}" for name, value in offset.to_map().items()) + "}"
