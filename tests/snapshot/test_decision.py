"""Whether a start takes a snapshot: every mode, offset and loss, against Debezium's rules as its 3.6.1 has them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import astuple, dataclass

import pytest

from faust_cdc.config.snapshot_settings import ModeSwitches, SnapshotMode, SnapshotSettings
from faust_cdc.errors import BinlogNotAvailable, CdcError, FatalError, GtidGap
from faust_cdc.offsets import SourceOffset
from faust_cdc.snapshot.decision import OffsetState, SnapshotDecision, StartAt, Take, decide, offset_state

NONE, UNFINISHED, COMPLETE = OffsetState
LOST = GtidGap("gone", remedy="take a new one")
Outcome = tuple[Take, StartAt, bool] | str
"""What is taken, where the stream begins, whether there is one; or that the task fails."""
FAILS = "fails"


@dataclass(frozen=True)
class Snapshotter:
    """Debezium's interface, as its ten classes fill it."""

    data_without_offset: bool
    data_always: bool
    schema_without_offset: bool
    schema_always: bool
    stream: bool
    on_schema_error: bool
    on_data_error: bool
    from_snapshot: bool = True

    def data(self, exists: bool, running: bool) -> bool:
        return self.data_always or (self.data_without_offset and (not exists or running))

    def schema(self, exists: bool, running: bool) -> bool:
        return self.schema_always or (self.schema_without_offset and (not exists or running))


DEBEZIUM = {
    SnapshotMode.INITIAL: Snapshotter(True, False, True, False, True, False, False),
    SnapshotMode.ALWAYS: Snapshotter(True, True, True, True, True, False, False),
    SnapshotMode.INITIAL_ONLY: Snapshotter(True, False, True, False, False, False, False),
    SnapshotMode.NO_DATA: Snapshotter(False, False, True, False, True, False, False),
    SnapshotMode.RECOVERY: Snapshotter(False, False, True, True, True, True, False, from_snapshot=False),
    SnapshotMode.WHEN_NEEDED: Snapshotter(True, False, True, False, True, False, True),
}


def snapshotter(settings: SnapshotSettings) -> Snapshotter:
    if settings.mode is not SnapshotMode.CONFIGURATION_BASED:
        return DEBEZIUM[settings.mode]
    data, schema, stream, on_schema_error, on_data_error = astuple(settings.switches)
    return Snapshotter(data, data, schema, schema, stream, on_schema_error, on_data_error)


def theirs(settings: SnapshotSettings, offset: OffsetState, lost: bool) -> Outcome:
    """BaseSourceTask.validateSchemaHistory with a history, getSnapshottingTask, determineSnapshotOffset, in order."""
    one, exists = snapshotter(settings), offset is not NONE
    running = offset is UNFINISHED
    if not exists:
        if one.on_schema_error:
            return FAILS
    elif running:
        if not one.data(True, True) and not one.schema(True, True):
            return FAILS
    elif lost and one.stream:
        if not one.on_data_error:
            return FAILS
        exists = False
    data, schema = one.data(exists, running), one.schema(exists, running)
    if not data and not schema:
        return Take.NOTHING, StartAt.STORED if exists else StartAt.OLDEST, one.stream
    stored = exists and not one.from_snapshot
    return Take.DATA if data else Take.SCHEMA, StartAt.STORED if stored else StartAt.SNAPSHOT, one.stream


def ours(settings: SnapshotSettings, offset: OffsetState, lost: bool, *, is_taken: bool = False) -> Outcome:
    """As the coordinator asks: the server is asked for the position only where the decision needs it."""
    try:
        found = decide(settings, offset, is_taken=is_taken)
        if lost and found.needs_position:
            found = decide(settings, offset, LOST, is_taken=is_taken)
    except CdcError:
        return FAILS
    return found.take, found.start_at, found.stream


def difference(settings: SnapshotSettings, offset: OffsetState, lost: bool) -> str | None:
    """Why ours is another on purpose; None where it may not be."""
    switches = settings.switches
    based = settings.mode is SnapshotMode.CONFIGURATION_BASED
    always_data = settings.mode is SnapshotMode.ALWAYS or (based and switches.snapshot_data)
    if offset is COMPLETE and lost and always_data:
        return "the old position is not needed"
    if offset is COMPLETE and based and switches.snapshot_schema and not switches.snapshot_data:
        return "what was changed since the offset is not left out"
    if offset is UNFINISHED and lost and settings.mode is SnapshotMode.RECOVERY:
        return "the loss is seen before the stream begins"
    return None


def all_settings() -> Iterator[SnapshotSettings]:
    for mode in SnapshotMode:
        if mode is not SnapshotMode.CONFIGURATION_BASED:
            yield SnapshotSettings(mode)
    for switches in itertools.product((False, True), repeat=5):
        yield SnapshotSettings(SnapshotMode.CONFIGURATION_BASED, ModeSwitches(*switches))


def test_every_combination_is_decided_as_debezium_does() -> None:
    seen, count = set(), 0
    for settings, offset, lost in itertools.product(all_settings(), OffsetState, (False, True)):
        if offset is NONE and lost:
            continue
        count += 1
        reason = difference(settings, offset, lost)
        left, right = theirs(settings, offset, lost), ours(settings, offset, lost)
        if left == right:
            continue
        assert reason is not None, (settings, offset, lost, left, right)
        seen.add(reason)
    assert count == (6 + 32) * 5
    assert seen == {
        "the old position is not needed",
        "what was changed since the offset is not left out",
        "the loss is seen before the stream begins",
    }


DATA, SCHEMA, NOTHING = Take.DATA, Take.SCHEMA, Take.NOTHING
SNAPSHOT, STORED, OLDEST = StartAt.SNAPSHOT, StartAt.STORED, StartAt.OLDEST


@pytest.mark.parametrize(
    ("mode", "without", "unfinished", "complete", "lost"),
    [
        ("initial", (DATA, SNAPSHOT, True), (DATA, SNAPSHOT, True), (NOTHING, STORED, True), FAILS),
        ("always", (DATA, SNAPSHOT, True), (DATA, SNAPSHOT, True), (DATA, SNAPSHOT, True), (DATA, SNAPSHOT, True)),
        (
            "initial_only",
            (DATA, SNAPSHOT, False),
            (DATA, SNAPSHOT, False),
            (NOTHING, STORED, False),
            (NOTHING, STORED, False),
        ),
        ("no_data", (SCHEMA, SNAPSHOT, True), (SCHEMA, SNAPSHOT, True), (NOTHING, STORED, True), FAILS),
        ("recovery", FAILS, (SCHEMA, STORED, True), (SCHEMA, STORED, True), FAILS),
        (
            "when_needed",
            (DATA, SNAPSHOT, True),
            (DATA, SNAPSHOT, True),
            (NOTHING, STORED, True),
            (DATA, SNAPSHOT, True),
        ),
    ],
)
def test_the_table_of_the_modes(
    mode: str, without: Outcome, unfinished: Outcome, complete: Outcome, lost: Outcome
) -> None:
    settings = SnapshotSettings(SnapshotMode(mode))
    found = [ours(settings, offset, False) for offset in OffsetState]
    assert found == [without, unfinished, complete]
    assert ours(settings, COMPLETE, True) == lost


@pytest.mark.parametrize("settings", all_settings(), ids=lambda one: f"{one.mode.value}-{astuple(one.switches)}")
def test_a_snapshot_of_this_start_is_not_taken_twice(settings: SnapshotSettings) -> None:
    """A connection that was lost and is had again goes on where the snapshot ended."""
    again = ours(settings, COMPLETE, False, is_taken=True)
    assert again == (NOTHING, STORED, again[2])
    if settings.mode is SnapshotMode.ALWAYS:
        assert ours(settings, COMPLETE, True, is_taken=True) == (DATA, SNAPSHOT, True)
        assert ours(settings, UNFINISHED, False, is_taken=True) == (DATA, SNAPSHOT, True)


def test_errors_say_what_to_do_and_the_servers_answer_stays() -> None:
    with pytest.raises(FatalError, match=r"snapshot\.mode=recovery goes on from a stored offset.*initial"):
        decide(SnapshotSettings(SnapshotMode.RECOVERY), NONE)
    nothing = SnapshotSettings(SnapshotMode.CONFIGURATION_BASED, ModeSwitches(start_stream=True))
    with pytest.raises(FatalError, match=r"not come to its end, and snapshot\.mode=configuration_based takes"):
        decide(nothing, UNFINISHED)
    lost = BinlogNotAvailable("file 7 is gone")
    with pytest.raises(BinlogNotAvailable) as raised:
        decide(SnapshotSettings(), COMPLETE, lost)
    assert raised.value is lost
    found = decide(SnapshotSettings(SnapshotMode.WHEN_NEEDED), COMPLETE, lost)
    assert found == SnapshotDecision(DATA, SNAPSHOT, True, found.reason)
    assert "file 7 is gone" in found.reason


@pytest.mark.parametrize(
    ("stored", "state"),
    [
        (None, NONE),
        (SourceOffset("f", 4), COMPLETE),
        (SourceOffset("f", 4, snapshot="INITIAL"), UNFINISHED),
        (SourceOffset("f", 4, snapshot="INCREMENTAL"), COMPLETE),
        (SourceOffset.from_json(b'{"file":"f","pos":4,"snapshot":true}', "here"), UNFINISHED),
    ],
)
def test_what_an_offset_says(stored: SourceOffset | None, state: OffsetState) -> None:
    assert offset_state(stored) is state
