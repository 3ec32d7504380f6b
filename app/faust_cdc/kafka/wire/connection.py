"""One connection to one broker: opened with TLS and SASL, then used without ever blocking.

Opening waits (with the interpreter's lock released, in slices, so that a task that is to stop does). After it, `send`
only puts into a queue, `flush` writes what the socket takes and `receive` reads what is there; who waits is
`Cluster.pump`. Answers come in the order of the requests, so the oldest request is the next answer's.

Nothing that a server sends is believed before it is checked: sizes against a maximum before anything is kept, the
correlation against the request, every length within a message by `primitives.Reader`.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Final

import faust_cdc
from faust_cdc.errors import BrokerRefused, ClientUnfit
from faust_cdc.kafka.wire import messages
from faust_cdc.kafka.wire.messages import Api, Versions
from faust_cdc.kafka.wire.primitives import MalformedAnswer, Reader
from faust_cdc.kafka.wire.sasl import Distrusted, authenticate
from faust_cdc.kafka.wire.settings import WireSettings

ANSWER_BYTES_MAX: Final = 100_000_000
"""As librdkafka's `receive.message.max.bytes`."""
READ_BYTES: Final = 64 * 1024
SENT_AT_ONCE: Final = 64
STOP_SEEN_WITHIN_S: Final = 0.2
STOPPED_PATIENCE_S: Final = 2.0
"""How long a task that is to stop waits for a connection: it may be there to commit or to abort."""
UNSUPPORTED_VERSION: Final = 35
SESSION_PART: Final = 0.85
"""Of a SASL session's time, after which an idle connection is opened anew."""
_BLOCKS = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Disconnected(Exception):
    """The connection is not there (any more), or what came over it is not Kafka's."""


@dataclass(slots=True)
class Pending:
    """A request that was not answered yet."""

    api: Api
    version: int
    correlation: int
    sent_at: float
    answered: Callable[[Reader, int], None]
    """Called with the answer's body and the version it is in."""
    lost: Callable[[str], None]
    """Called when no answer will come, with the reason."""


class Connection:
    """Usable once `open` has returned. Not thread-safe."""

    def __init__(self, host: str, port: int, settings: WireSettings, should_stop: Callable[[], bool]) -> None:
        self.where = f"{host}:{port}"
        self.pending: deque[Pending] = deque()
        self.mute_until = 0.0
        """`time.monotonic` before which nothing may be sent: the broker's quota."""
        self.versions = Versions(0, {}, {})
        self.expires_at = float("inf")
        self.address = (host, port)
        self._settings = settings
        self._should_stop = should_stop
        self._socket: socket.socket | None = None
        self._out: deque[memoryview] = deque()
        self._in = bytearray()
        self._read = memoryview(bytearray(READ_BYTES))
        self._correlation = 0
        self._opened_at = 0.0
        self._sent_at = 0.0

    # ---- opening ----

    def open(self, deadline: float) -> None:
        """Connect, to the first of the host's addresses that takes it, and agree on versions and who we are.

        Raises Disconnected; BrokerRefused for a lasting reason: a certificate, a password; ClientUnfit: a broker too
        old.
        """
        self._opened_at = time.monotonic()
        deadline = min(deadline, self._opened_at + self._settings.connect_timeout_s)
        try:
            self._connect(deadline)
            self._agree(deadline)
            if self._settings.mechanism is not None:
                self._authenticate(self._settings.mechanism, deadline)
        # A name or port that is none (of bootstrap.servers, or told by a broker) is a ValueError or OverflowError.
        except (OSError, MalformedAnswer, ValueError, OverflowError) as error:
            self.close(str(error))
            if isinstance(error, MalformedAnswer):
                raise Disconnected(f"{self.where}: an answer that is none of Kafka's: {error}") from error
            raise Disconnected(f"{self.where}: {_reason(error)}") from error
        except BaseException:
            self.close("it could not be opened")
            raise

    def _connect(self, deadline: float) -> None:
        problem: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(*self.address, type=socket.SOCK_STREAM):
            made = socket.socket(family, kind, protocol)
            try:
                made.setblocking(False)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                if made.connect_ex(address) != 0:
                    self._wait(made, select.POLLOUT, deadline)
                _raise_for(made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                self._socket = self._secured(made, deadline)
                return
            except OSError as error:
                made.close()
                problem = error
        raise problem or OSError("the name has no address")

    def _secured(self, made: socket.socket, deadline: float) -> socket.socket:
        if self._settings.tls is None:
            return made
        secured = self._settings.tls.wrap_socket(made, server_hostname=self.address[0], do_handshake_on_connect=False)
        while True:
            try:
                secured.do_handshake()
                return secured
            except ssl.SSLWantReadError:
                self._wait(secured, select.POLLIN, deadline)
            except ssl.SSLWantWriteError:
                self._wait(secured, select.POLLOUT, deadline)
            except ssl.SSLCertVerificationError as error:
                secured.close()
                raise BrokerRefused(
                    f"Connecting to {self.where}: the broker's certificate is not trusted: {error.verify_message}.",
                    remedy="give the authority that signed it as ssl.truststore.location (PEM), and the name that the "
                    "certificate has in bootstrap.servers and advertised.listeners",
                ) from None
            except ssl.SSLError as error:
                secured.close()
                raise OSError(
                    f"no TLS there ({error.reason or 'handshake failed'}); does security.protocol fit the port?"
                ) from None

    def _agree(self, deadline: float) -> None:
        body = messages.api_versions("faust-cdc", faust_cdc.__version__)
        for version in range(messages.API_VERSIONS.highest, messages.API_VERSIONS.lowest - 1, -1):
            found = self._ask(messages.API_VERSIONS, version, body, deadline)
            self.versions = messages.read_api_versions(found)
            if self.versions.error != UNSUPPORTED_VERSION:
                break
        for api in messages.NEEDED:
            if self.versions.error or self.version_of(api) is None:
                raise ClientUnfit(
                    f"The broker at {self.where} does not speak {api.name} version {api.lowest}.",
                    remedy="producer.client=faust-cdc needs Kafka 2.8 or later; set producer.client=librdkafka",
                )

    def _authenticate(self, mechanism: str, deadline: float) -> None:
        what = f"Authenticating as {self._settings.username} at {self.where} by {mechanism}"
        error, offered = messages.read_sasl_handshake(
            self._ask(messages.SASL_HANDSHAKE, 1, messages.sasl_handshake(mechanism), deadline)
        )
        if error:
            raise BrokerRefused(f"{what}: the broker has {', '.join(offered) or 'no mechanism'}.", remedy=_SASL_REMEDY)

        def exchange(octets: bytes) -> bytes:
            body = messages.sasl_authenticate(octets)
            answer = messages.read_sasl_authenticate(
                self._ask(messages.SASL_AUTHENTICATE, messages.SASL_AUTHENTICATE.lowest, body, deadline)
            )
            if answer.error:
                raise BrokerRefused(f"{what}: {answer.text or 'refused'}.", remedy=_SASL_REMEDY)
            if answer.lifetime_ms > 0:
                self.expires_at = time.monotonic() + SESSION_PART * answer.lifetime_ms / 1000
            return answer.octets

        try:
            authenticate(mechanism, self._settings.username, self._settings.password, exchange)
        except Distrusted as distrust:
            raise BrokerRefused(f"{what}: {distrust}.", remedy="see who answers at this address") from None

    def _ask(self, api: Api, version: int, body: bytearray, deadline: float) -> Reader:
        """Send and wait, while opening."""
        answers: list[Reader] = []
        self.send(api, version, [memoryview(body)], lambda found, _: answers.append(found), lambda _: None)
        while not answers:
            try:
                self.flush()
                self.receive()
            except Disconnected:
                if not answers:  # a refusal is told, and the connection ended behind it
                    raise
            if not answers:
                self._wait(self._live, select.POLLIN | (select.POLLOUT if self._out else 0), deadline)
        return answers[0]

    def _wait(self, waited: socket.socket, events: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(waited, events)
        while True:
            left_s = deadline - time.monotonic()
            if self._should_stop():
                left_s = min(left_s, self._opened_at + STOPPED_PATIENCE_S - time.monotonic())
            if poll.poll(1000 * max(0.0, min(left_s, STOP_SEEN_WITHIN_S))):
                return
            if left_s <= 0:
                raise TimeoutError("no answer in time")

    # ---- using ----

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._socket is not None

    @property
    def is_expired(self) -> bool:
        """Whether the broker may end it soon, and nothing is lost when we do so before."""
        now = time.monotonic()
        is_idle = now - self._sent_at > self._settings.idle_max_s
        return not self.pending and not self._out and (is_idle or now >= self.expires_at)

    @property
    def events(self) -> int:
        """What to wait for, as `select.poll` names it."""
        return select.POLLIN | (select.POLLOUT if self._out else 0)

    def fileno(self) -> int:
        """The socket's number."""
        return self._live.fileno()

    @property
    def _live(self) -> socket.socket:
        if self._socket is None:
            raise Disconnected(f"{self.where}: not connected")
        return self._socket

    def version_of(self, api: Api) -> int | None:
        """Return the highest version that both sides know, None where there is none."""
        lowest, highest = self.versions.ranges.get(api.key, (0, -1))
        version = min(highest, api.highest)
        return version if version >= max(lowest, api.lowest) else None

    def send(
        self,
        api: Api,
        version: int,
        body: list[memoryview],
        answered: Callable[[Reader, int], None],
        lost: Callable[[str], None],
    ) -> None:
        """Queue a request; the memory of `body` must stay as it is until it is answered or lost."""
        self._correlation = (self._correlation + 1) & 0x7FFF_FFFF
        head = messages.request_head(api, version, self._correlation, self._settings.client_id)
        size = len(head) + sum(map(len, body))
        self._out.append(memoryview(size.to_bytes(4) + head))
        self._out += body
        self._sent_at = time.monotonic()
        self.pending.append(Pending(api, version, self._correlation, self._sent_at, answered, lost))

    def flush(self) -> None:
        """Write what the socket takes now. Raises Disconnected."""
        try:
            while self._out:
                if isinstance(self._live, ssl.SSLSocket):
                    sent = self._live.send(self._out[0])
                else:
                    sent = self._live.sendmsg(islice(self._out, SENT_AT_ONCE))
                self._sent(sent)
        except _BLOCKS:
            return
        except OSError as error:
            raise Disconnected(f"{self.where}: {_reason(error)}") from error

    def _sent(self, size: int) -> None:
        while self._out and size >= len(self._out[0]):
            done = self._out.popleft()
            size -= len(done)
            done.release()
        if size:
            rest = self._out[0][size:]
            self._out[0].release()
            self._out[0] = rest

    def receive(self) -> None:
        """Read what is there and hand over the answers in it. Raises Disconnected."""
        while True:
            try:
                size = self._live.recv_into(self._read)
            except _BLOCKS:
                return
            except OSError as error:
                raise Disconnected(f"{self.where}: {_reason(error)}") from error
            if size == 0:
                raise Disconnected(f"{self.where}: the broker closed the connection")
            self._in += self._read[:size]
            self._hand_over()

    def _hand_over(self) -> None:
        while len(self._in) >= 4:
            size = int.from_bytes(self._in[:4], signed=True)
            if not 4 <= size <= ANSWER_BYTES_MAX:
                raise Disconnected(f"{self.where}: {_not_kafka(bytes(self._in[:8]), size)}")
            if len(self._in) < 4 + size:
                return
            answer = bytes(self._in[4 : 4 + size])
            del self._in[: 4 + size]
            self._answered(answer)

    def _answered(self, answer: bytes) -> None:
        if not self.pending:
            raise Disconnected(f"{self.where}: an answer that nobody asked for")
        pending = self.pending[0]
        if (found := int.from_bytes(answer[:4], signed=True)) != pending.correlation:
            raise Disconnected(f"{self.where}: an answer to request {found}, expected {pending.correlation}")
        self.pending.popleft()
        try:
            pending.answered(messages.answer_body(pending.api, answer), pending.version)
        except MalformedAnswer as error:
            reason = f"{self.where}: an answer to {pending.api.name} that is none: {error}"
            pending.lost(reason)
            raise Disconnected(reason) from error

    def close(self, reason: str) -> None:
        """End it; whoever waits for an answer hears the reason."""
        live, self._socket = self._socket, None
        if live is not None:
            live.close()
        while self._out:
            self._out.popleft().release()
        self._in.clear()
        pending, self.pending = self.pending, deque()
        for one in pending:
            one.lost(reason)


_SASL_REMEDY: Final = "check the sasl.* options of the worker"


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"the broker ended TLS ({error.reason or 'EOF'}): does it demand a certificate of ours?"
    return str(error) or type(error).__name__


def _raise_for(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))


def _not_kafka(start: bytes, size: int) -> str:
    if start.startswith(b"HTTP"):
        return "that is no Kafka broker but a web server; give the brokers' port in bootstrap.servers"
    if start[:2] in (b"\x15\x03", b"\x16\x03"):
        return "that port speaks TLS; set security.protocol=SSL or SASL_SSL"
    return f"an answer of {size} bytes, at most {ANSWER_BYTES_MAX} are expected: that is no Kafka broker"
