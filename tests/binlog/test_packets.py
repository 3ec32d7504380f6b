"""Packet framing over a real socket pair."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from faust_cdc.binlog.packets import PacketStream
from faust_cdc.errors import BinlogCorrupt, SourceConnectionLost

_FULL = 0xFFFFFF


def packet(payload: bytes, sequence: int) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence & 0xFF]) + payload


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_payloads_come_out_as_they_went_in(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    payloads = [bytes([i & 0xFF]) * (i * 37 % 5000) for i in range(600)]
    data = b"".join(packet(payload, index + 1) for index, payload in enumerate(payloads))

    def send_in_pieces() -> None:
        for at in range(0, len(data), 777):
            theirs.sendall(data[at : at + 777])

    sender = threading.Thread(target=send_in_pieces)
    sender.start()
    stream = PacketStream(ours, "test")
    assert [stream.read(5) for _ in payloads] == payloads
    sender.join()
    assert stream.received_bytes == len(data)


@pytest.mark.parametrize("size", [_FULL - 1, _FULL, _FULL + 1, 2 * _FULL, 2 * _FULL + 5])
def test_payloads_above_sixteen_mib_are_joined(pair: tuple[socket.socket, socket.socket], size: int) -> None:
    ours, theirs = pair
    payload = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    parts = [payload[at : at + _FULL] for at in range(0, size, _FULL)]
    if len(parts[-1]) == _FULL:
        parts.append(b"")
    data = b"".join(packet(part, index + 1) for index, part in enumerate([*parts, b"next"]))
    sender = threading.Thread(target=theirs.sendall, args=(data,))
    sender.start()
    stream = PacketStream(ours, "test")
    assert stream.read(20) == payload
    assert stream.read(5) == b"next"
    sender.join()


def test_a_large_payload_is_held_once_while_it_comes(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    size = 3 * _FULL + 5
    parts = [bytes(_FULL)] * 3 + [bytes(5)]
    framed = [packet(part, index + 1) for index, part in enumerate(parts)]
    sender = threading.Thread(target=theirs.sendall, args=(b"".join(framed),))
    sender.start()
    stream = PacketStream(ours, "test")
    tracemalloc.start()
    try:
        payload = stream.read(20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    sender.join()
    assert payload == bytes(size)
    assert peak < 1.5 * size


def test_nothing_within_the_timeout_is_none_and_loses_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    stream = PacketStream(ours, "test")
    whole = packet(b"late", 1)
    theirs.sendall(whole[:3])
    started = time.monotonic()
    assert stream.read(0.1) is None
    assert time.monotonic() - started < 5
    theirs.sendall(whole[3:])
    assert stream.read(5) == b"late"


def test_a_closed_connection_ends_the_wait_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    threading.Timer(0.1, theirs.close).start()
    started = time.monotonic()
    with pytest.raises(SourceConnectionLost, match="closed"):
        PacketStream(ours, "user@host:3306").read(30)
    assert time.monotonic() - started < 5


def test_packets_out_of_order_are_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(packet(b"a", 1) + packet(b"b", 3))
    stream = PacketStream(ours, "test")
    assert stream.read(5) == b"a"
    with pytest.raises(SourceConnectionLost, match="number 3 where 2 was due"):
        stream.read(5)


def test_mariadbs_error_at_shutdown_has_number_zero(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(packet(b"a", 1) + packet(b"\xff\x1d\x04shutdown", 0))
    stream = PacketStream(ours, "test")
    assert stream.read(5) == b"a"
    assert stream.read(5) == b"\xff\x1d\x04shutdown"


def test_a_payload_above_the_cap_is_refused_by_its_head(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(packet(bytes(_FULL), 1)[:5])
    with pytest.raises(BinlogCorrupt, match="longer than 1000 bytes"):
        PacketStream(ours, "test", packet_size_max_bytes=1000).read(5)


def test_a_payload_above_the_cap_in_its_second_packet_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    sender = threading.Thread(target=theirs.sendall, args=(packet(bytes(_FULL), 1) + packet(b"12", 2),))
    sender.start()
    with pytest.raises(BinlogCorrupt, match=f"longer than {_FULL + 1} bytes"):
        PacketStream(ours, "test", packet_size_max_bytes=_FULL + 1).read(20)
    sender.join()
