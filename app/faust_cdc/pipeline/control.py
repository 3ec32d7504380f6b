"""What joins a task to the control plane: commands come in, notifications go out. It outlives the task's attempts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from faust_cdc.notifications.notification import Notification
from faust_cdc.signals.queue import CommandQueue


def unseen(notification: Notification) -> None:
    """Show a notification to nobody."""


@dataclass(frozen=True, slots=True)
class ControlLinks:
    """One task's."""

    commands: CommandQueue = field(default_factory=CommandQueue)
    show: Callable[[Notification], None] = unseen
    """Called in the task's thread with every notification, whatever its channels; returns at once."""
