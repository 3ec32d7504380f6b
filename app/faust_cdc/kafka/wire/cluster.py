"""The brokers of one cluster: who they are, which leads what, a connection to each that is used, and the waiting.

Nothing here has a thread: requests are written and answers read when the producer's own thread calls `pump`, which it
does while it produces, serves and commits. An idle producer has nothing under way, so nobody needs to wake for it.
"""

from __future__ import annotations

import random
import select
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from faust_cdc.errors import BrokerUnavailable
from faust_cdc.kafka.wire import messages
from faust_cdc.kafka.wire.connection import STOP_SEEN_WITHIN_S, STOPPED_PATIENCE_S, Connection, Disconnected
from faust_cdc.kafka.wire.messages import Api, BrokerAddress, ClusterAnswer, TopicAnswer
from faust_cdc.kafka.wire.primitives import MalformedAnswer, Reader
from faust_cdc.kafka.wire.settings import WireSettings

BOOTSTRAP: Final = -1
"""The node of a connection whose broker has not told its number."""
ASK_AGAIN_S: Final = 0.1
"""Between two questions for metadata that did not help."""


class _Backoff:
    """When a broker that could not be reached is tried again."""

    def __init__(self, settings: WireSettings) -> None:
        self._settings = settings
        self._delay_s = settings.reconnect_min_s
        self.until = 0.0

    def failed(self) -> None:
        self.until = time.monotonic() + self._delay_s * random.uniform(0.8, 1.2)
        self._delay_s = min(max(self._delay_s, 0.001) * 2, self._settings.reconnect_max_s)

    def worked(self) -> None:
        self.until, self._delay_s = 0.0, self._settings.reconnect_min_s


class Cluster:
    """Not thread-safe."""

    def __init__(self, settings: WireSettings, should_stop: Callable[[], bool]) -> None:
        self.settings = settings
        self.topics: dict[str, TopicAnswer] = {}
        """What is known of each topic that was asked for."""
        self.asked_at = time.monotonic()
        self.answers = 0
        """How often metadata came."""
        self.problem = "no broker was tried"
        """The last thing that went wrong with a connection."""
        self._should_stop = should_stop
        self._brokers: dict[int, BrokerAddress] = {}
        self._connections: dict[int, Connection] = {}
        self._backoffs: dict[tuple[str, int], _Backoff] = {}

    def close(self) -> None:
        """End all connections."""
        for connection in self._connections.values():
            connection.close("the producer is closed")
        self._connections.clear()

    # ---- connections ----

    def know(self, broker: BrokerAddress) -> None:
        """Remember where a broker is; a connection to where it was is ended."""
        known = self._brokers.get(broker.node)
        self._brokers[broker.node] = broker
        if known not in (None, broker):
            self.drop(broker.node, "the broker moved")

    def open_connection(self, node: int) -> Connection | None:
        """Return the connection to a broker if there is one."""
        found = self._connections.get(node)
        return found if found is not None and found.is_open else None

    def connection(self, node: int, deadline: float) -> Connection | None:
        """Return a connection to a broker, opened if need be; None while it cannot be had."""
        found = self.open_connection(node)
        if found is not None and found.is_expired:
            self.drop(node, "its session ends, or it stood idle")
            found = None
        broker = self._brokers.get(node)
        if found is not None or broker is None:
            return found
        return self._opened(node, broker.host, broker.port, deadline)

    def drop(self, node: int, reason: str) -> None:
        """End a connection; what was under way on it hears of it."""
        found = self._connections.pop(node, None)
        if found is not None:
            found.close(reason)

    def any_connection(self, deadline: float) -> Connection | None:
        """Return a connection to any broker."""
        for node in self._connections:
            found = self.open_connection(node)
            if found is not None and not found.is_expired:
                return found
        nodes = list(self._brokers)
        random.shuffle(nodes)
        for node in nodes:
            if found := self.connection(node, deadline):
                return found
        servers = list(self.settings.bootstrap)
        random.shuffle(servers)
        for host, port in servers:
            if found := self._opened(BOOTSTRAP, host, port, deadline):
                return found
        return None

    def _opened(self, node: int, host: str, port: int, deadline: float) -> Connection | None:
        backoff = self._backoffs.setdefault((host, port), _Backoff(self.settings))
        if time.monotonic() < backoff.until or time.monotonic() >= deadline:
            return None
        made = Connection(host, port, self.settings, self._should_stop)
        try:
            made.open(deadline)
        except Disconnected as error:
            self.problem = str(error)
            backoff.failed()
            return None
        backoff.worked()
        self.drop(node, "connected anew")
        self._connections[node] = made
        return made

    # ---- waiting ----

    def pump(self, timeout_s: float) -> None:
        """Write and read what can be; waits until something happens, at most `timeout_s`."""
        poll = select.poll()
        by_number: dict[int, tuple[int, Connection]] = {}
        for node, connection in list(self._connections.items()):
            try:
                connection.flush()
                poll.register(connection.fileno(), connection.events)
            except Disconnected as error:
                self._lost(node, connection, str(error))
                timeout_s = 0.0
            else:
                by_number[connection.fileno()] = (node, connection)
        if not by_number:
            time.sleep(max(0.0, timeout_s))
            return
        for number, _ in poll.poll(max(0.0, timeout_s * 1000)):
            node, connection = by_number[number]
            if not connection.is_open:
                continue
            try:
                connection.receive()
                connection.flush()
            except Disconnected as error:
                self._lost(node, connection, str(error))
        self._end_silent_ones()

    def _end_silent_ones(self) -> None:
        oldest = time.monotonic() - self.settings.request_timeout_s
        for node, connection in list(self._connections.items()):
            if connection.pending and connection.pending[0].sent_at < oldest:
                waited_ms = round(self.settings.request_timeout_s * 1000)
                what = connection.pending[0].api.name
                self._lost(node, connection, f"{connection.where}: no answer to {what} within {waited_ms} ms")

    def _lost(self, node: int, connection: Connection, reason: str) -> None:
        if connection.pending:  # an idle one that the broker ended is no problem
            self.problem = reason
            self._backoffs[connection.address].failed()
        if self._connections.get(node) is connection:
            del self._connections[node]
        connection.close(reason)

    def ask(
        self,
        connection: Connection,
        api: Api,
        body: bytearray,
        deadline: float,
        version_max: int = 99,
        gives_up: Callable[[], bool] = lambda: False,
    ) -> tuple[Reader, int]:
        """Send a request and wait for its answer; returns the answer and its version.

        Raises Disconnected when none will come, by the deadline (once it `gives_up`, a short one) or at all.
        """
        began = time.monotonic()
        version = connection.version_of(api)
        if version is None:
            raise Disconnected(f"{connection.where} no longer speaks {api.name}")
        while (muted_s := min(connection.mute_until, deadline) - time.monotonic()) > 0 and connection.is_open:
            self.pump(muted_s)
        version = min(version, version_max)
        answers: list[tuple[Reader, int]] = []
        losses: list[str] = []
        connection.send(api, version, [memoryview(body)], lambda *found: answers.append(found), losses.append)
        while not answers:
            if losses:
                raise Disconnected(losses[0])
            patient_until = began + STOPPED_PATIENCE_S if gives_up() else deadline
            left_s = min(deadline, patient_until) - time.monotonic()
            if left_s <= 0:
                raise Disconnected(f"{connection.where}: no answer to {api.name} in time")
            self.pump(min(left_s, STOP_SEEN_WITHIN_S))
        return answers[0]

    # ---- metadata ----

    def refresh(self, topics: Iterable[str], deadline: float, *, creates: bool) -> bool:
        """Ask for the brokers and for the leaders of these topics; False when nobody answers.

        `creates`: missing ones are made where the broker makes topics, so it is for topics that have records.
        """
        connection = self.any_connection(deadline)
        if connection is None:
            return False
        try:
            body = messages.metadata(topics, creates=creates)
            found, _ = self.ask(connection, messages.METADATA, body, deadline, gives_up=self._should_stop)
            self._learn(messages.read_metadata(found))
        except (Disconnected, MalformedAnswer) as error:
            self.problem = str(error)
            return False
        return True

    def refresh_unawaited(self) -> None:
        """Ask the same of all topics that are known, without waiting; the answer is taken whenever it comes."""
        self.asked_at = time.monotonic()
        for node in self._connections:
            connection = self.open_connection(node)
            if connection is not None and (version := connection.version_of(messages.METADATA)) is not None:
                body = memoryview(messages.metadata(self.topics, creates=False))
                connection.send(
                    messages.METADATA,
                    version,
                    [body],
                    lambda found, _: self._learn(messages.read_metadata(found)),
                    lambda _: None,
                )
                return

    def _learn(self, answer: ClusterAnswer) -> None:
        self.asked_at = time.monotonic()
        self.answers += 1
        for broker in answer.brokers:
            self.know(broker)
        known = {broker.node for broker in answer.brokers}
        for node in set(self._brokers) - known:
            del self._brokers[node]
        for topic in answer.topics:
            self.topics[topic.name] = topic
        self._adopt(answer.brokers)

    def _adopt(self, brokers: Sequence[BrokerAddress]) -> None:
        """Keep the first connection as that of the broker at its address."""
        first = self._connections.get(BOOTSTRAP)
        for broker in brokers:
            if first is not None and first.address == (broker.host, broker.port):
                if first.pending and broker.node in self._connections:
                    return  # an answer is awaited over it
                del self._connections[BOOTSTRAP]
                if self._connections.setdefault(broker.node, first) is not first:
                    first.close("there is another one to this broker")
                return

    def unavailable(self, where: str) -> BrokerUnavailable:
        """Return the error that says what could not be done, and the last thing that went wrong."""
        return BrokerUnavailable(f"{where}: no answer from Kafka ({self.problem}).")
