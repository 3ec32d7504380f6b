"""Servers for the registry's tests: the embedded registry over real HTTP, and sockets that misbehave."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from faust_cdc.registry.client import RegistryClient, RegistryConfig
from faust_cdc.registry.embedded import EmbeddedRegistry, MemorySchemaLog
from faust_cdc.rest.registry_api import registry_routes

ORDER_V1 = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [{"name": "id", "type": "long"}],
}
ORDER_V2 = {
    **ORDER_V1,
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}
ORDER_BROKEN = {
    **ORDER_V1,
    "fields": [{"name": "id", "type": "long"}, {"name": "must", "type": "string"}],
}


def fast_config(*urls: str, **options: object) -> RegistryConfig:
    """A configuration whose retries do not make tests slow."""
    settings = {"timeout_s": 30.0, "retries": 3, "backoff_s": 0.01, "retry_total_s": 90.0, **options}
    return RegistryConfig(urls, **settings)  # type: ignore[arg-type]


def fast_client(*urls: str, **options: object) -> RegistryClient:
    return RegistryClient(fast_config(*urls, **options))


@contextmanager
def served(registry: EmbeddedRegistry, *, prefix: str = "/registry", body_bytes_max: int = 2**20) -> Iterator[str]:
    """The registry's routes on an aiohttp server in a thread; yields the base URL."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    urls: list[str] = []

    async def start() -> web.AppRunner:
        app = web.Application()
        app.add_routes(registry_routes(registry, prefix=prefix, body_bytes_max=body_bytes_max))
        runner = web.AppRunner(app, handler_cancellation=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        urls.append(f"http://{host}:{port}{prefix}")
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, name="registry-server")
    thread.start()
    try:
        assert started.wait(60)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        assert not thread.is_alive()


class ScriptedServer:
    """A socket server that lets a function do what it likes with each connection, and keeps what was sent to it."""

    def __init__(self, behave: Callable[[socket.socket, int], None], tls: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.requests: list[bytes] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection, len(self._threads)))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(60)
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        with connection:
            try:
                self.requests.append(read_request(connection))
                self._behave(connection, number)
            except OSError:
                return  # the client went away, as some tests want

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(60)
        for thread in self._threads:
            thread.join(60)

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_request(connection: socket.socket) -> bytes:
    """Head and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        chunk = connection.recv(65536)
        if not chunk:
            break
        body += chunk
    return head + b"\r\n\r\n" + body


def http(status: str, body: str = "", *headers: str, content_type: str = "application/json") -> bytes:
    """One HTTP answer that closes the connection."""
    raw = body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", "Connection: close", *headers]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


@contextmanager
def embedded_client() -> Iterator[RegistryClient]:
    """A client of an embedded registry of its own, in memory."""
    registry = EmbeddedRegistry(MemorySchemaLog())
    with served(registry) as url:
        made = fast_client(url)
        yield made
        made.close()
    registry.close()
