"""Rows of many megabytes: the same bytes as ever, and none of them held more often than it must."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from faust_cdc.mysql.binary_rows import ResultColumn
from faust_cdc.transcode import avro_encoding
from faust_cdc.transcode.compiled.octets import check_utf8
from faust_cdc.transcode.compiled.result_program import result_rows
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.transcode.compiled.crafted_results import packet
from tests.transcode.compiled.result_sets import compare_rows
from tests.transcode.images import SOURCE, columns, table, transcoder
from tests.transcode.test_rows import decoded

LARGE = 1 << 20
OCTETS = bytes(range(256)) * (LARGE // 256) + b"and more"
TEXTS = ["a" * LARGE, "漢" * (LARGE // 2) + "x", "x" + "😀" * (LARGE // 3), "é" * LARGE + "\0"]
SIZE = 24 << 20
"""Of the rows whose memory is measured."""
RESULT = [ResultColumn(3, False, 0), *[ResultColumn(252, False, 0)] * 3, ResultColumn(3, False, 0)]


def made() -> ReferenceTranscoder:
    return transcoder(table(*columns("int NOT NULL", "longblob", "longtext", "longtext NOT NULL", "int"), key=("c0",)))


def peak_of(action: Callable[[], Any]) -> tuple[Any, int]:
    tracemalloc.start()
    try:
        found = action()
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def behind_length(cell: bytes) -> bytes:
    """As the binary protocol has it."""
    size = len(cell)
    return (b"\xfd" + size.to_bytes(3, "little") if size < 1 << 24 else b"\xfe" + size.to_bytes(8, "little")) + cell


@pytest.mark.parametrize("text", TEXTS, ids=["1 byte", "3 bytes", "4 bytes", "2 bytes"])
def test_the_reference_writes_large_values_as_fastavro_does(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = made()
    before, after = (1, OCTETS, text, "small", 7), (1, b"small", None, text + "!", None)
    assert one.plan.key_columns
    value = one.value("u", before, after, SOURCE, 0)
    shown = decoded(one, value)
    assert shown["before"] == dict(zip(("c0", "c1", "c2", "c3", "c4"), before, strict=True))
    assert shown["after"] == dict(zip(("c0", "c1", "c2", "c3", "c4"), after, strict=True))
    monkeypatch.setattr(avro_encoding, "LARGE_BYTES", 1 << 40)
    assert one.value("u", before, after, SOURCE, 0) == value


@pytest.mark.parametrize("value", [b"b" * SIZE, "t" * SIZE], ids=["octets", "text"])
def test_the_reference_holds_a_large_value_once_more(value: bytes | str) -> None:
    one = made()
    row = (1, value, None, "", None) if isinstance(value, bytes) else (1, None, value, "", None)
    one.value("c", None, (1, None, None, "", None), SOURCE, 0)  # schemas are parsed with the first
    found, peak = peak_of(lambda: one.value("c", None, row, SOURCE, 0))
    assert len(found) > SIZE
    assert peak < 1.5 * SIZE


@pytest.mark.parametrize("text", TEXTS, ids=["1 byte", "3 bytes", "4 bytes", "2 bytes"])
def test_large_cells_of_a_snapshot_give_the_references_bytes(text: str) -> None:
    key, number = b"\1\0\0\0", b"\2\0\0\0"
    big, small = behind_length(text.encode()), b"\2ab"
    rows: list[list[bytes | None]] = [
        [key, behind_length(OCTETS), big, big, number],
        [key, None, small, big, None],
        [key, b"\0", big, small, number],
        [key, b"\0", small, small, number],
    ]
    one = made()
    assert compare_rows(one, RESULT, [packet(row) for row in rows], [texts(row) for row in rows]) == (4, 0)


def texts(row: list[bytes | None]) -> tuple[bytes | None, ...]:
    """The cells as the text protocol has them."""

    def shown(place: int, cell: bytes | None) -> bytes | None:
        if cell is None or place not in (0, 4):
            sizes = {0xFD: 4, 0xFE: 9}
            return None if cell is None else cell[sizes.get(cell[0], 1) :]
        return b"%d" % int.from_bytes(cell, "little")

    return tuple(shown(place, cell) for place, cell in enumerate(row))


def test_a_broken_large_text_is_left_to_the_reference_and_leaves_nothing_behind() -> None:
    one = made()
    rows = result_rows(one, RESULT, topic=7)
    good = packet([b"\1\0\0\0", None, b"\2ab", b"\2cd", None])
    assert rows.row(good, 1, len(good), b"!")
    for text in (b"\xff" * 2 * LARGE, "é".encode() * LARGE + b"\xc3", b"a" * (LARGE - 1) + b"\xc3" + b"a" * LARGE):
        bad = packet([b"\1\0\0\0", behind_length(OCTETS), behind_length(text), b"\2cd", None])
        assert not rows.row(bad, 1, len(bad), b"!")
        short = packet([b"\1\0\0\0", behind_length(OCTETS), None, None, None])[:-1]
        assert not rows.row(short, 1, len(short), b"!")
    expected = rows.out.pop()
    assert rows.out == []
    assert rows.row(good, 1, len(good), b"!")
    assert rows.out == [expected]


def test_a_large_row_of_a_snapshot_is_held_once_more() -> None:
    rows = result_rows(made(), RESULT, topic=7)
    large = packet([b"\1\0\0\0", behind_length(b"b" * SIZE), b"\2ab", b"\2cd", None])
    taken, peak = peak_of(lambda: rows.row(large, 1, len(large), b"!"))
    assert taken
    assert peak < 1.5 * SIZE


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("before", range(4))
def test_utf_8_is_checked_wherever_it_is_cut(text: str, before: int) -> None:
    data = b"\xff" + b"a" * before + text.encode() + b"\xff"
    check_utf8(data, 1, len(data) - 1)
    for start, stop in ((0, len(data) - 1), (1, len(data))):
        with pytest.raises(UnicodeDecodeError):
            check_utf8(data, start, stop)
