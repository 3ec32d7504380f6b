"""What a window notes, and how much of it at most."""

from __future__ import annotations

import pytest

from faust_cdc.errors import InternalError
from faust_cdc.kafka.direct import Row
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.snapshot.windows import KEY_BYTES, MOVES, TOUCHED_BYTES_MAX, KeyWatch, SnapshotWindow, WindowState

HERE, BEHIND = BinlogPosition("binlog.000001", 4), BinlogPosition("binlog.000001", 400)


def test_a_filled_window_keeps_keys_of_its_rows_only() -> None:
    watch = KeyWatch()
    window = watch.open(3)
    watch.rows([(3, b"a", b""), (4, b"b", b""), (3, b"c", b"")], 0, 3)
    assert window.touched == {b"a", b"c"}
    window.fill([(3, b"a", b"1"), (3, b"b", b"2")], BEHIND)
    watch.record(3, b"b")
    watch.record(3, b"z")
    assert window.touched == {b"a", b"b"}
    assert (window.is_due(HERE), window.is_due(BEHIND)) == (False, True)
    watch.close(window)
    assert not watch


def test_rows_that_are_read_are_all_that_is_noted_in_a_long_transaction() -> None:
    window = SnapshotWindow(0)
    window.note(b"before")
    rows: list[Row] = [(0, b"a", b"1"), (0, b"b", b"2")]
    window.narrow(rows)
    for number in range(TOUCHED_BYTES_MAX // KEY_BYTES):
        window.note(b"%d" % number)
    window.note(b"b")
    assert (window.state, len(window.touched)) == (WindowState.OPEN, 2)
    window.fill(rows, BEHIND)
    assert window.touched == {b"b"}


def test_a_window_with_too_many_keys_is_dropped_and_holds_none() -> None:
    window = SnapshotWindow(0)
    size = 1000
    fit = TOUCHED_BYTES_MAX // (size + KEY_BYTES)
    for number in range(fit):
        window.note(b"%0*d" % (size, number))
        window.note(b"%0*d" % (size, number))  # counts once
    assert (window.state, len(window.touched)) == (WindowState.OPEN, fit)
    window.note(b"one more" * 1000)
    assert (window.state, window.is_overrun, window.touched) == (WindowState.DROPPED, True, set())
    window.note(b"later")
    assert not window.touched


def test_moves() -> None:
    for state in WindowState:
        for to in WindowState:
            window = SnapshotWindow(0)
            window._state = state
            if to in MOVES[state]:
                window._move(to)
            else:
                with pytest.raises(InternalError, match="Illegal move"):
                    window._move(to)
