"""The desk: in which order commands are carried out, and what an error on the way leaves behind."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from faust_cdc.errors import RegistryUnavailable
from faust_cdc.notifications.notification import Notification
from faust_cdc.notifications.notifier import Notifier
from faust_cdc.offsets import SourceOffset
from faust_cdc.signals.desk import CommandDesk
from faust_cdc.signals.queue import CommandQueue
from faust_cdc.signals.signal import LogMessage, RefusedSignal
from faust_cdc.snapshot.commands import ExecuteSnapshot, PauseSnapshot

PAUSE = PauseSnapshot("p")
EXECUTE = ExecuteSnapshot("e", ("a.b",))


def offset() -> SourceOffset:
    return SourceOffset("binlog.000001", 157, "x:1-5", ts_sec=7)


class Source:
    """A source channel that has these commands."""

    def __init__(self, *commands: Any) -> None:
        self.commands = list(commands)

    def __bool__(self) -> bool:
        return bool(self.commands)

    def take(self) -> list[Any]:
        taken, self.commands = self.commands, []
        return taken


class Told:
    """Notes what it is told, or fails."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.fails = False

    def __call__(self, notification: Notification) -> None:
        if self.fails:
            raise RegistryUnavailable("nobody answers")
        self.notifications.append(notification)


def desk_of(queue: CommandQueue, told: Told, *source: Any) -> CommandDesk:
    channel: Any = Source(*source)
    return CommandDesk(queue, channel, "gp", Notifier([told]))


def test_signals_of_the_table_come_first_and_only_snapshots_are_given(caplog: pytest.LogCaptureFixture) -> None:
    queue, told = CommandQueue(), Told()
    desk = desk_of(queue, told, EXECUTE, LogMessage("l", "at {} {}"))
    queue.submit(RefusedSignal("r", "dance", "its type is not known"))
    queue.submit(PAUSE)
    assert desk
    with caplog.at_level(logging.INFO):
        assert list(desk.commands(offset)) == [EXECUTE, PAUSE]
    assert not desk
    assert "at {ts_sec=7, file=binlog.000001, pos=157, gtids=x:1-5} {}" in caplog.messages
    assert "Signal 'r' (dance) is not taken: its type is not known." in caplog.messages
    assert [(one.id, one.type) for one in told.notifications] == [("r", "REFUSED")]
    queue.committed()
    assert queue.taken == 2


def test_a_refused_command_is_told_of_by_the_signals_type() -> None:
    told = Told()
    desk_of(CommandQueue(), told).refuse(EXECUTE, "no captured table is called a.b")
    (one,) = told.notifications
    assert one.additional_data == {
        "signal_type": "execute-snapshot",
        "reason": "no captured table is called a.b",
        "connector_name": "gp",
    }


def test_an_error_leaves_the_command_and_the_rest_to_the_next_attempt() -> None:
    queue, told = CommandQueue(), Told()
    desk = desk_of(queue, told)
    for command in (PAUSE, RefusedSignal("r", "dance", "no"), EXECUTE):
        queue.submit(command)
    told.fails = True
    with pytest.raises(RegistryUnavailable):
        list(desk.commands(offset))
    told.fails = False
    queue.begin_again()
    assert list(desk.commands(offset)) == [PAUSE, EXECUTE]
    assert [one.id for one in told.notifications] == ["r"]
