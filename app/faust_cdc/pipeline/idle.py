"""A task that has nothing to do: it stays a running one, as Debezium's does, and says which signals it does not take.

Debezium reads no signals where it does not stream. Here a signal is answered: it is refused, with a notification, and
is not carried out later either, when the connector is given another mode.
"""

from __future__ import annotations

import threading

from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.transaction_writer import TransactionWriter
from faust_cdc.signals.desk import CommandDesk
from faust_cdc.signals.queue import CommandQueue
from faust_cdc.snapshot.commands import ExecuteSnapshot, SnapshotCommand

LOOK_EVERY_S = 0.2


def beyond(command: SnapshotCommand, mode: str) -> str | None:
    """Return why a command is not for a task that is there for its initial snapshot only, None when it may be."""
    if not isinstance(command, ExecuteSnapshot):
        return None
    return f"snapshot.mode={mode} does not stream, and no other snapshot is taken without the stream"


def stay_idle(
    stop: threading.Event,
    desk: CommandDesk,
    queue: CommandQueue,
    writer: TransactionWriter,
    offset: SourceOffset | None,
    mode: str,
) -> None:
    """Stay until asked to stop. `offset` is the stored one: the sink's notifications are committed with it.

    Without one they go to the other channels only: a Kafka transaction that nothing covers must not stay open, as it
    would hide what others write behind it. Raises what `Notifier.notify` and the writer do.
    """
    queue.begin_again()

    def here() -> SourceOffset:
        return writer.committed or offset or SourceOffset("", 0)

    while not stop.wait(LOOK_EVERY_S):
        if not desk:
            continue
        for command in desk.commands(here):
            desk.refuse(command, beyond(command, mode) or "no snapshot is under way")
        if not writer.has_records:
            pass
        elif writer.committed or offset:
            writer.cover(here)
            writer.commit()
        else:
            writer.abandon()
        queue.committed()
