"""The fast lane's checksum, with the processor's help and without, against zlib's."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable

import pytest

from faust_cdc.binlog.checksum import is_sound, is_sound_by_zlib
from faust_cdc.transcode.compiled import is_compiled

Check = Callable[[bytes, int, int], bool]
SIZES = [*range(300), 1_000, 4_095, 65_537]


@pytest.mark.parametrize("check", [is_sound, is_sound_by_zlib])
def test_sums_of_any_size_at_any_place(check: Check) -> None:
    dice = random.Random(7)
    for size in SIZES:
        body = dice.randbytes(size)
        before, after = dice.randbytes(dice.randrange(20)), dice.randbytes(dice.randrange(3))
        start, stop = len(before), len(before) + size + 4
        data = before + body + zlib.crc32(body).to_bytes(4, "little") + after
        assert check(data, start, stop), size
        wrong = bytearray(data)
        wrong[dice.randrange(start, stop)] ^= 1 << dice.randrange(8)
        assert not check(bytes(wrong), start, stop), size


@pytest.mark.parametrize("check", [is_sound, is_sound_by_zlib])
@pytest.mark.parametrize(("start", "stop"), [(-1, 8), (0, 11), (4, 7), (9, 4)])
def test_what_is_not_there_has_no_sum(check: Check, start: int, stop: int) -> None:
    with pytest.raises(IndexError, match="not within the bytes"):
        check(bytes(10), start, stop)


def test_the_compiled_hot_path_has_the_extension() -> None:
    assert (is_sound is not is_sound_by_zlib) == is_compiled()
