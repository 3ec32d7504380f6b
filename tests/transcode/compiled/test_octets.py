"""The smallest parts of the compiled transcoder, at the borders of their fast ways, against Python's own."""

from __future__ import annotations

import pytest
from librt.strings import BytesWriter

from faust_cdc.transcode.compiled import cells
from faust_cdc.transcode.compiled.cells import Cell, put_cell
from faust_cdc.transcode.compiled.octets import avro_bytes, is_ascii, put_digits, put_number, put_range, put_two

BORDERS = [border + off for power in range(20) for border in (10**power, -(10**power)) for off in (-1, 0, 1)]
NUMBERS = [number for number in [*BORDERS, -(2**63), 2**63 - 1] if -(2**63) <= number < 2**63]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_in_decimal(number: int) -> None:
    out = BytesWriter()
    put_number(out, number)
    assert out.getvalue() == b"%d" % number


def test_digits_of_any_width() -> None:
    for width in range(1, 19):
        out = BytesWriter()
        put_digits(out, 123_456_789_012_345_678, width)
        assert out.getvalue() == b"123456789012345678"[-width:]
    out = BytesWriter()
    for number in range(100):
        put_two(out, number)
    assert out.getvalue() == b"".join(b"%02d" % number for number in range(100))


@pytest.mark.parametrize("size", [*range(20), 63, 64, 65, 200])
def test_ranges_are_copied_and_looked_at_whole(size: int) -> None:
    text = bytes(32 + index % 90 for index in range(size))
    for start in (0, 3):
        data = b"\xff" * start + text + b"\xff"
        out = BytesWriter()
        put_range(out, data, start, start + size)
        assert out.getvalue() == text
        assert is_ascii(data, start, start + size)
        for place in range(start, start + size):
            high = data[:place] + b"\x80" + data[place + 1 :]
            assert not is_ascii(high, start, start + size)


@pytest.mark.parametrize("count", [1, cells.SET_TABLE_MAX, cells.SET_TABLE_MAX + 1])
def test_sets_of_few_and_of_many_labels(count: int) -> None:
    labels = [b"label%d" % number for number in range(count)]
    cell = Cell(cells.SET, 2, labels=labels)
    for members in range(1 << count):
        out = BytesWriter()
        assert put_cell(cell, out, members.to_bytes(2, "little"), 0, 2) == 2
        joined = b",".join(label for index, label in enumerate(labels) if members >> index & 1)
        assert out.getvalue() == avro_bytes(joined)
    with pytest.raises(ValueError, match="beyond the labels"):
        put_cell(cell, BytesWriter(), (1 << count).to_bytes(2, "little"), 0, 2)


def test_an_enum_has_no_label_beyond_its_last() -> None:
    cell = Cell(cells.ENUM, 1, labels=[b"", b"a", b"b"])
    for index, label in enumerate((b"", b"a", b"b")):
        out = BytesWriter()
        put_cell(cell, out, bytes([index]), 0, 1)
        assert out.getvalue() == avro_bytes(label)
    with pytest.raises(ValueError, match="beyond the labels"):
        put_cell(cell, BytesWriter(), b"\x03", 0, 1)


def test_a_double_does_not_reach_beyond_its_row() -> None:
    with pytest.raises(ValueError, match="short"):
        put_cell(Cell(cells.DOUBLE, 8), BytesWriter(), bytes(9), 1, 8)
