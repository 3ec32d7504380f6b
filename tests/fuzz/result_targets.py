"""Mutated answers to a snapshot's query: the compiled transcoder agrees with the reference, or leaves the row to it."""

from __future__ import annotations

import zlib
from functools import cache

from faust_cdc.errors import SourceConnectionLost
from faust_cdc.mysql.binary_rows import column_of
from faust_cdc.transcode.compiled.result_program import result_rows
from faust_cdc.transcode.plan import TranscodeOptions
from tests.transcode.compiled.crafted_results import KINDS, Crafted, counted, crafted
from tests.transcode.compiled.result_sets import compare_rows

_COLUMNS = 4


@cache
def result_packets() -> tuple[bytes, ...]:
    """Rows of small tables: each kind of column is in several."""
    return tuple(packet for table in _tables(TranscodeOptions()) for packet in table.packets)


@cache
def _tables(options: TranscodeOptions) -> tuple[Crafted, ...]:
    return tuple(crafted(first, _COLUMNS, options) for first in range(len(KINDS)))


def run_result_row(options: tuple[TranscodeOptions, ...], seed: int, data: bytes) -> None:
    """Encode a mutated row both ways, under one of the sets of options."""
    tables = _tables(options[zlib.crc32(data) % len(options)])
    table = tables[seed // len(tables[0].packets)]
    compare_rows(table.transcoder, table.columns, [b"\0" + data[1:]])


@cache
def result_streams() -> tuple[bytes, ...]:
    """Some rows each, framed, and the packet that ends them."""
    return tuple(
        b"".join(
            len(one).to_bytes(3, "little") + bytes([number]) + one
            for number, one in enumerate([*table.packets, b"\xfe\0\0\2\0"])
        )
        for table in _tables(TranscodeOptions())
    )


def run_result_stream(seed: int, data: bytes) -> None:
    """Feed a mutated stream; whatever it is, the reader goes on or stops before a packet."""
    table = _tables(TranscodeOptions())[seed]
    rows = result_rows(table.transcoder, table.columns)
    stopped = rows.feed(data, 0, 0, b"")
    assert 0 <= rows.at <= len(data)
    assert stopped or len(data) - rows.at < 4 + int.from_bytes(data[rows.at : rows.at + 3], "little")
    assert sum(len(value or b"") for _, _, value in rows.out) <= 64 * len(data) + 1024


@cache
def column_definitions() -> tuple[bytes, ...]:
    """Packets that announce the columns of an answer."""
    names = b"".join(map(counted, (b"def", b"shop", b"t", b"t", b"c", b"c")))
    return tuple(names + b"\x0c\x2d\0\xff\0\0\0" + bytes([code]) + b"\x21\0\6\0\0" for code in (3, 7, 246, 253, 255))


def run_column_definition(_seed: int, data: bytes) -> None:
    """Read a mutated definition as the product does."""
    try:
        column_of(data)
    except (ValueError, IndexError) as error:
        raise SourceConnectionLost(f"db:3306 sent no column definition: {error}.") from error
