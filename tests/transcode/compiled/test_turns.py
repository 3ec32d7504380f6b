"""The encoder of a large event lets other threads run: compiled code gives the interpreter to nobody by itself."""

from __future__ import annotations

import struct
import threading
import time

from faust_cdc.binlog import codes
from faust_cdc.binlog.events import TableMapColumn
from faust_cdc.transcode.compiled.program import row_encoder
from faust_cdc.transcode.compiled.rows import INSERT
from tests.transcode.images import columns, table, table_map, transcoder

ROWS, TURNS, TRIES = 80_000, 3, 30
ROW = struct.Struct("<xqH80s")


def test_other_threads_have_turns_while_a_large_event_is_encoded() -> None:
    wire = (TableMapColumn(codes.LONGLONG, 0, False), TableMapColumn(codes.VARCHAR, 400, False))
    described = table(*columns("bigint NOT NULL", "varchar(100) NOT NULL"), key=("c0",))
    encoder = row_encoder(transcoder(described, *wire), table_map(*wire), False)
    assert encoder is not None
    event = b"".join(ROW.pack(number, 80, b"x" * 80) for number in range(ROWS))
    turns: list[float] = []
    ended = threading.Event()

    def take_turns() -> None:
        while not ended.is_set():
            turns.append(time.perf_counter())
            time.sleep(0.0005)

    other = threading.Thread(target=take_turns)
    other.start()
    try:
        # Several tries: on a busy machine the other thread may have no core for as long as the encoder takes.
        assert any(_turns_within(encoder, event, turns) >= TURNS for _ in range(TRIES))
    finally:
        ended.set()
        other.join()


def _turns_within(encoder: object, event: bytes, turns: list[float]) -> int:
    turns.clear()
    began = time.perf_counter()
    assert len(encoder.encode(INSERT, event, 0, 0, b"", b"", b"")) == ROWS  # type: ignore[attr-defined]
    ended = time.perf_counter()
    return sum(began < turn < ended for turn in turns)
