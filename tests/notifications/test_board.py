"""The board: what is kept, who listens, and that neither grows."""

from __future__ import annotations

import asyncio

import pytest

from faust_cdc.notifications.board import (
    KEPT_MAX,
    LISTENERS_MAX,
    WAITING_MAX,
    Listener,
    NotificationBoard,
    TooManyListeners,
)
from faust_cdc.notifications.notification import Notification


def note(identity: int) -> Notification:
    return Notification(str(identity), "Initial Snapshot", "STARTED", {})


def ids(board: NotificationBoard, connector: str, after: int = 0) -> list[str]:
    return [posted.notification.id for posted in board.recent(connector, after)]


def test_the_last_ones_of_each_connector_are_kept() -> None:
    board = NotificationBoard()
    board.post("other", note(0))
    for number in range(KEPT_MAX + 3):
        board.post("c", note(number))
    assert ids(board, "c") == [str(number) for number in range(3, KEPT_MAX + 3)]
    assert ids(board, "other") == ["0"]
    assert ids(board, "none") == []
    newest = board.recent("c")[-2].number
    assert ids(board, "c", newest) == [str(KEPT_MAX + 2)]
    board.forget("c")
    assert ids(board, "c") == []


def test_a_listener_has_what_came_before_and_what_comes() -> None:
    async def run() -> None:
        board = NotificationBoard()
        for number in range(3):
            board.post("c", note(number))
        first = board.recent("c")[0].number
        with board.listening("c", first) as (kept, listener):
            assert [posted.notification.id for posted in kept] == ["1", "2"]
            board.post("other", note(8))
            board.post("c", note(9))
            posted = await listener.next(60)
            assert posted is not None
            assert posted.notification.id == "9"
            assert await listener.next(0.01) is None
        with board.listening("c") as (kept, _):
            assert kept == []

    asyncio.run(run())


def test_what_waits_for_a_slow_listener_is_bounded_and_so_are_listeners() -> None:
    async def run() -> None:
        board = NotificationBoard()
        with board.listening("c") as (_, listener):
            for number in range(WAITING_MAX + 2):
                board.post("c", note(number))
            await asyncio.sleep(0)
            posted = await listener.next(60)
            assert posted is not None
            assert posted.notification.id == "2"
        held = [board.listening("c") for _ in range(LISTENERS_MAX)]
        listeners: list[Listener] = [one.__enter__()[1] for one in held]
        with pytest.raises(TooManyListeners), board.listening("c"):
            pass
        held[0].__exit__(None, None, None)
        with board.listening("c") as (_, another):
            assert another not in listeners

    asyncio.run(run())
