"""Record batches packed: each of Kafka's codecs, in the form that all of its clients read.

cramjam (which aiokafka needs to read them) packs; what Kafka puts round it is here: LZ4 frames of independent blocks,
and for Snappy the framing of xerial's library, which the Java client writes and reads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import cramjam

if TYPE_CHECKING:
    from faust_cdc.kafka._batches import Batch

HEADER_BYTES: Final = 61
"""Of a batch, never packed."""
WORTH_BYTES: Final = 512
"""Smaller ones stay as they are: a lone offset gains nothing."""
BLOCK_BYTES: Final = 64 * 1024
"""Of one block: what a reader must hold at once, and the Java client's choice."""
_LZ4_FRAME: Final = bytes.fromhex("04224d18604082")
"""Magic number; independent blocks, no sums (the batch has one); 64 KiB; the header's check byte."""
_SIZE: Final = struct.Struct("<I")
_XERIAL: Final = b"\x82SNAPPY\0" + struct.pack(">II", 1, 1)

Pack = Callable[[memoryview], bytes | bytearray]


def pack_lz4(records: memoryview) -> bytearray:
    """Return an LZ4 frame."""
    frame = bytearray(_LZ4_FRAME)  # grown in place: a row may have 64 MB, and is there as it came, too
    for at in range(0, len(records), BLOCK_BYTES):
        block = records[at : at + BLOCK_BYTES]
        packed = bytes(cramjam.lz4.compress_block(block, store_size=False))
        if len(packed) < len(block):
            frame += _SIZE.pack(len(packed))
            frame += packed
        else:
            frame += _SIZE.pack(len(block) | 0x8000_0000)
            frame += block
    frame += bytes(4)
    return frame


def pack_snappy(records: memoryview) -> bytearray:
    """Return Snappy blocks as xerial's library frames them."""
    framed = bytearray(_XERIAL)
    for at in range(0, len(records), BLOCK_BYTES):
        packed = bytes(cramjam.snappy.compress_raw(records[at : at + BLOCK_BYTES]))
        framed += struct.pack(">I", len(packed))
        framed += packed
    return framed


def pack_gzip(records: memoryview) -> bytes:
    """Return a gzip stream."""
    return bytes(cramjam.gzip.compress(records, level=6))


def pack_zstd(records: memoryview) -> bytes:
    """Return a zstd frame."""
    return bytes(cramjam.zstd.compress(records, level=3))


CODECS: Final[dict[str, tuple[int, Pack | None]]] = {
    "none": (0, None),
    "gzip": (1, pack_gzip),
    "snappy": (2, pack_snappy),
    "lz4": (3, pack_lz4),
    "zstd": (4, pack_zstd),
}
"""The number that a batch's attributes have, and what packs, by the name of `compression.type`."""


def pack(batch: Batch, compression: str) -> None:
    """Pack a batch where it becomes smaller by it."""
    codec, packs = CODECS[compression]
    if packs is None or batch.size < WORTH_BYTES:
        return
    with memoryview(batch) as whole, whole[HEADER_BYTES:] as records:
        packed = packs(records)
    batch.pack(codec, packed)
