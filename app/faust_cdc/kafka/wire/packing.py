"""Record batches packed: each of Kafka's codecs, in the form that all of its clients read.

cramjam (which aiokafka needs to read them) packs; what Kafka puts round it is here: LZ4 frames of independent blocks,
and for Snappy the framing of xerial's library, which the Java client writes and reads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import cramjam

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from faust_cdc.kafka._batches import Batch

HEADER_BYTES: Final = 61
"""Of a batch, never packed."""
WORTH_BYTES: Final = 512
"""Smaller ones stay as they are: a lone offset gains nothing."""
BLOCK_BYTES: Final = 64 * 1024
"""Of one block of Snappy: what a reader must hold at once. LZ4's are as large, as the Java client's are."""
PIECE_BYTES: Final = 1024 * 1024
"""So much is copied for the packer at a time."""
_XERIAL: Final = b"\x82SNAPPY\0" + struct.pack(">II", 1, 1)

Pack: TypeAlias = "Callable[[memoryview], Buffer]"
"""Large ones are returned as they were made: a copy would have the size of the largest row."""


def pack_lz4(records: memoryview) -> Buffer:
    """Return an LZ4 frame.

    Of few calls in place of one for each block: whoever calls gives the interpreter away, and waits until a thread that
    computes is made to give it back, which takes longer than a block (measured: 13 in place of 1.6 ms for 1 MB). Each
    block has a sum, as the packer makes no frames of independent blocks without.
    """
    frame = cramjam.lz4.Compressor(level=1, content_checksum=False, block_linked=False)
    for at in range(0, len(records), PIECE_BYTES):
        frame.compress(bytes(records[at : at + PIECE_BYTES]))
    return frame.finish()


def pack_snappy(records: memoryview) -> bytearray:
    """Return Snappy blocks as xerial's library frames them."""
    framed = bytearray(_XERIAL)
    for at in range(0, len(records), BLOCK_BYTES):
        packed = bytes(cramjam.snappy.compress_raw(records[at : at + BLOCK_BYTES]))
        framed += struct.pack(">I", len(packed))
        framed += packed
    return framed


def pack_gzip(records: memoryview) -> Buffer:
    """Return a gzip stream."""
    return cramjam.gzip.compress(records, level=6)


def pack_zstd(records: memoryview) -> Buffer:
    """Return a zstd frame."""
    return cramjam.zstd.compress(records, level=3)


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
