"""Orders for snapshots: kept until a task has taken them, told of when nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from faust_cdc.connect.states import TargetState
from faust_cdc.connect.store import signal_command
from faust_cdc.signals.signal import LogMessage, TaskCommand
from faust_cdc.worker import orders as module
from faust_cdc.worker.logs import encode_command
from faust_cdc.worker.orders import Orders, order_of


@dataclass
class Task:
    """A task that takes what it is given when a test says so."""

    state: Any = None
    is_full: bool = False
    queue: list[TaskCommand] = field(default_factory=list)
    commands_taken: int = 0

    def submit(self, command: TaskCommand) -> int | None:
        if self.is_full:
            return None
        self.queue.append(command)
        return len(self.queue)

    def take(self) -> None:
        """Have taken all that was given."""
        self.commands_taken = len(self.queue)

    def start(self) -> None: ...
    def request_stop(self) -> None: ...
    def join(self, timeout_s: float) -> bool:
        return True


@dataclass
class Worker:
    """Tasks by connector, and what it is told of orders."""

    tasks: dict[str, Task] = field(default_factory=dict)
    targets: dict[str, TargetState] = field(
        default_factory=lambda: {"a": TargetState.STARTED, "b": TargetState.STARTED}
    )
    leases: set[str] = field(default_factory=lambda: {"a", "b"})
    refused: list[tuple[str, str, str]] = field(default_factory=list)

    def held(self, connector: str) -> bool:
        return connector in self.leases

    def task_of(self, connector: str) -> Task | None:
        return self.tasks.get(connector)

    def target_of(self, connector: str) -> TargetState | None:
        return self.targets.get(connector)

    def refuse(self, connector: str, order: TaskCommand, reason: str) -> None:
        self.refused.append((connector, order.id, reason))


def message(identity: str) -> LogMessage:
    return LogMessage(identity, "m")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def run(test: Callable[[Worker, Orders], Coroutine[Any, Any, None]], kept_s: float = 60) -> None:
    async def within() -> None:
        worker = Worker()
        await test(worker, Orders(worker, worker.refuse, kept_s))

    asyncio.run(within())


def test_an_order_waits_for_its_task_and_is_given_to_the_next_when_that_ends_before() -> None:
    async def test(worker: Worker, orders: Orders) -> None:
        first, second = (
            asyncio.ensure_future(orders.deliver("a", message("1"))),
            asyncio.ensure_future(orders.deliver("a", message("2"))),
        )
        other = asyncio.ensure_future(orders.deliver("b", message("3")))
        worker.tasks["b"] = Task()
        await until(lambda: len(worker.tasks["b"].queue) == 1)
        worker.tasks["b"].take()
        assert await other, "nobody waits for the orders of another connector"
        before = worker.tasks["a"] = Task()
        await until(lambda: before.queue == [message("1")])
        after = worker.tasks["a"] = Task(is_full=True)
        await asyncio.sleep(3 * module.LOOK_EVERY_S)
        after.is_full = False
        await until(lambda: after.queue == [message("1")])
        assert not first.done()
        after.take()
        assert await first
        await until(lambda: after.queue == [message("1"), message("2")])
        after.take()
        assert await second
        assert before.queue == [message("1")]
        assert worker.refused == []

    run(test)


def test_an_order_that_nobody_takes_is_told_of() -> None:
    async def test(worker: Worker, orders: Orders) -> None:
        worker.tasks["a"] = Task(is_full=True)
        assert not any(await asyncio.gather(*(orders.deliver("a", message(name)) for name in "12")))
        assert [one[:2] for one in worker.refused] == [("a", "1"), ("a", "2")]
        assert "no task of the connector took it within 0.05 s" in worker.refused[0][2]

    run(test, kept_s=0.05)


@pytest.mark.parametrize("target", [None, TargetState.PAUSED, TargetState.STOPPED])
def test_an_order_for_a_connector_that_is_not_to_run_is_told_of(target: TargetState | None) -> None:
    async def test(worker: Worker, orders: Orders) -> None:
        delivery = asyncio.ensure_future(orders.deliver("a", message("1")))
        await asyncio.sleep(0)
        if target is None:
            del worker.targets["a"]
        else:
            worker.targets["a"] = target
        assert not await delivery
        assert [one[:2] for one in worker.refused] == [("a", "1")]

    run(test)


def test_an_order_goes_with_its_lease() -> None:
    async def test(worker: Worker, orders: Orders) -> None:
        delivery = asyncio.ensure_future(orders.deliver("a", message("1")))
        await asyncio.sleep(0)
        worker.leases.clear()
        assert not await delivery
        assert worker.refused == []

    run(test)


def test_orders_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)

    async def test(worker: Worker, orders: Orders) -> None:
        waiting = [asyncio.ensure_future(orders.deliver(name, message("1"))) for name in "ab"]
        await asyncio.sleep(0)
        assert not await orders.deliver("a", message("2"))
        assert [one[:2] for one in worker.refused] == [("a", "2")]
        worker.leases.clear()
        assert not any(await asyncio.gather(*waiting))
        worker.leases.add("a")
        worker.tasks["a"] = Task(commands_taken=9)
        assert await orders.deliver("a", message("3")), "there is room again"

    run(test)


def test_orders_are_read_from_the_leases_topic() -> None:
    log = {"id": "s", "type": "log", "data": '{"message":"m"}'}
    window = {"id": "s", "type": "snapshot-window-open", "data": None}
    assert order_of(encode_command("a", signal_command(log))) == ("a", message("s"))
    assert order_of(encode_command("a", signal_command(window))) is None
    for other in (b'{"type":"restart","connector":"a"}', b"[]", b"not json", b'{"type":"signal"}', None):
        assert order_of(other) is None
    for bad in ({"data": "{}"}, "log", None):
        with pytest.raises(ValueError, match="connector 'a'"):
            order_of(encode_command("a", {"type": "signal", "signal": bad}))
