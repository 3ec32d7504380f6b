"""Seeded damage to byte strings: bits, lengths, boundary numbers, cuts, doublings and splices."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

_BYTES = (0, 1, 2, 0x7F, 0x80, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF)
"""Signs and limits, and what starts length-encoded integers."""
_WIDTHS = (1, 2, 2, 3, 4, 4, 8)
_INPUT_BYTES_MAX = 1 << 18


def _flip_bit(data: bytearray, dice: random.Random, _others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data))
    data[at] ^= 1 << dice.randrange(8)


def _set_byte(data: bytearray, dice: random.Random, _others: Sequence[bytes]) -> None:
    data[dice.randrange(len(data))] = dice.choice(_BYTES) if dice.random() < 0.7 else dice.randrange(256)


def _boundary_number(data: bytearray, dice: random.Random, _others: Sequence[bytes]) -> None:
    """Overwrite what may be a length with a limit of its width, or with a number near the data's size."""
    width = dice.choice(_WIDTHS)
    at = dice.randrange(len(data))
    top = 1 << 8 * width
    number = dice.choice((0, 1, top - 1, top // 2, top // 2 - 1, len(data), len(data) - at, len(data) + 1, top - 16))
    data[at : at + width] = (number % top).to_bytes(width, dice.choice(("little", "little", "big")))


def _shift_number(data: bytearray, dice: random.Random, _others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data))
    data[at] = (data[at] + dice.choice((-8, -4, -2, -1, 1, 2, 4, 8))) % 256


def _truncate(data: bytearray, dice: random.Random, _others: Sequence[bytes]) -> None:
    del data[dice.randrange(len(data)) :]


def _delete(data: bytearray, dice: random.Random, _others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data))
    del data[at : at + dice.choice((1, 1, 2, 4, 8, dice.randrange(1, 64)))]


def _insert(data: bytearray, dice: random.Random, _others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data) + 1)
    data[at:at] = dice.randbytes(dice.randrange(1, 9))


def _double(data: bytearray, dice: random.Random, _others: Sequence[bytes]) -> None:
    at = dice.randrange(len(data))
    piece = data[at : at + dice.randrange(1, 65)]
    data[at:at] = piece * dice.choice((1, 1, 2, 8, 64))


def _splice(data: bytearray, dice: random.Random, others: Sequence[bytes]) -> None:
    other = dice.choice(others)
    if other:
        start = dice.randrange(len(other))
        at = dice.randrange(len(data))
        size = dice.randrange(1, 257)
        data[at : at + dice.choice((0, size))] = other[start : start + size]


_KINDS: tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...] = (
    *(_flip_bit, _flip_bit, _set_byte, _set_byte, _boundary_number, _boundary_number, _shift_number),
    *(_truncate, _delete, _insert, _double, _splice),
)


def mutated(data: bytes, dice: random.Random, others: Sequence[bytes]) -> bytes:
    """Return `data` with one to about four mutations; `others` are what pieces are spliced in from."""
    damaged = bytearray(data)
    while True:
        if damaged:
            dice.choice(_KINDS)(damaged, dice, others)
        else:
            damaged += dice.randbytes(4)
        if dice.random() < 0.5 or len(damaged) > _INPUT_BYTES_MAX:
            return bytes(damaged[:_INPUT_BYTES_MAX])


def shortened(data: bytes, fails: Callable[[bytes], bool], tries: int = 2000) -> bytes:
    """Return a small input that still `fails`: pieces are cut out, then bytes zeroed, as long as it does."""
    size = max(1, len(data) // 2)
    while size and tries > 0:
        at = 0
        while at < len(data) and tries > 0:
            tries -= 1
            candidate = data[:at] + data[at + size :]
            if fails(candidate):
                data = candidate
            else:
                at += size
        size //= 2
    for at in range(min(len(data), max(tries, 0))):
        candidate = data[:at] + b"\0" + data[at + 1 :]
        if data[at] and fails(candidate):
            data = candidate
    return data
