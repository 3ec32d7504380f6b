"""A way to a server that lets only so many bytes per second back: what is fast then takes long on any machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from types import TracebackType

CHUNK_BYTES = 16 * 1024


class SlowLink:
    """Relays connections to 127.0.0.1:`port` from a port of its own; what the server sends goes at `bytes_per_s`."""

    def __init__(self, port: int, bytes_per_s: int) -> None:
        self._target = ("127.0.0.1", port)
        self.bytes_per_s = float(bytes_per_s)
        """May be changed while connections are open."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> SlowLink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for sock in self._open:
            _end(sock)

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._open += [client, server]
            threading.Thread(target=_relay, args=(client, server, lambda: inf), daemon=True).start()
            threading.Thread(target=_relay, args=(server, client, lambda: self.bytes_per_s), daemon=True).start()


def _relay(source: socket.socket, target: socket.socket, bytes_per_s: Callable[[], float]) -> None:
    try:
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
            time.sleep(len(data) / bytes_per_s())
    except OSError:
        pass
    _end(source)
    _end(target)


def _end(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
