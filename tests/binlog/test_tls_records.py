"""Packets over TLS: all records that have come are taken together, and the end is told behind what came before it."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from faust_cdc.binlog.packets import PacketStream
from faust_cdc.errors import SourceConnectionLost
from tests.binlog.test_packets import packet


@pytest.fixture(scope="module")
def server_side(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context, with a certificate that nobody verifies."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    pem, file = serialization.Encoding.PEM, Path(tmp_path_factory.mktemp("tls") / "both")
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def pair(server_side: ssl.SSLContext) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_side.check_hostname, client_side.verify_mode = False, ssl.CERT_NONE
    ours, theirs = socket.socketpair()
    found: list[ssl.SSLSocket] = []
    accepts = threading.Thread(target=lambda: found.append(server_side.wrap_socket(theirs, server_side=True)))
    accepts.start()
    secured = client_side.wrap_socket(ours)
    accepts.join()
    with secured, found[0]:
        yield secured, found[0]


def test_many_small_records_are_one_window(pair: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    ours, theirs = pair
    packets = [packet(bytes([number]) * 50, number + 1) for number in range(100)]
    for one in packets:
        theirs.sendall(one)
    stream = PacketStream(ours, "test")
    assert stream.window(5) == (b"".join(packets), 0, 1)


def test_payloads_come_out_as_they_went_in(pair: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    ours, theirs = pair
    payloads = [bytes([number & 0xFF]) * (number * 977 % 90_000) for number in range(200)]
    payloads.append(bytes(range(256)) * 4096)  # more than is taken at once
    data = b"".join(packet(payload, number + 1) for number, payload in enumerate(payloads))
    sender = threading.Thread(target=theirs.sendall, args=(data,))
    sender.start()
    stream = PacketStream(ours, "test")
    assert [stream.read(20) for _ in payloads] == payloads
    sender.join()
    assert stream.received_bytes == len(data)


@pytest.mark.parametrize("how", ["closed", "broke"])
def test_what_came_before_the_end_is_read(pair: tuple[ssl.SSLSocket, ssl.SSLSocket], how: str) -> None:
    ours, theirs = pair
    theirs.sendall(packet(b"a", 1))
    theirs.sendall(packet(b"\xff\x1d\x04shutdown", 2))
    if how == "broke":  # what follows is no record of TLS
        socket.socket.send(theirs, b"\x00" * 64)
    else:
        theirs.close()
    stream = PacketStream(ours, "test")
    assert stream.read(5) == b"a"
    assert stream.read(5) == b"\xff\x1d\x04shutdown"
    for _ in range(2):
        # OpenSSL 3.5 writes while it reads: to a peer that has closed, a broken pipe.
        with pytest.raises(SourceConnectionLost, match=f"{how}|Broken pipe"):
            stream.read(5)
