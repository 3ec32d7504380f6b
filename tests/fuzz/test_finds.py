"""What fuzzing and reading with malice found, by the bytes: each hung, grew, gave a wrong answer or another error."""

import dataclasses
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard

from faust_cdc.binlog.decoder import EventDecoder
from faust_cdc.errors import BinlogCorrupt, CdcError, TableError, ValueConversionError
from faust_cdc.pipeline.statements import changes_system_table, first_words, readable
from faust_cdc.relational.ddl import StatementText, heading, words_of
from faust_cdc.transcode.json_binary import json_text
from faust_cdc.transcode.json_document import Node, apply_differences, encode_document, parse_document, read_differences
from tests.binlog.crafted import decoder, event, one, table_map, write_rows
from tests.fuzz.corpus import rows_events
from tests.fuzz.targets import OPTIONS, dispatcher, payload_packet
from tests.transcode.images import SOURCE, one_cell, one_text


def cpu_s(run: Callable[[], object]) -> float:
    """Processor seconds of a call, in this thread."""
    started = time.thread_time()
    run()
    return time.thread_time() - started


@pytest.mark.parametrize(
    "run",
    [
        readable,
        first_words,
        lambda text: changes_system_table(text, "d"),
        lambda text: heading(text, flavor="mariadb"),
        lambda text: words_of(text, flavor="mariadb"),
        lambda text: StatementText(text, flavor="mariadb").whole,
    ],
    ids=["readable", "first_words", "changes_system_table", "heading", "words_of", "text"],
)
@pytest.mark.parametrize(
    "statement",
    [
        *("/**/" * 40 + "1", "/*a*/ " * 5000 + ")", "/*!" * 30_000, "/*!1 a" * 30_000),
        *("-- \n" * 5000 + "(", "# \n\n" * 5000),
    ],
    ids=lambda text: text[:8],
)
def test_statements_take_linear_time(run: Callable[[str], object], statement: str) -> None:
    """Comments in a row were matched in every possible split: 2^40 ways."""
    assert cpu_s(lambda: run(statement)) < 1


def test_executed_comments_are_looked_through_as_before() -> None:
    assert readable("/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ x /* plain */ /*M!1 y*/ /*!open") == (
        "  CREATE    DEFINER=`a`@`b`  x /* plain */   y  /*!open"
    )


def sharing_document(levels: int) -> bytes:
    """Arrays of two elements that are the same next array, `levels` deep: printed, 2^levels values."""
    levels_bytes = []
    for level in range(levels):
        last = level == levels - 1
        element = b"\x05\x01\x00" if last else b"\x02" + struct.pack("<H", 10)
        levels_bytes.append(struct.pack("<HH", 2, 10 * (levels - level)) + element * 2)
    return b"\x02" + b"".join(levels_bytes)


def test_json_elements_that_share_a_child_are_refused() -> None:
    """As XML's billion laughs: 900 bytes would be printed for ever."""
    document = sharing_document(90)
    assert len(document) == 901
    with pytest.raises(ValueError, match="overlap"):
        json_text(document)
    with pytest.raises(ValueError, match="overlap"):
        parse_document(document)


def test_json_strings_that_overlap_are_refused() -> None:
    """A thousand elements that all point to one long string: an answer of the square of the document's size."""
    text = b"\x80\x80\x01" + b"x" * (1 << 14)
    count = 1000
    body = 4 + 3 * count
    head = struct.pack("<HH", count, body + len(text)) + (b"\x0c" + struct.pack("<H", body)) * count
    with pytest.raises(ValueError, match="overlap"):
        json_text(b"\x02" + head + text)
    with pytest.raises(ValueError, match="overlap"):
        parse_document(b"\x02" + head + text)


def test_json_lengths_and_names_of_old_documents_end_somewhere() -> None:
    """A length of any number of bytes was taken, in the square of its time; a name was cut at the document's end."""
    with pytest.raises(ValueError, match="more than five bytes"):
        parse_document(b"\x0c" + b"\xff" * 100_000 + b"\x01")
    with pytest.raises(ValueError, match="ends at"):
        parse_document(b"\x00" + struct.pack("<HHHHBH", 1, 11, 11, 9, 4, 0))


def test_a_partial_update_cannot_nest_deeper_than_the_server() -> None:
    """Differences put into each other: RecursionError."""
    inner: Node = []
    for _ in range(60):
        inner = [inner]
    value = encode_document(inner)
    first = b"\x01\x04$[0]" + b"\xfc" + struct.pack("<H", len(value)) + value
    path = b"$" + b"[0]" * 50
    second = b"\x01" + bytes((len(path),)) + path + b"\xfc" + struct.pack("<H", len(value)) + value
    document = apply_differences(parse_document(encode_document([])), read_differences(first + second))
    with pytest.raises(ValueError, match="nested deeper than 100"):
        encode_document(document)


def test_a_cell_number_beyond_all_arrays_is_its_end() -> None:
    """OverflowError."""
    path = b"$[" + b"9" * 30 + b"]"
    difference = b"\x01" + bytes((len(path),)) + path + b"\x02\x04\x01"
    document = apply_differences(parse_document(encode_document([])), read_differences(difference))
    assert json_text(encode_document(document)) == "[true]"


@pytest.mark.parametrize("bits", [0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000001])
def test_json_numbers_that_are_none_are_refused(bits: int) -> None:
    """Came out as NaN and Infinity, which no reader of JSON takes."""
    with pytest.raises(ValueError, match="no JSON number"):
        json_text(b"\x0b" + bits.to_bytes(8, "little"))


@pytest.mark.parametrize(
    ("ddl", "code", "metadata", "cell"),
    [
        ("datetime(6)", 18, 6, "99b2f7ffff000000"),  # hour 31
        ("datetime(6)", 18, 6, "99b2f6c000ffffff"),  # 16,777,215 µs
        ("timestamp(6)", 17, 6, "6740000010000000"),
        ("time", 19, 0, "800fff"),  # 63 minutes
        ("time(2)", 19, 2, "800000ff"),  # 2.55 s of fraction
        ("bit(12)", 16, 1 << 8 | 4, "ffff"),
    ],
)
def test_fields_out_of_range_are_no_values(ddl: str, code: int, metadata: int, cell: str) -> None:
    """Were carried over into the next field, or printed with eight digits."""
    with pytest.raises(ValueConversionError, match=r"byte \d+"):
        one_cell(ddl, code, metadata, bytes.fromhex(cell))


@pytest.mark.parametrize(
    ("ddl", "cell"), [("bit(12)", "5a0000"), ("date", "342d322d32393239323932393239"), ("enum('a','b')", "2d32")]
)
def test_snapshot_cells_out_of_range_are_typed_errors(ddl: str, cell: str) -> None:
    """OverflowError, twice, and IndexError; ENUM index -1 gave a label."""
    with pytest.raises(ValueConversionError, match=r"column 'c0?'"):
        one_text(ddl, bytes.fromhex(cell))


@pytest.mark.parametrize(
    ("types", "metadata"),
    [
        (b"\xf6", b"\x05\x09"),  # DECIMAL(5,9)
        (b"\xf6", b"\xff\x00"),
        (b"\x10", b"\x09\x09"),  # BIT of 9 bytes and 9 bits
        (b"\x12", b"\x07"),  # DATETIME(7): IndexError when bound
        (b"\xfc", b"\x09"),  # a length of nine bytes
        (b"\xfe", b"\xf7\x00"),  # ENUM without bytes
        (b"\xfe", b"\xf9\x04"),
        (b"\x04", b"\x05"),
    ],
)
def test_type_metadata_that_no_column_has_is_corrupt(types: bytes, metadata: bytes) -> None:
    with pytest.raises(BinlogCorrupt, match=r"binlog\.000001:4"):
        one(event(19, table_map(types=types, metadata=metadata)))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (b"\x04\x04\x01a\x01a", "two columns"),
        (b"\x08\x02\x00\x00", "twice"),
        (b"\x09\x04\x01\x00\x01\x00", "twice"),
    ],
)
def test_names_and_key_columns_come_once(extra: bytes, message: str) -> None:
    """A schema with one field twice is refused only by the registry, in words that name no position."""
    with pytest.raises(BinlogCorrupt, match=message):
        one(event(19, table_map(extra, types=b"\x03\x03")))


def test_more_columns_than_a_table_can_have_are_corrupt() -> None:
    count = b"\xfc\x01\x10"
    body = (7).to_bytes(6, "little") + b"\1\0\x01d\0\x01t\0" + count + b"\x03" * 4097 + b"\0" + bytes(513)
    with pytest.raises(BinlogCorrupt, match="more than a table can have"):
        one(event(19, body))


def test_rows_without_columns_do_not_go_on_for_ever() -> None:
    """A row of no bytes never uses the event up: records without end; and if the event has no bytes, none at all."""
    found = next(e for _, e in rows_events() if e.kind == "write" and e.table_map.table == "v")
    empty = dataclasses.replace(found, columns_present=(bytes(len(found.columns_present[0])),))
    for rows in (found.rows, memoryview(b"")):
        with pytest.raises(TableError, match=rf"leave out all columns.*{found.header.file}:{found.header.pos}"):
            list(dispatcher(OPTIONS[0]).records(dataclasses.replace(empty, rows=rows), SOURCE))


def test_an_update_whose_image_leaves_out_the_key_is_a_typed_error() -> None:
    """TypeError, when the old and the new key were put into headers."""
    found = next(e for _, e in rows_events() if e.kind == "update" and e.table_map.table == "v")
    without_key = b"\xfe" + found.columns_present[1][1:]
    rows = bytes(found.rows)
    size = (found.column_count + 7) // 8
    after = rows.rindex(rows[:size] + rows[size : size + 8])  # the second image, which begins as the first
    shorter = rows[:after] + bytes(size) + rows[after + size + 8 :]
    broken = dataclasses.replace(
        found, columns_present=(found.columns_present[0], without_key), rows=memoryview(shorter)
    )
    with pytest.raises(CdcError, match=rf"{found.header.file}:{found.header.pos}"):
        list(dispatcher(OPTIONS[0]).records(broken, SOURCE))


def test_errors_of_rows_name_file_and_position() -> None:
    found = next(e for _, e in rows_events() if e.kind == "write" and e.table_map.table == "v")
    cut = dataclasses.replace(found, rows=found.rows[:-3])
    with pytest.raises(ValueConversionError, match=rf"byte \d+ .*{found.header.file}:{found.header.pos}"):
        list(dispatcher(OPTIONS[0]).records(cut, SOURCE))


@pytest.mark.parametrize("number", [0, -5, (1 << 63) - 1])
def test_gtid_numbers_that_no_transaction_has_are_corrupt(number: int) -> None:
    """Came up at the end of the transaction as ConfigError, without a position."""
    with pytest.raises(BinlogCorrupt, match=r"binlog\.000001:4"):
        one(event(33, b"\1" + bytes(16) + struct.pack("<q", number) + b"\2" + bytes(16)))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (struct.pack("<Q", 1) + bytes(16) + struct.pack("<QQQ", 1, 5, 5), "empty or out of range"),
        (struct.pack("<Q", 1 << 56 | 1 << 8 | 1) + bytes(16) + b"\x06!!!" + struct.pack("<QQQ", 1, 5, 6), "no tag"),
    ],
)
def test_gtid_sets_of_empty_intervals_or_bad_tags_are_corrupt(body: bytes, message: str) -> None:
    with pytest.raises(BinlogCorrupt, match=message):
        one(event(35, body))


def test_positions_of_events_that_lie_about_their_size_are_in_the_file() -> None:
    """Was binlog.000002:-2281700352."""
    for packet in (
        bytes.fromhex("0000000000000000000000000088000400000000"),
        event(3, b"", log_pos=10),
    ):
        with pytest.raises(BinlogCorrupt, match=r"binlog\.000001:4\b"):
            one(packet)


def peak_bytes(run: Callable[[], object]) -> int:
    """The most that Python had allocated during a call."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("says", [1 << 20, 1 << 29, 1 << 40])
def test_zstd_bombs_take_no_memory(says: int) -> None:
    """Half a gigabyte of zeros in some kilobytes, its size stated small, right and huge."""
    packed = zstandard.ZstdCompressor(level=1)
    bomb = packed.compress(struct.pack("<IBIIIH", 1, 29, 1, says & 0xFFFFFFFF, 0, 0) + bytes(1 << 26))
    fields = b"".join(
        bytes([kind, 9, 0xFE]) + n.to_bytes(8, "little") for kind, n in enumerate((len(bomb), 0, says), 1)
    )
    using = EventDecoder("mysql", "binlog.000001", checksum=False, payload_size_max_bytes=1 << 24)

    def feed() -> None:
        with pytest.raises(BinlogCorrupt, match=r"binlog\.000001:4"):
            list(using.feed(event(40, fields + b"\0" + bomb)))

    assert peak_bytes(feed) < 8 << 20


def test_zlib_bombs_are_capped() -> None:
    """MariaDB's compressed rows obey the cap of compressed transactions."""
    using = EventDecoder("mariadb", "binlog.000001", checksum=False, payload_size_max_bytes=1 << 20)
    list(using.feed(event(19, table_map())))
    bomb = b"\x84" + (1 << 26).to_bytes(4, "big") + zlib.compress(bytes(1 << 26))
    head = write_rows(b"")[:8] + b"\x01\xff"

    def feed() -> None:
        with pytest.raises(BinlogCorrupt, match="more than the limit"):
            list(using.feed(event(166, head + bomb)))

    assert peak_bytes(feed) < 4 << 20


def test_inner_events_cannot_be_larger_than_packets() -> None:
    """Their size is read from the unpacked bytes, where nothing else limits it."""
    inner = struct.pack("<IBIIIH", 1, 29, 1, 0xFFFFFFF0, 0, 0)
    packet = payload_packet(inner, says=0xFFFFFFFF, checksum=False)
    with pytest.raises(BinlogCorrupt, match="inner event of 4294967280 bytes"):
        list(decoder().feed(packet))
