"""A snapshot that stays in its midst for as long as a test wants it there, however slow or fast the machine is.

A limit of its rate says only how long a snapshot takes at least: what a test does meanwhile may come too late. The
readers are therefore held as under pressure: a chunk that is asked for is handed back unread, until they are let go.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from faust_cdc.relational.model import TableId
from faust_cdc.snapshot.chunk_reader import Chunk, ChunkReaders

AGAIN_S = 0.1
"""Between two looks at whether the readers may go on."""
HELD_MAX_S = 120.0


class Hold:
    """Lets the readers of snapshots read some chunks of each table, and no more of it until they are let go."""

    def __init__(self, patch: pytest.MonkeyPatch, chunks: int | None = None) -> None:
        """`chunks` as in `after`; None: nothing is held yet."""
        self._turn = threading.Lock()
        self._chunks, self._read, self._free = chunks, Counter[TableId](), set[str]()
        self._is_held = threading.Event()
        fill = ChunkReaders._fill

        def held(readers: ChunkReaders, session: Any, chunk: Chunk) -> None:
            if self._may_read(chunk.request.ranges.table.id):
                fill(readers, session, chunk)
            else:
                readers._hold(chunk, AGAIN_S, "a test holds the snapshot")

        patch.setattr(ChunkReaders, "_fill", held)

    def after(self, chunks: int) -> None:
        """Hold each table from here on when so many chunks more of it are read."""
        with self._turn:
            self._chunks = chunks
            self._read.clear()
            self._free.clear()
            self._is_held.clear()

    def wait(self) -> None:
        """Wait until a table is held: its chunks are read, and written or soon to be."""
        assert self._is_held.wait(HELD_MAX_S), "no table came so far that it was held"

    def let_go(self, table: str | None = None) -> None:
        """Let the readers go on, with one table or with all."""
        with self._turn:
            if table is None:
                self._chunks = None
            else:
                self._free.add(table)

    def _may_read(self, table: TableId) -> bool:
        with self._turn:
            if self._chunks is None or table.table in self._free:
                return True
            if self._read[table] < self._chunks:
                self._read[table] += 1
                return True
        self._is_held.set()
        return False
