"""Mutated bytes for the compiled hot path: it must agree with the reference transcoder, or leave the row to it."""

from __future__ import annotations

import dataclasses
import zlib
from functools import cache

from faust_cdc.binlog.events import RowsEvent
from faust_cdc.errors import CdcError
from faust_cdc.pipeline.dispatcher import Dispatcher
from faust_cdc.pipeline.lane import Lane, LaneTable
from faust_cdc.transcode.compiled.rows import RowEncoder
from faust_cdc.transcode.compiled.source import SourceHead
from faust_cdc.transcode.reference import ReferenceTranscoder
from tests.fuzz.corpus import Packet, packets, rows_events
from tests.transcode.compiled.equal import compare_event, encoder_of

_LANE_KINDS = frozenset({2, 16, 19, 23, 24, 25, 30, 31, 32, 33, 34, 162})
_EVENTS_AT_ONCE = 8


@cache
def whole_images() -> tuple[tuple[Packet, RowsEvent], ...]:
    """The rows events that a compiled encoder takes: all columns present, no partial update."""
    return tuple(
        (packet, event)
        for packet, event in rows_events()
        if event.kind != "partial_update" and all(_is_whole(event, present) for present in event.columns_present)
    )


def _is_whole(event: RowsEvent, present: bytes) -> bool:
    every = (1 << event.column_count) - 1
    return int.from_bytes(present, "little") & every == every


@cache
def _pair(dispatcher: Dispatcher, seed: int) -> tuple[ReferenceTranscoder, RowEncoder | None]:
    event = whole_images()[seed][1]
    captured = dispatcher._cache.for_table_map(event.table_map)
    assert captured is not None
    return captured.transcoder, encoder_of(captured.transcoder, event)


def run_encoder(dispatchers: tuple[Dispatcher, ...], seed: int, data: bytes) -> None:
    """Encode mutated rows both ways, under one of the dispatchers' options."""
    transcoder, encoder = _pair(dispatchers[zlib.crc32(data) % len(dispatchers)], seed)
    assert encoder is not None
    event = dataclasses.replace(whole_images()[seed][1], rows=memoryview(data))
    transcoder.bind(event.table_map)
    compare_event(transcoder, encoder, event)


@cache
def lane_streams() -> tuple[bytes, ...]:
    """Packets as they come from a server, some events each, of the kinds that the lane knows."""
    framed = [
        (len(one.data) + 1).to_bytes(3, "little") + b"%c\x00" + one.data
        for one in packets()
        if one.data[4] in _LANE_KINDS
    ]
    return tuple(
        b"".join(one.replace(b"%c", bytes([number]), 1) for number, one in enumerate(framed[at : at + _EVENTS_AT_ONCE]))
        for at in range(0, len(framed), _EVENTS_AT_ONCE // 2)
    )


@cache
def _lane_tables(dispatcher: Dispatcher) -> dict[bytes, LaneTable]:
    found = {}
    for seed, (_, event) in enumerate(whole_images()):
        try:
            encoder = _pair(dispatcher, seed)[1]
        except CdcError:  # a recording with minimal metadata of another table by that name
            continue
        body = event.table_map.body
        found[body] = LaneTable(seed, body, encoder, event.column_count, b"d", b"t", encoder is None)
    return found


def run_lane(dispatchers: tuple[Dispatcher, ...], _seed: int, data: bytes) -> None:
    """Feed a mutated stream to a lane; whatever it is, the lane reads on or stops before an event."""
    number = zlib.crc32(data)
    lane = Lane(SourceHead("v", "mysql", "p"), "", True, number % 3 == 0)
    lane.known = _lane_tables(dispatchers[0])
    lane.checksum = number % 2 == 0
    lane.open = number % 5 % 3
    lane.file = b"binlog.000001"
    lane.feed(data, 0, 0)
    assert 0 <= lane.at <= len(data)
    assert 0 <= lane.covered <= len(lane.out)
