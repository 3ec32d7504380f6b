"""Result rows of a prepared query, written by hand: cells, framing, and what is left to the reference transcoder."""

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from librt.strings import BytesWriter

from faust_cdc.mysql.binary_rows import ResultColumn, column_of, text_cells, text_reader
from faust_cdc.transcode.compiled.printed_json import put_printed
from faust_cdc.transcode.compiled.result_program import result_rows
from faust_cdc.transcode.json_text import canonical_json
from faust_cdc.transcode.plan import TranscodeOptions
from tests.transcode.compiled.crafted_results import KINDS, counted, crafted
from tests.transcode.compiled.result_sets import compare_rows
from tests.transcode.test_json_written import DOCUMENTS

PLAIN = TranscodeOptions()
OTHER = TranscodeOptions(
    time_precision_mode="microseconds",
    decimal_handling_mode="string",
    bigint_unsigned_handling_mode="precise",
    binary_handling_mode="hex",
    enable_time_adjuster=False,
)


@pytest.mark.parametrize("options", [PLAIN, OTHER], ids=["default", "other modes"])
@pytest.mark.parametrize("index", range(len(KINDS)), ids=[kind.ddl for kind in KINDS])
def test_each_kind_of_cell(index: int, options: TranscodeOptions) -> None:
    one = crafted(index, 1, options)
    assert compare_rows(one.transcoder, one.columns, one.packets, one.texts) == (3, 0)


def test_all_kinds_in_one_row() -> None:
    every = crafted(0, len(KINDS), PLAIN)
    assert compare_rows(every.transcoder, every.columns, every.packets, every.texts) == (3, 0)
    readers = [text_reader(column) for column in every.columns]
    shown = [text_cells(packet, readers) for packet in every.packets]
    reals = [index for index, column in enumerate(every.columns) if column.type_code in (4, 5)]
    for row, expected in zip(shown, every.texts, strict=True):
        for index, (cell, text) in enumerate(zip(row, expected, strict=True)):
            assert cell == text or (index in reals and float(cell or 0) == float(text or 1))


def framed(payload: bytes, number: int) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def test_packets_are_taken_up_to_what_is_no_row() -> None:
    table = crafted(0, 8, PLAIN)
    numbers = [(250 + index) % 256 for index in range(10)]
    rows = [table.packets[index % 2] for index in range(10)]
    buffer = b"junk" + b"".join(map(framed, rows, numbers))
    end = framed(b"\xfe\0\0\x22\0", 4)
    out_of_order, error = framed(rows[0], 9), framed(b"\xff\x15\x04#28000no", 4)
    empty, broken = framed(b"", 4), framed(b"\0\0", 4)
    for tail in (end, out_of_order, error, empty, broken, b"\xff\xff\xff\x04" + b"\0" * 0xFFFFFF):
        reader = result_rows(table.transcoder, table.columns)
        assert reader.feed(buffer + tail, 4, 250, b"suffix")
        assert (reader.at, reader.sequence, len(reader.out)) == (len(buffer), 4, 10)
        assert all(value is not None and value.endswith(b"suffix") for _, _, value in reader.out)
    for cut in range(len(buffer) - len(rows[-1]) - 4, len(buffer)):
        reader = result_rows(table.transcoder, table.columns)
        assert not reader.feed(buffer[:cut], 4, 250, b"")
        assert (reader.sequence, len(reader.out)) == (3, 9)


@pytest.mark.parametrize("index", range(len(KINDS)), ids=[kind.ddl for kind in KINDS])
def test_every_shorter_row_is_left_to_the_reference(index: int) -> None:
    one = crafted(index, 1, PLAIN)
    packet = one.packets[0]
    for cut in range(1, len(packet)):
        assert compare_rows(one.transcoder, one.columns, [packet[:cut]]) == (0, 1)
    assert compare_rows(one.transcoder, one.columns, [packet + b"\0"]) == (0, 1)


def compiled_json(text: str) -> str:
    out, data = BytesWriter(), b"xx" + text.encode() + b"yy"
    put_printed(out, data, 2, len(data) - 2)
    return out.getvalue().decode()


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS, st.booleans())
def test_printed_documents_in_canonical_form(value: object, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    try:
        expected = canonical_json(text)
        expected.encode()
    except ValueError:  # half of a surrogate pair
        return
    assert compiled_json(text) == expected


@settings(max_examples=500, deadline=None)
@given(st.text('{}[]:, \t\n\r"\\ab-+.eE019tf', max_size=40))
def test_what_is_no_document_gives_the_references_text_or_an_error(text: str) -> None:
    try:
        found = compiled_json(text)
    except ValueError:
        return
    assert found == canonical_json(text)


def test_column_definitions() -> None:
    names = b"".join(map(counted, (b"def", b"db", b"t", b"t", b"c", b"c")))
    fixed = b"\x0c" + struct.pack("<HIBHB", 255, 4, 8, 0x21, 3) + b"\0\0"
    assert column_of(names + fixed) == ResultColumn(8, True, 3)
    for cut in range(len(names) + len(fixed) - 2):
        with pytest.raises((ValueError, IndexError)):
            column_of((names + fixed)[:cut])
    with pytest.raises(ValueError, match="type 17"):
        text_reader(ResultColumn(17, False, 0))
