"""A table without a key that tells its rows apart in the stream: read in one piece, at one place of the stream.

A read view is opened at an edge at which it shows all that was delivered, and the position behind it is taken. When
the stream has come there and nothing of the table went by, the table in the view is the table at that place: its rows
are written before the stream goes on. When something went by, the view is opened again. A table that is never quiet so
long (some milliseconds, the stream being level) is locked for as long as that takes, and released before its rows
are read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from faust_cdc.errors import InternalError, SourceRefused
from faust_cdc.mysql.chunk_session import ChunkSession
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.snapshot.progress import TableProgress
from faust_cdc.snapshot.table_copy import CopiedRows

log = logging.getLogger(__name__)

VIEWS_WITHOUT_LOCK = 20
NEAR_BYTES = 16 * 1024 * 1024
"""Of the binlog: so close behind the server the stream is level in a moment."""
LOOK_EVERY_S = 0.2


class WholeTable:
    """Waits for the place at which one table can be copied. For the task's thread only."""

    def __init__(
        self,
        captured: CapturedTable,
        progress: TableProgress,
        rows: CopiedRows,
        connect: Callable[[], ChunkSession],
        should_stop: Callable[[], bool],
    ) -> None:
        self.captured = captured
        self.progress = progress
        self.rows = rows
        self._connect = connect
        self._should_stop = should_stop
        self._session: ChunkSession | None = None
        self._lock: ChunkSession | None = None
        self._is_touched = False
        """Something of the table went by since the view was opened."""
        self.is_changed = False
        """A DDL statement went by: what is known of its structure may be wrong."""
        self._high: BinlogPosition | None = None
        self._views = 0
        self._look_at = 0.0

    @property
    def is_at_rest(self) -> bool:
        """True while neither a view is open nor the table locked, so that waiting costs nobody anything."""
        return self._high is None and self._lock is None

    @property
    def session(self) -> ChunkSession:
        """The session with the view; there once `is_at_view` said so."""
        if self._session is None:
            raise InternalError(f"{self.captured.id} is copied without a view.")
        return self._session

    def is_at_view(self, gtids: str | None, position: BinlogPosition) -> bool:
        """Return whether the table is, at this edge, what the view of `session` shows."""
        if self._high is None:
            self._open(gtids, position)
        if self._high is None or position < self._high:
            return False
        self._high = None
        if not self._is_touched:
            self.session.confirm()
            self._release()
            return True
        self.session.end()
        return False

    def connected(self) -> ChunkSession:
        """Return the session, opened if it is not; there need not be a view."""
        if self._session is None:
            self._session = self._connect()
        return self._session

    def touch(self) -> None:
        """Note that a change of the table went by."""
        self._is_touched = True

    def change(self) -> None:
        """Note that a DDL statement of the table went by."""
        self._is_touched = self.is_changed = True

    def learn(self, captured: CapturedTable) -> None:
        """Take the table as it is now; a view that is open shows it as it was."""
        self.captured, self.is_changed = captured, False
        self._is_touched = True

    def close(self) -> None:
        """Close the connections; the next time a view is opened they are had again."""
        self._release()
        self._high = None
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self, gtids: str | None, position: BinlogPosition) -> None:
        session = self.connected()
        if not self._is_near(session, position):
            return
        self._views += 1
        if self._views == VIEWS_WITHOUT_LOCK:
            self._acquire()
        self._is_touched = False
        if session.begin(gtids, position, self._should_stop):
            session.begin_view()
            self._high = session.high_watermark()

    def _is_near(self, session: ChunkSession, position: BinlogPosition) -> bool:
        """Return whether the stream is close behind the server: a view is open, and a lock held, until it is level."""
        if time.monotonic() < self._look_at:
            return False
        end = session.current_position()
        is_near = end.file == position.file and end.pos - position.pos <= NEAR_BYTES
        if not is_near:
            self._look_at = time.monotonic() + LOOK_EVERY_S
        return is_near

    def _acquire(self) -> None:
        self._lock = self._connect()
        try:
            self._lock.lock(self.captured.id)
            log.info("Snapshot: %s is never quiet and is locked until the stream is level with it", self.captured.id)
        except SourceRefused as refused:
            log.warning("Snapshot: %s is never quiet and may not be locked: %s", self.captured.id, refused)
            self._release()
            self._views = 0

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
