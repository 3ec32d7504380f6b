"""`streaming.rate.limit`: how fast the binlog is read, by time of day.

Records that the stream writes (those of a snapshot, heartbeats and notifications are not its) are owed, and paid off as
time passes (`rate_limiter`). While more than a moment's is owed, nothing is read from the socket. So in any span the
stream writes at most the rate times the span, a second's more, and what was read at a time: what lay in the socket, up
to 256 KiB of binlog or one larger event, and the rest of a source transaction.

- The stream is held between two source transactions, where commands, heartbeats and snapshots have their turn: one that
  ends within `READ_ON_EVENTS_MAX` events is read to its end first. In a larger one it is held inside: they wait for its
  end, as they do without a limit, and it becomes visible in parts once its Kafka transaction is half as old as it may
  become (`CommitLimits.part_age_max_ms`). One that must stay whole (XA) is then read to its end, whatever is owed.
- What is complete is committed before the stream is held for longer than `COMMIT_AHEAD_S`.
- A snapshot goes on, but a chunk that shows more than the stream has read waits for the stream. So do signals that come
  by a table: they are part of the stream.
- The server waits meanwhile with its next bytes, an hour at most (the session's `net_write_timeout`, see
  `BinlogReader`); then it gives the connection up, and so may a proxy that sees no bytes. This is found when the stream
  is read on, and is no fault: `SourceConnectionOutwaited` has the task connect again at once, where it stands. A binlog
  that the server has purged by then is missing, as after any time without us: pauses must be shorter than it is kept.
"""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Callable

from faust_cdc.errors import SourceConnectionLost, SourceConnectionOutwaited
from faust_cdc.mysql.positions import BinlogPosition
from faust_cdc.offsets import SourceOffset
from faust_cdc.pipeline.rate_limiter import RateLimiter
from faust_cdc.pipeline.streaming import EventSource, StreamingSource
from faust_cdc.pipeline.transaction_writer import TransactionWriter

log = logging.getLogger(__name__)

HOLD_MIN_S = 0.01
"""Less is not waited for, but stays owed: each wait ends a Kafka transaction."""
COMMIT_AHEAD_S = 0.1
READ_ON_EVENTS_MAX = 100
"""Of one source transaction, after the limit is reached."""


class Turn(enum.Enum):
    """What the stream may do next."""

    BATCH = "batch"
    """Read what there is."""
    EVENT = "event"
    """Read one event of the open source transaction."""
    HOLD = "hold"


class Allowance:
    """What is owed, and what may be read in view of it. For one thread."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._records = self._size_bytes = 0
        self._read_on = 0
        self.wait_s = 0.0
        """How long nothing should be read, when that was last asked."""

    def note(self, records: int, size_bytes: int) -> None:
        """Note what the stream has written."""
        self._records += records
        self._size_bytes += size_bytes

    def ended(self) -> None:
        """Note that a source transaction has ended."""
        self._read_on = 0

    def ask(self) -> float:
        """Return how long nothing should be read, in seconds."""
        self.wait_s = self._limiter.take(self._records, self._size_bytes)
        self._records = self._size_bytes = 0
        return self.wait_s

    def turn(self, *, in_transaction: bool, must_end: bool) -> Turn:
        """Say what comes next; `must_end`: the open source transaction is to be read to its end."""
        if self.ask() < HOLD_MIN_S or must_end:
            return Turn.BATCH
        if in_transaction and self._read_on < READ_ON_EVENTS_MAX:
            self._read_on += 1
            return Turn.EVENT
        return Turn.HOLD

    def __str__(self) -> str:
        return str(self._limiter.rate)


class ThrottledEvents:
    """The events of another source, as fast as a limit allows."""

    def __init__(
        self,
        source: EventSource,
        stream: StreamingSource,
        writer: TransactionWriter,
        limiter: RateLimiter,
        wait: Callable[[float], object],
        report: Callable[[], None],
        heartbeat_ms: int,
    ) -> None:
        """Made once `stream.edge` is set, for it is told of edges, too.

        `wait` waits so many seconds, less when the task is to stop; `report` is called after a commit. A connection
        that is lost after nothing was read from it for three heartbeats is taken for one that was given up for that.
        """
        self._source = source
        self._writer = writer
        self._allowance = Allowance(limiter)
        self._wait = wait
        self._report = report
        self._patience_s = 3 * heartbeat_ms / 1000
        self._mark = writer.written
        self._edge, stream.edge = stream.edge, self._at_edge
        self._held_at: float | None = None
        self._counted_at = 0.0
        self._read_at = 0.0
        self._unread_s = 0.0
        """The longest time for which nothing was read from a connection of which we do not know whether it lives."""
        self._said = ""

    @property
    def in_transaction(self) -> bool:
        """True between the first and the last event of a source transaction."""
        return self._source.in_transaction

    @property
    def position(self) -> BinlogPosition:
        """The end of the last event."""
        return self._source.position

    def split(self) -> SourceOffset | None:
        """Return the offset of this place inside the open transaction; see `EventSource.split`."""
        return self._source.split()

    def step_one(self, timeout_ms: int) -> bool:
        """Handle one event whatever is owed; see `EventSource.step_one`."""
        return self._read(self._source.step_one, timeout_ms)

    def step(self, timeout_ms: int) -> bool:
        """Handle what has come and may be read, or wait up to `timeout_ms`; False when nothing was.

        Raises SourceConnectionOutwaited when the connection is found to be lost after the stream was held for long.
        """
        source = self._source
        turn = self._allowance.turn(in_transaction=source.in_transaction, must_end=self._writer.needs_split())
        if turn is Turn.HOLD:
            self._hold(timeout_ms)
            return False
        if self._held_at is not None:
            self._read_at = time.monotonic()
            self._unread_s = max(self._unread_s, self._read_at - self._held_at)
            self._held_at = None
        return self._read(source.step if turn is Turn.BATCH else source.step_one, timeout_ms)

    def _read(self, step: Callable[[int], bool], timeout_ms: int) -> bool:
        self._mark = self._writer.written
        try:
            some = step(timeout_ms)
        except SourceConnectionLost as lost:
            if self._unread_s <= self._patience_s:
                raise
            raise SourceConnectionOutwaited(
                f"streaming.rate.limit held the stream for {self._unread_s:.0f} s, and then: {lost.message}"
            ) from lost
        self._note()
        # All is read that came meanwhile, and the end of the connection would have come behind it.
        if not some and self._unread_s and time.monotonic() - self._read_at > self._patience_s:
            self._unread_s = 0.0
        return some

    def _at_edge(self, position: BinlogPosition) -> None:
        self._note()
        self._allowance.ended()
        self._edge(position)
        self._mark = self._writer.written  # what a snapshot wrote is not the stream's
        if self._allowance.ask() >= COMMIT_AHEAD_S:
            self._writer.commit()
            self._report()

    def _note(self) -> None:
        records, size_bytes = self._writer.written
        self._allowance.note(records - self._mark[0], size_bytes - self._mark[1])
        self._mark = records, size_bytes

    def _hold(self, timeout_ms: int) -> None:
        now = time.monotonic()
        if self._held_at is None:
            self._held_at = self._counted_at = now
            if self._said != (said := str(self._allowance)):
                log.info("The stream is held to streaming.rate.limit: now %s", said)
                self._said = said
        self._wait(min(timeout_ms / 1000, self._allowance.wait_s))
        now = time.monotonic()
        self._writer.stages.throttled_s += now - self._counted_at
        self._counted_at = now
