"""What answers at a broker's address and is none: every one is named, none is believed."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from faust_cdc.errors import BrokerUnavailable, ClientUnfit, ConfigError
from faust_cdc.kafka.wire import producer as wire_producer
from faust_cdc.kafka.wire.primitives import MalformedAnswer, Reader
from faust_cdc.kafka.wire.producer import WireProducer
from faust_cdc.kafka.wire.sasl import Distrusted, authenticate
from faust_cdc.kafka.wire.settings import wire_settings


def answered(body: bytes) -> Callable[[bytes], bytes]:
    """Answer with the request's correlation and this body."""
    return lambda request: (4 + len(body)).to_bytes(4) + request[8:12] + body


@contextmanager
def stranger(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """A server that answers everything with what `answer` makes of the first bytes of a request; b"": not at all."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                threading.Thread(target=talk, args=(client,), daemon=True).start()

    def talk(client: socket.socket) -> None:
        with client, suppress(OSError):
            while request := client.recv(4096):
                client.sendall(answer(request))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


OLD_VERSIONS = b"\0\0" + b"\x02" + b"\0\0\0\0\0\x03\0" + bytes(4) + b"\0"
ALL_VERSIONS = b"\0\0\x65" + b"".join(key.to_bytes(2) + b"\0\0\0\x63\0" for key in range(100)) + bytes(4) + b"\0"


def sound_at_first(request: bytes) -> bytes:
    """Agree on versions; answer everything after it with two bytes."""
    return answered(ALL_VERSIONS if request[4:6] == b"\0\x12" else b"\0\0")(request)


STRANGERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a web server": (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "not|no Kafka broker but a web server"),
    "a TLS port": (lambda _: b"\x15\x03\x03\0\x02\x02\x50", "speaks TLS; set security.protocol"),
    "a size of 2 GiB": (lambda _: b"\x7f\xff\xff\xff", "2147483647 bytes, at most 100000000"),
    "a negative size": (lambda _: b"\xff\xff\xff\xff", "-1 bytes"),
    "another correlation": (lambda _: b"\0\0\0\x08\0\0\x30\x39" + bytes(4), "answer to request 12345, expected 1"),
    "silence": (lambda _: b"", "no answer in time"),
    "an answer cut short": (answered(b"\0"), "none of Kafka's: 2 bytes are expected, found 1"),
    "an endless array": (answered(b"\0\0\xff\xff\xff\x7f"), "array of 268435454 elements in 0 bytes"),
    "a broker that is broken": (sound_at_first, "4 bytes are expected, found 1"),
    "an endless length": (answered(b"\0\0\xff\xff\xff\xff\xff\xff"), "a length of more than 32 bits"),
}


@pytest.mark.parametrize("who", STRANGERS)
def test_a_stranger_is_named(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_producer, "INIT_TIMEOUT_S", 1.0)
    answer, message = STRANGERS[who]
    with stranger(answer) as address:
        made = WireProducer({"bootstrap.servers": address}, "x", 1 << 20)
        with pytest.raises(BrokerUnavailable, match=message):
            made.init()
        made.close()


def test_a_broker_too_old_is_refused_for_good() -> None:
    with stranger(answered(OLD_VERSIONS)) as address:
        made = WireProducer({"bootstrap.servers": address}, "x", 1 << 20)
        with pytest.raises(ClientUnfit, match=r"does not speak Produce version 9.*Kafka 2.8 or later"):
            made.init()
        made.close()


def test_nobody_there_is_said_within_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_producer, "INIT_TIMEOUT_S", 0.5)
    made = WireProducer({"bootstrap.servers": "127.0.0.1:9,[::1]:9"}, "x", 1 << 20)
    with pytest.raises(BrokerUnavailable, match=r"transactional id x.*Connection refused"):
        made.init()
    made.close()


def scram_server(first: str, final: str) -> Callable[[bytes], bytes]:
    """Answers a client's first message, whose nonce stands for {nonce}, then its last."""
    nonces: list[str] = []

    def exchange(message: bytes) -> bytes:
        text = message.decode()
        if not nonces:
            nonces.append(text.rpartition("r=")[2])
            return first.format(nonce=nonces[0]).encode()
        return final.encode()

    return exchange


SALT = base64.b64encode(b"salt").decode()
SIGNATURE = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("first", "final", "message"),
    [
        ("r={nonce}more,s=" + SALT + ",i=4096", f"v={SIGNATURE}", "did not prove that it knows the password"),
        ("r={nonce}more,s=" + SALT + ",i=4096", "e=other-error", "did not prove"),
        ("r={nonce}more,s=" + SALT + ",i=4096", "v=%%%", "did not prove"),
        ("r=another,s=" + SALT + ",i=4096", "", "does not continue our nonce"),
        ("r={nonce},s=" + SALT + ",i=4096", "", "does not continue our nonce"),
        ("r={nonce}more,s=" + SALT + ",i=1", "", "1 iterations"),
        ("r={nonce}more,s=" + SALT + ",i=999999999", "", "999999999 iterations"),
        ("r={nonce}more,i=4096", "", "no nonce, salt"),
    ],
)
def test_a_scram_server_must_prove_that_it_knows_the_password(first: str, final: str, message: str) -> None:
    with pytest.raises(Distrusted, match=message) as caught:
        authenticate("SCRAM-SHA-256", "user", "secret", scram_server(first, final))
    assert "secret" not in str(caught.value)


def test_an_answer_is_read_to_its_end_and_no_further() -> None:
    for octets in (b"", b"\x05abc", b"\x80"):
        with pytest.raises(MalformedAnswer):
            Reader(octets).name()
    with pytest.raises(MalformedAnswer, match="null"):
        Reader(b"\0").name()
    assert Reader(b"\x04abc").name() == "abc"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"security.protocol": "SSH"}, "PLAINTEXT, SSL"),
        ({"security.protocol": "SASL_SSL"}, "sasl.mechanism GSSAPI.*producer.client=librdkafka"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER"}, "OAUTHBEARER"),
        ({"ssl.keystore.location": "x.p12"}, "ssl.keystore.location is not known"),
        ({"sasl.kerberos.service.name": "kafka"}, "sasl.kerberos.service.name"),
        ({"acks": "1"}, "acks is not known to producer.client=faust-cdc.*leave it out, or set producer.client=lib"),
        ({"client.dns.lookup": "resolve_canonical_bootstrap_servers_only"}, "client.dns.lookup=resolve.*is not known"),
        ({"connections.max.idle.ms": "-1"}, "connections.max.idle.ms: a whole number"),
        ({"compression.type": "brotli"}, "none, gzip, snappy, lz4, zstd is expected, found 'brotli'"),
        ({"batch.size": "many"}, "batch.size: a whole number"),
        ({"linger.ms": "-1"}, "linger.ms"),
        ({"bootstrap.servers": "nowhere"}, "host:port is expected for each broker, found 'nowhere'"),
        ({"bootstrap.servers": ""}, "give the Kafka brokers"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/nowhere.pem"}, "ssl.ca.location cannot be used"),
        ({"security.protocol": "SSL", "ssl.key.pem": "s3cret", "ssl.certificate.pem": "x"}, "ssl.certificate"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        wire_settings({"bootstrap.servers": "127.0.0.1:1"} | options)
    assert "s3cret" not in str(caught.value)


def test_settings_show_no_secret() -> None:
    options = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.password": "s3cret"}
    settings = wire_settings({"bootstrap.servers": "[::1]:9092, PLAINTEXT://b:1"} | options)
    assert settings.bootstrap == (("::1", 9092), ("b", 1))
    assert settings.password == "s3cret"
    assert "s3cret" not in repr(settings)
