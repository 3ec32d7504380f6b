"""A table without a key that tells its rows apart in the stream: read in one piece, at one place of the stream.

A read view is opened at an edge at which it shows all that was delivered, and the position behind it is taken. When
the stream has come there and nothing of the table went by, the table in the view is the table at that place: its rows
are written before the stream goes on. When something went by, the view is opened again. A table that is never quiet so
long (some milliseconds, the stream being level) is locked for as long as that takes, and released before its rows
are read.

The server may take its time to open a view: it shows a transaction that it has sent only when replicas have it too, or
somebody has the signal table locked. So it is opened in a thread, and the stream goes on meanwhile. That is the same to
the view: what goes by from the edge on at which its opening began has it opened again, whether it shows that or not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from faust_cdc.errors import CdcError, InternalError, SourceRefused
from faust_cdc.mysql.chunk_session import ChunkSession
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.pipeline.captured import CapturedTable
from faust_cdc.relational.model import TableId
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
        self._opening: _Opening | None = None
        self._high: BinlogPosition | None = None
        self._views = 0
        self._look_at = 0.0

    @property
    def is_at_rest(self) -> bool:
        """True while neither a view is open nor the table locked, so that waiting costs nobody anything."""
        return self._high is None and self._lock is None and self._opening is None

    @property
    def session(self) -> ChunkSession:
        """The session with the view; there once `is_at_view` said so."""
        if self._session is None:
            raise InternalError(f"{self.captured.id} is copied without a view.")
        return self._session

    def is_at_view(self, gtids: str | None, position: BinlogPosition) -> bool:
        """Return whether the table is, at this edge, what the view of `session` shows.

        Raises what the opening of the view met, ChunkLocked where somebody has a table locked that it needs.
        """
        if self._high is None:
            self._open(gtids, position)
        if self._high is None or position < self._high:
            return False
        self._high = None
        if not self._is_touched:
            self.session.confirm()
            self._release()
            return True
        self.session.forget()
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
        if self._opening is not None:
            self._opening.abandon()
            self._opening = None
        self._release()
        self._high = None
        if self._session is not None:
            self._session.forget()
            self._session.close()
            self._session = None

    def _open(self, gtids: str | None, position: BinlogPosition) -> None:
        opening = self._opening
        if opening is None:
            if not self._is_near(self.connected(), position):
                return
            self._views += 1
            locks = self._lock is None and self._views >= VIEWS_WITHOUT_LOCK
            self._is_touched = False
            to_lock = self.captured.id if locks else None
            opening = self._opening = _Opening(self._connect, self._session, self._lock, to_lock)
            self._session = self._lock = None
            opening.begin(gtids, position, self._should_stop)
        if not opening.is_done:
            return
        self._opening, self._session, self._lock = None, opening.session, opening.lock
        if opening.refused_lock is not None:
            log.warning("Snapshot: %s is never quiet and may not be locked: %s", self.captured.id, opening.refused_lock)
            self._views = 0
        if opening.error is not None:
            raise opening.error
        self._high = opening.high

    def _is_near(self, session: ChunkSession, position: BinlogPosition) -> bool:
        """Return whether the stream is close behind the server: a view is open, and a lock held, until it is level."""
        if time.monotonic() < self._look_at:
            return False
        end = session.current_position()
        is_near = end.file == position.file and end.pos - position.pos <= NEAR_BYTES
        if not is_near:
            self._look_at = time.monotonic() + LOOK_EVERY_S
        return is_near

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class _Opening:
    """A view that is opened in a thread of its own, which has the connections until it is done."""

    def __init__(
        self,
        connect: Callable[[], ChunkSession],
        session: ChunkSession | None,
        lock: ChunkSession | None,
        to_lock: TableId | None,
    ) -> None:
        """`to_lock` is to be locked before, None: nothing is, but what `lock` has locked."""
        self._connect = connect
        self.session = session
        self.lock = lock
        self._to_lock = to_lock
        self._turn = threading.Lock()
        self._is_abandoned = False
        self.is_done = False
        """True when the connections are the task thread's again, with the view or without."""
        self.high: BinlogPosition | None = None
        """The position before which all lies that the view shows."""
        self.error: Exception | None = None
        self.refused_lock: SourceRefused | None = None

    def begin(self, gtids: str | None, position: BinlogPosition, should_stop: Callable[[], bool]) -> None:
        """Open a view that shows all that the stream has delivered up to `position`, the executed set being `gtids`."""
        arguments = (gtids, position, should_stop)
        threading.Thread(target=self._run, args=arguments, name="snapshot-view", daemon=True).start()

    def abandon(self) -> None:
        """Close the connections, if need be when the server has answered."""
        with self._turn:
            self._is_abandoned = True
            if self.is_done:
                self._close()
                return
            for session in (self.session, self.lock):
                if session is not None:
                    session.interrupt()

    def _run(self, gtids: str | None, position: BinlogPosition, should_stop: Callable[[], bool]) -> None:
        try:
            self._open(gtids, position, should_stop)
        except CdcError as error:
            self.error = error
        except Exception as error:  # which the task would wait for for ever
            self.error = InternalError(f"Opening a view: {type(error).__name__}: {error}")
        with self._turn:
            self.is_done = True
            if self._is_abandoned:
                self._close()

    def _open(self, gtids: str | None, position: BinlogPosition, should_stop: Callable[[], bool]) -> None:
        if self._to_lock is not None:
            self._lock(self._to_lock)
        if self.session is None:
            self.session = self._connect()
        if self.session.begin(gtids, position, should_stop):
            self.session.begin_view()
            self.high = self.session.high_watermark()

    def _lock(self, table: TableId) -> None:
        lock = self._connect()
        try:
            lock.lock(table)
        except SourceRefused as refused:
            lock.close()
            self.refused_lock = refused
            return
        except BaseException:
            lock.close()
            raise
        self.lock = lock
        log.info("Snapshot: %s is never quiet and is locked until the stream is level with it", table)

    def _close(self) -> None:
        for session in (self.session, self.lock):
            if session is not None:
                session.forget()
                session.close()
