"""Commands on their way into the task's thread."""

from __future__ import annotations

import threading

from faust_cdc.signals.queue import WAITING_MAX, CommandQueue
from faust_cdc.signals.signal import LogMessage


def test_commands_come_in_order_and_are_counted() -> None:
    queue = CommandQueue()
    assert not queue
    assert queue.take() == []
    commands = [LogMessage(str(number), "m") for number in range(3)]
    assert [queue.submit(command) for command in commands] == [1, 2, 3]
    assert queue
    assert queue.taken == 0
    assert queue.take() == commands
    assert not queue
    assert queue.taken == 3


def test_no_more_than_so_many_wait() -> None:
    queue = CommandQueue()
    numbers = [queue.submit(LogMessage("x", "m")) for _ in range(WAITING_MAX + 5)]
    assert numbers[-6:] == [WAITING_MAX] + [None] * 5
    assert len(queue.take()) == WAITING_MAX
    assert queue.submit(LogMessage("x", "m")) == WAITING_MAX + 1


def test_none_is_lost_between_threads() -> None:
    queue, taken = CommandQueue(), []

    def submit() -> None:
        for number in range(200):
            assert queue.submit(LogMessage(str(number), "m")) is not None

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or queue:
        taken += queue.take()
    assert len(taken) == queue.taken == 800
