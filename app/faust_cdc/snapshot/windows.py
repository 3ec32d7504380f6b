"""Windows: how rows that are read beside the stream get into it without overtaking it.

A window is opened at the edge of a source transaction, before its rows are read, and from then on is told the key of
every record that the stream delivers for its table. The reader begins only when the server shows it all that the
stream had delivered by then. Behind the rows it takes the *high watermark*: the binlog position up to which
everything that the rows show is written. The rows are due at the first edge at or behind that position.

How a reader knows what the server shows: MySQL's executed GTIDs, the position of MariaDB's consistent read
(`mysql.chunk_session`), or, on MySQL without GTIDs, the end of a transaction of ours that is behind all of it in the
binlog and in the engine (`mysql.window_rows`); then the rows are written only if the stream has brought that
transaction by the time they are due, else the server did not show what it was asked for, and they are given up.

Why a row that is written is never older than what was delivered for its key:

- What was delivered before the window opened was visible to the read, so the row shows it or something later.
- What was delivered since has its key noted, and the row of a noted key is not written.

A key is that of a row of the table: other tables may share its topic, and have rows with equal keys.

Why nothing is lost by the rows that are not written: a change that the read saw is at or before the high watermark,
so by the time the rows are due the stream has delivered it. The last change of a noted key up to there is therefore
the row's state or a later one.

Why no second write of a row follows from it: a chunk's rows, its progress and the offset of the edge are in one Kafka
transaction; a range is read again only when that transaction was not committed.

    OPEN ──▶ FILLED ──▶ WRITTEN
      └────────┴─────▶ DROPPED      (DDL touched the table, the snapshot was stopped, too many keys were noted)

A window notes at most some megabytes of keys while its rows are read: one that had more is dropped, and its range read
again in halves, which takes less time. Once the rows are read it notes their keys only, however long it then waits for
the end of a source transaction.

After DBLog (Andreakis and Papapanagiotou, 2020), section 3; Debezium writes the watermarks into the source, which is
not needed where the server says which transactions are visible. Where they are written, the window is wider than
between our two rows: it is open before the first is written. More rows are dropped for that, and none that counts.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from faust_cdc.errors import InternalError
from faust_cdc.kafka.direct import Row
from faust_cdc.mysql.positions import BinlogPosition

TOUCHED_BYTES_MAX = 16 * 1024 * 1024
"""Of the keys that one window notes."""
KEY_BYTES = 100
"""What a key takes beside its bytes: an object, and its place in a set."""


class WindowState(enum.Enum):
    """Where a window stands."""

    OPEN = "open"
    FILLED = "filled"
    WRITTEN = "written"
    DROPPED = "dropped"


MOVES: Mapping[WindowState, frozenset[WindowState]] = {
    WindowState.OPEN: frozenset({WindowState.FILLED, WindowState.DROPPED}),
    WindowState.FILLED: frozenset({WindowState.WRITTEN, WindowState.DROPPED}),
    WindowState.WRITTEN: frozenset(),
    WindowState.DROPPED: frozenset(),
}


class SnapshotWindow:
    """One window; everything but the reading and `narrow` happens in the task's thread."""

    def __init__(self, topic: int, others: tuple[int, ...] = ()) -> None:
        """`topic` is the number by which rows of the table name its topic; another table's is another, in any topic.

        `others` are those of further topics of the table.
        """
        self.topics = (topic, *others)
        self._state = WindowState.OPEN
        self.touched: set[bytes | None] = set()
        """Keys that the stream has delivered since; once its rows are read, only theirs."""
        self._touched_bytes = 0
        self._keys: set[bytes | None] | None = None
        self.high_watermark: BinlogPosition | None = None
        self.is_overrun = False
        """True when it was dropped as too many keys were noted."""

    @property
    def state(self) -> WindowState:
        """The state now."""
        return self._state

    def note(self, key: bytes | None) -> None:
        """Note that the stream delivers a record with this key."""
        keys = self._keys
        if keys is not None:
            if key in keys:
                self.touched.add(key)
        elif key not in self.touched and self._state is WindowState.OPEN:
            self.touched.add(key)
            self._touched_bytes += KEY_BYTES + len(key or b"")
            if self._touched_bytes > TOUCHED_BYTES_MAX:
                self.is_overrun = True
                self.touched.clear()
                self.drop()

    def narrow(self, rows: list[Row]) -> None:
        """Note keys of these rows only from now on, for they are all that were read. To be called by who read them."""
        self._keys = {key for _, key, _ in rows}

    def fill(self, rows: list[Row], high_watermark: BinlogPosition) -> None:
        """Note what was read, and up to where the stream must come before it is due."""
        self._move(WindowState.FILLED)
        self.high_watermark = high_watermark
        if self._keys is None:
            self._keys = {key for _, key, _ in rows}
        self.touched &= self._keys

    def is_due(self, position: BinlogPosition) -> bool:
        """True when the stream stands at an edge, `position`, at which the rows are to be written."""
        return self._state is WindowState.FILLED and self.high_watermark is not None and position >= self.high_watermark

    def written(self) -> None:
        """Note that the rows are written."""
        self._move(WindowState.WRITTEN)

    def drop(self) -> None:
        """Give the rows up: they are to be read again, or not at all."""
        self._move(WindowState.DROPPED)

    def _move(self, to: WindowState) -> None:
        if to not in MOVES[self._state]:
            raise InternalError(f"Illegal move of a snapshot window {self._state.value} → {to.value}.")
        self._state = to


class KeyWatch:
    """Tells windows what the stream delivers; asked with every row, so it is cheap where none is open."""

    def __init__(self) -> None:
        self._windows: dict[int, list[SnapshotWindow]] = {}

    def __bool__(self) -> bool:
        """True while a window is open or filled."""
        return bool(self._windows)

    def open(self, topic: int, *others: int) -> SnapshotWindow:
        """Open a window; to be called at an edge of a source transaction only.

        `others` are numbers of further topics in which rows of the table have their records, with keys of their own.
        """
        window = SnapshotWindow(topic, others)
        for number in window.topics:
            self._windows.setdefault(number, []).append(window)
        return window

    def close(self, window: SnapshotWindow) -> None:
        """Tell the window nothing any more."""
        for number in window.topics:
            windows = self._windows.get(number, [])
            if window in windows:
                windows.remove(window)
            if not windows:
                self._windows.pop(number, None)

    def rows(self, rows: list[Row], at: int, stop: int) -> None:
        """Note the keys of `rows[at:stop]`."""
        windows = self._windows
        for place in range(at, stop):
            topic, key, _ = rows[place]
            if topic in windows:
                for window in windows[topic]:
                    window.note(key)

    def record(self, topic: int, key: bytes | None) -> None:
        """Note the key of one record."""
        for window in self._windows.get(topic, ()):
            window.note(key)
