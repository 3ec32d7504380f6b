"""Commands on their way into the task's thread."""

from __future__ import annotations

import threading

from faust_cdc.signals.queue import WAITING_MAX, CommandQueue
from faust_cdc.signals.signal import LogMessage


def all_of(queue: CommandQueue) -> list[str]:
    """Carry out all that is there; return the ids."""
    found = []
    while (command := queue.next) is not None:
        found.append(command.id)
        queue.carried_out()
    return found


def test_commands_come_in_order_and_leave_when_they_are_committed() -> None:
    queue = CommandQueue()
    assert not queue
    assert queue.next is None
    assert [queue.submit(LogMessage(str(number), "m")) for number in range(3)] == [1, 2, 3]
    assert queue
    assert all_of(queue) == ["0", "1", "2"]
    assert not queue
    assert queue.taken == 0
    queue.submit(LogMessage("3", "m"))
    queue.committed()
    assert queue.taken == 3
    assert all_of(queue) == ["3"]
    queue.committed()
    queue.committed()
    assert queue.taken == 4


def test_what_an_attempt_did_not_commit_is_for_the_next_one() -> None:
    queue = CommandQueue()
    for number in range(3):
        queue.submit(LogMessage(str(number), "m"))
    queue.carried_out()
    queue.committed()
    queue.carried_out()
    queue.begin_again()
    assert queue.taken == 1
    assert all_of(queue) == ["1", "2"]


def test_no_more_than_so_many_wait() -> None:
    queue = CommandQueue()
    numbers = [queue.submit(LogMessage("x", "m")) for _ in range(WAITING_MAX + 5)]
    assert numbers[-6:] == [WAITING_MAX] + [None] * 5
    assert len(all_of(queue)) == WAITING_MAX
    assert queue.submit(LogMessage("x", "m")) is None
    queue.committed()
    assert queue.submit(LogMessage("x", "m")) == WAITING_MAX + 1


def test_none_is_lost_between_threads() -> None:
    queue, taken = CommandQueue(), list[str]()

    def submit() -> None:
        for number in range(200):
            assert queue.submit(LogMessage(str(number), "m")) is not None

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or queue:
        taken += all_of(queue)
        queue.committed()
    assert len(taken) == queue.taken == 800
