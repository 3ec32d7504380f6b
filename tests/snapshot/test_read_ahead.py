"""How far a snapshot reads ahead of what is committed: by rows, by bytes, and by the number of chunks."""

from __future__ import annotations

from typing import cast

import pytest

from faust_cdc.mysql.key_ranges import ChunkKey
from faust_cdc.pipeline.transaction_writer import WriterCounters
from faust_cdc.relational.model import Table, TableId
from faust_cdc.snapshot.chunk_reader import Chunk, ChunkRequest
from faust_cdc.snapshot.progress import TableProgress
from faust_cdc.snapshot.ranges import FIRST_ROWS, TableRanges
from faust_cdc.snapshot.read_ahead import CHUNKS_MAX, WAITING_BYTES_MAX, ReadAhead
from tests.mysql.chunks.test_keys_and_ranges import integer

CHUNK = 20_000
READERS = 2
MIB = 1 << 20


def ranges_of(rows_max: int = CHUNK // 2, *, is_known: bool = True) -> TableRanges:
    table = TableId("shop", "t")
    made = TableRanges(Table(table, (), ()), ChunkKey((integer("id"),)), TableProgress(table), rows_max)
    made.is_known = is_known
    return made


def chunk(rows: int, size: int = 0) -> Chunk:
    """Return a chunk that is read; which range it is of is nothing to what is tested."""
    return Chunk(cast("ChunkRequest", None), rows_read=rows, bytes=size)


@pytest.fixture
def counters() -> WriterCounters:
    return WriterCounters()


@pytest.fixture
def ahead(counters: WriterCounters) -> ReadAhead:
    return ReadAhead(READERS * CHUNK, 1 * MIB, counters)


def test_a_chunk_for_each_reader_in_halves(ahead: ReadAhead) -> None:
    half = ranges_of()
    assert ahead.has_room(half, [half] * 3, [])
    assert not ahead.has_room(half, [half] * 4, [])
    assert ahead.has_room(half, [half] * 2, [chunk(CHUNK // 2)])
    assert not ahead.has_room(half, [half] * 2, [chunk(CHUNK // 2 + 1)])


def test_what_is_written_counts_until_it_is_committed(ahead: ReadAhead, counters: WriterCounters) -> None:
    half = ranges_of()
    ahead.wrote(CHUNK // 2)
    ahead.wrote(CHUNK // 2)
    assert ahead.uncommitted_rows == CHUNK
    assert ahead.has_room(half, [half], [])
    assert not ahead.has_room(half, [half] * 2, [])
    counters.kafka_transactions += 1
    assert ahead.uncommitted_rows == 0
    assert ahead.has_room(half, [half] * 2, [])
    ahead.wrote(1)
    assert ahead.uncommitted_rows == 1


def test_small_tables_are_read_many_at_a_time(ahead: ReadAhead) -> None:
    """Nothing is known of them before they are read, and a row each is no chunk."""
    unknown = ranges_of(is_known=False)
    assert unknown.next_rows_max == FIRST_ROWS
    assert ahead.has_room(unknown, [unknown] * 3, [chunk(1)] * 500)
    assert not ahead.has_room(unknown, [], [chunk(1)] * CHUNKS_MAX)


def test_one_range_may_always_be_read(ahead: ReadAhead) -> None:
    whole = ranges_of(READERS * CHUNK + 1)
    assert ahead.has_room(whole, [], [])
    assert not ahead.has_room(whole, [], [chunk(1)])


def test_bytes_that_wait_are_bounded(ahead: ReadAhead) -> None:
    half = ranges_of()
    assert half.expected_bytes(1 * MIB) == 1 * MIB
    assert ahead.has_room(half, [half], [chunk(1, WAITING_BYTES_MAX - 1 * MIB - 1)])
    assert not ahead.has_room(half, [half], [chunk(1, WAITING_BYTES_MAX - 1 * MIB)])
