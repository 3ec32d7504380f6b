"""Record batches as bytes: read back by a decoder that shares nothing with what made them, and by its limits."""

from __future__ import annotations

import gc
import os
import random
import struct
import time
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch  # type: ignore[import-untyped]

from faust_cdc.kafka._batches import Batch, Batches, crc32c
from faust_cdc.kafka.direct import Row
from faust_cdc.kafka.task_producer import Headers
from faust_cdc.kafka.wire.packing import CODECS, PIECE_BYTES, pack
from faust_cdc.offsets.partitioner import murmur2_partition

HEADERS: Headers = [("connector", b"c"), ("none", None), ("é", b"")]


def batches(partitions: int = 1, batch_max: int = 1_000_000, record_max: int = 1_000_000) -> Batches:
    made = Batches(batch_max, record_max)
    assert made.number(0) == 0
    made.set_partitions(0, partitions)
    return made


def read(batch: Batch) -> list[Any]:
    """Decode with aiokafka, which checks the sum."""
    found = DefaultRecordBatch(bytes(batch))
    assert found.validate_crc()
    return list(found)


def test_the_sum_is_crc_32c_by_the_table_and_by_the_cpu() -> None:
    assert crc32c(b"123456789") == crc32c(b"123456789", True) == 0xE3069283  # RFC 3720
    for size in (0, 1, 7, 8, 9, 63, 64, 65, 1000):
        octets = os.urandom(size)
        assert crc32c(octets) == crc32c(octets, True)


@pytest.mark.parametrize("compression", CODECS)
def test_a_batch_says_what_was_put_in(compression: str) -> None:
    chance = random.Random(7)
    rows = [
        (0, None if n % 5 == 0 else b"k%d" % n, None if n % 7 == 0 else chance.randbytes(n % 300)) for n in range(400)
    ]
    rows += [(0, b"", b""), (0, b"long", b"ab" * 100_000)]
    made = batches()
    made.set_headers(HEADERS)
    before_ms = int(time.time() * 1000)
    size = sum(len(key or b"") + len(value or b"") for _, key, value in rows)
    assert made.append_rows(rows, 0, len(rows), 1 << 30) == (len(rows), size, 0)
    made.set_headers([])
    assert made.append(0, 0, b"k", b"without headers") == 0
    (batch,) = made.take(True)
    whole = batch.size
    pack(batch, compression)
    assert (batch.size < whole) == (compression != "none")
    batch.seal(1 << 40, 32767, 0x7FFF_FFF0)
    records = read(batch)
    assert [(record.key, record.value) for record in records[:-1]] == [row[1:] for row in rows]
    assert all(list(record.headers) == HEADERS for record in records[:-1])
    assert list(records[-1].headers) == []
    assert [record.offset for record in records] == list(range(len(rows) + 1))
    assert all(before_ms <= record.timestamp <= time.time() * 1000 for record in records)
    head = struct.unpack(">qiibIhiqqqhii", bytes(batch)[:61])
    assert head[1] == batch.size - 12
    assert head[3] == 2
    assert head[5] == 0x10 | CODECS[compression][0]
    assert head[6] == len(rows)
    assert head[9:] == (1 << 40, 32767, 0x7FFF_FFF0, len(rows) + 1)
    assert (batch.count, batch.largest) == (len(rows) + 1, 200_004)


@pytest.mark.parametrize("compression", CODECS)
def test_a_large_batch_is_packed_in_pieces_where_that_is_worth_it(compression: str) -> None:
    """Of blocks that are independent and have the Java client's size, so that any reader of Kafka's takes them."""
    text = b"".join(b"row %d of many;" % n for n in range(PIECE_BYTES // 8))
    assert len(text) > 2 * PIECE_BYTES
    for value, is_worth_it in ((text, compression != "none"), (random.Random(3).randbytes(len(text)), False)):
        made = batches(record_max=1 << 24)
        assert made.append(0, 0, b"k", value) == 0
        (batch,) = made.take(True)
        whole = batch.size
        pack(batch, compression)
        assert (batch.size < whole) == is_worth_it
        if compression == "lz4" and is_worth_it:
            head = bytes(batch)[61:67]
            assert head[:4] == bytes.fromhex("04224d18")
            assert head[4] & 0b11101100 == 0b01100000, "version 1, independent blocks, no sum or size of the content"
            assert head[5] == 0x40, "64 KiB"
        batch.seal(1, 1, 0)
        assert [record.value for record in read(batch)] == [value]


def test_keys_go_where_javas_clients_put_them() -> None:
    made = batches(partitions=7)
    keys = [os.urandom(n % 23) for n in range(500)]
    made.append_rows([(0, key, b"v") for key in keys], 0, len(keys), 1 << 30)
    for batch in made.take(True):
        batch.seal(1, 1, 0)
        found = [record.key for record in read(batch)]
        assert found == [key for key in keys if murmur2_partition(key, 7) == batch.partition]


def test_a_full_batch_is_closed_and_the_next_goes_on() -> None:
    made = batches(batch_max=1000)
    rows: list[Row] = [(0, b"k", b"%03d" % n * 30) for n in range(100)]
    assert made.append_rows(rows, 0, 100, 1 << 30)[0] == 100
    assert made.open_count == 1
    assert made.closed_count > 8
    closed = made.take(False)
    assert all(batch.size <= 1000 for batch in closed)
    found = [*closed, *made.take(True)]
    assert (made.open_count, made.closed_count, made.size) == (0, 0, 0)
    values = []
    for batch in found:
        batch.seal(1, 1, 0)
        values += [record.value for record in read(batch)]
    assert values == [row[2] for row in rows]


def test_no_more_is_taken_than_there_is_room_for_and_nothing_too_large_or_unknown() -> None:
    made = batches(record_max=5000)
    rows: list[Row] = [(0, b"k", bytes(1000))] * 10
    reached, size, why = made.append_rows(rows, 0, 10, 3000)
    assert (reached, size, why) == (3, 3003, 1)
    assert made.size > 3000
    assert made.append(0, 0, b"k", bytes(5000)) == 3
    assert made.append(0, 1, b"k", b"v") == 2
    assert made.number(1) == 1
    assert made.append(1, 0, b"k", b"v") == 2
    assert made.append_rows([(0, b"k", b"v"), (1, b"k", b"v")], 0, 2, 1 << 30) == (1, 2, 2)
    assert made.append_rows([(0, b"k", b"v"), (0, b"k", bytes(5000))], 0, 2, 1 << 30) == (1, 2, 3)


def test_only_rows_as_agreed_are_taken() -> None:
    made = batches()
    with pytest.raises(IndexError, match="no topic 1"):
        made.append_rows([(0, b"k", b"v"), (1, b"k", b"v")], 0, 2, 1 << 30)
    with pytest.raises(IndexError, match="no such rows"):
        made.append_rows([(0, b"k", b"v")], 0, 2, 1 << 30)
    with pytest.raises(TypeError, match="bytes or None"):
        made.append_rows([(0, "text", b"v")], 0, 1, 1 << 30)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="tuple of topic number"):
        made.append_rows([(0, b"v")], 0, 1, 1 << 30)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="headers are a list"):
        made.set_headers(())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="between 1 byte"):
        Batches(0, 1)


def test_a_batch_that_is_looked_at_stays_as_it_is() -> None:
    made = batches()
    made.append(0, 0, b"k", bytes(1000))
    (batch,) = made.take(True)
    with memoryview(batch), pytest.raises(BufferError, match="looked at"):
        batch.seal(1, 1, 0)
    with pytest.raises(ValueError, match="packed once"):
        batch.pack(9, b"x")
    assert not batch.pack(3, bytes(5000)), "what grew is not taken"


def test_batches_and_their_maker_go_in_any_order() -> None:
    made = batches(batch_max=200)
    made.append_rows([(0, b"k", bytes(90))] * 10, 0, 10, 1 << 30)
    taken = made.take(False)
    made.append_rows([(0, b"k", bytes(90))] * 10, 0, 10, 1 << 30)
    del made
    gc.collect()
    taken[0].seal(1, 1, 0)
    assert len(read(taken[0])) == 1
    del taken
    again = batches(batch_max=200)
    again.append_rows([(0, b"k", bytes(90))] * 10, 0, 10, 1 << 30)
    again.drop()
    assert (again.size, again.open_count, again.closed_count) == (0, 0, 0)
    assert again.append(0, 0, b"k", b"v") == 0
