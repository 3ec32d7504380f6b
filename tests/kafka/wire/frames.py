"""A way to a broker that knows Kafka's frames: it cuts, holds or loses exactly the request or the answer it is told."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

APIS = {"Produce": 0, "Metadata": 3, "FindCoordinator": 10, "ApiVersions": 18, "InitProducerId": 22}
APIS |= {"AddPartitionsToTxn": 24, "EndTxn": 26, "SaslAuthenticate": 36}


@dataclass
class Fault:
    """What is done to requests of one kind, once or more often."""

    api: int
    loses_answer: bool
    """The broker gets the request, its answer is lost; else the request does not reach it. Both end the connection."""
    times: int
    done: threading.Event = field(default_factory=threading.Event)


@dataclass
class Hold:
    """Requests of one kind wait here, their connections cut for the client, until they are let go to the broker."""

    api: int
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)
    answer: bytes = b""


@dataclass
class _Link:
    client: socket.socket
    server: socket.socket
    lost: set[int] = field(default_factory=set)
    hold: Hold | None = None


class FrameProxy:
    """Relays connections to 127.0.0.1:`target` from `port`."""

    def __init__(self, target: int) -> None:
        self._target = ("127.0.0.1", target)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._open: list[socket.socket] = [self._listener]
        self._faults: list[Fault] = []
        self._hold: Hold | None = None
        self.seen: list[int] = []
        """The kinds of all requests, in order."""
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> FrameProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._open:
            _end(one)

    def fail(self, api: str, *, loses_answer: bool, times: int = 1) -> Fault:
        """Have the next requests of this kind fail."""
        fault = Fault(APIS[api], loses_answer, times)
        with self._lock:
            self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Let everything through from now on."""
        with self._lock:
            self._faults.clear()

    def hold(self, api: str) -> Hold:
        """Keep the next request of this kind: its connection ends for the client, the broker gets it later."""
        self._hold = Hold(APIS[api])
        return self._hold

    def cut_all(self) -> None:
        """End all connections, as a broker does with idle ones."""
        with self._lock:
            relayed, self._open = self._open[1:], self._open[:1]
        for one in relayed:
            _end(one)

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                _end(client)
                continue
            with self._lock:
                self._open += [client, server]
            link = _Link(client, server)
            threading.Thread(target=self._requests, args=(link,), daemon=True).start()
            threading.Thread(target=self._answers, args=(link,), daemon=True).start()

    def _fault_for(self, api: int) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.api == api and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def _requests(self, link: _Link) -> None:
        with suppress(OSError):
            while frame := _frame(link.client):
                api = int.from_bytes(frame[4:6])
                self.seen.append(api)
                hold, fault = self._hold, self._fault_for(api)
                if hold is not None and hold.api == api:
                    self._hold, link.hold = None, hold
                    _end(link.client)
                    hold.held.set()
                    hold.released.wait()
                elif fault is not None and fault.loses_answer:
                    link.lost.add(int.from_bytes(frame[8:12]))
                elif fault is not None:
                    fault.done.set()
                    break
                link.server.sendall(frame)
                if fault is not None:
                    fault.done.set()
        if not link.lost and link.hold is None:
            _end(link.client)
            _end(link.server)

    def _answers(self, link: _Link) -> None:
        with suppress(OSError):
            while frame := _frame(link.server):
                if link.hold is not None:
                    link.hold.answer = frame
                    link.hold.answered.set()
                    break
                if int.from_bytes(frame[4:8]) in link.lost:
                    break
                link.client.sendall(frame)
        _end(link.client)
        _end(link.server)


def _frame(source: socket.socket) -> bytes:
    head = _exactly(source, 4)
    return head + _exactly(source, int.from_bytes(head)) if head else b""


def _exactly(source: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        some = source.recv(min(size - len(found), 1 << 16))
        if not some:
            return b""
        found += some
    return bytes(found)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
