"""Whether a start takes a snapshot, of what, and where the stream begins: `snapshot.mode` and the stored offset.

Held against Debezium 3.6.1: its Snapshotters (`shouldSnapshotData`, `shouldSnapshotSchema`, `shouldStream`, on schema
and on data error) and what BaseSourceTask.validateSchemaHistory, RelationalSnapshotChangeEventSource and
ChangeEventSourceCoordinator make of them. `offset`: there is a stored one of a complete snapshot.

    mode                  no offset        unfinished       offset                position lost
    initial               data             data             stream                error
    always                data             data             data, once a start    data
    initial_only          data, no stream  data, no stream  nothing               nothing
    no_data               schema           schema           stream                error
    recovery              error            stream           stream                error
    when_needed           data             data             stream                as without an offset
    configuration_based   as its switches say

With `schema` nothing is read but the position: structures come from the server when they are needed.

Where we differ, each time because Debezium would lose changes or fail without need:

- `always`, and `configuration_based` with data, do not ask for the old position, which they do not need; Debezium
  fails when it is lost.
- They take their snapshot once in a task's life: a connection that is lost and had again is no new start.
- `configuration_based` with schema and without data goes on at the stored offset. Debezium takes the position of now
  at every start, and what was changed in between never arrives.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from faust_cdc.config.snapshot_settings import ModeSwitches, SnapshotMode, SnapshotSettings
from faust_cdc.errors import BinlogNotAvailable, FatalError, GtidGap
from faust_cdc.offsets import SourceOffset
from faust_cdc.offsets.model import INITIAL_SNAPSHOT

PositionLost = BinlogNotAvailable | GtidGap
"""What the server's answer is when the changes after an offset are not to be had from it any more."""


class OffsetState(enum.Enum):
    """What is known of a connector at its start."""

    NONE = "none"
    UNFINISHED = "unfinished"
    """Its initial snapshot was begun and did not come to its end."""
    COMPLETE = "complete"


def offset_state(stored: SourceOffset | None) -> OffsetState:
    """Return what a stored offset says; one of an incremental snapshot under way is that of a stream."""
    if stored is None:
        return OffsetState.NONE
    return OffsetState.UNFINISHED if stored.snapshot == INITIAL_SNAPSHOT else OffsetState.COMPLETE


class Take(enum.Enum):
    """What is read before the stream."""

    NOTHING = "nothing"
    SCHEMA = "schema"
    """Structures, and the position with them; no rows."""
    DATA = "data"


class StartAt(enum.Enum):
    """Where the stream begins, and where the offset stands when there is none."""

    SNAPSHOT = "snapshot"
    """At the position of what is taken."""
    STORED = "stored"
    OLDEST = "oldest"
    """At the beginning of the oldest binlog file that the server has."""


@dataclass(frozen=True, slots=True)
class SnapshotDecision:
    """What a start does."""

    take: Take
    start_at: StartAt
    stream: bool
    """False: the task stays idle once everything is taken."""
    reason: str
    """A sentence for the log."""

    @property
    def needs_position(self) -> bool:
        """Whether the changes after the stored offset must still be there."""
        return self.stream and self.start_at is StartAt.STORED


_SWITCHES: dict[SnapshotMode, ModeSwitches] = {
    # Of the modes that look at the offset: what they do without one.
    SnapshotMode.INITIAL: ModeSwitches(True, True, True, False, False),
    SnapshotMode.INITIAL_ONLY: ModeSwitches(True, True, False, False, False),
    SnapshotMode.WHEN_NEEDED: ModeSwitches(True, True, True, False, True),
    SnapshotMode.NO_DATA: ModeSwitches(False, True, True, False, False),
    # Of those that do not: what they do at every start.
    SnapshotMode.ALWAYS: ModeSwitches(True, True, True, False, False),
    SnapshotMode.RECOVERY: ModeSwitches(False, True, True, True, False),
}
_AT_EVERY_START = frozenset((SnapshotMode.ALWAYS, SnapshotMode.RECOVERY, SnapshotMode.CONFIGURATION_BASED))


def decide(
    settings: SnapshotSettings, offset: OffsetState, lost: PositionLost | None = None, *, is_taken: bool = False
) -> SnapshotDecision:
    """Return what a start does.

    `lost` is what the server said to the question whether the offset's changes are still there, None before it was
    asked (see `needs_position`) and when they are. `is_taken`: an earlier attempt of this task took its snapshot.
    Raises FatalError when the mode forbids what would be needed, and `lost` itself when it is not for a snapshot.
    """
    switches, mode = _SWITCHES.get(settings.mode, settings.switches), settings.mode.value
    if offset is OffsetState.NONE:
        if switches.snapshot_on_schema_error:
            raise FatalError(
                f"snapshot.mode={mode} goes on from a stored offset, and there is none.",
                remedy="set snapshot.mode=initial, or set an offset to stream from",
            )
        return _anew(switches, _why(mode, offset))
    at_every_start = settings.mode in _AT_EVERY_START
    snapshots = offset is OffsetState.UNFINISHED or (at_every_start and not is_taken)
    data, schema = snapshots and switches.snapshot_data, snapshots and switches.snapshot_schema
    if data:
        return _anew(switches, _why(mode, offset))
    if offset is OffsetState.UNFINISHED:
        if not schema:
            raise FatalError(
                f"The last snapshot did not come to its end, and snapshot.mode={mode} takes none.",
                remedy="set snapshot.mode=initial or when_needed, or set an offset to stream from",
            )
        if settings.mode is not SnapshotMode.RECOVERY:
            return _anew(switches, _why(mode, offset))
    if lost is not None:
        if not switches.snapshot_on_data_error and not (at_every_start and switches.snapshot_data):
            raise lost
        return _anew(switches, f"snapshot.mode={mode}, and the stored position is gone: {lost.message}")
    take = Take.SCHEMA if schema else Take.NOTHING
    return SnapshotDecision(take, StartAt.STORED, switches.start_stream, _why(mode, offset))


def _anew(switches: ModeSwitches, reason: str) -> SnapshotDecision:
    """What is done when no offset counts."""
    take = Take.DATA if switches.snapshot_data else Take.SCHEMA if switches.snapshot_schema else Take.NOTHING
    start_at = StartAt.OLDEST if take is Take.NOTHING else StartAt.SNAPSHOT
    return SnapshotDecision(take, start_at, switches.start_stream, reason)


def _why(mode: str, offset: OffsetState) -> str:
    found = {
        OffsetState.NONE: "there is no offset",
        OffsetState.UNFINISHED: "the last snapshot did not come to its end",
        OffsetState.COMPLETE: "there is an offset",
    }
    return f"snapshot.mode={mode}, and {found[offset]}"
