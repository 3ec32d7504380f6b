"""The queue of a task's producer: its bytes, room for one large record, and a bound on many small ones."""

from __future__ import annotations

from faust_cdc.kafka.queue_bounds import queue_bounds

MIB = 1024 * 1024


def test_bytes_are_those_asked_for() -> None:
    assert queue_bounds(32 * MIB, 1_000_000)["queue.buffering.max.kbytes"] == 32 * 1024 + 1


def test_the_largest_record_has_room() -> None:
    assert queue_bounds(MIB, 80_000_000)["queue.buffering.max.kbytes"] * 1024 > 80_000_000


def test_small_records_are_bounded_by_number() -> None:
    small, large = (queue_bounds(size * MIB, 1_000_000)["queue.buffering.max.messages"] for size in (1, 256))
    assert small == 10_000
    assert large == 256 * MIB // 640
