"""Damaged packets: whatever is cut or flipped, the answer is `BinlogCorrupt`, or a decodable event; never a hang or
another exception."""

import random
import struct
import time
import zlib

import pytest

from faust_cdc.binlog.decoder import EventDecoder
from faust_cdc.errors import BinlogCorrupt, ServerMisconfigured
from tests.binlog.recordings import NAMES, load

_ROUNDS = 40


def _mend(packet: bytearray, had_checksum: bool) -> bytes:
    """Make size and checksum right again, so that the damage reaches the parsers."""
    packet[9:13] = struct.pack("<I", len(packet))
    if had_checksum and len(packet) >= 23:
        packet[-4:] = struct.pack("<I", zlib.crc32(memoryview(packet)[:-4]))
    return bytes(packet)


def _damage(packet: bytes, dice: random.Random) -> bytearray:
    damaged = bytearray(packet)
    match dice.randrange(4):
        case 0:
            del damaged[dice.randrange(20, max(21, len(damaged))) :]
        case 1:
            for _ in range(dice.randrange(1, 4)):
                damaged[dice.randrange(19, len(damaged))] = dice.randrange(256)
        case 2:
            damaged[dice.randrange(19, len(damaged))] = dice.choice((0, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF))
        case _:
            at = dice.randrange(19, len(damaged))
            damaged[at:at] = dice.randbytes(dice.randrange(1, 9))
    return damaged


def _decoder_before(name: str, packets: tuple[bytes, ...], index: int) -> EventDecoder:
    """A decoder that has seen the packets before `index`, cheaply: those of the last statement and file suffice."""
    decoder = EventDecoder(load(name).flavor, "")
    for packet in packets[:index]:
        for _ in decoder.feed(packet):
            pass
    return decoder


@pytest.mark.parametrize("name", NAMES)
def test_damaged_packets_raise_binlog_corrupt_only(name: str) -> None:
    recording = load(name)
    dice = random.Random(name)
    refused = 0
    decoder = EventDecoder(recording.flavor, "")
    started = time.monotonic()
    for packet in recording.packets:
        checksum = decoder._checksum is not False or packet[4] == 15
        for _ in range(_ROUNDS):
            victim = EventDecoder(recording.flavor, "", checksum=decoder._checksum)
            victim._tables = dict(decoder._tables)
            try:
                for _event in victim.feed(_mend(_damage(packet, dice), checksum)):
                    pass
            except (BinlogCorrupt, ServerMisconfigured):
                refused += 1
        for _event in decoder.feed(packet):
            pass
    assert refused > len(recording.packets) * _ROUNDS // 10
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("name", ["mysql_transactions", "mariadb_transactions"])
def test_every_flipped_bit_is_seen_by_the_checksum(name: str) -> None:
    recording = load(name)
    dice = random.Random(7)
    for index in (3, 20, 40):
        packet = recording.packets[index]
        for _ in range(50):
            damaged = bytearray(packet)
            damaged[dice.randrange(19, len(damaged))] ^= 1 << dice.randrange(8)
            with pytest.raises(BinlogCorrupt, match="checksum"):
                list(_decoder_before(name, recording.packets, index).feed(bytes(damaged)))


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_that_begins_inside_a_statement_is_noticed(name: str) -> None:
    """Every rows event without the events before it."""
    recording = load(name)
    for packet in recording.packets:
        if packet[4] in (23, 24, 25, 30, 31, 32, 39, 166, 167, 168):
            with pytest.raises(BinlogCorrupt, match="no table map"):
                list(EventDecoder(recording.flavor, "x.000001").feed(packet))
