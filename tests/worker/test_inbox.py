"""An agent's inbox in a Faust app that is not started: order, bound, threads, rebalances, a second reader."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import faust
import pytest

from faust_cdc.worker import inbox as module
from faust_cdc.worker.inbox import Inbox


def run(test: Callable[[Inbox], Coroutine[Any, Any, None]], count: int = module.WAITING_MAX) -> None:
    async def within() -> None:
        app = faust.App("inbox", store="memory://", broker="kafka://127.0.0.1:1")
        await test(Inbox(app, maxsize=count))

    asyncio.run(within())


def test_messages_come_in_order_also_from_threads_and_to_a_reader_that_is_started_anew() -> None:
    async def test(inbox: Inbox) -> None:
        inbox.open()
        inbox.post(1)
        for number in (2, 3):
            thread = threading.Thread(target=inbox.post_from_thread, args=(number,))
            thread.start()
            thread.join()
        reader = inbox.clone(is_iterator=True)
        assert [await asyncio.wait_for(reader.get(), 60) for _ in range(2)] == [1, 2]
        again = inbox.clone(is_iterator=True)
        assert await asyncio.wait_for(again.get(), 60) == 3

    run(test)


def test_a_rebalance_takes_nothing_away() -> None:
    async def test(inbox: Inbox) -> None:
        faust_own = inbox.app.channel()
        for channel in (inbox, faust_own):
            channel.queue.put_nowait("kept?")
        inbox.app.flow_control.suspend()
        inbox.app.flow_control.resume()
        assert faust_own.empty(), "why there is an Inbox"
        assert await asyncio.wait_for(inbox.clone(is_iterator=True).get(), 60) == "kept?"

    run(test)


def test_the_oldest_goes_when_too_many_wait(caplog: pytest.LogCaptureFixture) -> None:
    async def test(inbox: Inbox) -> None:
        for number in range(5):
            inbox.post(number)
        assert [inbox.queue.get_nowait() for _ in range(2)] == [3, 4]

    run(test, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "2 messages waited for an agent: the oldest are dropped, 1 so far"
    ]


def test_nobody_is_told_when_the_loop_is_closed() -> None:
    kept: list[Inbox] = []

    async def test(inbox: Inbox) -> None:
        inbox.open()
        kept.append(inbox)

    run(test)
    kept[0].post_from_thread("late")
    assert kept[0].empty()
